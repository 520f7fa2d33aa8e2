//! What a page loads for an entry of the npm package: the script and those it imports, one by one.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// Scripts of `folder` that the entries import, themselves included, by name.
pub(crate) fn loaded(folder: &Path, entries: &[&str]) -> Result<BTreeSet<PathBuf>> {
    let mut found = BTreeSet::new();
    let mut left: Vec<PathBuf> = entries.iter().map(|name| folder.join(name)).collect();
    while let Some(path) = left.pop() {
        let text = fs::read_to_string(&path)
            .with_context(|| format!("cannot read {}; run `cargo xtask wasm`", path.display()))?;
        left.extend(imports(&text).into_iter().map(|name| folder.join(name)));
        found.insert(path);
        left.retain(|path| !found.contains(path));
    }
    Ok(found)
}

/// The scripts beside it that a script imports. Ours are written by esbuild, with double quotation marks.
fn imports(script: &str) -> Vec<&str> {
    ["from\"./", "import\"./"]
        .iter()
        .flat_map(|before| script.split(before).skip(1))
        .filter_map(|rest| rest.split('"').next())
        .filter(|name| Path::new(name).extension().is_some_and(|it| it == "js"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_brings_what_its_imports_import() {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in [
            (
                "a.js",
                "import{x}from\"./b.js\";import\"./c.js\";import d from\"./d.wasm\";",
            ),
            (
                "b.js",
                "import{y}from\"./c.js\";import\"./a.js\";import r from\"react\";",
            ),
            ("c.js", "export{};"),
            ("other.js", "export{};"),
        ] {
            fs::write(folder.path().join(name), text).unwrap();
        }
        let names = |entries: &[&str]| -> Vec<String> {
            let paths = loaded(folder.path(), entries).unwrap();
            let name = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
            paths.iter().map(name).collect()
        };
        assert_eq!(names(&["a.js"]), ["a.js", "b.js", "c.js"]);
        assert_eq!(names(&["c.js", "other.js"]), ["c.js", "other.js"]);
        let error = loaded(folder.path(), &["absent.js"])
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("absent.js; run `cargo xtask wasm`"),
            "{error}"
        );
    }
}
