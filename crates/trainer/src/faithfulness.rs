//! Whether the words that an explanation names are those that the answer hangs on: what the probability of
//! the explained class does when words are taken out.
//!
//! Comprehensiveness and sufficiency follow `DeYoung` et al. 2020 (ERASER); the normalised AOPC follows Edin et
//! al. 2025, since bare AOPC says as much about the model as about its explanations.

use std::collections::HashMap;
use std::ops::Range;

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

/// Shares of a text's words that are taken out, or left alone.
const SHARES: [f64; 5] = [0.01, 0.05, 0.1, 0.2, 0.5];

/// Orders that the search for the best and the worst one keeps at each length.
const BEAM: usize = 5;

/// Words of a text at most for which the orders are searched: the search asks about 5 n² variants.
pub const LONGEST: usize = 40;

/// What taking words out says of one explanation, or of many in the mean.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Faithfulness {
    /// Mean over 1, 5, 10, 20 and 50 % of the words of p(text) − p(text without the first of them).
    pub comprehensiveness: f64,
    /// The same of p(text) − p(the first of them alone): less is better.
    pub sufficiency: f64,
    /// Area over the curve of taking words out one by one, where 0 is the worst order and 1 the best that a
    /// beam search finds.
    pub normalised_aopc: f64,
    /// Texts it is the mean of.
    pub texts: usize,
}

/// A text with its words and what an explanation says they gave to the explained class.
#[derive(Debug, Clone)]
pub struct Explained<'a> {
    /// The text.
    pub text: &'a str,
    /// Bytes of each word.
    pub words: &'a [Range<usize>],
    /// Weight of each word; the largest are taken out first.
    pub weights: &'a [f64],
}

/// Which words are left, one bit each.
type Left = Vec<bool>;

/// What is known of a text's variants.
struct Asked<'a, 'm> {
    text: &'a Explained<'a>,
    /// p(explained class) of every text.
    model: &'m mut dyn FnMut(&[String]) -> Result<Vec<f64>>,
    known: HashMap<Left, f64>,
}

/// How faithful one explanation is; `model` gives the explained class's probability for any texts. None for
/// texts of fewer than two words or more than [`LONGEST`], and where no order of the words matters.
pub fn faithfulness(
    text: &Explained<'_>,
    model: &mut dyn FnMut(&[String]) -> Result<Vec<f64>>,
) -> Result<Option<Faithfulness>> {
    let count = text.words.len();
    ensure!(
        count == text.weights.len() && text.weights.iter().all(|weight| weight.is_finite()),
        "faithfulness: {count} words, weights {:?}",
        text.weights
    );
    if !(2..=LONGEST).contains(&count) {
        return Ok(None);
    }
    let mut asked = Asked {
        text,
        model,
        known: HashMap::new(),
    };
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by(|a, b| text.weights[*b].total_cmp(&text.weights[*a]));
    let whole = asked.ask(&[vec![true; count]])?[0];
    let first = |taken: usize, left: bool| -> Left {
        let mut out = vec![!left; count];
        order[..taken].iter().for_each(|&word| out[word] = left);
        out
    };
    let numbers = SHARES.map(|share| ((share * count as f64).ceil() as usize).max(1));
    let drop = |found: Vec<f64>| found.iter().map(|p| whole - p).sum::<f64>() / SHARES.len() as f64;
    let without = asked.ask(&numbers.map(|taken| first(taken, false)))?;
    let alone = asked.ask(&numbers.map(|taken| first(taken, true)))?;
    let curve: Vec<Left> = (1..=count).map(|taken| first(taken, false)).collect();
    let own = mean(&asked.ask(&curve)?);
    // Of areas over the curve p(text) is the same part.
    let (best, worst) = (asked.extreme(-1.0)?, asked.extreme(1.0)?);
    // A beam may miss what the explanation itself found.
    let (best, worst) = (best.min(own), worst.max(own));
    Ok((worst > best).then(|| Faithfulness {
        comprehensiveness: drop(without),
        sufficiency: drop(alone),
        normalised_aopc: (worst - own) / (worst - best),
        texts: 1,
    }))
}

