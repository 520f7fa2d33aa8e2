//! Checkpoints of a training: one folder an epoch, whole or not there at all.

use anyhow::{Context, Result};
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::artefact::sync_folder;

const PREFIX: &str = "epoch-";

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

    /// The newest whole checkpoint's epoch.
    pub fn last(&self) -> Result<Option<usize>> {
        Ok(self.epochs()?.into_iter().max())
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
    /// those in `keep`.
    pub fn write(&self, epoch: usize, files: &[(&str, &[u8])], keep: &[usize]) -> Result<()> {
        let partial = self.directory.join(format!("partial-{epoch}"));
        let target = self.path(epoch);
        let in_target = || format!("writing {}", target.display());
        if partial.exists() {
            fs::remove_dir_all(&partial).with_context(in_target)?;
        }
        fs::create_dir(&partial).with_context(in_target)?;
        for (name, bytes) in files {
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

    /// Removes every checkpoint, once what the training was for is written.
    pub fn remove(self) -> Result<()> {
        fs::remove_dir_all(&self.directory)
            .with_context(|| format!("removing {}", self.directory.display()))
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
    fn keeps_the_last_and_what_it_is_told() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let checkpoints = Checkpoints::open(folder.path())?;
        assert_eq!(checkpoints.last()?, None);
        for epoch in 1..=4 {
            checkpoints.write(epoch, &[("state", format!("{epoch}").as_bytes())], &[2])?;
        }
        assert_eq!(checkpoints.last()?, Some(4));
        assert_eq!(checkpoints.read(4, "state")?, b"4");
        assert_eq!(checkpoints.read(2, "state")?, b"2");
        assert!(!checkpoints.path(3).exists());
        Ok(())
    }

    #[test]
    fn a_torn_checkpoint_does_not_count() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let checkpoints = Checkpoints::open(folder.path())?;
        checkpoints.write(1, &[("state", b"1")], &[])?;
        fs::create_dir(folder.path().join("partial-2"))?;
        fs::write(folder.path().join("partial-2/state"), b"torn")?;
        assert_eq!(checkpoints.last()?, Some(1));
        checkpoints.write(2, &[("state", b"2")], &[])?;
        assert_eq!(checkpoints.read(2, "state")?, b"2");
        Ok(())
    }
}
