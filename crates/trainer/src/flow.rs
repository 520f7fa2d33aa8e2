//! The stages of a run as functions between artefacts in its folder; each skips what is done.

mod export;
mod students;
mod teacher;

use anyhow::{Context, Result};
use burn::tensor::Device;
use serde::de::DeserializeOwned;
use std::path::PathBuf;

use crate::artefact::{StageDir, State};
use crate::data::{self, Example, Split};
use crate::progress::Progress;
use crate::recipe;

pub use export::BundleArtefact;
pub use students::{StudentArtefact, StudentReport};
pub use teacher::{Labels, TeacherArtefact};

/// What a stage leaves beside its results: its figures as JSON.
const REPORT: &str = "report.json";

/// One run of one recipe.
pub struct Run<'a> {
    /// The recipe, overrides applied.
    pub recipe: recipe::Loaded,
    /// Its data.
    pub data: data::Loaded,
    /// Folder of everything the run leaves behind.
    pub folder: PathBuf,
    /// Where tensors are.
    pub device: Device,
    /// The device as `--device` names it.
    pub device_name: String,
    /// Where progress goes.
    pub progress: &'a Progress,
}

impl Run<'_> {
    fn split(&self) -> &Split {
        &self.data.split
    }

    /// Whether a stage's work is still to be done; says so where a finished one was changed.
    fn open(&self, stage: &StageDir) -> Result<bool> {
        Ok(match stage.state()? {
            State::Done(manifest) => {
                let elsewhere = match manifest.device {
                    device if device == self.device_name => String::new(),
                    device => format!(
                        " on {device}; remove the folder to compute it on {}",
                        self.device_name
                    ),
                };
                self.progress
                    .note(&format!("{}: done{elsewhere}", stage.path().display()));
                false
            }
            State::Open => true,
            State::Damaged(why) => {
                self.progress.note(&format!(
                    "{}: {why}; doing it again",
                    stage.path().display()
                ));
                true
            }
        })
    }
}

fn columns(examples: &[Example]) -> (Vec<&str>, Vec<usize>) {
    examples
        .iter()
        .map(|example| (example.text.as_str(), example.label))
        .unzip()
}

/// A finished stage's [`REPORT`].
fn read_report<T: DeserializeOwned>(stage: &StageDir) -> Result<T> {
    let path = stage.file(REPORT);
    let bytes = std::fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
    serde_json::from_slice(&bytes).with_context(|| format!("report {}", path.display()))
}
