//! From files to examples: labels, splits, leakage, and a report of all that was found.

mod delimited;
mod file;
mod foreign;
mod jsonl;
mod leakage;
mod quotes;
mod sheet;
mod table;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::Range;

use anyhow::{Result, bail, ensure};
use serde::Serialize;
use stillglass_bundle::CHOICES;

pub(crate) use file::expanded;
use file::{File, Part};
pub use leakage::{Leakage, fold};
pub use sheet::{BadRow, Columns, Format, Place, Row, Sheet, read};
pub(crate) use table::{Record, Table};

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
    /// Reasons for its label in words, in the order of `data.reasons`; none where a row has none.
    pub reasons: Vec<Option<String>>,
    /// Reasons in words for other labels than its own.
    pub false_reasons: Vec<(usize, String)>,
    /// Reasons by people that a student's are compared with.
    pub references: Vec<String>,
    /// Which of a question's choices it is, from 0, and of how many; a question's stand one after another.
    pub choice: Option<(usize, usize)>,
}

/// Which choice a label or answer names: the one of this text, else that in this place, from 0.
pub(crate) fn choice_named<C: AsRef<str>>(name: &str, choices: &[C]) -> Option<usize> {
    let text = choices
        .iter()
        .position(|choice| choice.as_ref().trim() == name.trim());
    text.or_else(|| place_of(name, choices.len()))
}

/// A place among so many choices, as it is written.
fn place_of(written: &str, count: usize) -> Option<usize> {
    let place = written.trim().parse().ok();
    place.filter(|place| *place < count)
}

/// By how much a pair's logit of `right` exceeds that of `wrong`: how well an answer suits its question.
pub(crate) fn gap(logits: &[f32]) -> f32 {
    logits[1] - logits[0]
}

/// Share of the questions whose right choice is the most probable one, of equals each as much as any; none where there
/// is no question. Of every row its place among a question's choices, the index of its label ([`CHOICES`]), and how
/// probable `right` is, on any scale.
pub fn chosen_right(
    rows: impl IntoIterator<Item = (Option<(usize, usize)>, usize, f32)>,
) -> Option<f64> {
    let (mut questions, mut right) = (0.0, 0.0);
    let mut best = Likeliest::default();
    for (choice, label, likely) in rows {
        let (place, count) = choice?;
        if place == 0 {
            best = Likeliest::default();
        }
        best.look(likely, label == 1);
        if place + 1 == count {
            questions += 1.0;
            right += best.right / best.all;
        }
    }
    (questions > 0.0).then(|| right / questions)
}

/// The likeliest of a question's choices so far, and how many of them there are.
struct Likeliest {
    likely: f32,
    all: f64,
    right: f64,
}

impl Default for Likeliest {
    fn default() -> Self {
        let likely = f32::NEG_INFINITY;
        Self {
            likely,
            all: 0.0,
            right: 0.0,
        }
    }
}

impl Likeliest {
    fn look(&mut self, likely: f32, is_right: bool) {
        if likely > self.likely {
            *self = Self {
                likely,
                ..Self::default()
            };
        }
        if likely >= self.likely {
            self.all += 1.0;
            self.right += f64::from(u8::from(is_right));
        }
    }
}

/// The parts of a text between white space; of a pair, those of both its texts.
pub(crate) fn parts(text: &str) -> impl Iterator<Item = &str> {
    let between = |c: char| c.is_whitespace() || c == stillglass_text::SEPARATOR;
    text.split(between).filter(|part| !part.is_empty())
}

/// A text of which nobody said what it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Unlabeled {
    /// The text, as it stands in the file.
    pub text: String,
    /// What it is about, where the data says so.
    pub domain: Option<String>,
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
    /// Texts that the teacher labels, each once; none of them is in another split.
    pub unlabeled: Vec<Unlabeled>,
}

