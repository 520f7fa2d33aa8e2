//! Looks at everything a run will need, and trains nothing.

mod base;
mod disk;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use anyhow::{Result, bail, ensure};
use serde::Serialize;

pub use base::Base;

use crate::artefact::{check_target, same_file};
use crate::compare;
use crate::data::{self, Report};
use crate::flow::{SUMMARY, check_ahead};
use crate::quantize::Outline;
use crate::recipe;

/// What there is to know before a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Findings {
    /// Name of the recipe.
    pub name: String,
    /// Splits, counts, leakage.
    pub data: Report,
    /// Hash of the rows.
    pub data_hash: String,
    /// The base; none while it is still on the hub.
    pub teacher: Option<Base>,
    /// Bytes a run may write, roughly.
    pub disk_needed: u64,
    /// Bytes free where it will write, if the system tells.
    pub disk_free: Option<u64>,
    /// What should be looked at, but stops nothing.
    pub warnings: Vec<String>,
}

/// Checks data, base and disk of a recipe that is itself valid, as are those of its comparison's `arms`; `folder` is where a
/// run writes.
pub fn check(
    from: &recipe::Loaded,
    arms: &BTreeMap<String, recipe::Loaded>,
    folder: &Path,
) -> Result<Findings> {
    let recipe = &from.recipe;
    disk::writable(folder)?;
    check_outputs(recipe, folder)?;
    let loaded = data::load(&recipe.data)?;
    check_ahead(from, &loaded.split, None)?;
    let mut warnings = warnings(&loaded.report);
    let base_folder = base::folder(&recipe.teacher)?;
    if base_folder.is_none() {
        let base = &recipe.teacher.base;
        warnings.push(format!(
            "{base} is not in the hub's cache; the run will download it"
        ));
    }
    let teacher = base_folder
        .as_deref()
        .map(|folder| base::read(recipe, folder, &loaded.split))
        .transpose()?;
    let outline = base_folder.as_deref().map(Outline::read).transpose()?;
    check_ahead(from, &loaded.split, outline.as_ref())?;
    compare::check_arms(arms, &loaded.split, outline.as_ref())?;
    if let Some(base) = teacher.as_ref().filter(|base| base.cut > 0) {
        let (cut, most) = (base.cut, recipe.teacher.max_tokens);
        warnings.push(format!(
            "{cut} training texts have more than teacher.max_tokens = {most}"
        ));
    }
    let disk_needed = disk::needed(recipe, &loaded.split, teacher.as_ref());
    let disk_free = disk::free(folder);
    if let Some(free) = disk_free {
        ensure!(
            free >= disk_needed,
            "{}: {} free, a run may write {}; free some, or choose another disk with --runs",
            folder.display(),
            gigabytes(free),
            gigabytes(disk_needed)
        );
    }
    Ok(Findings {
        name: recipe.name.clone(),
        data: loaded.report,
        data_hash: loaded.hash,
        teacher,
        disk_needed,
        disk_free,
        warnings,
    })
}

/// Errors where a run in `folder` could not leave its files there, or would put one in the place of the
/// recipe's own rows.
pub fn check_outputs(recipe: &recipe::Recipe, folder: &Path) -> Result<()> {
    let table = folder.join(compare::FOLDER);
    ensure!(
        table.is_dir() || table.symlink_metadata().is_err(),
        "{}: this is no folder, and a comparison would write there; move it away",
        table.display()
    );
    let bundle = format!("{}.glass", recipe.name);
    let data = &recipe.data;
    let rows: Vec<(&str, &String)> = data.files().collect();
    for name in [&bundle, "recipe.toml", "data.json", "report.html", SUMMARY] {
        let output = folder.join(name);
        if output.symlink_metadata().is_err() {
            continue;
        }
        check_target(&output)?;
        for &(split, path) in &rows {
            if same_file(Path::new(path), &output) {
                bail!(
                    "data.{split} = \"{path}\": the run's own {name} would take its place; move it to another \
                     folder"
                );
            }
        }
    }
    Ok(())
}

/// Rows of a split below which its figures say next to nothing.
const TELLING: usize = 50;

