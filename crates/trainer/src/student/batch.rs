//! What a student reads at once: token ids, padded, and what dropout leaves of them.

use burn::tensor::{Tensor, TensorData};

use crate::device::processor;

/// A padded batch, time first: padding stands at the end of both directions, so the recurrence never
/// reads a padded step before a real one and needs no mask.
#[derive(Debug, Clone)]
pub struct StudentBatch {
    /// Token ids, 0 for padding: `[time][batch]`.
    pub(super) ids: Vec<u32>,
    /// For step `t` of text `b`, the row `t' * batch + b` where the reversed pass stands at `t`. Its own
    /// inverse.
    pub(super) reversal: Vec<usize>,
    /// 1 for tokens, 0 for padding: `[batch, time]`.
    pub(super) mask: Tensor<2>,
    /// Tokens of each text.
    lengths: Vec<usize>,
}

impl StudentBatch {
    /// Pads rows of token ids. A row without tokens is all padding, and its logits are the bias.
    pub fn new(rows: &[&[u32]]) -> Self {
        let batch = rows.len();
        let time = rows.iter().map(|row| row.len()).max().unwrap_or(0).max(1);
        let mut ids = vec![0; time * batch];
        let mut reversal = vec![0; time * batch];
        let mut mask = vec![0f32; batch * time];
        for (column, row) in rows.iter().enumerate() {
            for step in 0..time {
                let mirrored = row.len().checked_sub(step + 1).unwrap_or(step);
                reversal[step * batch + column] = mirrored * batch + column;
                if let Some(&id) = row.get(step) {
                    ids[step * batch + column] = id;
                    mask[column * time + step] = 1.0;
                }
            }
        }
        Self {
            ids,
            reversal,
            mask: Tensor::from_data(TensorData::new(mask, [batch, time]), &processor()),
            lengths: rows.iter().map(|row| row.len()).collect(),
        }
    }

    /// The tokens of each text.
    pub(super) fn texts(&self) -> impl Iterator<Item = Vec<u32>> {
        let texts = self.lengths.iter().enumerate();
        texts.map(|(column, &length)| {
            let ids = self.ids.iter().skip(column).step_by(self.lengths.len());
            ids.take(length).copied().collect()
        })
    }

    /// Which tokens both texts of their pair have, `[time][batch]`.
    pub(super) fn shared(&self, separator: Option<u32>) -> Vec<bool> {
        let (mut both, texts) = (vec![false; self.ids.len()], self.lengths.len());
        if separator.is_none() {
            return both;
        }
        for (column, ids) in self.texts().enumerate() {
            for (step, shared) in stillglass_text::shared(&ids, separator).enumerate() {
                both[step * texts + column] = shared;
            }
        }
        both
    }
}
