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

/// One message on standard error. Nobody may be reading there, or the disk under it be full: neither is
/// a reason to stop what the message is about, where `eprintln!` would panic.
pub fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
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
    fn control_characters_are_escaped_and_letters_are_not() {
        assert_eq!(
            shown("a\u{1b}[31m\n\u{9b}é 字"),
            "a\\u{1b}[31m\\n\\u{9b}é 字"
        );
    }
}
