//! Fine-tunes an encoder into a teacher.

mod slices;
mod tensors;

use anyhow::{Context, Result};
use burn::tensor::Device;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

use crate::checkpoint::Checkpoints;
use crate::data::{Example, Split};
use crate::device::processor;
use crate::metrics::Scores;
use crate::progress::Progress;
use crate::recipe::TeacherSection;
use crate::teacher::{Encoder, FILES, Fresh, Frozen, Head, Teacher, Weights};
use crate::training::{Diverged, Schedule, batches, generator};

pub use tensors::cross_entropy;

const STATE: &str = "state.json";

/// One epoch's figures.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Epoch {
    /// Epoch, from 1.
    pub epoch: usize,
    /// Mean training loss.
    pub loss: f64,
    /// Share of validation rows labelled right.
    pub accuracy: f64,
    /// Macro-F1 on validation rows.
    pub macro_f1: f64,
    /// Wall time of the epoch's training steps.
    pub seconds: f64,
}

/// What a training knows between epochs.
#[derive(Debug, Default, Serialize, Deserialize)]
struct State {
    history: Vec<Epoch>,
    best: usize,
}

/// A fine-tuned teacher.
#[derive(Debug)]
pub struct Taught {
    /// Folder with the best epoch's files, a Hugging Face directory.
    pub directory: PathBuf,
    /// Every epoch's figures.
    pub history: Vec<Epoch>,
}

/// Fine-tunes the encoder in `base` on `split.train`, keeping the epoch with the best macro-F1 on
/// `split.validation`; stops after `patience` epochs without a better one.
///
/// Checkpoints stand under `directory`; called again, training goes on after the newest whole one.
pub fn teach(
    split: &Split,
    base: &Path,
    section: &TeacherSection,
    seed: u64,
    directory: &Path,
    device: &Device,
    progress: &Progress,
) -> Result<Taught> {
    let checkpoints = Checkpoints::open(directory)?;
    let mut training = Training::start(split, base, section, seed, device)?;
    if let Some(epoch) = checkpoints.newest(progress)? {
        training.resume(&checkpoints, epoch)?;
    }
    while !training.finished() {
        let epoch = training.epoch(progress)?;
        progress.note(&format!(
            "epoch {}: loss {:.4}, validation accuracy {:.4}, macro-F1 {:.4}, {:.0} s",
            epoch.epoch, epoch.loss, epoch.accuracy, epoch.macro_f1, epoch.seconds
        ));
        training.state.history.push(epoch);
        training.save(&checkpoints)?;
    }
    Ok(Taught {
        directory: checkpoints.path(training.state.best),
        history: training.state.history,
    })
}

/// Where in the course a batch is learnt from.
#[derive(Debug, Clone, Copy)]
struct Step {
    /// From 0, over all epochs.
    number: usize,
    rate: f64,
    seed: u64,
}

impl Step {
    /// The loss, if it is a number.
    fn expect_finite(self, loss: f32) -> Result<f32> {
        if !loss.is_finite() {
            return Err(Diverged {
                stage: "teach",
                key: "teacher.learning_rate",
                term: "cross-entropy".into(),
                value: f64::from(loss),
                step: self.number,
            }
            .into());
        }
        Ok(loss)
    }
}

/// An encoder that learns.
trait Learner {
    /// Learns from one batch, of which it gives the mean cross-entropy before.
    fn step(&mut self, texts: &[&[u32]], labels: &[usize], step: Step) -> Result<f32>;

    /// The weights as they stand.
    fn weights(&mut self) -> Result<Weights>;

    /// What the optimizer's state is called in a checkpoint: that of one kind of learner says nothing to the
    /// other.
    fn optimizer_name(&self) -> &'static str;

    fn optimizer(&mut self) -> Result<Vec<u8>>;

    /// Goes on from these weights and this optimizer's state.
    fn resume(&mut self, weights: Weights, optimizer: Vec<u8>) -> Result<()>;
}

fn learner(teacher: &Teacher, section: &TeacherSection) -> Result<Box<dyn Learner>> {
    Ok(if teacher.device == processor() {
        Box::new(slices::Learner::new(teacher, section)?)
    } else {
        Box::new(tensors::Learner::new(teacher, section))
    })
}

struct Training<'a> {
    section: &'a TeacherSection,
    seed: u64,
    teacher: Teacher,
    learner: Box<dyn Learner>,
    state: State,
    train: Vec<(Vec<u32>, usize)>,
    validation: Vec<(Vec<u32>, usize)>,
}

