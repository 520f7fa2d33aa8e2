//! Where things lie: the checkout and cargo's target folder.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::step::capture;

/// The folders of one checkout.
pub(crate) struct Workspace {
    /// The folder of the root `Cargo.toml`.
    root: PathBuf,
    /// Cargo's target folder, wherever `CARGO_TARGET_DIR` or a configuration puts it.
    target: PathBuf,
}

impl Workspace {
    /// Finds the checkout this program was started from and asks cargo for its target folder.
    pub(crate) fn find() -> Result<Self> {
        let manifest = std::env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        let root = manifest
            .ancestors()
            .nth(2)
            .context("xtask lies two folders below the root; start it with `cargo xtask`")?
            .to_owned();
        let metadata = capture(
            Command::new(crate::cargo::program())
                .args(["metadata", "--no-deps", "--format-version", "1"])
                .current_dir(&root),
        )?;
        let metadata: serde_json::Value = serde_json::from_str(&metadata)?;
        let target = metadata["target_directory"]
            .as_str()
            .context("cargo metadata names no target_directory")?;
        Ok(Self {
            root,
            target: target.into(),
        })
    }

    /// The folder of the root `Cargo.toml`.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// A path inside the checkout.
    pub(crate) fn path(&self, inside: impl AsRef<Path>) -> PathBuf {
        self.root.join(inside)
    }

    /// A path inside the target folder.
    pub(crate) fn target(&self, inside: impl AsRef<Path>) -> PathBuf {
        self.target.join(inside)
    }

    /// The npm package, `pkg`.
    pub(crate) fn package(&self) -> PathBuf {
        self.path("pkg")
    }

    /// The web app, `web`.
    pub(crate) fn web(&self) -> PathBuf {
        self.path("web")
    }

    /// The tests in real browsers, `tests/browser`.
    pub(crate) fn browser_tests(&self) -> PathBuf {
        self.path("tests/browser")
    }

    /// The benchmark, `tests/bench`.
    pub(crate) fn benchmark(&self) -> PathBuf {
        self.path("tests/bench")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_this_checkout() {
        let workspace = Workspace::find().unwrap();
        assert!(workspace.path("crates/xtask/src/workspace.rs").is_file());
        assert!(workspace.target("").is_absolute());
    }
}
