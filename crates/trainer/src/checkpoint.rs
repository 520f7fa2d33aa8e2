//! Checkpoints of a training: one folder an epoch, whole or not there at all.

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::artefact::{fault, hash_bytes, if_there, read_if_there, sync_folder};
use crate::progress::Progress;

const PREFIX: &str = "epoch-";
const MANIFEST: &str = "manifest.json";

/// What makes a checkpoint whole.
#[derive(Serialize, Deserialize)]
struct Manifest {
    /// SHA-256 of each of its files, in hex.
    files: BTreeMap<String, String>,
    /// Other epochs whose checkpoints it can't do without: that of the best weights.
    needs: Vec<usize>,
}

/// The folder that holds a training's checkpoints.
#[derive(Debug, Clone)]
pub struct Checkpoints {
    directory: PathBuf,
}

impl Checkpoints {
    /// Opens `directory`, making it where needed.
    pub fn open(directory: &Path) -> Result<Self> {
        fs::create_dir_all(directory).with_context(|| format!("making {}", directory.display()))?;
        Ok(Self {
            directory: directory.to_owned(),
        })
    }

    /// Folder of one epoch's checkpoint.
    pub fn path(&self, epoch: usize) -> PathBuf {
        self.directory.join(format!("{PREFIX}{epoch}"))
    }

    /// The epoch of the newest checkpoint that is as it was written, with all that it needs; says why newer
    /// ones are not gone on from.
    pub fn newest(&self, progress: &Progress) -> Result<Option<usize>> {
        let mut epochs = self.epochs()?;
        epochs.sort_unstable();
        for &epoch in epochs.iter().rev() {
            let Some(why) = self.fault(epoch)? else {
                return Ok(Some(epoch));
            };
            let path = self.path(epoch);
            progress.note(&format!("checkpoint {}: {why}; left out", path.display()));
        }
        if !epochs.is_empty() {
            let directory = self.directory.display();
            progress.note(&format!(
                "{directory}: no whole checkpoint; training from the start"
            ));
        }
        Ok(None)
    }

    /// What is wrong with an epoch's checkpoint or one that it needs. What can't be read, though it is
    /// there, is an error: the next try may read it, and newer epochs would have taken its place by then.
    fn fault(&self, epoch: usize) -> Result<Option<String>> {
        let folder = self.path(epoch);
        let Some(bytes) = read_if_there(&folder.join(MANIFEST))? else {
            return Ok(Some(format!("{MANIFEST} is gone")));
        };
        let Ok(Manifest { files, needs }) = serde_json::from_slice(&bytes) else {
            return Ok(Some(format!("{MANIFEST} has changed")));
        };
        for (name, sha256) in &files {
            if let Some(why) = fault(&folder, name, sha256)? {
                return Ok(Some(why));
            }
        }
        for older in needs {
            // A checkpoint needs only older ones, or what it says is no checkpoint's.
            if older >= epoch {
                return Ok(Some(format!("{MANIFEST} has changed")));
            }
            if let Some(why) = self.fault(older)? {
                return Ok(Some(format!("of {PREFIX}{older}, {why}")));
            }
        }
        Ok(None)
    }

    /// Reads one file of an epoch's checkpoint.
    pub fn read(&self, epoch: usize, name: &str) -> Result<Vec<u8>> {
        let path = self.path(epoch).join(name);
        fs::read(&path).with_context(|| {
            format!(
                "reading {}; remove {} to train from the start",
                path.display(),
                self.directory.display()
            )
        })
    }

    /// Writes an epoch's checkpoint (write, fsync, rename), then removes every other epoch's but
    /// those in `keep`, which it needs.
    pub fn write(&self, epoch: usize, files: &[(&str, &[u8])], keep: &[usize]) -> Result<()> {
        let partial = self.directory.join(format!("partial-{epoch}"));
        let target = self.path(epoch);
        let in_target = || format!("writing {}", target.display());
        if partial.exists() {
            fs::remove_dir_all(&partial).with_context(in_target)?;
        }
        fs::create_dir(&partial).with_context(in_target)?;
        let manifest = Manifest {
            files: files
                .iter()
                .map(|(name, bytes)| ((*name).to_owned(), hash_bytes(bytes)))
                .collect(),
            needs: keep.iter().copied().filter(|kept| *kept != epoch).collect(),
        };
        let manifest = serde_json::to_vec_pretty(&manifest)?;
        for (name, bytes) in files.iter().chain(&[(MANIFEST, manifest.as_slice())]) {
            let mut file = File::create(partial.join(name)).with_context(in_target)?;
            file.write_all(bytes).with_context(in_target)?;
            file.sync_all().with_context(in_target)?;
        }
        if target.exists() {
            fs::remove_dir_all(&target).with_context(in_target)?;
        }
        sync_folder(&partial).with_context(in_target)?;
        fs::rename(&partial, &target).with_context(in_target)?;
        sync_folder(&self.directory).with_context(in_target)?;
        for old in self.epochs()? {
            if old != epoch && !keep.contains(&old) {
                fs::remove_dir_all(self.path(old)).with_context(in_target)?;
            }
        }
        Ok(())
    }

