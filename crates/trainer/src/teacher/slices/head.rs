//! The classification head, forwards and back to the last layer's states.

use std::ops::Range;

use super::super::config::{Config, Family};
use super::super::weights::Names;
use super::dropping::{Dropped, drop_some};
use super::linear::Linear;
use super::tensors::Tensors;
use super::{add, cells};
use crate::recipe::Pooling;
use crate::training::Dropout;

/// Pooling, the dense layer of heads that read the first token, and the map to logits.
pub(super) struct Head {
    dense: Option<(Linear, Activation)>,
    logits: Linear,
    hidden: usize,
}

#[derive(Clone, Copy)]
enum Activation {
    Tanh,
    Relu,
}

/// What the head leaves for the way back, `[texts, hidden]` each.
pub(super) struct Trace {
    /// What the dense layer read, and what came of it; the mean of the states where there is none.
    first: Vec<f32>,
    active: Vec<f32>,
    /// What the map to logits read.
    pooled: Vec<f32>,
    dropped: Dropped,
}

impl Trace {
    /// What the map to logits read, `[texts, hidden]`.
    pub(super) fn pooled(self) -> Vec<f32> {
        self.pooled
    }
}

impl Head {
    pub(super) fn zeros(config: &Config) -> Self {
        let hidden = config.hidden;
        let activation = match config.family {
            Family::DistilBert => Activation::Relu,
            Family::Bert | Family::Roberta => Activation::Tanh,
        };
        let dense = match config.pooling {
            Pooling::Mean => None,
            Pooling::Cls => Some((Linear::zeros(hidden, hidden), activation)),
        };
        Self {
            dense,
            logits: Linear::zeros(hidden, config.labels.len()),
            hidden,
        }
    }

    pub(super) fn name<'a>(&'a mut self, names: &Names, tensors: &mut Tensors<'a>) {
        let logits = names.logits(self.dense.is_some());
        if let Some((dense, _)) = &mut self.dense {
            dense.name(&names.dense(), tensors);
        }
        self.logits.name(logits, tensors);
    }

    /// `x: [tokens, hidden]` → the logits, `[texts, classes]`.
    pub(super) fn forward(
        &self,
        x: &[f32],
        texts: &[Range<usize>],
        dropout: Option<&mut Dropout>,
    ) -> (Vec<f32>, Trace) {
        let mut first = Vec::with_capacity(texts.len() * self.hidden);
        for text in texts {
            let x = &x[cells(text, self.hidden)];
            match self.dense {
                None => first.extend(mean(x, self.hidden)),
                Some(_) => first.extend(&x[..self.hidden]),
            }
        }
        let active = match &self.dense {
            None => first.clone(),
            Some((dense, activation)) => {
                let mut active = dense.forward(&first);
                for value in &mut active {
                    *value = match activation {
                        Activation::Tanh => value.tanh(),
                        Activation::Relu => value.max(0.0),
                    };
                }
                active
            }
        };
        let mut pooled = active.clone();
        let dropped = drop_some(&mut pooled, dropout);
        let logits = self.logits.forward(&pooled);
        let trace = Trace {
            first,
            active,
            pooled,
            dropped,
        };
        (logits, trace)
    }

    /// From the gradient of the logits, `[texts, classes]`, to that of the states, `[tokens, hidden]`, and to
    /// the head's own, where that is asked for.
    pub(super) fn backward(
        &self,
        trace: &Trace,
        texts: &[Range<usize>],
        grad: &[f32],
        own: Option<&mut Self>,
    ) -> Vec<f32> {
        let (own_logits, own_dense) = own.map_or((None, None), |own| {
            let dense = own.dense.as_mut().map(|(dense, _)| dense);
            (Some(&mut own.logits), dense)
        });
        let mut pooled = vec![0.0; trace.pooled.len()];
        self.logits
            .backward(&trace.pooled, grad, &mut pooled, own_logits);
        trace.dropped.apply(&mut pooled);
        if let Some((dense, activation)) = &self.dense {
            for (grad, y) in pooled.iter_mut().zip(&trace.active) {
                *grad *= match activation {
                    Activation::Tanh => 1.0 - y * y,
                    Activation::Relu => f32::from(u8::from(*y > 0.0)),
                };
            }
            let mut first = vec![0.0; pooled.len()];
            dense.backward(&trace.first, &pooled, &mut first, own_dense);
            pooled = first;
        }
        self.spread(&pooled, texts)
    }

    /// From the gradient of what was pooled, `[texts, hidden]`, to that of the states, `[tokens, hidden]`.
    fn spread(&self, pooled: &[f32], texts: &[Range<usize>]) -> Vec<f32> {
        let tokens = texts.last().map_or(0, |text| text.end);
        let mut out = vec![0.0; tokens * self.hidden];
        for (text, grad) in texts.iter().zip(pooled.chunks_exact(self.hidden)) {
            let out = &mut out[cells(text, self.hidden)];
            if self.dense.is_some() {
                out[..self.hidden].copy_from_slice(grad);
                continue;
            }
            let share = 1.0 / text.len() as f32;
            for (out, grad) in out.iter_mut().zip(grad.iter().cycle()) {
                *out = share * grad;
            }
        }
        out
    }
}

/// Mean of the rows of `x: [tokens, hidden]`.
fn mean(x: &[f32], hidden: usize) -> Vec<f32> {
    let mut sums = vec![0.0; hidden];
    for row in x.chunks_exact(hidden) {
        add(&mut sums, row);
    }
    let share = 1.0 / (x.len() / hidden) as f32;
    for sum in &mut sums {
        *sum *= share;
    }
    sums
}
