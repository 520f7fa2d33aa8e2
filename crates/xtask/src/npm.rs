//! Node and npm: installing a folder's packages, running its scripts.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::digest;
use crate::step::{capture, run};

/// The oldest releases of Node that the web app's build tool runs on, as major and minor version: one
/// of a line still kept up, and one from which every later release will do.
const OLDEST_NODES: [(u32, u32); 2] = [(20, 19), (22, 12)];

/// What to install, said wherever it is missing.
const WANTED: &str = "install Node.js 20.19 or later of its line, or 22.12 or later, \
                      https://nodejs.org/en/download";

/// npm's command, which is a script on Windows.
const NPM: &str = if cfg!(windows) { "npm.cmd" } else { "npm" };

/// Names the installed packages, inside `node_modules`.
const STAMP: &str = ".stillglass-setup";

/// Fails with what to install unless Node and npm are there and Node is recent enough.
pub(crate) fn check_node() -> Result<()> {
    let found = capture(Command::new("node").arg("--version")).context(WANTED)?;
    if !version(&found).is_some_and(is_recent) {
        bail!("node is {found}; {WANTED}");
    }
    println!("    node {found}: present");
    let npm = capture(Command::new(NPM).arg("--version")).with_context(|| {
        format!(
            "npm is missing beside node {found}: run `sudo apt-get install npm` where Debian \
             brought node, elsewhere {WANTED}"
        )
    })?;
    println!("    npm {npm}: present");
    Ok(())
}

/// Tells whether the build tool runs on this Node.
fn is_recent(found: (u32, u32)) -> bool {
    let [kept_up, newest] = OLDEST_NODES;
    found >= newest || found >= kept_up && found.0 == kept_up.0
}

/// `v20.20.2` → (20, 20).
fn version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.strip_prefix('v')?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// Installs a folder's packages as locked, unless they are there already.
///
/// Packages' own install scripts are not run: none of ours needs one.
pub(crate) fn install(folder: &Path) -> Result<()> {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let wanted = fingerprint(folder)?;
    let stamp = folder.join("node_modules").join(STAMP);
    if fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) {
        println!("    npm packages of {name}: present");
        return Ok(());
    }
    let verb = if folder.join("package-lock.json").is_file() {
        "ci"
    } else {
        "install"
    };
    run(command(folder).args([verb, "--ignore-scripts", "--no-audit", "--no-fund"]))?;
    // A first install writes the lock file, so the digest is taken again.
    fs::create_dir_all(folder.join("node_modules"))?;
    fs::write(stamp, fingerprint(folder)?)?;
    Ok(())
}

/// Runs one of the scripts of a folder's `package.json`.
pub(crate) fn script(folder: &Path, script: &str) -> Command {
    let mut command = command(folder);
    command.args(["run", script]);
    command
}

/// npm, in a folder.
pub(crate) fn command(folder: &Path) -> Command {
    let mut command = Command::new(NPM);
    command.current_dir(folder);
    command
}

/// What decides which packages a folder needs, as one digest.
fn fingerprint(folder: &Path) -> Result<String> {
    let path = folder.join("package.json");
    let package = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let lock = fs::read(folder.join("package-lock.json")).unwrap_or_default();
    Ok(digest::of_parts(&[&package, &lock]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_as_numbers() {
        for (text, recent) in [
            ("v18.20.0", false),
            ("v20.9.0", false),
            ("v20.19.0", true),
            ("v21.7.3", false),
            ("v22.1.0", false),
            ("v22.12.0", true),
            ("v23.0.0", true),
        ] {
            assert_eq!(is_recent(version(text).unwrap()), recent, "{text}");
        }
        assert_eq!(version("twenty"), None);
    }

    #[test]
    fn installs_only_what_changed() {
        let folder = tempfile::tempdir().unwrap();
        let packages = folder.path();
        fs::write(packages.join("package.json"), "{}").unwrap();
        let before = fingerprint(packages).unwrap();
        assert_eq!(fingerprint(packages).unwrap(), before);
        fs::write(packages.join("package-lock.json"), "{}").unwrap();
        assert_ne!(fingerprint(packages).unwrap(), before);
    }

    #[test]
    fn a_folder_without_a_package_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let error = install(folder.path()).unwrap_err().to_string();
        assert!(error.contains("package.json"), "{error}");
    }
}
