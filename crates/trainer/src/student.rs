//! The student on Burn tensors: embedding, masked BiLSTM, additive attention, linear head.

use anyhow::Result;
use burn::module::{Module, Param};
use burn::nn::{Dropout, DropoutConfig};
use burn::tensor::activation::{sigmoid, softmax, tanh};
use burn::tensor::{Device, Gradients, Int, Tensor, TensorData};
use rand::RngExt;

use crate::teacher::{Weights, floats_of};
use crate::training::{generator, parameter};

/// Added to the attention scores of padding: exp of it is 0 in f32.
const MASKED: f64 = -1e9;

/// Bias of the forget gate at the start (Jozefowicz et al. 2015).
const FORGET_BIAS: f32 = 1.0;

/// Directions of the LSTM as tensors are stacked.
const DIRECTIONS: [&str; 2] = ["forward", "backward"];

/// Sizes of a student.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Pieces in the vocabulary.
    pub vocabulary: usize,
    /// Width of a token's embedding.
    pub embedding: usize,
    /// Width of each LSTM direction.
    pub hidden: usize,
    /// Width of the attention's projection.
    pub attention: usize,
    /// Classes.
    pub classes: usize,
}

/// The student. Directions are stacked in front (0 forward, 1 backward), gates are in the order
/// input, forget, cell, output.
#[derive(Module, Debug)]
pub struct Student {
    /// `[vocabulary, embedding]`.
    embedding: Param<Tensor<2>>,
    /// `[2, embedding, 4 * hidden]`.
    input: Param<Tensor<3>>,
    /// `[2, hidden, 4 * hidden]`.
    recurrent: Param<Tensor<3>>,
    /// `[2, 1, 4 * hidden]`.
    bias: Param<Tensor<3>>,
    /// `[2 * hidden, attention]`.
    projection: Param<Tensor<2>>,
    /// `[attention]`.
    attention_bias: Param<Tensor<1>>,
    /// `[attention, 1]`.
    attention_vector: Param<Tensor<2>>,
    /// `[2 * hidden, classes]`.
    classifier: Param<Tensor<2>>,
    /// `[classes]`.
    classifier_bias: Param<Tensor<1>>,
    dropout: Dropout,
    hidden: usize,
}

/// A padded batch for the student, time first: padding stands at the end of both directions, so the
/// recurrence never reads a padded step before a real one and needs no mask.
#[derive(Debug, Clone)]
pub struct StudentBatch {
    /// Token ids `[2 * time * batch]`: all steps forward, then all steps of the reversed texts.
    ids: Tensor<1, Int>,
    /// For step `t` of text `b`, the row `t' * batch + b` where the reversed pass stands at `t`.
    reversal: Tensor<1, Int>,
    /// 1 for tokens, 0 for padding, `[batch, time]`.
    mask: Tensor<2>,
}

/// What the student says of a batch.
#[derive(Debug, Clone)]
pub struct StudentOutput {
    /// `[batch, classes]`.
    pub logits: Tensor<2>,
    /// φ, each token's contribution to each logit: `[batch, time, classes]`.
    pub contributions: Tensor<3>,
    /// Unnormalised attention scores, 0 for padding: `[batch, time]`.
    pub scores: Tensor<2>,
}

impl StudentBatch {
    /// Pads rows of token ids. A row without tokens is all padding, and its logits are the bias.
    pub fn new(rows: &[&[u32]], device: &Device) -> Self {
        let batch = rows.len();
        let time = rows.iter().map(|row| row.len()).max().unwrap_or(0).max(1);
        let mut ids = vec![0i64; 2 * time * batch];
        let mut reversal = vec![0i64; time * batch];
        let mut mask = vec![0f32; batch * time];
        for (column, row) in rows.iter().enumerate() {
            for step in 0..time {
                let mirrored = row.len().checked_sub(step + 1).unwrap_or(step);
                reversal[step * batch + column] = (mirrored * batch + column) as i64;
                if let Some(&id) = row.get(step) {
                    ids[step * batch + column] = i64::from(id);
                    ids[(time + mirrored) * batch + column] = i64::from(id);
                    mask[column * time + step] = 1.0;
                }
            }
        }
        let vector = |values: Vec<i64>| {
            let length = values.len();
            Tensor::from_data(TensorData::new(values, [length]), device)
        };
        Self {
            ids: vector(ids),
            reversal: vector(reversal),
            mask: Tensor::from_data(TensorData::new(mask, [batch, time]), device),
        }
    }
}

