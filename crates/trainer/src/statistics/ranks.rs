//! Tests on ranks: whether ratings differ between groups.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use statrs::distribution::{ChiSquared, ContinuousCDF, Normal};

use crate::metrics::mean_ranks;

/// Kruskal and Wallis' (1952) test of several groups.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct KruskalWallis {
    /// H, corrected for ties.
    pub h: f64,
    /// Degrees of freedom: groups less one.
    pub freedom: usize,
    /// p, of the chi-squared distribution that H has in large groups.
    pub p: f64,
    /// Effect size ε² = H / (n − 1), 0 to 1 (Tomczak and Tomczak 2014).
    pub epsilon_squared: f64,
}

impl KruskalWallis {
    /// Of the groups that have values; none of fewer than two, or where all values are equal.
    pub fn of(groups: &[&[f64]]) -> Option<Self> {
        let groups: Vec<&[f64]> = groups.iter().copied().filter(|g| !g.is_empty()).collect();
        let all = groups.concat();
        let n = all.len() as f64;
        let ties = 1.0 - ties(&all) / (n.powi(3) - n);
        if groups.len() < 2 || ties.is_nan() || ties <= 0.0 {
            return None;
        }
        let ranks = mean_ranks(&all);
        let mut rest = ranks.as_slice();
        let mut sum = 0.0;
        for group in &groups {
            let (own, after) = rest.split_at(group.len());
            rest = after;
            sum += own.iter().sum::<f64>().powi(2) / group.len() as f64;
        }
        let h = (12.0 / (n * (n + 1.0)) * sum - 3.0 * (n + 1.0)) / ties;
        let freedom = groups.len() - 1;
        let distribution = ChiSquared::new(freedom as f64).ok()?;
        Some(Self {
            h,
            freedom,
            p: distribution.sf(h.max(0.0)),
            epsilon_squared: (h / (n - 1.0)).clamp(0.0, 1.0),
        })
    }
}

/// Mann and Whitney's (1947) test of two groups.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct MannWhitney {
    /// U: pairs in which the first group's value is the higher one, ties as half a pair.
    pub u: f64,
    /// Two-sided p of the normal distribution, corrected for ties and continuity.
    pub p: f64,
    /// Effect size, Cliff's δ: how much more often the first group's value is higher than lower, −1 to 1.
    pub delta: f64,
}

impl MannWhitney {
    /// None where a group is empty or all values are equal.
    pub fn of(first: &[f64], second: &[f64]) -> Option<Self> {
        let (n1, n2) = (first.len() as f64, second.len() as f64);
        let all = [first, second].concat();
        let n = n1 + n2;
        let ranks = mean_ranks(&all);
        let u = ranks[..first.len()].iter().sum::<f64>() - n1 * (n1 + 1.0) / 2.0;
        let variance = n1 * n2 / 12.0 * (n + 1.0 - ties(&all) / (n * (n - 1.0)));
        if variance.is_nan() || variance <= 0.0 {
            return None;
        }
        let pairs = n1 * n2;
        // Half a pair for continuity.
        let z = (u.max(pairs - u) - pairs / 2.0 - 0.5) / variance.sqrt();
        let p = 2.0 * Normal::standard().sf(z);
        Some(Self {
            u,
            p: p.min(1.0),
            delta: 2.0 * u / pairs - 1.0,
        })
    }
}

/// Sum of t³ − t over the groups of equal values.
fn ties(values: &[f64]) -> f64 {
    let mut counts: BTreeMap<u64, f64> = BTreeMap::new();
    for value in values {
        // 0 and −0 are one value.
        *counts.entry((value + 0.0).to_bits()).or_default() += 1.0;
    }
    counts.values().map(|t| t.powi(3) - t).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-6
    }

    #[test]
    fn scipy_agrees() {
        // scipy.stats.kruskal and mannwhitneyu (`tests/fixtures/ratings.py`).
        let fixture: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/fixtures/ratings.json")).unwrap();
        for case in fixture["kruskal"].as_array().unwrap() {
            let groups: Vec<Vec<f64>> = serde_json::from_value(case["groups"].clone()).unwrap();
            let groups: Vec<&[f64]> = groups.iter().map(Vec::as_slice).collect();
            let found = KruskalWallis::of(&groups).unwrap();
            assert!(
                near(found.h, case["h"].as_f64().unwrap()),
                "{case} {found:?}"
            );
            assert!(
                near(found.p, case["p"].as_f64().unwrap()),
                "{case} {found:?}"
            );
        }
        for case in fixture["mann_whitney"].as_array().unwrap() {
            let floats =
                |key: &str| -> Vec<f64> { serde_json::from_value(case[key].clone()).unwrap() };
            let found = MannWhitney::of(&floats("a"), &floats("b")).unwrap();
            assert!(
                near(found.u, case["u"].as_f64().unwrap()),
                "{case} {found:?}"
            );
            assert!(
                near(found.p, case["p"].as_f64().unwrap()),
                "{case} {found:?}"
            );
        }
    }

    #[test]
    fn where_nothing_differs_nothing_is_tested() {
        assert_eq!(KruskalWallis::of(&[&[3.0, 3.0], &[3.0]]), None);
        assert_eq!(KruskalWallis::of(&[&[1.0, 2.0], &[]]), None);
        assert_eq!(KruskalWallis::of(&[]), None);
        assert_eq!(MannWhitney::of(&[2.0, 2.0], &[2.0]), None);
        assert_eq!(MannWhitney::of(&[], &[1.0]), None);
    }

    #[test]
    fn delta_is_one_where_the_first_is_always_higher() {
        let found = MannWhitney::of(&[4.0, 5.0], &[1.0, 2.0, 3.0]).unwrap();
        assert_eq!((found.u, found.delta), (6.0, 1.0));
        let other = MannWhitney::of(&[1.0, 2.0, 3.0], &[4.0, 5.0]).unwrap();
        assert!(near(other.delta, -1.0) && near(other.p, found.p));
    }
}
