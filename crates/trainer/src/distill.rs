//! Trains the student on the teacher's labels and explanations.

mod mixing;
mod online;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use crate::adamw::AdamW;
use crate::average::Average;
use crate::bandit::Bandit;
use crate::checkpoint::Checkpoints;
use crate::data::{chosen_right, gap};
use crate::metrics::{Scores, softmax};
use crate::objective::{Targets, loss};
use crate::progress::Progress;
use crate::recipe::{DistillSection, Objective};
use crate::sampler::{Mixture, Order};
use crate::student::{Last, Moments, Shape, Speech, Student, StudentBatch, logits};
use crate::teacher::{Weights, floats_of};
use crate::training::{Diverged, Dropout, Schedule, generator};

use self::mixing::asked;
use self::online::Online;

/// The averaged weights, which are the student.
const MODEL: &str = "student.safetensors";
/// The weights as the last step left them, from which training goes on.
const LAST_STEP: &str = "last-step.safetensors";
const OPTIMIZER: &str = "optimizer.safetensors";
const STATE: &str = "state.json";
/// The teacher that learns along, where there is one.
const ONLINE: &str = "online.safetensors";

/// Texts a forward pass without gradients.
const VALIDATION_BATCH: usize = 256;

/// One text as the student learns from it.
#[derive(Debug, Clone)]
pub struct Row {
    /// Student's token ids.
    pub ids: Vec<u32>,
    /// Word of each token.
    pub words: Vec<usize>,
    /// Gold class; `None` for variants, but with the `labels` objective, where they have their text's.
    pub gold: Option<usize>,
    /// Teacher's logits.
    pub logits: Vec<f32>,
    /// Teacher's attributions `[classes][words]`; `None` for variants.
    pub attribution: Option<Vec<Vec<f32>>>,
    /// The group that a sampler draws it with: its domain, where the data says it, a variant that of its text; or, with
    /// `bandit`, how it was made.
    pub group: Option<usize>,
    /// 1 for each word that people named, 0 for the others; `None` where nobody was asked.
    pub rationale: Option<Vec<f32>>,
    /// Reasons in words that the decoder is taught; their row is 0.
    pub reasons: Vec<Speech>,
    /// What its reason means, a direction; `None` where it has none, or nobody asks.
    pub meaning: Option<Vec<f32>>,
    /// What the teacher's encoder makes of it, where an adapter of that learns along.
    pub features: Option<Vec<f32>>,
    /// Which question it is a choice of, among the training or the validation rows; a question's choices compete.
    pub question: Option<usize>,
}

/// What the student learns from and is chosen by.
#[derive(Debug, Clone)]
pub struct TransferSet {
    /// Training texts and their variants.
    pub train: Vec<Row>,
    /// Validation texts.
    pub validation: Vec<Row>,
    /// What the groups are called.
    pub groups: Vec<String>,
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
    /// Share of validation questions answered right, where rows are choices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub questions: Option<f64>,
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
    mixture: Mixture,
    bandit: Bandit,
}

/// A trained student.
#[derive(Debug)]
pub struct Distilled {
    /// Weights of the epoch that is kept.
    pub weights: Weights,
    /// Which epoch that was.
    pub best: usize,
    /// Every epoch's figures.
    pub history: Vec<Epoch>,
    /// How much each group was drawn from.
    pub mixture: Mixture,
}

/// Everything that decides what a student becomes.
#[derive(Debug, Clone, Copy)]
pub struct Course<'a> {
    /// What it learns from.
    pub set: &'a TransferSet,
    /// Its sizes, and the layers before it.
    pub shape: &'a Shape,
    /// Where its embeddings start, `[vocabulary * embedding]`.
    pub embedding: &'a [f32],
    /// Dropout probability.
    pub dropout: f64,
    /// Objective and optimizer.
    pub section: &'a DistillSection,
    /// Seed of everything drawn.
    pub seed: u64,
}

