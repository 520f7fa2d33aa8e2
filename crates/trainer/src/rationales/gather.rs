//! A line a row again, after a model has argued for every answer.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

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
        let explanation = line.remove(column).unwrap_or_default();
        let answer = line
            .get("answer")
            .and_then(Value::as_str)
            .map(str::to_owned);
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
        let Some(answer) = answer else {
            row.insert(column.to_owned(), explanation);
            continue;
        };
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

/// Whether an answer is the row's label, or the choice in the label's place.
fn is_own(row: &Map<String, Value>, answer: &str) -> bool {
    let Some(label) = row.get("label") else {
        return false;
    };
    let written = label
        .as_str()
        .map_or_else(|| label.to_string(), str::to_owned);
    let choice = written
        .parse::<usize>()
        .ok()
        .and_then(|place| row.get("choices")?.get(place));
    written == answer || choice.and_then(Value::as_str) == Some(answer)
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
            json!({ "text": "it stood", "label": "up", "rationale": "?" }),
        ];
        assert_eq!(
            gather(lines, "rationale"),
            [
                json!({ "text": "it rose", "label": "up", "rationale": "it did",
                    "counterfactual": { "up": "it did", "down": "no" } }),
                json!({ "text": "it fell", "label": "up", "counterfactual": { "down": "so" } }),
                json!({ "text": "it stood", "label": "up", "rationale": "?" }),
            ]
        );
    }

    #[test]
    fn a_choice_is_known_by_its_place() {
        let line = |answer: &str| json!({ "text": "?", "choices": ["a", "b"], "label": 1, "answer": answer, "why": answer });
        let rows = gather(vec![line("a"), line("b")], "why");
        assert_eq!(rows[0]["why"], "b");
        assert_eq!(rows[0]["counterfactual"], json!({ "a": "a", "b": "b" }));
    }
}
