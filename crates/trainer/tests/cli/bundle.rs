//! A small bundle with made-up weights, written by the bundle crate itself.

use stillglass_bundle::{
    Attention, Bundle, Card, Dense, Direction, Manifest, Metric, Quantized, StudentShape,
    StudentWeights, TokenizerKind, TokenizerSpec, Weights,
};

pub(crate) const LABELS: [&str; 3] = ["up", "down", "flat"];

const PIECES: [&str; 12] = [
    "[UNK]", "the", "mill", "rose", "fell", "slept", "early", "##ly", ".", ",", "é", "😀",
];

const EMBEDDING: usize = 4;
const HIDDEN: usize = 3;
const ATTENTION: usize = 2;

/// Tokens that the bundle reads of a text.
pub(crate) const MAX_TOKENS: usize = 6;

/// Numbers in -1..1 that look random and are always the same.
struct Numbers(u32);

impl Numbers {
    fn next(&mut self) -> f32 {
        // Linear congruential, Numerical Recipes' constants; the high bits are good enough here.
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (f64::from(self.0 >> 8) / f64::from(1 << 23) - 1.0) as f32
    }

    fn floats(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| self.next()).collect()
    }

    fn matrix(&mut self, rows: usize, columns: usize) -> Quantized {
        Quantized {
            rows,
            columns,
            values: (0..rows * columns)
                .map(|_| (self.next() * 127.0) as i8)
                .collect(),
            scales: (0..rows).map(|_| 0.01 + 0.01 * self.next().abs()).collect(),
        }
    }

    fn direction(&mut self) -> Direction {
        Direction {
            input: self.matrix(4 * HIDDEN, EMBEDDING),
            recurrent: self.matrix(4 * HIDDEN, HIDDEN),
            bias: self.floats(4 * HIDDEN),
        }
    }
}

/// The bytes of the bundle with this card.
pub(crate) fn bytes(card: Card) -> Vec<u8> {
    let mut numbers = Numbers(7);
    let student = StudentWeights {
        embedding: numbers.matrix(PIECES.len(), EMBEDDING),
        forward: numbers.direction(),
        backward: numbers.direction(),
        attention: Attention {
            projection: numbers.matrix(ATTENTION, 2 * HIDDEN),
            bias: numbers.floats(ATTENTION),
            vector: numbers.floats(ATTENTION),
        },
        classifier: Dense {
            rows: LABELS.len(),
            columns: 2 * HIDDEN,
            weight: numbers
                .floats(LABELS.len() * 2 * HIDDEN)
                .iter()
                .map(|w| 8.0 * w)
                .collect(),
            bias: numbers.floats(LABELS.len()),
        },
        shared: Vec::new(),
        decoder: None,
        encoder: None,
    };
    let shape = StudentShape {
        vocabulary: PIECES.len(),
        embedding: EMBEDDING,
        hidden: HIDDEN,
        attention: ATTENTION,
        shared: false,
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
    let labels = LABELS.map(str::to_owned).to_vec();
    let mut manifest = Manifest::student(labels, shape, tokenizer, MAX_TOKENS);
    manifest.card = card;
    let vocabulary = PIECES.map(str::to_owned).to_vec();
    Bundle {
        manifest,
        vocabulary,
        weights: Weights::Student(student),
    }
    .write()
    .expect("a valid bundle")
}

/// A card with something in every field.
pub(crate) fn card() -> Card {
    Card {
        name: "Mills".into(),
        description: "Says where a mill goes.".into(),
        recipe: "name = \"mills\"\nseed = 3\n".into(),
        data: "made up".into(),
        data_licence: "CC0".into(),
        metrics: vec![Metric {
            name: "accuracy".into(),
            value: 0.875,
            split: "test".into(),
            seeds: 3,
            note: Some("mean".into()),
        }],
        base_model: "a tiny encoder".into(),
        base_licence: "MIT".into(),
        date: "2026-01-02".into(),
        trainer_version: "0.1.0".into(),
    }
}
