//! From what a model wrote to a sentence that can be learnt from.

use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;
use serde_json::{Value, json};

use super::prompt::{chosen, options};
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
    /// Dropped: the limit of tokens ended it before its first sentence did.
    pub unfinished: usize,
    /// Kept, but cut: a next example, a second paragraph, a last sentence without its end, more words than allowed.
    pub cut: usize,
    /// Kept, and naming the answer that it is for.
    pub names_answer: usize,
    /// Kept, and naming another answer.
    pub names_other: usize,
}

/// Cleans one explanation. Leading white space goes first, whatever it is: a cut at the first line break would leave
/// nothing of a text that begins with one. `most` is a number of words; sentences beyond it are cut off, but the first.
pub fn clean(text: &str, most: usize) -> Cleaned {
    let text = thoughtless(text);
    let bare: String = text.chars().filter(|c| !is_invisible(*c)).collect();
    let mut rest = bare.trim();
    // "Answer: …", then "Explanation: …": what is wanted comes behind the latter.
    let explained = rest
        .lines()
        .find(|line| headed(line, "explanation:").is_some());
    if let Some(line) = explained.filter(|_| marked(rest).is_some()) {
        let start = line.as_ptr() as usize - rest.as_ptr() as usize;
        rest = &rest[start..];
    }
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
    let (mut out, mut words) = (String::new(), 0);
    for sentence in sentences(kept) {
        words += sentence.split_whitespace().count();
        if !out.is_empty() && (words > most || !is_ended(sentence)) {
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

fn is_ended(sentence: &str) -> bool {
    sentence.ends_with(['.', '!', '?', '…', '"', '”', ')'])
}

/// What a model thought aloud before it spoke is no explanation.
fn thoughtless(text: &str) -> &str {
    text.rsplit_once("</think>").map_or_else(
        || text.split("<think>").next().unwrap_or_default(),
        |(_, after)| after,
    )
}

/// Characters that nobody sees: of no width, or controls but for white space.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}')
        || c.is_control() && !c.is_whitespace()
}

/// What follows a marker at the beginning of a line.
fn marked(line: &str) -> Option<&str> {
    MARKERS.iter().find_map(|marker| headed(line, marker))
}

/// What follows a word at the beginning of a line.
fn headed<'l>(line: &'l str, word: &str) -> Option<&'l str> {
    let head = line.trim_start();
    let (head, rest) = head.split_at_checked(word.len())?;
    head.eq_ignore_ascii_case(word).then_some(rest)
}

fn unquoted(text: &str) -> &str {
    let within = |(open, close): (char, char)| {
        let inner = text.strip_prefix(open)?.strip_suffix(close)?;
        (!inner.contains([open, close])).then_some(inner)
    };
    QUOTES.into_iter().find_map(within).unwrap_or(text).trim()
}

/// Words whose full stop ends no sentence, beside those of one letter and with stops within, as in `U.S.`.
const SHORT: [&str; 12] = [
    "mr", "mrs", "ms", "dr", "prof", "st", "vs", "etc", "inc", "no", "approx", "cf",
];

/// Sentences: a full stop, exclamation or question mark with white space and no small letter behind it ends one, but
/// for the stop of an abbreviation.
fn sentences(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        rest = rest.trim_start();
        if rest.is_empty() {
            return None;
        }
        let ends = |place: &usize| ends_sentence(&rest[..*place], &rest[*place..]);
        let spaces = rest
            .match_indices(char::is_whitespace)
            .map(|(place, _)| place);
        let end = spaces.into_iter().find(ends).unwrap_or(rest.len());
        let (sentence, after) = rest.split_at(end);
        rest = after;
        Some(sentence.trim_end())
    })
}

