//! The stage that trains students: `distill`.

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use std::cell::OnceCell;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use super::{CHECKPOINTS, Labels, REPORT, Run, TeacherArtefact, columns, read_report};
use crate::agreement::{self, Summary};
use crate::artefact::{Inputs, Stage, StageDir, hash_bytes, write_atomic};
use crate::attribution::was_read;
use crate::checkpoint::Checkpoints;
use crate::data::Example;
use crate::device::PROCESSOR;
use crate::distill::{self, Course, Epoch, Row, TransferSet};
use crate::export::questions_right;
use crate::metrics::{Scores, argmax};
use crate::quantize::first_layers;
use crate::reasons::{self, ReasonFigures};
use crate::sampler::Mixture;
use crate::student::{Layers, Shape, Student, StudentBatch, logits};
use crate::teacher::{Frozen, Teacher, Weights, floats_of};
use crate::vocabulary::{Vocabulary, embeddings};

/// Float weights of a trained student.
pub(super) const STUDENT: &str = "student.safetensors";

/// Its vocabulary.
pub(super) const VOCABULARY: &str = "vocabulary.json";

/// Where embeddings start, and what the table is called there.
const EMBEDDINGS: &str = "embeddings.safetensors";
const EMBEDDING: &str = "embedding";
/// What reasons mean, in the file of their meanings.
const MEANINGS: &str = "meanings.safetensors";
const MEANING: &str = "meaning";

/// What the teacher's encoder makes of texts, in a file of its own.
const FEATURES: &str = "features.safetensors";
const FEATURE: &str = "feature";

/// Rows a forward pass of the student without gradients.
pub(super) const BATCH: usize = 256;

/// What is known of a trained student.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StudentReport {
    /// Seed it was drawn from.
    pub seed: u64,
    /// Epoch that was kept.
    pub best: usize,
    /// Every epoch's figures.
    pub history: Vec<Epoch>,
    /// Float student on validation rows.
    pub validation: Scores,
    /// Float student on test rows.
    pub test: Scores,
    /// Share of the questions that it answers right, of validation and test rows, where rows are choices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub questions: Option<[f64; 2]>,
    /// Its contributions against the teacher's attributions, on validation rows.
    pub agreement: Summary,
    /// How much each group was drawn from.
    pub mixture: Mixture,
}

/// A trained student's folder.
pub struct StudentArtefact {
    /// Holds the float weights, the vocabulary and the report.
    pub folder: PathBuf,
    /// What is known of it.
    pub report: StudentReport,
}

/// What every student of a recipe is made of.
pub(crate) struct Material {
    /// What it learns from.
    pub(super) set: TransferSet,
    /// Its pieces.
    pub(super) vocabulary: Vocabulary,
    /// Its sizes, and the layers before it.
    pub(super) shape: Shape,
    /// Where its embeddings start.
    pub(super) embedding: Vec<f32>,
}

