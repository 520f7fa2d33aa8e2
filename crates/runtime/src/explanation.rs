//! What each word gave to each class.

use std::ops::{ControlFlow, Range};

use stillglass_text::{SEPARATOR, Word, halves};

/// How to find out what each word gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// The student's own contributions: exact, and free.
    Native,
    /// Integrated gradients (Sundararajan et al. 2017) of the teacher's centred logits, from a baseline
    /// of padding between the special tokens.
    IntegratedGradients,
    /// What the centred logits lose when a word is dropped, one at a time.
    Occlusion,
}

impl Method {
    /// The name that command lines, JavaScript and reports use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::IntegratedGradients => "ig",
            Self::Occlusion => "occlusion",
        }
    }
}

/// How far an explanation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Variants of the text looked at.
    pub done: usize,
    /// Variants to look at, as far as is known now; integrated gradients may ask for more.
    pub total: usize,
}

/// Is told how far an explanation is, and may break it off.
pub type Watch<'a> = dyn FnMut(Progress) -> ControlFlow<()> + 'a;

/// Contributions of the words to every class.
///
/// For every class c, Σ over words + bias + remainder = F, where F is the logit ([`Method::Native`]) or
/// the logit minus the mean of all (the other methods).
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// How it was found.
    pub method: Method,
    /// One for each word of the text that was read, in order.
    pub words: Vec<WordContribution>,
    /// What each class starts from, before any word: the classifier's bias, F of the baseline, or F of
    /// the text without words.
    pub bias: Vec<f32>,
    /// What the words leave unaccounted for, special tokens included, for each class.
    pub remainder: Vec<f32>,
    /// |remainder| / max(|F − bias|, 0.001), for each class.
    pub completeness_error: Vec<f32>,
    /// The largest |F − bias| of a class.
    change: f32,
    /// Points on the path from the baseline to the text; 0 for methods that need none.
    pub nodes: usize,
    /// What the place between the two texts of a pair gave to each class, where [`Explanation::apart`] has taken it
    /// from among the words.
    pub boundary: Option<Vec<f32>>,
}

/// One word's contribution to every class.
#[derive(Clone, Debug, PartialEq)]
pub struct WordContribution {
    /// The word in the text, in bytes.
    pub bytes: Range<usize>,
    /// The word in the text, in UTF-16 units.
    pub utf16: Range<usize>,
    /// Of a pair that was taken [apart](Explanation::apart) 1 for a word of the second text; else 0.
    pub half: usize,
    /// One weight for each class, in the bundle's order of labels: the sum over the word's tokens.
    pub weights: Vec<f32>,
}

/// Smallest difference that completeness errors are measured against.
const SMALLEST_CHANGE: f32 = 1e-3;

/// What a method found out about one text.
pub(crate) struct Found {
    pub(crate) method: Method,
    /// `[words, classes]`.
    pub(crate) words: Vec<f32>,
    /// `[classes]`.
    pub(crate) bias: Vec<f32>,
    /// F, `[classes]`.
    pub(crate) outcome: Vec<f32>,
    pub(crate) nodes: usize,
}

impl Explanation {
    /// Puts the weights beside their words, and counts what is left.
    pub(crate) fn new(words: &[Word], found: Found) -> Self {
        let classes = found.bias.len();
        let sums = column_sums(&found.words, &(0..words.len()), classes);
        let remainder: Vec<f32> = (0..classes)
            .map(|c| found.outcome[c] - found.bias[c] - sums[c])
            .collect();
        let error = |c: usize| {
            let change = found.outcome[c] - found.bias[c];
            remainder[c].abs() / change.abs().max(SMALLEST_CHANGE)
        };
        let weights = found.words.chunks_exact(classes.max(1));
        Self {
            method: found.method,
            words: words
                .iter()
                .zip(weights)
                .map(|(word, weights)| WordContribution {
                    bytes: word.bytes.clone(),
                    utf16: word.utf16.clone(),
                    half: 0,
                    weights: weights.to_vec(),
                })
                .collect(),
            completeness_error: (0..classes).map(error).collect(),
            change: found
                .outcome
                .iter()
                .zip(&found.bias)
                .map(|(outcome, bias)| (outcome - bias).abs())
                .fold(0.0, f32::max),
            bias: found.bias,
            remainder,
            nodes: found.nodes,
            boundary: None,
        }
    }

    /// The largest gap of a class relative to the largest change of one.
    pub fn completeness(&self) -> f32 {
        let gap = self.remainder.iter().map(|gap| gap.abs());
        gap.fold(0.0, f32::max) / self.change.max(SMALLEST_CHANGE)
    }

    /// The same explanation of the pair `text`, as people see it: every word's place is that in its own text, and what
    /// stands between them is no word. Of a single text nothing changes.
    #[must_use]
    pub fn apart(mut self, text: &str) -> Self {
        let between = |word: &WordContribution| text[word.bytes.clone()].starts_with(SEPARATOR);
        let Some(place) = self.words.iter().position(between) else {
            return self;
        };
        let boundary = self.words.remove(place);
        let (bytes, units) = (boundary.bytes.end, boundary.utf16.end);
        for word in &mut self.words[place..] {
            word.bytes = word.bytes.start - bytes..word.bytes.end - bytes;
            word.utf16 = word.utf16.start - units..word.utf16.end - units;
            word.half = 1;
        }
        self.boundary = Some(boundary.weights);
        self
    }

