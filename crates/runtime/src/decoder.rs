//! The decoder: writes a student's reason, word by word, from the states it has read the text to.
//!
//! Each step knows the words so far by an LSTM, looks for what it needs among the text's states, and then says a
//! word of the vocabulary or copies one of the text, by a gate (See et al. 2017).

use std::ops::ControlFlow;
use std::sync::OnceLock;

use stillglass_bundle::{DecoderWeights, Dense, Quantized};

use crate::cpu::{self, Gates, Int16, LstmMemory, Prepared};
use crate::student::Read;

/// A decoder's weights as the CPU reads them, made by the first call.
#[derive(Debug, Default)]
pub(crate) struct Desk(OnceLock<Layers>);

#[derive(Debug)]
struct Layers {
    start: Prepared,
    gates: Gates,
    query: Prepared,
    combine: Prepared,
    words: Prepared,
}

/// A decoder and its desk.
#[derive(Clone, Copy)]
pub(crate) struct Decoder<'a> {
    pub(crate) weights: &'a DecoderWeights,
    /// The student's, `[V, E]`: what words are read with, and what they are said by.
    pub(crate) embedding: &'a Quantized,
    pub(crate) desk: &'a Desk,
    /// Most tokens of a reason.
    pub(crate) most: usize,
    /// Tokens that no reason has.
    pub(crate) unsayable: [Option<u32>; 2],
}

/// One token of a reason.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Said {
    pub(crate) id: u32,
    /// Its probability after the words before it.
    pub(crate) probability: f32,
    /// How much of that was copied from the text, 0 to 1.
    pub(crate) copied: f32,
    /// Where in the text it looked, summing to 1: `[tokens]`.
    pub(crate) attention: Vec<f32>,
}

/// A reason that is being written.
#[derive(Clone, Debug, Default)]
struct Draft {
    said: Vec<Said>,
    /// Σ of the logarithms of the probabilities, that of the end included.
    score: f64,
    ended: bool,
    lstm: LstmMemory,
    /// Of the LSTM, `[hidden]`.
    state: Vec<f32>,
}

/// What may come next, and what it would be said from.
struct Next {
    /// `[V + 1]`, the end last.
    probabilities: Vec<f32>,
    attention: Vec<f32>,
    /// How much is said rather than copied.
    gate: f32,
    /// Of the words of the vocabulary alone, `[V + 1]`.
    spoken: Vec<f32>,
}

