//! Files with any columns: CSV, TSV or JSONL.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Map, Value};

use super::delimited::Lines;
use super::{foreign, quotes};
use crate::terminal;

/// A file's columns and rows.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Table {
    /// What the columns are called, in the order of the file.
    pub(crate) names: Vec<String>,
    /// The rows, in its order.
    pub(crate) rows: Vec<Record>,
}

/// One row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Record {
    /// Line of the file on which it starts, from 1.
    pub(crate) line: usize,
    /// Its cells as text, without white space around them; empty where there is none.
    pub(crate) cells: Vec<String>,
    /// All of it as it stands, by column.
    pub(crate) whole: Map<String, Value>,
}

impl Table {
    /// Reads a file; one whose first line opens a JSON object is JSONL.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let named = || path.display().to_string();
        ensure!(
            !path.is_dir(),
            "{}: this is a folder; name a file in it",
            named()
        );
        let bytes = fs::read(path).with_context(named)?;
        foreign::refuse(&bytes).with_context(named)?;
        let text = String::from_utf8(bytes);
        let text = text.with_context(|| format!("{}: save it as UTF-8", named()))?;
        let text = text.trim_start_matches('\u{feff}');
        ensure!(
            !text.trim_start().starts_with('['),
            "{}: this is a JSON list; write one object a line",
            named()
        );
        let table = if text.trim_start().starts_with('{') {
            Self::jsonl(text)
        } else {
            Self::delimited(text)
        };
        let table = table.with_context(named)?;
        for (index, name) in table.names.iter().enumerate() {
            let twice = table.names[..index]
                .iter()
                .any(|n| n.eq_ignore_ascii_case(name));
            ensure!(
                !twice,
                "{}: column `{name}` is there twice; rename one of them",
                named()
            );
        }
        ensure!(!table.rows.is_empty(), "{}: there are no rows", named());
        Ok(table)
    }

    fn delimited(text: &str) -> Result<Self> {
        let head = text.lines().next().unwrap_or_default();
        let delimiter = match (head.contains('\t'), head.contains(','), head.contains(';')) {
            (true, ..) => b'\t',
            (false, false, true) => b';',
            _ => b',',
        };
        let quoted = Self::records(text, delimiter, true);
        // Many TSV files don't quote, so that a text may well begin with a quotation mark.
        match quoted {
            Err(_) if delimiter == b'\t' => Self::records(text, delimiter, false),
            other => other,
        }
    }

    fn records(text: &str, delimiter: u8, quoting: bool) -> Result<Self> {
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(delimiter)
            .quoting(quoting)
            .trim(csv::Trim::All)
            .flexible(true)
            .from_reader(text.as_bytes());
        let names: Vec<String> = reader.headers()?.iter().map(ToOwned::to_owned).collect();
        let mut rows = Vec::new();
        let mut record = csv::StringRecord::new();
        let mut lines = Lines::new(text.as_bytes());
        while reader.read_record(&mut record)? {
            let from = record.position().map_or(0, csv::Position::byte) as usize;
            let line = lines.of(from);
            let bytes = &text.as_bytes()[from..reader.position().byte() as usize];
            if let Some(why) = quotes::fault(bytes, delimiter).filter(|_| quoting) {
                bail!("line {line}: {why}");
            }
            ensure!(
                record.len() == names.len(),
                "line {line}: has {} cells, the first line names {}",
                record.len(),
                names.len()
            );
            let cells: Vec<String> = record.iter().map(ToOwned::to_owned).collect();
            let values = cells.iter().map(|cell| Value::from(cell.as_str()));
            rows.push(Record {
                line,
                whole: names.iter().cloned().zip(values).collect(),
                cells,
            });
        }
        Ok(Self { names, rows })
    }

    fn jsonl(text: &str) -> Result<Self> {
        let mut names: Vec<String> = Vec::new();
        let mut objects = Vec::new();
        let lines = text.lines().enumerate();
        for (index, line) in lines.filter(|(_, line)| !line.trim().is_empty()) {
            let object: Map<String, Value> = serde_json::from_str(line)
                .with_context(|| format!("line {}: not a JSON object on one line", index + 1))?;
            for name in object.keys() {
                if !names.contains(name) {
                    names.push(name.clone());
                }
            }
            objects.push((index + 1, object));
        }
        let rows = objects.into_iter().map(|(line, whole)| {
            let cell = |name: &String| whole.get(name).map_or_else(String::new, cell);
            Record {
                line,
                cells: names.iter().map(cell).collect(),
                whole,
            }
        });
        let rows = rows.collect();
        Ok(Self { names, rows })
    }

    /// Where the column of this name is; capitals don't matter.
    pub(crate) fn find(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|n| n.eq_ignore_ascii_case(name))
    }

    /// [`Table::find`], or an error that says which `option` names it.
    pub(crate) fn need(&self, name: &str, option: &str) -> Result<usize> {
        self.find(name).with_context(|| {
            let columns = terminal::names(self.names.iter().map(String::as_str), "`");
            format!("there is no column `{name}` among {columns}; name it with {option}")
        })
    }
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.trim().to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Table> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows");
        fs::write(&path, text).unwrap();
        Table::read(&path)
    }

    #[test]
    fn the_same_rows_are_read_however_they_are_written() {
        let csv = read("\u{feff}a,b\nx y, 3\n\"z,\",\n").unwrap();
        assert_eq!(csv.names, ["a", "b"]);
        assert_eq!(csv.rows[1].line, 3);
        assert_eq!(csv.rows[1].cells, ["z,", ""]);
        assert_eq!(read("a\tb\r\nx y\t3\r\nz,\t\r\n").unwrap(), csv);
        assert_eq!(read("a;b\nx y;3\nz,;\n").unwrap(), csv);
        let jsonl = read("{\"a\":\"x y\",\"b\":3}\n\n{\"a\":\" z,\"}\n").unwrap();
        assert_eq!(
            (jsonl.rows[1].line, &jsonl.rows[1].cells),
            (3, &csv.rows[1].cells)
        );
        assert_eq!(jsonl.rows[0].whole["b"], 3);
        assert_eq!(csv.find("B"), Some(1));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let says = |text: &str| format!("{:#}", read(text).unwrap_err());
        let csv = read("a,b\n1,2\n").unwrap();
        let lacks = csv.need("c", "--item").unwrap_err().to_string();
        assert!(lacks.contains("name it with --item"), "{lacks}");
        assert!(says("{\"a\":1}\nx\n").contains("line 2"));
        assert!(says("a,b\n").contains("no rows"));
        assert!(says("a,A\n1,2\n").contains("column `A` is there twice"));
        assert!(says("a,b\n1,2\n3\n").contains("line 3: has 1 cells, the first line names 2"));
        assert!(says("[{\"a\":1}]").contains("one object a line"));
        assert_eq!(read("a,b\r\n1,2\r\n3,4\r\n").unwrap().rows[1].line, 3);
        assert!(
            says("a,b\n1,2\n\"it,rose\n3,4\n").contains("line 3: a quotation mark that opens here")
        );
        // In a TSV it is a mark like any other.
        assert_eq!(read("a\tb\n\"it\trose\n3\t4\n").unwrap().rows.len(), 2);
    }
}
