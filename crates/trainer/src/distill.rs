//! Trains the student on the teacher's labels and explanations.

use anyhow::{Context, Result, anyhow, bail};
use burn::grad_clipping::GradientClippingConfig;
use burn::optim::{AdamWConfig, ModuleOptimizer};
use burn::tensor::Bytes;
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::time::Instant;

use crate::average::Average;
use crate::checkpoint::Checkpoints;
use crate::metrics::{Scores, softmax};
use crate::objective::{Targets, loss};
use crate::progress::Progress;
use crate::recipe::{DistillSection, Objective};
use crate::student::{Shape, Student, StudentBatch, logits};
use crate::teacher::{Weights, floats_of};
use crate::training::{Dropout, Schedule, batches, generator};

/// The averaged weights, which are the student.
const MODEL: &str = "student.safetensors";
/// The weights as the last step left them, from which training goes on.
const LAST_STEP: &str = "last-step.safetensors";
const OPTIMIZER: &str = "optimizer.burnpack";
const STATE: &str = "state.json";

/// Texts a forward pass without gradients.
const VALIDATION_BATCH: usize = 256;

/// One text as the student learns from it.
#[derive(Debug, Clone)]
pub struct Row {
    /// Student's token ids.
    pub ids: Vec<u32>,
    /// Word of each token.
    pub words: Vec<usize>,
    /// Gold class; `None` for variants.
    pub gold: Option<usize>,
    /// Teacher's logits.
    pub logits: Vec<f32>,
    /// Teacher's attributions `[classes][words]`; `None` for variants.
    pub attribution: Option<Vec<Vec<f32>>>,
}

/// What the student learns from and is chosen by.
#[derive(Debug, Clone)]
pub struct TransferSet {
    /// Training texts and their variants.
    pub train: Vec<Row>,
    /// Validation texts.
    pub validation: Vec<Row>,
}

/// One epoch's figures.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Epoch {
    /// Epoch, from 1.
    pub epoch: usize,
    /// Mean loss.
    pub loss: f64,
    /// Mean of each term of the loss, before its weight.
    pub terms: Vec<(String, f64)>,
    /// Share of validation rows labelled right.
    pub accuracy: f64,
    /// Macro-F1 on validation rows.
    pub macro_f1: f64,
    /// Mean cross-entropy on validation rows between the student's probabilities and the teacher's (for
    /// the `labels` objective, the gold labels). It rises with overconfidence long before answers get
    /// worse, so it does not choose the epoch.
    pub validation_loss: f64,
    /// Wall time of the epoch's training steps.
    pub seconds: f64,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct State {
    history: Vec<Epoch>,
    best: usize,
}

/// A trained student.
#[derive(Debug)]
pub struct Distilled {
    /// Weights of the best epoch.
    pub weights: Weights,
    /// Which epoch that was.
    pub best: usize,
    /// Every epoch's figures.
    pub history: Vec<Epoch>,
}

/// Everything that decides what a student becomes.
#[derive(Debug, Clone, Copy)]
pub struct Course<'a> {
    /// What it learns from.
    pub set: &'a TransferSet,
    /// Its sizes.
    pub shape: Shape,
    /// Where its embeddings start, `[vocabulary * embedding]`.
    pub embedding: &'a [f32],
    /// Dropout probability.
    pub dropout: f64,
    /// Objective and optimizer.
    pub section: &'a DistillSection,
    /// Seed of everything drawn.
    pub seed: u64,
}

impl Course<'_> {
    fn steps_averaged(&self) -> f64 {
        let steps = self.set.train.len().div_ceil(self.section.batch);
        self.section.average * steps as f64
    }
}

