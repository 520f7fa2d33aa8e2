//! The last stage: `export` quantizes the best student and writes the bundle with its card.

use anyhow::{Context, Result};
use serde::Serialize;
use std::fs;
use std::path::{Path, PathBuf};
use stillglass_bundle::{Card, Metric};

use super::students::{STUDENT, VOCABULARY};
use super::{Run, SUMMARY, StudentArtefact, StudentReport, TeacherArtefact, columns};
use crate::artefact::{hash_bytes, same_file, write_atomic, write_together};
use crate::data::Example;
use crate::export::{self, Fidelity};
use crate::metrics::Scores;
use crate::student::{Shape, Student};
use crate::teacher::Weights;
use crate::vocabulary::Vocabulary;

/// A finished bundle.
#[derive(Debug, Serialize)]
pub struct BundleArtefact {
    /// The `.glass` file.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// What quantization changed on validation rows, which decides whether it may be shipped.
    pub validation: Fidelity,
    /// The same on test rows, for the record.
    pub test: Fidelity,
}

/// A student's float weights, and what they are the weights of.
pub(super) struct Trained {
    pub(super) weights: Weights,
    pub(super) vocabulary: Vocabulary,
    shape: Shape,
}

impl Trained {
    /// The student itself.
    pub(super) fn student(&self) -> Result<Student> {
        Student::from_weights(&self.shape, &self.weights)
    }
}

impl Run<'_> {
    /// Quantizes the student that did best on validation rows, and writes the recipe's bundle.
    pub fn export(
        &self,
        teacher: &TeacherArtefact,
        students: &[StudentArtefact],
    ) -> Result<BundleArtefact> {
        let recipe = &self.recipe.recipe;
        // Who chooses is good by the questions that it answers right.
        let good = |student: &StudentArtefact| {
            let report = &student.report;
            report
                .questions
                .map_or(report.validation.macro_f1, |[validation, _]| validation)
        };
        let best = students
            .iter()
            .rev()
            .max_by(|a, b| good(a).total_cmp(&good(b)));
        let best = best.context("export: no student was trained")?;
        let trained = self.trained(teacher, best)?;
        let student = trained.student()?;
        let first = self.quantize(&trained, Card::default())?;
        let fidelity = |examples: &[Example]| {
            let (texts, _) = columns(examples);
            let float = self.float_logits(&student, &trained.vocabulary, &texts)?;
            export::fidelity(&first, &texts, &float)
        };
        let validation = fidelity(&self.split().validation)?;
        validation.check()?;
        let test = fidelity(&self.split().test)?;
        let (quantized, right) = export::scores(&first, &self.split().test)?;
        // Every figure comes from this run.
        let figures = Figures {
            teacher: teacher.test.as_ref(),
            students,
            best,
            quantized: &quantized,
            right,
            validation,
            test,
        };
        let bytes = self.quantize(&trained, export::card(&self.recipe, figures.metrics()))?;
        let path = self.folder.join(format!("{}.glass", recipe.name));
        self.deliver(&path, &bytes)?;
        let questions = right.map_or(String::new(), |right| {
            format!(" of choices one by one, {right:.4} of the questions right")
        });
        self.progress.note(&format!(
            "{}: {} bytes, quantized: test accuracy {:.4}, macro-F1 {:.4}{questions}",
            path.display(),
            bytes.len(),
            quantized.accuracy,
            quantized.macro_f1
        ));
        Ok(BundleArtefact {
            path,
            bytes: bytes.len() as u64,
            validation,
            test,
        })
    }

    /// The bundle of a student, as bytes.
    pub(crate) fn bundle(
        &self,
        teacher: &TeacherArtefact,
        student: &StudentArtefact,
        card: Card,
    ) -> Result<Vec<u8>> {
        self.quantize(&self.trained(teacher, student)?, card)
    }

    pub(super) fn trained(
        &self,
        teacher: &TeacherArtefact,
        student: &StudentArtefact,
    ) -> Result<Trained> {
        let weights = Weights::read(&fs::read(student.folder.join(STUDENT))?)?;
        let vocabulary = Vocabulary::read(&student.folder.join(VOCABULARY))?;
        let layers = if self.recipe.recipe.student.layers > 0 {
            self.layers(&self.load(teacher)?, &vocabulary)?
        } else {
            None
        };
        Ok(Trained {
            shape: self.shape(&vocabulary, layers),
            weights,
            vocabulary,
        })
    }

    fn quantize(&self, trained: &Trained, card: Card) -> Result<Vec<u8>> {
        let labels = &self.split().labels;
        let most = self.recipe.recipe.student.max_tokens;
        let Trained {
            weights,
            vocabulary,
            shape,
        } = trained;
        let decoder = export::decoder(&self.recipe.recipe, labels.len());
        let mut bundle = export::bundle(weights, (shape, decoder), vocabulary, labels, most, card)?;
        bundle.manifest.choices = self.recipe.recipe.data.choices.is_some();
        Ok(bundle.write()?)
    }

    /// Puts the bundle into the run's folder, with the recipe and the data it was made from. The summary of
    /// an older bundle goes before any of them changes, so that whoever finds one finds what it tells of.
    fn deliver(&self, bundle: &Path, bytes: &[u8]) -> Result<()> {
        let [recipe, data, summary] =
            ["recipe.toml", "data.json", SUMMARY].map(|name| self.folder.join(name));
        let resolved = self.recipe.recipe.to_toml()?;
        if let Some(kept) = keep_given(self.recipe.path.as_deref(), &recipe, &resolved)? {
            self.progress.note(&format!(
                "{}: kept as {}; the recipe as it was run takes its place",
                recipe.display(),
                kept.display()
            ));
        }
        let report = serde_json::to_vec_pretty(&self.data.report)?;
        let files: [(&Path, &[u8]); 3] = [
            (bundle, bytes),
            (&data, &report),
            (&recipe, resolved.as_bytes()),
        ];
        write_together(&files, &summary)
    }
}

