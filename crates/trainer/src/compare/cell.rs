//! One run of one arm: what is trained or cut, and every figure that is taken of it.

use anyhow::{Context, Result};
use burn::tensor::Device;
use serde::{Deserialize, Serialize};
use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use stillglass_bundle::{Bundle, Card, WeightFormat};
use stillglass_runtime::Model;
use stillglass_text::SEPARATOR;

use super::arms::{Cell, Work};
use super::pruning::{Cut, Pruned, prune};
use super::reader::{Float, Reader, Words};
use super::svm::Svm;
use super::{Comparison, Reference};
use crate::agreement::{self, Summary};
use crate::artefact::{Inputs, Stage, StageDir, write_atomic};
use crate::data::{Example, Split, chosen_right};
use crate::distill::Epoch;
use crate::faithfulness::{self, Explained, Faithfulness};
use crate::flow::{TeacherArtefact, columns};
use crate::metrics::{Reliability, Scores, argmax, reliability};
use crate::plausibility::{self, Plausibility};
use crate::quantize::{self, Kept, Storage};
use crate::reasons::ReasonFigures;
use crate::recipe::{LabelSection, Target};
use crate::sampler::Mixture;
use crate::teacher::{FILES, Frozen, Head, Teacher};
use crate::training::Diverged;

/// What a run leaves: its figures, and the bundle where it made one.
const OUTCOME: &str = "outcome.json";
const BUNDLE: &str = "model.glass";

/// Test rows that are kept to be looked at.
pub(super) const SHOWN: usize = 20;

/// Training texts that the importance of a teacher's heads is measured on.
const MEASURED: usize = 512;

/// How a run ended.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// With a model.
    Done(Box<Figures>),
    /// With a loss that is no number; the text says where.
    Diverged(String),
    /// Without a model, since there can be none; the text says why.
    Impossible(String),
}

/// Why an arm has no model.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Impossible(String);

/// Every figure of one run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Figures {
    /// On validation rows.
    pub validation: Scores,
    /// On test rows.
    pub test: Scores,
    /// How sure it was of its answers to test rows, and how often it was right; none where its scores are no
    /// probabilities.
    pub reliability: Option<Reliability>,
    /// Its answer to each test row.
    pub predicted: Vec<usize>,
    /// What it takes to store; none where nothing is.
    pub bytes: Option<u64>,
    /// Its words against the teacher's, for the class that the teacher answers, on test rows.
    pub agreement: Option<Summary>,
    /// Whether its answers hang on its words, on test rows.
    pub faithfulness: Option<Faithfulness>,
    /// Whether its words for the gold label are those that people named, on test rows where they were asked.
    pub plausibility: Option<Plausibility>,
    /// Share of the test rows of each domain that it answers right; empty where the data names none.
    pub by_domain: BTreeMap<String, f64>,
    /// How much a student drew from each group.
    pub mixture: Mixture,
    /// Some test rows with its words and the teacher's, to look at.
    pub shown: Vec<Shown>,
    /// Share of the questions of which it chooses the right answer, where rows are choices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chosen: Option<f64>,
    /// A student's epochs.
    pub history: Vec<Epoch>,
    /// How good its reasons in words are, where it gives any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasons: Option<ReasonFigures>,
    /// Hash of the teacher that it was compared with.
    pub teacher: Option<String>,
}

/// A test row as two models read it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Shown {
    /// Index of the test row.
    pub row: usize,
    /// The class that the teacher answers, whose words these are.
    pub class: usize,
    /// The class that the model answers.
    pub answer: usize,
    /// Each word: its bytes, and what it gave to the class in the teacher and in the model.
    pub words: Vec<(Range<usize>, [f64; 2])>,
}

/// A finished run's folder.
#[derive(Debug, Clone)]
pub struct Finished {
    /// How it ended.
    pub outcome: Outcome,
    /// The bundle, where it made one.
    pub bundle: Option<PathBuf>,
}

/// What a run has made.
struct Made {
    figures: Figures,
    bundle: Option<Vec<u8>>,
}

