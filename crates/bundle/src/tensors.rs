//! The table of tensors: which ones a model has, of which type and shape, and where in the file.

use std::cmp::Ordering;
use std::fmt;

use crate::limits::GROUP;
use crate::{
    Activation, Architecture, DecoderShape, EncoderShape, Manifest, Quantization, StudentShape,
    TeacherShape, WeightFormat,
};

/// Name of the vocabulary's tensor.
pub(crate) const VOCABULARY: &str = "vocabulary";

/// What the names of a student's encoder begin with.
pub(crate) const ENCODER: &str = "encoder.";

/// One tensor as the architecture wants it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tensor {
    pub(crate) name: String,
    pub(crate) layout: Layout,
    /// First byte, counted from the start of the tensor region.
    pub(crate) begin: u64,
    /// Byte after the last one.
    pub(crate) end: u64,
}

/// Type of a tensor's values; those that fill more bytes come first in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Dtype {
    F32,
    I8,
    U8,
}

impl Dtype {
    /// The word in the header.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::F32 => "F32",
            Self::I8 => "I8",
            Self::U8 => "U8",
        }
    }

    /// Bytes of one value.
    pub(crate) fn size(self) -> u64 {
        match self {
            Self::F32 => 4,
            Self::I8 | Self::U8 => 1,
        }
    }
}

/// Type and shape of a tensor; prints as `I8 [256, 64]`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Layout {
    pub(crate) dtype: Dtype,
    pub(crate) shape: Vec<u64>,
}

impl Layout {
    /// Bytes of such a tensor.
    pub(crate) fn bytes(&self) -> u64 {
        self.shape.iter().product::<u64>() * self.dtype.size()
    }
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&show(self.dtype.name(), &self.shape))
    }
}

/// A type and a shape for a message.
pub(crate) fn show(dtype: &str, shape: &[u64]) -> String {
    // A hostile shape can have any number of dimensions.
    match shape.get(..8) {
        Some(start) if shape.len() > 8 => {
            format!("{dtype} {start:?} and {} more", shape.len() - 8)
        }
        _ => format!("{dtype} {shape:?}"),
    }
}

/// Every tensor of a model, in file order: as the safetensors writer sorts them, by falling
/// alignment (F32, I8, U8), then by name.
///
/// The sizes have passed the manifest's checks, so that no product here can overflow.
pub(crate) fn table(manifest: &Manifest, vocabulary_bytes: usize) -> Vec<Tensor> {
    let mut list = List(Vec::new());
    list.add(VOCABULARY, Dtype::U8, &[vocabulary_bytes]);
    let labels = manifest.labels.len();
    let pooled = manifest.architecture.pooled();
    list.add("classifier.weight", Dtype::F32, &[labels, pooled]);
    list.add("classifier.bias", Dtype::F32, &[labels]);
    match &manifest.architecture {
        Architecture::Student(shape) => list.student(shape, manifest.quantization),
        Architecture::Teacher(shape) => list.teacher(shape, manifest.quantization),
    }
    lay(list.0)
}

/// Names and layouts, in file order.
struct List(Vec<(String, Layout)>);

impl List {
    fn add(&mut self, name: &str, dtype: Dtype, shape: &[usize]) {
        let shape = shape.iter().map(|d| *d as u64).collect();
        // Put in its place at once: a sort would be more code, and there are few of them.
        let before = |(other, layout): &(String, Layout)| match layout.dtype.cmp(&dtype) {
            Ordering::Equal => other.as_str() < name,
            order => order.is_lt(),
        };
        let place = self.0.partition_point(before);
        self.0
            .insert(place, (name.to_owned(), Layout { dtype, shape }));
    }

    fn matrix(&mut self, name: &str, format: WeightFormat, rows: usize, columns: usize) {
        let scale = format!("{name}.scale");
        match format {
            WeightFormat::Int8 => {
                self.add(name, Dtype::I8, &[rows, columns]);
                self.add(&scale, Dtype::F32, &[rows]);
            }
            WeightFormat::Int4 => {
                self.add(name, Dtype::U8, &[rows, columns / 2]);
                self.add(&scale, Dtype::F32, &[rows, columns / GROUP]);
            }
        }
    }

