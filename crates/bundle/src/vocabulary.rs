//! The vocabulary: pieces to newline-joined UTF-8 and back.

use crate::error::{Error, clip};
use crate::limits;

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
    let mut sorted: Vec<usize> = (0..pieces.len()).collect();
    sorted.sort_unstable_by_key(|id| (&pieces[*id], *id));
    match sorted
        .windows(2)
        .find(|pair| pieces[pair[0]] == pieces[pair[1]])
    {
        Some(pair) => Err(Error::PieceTwice {
            piece: clip(&pieces[pair[0]]),
            first: pair[0],
            second: pair[1],
        }),
        None => Ok(()),
    }
}
