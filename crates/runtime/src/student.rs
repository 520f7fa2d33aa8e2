//! The student: embedding, two LSTMs, additive attention, and a classifier that is a sum over tokens.

use std::sync::OnceLock;

use stillglass_bundle::{Quantized, StudentWeights};

use crate::cpu;
use crate::explanation::column_sum;
use crate::pool::Pool;

/// What one text's tokens gave.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pass {
    /// φ: `[tokens, classes]`.
    pub contributions: Vec<f32>,
    /// z = b + Σ φ: `[classes]`.
    pub logits: Vec<f32>,
}

/// A student's weights as the CPU reads them, made by the first call, and what its calls share.
#[derive(Debug, Default)]
pub(crate) struct Desk {
    layers: OnceLock<Layers>,
    memory: Pool<Memory>,
}

#[derive(Debug)]
struct Layers {
    gates: [cpu::Gates; 2],
    projection: cpu::Panels,
}

/// What a pass works in.
#[derive(Debug, Default)]
struct Memory {
    tokens: Tokens,
    lstm: cpu::LstmMemory,
    /// `[time, 2 * hidden]`.
    h: Vec<f32>,
    scores: cpu::AttentionMemory,
    /// `[time]`.
    attention: Vec<f32>,
    pass: Pass,
}

/// A student and its desk.
#[derive(Clone, Copy)]
pub(crate) struct Student<'a> {
    pub(crate) weights: &'a StudentWeights,
    pub(crate) desk: &'a Desk,
}

impl Student<'_> {
    /// Runs the student over one text's tokens; every id is in the vocabulary. Allocates nothing but what
    /// `take` does, once texts as long have been here.
    ///
    /// The logits always are the sum of the contributions, explained or not, so that asking for an
    /// explanation never changes the answer.
    pub(crate) fn forward<R>(&self, ids: &[u32], take: impl FnOnce(&Pass) -> R) -> R {
        let layers = self.desk.layers.get_or_init(|| Layers::new(self.weights));
        self.desk.memory.with(|memory| {
            memory.run(self.weights, layers, ids);
            take(&memory.pass)
        })
    }
}

impl Layers {
    fn new(weights: &StudentWeights) -> Self {
        Self {
            gates: [&weights.forward, &weights.backward].map(cpu::gates),
            projection: cpu::panels(&weights.attention.projection),
        }
    }
}

impl Memory {
    fn run(&mut self, weights: &StudentWeights, layers: &Layers, ids: &[u32]) {
        let StudentWeights {
            embedding,
            attention,
            classifier,
            ..
        } = weights;
        self.tokens.find(ids, embedding, &layers.gates);
        let Tokens { shares, places, .. } = &self.tokens;
        cpu::bilstm(&layers.gates, shares, places, &mut self.lstm, &mut self.h);
        cpu::attention(
            &layers.projection,
            attention,
            &self.h,
            &mut self.scores,
            &mut self.attention,
        );
        let Pass {
            contributions,
            logits,
        } = &mut self.pass;
        cpu::contributions(&classifier.weight, &self.attention, &self.h, contributions);
        let bias = classifier.bias.iter().enumerate();
        logits.clear();
        logits.extend(bias.map(|(class, bias)| {
            column_sum(contributions, &(0..ids.len()), (class, classifier.rows)) + bias
        }));
    }
}

/// Bytes of [`Tokens::shares`] beyond which all is forgotten before the next text.
const MOST_BYTES: usize = 2 << 20;

/// The different tokens of the last texts, and what each gives to the gates: a word that comes again, as most
/// do in a text that is being written, is not multiplied with the weights again.
#[derive(Debug, Default)]
struct Tokens {
    /// In the order in which they came.
    ids: Vec<u32>,
    /// For each direction, `[ids, share]`.
    shares: [Vec<f32>; 2],
    /// For each token of the text at hand, its place in `ids`.
    places: Vec<u32>,
    /// For each piece of the vocabulary a place in `ids`, valid if that is where the piece is: never
    /// cleared (Briggs & Torczon 1993).
    guesses: Vec<u32>,
    /// Of those that are new.
    x: cpu::Int16,
}

impl Tokens {
    /// Finds the places of a text's tokens, and the shares of those that are new.
    fn find(&mut self, ids: &[u32], embedding: &Quantized, gates: &[cpu::Gates; 2]) {
        let bytes: usize = self.shares.iter().map(|s| s.len() * size_of::<f32>()).sum();
        if bytes > MOST_BYTES {
            self.ids.clear();
            self.shares.iter_mut().for_each(Vec::clear);
        }
        let known = self.ids.len();
        self.place(ids, embedding.rows);
        cpu::embedding(embedding, &self.ids[known..], &mut self.x);
        for (gates, shares) in gates.iter().zip(&mut self.shares) {
            cpu::share(gates, &self.x, shares);
        }
    }

    fn place(&mut self, ids: &[u32], vocabulary: usize) {
        self.places.clear();
        self.guesses.resize(vocabulary, 0);
        for &id in ids {
            let guess = &mut self.guesses[id as usize];
            if self.ids.get(*guess as usize) != Some(&id) {
                *guess = self.ids.len() as u32;
                self.ids.push(id);
            }
            self.places.push(*guess);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_token_is_placed_once_also_after_all_was_forgotten() {
        let mut tokens = Tokens::default();
        for (ids, want, places) in [
            (vec![3, 1, 3, 0, 1], vec![3, 1, 0], vec![0, 1, 0, 2, 1]),
            (vec![], vec![3, 1, 0], vec![]),
            (vec![1, 2, 2, 3], vec![3, 1, 0, 2], vec![1, 3, 3, 0]),
        ] {
            tokens.place(&ids, 4);
            assert_eq!((&tokens.ids, &tokens.places), (&want, &places));
        }
        tokens.ids.clear();
        tokens.place(&[0, 3], 4);
        assert_eq!((tokens.ids, tokens.places), (vec![0, 3], vec![0, 1]));
    }
}
