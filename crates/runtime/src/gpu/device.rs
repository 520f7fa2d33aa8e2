//! The device: asked for once, with what every WebGPU grants, and watched for its loss.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use stillglass_kernels::shader::Shader;

use super::Error;
use super::memory::Store;

/// A GPU, ready for calls.
#[derive(Debug)]
pub struct Gpu {
    pub(super) device: wgpu::Device,
    pub(super) queue: wgpu::Queue,
    pub(super) store: Mutex<Store>,
    name: String,
    arithmetic: Arithmetic,
    pipelines: Mutex<BTreeMap<Variant, wgpu::ComputePipeline>>,
    trouble: Trouble,
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
    /// Four products of bytes at a time, activations rounded to 12 bits as on the CPU: with the language
    /// extension `packed_4x8_integer_dot_product`.
    Packed,
}

/// A shader's entry point with its constants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
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

/// The first thing that went wrong; it stays.
#[derive(Clone, Debug, Default)]
struct Trouble(Arc<Mutex<Option<Error>>>);

impl Trouble {
    fn note(&self, error: Error) {
        lock(&self.0).get_or_insert(error);
    }
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
        let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle());
        let options = wgpu::RequestAdapterOptions {
            power_preference: wgpu::PowerPreference::HighPerformance,
            ..Default::default()
        };
        let adapter = instance.request_adapter(&options).await;
        let adapter = adapter.map_err(|error| Error::Absent(error.to_string()))?;
        let features = match arithmetic {
            Arithmetic::Half => wgpu::Features::SHADER_F16,
            Arithmetic::Float | Arithmetic::Packed => wgpu::Features::empty(),
        };
        let packed = wgpu::WgslLanguageFeatures::Packed4x8IntegerDotProduct;
        let understood =
            arithmetic != Arithmetic::Packed || instance.wgsl_language_features().contains(packed);
        if !understood || !adapter.features().contains(features) {
            return Err(Error::Absent(format!(
                "none that has {arithmetic:?} arithmetic"
            )));
        }
        let request = wgpu::DeviceDescriptor {
            required_limits: wgpu::Limits::defaults(),
            required_features: features,
            ..Default::default()
        };
        let device = adapter.request_device(&request).await;
        let (device, queue) = device.map_err(|error| Error::Refused(error.to_string()))?;
        Ok(Self::watch(
            device,
            queue,
            adapter.get_info().name,
            arithmetic,
        ))
    }

    /// Notes the device's loss and every error that no one asked for.
    fn watch(
        device: wgpu::Device,
        queue: wgpu::Queue,
        name: String,
        arithmetic: Arithmetic,
    ) -> Self {
        let trouble = Trouble::default();
        let lost = trouble.clone();
        device.set_device_lost_callback(move |_, message| lost.note(Error::Lost(message)));
        let failed = trouble.clone();
        device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
            let text = error.to_string();
            failed.note(match error {
                wgpu::Error::OutOfMemory { .. } => Error::Memory(text),
                _ => Error::Failed(text),
            });
        }));
        Self {
            device,
            queue,
            store: Mutex::default(),
            name,
            arithmetic,
            pipelines: Mutex::default(),
            trouble,
            dispatches: AtomicUsize::new(0),
            submissions: AtomicUsize::new(0),
        }
    }

    /// The adapter's name; browsers may keep it to themselves.
    pub fn name(&self) -> &str {
        &self.name
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
        lock(&self.trouble.0).clone().map_or(Ok(()), Err)
    }

    /// Lets go of the device: every later call fails with [`Error::Lost`].
    pub fn destroy(&self) {
        self.trouble.note(Error::Lost("it was let go".to_owned()));
        self.device.destroy();
    }

    pub(super) fn count(&self, dispatches: usize) {
        self.dispatches.fetch_add(dispatches, Ordering::Relaxed);
        self.submissions.fetch_add(1, Ordering::Relaxed);
    }

    /// The pipeline of a shader, made at its first use.
    pub(super) fn pipeline(&self, shader: Shader, variant: Variant) -> wgpu::ComputePipeline {
        let mut pipelines = lock(&self.pipelines);
        let made = pipelines.entry(variant);
        made.or_insert_with(|| self.compile(shader, variant))
            .clone()
    }

    fn compile(&self, shader: Shader, variant: Variant) -> wgpu::ComputePipeline {
        let module = wgpu::ShaderModuleDescriptor {
            label: Some(shader.name),
            source: wgpu::ShaderSource::Wgsl(shader.source.into()),
        };
        let module = self.device.create_shader_module(module);
        let constants = variant.constants.iter().chain(&variant.size);
        let constants: Vec<(&str, f64)> = constants
            .map(|&(name, value)| (name, f64::from(value)))
            .collect();
        let descriptor = wgpu::ComputePipelineDescriptor {
            label: Some(shader.name),
            layout: None,
            module: &module,
            entry_point: Some(variant.entry),
            compilation_options: wgpu::PipelineCompilationOptions {
                constants: &constants,
                ..Default::default()
            },
            cache: None,
        };
        self.device.create_compute_pipeline(&descriptor)
    }
}
