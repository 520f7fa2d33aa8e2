//! A BERT encoder, or its first layers, forwards and backwards to the word embeddings.
//!
//! The tokens of all texts of a batch follow one another, with no padding: every layer but attention works on
//! rows, so that what is made of a text never depends on its neighbours.

use std::ops::Range;
use std::sync::OnceLock;

use stillglass_bundle::{EncoderShape, EncoderWeights, Layer, Linear};

use crate::cpu::{self, Heads, Prepared, add};

/// An encoder's sizes and numbers.
#[derive(Clone, Copy)]
pub(crate) struct Encoder<'a> {
    pub(crate) shape: EncoderShape,
    pub(crate) weights: &'a EncoderWeights,
    pub(crate) desk: &'a Desk,
}

/// An encoder's matrices as the CPU reads them, made by the first call that it answers, as it does to check a GPU. They
/// take as many bytes again as int8 weights do, and twice those of 4-bit ones.
#[derive(Debug, Default)]
pub(crate) struct Desk(OnceLock<Vec<LayerMatrices>>);

#[derive(Debug)]
struct LayerMatrices {
    query: Prepared,
    key: Prepared,
    value: Prepared,
    output: Prepared,
    expand: Prepared,
    contract: Prepared,
}

impl LayerMatrices {
    fn new(layer: &Layer) -> Self {
        let prepared = |linear: &Linear| Prepared::new(&linear.weight);
        Self {
            query: prepared(&layer.query),
            key: prepared(&layer.key),
            value: prepared(&layer.value),
            output: prepared(&layer.output),
            expand: prepared(&layer.expand),
            contract: prepared(&layer.contract),
        }
    }
}

/// What a forward pass gave, and what the way back needs of it.
pub(crate) struct Pass {
    /// `[tokens, hidden]`.
    pub(crate) states: Vec<f32>,
    /// The rows of each text.
    pub(crate) texts: Vec<Range<usize>>,
    /// Sum of the embeddings, `[tokens, hidden]`.
    embedded: Vec<f32>,
    /// Empty unless asked for.
    layers: Vec<Trace>,
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
    Nothing,
    Everything,
}

impl Keep {
    /// What is changed next: a copy, or the numbers themselves where nobody asks for them again.
    fn spare(self, kept: &mut Vec<f32>) -> Vec<f32> {
        match self {
            Self::Nothing => std::mem::take(kept),
            Self::Everything => kept.clone(),
        }
    }
}

impl Encoder<'_> {
    /// Word embeddings before positions are added, `[tokens, hidden]`; every id has a row.
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
        for (layer, matrices) in self.weights.layers.iter().zip(self.matrices()) {
            let (next, trace) = self.layer(layer, matrices, &x, &texts, keep);
            x = next;
            if keep == Keep::Everything {
                layers.push(trace);
            }
        }
        Pass {
            states: x,
            texts,
            embedded: words,
            layers,
        }
    }

    /// From the gradient of the states to that of the word embeddings, `[tokens, hidden]` both; the pass must have
    /// kept everything.
    pub(crate) fn backward(&self, pass: &Pass, mut grad: Vec<f32>) -> Vec<f32> {
        for (layer, trace) in self.weights.layers.iter().zip(&pass.layers).rev() {
            grad = self.layer_backward(layer, trace, &pass.texts, &grad);
        }
        let norm = &self.weights.norm;
        cpu::layer_norm_backward(norm, self.shape.epsilon, &pass.embedded, &grad)
    }

    /// What is made of a student's text, `[tokens, hidden]`. What begins and ends it has the last two rows of the table.
    pub(crate) fn read(&self, ids: &[u32]) -> Vec<f32> {
        let rows = self.weights.word.rows() as u32;
        let ids = with_specials([Some(rows - 2), Some(rows - 1)], ids);
        let pass = self.forward(self.embed(&ids), &[ids.len()], Keep::Nothing);
        pass.states[self.cells(&(1..ids.len() - 1))].to_vec()
    }

    fn matrices(&self) -> &[LayerMatrices] {
        let Desk(matrices) = self.desk;
        let layers = self.weights.layers.iter();
        matrices.get_or_init(|| layers.map(LayerMatrices::new).collect())
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

    /// The numbers of a text's tokens, `hidden` each.
    pub(crate) fn cells(&self, text: &Range<usize>) -> Range<usize> {
        text.start * self.shape.hidden..text.end * self.shape.hidden
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

/// A text between the tokens that begin and end it.
pub(crate) fn with_specials([first, last]: [Option<u32>; 2], ids: &[u32]) -> Vec<u32> {
    let ends = first.into_iter().chain(ids.iter().copied());
    ends.chain(last).collect()
}

/// A teacher's first layers, which read a text before a student does, on their own.
#[derive(Debug)]
pub struct FirstLayers {
    shape: EncoderShape,
    weights: EncoderWeights,
    desk: Desk,
}

impl FirstLayers {
    /// Layers of these sizes, as a bundle's student has them.
    pub fn new(shape: EncoderShape, weights: EncoderWeights) -> Self {
        Self {
            shape,
            weights,
            desk: Desk::default(),
        }
    }

    /// Their sizes.
    pub fn shape(&self) -> EncoderShape {
        self.shape
    }

    /// Their numbers.
    pub fn weights(&self) -> &EncoderWeights {
        &self.weights
    }

    /// What they make of a text's tokens, `[tokens, hidden]`, the same bits as in a student's bundle. Panics where a
    /// token has no row, or the text has more tokens than there are positions.
    pub fn states(&self, ids: &[u32]) -> Vec<f32> {
        let encoder = Encoder {
            shape: self.shape,
            weights: &self.weights,
            desk: &self.desk,
        };
        encoder.read(ids)
    }
}
