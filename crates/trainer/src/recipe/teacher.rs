//! `[teacher]`: the encoder and its fine-tuning.

use serde::{Deserialize, Serialize};

/// How token states become one vector a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pooling {
    /// Mean of the states of all tokens that are not padding; no dense layer.
    #[default]
    Mean,
    /// State of the first token, through the family's own dense layer.
    Cls,
}

/// `[teacher]`: the encoder and its fine-tuning.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TeacherSection {
    /// A folder with `config.json` and `model.safetensors`, or a Hugging Face hub id.
    pub base: String,
    /// Hub revision (commit, tag or branch); pin a commit for a run that can be repeated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// Longest text in tokens, specials included.
    #[serde(default = "TeacherSection::default_max_tokens")]
    pub max_tokens: usize,
    /// Passes over the training rows; 0 uses the base as it is, which must then be a classifier.
    #[serde(default = "TeacherSection::default_epochs")]
    pub epochs: usize,
    /// Texts a step.
    #[serde(default = "TeacherSection::default_batch")]
    pub batch: usize,
    /// Peak learning rate, reached after the warm-up and then falling linearly to zero.
    #[serde(default = "TeacherSection::default_learning_rate")]
    pub learning_rate: f64,
    /// Share of the steps over which the learning rate rises.
    #[serde(default = "TeacherSection::default_warmup")]
    pub warmup: f64,
    /// The optimiser's decoupled weight decay.
    #[serde(default = "TeacherSection::default_weight_decay")]
    pub weight_decay: f64,
    /// Dropout probability in the encoder and before the head.
    #[serde(default = "TeacherSection::default_dropout")]
    pub dropout: f64,
    /// Epochs without a better validation macro-F1 before training stops.
    #[serde(default = "TeacherSection::default_patience")]
    pub patience: usize,
    /// What the new head reads.
    #[serde(default)]
    pub pooling: Pooling,
}

impl TeacherSection {
    fn default_max_tokens() -> usize {
        64
    }
    fn default_epochs() -> usize {
        4
    }
    fn default_batch() -> usize {
        32
    }
    fn default_learning_rate() -> f64 {
        5e-5
    }
    fn default_warmup() -> f64 {
        0.1
    }
    fn default_weight_decay() -> f64 {
        0.01
    }
    fn default_dropout() -> f64 {
        0.1
    }
    fn default_patience() -> usize {
        2
    }
}
