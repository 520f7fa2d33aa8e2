//! The student: embedding, two LSTMs, additive attention, and a classifier that is a sum over tokens.

use stillglass_bundle::StudentWeights;

use crate::cpu;
use crate::explanation::column_sums;

/// What one text's tokens gave.
#[derive(Clone, Debug, PartialEq)]
pub struct Pass {
    /// φ: `[tokens, classes]`.
    pub contributions: Vec<f32>,
    /// z = b + Σ φ: `[classes]`.
    pub logits: Vec<f32>,
}

/// Runs the student over one text's tokens; every id is in the vocabulary.
///
/// The logits always are the sum of the contributions, explained or not, so that asking for an
/// explanation never changes the answer.
pub(crate) fn forward(weights: &StudentWeights, ids: &[u32]) -> Pass {
    let x = cpu::embedding(&weights.embedding, ids);
    let h = cpu::bilstm(&weights.forward, &weights.backward, &x);
    let attention = cpu::attention(&weights.attention, &h);
    let classifier = &weights.classifier;
    let contributions = cpu::contributions(&classifier.weight, &attention, &h);
    let sums = column_sums(&contributions, &(0..ids.len()), classifier.rows);
    let logits = sums
        .iter()
        .zip(&classifier.bias)
        .map(|(sum, bias)| sum + bias)
        .collect();
    Pass {
        contributions,
        logits,
    }
}
