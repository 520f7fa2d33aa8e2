//! int8 weights as the fast path reads them: eight rows side by side, two of them in each integer.

use crate::Int8;
use crate::lanes::WIDTH;

/// Eight rows of a pair of columns. A lane holds two rows' weights of one column, the upper row's in the high byte
/// and the lower row's, made positive by [`BIAS`], in the low one: 256 · w\[r\] + w\[r + 4\] + 128.
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

/// The rows that share a lane are so many apart.
const APART: usize = WIDTH / 2;

impl Block {
    /// Weight by weight: row 0 to 7, and column 0 or 1.
    fn new(weight: impl Fn(usize, usize) -> i8) -> Self {
        Self(std::array::from_fn(|lane| {
            let (row, column) = (lane / 2, lane % 2);
            let (upper, lower) = (weight(row, column), weight(row + APART, column));
            i16::from(upper) * 256 + i16::from(lower) + BIAS as i16
        }))
    }
}

/// int8 weights `[rows, columns]` in panels of eight rows; missing rows and columns are zeros.
///
/// P panels lie side by side, and are multiplied together.
#[derive(Clone, Debug)]
pub struct Panels<const P: usize = 1> {
    rows: usize,
    columns: usize,
    /// `[panels / P, pairs]`.
    blocks: Vec<[Block; P]>,
    /// `[panels / P]`.
    scales: Vec<[[f32; WIDTH]; P]>,
}

impl Panels {
    /// The rows in their order.
    pub fn new(w: Int8) -> Self {
        Self::gather(w, w.rows, |row| (row < w.rows).then_some(row))
    }
}

impl<const P: usize> Panels<P> {
    /// So many rows, each one of `w` or of zeros.
    pub(crate) fn gather(w: Int8, rows: usize, row: impl Fn(usize) -> Option<usize>) -> Self {
        w.debug_check();
        let scale = |at| row(at).map_or(0.0, |row| w.scales[row]);
        let weight = |at, column| match row(at) {
            Some(row) if column < w.columns => w.row(row)[column],
            _ => 0,
        };
        let groups = rows.div_ceil(WIDTH * P);
        Self {
            rows,
            columns: w.columns,
            blocks: blocks(groups, w.columns, weight),
            scales: lanes(groups, scale),
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
    pub(crate) fn group(&self, group: usize) -> (&[[Block; P]], &[[f32; WIDTH]; P]) {
        let pairs = pairs(self.columns);
        (&self.blocks[group * pairs..][..pairs], &self.scales[group])
    }
}

/// Weights by row and column, also beyond the last ones, as `[groups, pairs]`.
pub(crate) fn blocks<const P: usize>(
    groups: usize,
    columns: usize,
    weight: impl Fn(usize, usize) -> i8,
) -> Vec<[Block; P]> {
    let places = (0..groups).flat_map(|group| (0..pairs(columns)).map(move |pair| (group, pair)));
    let block = |panel: usize, pair: usize| {
        Block::new(|row, column| weight(panel * WIDTH + row, pair * 2 + column))
    };
    places
        .map(|(group, pair)| std::array::from_fn(|p| block(group * P + p, pair)))
        .collect()
}

/// Numbers by row, also beyond the last one, as `[groups]`.
pub(crate) fn lanes<const P: usize>(
    groups: usize,
    number: impl Fn(usize) -> f32,
) -> Vec<[[f32; WIDTH]; P]> {
    let panel = |panel: usize| std::array::from_fn(|lane| number(panel * WIDTH + lane));
    (0..groups)
        .map(|group| std::array::from_fn(|p| panel(group * P + p)))
        .collect()
}

/// What [`Lanes::sums`](crate::lanes::Lanes::sums) takes off the lower rows: the share of [`BIAS`] in each row of
/// activations.
#[inline(always)]
pub(crate) fn surpluses<const T: usize>(x: &[[Pair; T]]) -> [i32; T] {
    let mut totals = [0_i32; T];
    for pairs in x {
        for (total, [a, b]) in totals.iter_mut().zip(pairs) {
            *total += i32::from(*a) + i32::from(*b);
        }
    }
    totals.map(|total| total.wrapping_mul(BIAS))
}

/// A panel's outputs of one row of activations, in `out: [rows of activations, rows]`.
#[inline(always)]
pub(crate) fn outputs(out: &mut [f32], rows: usize, t: usize, panel: usize) -> &mut [f32] {
    let first = panel * WIDTH;
    &mut out[t * rows..][first..rows.min(first + WIDTH)]
}
