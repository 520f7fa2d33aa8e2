//! The teacher on the GPU.

mod integral;

use stillglass_bundle::{self as bundle, Pooling, TeacherShape, TeacherWeights};
use stillglass_kernels::layer_norm::Norm;
use stillglass_kernels::linear::Dense;
use stillglass_kernels::path_points::Step;

use super::call::MOST_ROWS;
use super::weights::{LinearFloat, MOST_BYTES, NormWeights};
use super::{Activation, Call, Error, Gpu, Linear, Matrix, Path, QueryKeyValue, Texts, Words};

/// Kernels of one layer, forwards and backwards; forwards alone it is one less.
const FORWARD: usize = 8;
const BACKWARD: usize = 9;
/// Kernels before and after the layers, forwards and backwards.
const ENDS: usize = 8;

/// Widest head that the attention kernels take.
const MOST_HEAD: usize = 128;

/// Bytes that one call may keep for the way back.
const MOST_KEPT: usize = 512 << 20;

/// A teacher's weights on a device.
#[derive(Debug)]
pub struct Teacher {
    shape: TeacherShape,
    words: Words,
    /// Positions and the first token type, summed: `[positions, hidden]`.
    positions: Matrix,
    norm: NormWeights,
    layers: Vec<Layer>,
    dense: Option<Linear>,
    activation: Activation,
    classifier: LinearFloat,
}

#[derive(Debug)]
struct Layer {
    query_key_value: Linear,
    output: Linear,
    attention_norm: NormWeights,
    expand: Linear,
    contract: Linear,
    feedforward_norm: NormWeights,
}

/// What one layer leaves for the way back.
struct Trace {
    query_key_value: QueryKeyValue,
    /// Into the norm after the attention.
    attended: Matrix,
    /// Before the GELU.
    inner: Matrix,
    /// Into the norm after the feed-forward block.
    sum: Matrix,
}

impl Teacher {
    /// Uploads the weights and runs one token there and back, so that every pipeline is made and known to
    /// work.
    pub async fn load(
        gpu: &Gpu,
        shape: &TeacherShape,
        weights: &TeacherWeights,
    ) -> Result<Self, Error> {
        let teacher = Self::upload(gpu, shape, weights)?;
        teacher.logits(gpu, &[&[0]]).await?;
        teacher.integrate(gpu, &[0], &[0], &[(0.5, 1.0)]).await?;
        Ok(teacher)
    }

    fn upload(gpu: &Gpu, shape: &TeacherShape, weights: &TeacherWeights) -> Result<Self, Error> {
        let found = shape.hidden / shape.heads;
        if found > MOST_HEAD {
            return Err(Error::TooLarge {
                what: "columns of an attention head",
                found,
                most: MOST_HEAD,
            });
        }
        let norm = |norm: &bundle::Norm| {
            gpu.norm(Norm {
                weight: &norm.weight,
                bias: &norm.bias,
                epsilon: shape.epsilon,
            })
        };
        let layer = |layer: &bundle::Layer| {
            Ok(Layer {
                query_key_value: gpu.stacked(&[&layer.query, &layer.key, &layer.value])?,
                output: gpu.stacked(&[&layer.output])?,
                attention_norm: norm(&layer.attention_norm)?,
                expand: gpu.stacked(&[&layer.expand])?,
                contract: gpu.stacked(&[&layer.contract])?,
                feedforward_norm: norm(&layer.feedforward_norm)?,
            })
        };
        let mut positions = weights.encoder.position.to_float();
        if let Some(first) = weights.encoder.types.get(..shape.hidden) {
            positions
                .iter_mut()
                .zip(first.iter().cycle())
                .for_each(|(p, t)| *p += t);
        }
        let bundle::Dense {
            rows,
            columns,
            weight,
            bias,
        } = &weights.classifier;
        Ok(Self {
            shape: *shape,
            words: gpu.words(&weights.encoder.word)?,
            positions: gpu.resident(&positions, shape.hidden)?,
            norm: norm(&weights.encoder.norm)?,
            layers: weights
                .encoder
                .layers
                .iter()
                .map(layer)
                .collect::<Result<_, Error>>()?,
            dense: weights
                .dense
                .as_ref()
                .map(|dense| gpu.stacked(&[dense]))
                .transpose()?,
            activation: match shape.dense {
                bundle::Activation::None => Activation::None,
                bundle::Activation::Tanh => Activation::Tanh,
                bundle::Activation::Relu => Activation::Relu,
            },
            classifier: gpu.linear(Dense {
                rows: *rows,
                columns: *columns,
                weight,
                bias,
            })?,
        })
    }

