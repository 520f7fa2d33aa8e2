//! What can go wrong between a bundle that reads well and an answer.

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
}
