//! What ratings say: means, differences between groups, and how far raters agree.

use rand::RngExt;
use serde::Serialize;

use super::ratings::{Rating, Ratings};
use crate::statistics::{KruskalWallis, MannWhitney, Mean, bootstrapped, holm, ordinal_alpha};
use crate::training::generator;

/// Samples of the items.
const SAMPLES: usize = 1000;

/// Of fewer items a bootstrap says nothing.
const FEW: usize = 10;

/// A group's ratings of one construct.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Group {
    /// The group.
    pub name: String,
    /// Mean over items, of each the mean of its raters, with its interval; none without a rating.
    pub mean: Option<Mean>,
}

/// Two groups held against each other.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Pair {
    /// The first group.
    pub first: String,
    /// The second.
    pub second: String,
    /// The test.
    pub test: MannWhitney,
    /// Its p after Holm's correction over the pairs of this construct.
    pub corrected: f64,
}

/// How far raters agree on a construct.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Agreement {
    /// Krippendorff's α, ordinal.
    Alpha {
        /// Over the items that several rated.
        alpha: f64,
        /// 95 % of a bootstrap over these items; none of a few.
        interval: Option<[f64; 2]>,
        /// How many these are.
        items: usize,
    },
    /// It can't be said.
    Unknown {
        /// Why.
        why: String,
    },
}

/// Everything about one construct.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Construct {
    /// Its name.
    pub name: String,
    /// The groups, in the order of the alphabet.
    pub groups: Vec<Group>,
    /// Whether the groups differ; none where all ratings are equal or there is one group.
    pub test: Option<KruskalWallis>,
    /// Its p after Holm's correction over all constructs.
    pub corrected: Option<f64>,
    /// Every two groups.
    pub pairs: Vec<Pair>,
    /// How far raters agree.
    pub agreement: Agreement,
}

/// What a study found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Analysis {
    /// Rows that count: a rater's of an item.
    pub rows: usize,
    /// Who gave them.
    pub raters: usize,
    /// What they are of.
    pub items: usize,
    /// Raters who failed a check of attention, whose ratings don't count.
    pub inattentive: Vec<String>,
    /// Each construct.
    pub constructs: Vec<Construct>,
}

/// Analyses ratings; `seed` draws the bootstrap.
pub fn analyse(ratings: &Ratings, seed: u64) -> Analysis {
    let mut constructs: Vec<Construct> = (0..ratings.constructs.len())
        .map(|index| construct(ratings, index, seed))
        .collect();
    let tested: Vec<f64> = constructs.iter().filter_map(|c| Some(c.test?.p)).collect();
    let mut corrected = holm(&tested).into_iter();
    for construct in &mut constructs {
        construct.corrected = construct.test.and_then(|_| corrected.next());
    }
    Analysis {
        rows: ratings.rows.len(),
        raters: ratings.raters.len(),
        items: ratings.items,
        inattentive: ratings.inattentive.clone(),
        constructs,
    }
}

fn construct(ratings: &Ratings, index: usize, seed: u64) -> Construct {
    let values = by_item(ratings, index);
    let groups = ratings.groups.iter().zip(&values);
    let slices: Vec<&[f64]> = values.iter().map(Vec::as_slice).collect();
    let mut pairs = Vec::new();
    for (first, name) in ratings.groups.iter().enumerate() {
        for (second, other) in ratings.groups.iter().enumerate().skip(first + 1) {
            pairs.extend(
                MannWhitney::of(&values[first], &values[second]).map(|test| Pair {
                    first: name.clone(),
                    second: other.clone(),
                    test,
                    corrected: 0.0,
                }),
            );
        }
    }
    let p: Vec<f64> = pairs.iter().map(|pair| pair.test.p).collect();
    for (pair, corrected) in pairs.iter_mut().zip(holm(&p)) {
        pair.corrected = corrected;
    }
    Construct {
        name: ratings.constructs[index].clone(),
        groups: groups
            .map(|(name, values)| Group {
                name: name.clone(),
                mean: Mean::of(values),
            })
            .collect(),
        test: KruskalWallis::of(&slices),
        corrected: None,
        pairs,
        agreement: agreement(ratings, index, seed),
    }
}

/// For each group the mean rating of each of its items: an item's raters rate one thing, and are one observation of it.
fn by_item(ratings: &Ratings, index: usize) -> Vec<Vec<f64>> {
    let mut items = vec![(0, 0.0, 0.0); ratings.items];
    for row in &ratings.rows {
        if let Some(value) = row.values[index] {
            let (group, sum, count) = &mut items[row.item];
            *group = row.group;
            *sum += f64::from(value);
            *count += 1.0;
        }
    }
    let mut values: Vec<Vec<f64>> = vec![Vec::new(); ratings.groups.len()];
    for (group, sum, count) in items.into_iter().filter(|(_, _, count)| *count > 0.0) {
        values[group].push(sum / count);
    }
    values
}

