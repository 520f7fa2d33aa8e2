//! `bench`: Stillglass beside the runtimes one would otherwise take, in one session of a real browser.
//!
//! Everything is made here and handed to `tests/bench/measure.mjs`, which measures: the module as it ships,
//! the same with an entry for token ids, with SIMD and without, bundles with made-up weights, and the ONNX
//! files that hold the same weights.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use clap::builder::NonEmptyStringValueParser;

use crate::cargo::cargo;
use crate::step::{run, step};
use crate::workspace::Workspace;
use crate::{chromium, digest, npm, python, setup, wasm};

/// Where in the benchmark's folder the README's figures lie.
const RESULTS: &str = "results";
/// The committed student that is measured, and whose words the made-up models read.
const STUDENT: &str = "web/models/finance.glass";
/// What makes the module compile without SIMD.
const SCALAR: &str = "-C target-feature=-simd128 --cfg stillglass_scalar";
/// What a run leaves.
const OUTPUTS: [&str; 3] = ["bench.json", "bench.md", "bench.svg"];

/// How much is measured, and where it goes.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// A tenth of the calls: figures in some minutes, for orientation
    #[arg(long)]
    quick: bool,
    /// Measure only the parts whose names begin so; may be given again
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    only: Vec<String>,
    /// Classify real texts, a JSONL file with a `text` in each line, in place of made-up ones
    #[arg(long, value_name = "FILE", value_parser = absolute)]
    texts: Option<PathBuf>,
    /// Copy the results into this folder, too
    #[arg(long, value_name = "FOLDER", value_parser = absolute)]
    out: Option<PathBuf>,
    /// Copy them to where the README has them, tests/bench/results: all parts, made-up texts
    #[arg(long, conflicts_with_all = ["out", "quick", "only", "texts"])]
    commit: bool,
}

/// A path as whoever gave it sees it: the command goes on in the checkout's folder.
fn absolute(path: &str) -> io::Result<PathBuf> {
    std::path::absolute(path)
}

/// What the driver is given.
struct Made {
    work: PathBuf,
    chromium: PathBuf,
    python: PathBuf,
    native: PathBuf,
}

/// Makes what is measured, measures, and copies the results where they are wanted.
pub(crate) fn bench(workspace: &Workspace, options: &Options) -> Result<()> {
    step("set up the benchmark", || {
        npm::check_node()?;
        npm::install(&workspace.benchmark())?;
        // Before the long part, whether all that was asked can be done.
        if let Some(folder) = &options.out {
            make_folder(folder)?;
        }
        run(driver(workspace, options).arg("--plan"))
    })?;
    let made = make(workspace)?;
    step("measure", || {
        run(made.extend(&mut driver(workspace, options)))
    })?;
    let out = match (&options.out, options.commit) {
        (Some(folder), _) => folder.clone(),
        (None, true) => workspace.benchmark().join(RESULTS),
        (None, false) => made.work.clone(),
    };
    deliver(&made.work, &out)
}

fn make(workspace: &Workspace) -> Result<Made> {
    let work = workspace.target("bench");
    let folder = workspace.benchmark();
    let chromium = chromium::find()?;
    setup::building(workspace)?;
    let python = step("bring onnxruntime and PyTorch", || {
        python::environment(
            &work.join("python"),
            &folder.join("python/requirements.txt"),
        )
        .context("pip could not bring them; does it reach a package index?")
    })?;
    wasm::build(workspace)?;
    for (name, flags) in [("simd", None), ("scalar", Some(SCALAR))] {
        step(&format!("build the module for token ids, {name}"), || {
            wasm::for_ids(workspace, &work.join("modules").join(name), flags)
        })?;
    }
    let native = step("build the native side", || native(workspace))?;
    step("make the models", || models(workspace, &work, &python))?;
    Ok(Made {
        work,
        chromium,
        python,
        native,
    })
}

/// The examples, compiled as cargo installs the trainer; the one that is measured.
fn native(workspace: &Workspace) -> Result<PathBuf> {
    run(&mut cargo(
        workspace,
        "build --quiet --release --package stillglass-tests --example bench_native --example \
         bench_bundles",
    ))?;
    Ok(example(workspace, "bench_native"))
}

