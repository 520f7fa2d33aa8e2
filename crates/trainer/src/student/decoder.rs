//! The decoder that writes a student's reason: an LSTM over its own words, attention to the encoder's states (Luong et
//! al. 2015, "general"), and a gate between saying a word and copying one (See et al. 2017).
//!
//! As in the student, the recurrence is computed on the processor and all else on tensors, the softmax over the
//! vocabulary excepted, which is [`wording`](super::wording)'s. Reasons are taught with their own words before each
//! word, so that a batch has one pass through the LSTM.

use anyhow::Result;
use burn::module::{Module, Param};
use burn::tensor::activation::{sigmoid, softmax, tanh};
use burn::tensor::{Int, Tensor, TensorData};
use nalgebra::DMatrix;
use stillglass_kernels::lstm::Gate;

use super::lstm::{self, States};
use super::wording::{self, LEAST, Likelihood, Step, Table};
use super::{FORGET_BIAS, MASKED, Shape, read, values};
use crate::device::processor;
use crate::teacher::Weights;
use crate::training::parameter;

/// Sizes of a decoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecoderShape {
    /// Units of its LSTM.
    pub hidden: usize,
    /// Rows that it can be started with.
    pub prefixes: usize,
}

/// The decoder; directions and gates lie as the student's.
#[derive(Module, Debug)]
pub(super) struct Decoder {
    /// `[2 * hidden, embedding]`.
    start: Param<Tensor<2>>,
    /// `[prefixes, embedding]`.
    prefix: Param<Tensor<2>>,
    /// `[embedding, 4 * units]`.
    input: Param<Tensor<2>>,
    /// `[units, 4 * units]`.
    recurrent: Param<Tensor<2>>,
    /// `[4 * units]`.
    bias: Param<Tensor<1>>,
    /// `[units, 2 * hidden]`.
    query: Param<Tensor<2>>,
    /// `[units + 2 * hidden, embedding]`.
    combine: Param<Tensor<2>>,
    /// `[embedding]`.
    combine_bias: Param<Tensor<1>>,
    /// `[units + 2 * hidden, 1]`.
    gate: Param<Tensor<2>>,
    /// `[1]`.
    gate_bias: Param<Tensor<1>>,
    /// `[vocabulary]`.
    word_bias: Param<Tensor<1>>,
    /// What is said and is no word: the end, and each answer. `[1 + classes, embedding]`.
    others: Param<Tensor<2>>,
    /// `[1 + classes]`.
    other_bias: Param<Tensor<1>>,
}

/// What the parameters are called in an optimizer's state.
pub(super) const PARAMETERS: [&str; 13] = [
    "decoder start",
    "decoder prefix",
    "decoder input",
    "decoder recurrent",
    "decoder bias",
    "decoder query",
    "decoder combine",
    "decoder combine bias",
    "decoder gate",
    "decoder gate bias",
    "decoder word bias",
    "decoder others",
    "decoder other bias",
];

/// What a decoder ends with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Last {
    /// The end of the reason.
    End,
    /// An answer.
    Answer(usize),
}

impl Last {
    /// Its row behind the words.
    pub(super) fn row(self) -> usize {
        match self {
            Self::End => 0,
            Self::Answer(class) => 1 + class,
        }
    }
}

/// A reason as the decoder is taught it.
#[derive(Debug, Clone, PartialEq)]
pub struct Speech {
    /// Row of the batch that it is about.
    pub row: usize,
    /// What it is started with.
    pub prefix: usize,
    /// Its words, which are read whether they are learnt or not.
    pub words: Vec<u32>,
    /// What comes after them.
    pub last: Last,
    /// How much each word counts; 0 for words that are only read.
    pub word_weight: f32,
    /// How much the last step counts.
    pub last_weight: f32,
}

/// What the encoder has read a batch to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading<'a> {
    /// Token ids, 0 for padding: `[time][batch]`.
    pub(super) ids: &'a [u32],
    /// 1 for tokens, 0 for padding: `[batch, time]`.
    pub(super) mask: &'a Tensor<2>,
    /// `[time * batch, 2 * hidden]`.
    pub(super) states: &'a Tensor<2>,
    /// `[batch, 2 * hidden]`, on a tape that nothing else is on: the gradient comes here after the loss's tape is used
    /// up, by way of the LSTM.
    pub(super) pooled: &'a Tensor<2>,
    /// The student's embeddings, `[vocabulary, embedding]`.
    pub(super) table: &'a [f32],
}

