//! `[compare]` and `[budget]`: what is compared, and how many labels are bought.

use serde::{Deserialize, Serialize};

use super::unwritten;

/// `[compare]`: the table of `stillglass compare`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CompareSection {
    /// Students of each arm, from seeds `seed`, `seed + 1` and so on.
    pub seeds: usize,
    /// Teachers, likewise; the first one teaches all students.
    pub teachers: usize,
    /// Test texts, chosen by seed, of which the words are compared with the teacher's.
    pub explained: usize,
    /// Test texts, chosen by seed, from which words are taken out.
    pub faithfulness: usize,
    /// Test texts, chosen by seed, of which a student is asked its reasons in words.
    #[serde(skip_serializing_if = "unwritten::is_default_reasons_asked")]
    pub reasons: usize,
    /// Arms beside those of every comparison.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub arms: Vec<ArmSection>,
}

impl CompareSection {
    pub(super) const REASONS: usize = 500;
}

impl Default for CompareSection {
    fn default() -> Self {
        Self {
            seeds: 5,
            teachers: 1,
            explained: 200,
            faithfulness: 50,
            reasons: Self::REASONS,
            arms: Vec::new(),
        }
    }
}

/// `[budget]`: the curve of `stillglass budget`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BudgetSection {
    /// Shares of the training texts that the teacher has labelled after each round, rising.
    pub shares: Vec<f64>,
    /// Students of each way, from seeds `seed`, `seed + 1` and so on.
    pub seeds: usize,
}

impl Default for BudgetSection {
    fn default() -> Self {
        Self {
            shares: vec![0.05, 0.1, 0.2, 0.4, 1.0],
            seeds: 5,
        }
    }
}

/// `[[compare.arms]]`: the recipe's student, made another way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArmSection {
    /// What the arm is called.
    pub name: String,
    /// Keys that it changes, as `--set` has them.
    pub set: Vec<String>,
}