impl Comparison<'_> {
    /// What decides a run's figures. The arm's name does not: the same work under two names is done once.
    pub(super) fn inputs(&self, cell: Cell) -> Result<Inputs> {
        let inputs = Inputs::new(Stage::Compare)
            .with("data", &self.run.data.hash)?
            .with("marks", &self.run.data.split.marks_hash())?;
        let work = &cell.arm.work;
        if matches!(work, Work::Majority | Work::Svm) {
            return inputs.with("work", &format!("{work:?}"));
        }
        let base = &self.base.recipe;
        let mut inputs = inputs
            .with("base", &self.base_hash)?
            .with(
                "reference",
                &(base.teacher_settings(), base.label.one_teacher()),
            )?
            .with("recipe seed", &base.seed)?
            .with("explained", &base.compare.explained)?
            .with("seed", &cell.seed)?;
        if work.is_tried() {
            inputs = inputs.with("faithfulness", &base.compare.faithfulness)?;
        }
        let Work::Student(_) = work else {
            return inputs.with("work", &format!("{work:?}"));
        };
        let recipe = &self.recipe(cell.arm)?.recipe;
        let spoken = (recipe.student.decoder > 0).then_some(base.compare.reasons);
        let reasons = self.run.data.split.reasons_hash();
        inputs
            .with_some("reasons", reasons.filter(|_| recipe.learns_reasons()))?
            .with_some("reasons asked", spoken)?
            .with_some(
                "references",
                spoken.and(self.run.data.split.references_hash()),
            )?
            .with("teacher", &recipe.teacher_settings())?
            .with("label", &recipe.label)?
            .with("transfer", &recipe.transfer)?
            .with("student", &recipe.student)?
            .with("distill", &recipe.distill.one_run())?
            .with_some("choices", recipe.data.choices_learnt())?
            .with_some("unlabeled", self.run.data.split.unlabeled_hash())
    }

    fn stage(&self, cell: Cell) -> Result<StageDir> {
        StageDir::open(
            &self.run.folder,
            Stage::Compare,
            self.inputs(cell)?,
            cell.seed,
        )
    }

    /// The folder of a run, where it has been done.
    pub fn finished(&self, cell: Cell) -> Result<Option<Finished>> {
        let name = StageDir::name(Stage::Compare, &self.inputs(cell)?);
        if !self.run.folder.join(name).is_dir() {
            return Ok(None);
        }
        let stage = self.stage(cell)?;
        if self.run.open_quietly(&stage)? {
            return Ok(None);
        }
        let path = stage.file(OUTCOME);
        let bytes = fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
        let outcome: Outcome =
            serde_json::from_slice(&bytes).with_context(|| path.display().to_string())?;
        let made = outcome.figures().is_some();
        let bundle = Some(stage.file(BUNDLE)).filter(|path| made && path.is_file());
        Ok(Some(Finished { outcome, bundle }))
    }

    /// Does a run, unless it has been done.
    pub fn compute(&mut self, cell: Cell) -> Result<()> {
        if self.finished(cell)?.is_some() {
            return Ok(());
        }
        let stage = self.stage(cell)?;
        let made = self.make(cell);
        self.run.recipe = self.base.clone();
        let (outcome, bundle) = match made {
            Ok(made) => (Outcome::Done(Box::new(made.figures)), made.bundle),
            Err(error) => match (
                error.downcast_ref::<Diverged>(),
                error.downcast_ref::<Impossible>(),
            ) {
                (Some(diverged), _) => (Outcome::Diverged(diverged.to_string()), None),
                (_, Some(impossible)) => (Outcome::Impossible(impossible.to_string()), None),
                _ => return Err(error.context(format!("{}, seed {}", cell.arm.name, cell.seed))),
            },
        };
        let mut outputs = vec![OUTCOME];
        if let Some(bundle) = bundle {
            write_atomic(&stage.file(BUNDLE), &bundle)?;
            outputs.push(BUNDLE);
        }
        write_atomic(&stage.file(OUTCOME), &serde_json::to_vec(&outcome)?)?;
        stage.finish(&outputs, &self.run.device_name)?;
        self.run.progress.note(&format!(
            "{}, seed {}: {}",
            cell.arm.name,
            cell.seed,
            outcome.line()
        ));
        Ok(())
    }

    fn make(&mut self, cell: Cell) -> Result<Made> {
        match &cell.arm.work {
            Work::Majority => self.majority(),
            Work::Svm => self.svm(),
            Work::Student(_) => self.student(cell),
            Work::Teacher => self.teacher(cell, None),
            Work::Pruned(cut) => self.teacher(cell, Some(*cut)),
            Work::Quantized => self.quantized(cell),
        }
    }

    fn majority(&self) -> Result<Made> {
        let split = &self.run.data.split;
        let mut counts = vec![0f32; split.labels.len()];
        for example in &split.train {
            counts[example.label] += 1.0 / split.train.len() as f32;
        }
        let [validation, test] =
            [&split.validation, &split.test].map(|e| vec![counts.clone(); e.len()]);
        self.unexplained(&validation, &test, None, true)
    }

    fn svm(&self) -> Result<Made> {
        let split = &self.run.data.split;
        let (texts, labels) = columns(&split.train);
        let svm = Svm::learn(&texts, &labels, split.labels.len());
        let [validation, test] =
            [&split.validation, &split.test].map(|examples| svm.decide(&columns(examples).0));
        self.unexplained(&validation, &test, Some(svm.bytes()), false)
    }

    /// Figures of what has scores and no words.
    fn unexplained(
        &self,
        validation: &[Vec<f32>],
        test: &[Vec<f32>],
        bytes: Option<u64>,
        probabilities: bool,
    ) -> Result<Made> {
        let mut figures = Figures::of_answers(&self.run.data.split, validation, test)?;
        figures.bytes = bytes;
        figures.reliability = figures.reliability.filter(|_| probabilities);
        Ok(Made {
            figures,
            bundle: None,
        })
    }

    fn student(&mut self, cell: Cell) -> Result<Made> {
        self.reference()?;
        self.run.recipe = self.recipe(cell.arm)?.clone();
        let teacher = self.run.teach()?;
        let labels = self.run.label(&teacher)?;
        let own = OnceCell::new();
        let student = self.run.distill_one(&teacher, &labels, cell.seed, &own)?;
        let bytes = self.run.bundle(&teacher, &student, Card::default())?;
        let mut made = self.bundle(bytes, cell)?;
        made.figures.history.clone_from(&student.report.history);
        made.figures.mixture = student.report.mixture.clone();
        if self.run.recipe.recipe.student.decoder > 0 {
            let count = self.base.recipe.compare.reasons;
            made.figures.reasons = Some(self.run.reasons(&teacher, &student, count)?);
        }
        Ok(made)
    }

    fn teacher(&mut self, cell: Cell, cut: Option<Cut>) -> Result<Made> {
        self.reference()?;
        let (from, teacher) = self.taught(cell.seed)?;
        let (teacher, bytes) = match cut {
            None => (teacher, size_of(&from.folder, &FILES)?),
            Some(cut) => {
                let Pruned { teacher, bytes } = self.pruned(teacher, cut)?;
                // What lies beside the weights stays.
                (teacher, bytes + size_of(&from.folder, &FILES[..2])?)
            }
        };
        let frozen = Frozen::new(&teacher)?;
        let words = self.run.whole_vocabulary(&teacher)?.tokenizer()?;
        let recipe = &self.run.recipe.recipe;
        let section = LabelSection {
            target: Target::Logit,
            ..recipe.label.clone()
        };
        let reader = Reader::Teacher(Float {
            frozen: &frozen,
            section: &section,
            words: &words,
            max_tokens: recipe.teacher.max_tokens,
        });
        // The reference against itself says nothing.
        let own = cut.is_none() && cell.seed == self.base.recipe.seed;
        Ok(Made {
            figures: self.figures(&reader, cell, bytes, !own)?,
            bundle: None,
        })
    }

    fn pruned(&self, teacher: Teacher, cut: Cut) -> Result<Pruned> {
        let most = self.run.recipe.recipe.teacher.max_tokens;
        let train = &self.run.data.split.train;
        // Spread over the rows, whatever their order.
        let some = train.iter().step_by(train.len().div_ceil(MEASURED));
        let ids = teacher.ids(some.clone().map(|example| &example.text), most)?;
        let labels: Vec<usize> = some.map(|example| example.label).collect();
        prune(teacher, cut, &ids, &labels)
    }

    fn quantized(&mut self, cell: Cell) -> Result<Made> {
        self.reference()?;
        let (_, teacher) = self.taught(cell.seed)?;
        let (texts, _) = columns(&self.run.data.split.train);
        // Some teachers are none that bundles hold; the rest of the table is none the worse.
        let kept = Kept::pruned(&teacher, &texts, 1);
        let kept = kept.map_err(|error| Impossible(format!("{error:#}")))?;
        let most = self.run.recipe.recipe.teacher.max_tokens;
        let storage = Storage {
            weights: WeightFormat::Int8,
            embeddings: WeightFormat::Int8,
            max_tokens: Some(most.min(teacher.config.max_length()) - 2),
        };
        let bundle = quantize::bundle(&teacher, &kept, storage, None, Card::default())?;
        self.bundle(bundle.write()?, cell)
    }

    /// The teacher of a seed.
    fn taught(&self, seed: u64) -> Result<(TeacherArtefact, Teacher)> {
        let from = self.run.teach_from(seed)?;
        let device: &Device = &self.run.device;
        let teacher = Teacher::load(&from.folder, Head::Own, device)?;
        Ok((from, teacher))
    }

    /// Every figure of a bundle, by the runtime.
    fn bundle(&self, bytes: Vec<u8>, cell: Cell) -> Result<Made> {
        let model = Model::new(Bundle::read(&bytes)?)?;
        let reader = Reader::Bundle(Box::new(model));
        Ok(Made {
            figures: self.figures(&reader, cell, bytes.len() as u64, true)?,
            bundle: Some(bytes),
        })
    }

    fn figures(&self, reader: &Reader, cell: Cell, bytes: u64, compared: bool) -> Result<Figures> {
        let reference = self.known_reference()?;
        let mut figures = Figures::of_reader(&self.run.data.split, reader)?;
        figures.bytes = Some(bytes);
        if compared {
            let (agreement, shown) = self.agreement(reader, reference)?;
            figures.agreement = Some(agreement).filter(|found| found.texts > 0);
            figures.shown = shown;
        }
        figures.teacher = Some(reference.teacher.clone());
        if cell.arm.work.is_tried() {
            figures.faithfulness = self.faithfulness(reader, reference)?;
        }
        figures.plausibility = self.plausibility(reader, reference)?;
        Ok(figures)
    }

    fn test_texts(&self, rows: &[usize]) -> Vec<&str> {
        let test = &self.run.data.split.test;
        rows.iter().map(|&row| test[row].text.as_str()).collect()
    }

    /// Word by word with the reference teacher, for the class that it answers; and the first rows themselves.
    fn agreement(&self, reader: &Reader, reference: &Reference) -> Result<(Summary, Vec<Shown>)> {
        let found = reader.explain(&self.test_texts(&reference.rows))?;
        let (mut pairs, mut shown) = (Vec::new(), Vec::new());
        for ((&row, teacher), own) in reference.rows.iter().zip(&reference.words).zip(&found) {
            let class = teacher.answer;
            let both = teacher.shared(own).into_iter();
            pairs.push(
                both.map(|[a, b]| (teacher.weights[class][a], own.weights[class][b]))
                    .unzip(),
            );
            if shown.len() < SHOWN {
                shown.push(Shown::new(row, teacher, own));
            }
        }
        let seed = self.base.recipe.seed;
        Ok((agreement::summarise(&pairs, agreement::TOP, seed)?, shown))
    }

    /// For the gold label.
    fn plausibility(&self, reader: &Reader, reference: &Reference) -> Result<Option<Plausibility>> {
        let test = &self.run.data.split.test;
        let found = reader.explain(&self.test_texts(&reference.named))?;
        let all = reference
            .named
            .iter()
            .zip(&found)
            .filter_map(|(&row, own)| {
                let example = &test[row];
                let named = example.named(own.bytes.iter().cloned())?;
                plausibility::plausibility(&own.weights[example.label], &named)
            });
        Ok(plausibility::summarise(&all.collect::<Vec<Plausibility>>()))
    }

    /// For the class that the model itself answers.
    fn faithfulness(&self, reader: &Reader, reference: &Reference) -> Result<Option<Faithfulness>> {
        let texts = self.test_texts(&reference.tried);
        let task = self.run.progress.task("faithfulness", "texts", texts.len());
        let mut all = Vec::new();
        for (text, words) in texts.iter().zip(reader.explain(&texts)?) {
            let (text, mut words) = words.into_read(text);
            // What parts two texts is no word that could be taken out.
            let parts = |word: &Range<usize>| text[word.clone()].contains(SEPARATOR);
            let mut weights = words.weights.swap_remove(words.answer);
            if let Some(between) = words.bytes.iter().position(parts) {
                words.bytes.remove(between);
                weights.remove(between);
            }
            let explained = Explained {
                text: &text,
                words: &words.bytes,
                weights: &weights,
            };
            let mut model = |texts: &[String]| -> Result<Vec<f64>> {
                let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
                let found = reader.probabilities(&texts)?;
                Ok(found.iter().map(|p| f64::from(p[words.answer])).collect())
            };
            all.extend(faithfulness::faithfulness(&explained, &mut model)?);
            task.advance(1);
        }
        task.finish();
        Ok(faithfulness::summarise(&all))
    }
}

