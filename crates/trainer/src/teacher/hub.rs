//! Where a teacher's files are: a local directory, or a pinned revision of a hub repository.

use anyhow::{Context, Result, bail, ensure};
use std::path::{Path, PathBuf};

use super::FILES;

/// The directory holding the teacher's files; downloads them when `base` is a hub id.
///
/// A hub id needs a `revision` (a commit hash), so that the same recipe means the same weights.
pub fn locate(base: &str, revision: Option<&str>) -> Result<PathBuf> {
    let path = Path::new(base);
    refuse_file(path)?;
    if path.is_dir() {
        check(path)?;
        return Ok(path.to_owned());
    }
    ensure!(
        is_id(base),
        "teacher {base}: no such directory, and not a hub id of the form owner/name; name the base in teacher.base"
    );
    let Some(revision) = revision else {
        bail!(
            "teacher {base}: there is no such folder here; if it is a hub id, name the commit to pin in \
             teacher.revision"
        );
    };
    let api = hf_hub::api::sync::ApiBuilder::from_env().build();
    let api = api.context("opening the model hub's cache")?;
    let repository = api.repo(hf_hub::Repo::with_revision(
        base.to_owned(),
        hf_hub::RepoType::Model,
        revision.to_owned(),
    ));
    let mut directory = PathBuf::new();
    for file in FILES {
        let path = repository.get(file).with_context(|| {
            format!("teacher {base} at {revision}: fetching {file}; only safetensors checkpoints with a tokenizer.json are read")
        })?;
        directory = path.parent().map(Path::to_owned).unwrap_or_default();
    }
    Ok(directory)
}

/// Whether a base that is no folder here may be one of the hub's, owner/name.
pub fn is_id(base: &str) -> bool {
    base.split('/').count() == 2 && !base.starts_with(['.', '/', '~'])
}

/// Errors where `path` is no folder that holds a teacher's files; says what it is instead, and asks no
/// network.
pub fn check_folder(path: &Path) -> Result<()> {
    refuse_file(path)?;
    ensure!(
        path.is_dir(),
        "teacher {}: there is no such folder here; `stillglass teach` prints the one that it leaves, and a \
         checkpoint of the hub has to be downloaded first",
        path.display()
    );
    check(path)
}

/// Errors where a file is taken for a teacher's folder.
fn refuse_file(path: &Path) -> Result<()> {
    let bundle = path.extension().is_some_and(|ending| ending == "glass");
    let what = if bundle { "a bundle" } else { "a file" };
    ensure!(
        !path.is_file(),
        "teacher {}: this is {what}; name the folder that holds {}",
        path.display(),
        FILES.join(", ")
    );
    Ok(())
}

/// Errors with the names of missing files.
fn check(directory: &Path) -> Result<()> {
    let missing: Vec<_> = FILES
        .iter()
        .filter(|name| !directory.join(name).is_file())
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let way_out = if directory.join("pytorch_model.bin").is_file() {
        "; pickled weights are not read, convert them to safetensors"
    } else if missing == [&FILES[1]] {
        "; in Python, AutoTokenizer.from_pretrained(…).save_pretrained(…) writes it"
    } else {
        ""
    };
    bail!(
        "teacher {}: {missing:?} missing{way_out}",
        directory.display()
    );
}
