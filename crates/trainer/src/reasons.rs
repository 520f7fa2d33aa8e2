//! Reasons in words: what a student's decoder is taught, and how good what it says is.

mod figures;
mod lessons;
mod similarity;

pub use figures::{Interview, ReasonFigures, figures, named};
pub use lessons::{lessons, meant, prefix_of, read, shape};
pub use similarity::meanings;
