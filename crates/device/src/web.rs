//! The browser's WebGPU.
//!
//! Every call may throw where a device is broken or a browser odd: what it throws becomes the device's
//! trouble, and `undefined` goes on in its place.

mod adapter;
mod sys;
mod values;

use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::Waker;

use js_sys::futures::{JsFuture, spawn_local};
use js_sys::{Array, Float32Array, Object, Promise, Reflect};
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::{Closure, JsValue};

use crate::{Dispatch, Error, Program, Use};
pub use adapter::Adapter;
use sys::{Any, Numbers};
use values::{field, object, text, wait};

/// Bits of `GPUBufferUsage`; `MAP_READ` is also `GPUMapMode.READ`.
const MAP_READ: u32 = 1;
const COPY_SRC: u32 = 4;
const COPY_DST: u32 = 8;
const UNIFORM: u32 = 64;
const STORAGE: u32 = 128;

/// Memory of a device.
#[derive(Clone, Debug)]
pub struct Buffer {
    inner: Any,
    size: u64,
}

/// A compiled program.
#[derive(Clone, Debug)]
pub struct Pipeline {
    inner: Any,
    layout: Any,
}

/// The buffers of one dispatch.
#[derive(Debug)]
pub struct Bindings(Any);

/// A GPU, ready for work.
#[derive(Debug)]
pub struct Device {
    inner: Any,
    queue: Any,
    trouble: Trouble,
    /// Hears of errors that no one asked for, for as long as the device lives.
    _ear: Closure<dyn FnMut(JsValue)>,
}

/// The first thing that went wrong; it stays, and wakes whoever waits for the device.
#[derive(Clone, Debug, Default)]
struct Trouble(Rc<RefCell<(Option<Error>, Option<Waker>)>>);

