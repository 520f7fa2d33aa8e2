//! How far two explanations of the same text agree, word by word.
//!
//! Feature, sign and signed-rank agreement follow Krishna et al. 2022 ("The disagreement problem in
//! explainable machine learning"); beside each figure stands that of a shuffled explanation.

use std::cmp::Ordering;

use anyhow::{Result, ensure};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use crate::metrics::mean_ranks;

/// Words that count as an explanation's top.
pub const TOP: usize = 3;

/// Agreement of two explanations, each the weights of the same words.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, serde::Deserialize)]
pub struct Agreement {
    /// Cosine of the weights, from -1 to 1.
    pub cosine: f64,
    /// Share of the top words (by magnitude) that are in both tops.
    pub feature: f64,
    /// Share of the top words that are in both tops with the same sign.
    pub sign: f64,
    /// Share of the top places that hold the same word with the same sign.
    pub signed_rank: f64,
    /// Correlation of the ranks of the signed weights, from -1 to 1.
    pub spearman: f64,
}

/// Means over many texts.
#[derive(Debug, Clone, PartialEq, Serialize, serde::Deserialize)]
pub struct Summary {
    /// Words in a top.
    pub top: usize,
    /// Texts compared.
    pub texts: usize,
    /// Texts left out: fewer than two words, or weights all equal, where some measure has no value.
    pub left_out: usize,
    /// The second explanation against the first.
    pub agreement: Agreement,
    /// The second explanation, its weights shuffled over the words, against the first.
    pub random: Agreement,
}

/// Means over pairs of explanations (first, second); `seed` shuffles the random baseline.
pub fn summarise(pairs: &[(Vec<f64>, Vec<f64>)], top: usize, seed: u64) -> Result<Summary> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let (mut agreements, mut baselines) = (Vec::new(), Vec::new());
    for (first, second) in pairs {
        let Some(agreement) = agree(first, second, top)? else {
            continue;
        };
        let mut shuffled = second.clone();
        shuffled.shuffle(&mut random);
        // The same weights in another order: whatever had a value still has one.
        baselines.extend(agree(first, &shuffled, top)?);
        agreements.push(agreement);
    }
    Ok(Summary {
        top,
        texts: agreements.len(),
        left_out: pairs.len() - agreements.len(),
        agreement: mean(&agreements),
        random: mean(&baselines),
    })
}

fn mean(all: &[Agreement]) -> Agreement {
    let of = |value: fn(&Agreement) -> f64| {
        all.iter().map(value).sum::<f64>() / (all.len() as f64).max(1.0)
    };
    Agreement {
        cosine: of(|a| a.cosine),
        feature: of(|a| a.feature),
        sign: of(|a| a.sign),
        signed_rank: of(|a| a.signed_rank),
        spearman: of(|a| a.spearman),
    }
}

/// Agreement of two explanations; none where a measure has no value (fewer than two words, or all
/// weights of one explanation equal). A text with fewer than `top` words has them all in its top.
pub fn agree(first: &[f64], second: &[f64], top: usize) -> Result<Option<Agreement>> {
    ensure!(
        first.len() == second.len() && top > 0,
        "agreement at {top}: {} words against {}",
        first.len(),
        second.len()
    );
    ensure!(
        first.iter().chain(second).all(|weight| weight.is_finite()),
        "agreement: a weight is not finite"
    );
    let (Some(cosine), Some(spearman)) = (cosine(first, second), spearman(first, second)) else {
        return Ok(None);
    };
    let (a, b) = (top_words(first, top), top_words(second, top));
    let sign = |weight: f64| weight.partial_cmp(&0.0);
    let same_sign = |word: usize| sign(first[word]) == sign(second[word]);
    let places = a.len() as f64;
    let shared = a.iter().filter(|word| b.contains(word));
    let agreeing = shared.clone().filter(|word| same_sign(**word));
    let placed = a.iter().zip(&b).filter(|(a, b)| a == b && same_sign(**a));
    Ok(Some(Agreement {
        cosine,
        feature: shared.count() as f64 / places,
        sign: agreeing.count() as f64 / places,
        signed_rank: placed.count() as f64 / places,
        spearman,
    }))
}

/// Cosine of two vectors; none if either is zero.
pub fn cosine(a: &[f64], b: &[f64]) -> Option<f64> {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let norms = (dot(a, a) * dot(b, b)).sqrt();
    (norms > 0.0).then(|| dot(a, b) / norms)
}

/// Spearman's rank correlation, ties sharing the mean of their ranks; none if either is constant.
pub fn spearman(a: &[f64], b: &[f64]) -> Option<f64> {
    let centred = |values: &[f64]| -> Vec<f64> {
        let middle = f64::midpoint(1.0, values.len() as f64);
        mean_ranks(values)
            .iter()
            .map(|rank| rank - middle)
            .collect()
    };
    cosine(&centred(a), &centred(b))
}

