//! Rows of one file, whatever its format.

use std::fmt;

use anyhow::{Result, bail, ensure};
use stillglass_text::SEPARATOR;

use super::{delimited, foreign, jsonl};
use crate::terminal;

/// Name of the column that marks a validation or test row as a copy of an earlier split's.
pub(super) const DUPLICATE: &str = "dup_of_earlier_split";

/// The columns to read.
#[derive(Debug, Clone, Copy, Default)]
pub struct Columns<'a> {
    /// Column of the text.
    pub text: &'a str,
    /// Column of the second text, where rows are pairs.
    pub text2: Option<&'a str>,
    /// Column of a question's choices, of which the label is one's place or text.
    pub choices: Option<&'a str>,
    /// Column of the label; `None` reads texts alone and keeps empty ones.
    pub label: Option<&'a str>,
    /// Column of the domain, if there is one.
    pub domain: Option<&'a str>,
    /// Column of the words that people named, if there is one: 0 or 1 for each part of the text between white
    /// space. A row may have none.
    pub rationale: Option<&'a str>,
    /// Columns of reasons in words, which may be missing.
    pub reasons: &'a [String],
    /// Column of reasons for every label, which may be missing.
    pub counterfactual: Option<&'a str>,
    /// Column of people's reasons that a student's are compared with, if there is one: a text, or in JSONL a list.
    pub references: Option<&'a str>,
    /// Whether the columns that only some files have may be missing: of named words, of reasons.
    pub sparse: bool,
}

impl<'a> Columns<'a> {
    /// The columns that must be there, text first.
    pub(super) fn names(&self) -> impl Iterator<Item = &'a str> {
        let rationale = self.rationale.filter(|_| !self.sparse);
        let counterfactual = self.counterfactual.filter(|_| !self.sparse);
        let reasons = self.reasons.iter().filter(|_| !self.sparse);
        [
            Some(self.text),
            self.text2,
            self.choices,
            self.label,
            self.domain,
            rationale,
            counterfactual,
            self.references,
        ]
        .into_iter()
        .flatten()
        .chain(reasons.map(String::as_str))
    }
}

/// What a row has in the columns that are read.
#[derive(Debug, Clone, Default)]
pub(super) struct Fields {
    pub(super) text: String,
    pub(super) text2: Option<String>,
    /// A JSON list.
    pub(super) choices: Option<String>,
    pub(super) label: Option<String>,
    /// Whether the label is written as a number: of a question's choices it is then the place, whatever they are called.
    pub(super) label_is_number: bool,
    pub(super) domain: Option<String>,
    /// As it is written: 0 and 1 with white space, commas or brackets between them.
    pub(super) rationale: Option<String>,
    /// In the order of their columns.
    pub(super) reasons: Vec<Option<String>>,
    /// A JSON object by label.
    pub(super) counterfactual: Option<String>,
    pub(super) references: Vec<String>,
    pub(super) duplicate: bool,
}

/// How the rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// Told by the content: a first line that opens a JSON object, or a header with the columns.
    #[default]
    Detect,
    /// [`Format::Detect`], and plain lines where no header names the text column.
    DetectOrLines,
    /// One JSON object a line.
    Jsonl,
    /// A header and fields between commas, tabs or semicolons.
    Delimited,
    /// A header and fields between commas or semicolons.
    Csv,
    /// A header and fields between tabs.
    Tsv,
    /// Each line is a text.
    Lines,
}

/// One row.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Row {
    /// Line of the file on which it starts, from 1.
    pub line: usize,
    /// The text, as it stands in the file; of a pair, both as [`stillglass_text::pair`] joins them.
    pub text: String,
    /// Its choices, where it is a question; the label is then the place of one.
    pub choices: Vec<String>,
    /// Which of how many choices it is, of a question that was taken apart.
    pub choice: Option<(usize, usize)>,
    /// The label, without white space around it.
    pub label: Option<String>,
    /// The domain, likewise.
    pub domain: Option<String>,
    /// For each part of the text between white space whether people named it.
    pub rationale: Option<Vec<bool>>,
    /// Its reasons in words, without white space around them, in the order of their columns; none is empty.
    pub reasons: Vec<Option<String>>,
    /// Reasons by the label they argue for, which of a question is the place of a choice.
    pub counterfactual: Vec<(String, String)>,
    /// People's reasons; none is empty.
    pub references: Vec<String>,
    /// Whether the row is marked as a copy of an earlier split's.
    pub duplicate: bool,
}

