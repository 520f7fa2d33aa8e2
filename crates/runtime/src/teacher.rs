//! The teacher: an encoder and its head, forwards and backwards to the word embeddings.

use std::sync::OnceLock;

use stillglass_bundle::{Activation, Pooling, TeacherShape, TeacherWeights};

use crate::cpu::{self, Prepared};
use crate::encoder::{self, Encoder, Keep};

/// A teacher's sizes and numbers.
#[derive(Clone, Copy)]
pub(crate) struct Teacher<'a> {
    pub(crate) shape: &'a TeacherShape,
    pub(crate) weights: &'a TeacherWeights,
    pub(crate) desk: &'a Desk,
}

/// A teacher's matrices as the CPU reads them, made by the first call.
#[derive(Debug, Default)]
pub(crate) struct Desk {
    encoder: encoder::Desk,
    dense: OnceLock<Prepared>,
}

/// What a forward pass gave, and what the way back needs of it.
pub(crate) struct Pass {
    /// `[texts, classes]`.
    pub(crate) logits: Vec<f32>,
    encoder: encoder::Pass,
    /// What the classifier saw, `[texts, hidden]`.
    pooled: Vec<f32>,
}

impl Teacher<'_> {
    /// Word embeddings before positions are added, `[tokens, hidden]`; every id is in the vocabulary.
    pub(crate) fn embed(&self, ids: &[u32]) -> Vec<f32> {
        self.encoder().embed(ids)
    }

    /// Runs texts of `lengths` tokens, their word embeddings `[tokens, hidden]` one after another.
    pub(crate) fn forward(&self, words: Vec<f32>, lengths: &[usize], keep: Keep) -> Pass {
        let encoder = self.encoder().forward(words, lengths, keep);
        let pooled = self.head(&encoder);
        Pass {
            logits: cpu::classifier(&self.weights.classifier, &pooled),
            encoder,
            pooled,
        }
    }

    /// From the gradient of the logits, `[texts, classes]`, to that of the word embeddings,
    /// `[tokens, hidden]`; the pass must have kept everything.
    pub(crate) fn backward(&self, pass: &Pass, grad: &[f32]) -> Vec<f32> {
        let grad = self.head_backward(pass, grad);
        self.encoder().backward(&pass.encoder, grad)
    }

    fn encoder(&self) -> Encoder<'_> {
        Encoder {
            shape: self.shape.encoder(),
            weights: &self.weights.encoder,
            desk: &self.desk.encoder,
        }
    }

    /// What the classifier sees, `[texts, hidden]`.
    fn head(&self, pass: &encoder::Pass) -> Vec<f32> {
        let (hidden, encoder) = (self.shape.hidden, self.encoder());
        let pooled = pass.texts.iter().flat_map(|text| {
            let states = &pass.states[encoder.cells(text)];
            match self.shape.pooling {
                Pooling::Cls => states[..hidden].to_vec(),
                Pooling::Mean => cpu::mean(states, hidden),
            }
        });
        let pooled: Vec<f32> = pooled.collect();
        let Some(weights) = &self.weights.dense else {
            return pooled;
        };
        let dense = &self.desk.dense;
        let dense = dense.get_or_init(|| Prepared::new(&weights.weight));
        let mut pooled = cpu::linear(dense, &weights.bias, &pooled);
        match self.shape.dense {
            Activation::Tanh => cpu::tanh(&mut pooled),
            Activation::Relu => pooled.iter_mut().for_each(|x| *x = x.max(0.0)),
            Activation::None => {}
        }
        pooled
    }

    /// From the gradient of the logits to that of the last layer's states.
    fn head_backward(&self, pass: &Pass, grad: &[f32]) -> Vec<f32> {
        let (hidden, encoder) = (self.shape.hidden, self.encoder());
        let classifier = &self.weights.classifier;
        let mut pooled = vec![0.0; pass.pooled.len()];
        for (pooled, grad) in pooled
            .chunks_exact_mut(hidden)
            .zip(grad.chunks_exact(classifier.rows))
        {
            for (weight, grad) in classifier.weight.chunks_exact(hidden).zip(grad) {
                pooled
                    .iter_mut()
                    .zip(weight)
                    .for_each(|(p, w)| *p += grad * w);
            }
        }
        if let Some(dense) = &self.weights.dense {
            for (grad, y) in pooled.iter_mut().zip(&pass.pooled) {
                *grad *= match self.shape.dense {
                    Activation::Tanh => 1.0 - y * y,
                    Activation::Relu => f32::from(u8::from(*y > 0.0)),
                    Activation::None => 1.0,
                };
            }
            pooled = cpu::linear_backward(dense, &pooled);
        }
        let mut out = vec![0.0; pass.encoder.states.len()];
        for (text, grad) in pass.encoder.texts.iter().zip(pooled.chunks_exact(hidden)) {
            let out = &mut out[encoder.cells(text)];
            match self.shape.pooling {
                Pooling::Cls => out[..hidden].copy_from_slice(grad),
                Pooling::Mean => {
                    let share = 1.0 / text.len() as f32;
                    for (out, grad) in out.iter_mut().zip(grad.iter().cycle()) {
                        *out = share * grad;
                    }
                }
            }
        }
        out
    }
}
