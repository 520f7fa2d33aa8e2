//! Which training rows a step learns from: all alike, or by group: domains, more of those in which the student is far
//! behind its teacher (DDK, Liu et al. 2024), or ways in which variants were made.

use rand::RngExt;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::recipe::{DistillSection, Sampler};
use crate::training::{batches, generator};

/// Share of a mixture that follows the student's losses; the rest is spread evenly.
const FOLLOWS: f64 = 0.5;

/// Largest ratio of losses that counts. Where the teacher makes next to no error the ratio says little, and its
/// exponential would leave no other domain a row.
const LARGEST: f64 = 10.0;

/// How much each group is drawn from, over a training.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Mixture {
    /// What the groups are called.
    #[serde(default)]
    pub names: Vec<String>,
    /// Share of each group now; empty before the first losses. Single precision, which JSON gives back to the bit.
    pub shares: Vec<f32>,
    /// What it was from each step on; of a bandit, how likely each way was to be drawn from.
    pub course: Vec<(usize, Vec<f32>)>,
}

impl Mixture {
    /// Begins, or goes on, by what the student's perplexity is over the teacher's in each domain at `step`; a domain
    /// without a training row has none, and no share.
    ///
    /// `r⁰ ∝ exp(ℓ_S/ℓ_T)`; then `ψ = r · exp(ℓ_S/ℓ_T)` and `r = ½ ψ/Σψ + ½/N`, or `ψ/Σψ` where it is not smoothed.
    pub fn follow(&mut self, sampler: Sampler, ratios: &[Option<f64>], step: usize) {
        let even = 1.0 / ratios.iter().flatten().count() as f64;
        let first = self.shares.is_empty();
        let logs: Vec<f64> = ratios
            .iter()
            .enumerate()
            .map(|(domain, ratio)| {
                let before = if first {
                    0.0
                } else {
                    f64::from(self.shares[domain]).ln()
                };
                ratio.map_or(f64::NEG_INFINITY, |ratio| before + ratio.min(LARGEST))
            })
            .collect();
        let most = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let powers: Vec<f64> = logs.iter().map(|log| (log - most).exp()).collect();
        let sum: f64 = powers.iter().sum();
        let follows = match sampler {
            Sampler::Natural | Sampler::Uniform | Sampler::Bandit => 0.0,
            Sampler::Ddk if !first => FOLLOWS,
            Sampler::Ddk | Sampler::DdkUnsmoothed => 1.0,
        };
        let share = |(power, ratio): (&f64, &Option<f64>)| match ratio {
            None => 0.0,
            Some(_) if follows == 0.0 => even as f32,
            Some(_) => (follows * power / sum + (1.0 - follows) * even) as f32,
        };
        self.shares = powers.iter().zip(ratios).map(share).collect();
        self.course.push((step, self.shares.clone()));
    }
}

/// The rows of each group in random order, again and again.
struct Rows {
    groups: Vec<Vec<usize>>,
    next: Vec<usize>,
    rng: ChaCha8Rng,
}

impl Rows {
    /// The rows of an epoch by `group`, rows without one standing in none.
    fn new(group: &[Option<usize>], count: usize, seed: u64, epoch: usize) -> Self {
        let mut groups = vec![Vec::new(); count];
        for (row, group) in group.iter().enumerate() {
            if let Some(group) = group {
                groups[*group].push(row);
            }
        }
        let mut rng = generator(seed, "rows by domain", epoch as u64);
        for rows in &mut groups {
            rows.shuffle(&mut rng);
        }
        Self {
            next: vec![0; count],
            groups,
            rng,
        }
    }

    /// Puts batches in random order.
    fn shuffle(&mut self, batches: &mut [Vec<usize>]) {
        batches.shuffle(&mut self.rng);
    }

    /// Draws rows by the shares of their groups. A group that is exhausted begins again; one without a row is
    /// passed over.
    fn draw(&mut self, count: usize, shares: &[f32]) -> Vec<usize> {
        let there = |group: usize| {
            if self.groups[group].is_empty() {
                0.0
            } else {
                f64::from(shares[group])
            }
        };
        let shares: Vec<f64> = (0..shares.len()).map(there).collect();
        let sum: f64 = shares.iter().sum();
        (0..count)
            .map(|_| {
                let mut draw = self.rng.random::<f64>() * sum;
                let last = shares.iter().rposition(|share| *share > 0.0).unwrap_or(0);
                let group = shares.iter().position(|share| {
                    draw -= share;
                    draw < 0.0 && *share > 0.0
                });
                let group = group.unwrap_or(last);
                let rows = &self.groups[group];
                let row = rows[self.next[group] % rows.len()];
                self.next[group] += 1;
                row
            })
            .collect()
    }
}

