//! What a page or a worker gives to a call.

use std::cell::Cell;
use std::ops::ControlFlow;
use std::rc::Rc;

use js_sys::futures::JsFuture;
use js_sys::{Function, Promise};
use stillglass_runtime::{Host, Progress, Wait};
use wasm_bindgen::prelude::{JsValue, wasm_bindgen};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = performance)]
    fn now() -> f64;

    #[wasm_bindgen(js_name = setTimeout)]
    fn set_timeout(then: &Function, milliseconds: u32);
}

/// The browser around one call.
pub(crate) struct Browser {
    /// Is told how far the call is; breaks it off with `false`.
    pub(crate) watch: Option<Function>,
    /// Set when the model has been freed.
    pub(crate) freed: Rc<Cell<bool>>,
    /// What `watch` threw.
    pub(crate) thrown: Cell<Option<JsValue>>,
}

impl Host for Browser {
    fn now(&self) -> f64 {
        now()
    }

    fn after(&self, milliseconds: u32) -> Wait {
        let promise = Promise::new(&mut |resolve, _| set_timeout(&resolve, milliseconds));
        Box::pin(async move {
            // The promise is never rejected.
            let _ = JsFuture::from(promise).await;
        })
    }

    fn watch(&self, Progress { done, total }: Progress) -> ControlFlow<()> {
        if self.freed.get() {
            return ControlFlow::Break(());
        }
        let Some(watch) = &self.watch else {
            return ControlFlow::Continue(());
        };
        match watch.call2(&JsValue::NULL, &done.into(), &total.into()) {
            Ok(answer) if answer == JsValue::FALSE => ControlFlow::Break(()),
            Ok(_) => ControlFlow::Continue(()),
            Err(error) => {
                self.thrown.set(Some(error));
                ControlFlow::Break(())
            }
        }
    }
}
