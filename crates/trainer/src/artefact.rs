//! Files that outlive a run: written whole or not at all, keyed by the hash of what made them.
//!
//! A stage owns one folder, `<run>/<stage>-<key>`, where the key is the hash of everything its
//! result depends on. The folder's manifest is written last, so that a folder with a manifest whose
//! outputs still hash as it says is a finished stage, and any other folder is one to go on with.

mod cache;
mod hash;
mod lock;
mod target;
mod write;

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

pub use cache::{Cache, Recovered};
pub use hash::{digest, fault, hash_bytes, hash_file, hex, number};
pub use lock::Lock;
pub use target::{check_target, same_file, takes_files};
pub use write::{sync_folder, write_atomic, write_together};

/// Version of this trainer; part of every key.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What a finished stage's folder says about itself.
pub const MANIFEST: &str = "manifest.json";

/// A step of the flow that leaves files behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Fine-tunes the base into a teacher.
    Teach,
    /// Soft labels of the teacher.
    Label,
    /// Attributions of the teacher, the other half of the verb `label`.
    Explain,
    /// Where the student's embeddings start.
    Embed,
    /// Trains the student.
    Distill,
    /// Figures of one run of one arm of a comparison.
    Compare,
    /// Labels bought in rounds.
    Budget,
}

impl Stage {
    /// What the stage's folder is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Teach => "teach",
            Self::Label => "label",
            Self::Explain => "explain",
            Self::Embed => "embed",
            Self::Distill => "distill",
            Self::Compare => "compare",
            Self::Budget => "budget",
        }
    }

    /// Part of every key of the stage. Raise it whenever the stage computes otherwise than before, so
    /// that no result of the old code passes for one of the new.
    fn revision(self) -> u32 {
        match self {
            Self::Embed => 1,
            Self::Teach | Self::Budget => 2,
            Self::Compare | Self::Label | Self::Explain => 4,
            Self::Distill => 6,
        }
    }
}

/// What a stage's result depends on, by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inputs(BTreeMap<String, String>);

impl Inputs {
    /// Nothing but the code: the trainer's version and the stage's revision.
    pub fn new(stage: Stage) -> Self {
        Self(BTreeMap::from([
            ("revision".into(), stage.revision().to_string()),
            ("version".into(), VERSION.into()),
        ]))
    }

    /// Adds a value (a hash, a recipe section), as JSON.
    pub fn with<T: Serialize>(mut self, name: &str, value: &T) -> Result<Self> {
        let text = serde_json::to_string(value).with_context(|| format!("input {name}"))?;
        self.0.insert(name.into(), text);
        Ok(self)
    }

    /// [`Inputs::with`] a value that is there: without it the key is what it was before the value was known of.
    pub fn with_some<T: Serialize>(self, name: &str, value: Option<T>) -> Result<Self> {
        match value {
            Some(value) => self.with(name, &value),
            None => Ok(self),
        }
    }

    /// SHA-256 of all names and values, in hex.
    pub fn key(&self) -> String {
        let parts: Vec<&[u8]> = self
            .0
            .iter()
            .flat_map(|(name, value)| [name.as_bytes(), value.as_bytes()])
            .collect();
        hex(&digest(&parts))
    }
}

/// One output of a finished stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// SHA-256 of its content, in hex.
    pub sha256: String,
    /// Its size.
    pub bytes: u64,
}

/// What a finished stage says about itself, `manifest.json` in its folder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Which stage it was.
    pub stage: Stage,
    /// Hash of the inputs.
    pub key: String,
    /// The inputs themselves.
    pub inputs: Inputs,
    /// Seed of its random choices.
    pub seed: u64,
    /// Version of the trainer.
    pub version: String,
    /// Device it was computed on. Not part of the key: results of one device serve on another.
    pub device: String,
    /// Wall time of the process that finished it; a resumed stage took longer in all.
    pub seconds: f64,
    /// Files by name, relative to the folder.
    pub outputs: BTreeMap<String, Output>,
}

impl Manifest {
    /// What is wrong with the first output in `folder` that is not as it was written; none if all are.
    fn fault(&self, folder: &Path) -> Result<Option<String>> {
        for (name, output) in &self.outputs {
            if let Some(why) = fault(folder, name, &output.sha256)? {
                return Ok(Some(why));
            }
        }
        Ok(None)
    }
}

