//! `wasm`: compiles the runtime for the browser, binds it to JavaScript, shrinks it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use wasm_bindgen_cli_support::Bindgen;

use crate::cargo::cargo;
use crate::step::{run, step};
use crate::workspace::Workspace;
use crate::{digest, npm, setup, size};

/// The crate that is compiled, and the file cargo makes of it.
const CRATE: &str = "stillglass-wasm";
const COMPILED: &str = "stillglass_wasm.wasm";

/// The profile it is compiled in, and the folder cargo names after it.
const PROFILE: &str = "wasm";

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
pub(crate) fn build(workspace: &Workspace) -> Result<()> {
    step("build the wasm module", || {
        run(&mut cargo(
            workspace,
            &format!(
                "build --package {CRATE} --lib --profile {PROFILE} --target {}",
                setup::WASM
            ),
        ))?;
        npm::install(&workspace.package())?;
        let compiled = workspace.target(setup::WASM).join(PROFILE).join(COMPILED);
        let dist = workspace.package().join("dist");
        let staging = workspace.target("xtask/wasm");
        let stamp = staging.join("fresh");
        if is_fresh(&stamp, fingerprint(workspace, &compiled, &dist)) {
            println!("    pkg/dist: fresh");
            return Ok(());
        }
        bind(&compiled, &staging)?;
        deliver(workspace, &staging, &dist)?;
        fs::write(stamp, fingerprint(workspace, &compiled, &dist)?)?;
        Ok(())
    })?;
    step("compile the npm package", || {
        run(&mut npm::script(&workspace.package(), "build"))
    })?;
    size::print_module(workspace)
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
            .generate(staging)
    })
}

/// Puts the bound files into `pkg/dist`, the module by way of Binaryen's optimiser.
fn deliver(workspace: &Workspace, staging: &Path, dist: &Path) -> Result<()> {
    step("optimise the module", || {
        fs::create_dir_all(dist)?;
        for name in OUTPUTS.into_iter().filter(|name| *name != MODULE) {
            fs::copy(staging.join(name), dist.join(name))
                .with_context(|| format!("cannot copy {name} into {}", dist.display()))?;
        }
        let (bound, smaller) = (staging.join(MODULE), dist.join(MODULE));
        run(&mut wasm_opt(&binaryen(workspace), &bound, &smaller))
    })
}

fn binaryen(workspace: &Workspace) -> PathBuf {
    workspace.package().join("node_modules/binaryen")
}

/// The optimiser's command line.
///
/// It is itself compiled to JavaScript and recurses deeply, hence the larger stack. No fast-math
/// flag: the module's floats must stay bit-identical to the native build's.
fn wasm_opt(binaryen: &Path, input: &Path, output: &Path) -> Command {
    let mut command = Command::new("node");
    command
        .arg("--stack-size=8000")
        .arg(binaryen.join("bin/wasm-opt"));
    command
        .arg(input)
        .arg("-o")
        .arg(output)
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
    fn a_missing_output_has_no_fingerprint() {
        let workspace = Workspace::find().unwrap();
        let empty = tempfile::tempdir().unwrap();
        let compiled = workspace.path("Cargo.lock");
        assert!(fingerprint(&workspace, &compiled, empty.path()).is_err());
    }
}
