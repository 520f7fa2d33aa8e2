//! Errors as JavaScript knows them: `Error` objects with a name and a code.

use std::fmt::Display;

use wasm_bindgen::prelude::JsValue;

/// The bytes are not a bundle this version reads.
pub(crate) fn bad_bundle(error: &stillglass_bundle::Error) -> JsValue {
    stillglass_error("bad-bundle", error)
}

/// The bundle reads well, but no model can be made of it.
pub(crate) fn unusable_bundle(error: &stillglass_runtime::Error) -> JsValue {
    stillglass_error("unusable-bundle", error)
}

/// The model cannot do what was asked of it.
pub(crate) fn failed(error: &stillglass_runtime::Error) -> JsValue {
    stillglass_error("failed", error)
}

/// An answer could not be handed over: a fault of this crate.
pub(crate) fn internal(error: &serde_wasm_bindgen::Error) -> JsValue {
    stillglass_error("internal", error)
}

fn stillglass_error(code: &str, message: &impl Display) -> JsValue {
    let error = js_sys::Error::new(&message.to_string());
    error.set_name("StillglassError");
    // Setting a property of a fresh object cannot fail.
    let _ = js_sys::Reflect::set(&error, &"code".into(), &code.into());
    error.into()
}
