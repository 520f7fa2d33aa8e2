//! The baseline that every student must beat: TF-IDF of words and characters, and a linear SVM.
//!
//! Words 1–2 and characters 2–5, each as scikit-learn's `TfidfVectorizer` has them, side by side into one
//! linear support vector machine a class (`LinearSVC`). No kept crate trains on sparse rows (linfa's is dense,
//! liblinear's bindings rest on an abandoned error crate), so liblinear's own method stands here:
//! dual coordinate descent (Hsieh et al. 2008, algorithm 1) on the squared hinge.

use std::collections::{HashMap, HashSet};

use rand::seq::SliceRandom;
use rayon::prelude::*;

use crate::training::generator;

/// Weight of the hinge against the norm.
const C: f64 = 1.0;

/// Largest violation of a dual constraint that counts as none.
const TOLERANCE: f64 = 1e-4;

/// Passes over the rows at most.
const PASSES: usize = 1000;

/// Texts that are cut into n-grams before these are counted.
const TEXTS_TOGETHER: usize = 1000;

/// A row's features that are not 0: place and value, by place.
type Sparse = Vec<(u32, f32)>;

/// What a text is cut into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Grams {
    /// One or two words in a row; a word has two letters or digits at least.
    Words,
    /// Two to five characters in a row.
    Characters,
}

/// TF-IDF over one kind of n-grams.
#[derive(Debug)]
struct Vectorizer {
    grams: Grams,
    /// Place of each n-gram.
    places: HashMap<String, u32>,
    /// Inverse document frequency by place.
    idf: Vec<f32>,
}

/// A trained baseline.
#[derive(Debug)]
pub(crate) struct Svm {
    vectorizers: Vec<Vectorizer>,
    /// For each class the weights of all features, and the bias.
    classes: Vec<(Vec<f32>, f32)>,
}

impl Svm {
    /// Learns `texts` with `labels`, indices below `classes`.
    pub(crate) fn learn(texts: &[&str], labels: &[usize], classes: usize) -> Self {
        let vectorizers: Vec<Vectorizer> = [Grams::Words, Grams::Characters]
            .into_par_iter()
            .map(|grams| Vectorizer::learn(grams, texts))
            .collect();
        let rows: Vec<Sparse> = texts.par_iter().map(|t| vector(&vectorizers, t)).collect();
        let features = vectorizers.iter().map(|v| v.idf.len()).sum();
        let one = |class: usize| {
            let signs: Vec<f64> = labels
                .iter()
                .map(|label| if *label == class { 1.0 } else { -1.0 })
                .collect();
            separate(&rows, &signs, features)
        };
        // Of two classes one is the other's opposite.
        let classes = match classes {
            2 => {
                let (weights, bias) = one(1);
                let opposite = weights.iter().map(|w| -w).collect();
                vec![(opposite, -bias), (weights, bias)]
            }
            _ => (0..classes).into_par_iter().map(one).collect(),
        };
        Self {
            vectorizers,
            classes,
        }
    }

    /// How far each text is on each class's side, `[texts][classes]`.
    pub(crate) fn decide(&self, texts: &[&str]) -> Vec<Vec<f32>> {
        let decide = |text: &&str| {
            let row = vector(&self.vectorizers, text);
            let side = |(weights, bias): &(Vec<f32>, f32)| {
                let sum: f64 = row
                    .iter()
                    .map(|&(at, x)| f64::from(x) * f64::from(weights[at as usize]))
                    .sum();
                (sum + f64::from(*bias)) as f32
            };
            self.classes.iter().map(side).collect()
        };
        texts.par_iter().map(decide).collect()
    }

    /// What it would take to store: every n-gram, its idf and its weights, 4 bytes a number.
    pub(super) fn bytes(&self) -> u64 {
        let classes = match self.classes.len() {
            2 => 1,
            classes => classes,
        };
        let of = |vectorizer: &Vectorizer| {
            let text: usize = vectorizer.places.keys().map(|gram| gram.len() + 1).sum();
            text + vectorizer.idf.len() * 4 * (1 + classes)
        };
        self.vectorizers.iter().map(of).sum::<usize>() as u64
    }
}

impl Vectorizer {
    fn learn(grams: Grams, texts: &[&str]) -> Self {
        let (mut places, mut counts) = (HashMap::new(), Vec::new());
        // Some texts at a time: all n-grams of all of them may be more than fits.
        for texts in texts.chunks(TEXTS_TOGETHER) {
            let found: Vec<Vec<String>> = texts.par_iter().map(|text| grams.of(text)).collect();
            for grams in found {
                let mut seen = HashSet::new();
                for gram in grams {
                    let next = places.len() as u32;
                    let place = *places.entry(gram).or_insert(next);
                    if place == next {
                        counts.push(0u32);
                    }
                    if seen.insert(place) {
                        counts[place as usize] += 1;
                    }
                }
            }
        }
        let texts = texts.len() as f64;
        let idf = |count: &u32| (((1.0 + texts) / (1.0 + f64::from(*count))).ln() + 1.0) as f32;
        Self {
            grams,
            idf: counts.iter().map(idf).collect(),
            places,
        }
    }

