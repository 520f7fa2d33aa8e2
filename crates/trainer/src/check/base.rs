//! The base of the teacher: is it there, whole, and of a kind the trainer reads?

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use rayon::prelude::*;
use serde::Serialize;
use serde_json::Value;

use crate::data::Split;
use crate::device;
use crate::recipe::{Recipe, TeacherSection};
use crate::teacher::{self, FILES, Head, Teacher, is_id};

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

/// Where the base lies; none for a hub id that is not in the cache. Asks no network.
pub(super) fn folder(section: &TeacherSection) -> Result<Option<PathBuf>> {
    let local = Path::new(&section.base).is_dir();
    if let (false, true, Some(revision)) = (local, is_id(&section.base), &section.revision) {
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

pub(super) fn read(recipe: &Recipe, folder: &Path, split: &Split) -> Result<Base> {
    let weights = folder.join(FILES[2]);
    check_header(&weights).with_context(|| format!("teacher {}", weights.display()))?;
    // As a run begins: whatever of it does not fit together is found here.
    let head = match recipe.teacher.epochs {
        0 => Head::Own,
        _ => Head::New(&split.labels, recipe.teacher.pooling),
    };
    let Teacher {
        config, tokenizer, ..
    } = Teacher::load(folder, head, &device::processor())?;
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
