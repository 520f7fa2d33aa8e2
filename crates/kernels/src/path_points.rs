//! Points of the path that integrated gradients follow (Sundararajan et al. 2017), ready for an encoder.

use crate::shader::{Shader, params, shader};

/// The kernel on the GPU.
pub const SHADER: Shader = shader!("path_points");

params! {
    /// Width of a row.
    columns: u32,
}

/// One token of one point.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// The token's row in both ends of the path.
    pub row: u32,
    /// Its row among the positions.
    pub position: u32,
    /// How far along the path the point lies: 0 is the first end, 1 the last.
    pub share: f32,
}

impl Step {
    /// As the shader reads it.
    pub fn bytes(&self) -> [u8; 12] {
        let mut bytes = [0; 12];
        bytes[..4].copy_from_slice(&self.row.to_le_bytes());
        bytes[4..8].copy_from_slice(&self.position.to_le_bytes());
        bytes[8..].copy_from_slice(&self.share.to_le_bytes());
        bytes
    }
}

/// The definition: `first`, `last: [time, columns]`, `positions: [most, columns]` → `[steps, columns]`.
pub fn reference(
    first: &[f32],
    last: &[f32],
    positions: &[f32],
    steps: &[Step],
    columns: usize,
) -> Vec<f64> {
    let cell = |step: &Step, column: usize| {
        let at = step.row as usize * columns + column;
        let (first, last) = (f64::from(first[at]), f64::from(last[at]));
        let position = f64::from(positions[step.position as usize * columns + column]);
        first + f64::from(step.share) * (last - first) + position
    };
    steps
        .iter()
        .flat_map(|step| (0..columns).map(move |column| cell(step, column)))
        .collect()
}
