//! `[distill.reason]`: how reasons in words are learnt.

use serde::{Deserialize, Serialize};

use super::unwritten;

/// How a decoder learns to give reasons in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Teaching {
    /// Reason and label each for itself, from one encoder (Distilling Step-by-Step, Hsieh et al. 2023).
    #[default]
    MultiTask,
    /// The reason of an answer, which it is started with (e-SNLI's "predict and explain", Camburu et al. 2018).
    PredictExplain,
    /// The reason, then the answer; and after each false reason, the answer that it argues for (SCOTT, Wang et al.
    /// 2023).
    Counterfactual,
    /// `multi-task` and `counterfactual`.
    Both,
}

/// What reasons a decoder is given instead of the rows' own, to see what these are worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Control {
    /// The rows' own.
    #[default]
    None,
    /// Another row's.
    Shuffled,
    /// No words at all.
    Empty,
    /// As many words as the row's own, drawn from all reasons.
    LengthMatched,
}

/// `[distill.reason]`: how reasons in words are learnt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReasonSection {
    /// Which of `data.reasons`; the first where it is empty.
    pub column: String,
    /// What is learnt of them.
    pub teaching: Teaching,
    /// Weight of the mean surprise by a word of `multi-task` and `predict-explain`, beside the objective's loss.
    pub weight: f64,
    /// The same of `counterfactual`, of its words and of its answers.
    pub counterfactual: f64,
    /// Weight of the meaning of the reasons: rows whose reasons are alike to the teacher's encoder shall have pooled
    /// vectors that are alike. Needs no decoder; 0 leaves it out.
    #[serde(skip_serializing_if = "unwritten::is_nothing")]
    pub meaning: f64,
    /// Whose reasons.
    pub control: Control,
}

impl ReasonSection {
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl Default for ReasonSection {
    fn default() -> Self {
        Self {
            column: String::new(),
            teaching: Teaching::MultiTask,
            weight: 0.5,
            counterfactual: 0.5,
            meaning: 0.0,
            control: Control::None,
        }
    }
}
