//! Linear layer: int8 weights, integer activations, exact integer sums.

use crate::lanes::{Job, Lanes, WIDTH};
use crate::shader::{Shader, params, shader};
use crate::{Cpu, Int16};

/// The kernel on the GPU.
pub const SHADER: Shader = shader!("linear_int8");

/// The kernel on a GPU that has `shader-f16`.
pub const SHADER_F16: Shader = shader!("linear_int8.f16");

/// The kernel on a GPU that has `packed_4x8_integer_dot_product`.
pub const SHADER_PACKED: Shader = shader!("linear_int8.packed");

params! {
    /// Rows of `x`.
    tokens: u32,
    /// Outputs.
    rows: u32,
    /// Inputs.
    columns: u32,
}

/// Most columns a weight may have: with activations of 12 bits, 8192 · 127 · 2047 still fits an `i32`.
pub const MOST_COLUMNS: usize = 8192;

/// int8 weights `[rows, columns]` with a scale for each row: w ≈ scale · q, q in -127..=127.
#[derive(Clone, Copy, Debug)]
pub struct Int8<'a> {
    /// Outputs.
    pub rows: usize,
    /// Inputs, at most [`MOST_COLUMNS`].
    pub columns: usize,
    /// `[rows, columns]`.
    pub values: &'a [i8],
    /// `[rows]`.
    pub scales: &'a [f32],
}

impl<'a> Int8<'a> {
    /// One row of weights.
    #[inline(always)]
    pub fn row(&self, row: usize) -> &'a [i8] {
        &self.values[row * self.columns..][..self.columns]
    }

    fn debug_check(&self) {
        debug_assert!(self.columns > 0, "a row of nothing");
        debug_assert!(self.columns <= MOST_COLUMNS, "i32 would overflow");
        debug_assert_eq!(self.values.len(), self.rows * self.columns);
        debug_assert_eq!(self.scales.len(), self.rows);
    }
}

/// `out[t, r] += scale_w[r] · scale_x[t] · Σ w[r, j] x[t, j]`, `out: [x.rows, w.rows]`.
///
/// Adding lets the caller start from the bias, or from another input's share.
pub fn linear_int8(cpu: Cpu, w: Int8, x: &Int16, out: &mut [f32]) {
    w.debug_check();
    debug_assert_eq!(x.columns(), w.columns);
    debug_assert_eq!(out.len(), x.rows() * w.rows);
    cpu.run(Linear { w, x, out });
}

struct Linear<'a> {
    w: Int8<'a>,
    x: &'a Int16,
    out: &'a mut [f32],
}

impl Job for Linear<'_> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes>(self, l: L) {
        for (t, out) in self.out.chunks_exact_mut(self.w.rows.max(1)).enumerate() {
            let (x, scale) = self.x.row(t);
            row(l, self.w, x, scale, out);
        }
    }
}

/// One row of activations: `out[r] += scale_w[r] · scale · (w x)[r]`.
#[inline(always)]
pub(crate) fn row<L: Lanes>(l: L, w: Int8, x: &[i16], scale: f32, out: &mut [f32]) {
    for (block, out) in out.chunks_mut(WIDTH).enumerate() {
        let first = block * WIDTH;
        let block = &w.values[first * w.columns..][..out.len() * w.columns];
        let sums = l.dot8(block, x);
        let scales = l.load_part(&w.scales[first..][..out.len()], 0.0);
        let products = l.mul(l.mul(scales, l.splat(scale)), sums);
        let total = l.add(l.load_part(out, 0.0), products);
        l.store_part(total, out);
    }
}

/// The definition: `[x.rows, w.rows]`, without what `out` held before.
pub fn reference(w: Int8, x: &Int16) -> Vec<f64> {
    let cell = |t: usize, r: usize| {
        let (x, scale) = x.row(t);
        let products = w
            .row(r)
            .iter()
            .zip(x)
            .map(|(&w, &x)| f64::from(w) * f64::from(x));
        products.sum::<f64>() * f64::from(w.scales[r]) * f64::from(scale)
    };
    (0..x.rows())
        .flat_map(|t| (0..w.rows).map(move |r| cell(t, r)))
        .collect()
}