/// The batches of an epoch.
pub(crate) enum Order {
    /// Every row once; the last batch comes first.
    Natural(Vec<Vec<usize>>),
    /// Rows by group.
    ByGroup(Box<Drawing>),
}

/// Rows that are drawn by group, some batches at a time.
pub(crate) struct Drawing {
    rows: Rows,
    /// Tokens of each row.
    lengths: Vec<usize>,
    batch: usize,
    every: usize,
    /// Batches that were drawn and not taken.
    drawn: Vec<Vec<usize>>,
}

impl Order {
    /// The order of an epoch of rows with these lengths and groups.
    pub(crate) fn new(
        section: &DistillSection,
        rows: impl Iterator<Item = (usize, Option<usize>)>,
        groups: usize,
        (seed, epoch): (u64, usize),
    ) -> Self {
        let (lengths, group): (Vec<usize>, Vec<Option<usize>>) = rows.unzip();
        if section.sampler == Sampler::Natural {
            let mut rng = generator(seed, "distill order", epoch as u64);
            let mut batches = batches(&lengths, section.batch, &mut rng);
            batches.reverse();
            return Self::Natural(batches);
        }
        Self::ByGroup(Box::new(Drawing {
            rows: Rows::new(&group, groups, seed, epoch),
            lengths,
            batch: section.batch,
            every: section.sampler_every,
            drawn: Vec::new(),
        }))
    }

    /// The order of an epoch of questions, so many in a batch, whose rows come together.
    pub(crate) fn of_questions(
        together: usize,
        lengths: &[usize],
        questions: &[Vec<usize>],
        (seed, epoch): (u64, usize),
    ) -> Self {
        let mut rng = generator(seed, "distill order", epoch as u64);
        let longest = |rows: &Vec<usize>| rows.iter().map(|&row| lengths[row]).max().unwrap_or(0);
        let of_each: Vec<usize> = questions.iter().map(longest).collect();
        let rows = |batch: Vec<usize>| {
            batch
                .into_iter()
                .flat_map(|q| questions[q].clone())
                .collect()
        };
        let batches = batches(&of_each, together, &mut rng);
        let mut batches: Vec<Vec<usize>> = batches.into_iter().map(rows).collect();
        batches.reverse();
        Self::Natural(batches)
    }

    /// Whether the groups are looked at before a step.
    pub(crate) fn looks(&self, step: usize) -> bool {
        matches!(self, Self::ByGroup(drawing) if step.is_multiple_of(drawing.every))
    }

    /// The rows of a step, after which so many are left of the epoch, it among them.
    pub(crate) fn next(&mut self, shares: &[f32], step: usize, left: usize) -> Vec<usize> {
        match self {
            Self::Natural(batches) => batches.pop().unwrap_or_default(),
            Self::ByGroup(drawing) => drawing.next(shares, step, left),
        }
    }
}

