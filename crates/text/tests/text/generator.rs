//! Texts that no editor would pass, from a seed, and vocabularies that fit them.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use stillglass_text::Options;
use tokenizers::normalizers::BertNormalizer;
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::{Normalizer, OffsetReferential, OffsetType, PreTokenizedString, PreTokenizer};

/// Id of `[UNK]` in the generated vocabularies.
pub(crate) const UNKNOWN: u32 = 3;

const WHITE: &str = " \t\n\r\u{b}\u{c}\u{85}\u{a0}\u{1680}\u{2003}\u{2028}\u{202f}\u{3000}";

/// NUL and other controls, joiners, directions, the replacement character (what becomes of a lone
/// surrogate), non-characters, private use, tags.
const INVISIBLE: &str = "\0\u{1}\u{1b}\u{7f}\u{9f}\u{ad}\u{61c}\u{180e}\u{200b}\u{200c}\u{200d}\u{200e}\
    \u{200f}\u{202a}\u{202e}\u{2060}\u{2066}\u{2069}\u{d7ff}\u{e000}\u{f8ff}\u{fdd0}\u{feff}\u{fff9}\
    \u{fffc}\u{fffd}\u{fffe}\u{ffff}\u{1fffe}\u{e0001}\u{e0041}\u{e007f}\u{e0100}\u{fffff}\u{10ffff}";

/// Letters whose case or decomposition changes their number, width or kind.
const SHIFTING: &str = "İıßẞΣςσǅǆŉﬁﬃſKÅΩΐΰᾳᾼῼẞꭰ\u{37e}\u{1fef}\u{1fed}\u{387}≠≮≯\u{340}\u{341}\u{343}\
    \u{344}\u{345}\u{f73}\u{f75}\u{f81}\u{958}\u{1d15e}\u{1d164}\u{fb2a}\u{2adc}\u{2329}\u{1e9b}";

const PHRASES: [&str; 16] = [
    "shares",
    "unaffable",
    "The",
    "[UNK]",
    "[CLS]",
    "##ing",
    "naïve",
    "cafe\u{301}",
    "don't",
    "$TSLA",
    "https://x.y/?q=1",
    "3.14%",
    "👩\u{200d}👩\u{200d}👧\u{200d}👦",
    "🏳\u{fe0f}\u{200d}🌈",
    "🇫🇷🇩🇪",
    "1\u{fe0f}\u{20e3}",
];

const COMBINING: [RangeInclusive<u32>; 8] = [
    0x300..=0x36f,
    0x591..=0x5bd,
    0x64b..=0x65f,
    0xf71..=0xf84,
    0x302a..=0x302f,
    0x3099..=0x309a,
    0x20d0..=0x20f0,
    0x1d165..=0x1d172,
];

const CJK: [RangeInclusive<u32>; 8] = [
    0x4dff..=0x4e10,
    0x9ff0..=0xa000,
    0x33ff..=0x3410,
    0xf900..=0xfaff,
    0x1ffff..=0x20010,
    0x2a6d0..=0x2a710,
    0x2b730..=0x2b930,
    0x2f800..=0x2fa20,
];

const SCRIPTS: [RangeInclusive<u32>; 14] = [
    0xc0..=0x24f,
    0x370..=0x3ff,
    0x400..=0x4ff,
    0x5d0..=0x5ea,
    0x621..=0x64a,
    0x900..=0xfff,
    0xe00..=0xe4e,
    0x1100..=0x11ff,
    0x1e00..=0x1fff,
    0x3041..=0x30ff,
    0xac00..=0xd7a3,
    0x1d400..=0x1d7ff,
    0x1f300..=0x1faff,
    0x2000..=0x206f,
];

pub(crate) struct Generator(pub(crate) ChaCha8Rng);

impl Generator {
    pub(crate) fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// A text of a few runs, each of one kind of character; one in eight has a word around or above the
    /// hundred characters at which WordPiece gives up.
    pub(crate) fn text(&mut self) -> String {
        let mut text = String::new();
        for _ in 0..self.0.random_range(0..9) {
            let run = self.0.random_range(1..6);
            self.run(&mut text, run);
            if self.0.random_bool(0.4) {
                text.push(' ');
            }
        }
        if self.0.random_ratio(1, 8) {
            let run = self.0.random_range(95..130);
            self.run(&mut text, run);
        }
        text
    }

    fn run(&mut self, text: &mut String, length: usize) {
        let kind = self.0.random_range(0..12);
        for _ in 0..length {
            match kind {
                0..=2 => text.push(self.0.random_range('a'..='f')),
                3 => text.push(self.0.random_range('!'..='~')),
                4 => text.push(self.one_of(WHITE)),
                5 => text.push(self.one_of(INVISIBLE)),
                6 => text.push(self.one_of(SHIFTING)),
                7 => text.push(self.in_ranges(&COMBINING)),
                8 => text.push(self.in_ranges(&CJK)),
                9 => text.push(self.in_ranges(&SCRIPTS)),
                10 => text.push(self.any_plane()),
                _ => text.push_str(PHRASES[self.0.random_range(0..PHRASES.len())]),
            }
        }
    }

    fn one_of(&mut self, characters: &str) -> char {
        let at = self.0.random_range(0..characters.chars().count());
        characters
            .chars()
            .nth(at)
            .expect("an index below the count")
    }

    fn in_ranges(&mut self, ranges: &[RangeInclusive<u32>]) -> char {
        let range = ranges[self.0.random_range(0..ranges.len())].clone();
        char::from_u32(self.0.random_range(range)).expect("the ranges hold no surrogate")
    }

    fn any_plane(&mut self) -> char {
        let plane = self.0.random_range(0..=16) << 16;
        let code = plane + self.0.random_range(0..=0xffff);
        char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)
    }

    /// Starts of generated words and continuations cut from them, so that many words have several
    /// pieces and some have none; `[UNK]` at [`UNKNOWN`].
    pub(crate) fn vocabulary(&mut self, options: Options) -> Vec<String> {
        let mut pieces = BTreeSet::new();
        for _ in 0..6_000 {
            for word in normalized_words(&self.text(), options) {
                let word: Vec<char> = word.chars().collect();
                let head = self.0.random_range(1..=word.len().min(3));
                pieces.insert(String::from_iter(&word[..head]));
                for from in 1..word.len().min(12) {
                    if self.0.random_bool(0.6) {
                        let to = word.len().min(from + self.0.random_range(1..=3));
                        pieces.insert(format!("##{}", String::from_iter(&word[from..to])));
                    }
                }
            }
        }
        let mut vocabulary = Vec::from_iter(pieces);
        vocabulary.insert(UNKNOWN as usize, "[UNK]".to_owned());
        vocabulary
    }
}

/// The words of a text as WordPiece sees them, by the crate's own components.
pub(crate) fn normalized_words(text: &str, options: Options) -> Vec<String> {
    let normalizer =
        BertNormalizer::new(true, true, Some(options.strip_accents), options.lowercase);
    let mut parts = PreTokenizedString::from(text);
    parts
        .normalize(|whole| normalizer.normalize(whole))
        .unwrap();
    BertPreTokenizer.pre_tokenize(&mut parts).unwrap();
    parts
        .get_splits(OffsetReferential::Original, OffsetType::Byte)
        .into_iter()
        .map(|(word, _, _)| word.to_owned())
        .collect()
}
