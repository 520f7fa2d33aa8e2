//! Gaussian error linear unit, backwards.

use crate::Cpu;
use crate::gelu::tail;
use crate::lanes::{Job, Lanes, WIDTH};
use crate::shader::{Shader, params, shader};

/// The kernel on the GPU.
pub const SHADER: Shader = shader!("gelu_backward");

params! {
    /// Numbers in `x`.
    count: u32,
}

/// `grad` of the output becomes the gradient of the input `x`, in place: times Φ(x) + x · φ(x), Φ the
/// standard normal distribution and φ its density.
pub fn gelu_backward(cpu: Cpu, x: &[f32], grad: &mut [f32]) {
    debug_assert_eq!(x.len(), grad.len());
    cpu.run(Backward { x, grad });
}

struct Backward<'a> {
    x: &'a [f32],
    grad: &'a mut [f32],
}

impl Job for Backward<'_> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes>(self, l: L) {
        for (x, grad) in self.x.chunks(WIDTH).zip(self.grad.chunks_mut(WIDTH)) {
            let slope = slope(l, l.load_part(x, 0.0));
            l.store_part(l.mul(l.load_part(grad, 0.0), slope), grad);
        }
    }
}

/// Φ(x) + x · φ(x).
#[inline(always)]
fn slope<L: Lanes>(l: L, x: L::V) -> L::V {
    /// 1 / √(2π): φ(0).
    const PEAK: f32 = 0.398_942_3;
    let (zero, one) = (l.splat(0.0), l.splat(1.0));
    let (tail, bell) = tail(l, l.max(x, l.sub(zero, x)));
    // 1 for positive x and 0 for negative; at 0, where it matters not, both tails are 1/2.
    let positive = l.max(l.min(l.mul(x, l.splat(1e30)), one), zero);
    let other = l.sub(one, l.add(tail, tail));
    let distribution = l.add(tail, l.mul(positive, other));
    l.add(distribution, l.mul(x, l.mul(l.splat(PEAK), bell)))
}

/// The definition: the slope of [`gelu::reference`](crate::gelu::reference) at `x`, by which a gradient
/// is multiplied.
pub fn reference(x: f64) -> f64 {
    // x · Φ(x) is even but for the line x / 2, so Φ(x) = gelu(x) / x; at 0 it is 1/2.
    let distribution = if x == 0.0 {
        0.5
    } else {
        crate::gelu::reference(x) / x
    };
    distribution + x * (-x * x / 2.0).exp() / std::f64::consts::TAU.sqrt()
}
