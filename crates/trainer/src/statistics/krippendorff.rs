//! How far raters agree.

/// Krippendorff's α for ordinal values (Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability"): 1 where
/// raters agree on every unit, 0 where they agree as by chance.
///
/// `units` has the values of each unit, a value a rater; those with a single value say nothing and are left out.
/// None where no unit has two, or all values are equal.
pub fn ordinal_alpha(units: &[Vec<u8>]) -> Option<f64> {
    let units = || units.iter().filter(|unit| unit.len() > 1);
    let most = usize::from(units().flatten().copied().max()?);
    // o[c][k]: pairs of values c and k within a unit, each unit as heavy as it has values.
    let mut pairs = vec![vec![0f64; most + 1]; most + 1];
    for unit in units() {
        let weight = 1.0 / (unit.len() - 1) as f64;
        for (index, &first) in unit.iter().enumerate() {
            for (other, &second) in unit.iter().enumerate() {
                if index != other {
                    pairs[usize::from(first)][usize::from(second)] += weight;
                }
            }
        }
    }
    let counts: Vec<f64> = pairs.iter().map(|row| row.iter().sum()).collect();
    let n: f64 = counts.iter().sum();
    let (mut observed, mut expected) = (0.0, 0.0);
    for low in 0..=most {
        for high in low + 1..=most {
            let between: f64 = counts[low..=high].iter().sum();
            let distance = (between - f64::midpoint(counts[low], counts[high])).powi(2);
            observed += 2.0 * pairs[low][high] * distance;
            expected += 2.0 * counts[low] * counts[high] * distance;
        }
    }
    (expected > 0.0).then(|| 1.0 - (n - 1.0) * observed / expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_python_package_agrees() {
        // krippendorff.alpha (`tests/fixtures/ratings.py`).
        let fixture: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/fixtures/ratings.json")).unwrap();
        for case in fixture["alpha"].as_array().unwrap() {
            let units: Vec<Vec<u8>> = serde_json::from_value(case["units"].clone()).unwrap();
            let found = ordinal_alpha(&units).unwrap();
            let want = case["alpha"].as_f64().unwrap();
            assert!((found - want).abs() < 1e-6, "{found} {case}");
        }
    }

    #[test]
    fn agreement_needs_two_raters_and_two_values() {
        assert_eq!(ordinal_alpha(&[]), None);
        assert_eq!(ordinal_alpha(&[vec![3], vec![], vec![5]]), None);
        assert_eq!(ordinal_alpha(&[vec![3, 3], vec![3, 3]]), None);
        assert_eq!(
            ordinal_alpha(&[vec![1, 1], vec![5, 5, 5], vec![2]]),
            Some(1.0)
        );
    }
}
