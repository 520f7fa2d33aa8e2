//! What may be written to a terminal.

use std::io::{IsTerminal, Write};

/// Text from a file or a bundle, safe to print on one line: control characters are escaped, so that
/// none of them moves the cursor or rewrites what stands there.
pub fn shown(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() {
            out.extend(character.escape_default());
        } else {
            out.push(character);
        }
    }
    out
}

/// [`shown`], line by line.
pub fn shown_lines(text: &str) -> String {
    text.lines().map(shown).collect::<Vec<_>>().join("\n")
}

/// A name from a file, no longer than a message can bear.
pub fn cut(name: &str) -> String {
    const LONGEST: usize = 60;
    match name.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name.into(),
    }
}

/// Names from a file for a message, each between `mark`s: a file can have any number of them, of any
/// length.
pub fn names<'a>(names: impl ExactSizeIterator<Item = &'a str>, mark: &str) -> String {
    const MOST: usize = 20;
    let more = names.len().saturating_sub(MOST);
    let marked = |name| format!("{mark}{}{mark}", cut(name));
    let shown: Vec<String> = names.take(MOST).map(marked).collect();
    let more = (more > 0).then(|| format!(" and {more} more"));
    shown.join(", ") + &more.unwrap_or_default()
}

/// One message on standard error; control characters in it are escaped. Nobody may be reading there, or
/// the disk under it be full: neither is a reason to stop what the message is about, where `eprintln!`
/// would panic.
pub fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{}", shown_lines(text));
}

/// Whether standard output is a terminal that wants colours (<https://no-color.org>).
pub fn coloured() -> bool {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    std::io::stdout().is_terminal() && !refused
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_and_long_lists_are_cut() {
        let long = "é".repeat(61);
        let shown = names([long.as_str(), "b"].into_iter(), "`");
        assert_eq!(shown, format!("`{}…`, `b`", "é".repeat(60)));
        let many = vec!["a"; 25];
        assert!(names(many.into_iter(), "").ends_with("a, a and 5 more"));
    }

    #[test]
    fn control_characters_are_escaped_and_letters_are_not() {
        assert_eq!(
            shown("a\u{1b}[31m\n\u{9b}é 字"),
            "a\\u{1b}[31m\\n\\u{9b}é 字"
        );
    }
}
