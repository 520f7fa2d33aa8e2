//! What a language model is asked: a prompt file filled with a row.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use clap::ValueEnum;
use rand::RngExt;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::artefact::{digest, number};
use crate::data::{Record, Table};
use crate::training::generator;

/// How an explanation is to sound; one is drawn for each row, so that not all sound alike.
const ADJECTIVES: [&str; 6] = ["plain", "precise", "short", "vivid", "careful", "concrete"];

/// What a critique is to look at; one is drawn for each row.
const ASPECTS: [&str; 5] = [
    "whether it names what in the text decides",
    "whether a step of the reasoning is left out",
    "whether it would speak for another answer as well",
    "whether it claims what the text does not say",
    "whether somebody without special knowledge would follow it",
];

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Why the answer is the answer: that of a column `answer`, else the gold one.
    Explain,
    /// The best case for each answer, right or wrong.
    Counterfactual,
    /// What could be better about an explanation.
    Critique,
    /// The explanation anew, as its critique asks.
    Revise,
    /// The answer itself; with log-probabilities, where the endpoint gives them, as soft labels.
    Answer,
}

impl Kind {
    /// The prompt that comes with the project.
    fn text(self) -> &'static str {
        match self {
            Self::Explain => include_str!("../../prompts/explain.txt"),
            Self::Counterfactual => include_str!("../../prompts/counterfactual.txt"),
            Self::Critique => include_str!("../../prompts/critique.txt"),
            Self::Revise => include_str!("../../prompts/revise.txt"),
            Self::Answer => include_str!("../../prompts/answer.txt"),
        }
    }

    /// Columns that must be filled.
    fn needs(self) -> &'static [&'static str] {
        match self {
            Self::Explain | Self::Counterfactual | Self::Answer => &["text"],
            Self::Critique => &["text", "rationale"],
            Self::Revise => &["text", "rationale", "critique"],
        }
    }
}

/// A row to ask about.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Row {
    /// Line of the file on which it starts, from 1.
    pub line: usize,
    /// The text.
    pub text: String,
    /// A second one, such as a hypothesis.
    pub text2: String,
    /// What can be answered, where each row says it.
    pub choices: Vec<String>,
    /// The gold answer, in words.
    pub label: String,
    /// The answer that the explanation is for; without it, the gold one.
    pub answer: String,
    /// An explanation that is there already.
    pub rationale: String,
    /// What was said of it.
    pub critique: String,
    /// All of it as it stands in the file, by column.
    pub whole: Map<String, Value>,
}

/// Rows of a file and all labels that it has.
#[derive(Debug, Clone, PartialEq)]
pub struct Rows {
    /// The rows, in order.
    pub rows: Vec<Row>,
    /// Labels, in the order of the alphabet.
    pub labels: Vec<String>,
}

/// Reads the rows of a file: columns `text`, `label`, and, if they are there, `text2`, `choices`, `answer`,
/// `rationale`, `critique`.
pub fn rows(path: &Path) -> Result<Rows> {
    let table = Table::read(path)?;
    let named = || path.display().to_string();
    let text = table.find("text");
    let text = text.with_context(|| format!("{}: there is no column `text`", named()))?;
    let [text2, choices, label, answer, rationale, critique] = [
        "text2",
        "choices",
        "label",
        "answer",
        "rationale",
        "critique",
    ]
    .map(|name| table.find(name));
    let mut rows = Vec::with_capacity(table.rows.len());
    for Record { line, cells, whole } in table.rows {
        let cell = |column: Option<usize>| column.map_or_else(String::new, |c| cells[c].clone());
        let choices = options(&cell(choices));
        let chosen = |name: &str, cell: String| {
            let count = choices.len();
            chosen(cell, &choices).with_context(|| {
                format!("{}:{line}: {name} is none of its {count} choices", named())
            })
        };
        let label = chosen("label", cell(label))?;
        let answer = chosen("answer", cell(answer))?;
        rows.push(Row {
            line,
            text: cells[text].clone(),
            text2: cell(text2),
            answer: if answer.is_empty() {
                label.clone()
            } else {
                answer
            },
            label,
            choices,
            rationale: cell(rationale),
            critique: cell(critique),
            whole,
        });
    }
    let mut labels: Vec<String> = rows.iter().map(|row| row.label.clone()).collect();
    labels.sort_unstable();
    labels.dedup();
    labels.retain(|label| !label.is_empty());
    Ok(Rows { rows, labels })
}

