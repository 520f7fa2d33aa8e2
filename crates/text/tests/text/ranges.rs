use stillglass_text::{Options, SEPARATOR, Token, Tokenizer, pair};
use tokenizers::{TruncationParams, TruncationStrategy, truncate_encodings};

use crate::foldings;
use crate::generator::Generator;
use crate::whole_tokenizer::whole;

fn tokenizer(pieces: &[&str], lowercase: bool) -> Tokenizer {
    let options = Options {
        lowercase,
        strip_accents: lowercase,
        unknown: 0,
        separator: None,
    };
    let pieces: Vec<_> = pieces.iter().copied().map(String::from).collect();
    Tokenizer::new(&pieces, options).unwrap()
}

/// Counted from the start each time, by the standard library's encoder.
fn utf16(text: &str, byte: usize) -> usize {
    text[..byte].encode_utf16().count()
}

/// Where reading stops after so many tokens: no character is on both sides.
fn stop(tokens: &[Token], kept: usize) -> usize {
    let read = tokens[..kept].iter().map(|token| token.bytes.end).max();
    tokens[kept].bytes.start.max(read.unwrap_or(0))
}

#[test]
fn ranges_slice_the_original_in_order_and_count_utf16() {
    for options in foldings() {
        let mut generator = Generator::new(5);
        let vocabulary = generator.vocabulary(options);
        let tokenizer = Tokenizer::new(&vocabulary, options).unwrap();
        for _ in 0..5_000 {
            let text = generator.text();
            let encoding = tokenizer.encode(&text, usize::MAX);
            let mut end = 0;
            for (index, word) in encoding.words.iter().enumerate() {
                assert!(
                    word.bytes.start >= end && !word.bytes.is_empty(),
                    "{text:?}: {word:?}"
                );
                assert!(text.get(word.bytes.clone()).is_some(), "{text:?}: {word:?}");
                let units = utf16(&text, word.bytes.start)..utf16(&text, word.bytes.end);
                assert_eq!(word.utf16, units, "{text:?}");
                let mut token_start = word.bytes.start;
                for token in &encoding.tokens[word.tokens.clone()] {
                    assert_eq!(token.word, index);
                    assert!(
                        text.get(token.bytes.clone()).is_some(),
                        "{text:?}: {token:?}"
                    );
                    assert!(token.bytes.start >= token_start, "{text:?}: {token:?}");
                    assert!(token.bytes.end <= word.bytes.end, "{text:?}: {token:?}");
                    token_start = token.bytes.start;
                }
                end = word.bytes.end;
            }
        }
    }
}

#[test]
fn words_alone_are_the_words_of_the_encoding() {
    let options = foldings()[0];
    let mut generator = Generator::new(6);
    let tokenizer = Tokenizer::new(&generator.vocabulary(options), options).unwrap();
    for _ in 0..2_000 {
        let text = generator.text();
        let encoding = tokenizer.encode(&text, usize::MAX);
        let words = tokenizer.words(&text);
        assert!(words.iter().all(|word| word.tokens.is_empty()));
        let ranges = |words: &[stillglass_text::Word]| -> Vec<_> {
            words
                .iter()
                .map(|word| (word.bytes.clone(), word.utf16.clone()))
                .collect()
        };
        assert_eq!(ranges(&words), ranges(&encoding.words), "{text:?}");
    }
}

/// Truncating is taking a prefix, and the report says what the whole text would have had.
#[test]
fn truncation_is_a_prefix_and_is_reported() {
    let options = foldings()[0];
    let mut generator = Generator::new(7);
    let tokenizer = Tokenizer::new(&generator.vocabulary(options), options).unwrap();
    for _ in 0..1_000 {
        let text = generator.text();
        let whole = tokenizer.encode(&text, usize::MAX);
        assert_eq!(whole.truncated, None);
        let total = whole.ids.len();
        for limit in [
            0,
            1,
            2,
            total / 2,
            total.saturating_sub(1),
            total,
            total + 1,
        ] {
            let cut = tokenizer.encode(&text, limit);
            let kept = limit.min(total);
            assert_eq!(cut.ids, whole.ids[..kept]);
            assert_eq!(cut.tokens, whole.tokens[..kept]);
            let words = whole.tokens[..kept]
                .last()
                .map_or(0, |token| token.word + 1);
            assert_eq!(cut.words.len(), words);
            for (cut, whole) in cut.words.iter().zip(&whole.words) {
                assert_eq!((&cut.bytes, &cut.utf16), (&whole.bytes, &whole.utf16));
                let tokens = whole.tokens.start..whole.tokens.end.min(kept);
                assert_eq!(cut.tokens, tokens);
            }
            let Some(truncated) = cut.truncated else {
                assert_eq!(kept, total, "{text:?} was cut at {limit} in silence");
                continue;
            };
            assert!(kept < total, "{text:?} was reported as cut at {limit}");
            assert_eq!(truncated.tokens, total);
            let from = truncated.from;
            assert_eq!(from.byte, stop(&whole.tokens, kept));
            assert_eq!(from.utf16, utf16(&text, from.byte));
            assert_eq!(truncated.second, None);
        }
    }
}

