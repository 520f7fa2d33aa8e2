//! What JavaScript asks of a call: a plain object, every field optional.

use js_sys::{Function, Reflect};
use stillglass_runtime::{Choice, Method, Request};
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::JsValue;

use crate::error::failed;

/// The name of a method in JavaScript.
pub(crate) fn method_name(method: Method) -> &'static str {
    match method {
        Method::IntegratedGradients => "integrated-gradients",
        Method::Native | Method::Occlusion => method.name(),
    }
}

/// Reads `{ explain, backend }`; `explain: true` is the first of the model's `methods`.
pub(crate) fn request(options: &JsValue, methods: &[Method]) -> Result<Request, JsValue> {
    Ok(Request {
        explain: explain(&field(options, "explain"), methods)?,
        backend: backend(&field(options, "backend"))?,
    })
}

/// Reads `{ watch }`.
pub(crate) fn watch(options: &JsValue) -> Option<Function> {
    field(options, "watch").dyn_into().ok()
}

/// A field; `undefined` also where there is no object.
pub(crate) fn field(options: &JsValue, name: &str) -> JsValue {
    Reflect::get(options, &name.into()).unwrap_or(JsValue::UNDEFINED)
}

fn explain(value: &JsValue, methods: &[Method]) -> Result<Option<Method>, JsValue> {
    if value.is_falsy() {
        return Ok(None);
    }
    if *value == JsValue::TRUE {
        return Ok(methods.first().copied());
    }
    let name = value.as_string();
    let all = [
        Method::Native,
        Method::IntegratedGradients,
        Method::Occlusion,
    ];
    let named = |method: &Method| name.as_deref() == Some(method_name(*method));
    all.into_iter()
        .find(named)
        .map(Some)
        .ok_or_else(|| failed(&"explain: want true, native, integrated-gradients or occlusion"))
}

fn backend(value: &JsValue) -> Result<Choice, JsValue> {
    if value.is_falsy() {
        return Ok(Choice::Auto);
    }
    match value.as_string().as_deref() {
        Some("auto") => Ok(Choice::Auto),
        Some("cpu") => Ok(Choice::Cpu),
        Some("gpu") => Ok(Choice::Gpu),
        _ => Err(failed(&"backend: want auto, cpu or gpu")),
    }
}