    fn student(&mut self, shape: &StudentShape, quantization: Quantization) {
        let (wide, gates) = (2 * shape.hidden, 4 * shape.hidden);
        self.add("lstm.forward.bias", Dtype::F32, &[gates]);
        self.add("lstm.backward.bias", Dtype::F32, &[gates]);
        self.add("attention.bias", Dtype::F32, &[shape.attention]);
        self.add("attention.vector", Dtype::F32, &[shape.attention]);
        if shape.shared {
            self.add("embedding.shared", Dtype::F32, &[shape.embedding]);
        }
        if quantization.embeddings == Some(WeightFormat::Int4) {
            let rows = shape.vocabulary;
            self.add("embedding", Dtype::U8, &[rows, shape.embedding / 2]);
            self.add("embedding.scale", Dtype::F32, &[rows]);
        } else {
            self.matrix(
                "embedding",
                WeightFormat::Int8,
                shape.vocabulary,
                shape.embedding,
            );
        }
        let mut int8 =
            |name: &str, rows, columns| self.matrix(name, WeightFormat::Int8, rows, columns);
        for direction in ["lstm.forward", "lstm.backward"] {
            int8(&format!("{direction}.input"), gates, shape.input());
            int8(&format!("{direction}.recurrent"), gates, shape.hidden);
        }
        int8("attention.projection", shape.attention, wide);
        if let Some(decoder) = &shape.decoder {
            self.decoder(shape, decoder);
        }
        if let Some(encoder) = &shape.encoder {
            let format = quantization.encoder.unwrap_or(quantization.weights);
            self.encoder(ENCODER, encoder, shape.encoded(), [format; 2]);
        }
    }

    fn decoder(&mut self, student: &StudentShape, shape: &DecoderShape) {
        let (width, wide) = (student.embedding, 2 * student.hidden);
        let both = shape.hidden + wide;
        for (name, rows, columns) in [
            ("start", width, wide),
            ("lstm.input", 4 * shape.hidden, width),
            ("lstm.recurrent", 4 * shape.hidden, shape.hidden),
            ("query", wide, shape.hidden),
            ("combine", width, both),
        ] {
            self.matrix(
                &format!("decoder.{name}"),
                WeightFormat::Int8,
                rows,
                columns,
            );
        }
        for (name, shape) in [
            ("prefix", &[shape.prefixes, width][..]),
            ("lstm.bias", &[4 * shape.hidden]),
            ("combine.bias", &[width]),
            ("gate.weight", &[1, both]),
            ("gate.bias", &[1]),
            ("word.bias", &[student.vocabulary]),
            ("end.weight", &[1, width]),
            ("end.bias", &[1]),
        ] {
            self.add(&format!("decoder.{name}"), Dtype::F32, shape);
        }
    }

    fn teacher(&mut self, shape: &TeacherShape, quantization: Quantization) {
        let (format, hidden) = (quantization.weights, shape.hidden);
        let formats = [quantization.embeddings.unwrap_or(format), format];
        self.encoder("", &shape.encoder(), shape.vocabulary, formats);
        if shape.dense != Activation::None {
            self.linear("head.dense", format, hidden, hidden);
        }
    }

    /// An encoder with so many words, its embeddings of the first format and its layers of the second.
    fn encoder(
        &mut self,
        prefix: &str,
        shape: &EncoderShape,
        words: usize,
        [embeddings, format]: [WeightFormat; 2],
    ) {
        let hidden = shape.hidden;
        let embedding = format!("{prefix}embedding");
        self.matrix(&format!("{embedding}.word"), embeddings, words, hidden);
        let positions = format!("{embedding}.position");
        self.matrix(&positions, embeddings, shape.positions, hidden);
        if shape.types > 0 {
            let types = format!("{embedding}.type");
            self.add(&types, Dtype::F32, &[shape.types, hidden]);
        }
        self.norm(&embedding, hidden);
        for layer in 0..shape.layers {
            let attention = format!("{prefix}layer.{layer}.attention");
            for part in ["query", "key", "value", "output"] {
                self.linear(&format!("{attention}.{part}"), format, hidden, hidden);
            }
            let feedforward = format!("{prefix}layer.{layer}.feedforward");
            let inner = shape.intermediate;
            self.linear(&format!("{feedforward}.input"), format, inner, hidden);
            self.linear(&format!("{feedforward}.output"), format, hidden, inner);
            self.norm(&attention, hidden);
            self.norm(&feedforward, hidden);
        }
    }

    fn linear(&mut self, name: &str, format: WeightFormat, rows: usize, columns: usize) {
        self.matrix(name, format, rows, columns);
        self.add(&format!("{name}.bias"), Dtype::F32, &[rows]);
    }

    fn norm(&mut self, name: &str, size: usize) {
        self.add(&format!("{name}.norm.weight"), Dtype::F32, &[size]);
        self.add(&format!("{name}.norm.bias"), Dtype::F32, &[size]);
    }
}

/// Lays the tensors end to end.
fn lay(list: Vec<(String, Layout)>) -> Vec<Tensor> {
    let mut end = 0;
    list.into_iter()
        .map(|(name, layout)| {
            let begin = end;
            end += layout.bytes();
            Tensor {
                name,
                layout,
                begin,
                end,
            }
        })
        .collect()
}
