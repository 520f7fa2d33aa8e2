//! Student and teacher: forward passes and explanations.
//!
//! ```text
//! text ─ tokenizer ─► ids ─ student on a backend ─► logits and token contributions ─► words
//! ```
//!
//! A text's answer never depends on its neighbours in a batch, on whether it is explained, or on the
//! machine: the student's arithmetic gives the same bits everywhere.

mod cpu;
mod error;
mod explanation;
mod model;
mod student;

pub use error::Error;
pub use explanation::{Explain, Explanation, WordContribution};
pub use model::{Backend, Classification, Model};
pub use stillglass_text::Truncated;
