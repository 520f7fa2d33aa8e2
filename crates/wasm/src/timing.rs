//! What `auto` has measured, as plain data.

use js_sys::{Object, Reflect};
use stillglass_runtime::{Line, Timing};
use wasm_bindgen::prelude::JsValue;

use crate::error::failed;
use crate::options::field;

/// `{ device, cpu: { call, token }, gpu: { call, token } }`.
pub(crate) fn to_js(timing: Timing) -> JsValue {
    object(&[
        ("device", timing.device.into()),
        ("cpu", line(timing.cpu)),
        ("gpu", line(timing.gpu)),
    ])
}

fn line(line: Line) -> JsValue {
    object(&[("call", line.call.into()), ("token", line.token.into())])
}

fn object(fields: &[(&str, JsValue)]) -> JsValue {
    let made = Object::new();
    for (name, value) in fields {
        // Setting a property of a fresh object cannot fail.
        let _ = Reflect::set(&made, &(*name).into(), value);
    }
    made.into()
}

/// The reverse; refuses what is not of this form.
pub(crate) fn from_js(value: &JsValue) -> Result<Timing, JsValue> {
    let line = |name| {
        let line = field(value, name);
        let number = |name| field(&line, name).as_f64().filter(|n| n.is_finite());
        Some(Line {
            call: number("call")?,
            token: number("token")?,
        })
    };
    let read = || {
        Some(Timing {
            device: field(value, "device").as_string()?,
            cpu: line("cpu")?,
            gpu: line("gpu")?,
        })
    };
    read().ok_or_else(|| failed(&"timing: want what the model's timing was"))
}
