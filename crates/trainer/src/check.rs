//! Looks at everything a run will need, and trains nothing.

use std::fmt::Write;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use rayon::prelude::*;
use serde::Serialize;
use serde_json::Value;

use crate::data::{self, Report, Split};
use crate::recipe::{Objective, Recipe, TeacherSection};
use crate::teacher::{self, Config, FILES, TeacherTokenizer};

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

/// The base of the teacher.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Base {
    /// Its folder.
    pub folder: PathBuf,
    /// Encoder family.
    pub family: String,
    /// Layers.
    pub layers: usize,
    /// Width of a token's state.
    pub hidden: usize,
    /// Size of the weights' file.
    pub bytes: u64,
    /// Training texts longer than `teacher.max_tokens`.
    pub cut: usize,
}

/// Checks data, base and disk of a recipe that is itself valid; `folder` is where a run writes.
pub fn check(recipe: &Recipe, folder: &Path) -> Result<Findings> {
    let loaded = data::load(&recipe.data)?;
    let mut warnings = warnings(&loaded.report);
    let teacher = match base_folder(&recipe.teacher)? {
        Some(folder) => Some(base(recipe, &folder, &loaded.split)?),
        None => {
            let base = &recipe.teacher.base;
            warnings.push(format!(
                "{base} is not in the hub's cache; the run will download it"
            ));
            None
        }
    };
    if let Some(base) = teacher.as_ref().filter(|base| base.cut > 0) {
        let (cut, most) = (base.cut, recipe.teacher.max_tokens);
        warnings.push(format!(
            "{cut} training texts have more than teacher.max_tokens = {most}"
        ));
    }
    let disk_needed = disk_needed(recipe, &loaded.split, teacher.as_ref());
    let disk_free = disk_free(folder);
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
    for split in &report.splits {
        for (label, count) in report.labels.iter().zip(&split.counts) {
            let few = if split.split == "train" { 10 } else { 1 };
            if *count < few {
                found.push(format!(
                    "label \"{label}\" has {count} row(s) in {}",
                    split.split
                ));
            }
        }
    }
    found
}

/// Where the base lies; none for a hub id that is not in the cache. Asks no network.
fn base_folder(section: &TeacherSection) -> Result<Option<PathBuf>> {
    let local = Path::new(&section.base).is_dir();
    let hub_id = section.base.split('/').count() == 2 && !section.base.starts_with(['.', '/', '~']);
    if let (false, true, Some(revision)) = (local, hub_id, &section.revision) {
        let repository = hf_hub::Repo::with_revision(
            section.base.clone(),
            hf_hub::RepoType::Model,
            revision.clone(),
        );
        let cache = hf_hub::Cache::from_env().repo(repository);
        let files = FILES.map(|name| cache.get(name));
        let folder = files.iter().flatten().next().and_then(|file| file.parent());
        return Ok(folder
            .filter(|_| files.iter().all(Option::is_some))
            .map(Path::to_owned));
    }
    // Everything else is answered without the network: a folder, or an error that says what it is not.
    teacher::locate(&section.base, section.revision.as_deref()).map(Some)
}

fn base(recipe: &Recipe, folder: &Path, split: &Split) -> Result<Base> {
    let within = || format!("teacher {}", folder.display());
    let text = |name: &str| {
        std::fs::read_to_string(folder.join(name)).with_context(|| format!("{}: {name}", within()))
    };
    let config = Config::parse(&text(FILES[0])?).with_context(within)?;
    let tokenizer = TeacherTokenizer::parse(text(FILES[1])?).with_context(within)?;
    let weights = folder.join(FILES[2]);
    check_header(&weights).with_context(|| format!("teacher {}", weights.display()))?;
    if recipe.teacher.epochs == 0 {
        ensure!(
            config.labels == split.labels,
            "teacher {}: teacher.epochs is 0, so its labels must be the data's; they are {:?}, the \
             data's {:?}; set data.labels to the teacher's order",
            folder.display(),
            config.labels,
            split.labels
        );
    }
    let most = recipe.teacher.max_tokens.min(config.max_length());
    let lengths: Vec<usize> = split
        .train
        .par_iter()
        .map(|example| Ok(tokenizer.encode(&example.text, &[], usize::MAX)?.ids.len()))
        .collect::<Result<_>>()?;
    Ok(Base {
        folder: folder.to_owned(),
        family: format!("{:?}", config.family).to_lowercase(),
        layers: config.layers,
        hidden: config.hidden,
        bytes: std::fs::metadata(&weights)?.len(),
        cut: lengths.into_iter().filter(|length| *length > most).count(),
    })
}

/// Reads a safetensors file's header alone, and that the file is as long as it says.
fn check_header(path: &Path) -> Result<()> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    let mut size = [0; 8];
    file.read_exact(&mut size)
        .context("too short for a safetensors file")?;
    let header = u64::from_le_bytes(size);
    ensure!(
        (2..=length.saturating_sub(8).min(100 << 20)).contains(&header),
        "no safetensors file: its header would have {header} bytes; convert it, or fetch it again"
    );
    let mut text = Vec::new();
    file.take(header).read_to_end(&mut text)?;
    let parsed: Value = serde_json::from_slice(&text).context("its header is no JSON")?;
    let ends = parsed
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(_, tensor)| tensor.get("data_offsets")?.get(1)?.as_u64());
    let want = 8 + header + ends.max().unwrap_or(0);
    ensure!(
        want == length,
        "it has {length} bytes, its header says {want}; fetch it again"
    );
    Ok(())
}

/// Checkpoints hold weights and two moments, of the best and the last epoch and of the one being
/// written; the label cache a record a text.
fn disk_needed(recipe: &Recipe, split: &Split, base: Option<&Base>) -> u64 {
    const STUDENT: u64 = 64 << 20;
    let classes = split.labels.len() as u64;
    let fine_tuned = recipe.teacher.epochs > 0;
    // Where the base is not here yet, count a BERT-base and its download.
    let weights = base.map_or(440_000_000, |base| base.bytes);
    let download = if base.is_none() { weights } else { 0 };
    let teacher = download + if fine_tuned { 10 * weights } else { 0 };
    let explained: u64 = split
        .train
        .iter()
        .chain(&split.validation)
        .map(|example| 100 + classes * 4 * (2 + example.text.split_whitespace().count() as u64 * 2))
        .sum();
    let variants = match recipe.distill.objective {
        Objective::Labels => 0,
        _ => split.train.len() * recipe.transfer.variants,
    };
    teacher
        + explained
        + variants as u64 * (100 + 12 * classes)
        + recipe.distill.runs as u64 * STUDENT
}

#[cfg(unix)]
fn disk_free(folder: &Path) -> Option<u64> {
    let there = std::path::absolute(folder).ok()?;
    let there = there.ancestors().find(|folder| folder.is_dir())?;
    let volume = rustix::fs::statvfs(there).ok()?;
    Some(volume.f_bavail * volume.f_frsize)
}

#[cfg(not(unix))]
fn disk_free(_folder: &Path) -> Option<u64> {
    None
}

fn gigabytes(bytes: u64) -> String {
    format!("{:.1} GB", bytes as f64 / 1e9)
}

impl Findings {
    /// The same for a person to read.
    pub fn text(&self) -> String {
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
        let _ = writeln!(out, "ready    stillglass run");
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