    /// Most tokens of one submission that only answers.
    pub fn most_tokens(&self) -> usize {
        let widest = self.shape.intermediate.max(3 * self.shape.hidden);
        MOST_ROWS.min(MOST_BYTES / 4 / widest)
    }

    /// Most tokens of one submission that also goes back.
    pub fn most_tokens_back(&self) -> usize {
        let kept = self.shape.layers * (5 * self.shape.hidden + self.shape.intermediate);
        self.most_tokens().min(MOST_KEPT / 4 / kept)
    }

    /// Logits of texts of at most [`Self::most_tokens`] tokens in all, `[classes]` each; no text is empty,
    /// every id is in the vocabulary, and no text is longer than the positions.
    pub async fn logits(&self, gpu: &Gpu, texts: &[&[u32]]) -> Result<Vec<Vec<f32>>, Error> {
        let mut call = gpu.call(self.layers.len() * FORWARD + ENDS);
        let lengths: Vec<usize> = texts.iter().map(|ids| ids.len()).collect();
        let words = call.look_up(&self.words, &texts.concat());
        let place = |length: &usize| 0..*length as u32;
        let steps = lengths.iter().flat_map(place).zip(0..);
        let steps: Vec<Step> = steps
            .map(|(position, row)| Step {
                row,
                position,
                share: 0.0,
            })
            .collect();
        let path = call.path(words.clone(), words, &steps);
        let texts = call.texts(&lengths);
        let (_, x) = self.embedded(&mut call, &path);
        let (states, _) = self.encode(&mut call, x, &texts, false);
        let pooled = self.pooled(&mut call, &states, &texts);
        let logits = call.linear(&self.classifier, &pooled);
        let logits = call.read(&logits).await?;
        Ok(logits
            .chunks(self.classifier.rows)
            .map(<[f32]>::to_vec)
            .collect())
    }

    /// The sum of the embeddings, and what the first layer sees.
    fn embedded(&self, call: &mut Call, path: &Path) -> (Matrix, Matrix) {
        let sum = call.path_points(path, &self.positions);
        let x = call.layer_norm(&self.norm, &sum);
        (sum, x)
    }

    /// The states of the last layer, and, to `keep`, what the way back needs.
    fn encode(
        &self,
        call: &mut Call,
        mut x: Matrix,
        texts: &Texts,
        keep: bool,
    ) -> (Matrix, Vec<Trace>) {
        let mut traces = Vec::new();
        for layer in &self.layers {
            let (next, trace) = self.layer(call, layer, x, texts, keep);
            x = next;
            if keep {
                traces.push(trace);
            } else {
                let Trace {
                    query_key_value,
                    attended,
                    inner,
                    sum,
                } = trace;
                for matrix in [query_key_value.matrix, attended, inner, sum] {
                    call.free(matrix);
                }
            }
        }
        (x, traces)
    }

    fn layer(
        &self,
        call: &mut Call,
        layer: &Layer,
        x: Matrix,
        texts: &Texts,
        keep: bool,
    ) -> (Matrix, Trace) {
        let TeacherShape { hidden, heads, .. } = self.shape;
        let matrix = call.project(&layer.query_key_value, &x, Activation::None);
        let query_key_value = QueryKeyValue {
            matrix,
            heads,
            size: hidden / heads,
        };
        let mixed = call.multi_head_attention(&query_key_value, texts);
        call.add_projection(&layer.output, &mixed, &x);
        call.free(mixed);
        let sum = call.layer_norm(&layer.attention_norm, &x);
        let inner = if keep {
            let inner = call.project(&layer.expand, &sum, Activation::None);
            let active = call.gelu(&inner);
            call.add_projection(&layer.contract, &active, &sum);
            call.free(active);
            inner
        } else {
            let active = call.project(&layer.expand, &sum, Activation::Gelu);
            call.add_projection(&layer.contract, &active, &sum);
            active
        };
        let next = call.layer_norm(&layer.feedforward_norm, &sum);
        (
            next,
            Trace {
                query_key_value,
                attended: x,
                inner,
                sum,
            },
        )
    }

    /// What the classifier sees: `[texts, hidden]`.
    fn pooled(&self, call: &mut Call, states: &Matrix, texts: &Texts) -> Matrix {
        let pooled = match self.shape.pooling {
            Pooling::Cls => call.first(texts, states),
            Pooling::Mean => call.mean(texts, states),
        };
        match &self.dense {
            None => pooled,
            Some(dense) => call.project(dense, &pooled, self.activation),
        }
    }
}
