//! Which texts a teacher is asked about when it can't be asked about all: accuracy against labels bought.
//!
//! Labels are bought in rounds: a student that learnt from those at hand says what it wants to know next. Gold labels
//! of training texts are not looked at; those of validation texts choose the epoch, as always.

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::metrics::{argmax, softmax};
use crate::page::charts::{Line, lines};
use crate::page::{Page, markdown};
use crate::statistics::{Difference, Mean};

/// How the next texts are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// At random.
    Random,
    /// Those of whose answer the student is least sure: the entropy of its probabilities.
    Uncertainty,
    /// Those whose words all speak alike, so that the student could not say why (after ELAD, Zhang et al. 2024): the
    /// entropy of what its words give to its answer.
    Explanation,
    /// Those on which the teacher differs most from the student. It knows what it is about to buy, and so is no way to
    /// save, but says what such a choice would be worth.
    Disagreement,
}

impl Way {
    /// All of them, what the others are held against first.
    pub const ALL: [Self; 4] = [
        Self::Random,
        Self::Uncertainty,
        Self::Explanation,
        Self::Disagreement,
    ];

    /// What it is called in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Random => "random",
            Self::Uncertainty => "uncertainty",
            Self::Explanation => "explanation",
            Self::Disagreement => "disagreement",
        }
    }
}

/// What a student says of a text.
#[derive(Debug, Clone, PartialEq)]
pub struct Said {
    /// Its logits.
    pub logits: Vec<f32>,
    /// What each token gives to the answer, more than to the mean of all classes.
    pub tokens: Vec<f32>,
}

/// How much a way wants to know what the teacher, whose logits these are, says of a text. Random wants all alike.
pub fn want(way: Way, said: &Said, teacher: &[f32]) -> f64 {
    match way {
        Way::Random => 0.0,
        Way::Uncertainty => entropy(&softmax(&said.logits)),
        Way::Explanation => {
            let sizes: Vec<f64> = said.tokens.iter().map(|&t| f64::from(t.abs())).collect();
            let sum: f64 = sizes.iter().sum();
            if sizes.len() < 2 || sum <= 0.0 {
                return 0.0;
            }
            let shares: Vec<f64> = sizes.iter().map(|size| size / sum).collect();
            entropy(&shares) / (sizes.len() as f64).ln()
        }
        Way::Disagreement => {
            let (p, q) = (softmax(teacher), softmax(&said.logits));
            let terms = p.iter().zip(&q).filter(|(p, _)| **p > 0.0);
            terms
                .map(|(p, q)| p * (p / q.max(f64::MIN_POSITIVE)).ln())
                .sum()
        }
    }
}

fn entropy(shares: &[f64]) -> f64 {
    let positive = shares.iter().filter(|share| **share > 0.0);
    -positive.map(|share| share * share.ln()).sum::<f64>()
}

/// The `count` most wanted of `left`, which stand in random order, so that equals are drawn at random.
pub fn choose(left: &[usize], wants: &[f64], count: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..left.len()).collect();
    order.sort_by(|a, b| wants[*b].total_cmp(&wants[*a]));
    order.truncate(count);
    order.into_iter().map(|place| left[place]).collect()
}

/// The centred contributions of one text's tokens to its answer, of `[time, classes]` contributions.
pub fn answered(logits: &[f32], contributions: &[f32], tokens: usize) -> Said {
    let classes = logits.len();
    let answer = argmax(logits);
    let token = |row: &[f32]| row[answer] - row.iter().sum::<f32>() / classes as f32;
    Said {
        logits: logits.to_vec(),
        tokens: contributions
            .chunks(classes)
            .take(tokens)
            .map(token)
            .collect(),
    }
}

/// A student that learnt from some labels.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Labels that were bought.
    pub labels: usize,
    /// Test accuracy.
    pub accuracy: f64,
    /// Test macro-F1.
    pub macro_f1: f64,
}

/// All rounds of one way from one seed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Curve {
    /// How texts were chosen.
    pub way: Way,
    /// The seed.
    pub seed: u64,
    /// The rounds.
    pub points: Vec<Point>,
}

/// The curves of all ways and seeds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Curves {
    /// The recipe's name.
    pub name: String,
    /// One a way and seed.
    pub curves: Vec<Curve>,
}

impl Curves {
    /// Labels bought after each round.
    fn labels(&self) -> Vec<usize> {
        let first = self.curves.first();
        first.map_or_else(Vec::new, |curve| {
            curve.points.iter().map(|point| point.labels).collect()
        })
    }

    /// Accuracies of a way after a round, by seed.
    fn accuracies(&self, way: Way, round: usize) -> Vec<(u64, f64)> {
        let own = self.curves.iter().filter(|curve| curve.way == way);
        own.filter_map(|curve| Some((curve.seed, curve.points.get(round)?.accuracy)))
            .collect()
    }

    /// Mean accuracy of a way after a round.
    fn mean(&self, way: Way, round: usize) -> Option<Mean> {
        let all = self.accuracies(way, round).into_iter();
        Mean::of(&all.map(|(_, accuracy)| accuracy).collect::<Vec<f64>>())
    }

    /// What a way has more than chance after a round.
    fn gain(&self, way: Way, round: usize) -> Option<Difference> {
        let chance = self.accuracies(Way::Random, round);
        let pair = |(seed, own): (u64, f64)| {
            let (_, chance) = chance.iter().find(|(other, _)| *other == seed)?;
            Some((own, *chance))
        };
        let pairs = self.accuracies(way, round).into_iter().filter_map(pair);
        Difference::of(&pairs.collect::<Vec<_>>())
    }