    /// A text's features, of length 1 together, their places counted from `first`.
    fn vector(&self, text: &str, first: u32) -> Sparse {
        let mut counts: HashMap<u32, f32> = HashMap::new();
        for gram in self.grams.of(text) {
            if let Some(&place) = self.places.get(&gram) {
                *counts.entry(place).or_default() += 1.0;
            }
        }
        let weigh = |(place, count): (u32, f32)| (first + place, count * self.idf[place as usize]);
        let mut row: Sparse = counts.into_iter().map(weigh).collect();
        row.sort_unstable_by_key(|&(place, _)| place);
        let length = row.iter().map(|(_, x)| x * x).sum::<f32>().sqrt();
        for (_, x) in &mut row {
            *x /= length;
        }
        row
    }
}

/// Features of all vectorizers, one after another.
fn vector(vectorizers: &[Vectorizer], text: &str) -> Sparse {
    let (mut row, mut first) = (Vec::new(), 0);
    for vectorizer in vectorizers {
        row.extend(vectorizer.vector(text, first));
        first += vectorizer.idf.len() as u32;
    }
    row
}

impl Grams {
    fn of(self, text: &str) -> Vec<String> {
        let text = text.to_lowercase();
        match self {
            Self::Words => words(&text),
            Self::Characters => characters(&text),
        }
    }
}

fn words(text: &str) -> Vec<String> {
    let inside = |c: char| c.is_alphanumeric() || c == '_';
    let words = text.split(|c| !inside(c));
    let words: Vec<&str> = words.filter(|word| word.chars().nth(1).is_some()).collect();
    let pairs = words.windows(2).map(|pair| pair.join(" "));
    let single = words.iter().map(|word| (*word).to_owned());
    single.chain(pairs).collect()
}

/// White space of several characters counts as one space.
fn characters(text: &str) -> Vec<String> {
    let mut folded = Vec::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let mut several = false;
        while c.is_whitespace() && chars.next_if(|next| next.is_whitespace()).is_some() {
            several = true;
        }
        folded.push(if several { ' ' } else { c });
    }
    (2..=5)
        .flat_map(|length| folded.windows(length))
        .map(|gram| gram.iter().collect())
        .collect()
}

/// The weights and the bias that separate rows of sign 1 from those of sign -1: min ½‖w‖² + C Σ max(0, 1 −
/// y w·x)², the bias being the weight of a feature that is always 1.
fn separate(rows: &[Sparse], signs: &[f64], features: usize) -> (Vec<f32>, f32) {
    let diagonal = 0.5 / C;
    let squares: Vec<f64> = rows
        .iter()
        .map(|row| 1.0 + row.iter().map(|(_, x)| f64::from(x * x)).sum::<f64>())
        .collect();
    let (mut weights, mut bias) = (vec![0f64; features], 0f64);
    let mut alphas = vec![0f64; rows.len()];
    let mut order: Vec<usize> = (0..rows.len()).collect();
    let mut rng = generator(0, "support vectors", 0);
    for _ in 0..PASSES {
        order.shuffle(&mut rng);
        let (mut most, mut least) = (f64::NEG_INFINITY, f64::INFINITY);
        for &row in &order {
            let sum: f64 = rows[row]
                .iter()
                .map(|&(at, x)| weights[at as usize] * f64::from(x))
                .sum();
            let slope = signs[row] * (sum + bias) - 1.0 + diagonal * alphas[row];
            let violation = if alphas[row] == 0.0 {
                slope.min(0.0)
            } else {
                slope
            };
            most = most.max(violation);
            least = least.min(violation);
            if violation.abs() < 1e-12 {
                continue;
            }
            let before = alphas[row];
            alphas[row] = (before - slope / (squares[row] + diagonal)).max(0.0);
            let step = (alphas[row] - before) * signs[row];
            for &(at, x) in &rows[row] {
                weights[at as usize] += step * f64::from(x);
            }
            bias += step;
        }
        if most - least < TOLERANCE {
            break;
        }
    }
    (weights.into_iter().map(|w| w as f32).collect(), bias as f32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Deserialize)]
    struct Fixture {
        train: Vec<(String, usize)>,
        test: Vec<String>,
        classes: usize,
        features: usize,
        decisions: Vec<Vec<f32>>,
    }

    #[test]
    fn scikit_learn_agrees() {
        let fixtures: Vec<Fixture> =
            serde_json::from_str(include_str!("../../tests/fixtures/svm.json")).unwrap();
        assert_eq!(fixtures.len(), 2);
        for fixture in fixtures {
            let (texts, labels): (Vec<&str>, Vec<usize>) = fixture
                .train
                .iter()
                .map(|(text, label)| (text.as_str(), *label))
                .unzip();
            let svm = Svm::learn(&texts, &labels, fixture.classes);
            let features: usize = svm.vectorizers.iter().map(|v| v.idf.len()).sum();
            assert_eq!(features, fixture.features);
            let test: Vec<&str> = fixture.test.iter().map(String::as_str).collect();
            for (found, want) in svm.decide(&test).iter().zip(&fixture.decisions) {
                for (found, want) in found.iter().zip(want) {
                    // Both stop at a violation of 1e-4.
                    assert!((found - want).abs() < 1e-3, "{found} {want}");
                }
            }
        }
    }

    #[test]
    fn texts_without_a_known_n_gram_are_decided_by_the_bias() {
        let svm = Svm::learn(&["good day", "bad day", "good"], &[1, 0, 1], 2);
        let decided = svm.decide(&["", "ω"]);
        assert_eq!(decided[0], decided[1]);
        assert_eq!(decided[0][0].to_bits(), (-decided[0][1]).to_bits());
        assert!(decided[0][1].is_finite());
        assert!(svm.bytes() > 0);
    }
}