/// How far a stage's folder has come.
#[derive(Debug, Clone, PartialEq)]
pub enum State {
    /// Finished, and every output is as it was written.
    Done(Box<Manifest>),
    /// Nothing finished here yet; there may be checkpoints to resume from.
    Open,
    /// It was finished, but its manifest or an output has changed or gone; the text says which.
    Damaged(String),
}

/// Makes a run's folder where needed, locks it and clears torn files; its stages have locks of their own.
pub fn open_run(folder: &Path) -> Result<Lock> {
    fs::create_dir_all(folder).with_context(|| format!("run folder {}", folder.display()))?;
    let lock = Lock::take(folder, "run folder")?;
    write::clear(folder, false)?;
    Ok(lock)
}

/// A stage's folder, held by one process at a time.
#[derive(Debug)]
pub struct StageDir {
    stage: Stage,
    inputs: Inputs,
    seed: u64,
    path: PathBuf,
    started: Instant,
    _lock: Lock,
}

impl StageDir {
    /// Opens (or makes) the folder for these inputs under `run`, locks it and clears torn files.
    pub fn open(run: &Path, stage: Stage, inputs: Inputs, seed: u64) -> Result<Self> {
        let path = run.join(Self::name(stage, &inputs));
        fs::create_dir_all(&path).with_context(|| format!("run folder {}", path.display()))?;
        let lock = Lock::take(&path, "stage folder")?;
        write::clear(&path, true)?;
        Ok(Self {
            stage,
            inputs,
            seed,
            path,
            started: Instant::now(),
            _lock: lock,
        })
    }

    /// What the folder for these inputs is called.
    pub fn name(stage: Stage, inputs: &Inputs) -> String {
        format!("{}-{}", stage.name(), &inputs.key()[..12])
    }

    /// Path of a file of this stage.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Hash of the inputs.
    pub fn key(&self) -> String {
        self.inputs.key()
    }

    /// Whether the stage is finished, checking every output against its hash.
    pub fn state(&self) -> Result<State> {
        let Some(bytes) = read_if_there(&self.file(MANIFEST))? else {
            return Ok(State::Open);
        };
        let manifest: Manifest = match serde_json::from_slice(&bytes) {
            Ok(manifest) => manifest,
            Err(error) => {
                let why = format!("its {MANIFEST} can't be read ({error})");
                return Ok(State::Damaged(why));
            }
        };
        if manifest.key != self.key() {
            return Ok(State::Damaged("its manifest is of other inputs".into()));
        }
        Ok(match manifest.fault(&self.path)? {
            Some(why) => State::Damaged(why),
            None => State::Done(Box::new(manifest)),
        })
    }

    /// Hashes the outputs and writes the manifest, which is what makes the stage finished.
    pub fn finish(&self, outputs: &[&str], device: &str) -> Result<Manifest> {
        let mut listed = BTreeMap::new();
        for name in outputs {
            let path = self.file(name);
            let bytes = fs::metadata(&path)
                .with_context(|| format!("output {}", path.display()))?
                .len();
            listed.insert(
                (*name).to_owned(),
                Output {
                    sha256: hash_file(&path)?,
                    bytes,
                },
            );
        }
        let manifest = Manifest {
            stage: self.stage,
            key: self.key(),
            inputs: self.inputs.clone(),
            seed: self.seed,
            version: VERSION.into(),
            device: device.into(),
            seconds: self.started.elapsed().as_secs_f64(),
            outputs: listed,
        };
        let json = serde_json::to_vec_pretty(&manifest).context("manifest")?;
        write_atomic(&self.file(MANIFEST), &json)?;
        Ok(manifest)
    }
}

/// Whether a folder is a finished stage's whose every output is as it was written; a damaged one is not.
pub fn is_finished(folder: &Path) -> Result<bool> {
    let Some(bytes) = read_if_there(&folder.join(MANIFEST))? else {
        return Ok(false);
    };
    match serde_json::from_slice::<Manifest>(&bytes) {
        Ok(manifest) => Ok(manifest.fault(folder)?.is_none()),
        Err(_) => Ok(false),
    }
}