/// How a course goes through its rows; found once.
struct Plan {
    /// The rows of each question, where they are choices, and how many questions make a batch.
    questions: Vec<Vec<usize>>,
    together: usize,
    /// Optimizer steps of an epoch.
    steps: usize,
}

impl Course<'_> {
    fn plan(&self) -> Plan {
        let batch = self.section.batch;
        let questions = questions(&self.set.train);
        let choices = questions.iter().map(Vec::len).max();
        let together = (batch / choices.unwrap_or(1)).max(1);
        let steps = match choices {
            None => self.set.train.len().div_ceil(batch),
            Some(_) => questions.len().div_ceil(together),
        };
        Plan {
            questions,
            together,
            steps,
        }
    }

    /// The batches of an epoch.
    fn order(&self, plan: &Plan, epoch: usize) -> Order {
        let rows = &self.set.train;
        if plan.questions.is_empty() {
            let rows = rows.iter().map(|row| (row.ids.len(), row.group));
            Order::new(
                self.section,
                rows,
                self.set.groups.len(),
                (self.seed, epoch),
            )
        } else {
            let lengths: Vec<usize> = rows.iter().map(|row| row.ids.len()).collect();
            Order::of_questions(plan.together, &lengths, &plan.questions, (self.seed, epoch))
        }
    }

    /// The objective's weights at a step.
    fn at(&self, plan: &Plan, step: usize) -> DistillSection {
        let mut section = self.section.clone();
        let rising = section.mu_warmup * (plan.steps * section.epochs) as f64;
        if (step as f64) < rising {
            section.mu *= step as f64 / rising;
        }
        section
    }
}

/// Trains a student, keeping the epoch with the best macro-F1 on validation rows, or the most of their questions right, the
/// earlier of equals; of one that gives reasons the last.
///
/// Checkpoints stand under `directory`; called again, training goes on after the newest whole one.
pub fn distill(course: Course, directory: &Path, progress: &Progress) -> Result<Distilled> {
    let checkpoints = Checkpoints::open(directory)?;
    let student = Student::new(course.shape, course.embedding.to_vec(), course.seed);
    let plan = course.plan();
    let mut training = Training {
        course,
        moments: Moments::zeros(&student),
        student,
        state: State {
            mixture: Mixture {
                names: course.set.groups.clone(),
                ..Mixture::default()
            },
            ..State::default()
        },
        average: Average::over(course.section.average * plan.steps as f64),
        plan,
        asked: asked(&course),
        online: online(&course)?,
    };
    if let Some(epoch) = checkpoints.newest(progress)? {
        training.resume(&checkpoints, epoch)?;
    }
    while training.state.history.len() < course.section.epochs {
        let epoch = training.epoch(progress)?;
        progress.note(&format!(
            "seed {}, epoch {}: loss {:.4}, validation loss {:.4}, {}accuracy {:.4}, macro-F1 {:.4}, {:.1} s",
            course.seed,
            epoch.epoch,
            epoch.loss,
            epoch.validation_loss,
            epoch.questions.map_or(String::new(), |right| format!("questions {right:.4}, ")),
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
        mixture: training.state.mixture,
    })
}

struct Training<'a> {
    course: Course<'a>,
    plan: Plan,
    student: Student,
    moments: Moments,
    state: State,
    average: Average,
    /// Validation rows that the groups' shares follow.
    asked: Vec<usize>,
    /// The teacher, where it learns along.
    online: Option<Online>,
}

