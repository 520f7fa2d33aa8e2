//! The vocabulary, laid out so that the longest piece is found in one walk.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::Error;

/// What begins a piece that continues a word.
pub const CONTINUATION: &str = "##";

/// The pieces in byte order: those that begin alike stand together, the shortest first.
#[derive(Clone, Debug)]
pub(crate) struct Pieces {
    /// Their texts, end to end.
    text: String,
    sorted: Vec<Piece>,
    /// All of them, by their first byte.
    beginning: Firsts,
    /// Those that continue a word, by the byte after [`CONTINUATION`].
    continuing: Firsts,
}

/// The pieces with the byte `b` at some place are those from the `b`th of these up to the one after.
type Firsts = Box<[usize; 257]>;

/// One piece: its bytes in [`Pieces::text`] and its id.
#[derive(Clone, Debug)]
struct Piece {
    bytes: Range<usize>,
    id: u32,
}

impl Pieces {
    /// Checks that each piece stands once and none is empty; piece `i` has id `i`.
    ///
    /// A vocabulary in byte order is taken as it stands. Any other is sorted by a tree: it is fast on all of them, and less
    /// code than a sort.
    pub(crate) fn new(vocabulary: &[String]) -> Result<Self, Error> {
        let size = vocabulary.len();
        if u32::try_from(size).is_err() {
            return Err(Error::TooLarge { size });
        }
        let in_order = vocabulary.windows(2).all(|pair| pair[0] < pair[1]);
        // The empty piece would come first.
        if in_order && vocabulary.first().is_none_or(|piece| !piece.is_empty()) {
            return Ok(Self::in_order(
                vocabulary.iter().map(String::as_str).zip(0..),
            ));
        }
        let mut ids = BTreeMap::new();
        for (id, piece) in vocabulary.iter().enumerate() {
            if piece.is_empty() {
                return Err(Error::EmptyPiece { id: id as u32 });
            }
            if let Some(first) = ids.insert(piece.as_str(), id) {
                return Err(Error::DuplicatePiece {
                    piece: piece.clone(),
                    first: first as u32,
                    second: id as u32,
                });
            }
        }
        let ids = ids.into_iter();
        Ok(Self::in_order(ids.map(|(piece, id)| (piece, id as u32))))
    }

    /// Of pieces in byte order, and their ids.
    fn in_order<'v>(pieces: impl Iterator<Item = (&'v str, u32)>) -> Self {
        let mut text = String::new();
        let mut sorted = Vec::new();
        for (piece, id) in pieces {
            let start = text.len();
            text.push_str(piece);
            sorted.push(Piece {
                bytes: start..text.len(),
                id,
            });
        }
        let start = sorted.partition_point(|piece| text[piece.bytes.clone()] < *CONTINUATION);
        let continues = |piece: &Piece| text[piece.bytes.clone()].starts_with(CONTINUATION);
        let end = start + sorted[start..].partition_point(continues);
        let beginning = firsts(&text, &sorted, 0..sorted.len(), 0);
        let continuing = firsts(&text, &sorted, start..end, CONTINUATION.len());
        Self {
            text,
            sorted,
            beginning,
            continuing,
        }
    }

    /// The longest piece at `from` in `word`: its id and where it ends; only continuations count where
    /// `from` is inside the word.
    ///
    /// Each byte narrows the pieces that still fit, so no more bytes are read than some piece has.
    pub(crate) fn longest(&self, word: &str, from: usize) -> Option<(u32, usize)> {
        let (firsts, shared) = if from == 0 {
            (&self.beginning, 0)
        } else {
            (&self.continuing, CONTINUATION.len())
        };
        let mut fitting = &self.sorted[..];
        let mut longest = None;
        for (end, byte) in (from + 1..).zip(word[from..].bytes()) {
            let place = shared + end - 1 - from;
            fitting = if place == shared {
                let byte = usize::from(byte);
                &fitting[firsts[byte]..firsts[byte + 1]]
            } else {
                let start = fitting.partition_point(|p| self.byte(p, place) < Some(byte));
                let rest = &fitting[start..];
                &rest[..rest.partition_point(|p| self.byte(p, place) == Some(byte))]
            };
            let Some(shortest) = fitting.first() else {
                break;
            };
            if shortest.bytes.len() == place + 1 {
                longest = Some((shortest.id, end));
            }
        }
        longest
    }

    /// A byte of a piece; of one that has ended none, which sorts first.
    fn byte(&self, piece: &Piece, place: usize) -> Option<u8> {
        byte_of(&self.text, piece, place)
    }
}

