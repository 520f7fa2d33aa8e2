//! Through wgpu.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use crate::{Dispatch, Error, Needs, Program, Use, is_software};

/// A wait longer than this is given up: no call takes so long, even where a busy CPU imitates the GPU.
const PATIENCE: Duration = Duration::from_mins(3);

/// A GPU that may be asked for a device.
#[derive(Debug)]
pub struct Adapter {
    inner: wgpu::Adapter,
    name: String,
    is_software: bool,
    features: wgpu::Features,
}

/// Memory of a device.
#[derive(Clone, Debug)]
pub struct Buffer(wgpu::Buffer);

/// A compiled program.
#[derive(Clone, Debug)]
pub struct Pipeline(wgpu::ComputePipeline);

/// The buffers of one dispatch.
#[derive(Debug)]
pub struct Bindings(wgpu::BindGroup);

/// A GPU, ready for work.
#[derive(Debug)]
pub struct Device {
    inner: wgpu::Device,
    queue: wgpu::Queue,
    trouble: Trouble,
    /// Kept only where somebody measures.
    split: Mutex<Option<Split>>,
}

/// Where the time of calls went, while the device waited for each part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Split {
    /// From the CPU's memory to the device's.
    pub upload: Duration,
    /// The kernels.
    pub compute: Duration,
    /// Back to the CPU.
    pub readback: Duration,
}

/// The first thing that went wrong; it stays.
#[derive(Clone, Debug, Default)]
struct Trouble(Arc<Mutex<Option<Error>>>);

impl Trouble {
    fn note(&self, error: Error) {
        let mut first = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        first.get_or_insert(error);
    }

    fn first(&self) -> Option<Error> {
        let first = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        first.clone()
    }
}

impl Adapter {
    /// The system's preferred GPU; [`Error::Absent`] where it cannot do what is needed.
    pub async fn request(needs: Needs) -> Result<Self, Error> {
        let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle());
        let options = wgpu::RequestAdapterOptions {
            power_preference: wgpu::PowerPreference::HighPerformance,
            ..Default::default()
        };
        let adapter = instance.request_adapter(&options).await;
        let adapter = adapter.map_err(|error| Error::Absent(error.to_string()))?;
        let packed = wgpu::WgslLanguageFeatures::Packed4x8IntegerDotProduct;
        let features = if needs.half {
            wgpu::Features::SHADER_F16
        } else {
            wgpu::Features::empty()
        };
        let understood = !needs.packed || instance.wgsl_language_features().contains(packed);
        if !understood || !adapter.features().contains(features) {
            return Err(Error::Absent(format!("none that has {needs:?}")));
        }
        let info = adapter.get_info();
        Ok(Self {
            is_software: info.device_type == wgpu::DeviceType::Cpu || is_software(&info.name),
            name: info.name,
            inner: adapter,
            features,
        })
    }

    /// What it calls itself; browsers may keep it to themselves.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it runs on the CPU.
    pub fn is_software(&self) -> bool {
        self.is_software
    }

    /// A device with the limits that every WebGPU grants.
    pub async fn device(self) -> Result<Device, Error> {
        let request = wgpu::DeviceDescriptor {
            required_limits: wgpu::Limits::defaults(),
            required_features: self.features,
            ..Default::default()
        };
        let device = self.inner.request_device(&request).await;
        let (device, queue) = device.map_err(|error| Error::Refused(error.to_string()))?;
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
        Ok(Device {
            inner: device,
            queue,
            trouble,
            split: Mutex::default(),
        })
    }
}

impl Buffer {
    /// Its bytes.
    pub fn size(&self) -> u64 {
        self.0.size()
    }
}

impl Device {
    /// What made the device useless, if anything has.
    pub fn check(&self) -> Result<(), Error> {
        self.trouble.first().map_or(Ok(()), Err)
    }

    /// Lets go of the device: every later call fails with [`Error::Lost`].
    pub fn destroy(&self) {
        self.trouble.note(Error::Lost("it was let go".to_owned()));
        self.inner.destroy();
    }

    /// From now on waits for each part of a call, so that it can be measured, and counts from nothing.
    pub fn measure(&self) {
        *self.split() = Some(Split::default());
    }

    /// From now on waits for nothing but answers.
    pub fn end_measuring(&self) {
        *self.split() = None;
    }

    /// Where the time went since [`Device::measure`].
    pub fn measured(&self) -> Option<Split> {
        *self.split()
    }

    fn split(&self) -> MutexGuard<'_, Option<Split>> {
        self.split.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does a part of a call; where calls are measured, waits until the device has done it too.
    fn part(&self, part: fn(&mut Split) -> &mut Duration, work: impl FnOnce()) {
        let began = Instant::now();
        work();
        if let Some(split) = &mut *self.split() {
            // A device that is lost says so when it is read.
            let _ = self.inner.poll(wgpu::PollType::wait_indefinitely());
            *part(split) += began.elapsed();
        }
    }