impl Training<'_> {
    fn resume(&mut self, checkpoints: &Checkpoints, epoch: usize) -> Result<()> {
        let of_epoch = |name: &str| format!("{name} of epoch {epoch}");
        self.state = serde_json::from_slice(&checkpoints.read(epoch, STATE)?)
            .with_context(|| of_epoch(STATE))?;
        let read = |name: &str| {
            Weights::read(&checkpoints.read(epoch, name)?).with_context(|| of_epoch(name))
        };
        if let Some(online) = &mut self.online {
            let weights = read(ONLINE)?;
            online.read(&weights).with_context(|| of_epoch(ONLINE))?;
        }
        self.average.resume(read(MODEL)?);
        let weights = read(LAST_STEP)?;
        self.student = Student::from_weights(self.course.shape, &weights)?;
        let moments = self.moments.read(&read(OPTIMIZER)?);
        moments.with_context(|| of_epoch(OPTIMIZER))
    }

    /// Trains one epoch and scores the validation rows.
    fn epoch(&mut self, progress: &Progress) -> Result<Epoch> {
        let number = self.state.history.len() + 1;
        let set = self.course.set;
        let section = self.course.section;
        let steps = self.plan.steps;
        let schedule = Schedule {
            peak: section.learning_rate,
            warmup: section.warmup,
            steps: steps * section.epochs,
        };
        let clock = Instant::now();
        let name = format!("distill: epoch {number} of {}", section.epochs);
        let task = progress.task(&name, "texts", set.train.len());
        let mut sums = Sums::default();
        let mut order = self.course.order(&self.plan, number);
        for index in 0..steps {
            let step = (number - 1) * steps + index;
            if order.looks(step) {
                self.follow(step)?;
            }
            let rows = order.next(&self.state.mixture.shares, step, steps - index);
            let terms = self.step(&rows, step, schedule.rate(step))?;
            self.average.look(&self.student, step, index + 1 == steps)?;
            sums.add(terms, rows.len());
            task.message(&format!("loss {:.3}", sums.mean()));
            task.advance(rows.len());
        }
        task.finish();
        let seconds = clock.elapsed().as_secs_f64();
        let (scores, validation_loss, questions) = self.validate()?;
        Ok(Epoch {
            questions,
            epoch: number,
            loss: sums.mean(),
            terms: sums.terms(),
            accuracy: scores.accuracy,
            macro_f1: scores.macro_f1,
            validation_loss,
            seconds,
        })
    }

    /// The averaged student's scores and loss on validation rows, and the share of their questions that it answers right.
    fn validate(&self) -> Result<(Scores, f64, Option<f64>)> {
        let weights = self.average.weights().context("no step was taken")?;
        let student = Student::from_weights(self.course.shape, weights)?;
        let rows = &self.course.set.validation;
        let ids: Vec<Vec<u32>> = rows.iter().map(|row| row.ids.clone()).collect();
        let gold: Vec<usize> = rows.iter().filter_map(|row| row.gold).collect();
        let found = logits(&student, &ids, VALIDATION_BATCH)?;
        let loss = validation_loss(rows.iter().zip(&found), self.course.section.objective);
        let right = answered(rows, &found);
        Ok((Scores::of_logits(&found, &gold)?, loss, right))
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
        let online = self.online.as_ref().map(|online| online.logits(&rows));
        let own = || rows.iter().map(|row| row.logits.clone()).collect();
        let targets = Targets {
            logits: online.transpose()?.unwrap_or_else(own),
            gold: rows.iter().map(|row| row.gold).collect(),
            attributions: rows.iter().map(|row| row.attribution.clone()).collect(),
            rationales: rows.iter().map(|row| row.rationale.clone()).collect(),
            meanings: rows.iter().map(|row| row.meaning.clone()).collect(),
            questions: questions(rows.iter().copied()),
            words: rows.iter().map(|row| row.words.clone()).collect(),
        };
        let loss = loss(&output, &targets, &self.course.at(&self.plan, step));
        let mut values = vec![("loss", f64::from(floats_of(loss.total.clone())?[0]))];
        for (name, term) in loss.terms {
            values.push((name, f64::from(floats_of(term)?[0])));
        }
        let speeches = speeches(&rows);
        let spoken = self.student.speak(&batch, &way, &speeches);
        let mut total = loss.total;
        if let Some(spoken) = &spoken {
            total = total + spoken.slope.clone();
            values[0].1 += spoken.loss;
            let means = ["reason", "reason's answer"].into_iter().zip(spoken.means);
            values.extend(means.filter_map(|(name, mean)| Some((name, mean?))));
        }
        let DistillSection {
            weight_decay, clip, ..
        } = *self.course.section;
        let update = AdamW::at(step, rate, weight_decay, clip as f32);
        if let Some(online) = &mut self.online {
            let loss = online.learn(&rows, &output, self.course.section, &update)?;
            values.push(("teacher's own", loss));
        }
        if let Some((name, value)) = values.iter().rev().find(|(_, value)| !value.is_finite()) {
            return Err(diverged(&format!("{name} term"), *value, step));
        }
        let gradients = self.student.gradients(&total, &way, spoken.as_ref());
        let mut weights = self.student.parameters();
        let [first, second] = &mut self.moments.values;
        let moments = first.iter_mut().zip(second);
        for ((weights, (first, second)), gradient) in
            weights.iter_mut().zip(moments).zip(&gradients.0)
        {
            update.apply(weights, (first, second), gradient);
        }
        // A gradient that is no number shows at the next loss, which the last step has not.
        let broken = weights.iter().flatten().find(|weight| !weight.is_finite());
        let adapter = self.online.as_ref().and_then(Online::broken);
        if let Some(value) = broken.copied().or(adapter) {
            return Err(diverged("weights", f64::from(value), step));
        }
        self.student = self.student.with(weights);
        Ok(values)
    }

    fn save(&mut self, checkpoints: &Checkpoints) -> Result<()> {
        let ranked = self.state.history.iter().enumerate().rev();
        let good = |epoch: &Epoch| epoch.questions.unwrap_or(epoch.macro_f1);
        let best = ranked.max_by(|a, b| good(a.1).total_cmp(&good(b.1)));
        self.state.best = match self.course.shape.decoder {
            // Reasons get better long after answers do.
            Some(_) => self.state.history.len(),
            None => best.map_or(0, |(index, _)| index + 1),
        };
        let average = self.average.weights().context("no step was taken")?;
        let mut files = vec![
            (MODEL, average.write()?),
            (LAST_STEP, self.student.weights()?.write()?),
            (OPTIMIZER, self.moments.write()?),
            (STATE, serde_json::to_vec_pretty(&self.state)?),
        ];
        if let Some(online) = &self.online {
            files.push((ONLINE, online.write()?));
        }
        let files: Vec<(&str, &[u8])> = files
            .iter()
            .map(|(name, bytes)| (*name, bytes.as_slice()))
            .collect();
        checkpoints.write(self.state.history.len(), &files, &[self.state.best])
    }
}

