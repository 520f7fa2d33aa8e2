//! Everything that can be wrong with a bundle: each message names the thing and the way out.

use crate::json::Fault;
use crate::{Foreign, Kind};
use crate::{decimal, limits};

/// Why bytes are no bundle this version reads, or why a bundle cannot be written.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There are no bytes.
    #[error("the file is empty; download or export the bundle again")]
    Empty,
    /// Another kind of file.
    #[error("not a bundle but {0}")]
    Foreign(Foreign),
    /// A kind of file nobody knows.
    #[error("not a bundle: it begins with the bytes {0}; use a .glass file exported by stillglass")]
    Unrecognised(String),
    /// A safetensors file without the manifest.
    #[error(
        "a safetensors file of {0} tensors without a stillglass manifest; \
         distil its model with `stillglass run` and use the .glass file that writes"
    )]
    PlainSafetensors(usize),

    /// Fewer bytes than the file promises.
    #[error("the file ends after {found} bytes, want {want}; download it again")]
    Truncated {
        /// Bytes the file should have, at least.
        want: u64,
        /// Bytes it has.
        found: u64,
    },
    /// More bytes than the file promises.
    #[error("{0} bytes after the last tensor; download the bundle again")]
    Trailing(u64),
    /// A header too large to be one.
    #[error("a header of {0} bytes, want at most {most}; shorten the card, or use a .glass file", most = limits::HEADER_BYTES)]
    HeaderSize(u64),
    /// The header is no UTF-8.
    #[error("the header is not UTF-8 at its byte {0}; download the bundle again")]
    HeaderUtf8(usize),
    /// The header is no JSON of a safetensors file.
    #[error("the header is not that of a safetensors file: {0}; download the bundle again")]
    Header(String),
    /// A key beside `stillglass` in the metadata, or that key twice.
    #[error("metadata key {0}: want `stillglass` alone, once; re-export the bundle")]
    MetadataKey(String),
    /// The header says the right things in another spelling.
    #[error(
        "the header is not spelt as the safetensors writer spells it, from its byte {0} on; \
         re-export the bundle instead of editing it"
    )]
    HeaderSpelling(usize),

    /// The manifest is no JSON, or misses fields.
    #[error("the manifest cannot be read: {0}; re-export the bundle")]
    Manifest(String),
    /// Another version of the format.
    #[error(
        "format {0}: this version reads `stillglass/1`; update stillglass or re-export the bundle"
    )]
    Format(String),
    /// A kind of model nobody knows.
    #[error(
        "kind {0}: want student or teacher, and an architecture of that kind; update stillglass"
    )]
    Kind(String),
    /// Too few or too many labels.
    #[error("{0} labels, want {least} to {most}; check the label column of the data", least = limits::LABELS_LEAST, most = limits::LABELS)]
    LabelCount(usize),
    /// A label without a visible character.
    #[error("label {0} is empty; name every class in the data")]
    LabelEmpty(usize),
    /// A label with control characters, or a very long one.
    #[error("label {index} ({label}): want at most {most} bytes and no control characters; rename the class", most = limits::LABEL_BYTES)]
    LabelText {
        /// Place in the list.
        index: usize,
        /// The label, shortened.
        label: String,
    },
    /// The same label twice.
    #[error("label {0} appears twice; name every class once")]
    LabelTwice(String),
    /// A size outside its bounds.
    #[error(
        "{name} is {found}, want 1 to {most}; change it in the recipe and re-export the bundle"
    )]
    Size {
        /// The field.
        name: &'static str,
        /// Its value.
        found: usize,
        /// The largest allowed.
        most: usize,
    },
    /// A size that its parts do not fill.
    #[error("{name} is {found}, want a multiple of {of}; export the model in another format")]
    Multiple {
        /// The field.
        name: &'static str,
        /// Its value.
        found: usize,
        /// What it should be a multiple of.
        of: usize,
    },
    /// A decoder that is started with neither the same for all answers nor one thing for each.
    #[error(
        "architecture.decoder.prefixes is {found}, want 1 or one for each of {labels} labels; re-export the bundle"
    )]
    Prefixes {
        /// What the manifest has.
        found: usize,
        /// How many labels there are.
        labels: usize,
    },
    /// A student of single texts that is told what both texts of a pair share.
    #[error(
        "architecture.shared without tokenizer.separator: single texts share nothing; re-export the bundle"
    )]
    Shared,
    /// A chooser among answers that reads no pairs, or has other labels than wrong and right.
    #[error(
        "choices: whoever chooses reads pairs (tokenizer.separator) and has the labels wrong and right; re-export the bundle"
    )]
    Choices,
    /// A layer norm that could divide by next to nothing.
    #[error("{name} is {found}, want 1e-20 to 1; re-export the bundle", found = decimal::show(*found))]
    Epsilon {
        /// Of the teacher, or of the encoder before a student.
        name: &'static str,
        /// What the manifest says.
        found: f32,
    },
    /// A student in another number format than 8-bit integers, its embeddings perhaps of 4 bits; or a format for an
    /// encoder that is not there, or none for one that is.
    #[error(
        "quantization: a student has int8 weights, embeddings perhaps int4, and a format for its encoder if it has one; \
         re-export the bundle"
    )]
    Quantization,
    /// One text would need too much memory.
    #[error("a text of max_tokens {max_tokens} needs {found} floats, want at most {most}; lower max_tokens", most = limits::ACTIVATIONS)]
    Activations {
        /// Floats needed.
        found: u64,
        /// The manifest's limit.
        max_tokens: usize,
    },
    /// A piece with a part to play that is not there, or that this kind of model does not have.
    #[error("tokenizer.{name} is {found}, want {want}; re-export the bundle", found = shown(*found), want = wanted(*vocabulary))]
    TokenId {
        /// The field.
        name: &'static str,
        /// The id, if any.
        found: Option<u32>,
        /// Pieces in the vocabulary; 0 where the field should be absent.
        vocabulary: usize,
    },
    /// A metric that is NaN or infinite.
    #[error("metric {0} is not a finite number; leave it out of the card")]
    Metric(String),
    /// The hash field is not 64 lower-case hexadecimal digits standing once in the header.
    #[error(
        "sha256 {0}: want 64 lower-case hexadecimal digits, once in the header; re-export the bundle"
    )]
    HashText(String),
    /// The file is not the one that was hashed.
    #[error(
        "sha256 is {found}, the manifest says {want}: the file was changed or damaged; download it again"
    )]
    Hash {
        /// What the manifest says.
        want: String,
        /// What the bytes give.
        found: String,
    },

    /// A tensor named twice.
    #[error("tensor {0} appears twice; re-export the bundle")]
    TensorTwice(String),
    /// A tensor the architecture needs is not there.
    #[error("tensor {0} is missing; re-export the bundle")]
    TensorMissing(String),
    /// A tensor the architecture does not have.
    #[error("tensor {name} belongs to no {kind}; re-export the bundle", kind = kind.name())]
    TensorUnexpected {
        /// The tensor.
        name: String,
        /// The kind of model the bundle says it holds.
        kind: Kind,
    },
    /// Type or shape differ from what the architecture gives.
    #[error("tensor {name}: want {want}, found {found}; re-export the bundle")]
    TensorLayout {
        /// The tensor.
        name: String,
        /// As `I8 [256, 64]`.
        want: String,
        /// The same, as the file has it.
        found: String,
    },
    /// A tensor lies elsewhere than it should.
    #[error("tensor {name}: want bytes {}..{}, found {}..{} ({fault}); re-export the bundle", want.0, want.1, found.0, found.1)]
    TensorPlace {
        /// The tensor.
        name: String,
        /// What is wrong with the place.
        fault: Misplaced,
        /// First byte and byte after the last, in the tensor region.
        want: (u64, u64),
        /// The same, as the file has it.
        found: (u64, u64),
    },
    /// A value the runtime could not compute with.
    #[error("tensor {tensor}, value {index}: want {want}, found {found}; train and export again", found = decimal::show(*found))]
    Value {
        /// The tensor.
        tensor: String,
        /// Place of the value.
        index: usize,
        /// What it may be.
        want: &'static str,
        /// What it is.
        found: f32,
    },

    /// The vocabulary is no UTF-8.
    #[error("the vocabulary is not UTF-8 at its byte {0}; re-export the bundle")]
    VocabularyUtf8(usize),
    /// Another number of pieces than the architecture says.
    #[error("vocabulary: want {want} pieces, found {found}; re-export the bundle")]
    VocabularyCount {
        /// The architecture's number.
        want: usize,
        /// Pieces there.
        found: usize,
    },
    /// A piece without a character.
    #[error("vocabulary piece {0} is empty; remove it from the tokenizer")]
    PieceEmpty(usize),
    /// A piece that the newline-joined list cannot hold.
    #[error("vocabulary piece {0} holds a line break; remove it from the tokenizer")]
    PieceNewline(usize),
    /// A piece longer than any word the tokenizer looks up.
    #[error("vocabulary piece {id} has {bytes} bytes, want at most {most}; remove it from the tokenizer", most = limits::PIECE_BYTES)]
    PieceLong {
        /// Its id.
        id: usize,
        /// Its length.
        bytes: usize,
    },
    /// The same piece under two ids.
    #[error(
        "vocabulary piece {piece} has two ids, {first} and {second}; remove one from the tokenizer"
    )]
    PieceTwice {
        /// The piece, shortened.
        piece: String,
        /// Lower id.
        first: usize,
        /// Higher id.
        second: usize,
    },
}