/// What came of a batch of speeches.
#[derive(Debug)]
pub struct Spoken {
    /// Has the gradient of the loss, not its value.
    pub slope: Tensor<1>,
    /// Σ weight · −ln P.
    pub loss: f64,
    /// Mean −ln P of the words that counted, and of the answers; none where none did.
    pub means: [Option<f64>; 2],
    trace: Trace,
}

#[derive(Debug)]
struct Trace {
    /// `[embedding, steps * speeches]`.
    x: DMatrix<f32>,
    states: States,
    /// The LSTM's states as the loss sees them, `[steps * speeches, units]`.
    leaf: Tensor<2>,
    /// What is read first, `[speeches, embedding]`.
    first: Tensor<2>,
    /// What is read then, `[steps - 1][speeches]`; none is padding.
    words: Vec<Option<u32>>,
    likelihood: Likelihood,
}

/// Gradients that the tape does not know of.
pub(super) struct Back {
    /// At the decoder's parameters, in the order of [`PARAMETERS`].
    pub(super) own: Vec<Vec<f32>>,
    /// At the student's embeddings, `[vocabulary * embedding]`.
    pub(super) table: Vec<f32>,
    /// What the tape of the pooled states has, by way of what is read first.
    pub(super) tape: burn::tensor::Gradients,
}

impl Decoder {
    /// A new decoder of a student of `shape`, drawn by `seed` alone.
    pub(super) fn new(shape: &Shape, decoder: DecoderShape, seed: u64) -> Self {
        let device = &processor();
        let (wide, width, units) = (2 * shape.hidden, shape.embedding, decoder.hidden);
        let both = units + wide;
        let matrix = |at: usize, dims: [usize; 2], fan: usize| {
            let name = PARAMETERS[at];
            parameter(name, super::draw(seed, name, &dims, fan), device)
        };
        let zeros = |at: usize, count: usize| {
            parameter(PARAMETERS[at], TensorData::zeros::<f32, _>([count]), device)
        };
        let mut bias = vec![0f32; 4 * units];
        bias[Gate::Forget.rows(units)].fill(FORGET_BIAS);
        let bias = TensorData::new(bias, [4 * units]);
        Self {
            start: matrix(0, [wide, width], wide),
            prefix: matrix(1, [decoder.prefixes, width], width),
            input: matrix(2, [width, 4 * units], units),
            recurrent: matrix(3, [units, 4 * units], units),
            bias: parameter(PARAMETERS[4], bias, device),
            query: matrix(5, [units, wide], units),
            combine: matrix(6, [both, width], both),
            combine_bias: zeros(7, width),
            gate: matrix(8, [both, 1], both),
            gate_bias: zeros(9, 1),
            word_bias: zeros(10, shape.vocabulary),
            others: matrix(11, [1 + shape.classes, width], width),
            other_bias: zeros(12, 1 + shape.classes),
        }
    }

    /// Says each speech's words after one another, as it would if it had said those before.
    pub(super) fn speak(&self, reading: Reading, speeches: &[Speech]) -> Spoken {
        let device = &processor();
        let count = speeches.len();
        let longest = speeches.iter().map(|speech| speech.words.len()).max();
        let steps = longest.unwrap_or(0) + 1;
        let rows: Vec<i32> = speeches.iter().map(|speech| speech.row as i32).collect();
        let rows = Tensor::<1, Int>::from_data(TensorData::new(rows, [count]), device);
        let prefixes: Vec<i32> = speeches.iter().map(|s| s.prefix as i32).collect();
        let prefixes = Tensor::<1, Int>::from_data(TensorData::new(prefixes, [count]), device);
        let pooled = reading.pooled.clone().select(0, rows.clone());
        let first = pooled.matmul(self.start.val()) + self.prefix.val().select(0, prefixes);

        let words = words_before(speeches, steps);
        let width = self.start.val().dims()[1];
        let mut x = read(first.clone().inner());
        for word in &words {
            match word {
                Some(id) => x.extend(&reading.table[*id as usize * width..][..width]),
                None => x.extend(std::iter::repeat_n(0.0, width)),
            }
        }
        let x = DMatrix::from_vec(width, steps * count, x);
        let [input, recurrent, bias] = self.recurrence();
        let weights = lstm::Weights {
            input: &input,
            recurrent: &recurrent,
            bias: &bias,
        };
        let states = lstm::forward(weights, &x, count);
        let units = states.outputs.nrows();
        let outputs = TensorData::new(states.outputs.as_slice().to_vec(), [steps * count, units]);
        let leaf = Tensor::<2>::from_data(outputs, device).require_grad();

        let View {
            attention,
            word,
            gate,
        } = self.look(reading, &rows, leaf.clone(), [steps, count]);
        let (slope, loss, means, likelihood) =
            self.weigh(reading, speeches, [attention, word, gate]);
        Spoken {
            slope,
            loss,
            means,
            trace: Trace {
                x,
                states,
                leaf,
                first,
                words,
                likelihood,
            },
        }
    }

