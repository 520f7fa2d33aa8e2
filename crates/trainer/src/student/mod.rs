//! The student: embedding, perhaps a teacher's first layers beside it, masked BiLSTM, additive attention, linear head,
//! and perhaps a decoder that writes reasons.
//!
//! Its recurrence is computed here on the processor, its head on Burn tensors, so that any objective can
//! be put on what it says: [`Student::gradients`] joins the two on the way back.

mod batch;
mod bilstm;
mod decoder;
mod layers;
mod lstm;
mod moments;
mod speaker;
mod weights;
mod wording;

use std::sync::Arc;

use anyhow::Result;
use burn::module::{Module, Param};
use burn::tensor::activation::{softmax, tanh};
use burn::tensor::{Tensor, TensorData};
use rand::RngExt;
use stillglass_kernels::lstm::Gate;

use crate::device::processor;
use crate::rounding::in_four_bits;
use crate::teacher::floats_of;
use crate::training::{Dropout, by_length, generator, parameter};
use bilstm::Trace;

pub use batch::StudentBatch;
use decoder::{Back, Decoder, Reading};
pub use decoder::{DecoderShape, Last, Speech, Spoken};
pub use layers::Layers;
pub(crate) use moments::Moments;
pub use speaker::{Following, Heard, Place, Speaker};
pub use weights::gradients_as_weights;

/// Added to the attention scores of padding: exp of it is 0 in f32.
const MASKED: f64 = -1e9;

/// Bias of the forget gate at the start (Jozefowicz et al. 2015).
const FORGET_BIAS: f32 = 1.0;

/// Directions of the LSTM as tensors are stacked.
const DIRECTIONS: [&str; 2] = ["forward", "backward"];

/// Sizes of a student, and what reads its texts before it does.
#[derive(Debug, Clone)]
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
    /// Whether a token's embedding is read as it is when rounded to 4 bits, as its bundle will have it; its gradient goes to the float one.
    pub rounded: bool,
    /// The token between the two texts of a pair, where tokens that both have are told so.
    pub shared: Option<u32>,
    /// Sizes of the decoder, where there is one.
    pub decoder: Option<DecoderShape>,
    /// A teacher's first layers: the LSTM reads what they make of a token behind its embedding. None where it reads
    /// embeddings alone.
    pub layers: Option<Arc<Layers>>,
}

impl Shape {
    /// Numbers that the LSTM reads of a token.
    pub fn reads(&self) -> usize {
        self.embedding + self.layers.as_ref().map_or(0, |layers| layers.width())
    }
}

/// The student. Directions are stacked in front (0 forward, 1 backward), gates as [`Gate`] orders them.
#[derive(Module, Debug)]
pub struct Student {
    /// `[vocabulary, embedding]`.
    embedding: Param<Tensor<2>>,
    /// `[2, reads, 4 * hidden]`, the rows of the embedding first.
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
    /// Added to the embedding of a token that both texts of a pair have, `[embedding]`.
    shared: Option<Param<Tensor<1>>>,
    /// What parts such texts.
    #[module(skip)]
    separator: Option<u32>,
    /// [`Shape::rounded`].
    #[module(skip)]
    rounded: bool,
    /// Writes reasons.
    decoder: Option<Decoder>,
    /// [`Shape::layers`].
    #[module(skip)]
    layers: Option<Arc<Layers>>,
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
    /// Attention weights, 0 for padding: `[batch, time]`.
    pub weights: Tensor<2>,
    /// What the attention weighs, `[time * batch, 2 * hidden]`.
    pub states: Tensor<2>,
}

impl StudentOutput {
    /// The weighted mean of the states, `[batch, 2 * hidden]`, from which the logits are.
    pub fn pooled(&self) -> Tensor<2> {
        let [batch, time] = self.weights.dims();
        let [_, width] = self.states.dims();
        let states = self.states.clone().reshape([time, batch, width]);
        let weights = self.weights.clone().swap_dims(0, 1).unsqueeze_dim::<3>(2);
        (states * weights).sum_dim(0).squeeze_dim::<2>(0)
    }
}

/// What is added to shared tokens, in an optimizer's state.
const SHARED: &str = "shared";

/// What the parameters are called in an optimizer's state; [`SHARED`] and the decoder's follow.
const PARAMETERS: [&str; 9] = [
    "embedding",
    "input",
    "recurrent",
    "bias",
    "projection",
    "attention bias",
    "vector",
    "classifier",
    "classifier bias",
];

