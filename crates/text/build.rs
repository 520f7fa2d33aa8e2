//! Writes what the reference tokenizer knows of Unicode, asked of the very crates it asks, as one table
//! of numbers.
//!
//! Columns compress better than rows, and gaps better than code points: first the runs of characters
//! with equal properties (how many, the gaps between their starts, their properties), then the
//! characters that decompose (how many, the gaps between them, how many parts each has, the steps
//! from first part to first part, the other parts).

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
