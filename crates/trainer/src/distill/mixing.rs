//! How much of each group of rows a training draws: of domains by the student's losses there, of ways to make variants by
//! what the last ones were worth.

use anyhow::Result;
use rand::seq::SliceRandom;

use super::{Course, Row, Training, VALIDATION_BATCH, validation_loss};
use crate::metrics::softmax;
use crate::recipe::Sampler;
use crate::student::logits;
use crate::training::generator;

/// Validation rows of a domain that its loss is taken of, at most.
const ASKED: usize = 64;

/// Validation rows that tell what the last variants were worth, at most.
const JUDGES: usize = 512;

impl Training<'_> {
    /// Draws on from the groups as the student's losses now ask for.
    pub(super) fn follow(&mut self, step: usize) -> Result<()> {
        let asked: Vec<&Row> = self
            .asked
            .iter()
            .map(|&row| &self.course.set.validation[row])
            .collect();
        let ids: Vec<Vec<u32>> = asked.iter().map(|row| row.ids.clone()).collect();
        let said = logits(&self.student, &ids, VALIDATION_BATCH)?;
        if self.course.section.sampler == Sampler::Bandit {
            self.choose(&asked, &said, step);
        } else {
            self.weigh(&asked, &said, step);
        }
        Ok(())
    }

    /// The domains in which the student is far behind its teacher.
    fn weigh(&mut self, asked: &[&Row], said: &[Vec<f32>], step: usize) {
        let rows = self.rows_of_groups();
        let teacher: Vec<Vec<f32>> = asked.iter().map(|row| row.logits.clone()).collect();
        let [student, teacher] = [said, &teacher].map(|all| perplexities(asked, all, rows.len()));
        let ratios: Vec<Option<f64>> = (0..rows.len())
            .map(|group| (rows[group] > 0).then(|| student[group] / teacher[group]))
            .collect();
        let sampler = self.course.section.sampler;
        self.state.mixture.follow(sampler, &ratios, step);
    }

    /// One way to make variants, whose rows come until the next look beside the texts themselves, these as often as they
    /// are among all.
    fn choose(&mut self, asked: &[&Row], said: &[Vec<f32>], step: usize) {
        let objective = self.course.section.objective;
        let loss = validation_loss(asked.iter().copied().zip(said), objective);
        let rows = self.rows_of_groups();
        let mut rng = generator(self.course.seed, "bandit", step as u64);
        let way = self
            .state
            .bandit
            .turn(rows.len() - 1, loss as f32, &mut rng);
        let own = rows[0] as f32 / rows.iter().sum::<usize>() as f32;
        let mixture = &mut self.state.mixture;
        mixture.shares = vec![0.0; rows.len()];
        mixture.shares[0] = own;
        mixture.shares[1 + way] = 1.0 - own;
        let likely = self.state.bandit.probabilities();
        let likely = likely.into_iter().map(|share| share * (1.0 - own));
        let shown = std::iter::once(own).chain(likely).collect();
        mixture.course.push((step, shown));
    }

    /// How many training rows each group has.
    fn rows_of_groups(&self) -> Vec<usize> {
        let set = self.course.set;
        let mut rows = vec![0; set.groups.len()];
        for group in set.train.iter().filter_map(|row| row.group) {
            rows[group] += 1;
        }
        rows
    }
}

/// The validation rows that are asked at a look, chosen by seed: some of each domain, or some of all. None where nobody
/// asks them.
pub(super) fn asked(course: &Course) -> Vec<usize> {
    let validation = &course.set.validation;
    let mut rows: Vec<usize> = (0..validation.len()).collect();
    let mut shuffled = |purpose| {
        rows.shuffle(&mut generator(course.seed, purpose, 0));
        std::mem::take(&mut rows)
    };
    match course.section.sampler {
        Sampler::Natural => Vec::new(),
        Sampler::Bandit => {
            let mut rows = shuffled("bandit's validation rows");
            rows.truncate(JUDGES);
            rows
        }
        Sampler::Uniform | Sampler::Ddk | Sampler::DdkUnsmoothed => {
            let mut rows = shuffled("domains' validation rows");
            let mut room = vec![ASKED; course.set.groups.len()];
            rows.retain(|&row| {
                let room = validation[row].group.map(|group| &mut room[group]);
                room.is_some_and(|left| std::mem::replace(left, left.saturating_sub(1)) > 0)
            });
            rows
        }
    }
}

/// exp of the mean cross-entropy of the rows of each group; 1 where there is none.
fn perplexities(rows: &[&Row], logits: &[Vec<f32>], groups: usize) -> Vec<f64> {
    let mut sums = vec![(0.0, 0usize); groups];
    for (row, logits) in rows.iter().zip(logits) {
        if let (Some(group), Some(gold)) = (row.group, row.gold) {
            let (sum, count) = &mut sums[group];
            *sum -= softmax(logits)[gold].max(f64::MIN_POSITIVE).ln();
            *count += 1;
        }
    }
    let mean = |(sum, count): (f64, usize)| (sum / count.max(1) as f64).exp();
    sums.into_iter().map(mean).collect()
}
