//! The stages of a run as functions between artefacts in its folder; each skips what is done.

mod budget;
mod export;
mod labels;
mod rows;
mod students;
mod teacher;

use anyhow::{Context, Result};
use burn::tensor::Device;
use serde::de::DeserializeOwned;
use std::path::PathBuf;

use crate::artefact::{Lock, StageDir, State};
use crate::checkpoint::Checkpoints;
use crate::data::{self, Example, Split};
use crate::progress::Progress;
use crate::quantize::Outline;
use crate::{export as bundles, recipe};

pub use export::BundleArtefact;
pub use labels::Labels;
pub use students::{StudentArtefact, StudentReport};
pub use teacher::TeacherArtefact;
pub(crate) use teacher::{Asked, teacher_hash};

/// What the last export came to, as JSON, beside the bundle.
pub const SUMMARY: &str = "run.json";

/// What a stage leaves beside its results: its figures as JSON.
const REPORT: &str = "report.json";

/// Where a stage that trains keeps its checkpoints until it is finished.
const CHECKPOINTS: &str = "checkpoints";

/// Errors where a recipe, or an arm of one, could not come to a bundle whatever is learnt: to be asked before anything is
/// taught. `base` is of the teacher's base, where that is here.
pub(crate) fn check_ahead(
    recipe: &recipe::Loaded,
    split: &Split,
    base: Option<&Outline>,
) -> Result<()> {
    let section = &recipe.recipe.student;
    let layers = match base {
        Some(base) => base.check(section)?,
        None => None,
    };
    bundles::check_ahead(recipe, &split.labels, layers)?;
    labels::check_teachers(&recipe.recipe, split)
}

/// One run of one recipe.
pub struct Run<'a> {
    /// The recipe, overrides applied.
    pub recipe: recipe::Loaded,
    /// Its data.
    pub data: data::Loaded,
    /// Folder of everything the run leaves behind.
    pub folder: PathBuf,
    /// Keeps other processes away from that folder.
    pub lock: Lock,
    /// Where the teacher is.
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
    pub(crate) fn open_quietly(&self, stage: &StageDir) -> Result<bool> {
        Ok(match stage.state()? {
            State::Done(_) => false,
            State::Open => true,
            State::Damaged(why) => {
                self.damaged(stage, &why);
                true
            }
        })
    }

    fn damaged(&self, stage: &StageDir, why: &str) {
        let path = stage.path().display();
        self.progress
            .note(&format!("{path}: {why}; it counts as not done"));
    }

    /// Whether a stage's work is still to be done, which would be on `device`; says so where it is done, and
    /// where a finished one was changed.
    fn open(&self, stage: &StageDir, device: &str) -> Result<bool> {
        Ok(match stage.state()? {
            State::Done(manifest) => {
                // Left where a process was killed between the manifest and this.
                Checkpoints::clear(&stage.file(CHECKPOINTS))?;
                let elsewhere = match manifest.device {
                    before if before == device => String::new(),
                    before => {
                        format!(" on {before}; remove the folder to compute it on {device}")
                    }
                };
                self.progress
                    .note(&format!("{}: done{elsewhere}", stage.path().display()));
                false
            }
            State::Open => true,
            State::Damaged(why) => {
                self.damaged(stage, &why);
                true
            }
        })
    }
}

/// Texts and labels.
pub(crate) fn columns(examples: &[Example]) -> (Vec<&str>, Vec<usize>) {
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
