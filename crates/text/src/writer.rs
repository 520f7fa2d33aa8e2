//! From pieces back to text for people.

use crate::CONTINUATION;

/// Closes up with what stands before it.
const CLOSING: &str = ".,;:!?)]}%'-/";

/// Closes up with what follows.
const OPENING: &str = "([{'-/$#";

/// Puts pieces together as people write: continuations closed up, punctuation where it belongs, and, where the
/// vocabulary has lost them, a capital at the start of a sentence.
///
/// What a tokenizer takes apart can't always be told: `it's` comes back, and so does `it' s`.
#[derive(Clone, Debug, Default)]
pub struct Writer {
    text: String,
    /// Whether sentences are given capitals.
    capitals: bool,
    /// Whether a quotation is open.
    quoting: bool,
    /// Whether the next piece closes up with the last one.
    close: bool,
}

impl Writer {
    /// Nothing yet; `capitals` for a vocabulary in lower case.
    pub fn new(capitals: bool) -> Self {
        Self {
            capitals,
            close: true,
            ..Self::default()
        }
    }

    /// Appends a piece and answers what became of it: what the text has grown by.
    pub fn push(&mut self, piece: &str) -> &str {
        let start = self.text.len();
        if let Some(rest) = piece.strip_prefix(CONTINUATION).filter(|r| !r.is_empty()) {
            self.text.push_str(rest);
            self.close = false;
            return &self.text[start..];
        }
        let single = single(piece);
        let quotes = single == Some('"');
        let closes = single.is_some_and(|c| CLOSING.contains(c)) || quotes && self.quoting;
        if !closes && !self.close {
            self.text.push(' ');
        }
        let begins = self.text[..start].trim_end().is_empty()
            || self.text[..start].trim_end().ends_with(['.', '!', '?']);
        let mut characters = piece.chars();
        match characters.next() {
            Some(first) if self.capitals && begins && !closes => {
                // Others than ASCII's would take tables of some kilobytes.
                self.text.push(first.to_ascii_uppercase());
                self.text.push_str(characters.as_str());
            }
            _ => self.text.push_str(piece),
        }
        self.close = single.is_some_and(|c| OPENING.contains(c)) || quotes && !self.quoting;
        self.quoting ^= quotes;
        &self.text[start..]
    }

    /// All of it.
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// The one character of a piece that has no other.
fn single(piece: &str) -> Option<char> {
    let mut characters = piece.chars();
    characters.next().filter(|_| characters.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(pieces: &str, capitals: bool) -> String {
        let mut writer = Writer::new(capitals);
        let parts: String = pieces
            .split(' ')
            .map(|p| writer.push(p).to_owned())
            .collect();
        assert_eq!(parts, writer.text());
        writer.text().to_owned()
    }

    #[test]
    fn pieces_become_text_as_people_write_it() {
        for (pieces, want) in [
            (
                "the mill ##er ' s son sleep ##s .",
                "The miller's son sleeps.",
            ),
            ("he said \" no \" , twice", "He said \"no\", twice"),
            ("well - known ( so far ) : 5 %", "Well-known (so far): 5%"),
            ("rain . it rose ! so ?", "Rain. It rose! So?"),
            ("", ""),
            ("## a", "## a"),
        ] {
            assert_eq!(written(pieces, true), want);
        }
        assert_eq!(written("Rose . it", false), "Rose. it");
    }
}
