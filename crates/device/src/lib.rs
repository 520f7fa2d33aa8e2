//! A GPU for compute: WebGPU in the browser, Vulkan or Metal through wgpu elsewhere.
//!
//! As much of WebGPU as kernels need, the same on both sides: [`Adapter`] → [`Device`] → [`Buffer`]s and
//! [`Pipeline`]s → one submission and one readback. The browser's WebGPU is spoken to directly: a page
//! waits for every byte of a layer between. Nothing here panics or throws; what goes wrong is kept as the
//! device's first [`Error`].

mod error;
#[cfg(not(target_arch = "wasm32"))]
mod native;
#[cfg(target_arch = "wasm32")]
mod web;

pub use error::Error;
#[cfg(not(target_arch = "wasm32"))]
pub use native::{Adapter, Bindings, Buffer, Device, Pipeline, Split};
#[cfg(target_arch = "wasm32")]
pub use web::{Adapter, Bindings, Buffer, Device, Pipeline};

/// What a buffer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// Read and written by kernels.
    Storage,
    /// Parameters.
    Uniform,
    /// Read by the CPU.
    Readback,
}

/// What a device must be able to do beyond what every one can.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// The feature `shader-f16`.
    pub half: bool,
    /// The language extension `packed_4x8_integer_dot_product`.
    pub packed: bool,
}

/// One entry point of a shader, with its constants.
#[derive(Clone, Copy, Debug)]
pub struct Program<'a> {
    /// What errors call it.
    pub name: &'a str,
    /// WGSL.
    pub source: &'a str,
    /// The function.
    pub entry: &'a str,
    /// The constants that are overridden.
    pub constants: &'a [(&'a str, u32)],
}

/// A pipeline, what it reads and writes, and the workgroups it runs in.
#[derive(Debug)]
pub struct Dispatch {
    /// What runs.
    pub pipeline: Pipeline,
    /// On what.
    pub bindings: Bindings,
    /// How often, in each direction.
    pub grid: [u32; 3],
}

/// Names of adapters that run on the CPU, in lower case.
const SOFTWARE: [&str; 5] = [
    "swiftshader",
    "llvmpipe",
    "lavapipe",
    "softpipe",
    "basic render",
];

/// Whether an adapter of this name runs on the CPU.
fn is_software(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SOFTWARE.iter().any(|software| name.contains(software))
}

#[cfg(test)]
mod tests {
    use super::is_software;

    #[test]
    fn software_is_known_by_its_name() {
        for name in [
            "llvmpipe (LLVM 15.0.7, 256 bits)",
            "google swiftshader",
            "Microsoft Basic Render Driver",
        ] {
            assert!(is_software(name), "{name}");
        }
        assert!(!is_software("NVIDIA H200"));
        assert!(!is_software("apple metal-3"));
        assert!(!is_software(""));
    }
}
