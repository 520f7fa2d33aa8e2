//! The sum of a block's output and its input (He et al. 2016).

use crate::Cpu;
use crate::lanes::{Job, Lanes, WIDTH};

/// x ← x + y, for as many values as both have.
pub fn residual(cpu: Cpu, x: &mut [f32], y: &[f32]) {
    cpu.run(Residual { x, y });
}

struct Residual<'a> {
    x: &'a mut [f32],
    y: &'a [f32],
}

impl Job for Residual<'_> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes>(self, l: L) {
        let both = self.x.len().min(self.y.len());
        let (x, y) = (&mut self.x[..both], &self.y[..both]);
        for (x, y) in x.chunks_mut(WIDTH).zip(y.chunks(WIDTH)) {
            l.store_part(l.add(l.load_part(x, 0.0), l.load_part(y, 0.0)), x);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adds_what_both_have() {
        for cpu in Cpu::available() {
            for (x, y) in [(0, 3), (7, 7), (17, 9), (9, 17)] {
                let mut sums: Vec<f32> = (0..x).map(|i| i as f32).collect();
                let ones = vec![1.0; y];
                residual(cpu, &mut sums, &ones);
                let want = (0..x).map(|i| i as f32 + f32::from(u8::from(i < y)));
                assert_eq!(sums, want.collect::<Vec<_>>(), "{}", cpu.name());
            }
        }
    }
}
