//! Errors as JavaScript knows them: `Error` objects with a name and a code.

use std::fmt::Display;

use wasm_bindgen::prelude::JsValue;

/// The bytes are not a bundle this version reads, or no model can be made of it.
pub(crate) fn bad_bundle(error: &impl Display) -> JsValue {
    stillglass_error("bad-bundle", error)
}

/// The model cannot do what was asked, or an answer could not be handed over.
pub(crate) fn failed(error: &impl Display) -> JsValue {
    stillglass_error("failed", error)
}

/// Whoever watched the call broke it off, or the model was freed.
pub(crate) fn aborted(error: &impl Display) -> JsValue {
    stillglass_error("aborted", error)
}

fn stillglass_error(code: &str, message: &impl Display) -> JsValue {
    let error = js_sys::Error::new(&message.to_string());
    error.set_name("StillglassError");
    // Setting a property of a fresh object cannot fail.
    let _ = js_sys::Reflect::set(&error, &"code".into(), &code.into());
    error.into()
}