fn byte_of(text: &str, piece: &Piece, place: usize) -> Option<u8> {
    text.as_bytes()[piece.bytes.clone()].get(place).copied()
}

/// Where the pieces of a part of `sorted`, alike up to this place, stand by their byte there.
fn firsts(text: &str, sorted: &[Piece], part: Range<usize>, place: usize) -> Firsts {
    let mut firsts = Box::new([0; 257]);
    let mut at = part.start;
    for (byte, first) in (0..).zip(firsts.iter_mut()) {
        // One that has ended has no byte, and comes first; after the last byte comes the end.
        let before = |piece: &Piece| byte_of(text, piece, place).map_or(-1, i32::from) < byte;
        at += sorted[at..part.end]
            .iter()
            .take_while(|piece| before(piece))
            .count();
        *first = at;
    }
    firsts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned(pieces: &[&str]) -> Vec<String> {
        pieces.iter().map(|piece| (*piece).to_owned()).collect()
    }

    #[test]
    fn the_order_of_the_vocabulary_changes_no_piece() {
        let sorted = owned(&["##a", "##ab", "##b", "[UNK]", "a", "ab", "aba", "é", "éa"]);
        let mut turned = sorted.clone();
        turned.reverse();
        let [first, second] = [&sorted, &turned].map(|order| Pieces::new(order).unwrap());
        for word in ["abab", "éab", "b", "aab", "xa", "ébé"] {
            for from in (0..word.len()).filter(|at| word.is_char_boundary(*at)) {
                let [a, b] = [(&first, &sorted), (&second, &turned)].map(|(pieces, order)| {
                    let (id, end) = pieces.longest(word, from)?;
                    Some((order[id as usize].as_str(), end))
                });
                assert_eq!(a, b, "{word} from {from}");
            }
        }
    }

    #[test]
    fn the_longest_piece_is_that_of_the_definition() {
        let vocabularies = [
            owned(&["##", "##a", "##😀b", "a", "a##", "aa", "😀", "😀😁", "é"]),
            owned(&["b", "ba", "bab"]),
            owned(&["##é", "##éa", "é", "日"]),
        ];
        for vocabulary in vocabularies {
            let pieces = Pieces::new(&vocabulary).unwrap();
            for word in ["aaa##", "babab", "éééa", "😀😁", "a😀b", "日é", "##a"] {
                for from in (0..word.len()).filter(|at| word.is_char_boundary(*at)) {
                    let prefix = if from == 0 { "" } else { CONTINUATION };
                    let ends = (from + 1..=word.len())
                        .rev()
                        .filter(|end| word.is_char_boundary(*end));
                    let want = ends.filter_map(|end| {
                        let piece = format!("{prefix}{}", &word[from..end]);
                        let id = vocabulary.iter().position(|known| *known == piece)?;
                        Some((id as u32, end))
                    });
                    assert_eq!(
                        pieces.longest(word, from),
                        want.max_by_key(|found| found.1),
                        "{word} from {from}"
                    );
                }
            }
        }
    }

    #[test]
    fn what_stands_twice_or_is_empty_is_found_in_any_order() {
        for twice in [["a", "b", "b"], ["b", "a", "b"], ["b", "b", "a"]] {
            let error = Pieces::new(&owned(&twice)).unwrap_err();
            assert!(matches!(error, Error::DuplicatePiece { .. }), "{error}");
        }
        for empty in [["", "a"], ["a", ""]] {
            let error = Pieces::new(&owned(&empty)).unwrap_err();
            assert!(matches!(error, Error::EmptyPiece { .. }), "{error}");
        }
        assert!(Pieces::new(&[]).unwrap().longest("a", 0).is_none());
    }
}
