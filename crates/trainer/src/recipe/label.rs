//! `[label]`: soft labels and attributions of the teacher.

use serde::{Deserialize, Serialize};

use super::unwritten;

/// The scalar that integrated gradients explain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// `F_c = z_c - mean z`, the centred logit.
    #[default]
    Logit,
    /// The softmax probability of the class.
    Probability,
}

/// `[label]`: soft labels and attributions of the teacher.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LabelSection {
    /// Gauss–Legendre nodes on the path of integrated gradients.
    pub nodes: usize,
    /// What is explained.
    pub target: Target,
    /// How many training texts, and at most how many validation texts, are explained, chosen by seed; 0
    /// explains all. The others still get soft labels. Explaining costs nodes · classes forward passes
    /// a text on the processor, 2 · nodes · (classes − 1) elsewhere.
    pub rows: usize,
    /// Texts (times nodes) a forward pass, but on the processor, where a pass has some hundred tokens.
    pub batch: usize,
    /// Teachers that are asked, fine-tuned from seeds `seed`, `seed + 1` and so on: the mean of their logits and of
    /// their attributions is what the student learns from. Embeddings start from the first one's.
    #[serde(skip_serializing_if = "unwritten::is_one")]
    pub teachers: usize,
    /// Where there are several: the others are asked only of texts of whose answer the first is less sure than this
    /// (as `DualChecker` asks again under .85); 1 asks them of all.
    #[serde(skip_serializing_if = "unwritten::is_sure")]
    pub unsure: f64,
    /// Parts of the training texts, each of which, with its variants, is labelled by a teacher that was fine-tuned on the
    /// others (cross-fitting); what nobody learnt from is labelled by their mean. 0 asks teachers of what they have
    /// learnt.
    #[serde(skip_serializing_if = "unwritten::is_zero")]
    pub folds: usize,
}

impl LabelSection {
    /// What decides one teacher's labels, whatever the number of them and who is asked of what.
    #[must_use]
    pub fn one_teacher(&self) -> Self {
        let LabelSection {
            teachers,
            unsure,
            folds,
            ..
        } = Self::default();
        Self {
            teachers,
            unsure,
            folds,
            ..self.clone()
        }
    }
}

impl Default for LabelSection {
    fn default() -> Self {
        Self {
            nodes: 16,
            rows: 200,
            target: Target::Logit,
            batch: 32,
            teachers: 1,
            unsure: 1.0,
            folds: 0,
        }
    }
}
