//! What Unicode says of a character, exactly as the reference tokenizer has it.
//!
//! The table is made by `build.rs` from the crates that tokenizer asks, and unpacked once: 8 bytes for
//! each of about 1,100 runs of characters with equal properties, about 15 for each of the 2,060 that
//! decompose, and 16 for each run of upper case.

/// Written by `build.rs`, which says what stands in it.
static TABLE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/unicode.table"));

/// Where Hangul syllables, their leads, vowels and tails begin, and how many vowels and tails there
/// are (The Unicode Standard, section 3.12); "no tail" counts as one.
const SYLLABLE: u32 = 0xac00;
const LEAD: u32 = 0x1100;
const VOWEL: u32 = 0x1161;
const TAIL: u32 = 0x11a7;
const LEADS: u32 = 19;
const VOWELS: u32 = 21;
const TAILS: u32 = 28;

/// The unpacked table.
#[derive(Clone, Debug)]
pub(crate) struct Unicode {
    /// The first character of each run of equal properties, ascending from 0.
    starts: Vec<u32>,
    properties: Vec<Properties>,
    /// The characters that decompose, ascending, without Hangul.
    composed: Vec<u32>,
    /// Where the parts of each end in `parts`.
    ends: Vec<u32>,
    parts: Vec<char>,
    /// The characters that have a lower case, ascending.
    upper: Vec<Upper>,
}

/// A run of characters, each as far from its lower case as the others.
#[derive(Clone, Copy, Debug)]
struct Upper {
    first: u32,
    last: u32,
    /// From one to the next.
    gap: u32,
    /// The lower case of the first.
    lower: u32,
}

/// The properties of one character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Properties(u32);

impl Properties {
    /// A control, format or private use character.
    pub(crate) fn is_other(self) -> bool {
        self.0 & 1 != 0
    }

    pub(crate) fn is_punctuation(self) -> bool {
        self.0 & 2 != 0
    }

    /// A mark that takes no place of its own.
    pub(crate) fn is_nonspacing_mark(self) -> bool {
        self.0 & 4 != 0
    }

    /// Canonical combining class; 0 where nothing is reordered across.
    pub(crate) fn class(self) -> u32 {
        self.0 >> 3
    }
}

impl Unicode {
    pub(crate) fn unpack() -> Self {
        let mut table = Numbers(TABLE);
        let runs = table.next() as usize;
        let starts = table.ascending(runs);
        let properties = (0..runs).map(|_| Properties(table.next())).collect();
        let count = table.next() as usize;
        let composed = table.ascending(count);
        let ends = table.ascending(count);
        let mut first = 0;
        let firsts: Vec<u32> = (0..count)
            .map(|_| {
                first = table.step(first);
                first
            })
            .collect();
        let mut parts = Vec::new();
        for (&end, first) in ends.iter().zip(firsts) {
            parts.push(character(first));
            while parts.len() < end as usize {
                parts.push(character(table.next()));
            }
        }
        let count = table.next() as usize;
        let firsts = table.ascending(count);
        let [lengths, gaps] =
            [(); 2].map(|()| (0..count).map(|_| table.next()).collect::<Vec<_>>());
        let upper = firsts.into_iter().zip(lengths).zip(gaps);
        let upper = upper
            .map(|((first, length), gap)| Upper {
                first,
                last: first + length,
                gap,
                lower: table.step(first),
            })
            .collect();
        debug_assert!(table.0.is_empty(), "the table holds nothing else");
        Self {
            starts,
            properties,
            composed,
            ends,
            parts,
            upper,
        }
    }

    /// Gives each character of the lower case; of most characters themselves.
    pub(crate) fn lower(&self, character: char, mut each: impl FnMut(char)) {
        // The only one whose lower case is two characters, says `build.rs`.
        if character == 'İ' {
            each('i');
            return each('\u{307}');
        }
        let code = u32::from(character);
        let after = self.upper.partition_point(|run| run.first <= code);
        let run = after.checked_sub(1).map(|before| self.upper[before]);
        each(match run {
            Some(run) if code <= run.last && (code - run.first).is_multiple_of(run.gap) => {
                self::character(run.lower + (code - run.first))
            }
            _ => character,
        });
    }

