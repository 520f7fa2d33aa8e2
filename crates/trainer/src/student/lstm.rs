//! One direction of the student's LSTM over a padded batch, and back through time.
//!
//! A tape of tensor operations spends most of a training step on single small operations. Without one, a
//! direction is four products over all steps at once, two small ones a step, and one pass over the gates.
//!
//! Matrices are column-major with a column for each step of each text, all texts of a step side by side:
//! as bytes, `[time][batch][rows]`. Gates are stacked as [`Gate`] orders them.

use std::ops::Range;

use nalgebra::{DMatrix, DMatrixView};
use stillglass_kernels::Cpu;
use stillglass_kernels::lstm::Gate;
use stillglass_kernels::sigmoid::sigmoid;

/// One direction's weights as the module's parameters lie.
#[derive(Debug, Clone, Copy)]
pub(super) struct Weights<'a> {
    /// `[reads][4 * hidden]`.
    pub(super) input: &'a [f32],
    /// `[hidden][4 * hidden]`.
    pub(super) recurrent: &'a [f32],
    /// `[4 * hidden]`.
    pub(super) bias: &'a [f32],
}

/// What a direction computed, kept for the way back.
#[derive(Debug)]
pub(super) struct States {
    /// Opened gates, and the squashed cell input: `[4 * hidden, time * batch]`.
    gates: DMatrix<f32>,
    /// `[hidden, time * batch]`.
    cells: DMatrix<f32>,
    /// tanh of the cells.
    squashed: DMatrix<f32>,
    /// h: `[hidden, time * batch]`.
    pub(super) outputs: DMatrix<f32>,
}

/// A loss's gradients at a direction's weights, which they lie like, and at its inputs.
#[derive(Debug)]
pub(super) struct Gradients {
    /// `[reads][4 * hidden]`.
    pub(super) input: DMatrix<f32>,
    /// `[hidden][4 * hidden]`.
    pub(super) recurrent: DMatrix<f32>,
    /// `[4 * hidden]`.
    pub(super) bias: Vec<f32>,
    /// `[learning, time * batch]`.
    pub(super) x: DMatrix<f32>,
}

/// Reads `x: [reads, time * batch]`, from no state, every column of every step.
pub(super) fn forward(weights: Weights, x: &DMatrix<f32>, batch: usize) -> States {
    let rows = weights.bias.len();
    let (hidden, columns) = (rows / 4, x.ncols());
    let input = DMatrixView::from_slice(weights.input, rows, x.nrows());
    let recurrent = DMatrixView::from_slice(weights.recurrent, rows, hidden);
    let mut states = States {
        gates: DMatrix::from_fn(rows, columns, |row, _| weights.bias[row]),
        cells: DMatrix::zeros(hidden, columns),
        squashed: DMatrix::zeros(hidden, columns),
        outputs: DMatrix::zeros(hidden, columns),
    };
    states.gates.gemm(1.0, &input, x, 1.0);
    for now in (0..columns).step_by(batch) {
        if now > 0 {
            let before = states.outputs.columns(now - batch, batch);
            let mut gates = states.gates.columns_mut(now, batch);
            gates.gemm(1.0, &recurrent, &before, 1.0);
        }
        states.advance(now..now + batch);
    }
    states
}

/// σ of the three gates and tanh of the cell input, for rows of `4 * hidden`.
fn open(gates: &mut [f32], hidden: usize) {
    // tanh x = 2 σ(2x) − 1, so that one sweep does both.
    let cell = Gate::Cell.rows(hidden);
    for row in gates.chunks_exact_mut(4 * hidden) {
        double(&mut row[cell.clone()]);
    }
    sigmoid(Cpu::detect(), gates);
    for row in gates.chunks_exact_mut(4 * hidden) {
        spread(&mut row[cell.clone()]);
    }
}

/// tanh of the cells.
fn squash(cells: &[f32], squashed: &mut [f32]) {
    squashed.copy_from_slice(cells);
    double(squashed);
    sigmoid(Cpu::detect(), squashed);
    spread(squashed);
}

fn double(values: &mut [f32]) {
    for value in values {
        *value *= 2.0;
    }
}

/// From [0, 1] to [-1, 1].
fn spread(values: &mut [f32]) {
    for value in values {
        *value = 2.0 * *value - 1.0;
    }
}

