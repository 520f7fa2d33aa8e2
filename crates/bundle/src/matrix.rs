//! Quantized matrices: 8-bit rows, packed 4-bit groups.

use crate::WeightFormat;
use crate::limits::GROUP;

/// A matrix of small integers.
#[derive(Debug, Clone, PartialEq)]
pub enum Matrix {
    /// 8 bits a weight.
    Int8(Quantized),
    /// 4 bits a weight.
    Int4(Packed),
}

/// A matrix of 8-bit integers with one scale a row, row-major: weight = scale · value.
#[derive(Debug, Clone, PartialEq)]
pub struct Quantized {
    /// Outputs.
    pub rows: usize,
    /// Inputs.
    pub columns: usize,
    /// `[rows, columns]`, each in -127..=127.
    pub values: Vec<i8>,
    /// `[rows]`, each finite and above zero.
    pub scales: Vec<f32>,
}

/// A matrix of 4-bit integers, two in a byte, with one scale for every [`GROUP`] columns, row-major:
/// weight = scale · (nibble − 8).
#[derive(Debug, Clone, PartialEq)]
pub struct Packed {
    /// Outputs.
    pub rows: usize,
    /// Inputs, a multiple of [`GROUP`].
    pub columns: usize,
    /// `[rows, columns / 2]`, the earlier column in the low nibble, each nibble in 1..=15.
    pub values: Vec<u8>,
    /// `[rows, columns / GROUP]`, each finite and above zero.
    pub scales: Vec<f32>,
}

impl Matrix {
    /// How its numbers are stored.
    pub fn format(&self) -> WeightFormat {
        match self {
            Self::Int8(_) => WeightFormat::Int8,
            Self::Int4(_) => WeightFormat::Int4,
        }
    }

    /// Outputs.
    pub fn rows(&self) -> usize {
        match self {
            Self::Int8(matrix) => matrix.rows,
            Self::Int4(matrix) => matrix.rows,
        }
    }

    /// Inputs.
    pub fn columns(&self) -> usize {
        match self {
            Self::Int8(matrix) => matrix.columns,
            Self::Int4(matrix) => matrix.columns,
        }
    }

    /// One row as the floats that its integers stand for, `[columns]`.
    pub fn row(&self, row: usize) -> Vec<f32> {
        match self {
            Self::Int8(matrix) => matrix.row(row).collect(),
            Self::Int4(matrix) => matrix.row(row).collect(),
        }
    }

    /// The float matrix `[rows, columns]` that the integers stand for.
    pub fn to_float(&self) -> Vec<f32> {
        (0..self.rows()).flat_map(|row| self.row(row)).collect()
    }
}

impl Quantized {
    /// Quantizes a float matrix `[rows, columns]`: a row's largest magnitude becomes 127, the rest is
    /// rounded to the nearest step. A row of zeros (or too small for an `f32` scale) has scale 1.
    ///
    /// # Panics
    /// If `weight` does not have `rows * columns` values.
    pub fn from_float(rows: usize, columns: usize, weight: &[f32]) -> Self {
        let (values, scales) = quantize(weight, (rows, columns), columns, 127.0);
        let values = values.into_iter().map(|q| q as i8).collect();
        Self {
            rows,
            columns,
            values,
            scales,
        }
    }

    /// The float matrix `[rows, columns]` that the integers stand for.
    pub fn to_float(&self) -> Vec<f32> {
        (0..self.rows).flat_map(|row| self.row(row)).collect()
    }

    /// One row of what they stand for.
    pub fn row(&self, row: usize) -> impl Iterator<Item = f32> {
        let scale = self.scales[row];
        let values = &self.values[row * self.columns..][..self.columns];
        values.iter().map(move |q| scale * f32::from(*q))
    }
}

impl Packed {
    /// Quantizes a float matrix `[rows, columns]`: a group's largest magnitude becomes 7, the rest is
    /// rounded to the nearest step. A group of zeros has scale 1.
    ///
    /// # Panics
    /// If `weight` does not have `rows * columns` values, or `columns` is no multiple of [`GROUP`].
    pub fn from_float(rows: usize, columns: usize, weight: &[f32]) -> Self {
        assert!(columns.is_multiple_of(GROUP), "{columns} columns in groups");
        let (values, scales) = quantize(weight, (rows, columns), GROUP, 7.0);
        let values: Vec<i8> = values.into_iter().map(|q| q as i8).collect();
        Self {
            rows,
            columns,
            values: pack(&values),
            scales,
        }
    }

    fn row(&self, row: usize) -> impl Iterator<Item = f32> {
        let scales = &self.scales[row * self.columns / GROUP..];
        let values = &self.values[row * self.columns / 2..][..self.columns / 2];
        values
            .chunks_exact(GROUP / 2)
            .zip(scales)
            .flat_map(move |(group, scale)| {
                let pair = move |byte: &u8| unpack(*byte).map(|q| scale * f32::from(q));
                group.iter().flat_map(pair)
            })
    }
}

/// Integers from -7 to 7 two in a byte, as [`Packed`] has them. What does not fit becomes a nibble of 0, which no reader
/// takes.
pub fn pack(values: &[i8]) -> Vec<u8> {
    let nibble = |q: i8| match q {
        -7..=7 => (q + 8).cast_unsigned(),
        _ => 0,
    };
    let (pairs, _) = values.as_chunks::<2>();
    let byte = |[low, high]: &[i8; 2]| nibble(*low) | nibble(*high) << 4;
    pairs.iter().map(byte).collect()
}

/// The integers in a byte, as [`pack`] puts them there.
pub(crate) fn unpack(byte: u8) -> [i8; 2] {
    [byte & 15, byte >> 4].map(|nibble| nibble.cast_signed() - 8)
}

/// Whole numbers and scales, one scale for every `group` columns; the largest magnitude of a group
/// becomes `most`.
fn quantize(
    weight: &[f32],
    (rows, columns): (usize, usize),
    group: usize,
    most: f32,
) -> (Vec<f32>, Vec<f32>) {
    assert_eq!(
        weight.len(),
        rows * columns,
        "a matrix of {rows} × {columns}"
    );
    let mut values = Vec::with_capacity(weight.len());
    let mut scales = Vec::with_capacity(weight.len() / group.max(1));
    for group in weight.chunks_exact(group.max(1)) {
        // The total order puts NaN last, where `f32::max` passes it over: the writer shall see it.
        let magnitudes = group.iter().map(|w| w.abs());
        let peak = magnitudes.max_by(f32::total_cmp).unwrap_or(0.0);
        let scale = if peak / most == 0.0 { 1.0 } else { peak / most };
        scales.push(scale);
        values.extend(group.iter().map(|w| (w / scale).round().clamp(-most, most)));
    }
    (values, scales)
}