/// A loss's gradients at every parameter, in the order of [`Student::names`].
#[derive(Debug, Clone)]
pub struct Gradients(pub(crate) Vec<Vec<f32>>);

/// The way from a batch to the head, which the gradient goes back.
#[derive(Debug)]
pub struct Way {
    /// Where the head begins, `[time * batch, 2 * hidden]`.
    states: Tensor<2>,
    trace: Trace,
    /// [`StudentBatch::ids`].
    ids: Vec<u32>,
    /// Which of them both texts of their pair have.
    both: Vec<bool>,
}

impl Student {
    /// A new student: `embedding` rows given (`[vocabulary * embedding]`), everything else drawn
    /// from uniform distributions as PyTorch's modules do, by `seed` alone.
    pub fn new(shape: &Shape, embedding: Vec<f32>, seed: u64) -> Self {
        let &Shape {
            hidden,
            attention,
            classes,
            ..
        } = shape;
        let device = &processor();
        let draw = |name: &str, dims: &[usize], fan: usize| draw(seed, name, dims, fan);
        let gates = 4 * hidden;
        let mut bias = vec![0f32; 2 * gates];
        for direction in bias.chunks_mut(gates) {
            direction[Gate::Forget.rows(hidden)].fill(FORGET_BIAS);
        }
        let table = TensorData::new(embedding, [shape.vocabulary, shape.embedding]);
        Self {
            embedding: parameter("embedding", table, device),
            input: parameter(
                "input",
                draw("input", &[2, shape.reads(), gates], hidden),
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
            shared: shape.shared.map(|_| {
                let zeros = TensorData::zeros::<f32, _>([shape.embedding]);
                parameter(SHARED, zeros, device)
            }),
            separator: shape.shared,
            rounded: shape.rounded,
            decoder: shape
                .decoder
                .map(|decoder| Decoder::new(shape, decoder, seed)),
            layers: shape.layers.clone(),
        }
    }

    /// What the parameters are called, in their order.
    pub(crate) fn names(&self) -> Vec<&'static str> {
        let decoder = self.decoder.as_ref().map(|_| decoder::PARAMETERS);
        let shared = self.shared.as_ref().map(|_| SHARED);
        let plain = PARAMETERS.into_iter().chain(shared);
        plain.chain(decoder.into_iter().flatten()).collect()
    }

    /// Logits, contributions and attention scores of a batch.
    pub fn forward(&self, batch: &StudentBatch) -> StudentOutput {
        self.forward_to_learn(batch, None).0
    }

    /// [`Student::forward`], perhaps with dropout on what the LSTM reads and on its states, and the way back for
    /// [`Student::gradients`].
    pub fn forward_to_learn(
        &self,
        batch: &StudentBatch,
        dropout: Option<&mut Dropout>,
    ) -> (StudentOutput, Way) {
        let way = self.way(batch, dropout);
        (self.head(way.states.clone(), batch), way)
    }

    /// What attention and classifier make of `states: [time * batch, 2 * hidden]`.
    fn head(&self, states: Tensor<2>, batch: &StudentBatch) -> StudentOutput {
        let [texts, time] = batch.mask.dims();
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
            .clone()
            .matmul(self.classifier.val())
            .reshape([time, texts, classes])
            .swap_dims(0, 1);
        let contributions = evidence * weights.clone().unsqueeze_dim(2);
        let sums = contributions.clone().sum_dim(1).squeeze_dim::<2>(1);
        StudentOutput {
            logits: sums + self.classifier_bias.val().unsqueeze_dim(0),
            contributions,
            scores: scores * batch.mask.clone(),
            weights,
            states,
        }
    }

