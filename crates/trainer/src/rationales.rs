//! Reasons in words, asked of a language model and cleaned.
//!
//! `ask` fills a prompt for each row and sends it to an endpoint of the `OpenAI` protocol (llama.cpp, Ollama, vLLM, a
//! hosted one); every reply is kept under the hash of what was asked, so that a stopped job goes on and nothing is paid
//! for twice. `clean` makes targets to learn from of what came back.

mod ask;
mod clean;
mod endpoint;
mod gather;
mod prompt;

pub use ask::{Budget, Job, Outcome, Price, Spent, ask};
pub use clean::{Cleaned, Counts, clean, clean_file};
pub use endpoint::{Endpoint, Patience, Reply, Sampling};
pub use gather::{Gathered, gather};
pub use prompt::{Asking, Kind, Prompt, Row, Rows, rows};
