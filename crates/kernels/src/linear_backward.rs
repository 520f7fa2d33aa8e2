//! Linear layers backwards: from the gradient of the outputs to the gradient of the inputs.
//!
//! The sums are `f32`: gradients rounded to integers, as activations are, would lose some of what the
//! next layer needs at every layer, and an encoder has dozens of them.

use crate::lanes::{Job, Lanes, WIDTH};
use crate::linear_int4::Int4;
use crate::shader::{Shader, params, shader};
use crate::{Cpu, Int8};

/// The kernel on the GPU.
pub const SHADER: Shader = shader!("linear_backward");

/// The kernel on the GPU, for 4-bit weights.
pub const SHADER_INT4: Shader = shader!("linear_backward.int4");

params! {
    /// Rows of `grad`.
    tokens: u32,
    /// Outputs of the forward pass.
    rows: u32,
    /// Its inputs.
    columns: u32,
}

/// Columns that are unpacked together, and stay in the nearest cache while all of `grad` goes by.
const PANEL: usize = 2 * WIDTH;

/// Steps that share one look at a panel.
const STEPS: usize = 4;

/// `grad: [time, w.rows]` → Wᵀ grad: `[time, w.columns]`.
pub fn linear_int8_backward(cpu: Cpu, w: Int8, grad: &[f32]) -> Vec<f32> {
    let weight =
        |row: usize, column: usize| f32::from(w.values[row * w.columns + column]) * w.scales[row];
    backward(cpu, (w.rows, w.columns), weight, grad)
}

/// `grad: [time, w.rows]` → Wᵀ grad: `[time, w.columns]`.
pub fn linear_int4_backward(cpu: Cpu, w: Int4, grad: &[f32]) -> Vec<f32> {
    backward(
        cpu,
        (w.rows, w.columns),
        |row, column| w.at(row, column),
        grad,
    )
}

fn backward(
    cpu: Cpu,
    (rows, columns): (usize, usize),
    weight: impl Fn(usize, usize) -> f32,
    grad: &[f32],
) -> Vec<f32> {
    debug_assert_eq!(grad.len() % rows.max(1), 0);
    let mut out = vec![0.0; grad.len() / rows.max(1) * columns];
    let mut panel = vec![[0.0; PANEL]; rows];
    for first in (0..columns).step_by(PANEL) {
        let width = PANEL.min(columns - first);
        for (row, panel) in panel.iter_mut().enumerate() {
            for (column, value) in panel[..width].iter_mut().enumerate() {
                *value = weight(row, first + column);
            }
        }
        let out = &mut out[..];
        multiply(
            cpu,
            Panel {
                weights: &panel,
                grad,
                out,
                columns,
                first,
            },
        );
    }
    out
}

/// Out of line: both kinds of weights end here, and every byte is downloaded.
#[inline(never)]
fn multiply(cpu: Cpu, panel: Panel) {
    cpu.run(panel);
}

/// Columns `first..` of the result, as many as a panel has.
struct Panel<'a> {
    /// `[rows]`: the weights of these columns.
    weights: &'a [[f32; PANEL]],
    grad: &'a [f32],
    /// `[time, columns]`.
    out: &'a mut [f32],
    columns: usize,
    first: usize,
}

impl Job for Panel<'_> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes>(self, l: L) {
        let rows = self.weights.len();
        let steps = self.grad.chunks(STEPS * rows.max(1));
        for (grad, out) in steps.zip(self.out.chunks_mut(STEPS * self.columns)) {
            let wanted = grad.len() / rows;
            // A short last block repeats its last step; the surplus sums are dropped.
            let steps = std::array::from_fn(|i| &grad[i.min(wanted - 1) * rows..][..rows]);
            let sums = block(l, self.weights, steps);
            for (out, sums) in out.chunks_exact_mut(self.columns).zip(sums) {
                for (out, sum) in out[self.first..].chunks_mut(WIDTH).zip(sums) {
                    l.store_part(sum, out);
                }
            }
        }
    }
}

/// Each step's sum over the rows, a panel wide.
#[inline(always)]
fn block<L: Lanes>(l: L, panel: &[[f32; PANEL]], steps: [&[f32]; STEPS]) -> [[L::V; 2]; STEPS] {
    let mut sums = [[l.splat(0.0); 2]; STEPS];
    for (row, weights) in panel.iter().enumerate() {
        let (halves, _) = weights.as_chunks::<WIDTH>();
        let weights = [l.load(&halves[0]), l.load(&halves[1])];
        for (sums, step) in sums.iter_mut().zip(steps) {
            let grad = l.splat(step[row]);
            for (sum, weight) in sums.iter_mut().zip(weights) {
                *sum = l.add(*sum, l.mul(grad, weight));
            }
        }
    }
    sums
}

/// The definition, with real-valued weights: `grad: [time, w.rows]` → `[time, w.columns]`.
pub fn reference(w: Int8, grad: &[f64]) -> Vec<f64> {
    let cell = |grad: &[f64], column: usize| -> f64 {
        let product =
            |(row, g): (usize, &f64)| g * f64::from(w.row(row)[column]) * f64::from(w.scales[row]);
        grad.iter().enumerate().map(product).sum()
    };
    let steps = grad.chunks_exact(w.rows.max(1));
    steps
        .flat_map(|grad| (0..w.columns).map(move |column| cell(grad, column)))
        .collect()
}