    /// Removes `directory` with every checkpoint, once what the training was for is written.
    pub fn clear(directory: &Path) -> Result<()> {
        let removed = fs::remove_dir_all(directory);
        if_there(removed.with_context(|| format!("removing {}", directory.display())))?;
        Ok(())
    }

    fn epochs(&self) -> Result<Vec<usize>> {
        let entries = fs::read_dir(&self.directory)
            .with_context(|| format!("listing {}", self.directory.display()))?;
        let mut epochs = Vec::new();
        for entry in entries {
            let name = entry?.file_name();
            let number = name.to_str().and_then(|name| name.strip_prefix(PREFIX));
            epochs.extend(number.and_then(|number| number.parse::<usize>().ok()));
        }
        Ok(epochs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_come_back_to_the_bit() -> Result<()> {
        // Read one bit off without the feature `float_roundtrip`.
        let known = [0.936_332_767_402_376_9_f64, 0.1 + 0.2];
        let made = (1..2000).map(|n| (f64::from(n) * 0.7).sin().abs());
        for figure in known.into_iter().chain(made) {
            let back: f64 = serde_json::from_str(&serde_json::to_string(&figure)?)?;
            assert_eq!(back.to_bits(), figure.to_bits(), "{figure}");
        }
        Ok(())
    }

    #[test]
    fn keeps_the_last_and_what_it_is_told() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let checkpoints = Checkpoints::open(folder.path())?;
        let progress = Progress::quiet();
        assert_eq!(checkpoints.newest(&progress)?, None);
        checkpoints.write(1, &[("state", b"1")], &[1])?;
        for epoch in 2..=4 {
            checkpoints.write(epoch, &[("state", format!("{epoch}").as_bytes())], &[2])?;
        }
        assert_eq!(checkpoints.newest(&progress)?, Some(4));
        assert_eq!(checkpoints.read(4, "state")?, b"4");
        assert_eq!(checkpoints.read(2, "state")?, b"2");
        assert!(!checkpoints.path(3).exists());
        Ok(())
    }

    #[test]
    fn a_damaged_checkpoint_is_left_out_for_an_older_one() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let checkpoints = Checkpoints::open(folder.path())?;
        let progress = Progress::quiet();
        checkpoints.write(2, &[("state", b"2"), ("weights", b"two")], &[2])?;
        checkpoints.write(4, &[("state", b"4"), ("weights", b"four")], &[2])?;
        let weights = checkpoints.path(4).join("weights");
        for damage in [&b"fouR"[..], b"fou", b""] {
            fs::write(&weights, damage)?;
            assert_eq!(
                checkpoints.fault(4)?.as_deref(),
                Some("weights has changed")
            );
            assert_eq!(checkpoints.newest(&progress)?, Some(2));
        }
        fs::write(&weights, b"four")?;
        assert_eq!(checkpoints.newest(&progress)?, Some(4));
        // The newest is of no use without the best.
        fs::remove_file(checkpoints.path(2).join("state"))?;
        let why = checkpoints.fault(4)?;
        assert_eq!(why.as_deref(), Some("of epoch-2, state is gone"));
        assert_eq!(checkpoints.newest(&progress)?, None);
        checkpoints.write(1, &[("state", b"1")], &[1])?;
        assert_eq!(checkpoints.newest(&progress)?, Some(1));
        fs::write(checkpoints.path(1).join(MANIFEST), b"{")?;
        assert_eq!(checkpoints.newest(&progress)?, None);
        Ok(())
    }

    #[test]
    fn what_can_not_be_read_is_no_damage() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let checkpoints = Checkpoints::open(folder.path())?;
        let progress = Progress::quiet();
        checkpoints.write(2, &[("state", b"2")], &[2])?;
        checkpoints.write(4, &[("state", b"4")], &[2])?;
        // A folder can't be read as a file, whoever asks; it stands for a disk or a right that fails.
        for name in ["state", MANIFEST] {
            let path = checkpoints.path(4).join(name);
            let bytes = fs::read(&path)?;
            fs::remove_file(&path)?;
            fs::create_dir(&path)?;
            let error = format!("{:#}", checkpoints.newest(&progress).unwrap_err());
            assert!(error.contains(name), "{error}");
            fs::remove_dir(&path)?;
            fs::write(&path, bytes)?;
        }
        assert_eq!(checkpoints.newest(&progress)?, Some(4));
        Ok(())
    }

    #[test]
    fn a_torn_checkpoint_does_not_count() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let checkpoints = Checkpoints::open(folder.path())?;
        checkpoints.write(1, &[("state", b"1")], &[])?;
        fs::create_dir(folder.path().join("partial-2"))?;
        fs::write(folder.path().join("partial-2/state"), b"torn")?;
        assert_eq!(checkpoints.newest(&Progress::quiet())?, Some(1));
        checkpoints.write(2, &[("state", b"2")], &[])?;
        assert_eq!(checkpoints.read(2, "state")?, b"2");
        Ok(())
    }
}
