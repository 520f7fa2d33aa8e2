//! What every text may rely on: independence, completeness, honest truncation.

use stillglass_runtime::{Classification, Error, Explanation, Method};

use crate::made_up::{Numbers, ODD, PLAIN, Sizes, bundle, text};
use crate::{classify, model, student};

/// Σ contributions + bias = logit, relative to the largest magnitude involved.
const COMPLETE: f64 = 1e-5;

/// Checks completeness for every label.
#[track_caller]
pub(crate) fn assert_complete(answer: &Classification) {
    let explanation = answer.explanation.as_ref().expect("asked for");
    for (label, &logit) in answer.logits.iter().enumerate() {
        assert_adds_up(explanation, label, f64::from(logit));
    }
}

#[track_caller]
fn assert_adds_up(explanation: &Explanation, label: usize, want: f64) {
    let words = explanation
        .words
        .iter()
        .map(|word| f64::from(word.weights[label]));
    let terms: Vec<f64> = words.chain([f64::from(explanation.bias[label])]).collect();
    let size = terms.iter().fold(1.0_f64, |m, t| m.max(t.abs()));
    let sum: f64 = terms.iter().sum();
    assert!((sum - want).abs() <= COMPLETE * size, "{sum} for {want}");
}

/// Checks that probabilities are a distribution that ranks as the logits do.
#[track_caller]
pub(crate) fn assert_distribution(answer: &Classification) {
    assert!(
        answer.logits.iter().all(|z| z.is_finite()),
        "{:?}",
        answer.logits
    );
    assert!(
        answer.probabilities.iter().all(|p| (0.0..=1.0).contains(p)),
        "{:?}",
        answer.probabilities
    );
    let sum: f32 = answer.probabilities.iter().sum();
    assert!((sum - 1.0).abs() < 1e-5, "{sum}");
    assert!(
        answer
            .logits
            .iter()
            .all(|&z| z <= answer.logits[answer.label])
    );
}

#[test]
fn a_text_does_not_see_its_neighbours() {
    let model = model(&bundle(1, ODD, &PLAIN));
    let mut numbers = Numbers(1);
    let texts: Vec<String> = (0..40).map(|i| text(&mut numbers, i)).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let together = classify(&model, &texts, Some(Method::Native));
    for (text, answer) in texts.iter().zip(&together) {
        assert_eq!(&classify(&model, &[text], Some(Method::Native))[0], answer);
    }
    assert_eq!(classify(&model, &[], Some(Method::Native)), []);
}

#[test]
fn white_space_and_explaining_change_nothing() {
    let model = model(&bundle(
        2,
        Sizes {
            max_tokens: 1024,
            ..ODD
        },
        &PLAIN,
    ));
    let mut numbers = Numbers(2);
    for words in 0..30 {
        let text = text(&mut numbers, words);
        let plain = classify(&model, &[&text], None).remove(0);
        let padded = format!("{}{text}{}", " ".repeat(37), "\t\n ".repeat(37));
        let mut explained = classify(&model, &[&padded], Some(Method::Native)).remove(0);
        assert_complete(&explained);
        explained.explanation = None;
        assert_eq!(explained, plain);
    }
}

#[test]
fn explanations_add_up_to_the_logits() {
    let sizes = Sizes {
        embedding: 64,
        hidden: 64,
        attention: 64,
        labels: 5,
        max_tokens: 128,
    };
    let model = model(&bundle(3, sizes, &PLAIN));
    let mut numbers = Numbers(3);
    for _ in 0..200 {
        let answer = classify(&model, &[&text(&mut numbers, 60)], Some(Method::Native)).remove(0);
        assert_distribution(&answer);
        assert_complete(&answer);
        let mean = answer.logits.iter().map(|&z| f64::from(z)).sum::<f64>() / 5.0;
        let centred = answer.explanation.expect("asked for").centred();
        for (label, &logit) in answer.logits.iter().enumerate() {
            assert_adds_up(&centred, label, f64::from(logit) - mean);
        }
        let rows = centred
            .words
            .iter()
            .map(|word| &word.weights)
            .chain([&centred.bias]);
        assert!(
            rows.into_iter()
                .all(|row| row.iter().sum::<f32>().abs() < 1e-5)
        );
    }
}

#[test]
fn a_text_without_tokens_answers_with_the_bias() {
    let made = bundle(4, ODD, &PLAIN);
    let model = model(&made);
    for text in ["", " ", "\n\t\u{a0}", "\u{0}\u{200d}"] {
        let answer = classify(&model, &[text], Some(Method::Native)).remove(0);
        assert_eq!(
            (answer.tokens, &answer.logits),
            (0, &student(&made).classifier.bias),
            "{text:?}"
        );
        assert_eq!(answer.explanation.as_ref().map(|e| e.words.len()), Some(0));
        assert_distribution(&answer);
        assert_complete(&answer);
    }
}

#[test]
fn one_token_carries_everything() {
    let model = model(&bundle(5, ODD, &PLAIN));
    let answer = classify(&model, &["stock"], Some(Method::Native)).remove(0);
    assert_eq!(answer.tokens, 1);
    assert_eq!(answer.explanation.as_ref().map(|e| e.words.len()), Some(1));
    assert_complete(&answer);
}

#[test]
fn words_are_where_they_stand_in_the_text() {
    let model = model(&bundle(6, ODD, &PLAIN));
    let text = "😀 É\u{301} stocks, 日本 rose";
    let words = classify(&model, &[text], Some(Method::Native))
        .remove(0)
        .explanation
        .expect("asked for")
        .words;
    let units: Vec<u16> = text.encode_utf16().collect();
    for word in &words {
        let utf16 = String::from_utf16(&units[word.utf16.clone()]).expect("whole characters");
        assert_eq!(utf16, text[word.bytes.clone()]);
    }
    let found: Vec<&str> = words.iter().map(|word| &text[word.bytes.clone()]).collect();
    assert_eq!(found, ["😀", "É\u{301}", "stocks", ",", "日", "本", "rose"]);
}

#[test]
fn a_text_cut_short_says_so_and_still_adds_up() {
    let model = model(&bundle(
        7,
        Sizes {
            max_tokens: 3,
            ..ODD
        },
        &PLAIN,
    ));
    let text = "the stocks 😀 rose";
    let whole = model.tokenizer().encode(text, usize::MAX).ids;
    let answer = classify(&model, &[text], Some(Method::Native)).remove(0);
    assert_eq!(answer.tokens, 3);
    let cut = answer.truncated.expect("five tokens, three read");
    assert_eq!((cut.tokens, cut.from.byte, cut.from.utf16), (5, 11, 11));
    assert_eq!(
        answer.logits,
        model
            .classify_ids(&whole[..3])
            .expect("ids of the vocabulary")
    );
    assert_complete(&answer);
    assert_eq!(classify(&model, &["the stocks"], None)[0].truncated, None);
}

#[test]
fn ids_outside_the_vocabulary_are_refused() {
    let made = bundle(8, ODD, &PLAIN);
    let size = made.vocabulary.len();
    let error = model(&made)
        .classify_ids(&[0, size as u32])
        .expect_err("one too many");
    assert!(matches!(error, Error::TokenId { vocabulary, .. } if vocabulary == size));
}
