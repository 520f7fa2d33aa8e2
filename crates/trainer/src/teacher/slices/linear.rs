//! Linear maps and layer norms, forwards and back.

use stillglass_kernels::{Cpu, layer_norm};
use stillglass_kernels::{layer_norm::layer_norm, layer_norm_backward::layer_norm_backward};

use super::add;
use super::tensors::Tensors;
use crate::product::{Matrix, add_product};

/// y = W x + b for each token.
pub(super) struct Linear {
    /// `[outputs, inputs]`, as files have it.
    weight: Vec<f32>,
    /// `[outputs]`.
    bias: Vec<f32>,
}

impl Linear {
    pub(super) fn zeros(inputs: usize, outputs: usize) -> Self {
        Self {
            weight: vec![0.0; outputs * inputs],
            bias: vec![0.0; outputs],
        }
    }

    pub(super) fn name<'a>(&'a mut self, name: &str, tensors: &mut Tensors<'a>) {
        let (outputs, inputs) = self.sizes();
        tensors.add(
            format!("{name}.weight"),
            &[outputs, inputs],
            &mut self.weight,
        );
        tensors.add(format!("{name}.bias"), &[outputs], &mut self.bias);
    }

    /// `x: [tokens, inputs]` → `[tokens, outputs]`.
    pub(super) fn forward(&self, x: &[f32]) -> Vec<f32> {
        let (outputs, inputs) = self.sizes();
        let tokens = x.len() / inputs;
        let mut y = self.bias.repeat(tokens);
        let weight = Matrix::whole(&self.weight, outputs, inputs).transposed();
        let x = Matrix::whole(x, tokens, inputs);
        add_product(1.0, x, weight, &mut y, outputs);
        y
    }

    /// Adds Wᵀ grad to `out: [tokens, inputs]`, the gradient of the inputs `x`, for `grad: [tokens, outputs]`
    /// of the outputs; and to the weights' own gradient, where that is asked for.
    pub(super) fn backward(
        &self,
        x: &[f32],
        grad: &[f32],
        out: &mut [f32],
        gradient: Option<&mut Self>,
    ) {
        let (outputs, inputs) = self.sizes();
        let tokens = grad.len() / outputs;
        let weight = Matrix::whole(&self.weight, outputs, inputs);
        let outer = Matrix::whole(grad, tokens, outputs);
        add_product(1.0, outer, weight, out, inputs);
        if let Some(gradient) = gradient {
            let x = Matrix::whole(x, tokens, inputs);
            add_product(1.0, outer.transposed(), x, &mut gradient.weight, inputs);
            for row in grad.chunks_exact(outputs) {
                add(&mut gradient.bias, row);
            }
        }
    }

    fn sizes(&self) -> (usize, usize) {
        (self.bias.len(), self.weight.len() / self.bias.len())
    }
}

/// Layer norm of each token.
pub(super) struct Norm {
    weight: Vec<f32>,
    bias: Vec<f32>,
    epsilon: f32,
}

impl Norm {
    pub(super) fn zeros(size: usize, epsilon: f64) -> Self {
        Self {
            weight: vec![0.0; size],
            bias: vec![0.0; size],
            epsilon: epsilon as f32,
        }
    }

    pub(super) fn name<'a>(&'a mut self, name: &str, tensors: &mut Tensors<'a>) {
        let size = self.bias.len();
        tensors.add(format!("{name}.weight"), &[size], &mut self.weight);
        tensors.add(format!("{name}.bias"), &[size], &mut self.bias);
    }

    /// `x: [tokens, size]`.
    pub(super) fn forward(&self, x: &[f32]) -> Vec<f32> {
        let mut y = x.to_vec();
        layer_norm(Cpu::detect(), self.kernel(&self.weight, &self.bias), &mut y);
        y
    }

    /// From `grad`, the gradient of the outputs, to that of the inputs `x`, `[tokens, size]` each; and to the
    /// weights' own, where that is asked for.
    pub(super) fn backward(
        &self,
        x: &[f32],
        grad: &[f32],
        gradient: Option<&mut Self>,
    ) -> Vec<f32> {
        if let Some(gradient) = gradient {
            let size = self.bias.len();
            // What the weights scale: the norm without them.
            let (ones, zeros) = (vec![1.0; size], vec![0.0; size]);
            let mut normal = x.to_vec();
            layer_norm(Cpu::detect(), self.kernel(&ones, &zeros), &mut normal);
            let rows = normal.chunks_exact(size).zip(grad.chunks_exact(size));
            for (normal, grad) in rows {
                let pairs = normal.iter().zip(grad);
                for (weight, (normal, grad)) in gradient.weight.iter_mut().zip(pairs) {
                    *weight += normal * grad;
                }
                add(&mut gradient.bias, grad);
            }
        }
        let kernel = self.kernel(&self.weight, &self.bias);
        layer_norm_backward(Cpu::detect(), kernel, x, grad)
    }

    fn kernel<'a>(&self, weight: &'a [f32], bias: &'a [f32]) -> layer_norm::Norm<'a> {
        layer_norm::Norm {
            weight,
            bias,
            epsilon: self.epsilon,
        }
    }
}