impl Run<'_> {
    /// Trains every student of the recipe.
    pub fn distill(&self, from: &TeacherArtefact, labels: &Labels) -> Result<Vec<StudentArtefact>> {
        let recipe = &self.recipe.recipe;
        let material = OnceCell::new();
        (0..recipe.distill.runs as u64)
            .map(|run| self.distill_one(from, labels, recipe.seed + run, &material))
            .collect()
    }

    /// What decides a student that is drawn from a seed, as inputs of a stage.
    pub(super) fn learnt(
        &self,
        stage: Stage,
        from: &TeacherArtefact,
        labels: &Labels,
        seed: u64,
    ) -> Result<Inputs> {
        let recipe = &self.recipe.recipe;
        let distill = recipe.distill.one_run();
        // Only those who read domains and rationales learn otherwise by others.
        let marked = distill.sampler.is_by_domain() || distill.rationale > 0.0;
        let marks = self.split().marks_hash().filter(|_| marked);
        let learnt = recipe.learns_reasons();
        let reasons = self.split().reasons_hash().filter(|_| learnt);
        self.heard(stage, from, labels)?
            .with("student", &recipe.student)?
            .with("distill", &distill)?
            .with("seed", &seed)?
            .with_some("marks", marks)?
            .with_some("reasons", reasons)?
            .with_some("choices", recipe.data.choices_learnt())
    }

    /// Trains one student, from `material` where another seed has made it already.
    pub(crate) fn distill_one(
        &self,
        from: &TeacherArtefact,
        labels: &Labels,
        seed: u64,
        material: &OnceCell<Material>,
    ) -> Result<StudentArtefact> {
        let recipe = &self.recipe.recipe;
        let inputs = self.learnt(Stage::Distill, from, labels, seed)?;
        let stage = StageDir::open(&self.folder, Stage::Distill, inputs, seed)?;
        if self.open(&stage, PROCESSOR)? {
            let material = if let Some(made) = material.get() {
                made
            } else {
                let made = self.material(from, labels)?;
                material.get_or_init(|| made)
            };
            let course = Course {
                set: &material.set,
                shape: &material.shape,
                embedding: &material.embedding,
                dropout: recipe.student.dropout,
                section: &recipe.distill.one_run(),
                seed,
            };
            let checkpoints = stage.file(CHECKPOINTS);
            let distilled = distill::distill(course, &checkpoints, self.progress)?;
            let report = self.report(&distilled, material, seed)?;
            write_atomic(&stage.file(STUDENT), &distilled.weights.write()?)?;
            write_atomic(
                &stage.file(VOCABULARY),
                &serde_json::to_vec(&material.vocabulary)?,
            )?;
            write_atomic(&stage.file(REPORT), &serde_json::to_vec_pretty(&report)?)?;
            stage.finish(&[STUDENT, VOCABULARY, REPORT], PROCESSOR)?;
            Checkpoints::clear(&checkpoints)?;
            self.progress.note(&format!(
                "student of seed {seed}: test accuracy {:.4}, macro-F1 {:.4}",
                report.test.accuracy, report.test.macro_f1
            ));
        }
        let report = read_report(&stage)?;
        Ok(StudentArtefact {
            folder: stage.path().to_owned(),
            report,
        })
    }

    /// Where the embeddings of this vocabulary start; every student of a recipe starts there.
    fn first_embeddings(
        &self,
        from: &TeacherArtefact,
        teacher: &Teacher,
        vocabulary: &Vocabulary,
    ) -> Result<Vec<f32>> {
        let recipe = &self.recipe.recipe;
        let (pieces, width) = (&vocabulary.pieces, recipe.student.embedding);
        let inputs = Inputs::new(Stage::Embed)
            .with("teacher", &from.hash)?
            .with("vocabulary", &hash_bytes(pieces.join("\n").as_bytes()))?
            .with("embedding", &width)?;
        self.table(
            inputs,
            (EMBEDDINGS, EMBEDDING),
            [pieces.len(), width],
            || embeddings(teacher, pieces, width, self.progress),
        )
    }

    /// A table that the teacher's encoder makes, by rows, kept under what decides it in a file, by a name in it.
    fn table(
        &self,
        inputs: Inputs,
        (file, name): (&str, &str),
        shape: [usize; 2],
        make: impl FnOnce() -> Result<Vec<f32>>,
    ) -> Result<Vec<f32>> {
        let seed = self.recipe.recipe.seed;
        let stage = StageDir::open(&self.folder, Stage::Embed, inputs, seed)?;
        let path = stage.file(file);
        if self.open_quietly(&stage)? {
            let mut weights = Weights::default();
            weights.put_values(name.into(), shape.into(), make()?);
            write_atomic(&path, &weights.write()?)?;
            stage.finish(&[file], &self.device_name)?;
        }
        let bytes = fs::read(&path).with_context(|| path.display().to_string())?;
        let weights = Weights::read(&bytes)?;
        Ok(weights.checked(name, shape)?.to_vec())
    }

    /// Gives the training rows what their reasons mean to the teacher's encoder.
    fn add_meanings(
        &self,
        set: &mut TransferSet,
        from: &TeacherArtefact,
        teacher: &Teacher,
    ) -> Result<()> {
        let recipe = &self.recipe.recipe;
        let own = reasons::meant(&self.split().train, recipe)?;
        let texts: Vec<&str> = own.iter().flatten().copied().collect();
        let inputs = Inputs::new(Stage::Embed)
            .with("teacher", &from.hash)?
            .with("reasons", &hash_bytes(&serde_json::to_vec(&own)?))?;
        let shape = [texts.len(), teacher.config.hidden];
        let table = self.table(inputs, (MEANINGS, MEANING), shape, || {
            reasons::meanings(teacher, &texts, self.progress)
        })?;
        let mut meanings = table.chunks(shape[1]);
        for (row, reason) in set.train.iter_mut().zip(own) {
            row.meaning = reason.and_then(|_| Some(meanings.next()?.to_vec()));
        }
        Ok(())
    }

    /// Gives the training rows what the teacher's encoder makes of them.
    fn add_features(
        &self,
        set: &mut TransferSet,
        from: &TeacherArtefact,
        teacher: &Teacher,
        labels: &Labels,
    ) -> Result<()> {
        let (own, _) = columns(&self.split().train);
        let borrowed = labels.transfer.iter().map(|made| made.text.as_str());
        let texts: Vec<&str> = own.into_iter().chain(borrowed).collect();
        ensure!(
            texts.len() == set.train.len(),
            "distill: {} texts have features, of {} that are learnt from",
            texts.len(),
            set.train.len()
        );
        let recipe = &self.recipe.recipe;
        let [soft, _] = self.label_inputs(from)?;
        let inputs = Inputs::new(Stage::Embed)
            .with("labels", &soft.key())?
            .with("features", &recipe.distill.transfer)?;
        let shape = [texts.len(), teacher.config.hidden];
        let table = self.table(inputs, (FEATURES, FEATURE), shape, || {
            let ids = teacher.ids(&texts, recipe.teacher.max_tokens)?;
            let task = self.progress.task("distill: features", "texts", ids.len());
            let frozen = Frozen::new(teacher)?;
            let rows = frozen.pooled(&ids, recipe.label.batch, |rows| task.advance(rows))?;
            task.finish();
            Ok(rows.concat())
        })?;
        for (row, features) in set.train.iter_mut().zip(table.chunks(shape[1])) {
            row.features = Some(features.to_vec());
        }
        Ok(())
    }

    /// What decides a student's labels, as inputs of a stage that learns from them.
    pub(super) fn heard(
        &self,
        stage: Stage,
        from: &TeacherArtefact,
        labels: &Labels,
    ) -> Result<Inputs> {
        let labels_key = self.label_inputs(from)?.map(|inputs| inputs.key());
        let others = Some(&labels.others).filter(|others| !others.is_empty());
        let section = &self.recipe.recipe.label;
        let listened = others.is_some();
        Inputs::new(stage)
            .with("labels", &labels_key)?
            .with_some("other teachers", others)?
            .with_some(
                "folds",
                Some(section.folds).filter(|folds| listened && *folds > 0),
            )?
            .with_some(
                "unsure",
                Some(section.unsure).filter(|sure| listened && *sure < 1.0),
            )
    }

    /// What every student of the recipe is made of.
    pub(super) fn material(&self, from: &TeacherArtefact, labels: &Labels) -> Result<Material> {
        let teacher = self.load(from)?;
        let vocabulary = self.vocabulary(&teacher)?;
        let mut set = self.transfer_set(labels, &vocabulary, teacher.tokenizer.mask_word())?;
        if self.recipe.recipe.distill.reason.meaning > 0.0 {
            self.add_meanings(&mut set, from, &teacher)?;
        }
        if self.recipe.recipe.distill.online > 0 {
            self.add_features(&mut set, from, &teacher, labels)?;
        }
        Ok(Material {
            set,
            shape: self.shape(&vocabulary, self.layers(&teacher, &vocabulary)?),
            embedding: self.first_embeddings(from, &teacher, &vocabulary)?,
            vocabulary,
        })
    }

    /// Scores and agreement of a student.
    fn report(
        &self,
        distilled: &distill::Distilled,
        material: &Material,
        seed: u64,
    ) -> Result<StudentReport> {
        let Material {
            set, vocabulary, ..
        } = material;
        let student = Student::from_weights(&material.shape, &distilled.weights)?;
        let score = |examples: &[Example]| -> Result<(Scores, Option<f64>)> {
            let (texts, gold) = columns(examples);
            let logits = self.float_logits(&student, vocabulary, &texts)?;
            let right = questions_right(examples, &logits);
            Ok((Scores::of_logits(&logits, &gold)?, right))
        };
        let (validation, validation_right) = score(&self.split().validation)?;
        let (test, test_right) = score(&self.split().test)?;
        Ok(StudentReport {
            seed,
            questions: validation_right.zip(test_right).map(|(v, t)| [v, t]),
            best: distilled.best,
            history: distilled.history.clone(),
            validation,
            test,
            agreement: agreement_on(&student, &set.validation, seed)?,
            mixture: distilled.mixture.clone(),
        })
    }

    /// How good the reasons of a student are, on `count` test rows.
    pub(crate) fn reasons(
        &self,
        from: &TeacherArtefact,
        student: &StudentArtefact,
        count: usize,
    ) -> Result<ReasonFigures> {
        let recipe = &self.recipe.recipe;
        let trained = self.trained(from, student)?;
        let asked = reasons::Interview {
            student: &trained.student()?,
            vocabulary: &trained.vocabulary,
            teaching: recipe.distill.reason.teaching,
            labels: &self.split().labels,
            most: [recipe.student.max_tokens, recipe.student.reason_tokens],
            teacher: &self.load(from)?,
        };
        let split = self.split();
        reasons::figures(&asked, [&split.train, &split.test], count, recipe.seed)
    }

    /// The vocabulary that the student's is a part of, and whose words the teacher's explanations
    /// are about.
    pub(crate) fn whole_vocabulary(&self, teacher: &Teacher) -> Result<Vocabulary> {
        let (train, _) = columns(&self.split().train);
        let recipe = &self.recipe.recipe;
        let whole = Vocabulary::of_teacher(teacher, &train, recipe.student.pieces)?;
        Ok(if recipe.data.pairs() {
            whole.of_pairs()
        } else {
            whole
        })
    }

    fn vocabulary(&self, teacher: &Teacher) -> Result<Vocabulary> {
        let section = &self.recipe.recipe.student;
        let whole = self.whole_vocabulary(teacher)?;
        let mut texts = self.read_by_students();
        if self.recipe.recipe.student.decoder > 0 {
            texts.extend(reasons::read(&self.split().train, &self.recipe.recipe)?);
        }
        whole.pruned(&texts, section.min_count, section.characters)
    }

    /// The teacher's layers that read texts before the recipe's students do, where it has any.
    pub(super) fn layers(
        &self,
        teacher: &Teacher,
        vocabulary: &Vocabulary,
    ) -> Result<Option<Arc<Layers>>> {
        let section = &self.recipe.recipe.student;
        if section.layers == 0 {
            return Ok(None);
        }
        let layers = first_layers(teacher, vocabulary, section)?;
        Ok(Some(Arc::new(Layers::new(layers))))
    }

    /// Sizes of the recipe's students behind these layers.
    pub(super) fn shape(&self, vocabulary: &Vocabulary, layers: Option<Arc<Layers>>) -> Shape {
        let section = &self.recipe.recipe.student;
        Shape {
            vocabulary: vocabulary.pieces.len(),
            embedding: section.embedding,
            hidden: section.hidden,
            attention: section.attention,
            classes: self.split().labels.len(),
            rounded: section.small_embeddings(),
            shared: vocabulary.separator.filter(|_| section.shared),
            decoder: reasons::shape(&self.recipe.recipe, self.split().labels.len()),
            layers,
        }
    }

    pub(super) fn float_logits(
        &self,
        student: &Student,
        vocabulary: &Vocabulary,
        texts: &[&str],
    ) -> Result<Vec<Vec<f32>>> {
        let tokenizer = vocabulary.tokenizer()?;
        let max_tokens = self.recipe.recipe.student.max_tokens;
        let ids: Vec<Vec<u32>> = texts
            .iter()
            .map(|text| tokenizer.encode(text, max_tokens).ids)
            .collect();
        logits(student, &ids, BATCH)
    }
}