/// The teacher that learns along, where the recipe asks for it.
fn online(course: &Course) -> Result<Option<Online>> {
    let width = course.section.online;
    if width == 0 {
        return Ok(None);
    }
    let rows = &course.set.train;
    let features = rows.first().and_then(|row| row.features.as_ref());
    let features = features.map_or(0, Vec::len);
    let whole = |row: &Row| {
        row.features
            .as_ref()
            .is_some_and(|own| own.len() == features)
    };
    ensure!(
        features > 0 && rows.iter().all(whole),
        "distill.online: not every row says what the teacher's encoder makes of it"
    );
    let classes = course.shape.classes;
    Ok(Some(Online::new(width, features, classes, course.seed)))
}

/// The reasons of a batch's rows. Words of reasons that end, words before an answer and answers each count as much in all
/// as their weight says.
fn speeches(rows: &[&Row]) -> Vec<Speech> {
    let all = rows.iter().enumerate();
    let mut all: Vec<Speech> = all
        .flat_map(|(row, of)| {
            of.reasons.iter().map(move |speech| Speech {
                row,
                ..speech.clone()
            })
        })
        .collect();
    let (mut alone, mut before, mut answers) = (0.0f32, 0.0f32, 0.0f32);
    for speech in &all {
        let words = if speech.word_weight > 0.0 {
            speech.words.len() as f32
        } else {
            0.0
        };
        match speech.last {
            // The end is one more word.
            Last::End => alone += words + 1.0,
            Last::Answer(_) => (before, answers) = (before + words, answers + 1.0),
        }
    }
    for speech in &mut all {
        let (words, lasts) = match speech.last {
            Last::End => (alone, alone),
            Last::Answer(_) => (before, answers),
        };
        speech.word_weight /= words.max(1.0);
        speech.last_weight /= lasts.max(1.0);
    }
    all
}

