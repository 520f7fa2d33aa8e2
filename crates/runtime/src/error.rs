//! What can go wrong between a bundle that reads well and an answer.

use crate::Method;

/// Why a bundle or a call cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The bundle's vocabulary makes no tokenizer.
    #[error(transparent)]
    Tokenizer(#[from] stillglass_text::Error),

    /// A token id that the vocabulary does not have.
    #[error(
        "token id {id}: the vocabulary has {vocabulary} entries; encode the text with this bundle's tokenizer"
    )]
    TokenId {
        /// The id asked for.
        id: u32,
        /// Entries in the vocabulary.
        vocabulary: usize,
    },

    /// More tokens than a teacher has positions for.
    #[error(
        "{found} token ids: this teacher reads at most {most}; encode the text with that limit"
    )]
    TokenCount {
        /// Ids given.
        found: usize,
        /// Ids that fit.
        most: usize,
    },

    /// A method that this kind of model does not have.
    #[error("method {}: a {kind} has {}; choose one of these", method.name(), names(methods))]
    Method {
        /// The method asked for.
        method: Method,
        /// `student` or `teacher`.
        kind: &'static str,
        /// What it has.
        methods: &'static [Method],
    },

    /// A reason asked of a bundle that gives none.
    #[error(
        "this bundle gives no reasons in words: its student has no decoder (student.decoder in its recipe), or one that only answers (distill.reason.teaching = counterfactual)"
    )]
    NoDecoder,

    /// Whoever watched an explanation broke it off.
    #[error("the call was broken off; ask again")]
    BrokenOff,
}

fn names(methods: &[Method]) -> String {
    let names: Vec<&str> = methods.iter().map(|method| method.name()).collect();
    names.join(" and ")
}
