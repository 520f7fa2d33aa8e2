//! What both trainings share: parameters, batches, dropout, the learning-rate schedule and seeds.

use burn::module::{Param, ParamId};
use burn::tensor::{Device, Tensor, TensorData};
use rand::seq::SliceRandom;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::artefact::digest;

/// A trainable parameter whose id depends on its name alone, so that an optimizer's saved state finds
/// its parameters again in another process.
pub fn parameter<const D: usize>(
    name: &str,
    data: TensorData,
    device: &Device,
) -> Param<Tensor<D>> {
    let id = ParamId::from(seed_of(&[name.as_bytes()]));
    Param::initialized(id, Tensor::from_data(data, device).require_grad())
}

/// A 64-bit seed from any number of parts: the same parts give the same seed on every machine.
pub fn seed_of(parts: &[&[u8]]) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = digest(parts);
    u64::from_le_bytes([a, b, c, d, e, f, g, h])
}

/// A generator for one purpose of a run: its draws do not depend on those of any other purpose.
pub fn generator(seed: u64, purpose: &str, index: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed_of(&[
        &seed.to_le_bytes(),
        purpose.as_bytes(),
        &index.to_le_bytes(),
    ]))
}

/// How many batches' worth of rows are sorted by length together: enough that rows of a batch are of
/// one length, few enough that batches still differ from epoch to epoch.
const SORTED_TOGETHER: usize = 50;

/// Row indices of one epoch in batches of at most `size`, in random order, rows of similar length
/// together so that little is padding.
pub fn batches(lengths: &[usize], size: usize, rng: &mut ChaCha8Rng) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..lengths.len()).collect();
    order.shuffle(rng);
    let mut batches = Vec::with_capacity(lengths.len().div_ceil(size));
    for group in order.chunks_mut(size * SORTED_TOGETHER) {
        group.sort_by_key(|&row| lengths[row]);
        batches.extend(group.chunks(size).map(<[usize]>::to_vec));
    }
    batches.shuffle(rng);
    batches
}

/// Row indices in batches of at most `size`, longest rows first: for passes without training, where
/// the largest batch should fail first if it does not fit.
pub fn by_length(lengths: &[usize], size: usize) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..lengths.len()).collect();
    order.sort_by_key(|&row| std::cmp::Reverse(lengths[row]));
    order.chunks(size).map(<[usize]>::to_vec).collect()
}

/// A training whose loss, or weights, are no numbers any more.
#[derive(Debug, thiserror::Error)]
#[error(
    "{stage}: the {term} became {value} at step {step}; the last good checkpoint is kept; lower {key}"
)]
pub struct Diverged {
    /// `teach` or `distill`.
    pub stage: &'static str,
    /// The key of the recipe that helps.
    pub key: &'static str,
    /// What the loss, or a term of it, is called.
    pub term: String,
    /// What it became.
    pub value: f64,
    /// The optimizer's step.
    pub step: usize,
}

/// Rises linearly to `peak` over the first `warmup` share of the steps, then falls linearly to 0.
#[derive(Debug, Clone, Copy)]
pub struct Schedule {
    /// Highest learning rate.
    pub peak: f64,
    /// Share of the steps over which the rate rises, in 0..1.
    pub warmup: f64,
    /// Steps of the whole training.
    pub steps: usize,
}

impl Schedule {
    /// Learning rate of `step`, counted from 0; never 0 within `steps`.
    pub fn rate(&self, step: usize) -> f64 {
        let total = self.steps.max(1) as f64;
        let rising = (self.warmup * total).round();
        let done = step as f64 + 1.0;
        if done <= rising {
            return self.peak * done / rising;
        }
        self.peak * ((total - done + 1.0) / (total - rising)).clamp(0.0, 1.0)
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
    pub(crate) fn factors(&mut self, count: usize) -> Vec<f32> {
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

/// Seeds the device for one step, so that dropout does not depend on the steps before it and a
/// resumed run draws what an uninterrupted one would.
pub fn seed_step(device: &Device, seed: u64, purpose: &str, step: usize) {
    let mut rng = generator(seed, purpose, step as u64);
    device.seed(rng.random());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_stands_in_one_batch() {
        for (rows, size) in [(1, 1), (7, 3), (64, 64), (65, 64), (4000, 32)] {
            let lengths: Vec<usize> = (0..rows).map(|row| row * 7919 % 31).collect();
            let mut seen: Vec<usize> =
                batches(&lengths, size, &mut generator(1, "test", 0)).concat();
            seen.sort_unstable();
            assert_eq!(seen, (0..rows).collect::<Vec<_>>());
            let mut seen: Vec<usize> = by_length(&lengths, size).concat();
            seen.sort_unstable();
            assert_eq!(seen, (0..rows).collect::<Vec<_>>());
        }
    }

    #[test]
    fn batches_hold_rows_of_similar_length() {
        let lengths: Vec<usize> = (0..3200).map(|row| row * 7919 % 64).collect();
        let batches = batches(&lengths, 32, &mut generator(1, "test", 0));
        let padding: usize = batches
            .iter()
            .map(|batch| {
                let longest = batch.iter().map(|&row| lengths[row]).max().unwrap();
                batch
                    .iter()
                    .map(|&row| longest - lengths[row])
                    .sum::<usize>()
            })
            .sum();
        assert!(padding * 10 < lengths.iter().sum::<usize>(), "{padding}");
    }

    #[test]
    fn the_rate_rises_to_the_peak_and_falls_to_almost_nothing() {
        let schedule = Schedule {
            peak: 2.0,
            warmup: 0.1,
            steps: 100,
        };
        assert!((schedule.rate(0) - 0.2).abs() < 1e-12);
        assert!((schedule.rate(9) - 2.0).abs() < 1e-12);
        assert!((schedule.rate(10) - 2.0).abs() < 1e-12);
        assert!(schedule.rate(99) > 0.0 && schedule.rate(99) < 0.03);
        let no_warmup = Schedule {
            warmup: 0.0,
            ..schedule
        };
        assert!((no_warmup.rate(0) - 2.0).abs() < 1e-12);
    }

    #[test]
    fn purposes_draw_independently() {
        let first: u64 = generator(1, "a", 0).random();
        assert_eq!(first, generator(1, "a", 0).random::<u64>());
        assert_ne!(first, generator(1, "b", 0).random::<u64>());
        assert_ne!(first, generator(1, "a", 1).random::<u64>());
        assert_ne!(first, generator(2, "a", 0).random::<u64>());
    }

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
