//! Activations as integers: what weights of 8 and 4 bits are multiplied with. A student's have 12 bits, a teacher's and a
//! decoder's as many as their sums leave room for.

use crate::Cpu;
use crate::lanes::{Job, Lanes, ROUND, WIDTH};
use crate::panels::{BIAS, Pair, pairs, surpluses};

/// Largest magnitude of a 12-bit activation, with which any sum over 8192 columns fits an `i32`.
pub const TWELVE_BITS: i16 = 2047;

/// Largest magnitude of an activation with which a sum over so many columns of int8 weights, at most 8192,
/// fits an `i32`.
pub fn finest(columns: usize) -> i16 {
    let room = i32::MAX / (127 * columns.max(1) as i32);
    i16::try_from(room).unwrap_or(i16::MAX)
}

/// A row whose largest magnitude is below this counts as zero, so that no scale is subnormal.
const SMALLEST: f32 = 1e-30;

/// Rows of activations, each integers and one scale: x ≈ scale · q.
///
/// Four rows lie side by side, pair of columns by pair of columns, since they are multiplied together; up to three
/// at the end lie one after the other.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Int16 {
    columns: usize,
    /// `[rows / 4, pairs]`.
    fours: Vec<[Pair; FOUR]>,
    /// `[rows % 4, pairs]`, and four rows until they move.
    rest: Vec<[Pair; 1]>,
    scales: Vec<f32>,
    surpluses: Vec<i32>,
}

/// Rows that lie side by side.
pub(crate) const FOUR: usize = 4;

/// Some rows of activations, as panels are multiplied with them.
#[derive(Clone, Copy)]
pub(crate) struct Rows<'a, const T: usize> {
    /// `[pairs]`.
    pub(crate) pairs: &'a [[Pair; T]],
    pub(crate) scales: [f32; T],
    /// See [`surpluses`].
    pub(crate) surpluses: [i32; T],
}

impl Int16 {
    /// No rows yet, room for `rows`.
    pub fn with_capacity(rows: usize, columns: usize) -> Self {
        Self {
            columns,
            fours: Vec::with_capacity(rows / FOUR * pairs(columns)),
            rest: Vec::with_capacity(FOUR.min(rows) * pairs(columns)),
            scales: Vec::with_capacity(rows),
            surpluses: Vec::with_capacity(rows),
        }
    }

    /// Quantizes `x: [rows, columns]` row by row: scale = max|x| / `largest`, rounding half to even.
    pub fn quantize(cpu: Cpu, x: &[f32], columns: usize, largest: i16) -> Self {
        let mut rows = Self::with_capacity(x.len() / columns.max(1), columns);
        rows.refill(cpu, x, columns, largest);
        rows
    }

    /// [`Self::quantize`] in the place of the rows that were here.
    pub fn refill(&mut self, cpu: Cpu, x: &[f32], columns: usize, largest: i16) {
        self.clear(columns);
        for x in x.chunks_exact(columns.max(1)) {
            let q = self.begin();
            let (scale, surplus) = cpu.run(Quantize { x, q, largest });
            self.end(scale, surplus);
        }
    }

    /// Forgets all rows; those that follow have so many columns.
    pub fn clear(&mut self, columns: usize) {
        self.columns = columns;
        self.fours.clear();
        self.rest.clear();
        self.scales.clear();
        self.surpluses.clear();
    }

    /// Adds one row of integers as they are, as many as there are columns.
    pub fn push(&mut self, row: impl IntoIterator<Item = i16>, scale: f32) {
        let columns = self.columns;
        let places = self.begin();
        for (place, q) in places.iter_mut().zip(row) {
            *place = q;
        }
        let [surplus] = surpluses(&self.rest[self.rest.len() - pairs(columns)..]);
        self.end(scale, surplus);
    }

    /// A new row of zeros, up to its last pair.
    #[inline(never)]
    fn begin(&mut self) -> &mut [i16] {
        let start = self.rest.len();
        self.rest.resize(start + pairs(self.columns), [[0; 2]]);
        self.rest[start..].as_flattened_mut().as_flattened_mut()
    }