impl Example {
    /// For each of the text's words, given by their bytes, whether people named the part between white space that
    /// it begins in.
    pub fn named(&self, words: impl Iterator<Item = Range<usize>>) -> Option<Vec<bool>> {
        let rationale = self.rationale.as_ref()?;
        let start = |part: &str| part.as_ptr() as usize - self.text.as_ptr() as usize;
        let starts: Vec<usize> = parts(&self.text).map(start).collect();
        let part = |word: Range<usize>| starts.partition_point(|start| *start <= word.start);
        let named = words.map(|word| {
            // What parts two texts is nobody's word.
            let between = self.text[word.start..].starts_with(stillglass_text::SEPARATOR);
            let part = part(word).checked_sub(1).filter(|_| !between);
            part.is_some_and(|part| rationale[part])
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

    /// SHA-256 over labels, labelled texts and their order, in hex; the same rows in another file format
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
        for domain in self
            .unlabeled
            .iter()
            .filter_map(|text| text.domain.as_ref())
        {
            any = true;
            parts.push(domain.clone().into_bytes());
        }
        let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        any.then(|| hex(&digest(&parts)))
    }

    /// SHA-256 over the reasons in words, in hex; none where there is none. Teachers know nothing of them.
    pub fn reasons_hash(&self) -> Option<String> {
        let mut parts: Vec<Vec<u8>> = Vec::new();
        let mut any = false;
        for example in &self.train {
            for reason in &example.reasons {
                any |= reason.is_some();
                parts.push(reason.clone().unwrap_or_default().into_bytes());
            }
            for (label, reason) in &example.false_reasons {
                parts.push(label.to_string().into_bytes());
                parts.push(reason.clone().into_bytes());
            }
            parts.push(Vec::new());
        }
        let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        any.then(|| hex(&digest(&parts)))
    }

    /// SHA-256 over people's reasons in test rows, in hex; none where there is none.
    pub fn references_hash(&self) -> Option<String> {
        let of = |example: &Example| {
            digest(
                &example
                    .references
                    .iter()
                    .map(String::as_bytes)
                    .collect::<Vec<_>>(),
            )
        };
        let any = self
            .test
            .iter()
            .any(|example| !example.references.is_empty());
        let parts: Vec<[u8; 32]> = self.test.iter().map(of).collect();
        let parts: Vec<&[u8]> = parts.iter().map(<[u8; 32]>::as_slice).collect();
        any.then(|| hex(&digest(&parts)))
    }

    /// SHA-256 over the texts without labels, in hex; none where there is none. Teachers know nothing of them.
    pub fn unlabeled_hash(&self) -> Option<String> {
        let texts: Vec<&[u8]> = self.unlabeled.iter().map(|u| u.text.as_bytes()).collect();
        (!texts.is_empty()).then(|| hex(&digest(&texts)))
    }
}

/// What one of the three splits has of one file.
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
    /// Rows in which people named a word, where a column of these was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub named: Option<usize>,
}

/// All that loading found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The labels, in the order of the logits.
    pub labels: Vec<String>,
    /// One entry a split and file.
    pub splits: Vec<SplitReport>,
    /// Texts without labels that are kept.
    pub unlabeled: usize,
    /// How many of them were left out, being empty, repeated or in another split; none where there is no such file.
    pub unlabeled_repeated: Option<usize>,
    /// Rows of a later split whose folded text is in an earlier one.
    pub leakage: Vec<Leakage>,
    /// Training rows that repeat an earlier training row's folded text.
    pub repeated: usize,
    /// Training texts that occur under more than one label.
    pub contradictions: usize,
    /// Training rows with a reason in words, by its column; and of reasons for other labels than the row's.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub reasons: BTreeMap<String, usize>,
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

/// The splits with labels, in the order of a run.
const SPLITS: [&str; 3] = ["train", "validation", "test"];

/// The key of the texts without labels.
const UNLABELED: &str = "unlabeled";

/// Reads the files of a recipe's `[data]`.
pub fn load(section: &DataSection) -> Result<Loaded> {
    let columns = Columns {
        text: &section.text,
        label: Some(&section.label),
        domain: section.domain.as_deref(),
        rationale: section.rationale.as_deref(),
        text2: section.text2.as_deref(),
        reasons: &section.reasons,
        counterfactual: section.counterfactual.as_deref(),
        references: None,
        choices: section.choices.as_deref(),
        sparse: false,
    };
    let labelled = section.files().filter(|(split, _)| *split != UNLABELED);
    let mut files = labelled
        .enumerate()
        .map(|(index, (split, path))| {
            // People may have named words in some of the training files only: in the first one.
            let sparse = index > 0 && split == "train";
            let mut columns = Columns { sparse, ..columns };
            if split != "train" {
                // Only those that are learnt from are read.
                (columns.reasons, columns.counterfactual) = (&[], None);
            }
            // Of the rows that are measured on: those that test rows are drawn from have them, too.
            if split == "test" || split == "train" && section.test.is_none() {
                columns.references = section.references.as_deref();
            }
            File::read(split, path, &columns)
        })
        .collect::<Result<Vec<File>>>()?;
    let labels = labels(section, &files[..section.train.paths().len()])?;
    let index: HashMap<&str, usize> = labels
        .iter()
        .enumerate()
        .map(|(i, label)| (label.as_str(), i))
        .collect();
    for file in files.iter_mut().filter(|_| section.choices.is_none()) {
        file.refuse_unknown_labels(&index, &columns, section.labels.is_some());
    }
    let columns = Columns {
        label: None,
        rationale: None,
        reasons: &[],
        counterfactual: None,
        references: None,
        ..columns
    };
    let unlabeled = section.files().filter(|(split, _)| *split == UNLABELED);
    let unlabeled = unlabeled
        .map(|(split, path)| File::read(split, path, &columns))
        .collect::<Result<Vec<File>>>()?;
    let skipped = allow_bad_rows(files.iter().chain(&unlabeled), section.skip_bad_rows)?;
    let mut parts: Vec<Part> = files
        .into_iter()
        .map(|file| file.into_part(&index))
        .collect();
    for (split, buckets) in [("validation", 0..10), ("test", 10..20)] {
        if !parts.iter().any(|part| part.split == split) {
            let train = parts.iter_mut().filter(|part| part.split == "train");
            let drawn: Vec<Part> = train.map(|part| part.draw(split, &buckets)).collect();
            parts.extend(drawn);
        }
    }
    let named = section.rationale.is_some();
    let mut loaded = finish(labels, parts, unlabeled, skipped, named)?;
    loaded.report.reasons = reasons(section, &loaded.split.train);
    Ok(loaded)
}

/// How many rows have a reason in each column.
fn reasons(section: &DataSection, train: &[Example]) -> BTreeMap<String, usize> {
    let own = section.reasons.iter().enumerate().map(|(column, name)| {
        let with = |row: &&Example| row.reasons.get(column).is_some_and(Option::is_some);
        (name.clone(), train.iter().filter(with).count())
    });
    let wrong = section.counterfactual.iter().map(|name| {
        let with = |row: &&Example| !row.false_reasons.is_empty();
        (name.clone(), train.iter().filter(with).count())
    });
    own.chain(wrong).collect()
}

fn finish(
    labels: Vec<String>,
    mut parts: Vec<Part>,
    unlabeled: Vec<File>,
    skipped: Vec<String>,
    named: bool,
) -> Result<Loaded> {
    let place = |split: &str| SPLITS.iter().position(|s| *s == split);
    parts.sort_by_key(|part| place(part.split));
    let classes = labels.len();
    let splits = parts
        .iter()
        .map(|part| part.report(classes, named))
        .collect();
    let mut examples: [Vec<Example>; 3] = Default::default();
    for (split, examples) in SPLITS.iter().zip(&mut examples) {
        let of = parts.extract_if(.., |part| part.split == *split);
        let mut path = None;
        for part in of {
            path.get_or_insert(part.path);
            examples.extend(part.examples);
        }
        ensure!(
            !examples.is_empty(),
            "{}: no rows for {split}; give more rows or name a file in data.{split}",
            path.unwrap_or_default(),
        );
    }
    let given = !unlabeled.is_empty();
    let (unlabeled, unlabeled_repeated) = apart(unlabeled, &examples);
    let named: Vec<(&'static str, &[Example])> = SPLITS
        .into_iter()
        .zip(examples.iter().map(Vec::as_slice))
        .collect();
    let report = Report {
        labels: labels.clone(),
        splits,
        unlabeled: unlabeled.len(),
        unlabeled_repeated: given.then_some(unlabeled_repeated),
        leakage: leakage::between(&named),
        repeated: leakage::repeated(&examples[0]),
        reasons: BTreeMap::new(),
        contradictions: leakage::contradictions(&examples[0]),
        skipped,
    };
    let [train, validation, test] = examples;
    let split = Split {
        labels,
        train,
        validation,
        test,
        unlabeled,
    };
    Ok(Loaded {
        hash: split.hash(),
        split,
        report,
    })
}

/// The texts without labels, each once and none that is, folded, among the examples; and how many those were.
fn apart(files: Vec<File>, examples: &[Vec<Example>]) -> (Vec<Unlabeled>, usize) {
    let labelled = examples.iter().flatten().map(|example| fold(&example.text));
    let mut seen: HashSet<String> = labelled.collect();
    // A text of no words teaches nothing.
    seen.insert(String::new());
    let rows = files.into_iter().flat_map(|file| file.sheet.rows);
    let rows: Vec<Row> = rows.flat_map(expanded).collect();
    let all = rows.len();
    let fresh = rows.into_iter().filter(|row| seen.insert(fold(&row.text)));
    let kept: Vec<Unlabeled> = fresh
        .map(|row| Unlabeled {
            text: row.text,
            domain: row.domain,
        })
        .collect();
    let left_out = all - kept.len();
    (kept, left_out)
}

/// The labels given, or those of the training rows: sorted by number if all are, else by text.
fn labels(section: &DataSection, train: &[File]) -> Result<Vec<String>> {
    if section.choices.is_some() {
        return Ok(CHOICES.map(String::from).into());
    }
    if let Some(labels) = &section.labels {
        return Ok(labels.iter().map(|label| label.trim().to_owned()).collect());
    }
    let found: BTreeSet<&str> = train
        .iter()
        .flat_map(|file| &file.sheet.rows)
        .filter_map(|row| row.label.as_deref())
        .collect();
    let mut labels: Vec<String> = found.into_iter().map(ToOwned::to_owned).collect();
    let numbers: Option<Vec<i64>> = labels.iter().map(|label| label.parse().ok()).collect();
    if numbers.is_some() {
        labels.sort_by_key(|label| label.parse::<i64>().unwrap_or_default());
    }
    // Where every row is bad, what is wrong with them is what to say.
    let bad: Vec<String> = train.iter().flat_map(File::bad).collect();
    let path = train.first().map_or("", |file| file.path.as_str());
    if labels.is_empty() && !bad.is_empty() {
        bail!("{}", too_many(&bad, section.skip_bad_rows));
    }
    if labels.len() < 2 {
        let bad = bad.first().map_or(String::new(), |bad| format!("; {bad}"));
        bail!(
            "{path}: column `{}` has {} label(s) {labels:?}, a classifier needs two{bad}",
            section.label,
            labels.len()
        );
    }
    // A column of free text or ids taken for the label would train for hours to no end.
    ensure!(
        labels.len() <= 1000,
        "{path}: column `{}` has {} different labels; is it the label? If so, list them in data.labels",
        section.label,
        labels.len()
    );
    Ok(labels)
}

/// The bad rows as text, if there are no more than allowed.
fn allow_bad_rows<'f>(
    files: impl Iterator<Item = &'f File>,
    allowed: usize,
) -> Result<Vec<String>> {
    let bad: Vec<String> = files.flat_map(File::bad).collect();
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
