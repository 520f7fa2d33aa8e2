//! Kernels that see a text's tokens together.

use stillglass_kernels::shader::Shader;
use stillglass_kernels::{
    additive_attention, contributions, lstm, multi_head_attention, multi_head_attention_backward,
    pooling, pooling_backward,
};

use super::{entry, plain, with};
use crate::gpu::call::{Call, Matrix, Texts};
use crate::gpu::device::Variant;
use crate::gpu::weights::{Floats, LinearInt8, Table};

/// Queries (or keys) that one workgroup of an attention kernel takes.
const QUERIES: usize = 8;

/// Most units of one LSTM direction: 24 bytes each in workgroup memory.
pub(in crate::gpu) const MOST_UNITS: usize = 680;

/// Only the first token of a text.
const FIRST: &[(&str, u32)] = &[("FIRST", 1)];

/// Weights of an additive attention.
#[derive(Clone, Debug)]
pub struct AttentionWeights {
    /// U and its bias: `[units, columns]`.
    pub projection: LinearInt8,
    /// v: `[units]`.
    pub vector: Floats,
}

/// Queries, keys and values of all heads: `[tokens, 3 * heads * size]`.
#[derive(Clone, Debug)]
pub struct QueryKeyValue {
    /// Each token's query, then its key, then its value.
    pub matrix: Matrix,
    /// Number of heads.
    pub heads: usize,
    /// Width of one head, at most 128.
    pub size: usize,
}

