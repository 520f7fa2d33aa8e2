//! Learning a vocabulary from texts.

use std::collections::BTreeSet;

use tokenizers::models::wordpiece::{WordPiece, WordPieceTrainer};
use tokenizers::normalizers::BertNormalizer;
use tokenizers::{AddedToken, Model, Trainer};

use crate::segment::for_each_word;
use crate::tokenizer::CONTINUATION;

/// Spelling of the unknown token, which comes first.
const UNKNOWN: &str = "[UNK]";

/// A merge must be worth this many words.
const FEWEST: u64 = 2;

/// A WordPiece vocabulary learnt from `texts`, for where there is none to prune: the unknown token,
/// every character of the lower-cased words without accents, with and without `##`, and as many pieces
/// that spell the words best as make `most` in all.
///
/// The same texts give the same pieces in the same order.
pub fn learn(texts: &[&str], most: usize) -> Vec<String> {
    // Ids break ties between merges, and the trainer would number the characters in the order of a
    // randomly seeded map; special tokens keep their places.
    let fixed = std::iter::once(UNKNOWN.to_owned()).chain(characters(texts));
    let mut trainer = WordPieceTrainer::builder()
        .vocab_size(most)
        .min_frequency(FEWEST)
        .special_tokens(fixed.map(|piece| AddedToken::from(piece, true)).collect())
        .show_progress(false)
        .build();
    trainer
        .feed(texts.iter(), |text| Ok(normalized_words(text)))
        .expect("splitting into words has no error of its own");
    let mut model = WordPiece::default();
    trainer
        .train(&mut model)
        .expect("training fails only on a lock that a panic has poisoned");
    let mut pieces: Vec<(String, u32)> = model.get_vocab().into_iter().collect();
    pieces.sort_by_key(|&(_, id)| id);
    pieces.into_iter().map(|(piece, _)| piece).collect()
}

/// Every character of the normalised words, with and without `##`, in order.
fn characters(texts: &[&str]) -> Vec<String> {
    let words = texts.iter().flat_map(|text| normalized_words(text));
    let single: BTreeSet<char> = words.flat_map(|w| w.chars().collect::<Vec<_>>()).collect();
    single
        .into_iter()
        .flat_map(|c| [c.to_string(), format!("{CONTINUATION}{c}")])
        .collect()
}

fn normalized_words(text: &str) -> Vec<String> {
    let normalizer = BertNormalizer::new(true, true, Some(true), true);
    let mut words = Vec::new();
    for_each_word(text, normalizer, |word| {
        words.push(word.normalized().to_owned());
    });
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Options, Tokenizer};

    const TEXTS: [&str; 3] = [
        "Lower the lowest low of the tower",
        "the slow tower lowers, née élan",
        "x 漢 lower tower",
    ];

    fn tokenizer(most: usize) -> Tokenizer {
        let options = Options {
            lowercase: true,
            strip_accents: true,
            unknown: 0,
        };
        Tokenizer::new(learn(&TEXTS, most), options).expect("a sound vocabulary")
    }

    #[test]
    fn frequent_words_become_pieces() {
        assert_eq!(tokenizer(200).encode("tower", 9).ids.len(), 1);
        assert!(tokenizer(30).encode("tower", 9).ids.len() > 1);
    }

    #[test]
    fn every_word_of_known_characters_can_be_spelt() {
        for most in [1, 40, 1000] {
            let ids = tokenizer(most).encode("wolxet xxx 漢 Éé", 99).ids;
            assert!(ids.iter().all(|&id| id != 0), "{most}: {ids:?}");
            assert_eq!(tokenizer(most).encode("q", 9).ids, [0]);
        }
    }

    #[test]
    fn the_same_texts_give_the_same_pieces() {
        assert_eq!(learn(&TEXTS, 60), learn(&TEXTS, 60));
        assert_eq!(learn(&TEXTS, 60)[0], UNKNOWN);
    }
}
