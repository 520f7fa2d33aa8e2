//! Activations as integers: what weights of 8 and 4 bits are multiplied with. A student's have 12 bits, a teacher's
//! as many as its sums leave room for.

use crate::Cpu;
use crate::lanes::{Job, Lanes, ROUND, WIDTH};

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
#[derive(Clone, Debug, PartialEq)]
pub struct Int16 {
    columns: usize,
    values: Vec<i16>,
    scales: Vec<f32>,
}

impl Int16 {
    /// No rows yet, room for `rows`.
    pub fn with_capacity(rows: usize, columns: usize) -> Self {
        let values = Vec::with_capacity(rows * columns);
        Self {
            columns,
            values,
            scales: Vec::with_capacity(rows),
        }
    }

    /// Quantizes `x: [rows, columns]` row by row: scale = max|x| / `largest`, rounding half to even.
    pub fn quantize(cpu: Cpu, x: &[f32], columns: usize, largest: i16) -> Self {
        let mut rows = Self::with_capacity(x.len() / columns.max(1), columns);
        for row in x.chunks_exact(columns.max(1)) {
            rows.push_quantized(cpu, row, largest);
        }
        rows
    }

    /// Adds one row of integers as they are.
    pub fn push(&mut self, row: impl IntoIterator<Item = i16>, scale: f32) {
        self.values.extend(row);
        self.scales.push(scale);
        debug_assert_eq!(self.values.len(), self.scales.len() * self.columns);
    }

    fn push_quantized(&mut self, cpu: Cpu, x: &[f32], largest: i16) {
        let start = self.values.len();
        self.values.resize(start + x.len(), 0);
        let scale = cpu.run(Quantize {
            x,
            q: &mut self.values[start..],
            largest,
        });
        self.scales.push(scale);
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
    pub fn row(&self, row: usize) -> (&[i16], f32) {
        (
            &self.values[row * self.columns..][..self.columns],
            self.scales[row],
        )
    }
}

struct Quantize<'a> {
    x: &'a [f32],
    q: &'a mut [i16],
    largest: i16,
}

impl Job for Quantize<'_> {
    type Output = f32;
    #[inline(always)]
    fn run<L: Lanes>(self, l: L) -> f32 {
        quantize(l, self.x, self.q, self.largest)
    }
}

/// Quantizes one row into `q`, to magnitudes up to `most`, and answers its scale.
#[inline(always)]
pub(crate) fn quantize<L: Lanes>(l: L, x: &[f32], q: &mut [i16], most: i16) -> f32 {
    debug_assert_eq!(x.len(), q.len());
    let mut largest = l.splat(0.0);
    for part in x.chunks(WIDTH) {
        let v = l.load_part(part, 0.0);
        largest = l.max(l.max(v, l.sub(l.splat(0.0), v)), largest);
    }
    let largest = l.largest(largest);
    if largest < SMALLEST {
        q.fill(0);
        return 0.0;
    }
    let inverse = l.splat(f32::from(most) / largest);
    for (part, q) in x.chunks(WIDTH).zip(q.chunks_mut(WIDTH)) {
        let rounded = l.add(l.mul(l.load_part(part, 0.0), inverse), l.splat(ROUND));
        let mut lanes = [0.0; WIDTH];
        l.store(rounded, &mut lanes);
        for (q, lane) in q.iter_mut().zip(lanes) {
            // The low mantissa bits of k + ROUND are k.
            *q = lane.to_bits() as i16;
        }
    }
    largest / f32::from(most)
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
