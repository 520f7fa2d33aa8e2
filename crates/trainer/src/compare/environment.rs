//! Where a table was made.

use serde::{Deserialize, Serialize};
use std::fs;

use crate::artefact::VERSION;

/// The machine and the program, as far as figures hang on them.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Environment {
    /// Operating system and kind of processor.
    pub system: String,
    /// The processor, where the system tells.
    pub processor: Option<String>,
    /// Threads that it runs at a time.
    pub threads: usize,
    /// Version of the trainer.
    pub trainer: String,
}

impl Environment {
    /// This one.
    pub fn here() -> Self {
        let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = cpus.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            (name.trim() == "model name").then(|| value.trim().to_owned())
        });
        Self {
            system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            processor: model,
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            trainer: VERSION.into(),
        }
    }

    /// The same for a person to read.
    pub fn text(&self) -> String {
        let processor = self.processor.as_deref().unwrap_or("unknown processor");
        let Self {
            system,
            threads,
            trainer,
            ..
        } = self;
        format!("{system}, {processor}, {threads} threads, stillglass {trainer}")
    }
}
