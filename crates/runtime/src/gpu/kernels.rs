//! One method a kernel: what it takes, what it gives, and the grid it runs on.

use stillglass_kernels::path_points::Step;
use stillglass_kernels::shader::Shader;
use stillglass_kernels::{
    additive_attention, contributions, embedding, gelu, gelu_backward, head_backward, layer_norm,
    layer_norm_backward, linear, linear_backward, linear_int4, linear_int8, lstm,
    multi_head_attention, multi_head_attention_backward, path_contributions, path_points, pooling,
    pooling_backward, softmax, softmax_backward,
};

use super::call::{Call, Matrix, Texts};
use super::device::{Arithmetic, Variant};
use super::weights::{Floats, LinearFloat, LinearInt4, LinearInt8, NormWeights, Table, TableInt4};

/// Tokens and outputs that one workgroup of a linear kernel makes.
const TILE: [usize; 2] = [32, 64];

/// Queries (or keys) that one workgroup of an attention kernel takes.
const QUERIES: usize = 8;

/// Workgroups of a kernel that takes any number of them: enough to keep a large GPU busy.
const MANY: usize = 1024;

/// Most units of one LSTM direction: 24 bytes each in workgroup memory.
pub(super) const MOST_UNITS: usize = 680;

/// What follows a linear layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// Nothing.
    None,
    /// GELU, the exact form.
    Gelu,
    /// tanh.
    Tanh,
    /// The larger of the number and 0.
    Relu,
}

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

/// A straight line between two sequences of embeddings, `[time, columns]` each.
#[derive(Clone, Debug)]
pub struct Path {
    first: Matrix,
    last: Matrix,
    steps: wgpu::Buffer,
    tokens: usize,
}

fn plain(shader: Shader) -> (Shader, Variant) {
    with(shader, &[])
}

fn with(shader: Shader, constants: &'static [(&'static str, u32)]) -> (Shader, Variant) {
    let variant = Variant {
        name: shader.name,
        entry: "main",
        constants,
        size: None,
    };
    (shader, variant)
}

fn entry(shader: Shader, entry: &'static str) -> (Shader, Variant) {
    let variant = Variant {
        name: shader.name,
        entry,
        constants: &[],
        size: None,
    };
    (shader, variant)
}

fn activated(shader: Shader, activation: Activation) -> (Shader, Variant) {
    with(
        shader,
        match activation {
            Activation::None => &[],
            Activation::Gelu => &[("ACTIVATION", 1)],
            Activation::Tanh => &[("ACTIVATION", 2)],
            Activation::Relu => &[("ACTIVATION", 3)],
        },
    )
}

const ADD: &[(&str, u32)] = &[("ADD", 1)];

fn tiles(tokens: usize, outputs: usize) -> [usize; 3] {
    [tokens.div_ceil(TILE[0]), outputs.div_ceil(TILE[1]), 1]
}

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

    /// The mean of each text's rows: `[texts, columns]`.
    pub fn mean(&mut self, texts: &Texts, h: &Matrix) -> Matrix {
        self.pool(plain(pooling::SHADER), texts, h)
    }

    /// Each text's first row: `[texts, columns]`.
    pub fn first(&mut self, texts: &Texts, h: &Matrix) -> Matrix {
        self.pool(with(pooling::SHADER, &[("FIRST", 1)]), texts, h)
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
        self.pool_backward(with(pooling_backward::SHADER, &[("FIRST", 1)]), texts, grad)
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

    /// The gradient of a class's logit over the mean of all, at what `activation` was applied to when it
    /// gave `y: [texts, columns]`.
    pub fn head_backward(
        &mut self,
        classifier: &LinearFloat,
        y: &Matrix,
        class: usize,
        activation: Activation,
    ) -> Matrix {
        let out = self.matrix(y.rows, y.columns);
        let params = head_backward::Params {
            columns: y.columns as u32,
            classes: classifier.rows as u32,
            class_index: class as u32,
        };
        let grid = [y.columns.div_ceil(64), y.rows, 1];
        let buffers = [&y.buffer, &classifier.weight, &out.buffer];
        self.dispatch(
            activated(head_backward::SHADER, activation),
            &params,
            &buffers,
            grid,
        );
        out
    }

    /// The points of a path, positions added: `[tokens, columns]`.
    pub fn path_points(&mut self, path: &Path, positions: &Matrix) -> Matrix {
        let columns = path.first.columns;
        let out = self.matrix(path.tokens, columns);
        let params = path_points::Params {
            columns: columns as u32,
        };
        let buffers = [
            &path.first.buffer,
            &path.last.buffer,
            &positions.buffer,
            &path.steps,
            &out.buffer,
        ];
        self.dispatch(
            plain(path_points::SHADER),
            &params,
            &buffers,
            [path.tokens, 1, 1],
        );
        out
    }

    /// What `grad: [tokens, columns]` gives along a path, into a row of `out: [rows, tokens]`.
    pub fn path_contributions(&mut self, path: &Path, grad: &Matrix, out: &Matrix, row: usize) {
        debug_assert_eq!(out.columns, path.tokens);
        let params = path_contributions::Params {
            columns: grad.columns as u32,
            start: (row * path.tokens) as u32,
        };
        let buffers = [
            &grad.buffer,
            &path.first.buffer,
            &path.last.buffer,
            &path.steps,
            &out.buffer,
        ];
        self.dispatch(
            plain(path_contributions::SHADER),
            &params,
            &buffers,
            [path.tokens, 1, 1],
        );
    }

    /// A path from one sequence of embeddings to another, and the steps along it.
    pub fn path(&mut self, first: Matrix, last: Matrix, steps: &[Step]) -> Path {
        let bytes: Vec<u8> = steps.iter().flat_map(Step::bytes).collect();
        Path {
            first,
            last,
            steps: self.bytes(&bytes),
            tokens: steps.len(),
        }
    }
}

/// A grid for a kernel that takes any number of workgroups of 256.
fn any(x: &Matrix) -> [usize; 3] {
    [(x.rows * x.columns).div_ceil(256).min(MANY), 1, 1]
}
