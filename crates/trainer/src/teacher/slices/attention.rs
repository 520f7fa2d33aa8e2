//! Scaled dot-product attention in several heads (Vaswani et al. 2017, section 3.2), forwards and back.
//!
//! Each head of each text is a few small products; what a text's steps weigh each other with is kept for the
//! way back.

use std::ops::Range;

use stillglass_kernels::Cpu;
use stillglass_kernels::softmax::softmax;
use stillglass_kernels::softmax_backward::softmax_backward;

use super::dropping::{Dropped, drop_some};
use crate::product::{Matrix, add_product};
use crate::training::Dropout;

/// Sizes of the heads, which stand side by side in a token's numbers.
#[derive(Clone, Copy)]
pub(super) struct Heads {
    pub(super) count: usize,
    /// Width of all heads together.
    pub(super) hidden: usize,
}

/// Queries, keys and values, or their gradients, `[tokens, hidden]` each.
pub(super) struct Parts {
    pub(super) query: Vec<f32>,
    pub(super) key: Vec<f32>,
    pub(super) value: Vec<f32>,
}

/// What the heads leave for the way back.
pub(super) struct Trace {
    /// How much each token of a text looks at each other, `[tokens, tokens]` for each head of each text.
    weights: Vec<f32>,
    /// What dropout left of them.
    kept: Vec<f32>,
    dropped: Dropped,
}

/// A head of a text.
struct Head {
    /// From its first number to its last, in `[tokens, hidden]`.
    cells: Range<usize>,
    /// In the weights of all heads of all texts.
    weights: Range<usize>,
    tokens: usize,
}

impl Heads {
    /// softmax(q kᵀ / √size) v in each head → `[tokens, hidden]`.
    pub(super) fn forward(
        self,
        parts: &Parts,
        texts: &[Range<usize>],
        dropout: Option<&mut Dropout>,
    ) -> (Vec<f32>, Trace) {
        let squares: usize = texts.iter().map(|text| text.len() * text.len()).sum();
        let mut weights = vec![0.0; squares * self.count];
        for head in self.heads(texts) {
            let weights = &mut weights[head.weights.clone()];
            let [query, key, _] = self.matrices(parts, &head);
            add_product(self.scale(), query, key.transposed(), weights, head.tokens);
            softmax(Cpu::detect(), weights, head.tokens);
        }
        let mut kept = weights.clone();
        let dropped = drop_some(&mut kept, dropout);
        let mut mixed = vec![0.0; parts.query.len()];
        for head in self.heads(texts) {
            let kept = Matrix::whole(&kept[head.weights.clone()], head.tokens, head.tokens);
            let [_, _, value] = self.matrices(parts, &head);
            add_product(1.0, kept, value, &mut mixed[head.cells], self.hidden);
        }
        let trace = Trace {
            weights,
            kept,
            dropped,
        };
        (mixed, trace)
    }

    /// From `grad`, the gradient of the mixed values, to that of queries, keys and values.
    ///
    /// With g = grad and p = the weights, d of them dropped: dv = (d p)ᵀ g, ds = softmax'(d g vᵀ), dq = ds k /
    /// √size, dk = dsᵀ q / √size.
    pub(super) fn backward(
        self,
        parts: &Parts,
        trace: &Trace,
        texts: &[Range<usize>],
        grad: &[f32],
    ) -> Parts {
        let zeros = || vec![0.0; grad.len()];
        let mut out = Parts {
            query: zeros(),
            key: zeros(),
            value: zeros(),
        };
        let mut scores = Vec::new();
        for head in self.heads(texts) {
            let square = |values| Matrix::whole(values, head.tokens, head.tokens);
            let weights = &trace.weights[head.weights.clone()];
            let kept = square(&trace.kept[head.weights.clone()]);
            let [query, key, value] = self.matrices(parts, &head);
            let grad = self.matrix(grad, &head);
            let cells = || head.cells.clone();
            scores.clear();
            scores.resize(weights.len(), 0.0);
            add_product(1.0, grad, value.transposed(), &mut scores, head.tokens);
            trace.dropped.apply_from(head.weights.start, &mut scores);
            softmax_backward(Cpu::detect(), weights, &mut scores, head.tokens);
            let scores = square(&scores);
            let turned = scores.transposed();
            add_product(
                1.0,
                kept.transposed(),
                grad,
                &mut out.value[cells()],
                self.hidden,
            );
            add_product(
                self.scale(),
                scores,
                key,
                &mut out.query[cells()],
                self.hidden,
            );
            add_product(
                self.scale(),
                turned,
                query,
                &mut out.key[cells()],
                self.hidden,
            );
        }
        out
    }

    fn scale(self) -> f32 {
        1.0 / (self.size() as f32).sqrt()
    }

    /// Width of one head.
    fn size(self) -> usize {
        self.hidden / self.count
    }

    /// Every head of every text.
    fn heads(self, texts: &[Range<usize>]) -> impl Iterator<Item = Head> {
        let mut end = 0;
        let heads = texts
            .iter()
            .flat_map(move |text| (0..self.count).map(move |head| (text, head)));
        heads.map(move |(text, head)| {
            end += text.len() * text.len();
            let first = text.start * self.hidden + head * self.size();
            let last = (text.end - 1) * self.hidden + (head + 1) * self.size();
            Head {
                cells: first..last,
                weights: end - text.len() * text.len()..end,
                tokens: text.len(),
            }
        })
    }

    fn matrices<'p>(self, parts: &'p Parts, head: &Head) -> [Matrix<'p>; 3] {
        [&parts.query, &parts.key, &parts.value].map(|part| self.matrix(part, head))
    }

    /// A head's columns of `[tokens, hidden]`.
    fn matrix<'p>(self, values: &'p [f32], head: &Head) -> Matrix<'p> {
        Matrix::band(
            &values[head.cells.clone()],
            head.tokens,
            self.size(),
            self.hidden,
        )
    }
}