/// A JSON list of texts or numbers, or parts between bars.
pub(super) fn options(cell: &str) -> Vec<String> {
    let word = |value: Value| match value {
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    if let Ok(list) = serde_json::from_str::<Vec<Value>>(cell) {
        return list.into_iter().filter_map(word).collect();
    }
    let parts = cell.split('|').map(|part| part.trim().to_owned());
    parts.filter(|part| !part.is_empty()).collect()
}

/// The answer that a cell names among the choices: one of them in words, or its number from 0. Without choices, or
/// where nothing is named, the cell itself; none where it names none of them.
pub(super) fn chosen(cell: String, choices: &[String]) -> Option<String> {
    if cell.is_empty() || choices.is_empty() || choices.contains(&cell) {
        return Some(cell);
    }
    choices.get(cell.parse::<usize>().ok()?).cloned()
}

/// A prompt and what decides how it is filled.
#[derive(Debug, Clone)]
pub struct Prompt {
    /// What is asked for.
    pub kind: Kind,
    /// The text, with names in braces. A line with a name that has no value is left out.
    text: String,
    /// Rows that are shown first, with their explanations.
    examples: Vec<Row>,
    /// Draws adjectives and aspects.
    seed: u64,
}

/// One thing to ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asking {
    /// Index of its row.
    pub row: usize,
    /// The answer that is to be explained; of [`Kind::Answer`], empty.
    pub answer: String,
    /// What can be answered.
    pub answers: Vec<String>,
    /// The whole prompt.
    pub prompt: String,
}

impl Prompt {
    /// The prompt of the project, or the one in a file of one's own; `examples` are shown before each row.
    pub fn new(kind: Kind, own: Option<&Path>, examples: Vec<Row>, seed: u64) -> Result<Self> {
        let text = match own {
            Some(path) => {
                fs::read_to_string(path).with_context(|| format!("prompt {}", path.display()))?
            }
            None => kind.text().to_owned(),
        };
        let prompt = Self {
            kind,
            text,
            examples,
            seed,
        };
        ensure!(
            prompt.examples.is_empty() || prompt.text.contains("{examples}"),
            "--examples: this prompt has no place for {{examples}}"
        );
        ensure!(
            prompt.text.contains("{text}"),
            "prompt: it has no place for {{text}}, and every row would be asked the same"
        );
        // A name that is none is told before anything is sent.
        prompt.fill(&Row::default(), "", &[]).with_context(|| {
            own.map_or_else(String::new, |path| format!("prompt {}", path.display()))
        })?;
        Ok(prompt)
    }

    /// Everything to ask about the rows, and how many of these are passed over: what they lack was refused before.
    pub fn askings(&self, rows: &Rows) -> Result<(Vec<Asking>, usize)> {
        let (mut all, mut passed) = (Vec::new(), 0);
        for (index, row) in rows.rows.iter().enumerate() {
            let columns = [
                ("text", &row.text),
                ("rationale", &row.rationale),
                ("critique", &row.critique),
            ];
            let needs = self.kind.needs();
            let lacks =
                |(name, value): &(&str, &String)| needs.contains(name) && value.trim().is_empty();
            if let Some((name, _)) = columns.into_iter().find(lacks) {
                let refused = row.whole.get("refused") == Some(&Value::Bool(true));
                ensure!(
                    refused && name != "text",
                    "line {}: column `{name}` is empty",
                    row.line
                );
                passed += 1;
                continue;
            }
            let answers = if row.choices.is_empty() {
                &rows.labels
            } else {
                &row.choices
            };
            let wanted: Vec<String> = match self.kind {
                Kind::Answer => vec![String::new()],
                Kind::Counterfactual => answers.clone(),
                _ => vec![row.answer.clone()],
            };
            let own = self.kind != Kind::Answer;
            let unknown = answers.is_empty() || wanted.is_empty() || own && wanted[0].is_empty();
            ensure!(
                !unknown,
                "line {}: there is no answer to explain; give a column `label`",
                row.line
            );
            for answer in wanted {
                all.push(Asking {
                    row: index,
                    prompt: self.fill(row, &answer, answers)?,
                    answer,
                    answers: answers.clone(),
                });
            }
        }
        Ok((all, passed))
    }

