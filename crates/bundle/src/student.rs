//! The student's numbers, as the runtime takes them.

use crate::Quantized;

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