    fn way(&self, batch: &StudentBatch, dropout: Option<&mut Dropout>) -> Way {
        let table = values(&self.embedding);
        let [_, width] = self.embedding.val().dims();
        let row = |&id: &u32| table[id as usize * width..][..width].iter().copied();
        let mut embedded: Vec<f32> = batch.ids.iter().flat_map(row).collect();
        if self.rounded {
            embedded.chunks_exact_mut(width).for_each(round);
        }
        let both = batch.shared(self.separator);
        if let Some(shared) = &self.shared {
            let shared = values(shared);
            let rows = embedded.chunks_exact_mut(width).zip(&both);
            for (row, _) in rows.filter(|(_, both)| **both) {
                add(row, &shared);
            }
        }
        if let Some(layers) = &self.layers {
            embedded = layers.beside(&embedded, batch);
        }
        let weights = bilstm::Weights {
            input: values(&self.input),
            recurrent: values(&self.recurrent),
            bias: values(&self.bias),
        };
        let (states, trace) = bilstm::forward(weights, embedded, batch, dropout, width);
        let columns = batch.ids.len();
        let states = TensorData::new(states, [columns, self.bias.val().dims()[2] / 2]);
        Way {
            states: Tensor::from_data(states, &processor()).require_grad(),
            trace,
            ids: batch.ids.clone(),
            both,
        }
    }

    /// Says reasons for the texts of a batch, whose words are given, by the way that led to its states; none where the
    /// student has no decoder, or there is nothing to say.
    pub fn speak(&self, batch: &StudentBatch, way: &Way, speeches: &[Speech]) -> Option<Spoken> {
        let decoder = self.decoder.as_ref().filter(|_| !speeches.is_empty())?;
        let reading = Reading {
            ids: &batch.ids,
            mask: &batch.mask,
            states: &way.states,
            pooled: &self.head(way.states.clone(), batch).pooled(),
            table: &values(&self.embedding),
        };
        Some(decoder.speak(reading, speeches))
    }

    /// The gradients of a loss at every parameter, by the way that led to it, in the order of [`Student::names`];
    /// what was `spoken` has its part in the loss by its slope.
    pub fn gradients(&self, loss: &Tensor<1>, way: &Way, spoken: Option<&Spoken>) -> Gradients {
        let mut gradients = loss.backward();
        let back = self.decoder.as_ref().zip(spoken);
        let back = back.map(|(decoder, spoken)| decoder.back(spoken, &mut gradients));
        let (back, mut tapes) = match back {
            Some(Back { own, table, tape }) => (Some((own, table)), vec![gradients, tape]),
            None => (None, vec![gradients]),
        };
        let states = tapes
            .iter_mut()
            .filter_map(|tape| way.states.grad_remove(tape));
        let states = total(states.map(read));
        let mut found = Gradients(vec![
            zeros(&self.embedding),
            zeros(&self.input),
            zeros(&self.recurrent),
            zeros(&self.bias),
            of(&self.projection, &mut tapes),
            of(&self.attention_bias, &mut tapes),
            of(&self.attention_vector, &mut tapes),
            of(&self.classifier, &mut tapes),
            of(&self.classifier_bias, &mut tapes),
        ]);
        found.0.extend(self.shared.iter().map(zeros));
        match (back, &self.decoder) {
            (Some((own, table)), _) => {
                found.0[0] = table;
                found.0.extend(own);
            }
            (None, Some(decoder)) => {
                let zeros = decoder.parameters().into_iter();
                found.0.extend(zeros.map(|values| vec![0.0; values.len()]));
            }
            (None, None) => {}
        }
        let Some(states) = states else {
            return found;
        };
        let recurrence = way.trace.backward(states);
        let [_, width] = self.embedding.val().dims();
        let rows = recurrence.embedded.chunks_exact(width);
        if self.shared.is_some() {
            let sums = &mut found.0[PARAMETERS.len()];
            for (row, _) in rows.clone().zip(&way.both).filter(|(_, both)| **both) {
                add(sums, row);
            }
        }
        let [table, input, recurrent, bias, ..] = &mut found.0[..] else {
            unreachable!("a student has nine parameters at least")
        };
        for (&id, row) in way.ids.iter().zip(rows) {
            add(&mut table[id as usize * width..][..width], row);
        }
        *input = recurrence.weights.input;
        *recurrent = recurrence.weights.recurrent;
        *bias = recurrence.weights.bias;
        found
    }

    /// Every parameter's numbers as they lie, in the order of [`Student::names`].
    pub(crate) fn parameters(&self) -> Vec<Vec<f32>> {
        let mut all = vec![
            values(&self.embedding),
            values(&self.input),
            values(&self.recurrent),
            values(&self.bias),
            values(&self.projection),
            values(&self.attention_bias),
            values(&self.attention_vector),
            values(&self.classifier),
            values(&self.classifier_bias),
        ];
        all.extend(self.shared.iter().map(values));
        all.extend(self.decoder.iter().flat_map(Decoder::parameters));
        all
    }