impl Student {
    /// A new student: `embedding` rows given (`[vocabulary * embedding]`), everything else drawn
    /// from uniform distributions as PyTorch's modules do, by `seed` alone.
    pub fn new(
        shape: Shape,
        embedding: Vec<f32>,
        dropout: f64,
        seed: u64,
        device: &Device,
    ) -> Self {
        let Shape {
            hidden,
            attention,
            classes,
            ..
        } = shape;
        let draw = |name: &str, dims: &[usize], fan: usize| {
            let bound = (fan as f32).sqrt().recip();
            let mut rng = generator(seed, name, 0);
            let count = dims.iter().product();
            let values: Vec<f32> = (0..count)
                .map(|_| rng.random_range(-bound..bound))
                .collect();
            TensorData::new(values, dims.to_vec())
        };
        let gates = 4 * hidden;
        let mut bias = vec![0f32; 2 * gates];
        for direction in bias.chunks_mut(gates) {
            direction[hidden..2 * hidden].fill(FORGET_BIAS);
        }
        let table = TensorData::new(embedding, [shape.vocabulary, shape.embedding]);
        Self {
            embedding: parameter("embedding", table, device),
            input: parameter(
                "input",
                draw("input", &[2, shape.embedding, gates], hidden),
                device,
            ),
            recurrent: parameter(
                "recurrent",
                draw("recurrent", &[2, hidden, gates], hidden),
                device,
            ),
            bias: parameter("bias", TensorData::new(bias, [2, 1, gates]), device),
            projection: parameter(
                "projection",
                draw("projection", &[2 * hidden, attention], 2 * hidden),
                device,
            ),
            attention_bias: parameter(
                "attention bias",
                TensorData::zeros::<f32, _>([attention]),
                device,
            ),
            attention_vector: parameter(
                "vector",
                draw("vector", &[attention, 1], attention),
                device,
            ),
            classifier: parameter(
                "classifier",
                draw("classifier", &[2 * hidden, classes], 2 * hidden),
                device,
            ),
            classifier_bias: parameter(
                "classifier bias",
                TensorData::zeros::<f32, _>([classes]),
                device,
            ),
            dropout: DropoutConfig::new(dropout).init(),
            hidden,
        }
    }

    /// The student without dropout and without gradients.
    #[must_use]
    pub fn frozen(&self) -> Self {
        let mut student = self.clone().no_grad();
        student.dropout = DropoutConfig::new(0.0).init();
        student
    }

    /// Logits, contributions and attention scores of a batch.
    pub fn forward(&self, batch: &StudentBatch) -> StudentOutput {
        let [texts, time] = batch.mask.dims();
        let states = self.states(batch);
        let keys = states.clone().matmul(self.projection.val())
            + self.attention_bias.val().unsqueeze_dim(0);
        let scores = tanh(keys)
            .matmul(self.attention_vector.val())
            .reshape([time, texts])
            .swap_dims(0, 1);
        let padding = (batch.mask.clone() - 1.0) * -MASKED;
        let weights = softmax(scores.clone() + padding, 1) * batch.mask.clone();
        let classes = self.classifier.val().dims()[1];
        let evidence = states
            .matmul(self.classifier.val())
            .reshape([time, texts, classes])
            .swap_dims(0, 1);
        let contributions = evidence * weights.unsqueeze_dim(2);
        let sums = contributions.clone().sum_dim(1).squeeze_dim::<2>(1);
        StudentOutput {
            logits: sums + self.classifier_bias.val().unsqueeze_dim(0),
            contributions,
            scores: scores * batch.mask.clone(),
        }
    }

