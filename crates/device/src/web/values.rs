//! Values of JavaScript.

use js_sys::futures::JsFuture;
use js_sys::{Object, Promise, Reflect};
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::JsValue;

use super::sys::{self, Any};

/// Awaits what a call promised.
pub(super) async fn wait(promise: Result<Promise, JsValue>) -> Result<JsValue, JsValue> {
    JsFuture::from(promise?).await
}

/// A field; `undefined` where there is none.
pub(super) fn field(of: &JsValue, name: &str) -> JsValue {
    Reflect::get(of, &name.into()).unwrap_or_default()
}

pub(super) fn has(features: &JsValue, name: &str) -> bool {
    let features: &Any = features.unchecked_ref();
    features.has(name).unwrap_or(false)
}

/// A plain object; setting a fresh one's fields cannot fail.
pub(super) fn object(fields: &[(&str, JsValue)]) -> Object {
    let made = Object::new();
    for (name, value) in fields {
        let _ = Reflect::set(&made, &(*name).into(), value);
    }
    made
}

/// A value in words.
pub(super) fn text(value: &JsValue) -> String {
    sys::text(value).map_or_else(|_| String::new(), String::from)
}
