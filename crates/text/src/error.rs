//! What can be wrong with a vocabulary.

/// Why a vocabulary is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The id of the unknown token points outside the vocabulary.
    #[error("unknown token: id {unknown} in a vocabulary of {size} pieces; name the id of [UNK]")]
    UnknownOutOfRange {
        /// The id given.
        unknown: u32,
        /// Pieces in the vocabulary.
        size: usize,
    },
    /// The id of what separates two texts points outside the vocabulary.
    #[error(
        "separator: id {separator} in a vocabulary of {size} pieces; name the id of [SEP], or none for single texts"
    )]
    SeparatorOutOfRange {
        /// The id given.
        separator: u32,
        /// Pieces in the vocabulary.
        size: usize,
    },
    /// The same piece stands at two ids, so one of them could never be produced.
    #[error(
        "vocabulary: piece {piece:?} stands at ids {first} and {second}; keep one and re-export"
    )]
    DuplicatePiece {
        /// The piece.
        piece: String,
        /// The id it was first seen at.
        first: u32,
        /// The id it was seen at again.
        second: u32,
    },
    /// A piece without characters, the trace of a blank line in a vocabulary file.
    #[error("vocabulary: piece {id} is empty; remove the blank line")]
    EmptyPiece {
        /// Its id.
        id: u32,
    },
    /// More pieces than ids.
    #[error("vocabulary: {size} pieces, more than the 32-bit ids can number")]
    TooLarge {
        /// Pieces in the vocabulary.
        size: usize,
    },
}
