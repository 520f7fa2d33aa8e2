//! Distils a BERT-class text classifier into a student for the browser, guided by its explanations.

// `println!` and `eprintln!` panic where a pipe has closed or a disk is full; `terminal::say` does not.
#![warn(clippy::print_stdout, clippy::print_stderr)]

mod adamw;
pub mod agreement;
pub mod artefact;
pub mod attribution;
pub mod average;
mod bandit;
pub mod budget;
pub mod check;
pub mod checkpoint;
pub mod choose;
pub mod cli;
pub mod compare;
pub mod data;
pub mod device;
pub mod distill;
pub mod evaluate;
pub mod explain;
pub mod export;
pub mod faithfulness;
pub mod flow;
pub mod init;
pub mod input;
pub mod inputs;
pub mod inspect;
pub mod label;
pub mod learn;
pub mod metrics;
pub mod objective;
mod page;
pub mod plausibility;
pub mod predict;
mod product;
pub mod progress;
pub mod quantize;
pub mod rationales;
pub mod reasons;
pub mod recipe;
pub mod rounding;
pub mod sampler;
pub mod statistics;
pub mod student;
pub mod study;
pub mod teach;
pub mod teacher;
pub mod terminal;
pub mod training;
pub mod transfer;
pub mod vocabulary;
