//! The augmented transfer set (Tang et al. 2019): variants of the training texts, which the teacher labels.

mod alike;

pub use alike::Alike;

use rand::RngExt;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;
use stillglass_text::{SEPARATOR, halves};

use crate::recipe::{Operator, TransferSection};
use crate::training::generator;

/// Fewest words that a crop keeps.
const SHORTEST_CROP: usize = 2;

/// Variants of every text, `texts.len() * section.variants` in all, text by text. `mask` is what a
/// masked word becomes (the teacher's mask token as text), `alike` what may stand for what.
///
/// Words are split at white space. Of a pair both texts are varied, each as a text of its own among those at its
/// place, and what separates them stands between blanks. Each variant depends on `seed`, its text's index and its own
/// index alone, and on the other texts through the words and tails it borrows.
pub fn variants(
    texts: &[&str],
    section: &TransferSection,
    mask: &str,
    alike: &Alike,
    seed: u64,
) -> Vec<String> {
    let halves = texts.iter().map(|text| halves(text));
    let (first, second): (Vec<&str>, Vec<Option<&str>>) = halves.unzip();
    let second: Option<Vec<&str>> = second.into_iter().collect();
    let sides: Vec<Vec<Vec<&str>>> = [Some(first), second]
        .into_iter()
        .flatten()
        .map(|side| {
            side.into_iter()
                .map(|text| text.split_whitespace().collect())
                .collect()
        })
        .collect();
    let lexicon: Vec<&str> = sides.iter().flatten().flatten().copied().collect();
    let words = Words {
        lexicon: &lexicon,
        mask,
        alike,
    };
    let mut out = Vec::with_capacity(texts.len() * section.variants);
    let alone = section.operators().into_iter();
    let alone: Vec<TransferSection> = alone.map(|operator| only(operator, section)).collect();
    for index in 0..texts.len() {
        for variant in 0..section.variants {
            let section = way(section, variant).map_or(section, |way| &alone[way]);
            let number = (index * section.variants + variant) as u64;
            let mut rng = generator(seed, "transfer", number);
            let vary = |side: &Vec<Vec<&str>>| vary(&side[index], side, words, section, &mut rng);
            let varied: Vec<String> = sides.iter().map(vary).collect();
            out.push(varied.join(&format!(" {SEPARATOR} ")));
        }
    }
    out
}

/// The place of the operator that alone makes a text's variant of this number, among those of the section, where they are
/// kept apart.
pub(crate) fn way(section: &TransferSection, variant: usize) -> Option<usize> {
    section
        .apart
        .then(|| variant % section.operators().len().max(1))
}

/// The section with one operator alone.
fn only(operator: Operator, section: &TransferSection) -> TransferSection {
    let TransferSection {
        mask,
        replace,
        alike,
        ..
    } = *section;
    let set = |wanted, value| if operator == wanted { value } else { 0.0 };
    TransferSection {
        mask: set(Operator::Mask, mask),
        replace: set(Operator::Replace, replace),
        alike: set(Operator::Alike, alike),
        crop: set(Operator::Crop, 1.0),
        splice: set(Operator::Splice, 1.0),
        ..section.clone()
    }
}

/// What may stand where a word was.
#[derive(Clone, Copy)]
struct Words<'a> {
    /// Every word of the texts, as often as they have it.
    lexicon: &'a [&'a str],
    mask: &'a str,
    alike: &'a Alike<'a>,
}

