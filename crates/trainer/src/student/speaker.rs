//! A decoder at work on one text at a time, on plain numbers: what is measured of reasons while a student is trained,
//! and the twin of what the runtime does with its integers.

use rayon::prelude::*;

use super::decoder::{Decoder, Last};
use super::{Student, StudentBatch, values};
use crate::metrics::argmax;
use crate::teacher::floats_of;
use crate::training::by_length;
use stillglass_kernels::lstm::Gate;

/// Texts read at a time.
const BATCH: usize = 256;

/// A decoder's numbers, as [`Decoder`] has them.
#[derive(Debug)]
pub struct Speaker {
    /// `[vocabulary, width]`.
    table: Vec<f32>,
    start: Vec<f32>,
    prefix: Vec<f32>,
    input: Vec<f32>,
    recurrent: Vec<f32>,
    bias: Vec<f32>,
    query: Vec<f32>,
    combine: Vec<f32>,
    combine_bias: Vec<f32>,
    gate: Vec<f32>,
    gate_bias: f32,
    word_bias: Vec<f32>,
    others: Vec<f32>,
    other_bias: Vec<f32>,
    /// Pieces that no reason has.
    unsayable: Vec<u32>,
}

/// A text as the student has read it.
#[derive(Debug, Clone, Default)]
pub struct Heard {
    /// Its tokens.
    pub ids: Vec<u32>,
    /// `[tokens, 2 * hidden]`.
    pub states: Vec<f32>,
    /// `[tokens]`.
    pub attention: Vec<f32>,
    /// The student's logits.
    pub logits: Vec<f32>,
}

/// Where the decoder is in a reason.
#[derive(Debug, Clone)]
pub struct Place {
    cell: Vec<f32>,
    state: Vec<f32>,
}

/// What may follow.
#[derive(Debug, Clone)]
pub struct Following {
    /// Of each piece, then of the end and of each answer.
    pub probabilities: Vec<f32>,
    pieces: usize,
}

impl Following {
    /// How likely this word is.
    pub fn of(&self, word: u32) -> f32 {
        self.probabilities[word as usize]
    }

    /// How likely it is to go on so.
    pub fn of_last(&self, last: Last) -> f32 {
        self.probabilities[self.pieces + last.row()]
    }

    /// The answers alone.
    pub fn answers(&self) -> &[f32] {
        &self.probabilities[self.pieces + 1..]
    }
}

impl Student {
    /// What the student makes of texts, in order.
    pub fn hear(&self, rows: &[Vec<u32>]) -> anyhow::Result<Vec<Heard>> {
        let lengths: Vec<usize> = rows.iter().map(Vec::len).collect();
        let mut all = vec![Heard::default(); rows.len()];
        for indices in by_length(&lengths, BATCH) {
            let ids: Vec<&[u32]> = indices.iter().map(|&row| rows[row].as_slice()).collect();
            let output = self.forward(&StudentBatch::new(&ids));
            let ([texts, time], [_, wide]) = (output.weights.dims(), output.states.dims());
            let [_, classes] = output.logits.dims();
            let states = floats_of(output.states)?;
            let attention = floats_of(output.weights)?;
            let logits = floats_of(output.logits)?;
            for (column, &row) in indices.iter().enumerate() {
                let tokens = rows[row].len();
                let state = |t: usize| &states[(t * texts + column) * wide..][..wide];
                all[row] = Heard {
                    ids: rows[row].clone(),
                    states: (0..tokens).flat_map(state).copied().collect(),
                    attention: attention[column * time..][..tokens].to_vec(),
                    logits: logits[column * classes..][..classes].to_vec(),
                };
            }
        }
        Ok(all)
    }

    /// The decoder, ready to speak without the pieces that are `unsayable`; none where there is none.
    pub fn speaker(&self, unsayable: Vec<u32>) -> Option<Speaker> {
        let decoder: &Decoder = self.decoder.as_ref()?;
        let mut parameters = decoder.parameters().into_iter();
        let mut next = || parameters.next().unwrap_or_default();
        Some(Speaker {
            table: values(&self.embedding),
            start: next(),
            prefix: next(),
            input: next(),
            recurrent: next(),
            bias: next(),
            query: next(),
            combine: next(),
            combine_bias: next(),
            gate: next(),
            gate_bias: next()[0],
            word_bias: next(),
            others: next(),
            other_bias: next(),
            unsayable,
        })
    }
}

impl Speaker {
    /// Before the first word of a reason for what was heard.
    pub fn begin(&self, heard: &Heard, prefix: usize) -> Place {
        let width = self.combine_bias.len();
        let wide = self.start.len() / width;
        let pooled = weighted(&heard.states, &heard.attention, wide);
        let mut first = self.prefix[prefix * width..][..width].to_vec();
        add(&pooled, &self.start, &mut first);
        let units = self.bias.len() / 4;
        let mut place = Place {
            cell: vec![0.0; units],
            state: vec![0.0; units],
        };
        self.step(&mut place, &first);
        place
    }

    /// After one more word.
    pub fn hear(&self, place: &mut Place, word: u32) {
        let width = self.combine_bias.len();
        self.step(place, &self.table[word as usize * width..][..width]);
    }

