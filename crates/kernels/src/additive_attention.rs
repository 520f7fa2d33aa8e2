//! Additive attention over time (Bahdanau et al. 2015, eq. 6, with one learnt query).

use crate::elementary::tanh;
use crate::int16::TWELVE_BITS;
use crate::lanes::{Job, Lanes, WIDTH};
use crate::shader::{Shader, params, shader};
use crate::{Cpu, Int8, Int16, Panels, linear_int8, softmax};

/// The kernel on the GPU.
pub const SHADER: Shader = shader!("additive_attention");

params! {
    /// Rows of the projection.
    units: u32,
    /// Width of `h`.
    columns: u32,
}

/// s = v · tanh(U h + b).
#[derive(Clone, Copy, Debug)]
pub struct Attention<'a> {
    /// U: `[attention, 2 * hidden]`.
    pub projection: Int8<'a>,
    /// b: `[attention]`.
    pub bias: &'a [f32],
    /// v: `[attention]`.
    pub vector: &'a [f32],
}

/// The same in panels.
#[derive(Clone, Copy, Debug)]
pub struct Scorer<'a> {
    /// U: `[attention, 2 * hidden]`.
    pub projection: &'a Panels,
    /// b: `[attention]`.
    pub bias: &'a [f32],
    /// v: `[attention]`.
    pub vector: &'a [f32],
}

/// What a call needs beside its weights; kept from call to call, it spares every call its allocations.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    h: Int16,
    /// `[time, attention]`.
    sums: Vec<f32>,
}

/// `h: [time, 2 * hidden]` → weights in `out: [time]`, summing to 1; none for an empty text.
///
/// h is rounded to 12 bits on its way into U.
pub fn additive_attention(
    cpu: Cpu,
    weights: Scorer,
    h: &[f32],
    memory: &mut Memory,
    out: &mut Vec<f32>,
) {
    let Memory { h: rounded, sums } = memory;
    rounded.refill(cpu, h, weights.projection.columns(), TWELVE_BITS);
    sums.clear();
    for _ in 0..rounded.rows() {
        sums.extend_from_slice(weights.bias);
    }
    linear_int8::linear_int8(cpu, weights.projection, rounded, sums);
    out.clear();
    out.resize(rounded.rows(), 0.0);
    let vector = weights.vector;
    cpu.run(Scores { sums, vector, out });
}

struct Scores<'a> {
    /// `[time, attention]`.
    sums: &'a [f32],
    vector: &'a [f32],
    out: &'a mut [f32],
}

impl Job for Scores<'_> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes>(self, l: L) {
        let steps = self.sums.chunks_exact(self.vector.len().max(1));
        for (out, sums) in self.out.iter_mut().zip(steps) {
            *out = score(l, sums, self.vector);
        }
        softmax::row(l, self.out);
    }
}

/// v · tanh(sums).
#[inline(always)]
fn score<L: Lanes>(l: L, sums: &[f32], vector: &[f32]) -> f32 {
    let mut sum = l.splat(0.0);
    for (sums, vector) in sums.chunks(WIDTH).zip(vector.chunks(WIDTH)) {
        let activation = tanh(l, l.load_part(sums, 0.0));
        sum = l.add(sum, l.mul(activation, l.load_part(vector, 0.0)));
    }
    l.sum(sum)
}

/// The definition, with real-valued weights and no rounding: `h: [time, 2 * hidden]` → `[time]`.
pub fn reference(weights: Attention, h: &[f64]) -> Vec<f64> {
    let u = weights.projection;
    let score = |h: &[f64]| -> f64 {
        let unit = |row: usize| {
            let products = u.row(row).iter().zip(h).map(|(&w, h)| f64::from(w) * h);
            let sum = products.sum::<f64>() * f64::from(u.scales[row]);
            f64::from(weights.vector[row]) * (sum + f64::from(weights.bias[row])).tanh()
        };
        (0..u.rows).map(unit).sum()
    };
    let scores: Vec<f64> = h.chunks_exact(u.columns).map(score).collect();
    let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = scores.iter().map(|s| (s - largest).exp()).sum();
    scores.iter().map(|s| (s - largest).exp() / sum).collect()
}
