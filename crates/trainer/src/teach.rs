//! Fine-tunes an encoder into a teacher.

use anyhow::{Context, Result, bail};
use burn::grad_clipping::GradientClippingConfig;
use burn::optim::{AdamWConfig, GradientsParams, ModuleOptimizer};
use burn::tensor::activation::log_softmax;
use burn::tensor::{Bytes, Device, Tensor, TensorData};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

use crate::checkpoint::Checkpoints;
use crate::data::{Example, Split};
use crate::metrics::Scores;
use crate::progress::Progress;
use crate::recipe::TeacherSection;
use crate::teacher::{Batch, Encoder, FILES, Fresh, Head, Teacher, Weights, floats_of};
use crate::training::{Schedule, batches, by_length, generator, seed_step};

const OPTIMIZER: &str = "optimizer.burnpack";
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
/// Checkpoints stand under `directory`; called again, training goes on after the newest.
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
    let mut training = Training::start(split, base, section, seed, &checkpoints, device)?;
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

/// Logits of `texts`, one row each, in order.
pub fn logits(
    teacher: &Teacher,
    encoded: &[Vec<u32>],
    batch: usize,
    mut done: impl FnMut(usize),
) -> Result<Vec<Vec<f32>>> {
    let encoder = teacher.encoder.frozen();
    let lengths: Vec<usize> = encoded.iter().map(Vec::len).collect();
    let mut all = vec![Vec::new(); encoded.len()];
    for rows in by_length(&lengths, batch) {
        let ids: Vec<&[u32]> = rows.iter().map(|&row| encoded[row].as_slice()).collect();
        let batch = Batch::new(&ids, teacher.config.padding, &teacher.device);
        let values = floats_of(encoder.forward(&batch))?;
        for (&row, logits) in rows.iter().zip(values.chunks(teacher.config.labels.len())) {
            all[row] = logits.to_vec();
        }
        done(rows.len());
    }
    Ok(all)
}

struct Training<'a> {
    section: &'a TeacherSection,
    seed: u64,
    teacher: Teacher,
    optimizer: ModuleOptimizer,
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
        checkpoints: &Checkpoints,
        device: &Device,
    ) -> Result<Self> {
        device.seed(seed);
        let mut teacher = Teacher::load(base, Head::New(&split.labels, section.pooling), device)?;
        let mut optimizer = AdamWConfig::new()
            .with_epsilon(1e-8)
            .with_weight_decay(section.weight_decay as f32)
            .with_grad_clipping(Some(GradientClippingConfig::Norm(1.0)))
            .init();
        let mut state = State::default();
        if let Some(epoch) = checkpoints.last()? {
            state = serde_json::from_slice(&checkpoints.read(epoch, STATE)?)
                .with_context(|| format!("{STATE} of epoch {epoch}"))?;
            let weights = Weights::read(&checkpoints.read(epoch, FILES[2])?)?;
            teacher.encoder = Encoder::load(&teacher.config, &weights, Fresh::Nothing, device)?;
            let bytes = Bytes::from_bytes_vec(checkpoints.read(epoch, OPTIMIZER)?);
            optimizer = optimizer
                .from_bytes(bytes)
                .map_err(|error| anyhow::anyhow!("{OPTIMIZER} of epoch {epoch}: {error}"))?;
        }
        let max_tokens = section.max_tokens.min(teacher.config.max_length());
        let encode = |examples: &[Example]| -> Result<Vec<(Vec<u32>, usize)>> {
            examples
                .iter()
                .map(|example| {
                    Ok((
                        teacher
                            .tokenizer
                            .encode(&example.text, &[], max_tokens)?
                            .ids,
                        example.label,
                    ))
                })
                .collect()
        };
        Ok(Self {
            train: encode(&split.train)?,
            validation: encode(&split.validation)?,
            section,
            seed,
            teacher,
            optimizer,
            state,
        })
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
        let mut encoder = self
            .teacher
            .encoder
            .clone()
            .with_dropout(self.section.dropout);
        let mut total = 0.0;
        for (index, rows) in batches.iter().enumerate() {
            let step = (number - 1) * batches.len() + index;
            seed_step(&self.teacher.device, self.seed, "teach", step);
            let ids: Vec<&[u32]> = rows
                .iter()
                .map(|&row| self.train[row].0.as_slice())
                .collect();
            let labels: Vec<usize> = rows.iter().map(|&row| self.train[row].1).collect();
            let batch = Batch::new(&ids, self.teacher.config.padding, &self.teacher.device);
            let loss = cross_entropy(encoder.forward(&batch), &labels);
            let value = floats_of(loss.clone())?[0];
            if !value.is_finite() {
                bail!(
                    "teach: the cross-entropy became {value} at step {step} (epoch {number}); the last good \
                     checkpoint is kept; lower teacher.learning_rate"
                );
            }
            total += f64::from(value) * rows.len() as f64;
            let gradients = GradientsParams::from_grads(loss.backward(), &encoder);
            encoder = self.optimizer.step(schedule.rate(step), encoder, gradients);
            task.message(&format!("loss {value:.3}"));
            task.advance(rows.len());
        }
        task.finish();
        self.teacher.encoder = encoder.with_dropout(0.0);
        let seconds = clock.elapsed().as_secs_f64();
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
        let logits = logits(&self.teacher, &ids, self.section.batch, |rows| {
            task.advance(rows);
        })?;
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
        let optimizer = self
            .optimizer
            .into_bytes()
            .map_err(|error| anyhow::anyhow!("saving the optimizer: {error}"))?;
        let state = serde_json::to_vec_pretty(&self.state)?;
        let files = self.teacher.files()?;
        let mut files: Vec<(&str, &[u8])> = files
            .iter()
            .map(|(name, bytes)| (*name, bytes.as_slice()))
            .collect();
        files.push((OPTIMIZER, &optimizer));
        files.push((STATE, &state));
        checkpoints.write(self.state.history.len(), &files, &[self.state.best])
    }
}

/// Mean cross-entropy of `logits [batch, classes]` against class indices.
pub fn cross_entropy(logits: Tensor<2>, labels: &[usize]) -> Tensor<1> {
    let [rows, classes] = logits.dims();
    let mut one_hot = vec![0f32; rows * classes];
    for (row, &label) in labels.iter().enumerate() {
        one_hot[row * classes + label] = 1.0;
    }
    let one_hot =
        Tensor::<2>::from_data(TensorData::new(one_hot, [rows, classes]), &logits.device());
    (log_softmax(logits, 1) * one_hot).sum() * (-1.0 / rows as f64)
}
