//! Long short-term memory (Hochreiter & Schmidhuber 1997, with the forget gate of Gers et al. 2000).

use crate::elementary::{sigmoid, tanh};
use crate::lanes::{Job, Lanes, WIDTH};
use crate::shader::{Shader, params, shader};
use crate::{Cpu, Int8, Int16, int16, linear_int8};

/// The kernel on the GPU.
pub const SHADER: Shader = shader!("lstm");

params! {
    /// Units of one direction.
    hidden: u32,
}

/// The order in which a cell's rows are stacked in its weights and bias, as `PyTorch` has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// How much of the candidate enters the cell.
    Input,
    /// How much of the cell stays.
    Forget,
    /// The candidate for the cell.
    Cell,
    /// How much of the cell shows.
    Output,
}

impl Gate {
    /// All gates, in order.
    pub const ALL: [Self; 4] = [Self::Input, Self::Forget, Self::Cell, Self::Output];

    /// The gate's rows in a `[4 * hidden, …]` weight.
    #[inline(always)]
    pub fn rows(self, hidden: usize) -> std::ops::Range<usize> {
        self as usize * hidden..(self as usize + 1) * hidden
    }
}

/// The way a direction of an LSTM walks through time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Time {
    /// First token first.
    Forward,
    /// Last token first.
    Backward,
}

/// Weights of one direction, rows stacked by [`Gate`].
#[derive(Clone, Copy, Debug)]
pub struct Lstm<'a> {
    /// `[4 * hidden, input]`.
    pub input: Int8<'a>,
    /// `[4 * hidden, hidden]`.
    pub recurrent: Int8<'a>,
    /// `[4 * hidden]`: input and recurrent bias, summed.
    pub bias: &'a [f32],
}

/// `x: [time, input]` → hidden states `[time, hidden]`, in the text's order whichever way time runs.
///
/// i, f, o = σ(W x + R h + b), g = tanh(W x + R h + b); c ← f·c + i·g; h ← o·tanh c; c and h start
/// at 0. The recurrent input h is rounded to 12 bits; every output is in [-1, 1].
pub fn lstm(cpu: Cpu, weights: Lstm, x: &Int16, time: Time) -> Vec<f32> {
    let gates = weights.input.rows;
    let mut sums = weights.bias.repeat(x.rows());
    linear_int8::linear_int8(cpu, weights.input, x, &mut sums);
    debug_assert_eq!(gates, 4 * weights.recurrent.columns);
    cpu.run(Recurrence {
        weights: weights.recurrent,
        sums: &mut sums,
        time,
    })
}

struct Recurrence<'a> {
    weights: Int8<'a>,
    /// `[time, 4 * hidden]`: bias and the input's share.
    sums: &'a mut [f32],
    time: Time,
}

impl Job for Recurrence<'_> {
    type Output = Vec<f32>;
    #[inline(always)]
    fn run<L: Lanes>(self, l: L) -> Vec<f32> {
        let hidden = self.weights.columns;
        let steps = self.sums.len() / (4 * hidden).max(1);
        let mut h = vec![0.0; steps * hidden];
        let mut cell = vec![0.0; hidden];
        let mut before = vec![0_i16; hidden];
        let mut scale = 0.0;
        for step in 0..steps {
            let t = if self.time == Time::Forward {
                step
            } else {
                steps - 1 - step
            };
            let sums = &mut self.sums[t * 4 * hidden..][..4 * hidden];
            let now = &mut h[t * hidden..][..hidden];
            linear_int8::row(l, self.weights, &before, scale, sums);
            advance(l, sums, &mut cell, now);
            scale = int16::quantize(l, now, &mut before, int16::TWELVE_BITS);
        }
        h
    }
}

/// One step: gate sums `[4 * hidden]` and the cell give the new cell and `h: [hidden]`.
#[inline(always)]
fn advance<L: Lanes>(l: L, sums: &[f32], cell: &mut [f32], h: &mut [f32]) {
    let hidden = h.len();
    for j in (0..hidden).step_by(WIDTH) {
        let lanes = j..hidden.min(j + WIDTH);
        let load = |gate: Gate| l.load_part(&sums[gate.rows(hidden)][lanes.clone()], 0.0);
        let i = sigmoid(l, load(Gate::Input));
        let f = sigmoid(l, load(Gate::Forget));
        let g = tanh(l, load(Gate::Cell));
        let o = sigmoid(l, load(Gate::Output));
        let c = l.load_part(&cell[lanes.clone()], 0.0);
        let c = l.add(l.mul(f, c), l.mul(i, g));
        l.store_part(c, &mut cell[lanes.clone()]);
        l.store_part(l.mul(o, tanh(l, c)), &mut h[lanes]);
    }
}

/// The definition, with real-valued weights and no rounding: `x: [time, input]` → `[time, hidden]`.
pub fn reference(weights: Lstm, x: &[f64], time: Time) -> Vec<f64> {
    let (inputs, hidden) = (weights.input.columns, weights.recurrent.columns);
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    let dot = |w: &Int8, row: usize, x: &[f64]| {
        let products = w.row(row).iter().zip(x).map(|(&w, x)| f64::from(w) * x);
        products.sum::<f64>() * f64::from(w.scales[row])
    };
    let steps = x.len() / inputs.max(1);
    let mut out = vec![0.0; steps * hidden];
    let (mut h, mut c) = (vec![0.0; hidden], vec![0.0; hidden]);
    for step in 0..steps {
        let t = if time == Time::Forward {
            step
        } else {
            steps - 1 - step
        };
        let x = &x[t * inputs..][..inputs];
        let sum = |row| {
            let bias = f64::from(weights.bias[row]);
            dot(&weights.input, row, x) + dot(&weights.recurrent, row, &h) + bias
        };
        let sums: Vec<f64> = (0..4 * hidden).map(sum).collect();
        for j in 0..hidden {
            let [i, f, g, o] = Gate::ALL.map(|gate| sums[gate.rows(hidden)][j]);
            c[j] = sigmoid(f) * c[j] + sigmoid(i) * g.tanh();
            h[j] = sigmoid(o) * c[j].tanh();
        }
        out[t * hidden..][..hidden].copy_from_slice(&h);
    }
    out
}
