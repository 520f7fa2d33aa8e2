//! The student: embedding, two LSTMs, additive attention, and a classifier that is a sum over tokens.

use std::sync::OnceLock;

use stillglass_bundle::StudentWeights;

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
    distinct: Distinct,
    x: cpu::Int16,
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
        self.distinct.find(ids, embedding.rows);
        cpu::embedding(embedding, &self.distinct.ids, &mut self.x);
        cpu::bilstm(
            &layers.gates,
            &self.x,
            &self.distinct.places,
            &mut self.lstm,
            &mut self.h,
        );
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

/// The different tokens of a text: what their embeddings give to the gates is computed once.
#[derive(Debug, Default)]
struct Distinct {
    /// In the order in which they first stand in the text.
    ids: Vec<u32>,
    /// For each token of the text, its place in `ids`.
    places: Vec<u32>,
    /// For each piece of the vocabulary a place in `ids`, valid if that is where the piece is: never
    /// cleared (Briggs & Torczon 1993).
    guesses: Vec<u32>,
}

impl Distinct {
    fn find(&mut self, ids: &[u32], vocabulary: usize) {
        let Self {
            ids: found,
            places,
            guesses,
        } = self;
        found.clear();
        places.clear();
        guesses.resize(vocabulary, 0);
        for &id in ids {
            let guess = &mut guesses[id as usize];
            if found.get(*guess as usize) != Some(&id) {
                *guess = found.len() as u32;
                found.push(id);
            }
            places.push(*guess);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_token_is_found_once_whatever_was_looked_at_before() {
        let mut distinct = Distinct::default();
        for (ids, want, places) in [
            (vec![3, 1, 3, 0, 1], vec![3, 1, 0], vec![0, 1, 0, 2, 1]),
            (vec![], vec![], vec![]),
            (vec![1, 0, 2, 2], vec![1, 0, 2], vec![0, 1, 2, 2]),
        ] {
            distinct.find(&ids, 4);
            assert_eq!((&distinct.ids, &distinct.places), (&want, &places));
        }
    }
}
