//! Distils a BERT-class text classifier into a student for the browser, guided by its explanations.

pub mod agreement;
pub mod artefact;
pub mod attribution;
pub mod checkpoint;
pub mod data;
pub mod device;
pub mod distill;
pub mod export;
pub mod flow;
pub mod label;
pub mod metrics;
pub mod objective;
pub mod progress;
pub mod recipe;
pub mod student;
pub mod teach;
pub mod teacher;
pub mod training;
pub mod transfer;
pub mod vocabulary;