/// From the gradient at the outputs, `[hidden, time * batch]`, to those at weights and at the first `learning` rows of
/// the inputs: what stands below them learns nothing.
pub(super) fn backward(
    weights: Weights,
    x: &DMatrix<f32>,
    states: &States,
    mut outputs: DMatrix<f32>,
    batch: usize,
    learning: usize,
) -> Gradients {
    let (hidden, columns) = outputs.shape();
    let rows = 4 * hidden;
    let recurrent = DMatrixView::from_slice(weights.recurrent, rows, hidden).transpose();
    let mut gates = DMatrix::<f32>::zeros(rows, columns);
    let mut cells = vec![0.0; batch * hidden];
    for step in (0..columns / batch).rev() {
        let now = step * batch;
        if now + batch < columns {
            let later = gates.columns(now + batch, batch);
            outputs
                .columns_mut(now, batch)
                .gemm(1.0, &recurrent, &later, 1.0);
        }
        let columns = now..now + batch;
        states.close(
            columns,
            outputs.as_slice(),
            &mut cells,
            gates.as_mut_slice(),
        );
    }
    let input = &weights.input[..rows * learning];
    let input = DMatrixView::from_slice(input, rows, learning).transpose();
    let past = columns - batch;
    let before = states.outputs.columns(0, past).transpose();
    Gradients {
        input: &gates * x.transpose(),
        recurrent: gates.columns(batch, past) * before,
        bias: gates.column_sum().as_slice().to_vec(),
        x: input * gates,
    }
}

impl States {
    /// Opens the gates of one step's columns, and fills in its cells and outputs.
    fn advance(&mut self, columns: Range<usize>) {
        let (hidden, batch) = (self.cells.nrows(), columns.len());
        let step = columns.start * hidden..columns.end * hidden;
        let gates = &mut self.gates.as_mut_slice()[4 * step.start..4 * step.end];
        open(gates, hidden);
        let (earlier, cells) = self.cells.as_mut_slice().split_at_mut(step.start);
        let cells = &mut cells[..batch * hidden];
        let before = earlier.rchunks_exact(batch * hidden).next();
        for (text, gates) in gates.chunks_exact(4 * hidden).enumerate() {
            let [input, forget, cell, _] = Gate::ALL.map(|gate| &gates[gate.rows(hidden)]);
            let row = text * hidden..(text + 1) * hidden;
            for ((c, input), cell) in cells[row.clone()].iter_mut().zip(input).zip(cell) {
                *c = input * cell;
            }
            // The first step has no cells before it.
            let Some(before) = before.map(|before| &before[row.clone()]) else {
                continue;
            };
            for ((c, forget), before) in cells[row].iter_mut().zip(forget).zip(before) {
                *c += forget * before;
            }
        }
        let squashed = &mut self.squashed.as_mut_slice()[step.clone()];
        squash(cells, squashed);
        let outputs = self.outputs.as_mut_slice()[step].chunks_exact_mut(hidden);
        let texts = gates
            .chunks_exact(4 * hidden)
            .zip(squashed.chunks_exact(hidden));
        for ((gates, squashed), outputs) in texts.zip(outputs) {
            let out = &gates[Gate::Output.rows(hidden)];
            for ((h, out), cell) in outputs.iter_mut().zip(out).zip(squashed) {
                *h = out * cell;
            }
        }
    }

    /// From the gradient at `outputs` to that at the gates before they were opened, for the columns of
    /// one step. `cells` comes with what the step after gave to this one's cells, `[batch][hidden]`, and
    /// leaves with what this one gives to the cells before.
    fn close(&self, columns: Range<usize>, outputs: &[f32], cells: &mut [f32], gates: &mut [f32]) {
        let hidden = self.cells.nrows();
        let batch = columns.len();
        for (column, cells) in columns.zip(cells.chunks_exact_mut(hidden)) {
            let row = column * hidden..(column + 1) * hidden;
            let opened = &self.gates.as_slice()[4 * row.start..4 * row.end];
            let before = column
                .checked_sub(batch)
                .map(|before| self.cells.column(before));
            let squashed = &self.squashed.as_slice()[row.clone()];
            let gates = &mut gates[4 * row.start..4 * row.end];
            let outputs = &outputs[row];
            for unit in 0..hidden {
                let [input, forget, cell, output] =
                    Gate::ALL.map(|gate| opened[gate.rows(hidden)][unit]);
                let (grad, squashed) = (outputs[unit], squashed[unit]);
                let at_cell = cells[unit] + grad * output * (1.0 - squashed * squashed);
                let before = before.map_or(0.0, |before| before[unit]);
                let at_gates = [
                    at_cell * cell * input * (1.0 - input),
                    at_cell * before * forget * (1.0 - forget),
                    at_cell * input * (1.0 - cell * cell),
                    grad * squashed * output * (1.0 - output),
                ];
                for (gate, at_gate) in Gate::ALL.into_iter().zip(at_gates) {
                    gates[gate.rows(hidden)][unit] = at_gate;
                }
                cells[unit] = at_cell * forget;
            }
        }
    }
}