    fn step(&self, place: &mut Place, x: &[f32]) {
        let units = place.cell.len();
        let mut gates = self.bias.clone();
        add(x, &self.input, &mut gates);
        add(&place.state, &self.recurrent, &mut gates);
        let sigmoid = |x: f32| 1.0 / (1.0 + (-x).exp());
        let cells = place.cell.iter_mut().zip(&mut place.state);
        for (unit, (cell, state)) in cells.enumerate() {
            let [i, f, g, o] = Gate::ALL.map(|gate| gates[gate.rows(units)][unit]);
            *cell = sigmoid(f) * *cell + sigmoid(i) * g.tanh();
            *state = sigmoid(o) * cell.tanh();
        }
    }

    /// What may follow.
    pub fn following(&self, heard: &Heard, place: &Place) -> Following {
        let width = self.combine_bias.len();
        let wide = self.start.len() / width;
        let mut query = vec![0.0; wide];
        add(&place.state, &self.query, &mut query);
        let mut attention: Vec<f32> = heard.states.chunks(wide).map(|h| dot(h, &query)).collect();
        softmax(&mut attention);
        let found = weighted(&heard.states, &attention, wide);
        let both = [place.state.as_slice(), &found].concat();
        let mut word = self.combine_bias.clone();
        add(&both, &self.combine, &mut word);
        for value in &mut word {
            *value = value.tanh();
        }
        let pieces = self.word_bias.len();
        let rows = self.table.chunks(width).chain(self.others.chunks(width));
        let biases = self.word_bias.iter().chain(&self.other_bias);
        let mut probabilities: Vec<f32> = rows
            .zip(biases)
            .map(|(row, b)| dot(row, &word) + b)
            .collect();
        softmax(&mut probabilities);
        if !heard.ids.is_empty() {
            let gate = 1.0 / (1.0 + (-(dot(&both, &self.gate) + self.gate_bias)).exp());
            for p in &mut probabilities {
                *p *= gate;
            }
            for (&id, share) in heard.ids.iter().zip(&attention) {
                probabilities[id as usize] += (1.0 - gate) * share;
            }
        }
        Following {
            probabilities,
            pieces,
        }
    }

    /// The words that are likeliest one by one, at most `most`, and what they end with: the end, an answer, or
    /// nothing where there is no room for it.
    pub fn write(&self, heard: &Heard, prefix: usize, most: usize) -> (Vec<u32>, Option<Last>) {
        let mut place = self.begin(heard, prefix);
        let mut words = Vec::new();
        while words.len() < most {
            let Following {
                mut probabilities,
                pieces,
            } = self.following(heard, &place);
            for &id in &self.unsayable {
                probabilities[id as usize] = 0.0;
            }
            let best = argmax(&probabilities);
            match best.checked_sub(pieces) {
                None => words.push(best as u32),
                Some(0) => return (words, Some(Last::End)),
                Some(answer) => return (words, Some(Last::Answer(answer - 1))),
            }
            self.hear(&mut place, best as u32);
        }
        (words, None)
    }

    /// What may follow after these words.
    pub fn after(&self, heard: &Heard, prefix: usize, words: &[u32]) -> Following {
        let mut place = self.begin(heard, prefix);
        for &word in words {
            self.hear(&mut place, word);
        }
        self.following(heard, &place)
    }

    /// −ln P of each word and of the end, after those before it.
    pub fn surprise(&self, heard: &Heard, prefix: usize, words: &[u32], last: Last) -> Vec<f64> {
        let mut place = self.begin(heard, prefix);
        let ln = |p: f32| -f64::from(p.max(super::wording::LEAST)).ln();
        let mut all = Vec::with_capacity(words.len() + 1);
        for &word in words {
            all.push(ln(self.following(heard, &place).of(word)));
            self.hear(&mut place, word);
        }
        all.push(ln(self.following(heard, &place).of_last(last)));
        all
    }

    /// [`Speaker::write`] for many, on all threads.
    pub fn write_all(
        &self,
        heard: &[Heard],
        prefix: impl Fn(&Heard) -> usize + Sync,
        most: usize,
    ) -> Vec<(Vec<u32>, Option<Last>)> {
        let write = |heard: &Heard| self.write(heard, prefix(heard), most);
        heard.par_iter().map(write).collect()
    }
}

/// `out += x W` for `W: [inputs][outputs]`.
fn add(x: &[f32], weights: &[f32], out: &mut [f32]) {
    for (x, row) in x.iter().zip(weights.chunks_exact(out.len())) {
        for (out, weight) in out.iter_mut().zip(row) {
            *out += x * weight;
        }
    }
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0; 8];
    for (a, b) in a.chunks(8).zip(b.chunks(8)) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * b;
        }
    }
    sums.iter().sum()
}

fn weighted(rows: &[f32], weights: &[f32], columns: usize) -> Vec<f32> {
    let mut sum = vec![0.0; columns];
    for (row, weight) in rows.chunks_exact(columns).zip(weights) {
        sum.iter_mut()
            .zip(row)
            .for_each(|(sum, value)| *sum += weight * value);
    }
    sum
}

fn softmax(values: &mut [f32]) {
    stillglass_kernels::softmax::softmax(stillglass_kernels::Cpu::detect(), values, values.len());
}