    /// Head and rows: test accuracy by labels bought, and what each way gains over chance.
    fn grid(&self) -> Vec<Vec<String>> {
        let mut head = vec!["labels".to_owned()];
        head.extend(Way::ALL.map(|way| way.name().to_owned()));
        let mut lines = vec![head];
        for (round, labels) in self.labels().into_iter().enumerate() {
            let cell = |way: Way| {
                let mean = self.mean(way, round).map_or_else(String::new, shown);
                match self.gain(way, round).filter(|_| way != Way::Random) {
                    Some(gain) => format!("{mean} ({:+.3})", gain.mean.value),
                    None => mean,
                }
            };
            let cells = Way::ALL.map(cell);
            lines.push(std::iter::once(labels.to_string()).chain(cells).collect());
        }
        lines
    }

    /// As Markdown.
    pub fn markdown(&self) -> String {
        format!("{}\n{NOTE}\n", markdown(&self.grid()))
    }

    /// As a page that needs nothing else.
    pub fn html(&self) -> Result<String> {
        let mut page = Page::new(&format!("{}: accuracy against labels bought", self.name));
        page.grid(&self.grid());
        page.paragraph(NOTE);
        let labels = self.labels();
        let line = |way: Way| {
            let point = |(round, labels): (usize, &usize)| {
                Some((*labels as f64, self.mean(way, round)?.value))
            };
            Line {
                name: way.name().into(),
                points: labels.iter().enumerate().filter_map(point).collect(),
            }
        };
        page.figure(&lines("Mean test accuracy", "labels", &Way::ALL.map(line))?);
        Ok(page.finish())
    }
}

/// What stands under every table.
const NOTE: &str = "Test accuracy, mean ± half of a 95 % interval over seeds, in brackets what a way has more than \
                    random choice. Disagreement knows the labels that it is about to \
                    buy, and is no way to save.";

fn shown(mean: Mean) -> String {
    match mean.half_width {
        Some(half) => format!("{:.3} ±{half:.3}", mean.value),
        None => format!("{:.3}", mean.value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(logits: &[f32], tokens: &[f32]) -> Said {
        Said {
            logits: logits.to_vec(),
            tokens: tokens.to_vec(),
        }
    }

    #[test]
    fn each_way_wants_what_it_is_for() {
        let more = |way, first: &Said, second: &Said, teacher: &[f32]| {
            want(way, first, teacher) > want(way, second, teacher)
        };
        let (unsure, sure) = (
            said(&[0.1, 0.0], &[1.0, 0.0]),
            said(&[3.0, -3.0], &[1.0, 0.0]),
        );
        assert!(more(Way::Uncertainty, &unsure, &sure, &[0.0, 0.0]));
        let (vague, clear) = (
            said(&[1.0, 0.0], &[0.5, -0.5, 0.5]),
            said(&[1.0, 0.0], &[2.0, 0.1, 0.0]),
        );
        assert!(more(Way::Explanation, &vague, &clear, &[0.0, 0.0]));
        assert!((want(Way::Explanation, &vague, &[]) - 1.0).abs() < 1e-9);
        assert!(more(Way::Disagreement, &sure, &unsure, &[-3.0, 3.0]));
        assert!(want(Way::Disagreement, &sure, &[3.0, -3.0]).abs() < 1e-9);
        // A text of one token, or of none, has nothing to choose between.
        for tokens in [&[][..], &[1.0], &[0.0, 0.0]] {
            assert!(want(Way::Explanation, &said(&[1.0, 0.0], tokens), &[]).abs() < 1e-9);
        }
    }

    #[test]
    fn the_most_wanted_come_first_and_equals_as_they_stand() {
        assert_eq!(choose(&[7, 3, 9, 1], &[0.5, 2.0, 0.5, 1.0], 3), [3, 1, 7]);
        assert_eq!(choose(&[7, 3], &[0.0, 0.0], 9), [7, 3]);
    }

    #[test]
    fn tokens_are_centred_and_padding_is_none() {
        let found = answered(&[0.0, 2.0], &[1.0, 3.0, 0.0, 0.5, 9.0, 9.0], 2);
        assert_eq!(found.tokens, [1.0, 0.25]);
    }

    #[test]
    fn tables_hold_every_way_against_chance() {
        let curve = |way, seed, accuracies: [f64; 2]| Curve {
            way,
            seed,
            points: [10, 20]
                .into_iter()
                .zip(accuracies)
                .map(|(labels, accuracy)| Point {
                    labels,
                    accuracy,
                    macro_f1: accuracy,
                })
                .collect(),
        };
        let curves = Curves {
            name: "x".into(),
            curves: vec![
                curve(Way::Random, 0, [0.5, 0.75]),
                curve(Way::Random, 1, [0.7, 0.75]),
                curve(Way::Uncertainty, 1, [0.8, 0.75]),
                curve(Way::Uncertainty, 0, [0.6, 0.75]),
            ],
        };
        let text = curves.markdown();
        assert!(
            text.contains("| 10 | 0.600 ±") && text.contains("(+0.100)"),
            "{text}"
        );
        assert!(curves.html().unwrap().contains("uncertainty"));
    }
}
