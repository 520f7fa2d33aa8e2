//! An encoder and its head on plain slices, forwards and back: the processor's way.
//!
//! The tokens of a pass's texts follow one another, with no padding: all but attention and pooling works on
//! tokens. One pass uses one thread; texts are spread over threads by whoever asks. The way back goes to the
//! word embeddings, and to the weights only where their gradient is asked for.

mod attention;
mod dropping;
mod head;
mod layer;
mod linear;
mod tensors;

use std::ops::Range;

use anyhow::Result;
use stillglass_kernels::Cpu;
use stillglass_kernels::residual::residual;

use self::dropping::{Dropped, drop_some};
use self::head::Head;
use self::layer::Layer;
use self::linear::Norm;
use self::tensors::Tensors;
use super::config::Config;
use super::weights::{Names, Weights};
use crate::training::Dropout;

/// An encoder's weights and its head's, or their gradient.
pub(crate) struct Slices {
    /// `[vocabulary, hidden]`.
    words: Vec<f32>,
    /// `[positions, hidden]`.
    positions: Vec<f32>,
    /// `[types, hidden]`; every token is of the first type.
    types: Vec<f32>,
    norm: Norm,
    layers: Vec<Layer>,
    head: Head,
    hidden: usize,
    first_position: usize,
    names: Names,
}

/// What a forward pass gave, and what the way back needs of it.
pub(crate) struct Pass {
    /// `[texts, classes]`.
    pub(crate) logits: Vec<f32>,
    /// The tokens of each text.
    texts: Vec<Range<usize>>,
    /// Into the first norm, `[tokens, hidden]`.
    embedded: Vec<f32>,
    dropped: Dropped,
    /// Empty unless asked for.
    layers: Vec<layer::Trace>,
    head: head::Trace,
}

impl Pass {
    /// What the map to logits read, `[texts, hidden]`.
    pub(crate) fn pooled(self) -> Vec<f32> {
        self.head.pooled()
    }
}

/// Whether a pass keeps what the way back needs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    Logits,
    Everything,
}

impl Slices {
    /// Takes every tensor of a classification checkpoint of `config`'s family.
    pub(crate) fn new(config: &Config, mut weights: Weights) -> Result<Self> {
        let mut slices = Self::zeros(config);
        slices.tensors().fill("", &mut weights)?;
        Ok(slices)
    }

    /// The same sizes, every number 0.
    pub(crate) fn zeros(config: &Config) -> Self {
        let hidden = config.hidden;
        let table = |rows: usize| vec![0.0; rows * hidden];
        Self {
            words: table(config.vocabulary),
            positions: table(config.positions),
            types: table(config.token_types),
            norm: Norm::zeros(hidden, config.layer_norm_eps),
            layers: (0..config.layers).map(|_| Layer::zeros(config)).collect(),
            head: Head::zeros(config),
            hidden,
            first_position: config.first_position(),
            names: Names::classifier(config.family),
        }
    }

