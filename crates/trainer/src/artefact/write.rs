//! Writing a file whole or not at all.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};

use super::if_there;

const TEMPORARY: &str = ".tmp";

/// Replaces `path` by `bytes` so that any crash leaves either the old or the new content, whole.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<()> {
    Staged::write(path, bytes)?.place()
}

/// Replaces files that belong together, and removes `stale`, which told of the old ones. All of the new
/// content is on the disk before anything old goes, and what does not change is left alone: then `stale`
/// is as true as it was.
pub fn write_together(files: &[(&Path, &[u8])], stale: &Path) -> Result<()> {
    let staged: Vec<Staged> = files
        .iter()
        .filter(|(path, bytes)| fs::read(path).map_or(true, |there| there != *bytes))
        .map(|(path, bytes)| Staged::write(path, bytes))
        .collect::<Result<_>>()?;
    if staged.is_empty() {
        return Ok(());
    }
    let removed = fs::remove_file(stale);
    if_there(removed.with_context(|| format!("can't remove {}", stale.display())))?;
    staged.into_iter().try_for_each(Staged::place)
}

/// New content of a file, whole on the disk beside it; gone again if it is not placed.
struct Staged<'a> {
    path: &'a Path,
    folder: &'a Path,
    temporary: PathBuf,
}

impl<'a> Staged<'a> {
    fn write(path: &'a Path, bytes: &[u8]) -> Result<Self> {
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
        let staged = Self {
            path,
            folder,
            temporary,
        };
        staged.fill(bytes).with_context(|| staged.failed())?;
        Ok(staged)
    }

    fn fill(&self, bytes: &[u8]) -> io::Result<()> {
        let mut file = File::create(&self.temporary)?;
        file.write_all(bytes)?;
        file.sync_all()
    }

    /// Puts it in the old content's place.
    fn place(self) -> Result<()> {
        fs::rename(&self.temporary, self.path)
            .and_then(|()| sync_folder(self.folder))
            .with_context(|| self.failed())
    }

    fn failed(&self) -> String {
        format!("can't write {}", self.path.display())
    }
}

impl Drop for Staged<'_> {
    fn drop(&mut self) {
        fs::remove_file(&self.temporary).ok();
    }
}

/// Whether a file is called as [`Staged`] calls its temporaries, `.NAME.PROCESS.tmp`.
fn is_temporary(name: &str) -> bool {
    let inner = name
        .strip_prefix('.')
        .and_then(|name| name.strip_suffix(TEMPORARY));
    let process = inner.and_then(|inner| inner.rsplit_once('.'));
    process.is_some_and(|(_, process)| process.parse::<u32>().is_ok())
}

/// Waits until a folder's entries are on the disk, where the system can: files made or renamed in it
/// live there. Only Unix lets a folder be synced.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

/// Removes what killed writes left in `folder`, and if `deep` in the folders in it. Only for folders that
/// this process alone writes to.
pub(super) fn clear(folder: &Path, deep: bool) -> Result<()> {
    let named = || format!("clearing {}", folder.display());
    for entry in fs::read_dir(folder).with_context(named)? {
        let entry = entry.with_context(named)?;
        if entry.file_type().with_context(named)?.is_dir() {
            if deep {
                clear(&entry.path(), deep)?;
            }
        } else if is_temporary(&entry.file_name().to_string_lossy()) {
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

    #[test]
    fn files_that_belong_together_are_replaced_together_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let [one, two, stale] = ["one", "two", "stale"].map(|name| folder.path().join(name));
        fs::write(&one, b"old").unwrap();
        fs::write(&stale, b"of the old").unwrap();
        // The last can't be written: nothing has changed, and nothing is left over.
        let nowhere = folder.path().join("no/such/file");
        let files: [(&Path, &[u8]); 3] = [(&one, b"new"), (&two, b"new"), (&nowhere, b"new")];
        write_together(&files, &stale).unwrap_err();
        assert_eq!(fs::read(&one).unwrap(), b"old");
        assert!(stale.exists());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
        write_together(&files[..2], &stale).unwrap();
        assert_eq!(fs::read(&one).unwrap(), b"new");
        assert_eq!(fs::read(&two).unwrap(), b"new");
        assert!(!stale.exists());
        // What is there already is not written again, and what told of it stays.
        fs::write(&stale, b"of the new").unwrap();
        let before = fs::metadata(&one).unwrap().modified().unwrap();
        write_together(&files[..2], &stale).unwrap();
        assert_eq!(fs::metadata(&one).unwrap().modified().unwrap(), before);
        assert!(stale.exists());
    }

    #[test]
    fn only_our_own_temporaries_are_cleared() {
        let folder = tempfile::tempdir().unwrap();
        let theirs = ["notes.tmp", ".notes.tmp", "notes.99.tmp", ".tmp", ".99.tmp"];
        for name in theirs.iter().chain(&[".weights.99.tmp"]) {
            fs::write(folder.path().join(name), b"x").unwrap();
        }
        clear(folder.path(), false).unwrap();
        assert!(theirs.iter().all(|name| folder.path().join(name).exists()));
        assert!(!folder.path().join(".weights.99.tmp").exists());
    }
}
