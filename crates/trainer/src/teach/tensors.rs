//! Learning on Burn's tensors, on whatever device.

use anyhow::{Result, anyhow};
use burn::grad_clipping::GradientClippingConfig;
use burn::optim::{AdamWConfig, GradientsParams, ModuleOptimizer};
use burn::tensor::activation::log_softmax;
use burn::tensor::{Bytes, Device, Tensor, TensorData};

use super::Step;
use crate::recipe::TeacherSection;
use crate::teacher::{Batch, Config, Encoder, Fresh, Teacher, Weights, floats_of};
use crate::training::seed_step;

pub(super) struct Learner {
    config: Config,
    device: Device,
    encoder: Encoder,
    optimizer: ModuleOptimizer,
    dropout: f64,
}

impl Learner {
    pub(super) fn new(teacher: &Teacher, section: &TeacherSection) -> Self {
        let optimizer = AdamWConfig::new()
            .with_epsilon(1e-8)
            .with_weight_decay(section.weight_decay as f32)
            .with_grad_clipping(Some(GradientClippingConfig::Norm(1.0)))
            .init();
        Self {
            config: teacher.config.clone(),
            device: teacher.device.clone(),
            encoder: teacher.encoder.clone().with_dropout(section.dropout),
            optimizer,
            dropout: section.dropout,
        }
    }
}

impl super::Learner for Learner {
    fn step(&mut self, texts: &[&[u32]], labels: &[usize], step: Step) -> Result<f32> {
        seed_step(&self.device, step.seed, "teach", step.number);
        let batch = Batch::new(texts, self.config.padding, &self.device);
        let loss = cross_entropy(self.encoder.forward(&batch), labels);
        let value = step.expect_finite(floats_of(loss.clone())?[0])?;
        let gradients = GradientsParams::from_grads(loss.backward(), &self.encoder);
        let encoder = self.encoder.clone();
        self.encoder = self.optimizer.step(step.rate, encoder, gradients);
        Ok(value)
    }

    fn weights(&mut self) -> Result<Weights> {
        self.encoder.weights(&self.config)
    }

    fn optimizer_name(&self) -> &'static str {
        "optimizer.burnpack"
    }

    fn optimizer(&mut self) -> Result<Vec<u8>> {
        let bytes = self.optimizer.into_bytes();
        let bytes = bytes.map_err(|error| anyhow!("saving the optimizer: {error}"))?;
        Ok(bytes.to_vec())
    }

    fn resume(&mut self, weights: Weights, optimizer: Vec<u8>) -> Result<()> {
        let encoder = Encoder::load(&self.config, &weights, Fresh::Nothing, &self.device)?;
        self.encoder = encoder.with_dropout(self.dropout);
        let bytes = Bytes::from_bytes_vec(optimizer);
        let optimizer = self.optimizer.clone().from_bytes(bytes);
        self.optimizer = optimizer.map_err(|error| anyhow!("{error}"))?;
        Ok(())
    }
}

/// Mean cross-entropy of `logits [batch, classes]` against class indices.
pub fn cross_entropy(logits: Tensor<2>, labels: &[usize]) -> Tensor<1> {
    let [rows, classes] = logits.dims();
    let mut one_hot = vec![0f32; rows * classes];
    for (row, &label) in labels.iter().enumerate() {
        one_hot[row * classes + label] = 1.0;
    }
    let one_hot =
        Tensor::<2>::from_data(TensorData::new(one_hot, [rows, classes]), &logits.device());
    (log_softmax(logits, 1) * one_hot).sum() * (-1.0 / rows as f64)
}
