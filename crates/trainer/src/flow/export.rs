//! The last stage: `export` quantizes the best student and writes the bundle with its card.

use anyhow::{Context, Result};
use serde::Serialize;
use std::path::PathBuf;
use stillglass_bundle::{Card, Metric};

use super::students::{STUDENT, VOCABULARY};
use super::{Run, StudentArtefact, StudentReport, columns};
use crate::artefact::{VERSION, write_atomic};
use crate::export::{self, Fidelity};
use crate::metrics::Scores;
use crate::student::Student;
use crate::teacher::Weights;
use crate::vocabulary::Vocabulary;

/// A finished bundle.
#[derive(Debug, Serialize)]
pub struct BundleArtefact {
    /// The `.glass` file.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// What quantization changed.
    pub fidelity: Fidelity,
}

impl Run<'_> {
    /// Quantizes the student that did best on validation rows, and writes the recipe's bundle.
    pub fn export(&self, students: &[StudentArtefact]) -> Result<BundleArtefact> {
        let recipe = &self.recipe.recipe;
        let best = students.iter().rev().max_by(|a, b| {
            a.report
                .validation
                .macro_f1
                .total_cmp(&b.report.validation.macro_f1)
        });
        let best = best.context("export: no student was trained")?;
        let weights = Weights::read(&std::fs::read(best.folder.join(STUDENT))?)?;
        let vocabulary = Vocabulary::read(&best.folder.join(VOCABULARY))?;
        let shape = self.shape(&vocabulary);
        let max_tokens = recipe.student.max_tokens;
        let make = |card: Card| {
            export::bundle(
                &weights,
                shape,
                &vocabulary,
                &self.split().labels,
                max_tokens,
                card,
            )
        };
        let student = Student::from_weights(shape, &weights, 0.0, &self.device)?;
        let (texts, _) = columns(&self.split().validation);
        let float = self.float_logits(&student, &vocabulary, &texts)?;
        let first = make(Card::default())?.write()?;
        let fidelity = export::verify(&first, &texts, &float)?;
        let int8 = export::scores(&first, &self.split().test)?;
        let bytes = make(self.card(students, best, &int8, fidelity))?.write()?;
        let path = self.folder.join(format!("{}.glass", recipe.name));
        write_atomic(&path, &bytes)?;
        self.progress.note(&format!(
            "{}: {} bytes, int8 test accuracy {:.4}, macro-F1 {:.4}",
            path.display(),
            bytes.len(),
            int8.accuracy,
            int8.macro_f1
        ));
        Ok(BundleArtefact {
            path,
            bytes: bytes.len() as u64,
            fidelity,
        })
    }

    /// What the bundle says about itself: every figure comes from this run.
    fn card(
        &self,
        students: &[StudentArtefact],
        best: &StudentArtefact,
        int8: &Scores,
        fidelity: Fidelity,
    ) -> Card {
        let section = &self.recipe.recipe.card;
        let name = if section.name.is_empty() {
            &self.recipe.recipe.name
        } else {
            &section.name
        };
        Card {
            name: name.clone(),
            description: section.description.clone(),
            recipe: self.recipe.portable.clone(),
            data: section.data.clone(),
            data_licence: section.data_licence.clone(),
            metrics: metrics(students, best, int8, fidelity),
            base_model: section.base_model.clone(),
            base_licence: section.base_licence.clone(),
            date: export::today(),
            trainer_version: VERSION.into(),
        }
    }
}

/// The card's figures: means over all students, then this bundle's own.
fn metrics(
    students: &[StudentArtefact],
    best: &StudentArtefact,
    int8: &Scores,
    fidelity: Fidelity,
) -> Vec<Metric> {
    let seeds = students.len() as u32;
    let mean = |pick: fn(&StudentReport) -> f64| {
        let sum: f64 = students.iter().map(|student| pick(&student.report)).sum();
        sum / f64::from(seeds)
    };
    let own = format!("this bundle, seed {}", best.report.seed);
    let (float, means) = ("before quantization", "mean of float students");
    let rows = [
        ("accuracy", mean(|r| r.test.accuracy), "test", seeds, means),
        ("macro-F1", mean(|r| r.test.macro_f1), "test", seeds, means),
        ("accuracy", int8.accuracy, "test", 1, &own),
        ("macro-F1", int8.macro_f1, "test", 1, &own),
        ("MCC", int8.mcc, "test", 1, &own),
        ("ECE", int8.ece, "test", 1, &own),
        ("AUC", int8.auc.unwrap_or(f64::NAN), "test", 1, &own),
        (
            "accuracy, float",
            best.report.test.accuracy,
            "test",
            1,
            float,
        ),
        (
            "macro-F1, float",
            best.report.test.macro_f1,
            "test",
            1,
            float,
        ),
        (
            "labels changed by int8",
            fidelity.labels_changed,
            "validation",
            1,
            "",
        ),
        (
            "agreement with the teacher, cosine",
            mean(|r| r.agreement.agreement.cosine),
            "validation",
            seeds,
            "",
        ),
        (
            "agreement of a random order, cosine",
            mean(|r| r.agreement.random.cosine),
            "validation",
            seeds,
            "",
        ),
    ];
    let known = rows.into_iter().filter(|row| row.1.is_finite());
    known
        .map(|(name, value, split, seeds, note)| Metric {
            name: name.into(),
            value,
            split: split.into(),
            seeds,
            note: (!note.is_empty()).then(|| note.into()),
        })
        .collect()
}
