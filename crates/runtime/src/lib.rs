//! Student and teacher: forward passes and explanations.
//!
//! ```text
//! text ─ tokenizer ─► ids ─┬ student on a backend ─► logits and token contributions ─► words
//!                          └ teacher on a backend ─► logits ─ gradients or occlusion ─► words
//! ```
//!
//! A text's answer never depends on its neighbours in a batch or on whether it is explained. On the CPU it does not depend on
//! the machine either: the arithmetic of both models gives the same bits everywhere. A GPU's is checked against it.

mod answers;
mod classification;
mod cpu;
mod decoder;
mod encoder;
mod error;
mod explanation;
#[cfg(feature = "gpu")]
pub mod gpu;
mod gradients;
mod model;
mod network;
#[cfg(not(feature = "gpu"))]
mod no_gpu;
mod occlusion;
mod pace;
mod pool;
mod quadrature;
mod queue;
mod reason;
mod service;
mod student;
mod teacher;

pub use classification::{Backend, Choice, Classification, Request};
pub use encoder::FirstLayers;
pub use error::Error;
pub use explanation::{Explanation, Method, Progress, Watch, WordContribution};
#[cfg(feature = "gpu")]
pub use gpu::{Line, Timing};
pub use model::Model;
pub use pace::{Host, Wait};
pub use quadrature::gauss_legendre;
pub use reason::{Reason, ReasonToken, Telling};
pub use service::Service;
pub use stillglass_text::{Place, Truncated};
pub use student::Pass;