/// One variant: perhaps spliced with the tail of another text, perhaps cropped to an n-gram, then
/// word by word masked or replaced.
fn vary(
    own: &[&str],
    texts: &[Vec<&str>],
    standing: Words,
    section: &TransferSection,
    rng: &mut ChaCha8Rng,
) -> String {
    let mut words = own.to_vec();
    if rng.random_bool(section.splice) && words.len() > 1 {
        let other = &texts[rng.random_range(0..texts.len())];
        words.truncate(rng.random_range(1..=words.len()));
        let from = rng.random_range(0..=other.len());
        words.extend(&other[from..]);
    }
    if rng.random_bool(section.crop) && words.len() > SHORTEST_CROP {
        let length = rng.random_range(SHORTEST_CROP..=words.len());
        let from = rng.random_range(0..=words.len() - length);
        words = words[from..from + length].to_vec();
    }
    for word in &mut words {
        let draw: f64 = rng.random();
        let replaced = section.mask + section.replace;
        if draw < section.mask {
            *word = standing.mask;
        } else if draw < replaced {
            let lexicon = standing.lexicon;
            *word = lexicon[rng.random_range(0..lexicon.len())];
        } else if draw < replaced + section.alike
            && let Some(other) = standing.alike.to(word).choose(rng)
        {
            *word = other;
        }
    }
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section(mask: f64, replace: f64, crop: f64, splice: f64) -> TransferSection {
        TransferSection {
            variants: 20,
            mask,
            replace,
            alike: 0.0,
            crop,
            splice,
            apart: false,
        }
    }

    /// Variants of texts in which nothing is alike.
    fn made(texts: &[&str], section: &TransferSection, seed: u64) -> Vec<String> {
        variants(texts, section, "[MASK]", &Alike::default(), seed)
    }

    const TEXTS: [&str; 3] = ["red green blue yellow", "one two three", "solo"];

    #[test]
    fn nothing_to_do_leaves_the_texts() {
        let out = made(&TEXTS, &section(0.0, 0.0, 0.0, 0.0), 1);
        assert_eq!(out.len(), 60);
        assert!(out[..20].iter().all(|text| text == TEXTS[0]));
    }

    #[test]
    fn masking_everything_masks_everything() {
        let out = made(&TEXTS, &section(1.0, 0.0, 0.0, 0.0), 1);
        assert_eq!(out[0], "[MASK] [MASK] [MASK] [MASK]");
    }

    #[test]
    fn crops_are_n_grams() {
        let out = made(&TEXTS, &section(0.0, 0.0, 1.0, 0.0), 1);
        assert!(
            out[..20]
                .iter()
                .all(|text| TEXTS[0].contains(text.as_str()))
        );
        assert!(out[..20].iter().any(|text| text.split(' ').count() < 4));
        assert!(out[40..].iter().all(|text| text == "solo"));
    }

    #[test]
    fn splices_begin_with_the_text_itself() {
        let out = made(&TEXTS, &section(0.0, 0.0, 0.0, 1.0), 1);
        assert!(out[..20].iter().all(|text| text.starts_with("red")));
        assert!(
            out[..20]
                .iter()
                .any(|text| text.contains("three") || text.contains("solo"))
        );
    }

    #[test]
    fn both_texts_of_a_pair_are_varied_and_stay_apart() {
        let pairs = ["red green\u{1f}one two three", "blue\u{1f}four"];
        let out = made(&pairs, &section(1.0, 0.0, 0.0, 0.0), 1);
        assert_eq!(out[0], "[MASK] [MASK] \u{1f} [MASK] [MASK] [MASK]");
        let out = made(&pairs, &section(0.2, 0.2, 1.0, 1.0), 1);
        assert!(out.iter().all(|text| text.matches(SEPARATOR).count() == 1));
    }

    #[test]
    fn kept_apart_a_variant_is_made_in_one_way() {
        let section = TransferSection {
            apart: true,
            ..section(1.0, 0.0, 0.1, 0.1)
        };
        let text = "red green blue yellow";
        let out = made(&[text, "one two three"], &section, 1);
        let names: Vec<&str> = section.operators().iter().map(|way| way.name()).collect();
        assert_eq!(names, ["mask", "crop", "splice"]);
        for (variant, made) in out[..20].iter().enumerate() {
            match way(&section, variant).unwrap() {
                0 => assert_eq!(made, "[MASK] [MASK] [MASK] [MASK]"),
                1 => assert!(text.contains(made.as_str()), "{made}"),
                _ => assert!(
                    made.starts_with("red") && !made.contains("[MASK]"),
                    "{made}"
                ),
            }
        }
        let ways = (0..6).map(|variant| way(&section, variant));
        assert_eq!(ways.collect::<Vec<_>>(), [0, 1, 2, 0, 1, 2].map(Some));
    }

    #[test]
    fn words_are_replaced_by_those_like_them_alone() {
        let alike = Alike::of([("green", vec!["blue", "teal"]), ("one", vec!["two"])]);
        let section = TransferSection {
            alike: 1.0,
            ..section(0.0, 0.0, 0.0, 0.0)
        };
        let out = variants(&TEXTS, &section, "[MASK]", &alike, 1);
        let (first, second) = (&out[..20], &out[20..40]);
        for color in ["blue", "teal"] {
            let wanted = format!("red {color} blue yellow");
            assert!(first.contains(&wanted), "{wanted}: {first:?}");
        }
        assert!(second.iter().all(|text| text == "two two three"));
        assert!(out[40..].iter().all(|text| text == "solo"));
    }

    #[test]
    fn the_same_seed_gives_the_same_set() {
        let section = section(0.2, 0.2, 0.5, 0.5);
        let first = made(&TEXTS, &section, 7);
        assert_eq!(first, made(&TEXTS, &section, 7));
        assert_ne!(first, made(&TEXTS, &section, 8));
    }

    #[test]
    fn texts_without_words_stay_empty() {
        let out = made(&["", "a b c"], &section(0.5, 0.5, 1.0, 1.0), 1);
        assert!(out[..20].iter().all(String::is_empty));
    }
}
