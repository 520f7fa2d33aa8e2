//! Integrated gradients: the teacher at points of a path, and back to the word embeddings.

use stillglass_bundle::Pooling;
use stillglass_kernels::path_points::Step;

use super::{BACKWARD, ENDS, FORWARD, Teacher, Trace};
use crate::gpu::{Call, Error, Gpu, Matrix, Texts};

/// What the way from a baseline to a text gave.
#[derive(Clone, Debug, PartialEq)]
pub struct Integral {
    /// Logits of the text, `[classes]`.
    pub text: Vec<f32>,
    /// Logits of the baseline, `[classes]`.
    pub baseline: Vec<f32>,
    /// What each token gave to each class's logit over the mean of all, `[time, classes]`.
    pub tokens: Vec<f32>,
}

impl Teacher {
    /// Integrates the gradient from the ids of a baseline to those of a text, as long as each other, at
    /// `nodes` of (place, weight). As many submissions as the nodes need.
    pub async fn integrate(
        &self,
        gpu: &Gpu,
        baseline: &[u32],
        text: &[u32],
        nodes: &[(f64, f64)],
    ) -> Result<Integral, Error> {
        let (time, classes) = (text.len(), self.classifier.rows);
        let together = (self.most_tokens_back() / time.max(1))
            .saturating_sub(2)
            .max(1);
        let mut sums = vec![0.0; time * classes];
        let mut ends = Vec::new();
        for nodes in nodes.chunks(together) {
            // The first two points are the ends themselves; nothing is integrated there.
            let points: Vec<(f64, f64)> = [(1.0, 0.0), (0.0, 0.0)]
                .iter()
                .chain(nodes)
                .copied()
                .collect();
            let (logits, slopes) = self.along(gpu, baseline, text, &points).await?;
            add_slopes(&slopes, &points, classes, &mut sums);
            ends = logits;
        }
        ends.truncate(2 * classes);
        let baseline = ends.split_off(classes.min(ends.len()));
        let tokens = sums.into_iter().map(|sum| sum as f32).collect();
        Ok(Integral {
            text: ends,
            baseline,
            tokens,
        })
    }

    /// Logits at points of a path, `[points, classes]`, and the slope along it of every class but the
    /// last at every token, `[classes - 1, points, time]`.
    async fn along(
        &self,
        gpu: &Gpu,
        baseline: &[u32],
        text: &[u32],
        points: &[(f64, f64)],
    ) -> Result<(Vec<f32>, Vec<f32>), Error> {
        let explained = self.classifier.rows - 1;
        let kernels = self.layers.len() * (FORWARD + explained * BACKWARD) + (1 + explained) * ENDS;
        let mut call = gpu.call(kernels);
        let first = call.look_up(&self.words, baseline);
        let last = call.look_up(&self.words, text);
        let point = |&(share, _): &(f64, f64)| {
            (0..text.len() as u32).map(move |row| Step {
                row,
                position: row,
                share: share as f32,
            })
        };
        let steps: Vec<Step> = points.iter().flat_map(point).collect();
        let path = call.path(first, last, &steps);
        let texts = call.texts(&vec![text.len(); points.len()]);
        let (embedded, x) = self.embedded(&mut call, &path);
        let (states, traces) = self.encode(&mut call, x, &texts, true);
        let (pooled, logits) = self.head(&mut call, &states, &texts);
        let slopes = call.matrix(explained, steps.len());
        for class in 0..explained {
            let grad = self.head_back(&mut call, &pooled, &texts, class);
            let grad = self.back(&mut call, &traces, &texts, grad);
            let words = call.layer_norm_backward(&self.norm, &embedded, &grad);
            call.path_contributions(&path, &words, &slopes, class);
            call.free(grad);
            call.free(words);
        }
        let mut both = call.read_all(&[&logits, &slopes]).await?;
        let slopes = both.pop().unwrap_or_default();
        Ok((both.pop().unwrap_or_default(), slopes))
    }

    /// The gradient of a class's logit over the mean of all at the last layer's states.
    fn head_back(&self, call: &mut Call, pooled: &Matrix, texts: &Texts, class: usize) -> Matrix {
        let mut grad = call.head_backward(&self.classifier, pooled, class, self.activation);
        if let Some(dense) = &self.dense {
            grad = call.project_back(dense, &grad);
        }
        match self.shape.pooling {
            Pooling::Cls => call.first_backward(texts, &grad),
            Pooling::Mean => call.mean_backward(texts, &grad),
        }
    }

    /// From the gradient at the last layer's states to that at the first's input.
    fn back(&self, call: &mut Call, traces: &[Trace], texts: &Texts, mut grad: Matrix) -> Matrix {
        for (layer, trace) in self.layers.iter().zip(traces).rev() {
            let sum = call.layer_norm_backward(&layer.feedforward_norm, &trace.sum, &grad);
            let inner = call.project_back(&layer.contract, &sum);
            call.gelu_backward(&trace.inner, &inner);
            call.add_projection_back(&layer.expand, &inner, &sum);
            call.free(inner);
            let attended = call.layer_norm_backward(&layer.attention_norm, &trace.attended, &sum);
            call.free(sum);
            let mixed = call.project_back(&layer.output, &attended);
            let parts = call.multi_head_attention_backward(&trace.query_key_value, texts, &mixed);
            call.free(mixed);
            call.add_projection_back(&layer.query_key_value, &parts, &attended);
            call.free(parts);
            call.free(std::mem::replace(&mut grad, attended));
        }
        grad
    }
}

/// Adds weighted slopes `[classes - 1, points, time]` to `sums: [time, classes]`. All classes add up to
/// nothing, so the last one is what the others leave.
fn add_slopes(slopes: &[f32], points: &[(f64, f64)], classes: usize, sums: &mut [f64]) {
    let time = sums.len() / classes;
    for (class, slopes) in slopes.chunks_exact(points.len() * time).enumerate() {
        for (slopes, (_, weight)) in slopes.chunks_exact(time).zip(points) {
            for (slope, sums) in slopes.iter().zip(sums.chunks_exact_mut(classes)) {
                sums[class] += weight * f64::from(*slope);
                sums[classes - 1] -= weight * f64::from(*slope);
            }
        }
    }
}
