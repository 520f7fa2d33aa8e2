//! `wasm`: compiles the runtime for the browser, binds it to JavaScript, shrinks it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use wasm_bindgen_cli_support::Bindgen;

use crate::cargo::cargo;
use crate::step::{run, step};
use crate::workspace::Workspace;
use crate::{digest, isolate, npm, setup, size};

/// The crate that is compiled, and the file cargo makes of it.
const CRATE: &str = "stillglass-wasm";
const COMPILED: &str = "stillglass_wasm.wasm";

/// The profile it is compiled in, and the folder cargo names after it.
const PROFILE: &str = "wasm";

/// Where in `pkg` the outputs are made: on the same disk as `dist`, so that moving one is one step.
const STAGING: &str = ".dist-new";

/// What ends up in `pkg/dist`.
const MODULE: &str = "stillglass_bg.wasm";
const OUTPUTS: [&str; 4] = [
    MODULE,
    "stillglass.js",
    "stillglass.d.ts",
    "stillglass_bg.wasm.d.ts",
];

/// The wasm features rustc uses for this target and every current browser has.
/// Relaxed SIMD stays off: Safari rejects a module that names it.
const FEATURES: [&str; 8] = [
    "--enable-bulk-memory",
    "--enable-bulk-memory-opt",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
    "--enable-simd",
];

/// Builds `pkg/dist` unless it is fresh, and prints what it weighs.
///
/// Everything is made in a folder of this checkout and moved into place at the end: cargo's target
/// folder may be shared with another checkout, and whoever serves `pkg/dist` sees whole files only.
pub(crate) fn build(workspace: &Workspace) -> Result<()> {
    let staging = workspace.package().join(STAGING);
    let dist = workspace.package().join("dist");
    fs::create_dir_all(&staging)?;
    let _lock = lock(&staging.join("lock"))?;
    step("build the wasm module", || {
        let compiled = compile(workspace, &staging, "", None)?;
        npm::install(&workspace.package())?;
        let stamp = staging.join("fresh");
        if is_fresh(&stamp, fingerprint(workspace, &compiled, &dist)) {
            println!("    pkg/dist: fresh");
            return Ok(());
        }
        bind(&compiled, &staging)?;
        optimise(workspace, &staging)?;
        deliver(&staging, &dist)?;
        fs::write(stamp, fingerprint(workspace, &compiled, &dist)?)?;
        Ok(())
    })?;
    step("compile the npm package", || {
        run(&mut npm::script(&workspace.package(), "build"))
    })?;
    size::print_module(workspace)
}

/// Builds the module with an entry for token ids into a folder, unless it is fresh there; `flags` take the
/// place of rustc's usual ones.
pub(crate) fn for_ids(workspace: &Workspace, folder: &Path, flags: Option<&str>) -> Result<()> {
    fs::create_dir_all(folder)?;
    let compiled = compile(workspace, folder, "ids", flags)?;
    let stamp = folder.join("fresh");
    if is_fresh(&stamp, fingerprint(workspace, &compiled, folder)) {
        println!("    {}: fresh", folder.display());
        return Ok(());
    }
    bind(&compiled, folder)?;
    optimise(workspace, folder)?;
    fs::write(stamp, fingerprint(workspace, &compiled, folder)?)?;
    Ok(())
}

/// Waits for any other build of this checkout to end; the lock goes with the file.
fn lock(path: &Path) -> Result<File> {
    let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
    if file.try_lock().is_err() {
        println!("    waiting for another build of pkg/dist");
        file.lock()?;
    }
    Ok(file)
}

/// Compiles the module and takes a copy of it at once, before another checkout compiles its own.
fn compile(
    workspace: &Workspace,
    staging: &Path,
    features: &str,
    flags: Option<&str>,
) -> Result<PathBuf> {
    let mut build = cargo(
        workspace,
        &format!(
            "build --package {CRATE} --lib --profile {PROFILE} --target {}",
            setup::WASM
        ),
    );
    build.args(["--features", features]);
    if let Some(flags) = flags {
        build.env("RUSTFLAGS", flags);
    }
    run(&mut build)?;
    let built = workspace.target(setup::WASM).join(PROFILE).join(COMPILED);
    let compiled = staging.join(COMPILED);
    fs::copy(&built, &compiled).with_context(|| format!("cannot copy {}", built.display()))?;
    Ok(compiled)
}

/// Writes the JavaScript side and the module bound to it.
fn bind(compiled: &Path, staging: &Path) -> Result<()> {
    step("bind to JavaScript", || {
        Bindgen::new()
            .input_path(compiled)
            .out_name("stillglass")
            .web(true)?
            .typescript(true)
            .remove_name_section(true)
            .remove_producers_section(true)
            .generate(staging)?;
        rewrite(&staging.join("stillglass.js"), isolate::script)?;
        rewrite(&staging.join("stillglass.d.ts"), isolate::types)
    })
}

fn rewrite(path: &Path, change: fn(&str) -> Result<String>) -> Result<()> {
    fs::write(path, change(&fs::read_to_string(path)?)?)?;
    Ok(())
}

