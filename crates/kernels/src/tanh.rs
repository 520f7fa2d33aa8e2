//! Hyperbolic tangent, the activation of BERT's pooler.

use crate::lanes::{Job, Lanes, WIDTH};
use crate::{Cpu, elementary};

/// Each value becomes tanh x, in place; in [-1, 1] for every argument.
pub fn tanh(cpu: Cpu, x: &mut [f32]) {
    cpu.run(Tanh(x));
}

struct Tanh<'a>(&'a mut [f32]);

impl Job for Tanh<'_> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes>(self, l: L) {
        for part in self.0.chunks_mut(WIDTH) {
            let y = elementary::tanh(l, l.load_part(part, 0.0));
            l.store_part(y, part);
        }
    }
}

/// The definition: (e²ˣ − 1) / (e²ˣ + 1).
pub fn reference(x: f64) -> f64 {
    let e = (2.0 * x.min(300.0)).exp();
    (e - 1.0) / (e + 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rounding of a value near 1, and of the quotient.
    const ERROR: f64 = 2e-7;

    #[test]
    fn every_set_stays_near_the_definition() {
        for count in [1, 7, 8, 9, 33] {
            let x: Vec<f32> = (0..count).map(|i| (i as f32 - 4.0) * 0.7).collect();
            for cpu in Cpu::available() {
                let mut y = x.clone();
                tanh(cpu, &mut y);
                for (x, y) in x.iter().zip(y) {
                    let error = (f64::from(y) - reference(f64::from(*x))).abs();
                    assert!(error < ERROR, "{} {x}: {y}", cpu.name());
                }
            }
        }
    }
}