/// Trains a student, keeping the epoch with the best macro-F1 on validation rows, the earlier of equals.
///
/// Checkpoints stand under `directory`; called again, training goes on after the newest whole one.
pub fn distill(course: Course, directory: &Path, progress: &Progress) -> Result<Distilled> {
    let checkpoints = Checkpoints::open(directory)?;
    let mut training = Training {
        course,
        student: Student::new(course.shape, course.embedding.to_vec(), course.seed),
        optimizer: AdamWConfig::new()
            .with_epsilon(1e-8)
            .with_weight_decay(course.section.weight_decay as f32)
            .with_grad_clipping(Some(GradientClippingConfig::Norm(
                course.section.clip as f32,
            )))
            .init(),
        state: State::default(),
        average: Average::over(course.steps_averaged()),
    };
    if let Some(epoch) = checkpoints.newest(progress)? {
        training.resume(&checkpoints, epoch)?;
    }
    while training.state.history.len() < course.section.epochs {
        let epoch = training.epoch(progress)?;
        progress.note(&format!(
            "seed {}, epoch {}: loss {:.4}, validation loss {:.4}, accuracy {:.4}, macro-F1 {:.4}, {:.1} s",
            course.seed,
            epoch.epoch,
            epoch.loss,
            epoch.validation_loss,
            epoch.accuracy,
            epoch.macro_f1,
            epoch.seconds
        ));
        training.state.history.push(epoch);
        training.save(&checkpoints)?;
    }
    let best = training.state.best;
    Ok(Distilled {
        weights: Weights::read(&checkpoints.read(best, MODEL)?)?,
        best,
        history: training.state.history,
    })
}

struct Training<'a> {
    course: Course<'a>,
    student: Student,
    optimizer: ModuleOptimizer,
    state: State,
    average: Average,
}

