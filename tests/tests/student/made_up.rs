//! Students with made-up weights: valid bundles of any size, the same for the same seed.

use stillglass_bundle::{
    Architecture, Attention, Bundle, DecoderShape, DecoderWeights, Dense, Direction, Manifest,
    Quantized, StudentShape, StudentWeights, TokenizerKind, TokenizerSpec, Weights,
};

/// Numbers that look random (`SplitMix64`).
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % limit as u64) as usize
    }

    /// In [-1, 1).
    pub(crate) fn unit(&mut self) -> f32 {
        self.below(1 << 24) as f32 / (1 << 23) as f32 - 1.0
    }
}

/// Sizes of a made-up student: embedding, hidden, attention, labels, tokens read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sizes {
    pub(crate) embedding: usize,
    pub(crate) hidden: usize,
    pub(crate) attention: usize,
    pub(crate) labels: usize,
    pub(crate) max_tokens: usize,
}

/// Sizes that are no multiple of a vector, and all differ.
pub(crate) const ODD: Sizes = Sizes {
    embedding: 10,
    hidden: 7,
    attention: 9,
    labels: 3,
    max_tokens: 64,
};

/// How a made-up number is chosen: weights of a matrix with so many columns, and scales.
pub(crate) struct Draw {
    /// A float weight or bias.
    pub(crate) weight: fn(&mut Numbers) -> f32,
    /// An int8 weight.
    pub(crate) integer: fn(&mut Numbers) -> i8,
    /// A row's scale, given its number of columns.
    pub(crate) scale: fn(&mut Numbers, usize) -> f32,
}

/// Numbers of the size training leaves.
pub(crate) const PLAIN: Draw = Draw {
    weight: |n| n.unit(),
    integer: |n| (n.below(255) as i16 - 127) as i8,
    scale: |n, columns| (1.5 + n.unit()) / 127.0 / (columns as f32).sqrt(),
};

/// `[UNK]`, the letters, their continuations, some whole words and marks.
pub(crate) fn vocabulary() -> Vec<String> {
    let letters = || ('a'..='z').map(String::from);
    let words = [
        "the", "stock", "rose", "fell", "##s", "é", "日", "😀", ".", ",", "!",
    ];
    let mut pieces = vec!["[UNK]".to_owned()];
    pieces.extend(letters());
    pieces.extend(
        letters()
            .map(|letter| format!("##{letter}"))
            .filter(|piece| piece != "##s"),
    );
    pieces.extend(words.map(str::to_owned));
    pieces
}

/// A valid student of a small vocabulary.
pub(crate) fn bundle(seed: u64, sizes: Sizes, draw: &Draw) -> Bundle {
    bundle_of(vocabulary(), seed, sizes, draw)
}

/// A valid student of any vocabulary whose first piece is the unknown one.
pub(crate) fn bundle_of(vocabulary: Vec<String>, seed: u64, sizes: Sizes, draw: &Draw) -> Bundle {
    let Sizes {
        embedding,
        hidden,
        attention,
        labels,
        max_tokens,
    } = sizes;
    let mut maker = Maker {
        numbers: Numbers(seed),
        draw,
    };
    let shape = StudentShape {
        vocabulary: vocabulary.len(),
        embedding,
        hidden,
        attention,
        shared: false,
        decoder: None,
        encoder: None,
    };
    let student = StudentWeights {
        embedding: maker.quantized(vocabulary.len(), embedding),
        forward: maker.direction(embedding, hidden),
        backward: maker.direction(embedding, hidden),
        attention: Attention {
            projection: maker.quantized(attention, 2 * hidden),
            bias: maker.floats(attention),
            vector: maker.floats(attention),
        },
        classifier: maker.dense(labels, 2 * hidden),
        shared: Vec::new(),
        decoder: None,
        encoder: None,
    };
    let tokenizer = TokenizerSpec {
        kind: TokenizerKind::WordPiece,
        lowercase: true,
        strip_accents: false,
        unknown: 0,
        separator: None,
        first: None,
        last: None,
        padding: None,
    };
    let names = (0..labels).map(|label| format!("label {label}")).collect();
    Bundle {
        manifest: Manifest::student(names, shape, tokenizer, max_tokens),
        vocabulary,
        weights: Weights::Student(student),
    }
}

/// A valid student that reads pairs, tells what both texts have and gives reasons of at most 12 tokens: the same for all
/// answers with one prefix, else started with one of each label's.
pub(crate) fn pair(seed: u64, sizes: Sizes, draw: &Draw, prefixes: usize) -> Bundle {
    let mut vocabulary = vocabulary();
    vocabulary.push("[SEP]".into());
    let separator = vocabulary.len() as u32 - 1;
    let mut bundle = bundle_of(vocabulary, seed, sizes, draw);
    bundle.manifest.tokenizer.separator = Some(separator);
    let mut maker = Maker {
        numbers: Numbers(seed + 1),
        draw,
    };
    let (width, wide, units) = (sizes.embedding, 2 * sizes.hidden, sizes.hidden + 2);
    if let (Architecture::Student(shape), Weights::Student(student)) =
        (&mut bundle.manifest.architecture, &mut bundle.weights)
    {
        shape.shared = true;
        shape.decoder = Some(DecoderShape {
            hidden: units,
            tokens: 12,
            prefixes,
        });
        student.shared = maker.floats(width);
        student.decoder = Some(Box::new(DecoderWeights {
            start: maker.quantized(width, wide),
            prefix: maker.floats(prefixes * width),
            lstm: maker.direction(width, units),
            query: maker.quantized(wide, units),
            combine: maker.quantized(width, units + wide),
            combine_bias: maker.floats(width),
            gate: maker.dense(1, units + wide),
            word_bias: maker.floats(shape.vocabulary),
            end: maker.dense(1, width),
        }));
    }
    bundle
}

struct Maker<'a> {
    numbers: Numbers,
    draw: &'a Draw,
}

impl Maker<'_> {
    fn floats(&mut self, count: usize) -> Vec<f32> {
        (0..count)
            .map(|_| (self.draw.weight)(&mut self.numbers))
            .collect()
    }

    fn quantized(&mut self, rows: usize, columns: usize) -> Quantized {
        let scales = (0..rows)
            .map(|_| (self.draw.scale)(&mut self.numbers, columns))
            .collect();
        let values = (0..rows * columns)
            .map(|_| (self.draw.integer)(&mut self.numbers))
            .collect();
        Quantized {
            rows,
            columns,
            values,
            scales,
        }
    }

    fn dense(&mut self, rows: usize, columns: usize) -> Dense {
        Dense {
            rows,
            columns,
            weight: self.floats(rows * columns),
            bias: self.floats(rows),
        }
    }

    fn direction(&mut self, embedding: usize, hidden: usize) -> Direction {
        Direction {
            input: self.quantized(4 * hidden, embedding),
            recurrent: self.quantized(4 * hidden, hidden),
            bias: self.floats(4 * hidden),
        }
    }
}

/// A text of up to `words` words, with marks, unknown characters and surrogate pairs.
pub(crate) fn text(numbers: &mut Numbers, words: usize) -> String {
    let alphabet = [
        "a", "b", "q", "s", "É", "日", "😀", "€", ".", "-", "the", "stock", "rose",
    ];
    let mut text = String::new();
    for _ in 0..numbers.below(words + 1) {
        (0..=numbers.below(4)).for_each(|_| text.push_str(alphabet[numbers.below(alphabet.len())]));
        text.push_str([" ", "  ", "\n", "\u{a0}"][numbers.below(4)]);
    }
    text
}
