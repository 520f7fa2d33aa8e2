//! Weights on the device, uploaded once a model.

use stillglass_device::{Buffer, Use};
use stillglass_kernels::layer_norm::Norm;
use stillglass_kernels::linear::Dense;
use stillglass_kernels::{Int4, Int8};

use super::{Error, Gpu, Matrix};

/// Bytes that every device can bind at once.
pub(super) const MOST_BYTES: usize = 128 << 20;

/// Numbers as they are.
#[derive(Clone, Debug)]
pub struct Floats(pub(super) Buffer);

/// An int8 table or matrix without a bias: rows of whole words.
#[derive(Clone, Debug)]
pub struct Table {
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) values: Buffer,
    pub(super) scales: Buffer,
}

/// An int8 matrix and its bias.
#[derive(Clone, Debug)]
pub struct LinearInt8 {
    pub(super) weights: Table,
    pub(super) bias: Buffer,
}

/// A 4-bit table or matrix without a bias.
#[derive(Clone, Debug)]
pub struct TableInt4 {
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) values: Buffer,
    pub(super) scales: Buffer,
}

/// A 4-bit matrix and its bias.
#[derive(Clone, Debug)]
pub struct LinearInt4 {
    pub(super) weights: TableInt4,
    pub(super) bias: Buffer,
}

/// A float matrix and its bias.
#[derive(Clone, Debug)]
pub struct LinearFloat {
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) weight: Buffer,
    pub(super) bias: Buffer,
}

/// A layer normalisation's parameters.
#[derive(Clone, Debug)]
pub struct NormWeights {
    pub(super) columns: usize,
    pub(super) weight: Buffer,
    pub(super) bias: Buffer,
    pub(super) epsilon: f32,
}

impl Gpu {
    /// Uploads bytes, a multiple of four, for as long as the model lives.
    pub(super) fn upload(&self, bytes: &[u8]) -> Result<Buffer, Error> {
        if bytes.len() > MOST_BYTES {
            return Err(Error::TooLarge {
                what: "a tensor's bytes",
                found: bytes.len(),
                most: MOST_BYTES,
            });
        }
        let size = bytes.len().next_multiple_of(4).max(4) as u64;
        let buffer = self.device.buffer(Use::Storage, size);
        self.device.write(&buffer, bytes);
        Ok(buffer)
    }

    /// Numbers as they are.
    pub fn floats(&self, values: &[f32]) -> Result<Floats, Error> {
        Ok(Floats(self.upload(&float_bytes(values))?))
    }

    /// A matrix that stays as long as the model.
    pub fn resident(&self, values: &[f32], columns: usize) -> Result<Matrix, Error> {
        let buffer = self.upload(&float_bytes(values))?;
        Ok(Matrix {
            buffer,
            rows: values.len() / columns.max(1),
            columns,
        })
    }

    /// An int8 matrix, or several of as many columns on top of each other.
    pub fn table(&self, parts: &[Int8]) -> Result<Table, Error> {
        let columns = parts.first().map_or(0, |part| part.columns);
        debug_assert!(parts.iter().all(|part| part.columns == columns));
        let padding = columns.next_multiple_of(4) - columns;
        let mut values = Vec::new();
        for row in parts
            .iter()
            .flat_map(|part| part.values.chunks_exact(columns.max(1)))
        {
            values.extend(row.iter().map(|q| q.cast_unsigned()));
            values.extend(std::iter::repeat_n(0, padding));
        }
        let scales: Vec<f32> = parts.iter().flat_map(|part| part.scales).copied().collect();
        Ok(Table {
            rows: scales.len(),
            columns,
            values: self.upload(&values)?,
            scales: self.upload(&float_bytes(&scales))?,
        })
    }

    /// Int8 matrices on top of each other, and all their biases.
    pub fn linear_int8(&self, parts: &[Int8], bias: &[f32]) -> Result<LinearInt8, Error> {
        let weights = self.table(parts)?;
        debug_assert_eq!(bias.len(), weights.rows);
        Ok(LinearInt8 {
            weights,
            bias: self.upload(&float_bytes(bias))?,
        })
    }

    /// A 4-bit matrix, or several of as many columns on top of each other.
    pub fn table_int4(&self, parts: &[Int4]) -> Result<TableInt4, Error> {
        let columns = parts.first().map_or(0, |part| part.columns);
        debug_assert!(parts.iter().all(|part| part.columns == columns));
        let values: Vec<u8> = parts.iter().flat_map(|part| part.values).copied().collect();
        let scales: Vec<f32> = parts.iter().flat_map(|part| part.scales).copied().collect();
        Ok(TableInt4 {
            rows: parts.iter().map(|part| part.rows).sum(),
            columns,
            values: self.upload(&values)?,
            scales: self.upload(&float_bytes(&scales))?,
        })
    }

    /// 4-bit matrices on top of each other, and all their biases.
    pub fn linear_int4(&self, parts: &[Int4], bias: &[f32]) -> Result<LinearInt4, Error> {
        let weights = self.table_int4(parts)?;
        debug_assert_eq!(bias.len(), weights.rows);
        Ok(LinearInt4 {
            weights,
            bias: self.upload(&float_bytes(bias))?,
        })
    }

    /// A float matrix and its bias.
    pub fn linear(&self, w: Dense) -> Result<LinearFloat, Error> {
        Ok(LinearFloat {
            rows: w.rows,
            columns: w.columns,
            weight: self.upload(&float_bytes(w.weight))?,
            bias: self.upload(&float_bytes(w.bias))?,
        })
    }

    /// A layer normalisation's parameters.
    pub fn norm(&self, norm: Norm) -> Result<NormWeights, Error> {
        Ok(NormWeights {
            columns: norm.weight.len(),
            weight: self.upload(&float_bytes(norm.weight))?,
            bias: self.upload(&float_bytes(norm.bias))?,
            epsilon: norm.epsilon,
        })
    }
}

/// Numbers as the device reads them.
pub(super) fn float_bytes(values: &[f32]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect()
}