/// What is odd about the data.
pub fn warnings(report: &Report) -> Vec<String> {
    let mut found = Vec::new();
    for leak in report.leakage.iter().filter(|leak| leak.rows > 0) {
        found.push(format!(
            "leakage: {} {} row(s) are, but for case and space, also in {}",
            leak.rows, leak.later, leak.earlier
        ));
    }
    if report.repeated > 0 {
        found.push(format!(
            "{} training row(s) repeat the text of an earlier one",
            report.repeated
        ));
    }
    if report.contradictions > 0 {
        let count = report.contradictions;
        found.push(format!(
            "{count} training text(s) occur under more than one label"
        ));
    }
    let named: Option<usize> = report.splits.iter().map(|split| split.named).sum();
    if named == Some(0) {
        found.push(
            "no row has a word that people named; is data.rationale the right column?".into(),
        );
    }
    for (column, _) in report.reasons.iter().filter(|(_, rows)| **rows == 0) {
        found.push(format!(
            "no training row has a reason in column `{column}` that can be used; is that the right one?"
        ));
    }
    for split in ["train", "validation", "test"] {
        let parts = report.splits.iter().filter(|part| part.split == split);
        let rows: usize = parts
            .clone()
            .map(|part| part.counts.iter().sum::<usize>())
            .sum();
        if split != "train" && (1..TELLING).contains(&rows) {
            found.push(format!(
                "{split} has {rows} row(s), of which one is {:.1} points of accuracy",
                100.0 / rows as f64
            ));
        }
        for (class, label) in report.labels.iter().enumerate() {
            let count: usize = parts.clone().map(|part| part.counts[class]).sum();
            let few = if split == "train" { 10 } else { 1 };
            if count < few {
                found.push(format!("label \"{label}\" has {count} row(s) in {split}"));
            }
        }
    }
    if let Some(repeated) = report.unlabeled_repeated.filter(|_| report.unlabeled == 0) {
        found.push(format!(
            "data.unlabeled has no text of its own; {repeated} are empty, repeated or labelled"
        ));
    }
    found
}

fn gigabytes(bytes: u64) -> String {
    format!("{:.1} GB", bytes as f64 / 1e9)
}

impl Findings {
    /// The same for a person to read, who goes on with `recipe`.
    pub fn text(&self, recipe: &Path) -> String {
        let mut out = String::new();
        let labels = &self.data.labels;
        let widths: Vec<usize> = labels
            .iter()
            .map(|label| label.chars().count().max(7))
            .collect();
        // Writing to a string can't fail.
        let _ = write!(out, "{:<10}  {:>7}", "split", "rows");
        for (label, width) in labels.iter().zip(&widths) {
            let _ = write!(out, "  {label:>width$}");
        }
        out.push('\n');
        for split in &self.data.splits {
            let _ = write!(out, "{:<10}  {:>7}", split.split, split.rows);
            for (count, width) in split.counts.iter().zip(&widths) {
                let _ = write!(out, "  {count:>width$}");
            }
            let _ = writeln!(
                out,
                "  {}",
                left_out(split.marked_duplicates, split.bad_rows)
            );
        }
        if let Some(repeated) = self.data.unlabeled_repeated {
            let _ = write!(out, "{:<10}  {:>7}", "unlabeled", self.data.unlabeled);
            match repeated {
                0 => out.push('\n'),
                _ => {
                    let _ = writeln!(
                        out,
                        "  without {repeated} that are empty, repeated or labelled"
                    );
                }
            }
        }
        for (column, rows) in &self.data.reasons {
            let _ = writeln!(out, "reasons     {rows:>7}  training rows with `{column}`");
        }
        let leaked: usize = self.data.leakage.iter().map(|leak| leak.rows).sum();
        let _ = writeln!(out, "\nleakage  {leaked} row(s) between splits");
        if let Some(base) = &self.teacher {
            let _ = writeln!(
                out,
                "teacher  {}: {}, {} layers of {}, {} MB",
                base.folder.display(),
                base.family,
                base.layers,
                base.hidden,
                base.bytes / 1_000_000
            );
        }
        let free = self.disk_free.map_or("unknown".into(), gigabytes);
        let _ = writeln!(
            out,
            "disk     about {} needed, {free} free",
            gigabytes(self.disk_needed)
        );
        for warning in &self.warnings {
            let _ = writeln!(out, "note     {warning}");
        }
        let _ = writeln!(out, "ready    stillglass run {}", recipe.display());
        out
    }
}

fn left_out(duplicates: usize, bad: usize) -> String {
    match (duplicates, bad) {
        (0, 0) => String::new(),
        (duplicates, 0) => format!("without {duplicates} marked copies of earlier rows"),
        (0, bad) => format!("without {bad} bad rows"),
        (duplicates, bad) => format!("without {duplicates} marked copies and {bad} bad rows"),
    }
}
