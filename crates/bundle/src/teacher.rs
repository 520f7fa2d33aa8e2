//! The teacher's numbers, as the runtime takes them.

use crate::{Dense, Matrix};

/// All weights of a teacher: an encoder and its head. D is the hidden size, K the number of labels.
#[derive(Debug, Clone, PartialEq)]
pub struct TeacherWeights {
    /// What reads a text.
    pub encoder: EncoderWeights,
    /// Between pooling and classifier, `[D, D]`; absent where the architecture's `dense` is `none`.
    pub dense: Option<Linear>,
    /// Turns the pooled state into logits, `[K, D]`.
    pub classifier: Dense,
}

/// All weights of a BERT encoder (Devlin et al. 2019), or of its first layers. D is the hidden size, F the intermediate
/// size.
#[derive(Debug, Clone, PartialEq)]
pub struct EncoderWeights {
    /// One row a vocabulary piece, `[V, D]`; before a student two more, for what begins and ends a text.
    pub word: Matrix,
    /// One row a position, `[P, D]`.
    pub position: Matrix,
    /// One row a token type, `[types, D]`; every token is of the first. Empty where there is none.
    pub types: Vec<f32>,
    /// Of the sum of the embeddings.
    pub norm: Norm,
    /// The encoder, first layer first.
    pub layers: Vec<Layer>,
}

/// One encoder layer; each norm follows the sum of its block's input and output.
#[derive(Debug, Clone, PartialEq)]
pub struct Layer {
    /// `[D, D]`.
    pub query: Linear,
    /// `[D, D]`.
    pub key: Linear,
    /// `[D, D]`.
    pub value: Linear,
    /// Joins the heads, `[D, D]`.
    pub output: Linear,
    /// After the attention.
    pub attention_norm: Norm,
    /// Into the feed-forward block, `[F, D]`; GELU follows.
    pub expand: Linear,
    /// Out of the feed-forward block, `[D, F]`.
    pub contract: Linear,
    /// After the feed-forward block.
    pub feedforward_norm: Norm,
}

/// A quantized matrix and its bias.
#[derive(Debug, Clone, PartialEq)]
pub struct Linear {
    /// `[out, in]`.
    pub weight: Matrix,
    /// `[out]`.
    pub bias: Vec<f32>,
}

/// What follows a layer normalisation.
#[derive(Debug, Clone, PartialEq)]
pub struct Norm {
    /// `[D]`.
    pub weight: Vec<f32>,
    /// `[D]`.
    pub bias: Vec<f32>,
}
