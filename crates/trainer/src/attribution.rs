//! Integrated gradients (Sundararajan et al. 2017) of a teacher, summed to words.

mod slices;
mod tensors;

use anyhow::Result;
use stillglass_runtime::gauss_legendre;

use crate::recipe::Target;
use crate::teacher::{Encoded, Frozen, Network};

/// Smallest difference that completeness errors are measured against.
const SMALLEST_CHANGE: f32 = 1e-3;

/// Why the teacher decided as it did, for every class.
#[derive(Debug, Clone, PartialEq)]
pub struct Attribution {
    /// Logits of the text, one a class.
    pub logits: Vec<f32>,
    /// Contribution of each word to each class, `[classes][words]`; words beyond the length limit,
    /// which the teacher did not read, are left out.
    pub words: Vec<Vec<f32>>,
    /// What special tokens contribute, one a class.
    pub remainder: Vec<f32>,
    /// `|Σφ − (F(x) − F(b))| / max(|F(x) − F(b)|, ε)`, one a class.
    pub completeness_error: Vec<f32>,
}

/// A teacher prepared for attribution: frozen, so that no weight gradient is ever computed.
pub struct Explainer<'a> {
    frozen: &'a Frozen<'a>,
    nodes: Vec<(f64, f64)>,
    target: Target,
    sequences: usize,
    specials: (u32, u32),
}

/// What a text's path gave, before tokens are summed to words.
struct Found {
    /// Logits of the text.
    logits: Vec<f32>,
    /// By how much the path changes each class's outcome.
    change: Vec<f32>,
    /// Contribution of each token, `[classes - 1][tokens]`; padding may follow.
    tokens: Vec<Vec<f32>>,
}

impl<'a> Explainer<'a> {
    /// Integrates over `nodes` Gauss–Legendre nodes, on a device with about `sequences` texts (each
    /// counted once a node and class) in memory at a time.
    pub fn new(
        frozen: &'a Frozen<'a>,
        nodes: usize,
        target: Target,
        sequences: usize,
    ) -> Result<Self> {
        Ok(Self {
            frozen,
            nodes: gauss_legendre(nodes),
            target,
            sequences,
            specials: frozen.teacher.tokenizer.special()?,
        })
    }

    /// Texts that [`Explainer::explain`] takes at a time; one at least.
    pub fn batch(&self) -> usize {
        match self.frozen.network {
            Network::Slices(_) => slices::TEXTS_TOGETHER,
            Network::Tensors(_) => {
                let explained = (self.frozen.teacher.config.labels.len() - 1).max(1);
                (self.sequences / (self.nodes.len() * explained)).max(1)
            }
        }
    }

    /// Explains a batch of encoded texts; `words[i]` is the number of words that were read of text `i`.
    ///
    /// The baseline keeps the first and last special token and has the padding token's embedding in
    /// between. Contributions of all classes sum to zero for both targets, so the last class is what
    /// the others leave.
    pub fn explain(&self, texts: &[&Encoded], words: &[usize]) -> Result<Vec<Attribution>> {
        let found = match &self.frozen.network {
            Network::Slices(slices) => slices::explain(self, slices, texts),
            Network::Tensors(encoder) => tensors::explain(self, encoder, texts)?,
        };
        let texts = texts.iter().zip(words).zip(found);
        Ok(texts
            .map(|((text, &words), found)| found.by_word(text, words))
            .collect())
    }

    /// First and last special token with padding tokens in between.
    fn baseline(&self, ids: &[u32]) -> Vec<u32> {
        ids.iter()
            .map(|&id| {
                let special = id == self.specials.0 || id == self.specials.1;
                if special {
                    id
                } else {
                    self.frozen.teacher.config.padding
                }
            })
            .collect()
    }
}

impl Found {
    /// Sums tokens to words and completes the last class.
    fn by_word(self, text: &Encoded, words: usize) -> Attribution {
        let classes = self.change.len();
        let mut by_word = vec![vec![0f32; words]; classes];
        let mut remainder = vec![0f32; classes];
        for (class, tokens) in self.tokens.iter().enumerate() {
            for (&owner, &value) in text.words.iter().zip(tokens) {
                let slot = owner.and_then(|word| by_word[class].get_mut(word));
                *slot.unwrap_or(&mut remainder[class]) += value;
            }
        }
        let last = classes - 1;
        let others = by_word[..last]
            .iter()
            .fold(vec![0f32; words], |mut sums, class| {
                sums.iter_mut()
                    .zip(class)
                    .for_each(|(sum, value)| *sum += value);
                sums
            });
        by_word[last] = others.into_iter().map(|sum| -sum).collect();
        remainder[last] = -remainder[..last].iter().sum::<f32>();
        let completeness_error = (0..classes)
            .map(|class| {
                let total = by_word[class].iter().sum::<f32>() + remainder[class];
                let change = self.change[class];
                (total - change).abs() / change.abs().max(SMALLEST_CHANGE)
            })
            .collect();
        Attribution {
            logits: self.logits,
            words: by_word,
            remainder,
            completeness_error,
        }
    }
}
