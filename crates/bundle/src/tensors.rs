//! The table of tensors: which ones a student has, of which type and shape, and where in the file.

use std::cmp::Ordering;
use std::fmt;

use safetensors::Dtype;

use crate::StudentShape;

/// Name of the vocabulary's tensor.
pub(crate) const VOCABULARY: &str = "vocabulary";

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

/// Type and shape of a tensor; prints as `I8 [256, 64]`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Layout {
    pub(crate) dtype: Dtype,
    pub(crate) shape: Vec<u64>,
}

impl Layout {
    /// Bytes of such a tensor; nothing if that is no number of bytes at all.
    pub(crate) fn bytes(&self) -> Option<u64> {
        let values = self
            .shape
            .iter()
            .try_fold(1_u64, |n, d| n.checked_mul(*d))?;
        let bits = values.checked_mul(self.dtype.bitsize() as u64)?;
        bits.is_multiple_of(8).then_some(bits / 8)
    }
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A hostile shape can have any number of dimensions.
        match self.shape.get(..8) {
            Some(start) if self.shape.len() > 8 => {
                write!(
                    f,
                    "{} {start:?} and {} more",
                    self.dtype,
                    self.shape.len() - 8
                )
            }
            _ => write!(f, "{} {:?}", self.dtype, self.shape),
        }
    }
}

/// Every tensor of a student, in file order: as the safetensors writer sorts them, by falling
/// alignment (F32, I8, U8), then by name.
///
/// The sizes have passed the manifest's checks, so that no product here can overflow.
pub(crate) fn table(shape: &StudentShape, labels: usize, vocabulary_bytes: usize) -> Vec<Tensor> {
    let mut list = Vec::new();
    let mut add = |name: &str, dtype: Dtype, shape: &[usize]| {
        let shape = shape.iter().map(|d| *d as u64).collect();
        // Put in its place at once: a sort would be more code, and there are nineteen of them.
        let before = |(other, layout): &(String, Layout)| match layout.dtype.cmp(&dtype) {
            Ordering::Equal => other.as_str() < name,
            order => order.is_gt(),
        };
        let place = list.partition_point(before);
        list.insert(place, (name.to_owned(), Layout { dtype, shape }));
    };
    let (wide, gates) = (2 * shape.hidden, 4 * shape.hidden);
    add(VOCABULARY, Dtype::U8, &[vocabulary_bytes]);
    add("lstm.forward.bias", Dtype::F32, &[gates]);
    add("lstm.backward.bias", Dtype::F32, &[gates]);
    add("attention.bias", Dtype::F32, &[shape.attention]);
    add("attention.vector", Dtype::F32, &[shape.attention]);
    add("classifier.weight", Dtype::F32, &[labels, wide]);
    add("classifier.bias", Dtype::F32, &[labels]);
    let mut matrix = |name: &str, rows: usize, columns: usize| {
        add(name, Dtype::I8, &[rows, columns]);
        add(&format!("{name}.scale"), Dtype::F32, &[rows]);
    };
    matrix("embedding", shape.vocabulary, shape.embedding);
    for direction in ["lstm.forward", "lstm.backward"] {
        matrix(&format!("{direction}.input"), gates, shape.embedding);
        matrix(&format!("{direction}.recurrent"), gates, shape.hidden);
    }
    matrix("attention.projection", shape.attention, wide);
    lay(list)
}

/// Lays the tensors end to end.
fn lay(list: Vec<(String, Layout)>) -> Vec<Tensor> {
    let mut end = 0;
    list.into_iter()
        .map(|(name, layout)| {
            let begin = end;
            end += layout.bytes().unwrap_or(0);
            Tensor {
                name,
                layout,
                begin,
                end,
            }
        })
        .collect()
}