impl Figures {
    /// What a model's answers say.
    pub(super) fn of_reader(split: &Split, reader: &Reader) -> Result<Self> {
        let answers = |examples: &[Example]| reader.probabilities(&columns(examples).0);
        Self::of_answers(split, &answers(&split.validation)?, &answers(&split.test)?)
    }

    /// What answers to validation and test rows say, `[rows][classes]`.
    fn of_answers(split: &Split, validation: &[Vec<f32>], test: &[Vec<f32>]) -> Result<Self> {
        let (_, gold) = columns(&split.test);
        Ok(Self {
            validation: Scores::of_probabilities(validation, &columns(&split.validation).1)?,
            test: Scores::of_probabilities(test, &gold)?,
            reliability: Some(reliability(&gold, test)),
            predicted: test.iter().map(|row| argmax(row)).collect(),
            bytes: None,
            agreement: None,
            faithfulness: None,
            plausibility: None,
            by_domain: by_domain(&split.test, test),
            mixture: Mixture::default(),
            shown: Vec::new(),
            chosen: chosen_right(
                (split.test.iter().zip(test)).map(|(row, said)| (row.choice, row.label, said[1])),
            ),
            history: Vec::new(),
            reasons: None,
            teacher: None,
        })
    }
}

impl Shown {
    /// A row by the words of two models, for the class that the first of them answers.
    pub(super) fn new(row: usize, teacher: &Words, own: &Words) -> Self {
        let class = teacher.answer;
        let both = teacher.shared(own).into_iter();
        let word = |[a, b]: [usize; 2]| {
            let weights = [teacher.weights[class][a], own.weights[class][b]];
            (own.bytes[b].clone(), weights)
        };
        Self {
            row,
            class,
            answer: own.answer,
            words: both.map(word).collect(),
        }
    }
}

