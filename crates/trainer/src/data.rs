//! From files to examples: labels, splits, leakage, and a report of all that was found.

mod delimited;
mod file;
mod foreign;
mod jsonl;
mod leakage;
mod quotes;
mod sheet;

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;

use anyhow::{Result, bail, ensure};
use serde::Serialize;

use file::{File, Part};
pub use leakage::{Leakage, fold};
pub use sheet::{BadRow, Columns, Format, Place, Row, Sheet, read};

use crate::artefact::{digest, hex};
use crate::recipe::DataSection;

/// A text and the index of its label.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Example {
    /// The text, as it stands in the file.
    pub text: String,
    /// Index into [`Split::labels`].
    pub label: usize,
    /// What it is about, where the data says so.
    pub domain: Option<String>,
    /// For each part of the text between white space whether people named it, where the data says so.
    pub rationale: Option<Vec<bool>>,
}

/// Examples to learn from, to choose by and to measure on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Split {
    /// Labels in the order of the logits.
    pub labels: Vec<String>,
    /// Rows to learn from.
    pub train: Vec<Example>,
    /// Rows to stop and choose by, without those marked as copies of an earlier split's.
    pub validation: Vec<Example>,
    /// Rows to measure on, without those marked as copies of an earlier split's.
    pub test: Vec<Example>,
}

impl Example {
    /// For each of the text's words, given by their bytes, whether people named the part between white space that
    /// it begins in.
    pub fn named(&self, words: impl Iterator<Item = Range<usize>>) -> Option<Vec<bool>> {
        let rationale = self.rationale.as_ref()?;
        let start = |part: &str| part.as_ptr() as usize - self.text.as_ptr() as usize;
        let starts: Vec<usize> = self.text.split_whitespace().map(start).collect();
        let part = |word: Range<usize>| starts.partition_point(|start| *start <= word.start);
        let named = words.map(|word| {
            part(word)
                .checked_sub(1)
                .is_some_and(|part| rationale[part])
        });
        Some(named.collect())
    }
}

impl Split {
    /// What texts are about, in the order of the alphabet; empty where the data does not say it.
    pub fn domains(&self) -> Vec<&str> {
        let all = [&self.train, &self.validation, &self.test]
            .into_iter()
            .flatten();
        let names: BTreeSet<&str> = all
            .filter_map(|example| example.domain.as_deref())
            .collect();
        names.into_iter().collect()
    }

    /// SHA-256 over labels, texts and their order, in hex; the same rows in another file format
    /// have the same hash.
    pub fn hash(&self) -> String {
        let mut parts: Vec<Vec<u8>> = self.labels.iter().map(|l| l.clone().into_bytes()).collect();
        for split in [&self.train, &self.validation, &self.test] {
            parts.push((split.len() as u64).to_le_bytes().into());
            for example in split {
                parts.push((example.label as u64).to_le_bytes().into());
                parts.push(example.text.clone().into_bytes());
            }
        }
        let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        hex(&digest(&parts))
    }
}

impl Split {
    /// SHA-256 over domains and rationales, in hex; none where the data has neither. Teachers know nothing of them.
    pub fn marks_hash(&self) -> Option<String> {
        let mut parts: Vec<Vec<u8>> = Vec::new();
        let mut any = false;
        for example in [&self.train, &self.validation, &self.test]
            .into_iter()
            .flatten()
        {
            any |= example.domain.is_some() || example.rationale.is_some();
            parts.push(example.domain.clone().unwrap_or_default().into_bytes());
            let named = example.rationale.iter().flatten();
            parts.push(named.map(|word| u8::from(*word)).collect());
        }
        let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        any.then(|| hex(&digest(&parts)))
    }
}

/// What one of the three splits holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SplitReport {
    /// `train`, `validation` or `test`.
    pub split: &'static str,
    /// Where it was read from.
    pub path: String,
    /// SHA-256 of that file, in hex.
    pub sha256: String,
    /// Rows kept.
    pub rows: usize,
    /// Rows left out as marked copies of an earlier split's.
    pub marked_duplicates: usize,
    /// Bad rows left out.
    pub bad_rows: usize,
    /// Rows by label, in the order of the labels.
    pub counts: Vec<usize>,
}

/// All that loading found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The labels, in the order of the logits.
    pub labels: Vec<String>,
    /// One entry a split.
    pub splits: Vec<SplitReport>,
    /// Rows of a later split whose folded text is in an earlier one.
    pub leakage: Vec<Leakage>,
    /// Training rows that repeat an earlier training row's folded text.
    pub repeated: usize,
    /// Training texts that occur under more than one label.
    pub contradictions: usize,
    /// Bad rows left out, as they would have been reported.
    pub skipped: Vec<String>,
}

/// Data ready for training.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// The examples.
    pub split: Split,
    /// [`Split::hash`].
    pub hash: String,
    /// What was found on the way.
    pub report: Report,
}

