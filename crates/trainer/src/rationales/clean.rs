//! From what a model wrote to a sentence that can be learnt from.

use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::data::Table;

/// What a model writes where it goes on to a next example, or says what comes.
const MARKERS: [&str; 10] = [
    "text:",
    "second text:",
    "choices:",
    "answer:",
    "explanation:",
    "critique:",
    "question:",
    "q:",
    "a:",
    "output:",
];

/// Quotation marks around a whole sentence.
const QUOTES: [(char, char); 3] = [('"', '"'), ('“', '”'), ('«', '»')];

/// A cleaned explanation.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cleaned {
    /// What is left, perhaps nothing.
    pub text: String,
    /// Whether something behind it was cut off.
    pub cut: bool,
}

/// What cleaning found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Counts {
    /// Rows read.
    pub rows: usize,
    /// Rows with an explanation to learn from.
    pub kept: usize,
    /// Dropped: nothing was there.
    pub empty: usize,
    /// Dropped: refused.
    pub refused: usize,
    /// Kept, but cut: a next example, a second paragraph, a sentence without its end, more words than allowed.
    pub cut: usize,
    /// Kept, and naming the answer that it is for.
    pub names_answer: usize,
    /// Kept, and naming another answer.
    pub names_other: usize,
}

/// Cleans one explanation. Leading white space goes first, whatever it is: a cut at the first line break would leave
/// nothing of a text that begins with one. `most` is a number of words; sentences beyond it are cut off, but the first.
pub fn clean(text: &str, most: usize) -> Cleaned {
    let mut rest = text.trim();
    // "Explanation: …", as the prompt ended.
    while let Some(after) = marked(rest) {
        rest = after.trim_start();
    }
    let mut kept = String::new();
    let mut cut = false;
    for line in rest.lines().map(str::trim) {
        if line.is_empty() || marked(line).is_some() {
            cut = true;
            break;
        }
        if !kept.is_empty() {
            kept.push(' ');
        }
        kept.push_str(line);
    }
    let kept = unquoted(&kept);
    let mut out = String::new();
    for sentence in sentences(kept) {
        let ended = sentence.ends_with(['.', '!', '?', '…', '"', '”', ')']);
        let words = (out.split_whitespace().count()) + sentence.split_whitespace().count();
        if !out.is_empty() && (words > most || !ended) {
            cut = true;
            break;
        }
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(sentence);
    }
    Cleaned { text: out, cut }
}

/// What follows a marker at the beginning of a line.
fn marked(line: &str) -> Option<&str> {
    MARKERS.iter().find_map(|marker| {
        let head = line.get(..marker.len())?;
        head.eq_ignore_ascii_case(marker)
            .then(|| &line[marker.len()..])
    })
}

fn unquoted(text: &str) -> &str {
    let within = |(open, close): (char, char)| {
        let inner = text.strip_prefix(open)?.strip_suffix(close)?;
        (!inner.contains([open, close])).then_some(inner)
    };
    QUOTES.into_iter().find_map(within).unwrap_or(text).trim()
}

/// Sentences: a full stop, exclamation or question mark with white space behind it ends one.
fn sentences(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        rest = rest.trim_start();
        if rest.is_empty() {
            return None;
        }
        let mut end = rest.len();
        let mut before = ' ';
        for (place, character) in rest.char_indices() {
            if character.is_whitespace() && matches!(before, '.' | '!' | '?') {
                end = place;
                break;
            }
            before = character;
        }
        let (sentence, after) = rest.split_at(end);
        rest = after;
        Some(sentence.trim_end())
    })
}

/// Whether an explanation has the words of an answer, one after the other.
fn names(explanation: &str, answer: &str) -> bool {
    let words = |text: &str| -> Vec<String> {
        let parts = text.split(|c: char| !c.is_alphanumeric());
        parts
            .filter(|part| !part.is_empty())
            .map(str::to_lowercase)
            .collect()
    };
    let (said, answer) = (words(explanation), words(answer));
    !answer.is_empty() && said.windows(answer.len()).any(|window| window == answer)
}

