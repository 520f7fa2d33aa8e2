//! The tensors of a network by the names that checkpoints have for them.

use anyhow::Result;

use super::super::weights::Weights;

/// Every tensor once, always in the same order.
#[derive(Default)]
pub(crate) struct Tensors<'a>(Vec<Tensor<'a>>);

struct Tensor<'a> {
    name: String,
    shape: Vec<usize>,
    values: &'a mut Vec<f32>,
}

impl<'a> Tensors<'a> {
    pub(super) fn add(&mut self, name: String, shape: &[usize], values: &'a mut Vec<f32>) {
        let shape = shape.to_vec();
        self.0.push(Tensor {
            name,
            shape,
            values,
        });
    }

    /// Takes every value from `weights`, under its name with `prefix` before it.
    pub(crate) fn fill(self, prefix: &str, weights: &mut Weights) -> Result<()> {
        for tensor in self.0 {
            *tensor.values = weights.take(&format!("{prefix}{}", tensor.name), &tensor.shape)?;
        }
        Ok(())
    }

    /// Puts a copy of every value into `weights`, under its name with `prefix` before it.
    pub(crate) fn copy(self, prefix: &str, weights: &mut Weights) {
        for tensor in self.0 {
            let name = format!("{prefix}{}", tensor.name);
            weights.put_values(name, tensor.shape, tensor.values.clone());
        }
    }

    /// The values alone.
    pub(crate) fn values(self) -> Vec<&'a mut [f32]> {
        let values = self.0.into_iter();
        values.map(|tensor| tensor.values.as_mut_slice()).collect()
    }
}
