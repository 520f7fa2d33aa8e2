//! The Chromium that the browser tests drive.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::debian;

/// Names under which a Chromium may stand on the path.
const NAMES: [&str; 4] = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
];

/// Where macOS keeps it.
const MAC: &str = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome";

/// The browser to use: `CHROMIUM`, else the first of the usual names.
pub(crate) fn find() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("CHROMIUM").map(PathBuf::from) {
        if path.is_file() {
            return Ok(path);
        }
        bail!(
            "CHROMIUM names {}, which is no file; set it to a browser or unset it",
            path.display()
        );
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    match search(&path) {
        Some(found) => Ok(found),
        None if Path::new(MAC).is_file() => Ok(MAC.into()),
        None => bail!(
            "no Chromium found; run `sudo apt-get install chromium` (Debian), or install Chrome or \
             Chromium another way and set CHROMIUM to its path"
        ),
    }
}

/// Finds the browser, bringing it first where the package manager can.
pub(crate) fn bring() -> Result<()> {
    if let Err(missing) = find()
        && (std::env::var_os("CHROMIUM").is_some() || !debian::install(&["chromium"])?)
    {
        return Err(missing);
    }
    println!("    chromium {}: present", find()?.display());
    Ok(())
}

fn search(path: &OsStr) -> Option<PathBuf> {
    NAMES
        .iter()
        .flat_map(|name| std::env::split_paths(path).map(move |folder| folder.join(name)))
        .find(|candidate| candidate.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn searches_every_folder_of_the_path() {
        let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let path = std::env::join_paths([first.path(), second.path()]).unwrap();
        assert_eq!(search(&path), None);
        let browser = second.path().join("google-chrome");
        std::fs::write(&browser, "").unwrap();
        assert_eq!(search(&path), Some(browser));
    }
}
