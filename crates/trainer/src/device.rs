//! The device that the teacher runs on: one `--device` flag over every Burn backend.

use anyhow::{Result, bail};
use burn::tensor::Device;

/// What the processor is called.
pub const PROCESSOR: &str = "cpu";

/// Names of the devices compiled into this binary, the portable CPU backend first.
pub const COMPILED: &[&str] = &[
    PROCESSOR,
    #[cfg(feature = "libtorch")]
    "libtorch",
    #[cfg(feature = "cuda")]
    "cuda",
    #[cfg(feature = "vulkan")]
    "vulkan",
    #[cfg(feature = "metal")]
    "metal",
    #[cfg(feature = "webgpu")]
    "webgpu",
];

/// The processor, on which students always run: a step of theirs is too small to send anywhere.
pub fn processor() -> Device {
    Device::flex().autodiff()
}

/// Opens the named device with automatic differentiation enabled.
///
/// Only `cpu` promises bit-identical results for the same seed; the others are faster.
pub fn open(name: &str) -> Result<Device> {
    // Each device compiled in has an arm of its own, so its name in the last list is unreachable.
    #[allow(unreachable_patterns)]
    let device = match name {
        PROCESSOR => Device::flex(),
        #[cfg(feature = "libtorch")]
        "libtorch" => Device::libtorch(),
        #[cfg(feature = "cuda")]
        "cuda" => Device::cuda(0usize),
        #[cfg(feature = "vulkan")]
        "vulkan" => Device::vulkan(burn::tensor::DeviceKind::DefaultDevice),
        #[cfg(feature = "metal")]
        "metal" => Device::metal(burn::tensor::DeviceKind::DefaultDevice),
        #[cfg(feature = "webgpu")]
        "webgpu" => Device::webgpu(burn::tensor::DeviceKind::DefaultDevice),
        "libtorch" | "cuda" | "vulkan" | "metal" | "webgpu" => bail!(
            "device {name}: not compiled in; build with `--features {name}` or use one of {}",
            COMPILED.join(", ")
        ),
        _ => bail!(
            "device {name}: unknown; this binary has {}",
            COMPILED.join(", ")
        ),
    };
    Ok(device.autodiff())
}