/// Where in a row something is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In the column of this name.
    Column(String),
    /// At this byte of the line, from 1.
    Byte(usize),
    /// In the row as a whole.
    Row,
}

/// A row that can't be used. Its text form starts with the line: put `path:` before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadRow {
    /// Line of the file on which it starts, from 1.
    pub line: usize,
    /// Where in the row.
    pub place: Place,
    /// What is wrong.
    pub why: String,
}

impl fmt::Display for BadRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, place, why } = self;
        match place {
            Place::Column(name) => write!(f, "{line}: column `{name}`: {why}"),
            Place::Byte(byte) => write!(f, "{line}:{byte}: {why}"),
            Place::Row => write!(f, "{line}: {why}"),
        }
    }
}

/// The rows of a file, good and bad, in its order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sheet {
    /// How the rows turned out to be written: JSONL, delimited or lines.
    pub format: Format,
    /// Rows with all that was asked for.
    pub rows: Vec<Row>,
    /// The others.
    pub bad: Vec<BadRow>,
}

/// Reads all rows; fails only where no row can be read at all.
pub fn read(bytes: &[u8], format: Format, columns: &Columns<'_>) -> Result<Sheet> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    foreign::refuse(bytes)?;
    let blank = bytes.iter().all(u8::is_ascii_whitespace);
    let unlabelled = columns.label.is_none();
    ensure!(
        !blank || unlabelled,
        "the file is empty; want CSV, TSV or JSONL"
    );
    let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    let detect = matches!(format, Format::Detect | Format::DetectOrLines);
    if format == Format::Lines {
        return Ok(lines(bytes));
    }
    if blank {
        // Blank lines are texts as soon as lines are.
        let are_lines = format == Format::DetectOrLines;
        return Ok(if are_lines {
            lines(bytes)
        } else {
            Sheet::default()
        });
    }
    if format == Format::Jsonl || (detect && first == Some(&b'{')) {
        return jsonl::read(bytes, columns);
    }
    if detect && jsonl::is_array(bytes) {
        bail!("this is one JSON array; write one object a line, such as with `jq -c '.[]'`");
    }
    if format == Format::DetectOrLines && !delimited::has_column(bytes, columns.text) {
        return Ok(lines(bytes));
    }
    let delimiters = match format {
        Format::Csv => &b",;"[..],
        Format::Tsv => b"\t",
        _ => delimited::DELIMITERS,
    };
    delimited::read(bytes, columns, delimiters)
}

/// Every line is a text, empty ones too: line n of the input answers to line n of the output.
fn lines(bytes: &[u8]) -> Sheet {
    let mut sheet = Sheet {
        format: Format::Lines,
        ..Sheet::default()
    };
    let body = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    if bytes.is_empty() {
        return sheet;
    }
    for (index, line) in body.split(|byte| *byte == b'\n').enumerate() {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        match as_text(line, index + 1) {
            Ok(text) => sheet.rows.push(Row {
                line: index + 1,
                text: single(text.into()),
                ..Row::default()
            }),
            Err(bad) => sheet.bad.push(bad),
        }
    }
    sheet
}

pub(super) const NOT_UTF8: &str = "not UTF-8; save the file as UTF-8";

/// What is wrong with a row that has one; a file that starts with one is refused as a whole.
pub(super) const ZERO_BYTE: &str = "holds a zero byte; remove it, such as with `tr -d '\\0'`";

/// A line of the file as text, if it can be text.
pub(super) fn as_text(bytes: &[u8], line: usize) -> Result<&str, BadRow> {
    let bad = |at: usize, why: &str| BadRow {
        line,
        place: Place::Byte(at + 1),
        why: why.into(),
    };
    let text = std::str::from_utf8(bytes).map_err(|error| bad(error.valid_up_to(), NOT_UTF8))?;
    match text.find('\0') {
        Some(at) => Err(bad(at, ZERO_BYTE)),
        None => Ok(text),
    }
}

