//! Both directions of the student's LSTM, from what is read of tokens to states and back.

use nalgebra::DMatrix;

use super::batch::StudentBatch;
use super::lstm::{self, States};
use crate::training::Dropout;

/// Weights of both directions, one after the other, each as [`lstm::Weights`] has them.
#[derive(Debug)]
pub(super) struct Weights {
    pub(super) input: Vec<f32>,
    pub(super) recurrent: Vec<f32>,
    pub(super) bias: Vec<f32>,
}

/// A batch's way through the LSTM, kept for the way back.
#[derive(Debug)]
pub(super) struct Trace {
    weights: Weights,
    /// Inputs in the text's order, `[reads, time * batch]`.
    embedded: DMatrix<f32>,
    /// Inputs in the order of the backward direction.
    reversed: DMatrix<f32>,
    directions: [States; 2],
    /// Where the backward direction stands, [`StudentBatch::reversal`].
    reversal: Vec<usize>,
    texts: usize,
    /// Numbers of an input that learn: its embedding, without what layers made of the token.
    learning: usize,
    /// What dropout made of inputs and states.
    factors: Option<[Vec<f32>; 2]>,
}

/// A loss's gradients at the LSTM's weights, which they lie like, and at the embeddings.
#[derive(Debug)]
pub(super) struct Gradients {
    pub(super) weights: Weights,
    /// `[time * batch][learning]`.
    pub(super) embedded: Vec<f32>,
}

/// States `[time * batch][2 * hidden]`, both directions in the text's order, of `embedded: [time * batch][reads]`, the
/// first `learning` numbers of which learn.
pub(super) fn forward(
    weights: Weights,
    mut embedded: Vec<f32>,
    batch: &StudentBatch,
    dropout: Option<&mut Dropout>,
    learning: usize,
) -> (Vec<f32>, Trace) {
    let columns = batch.ids.len();
    let (reads, hidden) = (embedded.len() / columns, weights.bias.len() / 8);
    let factors =
        dropout.map(|dropout| [reads, 2 * hidden].map(|width| dropout.factors(columns * width)));
    if let Some([factors, _]) = &factors {
        scale(&mut embedded, factors);
    }
    let embedded = DMatrix::from_vec(reads, columns, embedded);
    let reversed = embedded.select_columns(&batch.reversal);
    let [texts, _] = batch.mask.dims();
    let (first, second) = rayon::join(
        || lstm::forward(weights.direction(0), &embedded, texts),
        || lstm::forward(weights.direction(1), &reversed, texts),
    );
    let mut states = Vec::with_capacity(columns * 2 * hidden);
    for (column, &mirrored) in batch.reversal.iter().enumerate() {
        states.extend(first.outputs.column(column).iter());
        states.extend(second.outputs.column(mirrored).iter());
    }
    if let Some([_, factors]) = &factors {
        scale(&mut states, factors);
    }
    let trace = Trace {
        weights,
        embedded,
        reversed,
        directions: [first, second],
        reversal: batch.reversal.clone(),
        texts,
        learning,
        factors,
    };
    (states, trace)
}

impl Trace {
    /// From the gradient at the states, `[time * batch][2 * hidden]`, back to weights and embeddings.
    pub(super) fn backward(&self, mut states: Vec<f32>) -> Gradients {
        if let Some([_, factors]) = &self.factors {
            scale(&mut states, factors);
        }
        let hidden = self.weights.bias.len() / 8;
        let at = |row: usize, direction: usize| {
            let from = (2 * row + direction) * hidden;
            states[from..from + hidden].iter().copied()
        };
        let columns = self.reversal.len();
        let in_order = (0..columns).flat_map(|row| at(row, 0));
        let mirrored = self.reversal.iter().flat_map(|&row| at(row, 1));
        let in_order = DMatrix::from_iterator(hidden, columns, in_order);
        let mirrored = DMatrix::from_iterator(hidden, columns, mirrored);
        let back = |direction: usize, x, outputs| {
            let weights = self.weights.direction(direction);
            let states = &self.directions[direction];
            lstm::backward(weights, x, states, outputs, self.texts, self.learning)
        };
        let (first, second) = rayon::join(
            || back(0, &self.embedded, in_order),
            || back(1, &self.reversed, mirrored),
        );
        let mut embedded = first.x + second.x.select_columns(&self.reversal);
        if let Some([factors, _]) = &self.factors {
            let factors = factors.chunks_exact(self.embedded.nrows());
            let rows = embedded.as_mut_slice().chunks_exact_mut(self.learning);
            for (row, factors) in rows.zip(factors) {
                scale(row, factors);
            }
        }
        Gradients {
            weights: Weights {
                input: [first.input.as_slice(), second.input.as_slice()].concat(),
                recurrent: [first.recurrent.as_slice(), second.recurrent.as_slice()].concat(),
                bias: [first.bias, second.bias].concat(),
            },
            embedded: embedded.as_slice().to_vec(),
        }
    }
}

impl Weights {
    fn direction(&self, direction: usize) -> lstm::Weights<'_> {
        let half = |values: &'_ [f32]| {
            let length = values.len() / 2;
            direction * length..(direction + 1) * length
        };
        lstm::Weights {
            input: &self.input[half(&self.input)],
            recurrent: &self.recurrent[half(&self.recurrent)],
            bias: &self.bias[half(&self.bias)],
        }
    }
}

fn scale(values: &mut [f32], factors: &[f32]) {
    for (value, factor) in values.iter_mut().zip(factors) {
        *value *= factor;
    }
}
