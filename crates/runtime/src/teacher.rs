//! The teacher: a BERT encoder and its head, forwards and backwards to the word embeddings.
//!
//! The tokens of all texts of a batch follow one another, with no padding: every layer but attention
//! and pooling works on rows, so that a text's answer never depends on its neighbours.

use std::ops::Range;
use std::sync::OnceLock;

use stillglass_bundle::{Activation, Layer, Linear, Pooling, TeacherShape, TeacherWeights};

use crate::cpu::{self, Heads, Prepared, add};

/// A teacher's sizes and numbers.
#[derive(Clone, Copy)]
pub(crate) struct Teacher<'a> {
    pub(crate) shape: &'a TeacherShape,
    pub(crate) weights: &'a TeacherWeights,
    pub(crate) desk: &'a Desk,
}

/// A teacher's matrices as the CPU reads them, made by the first call that it answers, as it does to check a GPU. They
/// take as many bytes again as int8 weights do, and twice those of 4-bit ones.
#[derive(Debug, Default)]
pub(crate) struct Desk(OnceLock<Matrices>);

#[derive(Debug)]
struct Matrices {
    layers: Vec<LayerMatrices>,
    dense: Option<Prepared>,
}

#[derive(Debug)]
struct LayerMatrices {
    query: Prepared,
    key: Prepared,
    value: Prepared,
    output: Prepared,
    expand: Prepared,
    contract: Prepared,
}

impl Matrices {
    fn new(weights: &TeacherWeights) -> Self {
        let prepared = |linear: &Linear| Prepared::new(&linear.weight);
        let layer = |layer: &Layer| LayerMatrices {
            query: prepared(&layer.query),
            key: prepared(&layer.key),
            value: prepared(&layer.value),
            output: prepared(&layer.output),
            expand: prepared(&layer.expand),
            contract: prepared(&layer.contract),
        };
        Self {
            layers: weights.layers.iter().map(layer).collect(),
            dense: weights.dense.as_ref().map(prepared),
        }
    }
}

/// What a forward pass gave, and what the way back needs of it.
pub(crate) struct Pass {
    /// `[texts, classes]`.
    pub(crate) logits: Vec<f32>,
    /// The rows of each text.
    texts: Vec<Range<usize>>,
    /// Sum of the embeddings, `[tokens, hidden]`.
    embedded: Vec<f32>,
    /// Empty unless asked for.
    layers: Vec<Trace>,
    /// What the classifier saw, `[texts, hidden]`.
    pooled: Vec<f32>,
}

/// What one layer leaves for the way back, `[tokens, hidden]` each; where nothing is kept, what was changed since is
/// empty.
struct Trace {
    query: Vec<f32>,
    key: Vec<f32>,
    value: Vec<f32>,
    /// Into the norm after the attention.
    attended: Vec<f32>,
    /// Before the GELU, `[tokens, intermediate]`.
    inner: Vec<f32>,
    /// Into the norm after the feed-forward block.
    sum: Vec<f32>,
}

/// Whether a pass keeps what the way back needs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    Logits,
    Everything,
}

impl Keep {
    /// What is changed next: a copy, or the numbers themselves where nobody asks for them again.
    fn spare(self, kept: &mut Vec<f32>) -> Vec<f32> {
        match self {
            Self::Logits => std::mem::take(kept),
            Self::Everything => kept.clone(),
        }
    }
}

