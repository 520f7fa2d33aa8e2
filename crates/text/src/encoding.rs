//! What the tokenizer makes of a text.

use std::ops::Range;

/// A text as the model reads it. Every range is into the original text, on character boundaries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Encoding {
    /// Token ids, at most `max_tokens`, without special tokens.
    pub ids: Vec<u32>,
    /// Where each id comes from; as long as `ids`.
    pub tokens: Vec<Token>,
    /// The words that have at least one token in `ids`, in order, never overlapping. Of a pair that is too long the
    /// last words of one text or both are missing.
    pub words: Vec<Word>,
    /// Set when the text has more tokens than were asked for.
    pub truncated: Option<Truncated>,
}

/// Where one token comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Its bytes in the original text. Tokens of one word may share a character: a Hangul syllable
    /// decomposes into several letters, each with the syllable's range.
    pub bytes: Range<usize>,
    /// Index of its word in [`Encoding::words`].
    pub word: usize,
}

/// A word: what white space and punctuation leave together; each punctuation mark is its own word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// Its bytes in the original text; the whole word, also where truncation cut its tokens short.
    pub bytes: Range<usize>,
    /// The same range in UTF-16 code units, as JavaScript counts.
    pub utf16: Range<usize>,
    /// Its tokens in [`Encoding::tokens`]; empty from [`words`](crate::Tokenizer::words).
    pub tokens: Range<usize>,
}

/// What a limit on the number of tokens left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Truncated {
    /// Tokens in the whole text; in both texts of a pair and between them.
    pub tokens: usize,
    /// Where reading stopped: at the first token left out, or behind the character that others were read of. Of a pair
    /// in its first text, at whose end it is if that was read whole.
    pub from: Place,
    /// The same of a pair's second text, counted from its beginning.
    pub second: Option<Place>,
}

/// A place in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Bytes before it.
    pub byte: usize,
    /// UTF-16 code units before it.
    pub utf16: usize,
}

impl Place {
    /// The place at a byte of `text`.
    pub(crate) fn at(text: &str, byte: usize) -> Self {
        let utf16 = text[..byte].encode_utf16().count();
        Self { byte, utf16 }
    }
}