impl Sheet {
    /// Keeps a row out, for what its column holds.
    pub(super) fn refuse(&mut self, line: usize, column: Option<&str>, why: String) {
        self.bad.push(BadRow {
            line,
            place: Place::Column(column.unwrap_or_default().to_owned()),
            why,
        });
    }
}

/// Puts a row's fields in its place, or says what is wrong with them.
pub(super) fn place(sheet: &mut Sheet, columns: &Columns<'_>, line: usize, fields: Fields) {
    let trimmed = |field: Option<String>| field.map(|text| text.trim().to_owned());
    let blank = |field: Option<&str>| field.is_none_or(|text| text.trim().is_empty());
    let counterfactual = match by_label(fields.counterfactual.as_deref()) {
        Ok(reasons) => reasons,
        Err(why) => return sheet.refuse(line, columns.counterfactual, why),
    };
    let references = match listed(&fields.references) {
        Ok(references) => references,
        Err(why) => return sheet.refuse(line, columns.references, why),
    };
    let blank_half = [
        (columns.text, Some(&fields.text)),
        (columns.text2.unwrap_or_default(), fields.text2.as_ref()),
    ];
    let blank_half = blank_half
        .into_iter()
        .find(|(_, half)| half.is_some_and(|half| half.replace(SEPARATOR, " ").trim().is_empty()));
    let mut label = trimmed(fields.label);
    let choices = match chosen(
        fields.choices.as_deref(),
        &mut label,
        fields.label_is_number,
    ) {
        Ok(choices) => choices,
        Err(why) => return sheet.refuse(line, columns.choices, why),
    };
    let counterfactual = match placed(counterfactual, &choices) {
        Ok(reasons) => reasons,
        Err(why) => return sheet.refuse(line, columns.counterfactual, why),
    };
    let row = Row {
        line,
        choices,
        choice: None,
        label,
        domain: trimmed(fields.domain),
        rationale: None,
        // An empty reason is none: what learns from it would learn to say nothing.
        reasons: fields
            .reasons
            .into_iter()
            .map(|reason| trimmed(reason.map(single)).filter(|reason| !reason.is_empty()))
            .collect(),
        counterfactual,
        references,
        duplicate: fields.duplicate,
        text: match &fields.text2 {
            Some(text2) => stillglass_text::pair(&fields.text, text2),
            None => single(fields.text.clone()),
        },
    };
    let wanted = [
        (columns.label.and(blank_half).map(|(name, _)| name), None),
        (columns.label.map(|_| columns.text), Some(row.text.as_str())),
        (columns.label, row.label.as_deref()),
        (columns.domain, row.domain.as_deref()),
    ];
    let empty = wanted
        .into_iter()
        .find_map(|(name, field)| name.filter(|_| blank(field)));
    if let Some(name) = empty {
        return sheet.refuse(line, Some(name), "is empty".into());
    }
    match (
        columns.rationale,
        named(fields.rationale.as_deref(), &row.text),
    ) {
        (Some(name), Err(why)) => sheet.refuse(line, Some(name), why),
        (_, rationale) => sheet.rows.push(Row {
            rationale: rationale.unwrap_or_default(),
            ..row
        }),
    }
}

/// A question's choices, from a JSON list; the label, if there is one, becomes the place of the one it names.
fn chosen(
    written: Option<&str>,
    label: &mut Option<String>,
    is_place: bool,
) -> Result<Vec<String>, String> {
    let Some(written) = written else {
        return Ok(Vec::new());
    };
    let choices: Vec<String> = serde_json::from_str(written)
        .map_err(|_| "is no list of texts, as [\"one\", \"two\"]".to_owned())?;
    if choices.len() < 2 || choices.iter().any(|choice| choice.trim().is_empty()) {
        return Err("wants two choices at least, none of them empty".into());
    }
    if let Some(label) = label {
        let named = if is_place {
            super::place_of(label, choices.len())
        } else {
            super::choice_named(label, &choices)
        };
        let place = named.ok_or_else(|| {
            let (label, count) = (terminal::cut(label), choices.len());
            format!("has {count} choices, none of which is the label {label}; want its place, from 0, or its text")
        })?;
        *label = place.to_string();
    }
    Ok(choices)
}

