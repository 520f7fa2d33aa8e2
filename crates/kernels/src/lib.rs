//! Numerical kernels: each a reference twin in f64 and a fast CPU path.
//!
//! One file a kernel. `reference` is written from the definition; the fast path is written once over
//! eight lanes and compiled for AVX2, NEON, WebAssembly SIMD and plain Rust, all giving the same bits.
//! Shapes are the caller's promise: kernels only `debug_assert!` them.

// A job must be compiled whole inside the function that enables its instructions.
#![allow(clippy::inline_always)]

pub mod additive_attention;
pub mod contributions;
mod elementary;
pub mod embedding;
pub mod gelu;
pub mod int12;
mod lanes;
pub mod layer_norm;
pub mod linear;
pub mod linear_int8;
pub mod lstm;
pub mod multi_head_attention;
pub mod sigmoid;
pub mod softmax;

pub use int12::Int12;
pub use lanes::Cpu;
pub use linear_int8::Int8;
