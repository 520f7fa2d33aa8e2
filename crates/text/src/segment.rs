//! Words: a text normalised, and cut at white space and punctuation.

use std::ops::Range;

use crate::Options;
use crate::normalize::{Span, normalize};
use crate::pair::SEPARATOR;
use crate::unicode::Unicode;

/// Longer words become one unknown token, as in BERT (in characters); it also bounds the work for each word.
pub const LONGEST_WORD: usize = 100;

/// One normalised word, and where it stands in the original text.
#[derive(Default)]
pub(crate) struct Segment {
    /// At most its first [`LONGEST_WORD`] characters: a longer word is never looked at.
    text: String,
    /// For each byte of `text` the original bytes of its character.
    spans: Vec<Span>,
    characters: usize,
    bytes: Span,
}

impl Segment {
    /// The normalised word, unless it is too long to have pieces.
    pub(crate) fn text(&self) -> Option<&str> {
        (self.characters <= LONGEST_WORD).then_some(&self.text)
    }

    /// Whether it is what stands between two texts.
    pub(crate) fn is_separator(&self) -> bool {
        self.text.starts_with(SEPARATOR)
    }

    /// Its bytes in the original text.
    pub(crate) fn bytes(&self) -> Span {
        self.bytes
    }

    /// Original bytes of a part of [`Self::text`] that is not empty.
    pub(crate) fn part(&self, normalized: Range<usize>) -> Span {
        Span {
            start: self.spans[normalized.start].start,
            end: self.spans[normalized.end - 1].end,
        }
    }

    fn push(&mut self, character: char, span: Span) {
        if self.characters == 0 {
            self.bytes.start = span.start;
        }
        self.bytes.end = span.end;
        self.characters += 1;
        if self.characters <= LONGEST_WORD {
            self.text.push(character);
            self.spans.resize(self.text.len(), span);
        }
    }

    /// Makes room for the next word.
    fn clear(&mut self) {
        self.text.clear();
        self.spans.clear();
        self.characters = 0;
    }
}

/// Calls `visit` with each word of `text`, in order.
pub(crate) fn for_each_word(
    text: &str,
    options: Options,
    unicode: &Unicode,
    visit: &mut dyn FnMut(&Segment),
) {
    let mut word = Segment::default();
    let mut end = |word: &mut Segment| {
        if word.characters > 0 {
            visit(word);
            word.clear();
        }
    };
    normalize(text, options, unicode, |character, span| {
        if character.is_whitespace() {
            end(&mut word);
        } else if is_own_word(character, unicode) {
            end(&mut word);
            word.push(character, span);
            end(&mut word);
        } else {
            word.push(character, span);
        }
    });
    end(&mut word);
}

/// Punctuation, and what stands between two texts.
fn is_own_word(character: char, unicode: &Unicode) -> bool {
    if character.is_ascii() {
        return character.is_ascii_punctuation() || character == SEPARATOR;
    }
    unicode.of(character).is_punctuation()
}