/// Indices of the `top` largest magnitudes, largest first, the earlier of equals first.
fn top_words(weights: &[f64], top: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..weights.len()).collect();
    let larger =
        |a: &usize, b: &usize| -> Ordering { weights[*b].abs().total_cmp(&weights[*a].abs()) };
    order.sort_by(larger);
    order.truncate(top);
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agreed(first: &[f64], second: &[f64]) -> Agreement {
        agree(first, second, TOP).unwrap().unwrap()
    }

    #[test]
    fn an_explanation_agrees_with_itself_and_with_any_multiple() {
        let a = [0.5, -2.0, 0.1, 1.0, 0.0];
        let all = Agreement {
            cosine: 1.0,
            feature: 1.0,
            sign: 1.0,
            signed_rank: 1.0,
            spearman: 1.0,
        };
        for scale in [1.0, 4.0] {
            let b = a.map(|weight| scale * weight);
            let found = agreed(&a, &b);
            assert!((found.cosine - 1.0).abs() < 1e-12 && (found.spearman - 1.0).abs() < 1e-12);
            assert_eq!(
                Agreement {
                    cosine: 1.0,
                    spearman: 1.0,
                    ..found
                },
                all
            );
        }
    }

    #[test]
    fn the_opposite_shares_words_but_no_sign() {
        let a = [0.5, -2.0, 0.1, 1.0];
        let found = agreed(&a, &a.map(|weight| -weight));
        assert!((found.cosine + 1.0).abs() < 1e-12 && (found.spearman + 1.0).abs() < 1e-12);
        assert_eq!(
            (found.feature, found.sign, found.signed_rank),
            (1.0, 0.0, 0.0)
        );
    }

    #[test]
    fn by_hand() {
        // Tops: words 0, 1, 2 against 1, 0, 4; word 0 has the other sign.
        let a = [3.0, -2.0, 1.0, 0.5, 0.0];
        let b = [-2.0, -3.0, 0.5, 0.0, 1.0];
        let found = agreed(&a, &b);
        assert!((found.feature - 2.0 / 3.0).abs() < 1e-12);
        assert!((found.sign - 1.0 / 3.0).abs() < 1e-12);
        assert!(found.signed_rank.abs() < 1e-12);
        let dot = -6.0 + 6.0 + 0.5;
        assert!((found.cosine - dot / (14.25f64 * 14.25).sqrt()).abs() < 1e-12);
        // Ranks 5 1 4 3 2 against 2 1 4 3 5: squared differences 9 0 0 0 9.
        assert!((found.spearman - (1.0 - 6.0 * 18.0 / 120.0)).abs() < 1e-12);
    }

    #[test]
    fn the_same_place_and_sign_make_a_signed_rank() {
        let found = agreed(&[3.0, 2.0, -1.0, 0.0], &[9.0, -8.0, -7.0, 0.0]);
        assert!((found.signed_rank - 2.0 / 3.0).abs() < 1e-12);
        assert!((found.sign - 2.0 / 3.0).abs() < 1e-12);
        assert!((found.feature - 1.0).abs() < 1e-12);
    }

    #[test]
    fn ties_share_ranks_in_spearman() {
        // Ranks 1.5 1.5 3 against 1 2 3: Pearson of the ranks is 1.5 / sqrt(1.5 * 2).
        let rho = spearman(&[0.0, 0.0, 1.0], &[1.0, 2.0, 3.0]).unwrap();
        assert!((rho - 1.5 / 3f64.sqrt()).abs() < 1e-12);
    }

    #[test]
    fn what_has_no_value_is_left_out_and_counted() {
        for (a, b) in [
            (vec![], vec![]),
            (vec![1.0], vec![2.0]),
            (vec![0.0, 0.0], vec![1.0, 2.0]),
            (vec![1.0, 2.0], vec![3.0, 3.0]),
        ] {
            assert_eq!(agree(&a, &b, TOP).unwrap(), None);
        }
        let pairs = [(vec![1.0, 2.0], vec![1.0, 2.0]), (vec![1.0], vec![1.0])];
        let summary = summarise(&pairs, TOP, 0).unwrap();
        assert_eq!((summary.texts, summary.left_out), (1, 1));
        assert_eq!(summarise(&[], TOP, 0).unwrap().texts, 0);
    }

    #[test]
    fn wrong_input_is_an_error() {
        assert!(agree(&[1.0], &[1.0, 2.0], 3).is_err());
        assert!(agree(&[1.0, 2.0], &[1.0, 2.0], 0).is_err());
        assert!(agree(&[1.0, f64::NAN], &[1.0, 2.0], 3).is_err());
    }

    #[test]
    fn shuffling_comes_near_chance_and_depends_on_the_seed_alone() {
        let words = 10;
        let pairs: Vec<(Vec<f64>, Vec<f64>)> = (0..2000)
            .map(|text| {
                let weights: Vec<f64> = (0..words)
                    .map(|word| f64::from((text * 7 + word * word * 3) % 23 - 11))
                    .collect();
                (weights.clone(), weights)
            })
            .collect();
        let summary = summarise(&pairs, TOP, 1).unwrap();
        assert!((summary.agreement.feature - 1.0).abs() < 1e-12);
        // Two random tops of 3 among 10 words share 0.9 words; 2000 texts give about 0.005 of noise.
        assert!(
            (summary.random.feature - 0.3).abs() < 0.02,
            "{:?}",
            summary.random
        );
        assert!(summary.random.spearman.abs() < 0.03, "{:?}", summary.random);
        assert_eq!(summarise(&pairs, TOP, 1).unwrap(), summary);
        assert_ne!(summarise(&pairs, TOP, 2).unwrap().random, summary.random);
    }
}
