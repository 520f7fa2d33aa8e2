//! The largest sizes a bundle may have: far above any student worth shipping, low enough that
//! nothing downstream can overflow an integer or a float, or ask for absurd amounts of memory.

/// Bytes of the safetensors header, the manifest and its card included.
pub const HEADER_BYTES: u64 = 1 << 20;
/// Pieces in the vocabulary.
pub const VOCABULARY: usize = 1 << 20;
/// Bytes of one vocabulary piece.
pub const PIECE_BYTES: usize = 512;
/// Columns of any matrix. An integer dot product sums this many int8 × 12-bit products in an `i32`:
/// 127 · 2047 · 8192 < 2³¹.
pub const COLUMNS: usize = 8192;
/// Hidden units of one LSTM direction; the layers above see both directions.
pub const HIDDEN: usize = COLUMNS / 2;
/// Fewest labels: with one there is nothing to decide.
pub const LABELS_LEAST: usize = 2;
/// Most labels.
pub const LABELS: usize = 1024;
/// Bytes of one label.
pub const LABEL_BYTES: usize = 256;
/// Tokens of one text.
pub const TOKENS: usize = 8192;
/// Floats that one text of `max_tokens` may need while it runs (256 MiB of `f32`).
pub const ACTIVATIONS: u64 = 1 << 26;
/// Largest magnitude of a bias, a scale or an unquantized weight. With it the largest sum the student
/// can form, 8192 products of two values 127 · 2²⁰, is about 1.5 · 10²⁰: an `f32` holds it.
pub const MAGNITUDE: f32 = 1_048_576.0;
