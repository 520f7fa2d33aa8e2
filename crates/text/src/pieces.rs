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
    /// Where those that continue a word stand in `sorted`.
    continuing: Range<usize>,
}

/// One piece: its bytes in [`Pieces::text`] and its id.
#[derive(Clone, Debug)]
struct Piece {
    bytes: Range<usize>,
    id: u32,
}

impl Pieces {
    /// Checks that each piece stands once and none is empty; piece `i` has id `i`.
    ///
    /// A tree sorts them: it is fast on any vocabulary, and less code than a sort.
    pub(crate) fn new(vocabulary: &[String]) -> Result<Self, Error> {
        let size = vocabulary.len();
        if u32::try_from(size).is_err() {
            return Err(Error::TooLarge { size });
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
        let mut text = String::new();
        let mut sorted = Vec::with_capacity(size);
        for (piece, id) in ids {
            let start = text.len();
            text.push_str(piece);
            sorted.push(Piece {
                bytes: start..text.len(),
                id: id as u32,
            });
        }
        let start = sorted.partition_point(|piece| text[piece.bytes.clone()] < *CONTINUATION);
        let continues = |piece: &Piece| text[piece.bytes.clone()].starts_with(CONTINUATION);
        let end = start + sorted[start..].partition_point(continues);
        Ok(Self {
            text,
            sorted,
            continuing: start..end,
        })
    }

    /// The longest piece at `from` in `word`: its id and where it ends; only continuations count where
    /// `from` is inside the word.
    ///
    /// Each byte narrows the pieces that still fit, so no more bytes are read than some piece has.
    pub(crate) fn longest(&self, word: &str, from: usize) -> Option<(u32, usize)> {
        let (mut fitting, shared) = if from == 0 {
            (&self.sorted[..], 0)
        } else {
            (&self.sorted[self.continuing.clone()], CONTINUATION.len())
        };
        let mut longest = None;
        for (end, byte) in (from + 1..).zip(word[from..].bytes()) {
            let place = shared + end - 1 - from;
            let start = fitting.partition_point(|p| self.byte(p, place) < Some(byte));
            fitting = &fitting[start..];
            let count = fitting.partition_point(|p| self.byte(p, place) == Some(byte));
            fitting = &fitting[..count];
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
        self.text.as_bytes()[piece.bytes.clone()]
            .get(place)
            .copied()
    }
}
