//! Pooling backwards: from the gradient of a text's row to that of its tokens.

use crate::shader::{Shader, params, shader};

/// The kernel on the GPU.
pub const SHADER: Shader = shader!("pooling_backward");

params! {
    /// Width of a row.
    columns: u32,
}

/// The definition of the mean's gradient: `grad: [columns]` → `[time, columns]`.
pub fn mean_reference(grad: &[f64], time: usize) -> Vec<f64> {
    let share = grad.iter().map(|g| g / time as f64);
    share.cycle().take(time * grad.len()).collect()
}

/// The definition of the first token's gradient: `grad: [columns]` → `[time, columns]`.
pub fn first_reference(grad: &[f64], time: usize) -> Vec<f64> {
    let rest = std::iter::repeat(&0.0);
    grad.iter()
        .chain(rest)
        .copied()
        .take(time * grad.len())
        .collect()
}