impl Trouble {
    fn note(&self, error: Error) {
        let waker = {
            let mut trouble = self.0.borrow_mut();
            trouble.0.get_or_insert(error);
            trouble.1.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn first(&self) -> Result<(), Error> {
        self.0.borrow().0.clone().map_or(Ok(()), Err)
    }

    /// Awaits what the device promised, or trouble: a busy driver may keep its promises to a device that
    /// is gone until much later.
    async fn or(&self, promise: Result<Promise, JsValue>) -> Result<JsValue, Error> {
        let mut promised = pin!(wait(promise));
        let answer = poll_fn(|context| {
            // First of all: a promise that nobody hears is an error of the page's.
            let answer = promised.as_mut().poll(context);
            if answer.is_pending() {
                self.first()?;
                self.0.borrow_mut().1 = Some(context.waker().clone());
            }
            answer.map_err(lost)
        });
        let answer = answer.await;
        self.first()?;
        answer
    }

    /// What a call answered, or `undefined`.
    fn keep(&self, result: Result<Any, JsValue>) -> Any {
        result.unwrap_or_else(|error| {
            self.note(Error::Failed(text(&error)));
            JsValue::UNDEFINED.unchecked_into()
        })
    }

    fn hear(&self, result: Result<(), JsValue>) {
        if let Err(error) = result {
            self.note(Error::Failed(text(&error)));
        }
    }
}

impl Buffer {
    /// Its bytes.
    pub fn size(&self) -> u64 {
        self.size
    }
}

impl Device {
    /// Hears of the device's loss and of every error that no one asked for.
    fn watched(device: JsValue) -> Result<Self, Error> {
        let trouble = Trouble::default();
        let lost: Result<Promise, _> = field(&device, "lost").dyn_into();
        let lost = lost.map_err(|_| Error::Refused("it cannot be watched".to_owned()))?;
        let gone = trouble.clone();
        spawn_local(async move {
            let info = JsFuture::from(lost).await.unwrap_or_default();
            gone.note(Error::Lost(text(&field(&info, "message"))));
        });
        let failed = trouble.clone();
        let ear = Closure::new(move |event: JsValue| failed.note(uncaptured(&event)));
        let _ = Reflect::set(&device, &"onuncapturederror".into(), ear.as_ref());
        Ok(Self {
            queue: field(&device, "queue").unchecked_into(),
            inner: device.unchecked_into(),
            trouble,
            _ear: ear,
        })
    }

    /// What made the device useless, if anything has.
    pub fn check(&self) -> Result<(), Error> {
        self.trouble.first()
    }

    /// Lets go of the device and all its memory: every later call fails with [`Error::Lost`].
    pub fn destroy(&self) {
        self.trouble.note(Error::Lost("it was let go".to_owned()));
        let _ = Reflect::set(&self.inner, &"onuncapturederror".into(), &JsValue::NULL);
        let _ = self.inner.destroy();
    }

    /// A new buffer of that many bytes, a multiple of four.
    pub fn buffer(&self, use_: Use, size: u64) -> Buffer {
        let usage = match use_ {
            Use::Storage => STORAGE | COPY_DST | COPY_SRC,
            Use::Uniform => UNIFORM | COPY_DST,
            Use::Readback => MAP_READ | COPY_DST,
        };
        let descriptor = object(&[("size", (size as f64).into()), ("usage", usage.into())]);
        Buffer {
            inner: self.trouble.keep(self.inner.create_buffer(&descriptor)),
            size,
        }
    }

    /// Fills the beginning of a buffer.
    pub fn write(&self, buffer: &Buffer, bytes: &[u8]) {
        let written = self.queue.write_buffer(&buffer.inner, 0.0, bytes);
        self.trouble.hear(written);
    }

    /// Compiles a program.
    pub fn pipeline(&self, program: &Program) -> Pipeline {
        let code = object(&[("code", program.source.into())]);
        let module = self.trouble.keep(self.inner.create_shader_module(&code));
        let constants = program.constants.iter();
        let constants: Vec<(&str, JsValue)> = constants
            .map(|&(name, value)| (name, value.into()))
            .collect();
        let compute = object(&[
            ("module", module.into()),
            ("entryPoint", program.entry.into()),
            ("constants", object(&constants).into()),
        ]);
        let descriptor = object(&[
            ("label", program.name.into()),
            ("layout", "auto".into()),
            ("compute", compute.into()),
        ]);
        let made = self.inner.create_compute_pipeline(&descriptor);
        let pipeline = self.trouble.keep(made);
        Pipeline {
            layout: self.trouble.keep(pipeline.get_bind_group_layout(0)),
            inner: pipeline,
        }
    }

    /// Binds parameters, (buffer, offset, bytes), and the buffers that follow them.
    pub fn bind(
        &self,
        pipeline: &Pipeline,
        (parameters, offset, size): (&Buffer, u64, u64),
        buffers: &[&Buffer],
    ) -> Bindings {
        let entries = Array::new();
        entries.push(&entry(
            0,
            parameters,
            &[
                ("offset", (offset as f64).into()),
                ("size", (size as f64).into()),
            ],
        ));
        for (binding, buffer) in (1..).zip(buffers) {
            entries.push(&entry(binding, buffer, &[]));
        }
        let descriptor = object(&[
            ("layout", pipeline.layout.clone().into()),
            ("entries", entries.into()),
        ]);
        Bindings(self.trouble.keep(self.inner.create_bind_group(&descriptor)))
    }

    /// Runs dispatches in order and copies the beginnings of some buffers, one after another.
    pub fn submit(&self, dispatches: &[Dispatch], copies: &[(&Buffer, u64)], readback: &Buffer) {
        self.trouble.hear(self.encode(dispatches, copies, readback));
    }

    fn encode(
        &self,
        dispatches: &[Dispatch],
        copies: &[(&Buffer, u64)],
        readback: &Buffer,
    ) -> Result<(), JsValue> {
        let encoder = self.inner.create_command_encoder()?;
        let pass = encoder.begin_compute_pass()?;
        for Dispatch {
            pipeline,
            bindings,
            grid: [x, y, z],
        } in dispatches
        {
            pass.set_pipeline(&pipeline.inner)?;
            pass.set_bind_group(0, &bindings.0)?;
            pass.dispatch_workgroups(*x, *y, *z)?;
        }
        pass.end()?;
        let mut at = 0.0;
        for &(from, size) in copies {
            let size = size as f64;
            encoder.copy_buffer_to_buffer(&from.inner, 0.0, &readback.inner, at, size)?;
            at += size;
        }
        let commands: JsValue = encoder.finish()?.into();
        self.queue.submit(&Array::of1(&commands))
    }

    /// The first numbers of a readback buffer, when all work submitted before is done.
    pub async fn read(&self, readback: &Buffer, count: usize) -> Result<Vec<f32>, Error> {
        let (size, buffer) = (count as f64 * 4.0, &readback.inner);
        self.trouble
            .or(buffer.map_async(MAP_READ, 0.0, size))
            .await?;
        let view = buffer.get_mapped_range(0.0, size).map_err(lost)?;
        let values: Float32Array = Numbers::new(&view).map_err(lost)?.unchecked_into();
        let values = values.to_vec();
        buffer.unmap().map_err(lost)?;
        Ok(values)
    }
}

fn lost(error: JsValue) -> Error {
    Error::Lost(text(&error))
}

fn entry(binding: u32, buffer: &Buffer, place: &[(&str, JsValue)]) -> Object {
    let whole = [("buffer", buffer.inner.clone().into())];
    let resource = object(&[&whole, place].concat());
    object(&[("binding", binding.into()), ("resource", resource.into())])
}

/// What a `GPUUncapturedErrorEvent` says.
fn uncaptured(event: &JsValue) -> Error {
    let error = field(event, "error");
    let message = text(&field(&error, "message"));
    let kind = field(&field(&error, "constructor"), "name");
    match kind.as_string().as_deref() {
        Some("GPUOutOfMemoryError") => Error::Memory(message),
        _ => Error::Failed(message),
    }
}