impl<'a> Training<'a> {
    fn start(
        split: &Split,
        base: &Path,
        section: &'a TeacherSection,
        seed: u64,
        device: &Device,
    ) -> Result<Self> {
        device.seed(seed);
        let teacher = Teacher::load(base, Head::New(&split.labels, section.pooling), device)?;
        let learner = learner(&teacher, section)?;
        let encode = |examples: &[Example]| -> Result<Vec<(Vec<u32>, usize)>> {
            let texts = examples.iter().map(|example| &example.text);
            let ids = teacher.ids(texts, section.max_tokens)?.into_iter();
            Ok(ids.zip(examples.iter().map(|row| row.label)).collect())
        };
        Ok(Self {
            train: encode(&split.train)?,
            validation: encode(&split.validation)?,
            section,
            seed,
            teacher,
            learner,
            state: State::default(),
        })
    }

    /// Takes up what was known at the end of `epoch`.
    fn resume(&mut self, checkpoints: &Checkpoints, epoch: usize) -> Result<()> {
        self.state = serde_json::from_slice(&checkpoints.read(epoch, STATE)?)
            .with_context(|| format!("{STATE} of epoch {epoch}"))?;
        let name = self.learner.optimizer_name();
        let optimizer = checkpoints.read(epoch, name).with_context(|| {
            format!(
                "{} was trained on a device of another kind: go on there, or remove it",
                checkpoints.path(epoch).display()
            )
        })?;
        let weights = || Weights::read(&checkpoints.read(epoch, FILES[2])?);
        let resumed = self.learner.resume(weights()?, optimizer);
        resumed.with_context(|| format!("{name} of epoch {epoch}"))?;
        self.take(&weights()?)
    }

    /// Makes the teacher what was learnt.
    fn take(&mut self, weights: &Weights) -> Result<()> {
        let Teacher { config, device, .. } = &self.teacher;
        self.teacher.encoder = Encoder::load(config, weights, Fresh::Nothing, device)?;
        Ok(())
    }

    fn finished(&self) -> bool {
        let done = self.state.history.len();
        done >= self.section.epochs
            || done >= self.state.best + self.section.patience.max(1) && done > 0
    }

    /// Trains one epoch and scores the validation rows.
    fn epoch(&mut self, progress: &Progress) -> Result<Epoch> {
        let number = self.state.history.len() + 1;
        let lengths: Vec<usize> = self.train.iter().map(|(ids, _)| ids.len()).collect();
        let batches = batches(
            &lengths,
            self.section.batch,
            &mut generator(self.seed, "teach order", number as u64),
        );
        let schedule = Schedule {
            peak: self.section.learning_rate,
            warmup: self.section.warmup,
            steps: batches.len() * self.section.epochs,
        };
        let clock = std::time::Instant::now();
        let name = format!("teach: epoch {number} of {}", self.section.epochs);
        let task = progress.task(&name, "texts", self.train.len());
        let mut total = 0.0;
        for (index, rows) in batches.iter().enumerate() {
            let step = (number - 1) * batches.len() + index;
            let ids: Vec<&[u32]> = rows
                .iter()
                .map(|&row| self.train[row].0.as_slice())
                .collect();
            let labels: Vec<usize> = rows.iter().map(|&row| self.train[row].1).collect();
            let step = Step {
                number: step,
                rate: schedule.rate(step),
                seed: self.seed,
            };
            let value = self.learner.step(&ids, &labels, step)?;
            total += f64::from(value) * rows.len() as f64;
            task.message(&format!("loss {value:.3}"));
            task.advance(rows.len());
        }
        task.finish();
        let seconds = clock.elapsed().as_secs_f64();
        let learnt = self.learner.weights()?;
        self.take(&learnt)?;
        let scores = self.validate(progress)?;
        Ok(Epoch {
            epoch: number,
            loss: total / self.train.len() as f64,
            accuracy: scores.accuracy,
            macro_f1: scores.macro_f1,
            seconds,
        })
    }

    fn validate(&self, progress: &Progress) -> Result<Scores> {
        let (ids, gold): (Vec<_>, Vec<_>) = self.validation.iter().cloned().unzip();
        let task = progress.task("teach: validation", "texts", ids.len());
        let frozen = Frozen::new(&self.teacher)?;
        let logits = frozen.logits(&ids, self.section.batch, |rows| task.advance(rows))?;
        task.finish();
        Scores::of_logits(&logits, &gold)
    }

    fn save(&mut self, checkpoints: &Checkpoints) -> Result<()> {
        let history = &self.state.history;
        let best = history
            .iter()
            .enumerate()
            .rev()
            .max_by(|a, b| a.1.macro_f1.total_cmp(&b.1.macro_f1));
        self.state.best = best.map_or(0, |(index, _)| index + 1);
        let optimizer = self.learner.optimizer()?;
        let state = serde_json::to_vec_pretty(&self.state)?;
        let files = self.teacher.files()?;
        let mut files: Vec<(&str, &[u8])> = files
            .iter()
            .map(|(name, bytes)| (*name, bytes.as_slice()))
            .collect();
        files.push((self.learner.optimizer_name(), &optimizer));
        files.push((STATE, &state));
        checkpoints.write(self.state.history.len(), &files, &[self.state.best])
    }
}
