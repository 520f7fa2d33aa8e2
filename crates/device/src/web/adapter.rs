//! The browser's GPU, before it is a device.

use js_sys::Array;
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::JsValue;

use super::Device;
use super::sys::Any;
use super::values::{field, has, object, text, wait};
use crate::{Error, Needs, is_software};

/// A GPU that may be asked for a device.
#[derive(Debug)]
pub struct Adapter {
    inner: Any,
    name: String,
    is_software: bool,
    needs: Needs,
}

impl Adapter {
    /// The browser's preferred GPU; [`Error::Absent`] where it cannot do what is needed.
    pub async fn request(needs: Needs) -> Result<Self, Error> {
        let gpu = field(&field(&js_sys::global(), "navigator"), "gpu");
        if gpu.is_undefined() || gpu.is_null() {
            return Err(absent("this browser has none"));
        }
        let gpu: Any = gpu.unchecked_into();
        let packed = "packed_4x8_integer_dot_product";
        if needs.packed && !has(&field(&gpu, "wgslLanguageFeatures"), packed) {
            return Err(absent(packed));
        }
        let options = object(&[("powerPreference", "high-performance".into())]);
        let adapter = wait(gpu.request_adapter(&options)).await;
        let adapter = adapter.map_err(|error| Error::Absent(text(&error)))?;
        if adapter.is_undefined() || adapter.is_null() {
            return Err(absent("the browser offers no adapter"));
        }
        if needs.half && !has(&field(&adapter, "features"), "shader-f16") {
            return Err(absent("shader-f16"));
        }
        let info = field(&adapter, "info");
        let names = ["vendor", "architecture", "device", "description"];
        let told = names
            .iter()
            .filter_map(|name| field(&info, name).as_string());
        let name = told
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join(" ");
        let fallback = |of: &JsValue| field(of, "isFallbackAdapter").is_truthy();
        Ok(Self {
            is_software: fallback(&info) || fallback(&adapter) || is_software(&name),
            inner: adapter.unchecked_into(),
            name,
            needs,
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
        let features = Array::new();
        if self.needs.half {
            features.push(&"shader-f16".into());
        }
        let descriptor = object(&[("requiredFeatures", features.into())]);
        let device = wait(self.inner.request_device(&descriptor)).await;
        Device::watched(device.map_err(|error| Error::Refused(text(&error)))?)
    }
}

fn absent(what: &str) -> Error {
    Error::Absent(what.to_owned())
}
