//! Text to words to token ids, with byte and UTF-16 offsets into the original text.
//!
//! A BERT tokenizer (Devlin et al. 2019): normalisation (control characters dropped, CJK set apart,
//! accents and case as [`Options`] say), words (white space and punctuation split), WordPiece. Ids and
//! offsets equal those of `tokenizers::Tokenizer`, for every character and whatever stands around it;
//! only that crate would weigh more in a browser than all the rest of the module. No special token is
//! added, and none is recognised in the text: a typed `[MASK]` is brackets around a word.
//!
//! A model of pairs (premise and hypothesis, question and answer) reads one text as well: the two with
//! [`SEPARATOR`] between them, as [`pair()`] joins them. The separator is a word of its own, whose token is
//! [`Options::separator`], so that what the model makes of the boundary is explained like any other word.
//!
//! ```
//! use stillglass_text::{Options, Tokenizer};
//!
//! let pieces = ["[UNK]", "up", "##beat", "!"].map(String::from).to_vec();
//! let options = Options { lowercase: true, strip_accents: true, unknown: 0, separator: None };
//! let tokenizer = Tokenizer::new(&pieces, options)?;
//! let encoding = tokenizer.encode("Upbeat!", 128);
//! assert_eq!(encoding.ids, [1, 2, 3]);
//! assert_eq!(encoding.words[0].bytes, 0..6);
//! assert_eq!(encoding.words[0].tokens, 0..2);
//! # Ok::<(), stillglass_text::Error>(())
//! ```

mod encoding;
mod error;
mod normalize;
mod pair;
mod pieces;
mod prune;
mod segment;
mod tokenizer;
mod unicode;
mod utf16;
mod writer;

pub use encoding::{Encoding, Place, Token, Truncated, Word};
pub use error::Error;
pub use pair::{SEPARATOR, halves, longest_first, pair, shared};
pub use pieces::CONTINUATION;
pub use prune::{Pruned, prune, single};
pub use segment::LONGEST_WORD;
pub use tokenizer::{Options, Tokenizer};
pub use writer::Writer;
