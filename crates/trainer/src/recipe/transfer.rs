//! `[transfer]`: variants of the training texts.

use serde::{Deserialize, Serialize};

use super::unwritten;

/// `[transfer]`: the augmented transfer set (Tang et al. 2019).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TransferSection {
    /// Variants made from each training text; 0 distils on the training texts alone.
    pub variants: usize,
    /// Probability that a word is masked.
    pub mask: f64,
    /// Probability that a word is replaced by another of the training words.
    pub replace: f64,
    /// Probability that a word is replaced by one of the eight that the teacher's embeddings have nearest to it, of those
    /// that the texts use at least twice.
    #[serde(skip_serializing_if = "unwritten::is_nothing")]
    pub alike: f64,
    /// Probability that a variant is a random n-gram of the text.
    pub crop: f64,
    /// Probability that a variant continues with the end of another text.
    pub splice: f64,
    /// Whether a variant is made in one way alone, each of those above whose probability is not 0 in turn; one that is
    /// cropped or spliced is so for certain.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub apart: bool,
}

/// A way to make a variant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    /// Some words masked.
    Mask,
    /// Some words replaced by any others.
    Replace,
    /// Some words replaced by others like them.
    Alike,
    /// An n-gram.
    Crop,
    /// The beginning, and the end of another text.
    Splice,
}

impl Operator {
    /// Its key in `[transfer]`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Mask => "mask",
            Self::Replace => "replace",
            Self::Alike => "alike",
            Self::Crop => "crop",
            Self::Splice => "splice",
        }
    }
}

impl TransferSection {
    /// The ways that variants are made in, each alone where they are kept apart.
    pub(crate) fn operators(&self) -> Vec<Operator> {
        let all = [
            (Operator::Mask, self.mask),
            (Operator::Replace, self.replace),
            (Operator::Alike, self.alike),
            (Operator::Crop, self.crop),
            (Operator::Splice, self.splice),
        ];
        let used = all
            .into_iter()
            .filter(|(_, probability)| *probability > 0.0);
        used.map(|(operator, _)| operator).collect()
    }
}

impl Default for TransferSection {
    fn default() -> Self {
        Self {
            variants: 8,
            mask: 0.1,
            replace: 0.1,
            alike: 0.0,
            crop: 0.25,
            splice: 0.1,
            apart: false,
        }
    }
}
