//! From the rows of one file to the examples of one split.

use std::collections::HashMap;
use std::fs;
use std::ops::Range;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use stillglass_text::{halves, pair};

use super::leakage::fold;
use super::sheet::{BadRow, Columns, Format, Row, Sheet, read};
use super::{CHOICES, Example, SplitReport};
use crate::artefact::{digest, hash_bytes, number};
use crate::terminal;

/// One of the files that the recipe names.
pub(super) struct File {
    pub(super) split: &'static str,
    pub(super) path: String,
    pub(super) sha256: String,
    pub(super) sheet: Sheet,
}

impl File {
    pub(super) fn read(split: &'static str, path: &str, columns: &Columns<'_>) -> Result<Self> {
        let named = || format!("data.{split} = \"{path}\"");
        ensure!(
            !Path::new(path).is_dir(),
            "{}: this is a folder; name a file in it",
            named()
        );
        let bytes = fs::read(path).with_context(named)?;
        let sheet = read(&bytes, Format::Detect, columns).with_context(|| path.to_owned())?;
        Ok(Self {
            split,
            path: path.into(),
            sha256: hash_bytes(&bytes),
            sheet,
        })
    }

    /// Its bad rows as they are reported.
    pub(super) fn bad(&self) -> impl Iterator<Item = String> {
        let at = |bad: &BadRow| format!("{}:{bad}", self.path);
        self.sheet.bad.iter().map(at)
    }

    pub(super) fn refuse_unknown_labels(
        &mut self,
        index: &HashMap<&str, usize>,
        columns: &Columns<'_>,
        given: bool,
    ) {
        let mut names: Vec<(usize, &str)> = index.iter().map(|(label, i)| (*i, *label)).collect();
        names.sort_unstable();
        let names: Vec<&str> = names.into_iter().map(|(_, label)| label).collect();
        let source = if given {
            "data.labels"
        } else {
            "the training rows"
        };
        let shown = |label: &str| terminal::names([label].into_iter(), "\"");
        let not_in = || {
            format!(
                "not in {source} ({})",
                terminal::names(names.iter().copied(), "")
            )
        };
        for row in std::mem::take(&mut self.sheet.rows) {
            let label = row.label.as_deref().unwrap_or_default();
            let argued = row.counterfactual.iter().map(|(label, _)| label.trim());
            let (column, why) = if !index.contains_key(label) {
                let why = format!("label {} is {}", shown(label), not_in());
                (columns.label, why)
            } else if let Some(stray) = argued.into_iter().find(|of| !index.contains_key(of)) {
                let why = format!("argues for {}, which is {}", shown(stray), not_in());
                (columns.counterfactual, why)
            } else {
                self.sheet.rows.push(row);
                continue;
            };
            self.sheet.refuse(row.line, column, why);
        }
        self.sheet.bad.sort_by_key(|bad| bad.line);
    }

    pub(super) fn into_part(self, index: &HashMap<&str, usize>) -> Part {
        let all = self.sheet.rows.len();
        let later = self.split != "train";
        let rows = self
            .sheet
            .rows
            .into_iter()
            .filter(|row| !(later && row.duplicate));
        let rows: Vec<Row> = rows.collect();
        let marked_duplicates = all - rows.len();
        let examples: Vec<Example> = rows
            .into_iter()
            .flat_map(expanded)
            .filter_map(|row| {
                let label = *index.get(row.label.as_deref()?)?;
                // What argues for the right label is no false reason, whatever the column says.
                let known = |(name, reason): (String, String)| {
                    let of = *index.get(name.trim())?;
                    (of != label).then_some((of, reason))
                };
                Some(Example {
                    choice: row.choice,
                    reasons: row.reasons,
                    references: row.references,
                    false_reasons: row.counterfactual.into_iter().filter_map(known).collect(),
                    text: row.text,
                    label,
                    domain: row.domain,
                    rationale: row.rationale,
                })
            })
            .collect();
        Part {
            split: self.split,
            path: self.path,
            sha256: self.sha256,
            marked_duplicates,
            bad_rows: self.sheet.bad.len(),
            examples,
        }
    }
}

/// A row as it is, or a question's choices in its place.
pub(crate) fn expanded(row: Row) -> Vec<Row> {
    if row.choices.is_empty() {
        vec![row]
    } else {
        choices(&row)
    }
}

/// A question's choices as rows of pairs, right and wrong ones. What was said for the right one is its reason; what argues
/// for a wrong one argues that it were right.
fn choices(row: &Row) -> Vec<Row> {
    let right: Option<usize> = row.label.as_deref().and_then(|label| label.parse().ok());
    let count = row.choices.len();
    let with = |(place, choice): (usize, &String)| {
        // A choice that is there twice is right twice.
        let same = |other: usize| row.choices[other].trim() == choice.trim();
        let is_right = right.is_some_and(same);
        let words = super::parts(choice).count();
        let argues = |of: &&(String, String)| of.0.parse() == Ok(place) && !is_right;
        let wrong = row.counterfactual.iter().filter(argues);
        Row {
            text: pair(&row.text, choice),
            label: right.map(|_| CHOICES[usize::from(is_right)].to_owned()),
            choices: Vec::new(),
            choice: Some((place, count)),
            rationale: row.rationale.as_ref().map(|named| {
                let rest = std::iter::repeat_n(false, words);
                named.iter().copied().chain(rest).collect()
            }),
            reasons: row
                .reasons
                .iter()
                .map(|reason| reason.clone().filter(|_| is_right))
                .collect(),
            counterfactual: wrong
                .map(|(_, reason)| (CHOICES[1].to_owned(), reason.clone()))
                .collect(),
            references: if is_right {
                row.references.clone()
            } else {
                Vec::new()
            },
            ..row.clone()
        }
    };
    row.choices.iter().enumerate().map(with).collect()
}

/// One split's examples.
pub(super) struct Part {
    pub(super) split: &'static str,
    pub(super) path: String,
    pub(super) sha256: String,
    pub(super) marked_duplicates: usize,
    pub(super) bad_rows: usize,
    pub(super) examples: Vec<Example>,
}

impl Part {
    /// Moves the rows whose folded text hashes into `buckets` (of 100) to a new part. Copies of a
    /// text move together, and the choice depends on neither the order of the rows nor the seed.
    pub(super) fn draw(&mut self, split: &'static str, buckets: &Range<u64>) -> Self {
        let drawn = |example: &mut Example| {
            // A question's choices stay together.
            let text = match example.choice {
                Some(_) => halves(&example.text).0,
                None => &example.text,
            };
            let hash = digest(&[b"split", fold(text).as_bytes()]);
            buckets.contains(&(number(&hash) % 100))
        };
        let examples = self.examples.extract_if(.., drawn).collect();
        Self {
            split,
            path: self.path.clone(),
            sha256: self.sha256.clone(),
            marked_duplicates: 0,
            bad_rows: 0,
            examples,
        }
    }

    /// `named` says whether people's words were asked for.
    pub(super) fn report(&self, labels: usize, named: bool) -> SplitReport {
        let some = |example: &&Example| {
            example
                .rationale
                .as_ref()
                .is_some_and(|r| r.contains(&true))
        };
        let mut counts = vec![0; labels];
        for example in &self.examples {
            counts[example.label] += 1;
        }
        SplitReport {
            split: self.split,
            path: self.path.clone(),
            sha256: self.sha256.clone(),
            rows: self.examples.len(),
            marked_duplicates: self.marked_duplicates,
            bad_rows: self.bad_rows,
            counts,
            named: named.then(|| self.examples.iter().filter(some).count()),
        }
    }
}