impl Decoder<'_> {
    /// The likeliest reason for what was `read`, the text's tokens being `ids`, among the `beams` likeliest at every
    /// length, each by the mean of its logarithms (Wu et al. 2016 with α = 1). With one beam `each` is told every
    /// token as it comes, and may break it off.
    pub(crate) fn write(
        &self,
        ids: &[u32],
        read: Read,
        prefix: usize,
        beams: usize,
        each: &mut dyn FnMut(&Said) -> ControlFlow<()>,
    ) -> Vec<Said> {
        let layers = self.desk.0.get_or_init(|| self.layers());
        let mut drafts = vec![self.begin(layers, read, prefix)];
        for _ in 0..self.most {
            drafts = self.lengthen(layers, ids, read.states, &drafts, beams);
            let newest = drafts[0].said.last().filter(|_| !drafts[0].ended);
            if beams <= 1 && newest.is_some_and(|said| each(said).is_break()) {
                break;
            }
            if drafts.iter().all(|draft| draft.ended) {
                break;
            }
        }
        let best = drafts.into_iter().reduce(|best, draft| {
            if draft.mean() > best.mean() {
                draft
            } else {
                best
            }
        });
        best.map_or_else(Vec::new, |draft| draft.said)
    }

    fn layers(&self) -> Layers {
        let prepared = |matrix: &Quantized| Prepared::Int8(cpu::panels(matrix));
        Layers {
            start: prepared(&self.weights.start),
            gates: cpu::gates(&self.weights.lstm),
            query: prepared(&self.weights.query),
            combine: prepared(&self.weights.combine),
            words: prepared(self.embedding),
        }
    }

    /// Before the first word: the LSTM has read the attended state and the prefix.
    fn begin(&self, layers: &Layers, read: Read, prefix: usize) -> Draft {
        let width = self.embedding.columns;
        let pooled = weighted(read.states, read.attention, self.weights.query.rows);
        let prefix = &self.weights.prefix[prefix * width..][..width];
        let first = cpu::linear(&layers.start, prefix, &pooled);
        let mut draft = Draft::default();
        draft.lstm.begin(&layers.gates);
        draft.state = vec![0.0; layers.gates.hidden()];
        let mut x = Int16::default();
        cpu::rounded(&first, width, &mut x);
        draft.step(&layers.gates, &x);
        draft
    }

    /// The likeliest drafts that are a token longer, and those that have ended.
    fn lengthen(
        &self,
        layers: &Layers,
        ids: &[u32],
        states: &[f32],
        drafts: &[Draft],
        beams: usize,
    ) -> Vec<Draft> {
        // The best so far, in falling order: their score, whose they are, and the token.
        let mut candidates: Vec<(f64, usize, usize)> = Vec::with_capacity(beams + 1);
        let mut consider = |candidate: (f64, usize, usize)| {
            let place = candidates.partition_point(|other| other.0 >= candidate.0);
            candidates.insert(place, candidate);
            candidates.truncate(beams);
        };
        let nexts: Vec<Option<Next>> = drafts
            .iter()
            .map(|draft| (!draft.ended).then(|| self.next(layers, ids, states, &draft.state)))
            .collect();
        for (of, (draft, next)) in drafts.iter().zip(&nexts).enumerate() {
            match next {
                None => consider((draft.mean(), of, usize::MAX)),
                Some(next) => {
                    let length = (draft.said.len() + 1) as f64;
                    let likely = largest(&next.probabilities, beams).into_iter();
                    for token in likely.filter(|token| next.probabilities[*token] > 0.0) {
                        let score = draft.score + log(next.probabilities[token]);
                        consider((score / length, of, token));
                    }
                }
            }
        }
        let longer = candidates.into_iter().map(|(_, of, token)| {
            let mut draft = drafts[of].clone();
            if let Some(next) = &nexts[of] {
                self.say(layers, next, token, &mut draft);
            }
            draft
        });
        longer.collect()
    }

    /// Adds a token, or ends.
    fn say(&self, layers: &Layers, next: &Next, token: usize, draft: &mut Draft) {
        let probability = next.probabilities[token];
        draft.score += log(probability);
        if token == self.embedding.rows {
            draft.ended = true;
            return;
        }
        let spoken = next.gate * next.spoken[token];
        draft.said.push(Said {
            id: token as u32,
            probability,
            copied: (1.0 - spoken / probability.max(f32::MIN_POSITIVE)).clamp(0.0, 1.0),
            attention: next.attention.clone(),
        });
        let mut x = Int16::default();
        cpu::embedding(self.embedding, &[token as u32], &mut x);
        draft.step(&layers.gates, &x);
    }

    /// What may follow, given the LSTM's state.
    fn next(&self, layers: &Layers, ids: &[u32], states: &[f32], state: &[f32]) -> Next {
        let weights = self.weights;
        let wide = weights.query.rows;
        let query = cpu::linear(&layers.query, &vec![0.0; wide], state);
        let attention = cpu::softmax(&cpu::products(states, &query));
        let found = weighted(states, &attention, wide);
        let both = [state, &found].concat();
        let mut word = cpu::linear(&layers.combine, &weights.combine_bias, &both);
        cpu::tanh(&mut word);
        let mut logits = cpu::linear(&layers.words, &weights.word_bias, &word);
        logits.extend(cpu::classifier(&weights.end, &word));
        let spoken = cpu::softmax(&logits);
        let gate = gate(&weights.gate, &both, ids);
        let mut probabilities: Vec<f32> = spoken.iter().map(|p| gate * p).collect();
        for (&id, share) in ids.iter().zip(&attention) {
            probabilities[id as usize] += (1.0 - gate) * share;
        }
        for id in self.unsayable.into_iter().flatten() {
            probabilities[id as usize] = 0.0;
        }
        if probabilities.iter().all(|p| *p <= 0.0) {
            // Nothing can be said: that is the end.
            probabilities[self.embedding.rows] = 1.0;
        }
        Next {
            probabilities,
            attention,
            gate,
            spoken,
        }
    }
}

/// How much is said rather than copied; all of it where there is nothing to copy.
fn gate(weights: &Dense, both: &[f32], ids: &[u32]) -> f32 {
    if ids.is_empty() {
        return 1.0;
    }
    let mut gate = cpu::classifier(weights, both);
    cpu::sigmoid(&mut gate);
    gate[0]
}

impl Draft {
    /// One step of the LSTM by one row.
    fn step(&mut self, gates: &Gates, x: &Int16) {
        let mut share = Vec::with_capacity(gates.share_len());
        cpu::share(gates, x, &mut share);
        cpu::lstm_step(gates, &share, &mut self.lstm, &mut self.state);
    }

    /// Its score by token, that of the end included.
    fn mean(&self) -> f64 {
        let tokens = self.said.len() + usize::from(self.ended);
        self.score / tokens.max(1) as f64
    }
}

/// Σ weight · row of `rows: [time, columns]`.
fn weighted(rows: &[f32], weights: &[f32], columns: usize) -> Vec<f32> {
    let mut sum = vec![0.0; columns];
    for (row, weight) in rows.chunks_exact(columns).zip(weights) {
        for (sum, value) in sum.iter_mut().zip(row) {
            *sum += weight * value;
        }
    }
    sum
}

/// Where the `count` largest values are, in falling order; the first of equals first.
fn largest(values: &[f32], count: usize) -> Vec<usize> {
    let mut found: Vec<usize> = Vec::with_capacity(count + 1);
    for (index, value) in values.iter().enumerate() {
        let full = found.len() == count;
        if full && found.last().is_none_or(|&least| values[least] >= *value) {
            continue;
        }
        let place = found.partition_point(|&other| values[other] >= *value);
        found.insert(place, index);
        found.truncate(count);
    }
    found
}

/// Of a probability; far below any other where it is 0.
fn log(probability: f32) -> f64 {
    f64::from(probability.max(f32::MIN_POSITIVE)).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_come_in_falling_order_the_first_of_equals_first() {
        assert_eq!(largest(&[0.1, 0.5, 0.2, 0.5, 0.0], 3), [1, 3, 2]);
        assert_eq!(largest(&[0.1, 0.2], 5), [1, 0]);
        assert!(largest(&[], 2).is_empty());
    }
}
