//! The runtime's JavaScript surface.
//!
//! Bytes and strings in, plain data out: objects, arrays, numbers and strings, positions in UTF-16
//! units. Lone surrogates in a string read as U+FFFD, one unit as well, so positions still fit.

mod answer;
mod error;

use stillglass_bundle::Bundle;
use wasm_bindgen::prelude::{JsValue, wasm_bindgen};

use answer::{Answer, Info, plain};
use error::{bad_bundle, failed, unusable_bundle};

/// Sends a panic's message to the console.
#[wasm_bindgen(start)]
pub fn start() {
    console_error_panic_hook::set_once();
}

/// A classifier, loaded from the bytes of a `.glass` bundle.
#[derive(Debug)]
#[wasm_bindgen]
pub struct Model {
    model: stillglass_runtime::Model,
    bytes: usize,
}

#[wasm_bindgen]
impl Model {
    /// Reads a bundle. Throws a `StillglassError` that says what is wrong with it.
    #[wasm_bindgen(constructor)]
    pub fn new(bytes: &[u8]) -> Result<Model, JsValue> {
        let bundle = Bundle::read(bytes).map_err(|error| bad_bundle(&error))?;
        let model =
            stillglass_runtime::Model::new(bundle).map_err(|error| unusable_bundle(&error))?;
        Ok(Self {
            model,
            bytes: bytes.len(),
        })
    }

    /// `{ labels, card, architecture, maxTokens, bytes }`.
    #[wasm_bindgen(getter)]
    pub fn info(&self) -> Result<JsValue, JsValue> {
        plain(&Info::new(self.model.manifest(), self.bytes))
    }

    /// Answers one text; with `explain`, also what each word gave to each label.
    pub fn classify(&self, text: &str, explain: bool) -> Result<JsValue, JsValue> {
        let answers = self.answers(&[text], explain)?;
        answers.first().map_or(Ok(JsValue::UNDEFINED), plain)
    }

    /// Answers each text on its own, in order.
    #[allow(clippy::needless_pass_by_value)] // JavaScript hands over its array
    #[wasm_bindgen(js_name = classifyAll)]
    pub fn classify_all(&self, texts: Vec<String>, explain: bool) -> Result<JsValue, JsValue> {
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        plain(&self.answers(&texts, explain)?)
    }
}

impl Model {
    fn answers<'a>(&'a self, texts: &[&'a str], explain: bool) -> Result<Vec<Answer<'a>>, JsValue> {
        let method = explain.then(|| self.model.methods()[0]);
        let labels = &self.model.manifest().labels;
        let answers = self
            .model
            .classify(texts, method)
            .map_err(|error| failed(&error))?;
        let pairs = answers.into_iter().zip(texts);
        Ok(pairs
            .map(|(answer, text)| Answer::new(answer, text, labels))
            .collect())
    }
}
