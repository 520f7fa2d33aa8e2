//! Linear layer in `f32`.

use crate::Cpu;
use crate::lanes::{Job, Lanes, WIDTH};
use crate::shader::{Shader, params, shader};

/// The kernel on the GPU.
pub const SHADER: Shader = shader!("linear");

params! {
    /// Rows of `x`.
    tokens: u32,
    /// Outputs.
    rows: u32,
    /// Inputs.
    columns: u32,
}

/// Weights `[rows, columns]` and bias `[rows]`.
#[derive(Clone, Copy, Debug)]
pub struct Dense<'a> {
    /// Outputs.
    pub rows: usize,
    /// Inputs.
    pub columns: usize,
    /// `[rows, columns]`.
    pub weight: &'a [f32],
    /// `[rows]`.
    pub bias: &'a [f32],
}

impl<'a> Dense<'a> {
    #[inline(always)]
    fn row(&self, row: usize) -> &'a [f32] {
        &self.weight[row * self.columns..][..self.columns]
    }
}

/// `x: [time, w.columns]` → `[time, w.rows]`: W x + b for each step.
pub fn linear(cpu: Cpu, w: Dense, x: &[f32]) -> Vec<f32> {
    debug_assert_eq!(w.weight.len(), w.rows * w.columns);
    debug_assert_eq!(w.bias.len(), w.rows);
    let steps = x.len() / w.columns.max(1);
    let mut out = vec![0.0; steps * w.rows];
    cpu.run(Linear {
        w,
        x,
        out: &mut out,
    });
    out
}

struct Linear<'a> {
    w: Dense<'a>,
    x: &'a [f32],
    out: &'a mut [f32],
}

impl Job for Linear<'_> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes>(self, l: L) {
        let Self { w, x, out } = self;
        // Four rows at a time stay in the nearest cache while all of x goes by.
        for first in (0..w.rows).step_by(4) {
            let wanted = 4.min(w.rows - first);
            let rows = std::array::from_fn(|i| w.row(first + i.min(wanted - 1)));
            let steps = x
                .chunks_exact(w.columns.max(1))
                .zip(out.chunks_exact_mut(w.rows));
            for (x, out) in steps {
                let sums = dot4(l, rows, x);
                for (i, sum) in sums.into_iter().take(wanted).enumerate() {
                    out[first + i] = sum + w.bias[first + i];
                }
            }
        }
    }
}

/// x with each of four rows, every one summed as [`Lanes::dot`] does.
#[inline(always)]
fn dot4<L: Lanes>(l: L, rows: [&[f32]; 4], x: &[f32]) -> [f32; 4] {
    let mut sums = [l.splat(0.0); 4];
    for start in (0..x.len()).step_by(WIDTH) {
        let lanes = start..x.len().min(start + WIDTH);
        let x = l.load_part(&x[lanes.clone()], 0.0);
        for (sum, row) in sums.iter_mut().zip(rows) {
            *sum = l.add(*sum, l.mul(x, l.load_part(&row[lanes.clone()], 0.0)));
        }
    }
    sums.map(|sum| l.sum(sum))
}

/// The definition: `[time, w.rows]`.
pub fn reference(w: Dense, x: &[f64]) -> Vec<f64> {
    let cell = |x: &[f64], row: usize| {
        let products = w.row(row).iter().zip(x).map(|(&w, x)| f64::from(w) * x);
        products.sum::<f64>() + f64::from(w.bias[row])
    };
    let steps = x.chunks_exact(w.columns.max(1));
    steps
        .flat_map(|x| (0..w.rows).map(move |row| cell(x, row)))
        .collect()
}