    /// BiLSTM states `[time * batch, 2 * hidden]`, both directions in the text's order.
    fn states(&self, batch: &StudentBatch) -> Tensor<2> {
        let [texts, time] = batch.mask.dims();
        let hidden = self.hidden;
        let embedded = self.embedding.val().select(0, batch.ids.clone());
        let embedded = self.dropout.forward(embedded);
        let size = embedded.dims()[1];
        let steps = halve(embedded.reshape([2, time, texts, size]));
        let (input, recurrent, bias) = (self.input.val(), self.recurrent.val(), self.bias.val());
        let mut h: Option<Tensor<3>> = None;
        let mut c: Option<Tensor<3>> = None;
        let mut outputs = Vec::with_capacity(time);
        for x in steps {
            let mut gates = x.squeeze_dim::<3>(1).matmul(input.clone()) + bias.clone();
            if let Some(h) = h {
                gates = gates + h.matmul(recurrent.clone());
            }
            let cell = tanh(gates.clone().narrow(2, 2 * hidden, hidden));
            let open = sigmoid(gates);
            let mut next = open.clone().narrow(2, 0, hidden) * cell;
            if let Some(c) = c {
                next = next + open.clone().narrow(2, hidden, hidden) * c;
            }
            let output = open.narrow(2, 3 * hidden, hidden) * tanh(next.clone());
            outputs.push(output.clone());
            (h, c) = (Some(output), Some(next));
        }
        let outputs: Tensor<4> = Tensor::stack(outputs, 1);
        let direction = |index| {
            outputs
                .clone()
                .narrow(0, index, 1)
                .reshape([time * texts, hidden])
        };
        let backward = direction(1).select(0, batch.reversal.clone());
        self.dropout
            .forward(Tensor::cat(vec![direction(0), backward], 1))
    }

    /// The weights under the bundle's tensor names, all float, `[out, in]`.
    pub fn weights(&self) -> Result<Weights> {
        self.named(Tensor::inner, Tensor::inner, Tensor::inner)
    }

    /// The weights' gradients under the same names; a weight without one has zeros.
    pub fn gradients(&self, gradients: &Gradients) -> Result<Weights> {
        self.named(
            |weight| {
                weight
                    .grad(gradients)
                    .unwrap_or_else(|| weight.inner().zeros_like())
            },
            |weight| {
                weight
                    .grad(gradients)
                    .unwrap_or_else(|| weight.inner().zeros_like())
            },
            |weight| {
                weight
                    .grad(gradients)
                    .unwrap_or_else(|| weight.inner().zeros_like())
            },
        )
    }

    /// Something of every weight, by rank, as the bundle's tensors lie.
    fn named(
        &self,
        one: impl Fn(Tensor<1>) -> Tensor<1>,
        two: impl Fn(Tensor<2>) -> Tensor<2>,
        three: impl Fn(Tensor<3>) -> Tensor<3>,
    ) -> Result<Weights> {
        let mut out = Weights::default();
        out.put("embedding", two(self.embedding.val()))?;
        let (input, recurrent, bias) = (
            three(self.input.val()),
            three(self.recurrent.val()),
            three(self.bias.val()),
        );
        for (index, way) in DIRECTIONS.into_iter().enumerate() {
            let take = |tensor: &Tensor<3>| {
                tensor
                    .clone()
                    .narrow(0, index, 1)
                    .squeeze_dim::<2>(0)
                    .transpose()
            };
            out.put(format!("lstm.{way}.input"), take(&input))?;
            out.put(format!("lstm.{way}.recurrent"), take(&recurrent))?;
            out.put(format!("lstm.{way}.bias"), take(&bias).squeeze_dim::<1>(1))?;
        }
        out.put(
            "attention.projection",
            two(self.projection.val()).transpose(),
        )?;
        out.put("attention.bias", one(self.attention_bias.val()))?;
        out.put(
            "attention.vector",
            two(self.attention_vector.val()).squeeze_dim::<1>(1),
        )?;
        out.put("classifier.weight", two(self.classifier.val()).transpose())?;
        out.put("classifier.bias", one(self.classifier_bias.val()))?;
        Ok(out)
    }