    fn recurrence(&self) -> [Vec<f32>; 3] {
        [
            values(&self.input),
            values(&self.recurrent),
            values(&self.bias),
        ]
    }

    /// Where each step looks, what it would say and whether it would say it, from the LSTM's states, `[steps *
    /// speeches, units]`.
    fn look(
        &self,
        reading: Reading,
        rows: &Tensor<1, Int>,
        states: Tensor<2>,
        [steps, count]: [usize; 2],
    ) -> View {
        let [texts, time] = reading.mask.dims();
        let [_, units] = states.dims();
        let wide = reading.pooled.dims()[1];
        let states = states.reshape([steps, count, units]).swap_dims(0, 1);
        let query = states
            .clone()
            .reshape([count * steps, units])
            .matmul(self.query.val())
            .reshape([count, steps, wide]);
        let texts = reading
            .states
            .clone()
            .reshape([time, texts, wide])
            .swap_dims(0, 1)
            .select(0, rows.clone());
        let mask = reading.mask.clone().select(0, rows.clone());
        let mask = mask.reshape([count, 1, time]);
        let scores = query.matmul(texts.clone().swap_dims(1, 2)) + (mask.clone() - 1.0) * -MASKED;
        let attention = softmax(scores, 2) * mask;
        let found = attention.clone().matmul(texts);
        let both = Tensor::cat(vec![states, found], 2).reshape([count * steps, units + wide]);
        let word = tanh(
            both.clone().matmul(self.combine.val()) + self.combine_bias.val().unsqueeze_dim(0),
        );
        let gate = sigmoid(both.matmul(self.gate.val()) + self.gate_bias.val().unsqueeze_dim(0));
        View {
            attention: attention.reshape([count * steps, time]),
            word,
            gate,
        }
    }

    /// The loss, from `[speeches * steps, …]`: attention, word and gate.
    fn weigh(
        &self,
        reading: Reading,
        speeches: &[Speech],
        [attention, word, gate]: [Tensor<2>; 3],
    ) -> (Tensor<1>, f64, [Option<f64>; 2], Likelihood) {
        let device = &processor();
        let [all, time] = attention.dims();
        let steps = all / speeches.len();
        let texts = reading.ids.len() / time;
        let vocabulary = reading.table.len() / word.dims()[1];
        let (mut places, mut targets) = (Vec::new(), Vec::new());
        let (mut there, mut silent) = (Vec::new(), Vec::new());
        let texts_read = read(reading.mask.clone().inner());
        for (index, speech) in speeches.iter().enumerate() {
            for step in 0..=speech.words.len() {
                let (target, weight) = match speech.words.get(step) {
                    Some(id) => (*id as usize, speech.word_weight),
                    None => (vocabulary + speech.last.row(), speech.last_weight),
                };
                if weight == 0.0 {
                    continue;
                }
                places.push((index * steps + step) as i32);
                // From an empty text nothing can be copied.
                let text = &texts_read[speech.row * time..][..time];
                silent.push(f32::from(u8::from(!text.contains(&1.0))));
                targets.push((target, weight));
                // Where the text has the word.
                let column = (0..time).map(|t| reading.ids[t * texts + speech.row]);
                there.extend(column.map(|id| f32::from(u8::from(id as usize == target))));
            }
        }
        let count = places.len();
        let places = Tensor::<1, Int>::from_data(TensorData::new(places, [count]), device);
        let there = Tensor::<2>::from_data(TensorData::new(there, [count, time]), device);
        // Padding has the id 0, but nobody looks there.
        let copied = (attention.select(0, places.clone()) * there).sum_dim(1);
        let (word, gate) = (word.select(0, places.clone()), gate.select(0, places));
        let silent = Tensor::<2>::from_data(TensorData::new(silent, [count, 1]), device);
        let gate = gate.clone() + (gate.neg() + 1.0) * silent;
        let numbers = |tensor: &Tensor<2>| read(tensor.clone().inner());
        let known: Vec<Step> = targets
            .iter()
            .zip(numbers(&gate).into_iter().zip(numbers(&copied)))
            .map(|(&(target, weight), (gate, copied))| Step {
                target,
                gate,
                copied,
                weight,
            })
            .collect();
        let rows = [reading.table, &values(&self.others)].concat();
        let bias = [values(&self.word_bias), values(&self.other_bias)].concat();
        let table = Table {
            rows: &rows,
            bias: &bias,
        };
        let likelihood = wording::likelihood(table, &numbers(&word), &known);
        let column =
            |values: Vec<f32>| Tensor::<2>::from_data(TensorData::new(values, [count, 1]), device);
        let spoken = column(likelihood.spoken.clone());
        let weights = column(known.iter().map(|step| step.weight).collect());
        let likely = gate.clone() * spoken + (gate.neg() + 1.0) * copied + LEAST;
        let slopes = TensorData::new(likelihood.states.clone(), word.dims());
        let slopes = Tensor::<2>::from_data(slopes, device);
        let slope = (likely.log() * weights).sum().neg() + (word * slopes).sum();
        let (loss, means) = summed(&known, &likelihood.spoken, vocabulary);
        (slope, loss, means, likelihood)
    }

