use std::collections::BTreeSet;

use stillglass_text::{Encoding, Options, Tokenizer};
use tokenizers::models::wordpiece::WordPiece;
use tokenizers::normalizers::BertNormalizer;
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;

use crate::foldings;
use crate::generator::{Generator, UNKNOWN};

const TEXTS: usize = 100_000;

/// The same tokenizer as one `tokenizers::Tokenizer`.
pub(crate) fn whole(vocabulary: &[String], options: Options) -> tokenizers::Tokenizer {
    let ids = vocabulary.iter().cloned().zip(0u32..);
    let model = WordPiece::builder()
        .vocab(ids.collect::<ahash::AHashMap<_, _>>())
        .unk_token(vocabulary[options.unknown as usize].clone())
        .build()
        .unwrap();
    let mut whole = tokenizers::Tokenizer::new(model);
    let strip_accents = Some(options.strip_accents);
    let normalizer = BertNormalizer::new(true, true, strip_accents, options.lowercase);
    whole.with_normalizer(Some(normalizer)).unwrap();
    whole.with_pre_tokenizer(Some(BertPreTokenizer));
    whole
}

/// Ids, byte offsets and word indices equal, and the words are the hulls of their tokens.
pub(crate) fn assert_same(whole: &tokenizers::Tokenizer, ours: &Tokenizer, text: &str) -> Encoding {
    let theirs = whole.encode(text, false).unwrap();
    let encoding = ours.encode(text, usize::MAX);
    assert_eq!(encoding.ids, theirs.get_ids(), "ids of {text:?}");
    let offsets: Vec<_> = encoding
        .tokens
        .iter()
        .map(|t| (t.bytes.start, t.bytes.end))
        .collect();
    assert_eq!(offsets, theirs.get_offsets(), "offsets of {text:?}");
    let words: Vec<_> = encoding
        .tokens
        .iter()
        .map(|t| Some(t.word as u32))
        .collect();
    assert_eq!(words, theirs.get_word_ids(), "words of {text:?}");
    for word in &encoding.words {
        let tokens = &encoding.tokens[word.tokens.clone()];
        let hull = tokens[0].bytes.start..tokens[tokens.len() - 1].bytes.end;
        assert_eq!(word.bytes, hull, "a word of {text:?}");
    }
    encoding
}

/// Every text with one folding, in turn, and every tenth with all four.
#[test]
fn equals_the_whole_tokenizer_on_generated_texts() {
    let pairs = foldings().map(|options| {
        let vocabulary = Generator::new(1).vocabulary(options);
        (
            whole(&vocabulary, options),
            Tokenizer::new(&vocabulary, options).unwrap(),
        )
    });
    let mut generator = Generator::new(2);
    let mut planes = BTreeSet::new();
    let (mut split_words, mut unknown, mut silent) = (0, 0, 0);
    for turn in 0..TEXTS {
        let text = generator.text();
        planes.extend(text.chars().map(|c| u32::from(c) >> 16));
        let foldings = if turn % 10 == 0 {
            0..4
        } else {
            turn % 4..turn % 4 + 1
        };
        for (whole, ours) in &pairs[foldings] {
            let encoding = assert_same(whole, ours, &text);
            split_words += encoding
                .words
                .iter()
                .filter(|word| word.tokens.len() > 1)
                .count();
            unknown += encoding.ids.iter().filter(|&&id| id == UNKNOWN).count();
            silent += usize::from(!text.is_empty() && encoding.ids.is_empty());
        }
    }
    // The comparison is worth something only if the texts reach every case.
    assert_eq!(planes, (0..=16).collect());
    assert!(
        split_words > 50_000,
        "{split_words} words of several pieces"
    );
    assert!(unknown > 50_000, "{unknown} unknown words");
    assert!(silent > 1_000, "{silent} texts without a word");
}

/// What a word or a run of marks leaves behind must not reach a later one, however far.
#[test]
fn equals_the_whole_tokenizer_on_long_texts() {
    for options in foldings() {
        let vocabulary = Generator::new(3).vocabulary(options);
        let whole = whole(&vocabulary, options);
        let ours = Tokenizer::new(&vocabulary, options).unwrap();
        let mut generator = Generator::new(4);
        for _ in 0..20 {
            let mut text = String::new();
            while text.len() < 60_000 {
                text.push_str(&generator.text());
            }
            assert_same(&whole, &ours, &text);
        }
    }
}
