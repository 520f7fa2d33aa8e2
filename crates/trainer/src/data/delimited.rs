//! CSV, TSV and the semicolon files of European spreadsheets: a header, then records.

use anyhow::{Context, Result, bail, ensure};
use csv::{ByteRecord, ReaderBuilder};

use super::quotes;
use super::sheet::{
    BadRow, Columns, DUPLICATE, Fields, Format, NOT_UTF8, Place, Sheet, ZERO_BYTE, marked, place,
};
use crate::terminal;

/// What may stand between fields, unless the reader is told.
pub(super) const DELIMITERS: &[u8] = b",\t;";

/// Whether some delimiter finds this column in the header.
pub(super) fn has_column(bytes: &[u8], name: &str) -> bool {
    DELIMITERS
        .iter()
        .any(|d| header(bytes, *d).iter().any(|column| column == name))
}

/// Reads all records under the header, their fields between one of `delimiters`.
pub(super) fn read(bytes: &[u8], columns: &Columns<'_>, delimiters: &[u8]) -> Result<Sheet> {
    let wanted: Vec<&str> = columns.names().collect();
    let (delimiter, names) = delimiter(bytes, &wanted, delimiters);
    let find = |name: &str| -> Result<usize> {
        let found: Vec<usize> = (0..names.len()).filter(|i| names[*i] == name).collect();
        match found[..] {
            [index] => Ok(index),
            [] => bail!(
                "no column `{name}`; the first line names {}",
                terminal::names(names.iter().map(String::as_str), "`")
            ),
            _ => bail!(
                "column `{name}` is there {} times; rename all but one",
                found.len()
            ),
        }
    };
    // A column that some files have not.
    let perhaps = |name: &str| -> Result<Option<usize>> {
        let there = !columns.sparse || names.iter().any(|n| n == name);
        there.then(|| find(name)).transpose()
    };
    let layout = Layout {
        width: names.len(),
        text: find(columns.text)?,
        text2: columns.text2.map(find).transpose()?,
        choices: columns.choices.map(find).transpose()?,
        reasons: columns
            .reasons
            .iter()
            .map(|name| perhaps(name))
            .collect::<Result<_>>()?,
        counterfactual: match columns.counterfactual {
            Some(name) => perhaps(name)?,
            None => None,
        },
        references: columns.references.map(find).transpose()?,
        label: columns.label.map(find).transpose()?,
        domain: columns.domain.map(find).transpose()?,
        rationale: match columns.rationale {
            Some(name) => perhaps(name)?,
            None => None,
        },
        duplicate: names.iter().position(|name| name == DUPLICATE),
        columns,
    };
    let (quoted, malformed) = layout.read(bytes, delimiter, true)?;
    if delimiter != b'\t' {
        return Ok(quoted);
    }
    // Many TSV files don't quote, so that a text may well begin with a quotation mark.
    let (bare, _) = layout.read(bytes, delimiter, false)?;
    Ok(if malformed || bare.bad.len() <= quoted.bad.len() {
        bare
    } else {
        quoted
    })
}

/// The first delimiter that finds every wanted column, else the one with the most columns, each with the
/// header it gives.
fn delimiter(bytes: &[u8], wanted: &[&str], delimiters: &[u8]) -> (u8, Vec<String>) {
    let headers = delimiters.iter().map(|d| (*d, header(bytes, *d)));
    let rank = |names: &[String]| {
        let all = wanted.iter().all(|w| names.iter().any(|name| name == w));
        // The first delimiter that finds every column is taken, however many others there are.
        (all, if all { 0 } else { names.len() })
    };
    // The last of equals is the maximum.
    let best = headers.rev().max_by_key(|(_, names)| rank(names));
    best.unwrap_or_default()
}

fn header(bytes: &[u8], delimiter: u8) -> Vec<String> {
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .from_reader(bytes);
    let mut record = ByteRecord::new();
    // Reading from memory can't fail, and an empty header is reported by the caller.
    let _ = reader.read_byte_record(&mut record);
    record
        .iter()
        .map(|field| String::from_utf8_lossy(field).trim().to_owned())
        .collect()
}

struct Layout<'a> {
    width: usize,
    text: usize,
    text2: Option<usize>,
    choices: Option<usize>,
    reasons: Vec<Option<usize>>,
    counterfactual: Option<usize>,
    references: Option<usize>,
    label: Option<usize>,
    domain: Option<usize>,
    rationale: Option<usize>,
    duplicate: Option<usize>,
    columns: &'a Columns<'a>,
}

