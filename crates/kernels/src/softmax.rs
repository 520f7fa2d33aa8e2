//! Softmax over rows.

use crate::Cpu;
use crate::elementary::exp;
use crate::lanes::{Job, Lanes, WIDTH};
use crate::shader::{Shader, params, shader};

/// The kernel on the GPU.
pub const SHADER: Shader = shader!("softmax");

params! {
    /// Width of a row.
    columns: u32,
}

/// Each row of `x: [rows, columns]` becomes exp(x − max) / Σ exp(x − max), in place.
///
/// −∞ marks a masked entry and becomes 0; a row masked whole becomes zeros. Other entries are finite.
pub fn softmax(cpu: Cpu, x: &mut [f32], columns: usize) {
    cpu.run(Softmax { x, columns });
}

struct Softmax<'a> {
    x: &'a mut [f32],
    columns: usize,
}

impl Job for Softmax<'_> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes>(self, l: L) {
        for x in self.x.chunks_exact_mut(self.columns.max(1)) {
            row(l, x);
        }
    }
}

/// Softmax of one row.
#[inline(always)]
pub(crate) fn row<L: Lanes>(l: L, x: &mut [f32]) {
    let sum = l.splat(exponentials(l, x));
    for part in x.chunks_mut(WIDTH) {
        l.store_part(l.div(l.load_part(part, 0.0), sum), part);
    }
}

/// Each entry becomes exp(x − max); answers their sum. A row masked whole becomes zeros, its sum 1.
#[inline(always)]
pub(crate) fn exponentials<L: Lanes>(l: L, x: &mut [f32]) -> f32 {
    let mut largest = l.splat(f32::NEG_INFINITY);
    for part in x.chunks(WIDTH) {
        largest = l.max(l.load_part(part, f32::NEG_INFINITY), largest);
    }
    let largest = l.largest(largest);
    if largest == f32::NEG_INFINITY {
        x.fill(0.0);
        return 1.0;
    }
    let mut sum = l.splat(0.0);
    for part in x.chunks_mut(WIDTH) {
        let x = l.load_part(part, f32::NEG_INFINITY);
        let e = exp(l, l.sub(x, l.splat(largest)));
        l.store_part(e, part);
        sum = l.add(sum, e);
    }
    l.sum(sum)
}

/// The definition, on one row.
pub fn reference(x: &[f32]) -> Vec<f64> {
    let largest = x.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    if largest == f32::NEG_INFINITY {
        return vec![0.0; x.len()];
    }
    let e = |&x: &f32| (f64::from(x) - f64::from(largest)).exp();
    let sum: f64 = x.iter().map(e).sum();
    x.iter().map(|x| e(x) / sum).collect()
}
