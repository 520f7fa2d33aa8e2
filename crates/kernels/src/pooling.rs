//! Pooling: one row for a whole text.

use crate::Cpu;
use crate::lanes::{Job, Lanes};
use crate::shader::{Shader, params, shader};

/// The kernel on the GPU.
pub const SHADER: Shader = shader!("pooling");

params! {
    /// Width of a row.
    columns: u32,
}

/// The mean over the steps of `h: [time, columns]` that `mask: [time]` shows → `[columns]`; zeros
/// where it shows none.
pub fn mean(cpu: Cpu, h: &[f32], mask: &[bool], columns: usize) -> Vec<f32> {
    debug_assert_eq!(h.len(), mask.len() * columns);
    cpu.run(Mean { h, mask, columns })
}

struct Mean<'a> {
    h: &'a [f32],
    mask: &'a [bool],
    columns: usize,
}

impl Job for Mean<'_> {
    type Output = Vec<f32>;
    #[inline(always)]
    fn run<L: Lanes>(self, l: L) -> Vec<f32> {
        let mut out = vec![0.0; self.columns];
        let shown = self.mask.iter().filter(|&&shown| shown).count();
        let share = 1.0 / shown.max(1) as f32;
        for (h, &shown) in self.h.chunks_exact(self.columns.max(1)).zip(self.mask) {
            if shown {
                l.add_scaled(share, h, &mut out);
            }
        }
        out
    }
}

/// The definition: `[columns]`.
pub fn reference(h: &[f64], mask: &[bool], columns: usize) -> Vec<f64> {
    let shown: Vec<usize> = (0..mask.len()).filter(|&t| mask[t]).collect();
    let mean = |column: usize| {
        let sum: f64 = shown.iter().map(|t| h[t * columns + column]).sum();
        sum / shown.len().max(1) as f64
    };
    (0..columns).map(mean).collect()
}
