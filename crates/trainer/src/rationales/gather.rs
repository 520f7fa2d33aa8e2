//! A line a row again, after a model has argued for every answer.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::prompt::options;
use crate::data::choice_named;

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

/// Lines that differ in `answer` and the explanation in `column` alone become one: the explanation of the row's own label
/// stays in `column`, and all of them stand by answer in [`BY_ANSWER`], as `data.counterfactual` reads them.
pub fn gather(lines: Vec<Value>, column: &str) -> Vec<Value> {
    let mut rows: Vec<Map<String, Value>> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for line in lines {
        let Value::Object(mut line) = line else {
            continue;
        };
        let answer = line.get("answer").filter(|answer| !answer.is_null());
        let Some(answer) = answer.map(written) else {
            rows.push(line);
            continue;
        };
        let explanation = line.remove(column).unwrap_or_default();
        for name in OF_THE_LINE {
            line.remove(name);
        }
        let place = *places
            .entry(Value::from(line.clone()).to_string())
            .or_insert_with(|| {
                rows.push(line);
                rows.len() - 1
            });
        let row = &mut rows[place];
        if is_own(row, &answer) {
            row.insert(column.to_owned(), explanation.clone());
        }
        let all = row.entry(BY_ANSWER).or_insert_with(|| json!({}));
        if let Value::Object(all) = all {
            all.insert(answer, explanation);
        }
    }
    rows.into_iter().map(Value::from).collect()
}

/// Whether an answer is the row's label, or names the same choice.
fn is_own(row: &Map<String, Value>, answer: &str) -> bool {
    let Some(label) = row.get("label").map(written) else {
        return false;
    };
    let choices = row
        .get("choices")
        .map_or_else(Vec::new, |choices| options(&written(choices)));
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
            gather(lines, "rationale"),
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
        let rows = gather(vec![line("a"), line("b")], "why");
        assert_eq!(rows[0]["why"], "b");
        assert_eq!(rows[0]["counterfactual"], json!({ "a": "a", "b": "b" }));
        // Numbers, and choices as a CSV file has them.
        let line = |answer: i32, why: &str| json!({ "text": "?", "choices": "[\"1\",\"0\"]", "label": 0, "answer": answer, "why": why });
        let rows = gather(vec![line(1, "one"), line(0, "none")], "why");
        assert_eq!((rows.len(), &rows[0]["why"]), (1, &json!("none")));
    }
}