/// Reads the files of a recipe's `[data]`.
pub fn load(section: &DataSection) -> Result<Loaded> {
    let columns = Columns {
        text: &section.text,
        label: Some(&section.label),
        domain: section.domain.as_deref(),
        rationale: section.rationale.as_deref(),
    };
    let mut files = vec![File::read("train", &section.train, &columns)?];
    for (split, path) in [("validation", &section.validation), ("test", &section.test)] {
        if let Some(path) = path {
            files.push(File::read(split, path, &columns)?);
        }
    }
    let labels = labels(section, &files[0])?;
    let index: HashMap<&str, usize> = labels
        .iter()
        .enumerate()
        .map(|(i, label)| (label.as_str(), i))
        .collect();
    for file in &mut files {
        file.refuse_unknown_labels(&index, &section.label, section.labels.is_some());
    }
    let skipped = allow_bad_rows(&files, section.skip_bad_rows)?;
    let mut parts: Vec<Part> = files
        .into_iter()
        .map(|file| file.into_part(&index))
        .collect();
    for (split, buckets) in [("validation", 0..10), ("test", 10..20)] {
        if !parts.iter().any(|part| part.split == split) {
            let part = parts[0].draw(split, buckets);
            parts.push(part);
        }
    }
    finish(labels, parts, skipped)
}

fn finish(labels: Vec<String>, mut parts: Vec<Part>, skipped: Vec<String>) -> Result<Loaded> {
    parts.sort_by_key(|part| {
        ["train", "validation", "test"]
            .iter()
            .position(|s| *s == part.split)
    });
    for part in &parts {
        ensure!(
            !part.examples.is_empty(),
            "{}: no rows for {}; give more rows or name a file in data.{}",
            part.path,
            part.split,
            part.split
        );
    }
    let splits = parts.iter().map(|part| part.report(labels.len())).collect();
    let examples: Vec<(&'static str, &[Example])> = parts
        .iter()
        .map(|part| (part.split, part.examples.as_slice()))
        .collect();
    let report = Report {
        labels: labels.clone(),
        splits,
        leakage: leakage::between(&examples),
        repeated: leakage::repeated(examples[0].1),
        contradictions: leakage::contradictions(examples[0].1),
        skipped,
    };
    let mut examples = parts.into_iter().map(|part| part.examples);
    let mut next = || examples.next().unwrap_or_default();
    let split = Split {
        labels,
        train: next(),
        validation: next(),
        test: next(),
    };
    Ok(Loaded {
        hash: split.hash(),
        split,
        report,
    })
}

/// The labels given, or those of the training rows: sorted by number if all are, else by text.
fn labels(section: &DataSection, train: &File) -> Result<Vec<String>> {
    if let Some(labels) = &section.labels {
        return Ok(labels.iter().map(|label| label.trim().to_owned()).collect());
    }
    let found: BTreeSet<&str> = train
        .sheet
        .rows
        .iter()
        .filter_map(|row| row.label.as_deref())
        .collect();
    let mut labels: Vec<String> = found.into_iter().map(ToOwned::to_owned).collect();
    let numbers: Option<Vec<i64>> = labels.iter().map(|label| label.parse().ok()).collect();
    if numbers.is_some() {
        labels.sort_by_key(|label| label.parse::<i64>().unwrap_or_default());
    }
    // Where every row is bad, what is wrong with them is what to say.
    if labels.is_empty() && !train.sheet.bad.is_empty() {
        let bad: Vec<String> = train.sheet.bad.iter().map(|bad| train.at(bad)).collect();
        bail!("{}", too_many(&bad, section.skip_bad_rows));
    }
    if labels.len() < 2 {
        let bad = train
            .sheet
            .bad
            .first()
            .map_or(String::new(), |bad| format!("; {}", train.at(bad)));
        bail!(
            "{}: column `{}` has {} label(s) {labels:?}, a classifier needs two{bad}",
            train.path,
            section.label,
            labels.len()
        );
    }
    // A column of free text or ids taken for the label would train for hours to no end.
    ensure!(
        labels.len() <= 1000,
        "{}: column `{}` has {} different labels; is it the label? If so, list them in data.labels",
        train.path,
        section.label,
        labels.len()
    );
    Ok(labels)
}

/// The bad rows as text, if there are no more than allowed.
fn allow_bad_rows(files: &[File], allowed: usize) -> Result<Vec<String>> {
    let bad: Vec<String> = files
        .iter()
        .flat_map(|file| file.sheet.bad.iter().map(|bad| file.at(bad)))
        .collect();
    if bad.len() <= allowed {
        return Ok(bad);
    }
    bail!("{}", too_many(&bad, allowed))
}

/// The first few bad rows and how to leave them out.
pub fn too_many(bad: &[String], allowed: usize) -> String {
    let shown = bad.iter().take(5).cloned().collect::<Vec<_>>().join("\n");
    let more = bad.len().saturating_sub(5);
    let more = if more > 0 {
        format!("\nand {more} more")
    } else {
        String::new()
    };
    let total = bad.len();
    format!(
        "{shown}{more}\n{total} bad row(s), {allowed} allowed; mend them, or leave them out with \
         --skip-bad-rows {total}"
    )
}

#[cfg(test)]
mod tests;
