//! Places in a text, from bytes to UTF-16 units.

use std::ops::Range;

/// Converts byte positions to UTF-16 positions in one pass: positions must not go backwards.
pub(crate) struct Utf16<'t> {
    text: &'t str,
    byte: usize,
    units: usize,
}

impl<'t> Utf16<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        Self {
            text,
            byte: 0,
            units: 0,
        }
    }

    /// UTF-16 code units before `byte`, which is a character boundary at or after the last one asked.
    pub(crate) fn at(&mut self, byte: usize) -> usize {
        debug_assert!(byte >= self.byte, "positions are asked in order");
        self.units += self.text[self.byte..byte]
            .chars()
            .map(char::len_utf16)
            .sum::<usize>();
        self.byte = byte;
        self.units
    }

    /// Both ends of a byte range.
    pub(crate) fn range(&mut self, bytes: &Range<usize>) -> Range<usize> {
        self.at(bytes.start)..self.at(bytes.end)
    }
}
