//! Numerical kernels: a fast CPU path and a reference twin in f64, or the twin alone of what only the GPU does by itself.
//!
//! One file a kernel, and one of the same name in `shaders/` where a GPU runs it on its own. `reference` is written from the definition; the fast path is written once over
//! eight lanes and compiled for AVX2, NEON, WebAssembly SIMD and plain Rust, all giving the same bits.
//! Shapes are the caller's promise: kernels only `debug_assert!` them.

// A job must be compiled whole inside the function that enables its instructions.
#![allow(clippy::inline_always)]

pub mod additive_attention;
pub mod contributions;
mod elementary;
pub mod embedding;
pub mod gelu;
pub mod gelu_backward;
pub mod head_backward;
pub mod int16;
mod lanes;
pub mod layer_norm;
pub mod layer_norm_backward;
pub mod linear;
pub mod linear_backward;
pub mod linear_int4;
pub mod linear_int8;
pub mod lstm;
pub mod multi_head_attention;
pub mod multi_head_attention_backward;
mod panels;
pub mod path_contributions;
pub mod path_points;
pub mod pooling;
pub mod pooling_backward;
pub mod residual;
pub mod shader;
pub mod sigmoid;
pub mod softmax;
pub mod softmax_backward;
pub mod tanh;

pub use int16::Int16;
pub use lanes::Cpu;
pub use linear_int4::{Int4, Int4Panels};
pub use linear_int8::Int8;
pub use panels::Panels;
