//! A classifier's logit over the mean of all, backwards to what the layer before gave.

use crate::shader::{Shader, params, shader};

/// The kernel on the GPU.
pub const SHADER: Shader = shader!("head_backward");

params! {
    /// Width of a row.
    columns: u32,
    /// Rows of the classifier's weight.
    classes: u32,
    /// The class that is explained.
    class_index: u32,
}

/// The definition, on one row: `weight: [classes, columns]` → `[columns]`. `slope` is the derivative of
/// the activation that gave `y`, in terms of y.
pub fn reference(weight: &[f32], y: &[f32], class: usize, slope: impl Fn(f64) -> f64) -> Vec<f64> {
    let columns = y.len();
    let classes = weight.len() / columns;
    let of = |c: usize, column: usize| f64::from(weight[c * columns + column]);
    let mean = |column: usize| (0..classes).map(|c| of(c, column)).sum::<f64>() / classes as f64;
    let cell =
        |(column, &y): (usize, &f32)| (of(class, column) - mean(column)) * slope(f64::from(y));
    y.iter().enumerate().map(cell).collect()
}