    /// The same student with other numbers, as [`Student::parameters`] gives them.
    pub(crate) fn with(&self, parameters: Vec<Vec<f32>>) -> Self {
        let mut parameters = parameters.into_iter();
        let mut next = || parameters.next().expect("a tensor for each parameter");
        Self {
            embedding: changed(&self.embedding, next()),
            input: changed(&self.input, next()),
            recurrent: changed(&self.recurrent, next()),
            bias: changed(&self.bias, next()),
            projection: changed(&self.projection, next()),
            attention_bias: changed(&self.attention_bias, next()),
            attention_vector: changed(&self.attention_vector, next()),
            classifier: changed(&self.classifier, next()),
            classifier_bias: changed(&self.classifier_bias, next()),
            shared: self.shared.as_ref().map(|shared| changed(shared, next())),
            separator: self.separator,
            rounded: self.rounded,
            decoder: self
                .decoder
                .as_ref()
                .map(|decoder| decoder.with(&mut parameters)),
            layers: self.layers.clone(),
        }
    }
}

/// Makes an embedding what 4 bits keep of it.
fn round(row: &mut [f32]) {
    let (steps, scale) = in_four_bits(row);
    let steps = steps.into_iter().map(|step| scale * f32::from(step));
    row.iter_mut().zip(steps).for_each(|(v, step)| *v = step);
}

/// A parameter's numbers, row by row.
fn values<const D: usize>(parameter: &Param<Tensor<D>>) -> Vec<f32> {
    read(parameter.val().inner())
}

fn read<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    floats_of(tensor).expect("the student's numbers are f32 in this process's memory")
}

/// As many zeros as a parameter has numbers.
fn zeros<const D: usize>(parameter: &Param<Tensor<D>>) -> Vec<f32> {
    vec![0.0; parameter.val().shape().num_elements()]
}

/// A parameter's gradient, the sum of what all tapes have; zeros where the loss does not hang on it.
fn of<const D: usize>(
    parameter: &Param<Tensor<D>>,
    tapes: &mut [burn::tensor::Gradients],
) -> Vec<f32> {
    let found = tapes.iter_mut();
    let found = found.filter_map(|tape| parameter.val().grad_remove(tape));
    total(found.map(read)).unwrap_or_else(|| zeros(parameter))
}

/// The sum of `parts`, if there is any.
fn total(parts: impl Iterator<Item = Vec<f32>>) -> Option<Vec<f32>> {
    parts.reduce(|mut sum, more| {
        add(&mut sum, &more);
        sum
    })
}

/// Adds `more` to `sum`, value by value.
fn add(sum: &mut [f32], more: &[f32]) {
    sum.iter_mut()
        .zip(more)
        .for_each(|(sum, more)| *sum += more);
}

/// Values of `dims` for the parameter `name`, uniform within 1/√`fan` as PyTorch's modules draw them.
fn draw(seed: u64, name: &str, dims: &[usize], fan: usize) -> TensorData {
    let bound = (fan as f32).sqrt().recip();
    let mut rng = generator(seed, name, 0);
    let count = dims.iter().product();
    let values: Vec<f32> = (0..count)
        .map(|_| rng.random_range(-bound..bound))
        .collect();
    TensorData::new(values, dims.to_vec())
}

/// A parameter with other numbers.
fn changed<const D: usize>(parameter: &Param<Tensor<D>>, values: Vec<f32>) -> Param<Tensor<D>> {
    let data = TensorData::new(values, parameter.val().shape());
    let tensor = Tensor::from_data(data, &processor()).require_grad();
    Param::initialized(parameter.id, tensor)
}

/// Logits of `rows` of token ids in order.
pub fn logits(student: &Student, rows: &[Vec<u32>], batch: usize) -> Result<Vec<Vec<f32>>> {
    let lengths: Vec<usize> = rows.iter().map(Vec::len).collect();
    let mut all = vec![Vec::new(); rows.len()];
    for indices in by_length(&lengths, batch) {
        let ids: Vec<&[u32]> = indices.iter().map(|&row| rows[row].as_slice()).collect();
        let output = student.forward(&StudentBatch::new(&ids));
        let classes = output.logits.dims()[1];
        let values = floats_of(output.logits)?;
        for (&row, logits) in indices.iter().zip(values.chunks(classes)) {
            all[row] = logits.to_vec();
        }
    }
    Ok(all)
}
