//! The CPU backend: the layers of both models, on the bundle's weights as the kernels see them.
//!
//! The instruction set is asked for at every call and not kept: in WebAssembly the answer is a constant,
//! and the other paths stay out of the module.

use stillglass_bundle::{
    Attention, Dense, Direction, Linear, Matrix, Norm, Packed, Quantized, limits,
};
use stillglass_kernels::additive_attention::Scorer;
use stillglass_kernels::lstm::{Columns, Time};
use stillglass_kernels::{Cpu, Int4, Int4Panels, Int8, int16};
use stillglass_kernels::{
    additive_attention, contributions, embedding, gelu, gelu_backward, layer_norm,
    layer_norm_backward, linear, linear_backward, linear_int4, linear_int8, lstm,
    multi_head_attention, multi_head_attention_backward, pooling, residual, sigmoid, softmax, tanh,
};

pub(crate) use stillglass_kernels::additive_attention::Memory as AttentionMemory;
pub(crate) use stillglass_kernels::lstm::{Gates, Memory as LstmMemory};
pub(crate) use stillglass_kernels::multi_head_attention::Heads;
pub(crate) use stillglass_kernels::multi_head_attention_backward::HeadGradients;
pub(crate) use stillglass_kernels::{Int16, Panels};

// What the reader lets in, the kernels' sums must hold.
const _: () = assert!(limits::COLUMNS <= linear_int8::MOST_COLUMNS);
const _: () = assert!(limits::GROUP == linear_int4::GROUP);

/// Prepares a direction of the LSTM.
pub(crate) fn gates(weights: &Direction) -> Gates {
    Gates::new(lstm::Lstm {
        input: int8(&weights.input),
        recurrent: int8(&weights.recurrent),
        bias: &weights.bias,
    })
}

/// Prepares a matrix.
pub(crate) fn panels(weights: &Quantized) -> Panels {
    Panels::new(int8(weights))
}

/// Rows `ids` → `[ids, embedding]`.
pub(crate) fn embedding(table: &Quantized, ids: &[u32], out: &mut Int16) {
    embedding::embedding(int8(table), ids, out);
}

/// The same rows, with `added` where the id is beyond the table by that of its row.
pub(crate) fn embedding_with(table: &Quantized, added: &[f32], ids: &[u32], out: &mut Int16) {
    embedding::embedding_with(int8(table), added, ids, out);
}

/// Adds what each row of `x: [inputs, embedding]` gives to a direction's gates.
pub(crate) fn share(gates: &Gates, x: &Int16, shares: &mut Vec<f32>) {
    lstm::share(Cpu::detect(), gates, x, shares);
}

/// The input whose share is row `steps[t]` of each direction's at each step t → `[time, 2 * hidden]`, forward
/// states first.
pub(crate) fn bilstm(
    directions: &[Gates; 2],
    shares: &[Vec<f32>; 2],
    steps: &[u32],
    memory: &mut LstmMemory,
    h: &mut Vec<f32>,
) {
    let hidden = directions[0].hidden();
    let columns = 2 * hidden;
    h.clear();
    h.resize(steps.len() * columns, 0.0);
    let places = [(Time::Forward, 0), (Time::Backward, hidden)];
    // One after the other: a direction's weights then stay in the nearest cache from step to step.
    for ((gates, shares), (time, first)) in directions.iter().zip(shares).zip(places) {
        memory.begin(gates);
        let values = &mut h[..];
        let out = Columns {
            values,
            columns,
            first,
        };
        lstm::lstm(Cpu::detect(), gates, shares, (steps, time), memory, out);
    }
}

/// One step of an LSTM on from `memory`, by the input whose share is given; leaves its state in `h`.
pub(crate) fn lstm_step(gates: &Gates, share: &[f32], memory: &mut LstmMemory, h: &mut [f32]) {
    let out = Columns {
        columns: h.len(),
        values: h,
        first: 0,
    };
    lstm::lstm(
        Cpu::detect(),
        gates,
        share,
        (&[0], Time::Forward),
        memory,
        out,
    );
}

/// `h: [time, columns]`, `x: [columns]` → h · x, `[time]`.
pub(crate) fn products(h: &[f32], x: &[f32]) -> Vec<f32> {
    let rows = h.len() / x.len().max(1);
    let states = linear::Dense {
        rows,
        columns: x.len(),
        weight: h,
        bias: &vec![0.0; rows],
    };
    linear::linear(Cpu::detect(), states, x)
}

/// In place.
pub(crate) fn sigmoid(x: &mut [f32]) {
    sigmoid::sigmoid(Cpu::detect(), x);
}

/// `h: [time, 2 * hidden]` → `[time]`.
pub(crate) fn attention(
    projection: &Panels,
    Attention { bias, vector, .. }: &Attention,
    h: &[f32],
    memory: &mut AttentionMemory,
    out: &mut Vec<f32>,
) {
    let weights = Scorer {
        projection,
        bias,
        vector,
    };
    additive_attention::additive_attention(Cpu::detect(), weights, h, memory, out);
}

/// `weight: [classes, 2 * hidden]`, `attention: [time]`, `h: [time, 2 * hidden]` →
/// `[time, classes]`.
pub(crate) fn contributions(weight: &[f32], attention: &[f32], h: &[f32], out: &mut Vec<f32>) {
    contributions::contributions(Cpu::detect(), weight, attention, h, out);
}

