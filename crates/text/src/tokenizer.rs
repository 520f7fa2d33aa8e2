//! The tokenizer: text to ids and words, by the vocabulary.

use crate::normalize::Span;
use crate::pieces::Pieces;
use crate::segment::{Segment, for_each_word};
use crate::unicode::Unicode;
use crate::utf16::Utf16;
use crate::{Encoding, Error, Place, Token, Truncated, Word, halves, longest_first};

/// How text is normalised, and which piece stands for what the vocabulary cannot spell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Fold to lower case.
    pub lowercase: bool,
    /// Decompose (NFD) and drop non-spacing marks.
    pub strip_accents: bool,
    /// Id of the unknown token.
    pub unknown: u32,
    /// Id of the token between two texts, for a model that reads pairs.
    pub separator: Option<u32>,
}

/// BERT's tokenizer without special tokens: text to words to WordPiece ids, with offsets.
#[derive(Clone, Debug)]
pub struct Tokenizer {
    options: Options,
    unicode: Unicode,
    pieces: Pieces,
}

impl Tokenizer {
    /// Checks the vocabulary (piece `i` has id `i`, continuations begin with `##`) and builds on it.
    pub fn new(vocabulary: &[String], options: Options) -> Result<Self, Error> {
        let (unknown, size) = (options.unknown, vocabulary.len());
        if unknown as usize >= size {
            return Err(Error::UnknownOutOfRange { unknown, size });
        }
        if let Some(separator) = options.separator.filter(|id| *id as usize >= size) {
            return Err(Error::SeparatorOutOfRange { separator, size });
        }
        Ok(Self {
            options,
            unicode: Unicode::unpack(),
            pieces: Pieces::new(vocabulary)?,
        })
    }

    /// The first `max_tokens` tokens of `text` and their words; of a pair the first ones of both texts, as many as
    /// [`longest_first`] leaves, and that between them. What is left out is counted and reported in
    /// [`Encoding::truncated`]. Time is linear in the text.
    pub fn encode(&self, text: &str, max_tokens: usize) -> Encoding {
        let (encoding, [first, rest]) = self.read(text, [max_tokens; 2]);
        // A single text has been read as it is to be, and so has a pair that is short enough.
        if rest == 0 || first + rest <= max_tokens {
            return encoding;
        }
        let [first, second] = longest_first([first, rest - 1], max_tokens.saturating_sub(1));
        self.read(text, [first, max_tokens.min(1 + second)]).0
    }

    /// The first `most[0]` tokens of a text, or of a pair's first one, and the first `most[1]` of what follows: the
    /// token between both texts and those of the second. And how many there are of each.
    fn read(&self, text: &str, most: [usize; 2]) -> (Encoding, [usize; 2]) {
        let mut encoding = Encoding::default();
        let mut units = Utf16::new(text);
        let mut pieces = Vec::new();
        let (mut half, mut found, mut stopped) = (0, [0; 2], [None; 2]);
        self.for_each_word(text, &mut |segment| {
            self.spell(segment, &mut pieces);
            if self.parts(segment).is_some() {
                half = 1;
            }
            let room = most[half].saturating_sub(found[half]);
            let kept = room.min(pieces.len());
            if let Some((_, left_out)) = pieces.get(kept) {
                // A character that becomes several tokens has been read with the first of them.
                let read = pieces[..kept].last().map_or(0, |(_, last)| last.end);
                stopped[half].get_or_insert(left_out.start.max(read));
            }
            if kept > 0 {
                encoding.push(segment, &pieces[..kept], &mut units);
            }
            found[half] += pieces.len();
        });
        if stopped != [None; 2] {
            let (first, second) = match self.options.separator {
                Some(_) => halves(text),
                None => (text, None),
            };
            let [in_first, in_rest] = stopped;
            encoding.truncated = Some(Truncated {
                tokens: found.iter().sum(),
                from: Place::at(first, in_first.unwrap_or(first.len())),
                second: second.map(|second| {
                    let begins = text.len() - second.len();
                    let in_second = in_rest.map(|byte| byte.saturating_sub(begins));
                    Place::at(second, in_second.unwrap_or(second.len()))
                }),
            });
        }
        (encoding, found)
    }

    /// The words of `text` alone, without tokens.
    pub fn words(&self, text: &str) -> Vec<Word> {
        let mut units = Utf16::new(text);
        let mut words = Vec::new();
        self.for_each_word(text, &mut |segment| {
            let bytes = segment.bytes().into();
            let utf16 = units.range(&bytes);
            words.push(Word {
                bytes,
                utf16,
                tokens: 0..0,
            });
        });
        words
    }

    fn for_each_word(&self, text: &str, visit: &mut dyn FnMut(&Segment)) {
        for_each_word(text, self.options, &self.unicode, visit);
    }

    /// The token of a word that stands between two texts.
    fn parts(&self, segment: &Segment) -> Option<u32> {
        self.options.separator.filter(|_| segment.is_separator())
    }

    /// A word's pieces, each the longest that fits, with their ids and original bytes; where none fits,
    /// the unknown token alone. At least one.
    fn spell(&self, segment: &Segment, pieces: &mut Vec<(u32, Span)>) {
        pieces.clear();
        if let Some(separator) = self.parts(segment) {
            pieces.push((separator, segment.bytes()));
            return;
        }
        let mut from = 0;
        if let Some(word) = segment.text() {
            while let Some((id, end)) = self.pieces.longest(word, from) {
                pieces.push((id, segment.part(from..end)));
                from = end;
            }
            if from == word.len() {
                return;
            }
        }
        pieces.clear();
        pieces.push((self.options.unknown, segment.bytes()));
    }
}

impl Encoding {
    /// Appends a word and the pieces of it that are kept.
    fn push(&mut self, segment: &Segment, pieces: &[(u32, Span)], units: &mut Utf16) {
        let word = self.words.len();
        let first = self.tokens.len();
        for &(id, bytes) in pieces {
            self.ids.push(id);
            let bytes = bytes.into();
            self.tokens.push(Token { bytes, word });
        }
        let bytes = segment.bytes().into();
        let utf16 = units.range(&bytes);
        self.words.push(Word {
            bytes,
            utf16,
            tokens: first..self.tokens.len(),
        });
    }
}
