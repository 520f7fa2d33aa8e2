//! The student from bundle bytes to answer: against PyTorch, against its definition, and on every
//! odd text and odd bundle that reads well.

mod behaviour;
mod definition;
mod hostile;
mod made_up;
mod parity;

use stillglass_bundle::{Bundle, StudentWeights, Weights};
use stillglass_runtime::{Classification, Method, Model};

/// Writes and reads the bundle, as every user does, and makes a model of it.
fn model(bundle: &Bundle) -> Model {
    let bytes = bundle.write().expect("a valid bundle");
    Model::new(Bundle::read(&bytes).expect("what was written reads")).expect("a tokenizer")
}

/// Answers texts by a method that the model has.
fn classify(model: &Model, texts: &[&str], explain: Option<Method>) -> Vec<Classification> {
    model
        .classify(texts, explain)
        .expect("a method of this model")
}

/// The weights of a bundle that holds a student.
fn student(bundle: &Bundle) -> &StudentWeights {
    match &bundle.weights {
        Weights::Student(weights) => weights,
        Weights::Teacher(_) => panic!("a teacher"),
    }
}
