//! What each word gave to each class.

use std::ops::Range;

use stillglass_text::Word;

/// Whether, and how, to explain a classification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Explain {
    /// Classify only.
    No,
    /// The student's own contributions: exact, and free.
    Native,
}

/// Contributions that add up to the logits: for every class, Σ over words + bias = logit.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// One for each word of the text that was read, in order.
    pub words: Vec<WordContribution>,
    /// What each class starts from, before any word.
    pub bias: Vec<f32>,
}

/// One word's contribution to every class.
#[derive(Clone, Debug, PartialEq)]
pub struct WordContribution {
    /// The word in the text, in bytes.
    pub bytes: Range<usize>,
    /// The word in the text, in UTF-16 units.
    pub utf16: Range<usize>,
    /// One weight for each class, in the bundle's order of labels: the sum over the word's tokens.
    pub weights: Vec<f32>,
}

impl Explanation {
    /// Sums `contributions: [tokens, classes]` over each word's tokens.
    pub(crate) fn new(words: &[Word], contributions: &[f32], bias: &[f32]) -> Self {
        let words = words.iter().map(|word| WordContribution {
            bytes: word.bytes.clone(),
            utf16: word.utf16.clone(),
            weights: column_sums(contributions, &word.tokens, bias.len()),
        });
        Self {
            words: words.collect(),
            bias: bias.to_vec(),
        }
    }

    /// The same explanation relative to the mean over classes: what speaks for a class rather than
    /// for all of them. Words and bias then add up to logit − mean logit, and each row adds up to 0.
    #[must_use]
    pub fn centred(&self) -> Self {
        let words = self.words.iter().map(|word| WordContribution {
            bytes: word.bytes.clone(),
            utf16: word.utf16.clone(),
            weights: centred(&word.weights),
        });
        Self {
            words: words.collect(),
            bias: centred(&self.bias),
        }
    }
}

/// Σ over `rows` of `values: [rows, columns]`, accumulated wide.
pub(crate) fn column_sums(values: &[f32], rows: &Range<usize>, columns: usize) -> Vec<f32> {
    let rows = &values[rows.start * columns..rows.end * columns];
    let sum = |c| {
        rows.iter()
            .skip(c)
            .step_by(columns)
            .map(|&v| f64::from(v))
            .sum::<f64>()
    };
    (0..columns).map(|c| sum(c) as f32).collect()
}

fn centred(row: &[f32]) -> Vec<f32> {
    let mean = row.iter().map(|&v| f64::from(v)).sum::<f64>() / row.len() as f64;
    row.iter().map(|&v| (f64::from(v) - mean) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(tokens: Range<usize>) -> Word {
        Word {
            bytes: 0..1,
            utf16: 0..1,
            tokens,
        }
    }

    #[test]
    fn a_word_weighs_what_its_tokens_do() {
        let contributions = [1.0, -1.0, 2.0, -2.0, 4.0, -4.0];
        let words = [word(0..2), word(2..2), word(2..3)];
        let explanation = Explanation::new(&words, &contributions, &[0.5, 0.25]);
        let weights: Vec<_> = explanation
            .words
            .into_iter()
            .map(|word| word.weights)
            .collect();
        assert_eq!(weights, [[3.0, -3.0], [0.0, 0.0], [4.0, -4.0]]);
        assert_eq!(explanation.bias, [0.5, 0.25]);
    }

    #[test]
    fn sums_keep_what_f32_would_lose() {
        assert_eq!(column_sums(&[1e8, 1.0, -1e8], &(0..3), 1), [1.0]);
    }

    #[test]
    fn centring_takes_the_mean_over_classes_away() {
        let explanation = Explanation::new(&[word(0..1)], &[3.0, 1.0, 2.0], &[1.0, 1.0, 1.0]);
        let centred = explanation.centred();
        assert_eq!(centred.words[0].weights, [1.0, -1.0, 0.0]);
        assert_eq!(centred.bias, [0.0, 0.0, 0.0]);
        assert_eq!(centred.centred(), centred);
    }
}
