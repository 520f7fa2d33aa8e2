//! Scaled dot-product attention in several heads, backwards.

use crate::Cpu;
use crate::lanes::{Job, Lanes};
use crate::multi_head_attention::{Heads, Keys};
use crate::shader::{Shader, params, shader};
use crate::{softmax, softmax_backward};

/// The kernel on the GPU.
pub const SHADER: Shader = shader!("multi_head_attention_backward");

params! {
    /// Number of heads.
    heads: u32,
    /// Width of one head, at most 128.
    size: u32,
}

/// Gradients of queries, keys and values, each `[time, heads * size]`.
#[derive(Clone, Debug, PartialEq)]
pub struct HeadGradients {
    /// Of [`Heads::query`].
    pub query: Vec<f32>,
    /// Of [`Heads::key`].
    pub key: Vec<f32>,
    /// Of [`Heads::value`].
    pub value: Vec<f32>,
}

/// `grad: [time, heads * size]` of the forward pass's output → the gradients of its inputs.
///
/// `x` and `mask` are what the forward pass had. The weights p are computed again; with g = grad:
/// dv = pᵀ g, ds = softmax'(g vᵀ), dq = ds k / √size, dk = dsᵀ q / √size.
pub fn multi_head_attention_backward(
    cpu: Cpu,
    x: Heads,
    mask: &[bool],
    grad: &[f32],
) -> HeadGradients {
    debug_assert_eq!(x.query.len(), grad.len());
    cpu.run(Backward { x, mask, grad })
}

struct Backward<'a> {
    x: Heads<'a>,
    mask: &'a [bool],
    grad: &'a [f32],
}

impl Job for Backward<'_> {
    type Output = HeadGradients;
    #[inline(always)]
    fn run<L: Lanes>(self, l: L) -> HeadGradients {
        let Self { x, mask, grad } = self;
        let zeros = || vec![0.0; x.query.len()];
        let mut out = HeadGradients {
            query: zeros(),
            key: zeros(),
            value: zeros(),
        };
        let scale = 1.0 / (x.size as f32).sqrt();
        let mut weights = vec![0.0; mask.len()];
        let mut slopes = vec![0.0; mask.len()];
        let mut keys = Keys::new(mask);
        for (head, step) in (0..x.heads).flat_map(|h| (0..mask.len()).map(move |t| (h, t))) {
            // Each head begins with its first step.
            if step == 0 {
                keys.gather(x, head);
            }
            let here = x.columns(step, head);
            keys.scores(l, &x.query[here.clone()], &mut weights);
            softmax::row(l, &mut weights);
            for (other, slope) in slopes.iter_mut().enumerate() {
                *slope = l.dot(&grad[here.clone()], &x.value[x.columns(other, head)]);
            }
            softmax_backward::row(l, &weights, &mut slopes);
            for (other, (&weight, &slope)) in weights.iter().zip(&slopes).enumerate() {
                let there = x.columns(other, head);
                let slope = slope * scale;
                l.add_scaled(weight, &grad[here.clone()], &mut out.value[there.clone()]);
                l.add_scaled(slope, &x.query[here.clone()], &mut out.key[there.clone()]);
                l.add_scaled(slope, &x.key[there], &mut out.query[here.clone()]);
            }
        }
        out
    }
}

/// Gradients of queries, keys and values in `f64`, each `[time, heads * size]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Reference {
    /// Of [`Heads::query`].
    pub query: Vec<f64>,
    /// Of [`Heads::key`].
    pub key: Vec<f64>,
    /// Of [`Heads::value`].
    pub value: Vec<f64>,
}

/// The definition, by the chain rule through out = p v, p = softmax(s), s = q kᵀ / √size.
pub fn reference(x: Heads, mask: &[bool], grad: &[f64]) -> Reference {
    let zeros = || vec![0.0; x.query.len()];
    let mut out = Reference {
        query: zeros(),
        key: zeros(),
        value: zeros(),
    };
    let seen: Vec<usize> = (0..mask.len()).filter(|&t| mask[t]).collect();
    let root = (x.size as f64).sqrt();
    let wide = |values: &[f32], step, head| -> Vec<f64> {
        values[x.columns(step, head)]
            .iter()
            .map(|&v| f64::from(v))
            .collect()
    };
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let add = |out: &mut [f64], factor: f64, v: &[f64]| {
        out.iter_mut()
            .zip(v)
            .for_each(|(out, v)| *out += factor * v);
    };
    for (head, step) in (0..x.heads).flat_map(|h| (0..mask.len()).map(move |t| (h, t))) {
        let here = x.columns(step, head);
        let (query, grad) = (wide(x.query, step, head), &grad[here.clone()]);
        let score = |&other: &usize| dot(&query, &wide(x.key, other, head)) / root;
        let scores: Vec<f64> = seen.iter().map(score).collect();
        let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = scores.iter().map(|s| (s - largest).exp()).sum();
        let weights: Vec<f64> = scores.iter().map(|s| (s - largest).exp() / sum).collect();
        let slope = |&other: &usize| dot(grad, &wide(x.value, other, head));
        let slopes: Vec<f64> = seen.iter().map(slope).collect();
        let slopes = softmax_backward::reference(&weights, &slopes);
        for ((&other, weight), slope) in seen.iter().zip(weights).zip(slopes) {
            let there = x.columns(other, head);
            add(&mut out.value[there.clone()], weight, grad);
            add(&mut out.key[there], slope / root, &query);
            add(
                &mut out.query[here.clone()],
                slope / root,
                &wide(x.key, other, head),
            );
        }
    }
    out
}
