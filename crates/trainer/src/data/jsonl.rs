//! JSON Lines: one object a line.

use std::collections::BTreeSet;
use std::fmt;

use anyhow::{Result, bail, ensure};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::{Map, Value};

use super::sheet::{
    BadRow, Columns, DUPLICATE, Fields, Format, Place, Sheet, as_text, marked, place,
};
use crate::terminal;

/// Whether the whole file is one JSON array.
pub(super) fn is_array(bytes: &[u8]) -> bool {
    let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    first == Some(&b'[') && serde_json::from_slice::<Vec<IgnoredAny>>(bytes).is_ok()
}

/// Whether the file is JSON values one after the other, some of them over several lines.
fn is_spread(bytes: &[u8]) -> bool {
    let values = serde_json::Deserializer::from_slice(bytes).into_iter::<IgnoredAny>();
    let lines = bytes.split(|byte| *byte == b'\n');
    let lines = lines.filter(|line| !line.iter().all(u8::is_ascii_whitespace));
    let values: Result<Vec<IgnoredAny>, _> = values.collect();
    values.is_ok_and(|values| values.len() < lines.count())
}

/// Reads every line that is not blank; an error if a column is in none of them.
pub(super) fn read(bytes: &[u8], columns: &Columns<'_>) -> Result<Sheet> {
    let mut sheet = Sheet {
        format: Format::Jsonl,
        ..Sheet::default()
    };
    let mut keys = BTreeSet::new();
    for (index, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        if let Err(bad) = row(line, index + 1, columns, &mut sheet, &mut keys) {
            sheet.bad.push(bad);
        }
    }
    if sheet.rows.is_empty() && keys.is_empty() && is_spread(bytes) {
        bail!(
            "these are JSON objects over several lines; write one a line, such as with `jq -c .`"
        );
    }
    for name in columns.names() {
        ensure!(
            keys.is_empty() || keys.contains(name),
            "no column `{name}`; the rows have {}",
            terminal::names(keys.iter().map(String::as_str), "`")
        );
    }
    Ok(sheet)
}

fn row(
    bytes: &[u8],
    line: usize,
    columns: &Columns<'_>,
    sheet: &mut Sheet,
    keys: &mut BTreeSet<String>,
) -> Result<(), BadRow> {
    let text = as_text(bytes, line)?;
    let Members(members) = serde_json::from_str(text).map_err(|error| {
        let shown = error.to_string();
        // serde_json adds its own position, which is always in line 1 of this one line.
        let what = shown.split(" at line ").next().unwrap_or_default();
        let why = format!("not a JSON object on one line: {what}");
        BadRow {
            line,
            place: Place::Byte(error.column()),
            why,
        }
    })?;
    let object = unambiguous(members, line)?;
    keys.extend(object.keys().cloned());
    let field = |name: &str| value(&object, name, line, "a string");
    let duplicate = object.get(DUPLICATE).and_then(plain);
    let given = |name: &str| object.get(name).filter(|value| !value.is_null());
    let rationale = columns.rationale.and_then(given);
    let counterfactual = columns.counterfactual.and_then(given);
    let reasons = columns.reasons.iter();
    let reasons = reasons.map(|name| given(name).map(|_| field(name)).transpose());
    let fields = Fields {
        text: field(columns.text)?,
        text2: columns.text2.map(field).transpose()?,
        choices: columns
            .choices
            .map(|name| listing(&object, name, line))
            .transpose()?,
        reasons: reasons.collect::<Result<_, _>>()?,
        counterfactual: counterfactual.map(Value::to_string),
        references: columns
            .references
            .and_then(given)
            .map_or_else(Vec::new, listed),
        label: columns.label.map(field).transpose()?,
        label_is_number: columns.label.and_then(given).is_some_and(Value::is_number),
        domain: columns.domain.map(field).transpose()?,
        rationale: rationale.map(Value::to_string),
        duplicate: duplicate.is_some_and(|mark| marked(&mark)),
    };
    place(sheet, columns, line, fields);
    Ok(())
}

/// The members as a map, if each name is there once.
fn unambiguous(members: Vec<(String, Value)>, line: usize) -> Result<Map<String, Value>, BadRow> {
    let mut object = Map::new();
    for (name, value) in members {
        if object.contains_key(&name) {
            return Err(BadRow {
                line,
                place: Place::Column(terminal::cut(&name)),
                why: "is there twice; keep one".into(),
            });
        }
        object.insert(name, value);
    }
    Ok(object)
}

/// An object's members as they stand there, where a map would keep the last of equal names.
struct Members(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Members(members))
    }
}

/// What is written under a name, of which `want` is said to be wanted where it is something else.
fn value(
    object: &Map<String, Value>,
    name: &str,
    line: usize,
    want: &str,
) -> Result<String, BadRow> {
    let bad = |why| BadRow {
        line,
        place: Place::Column(name.into()),
        why,
    };
    let Some(value) = object.get(name) else {
        let keys = terminal::names(object.keys().map(String::as_str), "");
        return Err(bad(format!("is not there; this row has {keys}")));
    };
    plain(value).ok_or_else(|| {
        let kind = match value {
            Value::Null => "null",
            Value::Array(_) => "an array",
            _ => "an object",
        };
        bad(format!("is {kind}, want {want}"))
    })
}

/// A list as it is written, so that every format's is read in one place.
fn listing(object: &Map<String, Value>, name: &str, line: usize) -> Result<String, BadRow> {
    match object.get(name) {
        Some(list @ Value::Array(_)) => Ok(list.to_string()),
        _ => value(object, name, line, "a list of texts"),
    }
}

/// The texts of a list, or the one text.
fn listed(value: &Value) -> Vec<String> {
    match value {
        Value::Array(all) => all.iter().filter_map(plain).collect(),
        one => plain(one).into_iter().collect(),
    }
}

/// Strings as they are, numbers and truth values as they are written.
fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        _ => None,
    }
}
