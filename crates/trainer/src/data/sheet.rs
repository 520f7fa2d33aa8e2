//! Rows of one file, whatever its format.

use std::fmt;

use anyhow::{Result, bail, ensure};

use super::{delimited, foreign, jsonl};

/// Name of the column that marks a validation or test row as a copy of an earlier split's.
pub(super) const DUPLICATE: &str = "dup_of_earlier_split";

/// The columns to read.
#[derive(Debug, Clone, Copy)]
pub struct Columns<'a> {
    /// Column of the text.
    pub text: &'a str,
    /// Column of the label; `None` reads texts alone and keeps empty ones.
    pub label: Option<&'a str>,
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Line of the file on which it starts, from 1.
    pub line: usize,
    /// The text, as it stands in the file.
    pub text: String,
    /// The label, without white space around it.
    pub label: Option<String>,
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
                text: text.into(),
                label: None,
                duplicate: false,
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

/// Puts a row's fields in its place, or says what is wrong with them.
pub(super) fn place(
    sheet: &mut Sheet,
    columns: &Columns<'_>,
    line: usize,
    fields: (String, Option<String>),
    duplicate: bool,
) {
    let (text, label) = fields;
    let label = label.map(|label| label.trim().to_owned());
    let empty = |name: &str| BadRow {
        line,
        place: Place::Column(name.into()),
        why: "is empty".into(),
    };
    match columns.label {
        Some(_) if text.trim().is_empty() => sheet.bad.push(empty(columns.text)),
        Some(name) if label.as_deref().is_none_or(str::is_empty) => sheet.bad.push(empty(name)),
        _ => sheet.rows.push(Row {
            line,
            text,
            label,
            duplicate,
        }),
    }
}

/// Whether the mark of a duplicate is set.
pub(super) fn marked(value: &str) -> bool {
    matches!(
        value.trim().to_ascii_lowercase().as_str(),
        "true" | "1" | "yes"
    )
}