/// Copies the recipe that was given if `resolved` is about to replace it: it may hold comments, or other
/// values than `--set` gave. Says where the copy is.
fn keep_given(given: Option<&Path>, target: &Path, resolved: &str) -> Result<Option<PathBuf>> {
    let Some(given) = given.filter(|given| same_file(given, target)) else {
        return Ok(None);
    };
    let bytes = fs::read(given).with_context(|| format!("reading {}", given.display()))?;
    if bytes == resolved.as_bytes() {
        return Ok(None);
    }
    let copy = target.with_file_name(format!("recipe-{}.toml", &hash_bytes(&bytes)[..12]));
    write_atomic(&copy, &bytes)?;
    Ok(Some(copy))
}

/// What the card's figures are taken from.
struct Figures<'a> {
    /// Scores on test rows, where the teacher was fine-tuned in this run.
    teacher: Option<&'a Scores>,
    students: &'a [StudentArtefact],
    /// The student that the bundle holds.
    best: &'a StudentArtefact,
    /// The bundle's scores on test rows, and the share of questions that it answers right, where it chooses.
    quantized: &'a Scores,
    right: Option<f64>,
    /// What quantization changed on validation rows.
    validation: Fidelity,
    /// What quantization changed on test rows.
    test: Fidelity,
}

impl Figures<'_> {
    /// This bundle's own figures, the means over all students, the teacher's, then what quantization
    /// changed and how far the explanations agree.
    fn metrics(&self) -> Vec<Metric> {
        let own = format!("this bundle, seed {}", self.best.report.seed);
        let before = "the same before quantization";
        let mut list = Vec::new();
        if let (Some(right), Some([_, float])) = (self.right, self.best.report.questions) {
            // What whoever asks it questions wants to know; all other figures are of choices one by one.
            let figure = |value, note: &str| metric("questions right", value, "test", 1, note);
            list.extend([figure(right, &own), figure(float, before)]);
        }
        list.extend(scores(self.quantized, &own));
        list.extend(scores(&self.best.report.test, before));
        if self.students.len() > 1 {
            let mean = "mean of float students";
            list.push(self.mean("accuracy", "test", mean, |r| r.test.accuracy));
            list.push(self.mean("macro-F1", "test", mean, |r| r.test.macro_f1));
        }
        list.extend(
            self.teacher
                .iter()
                .flat_map(|teacher| scores(teacher, "the teacher")),
        );
        let one = |name, value, split| metric(name, value, split, 1, "");
        list.extend([
            one(
                "labels changed by quantization",
                self.validation.labels_changed,
                "validation",
            ),
            one(
                "largest change of a probability by quantization",
                self.test.probability_change_max,
                "test",
            ),
            one(
                "largest |words + bias - logit|",
                self.test.completeness_error,
                "test",
            ),
        ]);
        let agreement = "student against teacher";
        let random = "the student's weights shuffled";
        list.extend([
            self.mean("cosine of explanations", "validation", agreement, |r| {
                r.agreement.agreement.cosine
            }),
            self.mean("cosine of explanations", "validation", random, |r| {
                r.agreement.random.cosine
            }),
            self.mean("feature agreement", "validation", agreement, |r| {
                r.agreement.agreement.feature
            }),
            self.mean("feature agreement", "validation", random, |r| {
                r.agreement.random.feature
            }),
        ]);
        list
    }

    /// A figure's mean over all students.
    fn mean(&self, name: &str, split: &str, note: &str, pick: fn(&StudentReport) -> f64) -> Metric {
        let seeds = self.students.len() as u32;
        let sum: f64 = self
            .students
            .iter()
            .map(|student| pick(&student.report))
            .sum();
        metric(name, sum / f64::from(seeds), split, seeds, note)
    }
}

/// One model's scores on test rows; AUC has no value where a class has no row.
fn scores(scores: &Scores, note: &str) -> Vec<Metric> {
    let rows = [
        ("accuracy", Some(scores.accuracy)),
        ("macro-F1", Some(scores.macro_f1)),
        ("MCC", Some(scores.mcc)),
        ("AUC", scores.auc),
        ("ECE", Some(scores.ece)),
    ];
    rows.into_iter()
        .filter_map(|(name, value)| Some(metric(name, value?, "test", 1, note)))
        .collect()
}

fn metric(name: &str, value: f64, split: &str, seeds: u32, note: &str) -> Metric {
    Metric {
        name: name.into(),
        value,
        split: split.into(),
        seeds,
        note: (!note.is_empty()).then(|| note.into()),
    }
}
