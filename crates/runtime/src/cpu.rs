//! The CPU backend: the student's layers, on the bundle's weights as the kernels see them.
//!
//! The instruction set is asked for at every call and not kept: in WebAssembly the answer is a constant,
//! and the other paths stay out of the module.

use stillglass_bundle::{Attention, Direction, Quantized};
use stillglass_kernels::{Cpu, Int8, Int12};
use stillglass_kernels::{additive_attention, contributions, embedding, lstm, softmax};

/// Rows `ids` → `[time, embedding]`.
pub(crate) fn embedding(table: &Quantized, ids: &[u32]) -> Int12 {
    embedding::embedding(int8(table), ids)
}

/// `x: [time, embedding]` → `[time, 2 * hidden]`, forward states first.
pub(crate) fn bilstm(forward: &Direction, backward: &Direction, x: &Int12) -> Vec<f32> {
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

fn int8(weights: &Quantized) -> Int8<'_> {
    Int8 {
        rows: weights.rows,
        columns: weights.columns,
        values: &weights.values,
        scales: &weights.scales,
    }
}

fn direction(weights: &Direction) -> lstm::Lstm<'_> {
    lstm::Lstm {
        input: int8(&weights.input),
        recurrent: int8(&weights.recurrent),
        bias: &weights.bias,
    }
}