/// The mean over explanations; none of none.
pub fn summarise(all: &[Faithfulness]) -> Option<Faithfulness> {
    let of = |pick: fn(&Faithfulness) -> f64| mean(&all.iter().map(pick).collect::<Vec<f64>>());
    (!all.is_empty()).then(|| Faithfulness {
        comprehensiveness: of(|f| f.comprehensiveness),
        sufficiency: of(|f| f.sufficiency),
        normalised_aopc: of(|f| f.normalised_aopc),
        texts: all.len(),
    })
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

impl Asked<'_, '_> {
    /// The probability with each of these sets of words, asking for each set once.
    fn ask(&mut self, sets: &[Left]) -> Result<Vec<f64>> {
        let mut new: Vec<&Left> = sets
            .iter()
            .filter(|s| !self.known.contains_key(*s))
            .collect();
        new.sort_unstable();
        new.dedup();
        if !new.is_empty() {
            let texts: Vec<String> = new.iter().map(|left| self.text.keep(left)).collect();
            let found = (self.model)(&texts)?;
            let found: Vec<(Left, f64)> = new.into_iter().cloned().zip(found).collect();
            self.known.extend(found);
        }
        Ok(sets.iter().map(|set| self.known[set]).collect())
    }

    /// The mean probability along the order of taking words out that makes it largest (`sign` 1) or smallest
    /// (-1), as far as a beam search finds it.
    fn extreme(&mut self, sign: f64) -> Result<f64> {
        let count = self.text.words.len();
        let mut beam: Vec<(f64, Left)> = vec![(0.0, vec![true; count])];
        for _ in 0..count {
            // Orders that took out the same words go on alike: the better one stays.
            let mut next: HashMap<Left, f64> = HashMap::new();
            for (sum, left) in &beam {
                for word in (0..count).filter(|&word| left[word]) {
                    let mut left = left.clone();
                    left[word] = false;
                    let best = next.entry(left).or_insert(f64::NEG_INFINITY);
                    *best = best.max(*sum);
                }
            }
            let mut next: Vec<(Left, f64)> = next.into_iter().collect();
            next.sort_unstable_by(|a, b| a.0.cmp(&b.0));
            let sets: Vec<Left> = next.iter().map(|(left, _)| left.clone()).collect();
            let found = self.ask(&sets)?;
            beam = next
                .into_iter()
                .zip(found)
                .map(|((left, sum), p)| (sum + sign * p, left))
                .collect();
            beam.sort_by(|a, b| b.0.total_cmp(&a.0));
            beam.truncate(BEAM);
        }
        Ok(sign * beam[0].0 / count as f64)
    }
}

impl Explained<'_> {
    /// The text with the other words left out, a space for each: what stood between words stays, so that none
    /// grow together.
    fn keep(&self, left: &[bool]) -> String {
        let (mut out, mut from) = (String::with_capacity(self.text.len()), 0);
        for (word, left) in self.words.iter().zip(left) {
            if !left {
                out.push_str(&self.text[from..word.start]);
                out.push(' ');
                from = word.end;
            }
        }
        out.push_str(&self.text[from..]);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "a bb,c  dd e";

    fn words() -> Vec<Range<usize>> {
        vec![0..1, 2..4, 4..5, 5..6, 8..10, 11..12]
    }

    /// A model whose probability is a sum over the words that are there.
    fn additive(gives: [f64; 6]) -> impl FnMut(&[String]) -> Result<Vec<f64>> {
        move |texts: &[String]| {
            let names = ["a", "bb", ",", "c", "dd", "e"];
            let of = |text: &String| {
                let there = names.iter().zip(gives);
                let there = there.filter(|(name, _)| text.contains(**name));
                there.map(|(_, give)| give).sum::<f64>()
            };
            Ok(texts.iter().map(of).collect())
        }
    }

    fn found(weights: [f64; 6], gives: [f64; 6]) -> Faithfulness {
        let words = words();
        let text = Explained {
            text: TEXT,
            words: &words,
            weights: &weights,
        };
        faithfulness(&text, &mut additive(gives)).unwrap().unwrap()
    }

    const GIVES: [f64; 6] = [0.05, 0.3, -0.1, 0.02, 0.4, 0.1];

    #[test]
    fn words_that_are_left_out_leave_spaces() {
        let words = words();
        let text = Explained {
            text: TEXT,
            words: &words,
            weights: &GIVES,
        };
        assert_eq!(text.keep(&[true; 6]), TEXT);
        assert_eq!(
            text.keep(&[true, true, false, true, false, true]),
            "a bb c    e"
        );
        assert_eq!(text.keep(&[false; 6]).trim(), "");
    }

    #[test]
    fn the_true_order_is_the_best_and_its_reverse_the_worst() {
        let best = found(GIVES, GIVES);
        assert!((best.normalised_aopc - 1.0).abs() < 1e-12);
        let worst = found(GIVES.map(|give| -give), GIVES);
        assert!(worst.normalised_aopc.abs() < 1e-12);
        let between = found([0.05, 0.4, -0.1, 0.02, 0.3, 0.1], GIVES).normalised_aopc;
        assert!(between > 0.5 && between < 1.0, "{between}");
    }

    #[test]
    fn the_measures_are_those_of_their_definition() {
        let found = found(GIVES, GIVES);
        // Of six words 1, 5 and 10 % are one, 20 % two, 50 % three.
        let sums = [0.4, 0.4, 0.4, 0.7, 0.8];
        let want = sums.iter().sum::<f64>() / 5.0;
        assert!((found.comprehensiveness - want).abs() < 1e-12);
        let whole: f64 = GIVES.iter().sum();
        let want = sums.iter().map(|sum| whole - sum).sum::<f64>() / 5.0;
        assert!((found.sufficiency - want).abs() < 1e-12);
    }

    #[test]
    fn where_nothing_matters_there_is_no_figure() {
        let words = words();
        let text = Explained {
            text: TEXT,
            words: &words,
            weights: &GIVES,
        };
        assert_eq!(faithfulness(&text, &mut additive([0.0; 6])).unwrap(), None);
        let one = Explained {
            words: &words[..1],
            weights: &GIVES[..1],
            ..text
        };
        assert_eq!(faithfulness(&one, &mut additive(GIVES)).unwrap(), None);
        assert_eq!(summarise(&[]), None);
    }

    #[test]
    fn the_search_finds_what_all_orders_hold() {
        // Interactions: the second word counts only beside the first.
        let words = vec![0..1, 2..3, 4..5, 6..7];
        let mut model = |texts: &[String]| {
            let of = |text: &String| {
                let has = |word| f64::from(u8::from(text.contains(word)));
                0.2 + 0.5 * has("p") * has("q") - 0.2 * has("r") + 0.1 * has("s")
            };
            Ok(texts.iter().map(of).collect::<Vec<f64>>())
        };
        let mut of = |weights: &[f64; 4]| {
            let text = Explained {
                text: "p q r s",
                words: &words,
                weights,
            };
            faithfulness(&text, &mut model)
                .unwrap()
                .unwrap()
                .normalised_aopc
        };
        let mut all = Vec::new();
        for order in 0..256u32 {
            let places = [0, 2, 4, 6].map(|shift| order >> shift & 3);
            let distinct = (0..4).all(|place| places.contains(&place));
            if distinct {
                all.push(of(&places.map(f64::from)));
            }
        }
        assert_eq!(all.len(), 24);
        let largest = all.iter().copied().fold(0.0, f64::max);
        let smallest = all.iter().copied().fold(1.0, f64::min);
        assert!((largest - 1.0).abs() < 1e-12 && smallest.abs() < 1e-12);
    }
}
