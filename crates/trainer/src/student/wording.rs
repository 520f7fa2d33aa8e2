//! The likelihood of words that a decoder says: a softmax over the whole vocabulary at every step.
//!
//! On tensors it would be some ten passes over hundreds of megabytes a step; by hand it is two products and one pass,
//! a few rows at a time.

use rayon::prelude::*;
use stillglass_kernels::{Cpu, softmax::softmax};

use crate::product::{Matrix, add_product};

/// Rows whose logits are in memory at a time.
const ROWS: usize = 64;

/// What a step is to say, and what else is known of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    /// Row of the table: a word, or behind the words what is none.
    pub(super) target: usize,
    /// How much is said rather than copied.
    pub(super) gate: f32,
    /// How likely the target is to be copied.
    pub(super) copied: f32,
    /// How much the step counts.
    pub(super) weight: f32,
}

/// What words are said by: rows of embeddings, and a bias for each.
#[derive(Debug, Clone, Copy)]
pub(super) struct Table<'a> {
    /// `[words, width]`.
    pub(super) rows: &'a [f32],
    /// `[words]`.
    pub(super) bias: &'a [f32],
}

/// How likely the targets were, and the gradients of Σ weight · −ln(gate · p + (1 − gate) · copied).
#[derive(Debug)]
pub(super) struct Likelihood {
    /// p, of each step.
    pub(super) spoken: Vec<f32>,
    /// At the states, `[steps, width]`.
    pub(super) states: Vec<f32>,
    /// At the table's rows, `[words, width]`.
    pub(super) rows: Vec<f32>,
    /// `[words]`.
    pub(super) bias: Vec<f32>,
}

/// Keeps the logarithm of a likelihood finite.
pub(super) const LEAST: f32 = 1e-9;

/// Of `states: [steps, width]`, which want to be near the row of what they say.
pub(super) fn likelihood(table: Table, states: &[f32], steps: &[Step]) -> Likelihood {
    let words = table.bias.len();
    let width = table.rows.len() / words;
    let parts: Vec<Likelihood> = states
        .par_chunks(ROWS * width)
        .zip(steps.par_chunks(ROWS))
        .map(|(states, steps)| part(table, states, steps))
        .collect();
    let mut all = Likelihood {
        spoken: Vec::with_capacity(steps.len()),
        states: Vec::with_capacity(states.len()),
        rows: vec![0.0; table.rows.len()],
        bias: vec![0.0; words],
    };
    // In their order, so that any number of threads sums the same.
    for part in parts {
        all.spoken.extend(part.spoken);
        all.states.extend(part.states);
        for (sum, part) in [(&mut all.rows, &part.rows), (&mut all.bias, &part.bias)] {
            super::add(sum, part);
        }
    }
    all
}

fn part(table: Table, states: &[f32], steps: &[Step]) -> Likelihood {
    let (words, count) = (table.bias.len(), steps.len());
    let width = table.rows.len() / words;
    let rows = Matrix::whole(table.rows, words, width);
    let mut said = table.bias.repeat(count);
    let said_of = Matrix::whole(states, count, width);
    add_product(1.0, said_of, rows.transposed(), &mut said, words);
    softmax(Cpu::detect(), &mut said, words);
    let mut spoken = Vec::with_capacity(count);
    for (said, step) in said.chunks_exact_mut(words).zip(steps) {
        let p = said[step.target];
        let likely = step.gate * p + (1.0 - step.gate) * step.copied + LEAST;
        let slope = step.weight * step.gate * p / likely;
        // From the probabilities to the slope at the logits.
        for value in said.iter_mut() {
            *value *= slope;
        }
        said[step.target] -= slope;
        spoken.push(p);
    }
    let mut found = Likelihood {
        spoken,
        states: vec![0.0; states.len()],
        rows: vec![0.0; table.rows.len()],
        bias: vec![0.0; words],
    };
    let slopes = Matrix::whole(&said, count, words);
    add_product(1.0, slopes, rows, &mut found.states, width);
    add_product(1.0, slopes.transposed(), said_of, &mut found.rows, width);
    for said in said.chunks_exact(words) {
        super::add(&mut found.bias, said);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(count: usize, seed: usize) -> Vec<f32> {
        let number = |i: usize| ((i * 7919 + seed * 31) % 201) as f32 / 100.0 - 1.0;
        (0..count).map(number).collect()
    }

    /// The definition, in f64.
    fn loss(rows: &[f64], bias: &[f64], states: &[f64], steps: &[Step]) -> f64 {
        let width = rows.len() / bias.len();
        let loss = |(state, step): (&[f64], &Step)| {
            let logit = |(row, bias): (&[f64], &f64)| {
                row.iter().zip(state).map(|(a, b)| a * b).sum::<f64>() + bias
            };
            let logits: Vec<f64> = rows.chunks(width).zip(bias).map(logit).collect();
            let sum: f64 = logits.iter().map(|l| l.exp()).sum();
            let p = logits[step.target].exp() / sum;
            let gate = f64::from(step.gate);
            let likely = gate * p + (1.0 - gate) * f64::from(step.copied) + f64::from(LEAST);
            -f64::from(step.weight) * likely.ln()
        };
        states.chunks(width).zip(steps).map(loss).sum()
    }

    #[test]
    fn gradients_are_the_slopes_of_the_definition() {
        for (words, width, count) in [(3, 1, 1), (17, 5, 7), (9, 3, ROWS + 3)] {
            let (rows, bias, states) = (
                numbers(words * width, 1),
                numbers(words, 2),
                numbers(count * width, 3),
            );
            let steps: Vec<Step> = (0..count)
                .map(|i| Step {
                    target: i * 5 % words,
                    gate: [1.0, 0.5, 0.9][i % 3],
                    copied: [0.0, 0.3][i % 2],
                    weight: 1.0 / (1 + i % 4) as f32,
                })
                .collect();
            let table = Table {
                rows: &rows,
                bias: &bias,
            };
            let found = likelihood(table, &states, &steps);
            let wide =
                |values: &[f32]| -> Vec<f64> { values.iter().map(|v| f64::from(*v)).collect() };
            let places = [wide(&rows), wide(&bias), wide(&states)];
            let gradients = [&found.rows, &found.bias, &found.states];
            for (which, gradient) in gradients.into_iter().enumerate() {
                for at in (0..gradient.len()).step_by(1 + gradient.len() / 40) {
                    let moved = |by: f64| {
                        let mut places = places.clone();
                        places[which][at] += by;
                        loss(&places[0], &places[1], &places[2], &steps)
                    };
                    let slope = (moved(1e-4) - moved(-1e-4)) / 2e-4;
                    let error = (slope - f64::from(gradient[at])).abs();
                    assert!(
                        error < 1e-4 * (1.0 + slope.abs()),
                        "{which} {at}: {slope} {}",
                        gradient[at]
                    );
                }
            }
        }
    }
}
