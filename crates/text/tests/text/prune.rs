use std::collections::BTreeSet;

use rand::RngExt;
use stillglass_text::{Options, Pruned, Tokenizer, prune};

use crate::foldings;
use crate::generator::{Generator, UNKNOWN, normalized_words};

fn tokenizer(vocabulary: &[String], options: Options) -> Tokenizer {
    Tokenizer::new(vocabulary, options).unwrap()
}

fn pruned_tokenizer(pruned: &Pruned, options: Options) -> Tokenizer {
    tokenizer(
        &pruned.vocabulary,
        Options {
            unknown: pruned.unknown,
            ..options
        },
    )
}

#[test]
fn keeps_what_is_used_and_single_characters() {
    let pieces = [
        "the", "t", "##h", "##he", "[UNK]", "é", "##👍", "##", "e\u{301}", "[CLS]",
    ];
    let vocabulary = pieces.map(String::from);
    let pruned = prune(&vocabulary, 4, |id| id == 0).unwrap();
    assert_eq!(pruned.vocabulary, ["the", "t", "##h", "[UNK]", "é", "##👍"]);
    assert_eq!(pruned.old, [0, 1, 2, 4, 5, 6]);
    assert_eq!(pruned.unknown, 3);
    assert_eq!(
        [0, 3, 4, 6, 9].map(|id| pruned.new_id(id)),
        [Some(0), None, Some(3), Some(5), None]
    );
}

/// Even with nothing used, a word of characters known singly is spelt out.
#[test]
fn words_of_known_characters_never_become_unknown() {
    for options in foldings() {
        let mut generator = Generator::new(9);
        let vocabulary = generator.vocabulary(options);
        let known: BTreeSet<&str> = vocabulary.iter().map(String::as_str).collect();
        let pruned = prune(&vocabulary, UNKNOWN, |id| id % 7 == 0).unwrap();
        assert!(pruned.vocabulary.len() < vocabulary.len());
        let tokenizer = pruned_tokenizer(&pruned, options);
        let mut spelt = 0;
        for _ in 0..5_000 {
            for word in normalized_words(&generator.text(), options) {
                let is_known = word.chars().count() <= 100
                    && word.chars().enumerate().all(|(at, character)| {
                        let piece = format!("{}{character}", if at == 0 { "" } else { "##" });
                        known.contains(piece.as_str())
                    });
                if is_known {
                    let ids = tokenizer.encode(&word, usize::MAX).ids;
                    assert!(!ids.contains(&pruned.unknown), "{word:?} became {ids:?}");
                    spelt += usize::from(ids.len() > 1);
                }
            }
        }
        assert!(spelt > 1_000, "{spelt} words of several pieces");
    }
}

/// Pruned to the pieces of some texts, those texts tokenise as before.
#[test]
fn texts_whose_pieces_are_kept_tokenise_alike() {
    let options = foldings()[0];
    let mut generator = Generator::new(10);
    let vocabulary = generator.vocabulary(options);
    let full = tokenizer(&vocabulary, options);
    let texts: Vec<_> = (0..400).map(|_| generator.text()).collect();
    let used: BTreeSet<u32> = texts
        .iter()
        .flat_map(|text| full.encode(text, usize::MAX).ids)
        .collect();
    let pruned = prune(&vocabulary, UNKNOWN, |id| used.contains(&id)).unwrap();
    assert!(
        pruned.vocabulary.len() * 4 < vocabulary.len() * 3,
        "{}",
        pruned.vocabulary.len()
    );
    let small = pruned_tokenizer(&pruned, options);
    let mut compared = 0;
    for text in &texts {
        for word in normalized_words(text, options) {
            let before = full.encode(&word, usize::MAX);
            if !before.ids.contains(&UNKNOWN) {
                let after = small.encode(&word, usize::MAX);
                let old: Vec<_> = after
                    .ids
                    .iter()
                    .map(|&id| pruned.old[id as usize])
                    .collect();
                assert_eq!(old, before.ids, "{word:?}");
                assert_eq!(after.tokens, before.tokens);
                compared += 1;
            }
        }
    }
    assert!(compared > 500, "{compared} words compared");
}

/// Whatever is pruned, ids map to the same pieces and the map is its own inverse.
#[test]
fn the_map_holds_for_any_selection() {
    let mut generator = Generator::new(11);
    let vocabulary = generator.vocabulary(foldings()[3]);
    for percent in [0, 1, 50, 100] {
        let kept: Vec<bool> = vocabulary
            .iter()
            .map(|_| generator.0.random_range(0..100) < percent)
            .collect();
        let pruned = prune(&vocabulary, UNKNOWN, |id| kept[id as usize]).unwrap();
        assert_eq!(pruned.vocabulary[pruned.unknown as usize], "[UNK]");
        for (new, &old) in (0u32..).zip(&pruned.old) {
            assert_eq!(pruned.vocabulary[new as usize], vocabulary[old as usize]);
            assert_eq!(pruned.new_id(old), Some(new));
        }
        let missing = (0u32..)
            .zip(&kept)
            .filter(|&(id, &kept)| kept && pruned.new_id(id).is_none());
        assert_eq!(missing.count(), 0);
    }
}
