//! What a gradient gives along the path of integrated gradients.

use crate::path_points::Step;
use crate::shader::{Shader, params, shader};

/// The kernel on the GPU.
pub const SHADER: Shader = shader!("path_contributions");

params! {
    /// Width of a row.
    columns: u32,
    /// Where in `out` the results begin.
    start: u32,
}

/// The definition: `grad: [steps, columns]`, `first`, `last: [time, columns]` → `[steps]`, each gradient
/// times the change of its token from the path's first end to its last.
pub fn reference(
    grad: &[f32],
    first: &[f32],
    last: &[f32],
    steps: &[Step],
    columns: usize,
) -> Vec<f64> {
    let rows = grad.chunks_exact(columns).zip(steps);
    let product = |(grad, step): (&[f32], &Step)| -> f64 {
        let at = step.row as usize * columns;
        let change = first[at..]
            .iter()
            .zip(&last[at..])
            .map(|(&a, &b)| f64::from(b) - f64::from(a));
        grad.iter()
            .zip(change)
            .map(|(&g, change)| f64::from(g) * change)
            .sum()
    };
    rows.map(product).collect()
}