/// Runs Binaryen's optimiser over the bound module, in place.
fn optimise(workspace: &Workspace, staging: &Path) -> Result<()> {
    step("optimise the module", || {
        let (bound, smaller) = (staging.join(MODULE), staging.join("optimised.wasm"));
        run(&mut wasm_opt(&binaryen(workspace), &bound, &smaller))?;
        fs::rename(smaller, bound)?;
        Ok(())
    })
}

/// Moves the finished files into `pkg/dist`.
fn deliver(staging: &Path, dist: &Path) -> Result<()> {
    fs::create_dir_all(dist)?;
    for name in OUTPUTS {
        fs::rename(staging.join(name), dist.join(name))
            .with_context(|| format!("cannot move {name} into {}", dist.display()))?;
    }
    Ok(())
}

fn binaryen(workspace: &Workspace) -> PathBuf {
    workspace.package().join("node_modules/binaryen")
}

/// The optimiser's command line.
///
/// It is itself compiled to JavaScript and recurses deeply, hence the larger stack. No fast-math
/// flag: the module's floats must stay bit-identical to the native build's. Constants may be folded into the
/// offsets of loads, since nothing lies in the first 1,024 bytes of memory but the end of an overflowing stack: fewer
/// instructions and a kilobyte.
fn wasm_opt(binaryen: &Path, input: &Path, output: &Path) -> Command {
    let mut command = Command::new("node");
    command
        .arg("--stack-size=8000")
        .arg(binaryen.join("bin/wasm-opt"));
    command
        .arg(input)
        .arg("-o")
        .arg(output)
        .arg("--low-memory-unused")
        .arg("-O3")
        .args(FEATURES);
    command
}

/// Tells whether the last build left the same fingerprint; a missing side never counts as fresh.
fn is_fresh(stamp: &Path, now: Result<String>) -> bool {
    matches!((fs::read_to_string(stamp), now), (Ok(then), Ok(now)) if then == now)
}

/// Names everything that decides the outputs, and the outputs themselves; fails if one is missing.
fn fingerprint(workspace: &Workspace, compiled: &Path, dist: &Path) -> Result<String> {
    let mut parts = vec![
        include_bytes!("wasm.rs").to_vec(),
        include_bytes!("isolate.rs").to_vec(),
        fs::read(workspace.path("Cargo.lock"))?,
        fs::read(binaryen(workspace).join("package.json"))?,
        fs::read(compiled)?,
    ];
    for name in OUTPUTS {
        parts.push(fs::read(dist.join(name))?);
    }
    Ok(digest::of_parts(
        &parts.iter().map(Vec::as_slice).collect::<Vec<_>>(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::anyhow;

    #[test]
    fn the_optimiser_gets_its_stack_first_and_no_lossy_flag() {
        let command = wasm_opt(Path::new("binaryen"), Path::new("a"), Path::new("b"));
        let words: Vec<_> = command
            .get_args()
            .map(|word| word.to_str().unwrap())
            .collect();
        assert_eq!(
            words[..5],
            ["--stack-size=8000", "binaryen/bin/wasm-opt", "a", "-o", "b"]
        );
        assert!(words.contains(&"--enable-simd"));
        assert!(
            !words
                .iter()
                .any(|word| word.contains("relaxed") || word.contains("fast-math"))
        );
    }

    #[test]
    fn only_an_equal_fingerprint_is_fresh() {
        let folder = tempfile::tempdir().unwrap();
        let stamp = folder.path().join("fresh");
        assert!(!is_fresh(&stamp, Err(anyhow!("an output is missing"))));
        assert!(!is_fresh(&stamp, Ok("a".into())));
        fs::write(&stamp, "a").unwrap();
        assert!(is_fresh(&stamp, Ok("a".into())));
        assert!(!is_fresh(&stamp, Ok("b".into())));
        assert!(!is_fresh(&stamp, Err(anyhow!("an output is missing"))));
    }

    #[test]
    fn outputs_replace_the_old_ones_whole() {
        let folder = tempfile::tempdir().unwrap();
        let (staging, dist) = (folder.path().join("new"), folder.path().join("dist"));
        fs::create_dir_all(&staging).unwrap();
        assert!(deliver(&staging, &dist).is_err(), "nothing to deliver");
        for time in ["first", "second"] {
            for name in OUTPUTS {
                fs::write(staging.join(name), format!("{time} {name}")).unwrap();
            }
            deliver(&staging, &dist).unwrap();
            for name in OUTPUTS {
                let found = fs::read_to_string(dist.join(name)).unwrap();
                assert_eq!(found, format!("{time} {name}"));
                assert!(!staging.join(name).exists());
            }
        }
    }

    #[test]
    fn one_build_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let first = lock(&path).unwrap();
        assert!(File::open(&path).unwrap().try_lock().is_err());
        drop(first);
        lock(&path).unwrap();
    }

    #[test]
    fn a_missing_output_has_no_fingerprint() {
        let workspace = Workspace::find().unwrap();
        let empty = tempfile::tempdir().unwrap();
        let compiled = workspace.path("Cargo.lock");
        assert!(fingerprint(&workspace, &compiled, empty.path()).is_err());
    }
}
