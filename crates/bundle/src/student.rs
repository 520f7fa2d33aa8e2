//! The student's numbers, as the runtime takes them.

use crate::{EncoderWeights, Quantized};

/// All weights of a student. H is the hidden size of one direction, K the number of labels.
#[derive(Debug, Clone, PartialEq)]
pub struct StudentWeights {
    /// One row a vocabulary piece, `[V, E]`; each value in -7..=7 where the manifest says that they are stored in 4 bits.
    pub embedding: Quantized,
    /// Added to the embedding of a token that stands in both texts of a pair, `[E]`; empty where nothing is.
    pub shared: Vec<f32>,
    /// The LSTM that reads from the first token to the last.
    pub forward: Direction,
    /// The LSTM that reads from the last token to the first.
    pub backward: Direction,
    /// Scores each token.
    pub attention: Attention,
    /// Turns the attended state into logits, `[K, 2H]`; float, so that explanations stay exact.
    pub classifier: Dense,
    /// Writes the reason, where the architecture has such a part.
    pub decoder: Option<Box<DecoderWeights>>,
    /// The teacher's first layers, where the architecture has them.
    pub encoder: Option<Box<EncoderWeights>>,
}

/// All weights of a decoder: an LSTM of D units that reads its own words, attends to the encoder's states and either
/// says a word of the vocabulary or copies one of the text (See et al. 2017). E, V and H are the student's.
#[derive(Debug, Clone, PartialEq)]
pub struct DecoderWeights {
    /// From the attended state to what the LSTM reads first, `[E, 2H]`.
    pub start: Quantized,
    /// Added to that, `[P, E]`.
    pub prefix: Vec<f32>,
    /// Reads the words said so far.
    pub lstm: Direction,
    /// From its state to what is looked for among the encoder's states, `[2H, D]`.
    pub query: Quantized,
    /// From its state and what was found, side by side, to the next word's embedding, `[E, D + 2H]`.
    pub combine: Quantized,
    /// `[E]`.
    pub combine_bias: Vec<f32>,
    /// From the same to how much is said rather than copied, before the logistic function: `[1, D + 2H]`.
    pub gate: Dense,
    /// Added to each word's logit, `[V]`.
    pub word_bias: Vec<f32>,
    /// The logit of the end, `[1, E]`.
    pub end: Dense,
}

/// One direction of the LSTM; gates in the order input, forget, cell, output.
#[derive(Debug, Clone, PartialEq)]
pub struct Direction {
    /// From the embedding, `[4H, E]`; of a student with an encoder of D columns `[4H, E + D]`.
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