/// Nothing where a file is not there: any other error may pass, and says nothing about the content.
pub fn if_there<T>(found: Result<T>) -> Result<Option<T>> {
    let gone = |error: &anyhow::Error| {
        let error = error.downcast_ref::<io::Error>();
        error.is_some_and(|error| error.kind() == ErrorKind::NotFound)
    };
    match found {
        Err(error) if gone(&error) => Ok(None),
        found => found.map(Some),
    }
}

/// A file's content, or nothing where there is none.
pub fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>> {
    if_there(fs::read(path).with_context(|| format!("can't read {}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inputs(value: &str) -> Inputs {
        Inputs::new(Stage::Teach).with("data", &value).unwrap()
    }

    #[test]
    fn keys_follow_every_name_and_value() {
        let keys = [
            inputs("a").key(),
            inputs("b").key(),
            Inputs::new(Stage::Teach).with("dat", &"aa").unwrap().key(),
            inputs("a").with("seed", &1).unwrap().key(),
        ];
        for (i, key) in keys.iter().enumerate() {
            assert_eq!(key.len(), 64);
            assert!(!keys[..i].contains(key));
        }
        assert_eq!(inputs("a").key(), keys[0]);
    }

    #[test]
    fn a_stage_is_done_only_after_finish_and_while_its_outputs_stay() {
        let run = tempfile::tempdir().unwrap();
        let stage = StageDir::open(run.path(), Stage::Teach, inputs("a"), 7).unwrap();
        assert_eq!(stage.state().unwrap(), State::Open);
        write_atomic(&stage.file("weights"), b"one").unwrap();
        assert_eq!(stage.state().unwrap(), State::Open);
        let manifest = stage.finish(&["weights"], "cpu").unwrap();
        assert_eq!((manifest.seed, manifest.outputs["weights"].bytes), (7, 3));
        assert_eq!(stage.state().unwrap(), State::Done(Box::new(manifest)));
        fs::write(stage.file("weights"), b"two").unwrap();
        assert!(matches!(stage.state().unwrap(), State::Damaged(why) if why.contains("changed")));
        fs::remove_file(stage.file("weights")).unwrap();
        assert!(matches!(stage.state().unwrap(), State::Damaged(why) if why.contains("gone")));
        // Not to be read is not to be gone: a folder stands for a disk or a right that fails.
        fs::create_dir(stage.file("weights")).unwrap();
        assert!(stage.state().is_err());
        fs::write(stage.file(MANIFEST), b"{\"half").unwrap();
        let state = stage.state().unwrap();
        assert!(
            matches!(state, State::Damaged(why) if why.contains("manifest.json can't be read"))
        );
    }

    #[test]
    fn other_inputs_have_another_folder_and_one_folder_one_holder() {
        let run = tempfile::tempdir().unwrap();
        let a = StageDir::open(run.path(), Stage::Label, inputs("a"), 0).unwrap();
        let b = StageDir::open(run.path(), Stage::Label, inputs("b"), 0).unwrap();
        assert_ne!(a.path(), b.path());
        let error = StageDir::open(run.path(), Stage::Label, inputs("a"), 0).unwrap_err();
        assert!(error.to_string().contains("another process"), "{error}");
        drop(a);
        StageDir::open(run.path(), Stage::Label, inputs("a"), 0).unwrap();
    }

    #[test]
    fn finish_refuses_an_output_that_is_not_there() {
        let run = tempfile::tempdir().unwrap();
        let stage = StageDir::open(run.path(), Stage::Distill, inputs("a"), 0).unwrap();
        let error = format!("{:#}", stage.finish(&["student"], "cpu").unwrap_err());
        assert!(error.contains("student"), "{error}");
        assert_eq!(stage.state().unwrap(), State::Open);
    }

    #[test]
    fn opening_clears_what_a_killed_write_left() {
        let run = tempfile::tempdir().unwrap();
        let stage = StageDir::open(run.path(), Stage::Teach, inputs("a"), 0).unwrap();
        fs::create_dir(stage.file("teacher")).unwrap();
        let left = stage.file("teacher/.weights.99.tmp");
        fs::write(&left, b"half").unwrap();
        fs::write(stage.file("teacher/weights"), b"whole").unwrap();
        drop(stage);
        let stage = StageDir::open(run.path(), Stage::Teach, inputs("a"), 0).unwrap();
        assert!(!left.exists());
        assert!(stage.file("teacher/weights").exists());
    }
}
