//! Teachers with made-up weights: valid bundles, the same for the same seed.

use stillglass_bundle::{
    Activation, Architecture, Bundle, Dense, EncoderWeights, Layer, Linear, Manifest, Matrix, Norm,
    Packed, Pooling, Quantization, Quantized, TeacherShape, TeacherWeights, TokenizerKind,
    TokenizerSpec, WeightFormat, Weights,
};

use crate::made_up::{Numbers, vocabulary};

/// Of the special tokens.
pub(crate) const FIRST: u32 = 1;
pub(crate) const LAST: u32 = 2;
pub(crate) const PADDING: u32 = 3;

pub(crate) const SHAPE: TeacherShape = TeacherShape {
    vocabulary: 0,
    hidden: 64,
    layers: 2,
    heads: 4,
    intermediate: 96,
    positions: 90,
    types: 2,
    pooling: Pooling::Cls,
    dense: Activation::Tanh,
    epsilon: 1e-12,
};

/// Every way a teacher may be built.
pub(crate) fn shapes() -> [(TeacherShape, WeightFormat); 3] {
    let mean = TeacherShape {
        hidden: 30,
        layers: 3,
        heads: 2,
        intermediate: 50,
        types: 0,
        pooling: Pooling::Mean,
        dense: Activation::None,
        ..SHAPE
    };
    let relu = TeacherShape {
        dense: Activation::Relu,
        types: 0,
        ..SHAPE
    };
    [
        (SHAPE, WeightFormat::Int8),
        (mean, WeightFormat::Int8),
        (relu, WeightFormat::Int4),
    ]
}

struct Maker {
    numbers: Numbers,
    format: WeightFormat,
}

impl Maker {
    fn floats(&mut self, count: usize, size: f32) -> Vec<f32> {
        (0..count).map(|_| self.numbers.unit() * size).collect()
    }

    fn matrix(&mut self, rows: usize, columns: usize, size: f32) -> Matrix {
        let weight = self.floats(rows * columns, size);
        match self.format {
            WeightFormat::Int8 => Matrix::Int8(Quantized::from_float(rows, columns, &weight)),
            WeightFormat::Int4 => Matrix::Int4(Packed::from_float(rows, columns, &weight)),
        }
    }

    fn linear(&mut self, rows: usize, columns: usize) -> Linear {
        let weight = self.matrix(rows, columns, 1.5 / (columns as f32).sqrt());
        Linear {
            weight,
            bias: self.floats(rows, 0.1),
        }
    }

    fn norm(&mut self, columns: usize) -> Norm {
        let weight = self.floats(columns, 0.3).iter().map(|w| w + 1.0).collect();
        Norm {
            weight,
            bias: self.floats(columns, 0.1),
        }
    }

    fn layer(&mut self, shape: &TeacherShape) -> Layer {
        let (hidden, intermediate) = (shape.hidden, shape.intermediate);
        Layer {
            query: self.linear(hidden, hidden),
            key: self.linear(hidden, hidden),
            value: self.linear(hidden, hidden),
            output: self.linear(hidden, hidden),
            attention_norm: self.norm(hidden),
            expand: self.linear(intermediate, hidden),
            contract: self.linear(hidden, intermediate),
            feedforward_norm: self.norm(hidden),
        }
    }
}

/// A valid teacher of three labels and a small vocabulary.
pub(crate) fn teacher(seed: u64, shape: TeacherShape, format: WeightFormat) -> Bundle {
    teacher_of(vocabulary(), seed, shape, format)
}

/// A valid teacher of three labels; its vocabulary begins with the unknown piece and the special tokens.
pub(crate) fn teacher_of(
    vocabulary: Vec<String>,
    seed: u64,
    shape: TeacherShape,
    format: WeightFormat,
) -> Bundle {
    let shape = TeacherShape {
        vocabulary: vocabulary.len(),
        ..shape
    };
    let hidden = shape.hidden;
    let mut maker = Maker {
        numbers: Numbers(seed),
        format,
    };
    let weights = TeacherWeights {
        encoder: EncoderWeights {
            word: maker.matrix(shape.vocabulary, hidden, 1.0),
            position: maker.matrix(shape.positions, hidden, 0.3),
            types: maker.floats(shape.types * hidden, 0.1),
            norm: maker.norm(hidden),
            layers: (0..shape.layers).map(|_| maker.layer(&shape)).collect(),
        },
        dense: (shape.dense != Activation::None).then(|| maker.linear(hidden, hidden)),
        classifier: Dense {
            rows: 3,
            columns: hidden,
            weight: maker.floats(3 * hidden, 1.0 / (hidden as f32).sqrt()),
            bias: maker.floats(3, 0.1),
        },
    };
    let tokenizer = TokenizerSpec {
        kind: TokenizerKind::WordPiece,
        lowercase: true,
        strip_accents: false,
        unknown: 0,
        separator: None,
        first: Some(FIRST),
        last: Some(LAST),
        padding: Some(PADDING),
    };
    let labels = ["falls", "holds", "rises"].map(str::to_owned).to_vec();
    let (architecture, quantization) = (
        Architecture::Teacher(shape),
        Quantization {
            weights: format,
            embeddings: None,
            encoder: None,
        },
    );
    let most = shape.positions - 2;
    Bundle {
        manifest: Manifest::new(labels, architecture, tokenizer, most, quantization),
        vocabulary,
        weights: Weights::Teacher(weights),
    }
}
