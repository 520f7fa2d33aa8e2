//! The CPU backend: the layers of both models, on the bundle's weights as the kernels see them.
//!
//! The instruction set is asked for at every call and not kept: in WebAssembly the answer is a constant,
//! and the other paths stay out of the module.

use stillglass_bundle::{Attention, Dense, Direction, Linear, Matrix, Norm, Packed, Quantized};
use stillglass_kernels::{Cpu, Int4, Int8, Int16, int16};
use stillglass_kernels::{
    additive_attention, contributions, embedding, gelu, gelu_backward, layer_norm,
    layer_norm_backward, linear, linear_backward, linear_int4, linear_int8, lstm,
    multi_head_attention, multi_head_attention_backward, pooling, softmax, tanh,
};

pub(crate) use stillglass_kernels::multi_head_attention::Heads;
pub(crate) use stillglass_kernels::multi_head_attention_backward::HeadGradients;

/// Rows `ids` → `[time, embedding]`.
pub(crate) fn embedding(table: &Quantized, ids: &[u32]) -> Int16 {
    embedding::embedding(int8(table), ids)
}

/// `x: [time, embedding]` → `[time, 2 * hidden]`, forward states first.
pub(crate) fn bilstm(forward: &Direction, backward: &Direction, x: &Int16) -> Vec<f32> {
    let hidden = forward.recurrent.columns;
    let forward = lstm::lstm(Cpu::detect(), direction(forward), x, lstm::Time::Forward);
    let backward = lstm::lstm(Cpu::detect(), direction(backward), x, lstm::Time::Backward);
    let steps = forward
        .chunks_exact(hidden)
        .zip(backward.chunks_exact(hidden));
    steps
        .flat_map(|(forward, backward)| forward.iter().chain(backward))
        .copied()
        .collect()
}

/// `h: [time, 2 * hidden]` → `[time]`.
pub(crate) fn attention(weights: &Attention, h: &[f32]) -> Vec<f32> {
    let Attention {
        projection,
        bias,
        vector,
    } = weights;
    let weights = additive_attention::Attention {
        projection: int8(projection),
        bias,
        vector,
    };
    additive_attention::additive_attention(Cpu::detect(), weights, h)
}

/// `weight: [classes, 2 * hidden]`, `attention: [time]`, `h: [time, 2 * hidden]` →
/// `[time, classes]`.
pub(crate) fn contributions(weight: &[f32], attention: &[f32], h: &[f32]) -> Vec<f32> {
    contributions::contributions(Cpu::detect(), weight, attention, h)
}

/// `[classes]` → `[classes]`.
pub(crate) fn softmax(logits: &[f32]) -> Vec<f32> {
    let mut probabilities = logits.to_vec();
    softmax::softmax(Cpu::detect(), &mut probabilities, logits.len());
    probabilities
}

/// `x: [rows, in]` → `[rows, out]`.
pub(crate) fn linear(weights: &Linear, x: &[f32]) -> Vec<f32> {
    let [out] = linears([weights], x);
    out
}

/// The same for some layers of one shape and format that read the same rows.
pub(crate) fn linears<const N: usize>(layers: [&Linear; N], x: &[f32]) -> [Vec<f32>; N] {
    // As finely as the sums can hold.
    let (columns, finest) = match &layers[0].weight {
        Matrix::Int8(w) => (w.columns, int16::finest(w.columns)),
        // A group's sum is 32 products of 7 at most.
        Matrix::Int4(w) => (w.columns, i16::MAX),
    };
    let x = Int16::quantize(Cpu::detect(), x, columns, finest);
    layers.map(|layer| {
        let mut out = layer.bias.repeat(x.rows());
        match &layer.weight {
            Matrix::Int8(w) => linear_int8::linear_int8(Cpu::detect(), int8(w), &x, &mut out),
            Matrix::Int4(w) => linear_int4::linear_int4(Cpu::detect(), int4(w), &x, &mut out),
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

fn direction(weights: &Direction) -> lstm::Lstm<'_> {
    lstm::Lstm {
        input: int8(&weights.input),
        recurrent: int8(&weights.recurrent),
        bias: &weights.bias,
    }
}
