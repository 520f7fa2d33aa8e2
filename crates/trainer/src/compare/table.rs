//! The table: a row an arm, means over its runs, and what differs from what.

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;

use super::arms::{Arm, Cell, RECIPE, Work};
use super::cell::{Figures, Finished, Outcome};
use super::environment::Environment;
use super::gap::{Gap, gaps};
use crate::data;
use crate::page::markdown;
use crate::recipe::Loaded;
use crate::statistics::{Difference, Mean, holm};

/// A figure of a run.
struct Column {
    name: &'static str,
    /// What it is called where room is short.
    short: &'static str,
    of: fn(&Figures) -> Option<f64>,
}

/// Every figure of a run, in the order of the table.
const COLUMNS: [Column; 34] = [
    column("accuracy", "acc.", |f| Some(f.test.accuracy)),
    column("questions right", "questions", |f| f.chosen),
    column("macro-F1", "F1", |f| Some(f.test.macro_f1)),
    column("MCC", "MCC", |f| Some(f.test.mcc)),
    column("AUC", "AUC", |f| f.test.auc),
    column("ECE", "ECE", |f| f.reliability.as_ref().map(|_| f.test.ece)),
    column("bytes", "bytes", |f| f.bytes.map(|bytes| bytes as f64)),
    column("cosine", "cos.", |f| {
        Some(f.agreement.as_ref()?.agreement.cosine)
    }),
    column("cosine, shuffled", "shuffled", |f| {
        Some(f.agreement.as_ref()?.random.cosine)
    }),
    column("feature agreement", "top 3", |f| {
        Some(f.agreement.as_ref()?.agreement.feature)
    }),
    column("sign agreement", "sign", |f| {
        Some(f.agreement.as_ref()?.agreement.sign)
    }),
    column("signed rank agreement", "rank", |f| {
        Some(f.agreement.as_ref()?.agreement.signed_rank)
    }),
    column("Spearman", "ρ", |f| {
        Some(f.agreement.as_ref()?.agreement.spearman)
    }),
    column("comprehensiveness", "compr.", |f| {
        Some(f.faithfulness?.comprehensiveness)
    }),
    column("sufficiency", "suff.", |f| {
        Some(f.faithfulness?.sufficiency)
    }),
    column("normalised AOPC", "NAOPC", |f| {
        Some(f.faithfulness?.normalised_aopc)
    }),
    column("AUPRC", "AUPRC", |f| Some(f.plausibility?.auprc)),
    column("AUPRC, by chance", "chance", |f| {
        Some(f.plausibility?.chance)
    }),
    column("token F1", "token F1", |f| Some(f.plausibility?.token_f1)),
    column("IoU", "IoU", |f| Some(f.plausibility?.iou)),
    column("average domain", "domains", average_domain),
    column("worst domain", "worst", worst_domain),
    column("tokens of a reason", "tokens", |f| {
        Some(f.reasons.as_ref()?.tokens)
    }),
    column("perplexity of people's reasons", "perpl.", |f| {
        f.reasons.as_ref()?.perplexity
    }),
    column("similarity to people's reasons", "similar", |f| {
        f.reasons.as_ref()?.similarity
    }),
    column("similarity, shuffled", "by chance", |f| {
        f.reasons.as_ref()?.similarity_shuffled
    }),
    column("reasons that name the answer", "answer", |f| {
        Some(f.reasons.as_ref()?.names_answer)
    }),
    column("reasons that name another", "another", |f| {
        Some(f.reasons.as_ref()?.names_other)
    }),
    column("reasons that end", "ended", |f| {
        Some(f.reasons.as_ref()?.ended)
    }),
    column("label leakage", "leakage", |f| {
        Some(f.reasons.as_ref()?.leakage)
    }),
    column("LAS", "LAS", |f| Some(f.reasons.as_ref()?.las)),
    column("decoder's accuracy", "dec. acc.", |f| {
        f.reasons.as_ref()?.answer_accuracy
    }),
    column("decoder agrees with label head", "agrees", |f| {
        f.reasons.as_ref()?.agrees
    }),
    column("probe", "probe", |f| f.reasons.as_ref()?.probe),
];