    /// The text or texts that the words' places are in, by [`WordContribution::half`].
    pub fn texts<'t>(&self, text: &'t str) -> [&'t str; 2] {
        match (&self.boundary, halves(text)) {
            (Some(_), (first, Some(second))) => [first, second],
            _ => [text, ""],
        }
    }

    /// The same explanation relative to the mean over classes: what speaks for a class rather than
    /// for all of them. Words, bias and remainder then add up to logit − mean logit, and each row adds
    /// up to 0.
    #[must_use]
    pub fn centred(&self) -> Self {
        let words = self.words.iter().map(|word| WordContribution {
            bytes: word.bytes.clone(),
            utf16: word.utf16.clone(),
            half: word.half,
            weights: centred(&word.weights),
        });
        Self {
            words: words.collect(),
            bias: centred(&self.bias),
            remainder: centred(&self.remainder),
            boundary: self.boundary.as_deref().map(centred),
            ..self.clone()
        }
    }
}

/// Sums `tokens: [tokens, columns]` over each word's tokens → `[words, columns]`.
pub(crate) fn by_word(words: &[Word], tokens: &[f32], columns: usize) -> Vec<f32> {
    let sum = |word: &Word| column_sums(tokens, &word.tokens, columns);
    words.iter().flat_map(sum).collect()
}

/// Σ over `rows` of `values: [rows, columns]`, accumulated wide.
pub(crate) fn column_sums(values: &[f32], rows: &Range<usize>, columns: usize) -> Vec<f32> {
    let sum = |column| column_sum(values, rows, (column, columns));
    (0..columns).map(sum).collect()
}

/// The same of one column of so many.
pub(crate) fn column_sum(
    values: &[f32],
    rows: &Range<usize>,
    (column, columns): (usize, usize),
) -> f32 {
    let rows = &values[rows.start * columns..rows.end * columns];
    let values = rows.iter().skip(column).step_by(columns);
    values.map(|&v| f64::from(v)).sum::<f64>() as f32
}

/// A row minus its mean.
pub(crate) fn centred(row: &[f32]) -> Vec<f32> {
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

    fn found(words: Vec<f32>, bias: &[f32], outcome: &[f32]) -> Found {
        Found {
            method: Method::Native,
            words,
            bias: bias.to_vec(),
            outcome: outcome.to_vec(),
            nodes: 0,
        }
    }

    #[test]
    fn a_word_weighs_what_its_tokens_do() {
        let tokens = [1.0, -1.0, 2.0, -2.0, 4.0, -4.0];
        let words = [word(0..2), word(2..2), word(2..3)];
        assert_eq!(
            by_word(&words, &tokens, 2),
            [3.0, -3.0, 0.0, 0.0, 4.0, -4.0]
        );
    }

    #[test]
    fn sums_keep_what_f32_would_lose() {
        assert_eq!(column_sums(&[1e8, 1.0, -1e8], &(0..3), 1), [1.0]);
    }

    #[test]
    fn what_words_leave_is_the_remainder() {
        let found = found(vec![1.0, 2.0, 3.0, 4.0], &[1.0, 0.0], &[6.0, 6.0]);
        let explanation = Explanation::new(&[word(0..1), word(1..2)], found);
        assert_eq!(explanation.words[1].weights, [3.0, 4.0]);
        assert_eq!(explanation.remainder, [1.0, 0.0]);
        assert_eq!(explanation.completeness_error, [0.2, 0.0]);
    }

    #[test]
    fn a_pair_comes_apart_at_its_boundary() {
        let at = |bytes: Range<usize>, utf16: Range<usize>, tokens| Word {
            bytes,
            utf16,
            tokens,
        };
        let text = "\u{e9}\u{1f}a b";
        let words = [
            at(0..2, 0..1, 0..1),
            at(2..3, 1..2, 1..2),
            at(5..6, 4..5, 2..3),
        ];
        let explanation = Explanation::new(&words, found(vec![1.0, 2.0, 4.0], &[0.0], &[7.0]));
        let apart = explanation.clone().apart(text);
        assert_eq!(apart.boundary, Some(vec![2.0]));
        let second = &apart.words[1];
        assert_eq!(
            (second.bytes.clone(), second.utf16.clone(), second.half),
            (2..3, 2..3, 1)
        );
        assert_eq!((apart.words[0].half, apart.words.len()), (0, 2));
        assert_eq!(apart.texts(text), ["\u{e9}", "a b"]);
        assert_eq!(explanation.clone().apart("\u{e9}.a b"), explanation);
        // A model of single texts drops the character: its words' places are in the whole text.
        assert_eq!(explanation.texts(text), [text, ""]);
    }

    #[test]
    fn centring_takes_the_mean_over_classes_away() {
        let found = found(vec![3.0, 1.0, 2.0], &[1.0; 3], &[4.0, 2.0, 3.0]);
        let explanation = Explanation::new(&[word(0..1)], found);
        let centred = explanation.centred();
        assert_eq!(centred.words[0].weights, [1.0, -1.0, 0.0]);
        assert_eq!(centred.bias, [0.0, 0.0, 0.0]);
        assert_eq!(centred.centred(), centred);
    }
}