    /// Says what the new row's integers stand for; four rows move together.
    #[inline(never)]
    fn end(&mut self, scale: f32, surplus: i32) {
        let pairs = pairs(self.columns);
        self.scales.push(scale);
        self.surpluses.push(surplus);
        if self.rows().is_multiple_of(FOUR) {
            let rest = &self.rest;
            let four = |pair: usize| std::array::from_fn(|t| rest[t * pairs + pair][0]);
            self.fours.extend((0..pairs).map(four));
            self.rest.clear();
        }
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.scales.len()
    }

    /// Values in a row.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// One row: its integers and its scale.
    pub fn row(&self, row: usize) -> (Vec<i16>, f32) {
        let pairs: Vec<Pair> = match row.checked_sub(self.rows() / FOUR * FOUR) {
            Some(rest) => self.one(rest).pairs.iter().map(|[pair]| *pair).collect(),
            None => self
                .four(row / FOUR)
                .pairs
                .iter()
                .map(|four| four[row % FOUR])
                .collect(),
        };
        (
            pairs.as_flattened()[..self.columns].to_vec(),
            self.scales[row],
        )
    }

    /// All rows, four by four and the rest one by one, `[rows / 4, pairs]` and `[rows % 4, pairs]`.
    pub(crate) fn all(&self) -> (&[[Pair; FOUR]], &[[Pair; 1]]) {
        (&self.fours, &self.rest)
    }

    /// The rows 4 · `four` to 4 · `four` + 3.
    #[inline(always)]
    pub(crate) fn four(&self, four: usize) -> Rows<'_, FOUR> {
        let (pairs, row) = (pairs(self.columns), four * FOUR);
        Rows {
            pairs: &self.fours[four * pairs..][..pairs],
            scales: std::array::from_fn(|t| self.scales[row + t]),
            surpluses: std::array::from_fn(|t| self.surpluses[row + t]),
        }
    }

    /// One of the rows after the last four.
    #[inline(always)]
    pub(crate) fn one(&self, rest: usize) -> Rows<'_, 1> {
        let (pairs, row) = (pairs(self.columns), self.rows() / FOUR * FOUR + rest);
        Rows {
            pairs: &self.rest[rest * pairs..][..pairs],
            scales: [self.scales[row]],
            surpluses: [self.surpluses[row]],
        }
    }
}

struct Quantize<'a> {
    x: &'a [f32],
    q: &'a mut [i16],
    largest: i16,
}

impl Job for Quantize<'_> {
    type Output = (f32, i32);
    #[inline(always)]
    fn run<L: Lanes>(self, l: L) -> (f32, i32) {
        quantize(l, self.x, self.q, self.largest)
    }
}

/// Quantizes one row into `q`, to magnitudes up to `most`, and answers its scale and what [`surpluses`] says of it.
/// What `q` has beyond the row is zeros, or becomes it.
#[inline(always)]
pub(crate) fn quantize<L: Lanes>(l: L, x: &[f32], q: &mut [i16], most: i16) -> (f32, i32) {
    debug_assert!(x.len() <= q.len());
    let mut largest = l.splat(0.0);
    for part in x.chunks(WIDTH) {
        let v = l.load_part(part, 0.0);
        largest = l.max(l.abs(v), largest);
    }
    let largest = l.largest(largest);
    if largest < SMALLEST {
        q.fill(0);
        return (0.0, 0);
    }
    let inverse = l.splat(f32::from(most) / largest);
    for (part, q) in x.chunks(WIDTH).zip(q.chunks_mut(WIDTH)) {
        let rounded = l.add(l.mul(l.load_part(part, 0.0), inverse), l.splat(ROUND));
        if let Some(whole) = q.first_chunk_mut() {
            l.store_i16(rounded, whole);
        } else {
            let mut lanes = [0; WIDTH];
            l.store_i16(rounded, &mut lanes);
            q.copy_from_slice(&lanes[..q.len()]);
        }
    }
    (largest / f32::from(most), l.total(q).wrapping_mul(BIAS))
}

/// The definition, on one row: integers and scale.
pub fn reference(x: &[f32], most: i16) -> (Vec<i16>, f64) {
    let largest = x.iter().fold(0.0_f64, |m, &x| m.max(f64::from(x).abs()));
    if largest < f64::from(SMALLEST) {
        return (vec![0; x.len()], 0.0);
    }
    let scale = largest / f64::from(most);
    let q = x
        .iter()
        .map(|&x| (f64::from(x) / scale).round_ties_even() as i16);
    (q.collect(), scale)
}