fn average_domain(figures: &Figures) -> Option<f64> {
    let all = &figures.by_domain;
    (!all.is_empty()).then(|| all.values().sum::<f64>() / all.len() as f64)
}

fn worst_domain(figures: &Figures) -> Option<f64> {
    figures.by_domain.values().copied().reduce(f64::min)
}

const fn column(
    name: &'static str,
    short: &'static str,
    of: fn(&Figures) -> Option<f64>,
) -> Column {
    Column { name, short, of }
}

/// What arms of one kind are held against each other for.
const TRIED: [&str; 10] = [
    "accuracy",
    "questions right",
    "macro-F1",
    "cosine",
    "normalised AOPC",
    "AUPRC",
    "average domain",
    "worst domain",
    "similarity to people's reasons",
    "LAS",
];

/// One arm.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Row {
    /// Its name.
    pub arm: String,
    /// Whether it is the recipe's own.
    pub ablation: bool,
    /// Runs that it is to have.
    pub wanted: usize,
    /// Runs that came to their end.
    pub runs: usize,
    /// Runs that did not: seed and reason.
    pub failed: Vec<(u64, String)>,
    /// Figures by name.
    pub figures: BTreeMap<String, Mean>,
    /// The teacher's bytes over its own.
    pub compression: Option<f64>,
    /// Median time of the runtime for a text, in microseconds.
    pub latency: Option<f64>,
    /// That of the teacher's int8 bundle over its own.
    pub speed_up: Option<f64>,
    /// Accuracy and macro-F1 less the teacher's.
    pub gap: Option<[Gap; 2]>,
    /// Hash of the teacher that its words were compared with.
    pub teacher: Option<String>,
}

/// One run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct One {
    /// Its arm.
    pub arm: String,
    /// Its seed.
    pub seed: u64,
    /// Figures by name; none where it diverged.
    pub figures: BTreeMap<String, f64>,
}

/// Two arms held against each other.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Compared {
    /// The one.
    pub first: String,
    /// The other.
    pub second: String,
    /// The figure.
    pub figure: String,
    /// What the first has more, seed by seed.
    pub difference: Difference,
    /// Its p among all of the table's, by Holm.
    pub corrected: Option<f64>,
}

/// All that a comparison found.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Table {
    /// The recipe's name.
    pub name: String,
    /// The data's name, as the card has it.
    pub data: String,
    /// Hash of the rows.
    pub data_hash: String,
    /// Test rows.
    pub test_rows: usize,
    /// Where it was made.
    pub environment: Environment,
    /// A row an arm.
    pub rows: Vec<Row>,
    /// Every run.
    pub runs: Vec<One>,
    /// What differs.
    pub compared: Vec<Compared>,
    /// The recipe, names of variables in place of their values.
    pub recipe: String,
}

