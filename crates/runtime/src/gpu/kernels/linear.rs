//! Linear layers, forwards and backwards.

use stillglass_kernels::shader::Shader;
use stillglass_kernels::{linear, linear_backward, linear_int4, linear_int8};

use super::{Activation, activated, plain, with};
use crate::gpu::call::{Call, Matrix};
use crate::gpu::device::{Arithmetic, Variant};
use crate::gpu::weights::{LinearFloat, LinearInt4, LinearInt8, Table, TableInt4};

/// Tokens and outputs that one workgroup of a linear kernel makes.
const TILE: [usize; 2] = [32, 64];

/// The output is added to what is there.
const ADD: &[(&str, u32)] = &[("ADD", 1)];

impl Call<'_> {
    /// W x + b and its activation: `[x.rows, rows]`.
    pub fn linear_int8(&mut self, w: &LinearInt8, x: &Matrix, activation: Activation) -> Matrix {
        let out = self.matrix(x.rows, w.weights.rows);
        self.linear_int8_into(activated(self.int8_shader(), activation), w, x, &out);
        out
    }

    /// Adds W x + b to `sum: [x.rows, rows]`.
    pub fn add_linear_int8(&mut self, w: &LinearInt8, x: &Matrix, sum: &Matrix) {
        self.linear_int8_into(with(self.int8_shader(), ADD), w, x, sum);
    }

    fn int8_shader(&self) -> Shader {
        match self.gpu.arithmetic() {
            Arithmetic::Float => linear_int8::SHADER,
            Arithmetic::Half => linear_int8::SHADER_F16,
            Arithmetic::Packed => linear_int8::SHADER_PACKED,
        }
    }

    fn linear_int8_into(
        &mut self,
        kernel: (Shader, Variant),
        w: &LinearInt8,
        x: &Matrix,
        out: &Matrix,
    ) {
        let LinearInt8 { weights, bias } = w;
        debug_assert_eq!((x.columns, out.columns), (weights.columns, weights.rows));
        let params = linear_int8::Params {
            tokens: x.rows as u32,
            rows: weights.rows as u32,
            columns: weights.columns as u32,
        };
        let buffers = [
            &x.buffer,
            &weights.values,
            &weights.scales,
            bias,
            &out.buffer,
        ];
        self.dispatch(kernel, &params, &buffers, tiles(x.rows, weights.rows));
    }

    /// W x + b and its activation: `[x.rows, rows]`.
    pub fn linear_int4(&mut self, w: &LinearInt4, x: &Matrix, activation: Activation) -> Matrix {
        let out = self.matrix(x.rows, w.weights.rows);
        self.linear_int4_into(activated(linear_int4::SHADER, activation), w, x, &out);
        out
    }

    /// Adds W x + b to `sum: [x.rows, rows]`.
    pub fn add_linear_int4(&mut self, w: &LinearInt4, x: &Matrix, sum: &Matrix) {
        self.linear_int4_into(with(linear_int4::SHADER, ADD), w, x, sum);
    }

    fn linear_int4_into(
        &mut self,
        kernel: (Shader, Variant),
        w: &LinearInt4,
        x: &Matrix,
        out: &Matrix,
    ) {
        let LinearInt4 { weights, bias } = w;
        debug_assert_eq!((x.columns, out.columns), (weights.columns, weights.rows));
        let params = linear_int4::Params {
            tokens: x.rows as u32,
            rows: weights.rows as u32,
            columns: weights.columns as u32,
        };
        let buffers = [
            &x.buffer,
            &weights.values,
            &weights.scales,
            bias,
            &out.buffer,
        ];
        self.dispatch(kernel, &params, &buffers, tiles(x.rows, weights.rows));
    }

    /// Wᵀ grad: `[grad.rows, columns]`.
    pub fn linear_int8_backward(&mut self, w: &Table, grad: &Matrix) -> Matrix {
        let out = self.matrix(grad.rows, w.columns);
        self.linear_backward_into(plain(linear_backward::SHADER), w, grad, &out);
        out
    }

    /// Adds Wᵀ grad to `sum: [grad.rows, columns]`.
    pub fn add_linear_int8_backward(&mut self, w: &Table, grad: &Matrix, sum: &Matrix) {
        self.linear_backward_into(with(linear_backward::SHADER, ADD), w, grad, sum);
    }

    fn linear_backward_into(
        &mut self,
        kernel: (Shader, Variant),
        w: &Table,
        grad: &Matrix,
        out: &Matrix,
    ) {
        debug_assert_eq!((grad.columns, out.columns), (w.rows, w.columns));
        let params = linear_backward::Params {
            tokens: grad.rows as u32,
            rows: w.rows as u32,
            columns: w.columns as u32,
        };
        let buffers = [&grad.buffer, &w.values, &w.scales, &out.buffer];
        self.dispatch(kernel, &params, &buffers, tiles(grad.rows, w.columns));
    }

    /// Wᵀ grad: `[grad.rows, columns]`.
    pub fn linear_int4_backward(&mut self, w: &TableInt4, grad: &Matrix) -> Matrix {
        let out = self.matrix(grad.rows, w.columns);
        self.linear_int4_backward_into(plain(linear_backward::SHADER_INT4), w, grad, &out);
        out
    }

    /// Adds Wᵀ grad to `sum: [grad.rows, columns]`.
    pub fn add_linear_int4_backward(&mut self, w: &TableInt4, grad: &Matrix, sum: &Matrix) {
        self.linear_int4_backward_into(with(linear_backward::SHADER_INT4, ADD), w, grad, sum);
    }

    fn linear_int4_backward_into(
        &mut self,
        kernel: (Shader, Variant),
        w: &TableInt4,
        grad: &Matrix,
        out: &Matrix,
    ) {
        debug_assert_eq!((grad.columns, out.columns), (w.rows, w.columns));
        let params = linear_backward::Params {
            tokens: grad.rows as u32,
            rows: w.rows as u32,
            columns: w.columns as u32,
        };
        let buffers = [&grad.buffer, &w.values, &w.scales, &out.buffer];
        self.dispatch(kernel, &params, &buffers, tiles(grad.rows, w.columns));
    }

    /// W x + b in floats, for few rows: `[x.rows, rows]`.
    pub fn linear(&mut self, w: &LinearFloat, x: &Matrix) -> Matrix {
        debug_assert_eq!(x.columns, w.columns);
        let out = self.matrix(x.rows, w.rows);
        let params = linear::Params {
            tokens: x.rows as u32,
            rows: w.rows as u32,
            columns: w.columns as u32,
        };
        let buffers = [&x.buffer, &w.weight, &w.bias, &out.buffer];
        let grid = [x.rows.div_ceil(64), w.rows, 1];
        self.dispatch(plain(linear::SHADER), &params, &buffers, grid);
        out
    }
}

fn tiles(tokens: usize, outputs: usize) -> [usize; 3] {
    [tokens.div_ceil(TILE[0]), outputs.div_ceil(TILE[1]), 1]
}