/// Cleans a column of a file: a line for each row that is left, with all its columns, `leaks` and `leaks_other`.
pub fn clean_file(path: &Path, column: &str, most: usize) -> Result<(Vec<Value>, Counts)> {
    let table = Table::read(path)?;
    let place = table
        .need(column, "--column")
        .with_context(|| path.display().to_string())?;
    let find = |name: &str| table.find(name);
    let (answer, label, choices) = (find("answer"), find("label"), find("choices"));
    let refused = find("refused");
    let all_labels: Vec<&String> = label.map_or_else(Vec::new, |label| {
        let mut all: Vec<&String> = table.rows.iter().map(|(_, cells)| &cells[label]).collect();
        all.sort_unstable();
        all.dedup();
        all
    });
    let mut counts = Counts::default();
    let mut lines = Vec::new();
    for (_, cells) in &table.rows {
        counts.rows += 1;
        if refused.is_some_and(|refused| cells[refused] == "true") {
            counts.refused += 1;
            continue;
        }
        let cleaned = clean(&cells[place], most);
        if cleaned.text.is_empty() {
            counts.empty += 1;
            continue;
        }
        let own: Vec<String> = choices
            .and_then(|choices| serde_json::from_str(&cells[choices]).ok())
            .unwrap_or_else(|| all_labels.iter().map(|&label| label.clone()).collect());
        let cell =
            |column: Option<usize>| column.map(|c| cells[c].clone()).filter(|c| !c.is_empty());
        let mut answer = cell(answer).or_else(|| cell(label)).unwrap_or_default();
        if let Some(choice) = choices
            .and(answer.parse::<usize>().ok())
            .and_then(|i| own.get(i))
        {
            answer.clone_from(choice);
        }
        let leaks = names(&cleaned.text, &answer);
        let leaks_other = own
            .iter()
            .any(|other| *other != answer && names(&cleaned.text, other));
        counts.kept += 1;
        counts.cut += usize::from(cleaned.cut);
        counts.names_answer += usize::from(leaks);
        counts.names_other += usize::from(leaks_other);
        let mut line = Map::new();
        for (name, cell) in table
            .names
            .iter()
            .zip(cells)
            .filter(|(_, cell)| !cell.is_empty())
        {
            let list = cell
                .starts_with('[')
                .then(|| serde_json::from_str(cell).ok())
                .flatten();
            line.insert(name.clone(), list.unwrap_or_else(|| json!(cell)));
        }
        line.insert(table.names[place].clone(), json!(cleaned.text));
        line.insert("leaks".into(), json!(leaks));
        line.insert("leaks_other".into(), json!(leaks_other));
        lines.push(Value::Object(line));
    }
    Ok((lines, counts))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cleaned(text: &str) -> (String, bool) {
        let found = clean(text, 30);
        (found.text, found.cut)
    }

    #[test]
    fn leading_line_breaks_leave_the_explanation() {
        let whole = ("Prices rose.".to_owned(), false);
        for text in [
            "Prices rose.",
            "\n\nPrices rose.",
            " \n Prices rose.\n\n",
            "Explanation:\nPrices rose.",
            "\"Prices rose.\"",
        ] {
            assert_eq!(cleaned(text), whole, "{text:?}");
        }
        assert_eq!(cleaned("\n \n"), (String::new(), false));
        assert_eq!(cleaned("Explanation:"), (String::new(), false));
    }

    #[test]
    fn run_ons_are_cut() {
        let cut = ("Prices rose.".to_owned(), true);
        for text in [
            "Prices rose.\n\nText: something else",
            "\nPrices rose.\nText: something else\nAnswer: up",
            "Prices rose.\nQ: And then?",
            "Prices rose. They rose because the",
        ] {
            assert_eq!(cleaned(text), cut, "{text:?}");
        }
        assert_eq!(
            cleaned("Prices rose\nagain today."),
            ("Prices rose again today.".to_owned(), false)
        );
        let long = format!("Prices rose. {} end.", "on and ".repeat(20));
        assert_eq!(cleaned(&long), cut);
        let first = format!("{} end.", "on and ".repeat(40));
        assert_eq!(
            cleaned(&first),
            (first, false),
            "a first sentence stays whole"
        );
        assert_eq!(
            cleaned("It cost 3.50 in all. Cheap!"),
            ("It cost 3.50 in all. Cheap!".to_owned(), false)
        );
    }

    #[test]
    fn answers_are_named_by_whole_words() {
        assert!(names("It is Up, clearly.", "up"));
        assert!(!names("The cup is upright.", "up"));
        assert!(names("He went to the movie theater.", "movie theater"));
        assert!(!names(
            "He went to the theater for a movie.",
            "movie theater"
        ));
        assert!(!names("Anything.", ""));
    }

    #[test]
    fn files_are_counted_and_rows_keep_their_columns() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows.jsonl");
        let rows = [
            r#"{"text":"a","label":"up","rationale":"\n\nIt is up now."}"#,
            r#"{"text":"b","label":"down","rationale":"It fell.\n\nText: c"}"#,
            r#"{"text":"c","label":"down","rationale":" \n"}"#,
            r#"{"text":"d","label":"up","rationale":"","refused":true}"#,
            r#"{"text":"e","label":1,"choices":["the sea","a lake"],"rationale":"Not the sea but a lake."}"#,
        ];
        std::fs::write(&path, rows.join("\n")).unwrap();
        let (lines, counts) = clean_file(&path, "rationale", 40).unwrap();
        let want = Counts {
            rows: 5,
            kept: 3,
            empty: 1,
            refused: 1,
            cut: 1,
            names_answer: 2,
            names_other: 1,
        };
        assert_eq!(counts, want);
        assert_eq!(lines[0]["rationale"], "It is up now.");
        assert_eq!(
            (&lines[0]["leaks"], &lines[1]["leaks"]),
            (&json!(true), &json!(false))
        );
        assert_eq!(lines[2]["choices"], json!(["the sea", "a lake"]));
        let says = format!("{:#}", clean_file(&path, "why", 40).unwrap_err());
        assert!(says.contains("--column"), "{says}");
    }

    proptest! {
        #[test]
        fn cleaning_twice_changes_nothing_more(text in "(\\PC|[ \n.:]|Text:|Q:){0,80}", most in 1usize..20) {
            let once = clean(&text, most).text;
            prop_assert_eq!(clean(&once, most).text, once);
        }
    }
}
