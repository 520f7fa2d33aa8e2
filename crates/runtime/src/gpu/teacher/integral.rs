//! Integrated gradients: the teacher at points of a path, and back to the word embeddings.

use stillglass_bundle::Pooling;
use stillglass_kernels::path_points::Step;

use super::{BACKWARD, ENDS, FORWARD, Teacher, Trace};
use crate::gpu::{Call, Error, Gpu, Matrix, Texts};

impl Teacher {
    /// The share of some nodes, (place, weight), in what each token gives to each class's logit over the
    /// mean of all, `[time, classes]`, on the way from one text to another of the same length. One
    /// submission of at most [`Self::most_tokens_back`] tokens in all.
    pub async fn integrate(
        &self,
        gpu: &Gpu,
        from: &[u32],
        to: &[u32],
        nodes: &[(f64, f64)],
    ) -> Result<Vec<f64>, Error> {
        let (time, classes) = (to.len(), self.classifier.rows);
        let slopes = self.slopes(gpu, from, to, nodes).await?;
        let mut sums = vec![0.0; time * classes];
        // All classes add up to nothing, so the last one is what the others leave.
        for (class, slopes) in slopes.chunks_exact(nodes.len() * time).enumerate() {
            for (slopes, (_, weight)) in slopes.chunks_exact(time).zip(nodes) {
                for (slope, sums) in slopes.iter().zip(sums.chunks_exact_mut(classes)) {
                    // As on the CPU: a gradient out of range counts for nothing.
                    let slope = if slope.is_finite() { *slope } else { 0.0 };
                    sums[class] += weight * f64::from(slope);
                    sums[classes - 1] -= weight * f64::from(slope);
                }
            }
        }
        Ok(sums)
    }

    /// The slope along the path of every class but the last at every token,
    /// `[classes - 1, nodes, time]`.
    async fn slopes(
        &self,
        gpu: &Gpu,
        from: &[u32],
        to: &[u32],
        nodes: &[(f64, f64)],
    ) -> Result<Vec<f32>, Error> {
        let explained = self.classifier.rows - 1;
        let kernels = self.layers.len() * (FORWARD + explained * BACKWARD) + (1 + explained) * ENDS;
        let mut call = gpu.call(kernels);
        let first = call.look_up(&self.words, from);
        let last = call.look_up(&self.words, to);
        let node = |&(share, _): &(f64, f64)| {
            (0..to.len() as u32).map(move |row| Step {
                row,
                position: row,
                share: share as f32,
            })
        };
        let steps: Vec<Step> = nodes.iter().flat_map(node).collect();
        let path = call.path(first, last, &steps);
        let texts = call.texts(&vec![to.len(); nodes.len()]);
        let (embedded, x) = self.embedded(&mut call, &path);
        let (states, traces) = self.encode(&mut call, x, &texts, true);
        let pooled = self.pooled(&mut call, &states, &texts);
        let slopes = call.matrix(explained, steps.len());
        for class in 0..explained {
            let grad = self.head_back(&mut call, &pooled, &texts, class);
            let grad = self.back(&mut call, &traces, &texts, grad);
            let words = call.layer_norm_backward(&self.norm, &embedded, &grad);
            call.path_contributions(&path, &words, &slopes, class);
            call.free(grad);
            call.free(words);
        }
        call.read(&slopes).await
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