impl Drawing {
    fn next(&mut self, shares: &[f32], step: usize, left: usize) -> Vec<usize> {
        if self.drawn.is_empty() {
            // Up to the next look, or the end of the epoch.
            let steps = left.min(self.every - step % self.every);
            let mut all = self.rows.draw(self.batch * steps, shares);
            // Rows of a length together, so that little is padding; which length comes when is random.
            all.sort_by_key(|&row| self.lengths[row]);
            self.drawn = all.chunks(self.batch).map(<[usize]>::to_vec).collect();
            self.rows.shuffle(&mut self.drawn);
        }
        self.drawn.pop().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn follow(sampler: Sampler, losses: &[[f64; 2]], times: usize) -> Mixture {
        let ratios: Vec<Option<f64>> = losses.iter().map(|[s, t]| Some(s / t)).collect();
        let mut mixture = Mixture::default();
        for step in 0..times {
            mixture.follow(sampler, &ratios, step * 50);
        }
        mixture
    }

    #[test]
    fn the_choices_of_a_question_come_together() {
        // Choices of one question lie apart, as variants do; one question has four.
        let questions: Vec<Vec<usize>> = (0..11)
            .map(|q| {
                (0..if q == 3 { 4 } else { 5 })
                    .map(|choice| choice * 11 + q)
                    .collect()
            })
            .collect();
        let lengths: Vec<usize> = (0..55).map(|row| 3 + row * 7 % 13).collect();
        let mut order = Order::of_questions(2, &lengths, &questions, (1, 2));
        let mut met = Vec::new();
        for step in 0..6 {
            let batch = order.next(&[], step, 6 - step);
            assert!(!batch.is_empty() && batch.len() <= 12);
            for rows in &questions {
                let there = rows.iter().filter(|row| batch.contains(row)).count();
                assert!(there == 0 || there == rows.len(), "{batch:?}");
            }
            met.extend(batch);
        }
        met.sort_unstable();
        let mut all: Vec<usize> = questions.concat();
        all.sort_unstable();
        assert_eq!(met, all);
    }

    #[test]
    fn the_mixture_is_that_of_the_paper() {
        let losses = [[1.5, 1.1], [1.2, 1.1], [2.0, 1.0]];
        let first = follow(Sampler::Ddk, &losses, 1).shares;
        let powers = losses.map(|[s, t]| (s / t).exp());
        let sum: f64 = powers.iter().sum();
        for (found, power) in first.iter().zip(powers) {
            assert!((f64::from(*found) - power / sum).abs() < 1e-7);
        }
        let second = follow(Sampler::Ddk, &losses, 2).shares;
        let psi = first.iter().zip(powers);
        let psi: Vec<f64> = psi.map(|(r, power)| f64::from(*r) * power).collect();
        let sum: f64 = psi.iter().sum();
        for (found, psi) in second.iter().zip(psi) {
            let want = 0.5 * psi / sum + 0.5 / 3.0;
            assert!((f64::from(*found) - want).abs() < 1e-7);
        }
    }

    #[test]
    fn shares_are_shares_whatever_the_losses() {
        for sampler in [Sampler::Ddk, Sampler::DdkUnsmoothed, Sampler::Uniform] {
            let found = follow(sampler, &[[1e9, 1.0], [1.0, 1.0], [1e300, 1e-300]], 40);
            assert_eq!(found.course.len(), 40);
            for (_, shares) in &found.course {
                assert!(
                    (shares.iter().sum::<f32>() - 1.0).abs() < 1e-6,
                    "{shares:?}"
                );
                assert!(
                    shares
                        .iter()
                        .all(|share| share.is_finite() && *share >= 0.0)
                );
            }
        }
        // Smoothed, no domain is ever left out; not smoothed, the easy one soon is.
        let losses = [[3.0, 1.0], [1.0, 1.0]];
        assert!(follow(Sampler::Ddk, &losses, 40).shares[1] >= 0.25);
        assert!(follow(Sampler::DdkUnsmoothed, &losses, 40).shares[1] < 1e-9);
    }

    #[test]
    fn a_domain_without_a_row_has_no_share() {
        for sampler in [Sampler::Ddk, Sampler::DdkUnsmoothed, Sampler::Uniform] {
            let mut mixture = Mixture::default();
            for step in 0..200 {
                mixture.follow(sampler, &[None, Some(1.5), Some(1.2)], step);
            }
            assert_eq!(mixture.shares[0].to_bits(), 0);
            assert!(
                (mixture.shares[1] + mixture.shares[2] - 1.0).abs() < 1e-6,
                "{mixture:?}"
            );
        }
    }

    #[test]
    fn rows_are_drawn_by_share_and_cycle() {
        let domain: Vec<Option<usize>> = (0..90)
            .map(|row| match row % 9 {
                0 => None,
                1 => Some(1),
                _ => Some(0),
            })
            .collect();
        let mut rows = Rows::new(&domain, 3, 4, 1);
        let drawn = rows.draw(4000, &[0.25, 0.5, 0.25]);
        // The third domain has no row: the others keep their proportion.
        let of = |wanted| {
            drawn
                .iter()
                .filter(|row| domain[**row] == Some(wanted))
                .count()
        };
        assert_eq!(of(0) + of(1), 4000);
        assert!((of(1) as f64 / 4000.0 - 2.0 / 3.0).abs() < 0.03);
        // Each of ten rows before any of them again.
        let small: Vec<usize> = drawn
            .iter()
            .copied()
            .filter(|row| domain[*row] == Some(1))
            .collect();
        let mut round = small[..10].to_vec();
        round.sort_unstable();
        round.dedup();
        assert_eq!(round.len(), 10);
        assert_eq!(small[..10], small[10..20]);
    }
}
