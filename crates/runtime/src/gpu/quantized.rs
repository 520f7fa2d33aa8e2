//! Weights of either width, behind one name.

use stillglass_bundle::{self as bundle, Packed, Quantized};
use stillglass_kernels::{Int4, Int8};

use super::{Activation, Call, Error, Gpu, LinearInt4, LinearInt8, Matrix, Table, TableInt4};

/// A matrix and its bias.
#[derive(Clone, Debug)]
pub enum Linear {
    /// 8 bits a weight.
    Int8(LinearInt8),
    /// 4 bits a weight.
    Int4(LinearInt4),
}

/// A table of embeddings.
#[derive(Clone, Debug)]
pub enum Words {
    /// 8 bits a weight.
    Int8(Table),
    /// 4 bits a weight.
    Int4(TableInt4),
}

impl Gpu {
    /// The layers on top of each other. All have weights of one width, as a bundle has.
    pub(super) fn stacked(&self, layers: &[&bundle::Linear]) -> Result<Linear, Error> {
        let bias: Vec<f32> = layers
            .iter()
            .flat_map(|layer| &layer.bias)
            .copied()
            .collect();
        let (mut wide, mut narrow) = (Vec::new(), Vec::new());
        for layer in layers {
            match &layer.weight {
                bundle::Matrix::Int8(weights) => wide.push(int8(weights)),
                bundle::Matrix::Int4(weights) => narrow.push(int4(weights)),
            }
        }
        debug_assert!(wide.is_empty() || narrow.is_empty());
        if narrow.is_empty() {
            Ok(Linear::Int8(self.linear_int8(&wide, &bias)?))
        } else {
            Ok(Linear::Int4(self.linear_int4(&narrow, &bias)?))
        }
    }

    /// A table of embeddings.
    pub(super) fn words(&self, table: &bundle::Matrix) -> Result<Words, Error> {
        Ok(match table {
            bundle::Matrix::Int8(weights) => Words::Int8(self.table(&[int8(weights)])?),
            bundle::Matrix::Int4(weights) => Words::Int4(self.table_int4(&[int4(weights)])?),
        })
    }
}

impl Call<'_> {
    /// Rows `ids` → `[ids.len(), columns]`.
    pub fn look_up(&mut self, words: &Words, ids: &[u32]) -> Matrix {
        match words {
            Words::Int8(table) => self.embedding(table, ids),
            Words::Int4(table) => self.embedding_int4(table, ids),
        }
    }

    /// W x + b and its activation: `[x.rows, rows]`.
    pub fn project(&mut self, w: &Linear, x: &Matrix, activation: Activation) -> Matrix {
        match w {
            Linear::Int8(w) => self.linear_int8(w, x, activation),
            Linear::Int4(w) => self.linear_int4(w, x, activation),
        }
    }

    /// Adds W x + b to `sum: [x.rows, rows]`.
    pub fn add_projection(&mut self, w: &Linear, x: &Matrix, sum: &Matrix) {
        match w {
            Linear::Int8(w) => self.add_linear_int8(w, x, sum),
            Linear::Int4(w) => self.add_linear_int4(w, x, sum),
        }
    }

    /// Wᵀ grad: `[grad.rows, columns]`.
    pub fn project_back(&mut self, w: &Linear, grad: &Matrix) -> Matrix {
        match w {
            Linear::Int8(w) => self.linear_int8_backward(&w.weights, grad),
            Linear::Int4(w) => self.linear_int4_backward(&w.weights, grad),
        }
    }

    /// Adds Wᵀ grad to `sum: [grad.rows, columns]`.
    pub fn add_projection_back(&mut self, w: &Linear, grad: &Matrix, sum: &Matrix) {
        match w {
            Linear::Int8(w) => self.add_linear_int8_backward(&w.weights, grad, sum),
            Linear::Int4(w) => self.add_linear_int4_backward(&w.weights, grad, sum),
        }
    }
}

/// A bundle's matrix as the kernels see it.
pub(super) fn int8(weights: &Quantized) -> Int8<'_> {
    Int8 {
        rows: weights.rows,
        columns: weights.columns,
        values: &weights.values,
        scales: &weights.scales,
    }
}

fn int4(weights: &Packed) -> Int4<'_> {
    Int4 {
        rows: weights.rows,
        columns: weights.columns,
        values: &weights.values,
        scales: &weights.scales,
    }
}
