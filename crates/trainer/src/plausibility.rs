//! Whether an explanation names the words that people named: human rationales (`DeYoung` et al. 2020).

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

/// How far one explanation, or many in the mean, is what people said.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Plausibility {
    /// Area under the curve of precision and recall over the words' weights (average precision).
    pub auprc: f64,
    /// F1 of as many top words as the rationale has.
    pub token_f1: f64,
    /// Their intersection with the rationale over their union with it.
    pub iou: f64,
    /// What [`Plausibility::auprc`] comes to in the mean over all orders of the words.
    pub chance: f64,
    /// Texts it is the mean of.
    pub texts: usize,
}

/// `weights` of the words against `rationale`, true for those that people named. None where people named no
/// word, or every word.
pub fn plausibility(weights: &[f64], rationale: &[bool]) -> Option<Plausibility> {
    debug_assert_eq!(weights.len(), rationale.len());
    let named = rationale.iter().filter(|named| **named).count();
    if named == 0 || named == weights.len() {
        return None;
    }
    let mut order: Vec<usize> = (0..weights.len()).collect();
    order.sort_by(|a, b| weights[*b].total_cmp(&weights[*a]));
    let top = order[..named]
        .iter()
        .filter(|&&word| rationale[word])
        .count();
    let (top, named) = (top as f64, named as f64);
    Some(Plausibility {
        auprc: average_precision(weights, rationale, &order),
        // As many top words as named ones: precision and recall are one number.
        token_f1: top / named,
        iou: top / (2.0 * named - top),
        chance: chance(named, weights.len()),
        texts: 1,
    })
}

/// Average precision of a random order of `words`, `named` of them to be found, in the mean (Bestgen 2015): the word
/// at rank i is one of these with probability r / n, and then (i − 1)(r − 1) / (n − 1) of the others are before it.
fn chance(named: f64, words: usize) -> f64 {
    let n = words as f64;
    let harmonic: f64 = (1..=words).map(|rank| (rank as f64).recip()).sum();
    (named - 1.0) / (n - 1.0) + (n - named) / (n * (n - 1.0)) * harmonic
}

/// Σ (recall − recall before) · precision over the distinct weights, from the largest down.
fn average_precision(weights: &[f64], rationale: &[bool], order: &[usize]) -> f64 {
    let named = rationale.iter().filter(|named| **named).count() as f64;
    let (mut sum, mut seen, mut hits) = (0.0, 0.0, 0.0);
    for tied in order.chunk_by(|a, b| {
        weights[*a]
            .partial_cmp(&weights[*b])
            .is_some_and(Ordering::is_eq)
    }) {
        let found = tied.iter().filter(|&&word| rationale[word]).count() as f64;
        seen += tied.len() as f64;
        hits += found;
        sum += found / named * (hits / seen);
    }
    sum
}

/// The mean over explanations; none of none.
pub fn summarise(all: &[Plausibility]) -> Option<Plausibility> {
    let count = all.len();
    let of = |pick: fn(&Plausibility) -> f64| all.iter().map(pick).sum::<f64>() / count as f64;
    (count > 0).then(|| Plausibility {
        auprc: of(|p| p.auprc),
        token_f1: of(|p| p.token_f1),
        iou: of(|p| p.iou),
        chance: of(|p| p.chance),
        texts: count,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_perfect_order_is_one_and_its_reverse_is_not() {
        let rationale = [true, false, true, false];
        let best = plausibility(&[3.0, 1.0, 2.0, -1.0], &rationale).unwrap();
        assert_eq!((best.auprc, best.token_f1, best.iou), (1.0, 1.0, 1.0));
        let worst = plausibility(&[-3.0, 1.0, -2.0, 2.0], &rationale).unwrap();
        // Found at ranks 3 and 4: ½ · ⅓ + ½ · ½.
        assert!((worst.auprc - 5.0 / 12.0).abs() < 1e-12);
        assert_eq!((worst.token_f1, worst.iou), (0.0, 0.0));
    }

    #[test]
    fn chance_is_the_mean_over_all_orders() {
        let rationale = [true, false, true, false, false];
        let mut sum = 0.0;
        let mut orders = 0.0;
        // Every assignment of the ranks 0 to 4.
        for code in 0..3125usize {
            let ranks: Vec<usize> = (0..5).map(|place| code / 5usize.pow(place) % 5).collect();
            if (0..5).all(|rank| ranks.contains(&rank)) {
                let weights: Vec<f64> = ranks.iter().map(|rank| *rank as f64).collect();
                let found = plausibility(&weights, &rationale).unwrap();
                sum += found.auprc;
                orders += 1.0;
                assert!((found.chance - chance(2.0, 5)).abs() < 1e-12);
            }
        }
        assert!((sum / orders - chance(2.0, 5)).abs() < 1e-12);
    }

    #[test]
    fn ties_are_taken_together() {
        // As sklearn.metrics.average_precision_score([1, 0, 1], [0.5, 0.5, 0.1]).
        let found = plausibility(&[0.5, 0.5, 0.1], &[true, false, true]).unwrap();
        assert!((found.auprc - 0.583_333_333_333_333_3).abs() < 1e-12);
        let found = plausibility(&[1.0; 4], &[true, false, false, false]).unwrap();
        assert!((found.auprc - 0.25).abs() < 1e-12);
    }

    #[test]
    fn part_of_a_rationale_counts_in_part() {
        let found = plausibility(&[3.0, 2.0, 1.0, 0.0], &[true, false, true, false]).unwrap();
        assert!((found.token_f1 - 0.5).abs() < 1e-12 && (found.iou - 1.0 / 3.0).abs() < 1e-12);
    }

    #[test]
    fn rationales_of_no_word_or_every_word_say_nothing() {
        assert_eq!(plausibility(&[1.0, 2.0], &[false, false]), None);
        assert_eq!(plausibility(&[1.0, 2.0], &[true, true]), None);
        assert_eq!(plausibility(&[], &[]), None);
        assert_eq!(summarise(&[]), None);
    }
}
