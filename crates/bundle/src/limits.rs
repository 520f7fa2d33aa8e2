//! The largest sizes a bundle may have: far above any student worth shipping, low enough that
//! nothing downstream can overflow an integer or a float, or ask for absurd amounts of memory.

/// Bytes of the safetensors header, the manifest and its card included.
pub const HEADER_BYTES: u64 = 1 << 20;
/// Pieces in the vocabulary.
pub const VOCABULARY: usize = 1 << 20;
/// Bytes of one vocabulary piece.
pub const PIECE_BYTES: usize = 512;
/// Columns of any matrix. An `i32` holds the sum of this many int8 × 12-bit products:
/// 127 · 2047 · 8192 < 2³¹.
pub const COLUMNS: usize = 8192;
/// Hidden units of one LSTM direction; the layers above see both directions.
pub const HIDDEN: usize = COLUMNS / 2;
/// Encoder layers of a teacher, or before a student.
pub const LAYERS: usize = 64;
/// Rows of an encoder's token-type table.
pub const TYPES: usize = 16;
/// Columns that share a scale in a packed 4-bit matrix.
pub const GROUP: usize = 32;
/// What a layer norm may add to the variance.
pub const EPSILON: std::ops::RangeInclusive<f32> = 1e-20..=1.0;
/// Fewest labels: with one there is nothing to decide.
pub const LABELS_LEAST: usize = 2;
/// Most labels.
pub const LABELS: usize = 1024;
/// Bytes of one label.
pub const LABEL_BYTES: usize = 256;
/// Tokens of one text.
pub const TOKENS: usize = 8192;
/// Tokens of a reason.
pub const REASON: usize = 512;
/// Reasons that are weighed up at a time.
pub const BEAMS: usize = 16;
/// Floats that one text of `max_tokens` may need while it runs (256 MiB of `f32`).
pub const ACTIVATIONS: u64 = 1 << 26;
/// Largest magnitude of a student's biases, scales and unquantized weights. With it the largest sum the student
/// can form, 8192 products of two values 127 · 2²⁰, is about 1.5 · 10²⁰: an `f32` holds it.
pub const MAGNITUDE: f32 = 1_048_576.0;
/// Largest magnitude of a teacher's biases and unquantized weights, and of its layers' before a student.
///
/// A layer norm gives √8192 · 512 + 512 < 5 · 10⁴ at most; from there two matrices of 8192 columns with
/// weights up to 127 lead to 6 · 10¹⁶, and the next norm's sum of 8192 squares of twice that is below
/// 10³⁸: an `f32` holds it, and every other sum of a teacher is smaller.
pub const TEACHER_MAGNITUDE: f32 = 512.0;
/// Largest scale of a teacher's 8-bit row: its weights reach 127.
pub const TEACHER_SCALE: f32 = 1.0;
/// Largest scale of a teacher's 4-bit group: its weights reach 112.
pub const TEACHER_GROUP_SCALE: f32 = 16.0;
