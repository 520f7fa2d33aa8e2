//! Studies with people: what they are asked to rate, by whom, and what their ratings say.
//!
//! `plan` makes two files: what the study's page shows, which does not say who made an explanation, and the key that
//! does. The page gives each rater a file of ratings; `analyse` reads these and the key.

mod analysis;
mod assignment;
pub mod plan;
mod ratings;
mod report;

pub use analysis::{Agreement, Analysis, Construct, Group, Pair, analyse};
pub use ratings::{Names, Rating, Ratings, read};
pub use report::{html, text};

/// What is rated, in the order in which it is asked, and the sentence that raters agree with or not.
pub const CONSTRUCTS: [(&str, &str); 5] = [
    (
        "plausibility",
        "The explanation is a convincing reason for the answer.",
    ),
    (
        "understandability",
        "I understand what the explanation says.",
    ),
    (
        "completeness",
        "Nothing that matters for the answer is missing from the explanation.",
    ),
    (
        "satisfaction",
        "I am satisfied with the explanation as it is.",
    ),
    (
        "contrastiveness",
        "The explanation shows why it is this answer and not another.",
    ),
];

/// What the ratings from 1 to [`POINTS`] mean.
pub const SCALE: [&str; POINTS as usize] = [
    "strongly disagree",
    "disagree",
    "neither",
    "agree",
    "strongly agree",
];

/// The highest rating; the lowest is 1.
pub const POINTS: u8 = 5;