impl Training<'_> {
    fn resume(&mut self, checkpoints: &Checkpoints, epoch: usize) -> Result<()> {
        let of_epoch = |name: &str| format!("{name} of epoch {epoch}");
        self.state = serde_json::from_slice(&checkpoints.read(epoch, STATE)?)
            .with_context(|| of_epoch(STATE))?;
        let read = |name: &str| {
            Weights::read(&checkpoints.read(epoch, name)?).with_context(|| of_epoch(name))
        };
        self.average.resume(read(MODEL)?);
        let weights = read(LAST_STEP)?;
        self.student = Student::from_weights(self.course.shape, &weights)?;
        let bytes = Bytes::from_bytes_vec(checkpoints.read(epoch, OPTIMIZER)?);
        let optimizer = self.optimizer.clone().from_bytes(bytes);
        self.optimizer = optimizer.map_err(|error| anyhow!("{}: {error}", of_epoch(OPTIMIZER)))?;
        Ok(())
    }

    /// Trains one epoch and scores the validation rows.
    fn epoch(&mut self, progress: &Progress) -> Result<Epoch> {
        let number = self.state.history.len() + 1;
        let lengths: Vec<usize> = self
            .course
            .set
            .train
            .iter()
            .map(|row| row.ids.len())
            .collect();
        let order = batches(
            &lengths,
            self.course.section.batch,
            &mut generator(self.course.seed, "distill order", number as u64),
        );
        let schedule = Schedule {
            peak: self.course.section.learning_rate,
            warmup: self.course.section.warmup,
            steps: order.len() * self.course.section.epochs,
        };
        let clock = Instant::now();
        let name = format!("distill: epoch {number} of {}", self.course.section.epochs);
        let task = progress.task(&name, "texts", self.course.set.train.len());
        let mut sums = Sums::default();
        for (index, rows) in order.iter().enumerate() {
            let step = (number - 1) * order.len() + index;
            let terms = self.step(rows, step, schedule.rate(step))?;
            self.average
                .look(&self.student, step, index + 1 == order.len())?;
            sums.add(terms, rows.len());
            task.message(&format!("loss {:.3}", sums.mean()));
            task.advance(rows.len());
        }
        task.finish();
        let seconds = clock.elapsed().as_secs_f64();
        let (scores, validation_loss) = self.validate()?;
        Ok(Epoch {
            epoch: number,
            loss: sums.mean(),
            terms: sums.terms(),
            accuracy: scores.accuracy,
            macro_f1: scores.macro_f1,
            validation_loss,
            seconds,
        })
    }

    /// The averaged student's scores and loss on validation rows.
    fn validate(&self) -> Result<(Scores, f64)> {
        let weights = self.average.weights().context("no step was taken")?;
        let student = Student::from_weights(self.course.shape, weights)?;
        let rows = &self.course.set.validation;
        let ids: Vec<Vec<u32>> = rows.iter().map(|row| row.ids.clone()).collect();
        let gold: Vec<usize> = rows.iter().filter_map(|row| row.gold).collect();
        let found = logits(&student, &ids, VALIDATION_BATCH)?;
        let objective = self.course.section.objective;
        let losses = rows.iter().zip(&found).map(|(row, logits)| {
            let target = match (objective, row.gold) {
                (Objective::Labels, Some(gold)) => one_hot(gold, logits.len()),
                _ => softmax(&row.logits),
            };
            let said = softmax(logits);
            let terms = target.iter().zip(said);
            -terms
                .map(|(p, q)| p * q.max(f64::MIN_POSITIVE).ln())
                .sum::<f64>()
        });
        let loss = losses.sum::<f64>() / rows.len().max(1) as f64;
        Ok((Scores::of_logits(&found, &gold)?, loss))
    }

    /// One optimizer step; returns the loss and its terms.
    fn step(&mut self, rows: &[usize], step: usize, rate: f64) -> Result<Vec<(&'static str, f64)>> {
        let rows: Vec<&Row> = rows
            .iter()
            .map(|&row| &self.course.set.train[row])
            .collect();
        let ids: Vec<&[u32]> = rows.iter().map(|row| row.ids.as_slice()).collect();
        let mut dropout = Dropout {
            rate: self.course.dropout,
            generator: generator(self.course.seed, "distill dropout", step as u64),
        };
        let batch = StudentBatch::new(&ids);
        let (output, way) = self.student.forward_to_learn(&batch, Some(&mut dropout));
        let targets = Targets {
            gold: rows.iter().map(|row| row.gold).collect(),
            logits: rows.iter().map(|row| row.logits.clone()).collect(),
            attributions: rows.iter().map(|row| row.attribution.clone()).collect(),
            words: rows.iter().map(|row| row.words.clone()).collect(),
        };
        let loss = loss(&output, &targets, self.course.section);
        let mut values = vec![("loss", f64::from(floats_of(loss.total.clone())?[0]))];
        for (name, term) in loss.terms {
            values.push((name, f64::from(floats_of(term)?[0])));
        }
        if let Some((name, value)) = values.iter().rev().find(|(_, value)| !value.is_finite()) {
            bail!(
                "distill: the {name} term became {value} at step {step}; the last good checkpoint is kept; \
                 lower distill.learning_rate"
            );
        }
        let gradients = self.student.gradients(&loss.total, &way);
        self.student = self.optimizer.step(rate, self.student.clone(), gradients);
        Ok(values)
    }

    fn save(&mut self, checkpoints: &Checkpoints) -> Result<()> {
        let ranked = self.state.history.iter().enumerate().rev();
        let best = ranked.max_by(|a, b| a.1.macro_f1.total_cmp(&b.1.macro_f1));
        self.state.best = best.map_or(0, |(index, _)| index + 1);
        let optimizer = self
            .optimizer
            .into_bytes()
            .map_err(|error| anyhow!("saving the optimizer: {error}"))?;
        let average = self.average.weights().context("no step was taken")?;
        let files: [(&str, &[u8]); 4] = [
            (MODEL, &average.write()?),
            (LAST_STEP, &self.student.weights()?.write()?),
            (OPTIMIZER, &optimizer),
            (STATE, &serde_json::to_vec_pretty(&self.state)?),
        ];
        checkpoints.write(self.state.history.len(), &files, &[self.state.best])
    }
}

fn one_hot(class: usize, classes: usize) -> Vec<f64> {
    (0..classes)
        .map(|c| f64::from(u8::from(c == class)))
        .collect()
}

/// Running means of the loss and its terms.
#[derive(Default)]
struct Sums {
    rows: usize,
    sums: Vec<(&'static str, f64)>,
}

impl Sums {
    fn add(&mut self, values: Vec<(&'static str, f64)>, rows: usize) {
        if self.sums.is_empty() {
            self.sums = values.iter().map(|(name, _)| (*name, 0.0)).collect();
        }
        for (sum, (_, value)) in self.sums.iter_mut().zip(values) {
            sum.1 += value * rows as f64;
        }
        self.rows += rows;
    }

    /// Mean of the loss itself.
    fn mean(&self) -> f64 {
        self.sums
            .first()
            .map_or(0.0, |(_, sum)| sum / self.rows as f64)
    }

    fn terms(&self) -> Vec<(String, f64)> {
        let terms = self.sums.iter().skip(1);
        terms
            .map(|(name, sum)| ((*name).to_owned(), sum / self.rows as f64))
            .collect()
    }
}
