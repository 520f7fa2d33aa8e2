//! The student's numbers, as the runtime takes them.

use crate::error::Error;
use crate::limits;

/// All weights of a student. H is the hidden size of one direction, K the number of labels.
#[derive(Debug, Clone, PartialEq)]
pub struct StudentWeights {
    /// One row a vocabulary piece, `[V, E]`.
    pub embedding: Quantized,
    /// The LSTM that reads from the first token to the last.
    pub forward: Direction,
    /// The LSTM that reads from the last token to the first.
    pub backward: Direction,
    /// Scores each token.
    pub attention: Attention,
    /// Turns the attended state into logits, `[K, 2H]`; float, so that explanations stay exact.
    pub classifier: Dense,
}

/// One direction of the LSTM; gates in the order input, forget, cell, output.
#[derive(Debug, Clone, PartialEq)]
pub struct Direction {
    /// From the embedding, `[4H, E]`.
    pub input: Quantized,
    /// From the previous state, `[4H, H]`.
    pub recurrent: Quantized,
    /// Input and recurrent bias summed, `[4H]`.
    pub bias: Vec<f32>,
}

/// Additive attention: the score of a state h is `vector · tanh(projection h + bias)`.
#[derive(Debug, Clone, PartialEq)]
pub struct Attention {
    /// `[A, 2H]`.
    pub projection: Quantized,
    /// `[A]`.
    pub bias: Vec<f32>,
    /// `[A]`.
    pub vector: Vec<f32>,
}

/// A float matrix and its bias, row-major.
#[derive(Debug, Clone, PartialEq)]
pub struct Dense {
    /// Outputs.
    pub rows: usize,
    /// Inputs.
    pub columns: usize,
    /// `[rows, columns]`.
    pub weight: Vec<f32>,
    /// `[rows]`.
    pub bias: Vec<f32>,
}

/// A matrix of 8-bit integers with one scale a row, row-major: weight = scale · value.
#[derive(Debug, Clone, PartialEq)]
pub struct Quantized {
    /// Outputs.
    pub rows: usize,
    /// Inputs.
    pub columns: usize,
    /// `[rows, columns]`, each in -127..=127.
    pub values: Vec<i8>,
    /// `[rows]`, each finite and above zero.
    pub scales: Vec<f32>,
}

impl StudentWeights {
    /// The quantized matrices, by tensor name.
    pub(crate) fn matrices(&self) -> [(&'static str, &Quantized); 6] {
        [
            ("embedding", &self.embedding),
            ("lstm.forward.input", &self.forward.input),
            ("lstm.forward.recurrent", &self.forward.recurrent),
            ("lstm.backward.input", &self.backward.input),
            ("lstm.backward.recurrent", &self.backward.recurrent),
            ("attention.projection", &self.attention.projection),
        ]
    }

    /// Everything stored as floats but the scales, by tensor name.
    pub(crate) fn floats(&self) -> [(&'static str, &[f32]); 6] {
        [
            ("lstm.forward.bias", &self.forward.bias),
            ("lstm.backward.bias", &self.backward.bias),
            ("attention.bias", &self.attention.bias),
            ("attention.vector", &self.attention.vector),
            ("classifier.weight", &self.classifier.weight),
            ("classifier.bias", &self.classifier.bias),
        ]
    }

    /// Checks every number: no -128, scales above zero, nothing so large that a sum could overflow.
    pub(crate) fn check_values(&self) -> Result<(), Error> {
        let sane = |value: f32| value.abs() <= limits::MAGNITUDE; // false for NaN
        for (name, matrix) in self.matrices() {
            if let Some(index) = matrix.values.iter().position(|value| *value == i8::MIN) {
                return Err(Error::Value {
                    tensor: name.to_owned(),
                    index,
                    want: "an integer from -127 to 127",
                    found: -128.0,
                });
            }
            let good = |scale: f32| scale > 0.0 && sane(scale);
            if let Some(index) = matrix.scales.iter().position(|scale| !good(*scale)) {
                return Err(Error::Value {
                    tensor: format!("{name}.scale"),
                    index,
                    want: "a scale above 0 and at most 2^20",
                    found: matrix.scales[index],
                });
            }
        }
        for (name, values) in self.floats() {
            if let Some(index) = values.iter().position(|value| !sane(*value)) {
                return Err(Error::Value {
                    tensor: name.to_owned(),
                    index,
                    want: "a number from -2^20 to 2^20",
                    found: values[index],
                });
            }
        }
        Ok(())
    }
}

impl Quantized {
    /// Quantizes a float matrix `[rows, columns]`: a row's largest magnitude becomes 127, the rest is
    /// rounded to the nearest step. A row of zeros (or too small for an `f32` scale) has scale 1.
    ///
    /// # Panics
    /// If `weight` does not have `rows * columns` values.
    pub fn from_float(rows: usize, columns: usize, weight: &[f32]) -> Self {
        assert_eq!(
            weight.len(),
            rows * columns,
            "a matrix of {rows} × {columns}"
        );
        let mut values = Vec::with_capacity(weight.len());
        let mut scales = Vec::with_capacity(rows);
        for row in weight.chunks_exact(columns.max(1)) {
            // The total order puts NaN last, where `f32::max` passes it over: the writer shall see it.
            let magnitudes = row.iter().map(|w| w.abs());
            let peak = magnitudes.max_by(f32::total_cmp).unwrap_or(0.0);
            let scale = if peak / 127.0 == 0.0 {
                1.0
            } else {
                peak / 127.0
            };
            scales.push(scale);
            values.extend(
                row.iter()
                    .map(|w| (w / scale).round().clamp(-127.0, 127.0) as i8),
            );
        }
        Self {
            rows,
            columns,
            values,
            scales,
        }
    }

    /// The float matrix `[rows, columns]` that the integers stand for.
    pub fn to_float(&self) -> Vec<f32> {
        let rows = self.values.chunks_exact(self.columns.max(1));
        rows.zip(&self.scales)
            .flat_map(|(row, scale)| row.iter().map(move |q| scale * f32::from(*q)))
            .collect()
    }
}