    /// The properties of a character.
    pub(crate) fn of(&self, character: char) -> Properties {
        let run = self
            .starts
            .partition_point(|&start| start <= u32::from(character));
        self.properties[run - 1]
    }

    /// Gives each part of the full canonical decomposition; of most characters themselves.
    pub(crate) fn decompose(&self, composed: char, mut each: impl FnMut(char)) {
        let code = u32::from(composed);
        if let Ok(place) = self.composed.binary_search(&code) {
            let start = place.checked_sub(1).map_or(0, |before| self.ends[before]);
            let parts = &self.parts[start as usize..self.ends[place] as usize];
            parts.iter().copied().for_each(each);
        } else if let Some(index) = code.checked_sub(SYLLABLE)
            && index < LEADS * VOWELS * TAILS
        {
            each(character(LEAD + index / (VOWELS * TAILS)));
            each(character(VOWEL + index / TAILS % VOWELS));
            if index % TAILS > 0 {
                each(character(TAIL + index % TAILS));
            }
        } else {
            each(composed);
        }
    }
}

/// The table's numbers from here on.
struct Numbers(&'static [u8]);

impl Numbers {
    /// Seven bits a byte, lowest first; the high bit says that more follow.
    fn next(&mut self) -> u32 {
        let mut number = 0;
        for place in 0.. {
            let (&byte, rest) = self
                .0
                .split_first()
                .expect("the table holds what it counts");
            self.0 = rest;
            number |= u32::from(byte & 0x7f) << (7 * place);
            if byte < 0x80 {
                break;
            }
        }
        number
    }

    /// Numbers kept as their differences.
    fn ascending(&mut self, count: usize) -> Vec<u32> {
        let mut last = 0;
        (0..count)
            .map(|_| {
                last += self.next();
                last
            })
            .collect()
    }

    /// The number one step from `last`: the step is doubled, and odd where it goes down.
    fn step(&mut self, last: u32) -> u32 {
        let step = self.next();
        if step & 1 == 0 {
            last + (step >> 1)
        } else {
            last - (step >> 1)
        }
    }
}

fn character(code: u32) -> char {
    char::from_u32(code).expect("the table holds characters")
}

#[cfg(test)]
mod tests {
    use super::*;
    use unicode_categories::UnicodeCategories;
    use unicode_normalization_alignments::char::{canonical_combining_class, decompose_canonical};

    #[test]
    fn every_property_of_every_character_is_the_crates() {
        let unicode = Unicode::unpack();
        for character in '\0'..=char::MAX {
            let found = unicode.of(character);
            let other = UnicodeCategories::is_other(character);
            assert_eq!(found.is_other(), other, "{character:?}");
            let punctuation = UnicodeCategories::is_punctuation(character);
            assert_eq!(found.is_punctuation(), punctuation, "{character:?}");
            let mark = UnicodeCategories::is_mark_nonspacing(character);
            assert_eq!(found.is_nonspacing_mark(), mark, "{character:?}");
            let class = u32::from(canonical_combining_class(character));
            assert_eq!(found.class(), class, "{character:?}");
        }
    }

    #[test]
    fn every_character_decomposes_as_in_the_crate() {
        let unicode = Unicode::unpack();
        for character in '\0'..=char::MAX {
            let (mut found, mut want) = (Vec::new(), Vec::new());
            unicode.decompose(character, |part| found.push(part));
            decompose_canonical(character, |part| want.push(part));
            assert_eq!(found, want, "{character:?}");
        }
    }

    #[test]
    fn every_lower_case_is_that_of_the_standard_library() {
        let unicode = Unicode::unpack();
        for character in '\0'..=char::MAX {
            let mut found = Vec::new();
            unicode.lower(character, |part| found.push(part));
            assert_eq!(
                found,
                character.to_lowercase().collect::<Vec<_>>(),
                "{character:?}"
            );
        }
    }

    #[test]
    fn the_table_is_small() {
        assert!(TABLE.len() < 14_000, "{} bytes", TABLE.len());
    }
}