    /// The gradients that the tape of the loss leaves to be found, and its own, which are taken from it.
    pub(super) fn back(&self, spoken: &Spoken, tape: &mut burn::tensor::Gradients) -> Back {
        let Trace {
            x,
            states,
            likelihood,
            ..
        } = &spoken.trace;
        let count = spoken.trace.first.dims()[0];
        let (width, columns) = x.shape();
        let [input, recurrent, bias] = self.recurrence();
        let weights = lstm::Weights {
            input: &input,
            recurrent: &recurrent,
            bias: &bias,
        };
        let outputs = spoken.trace.leaf.grad_remove(tape).map(read);
        let units = states.outputs.nrows();
        let outputs = outputs.unwrap_or_else(|| vec![0.0; units * columns]);
        let found = lstm::backward(
            weights,
            x,
            states,
            DMatrix::from_vec(units, columns, outputs),
            count,
            width,
        );
        let at_x = found.x.as_slice();
        let at_first = TensorData::new(at_x[..count * width].to_vec(), [count, width]);
        let at_first = Tensor::<2>::from_data(at_first, &processor());
        let mut before = (spoken.trace.first.clone() * at_first).sum().backward();
        let (vocabulary, rows) = (likelihood.bias.len(), &likelihood.rows);
        let others = self.others.val().dims()[0];
        let words = vocabulary - others;
        let mut table = rows[..words * width].to_vec();
        for (word, slope) in spoken
            .trace
            .words
            .iter()
            .zip(at_x[count * width..].chunks_exact(width))
        {
            if let Some(id) = word {
                super::add(&mut table[*id as usize * width..][..width], slope);
            }
        }
        let own = vec![
            super::of(&self.start, std::slice::from_mut(&mut before)),
            super::of(&self.prefix, std::slice::from_mut(&mut before)),
            found.input.as_slice().to_vec(),
            found.recurrent.as_slice().to_vec(),
            found.bias,
            super::of(&self.query, std::slice::from_mut(tape)),
            super::of(&self.combine, std::slice::from_mut(tape)),
            super::of(&self.combine_bias, std::slice::from_mut(tape)),
            super::of(&self.gate, std::slice::from_mut(tape)),
            super::of(&self.gate_bias, std::slice::from_mut(tape)),
            likelihood.bias[..words].to_vec(),
            rows[words * width..].to_vec(),
            likelihood.bias[words..].to_vec(),
        ];
        Back {
            own,
            table,
            tape: before,
        }
    }

    /// Puts the weights under the bundle's tensor names, all float, `[out, in]`.
    pub(super) fn put(&self, out: &mut Weights) -> Result<()> {
        let turned = |matrix: &Param<Tensor<2>>| matrix.val().inner().transpose();
        out.put("decoder.start", turned(&self.start))?;
        out.put("decoder.prefix", self.prefix.val().inner())?;
        out.put("decoder.lstm.input", turned(&self.input))?;
        out.put("decoder.lstm.recurrent", turned(&self.recurrent))?;
        out.put("decoder.lstm.bias", self.bias.val().inner())?;
        out.put("decoder.query", turned(&self.query))?;
        out.put("decoder.combine", turned(&self.combine))?;
        out.put("decoder.combine.bias", self.combine_bias.val().inner())?;
        out.put("decoder.gate.weight", turned(&self.gate))?;
        out.put("decoder.gate.bias", self.gate_bias.val().inner())?;
        out.put("decoder.word.bias", self.word_bias.val().inner())?;
        out.put("decoder.other.weight", self.others.val().inner())?;
        out.put("decoder.other.bias", self.other_bias.val().inner())
    }

