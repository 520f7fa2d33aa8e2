//! `[student]`: sizes of the BiLSTM with attention.

use serde::{Deserialize, Serialize};

use super::unwritten;

/// `[student]`: sizes of the BiLSTM with attention.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StudentSection {
    /// Width of a token's embedding.
    pub embedding: usize,
    /// Bits of each number of an embedding in the bundle, 8 or 4. With 4 the student learns with embeddings that are
    /// rounded so, and its bundle is little more than half as large.
    #[serde(skip_serializing_if = "unwritten::is_eight")]
    pub embedding_bits: u32,
    /// Width of each direction of the LSTM.
    pub hidden: usize,
    /// Width of the attention's projection.
    pub attention: usize,
    /// Dropout probability on embeddings and hidden states, while training.
    pub dropout: f64,
    /// Longest text in tokens; the student has no special tokens.
    pub max_tokens: usize,
    /// How often the training texts must use a piece for it to stay in the vocabulary; words of
    /// rarer pieces fall into shorter ones.
    pub min_count: usize,
    /// Which single characters stay there, however rare: all of the teacher's, so that hardly a word is unknown, or those
    /// that the training texts have.
    #[serde(skip_serializing_if = "unwritten::is_all")]
    pub characters: Characters,
    /// Whether tokens that stand in both texts of a pair are told so, by a vector that is learnt.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub shared: bool,
    /// How many of the teacher's layers read a text for the student, and stay as they are; what they make of a token
    /// stands behind its embedding. 0 for a student that reads embeddings alone.
    #[serde(skip_serializing_if = "unwritten::is_zero")]
    pub layers: usize,
    /// Bits of each of their weights, 4 or 8; the student learns to read them as they are rounded.
    #[serde(skip_serializing_if = "unwritten::is_four")]
    pub layer_bits: u32,
    /// Units of the LSTM that writes the student's reason in words; 0 for a student that gives none.
    #[serde(skip_serializing_if = "unwritten::is_zero")]
    pub decoder: usize,
    /// Most tokens of a reason; longer ones are learnt up to the last sentence that fits.
    #[serde(skip_serializing_if = "unwritten::is_default_reason_tokens")]
    pub reason_tokens: usize,
    /// Most pieces of the vocabulary that is learnt from the training texts where the teacher's
    /// tokenizer is no `WordPiece`; a teacher's own is not cut to it.
    pub pieces: usize,
}

impl StudentSection {
    pub(super) const REASON: usize = 64;

    /// Whether embeddings have 4 bits.
    pub(crate) fn small_embeddings(&self) -> bool {
        self.embedding_bits == 4
    }
}

/// Which single characters a vocabulary keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Characters {
    /// All that the teacher's has.
    #[default]
    All,
    /// ASCII's, and those of words that the training texts have and the teacher's vocabulary can spell.
    Used,
}

impl Default for StudentSection {
    fn default() -> Self {
        Self {
            embedding: 64,
            embedding_bits: 8,
            hidden: 64,
            attention: 64,
            dropout: 0.3,
            max_tokens: 128,
            min_count: 1,
            characters: Characters::All,
            shared: false,
            layers: 0,
            layer_bits: 4,
            decoder: 0,
            reason_tokens: Self::REASON,
            pieces: 8000,
        }
    }
}
