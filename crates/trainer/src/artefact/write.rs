//! Writing a file whole or not at all.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};

use super::if_there;
use super::target::{folder_of, replaceable};

const TEMPORARY: &str = ".tmp";

/// Age from which a temporary of a process that is gone is taken for left over. A process of another
/// machine, or of another container, may look gone while it writes.
const LEFT_OVER: Duration = Duration::from_mins(10);

/// Replaces `path` by `bytes` so that any crash leaves either the old or the new content, whole. A link is
/// followed; what is no regular file is left alone, with an error.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<()> {
    Staged::write(replaceable(path)?, bytes)?.place()
}

/// Replaces files that belong together, and removes `stale`, which told of the old ones. All of the new
/// content is on the disk before anything old goes, and what does not change is left alone: then `stale`
/// is as true as it was.
pub fn write_together(files: &[(&Path, &[u8])], stale: &Path) -> Result<()> {
    let mut staged = Vec::new();
    for (path, bytes) in files {
        let path = replaceable(path)?;
        if fs::read(&path).map_or(true, |there| there != *bytes) {
            staged.push(Staged::write(path, bytes)?);
        }
    }
    if staged.is_empty() {
        return Ok(());
    }
    let removed = fs::remove_file(stale);
    if_there(removed.with_context(|| format!("can't remove {}", stale.display())))?;
    staged.into_iter().try_for_each(Staged::place)
}

/// New content of a file, whole on the disk beside it; gone again if it is not placed.
struct Staged {
    path: PathBuf,
    folder: PathBuf,
    temporary: PathBuf,
}

impl Staged {
    fn write(path: PathBuf, bytes: &[u8]) -> Result<Self> {
        let name = path
            .file_name()
            .ok_or_else(|| anyhow!("{} names no file", path.display()))?;
        let name = name.to_string_lossy();
        let folder = folder_of(&path).to_owned();
        sweep(&folder, &name);
        let temporary = folder.join(format!(".{name}.{}{TEMPORARY}", std::process::id()));
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
        fs::rename(&self.temporary, &self.path)
            .and_then(|()| sync_folder(&self.folder))
            .with_context(|| self.failed())
    }

    fn failed(&self) -> String {
        format!("can't write {}", self.path.display())
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        fs::remove_file(&self.temporary).ok();
    }
}

/// The file and the process that a temporary is of, as [`Staged`] calls its own: `.NAME.PROCESS.tmp`.
fn temporary_of(name: &str) -> Option<(&str, u32)> {
    let inner = name.strip_prefix('.')?.strip_suffix(TEMPORARY)?;
    let (of, process) = inner.rsplit_once('.')?;
    Some((of, process.parse().ok()?))
}

/// Removes what killed writes of the file `name` left in `folder`. What can't be looked at or removed is in
/// nobody's way.
fn sweep(folder: &Path, name: &str) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let called = entry.file_name();
        let called = called.to_string_lossy();
        let process = temporary_of(&called).filter(|(of, _)| *of == name);
        let old = || {
            let written = entry.metadata().and_then(|data| data.modified()).ok();
            written
                .and_then(|at| at.elapsed().ok())
                .is_some_and(|age| age > LEFT_OVER)
        };
        if process.is_some_and(|(_, process)| is_gone(process)) && old() {
            fs::remove_file(entry.path()).ok();
        }
    }
}

/// Whether no process has this number, as far as the system tells (Linux).
fn is_gone(process: u32) -> bool {
    let processes = Path::new("/proc");
    processes.join("self").exists() && !processes.join(process.to_string()).exists()
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
        } else if temporary_of(&entry.file_name().to_string_lossy()).is_some() {
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

    #[cfg(unix)]
    #[test]
    fn links_are_followed_and_what_is_no_file_is_left_alone() {
        use std::os::unix::fs::symlink;
        use std::os::unix::net::UnixListener;

        let folder = tempfile::tempdir().unwrap();
        let [real, link, socket, nothing, stale] =
            ["real", "link", "socket", "nothing", "stale"].map(|name| folder.path().join(name));
        fs::write(&real, b"old").unwrap();
        fs::write(&stale, b"of the old").unwrap();
        symlink("real", &link).unwrap();
        symlink("nowhere", &nothing).unwrap();
        let _listener = UnixListener::bind(&socket).unwrap();
        write_atomic(&link, b"new").unwrap();
        assert!(link.is_symlink());
        assert_eq!(fs::read(&real).unwrap(), b"new");
        for (path, says) in [
            (&socket, "no regular file"),
            (&nothing, "a link to nothing"),
        ] {
            let there = fs::symlink_metadata(path).unwrap().file_type();
            let error = write_atomic(path, b"x").unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
            let files: [(&Path, &[u8]); 2] = [(&real, b"newer"), (path, b"x")];
            write_together(&files, &stale).unwrap_err();
            assert_eq!(fs::symlink_metadata(path).unwrap().file_type(), there);
            assert_eq!(fs::read(&real).unwrap(), b"new");
            assert!(stale.exists());
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 5);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_a_killed_write_of_the_file_left_goes_with_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let there = |name: &str| folder.path().join(name).exists();
        // No process has the largest number; this very one is alive.
        let gone = u32::MAX;
        let mine = format!(".file.{}.tmp", std::process::id());
        let [left, other, fresh] = [
            format!(".file.{gone}.tmp"),
            format!(".other.{gone}.tmp"),
            format!(".file.{}.tmp", gone - 1),
        ];
        for name in [&left, &other, &fresh, &mine] {
            let file = File::create(folder.path().join(name)).unwrap();
            let old = std::time::SystemTime::now() - 2 * LEFT_OVER;
            if name != &fresh {
                file.set_modified(old).unwrap();
            }
        }
        sweep(folder.path(), "file");
        assert!(!there(&left));
        assert!(there(&other) && there(&fresh) && there(&mine));
        write_atomic(&folder.path().join("other"), b"x").unwrap();
        assert!(!there(&other));
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
