//! A small bundle, and a way to forge one: any header over any tensors, hashed as the writer would.

use sha2::{Digest, Sha256};
use stillglass_bundle::{
    Attention, Bundle, Dense, Direction, Manifest, Quantization, Quantized, StudentShape,
    StudentWeights, TokenizerKind, TokenizerSpec, Weights,
};

/// The sizes of [`small`].
pub(crate) const SHAPE: StudentShape = StudentShape {
    vocabulary: 5,
    embedding: 3,
    hidden: 2,
    attention: 2,
    shared: false,
    decoder: None,
    encoder: None,
};

/// The least sizes that there are.
pub(crate) const LEAST: StudentShape = StudentShape {
    vocabulary: 1,
    embedding: 1,
    hidden: 1,
    attention: 1,
    shared: false,
    decoder: None,
    encoder: None,
};

/// A bundle of under three kilobytes in which all numbers differ as far as they can.
pub(crate) fn small() -> Bundle {
    with_shape(SHAPE, &["calm", "stormy"])
}

/// A bundle of any shape.
pub(crate) fn with_shape(shape: StudentShape, labels: &[&str]) -> Bundle {
    let tokenizer = TokenizerSpec {
        kind: TokenizerKind::WordPiece,
        lowercase: true,
        strip_accents: true,
        unknown: 0,
        separator: None,
        first: None,
        last: None,
        padding: None,
    };
    let labels: Vec<String> = labels.iter().map(ToString::to_string).collect();
    let classes = labels.len();
    Bundle {
        manifest: Manifest::student(labels, shape, tokenizer, 16),
        vocabulary: pieces(shape.vocabulary),
        weights: Weights::Student(StudentWeights {
            embedding: matrix(shape.vocabulary, shape.embedding, 3),
            forward: direction(&shape, 1),
            backward: direction(&shape, 2),
            attention: Attention {
                projection: matrix(shape.attention, 2 * shape.hidden, 4),
                bias: floats(shape.attention, 5),
                vector: floats(shape.attention, 6),
            },
            classifier: Dense {
                rows: classes,
                columns: 2 * shape.hidden,
                weight: floats(classes * 2 * shape.hidden, 7),
                bias: floats(classes, 8),
            },
            shared: Vec::new(),
            decoder: None,
            encoder: None,
        }),
    }
}

/// A bundle whose embeddings have 4 bits, every nibble among them.
pub(crate) fn four_bits(vocabulary: usize) -> Bundle {
    let shape = StudentShape {
        vocabulary,
        embedding: 6,
        ..SHAPE
    };
    let mut bundle = with_shape(shape, &["calm", "stormy"]);
    bundle.manifest.quantization = Quantization::SMALL_EMBEDDINGS;
    let values = student(&mut bundle).embedding.values.iter_mut();
    for (place, value) in values.enumerate() {
        *value = (place * 4 % 15) as i8 - 7;
    }
    bundle
}

/// The weights of a bundle that holds a student.
pub(crate) fn student(bundle: &mut Bundle) -> &mut StudentWeights {
    match &mut bundle.weights {
        Weights::Student(weights) => weights,
        Weights::Teacher(_) => panic!("a teacher"),
    }
}

/// So many pieces, a quotation mark and two bytes in a letter among them.
pub(crate) fn pieces(count: usize) -> Vec<String> {
    let first = ["[UNK]", "sea", "##s", "é", "\"\\"].map(String::from);
    let more = (first.len()..count).map(|id| format!("piece{id}"));
    first.into_iter().chain(more).take(count).collect()
}

fn direction(shape: &StudentShape, seed: usize) -> Direction {
    Direction {
        input: matrix(4 * shape.hidden, shape.input(), seed),
        recurrent: matrix(4 * shape.hidden, shape.hidden, seed + 10),
        bias: floats(4 * shape.hidden, seed),
    }
}

pub(crate) fn matrix(rows: usize, columns: usize, seed: usize) -> Quantized {
    let value = |i: usize| (((i + seed) * 37 % 255) as i32 - 127) as i8;
    Quantized {
        rows,
        columns,
        values: (0..rows * columns).map(value).collect(),
        scales: (1..=rows).map(|i| (i + seed) as f32 / 64.0).collect(),
    }
}

pub(crate) fn floats(count: usize, seed: usize) -> Vec<f32> {
    (0..count)
        .map(|i| (i as f32 - 1.5) / (2 + seed) as f32)
        .collect()
}

/// A file cut open: the header's text without padding, and the tensors.
#[derive(Clone)]
pub(crate) struct Open {
    pub(crate) header: String,
    pub(crate) region: Vec<u8>,
}

/// Cuts a written bundle open.
pub(crate) fn open(bytes: &[u8]) -> Open {
    let size = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let header = std::str::from_utf8(&bytes[8..8 + size]).unwrap();
    Open {
        header: header.trim_end().to_owned(),
        region: bytes[8 + size..].to_vec(),
    }
}

impl Open {
    /// Replaces text in the header; the text must be there.
    pub(crate) fn edit(mut self, from: &str, to: &str) -> Self {
        assert!(
            self.header.contains(from),
            "{from} is not in {}",
            self.header
        );
        self.header = self.header.replacen(from, to, 1);
        self
    }

    /// Puts the file together, padded, without touching the hash.
    pub(crate) fn join(&self) -> Vec<u8> {
        let mut header = self.header.clone();
        header.push_str(&" ".repeat(header.len().next_multiple_of(8) - header.len()));
        let size = (header.len() as u64).to_le_bytes();
        [&size, header.as_bytes(), &self.region].concat()
    }

    /// Puts the file together and hashes it, so that only the change itself is wrong with it.
    pub(crate) fn forge(&self) -> Vec<u8> {
        let mut bytes = self.join();
        let mark = br#"\"sha256\":\""#;
        let at = bytes
            .windows(mark.len())
            .rposition(|w| w == mark)
            .expect("a hash")
            + mark.len();
        bytes[at..at + 64].fill(b'0');
        let digest = Sha256::digest(&bytes);
        let digits = digest
            .iter()
            .flat_map(|byte| format!("{byte:02x}").into_bytes());
        bytes[at..at + 64].copy_from_slice(&digits.collect::<Vec<u8>>());
        bytes
    }
}
