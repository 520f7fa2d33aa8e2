//! The runtime's JavaScript surface.
//!
//! Bytes and strings in, plain data out: objects, arrays, numbers and strings, positions in UTF-16
//! units. Lone surrogates in a string read as U+FFFD, one unit as well, so positions still fit.

mod answer;
mod browser;
mod error;
mod options;
#[cfg(feature = "gpu")]
mod timing;

use std::cell::Cell;
use std::ops::ControlFlow;
use std::rc::Rc;

use js_sys::futures::future_to_promise;
use js_sys::{Function, Promise};
use stillglass_bundle::Bundle;
use stillglass_runtime::{Classification, Error, ReasonToken, Request, Service};
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::{JsValue, wasm_bindgen};

use answer::{Answer, Info, Told, ToldToken, plain};
use browser::Browser;
use error::{aborted, bad_bundle, failed};

/// Sends a panic's message to the console.
#[wasm_bindgen(start)]
pub fn start() {
    console_error_panic_hook::set_once();
}

/// A classifier, loaded from the bytes of a `.glass` bundle.
#[derive(Debug)]
#[wasm_bindgen]
pub struct Model {
    /// Calls in flight outlive the model; `freed` then breaks them off.
    service: Rc<Service>,
    freed: Rc<Cell<bool>>,
    bytes: usize,
}

impl Drop for Model {
    fn drop(&mut self) {
        self.freed.set(true);
    }
}

#[wasm_bindgen]
impl Model {
    /// Reads a bundle; `hash` is the SHA-256 of the bytes with the digit 0 from [`Model::digits`] on, where the
    /// browser has computed it, which is many times as fast. Throws a `StillglassError` that says what is wrong with it.
    #[wasm_bindgen(constructor)]
    #[allow(clippy::needless_pass_by_value)] // JavaScript hands over its string
    pub fn new(bytes: &[u8], hash: Option<String>) -> Result<Model, JsValue> {
        let bundle = match &hash {
            Some(hash) => Bundle::read_hashed(bytes, hash),
            None => Bundle::read(bytes),
        };
        let bundle = bundle.map_err(|error| bad_bundle(&error))?;
        let model = stillglass_runtime::Model::new(bundle).map_err(|error| bad_bundle(&error))?;
        Ok(Self {
            service: Rc::new(Service::new(model)),
            freed: Rc::default(),
            bytes: bytes.len(),
        })
    }

    /// Where the 64 digits of a bundle's own hash begin; nothing if its header cannot be read.
    pub fn digits(bytes: &[u8]) -> Option<usize> {
        Bundle::digits(bytes).map(|digits| digits.start)
    }

    /// What [`Info`] says, as a plain object.
    #[wasm_bindgen(getter)]
    pub fn info(&self) -> Result<JsValue, JsValue> {
        plain(&Info::new(self.service.model(), self.bytes))
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

    /// Answers each text on its own, in order, on the backend that suits; `options` is
    /// `{ explain, backend, watch }`, every field optional. Rejects with the code `aborted` when `watch`
    /// answered `false` or the model was freed.
    pub fn run(&self, texts: Vec<String>, options: &JsValue) -> Result<Promise, JsValue> {
        let request = options::request(options, self.service.model().methods())?;
        let browser = Browser {
            watch: options::watch(options),
            freed: Rc::clone(&self.freed),
            thrown: Cell::default(),
        };
        let service = Rc::clone(&self.service);
        Ok(future_to_promise(async move {
            run(&service, &texts, request, &browser).await
        }))
    }

    /// Why the model says it answers a text as it does, in words: `{ label, text, tokens }`, the best of `beams` beams.
    /// With one beam `told`, if it is a function, is called with every token as it comes, and stops the reason where it
    /// answers `false`. Throws where the bundle gives no reasons.
    pub fn reason(&self, text: &str, beams: usize, told: &JsValue) -> Result<JsValue, JsValue> {
        let model = self.service.model();
        let told = told.dyn_ref::<Function>();
        let mut thrown = None;
        let mut each = |token: &ReasonToken| {
            let Some(told) = told else {
                return ControlFlow::Continue(());
            };
            let token = plain(&ToldToken::new(token));
            match token.and_then(|token| told.call1(&JsValue::UNDEFINED, &token)) {
                Ok(answer) if answer == JsValue::FALSE => ControlFlow::Break(()),
                Ok(_) => ControlFlow::Continue(()),
                Err(error) => {
                    thrown = Some(error);
                    ControlFlow::Break(())
                }
            }
        };
        let reason = model
            .reason(text, beams, &mut each)
            .map_err(|error| failed(&error))?;
        match thrown {
            Some(error) => Err(error),
            None => plain(&Told::new(reason, &model.manifest().labels)),
        }
    }

    /// A text's token ids, as the model reads them, without special ones.
    #[cfg(feature = "ids")]
    pub fn encode(&self, text: &str) -> Vec<u32> {
        let model = self.service.model();
        let most = model.manifest().max_tokens;
        model.tokenizer().encode(text, most).ids
    }

    /// Logits for such ids.
    #[cfg(feature = "ids")]
    #[wasm_bindgen(js_name = classifyIds)]
    pub fn classify_ids(&self, ids: &[u32]) -> Result<Vec<f32>, JsValue> {
        let model = self.service.model();
        model.classify_ids(ids).map_err(|error| failed(&error))
    }

    /// What `auto` has measured of both backends: `{ device, cpu: { call, token }, gpu: { call, token } }`
    /// in milliseconds, to be kept for the next time; `undefined` until it has.
    #[cfg(feature = "gpu")]
    #[wasm_bindgen(getter)]
    pub fn timing(&self) -> JsValue {
        self.service
            .timing()
            .map_or(JsValue::UNDEFINED, timing::to_js)
    }

    /// Tells what was measured before: on the same device `auto` then measures nothing.
    #[cfg(feature = "gpu")]
    #[wasm_bindgen(setter)]
    pub fn set_timing(&self, timing: &JsValue) -> Result<(), JsValue> {
        self.service.set_timing(timing::from_js(timing)?);
        Ok(())
    }
}

async fn run(
    service: &Service,
    texts: &[String],
    request: Request,
    browser: &Browser,
) -> Result<JsValue, JsValue> {
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    match service.run(&texts, request, browser).await {
        Ok(found) => plain(&answers(found, &texts, &service.model().manifest().labels)),
        Err(error @ Error::BrokenOff) => {
            Err(browser.thrown.take().unwrap_or_else(|| aborted(&error)))
        }
        Err(error) => Err(failed(&error)),
    }
}

fn answers<'a>(
    found: Vec<Classification>,
    texts: &[&'a str],
    labels: &'a [String],
) -> Vec<Answer<'a>> {
    let pairs = found.into_iter().zip(texts);
    pairs
        .map(|(answer, text)| Answer::new(answer, text, labels))
        .collect()
}

impl Model {
    fn answers<'a>(&'a self, texts: &[&'a str], explain: bool) -> Result<Vec<Answer<'a>>, JsValue> {
        let model = self.service.model();
        let method = explain.then(|| model.methods()[0]);
        let found = model
            .classify(texts, method)
            .map_err(|error| failed(&error))?;
        Ok(answers(found, texts, &model.manifest().labels))
    }
}
