//! `pack`: makes the npm package's tarball, and looks into it before anyone else does.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::step::{capture, run, step};
use crate::workspace::Workspace;
use crate::{npm, wasm};

/// Where in the target folder the tarball lies.
const FOLDER: &str = "package";

/// Copied from the root: npm packs what lies in the package's folder.
const LICENCES: [&str; 2] = ["LICENSE-APACHE", "LICENSE-MIT"];

/// Builds the package, packs it and checks what came of it; prints where it lies.
pub(crate) fn pack(workspace: &Workspace) -> Result<()> {
    wasm::build(workspace)?;
    let tarball = tarball(workspace)?;
    println!("    {}", tarball.display());
    Ok(())
}

/// Packs what is built, and nothing else; returns the tarball's path.
pub(crate) fn tarball(workspace: &Workspace) -> Result<PathBuf> {
    let folder = workspace.target(FOLDER);
    fs::create_dir_all(&folder)?;
    step("pack the npm package", || {
        for licence in LICENCES {
            fs::copy(workspace.path(licence), workspace.package().join(licence))?;
        }
        let mut command = npm::command(&workspace.package());
        // The scripts of the package have run already.
        command.args(["pack", "--json", "--ignore-scripts", "--pack-destination"]);
        let report: Value = serde_json::from_str(&capture(command.arg(&folder))?)
            .context("what `npm pack --json` wrote")?;
        let packed = &report[0];
        let names = names(packed)?;
        let package = workspace.package();
        let manifest = serde_json::from_slice(&fs::read(package.join("package.json"))?)?;
        let read = |name: &str| fs::read_to_string(package.join(name)).map_err(Into::into);
        let faults = [
            unwanted(&names),
            missing(&manifest, &names),
            lost(&names, read)?,
        ]
        .concat();
        if !faults.is_empty() {
            bail!("the tarball: {}", faults.join("; "));
        }
        let file = packed["filename"].as_str().context("npm named no file")?;
        println!(
            "    {file}: {} files, {} bytes",
            names.len(),
            packed["size"]
        );
        Ok(folder.join(file))
    })
}

/// Runs publint and attw over the tarball.
pub(crate) fn lint(workspace: &Workspace, tarball: &Path) -> Result<()> {
    let folder = workspace.path("tests/packaging");
    run(npm::script(&folder, "lint").arg("--").arg(tarball))
}

fn names(packed: &Value) -> Result<BTreeSet<String>> {
    let files = packed["files"].as_array().context("npm listed no files")?;
    let name = |file: &Value| file["path"].as_str().map(str::to_owned);
    Ok(files.iter().filter_map(name).collect())
}

/// What has no place in a package: tests, configuration, tools.
fn unwanted(names: &BTreeSet<String>) -> Vec<String> {
    let wanted = |name: &&String| {
        let shipped = name.starts_with("dist/") || name.starts_with("src/");
        let test = name.contains("test") || name.contains("node_modules");
        let page =
            ["package.json", "README.md"].contains(&name.as_str()) || name.starts_with("LICENSE");
        page || shipped && !test
    };
    let unwanted = names.iter().filter(|name| !wanted(name));
    unwanted
        .map(|name| format!("{name} has no place in it"))
        .collect()
}

/// Files that the manifest's `exports` name and the tarball lacks.
fn missing(manifest: &Value, names: &BTreeSet<String>) -> Vec<String> {
    let mut targets = Vec::new();
    collect(&manifest["exports"], &mut targets);
    let lacks = |target: &&str| !names.contains(target.trim_start_matches("./"));
    let missing = targets.into_iter().filter(lacks);
    missing
        .map(|target| format!("{target} is exported and not in it"))
        .collect()
}

fn collect<'a>(value: &'a Value, targets: &mut Vec<&'a str>) {
    match value {
        Value::String(target) => targets.push(target),
        Value::Object(fields) => fields.values().for_each(|value| collect(value, targets)),
        _ => {}
    }
}

/// Sources that a map names and the tarball lacks.
fn lost(names: &BTreeSet<String>, read: impl Fn(&str) -> Result<String>) -> Result<Vec<String>> {
    let mut lost = Vec::new();
    let is_map = |name: &&String| Path::new(name).extension().is_some_and(|it| it == "map");
    for map in names.iter().filter(is_map) {
        let content: Value = serde_json::from_str(&read(map)?).with_context(|| map.clone())?;
        let sources = content["sources"].as_array().into_iter().flatten();
        for source in sources.filter_map(Value::as_str) {
            // Maps lie in `dist`, beside what is generated.
            let inside = match source.strip_prefix("../") {
                Some(path) => path.to_owned(),
                None => format!("dist/{source}"),
            };
            if !names.contains(&inside) {
                lost.push(format!("{map} points to {inside}, which is not in it"));
            }
        }
    }
    Ok(lost)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn only_what_a_package_needs_is_wanted() {
        let good = set(&[
            "package.json",
            "README.md",
            "LICENSE-MIT",
            "dist/index.js",
            "src/index.ts",
        ]);
        assert_eq!(unwanted(&good), Vec::<String>::new());
        let bad = set(&["tsconfig.json", "test/queue.test.mjs", "src/queue.test.ts"]);
        assert_eq!(unwanted(&bad).len(), 3);
    }

    #[test]
    fn every_export_must_be_there() {
        let manifest = json!({ "exports": {
            ".": { "types": "./dist/index.d.ts", "default": "./dist/index.js" },
            "./x.wasm": "./dist/x.wasm",
        } });
        let names = set(&["dist/index.js", "dist/x.wasm"]);
        assert_eq!(
            missing(&manifest, &names),
            ["./dist/index.d.ts is exported and not in it"]
        );
    }

    #[test]
    fn maps_must_lead_somewhere() {
        let names = set(&["dist/a.js.map", "src/a.ts"]);
        let map = |sources: Value| {
            let text = json!({ "sources": sources }).to_string();
            lost(&names, move |_| Ok(text.clone())).unwrap()
        };
        assert_eq!(map(json!(["../src/a.ts"])), Vec::<String>::new());
        assert_eq!(
            map(json!(["generated.js", "../src/b.ts"])),
            [
                "dist/a.js.map points to dist/generated.js, which is not in it",
                "dist/a.js.map points to src/b.ts, which is not in it"
            ]
        );
    }

    #[test]
    fn names_are_those_npm_lists() {
        let packed = json!({ "files": [{ "path": "package.json" }, { "path": "dist/index.js" }] });
        assert_eq!(
            names(&packed).unwrap(),
            set(&["package.json", "dist/index.js"])
        );
        assert!(names(&json!({})).is_err());
    }
}
