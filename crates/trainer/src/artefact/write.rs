//! Writing a file whole or not at all.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use anyhow::{Context, Result, anyhow};

const TEMPORARY: &str = ".tmp";

/// Replaces `path` by `bytes` so that any crash leaves either the old or the new content, whole.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<()> {
    let name = path
        .file_name()
        .ok_or_else(|| anyhow!("{} names no file", path.display()))?;
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let temporary = folder.join(format!(
        ".{}.{}{TEMPORARY}",
        name.to_string_lossy(),
        std::process::id()
    ));
    let written = write_and_rename(&temporary, path, folder, bytes);
    if written.is_err() {
        fs::remove_file(&temporary).ok();
    }
    written.with_context(|| format!("can't write {}", path.display()))
}

fn write_and_rename(temporary: &Path, path: &Path, folder: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    drop(file);
    fs::rename(temporary, path)?;
    sync_folder(folder)
}

/// Waits until a folder's entries are on the disk, where the system can: files made or renamed in it
/// live there. Only Unix lets a folder be synced.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

/// Removes what killed writes left in `folder` and the folders in it. Only for a folder that this
/// process alone writes to.
pub(super) fn clear(folder: &Path) -> Result<()> {
    let named = || format!("clearing {}", folder.display());
    for entry in fs::read_dir(folder).with_context(named)? {
        let entry = entry.with_context(named)?;
        if entry.file_type().with_context(named)?.is_dir() {
            clear(&entry.path())?;
        } else if entry.file_name().to_string_lossy().ends_with(TEMPORARY) {
            fs::remove_file(entry.path()).with_context(named)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_atomic_write_replaces_whole_and_leaves_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        for content in [&b"first"[..], b"", b"a longer second content"] {
            write_atomic(&path, content).unwrap();
            assert_eq!(fs::read(&path).unwrap(), content);
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        let error = write_atomic(&folder.path().join("no/such/file"), b"x").unwrap_err();
        assert!(error.to_string().contains("no/such/file"), "{error}");
        assert!(write_atomic(Path::new("/"), b"x").is_err());
    }
}
