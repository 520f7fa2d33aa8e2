//! Scores a bundle on labelled rows, through the runtime that ships.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use anyhow::{Result, bail, ensure};
use rayon::prelude::*;
use serde::Serialize;

use crate::data::{self, Sheet, chosen_right};
use crate::input::Opened;
use crate::metrics::{Scores, confusion};
use crate::predict::classify;
use crate::progress::Progress;
use crate::terminal;

/// What a bundle scores.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evaluation {
    /// Share of rows labelled right.
    pub accuracy: f64,
    /// Mean F1 over the classes.
    pub macro_f1: f64,
    /// Matthews correlation.
    pub mcc: f64,
    /// Macro one-vs-rest area under the curve, where it is defined.
    pub auc: Option<f64>,
    /// Expected calibration error, 15 bins.
    pub ece: f64,
    /// F1 by label.
    pub f1: BTreeMap<String, f64>,
    /// Rows scored; of a bundle that chooses, each choice is one.
    pub rows: usize,
    /// Of a bundle that chooses, how many questions were asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub questions: Option<usize>,
    /// Share of them of which it chooses the right one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub questions_right: Option<f64>,
    /// Rows left out as marked copies of an earlier split's.
    pub duplicates: usize,
    /// Bad rows left out.
    pub bad_rows: usize,
    /// Rows whose text was cut.
    pub truncated: usize,
    /// Size of the bundle.
    pub bytes: usize,
    /// Rows by label (outer) and answer (inner), in the order of `labels`.
    pub confusion: Vec<Vec<u64>>,
    /// The bundle's labels.
    pub labels: Vec<String>,
}

/// Scores the rows of `sheet` that are no marked duplicates; `name` is that of the input, and
/// `allowed` the number of rows with unknown labels that are left out rather than refused.
pub fn evaluate(
    opened: &Opened,
    name: &str,
    sheet: &Sheet,
    allowed: usize,
    progress: &Progress,
) -> Result<Evaluation> {
    let labels = &opened.model.manifest().labels;
    let Labelled {
        texts,
        gold,
        choices,
        duplicates,
        bad_rows,
    } = labelled(labels, name, sheet, allowed)?;
    let task = progress.task("evaluate", "texts", texts.len());
    let answers = texts
        .par_iter()
        .map(|text| {
            let answer = classify(&opened.model, text, None);
            task.advance(1);
            answer
        })
        .collect::<Result<Vec<_>>>()?;
    task.finish();
    let predicted: Vec<usize> = answers.iter().map(|answer| answer.label).collect();
    let truncated = answers
        .iter()
        .filter(|answer| answer.truncated.is_some())
        .count();
    let probabilities: Vec<Vec<f32>> = answers.into_iter().map(|a| a.probabilities).collect();
    let scores = Scores::of_probabilities(&probabilities, &gold)?;
    let rows = choices.iter().zip(&gold).zip(&probabilities);
    let questions_right =
        chosen_right(rows.map(|((choice, label), said)| (*choice, *label, said[1])));
    Ok(Evaluation {
        questions: questions_right.map(|_| choices.iter().flatten().filter(|c| c.0 == 0).count()),
        questions_right,
        accuracy: scores.accuracy,
        macro_f1: scores.macro_f1,
        mcc: scores.mcc,
        auc: scores.auc,
        ece: scores.ece,
        f1: labels.iter().cloned().zip(scores.f1).collect(),
        rows: scores.rows,
        duplicates,
        bad_rows,
        truncated,
        bytes: opened.bytes.len(),
        confusion: confusion(&gold, &predicted, labels.len()),
        labels: labels.clone(),
    })
}

/// Rows to score.
pub struct Labelled<'a> {
    /// Their texts.
    pub texts: Vec<&'a str>,
    /// Indices of their labels.
    pub gold: Vec<usize>,
    /// Which of a question's choices each is, if it is one.
    pub choices: Vec<Option<(usize, usize)>>,
    /// Rows left out as marked copies of an earlier split's.
    pub duplicates: usize,
    /// Bad rows left out.
    pub bad_rows: usize,
}

