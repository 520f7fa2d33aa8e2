//! What is the default, or left out, is not written, so that a stage's keys are what they were before there was a choice.

#![expect(clippy::trivially_copy_pass_by_ref, reason = "serde's form")]

use super::{Characters, CompareSection, StudentSection};

pub(super) fn is_one(value: &usize) -> bool {
    *value == 1
}

pub(super) fn is_sure(probability: &f64) -> bool {
    *probability >= 1.0
}

pub(super) fn is_eight(bits: &u32) -> bool {
    *bits == 8
}

pub(super) fn is_all(characters: &Characters) -> bool {
    *characters == Characters::All
}

pub(super) fn is_four(bits: &u32) -> bool {
    *bits == 4
}

pub(super) fn is_zero(value: &usize) -> bool {
    *value == 0
}

pub(super) fn is_default_reason_tokens(value: &usize) -> bool {
    *value == StudentSection::REASON
}

pub(super) fn is_default_reasons_asked(value: &usize) -> bool {
    *value == CompareSection::REASONS
}

pub(super) fn is_nothing(weight: &f64) -> bool {
    *weight == 0.0
}