/// Agreement of the student's centred contributions to the teacher's predicted class with the
/// teacher's attributions of it, by word.
fn agreement_on(student: &Student, rows: &[Row], seed: u64) -> Result<Summary> {
    let mut pairs = Vec::with_capacity(rows.len());
    for chunk in rows.chunks(BATCH) {
        let ids: Vec<&[u32]> = chunk.iter().map(|row| row.ids.as_slice()).collect();
        let contributions = student.forward(&StudentBatch::new(&ids)).contributions;
        let [_, time, classes] = contributions.dims();
        let centred = floats_of(contributions.clone() - contributions.mean_dim(2))?;
        for (index, row) in chunk.iter().enumerate() {
            let Some(teacher) = &row.attribution else {
                continue;
            };
            let class = argmax(&row.logits);
            let read = (0..teacher[class].len()).filter(|word| was_read(teacher, *word));
            let read: Vec<usize> = read.collect();
            let mut words = vec![0f64; teacher[class].len()];
            for (token, &word) in row.words.iter().enumerate() {
                if let Some(sum) = words.get_mut(word) {
                    *sum += f64::from(centred[(index * time + token) * classes + class]);
                }
            }
            let both = read
                .iter()
                .map(|&word| (f64::from(teacher[class][word]), words[word]));
            pairs.push(both.unzip());
        }
    }
    agreement::summarise(&pairs, agreement::TOP, seed)
}
