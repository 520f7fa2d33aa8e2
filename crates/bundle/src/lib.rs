//! The `.glass` bundle: manifest, typed tensors and vocabulary; bytes in, bytes out.
//!
//! # The file
//!
//! A bundle is one [safetensors](https://huggingface.co/docs/safetensors) file, readable by every
//! tool that reads those: eight bytes of header length, a JSON header, the tensors. The header's
//! `__metadata__` has one key, `stillglass`, whose value is the [`Manifest`] as JSON text. Weights
//! are I8 `[out, in]` beside F32 scales `[out]` named `*.scale`, or packed 4-bit U8 `[out, in / 2]` beside
//! scales `[out, in / 32]` (a student's embeddings beside scales `[out]`); the vocabulary is a U8 tensor of newline-joined UTF-8.
//!
//! A student's tensors are `embedding`, `lstm.{forward,backward}.{input,recurrent,bias}`,
//! `attention.{projection,bias,vector}` and `classifier.{weight,bias}`; one that is told what both texts of a pair have
//! also `embedding.shared`, one that says its reasons has
//! `decoder.{start,prefix,query,combine,gate,word,end}` and `decoder.lstm.{input,recurrent,bias}`, one that reads by a
//! teacher's first layers has these as a teacher has them, their names behind `encoder.`. A teacher's are
//! `embedding.{word,position,type,norm}`, `layer.{i}.attention.{query,key,value,output,norm}`,
//! `layer.{i}.feedforward.{input,output,norm}`, `head.dense` and `classifier.{weight,bias}`; its matrices
//! have a `.scale` and a `.bias`, its norms a `.weight` and a `.bias`.
//!
//! # What [`Bundle::read`] promises
//!
//! Everything is checked once, here: sizes against [`limits`], the dtype, shape and place of every
//! tensor against the architecture, labels, vocabulary, and that every float is finite and small
//! enough that no sum in the runtime can overflow. After it, no size needs checking again.
//!
//! The header must be byte for byte what [`Bundle::write`] (that is, the `safetensors` crate) makes
//! of the same manifest text and tensors. So there is one way to write a header: no duplicate names,
//! holes, overlaps, second spellings or bytes nobody reads. Only the manifest's own text may be spelt as
//! its author likes.
//!
//! # The hash
//!
//! `sha256` in the manifest is the SHA-256 of the **whole file** as it is when the 64 digits of that
//! field are all `0`; the digits occur once in the header. It covers the header length, the
//! manifest and the tensors, and no bit of a bundle can change unseen. To make a bundle with another
//! tool: write the file with 64 zeros, hash it, and put the digest's lower-case digits in their place.
//!
//! The hash finds accidents, not forgers: whoever can write a bundle can also hash it.
//!
//! # Versions
//!
//! Fields unknown to this version are ignored in the manifest and its card, and refused in
//! `architecture`, `tokenizer` and `quantization`, where they would change what the numbers mean.
//! Anything this reader would misread has another `format`.

#![forbid(unsafe_code)]

mod architecture;
mod decimal;
mod error;
mod header;
mod json;
pub mod limits;
mod manifest;
mod matrix;
mod read;
mod sniff;
mod student;
mod teacher;
mod tensors;
mod twice;
mod values;
mod vocabulary;
mod write;

pub use architecture::{
    Activation, Architecture, DecoderShape, EncoderShape, Kind, Pooling, StudentShape, TeacherShape,
};
pub use error::{Error, Misplaced};
pub use manifest::{
    CHOICES, Card, FORMAT, Manifest, Metric, Quantization, TokenizerKind, TokenizerSpec,
    WeightFormat,
};
pub use matrix::{Matrix, Packed, Quantized, pack};
pub use sniff::Foreign;
pub use student::{Attention, DecoderWeights, Dense, Direction, StudentWeights};
pub use teacher::{EncoderWeights, Layer, Linear, Norm, TeacherWeights};

/// A model and all that is needed to use it. What [`Bundle::read`] returns has passed every check.
#[derive(Debug, Clone, PartialEq)]
pub struct Bundle {
    /// What the file says about itself.
    pub manifest: Manifest,
    /// The pieces of the tokenizer; a piece's index is its id.
    pub vocabulary: Vec<String>,
    /// The numbers, of the kind and shapes that `manifest.architecture` gives.
    pub weights: Weights,
}

/// The numbers of a model.
#[derive(Debug, Clone, PartialEq)]
pub enum Weights {
    /// A student's.
    Student(StudentWeights),
    /// A teacher's.
    Teacher(TeacherWeights),
}
