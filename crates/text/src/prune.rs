//! Cutting a vocabulary down to the pieces that are used.

use crate::Error;
use crate::pieces::{CONTINUATION, Pieces};

/// A vocabulary cut down to what is needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pruned {
    /// The pieces kept, in their old order.
    pub vocabulary: Vec<String>,
    /// Old id of each new one: `[vocabulary.len()]`, ascending.
    pub old: Vec<u32>,
    /// New id of the unknown token.
    pub unknown: u32,
}

impl Pruned {
    /// The new id of an old one, where it was kept.
    pub fn new_id(&self, old: u32) -> Option<u32> {
        self.old.binary_search(&old).ok().map(|id| id as u32)
    }
}

/// Keeps the pieces that `used` names (by id), every single character with and without `##`, and the
/// unknown token.
///
/// A word whose characters stand in the vocabulary singly (the first plainly, the others with `##`)
/// never becomes unknown: WordPiece takes the longest piece that fits, and the single character always
/// does. A text without unknown tokens whose pieces are all kept has the same pieces as before; other
/// words fall into shorter ones. A word that was unknown because a long piece led into a dead end may
/// become spellable.
pub fn prune(
    vocabulary: &[String],
    unknown: u32,
    used: impl Fn(u32) -> bool,
) -> Result<Pruned, Error> {
    let size = vocabulary.len();
    if unknown as usize >= size {
        return Err(Error::UnknownOutOfRange { unknown, size });
    }
    Pieces::new(vocabulary)?;
    let old: Vec<u32> = (0u32..)
        .zip(vocabulary)
        .filter(|&(id, piece)| id == unknown || used(id) || single(piece).is_some())
        .map(|(id, _)| id)
        .collect();
    let vocabulary = old
        .iter()
        .map(|&id| vocabulary[id as usize].clone())
        .collect();
    let unknown = old.partition_point(|&id| id < unknown) as u32;
    Ok(Pruned {
        vocabulary,
        old,
        unknown,
    })
}

/// The one character that a piece is, plain or continuing a word.
pub fn single(piece: &str) -> Option<char> {
    let one = |text: &str| {
        let mut characters = text.chars();
        characters.next().filter(|_| characters.next().is_none())
    };
    one(piece).or_else(|| one(piece.strip_prefix(CONTINUATION)?))
}
