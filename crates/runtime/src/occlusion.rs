//! Occlusion: what the centred logits lose when a word is dropped.

use std::ops::ControlFlow;

use stillglass_text::Word;

use crate::explanation::{Found, Method, Progress, Watch, centred};

/// Explains the text `ids` (without special tokens), where `logits` answers for any tokens. Breaks
/// where `watch` does.
pub(crate) fn explain(
    ids: &[u32],
    words: &[Word],
    outcome: &[f32],
    logits: impl Fn(&[u32]) -> Vec<f32>,
    watch: &mut Watch,
) -> ControlFlow<(), Found> {
    let outcome = centred(outcome);
    let total = words.len() + 1;
    let mut lost = Vec::with_capacity(words.len() * outcome.len());
    for (done, word) in words.iter().enumerate() {
        watch(Progress { done, total })?;
        let rest = [&ids[..word.tokens.start], &ids[word.tokens.end..]].concat();
        let without = centred(&logits(&rest));
        lost.extend(
            outcome
                .iter()
                .zip(without)
                .map(|(with, without)| with - without),
        );
    }
    let bias = centred(&logits(&[]));
    watch(Progress { done: total, total })?;
    ControlFlow::Continue(Found {
        method: Method::Occlusion,
        words: lost,
        bias,
        outcome,
        nodes: 0,
    })
}
