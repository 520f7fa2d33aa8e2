//! Which way of making variants the next steps learn from: a bandit that is paid by how far the validation loss falls
//! (the cheap form of Learning to Augment, Cubuk et al. 2019).

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// How far one reward moves the logarithm of a weight, were its way the only one.
const RATE: f32 = 0.05;

/// Share of the draws that is even, so that no way is given up.
const EVEN: f32 = 0.1;

/// Rewards between these shares of all that were seen are told apart; those beyond are the least and the most.
const QUANTILES: [f32; 2] = [0.2, 0.8];

/// Exp3 (Auer et al. 2002), its rewards scaled to −1..1 by the quantiles of all so far (Graves et al. 2017, section 3).
/// Single precision, which JSON gives back to the bit.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Bandit {
    /// Logarithm of each way's weight.
    weights: Vec<f32>,
    /// The way that was drawn last, and the loss before it.
    last: Option<(usize, f32)>,
    /// What each draw was worth.
    rewards: Vec<f32>,
}

impl Bandit {
    /// Pays the last way of `ways` by what the loss fell since, and draws the next.
    pub(crate) fn turn(&mut self, ways: usize, loss: f32, rng: &mut ChaCha8Rng) -> usize {
        self.weights.resize(ways, 0.0);
        if let Some((way, before)) = self.last {
            let reward = self.scaled(before - loss);
            self.weights[way] += RATE * reward / self.probabilities()[way];
        }
        let mut draw: f32 = rng.random();
        let way = self.probabilities().into_iter().position(|share| {
            draw -= share;
            draw < 0.0
        });
        let way = way.unwrap_or(ways - 1);
        self.last = Some((way, loss));
        way
    }

    /// How likely each way is to be drawn.
    pub(crate) fn probabilities(&self) -> Vec<f32> {
        let most = self
            .weights
            .iter()
            .copied()
            .fold(f32::NEG_INFINITY, f32::max);
        let powers = self.weights.iter().map(|log| (log - most).exp());
        let sum: f32 = powers.clone().sum();
        let even = EVEN / self.weights.len() as f32;
        powers
            .map(|power| (1.0 - EVEN) * power / sum + even)
            .collect()
    }

    /// A reward among those that were seen, it among them.
    fn scaled(&mut self, reward: f32) -> f32 {
        self.rewards.push(reward);
        let mut sorted = self.rewards.clone();
        sorted.sort_by(f32::total_cmp);
        let [low, high] =
            QUANTILES.map(|share| sorted[((sorted.len() - 1) as f32 * share).round() as usize]);
        if high > low {
            (2.0 * (reward - low) / (high - low) - 1.0).clamp(-1.0, 1.0)
        } else {
            0.0
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::training::generator;

    /// Turns of a bandit whose ways let the loss fall by these amounts.
    fn after(falls: &[f32], turns: u64) -> Bandit {
        let mut bandit = Bandit::default();
        let mut loss = 1.0;
        for turn in 0..turns {
            let way = bandit.turn(falls.len(), loss, &mut generator(3, "test", turn));
            loss -= falls[way];
        }
        bandit
    }

    #[test]
    fn the_way_that_pays_is_drawn_most_and_none_is_given_up() {
        let bandit = after(&[0.001, 0.004, 0.001, -0.001], 400);
        let found = bandit.probabilities();
        assert!(found[1] > 0.6, "{found:?}");
        assert!(found.iter().all(|share| *share >= EVEN / 4.0));
        assert!((found.iter().sum::<f32>() - 1.0).abs() < 1e-5);
    }

    #[test]
    fn equal_rewards_change_nothing() {
        // Binary fractions, so that every fall is the same number.
        let found = after(&[0.25, 0.25, 0.25], 50).probabilities();
        assert!(
            found.iter().all(|share| (share - 1.0 / 3.0).abs() < 1e-6),
            "{found:?}"
        );
    }

    #[test]
    fn what_is_written_goes_on_as_it_was() {
        let mut bandit = after(&[0.01, 0.03], 20);
        let text = serde_json::to_string(&bandit).unwrap();
        let mut read: Bandit = serde_json::from_str(&text).unwrap();
        assert_eq!(read, bandit);
        for turn in 0..20 {
            let loss = 0.5 - 0.01 * turn as f32;
            let ways = [&mut bandit, &mut read]
                .map(|one| one.turn(2, loss, &mut generator(4, "test", turn)));
            assert_eq!(ways[0], ways[1]);
        }
        assert_eq!(read, bandit);
    }
}
