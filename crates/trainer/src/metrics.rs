//! How well labels and probabilities answer the gold labels.
//!
//! Definitions and edge cases follow scikit-learn; `tests/fixtures/metrics.py` makes the fixture
//! that pins them.

use anyhow::{Result, ensure};
use serde::Serialize;

/// Bins of the calibration error.
const BINS: usize = 15;

/// Scores of one set of predictions.
#[derive(Debug, Clone, PartialEq, Serialize, serde::Deserialize)]
pub struct Scores {
    /// Rows scored.
    pub rows: usize,
    /// Share of rows whose most probable label is the gold one.
    pub accuracy: f64,
    /// Mean of [`Scores::f1`] over the classes that occur, in gold or prediction.
    pub macro_f1: f64,
    /// Matthews correlation for several classes (Gorodkin 2004); 0 where it is undefined.
    pub mcc: f64,
    /// Mean area under the curve, each class against the rest, over the classes that have rows both
    /// in and outside of them; none if there is no such class.
    pub auc: Option<f64>,
    /// Expected calibration error of the most probable label, 15 bins of equal width.
    pub ece: f64,
    /// F1 of each class; 0 for a class neither in gold nor in prediction.
    pub f1: Vec<f64>,
}

/// Index of the largest value, the first of equals.
pub fn argmax(values: &[f32]) -> usize {
    let mut best = 0;
    for (index, value) in values.iter().enumerate() {
        if *value > values[best] {
            best = index;
        }
    }
    best
}

impl Scores {
    /// Scores `probabilities` (`[rows][classes]`) against `gold` (`[rows]`, indices of classes).
    pub fn of_probabilities(probabilities: &[Vec<f32>], gold: &[usize]) -> Result<Self> {
        let classes = probabilities.first().map_or(0, Vec::len);
        ensure!(
            probabilities.len() == gold.len() && classes > 0,
            "scores: {} predictions of {classes} classes for {} rows",
            probabilities.len(),
            gold.len()
        );
        for (row, values) in probabilities.iter().enumerate() {
            ensure!(
                values.len() == classes
                    && values.iter().all(|p| p.is_finite())
                    && gold[row] < classes,
                "scores: row {row} of {classes} classes has gold class {} and probabilities {values:?}",
                gold[row]
            );
        }
        let predicted: Vec<usize> = probabilities.iter().map(|row| argmax(row)).collect();
        let counts = confusion(gold, &predicted, classes);
        let right: u64 = (0..classes).map(|class| counts[class][class]).sum();
        Ok(Self {
            rows: gold.len(),
            accuracy: ratio(right as f64, gold.len() as f64),
            macro_f1: macro_f1(&counts),
            mcc: mcc(&counts),
            auc: auc(gold, probabilities, classes),
            ece: ece(gold, &predicted, probabilities),
            f1: (0..classes).map(|class| f1(&counts, class)).collect(),
        })
    }

    /// [`Self::of_probabilities`] of the softmax of `logits`.
    pub fn of_logits(logits: &[Vec<f32>], gold: &[usize]) -> Result<Self> {
        let narrow = |row: Vec<f64>| row.into_iter().map(|p| p as f32).collect();
        let probabilities: Vec<Vec<f32>> = logits.iter().map(|row| narrow(softmax(row))).collect();
        Self::of_probabilities(&probabilities, gold)
    }
}

/// Probabilities of one row's logits.
pub fn softmax(logits: &[f32]) -> Vec<f64> {
    let largest = f64::from(logits.iter().copied().fold(f32::NEG_INFINITY, f32::max));
    let powers: Vec<f64> = logits
        .iter()
        .map(|z| (f64::from(*z) - largest).exp())
        .collect();
    let sum: f64 = powers.iter().sum();
    powers.iter().map(|power| power / sum).collect()
}

/// The probability of what is answered.
pub(crate) fn confidence(logits: &[f32]) -> f64 {
    softmax(logits).into_iter().fold(0.0, f64::max)
}

/// Rows by gold class and predicted class.
pub fn confusion(gold: &[usize], predicted: &[usize], classes: usize) -> Vec<Vec<u64>> {
    let mut counts = vec![vec![0; classes]; classes];
    for (gold, predicted) in gold.iter().zip(predicted) {
        counts[*gold][*predicted] += 1;
    }
    counts
}

fn ratio(above: f64, below: f64) -> f64 {
    if below == 0.0 { 0.0 } else { above / below }
}

/// Rows of gold class `class`, and rows predicted as it.
fn margins(counts: &[Vec<u64>], class: usize) -> (u64, u64) {
    (
        counts[class].iter().sum(),
        counts.iter().map(|row| row[class]).sum(),
    )
}

fn f1(counts: &[Vec<u64>], class: usize) -> f64 {
    let (gold, predicted) = margins(counts, class);
    ratio(2.0 * counts[class][class] as f64, (gold + predicted) as f64)
}

