//! Means with their intervals, what differs between them and how sure that is, and how far raters agree.

mod krippendorff;
mod ranks;

use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, StudentsT};

pub use krippendorff::ordinal_alpha;
pub use ranks::{KruskalWallis, MannWhitney};

/// Share of intervals that hold the true mean.
const CONFIDENCE: f64 = 0.95;

/// A mean over independent runs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Mean {
    /// The mean.
    pub value: f64,
    /// Half the width of its 95 % interval (Student's t); none for a single run.
    pub half_width: Option<f64>,
    /// Runs.
    pub runs: usize,
}

impl Mean {
    /// The mean of `values`; none of no values.
    pub fn of(values: &[f64]) -> Option<Self> {
        let runs = values.len();
        let value = (runs > 0).then(|| values.iter().sum::<f64>() / runs as f64)?;
        let half_width = standard_error(values).map(|error| {
            let upper = f64::midpoint(1.0, CONFIDENCE);
            t(runs - 1).inverse_cdf(upper) * error
        });
        Some(Self {
            value,
            half_width,
            runs,
        })
    }
}

/// What the first of two arms has more than the second, run by run of the same seed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// Mean of the differences.
    pub mean: Mean,
    /// Two-sided p of a paired t-test; none for fewer than two pairs, or where all differences are equal.
    pub p: Option<f64>,
}

impl Difference {
    /// Of pairs (first, second); none of no pairs.
    pub fn of(pairs: &[(f64, f64)]) -> Option<Self> {
        let differences: Vec<f64> = pairs.iter().map(|(a, b)| a - b).collect();
        let mean = Mean::of(&differences)?;
        // Equal differences differ by rounding.
        let sizes = pairs.iter().flat_map(|(a, b)| [a.abs(), b.abs()]);
        let noise = 1e-12 * sizes.fold(0.0, f64::max);
        let error = standard_error(&differences).filter(|error| *error > noise);
        let p = error.map(|error| {
            let t = t(differences.len() - 1).cdf(-(mean.value / error).abs());
            2.0 * t
        });
        Some(Self { mean, p })
    }
}

/// Between which values 95 % of a bootstrap's samples lie, which come back sorted; none of no samples.
pub fn bootstrapped(samples: &mut [f64]) -> Option<[f64; 2]> {
    samples.sort_by(f64::total_cmp);
    let last = samples.len().checked_sub(1)?;
    let at = |share: f64| samples[(share * last as f64).round() as usize];
    let tail = (1.0 - CONFIDENCE) / 2.0;
    Some([at(tail), at(1.0 - tail)])
}

/// Standard error of the mean; none of fewer than two values.
fn standard_error(values: &[f64]) -> Option<f64> {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
    (values.len() > 1).then(|| (squares / (n - 1.0) / n).sqrt())
}

fn t(freedom: usize) -> StudentsT {
    StudentsT::new(0.0, 1.0, freedom as f64).expect("a t distribution of one degree at least")
}

/// Holm's (1979) step-down correction of p-values, in their order.
pub fn holm(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|a, b| p[*a].total_cmp(&p[*b]));
    let mut corrected = vec![0.0; p.len()];
    let mut least = 0f64;
    for (rank, &index) in order.iter().enumerate() {
        least = least.max(p[index] * (p.len() - rank) as f64).min(1.0);
        corrected[index] = least;
    }
    corrected
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-6
    }

    #[test]
    fn scipy_agrees() {
        // scipy.stats.t.interval and ttest_rel (`tests/fixtures/seeds.py`).
        let fixture: serde_json::Value =
            serde_json::from_str(include_str!("../tests/fixtures/seeds.json")).unwrap();
        let floats = |value: &serde_json::Value| -> Vec<f64> {
            serde_json::from_value(value.clone()).unwrap()
        };
        for case in fixture["means"].as_array().unwrap() {
            let mean = Mean::of(&floats(&case["values"])).unwrap();
            assert!(near(mean.value, case["mean"].as_f64().unwrap()), "{case}");
            let half = mean.half_width.unwrap();
            assert!(near(half, case["half_width"].as_f64().unwrap()), "{case}");
        }
        for case in fixture["pairs"].as_array().unwrap() {
            let (a, b) = (floats(&case["a"]), floats(&case["b"]));
            let pairs: Vec<(f64, f64)> = a.into_iter().zip(b).collect();
            let found = Difference::of(&pairs).unwrap();
            assert!(
                near(found.p.unwrap(), case["p"].as_f64().unwrap()),
                "{case}"
            );
        }
        for case in fixture["holm"].as_array().unwrap() {
            let found = holm(&floats(&case["p"]));
            for (found, want) in found.iter().zip(floats(&case["corrected"])) {
                assert!(near(*found, want), "{case}");
            }
        }
    }

    #[test]
    fn one_run_has_a_mean_and_no_interval() {
        let mean = Mean::of(&[0.5]).unwrap();
        assert_eq!((mean.value, mean.half_width, mean.runs), (0.5, None, 1));
        assert_eq!(Mean::of(&[]), None);
        assert_eq!(Difference::of(&[(0.5, 0.25)]).unwrap().p, None);
        assert_eq!(Difference::of(&[(0.5, 0.25), (0.75, 0.5)]).unwrap().p, None);
        // Two rows of forty more, each time.
        let more = [31.0, 33.0, 29.0, 30.0, 35.0].map(|right| ((right + 2.0) / 40.0, right / 40.0));
        assert_eq!(Difference::of(&more).unwrap().p, None);
    }
}
