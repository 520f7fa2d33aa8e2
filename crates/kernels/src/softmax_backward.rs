//! Softmax backwards.

use crate::Cpu;
use crate::lanes::{Job, Lanes, WIDTH};
use crate::shader::{Shader, params, shader};

/// The kernel on the GPU.
pub const SHADER: Shader = shader!("softmax_backward");

params! {
    /// Width of a row.
    columns: u32,
}

/// `grad` of the forward pass's output `y`, both `[rows, columns]`, becomes the gradient of its input,
/// in place: y · (grad − Σ grad · y) in each row.
pub fn softmax_backward(cpu: Cpu, y: &[f32], grad: &mut [f32], columns: usize) {
    debug_assert_eq!(y.len(), grad.len());
    cpu.run(Backward { y, grad, columns });
}

struct Backward<'a> {
    y: &'a [f32],
    grad: &'a mut [f32],
    columns: usize,
}

impl Job for Backward<'_> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes>(self, l: L) {
        let columns = self.columns.max(1);
        let rows = self.y.chunks_exact(columns);
        for (y, grad) in rows.zip(self.grad.chunks_exact_mut(columns)) {
            row(l, y, grad);
        }
    }
}

/// One row.
#[inline(always)]
pub(crate) fn row<L: Lanes>(l: L, y: &[f32], grad: &mut [f32]) {
    let mean = l.splat(l.dot(y, grad));
    for (y, grad) in y.chunks(WIDTH).zip(grad.chunks_mut(WIDTH)) {
        let change = l.sub(l.load_part(grad, 0.0), mean);
        l.store_part(l.mul(l.load_part(y, 0.0), change), grad);
    }
}

/// The definition, on one row: ∂yᵢ/∂xⱼ = yᵢ · (δᵢⱼ − yⱼ).
pub fn reference(y: &[f64], grad: &[f64]) -> Vec<f64> {
    let slope = |j: usize| -> f64 {
        let term = |i: usize| grad[i] * y[i] * (f64::from(u8::from(i == j)) - y[j]);
        (0..y.len()).map(term).sum()
    };
    (0..y.len()).map(slope).collect()
}
