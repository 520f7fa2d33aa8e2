//! Layer normalisation backwards.

use crate::Cpu;
use crate::lanes::{Job, Lanes, WIDTH};
use crate::layer_norm::Norm;
use crate::shader::{Shader, params, shader};

/// The kernel on the GPU.
pub const SHADER: Shader = shader!("layer_norm_backward");

params! {
    /// Width of a row.
    columns: u32,
    /// Added to the variance.
    epsilon: f32,
}

/// `x: [rows, columns]`, the input of the forward pass, and `grad` of its output, of the same shape →
/// the gradient of `x`.
///
/// With n = (x − mean) / σ and g = weight · grad: (g − mean g − n · mean(g n)) / σ.
pub fn layer_norm_backward(cpu: Cpu, norm: Norm, x: &[f32], grad: &[f32]) -> Vec<f32> {
    debug_assert_eq!(x.len(), grad.len());
    let mut out = grad.to_vec();
    cpu.run(Backward {
        norm,
        x,
        grad: &mut out,
    });
    out
}

struct Backward<'a> {
    norm: Norm<'a>,
    x: &'a [f32],
    grad: &'a mut [f32],
}

impl Job for Backward<'_> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes>(self, l: L) {
        let columns = self.norm.weight.len().max(1);
        let rows = self.x.chunks_exact(columns);
        for (x, grad) in rows.zip(self.grad.chunks_exact_mut(columns)) {
            row(l, self.norm, x, grad);
        }
    }
}

#[inline(always)]
fn row<L: Lanes>(l: L, norm: Norm, x: &[f32], grad: &mut [f32]) {
    let columns = x.len() as f32;
    let mut sum = l.splat(0.0);
    for part in x.chunks(WIDTH) {
        sum = l.add(sum, l.load_part(part, 0.0));
    }
    let mean = l.sum(sum) / columns;
    // The missing lanes of the last part are filled with the mean: they deviate by nothing.
    let deviation = |part: &[f32]| l.sub(l.load_part(part, mean), l.splat(mean));
    let mut squares = l.splat(0.0);
    let mut plain = l.splat(0.0);
    let mut along = l.splat(0.0);
    let parts = || x.chunks(WIDTH).zip(norm.weight.chunks(WIDTH));
    for ((x, weight), part) in parts().zip(grad.chunks_mut(WIDTH)) {
        let d = deviation(x);
        let g = l.mul(l.load_part(part, 0.0), l.load_part(weight, 0.0));
        l.store_part(g, part);
        squares = l.add(squares, l.mul(d, d));
        plain = l.add(plain, g);
        along = l.add(along, l.mul(g, d));
    }
    let variance = l.sum(squares) / columns + norm.epsilon;
    let scale = l.splat(1.0 / variance.sqrt());
    let plain = l.splat(l.sum(plain) / columns);
    let slope = l.splat(l.sum(along) / columns / variance);
    for (x, part) in x.chunks(WIDTH).zip(grad.chunks_mut(WIDTH)) {
        let g = l.sub(l.load_part(part, 0.0), plain);
        let g = l.sub(g, l.mul(deviation(x), slope));
        l.store_part(l.mul(g, scale), part);
    }
}

/// The definition, on one row: the Jacobian of the normalisation, transposed, times the gradient.
pub fn reference(norm: Norm, x: &[f64], grad: &[f64]) -> Vec<f64> {
    let columns = x.len() as f64;
    let mean = x.iter().sum::<f64>() / columns;
    let variance = x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / columns;
    let root = (variance + f64::from(norm.epsilon)).sqrt();
    // ∂yᵢ/∂xⱼ = weightᵢ · (δᵢⱼ − 1/n − nᵢ nⱼ / n) / σ
    let slope = |j: usize| -> f64 {
        let term = |i: usize| {
            let same = f64::from(u8::from(i == j));
            let normal = (x[i] - mean) * (x[j] - mean) / (root * root);
            grad[i] * f64::from(norm.weight[i]) * (same - (1.0 + normal) / columns) / root
        };
        (0..x.len()).map(term).sum()
    };
    (0..x.len()).map(slope).collect()
}
