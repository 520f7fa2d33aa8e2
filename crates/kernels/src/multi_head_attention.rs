//! Scaled dot-product attention in several heads (Vaswani et al. 2017, section 3.2).

use crate::lanes::{Job, Lanes, WIDTH};
use crate::shader::{Shader, params, shader};
use crate::{Cpu, softmax};

/// The kernel on the GPU.
pub const SHADER: Shader = shader!("multi_head_attention");

params! {
    /// Number of heads.
    heads: u32,
    /// Width of one head, at most 128.
    size: u32,
}

/// Queries, keys and values of one text, each `[time, heads * size]`, heads side by side.
#[derive(Clone, Copy, Debug)]
pub struct Heads<'a> {
    /// Number of heads.
    pub heads: usize,
    /// Width of one head.
    pub size: usize,
    /// What each step looks for.
    pub query: &'a [f32],
    /// What each step offers.
    pub key: &'a [f32],
    /// What each step gives.
    pub value: &'a [f32],
}

impl Heads<'_> {
    /// A head's columns at a step, in `query`, `key`, `value` and the output.
    #[inline(always)]
    pub(crate) fn columns(&self, step: usize, head: usize) -> std::ops::Range<usize> {
        let start = (step * self.heads + head) * self.size;
        start..start + self.size
    }
}

/// softmax(q kᵀ / √size) v in each head → `[time, heads * size]`.
///
/// `mask: [time]` says which steps may be looked at; where none may, the output is 0.
pub fn multi_head_attention(cpu: Cpu, x: Heads, mask: &[bool]) -> Vec<f32> {
    debug_assert_eq!(x.query.len(), mask.len() * x.heads * x.size);
    debug_assert_eq!((x.key.len(), x.value.len()), (x.query.len(), x.query.len()));
    cpu.run(Attention { x, mask })
}

struct Attention<'a> {
    x: Heads<'a>,
    mask: &'a [bool],
}

impl Job for Attention<'_> {
    type Output = Vec<f32>;
    #[inline(always)]
    fn run<L: Lanes>(self, l: L) -> Vec<f32> {
        let Self { x, mask } = self;
        let mut out = vec![0.0; x.query.len()];
        let mut weights = vec![0.0; mask.len()];
        for head in 0..x.heads {
            for step in 0..mask.len() {
                scores(l, x, mask, (step, head), &mut weights);
                softmax::row(l, &mut weights);
                let out = &mut out[x.columns(step, head)];
                for (other, &weight) in weights.iter().enumerate() {
                    add_scaled(l, weight, &x.value[x.columns(other, head)], out);
                }
            }
        }
        out
    }
}

/// q · k / √size of one step with every other; −∞ where masked.
#[inline(always)]
pub(crate) fn scores<L: Lanes>(l: L, x: Heads, mask: &[bool], at: (usize, usize), out: &mut [f32]) {
    let (step, head) = at;
    let query = &x.query[x.columns(step, head)];
    let scale = 1.0 / (x.size as f32).sqrt();
    for (other, (out, &seen)) in out.iter_mut().zip(mask).enumerate() {
        let score = || scale * l.dot(query, &x.key[x.columns(other, head)]);
        *out = if seen { score() } else { f32::NEG_INFINITY };
    }
}

/// out += weight · v.
#[inline(always)]
pub(crate) fn add_scaled<L: Lanes>(l: L, weight: f32, v: &[f32], out: &mut [f32]) {
    for (v, out) in v.chunks(WIDTH).zip(out.chunks_mut(WIDTH)) {
        let product = l.mul(l.splat(weight), l.load_part(v, 0.0));
        let sum = l.add(l.load_part(out, 0.0), product);
        l.store_part(sum, out);
    }
}

/// The definition: `[time, heads * size]`.
pub fn reference(x: Heads, mask: &[bool]) -> Vec<f64> {
    let mut out = vec![0.0; x.query.len()];
    let dot = |a: &[f32], b: &[f32]| -> f64 {
        a.iter()
            .zip(b)
            .map(|(&a, &b)| f64::from(a) * f64::from(b))
            .sum()
    };
    for (step, head) in (0..mask.len()).flat_map(|t| (0..x.heads).map(move |h| (t, h))) {
        let score = |other: usize| {
            let (q, k) = (
                &x.query[x.columns(step, head)],
                &x.key[x.columns(other, head)],
            );
            dot(q, k) / (x.size as f64).sqrt()
        };
        let seen: Vec<(usize, f64)> = (0..mask.len())
            .filter(|&t| mask[t])
            .map(|t| (t, score(t)))
            .collect();
        let largest = seen.iter().fold(f64::NEG_INFINITY, |m, &(_, s)| m.max(s));
        let sum: f64 = seen.iter().map(|(_, s)| (s - largest).exp()).sum();
        for (other, score) in seen {
            let weight = (score - largest).exp() / sum;
            let values = &x.value[x.columns(other, head)];
            for (out, &v) in out[x.columns(step, head)].iter_mut().zip(values) {
                *out += weight * f64::from(v);
            }
        }
    }
    out
}
