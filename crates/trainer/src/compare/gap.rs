//! How far an arm is from the teacher on the same test rows, and how sure that is.

use rand::RngExt;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::metrics::{confusion, macro_f1};
use crate::statistics::bootstrapped;
use crate::training::generator;

/// Samples of the test rows.
const SAMPLES: usize = 2000;

/// An arm's figure less the teacher's.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Gap {
    /// On the test rows as they are, the mean over seeds.
    pub value: f64,
    /// From here …
    pub low: f64,
    /// … to here lie 95 % of what other test rows would give for these very models: bootstrap over rows (Efron 1979),
    /// all runs on the same sample. Of other seeds it says nothing.
    pub high: f64,
}

/// Gaps of accuracy and macro-F1 on rows of `gold` classes: of each run its answers and the teacher's. None of none.
pub(super) fn gaps(answers: &[[&[usize]; 2]], gold: &[usize], classes: usize) -> Option<[Gap; 2]> {
    if answers.is_empty() {
        return None;
    }
    let whole: Vec<usize> = (0..gold.len()).collect();
    let value = difference(answers, gold, classes, &whole);
    let samples: Vec<[f64; 2]> = (0..SAMPLES as u64)
        .into_par_iter()
        .map(|sample| {
            let mut rng = generator(0, "test rows", sample);
            let draw = |_: &usize| rng.random_range(0..gold.len());
            let rows: Vec<usize> = whole.iter().map(draw).collect();
            difference(answers, gold, classes, &rows)
        })
        .collect();
    let gap = |figure: usize| {
        let mut samples: Vec<f64> = samples.iter().map(|sample| sample[figure]).collect();
        let [low, high] = bootstrapped(&mut samples)?;
        Some(Gap {
            value: value[figure],
            low,
            high,
        })
    };
    Some([gap(0)?, gap(1)?])
}

/// Accuracy and macro-F1 less the teacher's, in the mean over runs, on some rows.
fn difference(
    answers: &[[&[usize]; 2]],
    gold: &[usize],
    classes: usize,
    rows: &[usize],
) -> [f64; 2] {
    let pick = |values: &[usize]| -> Vec<usize> { rows.iter().map(|&row| values[row]).collect() };
    let gold = pick(gold);
    let score = |answers: &[usize]| {
        let counts = confusion(&gold, &pick(answers), classes);
        let right: u64 = (0..classes).map(|class| counts[class][class]).sum();
        [right as f64 / gold.len() as f64, macro_f1(&counts)]
    };
    let mut mean = [0.0; 2];
    for [own, teacher] in answers {
        let (own, teacher) = (score(own), score(teacher));
        for (mean, (own, teacher)) in mean.iter_mut().zip(own.iter().zip(teacher)) {
            *mean += (own - teacher) / answers.len() as f64;
        }
    }
    mean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_answers_have_no_gap_and_worse_ones_have() {
        let gold: Vec<usize> = (0..600).map(|row| row % 3).collect();
        let teacher: Vec<usize> = (0..600)
            .map(|row| if row % 10 == 0 { 0 } else { row % 3 })
            .collect();
        let [accuracy, f1] = gaps(&[[&teacher[..], &teacher[..]]; 2], &gold, 3).unwrap();
        assert_eq!(
            (accuracy.value, accuracy.low, accuracy.high),
            (0.0, 0.0, 0.0)
        );
        assert_eq!((f1.low, f1.high), (0.0, 0.0));
        let worse: Vec<usize> = (0..600)
            .map(|row| if row % 4 == 0 { 0 } else { row % 3 })
            .collect();
        let [accuracy, f1] = gaps(&[[&worse[..], &teacher[..]]], &gold, 3).unwrap();
        assert!(accuracy.high < 0.0 && f1.high < 0.0, "{accuracy:?} {f1:?}");
        assert!(accuracy.low < accuracy.value && accuracy.value < accuracy.high);
        // The interval of a difference of shares, by the normal approximation: ±1.96 · se.
        let wrong = |answers: &[usize], row: usize| f64::from(u8::from(answers[row] == gold[row]));
        let d: Vec<f64> = (0..600)
            .map(|row| wrong(&worse, row) - wrong(&teacher, row))
            .collect();
        let mean = d.iter().sum::<f64>() / 600.0;
        let se = (d.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 600.0 / 600.0).sqrt();
        assert!(
            (accuracy.low - (mean - 1.96 * se)).abs() < 0.006,
            "{accuracy:?} {mean} {se}"
        );
    }
}