impl Layout<'_> {
    /// The rows, and whether some quotation mark is not where one can be.
    fn read(&self, bytes: &[u8], delimiter: u8, quoting: bool) -> Result<(Sheet, bool)> {
        let mut reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(delimiter)
            .quoting(quoting)
            .from_reader(bytes);
        let mut sheet = Sheet {
            format: Format::Delimited,
            ..Sheet::default()
        };
        let mut lines = Lines::new(bytes);
        let mut record = ByteRecord::new();
        let (mut first, mut malformed) = (true, false);
        while reader
            .read_byte_record(&mut record)
            .context("can't read the records")?
        {
            let from = record.position().map_or(0, csv::Position::byte) as usize;
            let to = reader.position().byte() as usize;
            let line = lines.of(from);
            let fault = || quotes::fault(&bytes[from..to], delimiter);
            if std::mem::take(&mut first) {
                ensure!(
                    record.len() == self.width,
                    "the first line can't be read as a header"
                );
            } else if let Some(why) = quoting.then(fault).flatten() {
                malformed = true;
                sheet.bad.push(BadRow {
                    line,
                    place: Place::Row,
                    why,
                });
            } else if bytes[from..to].contains(&0) {
                sheet.bad.push(BadRow {
                    line,
                    place: Place::Row,
                    why: ZERO_BYTE.into(),
                });
            } else if let Err(bad) = self.row(&record, line, quoting, &mut sheet) {
                sheet.bad.push(bad);
            }
        }
        Ok((sheet, malformed))
    }

    fn row(
        &self,
        record: &ByteRecord,
        line: usize,
        quoting: bool,
        sheet: &mut Sheet,
    ) -> Result<(), BadRow> {
        if record.len() != self.width {
            let why = format!(
                "has {} fields, the header {}; is a text with a delimiter in it not quoted?",
                record.len(),
                self.width
            );
            return Err(BadRow {
                line,
                place: Place::Row,
                why,
            });
        }
        let field = |index: usize, name: &str| {
            let bytes = record.get(index).unwrap_or_default();
            let text = std::str::from_utf8(bytes).map_err(|_| BadRow {
                line,
                place: Place::Column(name.into()),
                why: NOT_UTF8.into(),
            })?;
            Ok(if quoting {
                text.to_owned()
            } else {
                unquote(text)
            })
        };
        let given = |index: Option<usize>, name: Option<&str>| {
            let both = index.zip(name);
            both.map(|(index, name)| field(index, name)).transpose()
        };
        let duplicate = given(self.duplicate, Some(DUPLICATE))?;
        let reasons = self.reasons.iter().zip(self.columns.reasons);
        let reasons = reasons.map(|(index, name)| given(*index, Some(name)));
        let fields = Fields {
            text: field(self.text, self.columns.text)?,
            text2: given(self.text2, self.columns.text2)?,
            choices: given(self.choices, self.columns.choices)?,
            reasons: reasons.collect::<Result<_, _>>()?,
            counterfactual: given(self.counterfactual, self.columns.counterfactual)?,
            references: given(self.references, self.columns.references)?
                .into_iter()
                .collect(),
            label: given(self.label, self.columns.label)?,
            label_is_number: false,
            domain: given(self.domain, self.columns.domain)?,
            rationale: given(self.rationale, self.columns.rationale)?,
            duplicate: duplicate.is_some_and(|mark| marked(&mark)),
        };
        place(sheet, self.columns, line, fields);
        Ok(())
    }
}

/// A field that is one quoted string, without its quotes; any other as it is.
fn unquote(field: &str) -> String {
    let inner = field
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    match inner {
        Some(inner) if !inner.replace("\"\"", "").contains('"') => inner.replace("\"\"", "\""),
        _ => field.into(),
    }
}

/// Line numbers of ascending offsets; the reader's own count is off by one after CRLF.
pub(super) struct Lines<'a> {
    bytes: &'a [u8],
    end: u8,
    at: usize,
    line: usize,
}

impl<'a> Lines<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            // Where there is no line feed, a carriage return ends a line, as on old Macs.
            end: if bytes.contains(&b'\n') { b'\n' } else { b'\r' },
            at: 0,
            line: 1,
        }
    }

    /// Line, from 1, of the first byte at or after `offset` that is no line end.
    pub(super) fn of(&mut self, offset: usize) -> usize {
        let rest = &self.bytes[offset..];
        let blank = rest
            .iter()
            .take_while(|byte| matches!(byte, b'\r' | b'\n'))
            .count();
        let to = offset + blank;
        let passed = self.bytes[self.at..to].split(|byte| *byte == self.end);
        self.line += passed.count() - 1;
        self.at = to;
        self.line
    }
}
