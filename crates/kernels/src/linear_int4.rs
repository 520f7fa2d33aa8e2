//! Linear layer: 4-bit weights in groups, integer activations, exact integer sums in each group.

use std::ops::Range;

use crate::lanes::{Job, Lanes, WIDTH};
use crate::shader::{Shader, params, shader};
use crate::{Cpu, Int16};

/// The kernel on the GPU.
pub const SHADER: Shader = shader!("linear_int4");

params! {
    /// Rows of `x`.
    tokens: u32,
    /// Outputs.
    rows: u32,
    /// Inputs.
    columns: u32,
}

/// Columns that share a scale.
pub const GROUP: usize = 32;

/// Integers of eight rows in one group.
const BLOCK: usize = WIDTH * GROUP;

/// Weights `[rows, columns]` of four bits, `columns` a multiple of [`GROUP`]: w ≈ scale · q, q in
/// -7..=7, stored as q + 8, the even column in the low half of a byte.
#[derive(Clone, Copy, Debug)]
pub struct Int4<'a> {
    /// Outputs.
    pub rows: usize,
    /// Inputs.
    pub columns: usize,
    /// `[rows, columns / 2]`.
    pub values: &'a [u8],
    /// `[rows, columns / 32]`.
    pub scales: &'a [f32],
}

impl Int4<'_> {
    /// A weight's integer.
    #[inline(always)]
    fn integer(&self, row: usize, column: usize) -> i8 {
        let byte = self.values[row * (self.columns / 2) + column / 2];
        (byte >> (column % 2 * 4) & 15).cast_signed() - 8
    }

    /// A weight's scale.
    #[inline(always)]
    fn scale(&self, row: usize, column: usize) -> f32 {
        self.scales[(row * self.columns + column) / GROUP]
    }

    /// One weight.
    #[inline(always)]
    pub(crate) fn at(&self, row: usize, column: usize) -> f32 {
        f32::from(self.integer(row, column)) * self.scale(row, column)
    }

    /// Up to eight rows, group by group: each group's integers, one row after the other, and scales.
    #[inline(always)]
    fn unpack(&self, rows: Range<usize>, integers: &mut [i8], scales: &mut [[f32; WIDTH]]) {
        let groups = integers.chunks_exact_mut(BLOCK).zip(scales);
        for (group, (block, scales)) in groups.enumerate() {
            let column = group * GROUP;
            let parts = block.chunks_exact_mut(GROUP).zip(scales);
            for ((part, scale), row) in parts.zip(rows.clone()) {
                *scale = self.scale(row, column);
                for (j, value) in part.iter_mut().enumerate() {
                    *value = self.integer(row, column + j);
                }
            }
        }
    }

    fn debug_check(&self) {
        debug_assert_eq!(self.columns % GROUP, 0, "groups are whole");
        debug_assert_eq!(self.values.len() * 2, self.rows * self.columns);
        debug_assert_eq!(self.scales.len() * GROUP, self.rows * self.columns);
    }
}

/// `out[t, r] += scale_x[t] · Σ over groups scale_w[r, g] · Σ w[r, j] x[t, j]`, `out: [x.rows, w.rows]`.
///
/// Adding lets the caller start from the bias, or from another input's share.
pub fn linear_int4(cpu: Cpu, w: Int4, x: &Int16, out: &mut [f32]) {
    w.debug_check();
    debug_assert_eq!(x.columns(), w.columns);
    debug_assert_eq!(out.len(), x.rows() * w.rows);
    cpu.run(Linear { w, x, out });
}

struct Linear<'a> {
    w: Int4<'a>,
    x: &'a Int16,
    out: &'a mut [f32],
}

impl Job for Linear<'_> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes>(self, l: L) {
        let Self { w, x, out } = self;
        // Eight rows are unpacked once, group by group, and stay in the nearest cache while all of x
        // goes by.
        let mut integers = vec![0; WIDTH * w.columns];
        let mut scales = vec![[0.0; WIDTH]; w.columns / GROUP];
        for first in (0..w.rows).step_by(WIDTH) {
            let wanted = WIDTH.min(w.rows - first);
            w.unpack(first..first + wanted, &mut integers, &mut scales);
            for (t, out) in out.chunks_exact_mut(w.rows).enumerate() {
                let (x, scale) = x.row(t);
                let mut sum = l.splat(0.0);
                let groups = integers.chunks_exact(BLOCK).zip(&scales);
                for (x, (block, scales)) in x.chunks_exact(GROUP).zip(groups) {
                    let exact = l.dot8(&block[..wanted * GROUP], x);
                    sum = l.add(sum, l.mul(l.load(scales), exact));
                }
                let out = &mut out[first..][..wanted];
                let total = l.add(l.load_part(out, 0.0), l.mul(l.splat(scale), sum));
                l.store_part(total, out);
            }
        }
    }
}

/// The definition: `[x.rows, w.rows]`, without what `out` held before.
pub fn reference(w: Int4, x: &Int16) -> Vec<f64> {
    let cell = |t: usize, row: usize| {
        let (x, scale) = x.row(t);
        let product = |(column, &x): (usize, &i16)| {
            let weight = f64::from(w.integer(row, column)) * f64::from(w.scale(row, column));
            weight * f64::from(x)
        };
        x.iter().enumerate().map(product).sum::<f64>() * f64::from(scale)
    };
    (0..x.rows())
        .flat_map(|t| (0..w.rows).map(move |row| cell(t, row)))
        .collect()
}
