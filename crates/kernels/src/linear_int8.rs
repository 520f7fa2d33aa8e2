//! Linear layer: int8 weights, integer activations, exact integer sums.

use crate::int16::{FOUR, Rows, TWELVE_BITS};
use crate::lanes::{Job, Lanes, WIDTH};
use crate::panels::outputs;
use crate::shader::{Shader, params, shader};
use crate::{Cpu, Int16, Panels};

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
const _: () = assert!(MOST_COLUMNS as i64 * 127 * TWELVE_BITS as i64 <= i32::MAX as i64);

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

    pub(crate) fn debug_check(&self) {
        debug_assert!(self.columns > 0, "a row of nothing");
        debug_assert!(self.columns <= MOST_COLUMNS, "i32 would overflow");
        debug_assert_eq!(self.values.len(), self.rows * self.columns);
        debug_assert_eq!(self.scales.len(), self.rows);
    }
}

/// `out[t, r] += scale_w[r] · scale_x[t] · Σ w[r, j] x[t, j]`, `out: [x.rows, w.rows]`.
///
/// Adding lets the caller start from the bias, or from another input's share.
pub fn linear_int8(cpu: Cpu, w: &Panels, x: &Int16, out: &mut [f32]) {
    debug_assert_eq!(x.columns(), w.columns());
    debug_assert_eq!(out.len(), x.rows() * w.rows());
    cpu.run(Linear { w, x, out });
}

struct Linear<'a> {
    w: &'a Panels,
    x: &'a Int16,
    out: &'a mut [f32],
}

impl Job for Linear<'_> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes>(mut self, l: L) {
        // Eight rows of weights stay in the nearest cache while all of x goes by.
        let (fours, rest) = (self.x.rows() / FOUR, self.x.rows() % FOUR);
        for panel in 0..self.w.rows().div_ceil(WIDTH) {
            for four in 0..fours {
                self.cells(l, panel, four * FOUR, self.x.four(four));
            }
            for one in 0..rest {
                self.cells(l, panel, fours * FOUR + one, self.x.one(one));
            }
        }
    }
}

impl Linear<'_> {
    /// One panel's share of the outputs of the rows from `t` on.
    #[inline(always)]
    fn cells<L: Lanes, const T: usize>(&mut self, l: L, panel: usize, t: usize, x: Rows<T>) {
        let (weights, scales) = self.w.group(panel);
        let [sums] = l.products(weights, x.pairs);
        for (i, sums) in sums.into_iter().enumerate() {
            let scales = l.mul(l.load(&scales[0]), l.splat(x.scales[i]));
            let products = l.mul(scales, l.sums(sums, x.surpluses[i]));
            let out = outputs(self.out, self.w.rows(), t + i, panel);
            l.store_part(l.add(l.load_part(out, 0.0), products), out);
        }
    }
}

/// The definition: `[x.rows, w.rows]`, without what `out` held before.
pub fn reference(w: Int8, x: &Int16) -> Vec<f64> {
    let cell = |t: usize, r: usize| {
        let (x, scale) = x.row(t);
        let products = w
            .row(r)
            .iter()
            .zip(&x)
            .map(|(&w, &x)| f64::from(w) * f64::from(x));
        products.sum::<f64>() * f64::from(w.scales[r]) * f64::from(scale)
    };
    (0..x.rows())
        .flat_map(|t| (0..w.rows).map(move |r| cell(t, r)))
        .collect()
}
