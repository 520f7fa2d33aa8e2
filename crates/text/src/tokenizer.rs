//! The tokenizer: text to ids and words, by the vocabulary.

use ahash::AHashMap;
use tokenizers::Model;
use tokenizers::models::wordpiece::WordPiece;
use tokenizers::normalizers::BertNormalizer;

use crate::segment::{Segment, for_each_word};
use crate::utf16::Utf16;
use crate::{Encoding, Error, Token, Truncated, Word};

/// What begins a piece that continues a word.
pub(crate) const CONTINUATION: &str = "##";

/// Longer words become one unknown token, as in BERT; it also bounds the work for each word.
const LONGEST_WORD: usize = 100;

/// How text is normalised, and which piece stands for what the vocabulary cannot spell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Fold to lower case.
    pub lowercase: bool,
    /// Decompose (NFD) and drop non-spacing marks.
    pub strip_accents: bool,
    /// Id of the unknown token.
    pub unknown: u32,
}

/// BERT's tokenizer without special tokens: text to words to WordPiece ids, with offsets.
#[derive(Clone, Debug)]
pub struct Tokenizer {
    normalizer: BertNormalizer,
    model: WordPiece,
}

impl Tokenizer {
    /// Checks the vocabulary (piece `i` has id `i`, continuations begin with `##`) and builds on it.
    pub fn new(vocabulary: Vec<String>, options: Options) -> Result<Self, Error> {
        let size = vocabulary.len();
        let unknown = options.unknown;
        let unknown_piece = vocabulary
            .get(unknown as usize)
            .cloned()
            .ok_or(Error::UnknownOutOfRange { unknown, size })?;
        let model = WordPiece::builder()
            .vocab(index(vocabulary)?)
            .unk_token(unknown_piece)
            .continuing_subword_prefix(CONTINUATION.to_owned())
            .max_input_chars_per_word(LONGEST_WORD)
            .build()
            .expect("building fails only on a vocabulary file, and none is given");
        let strip_accents = Some(options.strip_accents);
        let normalizer = BertNormalizer::new(true, true, strip_accents, options.lowercase);
        Ok(Self { normalizer, model })
    }

    /// The first `max_tokens` tokens of `text` and their words; what is left out is counted and reported
    /// in [`Encoding::truncated`]. Time is linear in the text.
    pub fn encode(&self, text: &str, max_tokens: usize) -> Encoding {
        let mut encoding = Encoding::default();
        let mut units = Utf16::new(text);
        let mut total = 0;
        for_each_word(text, self.normalizer, |segment| {
            let pieces = self.pieces(segment);
            let room = max_tokens - encoding.ids.len();
            let kept = room.min(pieces.len());
            if kept < pieces.len() && encoding.truncated.is_none() {
                let from_byte = segment.part(pieces[kept].1).start;
                let from_utf16 = units.clone().at(from_byte);
                encoding.truncated = Some(Truncated {
                    tokens: 0,
                    from_byte,
                    from_utf16,
                });
            }
            if kept > 0 {
                encoding.push(segment, &pieces[..kept], &mut units);
            }
            total += pieces.len();
        });
        if let Some(truncated) = &mut encoding.truncated {
            truncated.tokens = total;
        }
        encoding
    }

    /// The words of `text` alone, without tokens.
    pub fn words(&self, text: &str) -> Vec<Word> {
        let mut units = Utf16::new(text);
        let mut words = Vec::new();
        for_each_word(text, self.normalizer, |segment| {
            let bytes = segment.bytes();
            let utf16 = units.range(&bytes);
            words.push(Word {
                bytes,
                utf16,
                tokens: 0..0,
            });
        });
        words
    }

    /// Ids of a word's pieces, each with its bytes in the normalised word; at least one.
    fn pieces(&self, segment: &Segment) -> Vec<(u32, (usize, usize))> {
        let tokens = self
            .model
            .tokenize(segment.normalized())
            .expect("a word becomes the unknown token at worst, and that is in the vocabulary");
        tokens
            .into_iter()
            .map(|token| (token.id, token.offsets))
            .collect()
    }
}

impl Encoding {
    /// Appends a word and the pieces of it that are kept.
    fn push(&mut self, segment: &Segment, pieces: &[(u32, (usize, usize))], units: &mut Utf16) {
        let word = self.words.len();
        let first = self.tokens.len();
        for &(id, offsets) in pieces {
            self.ids.push(id);
            self.tokens.push(Token {
                bytes: segment.part(offsets),
                word,
            });
        }
        let bytes = segment.bytes();
        let utf16 = units.range(&bytes);
        self.words.push(Word {
            bytes,
            utf16,
            tokens: first..self.tokens.len(),
        });
    }
}

/// Piece → id; each piece once and none empty.
pub(crate) fn index(vocabulary: Vec<String>) -> Result<AHashMap<String, u32>, Error> {
    let size = vocabulary.len();
    if u32::try_from(size).is_err() {
        return Err(Error::TooLarge { size });
    }
    let mut ids = AHashMap::with_capacity(size);
    for (id, piece) in (0u32..).zip(vocabulary) {
        if piece.is_empty() {
            return Err(Error::EmptyPiece { id });
        }
        if let Some(&first) = ids.get(&piece) {
            return Err(Error::DuplicatePiece {
                piece,
                first,
                second: id,
            });
        }
        ids.insert(piece, id);
    }
    Ok(ids)
}
