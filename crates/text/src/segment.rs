//! Words: a text normalised, and cut at white space and punctuation.

use std::ops::Range;

use tokenizers::normalizer::Range as Of;
use tokenizers::normalizers::BertNormalizer;
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::{NormalizedString, Normalizer, PreTokenizedString, PreTokenizer};

/// Bytes after which a text is cut at the next blank. The alignments take 16 bytes for each byte of
/// text, several times over, and wasm memory never shrinks; cutting bounds them for ordinary prose.
const STRETCH: usize = 8 << 10;

/// One normalised word, and where it stands in the original text.
pub(crate) struct Segment {
    word: NormalizedString,
    /// Byte at which its stretch begins in the whole text.
    stretch: usize,
}

impl Segment {
    /// The normalised word.
    pub(crate) fn normalized(&self) -> &str {
        self.word.get()
    }

    /// Its bytes in the original text.
    pub(crate) fn bytes(&self) -> Range<usize> {
        let (start, end) = self.word.offsets_original();
        self.stretch + start..self.stretch + end
    }

    /// Original bytes of a part of it, given in bytes of the normalised word.
    pub(crate) fn part(&self, (start, end): (usize, usize)) -> Range<usize> {
        let word = self.bytes();
        match self.word.convert_offsets(Of::Normalized(start..end)) {
            Some(part) => word.start + part.start..word.start + part.end,
            None => word,
        }
    }
}

/// Calls `visit` with each word of `text`, in order.
pub(crate) fn for_each_word(
    text: &str,
    normalizer: BertNormalizer,
    mut visit: impl FnMut(&Segment),
) {
    let mut stretch = 0;
    while stretch < text.len() {
        let end = stretch_end(text, stretch);
        let mut parts = PreTokenizedString::from(&text[stretch..end]);
        // `split` is the one door to each word with its alignments: words are seen and dropped.
        parts
            .normalize(|whole| normalizer.normalize(whole))
            .and_then(|()| BertPreTokenizer.pre_tokenize(&mut parts))
            .and_then(|()| {
                parts.split(|_, word| {
                    visit(&Segment { word, stretch });
                    Ok(std::iter::empty::<NormalizedString>())
                })
            })
            .expect("normalising and splitting into words have no error of their own");
        stretch = end;
    }
}

/// Where the stretch that begins at `start` ends: at a blank, where no word, no reordering of accents
/// and no removal of control characters reaches across, or at the end of the text.
///
/// Only these four blanks: the other white space of ASCII is removed as control characters, which joins
/// the words around it.
fn stretch_end(text: &str, start: usize) -> usize {
    let from = start.saturating_add(STRETCH);
    let rest = text.as_bytes().get(from..).unwrap_or_default();
    let blank = rest
        .iter()
        .position(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'));
    blank.map_or(text.len(), |at| from + at)
}