/// `x: [rows, columns]`, quantized row by row to 12 bits, in the place of what `out` held.
pub(crate) fn rounded(x: &[f32], columns: usize, out: &mut Int16) {
    out.refill(Cpu::detect(), x, columns, int16::TWELVE_BITS);
}

/// `[classes]` → `[classes]`.
pub(crate) fn softmax(logits: &[f32]) -> Vec<f32> {
    let mut probabilities = logits.to_vec();
    softmax::softmax(Cpu::detect(), &mut probabilities, logits.len());
    probabilities
}

/// A linear layer's weights in panels.
#[derive(Debug)]
pub(crate) enum Prepared {
    Int8(Panels),
    Int4(Int4Panels),
}

impl Prepared {
    pub(crate) fn new(weight: &Matrix) -> Self {
        match weight {
            Matrix::Int8(w) => Self::Int8(panels(w)),
            Matrix::Int4(w) => Self::Int4(Int4Panels::new(int4(w))),
        }
    }

    /// How many inputs, and the largest activation: as finely as the sums can hold.
    fn reads(&self) -> (usize, i16) {
        match self {
            Self::Int8(w) => (w.columns(), int16::finest(w.columns())),
            // A group's sum is 32 products of 7 at most.
            Self::Int4(w) => (w.columns(), i16::MAX),
        }
    }
}

/// `x: [rows, in]` → `[rows, out]`.
pub(crate) fn linear(weights: &Prepared, bias: &[f32], x: &[f32]) -> Vec<f32> {
    let [out] = linears([(weights, bias)], x);
    out
}

/// The same for some layers of one shape and format that read the same rows.
pub(crate) fn linears<const N: usize>(
    layers: [(&Prepared, &[f32]); N],
    x: &[f32],
) -> [Vec<f32>; N] {
    let (columns, finest) = layers[0].0.reads();
    let x = Int16::quantize(Cpu::detect(), x, columns, finest);
    layers.map(|(weights, bias)| {
        let mut out = bias.repeat(x.rows());
        match weights {
            Prepared::Int8(w) => linear_int8::linear_int8(Cpu::detect(), w, &x, &mut out),
            Prepared::Int4(w) => linear_int4::linear_int4(Cpu::detect(), w, &x, &mut out),
        }
        out
    })
}

/// `grad: [rows, out]` → `[rows, in]`.
pub(crate) fn linear_backward(weights: &Linear, grad: &[f32]) -> Vec<f32> {
    match &weights.weight {
        Matrix::Int8(w) => linear_backward::linear_int8_backward(Cpu::detect(), int8(w), grad),
        Matrix::Int4(w) => linear_backward::linear_int4_backward(Cpu::detect(), int4(w), grad),
    }
}

/// `x: [rows, columns]` → `[rows, classes]`.
pub(crate) fn classifier(weights: &Dense, x: &[f32]) -> Vec<f32> {
    let weights = linear::Dense {
        rows: weights.rows,
        columns: weights.columns,
        weight: &weights.weight,
        bias: &weights.bias,
    };
    linear::linear(Cpu::detect(), weights, x)
}

/// Normalises each row in place.
pub(crate) fn layer_norm(weights: &Norm, epsilon: f32, x: &mut [f32]) {
    layer_norm::layer_norm(Cpu::detect(), norm(weights, epsilon), x);
}

/// Of the input `x` and the gradient of the output, `[rows, columns]` each → the gradient of the input.
pub(crate) fn layer_norm_backward(
    weights: &Norm,
    epsilon: f32,
    x: &[f32],
    grad: &[f32],
) -> Vec<f32> {
    layer_norm_backward::layer_norm_backward(Cpu::detect(), norm(weights, epsilon), x, grad)
}

/// x += y, as far as both go.
pub(crate) fn add(x: &mut [f32], y: &[f32]) {
    residual::residual(Cpu::detect(), x, y);
}

/// In place.
pub(crate) fn gelu(x: &mut [f32]) {
    gelu::gelu(Cpu::detect(), x);
}

/// The gradient of the output becomes that of the input `x`.
pub(crate) fn gelu_backward(x: &[f32], grad: &mut [f32]) {
    gelu_backward::gelu_backward(Cpu::detect(), x, grad);
}

/// In place.
pub(crate) fn tanh(x: &mut [f32]) {
    tanh::tanh(Cpu::detect(), x);
}

/// Of one text: every token sees every other.
pub(crate) fn heads(x: Heads) -> Vec<f32> {
    let mask = vec![true; x.query.len() / (x.heads * x.size)];
    multi_head_attention::multi_head_attention(Cpu::detect(), x, &mask)
}

/// The gradients of one text's queries, keys and values.
pub(crate) fn heads_backward(x: Heads, grad: &[f32]) -> HeadGradients {
    let mask = vec![true; x.query.len() / (x.heads * x.size)];
    multi_head_attention_backward::multi_head_attention_backward(Cpu::detect(), x, &mask, grad)
}

/// `h: [time, columns]` → `[columns]`.
pub(crate) fn mean(h: &[f32], columns: usize) -> Vec<f32> {
    pooling::mean(Cpu::detect(), h, &vec![true; h.len() / columns], columns)
}

fn int8(weights: &Quantized) -> Int8<'_> {
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

fn norm(weights: &Norm, epsilon: f32) -> layer_norm::Norm<'_> {
    layer_norm::Norm {
        weight: &weights.weight,
        bias: &weights.bias,
        epsilon,
    }
}
