//! Room for what a run writes.

use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::Base;
use crate::artefact::takes_files;
use crate::data::Split;
use crate::recipe::Recipe;

/// Bytes a run may write, roughly. Checkpoints hold weights and two moments, of the best and the last
/// epoch and of the one being written; the label cache a record a text.
pub(super) fn needed(recipe: &Recipe, split: &Split, base: Option<&Base>) -> u64 {
    const STUDENT: u64 = 64 << 20;
    let classes = split.labels.len() as u64;
    let fine_tuned = recipe.teacher.epochs > 0;
    // Where the base is not here yet, count a BERT-base and its download.
    let weights = base.map_or(440_000_000, |base| base.bytes);
    let download = if base.is_none() { weights } else { 0 };
    // Every fold has one, beside the one that students are compared with.
    let teachers = (recipe.label.teachers + recipe.label.folds) as u64;
    let teacher = download
        + if fine_tuned {
            10 * weights * teachers
        } else {
            0
        };
    let objective = recipe.distill.objective;
    let asked = match recipe.label.rows {
        _ if !objective.reads_explanations() => 0,
        0 => split.train.len(),
        rows => rows.min(split.train.len()),
    };
    let explained: u64 = split.train[..asked]
        .iter()
        .chain(&split.validation)
        .map(|example| 100 + classes * 4 * (2 + example.text.split_whitespace().count() as u64 * 2))
        .sum();
    let variants = if recipe.distill.transfer {
        let sources = split.train.len() + split.unlabeled.len();
        sources * recipe.transfer.variants + split.unlabeled.len()
    } else {
        0
    };
    let features = if recipe.distill.online > 0 {
        (split.train.len() + variants) as u64 * 4 * base.map_or(768, |base| base.hidden as u64)
    } else {
        0
    };
    teacher
        + features
        + teachers * (explained + variants as u64 * (100 + 12 * classes))
        + recipe.distill.runs as u64 * STUDENT
}

/// Errors where a run could make no files in `folder`, which need not exist yet.
pub(super) fn writable(folder: &Path) -> Result<()> {
    let named = || format!("run folder {}", folder.display());
    let whole = std::path::absolute(folder).with_context(named)?;
    let there = whole
        .ancestors()
        .find(|path| path.symlink_metadata().is_ok());
    let there = there.with_context(named)?;
    let way_out = "choose another folder with --runs";
    ensure!(
        there.is_dir(),
        "{}: {} is no folder; {way_out}",
        named(),
        there.display()
    );
    takes_files(there)
        .with_context(|| format!("{}: can't write in {}; {way_out}", named(), there.display()))
}

/// Bytes free on the disk of `folder`, which need not exist yet.
#[cfg(unix)]
pub(super) fn free(folder: &Path) -> Option<u64> {
    let there = std::path::absolute(folder).ok()?;
    let there = there.ancestors().find(|folder| folder.is_dir())?;
    let volume = rustix::fs::statvfs(there).ok()?;
    Some(volume.f_bavail * volume.f_frsize)
}

/// Not known on this system.
#[cfg(not(unix))]
pub(super) fn free(_folder: &Path) -> Option<u64> {
    None
}
