//! Integrated gradients (Sundararajan et al. 2017) of a teacher, summed to words.

mod slices;
mod tensors;

use anyhow::Result;
use stillglass_runtime::gauss_legendre;
use stillglass_text::Word;

use crate::recipe::Target;
use crate::teacher::{Encoded, Frozen, Network};

/// Smallest difference that completeness errors are measured against.
const SMALLEST_CHANGE: f32 = 1e-3;

/// Why the teacher decided as it did, for every class.
#[derive(Debug, Clone, PartialEq)]
pub struct Attribution {
    /// Logits of the text, one a class.
    pub logits: Vec<f32>,
    /// Contribution of each word to each class, `[classes][words]`; words beyond the last that the teacher read are
    /// left out, and those of a pair's first text that it did not read gave 0, see [`was_read`].
    pub words: Vec<Vec<f32>>,
    /// What special tokens contribute, one a class.
    pub remainder: Vec<f32>,
    /// `|Σφ − (F(x) − F(b))| / max(|F(x) − F(b)|, ε)`, one a class.
    pub completeness_error: Vec<f32>,
}

impl Attribution {
    /// The mean of several teachers', which explains the mean of their logits: attributions are linear in what they
    /// explain. None of none.
    pub fn mean(all: &[&Self]) -> Option<Self> {
        let first = all.first()?;
        let mean = |of: &dyn Fn(&Self) -> &[f32]| {
            let rows: Vec<&[f32]> = all.iter().map(|one| of(one)).collect();
            mean(rows.into_iter())
        };
        let words = 0..first.words.len();
        Some(Self {
            logits: mean(&|one| &one.logits),
            words: words.map(|class| mean(&|one| &one.words[class])).collect(),
            remainder: mean(&|one| &one.remainder),
            completeness_error: mean(&|one| &one.completeness_error),
        })
    }
}

/// The place among all of a text's words, as an attribution numbers them, of the one that begins at a byte.
pub(crate) fn place_of(words: &[Word], start: usize) -> usize {
    words.partition_point(|word| word.bytes.start < start)
}

/// Whether the teacher read a word of which an attribution has `[classes][words]`: one that it did not read gave
/// exactly 0 to every class.
pub(crate) fn was_read(words: &[Vec<f32>], word: usize) -> bool {
    let gave = |class: &Vec<f32>| class.get(word).is_some_and(|value| *value != 0.0);
    words.iter().any(gave)
}

/// The mean of rows of equal length, column by column; of no rows, none.
pub(crate) fn mean<'r>(rows: impl Iterator<Item = &'r [f32]>) -> Vec<f32> {
    let (mut sums, mut count): (Vec<f64>, usize) = (Vec::new(), 0);
    for row in rows {
        sums.resize(row.len(), 0.0);
        for (sum, value) in sums.iter_mut().zip(row) {
            *sum += f64::from(*value);
        }
        count += 1;
    }
    let mean = |sum: f64| (sum / count as f64) as f32;
    sums.into_iter().map(mean).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_of_teachers_explains_their_mean_logits() {
        // Two words and a remainder give the centred logits, whoever gives them.
        let of = |words: [[f32; 2]; 2], remainder: [f32; 2]| Attribution {
            logits: (0..2)
                .map(|class| words[class].iter().sum::<f32>() + remainder[class])
                .collect(),
            words: words.map(Vec::from).to_vec(),
            remainder: remainder.to_vec(),
            completeness_error: vec![0.0; 2],
        };
        let (first, second) = (
            of([[1.0, 2.0], [-1.0, -2.0]], [0.5, -0.5]),
            of([[-3.0, 1.0], [3.0, -1.0]], [0.0, 0.0]),
        );
        let found = Attribution::mean(&[&first, &second]).unwrap();
        assert_eq!(found, of([[-1.0, 1.5], [1.0, -1.5]], [0.25, -0.25]));
        assert_eq!(Attribution::mean(&[&first]), Some(first));
        assert_eq!(Attribution::mean(&[]), None);
    }
}