impl Call<'_> {
    /// Both directions of an LSTM. `gates: [tokens, 8 * hidden]`, the forward direction's first;
    /// `recurrent: [8 * hidden, hidden]` likewise → `[tokens, 2 * hidden]`.
    pub fn lstm(&mut self, recurrent: &Table, texts: &Texts, gates: &Matrix) -> Matrix {
        let hidden = recurrent.columns;
        debug_assert_eq!((recurrent.rows, gates.columns), (8 * hidden, 8 * hidden));
        debug_assert!(hidden <= MOST_UNITS);
        let out = self.matrix(texts.tokens, 2 * hidden);
        let params = lstm::Params {
            hidden: hidden as u32,
        };
        let (shader, mut variant) = plain(lstm::SHADER);
        variant.size = Some(("UNITS", hidden.next_multiple_of(4) as u32));
        let buffers = [
            &texts.offsets,
            &gates.buffer,
            &recurrent.values,
            &recurrent.scales,
            &out.buffer,
        ];
        self.dispatch((shader, variant), &params, &buffers, [texts.count, 2, 1]);
        out
    }

    /// Weights over each text's tokens: `[tokens, 1]`.
    pub fn additive_attention(
        &mut self,
        w: &AttentionWeights,
        texts: &Texts,
        h: &Matrix,
    ) -> Matrix {
        let LinearInt8 { weights, bias } = &w.projection;
        debug_assert_eq!(h.columns, weights.columns);
        let out = self.matrix(h.rows, 1);
        let params = additive_attention::Params {
            units: weights.rows as u32,
            columns: weights.columns as u32,
        };
        let buffers = [
            &texts.offsets,
            &h.buffer,
            &weights.values,
            &weights.scales,
            bias,
            &w.vector.0,
            &out.buffer,
        ];
        self.dispatch(
            plain(additive_attention::SHADER),
            &params,
            &buffers,
            [texts.count, 1, 1],
        );
        out
    }

    /// What each token gives to each class: `[tokens, classes]`; `weight: [classes, h.columns]`.
    pub fn contributions(
        &mut self,
        weight: &Floats,
        classes: usize,
        attention: &Matrix,
        h: &Matrix,
    ) -> Matrix {
        let out = self.matrix(h.rows, classes);
        let params = contributions::Params {
            tokens: h.rows as u32,
            classes: classes as u32,
            columns: h.columns as u32,
        };
        let buffers = [&weight.0, &attention.buffer, &h.buffer, &out.buffer];
        let grid = [h.rows.div_ceil(64), classes, 1];
        self.dispatch(plain(contributions::SHADER), &params, &buffers, grid);
        out
    }

    /// Attention within each text: `[tokens, heads * size]`.
    pub fn multi_head_attention(&mut self, x: &QueryKeyValue, texts: &Texts) -> Matrix {
        debug_assert_eq!(x.matrix.columns, 3 * x.heads * x.size);
        let out = self.matrix(x.matrix.rows, x.heads * x.size);
        let params = multi_head_attention::Params {
            heads: x.heads as u32,
            size: x.size as u32,
        };
        let buffers = [&texts.offsets, &x.matrix.buffer, &out.buffer];
        let grid = [texts.longest.div_ceil(QUERIES), x.heads, texts.count];
        self.dispatch(plain(multi_head_attention::SHADER), &params, &buffers, grid);
        out
    }

    /// The gradient of `x` from the output's: `[tokens, 3 * heads * size]`. Two kernels.
    pub fn multi_head_attention_backward(
        &mut self,
        x: &QueryKeyValue,
        texts: &Texts,
        grad: &Matrix,
    ) -> Matrix {
        let out = self.matrix(x.matrix.rows, x.matrix.columns);
        let statistics = self.matrix(x.matrix.rows, x.heads * 2);
        let params = multi_head_attention_backward::Params {
            heads: x.heads as u32,
            size: x.size as u32,
        };
        let grid = [texts.longest.div_ceil(QUERIES), x.heads, texts.count];
        let buffers = [
            &texts.offsets,
            &x.matrix.buffer,
            &grad.buffer,
            &statistics.buffer,
            &out.buffer,
        ];
        for name in ["queries", "keys"] {
            let kernel = entry(multi_head_attention_backward::SHADER, name);
            self.dispatch(kernel, &params, &buffers, grid);
        }
        out
    }

    /// The mean of each text's rows: `[texts, columns]`.
    pub fn mean(&mut self, texts: &Texts, h: &Matrix) -> Matrix {
        self.pool(plain(pooling::SHADER), texts, h)
    }

    /// Each text's first row: `[texts, columns]`.
    pub fn first(&mut self, texts: &Texts, h: &Matrix) -> Matrix {
        self.pool(with(pooling::SHADER, FIRST), texts, h)
    }

    fn pool(&mut self, kernel: (Shader, Variant), texts: &Texts, h: &Matrix) -> Matrix {
        let out = self.matrix(texts.count, h.columns);
        let params = pooling::Params {
            columns: h.columns as u32,
        };
        let grid = [h.columns.div_ceil(64), texts.count, 1];
        self.dispatch(
            kernel,
            &params,
            &[&texts.offsets, &h.buffer, &out.buffer],
            grid,
        );
        out
    }

    /// The gradient of each text's rows from that of their mean, `[texts, columns]`.
    pub fn mean_backward(&mut self, texts: &Texts, grad: &Matrix) -> Matrix {
        self.pool_backward(plain(pooling_backward::SHADER), texts, grad)
    }

    /// The gradient of each text's rows from that of its first, `[texts, columns]`.
    pub fn first_backward(&mut self, texts: &Texts, grad: &Matrix) -> Matrix {
        self.pool_backward(with(pooling_backward::SHADER, FIRST), texts, grad)
    }

    fn pool_backward(&mut self, kernel: (Shader, Variant), texts: &Texts, grad: &Matrix) -> Matrix {
        let out = self.matrix(texts.tokens, grad.columns);
        let params = pooling_backward::Params {
            columns: grad.columns as u32,
        };
        let grid = [grad.columns.div_ceil(64), texts.count, 1];
        self.dispatch(
            kernel,
            &params,
            &[&texts.offsets, &grad.buffer, &out.buffer],
            grid,
        );
        out
    }
}