/// What is wrong with the place of a tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Misplaced {
    /// It begins after the end of the one before.
    Hole,
    /// It begins before the end of the one before.
    Overlap,
    /// It ends before it begins.
    Reversed,
    /// It has another number of bytes than its type and shape need.
    Length,
}

impl std::fmt::Display for Misplaced {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Hole => "a hole before it",
            Self::Overlap => "it overlaps the one before",
            Self::Reversed => "it ends before it begins",
            Self::Length => "not the bytes of its shape",
        })
    }
}

impl From<Fault> for Error {
    /// Of the manifest.
    fn from(Fault(what): Fault) -> Self {
        Self::Manifest(clip(&what))
    }
}

/// An id for a message.
fn shown(id: Option<u32>) -> String {
    id.map_or_else(|| "absent".to_owned(), |id| id.to_string())
}

/// What an id should have been.
fn wanted(vocabulary: usize) -> String {
    match vocabulary {
        0 => "none in a student".to_owned(),
        size => format!("an id below {size}"),
    }
}

/// Shortens text from a file for a message, and makes what cannot be seen visible.
pub(crate) fn clip(text: &str) -> String {
    const MOST: usize = 160;
    let mut shown: String = text
        .chars()
        .take(MOST)
        .flat_map(char::escape_debug)
        .collect();
    if text.chars().nth(MOST).is_some() {
        shown.push('…');
    }
    shown
}
