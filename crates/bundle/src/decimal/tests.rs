//! Beside the standard library.

use proptest::prelude::*;

use super::{parse, show};

fn standard(text: &str) -> f64 {
    text.parse().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    /// As written by `serde_json`: the shortest digits that lead back, up to 17.
    #[test]
    fn what_was_written_is_read_back(value in -1e19_f64..1e19, small in -1.0_f64..1.0, shrink in 0..18) {
        for value in [value, small, small / 10_f64.powi(shrink)] {
            prop_assert_eq!(parse(&value.to_string()).to_bits(), value.to_bits(), "{}", value);
            prop_assert_eq!(parse(&format!("{value:e}")).to_bits(), value.to_bits(), "{:e}", value);
        }
    }

    #[test]
    fn nineteen_digits_are_read_to_the_nearest(digits in 0_u64..10_000_000_000_000_000_000, power in -37..=19) {
        let text = format!("{digits}e{power}");
        prop_assert_eq!(parse(&text).to_bits(), standard(&text).to_bits(), "{}", text);
    }

    #[test]
    fn every_number_is_near(text in "-?(0|[1-9][0-9]{0,40})(\\.[0-9]{1,40})?([eE][+-]?[0-9]{1,3})?") {
        let (ours, theirs) = (parse(&text), standard(&text));
        let near = ours.to_bits() == theirs.to_bits() || (ours - theirs).abs() <= 1e-12 * theirs.abs() || theirs.abs() < 1e-280 || theirs.abs() > 1e300;
        prop_assert!(near, "{text}: {ours} {theirs}");
    }
}

#[test]
fn ties_and_ends_are_those_of_the_standard_library() {
    for text in [
        "0",
        "-0",
        "0.0",
        "0e999",
        "-0e-999",
        "0.5",
        "1E2",
        "1e+2",
        "1e-2",
        "1e999",
        "-1e999",
        "1e-999",
        // Halfway between two, and beside it.
        "9007199254740993",
        "9007199254740993.0",
        "9007199254740993.5",
        "4503599627370496.5",
        "1e99999999999",
        "1e-99999999999",
        "0.3",
        "123.456e-3",
        "1e-37",
        "1e22",
    ] {
        assert_eq!(parse(text).to_bits(), standard(text).to_bits(), "{text}");
    }
}

#[test]
fn a_message_shows_six_places() {
    for (value, text) in [
        (0.0, "0"),
        (-0.5, "-0.5"),
        (1e-4, "0.0001"),
        (513.25, "513.25"),
        (-2e6, "-2000000"),
        (f32::NAN, "NaN"),
        (f32::NEG_INFINITY, "-inf"),
        (f32::MAX, "10^18 or more"),
        (f32::MIN_POSITIVE, "0"),
    ] {
        assert_eq!(show(value), text);
    }
}
