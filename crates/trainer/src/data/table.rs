//! Files with any columns: CSV, TSV or JSONL.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::{Map, Value};

use crate::terminal;

/// A file's columns and rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Table {
    /// What the columns are called, in the order of the file.
    pub(crate) names: Vec<String>,
    /// Line of each row, from 1, and its cells, without white space around them; empty where there is none.
    pub(crate) rows: Vec<(usize, Vec<String>)>,
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
        let text = String::from_utf8(bytes);
        let text = text.with_context(|| format!("{}: save it as UTF-8", named()))?;
        let text = text.trim_start_matches('\u{feff}');
        let table = if text.trim_start().starts_with('{') {
            Self::jsonl(text)
        } else {
            Self::delimited(text)
        };
        let table = table.with_context(named)?;
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
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(delimiter)
            .trim(csv::Trim::All)
            .from_reader(text.as_bytes());
        let names = reader.headers()?.iter().map(ToOwned::to_owned).collect();
        let mut rows = Vec::new();
        for record in reader.records() {
            let record = record?;
            let line = record.position().map_or(0, csv::Position::line) as usize;
            rows.push((line, record.iter().map(ToOwned::to_owned).collect()));
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
        let rows = objects.into_iter().map(|(line, object)| {
            let cell = |name: &String| object.get(name).map_or_else(String::new, cell);
            (line, names.iter().map(cell).collect())
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

    #[test]
    fn the_same_rows_are_read_however_they_are_written() {
        let folder = tempfile::tempdir().unwrap();
        let read = |text: &str| {
            let path = folder.path().join("rows");
            fs::write(&path, text).unwrap();
            Table::read(&path)
        };
        let csv = read("\u{feff}a,b\nx y, 3\n\"z,\",\n").unwrap();
        assert_eq!(csv.names, ["a", "b"]);
        assert_eq!(csv.rows[1], (3, vec!["z,".to_owned(), String::new()]));
        assert_eq!(read("a\tb\nx y\t3\nz,\t\n").unwrap(), csv);
        assert_eq!(read("a;b\nx y;3\nz,;\n").unwrap(), csv);
        let jsonl = read("{\"a\":\"x y\",\"b\":3}\n\n{\"a\":\" z,\"}\n").unwrap();
        assert_eq!((jsonl.rows[1].0, &jsonl.rows[1].1), (3, &csv.rows[1].1));
        assert_eq!(csv.find("B"), Some(1));
        assert!(
            csv.need("c", "--item")
                .unwrap_err()
                .to_string()
                .contains("name it with --item")
        );
        assert!(format!("{:#}", read("{\"a\":1}\nx\n").unwrap_err()).contains("line 2"));
        assert!(read("a,b\n").unwrap_err().to_string().contains("no rows"));
    }
}