/// Mean F1 over the classes that occur, of rows by gold class and predicted class.
pub(crate) fn macro_f1(counts: &[Vec<u64>]) -> f64 {
    let occurs = |class: &usize| margins(counts, *class) != (0, 0);
    let scores: Vec<f64> = (0..counts.len())
        .filter(occurs)
        .map(|class| f1(counts, class))
        .collect();
    ratio(scores.iter().sum(), scores.len() as f64)
}

fn mcc(counts: &[Vec<u64>]) -> f64 {
    let classes = counts.len();
    let rows: f64 = counts.iter().flatten().sum::<u64>() as f64;
    let right: f64 = (0..classes).map(|class| counts[class][class] as f64).sum();
    let (mut both, mut golds, mut predictions) = (0.0, 0.0, 0.0);
    for class in 0..classes {
        let (gold, predicted) = margins(counts, class);
        let (gold, predicted) = (gold as f64, predicted as f64);
        both += gold * predicted;
        golds += gold * gold;
        predictions += predicted * predicted;
    }
    let spread = (rows * rows - golds) * (rows * rows - predictions);
    ratio(right * rows - both, spread.sqrt())
}

/// Macro one-vs-rest area under the ROC curve.
fn auc(gold: &[usize], probabilities: &[Vec<f32>], classes: usize) -> Option<f64> {
    let areas: Vec<f64> = (0..classes)
        .filter_map(|class| {
            let scores: Vec<f64> = probabilities
                .iter()
                .map(|row| f64::from(row[class]))
                .collect();
            let positive: Vec<bool> = gold.iter().map(|gold| *gold == class).collect();
            binary_auc(&scores, &positive)
        })
        .collect();
    (!areas.is_empty()).then(|| areas.iter().sum::<f64>() / areas.len() as f64)
}

/// Share of (positive, negative) pairs ranked rightly, a tie counting half (Mann–Whitney).
fn binary_auc(scores: &[f64], positive: &[bool]) -> Option<f64> {
    let ranks = mean_ranks(scores);
    let positives = positive.iter().filter(|is| **is).count() as f64;
    let negatives = scores.len() as f64 - positives;
    if positives == 0.0 || negatives == 0.0 {
        return None;
    }
    let sum: f64 = ranks
        .iter()
        .zip(positive)
        .filter(|(_, is)| **is)
        .map(|(rank, _)| rank)
        .sum();
    Some((sum - positives * (positives + 1.0) / 2.0) / (positives * negatives))
}

/// Ranks from 1 of finite values, equal ones sharing the mean of theirs.
pub(crate) fn mean_ranks(values: &[f64]) -> Vec<f64> {
    // Not `total_cmp`, which tells -0 from 0.
    let compare = |a: &usize, b: &usize| {
        values[*a]
            .partial_cmp(&values[*b])
            .unwrap_or(std::cmp::Ordering::Equal)
    };
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(compare);
    let mut ranks = vec![0.0; values.len()];
    let mut before = 0;
    for tied in order.chunk_by(|a, b| compare(a, b).is_eq()) {
        for index in tied {
            ranks[*index] = f64::midpoint((before + 1) as f64, (before + tied.len()) as f64);
        }
        before += tied.len();
    }
    ranks
}

/// Rows by confidence in bins (i/15, (i+1)/15] (Naeini et al. 2015).
struct Bins {
    rows: [u64; BINS],
    /// How many are right.
    right: [f64; BINS],
    /// Sum of their confidences.
    confident: [f64; BINS],
}

impl Bins {
    fn new(gold: &[usize], predicted: &[usize], probabilities: &[Vec<f32>]) -> Self {
        let mut bins = Self {
            rows: [0; BINS],
            right: [0.0; BINS],
            confident: [0.0; BINS],
        };
        for ((gold, predicted), row) in gold.iter().zip(predicted).zip(probabilities) {
            let confidence = f64::from(row[*predicted]);
            let bin = ((confidence * BINS as f64).ceil() as usize).clamp(1, BINS) - 1;
            bins.rows[bin] += 1;
            bins.right[bin] += f64::from(u8::from(gold == predicted));
            bins.confident[bin] += confidence;
        }
        bins
    }
}

/// Expected calibration error (Naeini et al. 2015): each bin's |accuracy − mean confidence| weighted by its
/// share of the rows.
fn ece(gold: &[usize], predicted: &[usize], probabilities: &[Vec<f32>]) -> f64 {
    let bins = Bins::new(gold, predicted, probabilities);
    let pairs = bins.right.iter().zip(bins.confident);
    let gaps = pairs.map(|(right, sum)| (right - sum).abs());
    ratio(gaps.sum(), gold.len() as f64)
}

/// How sure answers were and how often they were right, by [`BINS`] bins of confidence.
#[derive(Debug, Clone, PartialEq, Serialize, serde::Deserialize)]
pub struct Reliability {
    /// Rows in each bin.
    pub rows: Vec<u64>,
    /// Mean confidence of the rows of each bin; 0 where there is none.
    pub confidence: Vec<f64>,
    /// Share of them that are right; 0 where there is none.
    pub accuracy: Vec<f64>,
}

