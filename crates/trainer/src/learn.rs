//! Learning a vocabulary from texts.

use std::collections::BTreeSet;

use stillglass_text::{CONTINUATION, LONGEST_WORD};
use tokenizers::models::wordpiece::{WordPiece, WordPieceTrainer};
use tokenizers::normalizers::BertNormalizer;
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::{
    AddedToken, Model, Normalizer, OffsetReferential, OffsetType, PreTokenizedString, PreTokenizer,
    Trainer,
};

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
        .feed(texts.iter(), |text| Ok(spellable_words(text)))
        .expect("splitting into words has no error of its own");
    let mut model = WordPiece::default();
    trainer
        .train(&mut model)
        .expect("training fails only on a lock that a panic has poisoned");
    let mut pieces: Vec<(String, u32)> = model.get_vocab().into_iter().collect();
    pieces.sort_by_key(|&(_, id)| id);
    pieces.into_iter().map(|(piece, _)| piece).collect()
}

/// The normalised words that are not too long to be more than one unknown token. The trainer's time grows
/// with the square of a word's length.
fn spellable_words(text: &str) -> Vec<String> {
    let mut words = normalized_words(text);
    words.retain(|word| word.chars().count() <= LONGEST_WORD);
    words
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

/// The words that the student's tokenizer finds in a text, by the components it is measured against.
fn normalized_words(text: &str) -> Vec<String> {
    let normalizer = BertNormalizer::new(true, true, Some(true), true);
    let mut parts = PreTokenizedString::from(text);
    parts
        .normalize(|whole| normalizer.normalize(whole))
        .and_then(|()| BertPreTokenizer.pre_tokenize(&mut parts))
        .expect("normalising and splitting into words have no error of their own");
    let splits = parts.get_splits(OffsetReferential::Original, OffsetType::None);
    splits.into_iter().map(|(word, ..)| word.into()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use stillglass_text::{Options, Tokenizer};

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
            separator: None,
        };
        Tokenizer::new(&learn(&TEXTS, most), options).expect("a sound vocabulary")
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
    fn a_word_too_long_to_be_spelt_is_not_learnt_from() {
        // With it, learning would take minutes.
        let long = "abcdefghij".repeat(20_000);
        let texts: Vec<&str> = [long.as_str(), &long].into_iter().chain(TEXTS).collect();
        let pieces = learn(&texts, 1000);
        assert!(pieces.contains(&"##j".to_owned()));
        assert!(
            !pieces.iter().any(|piece| piece.contains("bcd")),
            "{pieces:?}"
        );
        let most = "abcdefghij".repeat(10);
        assert!(learn(&[&most, &most], 1000).contains(&most));
    }

    #[test]
    fn the_same_texts_give_the_same_pieces() {
        assert_eq!(learn(&TEXTS, 60), learn(&TEXTS, 60));
        assert_eq!(learn(&TEXTS, 60)[0], UNKNOWN);
    }
}