    /// The inverse of [`Decoder::put`].
    pub(super) fn from_weights(
        shape: &Shape,
        decoder: DecoderShape,
        weights: &Weights,
    ) -> Result<Self> {
        let fresh = Self::new(shape, decoder, 0);
        let turned = |name: &str, matrix: &Param<Tensor<2>>| -> Result<Vec<f32>> {
            let [rows, columns] = matrix.val().dims();
            let data = weights.get(name, [columns, rows])?;
            Ok(read(Tensor::<2>::from_data(data, &processor()).transpose()))
        };
        let matrix = |name: &str, matrix: &Param<Tensor<2>>| -> Result<Vec<f32>> {
            Ok(weights.checked(name, matrix.val().dims())?.to_vec())
        };
        let vector = |name: &str, vector: &Param<Tensor<1>>| -> Result<Vec<f32>> {
            Ok(weights.checked(name, vector.val().dims())?.to_vec())
        };
        let parameters = [
            turned("decoder.start", &fresh.start)?,
            matrix("decoder.prefix", &fresh.prefix)?,
            turned("decoder.lstm.input", &fresh.input)?,
            turned("decoder.lstm.recurrent", &fresh.recurrent)?,
            vector("decoder.lstm.bias", &fresh.bias)?,
            turned("decoder.query", &fresh.query)?,
            turned("decoder.combine", &fresh.combine)?,
            vector("decoder.combine.bias", &fresh.combine_bias)?,
            turned("decoder.gate.weight", &fresh.gate)?,
            vector("decoder.gate.bias", &fresh.gate_bias)?,
            vector("decoder.word.bias", &fresh.word_bias)?,
            matrix("decoder.other.weight", &fresh.others)?,
            vector("decoder.other.bias", &fresh.other_bias)?,
        ];
        Ok(fresh.with(&mut parameters.into_iter()))
    }

    /// Every parameter's numbers as they lie, in the order of [`PARAMETERS`].
    pub(super) fn parameters(&self) -> Vec<Vec<f32>> {
        vec![
            values(&self.start),
            values(&self.prefix),
            values(&self.input),
            values(&self.recurrent),
            values(&self.bias),
            values(&self.query),
            values(&self.combine),
            values(&self.combine_bias),
            values(&self.gate),
            values(&self.gate_bias),
            values(&self.word_bias),
            values(&self.others),
            values(&self.other_bias),
        ]
    }

    /// The same decoder with other numbers, as [`Decoder::parameters`] gives them.
    pub(super) fn with(&self, parameters: &mut impl Iterator<Item = Vec<f32>>) -> Self {
        let mut next = || parameters.next().expect("a tensor for each parameter");
        let changed2 = |parameter, values| super::changed::<2>(parameter, values);
        let changed1 = |parameter, values| super::changed::<1>(parameter, values);
        Self {
            start: changed2(&self.start, next()),
            prefix: changed2(&self.prefix, next()),
            input: changed2(&self.input, next()),
            recurrent: changed2(&self.recurrent, next()),
            bias: changed1(&self.bias, next()),
            query: changed2(&self.query, next()),
            combine: changed2(&self.combine, next()),
            combine_bias: changed1(&self.combine_bias, next()),
            gate: changed2(&self.gate, next()),
            gate_bias: changed1(&self.gate_bias, next()),
            word_bias: changed1(&self.word_bias, next()),
            others: changed2(&self.others, next()),
            other_bias: changed1(&self.other_bias, next()),
        }
    }
}

/// What steps see, `[speeches * steps, …]`.
struct View {
    attention: Tensor<2>,
    word: Tensor<2>,
    gate: Tensor<2>,
}

/// The word that each step but the first reads, `[steps - 1][speeches]`.
fn words_before(speeches: &[Speech], steps: usize) -> Vec<Option<u32>> {
    let step = |step: usize| speeches.iter().map(move |s| s.words.get(step).copied());
    (0..steps - 1).flat_map(step).collect()
}

/// The loss, and the mean of −ln P over words and over what is none.
fn summed(steps: &[Step], spoken: &[f32], vocabulary: usize) -> (f64, [Option<f64>; 2]) {
    let (mut loss, mut sums, mut counts) = (0.0, [0.0; 2], [0u32; 2]);
    for (step, p) in steps.iter().zip(spoken) {
        let likely = step.gate * p + (1.0 - step.gate) * step.copied + LEAST;
        let surprise = -f64::from(likely).ln();
        loss += f64::from(step.weight) * surprise;
        let kind = usize::from(step.target > vocabulary);
        sums[kind] += surprise;
        counts[kind] += 1;
    }
    let mean = |kind: usize| (counts[kind] > 0).then(|| sums[kind] / f64::from(counts[kind]));
    (loss, [mean(0), mean(1)])
}
