//! The GPU backend: WebGPU in the browser, Vulkan or Metal elsewhere.
//!
//! A [`Call`] records every kernel it needs and then awaits one submission and one readback. Pipelines
//! are made once; buffers go back to the device's store when a call is done. The layout of what the
//! kernels read and write is written down in `stillglass_kernels::shader`.

mod call;
mod device;
mod door;
mod kernels;
mod machine;
mod memory;
mod quantized;
mod student;
mod teacher;
mod timing;
mod weights;

pub use call::{Call, Matrix, Texts};
pub use device::{Arithmetic, Gpu, Work};
pub(crate) use door::Door;
pub use kernels::{Activation, AttentionWeights, Path, QueryKeyValue};
pub(crate) use machine::Machine;
pub use quantized::{Linear, Words};
pub use stillglass_device::Error;
#[cfg(not(target_arch = "wasm32"))]
pub use stillglass_device::Split;
pub use student::Student;
pub use teacher::Teacher;
pub use timing::{Line, Timing};
pub use weights::{Floats, LinearFloat, LinearInt4, LinearInt8, NormWeights, Table, TableInt4};
