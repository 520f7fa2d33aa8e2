//! The logistic function, which opens an LSTM's gates; the trainer's steps take it by the slice.

use crate::lanes::{Job, Lanes, WIDTH};
use crate::{Cpu, elementary};

/// Each value becomes 1 / (1 + e⁻ˣ), in place; in [0, 1] for every argument.
pub fn sigmoid(cpu: Cpu, x: &mut [f32]) {
    cpu.run(Sigmoid(x));
}

struct Sigmoid<'a>(&'a mut [f32]);

impl Job for Sigmoid<'_> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes>(self, l: L) {
        for part in self.0.chunks_mut(WIDTH) {
            let y = elementary::sigmoid(l, l.load_part(part, 0.0));
            l.store_part(y, part);
        }
    }
}

/// The definition.
pub fn reference(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
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
                sigmoid(cpu, &mut y);
                for (x, y) in x.iter().zip(y) {
                    let error = (f64::from(y) - reference(f64::from(*x))).abs();
                    assert!(error < ERROR, "{} {x}: {y}", cpu.name());
                }
            }
        }
    }
}
