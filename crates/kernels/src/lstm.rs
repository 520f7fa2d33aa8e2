//! Long short-term memory (Hochreiter & Schmidhuber 1997, with the forget gate of Gers et al. 2000).

use crate::elementary::{sigmoid, tanh};
use crate::int16::Rows;
use crate::lanes::{Job, Lanes, WIDTH};
use crate::panels::{Pair, by_panel};
use crate::shader::{Shader, params, shader};
use crate::{Cpu, Int8, Int16, Panels, int16, linear_int8};

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

/// One direction's weights in panels. A block is eight units, its panels their four gates; the last block's
/// missing units have zeros for weights, and stay at 0.
#[derive(Clone, Debug)]
pub struct Gates {
    hidden: usize,
    input: Panels,
    recurrent: Panels<GATES>,
    /// `[blocks, gates]`.
    bias: Vec<[f32; WIDTH]>,
}

const GATES: usize = Gate::ALL.len();

impl Gates {
    /// Prepares a direction.
    pub fn new(weights: Lstm) -> Self {
        let hidden = weights.recurrent.columns;
        debug_assert_eq!(weights.recurrent.rows, GATES * hidden);
        let panels = hidden.div_ceil(WIDTH) * GATES;
        let row = |at: usize| {
            let (panel, lane) = (at / WIDTH, at % WIDTH);
            let unit = panel / GATES * WIDTH + lane;
            (unit < hidden).then_some(panel % GATES * hidden + unit)
        };
        let rows = panels * WIDTH;
        Self {
            hidden,
            input: Panels::gather(weights.input, rows, &row),
            recurrent: Panels::gather(weights.recurrent, rows, &row),
            bias: by_panel(panels, &|at| row(at).map_or(0.0, |row| weights.bias[row])),
        }
    }

    /// Units.
    pub fn hidden(&self) -> usize {
        self.hidden
    }

    /// Numbers in an input's [`share`].
    pub fn share_len(&self) -> usize {
        self.input.rows()
    }
}

/// What the steps of a direction work in; kept from call to call, it spares every call its allocations.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    /// `[blocks, gates, 8]`.
    gates: Vec<f32>,
    /// `[blocks, 8]` each.
    cell: Vec<f32>,
    state: Vec<f32>,
    /// The state in 12 bits, `[blocks, 4]`: no fewer than `pairs(hidden)`, for whole blocks are whole pairs.
    before: Vec<[Pair; 1]>,
    /// What those stand for.
    scale: f32,
    surplus: i32,
}

impl Memory {
    /// Before the first step of a direction.
    #[cold]
    pub fn begin(&mut self, weights: &Gates) {
        let units = weights.bias.len() / GATES * WIDTH;
        self.gates.resize(GATES * units, 0.0);
        self.state.resize(units, 0.0);
        self.cell.clear();
        self.cell.resize(units, 0.0);
        self.before.clear();
        self.before.resize(units / 2, [[0; 2]]);
        (self.scale, self.surplus) = (0.0, 0);
    }
}

/// Appends the share of each row of `x: [inputs, input]` in the gates, W x + b, to
/// `shares: [inputs, blocks, gates, 8]`.
pub fn share(cpu: Cpu, weights: &Gates, x: &Int16, shares: &mut Vec<f32>) {
    let start = shares.len();
    for _ in 0..x.rows() {
        shares.extend_from_slice(weights.bias.as_flattened());
    }
    linear_int8::linear_int8(cpu, &weights.input, x, &mut shares[start..]);
}

/// Step t reads the input whose [`share`] is row `steps[t]` of `shares`, and leaves its hidden state in row t of
/// `out`, in the text's order whichever way time runs.
///
/// i, f, o = σ(W x + R h + b), g = tanh(W x + R h + b); c ← f·c + i·g; h ← o·tanh c; c and h are those that
/// `memory` has, 0 after [`Memory::begin`]: a text that is still being written goes on from there. The recurrent input h is rounded to 12 bits; every output is in [-1, 1].
pub fn lstm(
    cpu: Cpu,
    weights: &Gates,
    shares: &[f32],
    (steps, time): (&[u32], Time),
    memory: &mut Memory,
    out: Columns,
) {
    debug_assert_eq!(out.values.len(), steps.len() * out.columns);
    cpu.run(Recurrence {
        weights,
        shares,
        steps,
        time,
        memory,
        out,
    });
}

