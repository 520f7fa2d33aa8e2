//! The stages that the teacher does: `teach` and `label`.

use anyhow::{Context, Result};
use rand::seq::index::sample;
use serde::Serialize;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::{MASK, REPORT, Run, columns};
use crate::artefact::{Inputs, Stage, StageDir, digest, hash_file, hex, write_atomic};
use crate::attribution::Attribution;
use crate::label::Labeller;
use crate::metrics::Scores;
use crate::recipe::TeacherSection;
use crate::teach;
use crate::teacher::{FILES, Head, Teacher, locate};
use crate::training::generator;
use crate::transfer::variants;
use crate::vocabulary::Vocabulary;

/// A teacher's folder and what made it.
#[derive(Debug, Clone, Serialize)]
pub struct TeacherArtefact {
    /// A Hugging Face directory.
    pub folder: PathBuf,
    /// Hash of its files.
    pub hash: String,
}

/// What the teacher says of the data.
pub struct Labels {
    /// Soft labels of the training rows.
    pub train: Vec<Vec<f32>>,
    /// Attributions of the training rows that were explained.
    pub explained: HashMap<usize, Attribution>,
    /// Of the validation rows.
    pub validation: Vec<Attribution>,
    /// Variants of the training rows, and the teacher's logits.
    pub transfer: Vec<(String, Vec<f32>)>,
}

impl Run<'_> {
    /// Fine-tunes the recipe's base, or takes it as it is where `teacher.epochs` is 0.
    pub fn teach(&self) -> Result<TeacherArtefact> {
        let recipe = &self.recipe.recipe;
        let section = &recipe.teacher;
        let base = locate(&section.base, section.revision.as_deref())?;
        let base_hash = teacher_hash(&base)?;
        if section.epochs == 0 {
            Teacher::load(&base, Head::Own, &self.device)?.expect_labels(&self.split().labels)?;
            return Ok(TeacherArtefact {
                folder: base,
                hash: base_hash,
            });
        }
        // Where the base lies does not matter, only what it is.
        let settings = TeacherSection {
            base: String::new(),
            ..section.clone()
        };
        let inputs = Inputs::new()
            .with("data", &self.data.hash)?
            .with("base", &base_hash)?
            .with("teacher", &settings)?
            .with("seed", &recipe.seed)?;
        let stage = StageDir::open(&self.folder, Stage::Teach, inputs, recipe.seed)?;
        let folder = stage.file("teacher");
        if self.open(&stage)? {
            let taught = teach::teach(
                self.split(),
                &base,
                section,
                recipe.seed,
                &stage.file("checkpoints"),
                &self.device,
                self.progress,
            )?;
            std::fs::create_dir_all(&folder)
                .with_context(|| format!("making {}", folder.display()))?;
            for name in FILES {
                let bytes = std::fs::read(taught.directory.join(name))?;
                write_atomic(&folder.join(name), &bytes)?;
            }
            let test = self.teacher_scores(&folder)?;
            let report = serde_json::json!({ "history": taught.history, "test": test });
            write_atomic(&stage.file(REPORT), &serde_json::to_vec_pretty(&report)?)?;
            let files = FILES.map(|name| format!("teacher/{name}"));
            stage.finish(&[REPORT, &files[0], &files[1], &files[2]])?;
            self.progress.note(&format!(
                "teacher: test accuracy {:.4}, macro-F1 {:.4}",
                test.accuracy, test.macro_f1
            ));
        }
        Ok(TeacherArtefact {
            hash: teacher_hash(&folder)?,
            folder,
        })
    }

    /// Scores of a teacher on the test rows.
    fn teacher_scores(&self, folder: &Path) -> Result<Scores> {
        let teacher = Teacher::load(folder, Head::Own, &self.device)?;
        let section = &self.recipe.recipe.teacher;
        let max_tokens = section.max_tokens.min(teacher.config.max_length());
        let (texts, gold) = columns(&self.split().test);
        let ids = texts
            .iter()
            .map(|text| Ok(teacher.tokenizer.encode(text, &[], max_tokens)?.ids))
            .collect::<Result<Vec<_>>>()?;
        let task = self.progress.task("teach: test", "texts", ids.len());
        let logits = teach::logits(&teacher, &ids, section.batch, |rows| task.advance(rows))?;
        task.finish();
        Scores::of_logits(&logits, &gold)
    }

    /// Soft labels and attributions of every training and validation row, soft labels of the
    /// transfer set. Everything is cached; a killed run goes on where it was.
    pub fn label(&self, from: &TeacherArtefact) -> Result<Labels> {
        let recipe = &self.recipe.recipe;
        let teacher = self.load(from)?;
        let inputs = Inputs::new()
            .with("teacher", &from.hash)?
            .with("label", &(recipe.label.nodes, recipe.label.target))?
            .with("max_tokens", &recipe.teacher.max_tokens)?;
        let stage = StageDir::open(&self.folder, Stage::Label, inputs, recipe.seed)?;
        let words = Vocabulary::of_teacher(&teacher)?.tokenizer()?;
        let mut labeller = Labeller::open(
            &stage.file("labels.cache"),
            &teacher,
            &from.hash,
            &recipe.label,
            &words,
            recipe.teacher.max_tokens,
        )?;
        let (train, _) = columns(&self.split().train);
        let (validation, _) = columns(&self.split().validation);
        let transfer = variants(&train, &recipe.transfer, MASK, recipe.seed);
        let borrowed: Vec<&str> = transfer.iter().map(String::as_str).collect();
        let soft = labeller.logits("label: transfer set", &borrowed, self.progress)?;
        let chosen = self.explained_rows();
        let texts: Vec<&str> = chosen.iter().map(|&row| train[row]).collect();
        let explained =
            labeller.explain("label: training texts explained", &texts, self.progress)?;
        Ok(Labels {
            train: labeller.logits("label: training texts", &train, self.progress)?,
            explained: chosen.into_iter().zip(explained).collect(),
            validation: labeller.explain("label: validation texts", &validation, self.progress)?,
            transfer: transfer.into_iter().zip(soft).collect(),
        })
    }

    /// Training rows that are explained, in order.
    fn explained_rows(&self) -> Vec<usize> {
        let (rows, wanted) = (self.split().train.len(), self.recipe.recipe.label.rows);
        if wanted == 0 || wanted >= rows {
            return (0..rows).collect();
        }
        let mut rng = generator(self.recipe.recipe.seed, "explained rows", 0);
        let mut chosen = sample(&mut rng, rows, wanted).into_vec();
        chosen.sort_unstable();
        chosen
    }

    pub(super) fn load(&self, from: &TeacherArtefact) -> Result<Teacher> {
        let teacher = Teacher::load(&from.folder, Head::Own, &self.device)?;
        teacher.expect_labels(&self.split().labels)?;
        Ok(teacher)
    }
}

fn teacher_hash(folder: &Path) -> Result<String> {
    let mut parts = Vec::new();
    for name in FILES {
        parts.push(hash_file(&folder.join(name))?);
    }
    let parts: Vec<&[u8]> = parts.iter().map(String::as_bytes).collect();
    Ok(hex(&digest(&parts)))
}
