//! What a student reads at once: token ids, padded, and what dropout leaves of them.

use burn::tensor::{Tensor, TensorData};
use rand::Rng;
use rand_chacha::ChaCha8Rng;

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
        }
    }
}

/// Sets numbers to zero at random while training, and scales up the rest (Srivastava et al. 2014).
#[derive(Debug)]
pub struct Dropout {
    /// Probability of a zero, below 1.
    pub rate: f64,
    /// What is drawn from.
    pub generator: ChaCha8Rng,
}

impl Dropout {
    /// A factor for each number: 0, or 1 / (1 − rate) with the rate to 16 bits.
    pub(super) fn factors(&mut self, count: usize) -> Vec<f32> {
        let dropped = (self.rate * 65536.0) as u32;
        let kept = (65536.0 / f64::from(65536 - dropped)) as f32;
        let mut bytes = vec![0; 2 * count];
        self.generator.fill_bytes(&mut bytes);
        let draws = bytes
            .chunks_exact(2)
            .map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1]));
        draws
            .map(|draw| if draw < dropped { 0.0 } else { kept })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::training::generator;

    #[test]
    fn dropout_keeps_the_mean_and_drops_its_share() {
        for rate in [0.0, 0.1, 0.3, 0.9] {
            let mut dropout = Dropout {
                rate,
                generator: generator(1, "test", 0),
            };
            let factors = dropout.factors(100_000);
            let mean = factors.iter().sum::<f32>() / 100_000.0;
            let zeros = factors.iter().filter(|factor| **factor == 0.0).count();
            assert!((mean - 1.0).abs() < 0.03, "{rate}: {mean}");
            assert!(
                (zeros as f64 / 100_000.0 - rate).abs() < 0.01,
                "{rate}: {zeros}"
            );
        }
    }
}
