//! A teacher of every family becomes a student's bundle that answers.

use std::fs;

use stillglass_bundle::Bundle;
use stillglass_runtime::{Method, Model};

use crate::tiny::{finish, recipe, start};

/// Trains on this family's teacher and returns the model.
fn distilled(family: &str) -> Model {
    let folder = tempfile::tempdir().unwrap();
    let runs = folder.path().join("runs");
    // A random teacher of three epochs knows little: learn from the gold labels, for long.
    let sets = [
        "distill.objective=labels",
        "distill.epochs=60",
        "distill.learning_rate=1e-2",
    ];
    finish(start(&recipe(folder.path(), family), &runs, &sets));
    let bytes = fs::read(runs.join("tiny/tiny.glass")).unwrap();
    Model::new(Bundle::read(&bytes).unwrap()).unwrap()
}

/// The tiny students must tell the two verbs apart in a sentence of the training kind.
fn tells_the_verbs_apart(family: &str) {
    let model = distilled(family);
    let answers = model.classify(
        &[
            "the harbour rose early again",
            "the harbour fell early again",
        ],
        Some(Method::Native),
    );
    let answers = answers.expect("a student's own method");
    let label = |index: usize| &model.manifest().labels[answers[index].label];
    assert_eq!(
        (label(0).as_str(), label(1).as_str()),
        ("up", "down"),
        "{family}"
    );
    for answer in &answers {
        let words = &answer.explanation.as_ref().unwrap().words;
        assert_eq!(words.len(), 5, "{family}");
    }
}

#[test]
fn bert() {
    tells_the_verbs_apart("bert");
}

#[test]
fn distilbert() {
    tells_the_verbs_apart("distilbert");
}

#[test]
fn roberta_whose_tokenizer_is_no_word_piece() {
    tells_the_verbs_apart("roberta");
}
