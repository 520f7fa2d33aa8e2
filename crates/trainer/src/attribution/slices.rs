//! Integrated gradients on plain slices: each text by itself, a text a thread.
//!
//! One pass forwards serves every class, and one back for each class goes to the word embeddings alone.

use rayon::prelude::*;

use super::{Explainer, Found};
use crate::metrics::softmax;
use crate::recipe::Target;
use crate::teacher::{Encoded, Keep, Slices, TOKENS_TOGETHER};

/// Texts between two looks at the progress: enough for every thread, few enough to lose.
pub(super) const TEXTS_TOGETHER: usize = 16;

pub(super) fn explain(explainer: &Explainer, slices: &Slices, texts: &[&Encoded]) -> Vec<Found> {
    let texts = texts.par_iter();
    texts
        .map(|text| Path::new(explainer, slices, &text.ids).explain(explainer))
        .collect()
}

/// The straight line from a text's baseline to its word embeddings.
struct Path<'a> {
    slices: &'a Slices,
    /// Where it begins, `[tokens, hidden]`.
    start: Vec<f32>,
    /// What leads from there to its end.
    change: Vec<f32>,
    /// The text's, and the baseline's.
    logits: [Vec<f32>; 2],
}

impl<'a> Path<'a> {
    fn new(explainer: &Explainer, slices: &'a Slices, ids: &[u32]) -> Self {
        let start = slices.embed(&explainer.baseline(ids));
        let end = slices.embed(ids);
        let change = end.iter().zip(&start).map(|(end, start)| end - start);
        let change = change.collect();
        let both = [end, start.clone()].concat();
        let logits = slices
            .forward(both, &[ids.len(); 2], Keep::Logits, None)
            .logits;
        let (text, blank) = logits.split_at(logits.len() / 2);
        Self {
            slices,
            start,
            change,
            logits: [text.to_vec(), blank.to_vec()],
        }
    }

    fn explain(self, explainer: &Explainer) -> Found {
        let tokens = self.change.len() / self.slices.hidden();
        let together = (TOKENS_TOGETHER / tokens).max(1);
        let explained = self.logits[0].len() - 1;
        let mut sums = vec![vec![0.0; tokens]; explained];
        for points in explainer.nodes.chunks(together) {
            self.add_points(points, explainer.target, &mut sums);
        }
        let [text, blank] = self.logits.each_ref();
        let outcomes = [text, blank].map(|logits| outcomes(explainer.target, logits));
        let ends = outcomes[0].iter().zip(&outcomes[1]);
        Found {
            change: ends.map(|(text, blank)| text - blank).collect(),
            tokens: sums
                .into_iter()
                .map(|class| class.into_iter().map(|sum| sum as f32).collect())
                .collect(),
            logits: text.clone(),
        }
    }

    /// Adds to `sums: [classes - 1][tokens]` what some nodes, place and weight each, give.
    fn add_points(&self, points: &[(f64, f64)], target: Target, sums: &mut [Vec<f64>]) {
        let hidden = self.slices.hidden();
        let words = points.iter().flat_map(|&(at, _)| {
            let pairs = self.start.iter().zip(&self.change);
            pairs.map(move |(start, change)| start + change * at as f32)
        });
        let lengths = vec![self.change.len() / hidden; points.len()];
        let pass = self
            .slices
            .forward(words.collect(), &lengths, Keep::Everything, None);
        let classes = sums.len() + 1;
        for (class, sums) in sums.iter_mut().enumerate() {
            let logits = pass.logits.chunks_exact(classes);
            let slopes: Vec<f32> = logits
                .flat_map(|logits| slope(target, logits, class))
                .collect();
            let grad = self.slices.backward(&pass, &slopes, None);
            for (grad, (_, weight)) in grad.chunks_exact(self.change.len()).zip(points) {
                let rows = grad.chunks_exact(hidden);
                for ((grad, change), sum) in
                    rows.zip(self.change.chunks_exact(hidden)).zip(&mut *sums)
                {
                    let products = grad.iter().zip(change).map(|(g, c)| f64::from(g * c));
                    *sum += weight * products.sum::<f64>();
                }
            }
        }
    }
}

/// What is explained of a text's logits, `[classes]`: centred logits or probabilities.
fn outcomes(target: Target, logits: &[f32]) -> Vec<f32> {
    match target {
        Target::Logit => {
            let mean = logits.iter().sum::<f32>() / logits.len() as f32;
            logits.iter().map(|logit| logit - mean).collect()
        }
        Target::Probability => softmax(logits).into_iter().map(|p| p as f32).collect(),
    }
}

/// Gradient of a class's outcome at the logits, `[classes]`.
fn slope(target: Target, logits: &[f32], class: usize) -> Vec<f32> {
    let own = |other: usize| f64::from(u8::from(other == class));
    let p = softmax(logits);
    let slope = |(other, q)| match target {
        Target::Logit => own(other) - 1.0 / p.len() as f64,
        Target::Probability => p[class] * (own(other) - q),
    };
    p.iter().enumerate().map(|at| slope(at) as f32).collect()
}