/// Both texts of a pair are cut as the whole tokenizer cuts them, and the report says where.
#[test]
fn pairs_are_cut_as_the_whole_tokenizer_cuts_them() {
    let mut generator = Generator::new(8);
    let vocabulary = generator.vocabulary(foldings()[0]);
    let options = Options {
        separator: Some(2),
        ..foldings()[0]
    };
    let tokenizer = Tokenizer::new(&vocabulary, options).unwrap();
    let theirs = whole(&vocabulary, options);
    let mut cuts = [0; 2];
    for round in 0..2_000 {
        let texts = [generator.text(), generator.text()].map(|text| text.replace(SEPARATOR, " "));
        let [first, second] = &texts;
        let joined = pair(first, second);
        let all = tokenizer.encode(&joined, usize::MAX);
        assert_eq!(all.truncated, None);
        let limit = 1 + round % (all.ids.len() + 2);
        let room = TruncationParams {
            max_length: limit - 1,
            strategy: TruncationStrategy::LongestFirst,
            ..TruncationParams::default()
        };
        let [whole, partner] = [first, second].map(|text| theirs.encode(&text[..], false).unwrap());
        let (whole, partner) = truncate_encodings(whole, Some(partner), &room).unwrap();
        let partner = partner.unwrap();
        let kept = [whole.len(), partner.len()];
        let cut = tokenizer.encode(&joined, limit);
        let ids = [whole.get_ids(), &[2], partner.get_ids()].concat();
        assert_eq!(cut.ids, ids, "{joined:?} at {limit}");
        let Some(truncated) = cut.truncated else {
            assert_eq!(cut, all);
            continue;
        };
        assert_eq!(truncated.tokens, all.ids.len());
        let begins = all.ids.len() - tokenizer.encode(second, usize::MAX).ids.len();
        let own = [0..begins - 1, begins..all.ids.len()];
        let places = [Some(truncated.from), truncated.second];
        for (half, place) in places.into_iter().enumerate() {
            let (place, text) = (place.unwrap(), &texts[half]);
            assert_eq!(place.utf16, utf16(text, place.byte));
            let own = &all.tokens[own[half].clone()];
            let is_cut = kept[half] < own.len();
            let offset = half * (first.len() + SEPARATOR.len_utf8());
            let expected = if is_cut {
                stop(own, kept[half]).saturating_sub(offset)
            } else {
                text.len()
            };
            assert_eq!(place.byte, expected, "{joined:?} at {limit}");
            cuts[half] += usize::from(is_cut);
        }
    }
    assert!(cuts.iter().all(|cuts| *cuts > 500), "{cuts:?}");
}

#[test]
fn a_long_text_leaves_its_partner_room() {
    let pieces = ["[UNK]", "[SEP]", "up", "down"].map(String::from);
    let options = Options {
        lowercase: true,
        strip_accents: true,
        unknown: 0,
        separator: Some(1),
    };
    let tokenizer = Tokenizer::new(&pieces, options).unwrap();
    let text = pair(&"up ".repeat(50), "down \u{e9} down");
    let encoding = tokenizer.encode(&text, 8);
    assert_eq!(encoding.ids, [2, 2, 2, 2, 1, 3, 0, 3]);
    let truncated = encoding.truncated.unwrap();
    assert_eq!((truncated.tokens, truncated.from.byte), (54, 12));
    let second = truncated.second.unwrap();
    assert_eq!((second.byte, second.utf16), (12, 11));
    // Words stand where they do in the whole text.
    assert_eq!(&text[encoding.words[5].bytes.clone()], "down");
    assert_eq!(encoding.tokens[5].word, 5);
    assert_eq!(tokenizer.encode(&text, 1).ids, [1]);
    assert_eq!(tokenizer.encode(&text, 0).ids, [0u32; 0]);
}

#[test]
fn ranges_of_a_known_text() {
    let text = "Zoë 👩‍🚀 U\u{308}ber-上海!";
    let tokenizer = tokenizer(&["[UNK]", "zoe", "uber", "-", "上", "海", "!"], true);
    let encoding = tokenizer.encode(text, 100);
    assert_eq!(encoding.ids, [1, 0, 2, 3, 4, 5, 6]);
    let slices: Vec<_> = encoding
        .words
        .iter()
        .map(|word| &text[word.bytes.clone()])
        .collect();
    assert_eq!(slices, ["Zoë", "👩‍🚀", "U\u{308}ber", "-", "上", "海", "!"]);
    assert_eq!(encoding.words[2].utf16, 10..15);
}

/// A character that becomes several gives each of them its own range.
#[test]
fn tokens_of_one_character_share_its_range() {
    let encoding = tokenizer(&["[UNK]", "ᄀ", "##ᅡ", "##ᆨ"], true).encode("각", 2);
    assert_eq!(encoding.ids, [1, 2]);
    assert_eq!(encoding.tokens[0].bytes, 0..3);
    assert_eq!(encoding.tokens[1].bytes, 0..3);
    // The syllable has been read, though not all of it.
    assert_eq!(encoding.truncated.unwrap().from.byte, 3);
}

#[test]
fn special_tokens_in_the_text_are_words_like_any() {
    let pieces = ["[UNK]", "[CLS]", "[", "]", "cls", "unk"];
    assert_eq!(
        tokenizer(&pieces, true).encode("[CLS][UNK]", 9).ids,
        [2, 4, 3, 2, 5, 3]
    );
}

/// What normalises to nothing makes no word and no token.
#[test]
fn what_normalises_to_nothing_is_no_word() {
    let tokenizer = tokenizer(&["[UNK]", "a", "b"], true);
    let text = "\u{301} a\u{301} \u{200d}\u{0}\tb\u{0} \u{feff}";
    assert_eq!(tokenizer.encode(text, 9).ids, [1, 2]);
    assert_eq!(tokenizer.words(text).len(), 2);
    for nothing in ["", " ", "\u{0}", "\u{301}\u{302}", "\u{200b} \u{fffd}"] {
        assert_eq!(
            tokenizer.encode(nothing, 9),
            stillglass_text::Encoding::default()
        );
        assert!(tokenizer.words(nothing).is_empty());
    }
}
