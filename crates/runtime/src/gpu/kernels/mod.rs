//! One method a kernel: what it takes, what it gives, and the grid it runs on.

mod linear;
mod path;
mod rows;
mod sequence;

use stillglass_kernels::shader::Shader;

use super::device::Variant;

pub use path::Path;
pub(super) use sequence::MOST_UNITS;
pub use sequence::{AttentionWeights, QueryKeyValue};

/// What follows a linear layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// Nothing.
    None,
    /// GELU, the exact form.
    Gelu,
    /// tanh.
    Tanh,
    /// The larger of the number and 0.
    Relu,
}

/// A shader as it is.
fn plain(shader: Shader) -> (Shader, Variant) {
    with(shader, &[])
}

/// A shader with some of its constants set.
fn with(shader: Shader, constants: &'static [(&'static str, u32)]) -> (Shader, Variant) {
    let variant = Variant {
        name: shader.name,
        entry: "main",
        constants,
        size: None,
    };
    (shader, variant)
}

/// One of a shader's entry points.
fn entry(shader: Shader, entry: &'static str) -> (Shader, Variant) {
    let variant = Variant {
        name: shader.name,
        entry,
        constants: &[],
        size: None,
    };
    (shader, variant)
}

/// A shader with an activation.
fn activated(shader: Shader, activation: Activation) -> (Shader, Variant) {
    with(
        shader,
        match activation {
            Activation::None => &[],
            Activation::Gelu => &[("ACTIVATION", 1)],
            Activation::Tanh => &[("ACTIVATION", 2)],
            Activation::Relu => &[("ACTIVATION", 3)],
        },
    )
}
