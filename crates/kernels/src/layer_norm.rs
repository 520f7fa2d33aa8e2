//! Layer normalisation (Ba et al. 2016).

use crate::Cpu;
use crate::lanes::{Job, Lanes, WIDTH};
use crate::shader::{Shader, params, shader};

/// The kernel on the GPU.
pub const SHADER: Shader = shader!("layer_norm");

params! {
    /// Width of a row.
    columns: u32,
    /// Added to the variance.
    epsilon: f32,
}

/// What follows the normalisation, and what keeps it defined.
#[derive(Clone, Copy, Debug)]
pub struct Norm<'a> {
    /// `[columns]`.
    pub weight: &'a [f32],
    /// `[columns]`.
    pub bias: &'a [f32],
    /// Added to the variance; above 0.
    pub epsilon: f32,
}

/// Each row of `x: [rows, columns]` becomes weight · (x − mean) / √(variance + ε) + bias, in place;
/// the variance is the mean square deviation.
pub fn layer_norm(cpu: Cpu, norm: Norm, x: &mut [f32]) {
    debug_assert_eq!(norm.weight.len(), norm.bias.len());
    cpu.run(LayerNorm { norm, x });
}

struct LayerNorm<'a> {
    norm: Norm<'a>,
    x: &'a mut [f32],
}

impl Job for LayerNorm<'_> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes>(self, l: L) {
        for x in self.x.chunks_exact_mut(self.norm.weight.len().max(1)) {
            row(l, self.norm, x);
        }
    }
}

#[inline(always)]
fn row<L: Lanes>(l: L, norm: Norm, x: &mut [f32]) {
    let columns = x.len() as f32;
    let mut sum = l.splat(0.0);
    for part in x.chunks(WIDTH) {
        sum = l.add(sum, l.load_part(part, 0.0));
    }
    let mean = l.sum(sum) / columns;
    // The missing lanes of the last part are filled with the mean: they deviate by nothing.
    let deviation = |part: &[f32]| l.sub(l.load_part(part, mean), l.splat(mean));
    let mut squares = l.splat(0.0);
    for part in x.chunks(WIDTH) {
        let d = deviation(part);
        squares = l.add(squares, l.mul(d, d));
    }
    let scale = l.splat(1.0 / (l.sum(squares) / columns + norm.epsilon).sqrt());
    let parameters = norm.weight.chunks(WIDTH).zip(norm.bias.chunks(WIDTH));
    for (part, (weight, bias)) in x.chunks_mut(WIDTH).zip(parameters) {
        let normal = l.mul(deviation(part), scale);
        let y = l.add(
            l.mul(normal, l.load_part(weight, 0.0)),
            l.load_part(bias, 0.0),
        );
        l.store_part(y, part);
    }
}

/// The definition, on one row.
pub fn reference(norm: Norm, x: &[f64]) -> Vec<f64> {
    let columns = x.len() as f64;
    let mean = x.iter().sum::<f64>() / columns;
    let variance = x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / columns;
    let root = (variance + f64::from(norm.epsilon)).sqrt();
    let parameters = norm.weight.iter().zip(norm.bias);
    let normal = x.iter().map(|x| (x - mean) / root);
    normal
        .zip(parameters)
        .map(|(y, (&w, &b))| f64::from(w) * y + f64::from(b))
        .collect()
}
