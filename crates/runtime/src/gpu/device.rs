//! The device of a model: pipelines and buffers made once, and what it was asked to do.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

#[cfg(not(target_arch = "wasm32"))]
use stillglass_device::Split;
use stillglass_device::{Adapter, Device, Needs, Pipeline, Program};
use stillglass_kernels::shader::Shader;

use super::Error;
use super::memory::Store;

/// A GPU, ready for calls.
#[derive(Debug)]
pub struct Gpu {
    pub(super) device: Device,
    pub(super) store: Mutex<Store>,
    arithmetic: Arithmetic,
    /// Few enough to look through.
    pipelines: Mutex<Vec<(Variant, Pipeline)>>,
    dispatches: AtomicUsize,
    submissions: AtomicUsize,
}

/// How a device multiplies int8 weights with activations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Arithmetic {
    /// In f32: every device can.
    #[default]
    Float,
    /// Products in f16, sums in f32: with the feature `shader-f16`.
    Half,
    /// Four products of bytes at a time, activations rounded to 12 bits as a student's are on the CPU: with the language
    /// extension `packed_4x8_integer_dot_product`.
    Packed,
}

/// A shader's entry point with its constants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Variant {
    pub(super) name: &'static str,
    pub(super) entry: &'static str,
    pub(super) constants: &'static [(&'static str, u32)],
    /// A constant known only at run time.
    pub(super) size: Option<(&'static str, u32)>,
}

/// What a device was asked to do since it was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Work {
    /// Kernels run.
    pub dispatches: usize,
    /// Command buffers submitted, each with one readback.
    pub submissions: usize,
}

/// Takes a lock; a holder that panicked left nothing half done.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Gpu {
    /// Asks for the system's preferred GPU, with the default limits and no features.
    pub async fn request() -> Result<Self, Error> {
        Self::request_with(Arithmetic::Float).await
    }

    /// Asks for a GPU that can multiply in such a way; [`Error::Absent`] where there is none.
    pub async fn request_with(arithmetic: Arithmetic) -> Result<Self, Error> {
        let needs = Needs {
            half: arithmetic == Arithmetic::Half,
            packed: arithmetic == Arithmetic::Packed,
        };
        let device = Adapter::request(needs).await?.device().await?;
        Ok(Self::new(device, arithmetic))
    }

    /// Of a device that can multiply in such a way.
    pub(super) fn new(device: Device, arithmetic: Arithmetic) -> Self {
        Self {
            device,
            store: Mutex::default(),
            arithmetic,
            pipelines: Mutex::default(),
            dispatches: AtomicUsize::new(0),
            submissions: AtomicUsize::new(0),
        }
    }

    /// How it multiplies int8 weights with activations.
    pub fn arithmetic(&self) -> Arithmetic {
        self.arithmetic
    }

    /// What has been asked of the device so far.
    pub fn work(&self) -> Work {
        Work {
            dispatches: self.dispatches.load(Ordering::Relaxed),
            submissions: self.submissions.load(Ordering::Relaxed),
        }
    }

    /// What made the device useless, if anything has.
    pub fn check(&self) -> Result<(), Error> {
        self.device.check()
    }

    /// Lets go of the device: every later call fails with [`Error::Lost`].
    pub fn destroy(&self) {
        self.device.destroy();
    }

    /// From now on waits for each part of a call, so that it can be measured, and counts from nothing.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn measure(&self) {
        self.device.measure();
    }

    /// From now on waits for nothing but answers.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn end_measuring(&self) {
        self.device.end_measuring();
    }

    /// Where the time went since [`Gpu::measure`].
    #[cfg(not(target_arch = "wasm32"))]
    pub fn measured(&self) -> Option<Split> {
        self.device.measured()
    }

    pub(super) fn count(&self, dispatches: usize) {
        self.dispatches.fetch_add(dispatches, Ordering::Relaxed);
        self.submissions.fetch_add(1, Ordering::Relaxed);
    }

    /// The pipeline of a shader, made at its first use.
    pub(super) fn pipeline(&self, shader: Shader, variant: Variant) -> Pipeline {
        let mut pipelines = lock(&self.pipelines);
        if let Some((_, made)) = pipelines.iter().find(|(other, _)| *other == variant) {
            return made.clone();
        }
        let made = self.compile(shader, variant);
        pipelines.push((variant, made.clone()));
        made
    }

    fn compile(&self, shader: Shader, variant: Variant) -> Pipeline {
        let constants = variant.constants.iter().chain(&variant.size);
        let constants: Vec<(&str, u32)> = constants.copied().collect();
        self.device.pipeline(&Program {
            name: shader.name,
            source: shader.source,
            entry: variant.entry,
            constants: &constants,
        })
    }
}

impl Drop for Gpu {
    /// Memory of a GPU is not waited for.
    fn drop(&mut self) {
        self.device.destroy();
    }
}
