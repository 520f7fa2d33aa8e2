//! The tokenizer against the whole `tokenizers::Tokenizer`, its ranges, its cost and its vocabulary.

mod cost;
mod every_character;
mod generator;
mod prune;
mod ranges;
mod vocabulary;
mod whole_tokenizer;

use stillglass_text::Options;

/// The four ways to fold a text, with `[UNK]` where the test vocabularies have it.
fn foldings() -> [Options; 4] {
    [(true, true), (true, false), (false, true), (false, false)].map(
        |(lowercase, strip_accents)| Options {
            lowercase,
            strip_accents,
            unknown: generator::UNKNOWN,
            separator: None,
        },
    )
}
