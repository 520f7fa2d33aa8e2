use stillglass_text::{Options, Tokenizer};

use crate::foldings;
use crate::generator::Generator;

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
            assert_eq!(truncated.from_byte, whole.tokens[kept].bytes.start);
            assert_eq!(truncated.from_utf16, utf16(&text, truncated.from_byte));
        }
    }
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
    assert_eq!(encoding.truncated.unwrap().from_byte, 0);
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
