//! One encoder layer, forwards and back to its input.

use std::ops::Range;

use stillglass_kernels::Cpu;
use stillglass_kernels::gelu::gelu;
use stillglass_kernels::gelu_backward::gelu_backward;

use super::super::config::Config;
use super::super::weights::{Names, Part};
use super::add;
use super::attention::{self, Heads, Parts};
use super::dropping::{Dropped, drop_some};
use super::linear::{Linear, Norm};
use super::tensors::Tensors;
use crate::training::Dropout;

/// Post-norm transformer layer (Vaswani et al. 2017; Devlin et al. 2019).
pub(super) struct Layer {
    query: Linear,
    key: Linear,
    value: Linear,
    attention_output: Linear,
    attention_norm: Norm,
    intermediate: Linear,
    output: Linear,
    output_norm: Norm,
    heads: Heads,
}

/// What a layer leaves for the way back: what each of its parts read.
pub(super) struct Trace {
    /// `[tokens, hidden]`.
    x: Vec<f32>,
    parts: Parts,
    attention: attention::Trace,
    /// What the heads gave, `[tokens, hidden]`.
    mixed: Vec<f32>,
    /// Into the norm after the attention, `[tokens, hidden]`.
    attended: Vec<f32>,
    /// Out of it, `[tokens, hidden]`.
    middle: Vec<f32>,
    /// Before the GELU, and after it, `[tokens, intermediate]`.
    inner: Vec<f32>,
    active: Vec<f32>,
    /// Into the norm after the feed-forward block, `[tokens, hidden]`.
    sum: Vec<f32>,
    /// After the attention, and after the feed-forward block.
    dropped: [Dropped; 2],
}

impl Layer {
    pub(super) fn zeros(config: &Config) -> Self {
        let (hidden, inner) = (config.hidden, config.intermediate);
        let norm = || Norm::zeros(hidden, config.layer_norm_eps);
        Self {
            query: Linear::zeros(hidden, hidden),
            key: Linear::zeros(hidden, hidden),
            value: Linear::zeros(hidden, hidden),
            attention_output: Linear::zeros(hidden, hidden),
            attention_norm: norm(),
            intermediate: Linear::zeros(hidden, inner),
            output: Linear::zeros(inner, hidden),
            output_norm: norm(),
            heads: Heads {
                count: config.heads,
                hidden,
            },
        }
    }

    pub(super) fn name<'a>(&'a mut self, names: &Names, index: usize, tensors: &mut Tensors<'a>) {
        for (part, linear) in [
            (Part::Query, &mut self.query),
            (Part::Key, &mut self.key),
            (Part::Value, &mut self.value),
            (Part::AttentionOutput, &mut self.attention_output),
            (Part::Intermediate, &mut self.intermediate),
            (Part::Output, &mut self.output),
        ] {
            linear.name(&names.layer(index, part), tensors);
        }
        for (part, norm) in [
            (Part::AttentionNorm, &mut self.attention_norm),
            (Part::OutputNorm, &mut self.output_norm),
        ] {
            norm.name(&names.layer(index, part), tensors);
        }
    }

    /// `x: [tokens, hidden]` → the same of the next layer.
    pub(super) fn forward(
        &self,
        x: Vec<f32>,
        texts: &[Range<usize>],
        mut dropout: Option<&mut Dropout>,
    ) -> (Vec<f32>, Trace) {
        let parts = Parts {
            query: self.query.forward(&x),
            key: self.key.forward(&x),
            value: self.value.forward(&x),
        };
        let (mixed, attention) = self.heads.forward(&parts, texts, dropout.as_deref_mut());
        let mut attended = self.attention_output.forward(&mixed);
        let after_attention = drop_some(&mut attended, dropout.as_deref_mut());
        add(&mut attended, &x);
        let middle = self.attention_norm.forward(&attended);

        let inner = self.intermediate.forward(&middle);
        let mut active = inner.clone();
        gelu(Cpu::detect(), &mut active);
        let mut sum = self.output.forward(&active);
        let after_block = drop_some(&mut sum, dropout);
        add(&mut sum, &middle);
        let y = self.output_norm.forward(&sum);
        let trace = Trace {
            x,
            parts,
            attention,
            mixed,
            attended,
            middle,
            inner,
            active,
            sum,
            dropped: [after_attention, after_block],
        };
        (y, trace)
    }

    /// From the gradient of the outputs to that of the inputs, `[tokens, hidden]` each, and to the layer's
    /// own, where that is asked for.
    pub(super) fn backward(
        &self,
        trace: &Trace,
        texts: &[Range<usize>],
        grad: &[f32],
        mut own: Option<&mut Self>,
    ) -> Vec<f32> {
        /// The gradient of one part, if any is asked for.
        macro_rules! own {
            ($part:ident) => {
                own.as_deref_mut().map(|own| &mut own.$part)
            };
        }
        let [after_attention, after_block] = &trace.dropped;
        let mut grad = self
            .output_norm
            .backward(&trace.sum, grad, own!(output_norm));
        let mut inner = vec![0.0; trace.inner.len()];
        let kept = after_block.kept(&grad);
        self.output
            .backward(&trace.active, &kept, &mut inner, own!(output));
        gelu_backward(Cpu::detect(), &trace.inner, &mut inner);
        self.intermediate
            .backward(&trace.middle, &inner, &mut grad, own!(intermediate));

        let mut grad = self
            .attention_norm
            .backward(&trace.attended, &grad, own!(attention_norm));
        let mut mixed = vec![0.0; grad.len()];
        let kept = after_attention.kept(&grad);
        self.attention_output
            .backward(&trace.mixed, &kept, &mut mixed, own!(attention_output));
        let parts = self
            .heads
            .backward(&trace.parts, &trace.attention, texts, &mixed);
        let x = &trace.x;
        self.query.backward(x, &parts.query, &mut grad, own!(query));
        self.key.backward(x, &parts.key, &mut grad, own!(key));
        self.value.backward(x, &parts.value, &mut grad, own!(value));
        grad
    }
}
