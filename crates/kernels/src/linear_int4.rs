//! Linear layer: 4-bit weights in groups, integer activations, exact integer sums in each group.

use crate::int16::{FOUR, Rows};
use crate::lanes::{Job, Lanes, WIDTH};
use crate::panels::{Block, Pair, blocks, outputs, surpluses};
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

    fn debug_check(&self) {
        debug_assert_eq!(self.columns % GROUP, 0, "groups are whole");
        debug_assert_eq!(self.values.len() * 2, self.rows * self.columns);
        debug_assert_eq!(self.scales.len() * GROUP, self.rows * self.columns);
    }
}

/// 4-bit weights `[rows, columns]` in panels of eight rows, an integer in a byte.
#[derive(Clone, Debug)]
pub struct Int4Panels {
    rows: usize,
    columns: usize,
    /// `[panels, groups, PAIRS]`.
    blocks: Vec<Block>,
    /// `[panels, groups]`.
    scales: Vec<[f32; WIDTH]>,
}

impl Int4Panels {
    /// The rows in their order; those that the last panel lacks are zeros.
    pub fn new(w: Int4) -> Self {
        w.debug_check();
        let (panels, groups) = (w.rows.div_ceil(WIDTH), w.columns / GROUP);
        let mut fill = |row, weights: &mut [i8]| {
            if row < w.rows {
                for (column, weight) in weights.iter_mut().enumerate() {
                    *weight = w.integer(row, column);
                }
            }
        };
        let mut scales = vec![[0.0; WIDTH]; panels * groups];
        for (row, all) in w.scales.chunks_exact(groups.max(1)).enumerate() {
            for (group, scale) in all.iter().enumerate() {
                scales[row / WIDTH * groups + group][row % WIDTH] = *scale;
            }
        }
        Self {
            rows: w.rows,
            columns: w.columns,
            blocks: blocks((panels, 1), w.columns, &mut fill),
            scales,
        }
    }

    /// Inputs.
    pub fn columns(&self) -> usize {
        self.columns
    }
}

/// `out[t, r] += scale_x[t] · Σ over groups scale_w[r, g] · Σ w[r, j] x[t, j]`, `out: [x.rows, w.rows]`.
///
/// Adding lets the caller start from the bias, or from another input's share.
pub fn linear_int4(cpu: Cpu, w: &Int4Panels, x: &Int16, out: &mut [f32]) {
    debug_assert_eq!(x.columns(), w.columns);
    debug_assert_eq!(out.len(), x.rows() * w.rows);
    let (fours, rest) = x.all();
    let (fours, rest) = (by_group(fours), by_group(rest));
    cpu.run(Linear {
        w,
        x,
        fours: &fours,
        rest: &rest,
        out,
    });
}

/// What each group of some rows takes off.
fn by_group<const T: usize>(pairs: &[[Pair; T]]) -> Vec<[i32; T]> {
    let groups = pairs.chunks_exact(PAIRS);
    let mut all = Vec::with_capacity(groups.len());
    groups.for_each(|group| all.push(surpluses(group)));
    all
}

/// Blocks of one group.
const PAIRS: usize = GROUP / 2;

struct Linear<'a> {
    w: &'a Int4Panels,
    x: &'a Int16,
    /// What the groups of x take off, `[x.rows / 4, groups]`.
    fours: &'a [[i32; FOUR]],
    /// `[x.rows % 4, groups]`.
    rest: &'a [[i32; 1]],
    out: &'a mut [f32],
}

impl Job for Linear<'_> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes>(mut self, l: L) {
        // Eight rows of weights stay in the nearest cache while all of x goes by.
        let (fours, rest) = (self.x.rows() / FOUR, self.x.rows() % FOUR);
        let groups = self.w.columns / GROUP;
        for panel in 0..self.w.rows.div_ceil(WIDTH) {
            for four in 0..fours {
                let surpluses = &self.fours[four * groups..];
                self.cells(l, panel, four * FOUR, self.x.four(four), surpluses);
            }
            for one in 0..rest {
                let surpluses = &self.rest[one * groups..];
                self.cells(l, panel, fours * FOUR + one, self.x.one(one), surpluses);
            }
        }
    }
}

impl Linear<'_> {
    /// One panel's share of the outputs of the rows from `t` on.
    #[inline(always)]
    fn cells<L: Lanes, const T: usize>(
        &mut self,
        l: L,
        panel: usize,
        t: usize,
        x: Rows<T>,
        surpluses: &[[i32; T]],
    ) {
        let groups = self.w.columns / GROUP;
        let mut totals = [l.splat(0.0); T];
        let scales = &self.w.scales[panel * groups..][..groups];
        let (blocks, _) = self.w.blocks.as_chunks::<1>();
        let blocks = blocks[panel * groups * PAIRS..].chunks_exact(PAIRS);
        let x_groups = x.pairs.chunks_exact(PAIRS).zip(surpluses);
        for ((blocks, scales), (x, surpluses)) in blocks.zip(scales).zip(x_groups) {
            let [sums] = l.products(blocks, x);
            for ((total, sums), surplus) in totals.iter_mut().zip(sums).zip(surpluses) {
                *total = l.add(*total, l.mul(l.load(scales), l.sums(sums, *surplus)));
            }
        }
        for (i, total) in totals.into_iter().enumerate() {
            let out = outputs(self.out, self.w.rows, t + i, panel);
            let product = l.mul(l.splat(x.scales[i]), total);
            l.store_part(l.add(l.load_part(out, 0.0), product), out);
        }
    }
}

/// The definition: `[x.rows, w.rows]`, without what `out` held before.
pub fn reference(w: Int4, x: &Int16) -> Vec<f64> {
    let cell = |t: usize, row: usize| {
        let (x, scale) = x.row(t);
        let product = |(column, x): (usize, i16)| {
            let weight = f64::from(w.integer(row, column)) * f64::from(w.scale(row, column));
            weight * f64::from(x)
        };
        x.into_iter().enumerate().map(product).sum::<f64>() * f64::from(scale)
    };
    (0..x.rows())
        .flat_map(|t| (0..w.rows).map(move |row| cell(t, row)))
        .collect()
}