/// The bins whose gaps the expected calibration error is the mean of.
pub fn reliability(gold: &[usize], probabilities: &[Vec<f32>]) -> Reliability {
    let predicted: Vec<usize> = probabilities.iter().map(|row| argmax(row)).collect();
    let bins = Bins::new(gold, &predicted, probabilities);
    let mean = |sums: [f64; BINS]| {
        let pairs = sums.iter().zip(&bins.rows);
        pairs.map(|(sum, rows)| ratio(*sum, *rows as f64)).collect()
    };
    Reliability {
        rows: bins.rows.to_vec(),
        confidence: mean(bins.confident),
        accuracy: mean(bins.right),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Deserialize)]
    struct Case {
        name: String,
        classes: usize,
        gold: Vec<usize>,
        probabilities: Vec<Vec<f32>>,
        accuracy: f64,
        macro_f1: f64,
        mcc: f64,
        auc: Option<f64>,
        ece: f64,
        f1: Vec<f64>,
    }

    fn near(a: f64, b: f64) -> bool {
        // Both sides sum a few hundred f64 terms; probabilities are the same f32 values.
        (a - b).abs() < 1e-12
    }

    #[test]
    fn scikit_learn_agrees() {
        let cases: Vec<Case> =
            serde_json::from_str(include_str!("../tests/fixtures/metrics.json")).unwrap();
        assert!(cases.len() >= 8);
        for case in cases {
            let scores = Scores::of_probabilities(&case.probabilities, &case.gold).unwrap();
            assert_eq!(scores.f1.len(), case.classes);
            let name = &case.name;
            assert_eq!(scores.rows, case.gold.len());
            assert!(
                near(scores.accuracy, case.accuracy),
                "{name}: accuracy {}",
                scores.accuracy
            );
            assert!(
                near(scores.macro_f1, case.macro_f1),
                "{name}: macro-F1 {}",
                scores.macro_f1
            );
            assert!(near(scores.mcc, case.mcc), "{name}: MCC {}", scores.mcc);
            assert!(near(scores.ece, case.ece), "{name}: ECE {}", scores.ece);
            assert_eq!(scores.auc.is_some(), case.auc.is_some(), "{name}");
            let (found, want) = (scores.auc.unwrap_or(0.0), case.auc.unwrap_or(0.0));
            assert!(near(found, want), "{name}: AUC {found}");
            for (found, want) in scores.f1.iter().zip(&case.f1) {
                assert!(near(*found, *want), "{name}: F1 {found}");
            }
        }
    }

    #[test]
    fn what_can_not_be_scored_is_an_error() {
        assert!(Scores::of_probabilities(&[], &[]).is_err());
        assert!(Scores::of_probabilities(&[vec![0.5, 0.5]], &[]).is_err());
        assert!(Scores::of_probabilities(&[vec![0.5, 0.5]], &[2]).is_err());
        assert!(Scores::of_probabilities(&[vec![0.5, 0.5], vec![1.0]], &[0, 0]).is_err());
        assert!(Scores::of_logits(&[vec![f32::NAN, 0.0]], &[0]).is_err());
    }

    #[test]
    fn logits_are_scored_by_their_softmax() {
        let logits = [vec![1000.0, 998.0], vec![-1.0, 1.0]];
        let p = 1.0 / (1.0 + (-2f64).exp());
        let scores = Scores::of_logits(&logits, &[0, 0]).unwrap();
        assert_eq!((scores.accuracy, scores.auc), (0.5, None));
        // Both rows fall in one bin, half of them right.
        assert!((scores.ece - (p - 0.5)).abs() < 1e-7);
    }

    #[test]
    fn tied_ranks_share_their_mean() {
        assert_eq!(mean_ranks(&[0.5, 0.1, 0.5, 0.9]), [2.5, 1.0, 2.5, 4.0]);
        assert_eq!(mean_ranks(&[0.0, -0.0]), [1.5, 1.5]);
        assert_eq!(mean_ranks(&[]), [0.0; 0]);
    }

    #[test]
    fn the_bins_gaps_make_the_calibration_error() {
        let probabilities = [vec![0.9, 0.1], vec![0.92, 0.08], vec![0.4, 0.6]];
        let bins = reliability(&[0, 1, 1], &probabilities);
        assert_eq!(bins.rows.iter().sum::<u64>(), 3);
        let ece = (0..BINS)
            .map(|bin| {
                let gap = (bins.accuracy[bin] - bins.confidence[bin]).abs();
                gap * bins.rows[bin] as f64 / 3.0
            })
            .sum::<f64>();
        let scores = Scores::of_probabilities(&probabilities, &[0, 1, 1]).unwrap();
        assert!((ece - scores.ece).abs() < 1e-12 && ece > 0.3);
    }

    #[test]
    fn the_first_of_equals_is_chosen() {
        assert_eq!(argmax(&[0.2, 0.4, 0.4]), 1);
        assert_eq!(argmax(&[0.5, 0.5]), 0);
    }
}
