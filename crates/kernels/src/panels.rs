//! Weights of 8 and 4 bits as the fast path reads them: eight rows side by side, two of them in each integer.

use crate::Int8;
use crate::lanes::WIDTH;

/// Eight rows of a pair of columns. A lane holds two rows' weights of one column, the upper row's in the high
/// byte and the lower row's, made positive by [`BIAS`], in the low one: 256 · w\[r\] + w\[r + 4\] + 128.
///
/// So Σ lane · x is 256 · Σ w\[r\] x + Σ w\[r + 4\] x + 128 · Σ x, and Σ (lane >> 8) · x is Σ w\[r\] x: both rows'
/// sums follow, exactly, for one load and one shift, even where the first sum wraps around.
///
/// Lanes: of each of the rows 0 to 3, both columns.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C, align(16))]
pub(crate) struct Block(pub(crate) [i16; WIDTH]);

/// A pair of columns of activations.
pub(crate) type Pair = [i16; 2];

/// Pairs of so many columns: an even number, the last of them zeros if need be, so that an instruction set may
/// take two at a time.
#[inline(always)]
pub(crate) fn pairs(columns: usize) -> usize {
    columns.div_ceil(4) * 2
}

/// What makes a low byte positive.
pub(crate) const BIAS: i32 = 128;

/// int8 weights `[rows, columns]` in panels of eight rows; missing rows and columns are zeros.
///
/// P panels lie side by side, and are multiplied together.
#[derive(Clone, Debug)]
pub struct Panels<const P: usize = 1> {
    rows: usize,
    columns: usize,
    /// `[panels / P, pairs, P]`.
    blocks: Vec<Block>,
    /// `[panels]`.
    scales: Vec<[f32; WIDTH]>,
}

impl Panels {
    /// The rows in their order.
    pub fn new(w: Int8) -> Self {
        Self::gather(w, w.rows, &|row| (row < w.rows).then_some(row))
    }
}

impl<const P: usize> Panels<P> {
    /// So many rows, each one of `w` or of zeros.
    pub(crate) fn gather(w: Int8, rows: usize, row: &dyn Fn(usize) -> Option<usize>) -> Self {
        w.debug_check();
        let panels = rows.div_ceil(WIDTH * P) * P;
        let mut fill = |at, weights: &mut [i8]| {
            if let Some(row) = row(at) {
                weights.copy_from_slice(w.row(row));
            }
        };
        Self {
            rows,
            columns: w.columns,
            blocks: blocks((panels, P), w.columns, &mut fill),
            scales: by_panel(panels, &|at| row(at).map_or(0.0, |row| w.scales[row])),
        }
    }

    /// Outputs.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Inputs.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// The weights of P panels, pair by pair, and their rows' scales.
    #[inline(always)]
    pub(crate) fn group(&self, group: usize) -> (&[[Block; P]], &[[f32; WIDTH]]) {
        let pairs = pairs(self.columns);
        let (blocks, _) = self.blocks.as_chunks::<P>();
        (
            &blocks[group * pairs..][..pairs],
            &self.scales[group * P..][..P],
        )
    }
}

/// Weights as `[panels / together, pairs, together]`. `fill` writes a row's weights over zeros, and nothing beyond
/// the last row. Out of line, for all kinds of weights, and compiled to be small, as what follows: every byte is
/// downloaded.
#[cold]
#[inline(never)]
pub(crate) fn blocks(
    (panels, together): (usize, usize),
    columns: usize,
    fill: &mut dyn FnMut(usize, &mut [i8]),
) -> Vec<Block> {
    let pairs = pairs(columns);
    let mut blocks = vec![Block([BIAS as i16; WIDTH]); panels * pairs];
    let mut weights = vec![0; columns];
    for row in 0..panels * WIDTH {
        weights.fill(0);
        fill(row, &mut weights);
        let (panel, row) = (row / WIDTH, row % WIDTH);
        let first = panel / together * pairs * together + panel % together;
        // The rows of the lower half share the lanes of the upper.
        let step = if row < WIDTH / 2 { 256 } else { 1 };
        for (column, &weight) in weights.iter().enumerate() {
            let Block(lanes) = &mut blocks[first + column / 2 * together];
            lanes[row % (WIDTH / 2) * 2 + column % 2] += i16::from(weight) * step;
        }
    }
    blocks
}

/// Numbers by row, also beyond the last one, as `[panels]`.
#[cold]
#[inline(never)]
pub(crate) fn by_panel(panels: usize, number: &dyn Fn(usize) -> f32) -> Vec<[f32; WIDTH]> {
    let mut all = vec![[0.0; WIDTH]; panels];
    for (row, lane) in all.as_flattened_mut().iter_mut().enumerate() {
        *lane = number(row);
    }
    all
}

/// What [`Lanes::sums`](crate::lanes::Lanes::sums) takes off the lower rows: the share of [`BIAS`] in each row of
/// activations.
#[cold]
#[inline(never)]
pub(crate) fn surpluses<const T: usize>(x: &[[Pair; T]]) -> [i32; T] {
    let mut totals = [0_i32; T];
    for (place, pair) in x.as_flattened().iter().enumerate() {
        totals[place % T] += i32::from(pair[0]) + i32::from(pair[1]);
    }
    totals.map(|total| total.wrapping_mul(BIAS))
}

/// A panel's outputs of one row of activations, in `out: [rows of activations, rows]`.
#[inline(always)]
pub(crate) fn outputs(out: &mut [f32], rows: usize, t: usize, panel: usize) -> &mut [f32] {
    let first = panel * WIDTH;
    &mut out[t * rows..][first..rows.min(first + WIDTH)]
}
