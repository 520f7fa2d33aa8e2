//! Gaussian error linear unit (Hendrycks & Gimpel 2016), the exact form that BERT uses.

use crate::Cpu;
use crate::elementary::{exp, polynomial};
use crate::lanes::{Job, Lanes, WIDTH};
use crate::shader::{Shader, params, shader};

/// The kernel on the GPU.
pub const SHADER: Shader = shader!("gelu");

params! {
    /// Numbers in `x`.
    count: u32,
}

/// Each finite value becomes x · Φ(x), Φ the standard normal distribution, in place.
pub fn gelu(cpu: Cpu, x: &mut [f32]) {
    cpu.run(Gelu(x));
}

struct Gelu<'a>(&'a mut [f32]);

impl Job for Gelu<'_> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes>(self, l: L) {
        for part in self.0.chunks_mut(WIDTH) {
            let y = lanes(l, l.load_part(part, 0.0));
            l.store_part(y, part);
        }
    }
}

/// x · Φ(x) = max(x, 0) − |x| · Φ(−|x|).
#[inline(always)]
fn lanes<L: Lanes>(l: L, x: L::V) -> L::V {
    let zero = l.splat(0.0);
    let size = l.max(x, l.sub(zero, x));
    let z = l.mul(size, l.splat(std::f32::consts::FRAC_1_SQRT_2));
    let tail = l.mul(l.mul(size, l.splat(0.5)), complement(l, z).0);
    l.sub(l.max(x, zero), tail)
}

/// Φ(−x) and e^−x²/2 for x ≥ 0.
#[inline(always)]
pub(crate) fn tail<L: Lanes>(l: L, x: L::V) -> (L::V, L::V) {
    let z = l.mul(x, l.splat(std::f32::consts::FRAC_1_SQRT_2));
    let (complement, bell) = complement(l, z);
    (l.mul(l.splat(0.5), complement), bell)
}

/// erfc z for z ≥ 0, and the e^−z² in it: t · P(t) · e^−z², t = 1 / (1 + 0.4 z). P is the minimax fit
/// of degree 8, its relative error 5.7e-8 at most, so that even the far negative tail keeps its digits.
#[inline(always)]
fn complement<L: Lanes>(l: L, z: L::V) -> (L::V, L::V) {
    const P: [f32; 9] = [
        0.040_054_21,
        -0.134_417_97,
        0.071_628_95,
        0.102_308_9,
        0.069_689_7,
        0.197_755_35,
        0.200_750_8,
        0.226_605_63,
        0.225_624_49,
    ];
    let one = l.splat(1.0);
    let t = l.div(one, l.add(one, l.mul(l.splat(0.4), z)));
    // Beyond 100, e^−z² is 0; the bound keeps z² finite.
    let square = l.min(l.mul(z, z), l.splat(100.0));
    let bell = exp(l, l.sub(l.splat(0.0), square));
    (l.mul(l.mul(t, polynomial(l, t, &P)), bell), bell)
}

/// The definition: Φ by Simpson's rule on the density of its nearer tail.
pub fn reference(x: f64) -> f64 {
    const STEPS: i32 = 4000;
    const REACH: f64 = 12.0;
    let density = |t: f64| (-t * t / 2.0).exp() / std::f64::consts::TAU.sqrt();
    let step = REACH / f64::from(STEPS);
    let weight = |i: i32| {
        if i == 0 || i == STEPS {
            1
        } else {
            2 + 2 * (i % 2)
        }
    };
    let term = |i: i32| f64::from(weight(i)) * density(x.abs() + f64::from(i) * step);
    let tail = (0..=STEPS).map(term).sum::<f64>() * step / 3.0;
    if x < 0.0 { x * tail } else { x * (1.0 - tail) }
}