    fn fill(&self, row: &Row, answer: &str, answers: &[String]) -> Result<String> {
        // By what the row says: another row before it changes no prompt, and nothing is asked again.
        let parts = [&row.text, &row.text2, answer].map(str::as_bytes);
        let content = digest(&parts);
        let mut rng = generator(self.seed, "prompt", number(&content));
        let mut draw = |from: &[&str]| from[rng.random_range(0..from.len())].to_owned();
        let words = row.rationale.split_whitespace().count();
        let values = BTreeMap::from([
            ("text", row.text.clone()),
            ("text2", row.text2.clone()),
            ("choices", row.choices.join(", ")),
            ("answer", answer.to_owned()),
            ("answers", answers.join(", ")),
            ("rationale", row.rationale.clone()),
            ("critique", row.critique.clone()),
            ("adjective", draw(&ADJECTIVES)),
            ("aspect", draw(&ASPECTS)),
            // A revision that may be as long as it likes is twice as long.
            ("words", (words + words / 4).max(12).to_string()),
            ("examples", self.shown()),
        ]);
        let mut lines = Vec::new();
        for line in self.text.lines() {
            if let Some(line) = filled(line, &values)? {
                lines.push(line);
            }
        }
        Ok(lines.join("\n").trim().to_owned())
    }

    /// The examples as the model sees them.
    fn shown(&self) -> String {
        let example = |row: &Row| {
            let parts = [
                ("Text", row.text.clone()),
                ("Second text", row.text2.clone()),
                ("Choices", row.choices.join(", ")),
                ("Answer", row.answer.clone()),
                ("Explanation", row.rationale.clone()),
            ];
            let explained = self.kind != Kind::Answer;
            let told = parts
                .into_iter()
                .filter(|(name, value)| !value.is_empty() && (explained || *name != "Explanation"));
            let lines: Vec<String> = told
                .map(|(name, value)| format!("{name}: {value}"))
                .collect();
            lines.join("\n")
        };
        let all: Vec<String> = self.examples.iter().map(example).collect();
        if all.is_empty() {
            return String::new();
        }
        format!("\n{}\n", all.join("\n\n"))
    }
}

