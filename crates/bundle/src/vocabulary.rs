//! The vocabulary: pieces to newline-joined UTF-8 and back.

use crate::error::{Error, clip};
use crate::limits;
use crate::twice::first_twice;

/// Takes the tensor's bytes apart and checks every piece.
pub(crate) fn parse(bytes: &[u8], count: usize) -> Result<Vec<String>, Error> {
    // Counted first: a tensor of nothing but line breaks shall not become millions of strings.
    let found = bytes.split(|byte| *byte == b'\n').count();
    if found != count {
        return Err(Error::VocabularyCount { want: count, found });
    }
    let text =
        std::str::from_utf8(bytes).map_err(|error| Error::VocabularyUtf8(error.valid_up_to()))?;
    let pieces: Vec<String> = text.split('\n').map(str::to_owned).collect();
    check(&pieces, count)?;
    Ok(pieces)
}

/// Checks number, spelling and uniqueness of the pieces.
pub(crate) fn check(pieces: &[String], count: usize) -> Result<(), Error> {
    if pieces.len() != count {
        return Err(Error::VocabularyCount {
            want: count,
            found: pieces.len(),
        });
    }
    for (id, piece) in pieces.iter().enumerate() {
        if piece.is_empty() {
            return Err(Error::PieceEmpty(id));
        }
        if piece.contains(['\n', '\r']) {
            return Err(Error::PieceNewline(id));
        }
        if piece.len() > limits::PIECE_BYTES {
            return Err(Error::PieceLong {
                id,
                bytes: piece.len(),
            });
        }
    }
    match first_twice(pieces.iter().map(String::as_str)) {
        Some(twice) => Err(Error::PieceTwice {
            piece: clip(twice.text),
            first: twice.first,
            second: twice.second,
        }),
        None => Ok(()),
    }
}