impl Outcome {
    /// The figures of a run that came to its end.
    pub fn figures(&self) -> Option<&Figures> {
        match self {
            Self::Done(figures) => Some(figures),
            Self::Diverged(_) | Self::Impossible(_) => None,
        }
    }

    fn line(&self) -> String {
        match self {
            Self::Diverged(why) => format!("diverged: {why}"),
            Self::Impossible(why) => format!("not possible: {why}"),
            Self::Done(figures) => {
                let Scores {
                    accuracy, macro_f1, ..
                } = figures.test;
                format!("test accuracy {accuracy:.4}, macro-F1 {macro_f1:.4}")
            }
        }
    }
}

/// Share of the rows of each domain whose most probable label is the gold one.
fn by_domain(examples: &[Example], probabilities: &[Vec<f32>]) -> BTreeMap<String, f64> {
    let mut counts: BTreeMap<String, (f64, f64)> = BTreeMap::new();
    for (example, row) in examples.iter().zip(probabilities) {
        if let Some(domain) = &example.domain {
            let (right, all) = counts.entry(domain.clone()).or_default();
            *right += f64::from(u8::from(argmax(row) == example.label));
            *all += 1.0;
        }
    }
    let shares = counts
        .into_iter()
        .map(|(domain, (right, all))| (domain, right / all));
    shares.collect()
}

/// Bytes of some of a teacher's files.
fn size_of(folder: &Path, files: &[&str]) -> Result<u64> {
    let sizes = files.iter().map(|name| {
        let path = folder.join(name);
        let found = fs::metadata(&path).with_context(|| path.display().to_string())?;
        anyhow::Ok(found.len())
    });
    sizes.sum()
}
