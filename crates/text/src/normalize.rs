//! BERT's normalisation, character by character (Devlin et al. 2019).
//!
//! Each character of the normalised text keeps the bytes of the original one it stands for, by the
//! reference tokenizer's rules: what is inserted stands where the character before it does.

use std::ops::Range;

use crate::Options;
use crate::pair::SEPARATOR;
use crate::unicode::{Properties, Unicode};

/// Bytes of the original text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl From<Span> for Range<usize> {
    fn from(span: Span) -> Self {
        span.start..span.end
    }
}

/// Gives each character of the normalised text in order: control characters dropped (but what separates two
/// texts, where a model reads pairs), white space made blanks, ideographs between blanks, accents and case as `options` say.
pub(crate) fn normalize(
    text: &str,
    options: Options,
    unicode: &Unicode,
    each: impl FnMut(char, Span),
) {
    let mut folding = Folding {
        options,
        unicode,
        run: Vec::new(),
        last: Span::default(),
        each,
    };
    for (start, character) in text.char_indices() {
        let end = start + character.len_utf8();
        let span = Span { start, end };
        if matches!(character, ' '..='~') {
            folding.push_ascii(character, span);
            continue;
        }
        let separates = character == SEPARATOR && options.separator.is_some();
        if is_dropped(character, unicode) && !separates {
            continue;
        }
        if character.is_whitespace() {
            folding.push(' ', span);
        } else if is_ideograph(character) {
            for character in [' ', character, ' '] {
                folding.push(character, span);
            }
        } else {
            folding.push(character, span);
        }
    }
    folding.end_run();
}

fn is_dropped(character: char, unicode: &Unicode) -> bool {
    match character {
        '\t' | '\n' | '\r' => false,
        char::REPLACEMENT_CHARACTER => true,
        _ => unicode.of(character).is_other(),
    }
}

/// The blocks that BERT takes for Chinese, as the reference tokenizer bounds them.
fn is_ideograph(character: char) -> bool {
    matches!(
        u32::from(character),
        0x4e00..=0x9fff
            | 0x3400..=0x4dbf
            | 0x20000..=0x2a6df
            | 0x2a700..=0x2b73f
            | 0x2b740..=0x2b81f
            | 0x2b920..=0x2ceaf
            | 0xf900..=0xfaff
            | 0x2f800..=0x2fa1f
    )
}

/// Decomposes (NFD), drops non-spacing marks and folds case.
struct Folding<'u, F> {
    options: Options,
    unicode: &'u Unicode,
    /// Marks since the last character of class 0, which none is reordered across.
    run: Vec<Part>,
    /// The original bytes taken last.
    last: Span,
    each: F,
}

/// A part of a decomposition.
#[derive(Clone, Copy)]
struct Part {
    character: char,
    properties: Properties,
    /// The original bytes of the character whose first part this is.
    original: Option<Span>,
}

impl<F: FnMut(char, Span)> Folding<'_, F> {
    /// What needs no table: a blank or a graphic character of ASCII is itself, but for its case.
    fn push_ascii(&mut self, character: char, span: Span) {
        self.end_run();
        self.last = span;
        let folded = if self.options.lowercase {
            character.to_ascii_lowercase()
        } else {
            character
        };
        (self.each)(folded, span);
    }

    fn push(&mut self, character: char, span: Span) {
        if !self.options.strip_accents {
            return self.emit(character, span);
        }
        let unicode = self.unicode;
        let mut original = Some(span);
        unicode.decompose(character, |character| {
            let part = Part {
                character,
                properties: unicode.of(character),
                original: original.take(),
            };
            if part.properties.class() == 0 {
                self.end_run();
                self.place(part, part.original);
            } else {
                self.run.push(part);
            }
        });
    }

    /// Places the run's marks in canonical order: by class, and as they came within a class.
    ///
    /// Bytes go by place: the first part of a character, wherever sorting has put it, takes the next
    /// original character's; every other part shares those of the part before it.
    fn end_run(&mut self) {
        if self.run.is_empty() {
            return;
        }
        let run = std::mem::take(&mut self.run);
        let classes = || run.iter().map(|part| part.properties.class());
        let mut originals = run.iter().filter_map(|part| part.original);
        // One pass a class: there are few, so that a run of any length takes linear time.
        let mut class = classes().min();
        while let Some(now) = class {
            for &part in run.iter().filter(|part| part.properties.class() == now) {
                let original = part.original.and_then(|_| originals.next());
                self.place(part, original);
            }
            class = classes().filter(|&later| later > now).min();
        }
        self.run = run;
        self.run.clear();
    }

    fn place(&mut self, part: Part, original: Option<Span>) {
        self.last = original.unwrap_or(self.last);
        if !part.properties.is_nonspacing_mark() {
            self.emit(part.character, self.last);
        }
    }

    fn emit(&mut self, character: char, span: Span) {
        if self.options.lowercase {
            let each = &mut self.each;
            self.unicode.lower(character, |part| each(part, span));
        } else {
            (self.each)(character, span);
        }
    }
}
