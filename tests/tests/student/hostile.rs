//! Bundles nobody would train, but that read well: no panic, no NaN, every answer defined.

use std::ops::ControlFlow;

use proptest::prelude::*;
use stillglass_bundle::limits::{COLUMNS, MAGNITUDE};
use stillglass_kernels::linear_int8::MOST_COLUMNS;
use stillglass_runtime::Method;

use crate::behaviour::{assert_complete, assert_distribution};
use crate::made_up::{Draw, Numbers, ODD, PLAIN, Sizes, bundle, pair, text};
use crate::{classify, model};

/// Every number at an edge of what the reader lets through.
const EDGES: Draw = Draw {
    weight: |n| [0.0, -0.0, 1.0, -1e-45, MAGNITUDE, -MAGNITUDE][n.below(6)],
    integer: |n| [0, 1, -1, 127, -127][n.below(5)],
    scale: |n, _| [f32::from_bits(1), f32::MIN_POSITIVE, 1.0, MAGNITUDE][n.below(4)],
};

/// Everything as large as can be, of one sign: the largest sums there are.
const LARGEST: Draw = Draw {
    weight: |_| MAGNITUDE,
    integer: |_| 127,
    scale: |_, _| MAGNITUDE,
};

/// Everything as small as can be.
const SMALLEST: Draw = Draw {
    weight: |_| f32::from_bits(1),
    integer: |_| 1,
    scale: |_, _| f32::from_bits(1),
};

fn check(seed: u64, sizes: Sizes, draw: &Draw) {
    let model = model(&bundle(seed, sizes, draw));
    let mut numbers = Numbers(seed);
    let texts: Vec<String> = (0..6).map(|words| text(&mut numbers, words)).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    for answer in classify(&model, &texts, Some(Method::Native)) {
        assert_distribution(&answer);
        assert_complete(&answer);
    }
}

#[test]
fn pairs_and_their_reasons_are_defined_whatever_the_weights() {
    for (seed, draw) in [&EDGES, &LARGEST, &SMALLEST, &PLAIN]
        .into_iter()
        .enumerate()
    {
        let seed = seed as u64;
        for prefixes in [1, ODD.labels] {
            let model = model(&pair(seed, ODD, draw, prefixes));
            let mut numbers = Numbers(seed);
            for words in 0..5 {
                let [first, second] = [words, 4 - words].map(|words| text(&mut numbers, words));
                let joined = stillglass_text::pair(&first, &second);
                for text in [joined.as_str(), &first, "\u{1f}", "a\u{1f}\u{1f}a"] {
                    let answer = classify(&model, &[text], Some(Method::Native)).swap_remove(0);
                    assert_distribution(&answer);
                    assert_complete(&answer);
                    for beams in [1, 3] {
                        let reason = model.reason(text, beams, &mut |_| ControlFlow::Continue(()));
                        let reason = reason.expect("it has a decoder");
                        assert_eq!(reason.label, answer.label);
                        assert!(reason.tokens.len() <= 12);
                        for token in &reason.tokens {
                            assert!((0.0..=1.001).contains(&token.probability), "{token:?}");
                            assert!((0.0..=1.0).contains(&token.copied), "{token:?}");
                            assert!(token.attention.iter().all(|a| (0.0..=1.001).contains(a)));
                        }
                    }
                }
            }
        }
    }
}

/// The two crates do not know each other, so each names its own limit.
#[test]
fn a_bundle_is_no_wider_than_the_integer_sums_bear() {
    const { assert!(COLUMNS <= MOST_COLUMNS) };
}

#[test]
fn the_widest_layers_with_the_largest_weights_stay_finite() {
    let wide = Sizes {
        embedding: 8192,
        hidden: 32,
        attention: 8192,
        labels: 2,
        max_tokens: 16,
    };
    check(1, wide, &LARGEST);
    check(2, wide, &EDGES);
    let deep = Sizes {
        embedding: 2,
        hidden: 512,
        attention: 2,
        labels: 1024,
        max_tokens: 16,
    };
    check(3, deep, &LARGEST);
}

#[test]
fn the_smallest_weights_stay_defined() {
    check(
        4,
        Sizes {
            embedding: 9,
            hidden: 9,
            attention: 9,
            labels: 3,
            max_tokens: 16,
        },
        &SMALLEST,
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn bundles_at_the_edges_answer(
        seed: u64,
        embedding in 1_usize..40,
        hidden in 1_usize..20,
        attention in 1_usize..40,
        labels in 2_usize..6,
        max_tokens in 1_usize..12,
    ) {
        check(seed, Sizes { embedding, hidden, attention, labels, max_tokens }, &EDGES);
    }
}