/// The rows of each question, by their places; none where rows are no choices.
fn questions<'r>(rows: impl IntoIterator<Item = &'r Row>) -> Vec<Vec<usize>> {
    let mut places: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (place, row) in rows.into_iter().enumerate() {
        if let Some(question) = row.question {
            places.entry(question).or_default().push(place);
        }
    }
    places.into_values().collect()
}

/// Share of the questions whose right choice has the largest logit of `right` over `wrong`; none without questions.
fn answered(rows: &[Row], logits: &[Vec<f32>]) -> Option<f64> {
    let choices = questions(rows).into_iter().flat_map(|choices| {
        let count = choices.len();
        let places = choices.into_iter().enumerate();
        places.map(move |(place, row)| ((place, count), row))
    });
    chosen_right(choices.map(|(choice, row)| {
        let label = rows[row].gold.unwrap_or_default();
        (Some(choice), label, gap(&logits[row]))
    }))
}

/// Mean cross-entropy between what a student says of rows and the teacher, or, for the `labels` objective, their gold
/// labels.
fn validation_loss<'r>(
    rows: impl Iterator<Item = (&'r Row, &'r Vec<f32>)>,
    objective: Objective,
) -> f64 {
    let (mut sum, mut count) = (0.0, 0u32);
    for (row, logits) in rows {
        let target = match (objective, row.gold) {
            (Objective::Labels, Some(gold)) => one_hot(gold, logits.len()),
            _ => softmax(&row.logits),
        };
        let terms = target.iter().zip(softmax(logits));
        let entropy = terms.map(|(p, q)| -p * q.max(f64::MIN_POSITIVE).ln());
        sum += entropy.sum::<f64>();
        count += 1;
    }
    sum / f64::from(count.max(1))
}

fn diverged(term: &str, value: f64, step: usize) -> anyhow::Error {
    let error = Diverged {
        stage: "distill",
        key: "distill.learning_rate",
        term: term.into(),
        value,
        step,
    };
    error.into()
}

fn one_hot(class: usize, classes: usize) -> Vec<f64> {
    (0..classes)
        .map(|c| f64::from(u8::from(c == class)))
        .collect()
}

/// Running means of the loss and its terms, each over the batches that have it.
#[derive(Default)]
struct Sums(Vec<(&'static str, f64, usize)>);

impl Sums {
    fn add(&mut self, values: Vec<(&'static str, f64)>, rows: usize) {
        for (name, value) in values {
            let place = self.0.iter().position(|(known, ..)| *known == name);
            let place = place.unwrap_or_else(|| {
                self.0.push((name, 0.0, 0));
                self.0.len() - 1
            });
            self.0[place].1 += value * rows as f64;
            self.0[place].2 += rows;
        }
    }

    /// Mean of the loss itself.
    fn mean(&self) -> f64 {
        self.0
            .first()
            .map_or(0.0, |(_, sum, rows)| sum / *rows as f64)
    }

    fn terms(&self) -> Vec<(String, f64)> {
        let terms = self.0.iter().skip(1);
        terms
            .map(|(name, sum, rows)| ((*name).to_owned(), sum / *rows as f64))
            .collect()
    }
}