/// A line with the values of its names; none where one of them has no value.
fn filled(line: &str, values: &BTreeMap<&str, String>) -> Result<Option<String>> {
    let (mut out, mut rest, mut whole) = (String::new(), line, true);
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        if let Some(after) = after.strip_prefix('{') {
            out.push('{');
            rest = after;
            continue;
        }
        let Some((name, after)) = after.split_once('}') else {
            bail!(
                "`{line}`: a brace is open; names stand between braces, and {{{{ is a brace itself"
            );
        };
        let Some(value) = values.get(name) else {
            let known: Vec<&str> = values.keys().copied().collect();
            bail!(
                "`{line}`: {{{name}}} is no name; there are {}",
                known.join(", ")
            );
        };
        whole &= !value.is_empty();
        out.push_str(value);
        rest = after;
    }
    out.push_str(rest);
    Ok(whole.then_some(out))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(line: usize, text: &str, label: &str) -> Row {
        Row {
            line,
            text: text.into(),
            label: label.into(),
            answer: label.into(),
            ..Row::default()
        }
    }

    fn two() -> Rows {
        Rows {
            rows: vec![row(1, "it {rose}", "up"), row(2, "it fell", "down")],
            labels: vec!["down".into(), "up".into()],
        }
    }

    #[test]
    fn lines_without_a_value_are_left_out_and_values_are_not_read_as_names() {
        let prompt = Prompt::new(Kind::Explain, None, Vec::new(), 0).unwrap();
        let (all, _) = prompt.askings(&two()).unwrap();
        assert_eq!(all.len(), 2);
        assert!(
            all[0].prompt.contains("Text: it {rose}\nAnswer: up\n"),
            "{}",
            all[0].prompt
        );
        assert!(!all[0].prompt.contains("Second text") && !all[0].prompt.contains("Choices"));
    }

    #[test]
    fn each_answer_is_argued_for() {
        let prompt = Prompt::new(Kind::Counterfactual, None, Vec::new(), 0).unwrap();
        let mut rows = two();
        rows.rows[1].choices = vec!["a".into(), "b".into(), "c".into()];
        let answers: Vec<(usize, String)> = prompt
            .askings(&rows)
            .unwrap()
            .0
            .into_iter()
            .map(|a| (a.row, a.answer))
            .collect();
        let want = [(0, "down"), (0, "up"), (1, "a"), (1, "b"), (1, "c")];
        assert_eq!(answers, want.map(|(row, answer)| (row, answer.to_owned())));
    }

    #[test]
    fn examples_come_first_and_an_answer_has_no_explanation() {
        let mut example = row(1, "they grew", "up");
        example.rationale = "Growth.".into();
        let ask = |kind| {
            let prompt = Prompt::new(kind, None, vec![example.clone()], 0).unwrap();
            prompt.askings(&two()).unwrap().0[1].prompt.clone()
        };
        let explained = ask(Kind::Explain);
        assert!(
            explained.contains("Text: they grew\nAnswer: up\nExplanation: Growth.\n"),
            "{explained}"
        );
        let answered = ask(Kind::Answer);
        assert!(
            !answered.contains("Growth")
                && answered.contains("one of these and nothing else: down, up")
        );
    }

    #[test]
    fn adjectives_change_with_the_seed_and_not_without() {
        let prompts = |seed| -> Vec<String> {
            let prompt = Prompt::new(Kind::Explain, None, Vec::new(), seed).unwrap();
            let rows = Rows {
                rows: (0..20)
                    .map(|line| row(line, &format!("text {line}"), "up"))
                    .collect(),
                labels: vec!["up".into()],
            };
            prompt
                .askings(&rows)
                .unwrap()
                .0
                .into_iter()
                .map(|a| a.prompt)
                .collect()
        };
        assert_eq!(prompts(1), prompts(1));
        assert_ne!(prompts(1), prompts(2));
        assert!(prompts(1).iter().any(|prompt| *prompt != prompts(1)[0]));
    }

    #[test]
    fn what_lacks_or_is_unknown_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let own = |text: &str| {
            let path = folder.path().join("own.txt");
            fs::write(&path, text).unwrap();
            let prompt = Prompt::new(Kind::Explain, Some(&path), Vec::new(), 0);
            format!(
                "{:#}",
                prompt.err().unwrap_or_else(|| anyhow::anyhow!("fine"))
            )
        };
        assert!(
            own("{text} Why {anser}?").contains("{anser} is no name; there are adjective, answer")
        );
        assert!(own("{text} Why {answer?").contains("a brace is open"));
        assert!(own("Why?").contains("no place for {text}"));
        assert_eq!(own("{text} {{so}"), "fine");
        let critique = Prompt::new(Kind::Critique, None, Vec::new(), 0).unwrap();
        let says = critique.askings(&two()).unwrap_err().to_string();
        assert!(
            says.contains("line 1: column `rationale` is empty"),
            "{says}"
        );
        let mut bare = two();
        bare.rows[1].answer.clear();
        let explain = Prompt::new(Kind::Explain, None, Vec::new(), 0).unwrap();
        assert!(
            explain
                .askings(&bare)
                .unwrap_err()
                .to_string()
                .contains("line 2")
        );
    }

    #[test]
    fn choices_are_read_and_numbered_labels_are_theirs() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows.jsonl");
        let read = |text: &str| {
            fs::write(&path, text).unwrap();
            rows(&path)
        };
        let found =
            read("{\"text\":\"Where?\",\"choices\":[\"at home\",\"away\"],\"label\":1}\n").unwrap();
        assert_eq!(
            (found.rows[0].label.as_str(), found.rows[0].choices.len()),
            ("away", 2)
        );
        let bars =
            read("{\"text\":\"Where?\",\"choices\":\"at home | away\",\"label\":\"away\"}\n")
                .unwrap();
        let texts = |rows: &Rows| (rows.rows[0].label.clone(), rows.rows[0].choices.clone());
        assert_eq!(texts(&bars), texts(&found));
        let numbers = read("{\"text\":\"How many?\",\"choices\":[3,1,2],\"label\":1}\n").unwrap();
        assert_eq!(
            numbers.rows[0].label, "1",
            "a choice in words goes before its number"
        );
        let wrong = read("{\"text\":\"Where?\",\"choices\":[\"a\"],\"label\":1}\n").unwrap_err();
        assert!(
            wrong.to_string().contains("label is none of its 1 choices"),
            "{wrong}"
        );
    }
}
