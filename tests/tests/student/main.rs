//! The student from bundle bytes to answer: against PyTorch, against its definition, and on every
//! odd text and odd bundle that reads well.

mod behaviour;
mod definition;
mod hostile;
mod made_up;
mod parity;

use stillglass_bundle::Bundle;
use stillglass_runtime::Model;

/// Writes and reads the bundle, as every user does, and makes a model of it.
fn model(bundle: &Bundle) -> Model {
    let bytes = bundle.write().expect("a valid bundle");
    Model::new(Bundle::read(&bytes).expect("what was written reads")).expect("a tokenizer")
}
