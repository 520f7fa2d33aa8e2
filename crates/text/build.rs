//! Writes what the reference tokenizer knows of Unicode, asked of the very crates it asks, as one table
//! of numbers.
//!
//! Columns compress better than rows, and gaps better than code points: first the runs of characters
//! with equal properties (how many, the gaps between their starts, their properties), then the
//! characters that decompose (how many, the gaps between them, how many parts each has, the steps
//! from first part to first part, the other parts), at last the runs of characters that have a lower case
//! as far away (how many, the gaps between their starts, how far it is to the last of each, the gap between
//! two, the step from the first to its lower case).

use std::path::Path;
use std::{env, fs};

use unicode_categories::UnicodeCategories;
use unicode_normalization_alignments::char::{canonical_combining_class, decompose_canonical};

/// Hangul syllables, whose decomposition is arithmetic.
const SYLLABLES: std::ops::RangeInclusive<char> = '\u{ac00}'..='\u{d7a3}';

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let mut table = Vec::new();
    push_properties(&mut table);
    push_decompositions(&mut table);
    push_lower_case(&mut table);
    let folder = env::var_os("OUT_DIR").expect("cargo names a folder for what is built");
    fs::write(Path::new(&folder).join("unicode.table"), table).expect("that folder can be written");
}

/// The properties of a character in one number: three flags, and above them its combining class.
fn properties(character: char) -> u32 {
    u32::from(character.is_other())
        | u32::from(character.is_punctuation()) << 1
        | u32::from(character.is_mark_nonspacing()) << 2
        | u32::from(canonical_combining_class(character)) << 3
}

fn push_properties(table: &mut Vec<u8>) {
    let mut runs = vec![(0, properties('\0'))];
    for character in '\0'..=char::MAX {
        let properties = properties(character);
        if runs.last().is_none_or(|&(_, last)| last != properties) {
            runs.push((u32::from(character), properties));
        }
    }
    push(table, runs.len() as u32);
    push_gaps(table, runs.iter().map(|&(start, _)| start));
    for (_, properties) in runs {
        push(table, properties);
    }
}

fn push_decompositions(table: &mut Vec<u8>) {
    let mut composed = Vec::new();
    for character in ('\0'..=char::MAX).filter(|character| !SYLLABLES.contains(character)) {
        let mut parts = Vec::new();
        decompose_canonical(character, |part| parts.push(u32::from(part)));
        if parts != [u32::from(character)] {
            composed.push((u32::from(character), parts));
        }
    }
    push(table, composed.len() as u32);
    push_gaps(table, composed.iter().map(|&(character, _)| character));
    for (_, parts) in &composed {
        push(table, parts.len() as u32);
    }
    let mut last = 0;
    for (_, parts) in &composed {
        push_step(table, last, parts[0]);
        last = parts[0];
    }
    for (_, parts) in &composed {
        parts[1..].iter().for_each(|&part| push(table, part));
    }
}

/// Characters with a lower case of one character, each as far from it as the one before.
struct Run {
    first: u32,
    last: u32,
    /// From one character to the next: 1, or 2 where cases take turns.
    gap: u32,
    /// From a character to its lower case, modulo 2³².
    distance: u32,
}

fn push_lower_case(table: &mut Vec<u8>) {
    let mut runs: Vec<Run> = Vec::new();
    for character in '\0'..=char::MAX {
        let mut lower = character.to_lowercase();
        let (Some(lower), true) = (lower.next(), lower.next().is_none()) else {
            assert_eq!(
                character, 'İ',
                "the only one with a lower case of two, says unicode.rs"
            );
            continue;
        };
        let (code, distance) = (
            u32::from(character),
            u32::from(lower).wrapping_sub(u32::from(character)),
        );
        match runs.last_mut() {
            _ if distance == 0 => {}
            Some(run)
                if run.distance == distance
                    && code - run.last <= 2
                    && (run.first == run.last || code - run.last == run.gap) =>
            {
                run.gap = code - run.last;
                run.last = code;
            }
            _ => runs.push(Run {
                first: code,
                last: code,
                gap: 1,
                distance,
            }),
        }
    }
    push(table, runs.len() as u32);
    push_gaps(table, runs.iter().map(|run| run.first));
    for run in &runs {
        push(table, run.last - run.first);
    }
    for run in &runs {
        push(table, run.gap);
    }
    for run in runs {
        push_step(table, run.first, run.first.wrapping_add(run.distance));
    }
}

/// Ascending numbers as their differences.
fn push_gaps(table: &mut Vec<u8>, numbers: impl Iterator<Item = u32>) {
    let mut last = 0;
    for number in numbers {
        push(table, number - last);
        last = number;
    }
}

/// A difference of either sign: doubled, and odd where it goes down.
fn push_step(table: &mut Vec<u8>, from: u32, to: u32) {
    push(table, from.abs_diff(to) << 1 | u32::from(to < from));
}

/// A number in bytes of seven bits, lowest first; the high bit says that more follow.
fn push(table: &mut Vec<u8>, mut number: u32) {
    while number >= 0x80 {
        table.push(number as u8 | 0x80);
        number >>= 7;
    }
    table.push(number as u8);
}
