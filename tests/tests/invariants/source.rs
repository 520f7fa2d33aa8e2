//! What a Rust source names, outside its comments and literals.

/// Identifiers that reach the file system: `Path` too, whose methods ask it.
const FILE_SYSTEM: [&str; 5] = ["fs", "File", "OpenOptions", "Path", "PathBuf"];

/// The identifiers of [`FILE_SYSTEM`] that a source names outside comments and strings.
pub(crate) fn file_system_words(source: &str) -> Vec<String> {
    let code = without_comments_and_strings(source);
    let words = code.split(|character: char| !character.is_alphanumeric() && character != '_');
    words
        .filter(|word| FILE_SYSTEM.contains(word))
        .map(String::from)
        .collect()
}

/// Replaces comments, string and character literals by spaces; enough of Rust's grammar for ours.
fn without_comments_and_strings(source: &str) -> String {
    let mut code = String::new();
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let skipped = literal_or_comment(rest);
        if skipped > 0 {
            code.push(' ');
            rest = &rest[skipped..];
        } else {
            code.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    code
}

/// How many bytes the comment or literal at the start of `text` has; 0 if there is none.
fn literal_or_comment(text: &str) -> usize {
    let through = |from: usize, end: &str| {
        text[from..]
            .find(end)
            .map_or(text.len(), |at| from + at + end.len())
    };
    let hashes = text
        .strip_prefix('r')
        .map(|raw| raw.chars().take_while(|c| *c == '#').count());
    if text.starts_with("//") {
        through(2, "\n")
    } else if text.starts_with("/*") {
        let end = through(2, "*/");
        // A comment inside the comment: each opening wants its own closing.
        let inner = text[2..end].matches("/*").count();
        (0..inner).fold(end, |end, _| through(end, "*/"))
    } else if let Some(hashes) = hashes
        && text[1 + hashes..].starts_with('"')
    {
        through(2 + hashes, &format!("\"{}", "#".repeat(hashes)))
    } else if text.starts_with('"') {
        quoted(text, '"')
    } else if text.starts_with("'\\") || text.chars().nth(2) == Some('\'') && text.starts_with('\'')
    {
        quoted(text, '\'')
    } else {
        0
    }
}

/// How many bytes the quoted literal at the start of `text` has, escapes respected.
fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, character) in text.char_indices().skip(1) {
        if character == quote && !escaped {
            return at + 1;
        }
        escaped = character == '\\' && !escaped;
    }
    text.len()
}

#[test]
fn comments_and_literals_name_nothing() {
    for broken in [
        "use std::fs;",
        "use std::{io, fs::File};",
        "let x = '\"'; std::fs::read(name) // why\n",
        "fn save<'a>(path: &'a std::path::Path) {}",
        "const QUOTE: &str = r#\"a \" b\"#; type Handle = std::fs::OpenOptions;",
    ] {
        assert_ne!(file_system_words(broken), Vec::<String>::new(), "{broken}");
    }
    for sound in [
        "// std::fs is for others\nlet bytes = 1;",
        "/* File /* Path */ fs */ let prefix = offsets;",
        "let message = \"a \\\" File on the fs\";",
        "let raw = r#\"the \" File\"#; let c = '\\''; let d = 'F';",
    ] {
        assert_eq!(file_system_words(sound), Vec::<String>::new(), "{sound}");
    }
}