impl Table {
    /// Gathers what has been done.
    pub(super) fn new(
        recipe: &Loaded,
        data: &data::Loaded,
        arms: &[Arm],
        found: &[(Cell, Option<Finished>)],
        times: &HashMap<String, f64>,
    ) -> Self {
        let split = &data.split;
        let gold: Vec<usize> = split.test.iter().map(|example| example.label).collect();
        let first = recipe.recipe.seed;
        let done = |name: &str| -> Vec<(u64, &Figures)> {
            let own = found.iter().filter(|(cell, _)| cell.arm.name == name);
            own.filter_map(|(cell, f)| Some((cell.seed, f.as_ref()?.outcome.figures()?)))
                .collect()
        };
        let teachers: HashMap<u64, &Figures> = done("teacher").into_iter().collect();
        let mut rows: Vec<Row> = arms
            .iter()
            .map(|arm| {
                let done = done(&arm.name);
                // All students have the first teacher; of teachers made smaller each has its own.
                let own = |seed| match arm.work {
                    Work::Quantized | Work::Pruned(_) => seed,
                    _ => first,
                };
                let answers: Vec<[&[usize]; 2]> = done
                    .iter()
                    .filter(|_| arm.work != Work::Teacher)
                    .filter_map(|(seed, figures)| {
                        let teacher = teachers.get(&own(*seed))?;
                        Some([&figures.predicted[..], &teacher.predicted[..]])
                    })
                    .collect();
                let figures: Vec<&Figures> = done.iter().map(|(_, figures)| *figures).collect();
                Row {
                    arm: arm.name.clone(),
                    ablation: arm.ablation,
                    wanted: arm.seeds,
                    runs: figures.len(),
                    failed: failed(found, &arm.name),
                    figures: means(&figures),
                    compression: None,
                    latency: times.get(&arm.name).copied(),
                    speed_up: None,
                    gap: gaps(&answers, &gold, split.labels.len()),
                    teacher: figures.iter().find_map(|figures| figures.teacher.clone()),
                }
            })
            .collect();
        let bytes = |row: &Row| row.figures.get("bytes").map(|mean| mean.value);
        let of = |name: &str| rows.iter().find(|row| row.arm == name);
        let size = of("teacher").and_then(bytes);
        let time = of("teacher-int8").and_then(|row| row.latency);
        for row in &mut rows {
            row.compression = size.zip(bytes(row)).map(|(teacher, own)| teacher / own);
            row.speed_up = time.zip(row.latency).map(|(teacher, own)| teacher / own);
        }
        let runs: Vec<One> = found.iter().filter_map(one).collect();
        Self {
            name: recipe.recipe.name.clone(),
            data: recipe.recipe.card.data.clone(),
            data_hash: data.hash.clone(),
            test_rows: gold.len(),
            environment: Environment::here(),
            compared: compared(arms, &runs),
            rows,
            runs,
            recipe: recipe.portable.clone(),
        }
    }

    /// Every run as CSV, a line each.
    pub fn csv(&self) -> Result<String> {
        let mut out = csv::Writer::from_writer(Vec::new());
        let names = COLUMNS.iter().map(|column| column.name);
        out.write_record(["arm", "seed"].into_iter().chain(names))?;
        for run in &self.runs {
            let value = |column: &Column| {
                let value = run.figures.get(column.name);
                value.map_or(String::new(), ToString::to_string)
            };
            let head = [run.arm.clone(), run.seed.to_string()];
            out.write_record(head.into_iter().chain(COLUMNS.iter().map(value)))?;
        }
        match out.into_inner() {
            Ok(bytes) => Ok(String::from_utf8(bytes)?),
            Err(error) => bail!("compare.csv: {error}"),
        }
    }

    /// The table as Markdown.
    pub fn markdown(&self) -> String {
        let mut out = markdown(&self.grid());
        // Writing to a string can't fail.
        for line in self.notes() {
            let _ = writeln!(out, "\n{line}");
        }
        out
    }

    /// Head and rows of the table, as text.
    pub(super) fn grid(&self) -> Vec<Vec<String>> {
        let shown = |column: &&Column| {
            self.rows
                .iter()
                .any(|row| row.figures.contains_key(column.name))
        };
        let columns: Vec<&Column> = COLUMNS.iter().filter(shown).collect();
        let mut head = vec!["arm".to_owned(), "runs".to_owned()];
        head.extend(columns.iter().map(|column| column.short.to_owned()));
        head.extend(["times smaller", "µs", "times faster"].map(ToOwned::to_owned));
        let mut lines = vec![head];
        for row in self.rows.iter().filter(|row| row.runs > 0) {
            let mut line = vec![row.arm.clone(), format!("{} of {}", row.runs, row.wanted)];
            line.extend(columns.iter().map(|column| {
                let mean = row.figures.get(column.name);
                mean.map_or_else(String::new, |mean| shown_mean(column, *mean))
            }));
            let number = |value: Option<f64>, places: usize| {
                value.map_or_else(String::new, |value| format!("{value:.places$}"))
            };
            line.push(number(row.compression, 1));
            line.push(number(row.latency, 0));
            line.push(number(row.speed_up, 1));
            lines.push(line);
        }
        lines
    }

