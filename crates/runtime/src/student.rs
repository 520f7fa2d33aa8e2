//! The student: embedding, perhaps a teacher's first layers beside it, two LSTMs, additive attention, and a classifier
//! that is a sum over tokens.

use std::sync::OnceLock;

use stillglass_bundle::{Quantized, StudentWeights};
use stillglass_text as text;

use crate::cpu;
use crate::encoder::{self, Encoder};
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

/// A text as a student has read it.
#[derive(Clone, Copy)]
pub(crate) struct Read<'a> {
    /// `[tokens, 2 * hidden]`.
    pub(crate) states: &'a [f32],
    /// Summing to 1, `[tokens]`.
    pub(crate) attention: &'a [f32],
    pub(crate) pass: &'a Pass,
}

/// A student's weights as the CPU reads them, made by the first call, and what its calls share.
#[derive(Debug, Default)]
pub(crate) struct Desk {
    pub(crate) encoder: encoder::Desk,
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
    /// Of a pair, the tokens with those that both texts have told apart.
    ids: Vec<u32>,
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
    /// The token between the two texts of a pair.
    pub(crate) separator: Option<u32>,
    /// What reads the text for it.
    pub(crate) encoder: Option<Encoder<'a>>,
}

/// Whether a GPU gets no such student: it has no kernels for tokens that both texts have, or for layers before a student.
pub(crate) fn stays_on_cpu(weights: &StudentWeights) -> bool {
    !weights.shared.is_empty() || weights.encoder.is_some()
}