/// Where a direction leaves its states: some columns of a matrix.
#[derive(Debug)]
pub struct Columns<'a> {
    /// `[rows, columns]`.
    pub values: &'a mut [f32],
    /// Width of a row.
    pub columns: usize,
    /// The first of the direction's columns.
    pub first: usize,
}

struct Recurrence<'a> {
    weights: &'a Gates,
    shares: &'a [f32],
    steps: &'a [u32],
    time: Time,
    memory: &'a mut Memory,
    out: Columns<'a>,
}

impl Job for Recurrence<'_> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes>(self, l: L) {
        let Self {
            weights, memory, ..
        } = self;
        let panels = weights.bias.len();
        let (shares, _) = self.shares.as_chunks::<WIDTH>();
        for step in 0..self.steps.len() {
            let t = match self.time {
                Time::Forward => step,
                Time::Backward => self.steps.len() - 1 - step,
            };
            let share = &shares[self.steps[t] as usize * panels..][..panels];
            advance(l, weights, share, memory);
            self.out.values[t * self.out.columns + self.out.first..][..weights.hidden]
                .copy_from_slice(&memory.state[..weights.hidden]);
        }
    }
}

/// The next state of `memory`, from an input's share of the gates, `[blocks, gates, 8]`.
#[inline(always)]
fn advance<L: Lanes>(l: L, weights: &Gates, share: &[[f32; WIDTH]], memory: &mut Memory) {
    let before = Rows {
        pairs: &memory.before,
        scales: [memory.scale],
        surpluses: [memory.surplus],
    };
    add_state(l, &weights.recurrent, before, share, &mut memory.gates);
    activate(l, &memory.gates, &mut memory.cell, &mut memory.state);
    let rounded = memory.before.as_flattened_mut().as_flattened_mut();
    (memory.scale, memory.surplus) = int16::quantize(l, &memory.state, rounded, int16::TWELVE_BITS);
}

/// The input's share of the gates and what the state before, in 12 bits, adds to it: `[blocks, gates, 8]` each.
#[inline(always)]
fn add_state<L: Lanes>(
    l: L,
    recurrent: &Panels<GATES>,
    before: Rows<1>,
    share: &[[f32; WIDTH]],
    gates: &mut [f32],
) {
    let (gates, _) = gates.as_chunks_mut::<WIDTH>();
    let blocks = share.chunks_exact(GATES).zip(gates.chunks_exact_mut(GATES));
    for (block, (share, gates)) in blocks.enumerate() {
        let (weights, scales) = recurrent.group(block);
        let sums = l.products(weights, before.pairs);
        let panels = sums.into_iter().zip(scales).zip(share).zip(gates);
        for ((([sums], scales), share), gate) in panels {
            let scales = l.mul(l.load(scales), l.splat(before.scales[0]));
            let products = l.mul(scales, l.sums(sums, before.surpluses[0]));
            l.store(l.add(l.load(share), products), gate);
        }
    }
}

/// The gates `[blocks, gates, 8]` and the cell give the new cell and state, `[blocks, 8]` each.
///
/// Apart from the sums: a block's activations wait for one another, and so had better have the next block's
/// beside them than a long sum.
#[inline(always)]
fn activate<L: Lanes>(l: L, gates: &[f32], cell: &mut [f32], state: &mut [f32]) {
    let (gates, _) = gates.as_chunks::<WIDTH>().0.as_chunks::<GATES>();
    let (cell, state) = (cell.as_chunks_mut::<WIDTH>().0, state.as_chunks_mut().0);
    for ((gates, cell), state) in gates.iter().zip(cell).zip(state) {
        let [i, f, g, o] = Gate::ALL.map(|gate| l.load(&gates[gate as usize]));
        let (i, f, o) = (sigmoid(l, i), sigmoid(l, f), sigmoid(l, o));
        let c = l.add(l.mul(f, l.load(cell)), l.mul(i, tanh(l, g)));
        l.store(c, cell);
        l.store(l.mul(o, tanh(l, c)), state);
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