fn example(workspace: &Workspace, name: &str) -> PathBuf {
    let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    workspace.target("release/examples").join(file)
}

/// Bundles, and the ONNX files made of them, unless they are those of the last run.
fn models(workspace: &Workspace, work: &Path, python: &Path) -> Result<()> {
    let folder = work.join("models");
    let scripts = workspace.benchmark().join("python");
    let maker = example(workspace, "bench_bundles");
    let student = workspace.path(STUDENT);
    let stamp = folder.join("made-of");
    let wanted = fingerprint(&scripts, &[&maker, &student])?;
    if fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) {
        println!("    {}: fresh", folder.display());
        return Ok(());
    }
    fs::create_dir_all(&folder)?;
    // What is made halfway is not fresh.
    if stamp.exists() {
        fs::remove_file(&stamp)?;
    }
    run(Command::new(maker).arg(student).arg(&folder))?;
    run(Command::new(python)
        .arg(scripts.join("export.py"))
        .arg(&folder))?;
    fs::write(stamp, wanted)?;
    Ok(())
}

/// What decides which models there are.
fn fingerprint(scripts: &Path, others: &[&Path]) -> Result<String> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(scripts)? {
        let path = entry?.path();
        if path.extension().is_some_and(|it| it == "py" || it == "txt") {
            paths.push(path);
        }
    }
    paths.sort();
    let files = paths
        .iter()
        .map(PathBuf::as_path)
        .chain(others.iter().copied());
    let digests: Vec<_> = files.map(digest::of_file).collect::<Result<_>>()?;
    let digests: Vec<_> = digests.iter().map(String::as_bytes).collect();
    Ok(digest::of_parts(&digests))
}

/// The program that measures.
fn driver(workspace: &Workspace, options: &Options) -> Command {
    let mut node = Command::new("node");
    node.arg(workspace.benchmark().join("measure.mjs"));
    for name in &options.only {
        node.arg(format!("--only={name}"));
    }
    if let Some(texts) = &options.texts {
        node.arg("--texts").arg(texts);
    }
    if options.quick {
        node.arg("--quick");
    }
    node
}

impl Made {
    /// Tells the driver where things are.
    fn extend<'a>(&self, driver: &'a mut Command) -> &'a mut Command {
        for (name, path) in [
            ("--work", &self.work),
            ("--chromium", &self.chromium),
            ("--python", &self.python),
            ("--native", &self.native),
        ] {
            driver.arg(name).arg(path);
        }
        driver
    }
}

fn make_folder(path: &Path) -> Result<()> {
    fs::create_dir_all(path).with_context(|| format!("cannot make {}", path.display()))
}

/// Puts the results where they are wanted and says where that is.
fn deliver(work: &Path, out: &Path) -> Result<()> {
    make_folder(out)?;
    for name in OUTPUTS {
        let (from, to) = (work.join(name), out.join(name));
        if from != to {
            fs::copy(&from, &to).with_context(|| format!("cannot write {}", to.display()))?;
        }
        println!("    {}", to.display());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_are_made_anew_when_a_script_changes() {
        let folder = tempfile::tempdir().unwrap();
        let [script, other, maker] =
            ["export.py", "notes.md", "maker"].map(|name| folder.path().join(name));
        for path in [&script, &other, &maker] {
            fs::write(path, "1").unwrap();
        }
        let now = || fingerprint(folder.path(), &[&maker]).unwrap();
        let before = now();
        fs::write(&other, "2").unwrap();
        assert_eq!(now(), before);
        fs::write(&script, "2").unwrap();
        let after = now();
        assert_ne!(after, before);
        fs::write(&maker, "2").unwrap();
        assert_ne!(now(), after);
    }

    #[test]
    fn results_go_where_they_are_wanted() {
        let (work, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let out = out.path().join("results");
        assert!(deliver(work.path(), &out).is_err(), "nothing was measured");
        for name in OUTPUTS {
            fs::write(work.path().join(name), name).unwrap();
        }
        deliver(work.path(), &out).unwrap();
        deliver(work.path(), work.path()).unwrap();
        for name in OUTPUTS {
            assert_eq!(fs::read_to_string(out.join(name)).unwrap(), name);
        }
    }
}