impl Student<'_> {
    /// Runs the student over one text's tokens; every id is in the vocabulary. Without an encoder it allocates nothing but
    /// what `take` does, once texts as long have been here and unless they are longer than [`LONGEST_KEPT`].
    ///
    /// The logits always are the sum of the contributions, explained or not, so that asking for an
    /// explanation never changes the answer.
    pub(crate) fn forward<R>(&self, ids: &[u32], take: impl FnOnce(&Pass) -> R) -> R {
        self.read(ids, |read| take(read.pass))
    }

    /// The same, with the states that the answer is made of.
    pub(crate) fn read<R>(&self, ids: &[u32], take: impl FnOnce(Read) -> R) -> R {
        let layers = self.desk.layers.get_or_init(|| Layers::new(self.weights));
        self.desk.memory.with(|memory| {
            memory.run(self, layers, ids);
            let taken = take(Read {
                states: &memory.h,
                attention: &memory.attention,
                pass: &memory.pass,
            });
            if ids.len() > LONGEST_KEPT {
                *memory = Memory::default();
            }
            taken
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
    fn run(&mut self, student: &Student, layers: &Layers, ids: &[u32]) {
        let StudentWeights {
            embedding,
            shared,
            attention,
            classifier,
            ..
        } = student.weights;
        let table = (embedding, shared.as_slice());
        let numbered = if shared.is_empty() {
            ids
        } else {
            // A piece that both texts have is another one to the LSTM: its number is that of the piece, beyond all.
            let beyond = embedding.rows as u32;
            let both = text::shared(ids, student.separator);
            let ids = ids.iter().zip(both);
            self.ids.clear();
            self.ids
                .extend(ids.map(|(id, both)| if both { id + beyond } else { *id }));
            &self.ids
        };
        match &student.encoder {
            None => self.tokens.find(numbered, table, &layers.gates),
            Some(encoder) => {
                let read = (encoder.read(ids), encoder.shape.hidden);
                self.tokens.beside(numbered, table, read, &layers.gates);
            }
        }
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

/// Numbers of a direction's [`Tokens::shares`] beyond which all is forgotten: half a megabyte, or up to one with the
/// room in which a vector grows.
const MOST_SHARES: usize = 1 << 17;

/// Tokens of a text beyond which its memory is not kept.
const LONGEST_KEPT: usize = 4096;

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
    fn find(
        &mut self,
        ids: &[u32],
        (embedding, shared): (&Quantized, &[f32]),
        gates: &[cpu::Gates; 2],
    ) {
        let mut known = self.ids.len();
        let pieces = embedding.rows * if shared.is_empty() { 1 } else { 2 };
        self.place(ids, pieces);
        if known > 0 && self.ids.len() * gates[0].share_len() > MOST_SHARES {
            self.forget();
            known = 0;
            self.place(ids, pieces);
        }
        if shared.is_empty() {
            cpu::embedding(embedding, &self.ids[known..], &mut self.x);
        } else {
            cpu::embedding_with(embedding, shared, &self.ids[known..], &mut self.x);
        }
        for (gates, shares) in gates.iter().zip(&mut self.shares) {
            cpu::share(gates, &self.x, shares);
        }
    }

    /// The places and shares of a text's tokens beside which stands what an encoder has `read`, `[tokens, hidden]`: the same
    /// piece gives something else each time, so that nothing is kept.
    fn beside(
        &mut self,
        ids: &[u32],
        (embedding, shared): (&Quantized, &[f32]),
        (read, hidden): (Vec<f32>, usize),
        gates: &[cpu::Gates; 2],
    ) {
        self.forget();
        self.places.clear();
        self.places.extend(0..ids.len() as u32);
        let (rows, width) = (embedding.rows, embedding.columns);
        let mut x = Vec::with_capacity(ids.len() * (width + hidden));
        for (&id, read) in ids.iter().zip(read.chunks_exact(hidden)) {
            let own = x.len();
            x.extend(embedding.row(id as usize % rows));
            if id as usize >= rows {
                cpu::add(&mut x[own..], shared);
            }
            x.extend_from_slice(read);
        }
        cpu::rounded(&x, width + hidden, &mut self.x);
        for (gates, shares) in gates.iter().zip(&mut self.shares) {
            cpu::share(gates, &self.x, shares);
        }
    }

    /// Forgets all tokens, and gives back what a long text took beyond the limit.
    fn forget(&mut self) {
        self.ids.clear();
        for shares in &mut self.shares {
            shares.clear();
            if shares.capacity() > 2 * MOST_SHARES {
                *shares = Vec::new();
            }
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
        tokens.forget();
        tokens.place(&[0, 3], 4);
        assert_eq!((tokens.ids, tokens.places), (vec![0, 3], vec![0, 1]));
    }

    /// Weights of ones.
    fn ones(rows: usize, columns: usize) -> Quantized {
        Quantized {
            rows,
            columns,
            values: vec![1; rows * columns],
            scales: vec![1.0; rows],
        }
    }

    #[test]
    fn what_is_kept_has_a_bound_and_a_long_text_is_not_kept() {
        const UNITS: usize = 64;
        let direction = stillglass_bundle::Direction {
            input: ones(4 * UNITS, 4),
            recurrent: ones(4 * UNITS, UNITS),
            bias: vec![0.0; 4 * UNITS],
        };
        let gates = [&direction, &direction].map(cpu::gates);
        let most = MOST_SHARES / gates[0].share_len();
        let table = ones(3 * most, 4);
        let mut tokens = Tokens::default();
        let long: Vec<u32> = (0..3 * most as u32).collect();
        let short = long.chunks(100).chain([&long[..]]).chain(long.chunks(7));
        let mut forgotten = 0;
        for ids in short {
            let known = tokens.ids.len();
            tokens.find(ids, (&table, &[]), &gates);
            forgotten += usize::from(tokens.ids.len() < known);
            let all = tokens.ids.len() * gates[0].share_len();
            assert!(tokens.shares.iter().all(|shares| shares.len() == all));
            assert!(all <= MOST_SHARES || tokens.ids.len() == ids.len());
        }
        assert!(forgotten > 4, "{forgotten}");
        assert!(
            tokens
                .shares
                .iter()
                .all(|shares| shares.capacity() <= 2 * MOST_SHARES)
        );
    }
}