    /// The inverse of [`Student::weights`].
    pub fn from_weights(
        shape: Shape,
        weights: &Weights,
        dropout: f64,
        device: &Device,
    ) -> Result<Self> {
        let Shape {
            vocabulary,
            embedding,
            hidden,
            attention,
            classes,
        } = shape;
        let gates = 4 * hidden;
        let turned = |name: &str, rows: usize, columns: usize| -> Result<Tensor<2>> {
            Ok(Tensor::from_data(weights.get(name, [rows, columns])?, device).transpose())
        };
        let both = |part: &str, columns: usize| -> Result<TensorData> {
            let [first, second] =
                DIRECTIONS.map(|way| turned(&format!("lstm.{way}.{part}"), gates, columns));
            Ok(Tensor::stack::<3>(vec![first?, second?], 0).into_data())
        };
        let biases = DIRECTIONS.map(|way| weights.get(&format!("lstm.{way}.bias"), [gates]));
        let [forward, backward] = biases;
        let bias = [floats(forward?)?, floats(backward?)?].concat();
        let flat = |name: &str, rows, columns| -> Result<TensorData> {
            Ok(turned(name, rows, columns)?.into_data())
        };
        let vector = floats(weights.get("attention.vector", [attention])?)?;
        Ok(Self {
            embedding: parameter(
                "embedding",
                weights.get("embedding", [vocabulary, embedding])?,
                device,
            ),
            input: parameter("input", both("input", embedding)?, device),
            recurrent: parameter("recurrent", both("recurrent", hidden)?, device),
            bias: parameter("bias", TensorData::new(bias, [2, 1, gates]), device),
            projection: parameter(
                "projection",
                flat("attention.projection", attention, 2 * hidden)?,
                device,
            ),
            attention_bias: parameter(
                "attention bias",
                weights.get("attention.bias", [attention])?,
                device,
            ),
            attention_vector: parameter("vector", TensorData::new(vector, [attention, 1]), device),
            classifier: parameter(
                "classifier",
                flat("classifier.weight", classes, 2 * hidden)?,
                device,
            ),
            classifier_bias: parameter(
                "classifier bias",
                weights.get("classifier.bias", [classes])?,
                device,
            ),
            dropout: DropoutConfig::new(dropout).init(),
            hidden,
        })
    }
}

/// Splits `[2, time, batch, size]` into its steps by halving: the gradient of a slice is as large as
/// what it was cut from, so cutting every step from the whole would cost time².
fn halve(steps: Tensor<4>) -> Vec<Tensor<4>> {
    let time = steps.dims()[1];
    if time == 1 {
        return vec![steps];
    }
    let first = time / 2;
    let mut out = halve(steps.clone().narrow(1, 0, first));
    out.extend(halve(steps.narrow(1, first, time - first)));
    out
}

fn floats(data: TensorData) -> Result<Vec<f32>> {
    data.try_into_vec::<f32>()
        .map_err(|error| anyhow::anyhow!("reading weights: {error:?}"))
}

/// Logits of `rows` of token ids in order, without gradients.
pub fn logits(
    student: &Student,
    rows: &[Vec<u32>],
    batch: usize,
    device: &Device,
) -> Result<Vec<Vec<f32>>> {
    let student = student.frozen();
    let lengths: Vec<usize> = rows.iter().map(Vec::len).collect();
    let mut all = vec![Vec::new(); rows.len()];
    for indices in crate::training::by_length(&lengths, batch) {
        let ids: Vec<&[u32]> = indices.iter().map(|&row| rows[row].as_slice()).collect();
        let output = student.forward(&StudentBatch::new(&ids, device));
        let classes = output.logits.dims()[1];
        let values = floats_of(output.logits)?;
        for (&row, logits) in indices.iter().zip(values.chunks(classes)) {
            all[row] = logits.to_vec();
        }
    }
    Ok(all)
}