    /// A new buffer of that many bytes, a multiple of four.
    pub fn buffer(&self, use_: Use, size: u64) -> Buffer {
        use wgpu::BufferUsages as Usages;
        let usage = match use_ {
            Use::Storage => Usages::STORAGE | Usages::COPY_DST | Usages::COPY_SRC,
            Use::Uniform => Usages::UNIFORM | Usages::COPY_DST,
            Use::Readback => Usages::MAP_READ | Usages::COPY_DST,
        };
        Buffer(self.inner.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size,
            usage,
            mapped_at_creation: false,
        }))
    }

    /// Fills the beginning of a buffer.
    pub fn write(&self, buffer: &Buffer, bytes: &[u8]) {
        let upload = || self.queue.write_buffer(&buffer.0, 0, bytes);
        self.part(|split| &mut split.upload, upload);
    }

    /// Compiles a program.
    pub fn pipeline(&self, program: &Program) -> Pipeline {
        let module = wgpu::ShaderModuleDescriptor {
            label: Some(program.name),
            source: wgpu::ShaderSource::Wgsl(program.source.into()),
        };
        let module = self.inner.create_shader_module(module);
        let constants = program.constants.iter();
        let constants: Vec<(&str, f64)> = constants
            .map(|&(name, value)| (name, f64::from(value)))
            .collect();
        let descriptor = wgpu::ComputePipelineDescriptor {
            label: Some(program.name),
            layout: None,
            module: &module,
            entry_point: Some(program.entry),
            compilation_options: wgpu::PipelineCompilationOptions {
                constants: &constants,
                ..Default::default()
            },
            cache: None,
        };
        Pipeline(self.inner.create_compute_pipeline(&descriptor))
    }

    /// Binds parameters, (buffer, offset, bytes), and the buffers that follow them.
    pub fn bind(
        &self,
        pipeline: &Pipeline,
        (parameters, offset, size): (&Buffer, u64, u64),
        buffers: &[&Buffer],
    ) -> Bindings {
        let parameters = wgpu::BindingResource::Buffer(wgpu::BufferBinding {
            buffer: &parameters.0,
            offset,
            size: std::num::NonZeroU64::new(size),
        });
        let others = buffers.iter().map(|buffer| buffer.0.as_entire_binding());
        let resources = std::iter::once(parameters).chain(others);
        let entry = |(binding, resource)| wgpu::BindGroupEntry { binding, resource };
        let entries: Vec<_> = (0..).zip(resources).map(entry).collect();
        Bindings(self.inner.create_bind_group(&wgpu::BindGroupDescriptor {
            label: None,
            layout: &pipeline.0.get_bind_group_layout(0),
            entries: &entries,
        }))
    }

    /// Runs dispatches in order and copies the beginnings of some buffers, one after another.
    pub fn submit(&self, dispatches: &[Dispatch], copies: &[(&Buffer, u64)], readback: &Buffer) {
        let mut encoder = self.encoder();
        if self.measured().is_some() {
            // What was written goes to the device with the next submission: here one of nothing.
            self.send(|split| &mut split.upload, None);
            record(&mut encoder, dispatches);
            let kernels = std::mem::replace(&mut encoder, self.encoder()).finish();
            self.send(|split| &mut split.compute, Some(kernels));
        } else {
            record(&mut encoder, dispatches);
        }
        let mut at = 0;
        for &(buffer, size) in copies {
            encoder.copy_buffer_to_buffer(&buffer.0, 0, &readback.0, at, size);
            at += size;
        }
        self.send(|split| &mut split.readback, Some(encoder.finish()));
    }

    fn send(&self, part: fn(&mut Split) -> &mut Duration, commands: Option<wgpu::CommandBuffer>) {
        self.part(part, || {
            self.queue.submit(commands);
        });
    }

    fn encoder(&self) -> wgpu::CommandEncoder {
        let descriptor = wgpu::CommandEncoderDescriptor::default();
        self.inner.create_command_encoder(&descriptor)
    }

    /// The first numbers of a readback buffer, when all work submitted before is done.
    pub async fn read(&self, readback: &Buffer, count: usize) -> Result<Vec<f32>, Error> {
        let began = Instant::now();
        let size = count as u64 * 4;
        let mapped = Mapped::default();
        let done = mapped.clone();
        readback
            .0
            .map_async(wgpu::MapMode::Read, ..size, move |result| {
                done.set(result.map_err(|error| Error::Lost(error.to_string())));
            });
        let polled = self.inner.poll(wgpu::PollType::Wait {
            submission_index: None,
            timeout: Some(PATIENCE),
        });
        polled.map_err(|error| Error::Lost(error.to_string()))?;
        mapped.await?;
        self.check()?;
        let view = readback.0.get_mapped_range(..size);
        let view = view.map_err(|error| Error::Lost(error.to_string()))?;
        let (words, _) = view.as_chunks::<4>();
        let values = words.iter().map(|&bytes| f32::from_le_bytes(bytes));
        let values = values.collect();
        drop(view);
        readback.0.unmap();
        if let Some(split) = &mut *self.split() {
            split.readback += began.elapsed();
        }
        Ok(values)
    }
}

/// Dispatches in order.
fn record(encoder: &mut wgpu::CommandEncoder, dispatches: &[Dispatch]) {
    let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
    for dispatch in dispatches {
        pass.set_pipeline(&dispatch.pipeline.0);
        pass.set_bind_group(0, &dispatch.bindings.0, &[]);
        let [x, y, z] = dispatch.grid;
        pass.dispatch_workgroups(x, y, z);
    }
}

/// A mapping that the device has not ended yet.
#[derive(Clone, Default)]
struct Mapped(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    result: Option<Result<(), Error>>,
    waker: Option<Waker>,
}

impl Mapped {
    /// Ends it.
    fn set(&self, result: Result<(), Error>) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.result = Some(result);
        if let Some(waker) = state.waker.take() {
            waker.wake();
        }
    }
}

impl Future for Mapped {
    type Output = Result<(), Error>;
    fn poll(self: Pin<&mut Self>, context: &mut Context) -> Poll<Self::Output> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(result) = state.result.take() {
            return Poll::Ready(result);
        }
        state.waker = Some(context.waker().clone());
        Poll::Pending
    }
}
