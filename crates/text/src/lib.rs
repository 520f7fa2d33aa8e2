//! Text to words to token ids, with byte and UTF-16 offsets into the original text.
//!
//! The parts of a BERT tokenizer (Devlin et al. 2019), taken one by one from the `tokenizers` crate so
//! that the wasm module stays small: normalisation (control characters dropped, CJK set apart, accents
//! and case as [`Options`] say), words (white space and punctuation split), WordPiece. Ids and offsets
//! equal those of the whole `tokenizers::Tokenizer`; no special token is added, and none is recognised
//! in the text: a typed `[MASK]` is brackets around a word.
//!
//! ```
//! use stillglass_text::{Options, Tokenizer};
//!
//! let pieces = ["[UNK]", "up", "##beat", "!"].map(String::from).to_vec();
//! let options = Options { lowercase: true, strip_accents: true, unknown: 0 };
//! let tokenizer = Tokenizer::new(pieces, options)?;
//! let encoding = tokenizer.encode("Upbeat!", 128);
//! assert_eq!(encoding.ids, [1, 2, 3]);
//! assert_eq!(encoding.words[0].bytes, 0..6);
//! assert_eq!(encoding.words[0].tokens, 0..2);
//! # Ok::<(), stillglass_text::Error>(())
//! ```

mod encoding;
mod error;
mod learn;
mod prune;
mod segment;
mod tokenizer;
mod utf16;

pub use encoding::{Encoding, Token, Truncated, Word};
pub use error::Error;
pub use learn::learn;
pub use prune::{Pruned, prune};
pub use tokenizer::{Options, Tokenizer};
