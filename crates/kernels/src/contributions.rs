//! What each step of an attended sequence gives to each class: the classifier, taken apart.

use crate::Cpu;
use crate::lanes::{Job, Lanes};
use crate::shader::{Shader, params, shader};

/// The kernel on the GPU.
pub const SHADER: Shader = shader!("contributions");

params! {
    /// Rows of `h`.
    tokens: u32,
    /// Rows of the weight.
    classes: u32,
    /// Width of `h`.
    columns: u32,
}

/// φ[t, c] = α[t] · (W[c] · h[t]): `weight: [classes, columns]`, `attention: [time]`,
/// `h: [time, columns]` → `out: [time, classes]`. Σ over t, with the bias, is the logit.
pub fn contributions(cpu: Cpu, weight: &[f32], attention: &[f32], h: &[f32], out: &mut Vec<f32>) {
    out.clear();
    cpu.run(Contributions {
        weight,
        attention,
        h,
        out,
    });
}

struct Contributions<'a> {
    weight: &'a [f32],
    attention: &'a [f32],
    h: &'a [f32],
    out: &'a mut Vec<f32>,
}

impl Job for Contributions<'_> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes>(self, l: L) {
        let columns = self.h.len() / self.attention.len().max(1);
        for (h, &attention) in self.h.chunks_exact(columns.max(1)).zip(self.attention) {
            for weight in self.weight.chunks_exact(columns) {
                self.out.push(attention * l.dot(weight, h));
            }
        }
    }
}

/// The definition: `[time, classes]`.
pub fn reference(weight: &[f32], attention: &[f64], h: &[f64]) -> Vec<f64> {
    let columns = h.len() / attention.len().max(1);
    let dot = |w: &[f32], h: &[f64]| w.iter().zip(h).map(|(&w, h)| f64::from(w) * h).sum::<f64>();
    let step = |(t, &a): (usize, &f64)| -> Vec<f64> {
        let h = &h[t * columns..][..columns];
        weight
            .chunks_exact(columns)
            .map(|w| a * dot(w, h))
            .collect()
    };
    attention.iter().enumerate().flat_map(step).collect()
}
