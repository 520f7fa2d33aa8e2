//! `AdamW` (Loshchilov & Hutter 2019) on plain slices: one pass over a tensor's numbers.

use rayon::prelude::*;

/// What the moments keep at a step.
const KEPT: [f32; 2] = [0.9, 0.999];

/// Keeps the step finite where the second moment is 0.
const EPSILON: f32 = 1e-8;

/// Numbers of a tensor that one thread sums or moves at a time.
const TOGETHER: usize = 1 << 16;

/// What the moments are called in an optimizer's state, before the tensors' names.
pub(crate) const MOMENTS: [&str; 2] = ["first.", "second."];

/// The update of one step.
pub(crate) struct AdamW {
    /// Share of each weight that decay leaves.
    kept: f32,
    rate: f32,
    /// What the moments, begun at 0, are divided by.
    corrections: [f32; 2],
    /// Largest norm of one tensor's gradient; longer ones are scaled down to it.
    longest: f32,
}

impl AdamW {
    /// That of the step of this `number`, from 0, with this learning rate and decoupled weight decay.
    pub(crate) fn at(number: usize, rate: f64, decay: f64, longest: f32) -> Self {
        let time = number as i32 + 1;
        Self {
            kept: (1.0 - rate * decay) as f32,
            rate: rate as f32,
            corrections: KEPT.map(|kept| 1.0 - kept.powi(time)),
            longest,
        }
    }

    /// Moves one tensor's weights. The same bits on any number of threads.
    pub(crate) fn apply(
        &self,
        weights: &mut [f32],
        (first, second): (&mut [f32], &mut [f32]),
        gradient: &[f32],
    ) {
        let squares = gradient.par_chunks(TOGETHER).map(squares);
        let norm = squares.collect::<Vec<f32>>().iter().sum::<f32>().sqrt();
        let scale = (self.longest / (norm + f32::MIN_POSITIVE)).min(1.0);
        let [kept_first, kept_second] = KEPT;
        let moments = first
            .par_chunks_mut(TOGETHER)
            .zip(second.par_chunks_mut(TOGETHER));
        let tensors = weights.par_chunks_mut(TOGETHER).zip(moments);
        tensors.zip(gradient.par_chunks(TOGETHER)).for_each(
            |((weights, (first, second)), gradient)| {
                let moments = first.iter_mut().zip(second);
                for ((weight, (first, second)), gradient) in
                    weights.iter_mut().zip(moments).zip(gradient)
                {
                    let gradient = gradient * scale;
                    *first = kept_first * *first + (1.0 - kept_first) * gradient;
                    *second = kept_second * *second + (1.0 - kept_second) * gradient * gradient;
                    let [first, second] =
                        [*first / self.corrections[0], *second / self.corrections[1]];
                    *weight = *weight * self.kept - self.rate * first / (second.sqrt() + EPSILON);
                }
            },
        );
    }
}

/// Sum of squares, in eight columns.
fn squares(values: &[f32]) -> f32 {
    let mut sums = [0.0; 8];
    for values in values.chunks(8) {
        for (sum, value) in sums.iter_mut().zip(values) {
            *sum += value * value;
        }
    }
    sums.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_those_of_the_definition() {
        let [mut weight, mut first, mut second] = [[1.0f32, -2.0], [0.0; 2], [0.0; 2]];
        let (mut want, mut m, mut v) = ([1.0f64, -2.0], [0.0f64; 2], [0.0f64; 2]);
        for (number, gradient) in [[3.0f32, 4.0], [0.1, -0.2], [0.0, 0.3]]
            .into_iter()
            .enumerate()
        {
            let update = AdamW::at(number, 0.05, 0.1, 1.0);
            update.apply(&mut weight, (&mut first, &mut second), &gradient);
            let wide = gradient.map(f64::from);
            let norm = wide.iter().map(|g| g * g).sum::<f64>().sqrt();
            for i in 0..2 {
                let g = wide[i] / norm.max(1.0);
                m[i] = 0.9 * m[i] + 0.1 * g;
                v[i] = 0.999 * v[i] + 0.001 * g * g;
                let time = number as i32 + 1;
                let ahead = m[i] / (1.0 - 0.9f64.powi(time));
                let spread = (v[i] / (1.0 - 0.999f64.powi(time))).sqrt();
                want[i] = want[i] * (1.0 - 0.05 * 0.1) - 0.05 * ahead / (spread + 1e-8);
                assert!(
                    (f64::from(weight[i]) - want[i]).abs() < 1e-5,
                    "{weight:?} {want:?}"
                );
            }
        }
    }
}