/// A text without what parts two texts.
fn single(text: String) -> String {
    if text.contains(SEPARATOR) {
        text.replace(SEPARATOR, " ")
    } else {
        text
    }
}

/// Reasons by what they argue for: a label, or the place of a choice.
#[derive(Default)]
struct Argued {
    reasons: Vec<(String, String)>,
    by_place: bool,
}

/// Reasons by label, from a JSON object, or by place, from a list; empty ones are none.
fn by_label(written: Option<&str>) -> Result<Argued, String> {
    let Some(written) = written.filter(|text| !text.trim().is_empty()) else {
        return Ok(Argued::default());
    };
    let mut by_place = false;
    let found: serde_json::Map<String, serde_json::Value> = match serde_json::from_str(written) {
        Ok(serde_json::Value::Object(found)) => found,
        Ok(serde_json::Value::Array(all)) => {
            by_place = true;
            let all = all.into_iter().enumerate();
            all.map(|(place, reason)| (place.to_string(), reason))
                .collect()
        }
        _ => {
            return Err(
                "is no JSON object of reasons by label, nor a list of them by place".into(),
            );
        }
    };
    let reasons = found
        .into_iter()
        .filter_map(|(label, reason)| match reason {
            serde_json::Value::String(text) if text.trim().is_empty() => None,
            serde_json::Value::String(text) => Some(Ok((label, text.trim().to_owned()))),
            serde_json::Value::Null => None,
            _ => Some(Err(format!("has no text for {}", terminal::cut(&label)))),
        });
    Ok(Argued {
        reasons: reasons.collect::<Result<_, _>>()?,
        by_place,
    })
}

/// The same by the places of the choices they argue for, where there are choices.
fn placed(argued: Argued, choices: &[String]) -> Result<Vec<(String, String)>, String> {
    let Argued { reasons, by_place } = argued;
    if choices.is_empty() {
        return Ok(reasons);
    }
    let place = |(of, reason): (String, String)| {
        let place = if by_place {
            super::place_of(&of, choices.len())
        } else {
            super::choice_named(&of, choices)
        };
        let why = || {
            format!(
                "argues for {}, which is none of the choices",
                terminal::cut(&of)
            )
        };
        Ok((place.ok_or_else(why)?.to_string(), reason))
    };
    reasons.into_iter().map(place).collect()
}

/// Texts as they are written: each as it is, or, where one opens a list, those of the list. None is empty.
fn listed(written: &[String]) -> Result<Vec<String>, String> {
    let mut all = Vec::new();
    for text in written.iter().map(|text| text.trim()) {
        if text.starts_with("[\"") || text.starts_with("['") {
            let list: Vec<String> = serde_json::from_str(text).map_err(|_| {
                "opens a list and is none of texts, as [\"one\", \"two\"]".to_owned()
            })?;
            all.extend(list.iter().map(|text| text.trim().to_owned()));
        } else {
            all.push(text.to_owned());
        }
    }
    all.retain(|text| !text.is_empty());
    Ok(all)
}

/// The words that people named, as they are written; none where nothing is.
fn named(written: Option<&str>, text: &str) -> Result<Option<Vec<bool>>, String> {
    let written = written.unwrap_or_default();
    let marks = written.split(|c: char| c.is_whitespace() || ",;[]".contains(c));
    let marks = marks
        .filter(|mark| !mark.is_empty())
        .map(|mark| match mark {
            "0" => Ok(false),
            "1" => Ok(true),
            other => Err(format!(
                "has {}, want 0 or 1 for each word",
                terminal::cut(other)
            )),
        });
    let named = marks.collect::<Result<Vec<bool>, String>>()?;
    if named.is_empty() {
        return Ok(None);
    }
    let words = super::parts(text).count();
    if named.len() != words {
        let found = named.len();
        return Err(format!(
            "has {found} marks, the text {words} words between white space; want one for each"
        ));
    }
    Ok(Some(named))
}

/// Whether the mark of a duplicate is set.
pub(super) fn marked(value: &str) -> bool {
    matches!(
        value.trim().to_ascii_lowercase().as_str(),
        "true" | "1" | "yes"
    )
}