    /// What stands below the table: runs that are missing or failed, gaps and differences.
    pub(super) fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        let missing: Vec<String> = self
            .rows
            .iter()
            .filter(|row| row.runs + row.failed.len() < row.wanted)
            .map(|row| {
                let missing = row.wanted - row.runs - row.failed.len();
                format!("{} ({missing})", row.arm)
            })
            .collect();
        if !missing.is_empty() {
            notes.push(format!("Runs not done yet: {}.", missing.join(", ")));
        }
        for row in &self.rows {
            for (seed, why) in &row.failed {
                notes.push(format!("{}, seed {seed}: {why}.", row.arm));
            }
        }
        let mut teachers: Vec<&str> = self
            .rows
            .iter()
            .filter_map(|r| r.teacher.as_deref())
            .collect();
        teachers.sort_unstable();
        teachers.dedup();
        if teachers.len() > 1 {
            notes.push(
                "The rows have more than one teacher: shards were run on different devices or machines. Copy the \
                 teach-… folder to all of them first, and run them again."
                    .into(),
            );
        }
        for row in &self.rows {
            let Some([accuracy, f1]) = row.gap else {
                continue;
            };
            notes.push(format!(
                "{} less the teacher: accuracy {}, macro-F1 {} (bootstrap over test rows, of these seeds).",
                row.arm,
                accuracy.text(),
                f1.text()
            ));
        }
        notes.extend(self.compared.iter().map(Compared::text));
        notes
    }
}

fn failed(found: &[(Cell, Option<Finished>)], name: &str) -> Vec<(u64, String)> {
    let own = found.iter().filter(|(cell, _)| cell.arm.name == name);
    own.filter_map(|(cell, finished)| match &finished.as_ref()?.outcome {
        Outcome::Diverged(why) => Some((cell.seed, format!("diverged: {why}"))),
        Outcome::Impossible(why) => Some((cell.seed, format!("not possible: {why}"))),
        Outcome::Done(_) => None,
    })
    .collect()
}

fn means(figures: &[&Figures]) -> BTreeMap<String, Mean> {
    let mean = |column: &Column| {
        let values: Vec<f64> = figures.iter().filter_map(|f| (column.of)(f)).collect();
        Some((column.name.to_owned(), Mean::of(&values)?))
    };
    COLUMNS.iter().filter_map(mean).collect()
}

fn one((cell, finished): &(Cell, Option<Finished>)) -> Option<One> {
    let outcome = &finished.as_ref()?.outcome;
    let figures = COLUMNS.iter().filter_map(|column| {
        let value = outcome.figures().and_then(column.of)?;
        Some((column.name.to_owned(), value))
    });
    Some(One {
        arm: cell.arm.name.clone(),
        seed: cell.seed,
        figures: figures.collect(),
    })
}

/// `multiview` against its simpler relatives, and each of the recipe's arms against the recipe.
fn compared(arms: &[Arm], runs: &[One]) -> Vec<Compared> {
    let mut pairs = Vec::new();
    for with in ["", "+transfer"] {
        for other in ["kd", "dixtill"] {
            pairs.push((format!("multiview{with}"), format!("{other}{with}")));
        }
    }
    let own = arms.iter().filter(|arm| arm.ablation);
    pairs.extend(own.map(|arm| (arm.name.clone(), RECIPE.to_owned())));
    let mut all: Vec<Compared> = pairs
        .iter()
        .flat_map(|pair| TRIED.map(|figure| (pair, figure)))
        .filter_map(|((first, second), figure)| {
            let difference = Difference::of(&by_seed(runs, first, second, figure))?;
            Some(Compared {
                first: first.clone(),
                second: second.clone(),
                figure: figure.into(),
                difference,
                corrected: None,
            })
        })
        .collect();
    let p: Vec<f64> = all.iter().filter_map(|c| c.difference.p).collect();
    let mut corrected = holm(&p).into_iter();
    for compared in &mut all {
        compared.corrected = compared.difference.p.and_then(|_| corrected.next());
    }
    all
}