impl Teacher<'_> {
    /// Word embeddings before positions are added, `[tokens, hidden]`; every id is in the vocabulary.
    pub(crate) fn embed(&self, ids: &[u32]) -> Vec<f32> {
        let row = |&id: &u32| self.weights.word.row(id as usize);
        ids.iter().flat_map(row).collect()
    }

    /// Runs texts of `lengths` tokens, their word embeddings `[tokens, hidden]` one after another.
    pub(crate) fn forward(&self, mut words: Vec<f32>, lengths: &[usize], keep: Keep) -> Pass {
        let texts = ranges(lengths);
        self.add_positions(&mut words, &texts);
        let mut x = keep.spare(&mut words);
        cpu::layer_norm(&self.weights.norm, self.shape.epsilon, &mut x);
        let mut layers = Vec::new();
        for (layer, matrices) in self.weights.layers.iter().zip(&self.matrices().layers) {
            let (next, trace) = self.layer(layer, matrices, &x, &texts, keep);
            x = next;
            if keep == Keep::Everything {
                layers.push(trace);
            }
        }
        let pooled = self.head(&x, &texts);
        Pass {
            logits: cpu::classifier(&self.weights.classifier, &pooled),
            texts,
            embedded: words,
            layers,
            pooled,
        }
    }

    /// From the gradient of the logits, `[texts, classes]`, to that of the word embeddings,
    /// `[tokens, hidden]`; the pass must have kept everything.
    pub(crate) fn backward(&self, pass: &Pass, grad: &[f32]) -> Vec<f32> {
        let mut grad = self.head_backward(pass, grad);
        for (layer, trace) in self.weights.layers.iter().zip(&pass.layers).rev() {
            grad = self.layer_backward(layer, trace, &pass.texts, &grad);
        }
        let norm = &self.weights.norm;
        cpu::layer_norm_backward(norm, self.shape.epsilon, &pass.embedded, &grad)
    }

    fn matrices(&self) -> &Matrices {
        let Desk(matrices) = self.desk;
        matrices.get_or_init(|| Matrices::new(self.weights))
    }

    fn add_positions(&self, words: &mut [f32], texts: &[Range<usize>]) {
        let hidden = self.shape.hidden;
        let longest = texts.iter().map(Range::len).max().unwrap_or(0);
        for position in 0..longest {
            let mut row = self.weights.position.row(position);
            // Every token is of the first type.
            add(&mut row, self.weights.types.get(..hidden).unwrap_or(&[]));
            for text in texts.iter().filter(|text| position < text.len()) {
                add(&mut words[(text.start + position) * hidden..], &row);
            }
        }
    }

    /// Post-norm transformer layer (Vaswani et al. 2017; Devlin et al. 2019).
    fn layer(
        &self,
        layer: &Layer,
        matrices: &LayerMatrices,
        x: &[f32],
        texts: &[Range<usize>],
        keep: Keep,
    ) -> (Vec<f32>, Trace) {
        let epsilon = self.shape.epsilon;
        let readers = [
            (&matrices.query, &layer.query.bias[..]),
            (&matrices.key, &layer.key.bias[..]),
            (&matrices.value, &layer.value.bias[..]),
        ];
        let [query, key, value] = cpu::linears(readers, x);
        let mut mixed = Vec::with_capacity(x.len());
        for text in texts {
            mixed.extend_from_slice(&cpu::heads(self.heads([&query, &key, &value], text)));
        }
        let mut attended = cpu::linear(&matrices.output, &layer.output.bias, &mixed);
        add(&mut attended, x);
        let mut x = keep.spare(&mut attended);
        cpu::layer_norm(&layer.attention_norm, epsilon, &mut x);

        let mut inner = cpu::linear(&matrices.expand, &layer.expand.bias, &x);
        let mut active = keep.spare(&mut inner);
        cpu::gelu(&mut active);
        let mut sum = cpu::linear(&matrices.contract, &layer.contract.bias, &active);
        add(&mut sum, &x);
        let mut x = keep.spare(&mut sum);
        cpu::layer_norm(&layer.feedforward_norm, epsilon, &mut x);
        let trace = Trace {
            query,
            key,
            value,
            attended,
            inner,
            sum,
        };
        (x, trace)
    }

    fn layer_backward(
        &self,
        layer: &Layer,
        trace: &Trace,
        texts: &[Range<usize>],
        grad: &[f32],
    ) -> Vec<f32> {
        let epsilon = self.shape.epsilon;
        let mut grad = cpu::layer_norm_backward(&layer.feedforward_norm, epsilon, &trace.sum, grad);
        let mut inner = cpu::linear_backward(&layer.contract, &grad);
        cpu::gelu_backward(&trace.inner, &mut inner);
        add(&mut grad, &cpu::linear_backward(&layer.expand, &inner));

        let mut grad =
            cpu::layer_norm_backward(&layer.attention_norm, epsilon, &trace.attended, &grad);
        let mixed = cpu::linear_backward(&layer.output, &grad);
        let [mut query, mut key, mut value] = [(); 3].map(|()| Vec::with_capacity(mixed.len()));
        for text in texts {
            let parts = [&trace.query, &trace.key, &trace.value];
            let found = cpu::heads_backward(self.heads(parts, text), &mixed[self.cells(text)]);
            query.extend(found.query);
            key.extend(found.key);
            value.extend(found.value);
        }
        add(&mut grad, &cpu::linear_backward(&layer.query, &query));
        add(&mut grad, &cpu::linear_backward(&layer.key, &key));
        add(&mut grad, &cpu::linear_backward(&layer.value, &value));
        grad
    }

    /// One text's share of queries, keys and values.
    fn heads<'t>(&self, [query, key, value]: [&'t Vec<f32>; 3], text: &Range<usize>) -> Heads<'t> {
        let cells = self.cells(text);
        Heads {
            heads: self.shape.heads,
            size: self.shape.hidden / self.shape.heads,
            query: &query[cells.clone()],
            key: &key[cells.clone()],
            value: &value[cells],
        }
    }

    fn cells(&self, text: &Range<usize>) -> Range<usize> {
        text.start * self.shape.hidden..text.end * self.shape.hidden
    }

    /// `x: [tokens, hidden]` → what the classifier sees, `[texts, hidden]`.
    fn head(&self, x: &[f32], texts: &[Range<usize>]) -> Vec<f32> {
        let hidden = self.shape.hidden;
        let pool = |text: &Range<usize>| match self.shape.pooling {
            Pooling::Cls => x[self.cells(text)][..hidden].to_vec(),
            Pooling::Mean => cpu::mean(&x[self.cells(text)], hidden),
        };
        let pooled: Vec<f32> = texts.iter().flat_map(pool).collect();
        let dense = self
            .weights
            .dense
            .as_ref()
            .zip(self.matrices().dense.as_ref());
        let Some((weights, dense)) = dense else {
            return pooled;
        };
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
        let hidden = self.shape.hidden;
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
        let mut out = vec![0.0; pass.embedded.len()];
        for (text, grad) in pass.texts.iter().zip(pooled.chunks_exact(hidden)) {
            let out = &mut out[self.cells(text)];
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

/// Where each text of so many tokens lies, one after another.
fn ranges(lengths: &[usize]) -> Vec<Range<usize>> {
    let mut end = 0;
    let next = |length: &usize| {
        end += length;
        end - length..end
    };
    lengths.iter().map(next).collect()
}
