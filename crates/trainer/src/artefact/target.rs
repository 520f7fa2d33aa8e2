//! Where a file may be written: what is there already is looked at before it is replaced.

use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

/// The file that `path` stands for: where it is a link, what that leads to stays in its place. Errors where
/// something is there that is no regular file, which a file in its place would remove.
pub(super) fn replaceable(path: &Path) -> Result<PathBuf> {
    let failed = || format!("can't write {}", path.display());
    if path.symlink_metadata().is_err() {
        return Ok(path.to_owned());
    }
    let target = path.canonicalize();
    let target = target.with_context(|| format!("{}: it is a link to nothing", failed()))?;
    ensure!(
        target.is_file(),
        "{}: it is no regular file; name another path",
        failed()
    );
    Ok(target)
}

/// Errors where a file could not be written to `path`: something else is there, or its folder is not, or
/// takes no files.
pub fn check_target(path: &Path) -> Result<()> {
    let target = replaceable(path)?;
    let folder = folder_of(&target);
    let failed = || format!("can't write {}", path.display());
    ensure!(
        folder.is_dir(),
        "{}: there is no folder {}; make it, or name another",
        failed(),
        folder.display()
    );
    takes_files(folder).with_context(|| format!("{}: its folder takes no files", failed()))
}

/// Errors where this process may make no files in a folder. Only Unix tells.
#[cfg_attr(not(unix), expect(clippy::unnecessary_wraps))]
pub fn takes_files(folder: &Path) -> io::Result<()> {
    #[cfg(unix)]
    rustix::fs::access(
        folder,
        rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK,
    )?;
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}

/// The folder that a file lies in.
pub(super) fn folder_of(path: &Path) -> &Path {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or(Path::new("."))
}

/// Whether both paths lead to one file that is there.
pub fn same_file(one: &Path, other: &Path) -> bool {
    let real = |path: &Path| path.canonicalize().ok();
    real(one).is_some_and(|path| Some(path) == real(other))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_target_has_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        check_target(&path).unwrap();
        fs::write(&path, b"x").unwrap();
        check_target(&path).unwrap();
        for (name, says) in [("none/file", "there is no folder"), ("", "no regular file")] {
            let error = format!("{:#}", check_target(&folder.path().join(name)).unwrap_err());
            assert!(error.contains(says), "{name}: {error}");
        }
    }

    #[test]
    fn one_file_may_have_many_paths() {
        let folder = tempfile::tempdir().unwrap();
        let [one, other] = ["one", "other"].map(|name| folder.path().join(name));
        fs::write(&one, b"x").unwrap();
        assert!(same_file(&one, &folder.path().join("./one")));
        assert!(!same_file(&one, &other), "one of them is not there");
        assert!(!same_file(&other, &other), "it is not there");
        fs::write(&other, b"x").unwrap();
        assert!(!same_file(&one, &other), "alike is not the same");
    }
}
