//! The stages of a run as functions between artefacts in its folder; each skips what is done.

mod export;
mod students;
mod teacher;

use anyhow::Result;
use burn::tensor::Device;
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

/// The teacher's own mask word, which the transfer set puts in place of words.
const MASK: &str = "[MASK]";

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
            State::Done(_) => {
                self.progress
                    .note(&format!("{}: done", stage.path().display()));
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
