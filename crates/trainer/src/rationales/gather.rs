//! A line a row again, after a model has argued for every answer.

use std::collections::HashMap;

use anyhow::{Result, bail, ensure};
use serde_json::{Map, Value, json};

use super::prompt::options;
use crate::data::choice_named;
use crate::terminal;

/// What lines of one row differ in, beside the explanation itself.
const OF_THE_LINE: [&str; 7] = [
    "answer",
    "kind",
    "finish",
    "refused",
    "scores",
    "leaks",
    "leaks_other",
];

/// Explanations by the answer they argue for, where a row has several.
pub(crate) const BY_ANSWER: &str = "counterfactual";

/// Lines of one row made one.
#[derive(Debug, Default)]
pub struct Gathered {
    /// A line a row.
    pub lines: Vec<Value>,
    /// Explanations that were left out, because their answer had one.
    pub again: usize,
}

/// Lines that differ in `answer` and the explanation in `column` alone become one: the explanation of the row's own label
/// stays in `column`, and all of them stand by answer in [`BY_ANSWER`], as `data.counterfactual` reads them. Of several for
/// one answer the first is kept.
pub fn gather(lines: Vec<Value>, column: &str) -> Result<Gathered> {
    ensure!(
        !column.eq_ignore_ascii_case(BY_ANSWER),
        "--by-answer: it writes the column `{BY_ANSWER}` itself; rename that one"
    );
    let mut rows: Vec<Map<String, Value>> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut again = 0;
    for line in lines {
        let Value::Object(mut line) = line else {
            continue;
        };
        let answer = taken(&mut line, "answer").map(|(_, answer)| written(&answer));
        // An empty one is the label's.
        let Some(answer) = answer.and_then(|answer| match answer.trim() {
            "" => cell(&line, "label").map(written),
            _ => Some(answer),
        }) else {
            rows.push(line);
            continue;
        };
        let (own, explanation) = taken(&mut line, column).unwrap_or_default();
        for name in OF_THE_LINE {
            taken(&mut line, name);
        }
        let before = taken(&mut line, BY_ANSWER).map(|(_, before)| before);
        let before = match before {
            None | Some(Value::Null) => Map::new(),
            Some(Value::String(text)) if text.trim().is_empty() => Map::new(),
            Some(Value::Object(before)) => before,
            Some(other) => bail!(
                "--by-answer: a row has {} in its column `{BY_ANSWER}`, which is no object of explanations by answer; rename that column",
                terminal::cut(&other.to_string())
            ),
        };
        let place = *places
            .entry(Value::from(line.clone()).to_string())
            .or_insert_with(|| {
                rows.push(line);
                rows.len() - 1
            });
        let row = &mut rows[place];
        if is_own(row, &answer) && !row.contains_key(&own) {
            row.insert(own, explanation.clone());
        }
        let all = row.entry(BY_ANSWER).or_insert_with(|| json!({}));
        if let Value::Object(all) = all {
            for (answer, explanation) in before.into_iter().chain([(answer, explanation)]) {
                again += usize::from(all.get(&answer).is_some_and(|known| *known != explanation));
                all.entry(answer).or_insert(explanation);
            }
        }
    }
    Ok(Gathered {
        lines: rows.into_iter().map(Value::from).collect(),
        again,
    })
}

/// What a line calls a column: names are the same whatever their case, as in any file.
fn called<'l>(line: &'l Map<String, Value>, name: &str) -> Option<&'l String> {
    line.keys().find(|own| own.eq_ignore_ascii_case(name))
}

/// A cell of a line.
fn cell<'l>(line: &'l Map<String, Value>, name: &str) -> Option<&'l Value> {
    line.get(called(line, name)?)
}

/// A cell with its name, out of a line.
fn taken(line: &mut Map<String, Value>, name: &str) -> Option<(String, Value)> {
    let own = called(line, name)?.clone();
    let value = line.remove(&own)?;
    (!value.is_null()).then_some((own, value))
}

/// Whether an answer is the row's label, or names the same choice.
fn is_own(row: &Map<String, Value>, answer: &str) -> bool {
    let Some(label) = cell(row, "label") else {
        return false;
    };
    let choices = cell(row, "choices").map_or_else(Vec::new, |choices| options(&written(choices)));
    // A number is a place, whatever the choices are called.
    let place = label.as_u64().and_then(|place| choices.get(place as usize));
    let label = place.cloned().unwrap_or_else(|| written(label));
    let of = |name: &str| choice_named(name, &choices);
    match of(&label) {
        Some(place) => of(answer) == Some(place),
        None => label.trim() == answer.trim(),
    }
}

/// A cell as text.
fn written(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_one_row_become_one_and_others_stay_apart() {
        let line = |text: &str, answer: &str, why: &str| {
            json!({ "text": text, "label": "up", "answer": answer, "rationale": why, "kind": "counterfactual",
                "leaks": why.len() > 3 })
        };
        let lines = vec![
            line("it rose", "up", "it did"),
            line("it fell", "down", "so"),
            line("it rose", "down", "no"),
            json!({ "text": "it stood", "label": "up", "rationale": "?", "kind": "mine" }),
            json!({ "text": "it stood", "label": "up", "rationale": "!" }),
        ];
        assert_eq!(
            gather(lines, "rationale").unwrap().lines,
            [
                json!({ "text": "it rose", "label": "up", "rationale": "it did",
                    "counterfactual": { "up": "it did", "down": "no" } }),
                json!({ "text": "it fell", "label": "up", "counterfactual": { "down": "so" } }),
                json!({ "text": "it stood", "label": "up", "rationale": "?", "kind": "mine" }),
                json!({ "text": "it stood", "label": "up", "rationale": "!" }),
            ]
        );
    }

    #[test]
    fn a_choice_is_known_by_its_place() {
        let line = |answer: &str| json!({ "text": "?", "choices": ["a", "b"], "label": 1, "answer": answer, "why": answer });
        let rows = gather(vec![line("a"), line("b")], "why").unwrap().lines;
        assert_eq!(rows[0]["why"], "b");
        assert_eq!(rows[0]["counterfactual"], json!({ "a": "a", "b": "b" }));
        // Numbers, and choices as a CSV file has them.
        let line = |answer: &str, why: &str| json!({ "text": "?", "choices": "[\"1\",\"0\"]", "label": 0, "answer": answer, "why": why });
        let rows = gather(vec![line("0", "none"), line("1", "one")], "why")
            .unwrap()
            .lines;
        assert_eq!((rows.len(), &rows[0]["why"]), (1, &json!("one")));
    }

    #[test]
    fn names_know_no_case_and_nothing_is_lost_in_silence() {
        let line = |answer: &str, why: &str, before: Value| json!({ "text": "it rose", "Label": "up", "Answer": answer, "Why": why, "counterfactual": before });
        let lines = vec![
            line("", "it did", json!("")),
            line("down", "no", Value::Null),
            line("down", "never", json!({})),
        ];
        let Gathered { lines, again } = gather(lines, "why").unwrap();
        let wanted = json!({ "text": "it rose", "Label": "up", "Why": "it did",
            "counterfactual": { "up": "it did", "down": "no" } });
        assert_eq!((lines, again), (vec![wanted], 1));
        let error = gather(vec![line("up", "so", json!("old"))], "why").unwrap_err();
        assert!(
            error.to_string().contains("has \"old\" in its column"),
            "{error}"
        );
        assert!(gather(Vec::new(), "Counterfactual").is_err());
    }
}