/// The rows of `sheet` with the indices of their labels among `labels`; see [`evaluate`].
pub fn labelled<'a>(
    labels: &[String],
    name: &str,
    sheet: &'a Sheet,
    allowed: usize,
) -> Result<Labelled<'a>> {
    let (mut texts, mut gold, mut bad) = (Vec::new(), Vec::new(), Vec::new());
    let mut choices = Vec::new();
    let mut duplicates = 0;
    for row in &sheet.rows {
        let label = row.label.as_deref().unwrap_or_default();
        match labels.iter().position(|known| known == label) {
            _ if row.duplicate => duplicates += 1,
            Some(index) => {
                texts.push(row.text.as_str());
                gold.push(index);
                choices.push(row.choice);
            }
            None => bad.push(format!(
                "{name}:{}: label {} is none of the bundle's ({})",
                row.line,
                terminal::names([label].into_iter(), "\""),
                terminal::names(labels.iter().map(String::as_str), "")
            )),
        }
    }
    let bad_rows = bad.len() + sheet.bad.len();
    if texts.is_empty() && !bad.is_empty() {
        let found: BTreeSet<&str> = sheet
            .rows
            .iter()
            .filter_map(|r| r.label.as_deref())
            .collect();
        bail!(
            "{name}: no row has a label of the bundle's ({}); the rows have {}",
            terminal::names(labels.iter().map(String::as_str), ""),
            terminal::names(found.into_iter(), "")
        );
    }
    if !bad.is_empty() && bad_rows > allowed {
        let unreadable = sheet.bad.iter().map(|bad| format!("{name}:{bad}"));
        let unreadable: Vec<String> = unreadable.collect();
        bail!("{}", data::too_many(&[unreadable, bad].concat(), allowed));
    }
    ensure!(!texts.is_empty(), "{name}: no row to score");
    Ok(Labelled {
        texts,
        gold,
        choices,
        duplicates,
        bad_rows,
    })
}

impl Evaluation {
    /// Labels that no row has and no answer is, whose F1 says nothing.
    fn absent(&self) -> impl Iterator<Item = &str> {
        let counts = &self.confusion;
        let occurs = move |class: usize| counts.iter().any(|row| row[class] > 0);
        let labels = self.labels.iter().zip(counts).enumerate();
        labels
            .filter(move |(class, (_, row))| row.iter().all(|n| *n == 0) && !occurs(*class))
            .map(|(_, (label, _))| label.as_str())
    }

    /// The same for a person to read.
    pub fn text(&self) -> String {
        let mut out = String::new();
        let auc = self
            .auc
            .map_or("undefined".into(), |auc| format!("{auc:.4}"));
        // Writing to a string can't fail.
        if let (Some(right), Some(count)) = (self.questions_right, self.questions) {
            let _ = writeln!(
                out,
                "questions {right:.4} of {count} right; what follows is of choices one by one"
            );
        }
        let _ = writeln!(out, "accuracy  {:.4}", self.accuracy);
        let _ = writeln!(out, "macro-F1  {:.4}", self.macro_f1);
        let _ = writeln!(out, "MCC       {:.4}", self.mcc);
        let _ = writeln!(out, "AUC       {auc}");
        let _ = writeln!(out, "ECE       {:.4}", self.ece);
        let _ = writeln!(out, "rows      {}", self.rows);
        let _ = writeln!(out, "bytes     {}", self.bytes);
        for (what, count) in [
            (
                "marked copies of an earlier split's rows left out",
                self.duplicates,
            ),
            ("bad rows left out", self.bad_rows),
            ("texts cut", self.truncated),
        ] {
            if count > 0 {
                let _ = writeln!(out, "{count} {what}");
            }
        }
        let absent: Vec<&str> = self.absent().collect();
        if !absent.is_empty() {
            let _ = writeln!(
                out,
                "macro-F1 leaves out what is neither gold nor answer: {}",
                absent.join(", ")
            );
        }
        let width = self
            .labels
            .iter()
            .map(|label| label.chars().count())
            .max()
            .unwrap_or(0)
            .max(8);
        let _ = write!(out, "\n{:width$}  {:>8}", "label", "F1");
        for label in &self.labels {
            let _ = write!(out, "  → {label:>width$}");
        }
        out.push('\n');
        for (label, row) in self.labels.iter().zip(&self.confusion) {
            let _ = write!(out, "{label:width$}  {:>8.4}", self.f1[label]);
            for count in row {
                let _ = write!(out, "  {count:>w$}", w = width + 2);
            }
            out.push('\n');
        }
        out
    }
}
