//! The running average of a student's weights, which is what is scored and exported.

use anyhow::Result;

use crate::student::Student;
use crate::teacher::Weights;

/// Optimizer steps between two looks at the weights; reading them costs a copy.
const EVERY: usize = 8;

/// An exponential moving average of weights (Polyak & Juditsky 1992; as used for deep networks by
/// Izmailov et al. 2018): less noisy than the last step's weights, at no cost when the student runs.
#[derive(Debug, Default)]
pub struct Average {
    weights: Option<Weights>,
    /// What stays of the average at each look.
    keep: f32,
}

impl Average {
    /// An average over about `steps` optimizer steps; below [`EVERY`] it is the last step's weights.
    pub fn over(steps: f64) -> Self {
        let looks = steps / EVERY as f64;
        let keep = if looks > 1.0 {
            (-looks.recip()).exp()
        } else {
            0.0
        };
        Self {
            weights: None,
            keep: keep as f32,
        }
    }

    /// Goes on from an average that was saved.
    pub fn resume(&mut self, weights: Weights) {
        self.weights = Some(weights);
    }

    /// Looks at the student after a step, if it is time to; `last` says that no step follows.
    pub fn look(&mut self, student: &Student, step: usize, last: bool) -> Result<()> {
        if !(step + 1).is_multiple_of(EVERY) && !last {
            return Ok(());
        }
        let now = student.weights()?;
        match &mut self.weights {
            Some(average) if self.keep > 0.0 => average.blend(&now, 1.0 - self.keep)?,
            _ => self.weights = Some(now),
        }
        Ok(())
    }

    /// The average of what was looked at.
    pub fn weights(&self) -> Option<&Weights> {
        self.weights.as_ref()
    }
}
