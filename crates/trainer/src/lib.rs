//! Distils a BERT-class text classifier into a student for the browser, guided by its explanations.
pub mod artefact;
pub mod progress;
pub mod recipe;
