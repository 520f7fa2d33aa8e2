//! Kernels that look at one row, or one number, at a time.

use stillglass_kernels::{
    embedding, gelu, gelu_backward, layer_norm, layer_norm_backward, softmax, softmax_backward,
};

use super::plain;
use crate::gpu::call::{Call, Matrix};
use crate::gpu::weights::{NormWeights, Table, TableInt4};

/// Workgroups of a kernel that takes any number of them: enough to keep a large GPU busy.
const MANY: usize = 1024;

impl Call<'_> {
    /// Rows `ids` of a table → `[ids.len(), columns]`.
    pub fn embedding(&mut self, table: &Table, ids: &[u32]) -> Matrix {
        let out = self.matrix(ids.len(), table.columns);
        let ids = self.integers(ids);
        let params = embedding::Params {
            columns: table.columns as u32,
        };
        let buffers = [&ids, &table.values, &table.scales, &out.buffer];
        self.dispatch(
            plain(embedding::SHADER),
            &params,
            &buffers,
            [out.rows, 1, 1],
        );
        out
    }

    /// Rows `ids` of a 4-bit table → `[ids.len(), columns]`.
    pub fn embedding_int4(&mut self, table: &TableInt4, ids: &[u32]) -> Matrix {
        let out = self.matrix(ids.len(), table.columns);
        let ids = self.integers(ids);
        let params = embedding::Params {
            columns: table.columns as u32,
        };
        let buffers = [&ids, &table.values, &table.scales, &out.buffer];
        self.dispatch(
            plain(embedding::SHADER_INT4),
            &params,
            &buffers,
            [out.rows, 1, 1],
        );
        out
    }

    /// Each row normalised.
    pub fn layer_norm(&mut self, norm: &NormWeights, x: &Matrix) -> Matrix {
        debug_assert_eq!(norm.columns, x.columns);
        let out = self.matrix(x.rows, x.columns);
        let params = layer_norm::Params {
            columns: x.columns as u32,
            epsilon: norm.epsilon,
        };
        let buffers = [&x.buffer, &norm.weight, &norm.bias, &out.buffer];
        self.dispatch(plain(layer_norm::SHADER), &params, &buffers, [x.rows, 1, 1]);
        out
    }

    /// The gradient of `x`, the normalisation's input, from its output's.
    pub fn layer_norm_backward(&mut self, norm: &NormWeights, x: &Matrix, grad: &Matrix) -> Matrix {
        debug_assert_eq!(norm.columns, x.columns);
        let out = self.matrix(x.rows, x.columns);
        let params = layer_norm_backward::Params {
            columns: x.columns as u32,
            epsilon: norm.epsilon,
        };
        let buffers = [&x.buffer, &norm.weight, &grad.buffer, &out.buffer];
        self.dispatch(
            plain(layer_norm_backward::SHADER),
            &params,
            &buffers,
            [x.rows, 1, 1],
        );
        out
    }

    /// GELU of each number.
    pub fn gelu(&mut self, x: &Matrix) -> Matrix {
        let out = self.matrix(x.rows, x.columns);
        let params = gelu::Params {
            count: (x.rows * x.columns) as u32,
        };
        self.dispatch(
            plain(gelu::SHADER),
            &params,
            &[&x.buffer, &out.buffer],
            any(x),
        );
        out
    }

    /// `grad` of GELU's output becomes that of its input `x`.
    pub fn gelu_backward(&mut self, x: &Matrix, grad: &Matrix) {
        let params = gelu_backward::Params {
            count: (x.rows * x.columns) as u32,
        };
        self.dispatch(
            plain(gelu_backward::SHADER),
            &params,
            &[&x.buffer, &grad.buffer],
            any(x),
        );
    }

    /// Softmax of each row, in place.
    pub fn softmax(&mut self, x: &Matrix) {
        let params = softmax::Params {
            columns: x.columns as u32,
        };
        self.dispatch(
            plain(softmax::SHADER),
            &params,
            &[&x.buffer],
            [x.rows, 1, 1],
        );
    }

    /// `grad` of softmax's output `y` becomes that of its input.
    pub fn softmax_backward(&mut self, y: &Matrix, grad: &Matrix) {
        let params = softmax_backward::Params {
            columns: y.columns as u32,
        };
        let buffers = [&y.buffer, &grad.buffer];
        self.dispatch(
            plain(softmax_backward::SHADER),
            &params,
            &buffers,
            [y.rows, 1, 1],
        );
    }
}

/// A grid for a kernel that takes any number of workgroups of 256.
fn any(x: &Matrix) -> [usize; 3] {
    [(x.rows * x.columns).div_ceil(256).min(MANY), 1, 1]
}