fn agreement(ratings: &Ratings, index: usize, seed: u64) -> Agreement {
    let mut units: Vec<Vec<u8>> = vec![Vec::new(); ratings.items];
    let rated = |row: &Rating| Some((row.item, row.values[index]?));
    for (item, value) in ratings.rows.iter().filter_map(rated) {
        units[item].push(value);
    }
    let all = units.iter().filter(|unit| !unit.is_empty()).count();
    units.retain(|unit| unit.len() > 1);
    if units.is_empty() {
        let why =
            format!("each of {all} items has one rater; agreement needs items that several rated");
        return Agreement::Unknown { why };
    }
    let Some(alpha) = ordinal_alpha(&units) else {
        let why = "all ratings of the items that several rated are equal".to_owned();
        return Agreement::Unknown { why };
    };
    let sample = |sample: usize| {
        let mut rng = generator(seed, "rated items", sample as u64);
        let draw = |_: &Vec<u8>| units[rng.random_range(0..units.len())].clone();
        ordinal_alpha(&units.iter().map(draw).collect::<Vec<_>>())
    };
    let mut samples: Vec<f64> = (0..SAMPLES).filter_map(sample).collect();
    let interval = bootstrapped(&mut samples);
    Agreement::Alpha {
        alpha,
        interval: interval.filter(|_| units.len() >= FEW),
        items: units.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ratings of one construct: rater, item, group, value.
    fn ratings(rows: &[(usize, usize, usize, u8)]) -> Ratings {
        Ratings {
            constructs: vec!["plausibility".into()],
            groups: vec!["a".into(), "b".into()],
            raters: (0..9).map(|rater| rater.to_string()).collect(),
            inattentive: Vec::new(),
            items: rows.iter().map(|row| row.1 + 1).max().unwrap_or(0),
            rows: rows
                .iter()
                .map(|&(rater, item, group, value)| Rating {
                    rater,
                    item,
                    group,
                    values: vec![Some(value)],
                })
                .collect(),
        }
    }

    #[test]
    fn agreement_of_single_raters_is_refused() {
        let found = analyse(&ratings(&[(0, 0, 0, 3), (0, 1, 1, 5), (1, 2, 0, 4)]), 0);
        let Agreement::Unknown { why } = &found.constructs[0].agreement else {
            panic!("{found:?}");
        };
        assert!(why.contains("each of 3 items has one rater"), "{why}");
    }

    #[test]
    fn raters_who_agree_have_an_alpha_of_one() {
        let rows = [
            (0, 0, 0, 2),
            (1, 0, 0, 2),
            (0, 1, 1, 5),
            (1, 1, 1, 5),
            (0, 2, 1, 4),
        ];
        let found = analyse(&ratings(&rows), 0);
        let all = Agreement::Alpha {
            alpha: 1.0,
            interval: None,
            items: 2,
        };
        assert_eq!(found.constructs[0].agreement, all);
        let means = &found.constructs[0].groups;
        assert_eq!(means[0].mean, Mean::of(&[2.0]));
        assert_eq!(means[1].mean, Mean::of(&[5.0, 4.0]));
    }

    #[test]
    fn one_construct_is_not_corrected_and_one_pair_neither() {
        let rows: Vec<_> = (0..12)
            .map(|i| (i % 3, i, i % 2, 1 + ((i * 7) % 5) as u8))
            .collect();
        let found = analyse(&ratings(&rows), 0);
        let construct = &found.constructs[0];
        assert_eq!(construct.corrected, construct.test.map(|test| test.p));
        let pair = &construct.pairs[0];
        assert_eq!(Some(pair.corrected), Some(pair.test.p));
    }

    #[test]
    fn an_items_raters_are_one_observation() {
        let one = |rater, item, group| (rater, item, group, 1 + ((item * 7 + group) % 5) as u8);
        let single: Vec<_> = (0..12).map(|i| one(0, i, i % 2)).collect();
        let thrice: Vec<_> = (0..36).map(|i| one(i / 12, i % 12, i % 2)).collect();
        let [single, thrice] =
            [single, thrice].map(|rows| analyse(&ratings(&rows), 0).constructs.remove(0));
        assert_eq!((single.test, &single.groups), (thrice.test, &thrice.groups));
        let Agreement::Alpha {
            alpha, interval, ..
        } = thrice.agreement
        else {
            panic!("{thrice:?}");
        };
        assert_eq!((Some(alpha), interval), (Some(1.0), Some([1.0, 1.0])));
    }
}