    /// Every tensor by its name in a classification checkpoint, the table of words first.
    pub(crate) fn tensors(&mut self) -> Tensors<'_> {
        let (names, hidden) = (&self.names, self.hidden);
        let mut tensors = Tensors::default();
        for (table, values) in [
            ("word", &mut self.words),
            ("position", &mut self.positions),
            ("token_type", &mut self.types),
        ] {
            if !values.is_empty() {
                let name = names.embedding(&format!("{table}_embeddings.weight"));
                tensors.add(name, &[values.len() / hidden, hidden], values);
            }
        }
        self.norm.name(&names.embedding("LayerNorm"), &mut tensors);
        for (index, layer) in self.layers.iter_mut().enumerate() {
            layer.name(names, index, &mut tensors);
        }
        self.head.name(names, &mut tensors);
        tensors
    }

    /// Width of a token's state.
    pub(crate) fn hidden(&self) -> usize {
        self.hidden
    }

    /// Word embeddings `[tokens, hidden]`, before positions are added.
    pub(crate) fn embed(&self, ids: &[u32]) -> Vec<f32> {
        let mut rows = Vec::with_capacity(ids.len() * self.hidden);
        for &id in ids {
            let start = id as usize * self.hidden;
            rows.extend(&self.words[start..start + self.hidden]);
        }
        rows
    }

    /// Adds the gradient of word embeddings, `[tokens, hidden]`, to that of the table of words.
    pub(crate) fn add_words(&mut self, ids: &[u32], grad: &[f32]) {
        for (&id, grad) in ids.iter().zip(grad.chunks_exact(self.hidden)) {
            let start = id as usize * self.hidden;
            add(&mut self.words[start..start + self.hidden], grad);
        }
    }

    /// Forgets all but the table of words, and of that these rows.
    pub(crate) fn clear(&mut self, ids: &[u32]) {
        for &id in ids {
            let start = id as usize * self.hidden;
            self.words[start..start + self.hidden].fill(0.0);
        }
        let rest = self.tensors().values().into_iter().skip(1);
        rest.for_each(|values| values.fill(0.0));
    }

    /// Runs texts of `lengths` tokens, their word embeddings `[tokens, hidden]` one after another.
    pub(crate) fn forward(
        &self,
        mut words: Vec<f32>,
        lengths: &[usize],
        keep: Keep,
        mut dropout: Option<&mut Dropout>,
    ) -> Pass {
        let texts = ranges(lengths);
        let positions = &self.positions[self.first_position * self.hidden..];
        for text in &texts {
            let words = &mut words[cells(text, self.hidden)];
            debug_assert!(words.len() <= positions.len());
            add(words, positions);
            if !self.types.is_empty() {
                let rows = words.chunks_exact_mut(self.hidden);
                rows.for_each(|row| add(row, &self.types));
            }
        }
        let mut x = self.norm.forward(&words);
        let dropped = drop_some(&mut x, dropout.as_deref_mut());
        let mut layers = Vec::new();
        for layer in &self.layers {
            let (next, trace) = layer.forward(x, &texts, dropout.as_deref_mut());
            x = next;
            if keep == Keep::Everything {
                layers.push(trace);
            }
        }
        let (logits, head) = self.head.forward(&x, &texts, dropout);
        Pass {
            logits,
            texts,
            embedded: words,
            dropped,
            layers,
            head,
        }
    }

    /// From the gradient of the logits, `[texts, classes]`, to that of the word embeddings, `[tokens,
    /// hidden]`; the pass must have kept everything. Adds to the gradient of every weight but the table of
    /// words, where that is asked for.
    pub(crate) fn backward(
        &self,
        pass: &Pass,
        grad: &[f32],
        mut own: Option<&mut Self>,
    ) -> Vec<f32> {
        let head = own.as_deref_mut().map(|own| &mut own.head);
        let mut grad = self.head.backward(&pass.head, &pass.texts, grad, head);
        for (index, (layer, trace)) in self.layers.iter().zip(&pass.layers).enumerate().rev() {
            let own = own.as_deref_mut().map(|own| &mut own.layers[index]);
            grad = layer.backward(trace, &pass.texts, &grad, own);
        }
        pass.dropped.apply(&mut grad);
        let norm = own.as_deref_mut().map(|own| &mut own.norm);
        let grad = self.norm.backward(&pass.embedded, &grad, norm);
        if let Some(own) = own {
            let positions = &mut own.positions[self.first_position * self.hidden..];
            for text in &pass.texts {
                add(positions, &grad[cells(text, self.hidden)]);
            }
            if !own.types.is_empty() {
                let rows = grad.chunks_exact(self.hidden);
                rows.for_each(|row| add(&mut own.types, row));
            }
        }
        grad
    }
}

/// Where each text of so many tokens lies, one after another.
fn ranges(lengths: &[usize]) -> Vec<Range<usize>> {
    let mut end = 0;
    let next = |length: &usize| {
        end += length;
        end - length..end
    };
    lengths.iter().map(next).collect()
}

/// The numbers of a text's tokens, `hidden` each.
fn cells(text: &Range<usize>, hidden: usize) -> Range<usize> {
    text.start * hidden..text.end * hidden
}

/// x += y, as far as both go.
fn add(x: &mut [f32], y: &[f32]) {
    residual(Cpu::detect(), x, y);
}