/// Pairs of a figure of two arms' runs of the same seed.
fn by_seed(runs: &[One], first: &str, second: &str, figure: &str) -> Vec<(f64, f64)> {
    let of = |arm: &str, seed: u64| {
        let mut own = runs.iter().filter(|run| run.arm == arm && run.seed == seed);
        own.next()?.figures.get(figure).copied()
    };
    let own = runs.iter().filter(|run| run.arm == first);
    own.filter_map(|run| Some((of(first, run.seed)?, of(second, run.seed)?)))
        .collect()
}

/// `0.8612` as `.861`, `-0.02` as `-.020`, numbers of 1 and more as they are.
fn share(value: f64) -> String {
    let text = format!("{value:.3}");
    match text.strip_prefix("0.").or(text.strip_prefix("-0.")) {
        Some(digits) if value < 0.0 => format!("-.{digits}"),
        Some(digits) => format!(".{digits}"),
        None => text,
    }
}

fn shown_mean(column: &Column, mean: Mean) -> String {
    if column.name == "bytes" {
        return format!("{:.0}", mean.value);
    }
    let half = mean
        .half_width
        .map_or(String::new(), |half| format!(" ±{}", share(half)));
    format!("{}{half}", share(mean.value))
}

impl Gap {
    fn text(&self) -> String {
        let Self { value, low, high } = *self;
        format!("{} [{}, {}]", share(value), share(low), share(high))
    }
}

impl Compared {
    fn text(&self) -> String {
        let Self {
            first,
            second,
            figure,
            difference: Difference { mean, .. },
            corrected,
        } = self;
        let half = mean
            .half_width
            .map_or(String::new(), |half| format!(" ±{}", share(half)));
        let p = corrected.map_or(String::new(), |p| match p {
            p if p < 0.001 => ", p < .001".into(),
            p => format!(", p = {}", share(p)),
        });
        let value = share(mean.value);
        let runs = mean.runs;
        format!("{first} less {second}: {figure} {value}{half} ({runs} pairs{p}).")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(arm: &str, seed: u64, accuracy: f64) -> One {
        One {
            arm: arm.into(),
            seed,
            figures: [("accuracy".to_owned(), accuracy)].into(),
        }
    }

    #[test]
    fn arms_are_held_against_each_other_seed_by_seed() {
        let runs = [
            run("multiview", 0, 0.86),
            run("multiview", 1, 0.88),
            run("multiview", 2, 0.87),
            run("kd", 0, 0.85),
            run("kd", 2, 0.85),
            run("dixtill", 1, 0.88),
        ];
        let found = compared(&[], &runs);
        assert_eq!(found.len(), 2);
        let kd = &found[0];
        assert_eq!((kd.second.as_str(), kd.difference.mean.runs), ("kd", 2));
        assert!((kd.difference.mean.value - 0.015).abs() < 1e-12);
        // One pair has no p; of one p Holm's is itself.
        assert_eq!(found[1].corrected, None);
        assert_eq!(kd.corrected, kd.difference.p);
    }

    #[test]
    fn shares_are_written_as_the_field_writes_them() {
        let written = [0.8612, -0.02, 1.0, 0.0, 12.5].map(share);
        assert_eq!(written, [".861", "-.020", "1.000", ".000", "12.500"]);
    }
}