/// Whether a sentence ends between the two.
fn ends_sentence(before: &str, after: &str) -> bool {
    if before.ends_with(['!', '?']) {
        return true;
    }
    let Some(stopped) = before.strip_suffix('.') else {
        return false;
    };
    let word = stopped
        .rsplit(|c: char| c.is_whitespace() || c == '(')
        .next()
        .unwrap_or_default();
    let letters = word.chars().filter(|c| c.is_alphabetic()).count();
    let digits = word.chars().any(|c| c.is_ascii_digit());
    let initials = !digits && (letters == 1 || word.contains('.'));
    let short = initials || SHORT.contains(&word.to_lowercase().as_str());
    let next = after.trim_start().chars().next();
    !short && !next.is_some_and(char::is_lowercase)
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
    let named = || path.display().to_string();
    let place = table.need(column, "--column").with_context(named)?;
    let [answer, label, choices, refused, finish] =
        ["answer", "label", "choices", "refused", "finish"].map(|name| table.find(name));
    let mut labels: Vec<String> = label.map_or_else(Vec::new, |label| {
        table
            .rows
            .iter()
            .map(|row| row.cells[label].clone())
            .collect()
    });
    labels.sort_unstable();
    labels.dedup();
    let mut counts = Counts::default();
    let mut lines = Vec::new();
    for row in table.rows {
        let cell = |column: Option<usize>| column.map_or("", |c| row.cells[c].as_str());
        counts.rows += 1;
        if ["true", "1", "yes"].contains(&cell(refused).to_lowercase().as_str()) {
            counts.refused += 1;
            continue;
        }
        let cleaned = clean(&row.cells[place], most);
        if cleaned.text.is_empty() {
            counts.empty += 1;
            continue;
        }
        if cell(finish) == "length" && !is_ended(&cleaned.text) {
            counts.unfinished += 1;
            continue;
        }
        let own = options(cell(choices));
        let given = [cell(answer), cell(label)]
            .into_iter()
            .find(|cell| !cell.is_empty());
        let given = given.unwrap_or_default().to_owned();
        let answer = chosen(given, &own).with_context(|| {
            format!(
                "{}:{}: the answer is none of its choices",
                named(),
                row.line
            )
        })?;
        let all = if own.is_empty() { &labels } else { &own };
        let leaks = names(&cleaned.text, &answer);
        let leaks_other = all
            .iter()
            .any(|other| *other != answer && names(&cleaned.text, other));
        counts.kept += 1;
        counts.cut += usize::from(cleaned.cut);
        counts.names_answer += usize::from(leaks);
        counts.names_other += usize::from(leaks_other);
        let mut line = row.whole;
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
        let long = format!("Prices rose. {}end.", "And on and ".repeat(20));
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
    fn abbreviations_end_no_sentence() {
        for text in [
            "The U.S. economy grew",
            "Mr. Smith says profits rose by 5 % in the text",
            "Because the text (e.g. 'rose') speaks of growth",
            "It cost approx. 5 in all.",
        ] {
            assert_eq!(cleaned(text), (text.to_owned(), false));
        }
        assert_eq!(
            cleaned("It rose by 5. It will fall. And"),
            ("It rose by 5. It will fall.".to_owned(), true)
        );
    }

    #[test]
    fn what_is_no_explanation_goes() {
        let whole = ("It rose.".to_owned(), false);
        for text in [
            "<think>Hm. Well.</think>\n\nIt rose.",
            "Answer: up\nExplanation: It rose.",
            "\u{200b}It rose.\0",
        ] {
            assert_eq!(cleaned(text), whole, "{text:?}");
        }
        for text in ["<think>Hm.", "\u{200b}", "\0"] {
            assert_eq!(cleaned(text).0, "", "{text:?}");
        }
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
            r#"{"text":"f","label":"up","rationale":"It rose because the","finish":"length"}"#,
            r#"{"text":"[4]","label":1,"scores":{"a lake":0.5},"choices":["the sea","a lake"],"rationale":"Not the sea but a lake."}"#,
        ];
        std::fs::write(&path, rows.join("\n")).unwrap();
        let (lines, counts) = clean_file(&path, "rationale", 40).unwrap();
        let want = Counts {
            rows: 6,
            kept: 3,
            empty: 1,
            refused: 1,
            unfinished: 1,
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
        let kept = (&lines[2]["text"], &lines[2]["label"], &lines[2]["scores"]);
        assert_eq!(kept, (&json!("[4]"), &json!(1), &json!({ "a lake": 0.5 })));
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
