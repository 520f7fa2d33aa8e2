use std::collections::BTreeSet;

use stillglass_text::{Options, Tokenizer};

use crate::foldings;
use crate::generator::{UNKNOWN, normalized_words};
use crate::whole_tokenizer::{assert_same, whole};

/// Characters put into one text, each in its own words: a whole tokenizer is slow to start.
const TOGETHER: usize = 256;

/// A character in company: between letters, beside itself, and among marks that sort before and after
/// it, that are stripped and that stay.
fn in_company(c: char) -> String {
    format!("a{c}b {c}{c} e\u{301}{c}\u{323}É {c}\u{302e}{c}\u{1d16d} \u{f74}{c}\u{f71} ")
}

/// Every character that these texts can become, plain and as a continuation: no word is unknown, so
/// that equal ids are equal characters.
fn vocabulary(texts: &[String], options: Options) -> Vec<String> {
    let words = texts
        .iter()
        .flat_map(|text| normalized_words(text, options));
    let characters: BTreeSet<char> = words
        .flat_map(|word| word.chars().collect::<Vec<_>>())
        .collect();
    let mut pieces: Vec<_> = characters
        .into_iter()
        .flat_map(|character| [character.to_string(), format!("##{character}")])
        .collect();
    pieces.insert(UNKNOWN as usize, "[UNK]".to_owned());
    pieces
}

/// Planes whose characters differ from each other. The others are compared with one folding each: to
/// both tokenizers their characters are all alike.
const VARIED: [u32; 6] = [0, 1, 2, 14, 15, 16];

/// Every character of a plane, alone and in company; plane by plane, to keep vocabularies small.
fn assert_every_character_same(folding: u32) {
    let options = foldings()[folding as usize];
    let mut compared = 0;
    let is_compared = |plane: &u32| VARIED.contains(plane) || plane % 4 == folding;
    for plane in (0..=16).filter(is_compared) {
        let codes = plane << 16..=plane << 16 | 0xffff;
        let characters: Vec<char> = codes.filter_map(char::from_u32).collect();
        let together: Vec<String> = characters
            .chunks(TOGETHER)
            .map(|chunk| chunk.iter().copied().map(in_company).collect())
            .collect();
        let vocabulary = vocabulary(&together, options);
        let whole = whole(&vocabulary, options);
        let ours = Tokenizer::new(&vocabulary, options).unwrap();
        for text in together {
            let encoding = assert_same(&whole, &ours, &text);
            assert!(!encoding.ids.contains(&UNKNOWN), "{text:?}");
        }
        for character in characters {
            assert_same(&whole, &ours, character.encode_utf8(&mut [0; 4]));
            compared += 1;
        }
    }
    assert!(compared > 7 * 0x1_0000, "{compared} characters");
}

#[test]
fn every_character_lowercased_and_stripped() {
    assert_every_character_same(0);
}

#[test]
fn every_character_lowercased() {
    assert_every_character_same(1);
}

#[test]
fn every_character_stripped() {
    assert_every_character_same(2);
}

#[test]
fn every_character_as_it_is() {
    assert_every_character_same(3);
}
