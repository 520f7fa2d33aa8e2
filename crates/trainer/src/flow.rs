//! The stages of a run as functions between artefacts in its folder; each skips what is done.

use anyhow::{Context, Result, ensure};
use burn::tensor::Device;
use rand::seq::index::sample;
use serde::Serialize;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use stillglass_bundle::{Card, Metric};

use crate::agreement::{self, Summary};
use crate::artefact::{Inputs, Stage, StageDir, State, VERSION, hash_file, write_atomic};
use crate::attribution::Attribution;
use crate::data::{self, Example, Split};
use crate::distill::{self, Epoch, Row, TransferSet};
use crate::export::{self, Fidelity};
use crate::label::Labeller;
use crate::metrics::{Scores, argmax};
use crate::progress::Progress;
use crate::recipe;
use crate::student::{Shape, Student, StudentBatch, logits};
use crate::teach;
use crate::teacher::{self, FILES, Head, Teacher, Weights, floats_of};
use crate::training::generator;
use crate::transfer::variants;
use crate::vocabulary::{Vocabulary, embeddings};

/// The teacher's own mask word, which the transfer set puts in place of words.
const MASK: &str = "[MASK]";

const STUDENT: &str = "student.safetensors";
const VOCABULARY: &str = "vocabulary.txt";
const REPORT: &str = "report.json";

/// Rows a forward pass of the student without gradients.
const BATCH: usize = 256;

/// One run of one recipe.
pub struct Run<'a> {
    /// The recipe, overrides applied.
    pub recipe: recipe::Loaded,
    /// Its data.
    pub data: data::Loaded,
    /// Folder of everything the run leaves behind.
    pub folder: PathBuf,
    /// Where tensors are.
    pub device: Device,
    /// Where progress goes.
    pub progress: &'a Progress,
}

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

/// What is known of a trained student.
#[derive(Debug, Clone, Serialize, serde::Deserialize)]
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
    /// Its contributions against the teacher's attributions, on validation rows.
    pub agreement: Summary,
}

/// A trained student's folder.
pub struct StudentArtefact {
    /// Holds the float weights, the vocabulary and the report.
    pub folder: PathBuf,
    /// What is known of it.
    pub report: StudentReport,
}

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
    fn split(&self) -> &Split {
        &self.data.split
    }

    /// Fine-tunes the recipe's base, or takes it as it is where `teacher.epochs` is 0.
    pub fn teach(&self) -> Result<TeacherArtefact> {
        let recipe = &self.recipe.recipe;
        let section = &recipe.teacher;
        let base = teacher::locate(&section.base, section.revision.as_deref())?;
        let base_hash = teacher_hash(&base)?;
        if section.epochs == 0 {
            Teacher::load(&base, Head::Own, &self.device)?.expect_labels(&self.split().labels)?;
            return Ok(TeacherArtefact {
                folder: base,
                hash: base_hash,
            });
        }
        // Where the base lies does not matter, only what it is.
        let settings = recipe::TeacherSection {
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

    /// Trains every student of the recipe.
    pub fn distill(&self, from: &TeacherArtefact, labels: &Labels) -> Result<Vec<StudentArtefact>> {
        let recipe = &self.recipe.recipe;
        (0..recipe.distill.runs as u64)
            .map(|run| self.distill_one(from, labels, recipe.seed + run))
            .collect()
    }

    fn distill_one(
        &self,
        from: &TeacherArtefact,
        labels: &Labels,
        seed: u64,
    ) -> Result<StudentArtefact> {
        let recipe = &self.recipe.recipe;
        let distill = recipe::DistillSection {
            runs: 1,
            ..recipe.distill.clone()
        };
        let inputs = Inputs::new()
            .with("teacher", &from.hash)?
            .with("data", &self.data.hash)?
            .with(
                "label",
                &(recipe.label.nodes, recipe.label.target, recipe.label.rows),
            )?
            .with("max_tokens", &recipe.teacher.max_tokens)?
            .with("transfer", &(&recipe.transfer, recipe.seed))?
            .with("student", &recipe.student)?
            .with("distill", &distill)?
            .with("seed", &seed)?;
        let stage = StageDir::open(&self.folder, Stage::Distill, inputs, seed)?;
        if self.open(&stage)? {
            let teacher = self.load(from)?;
            let vocabulary = self.vocabulary(&teacher)?;
            let set = self.transfer_set(labels, &vocabulary)?;
            let shape = self.shape(&vocabulary);
            let table = embeddings(&teacher, &vocabulary.pieces, shape.embedding, self.progress)?;
            let distilled = distill::distill(
                &set,
                shape,
                &table,
                recipe.student.dropout,
                &distill,
                seed,
                &stage.file("checkpoints"),
                &self.device,
                self.progress,
            )?;
            let report = self.report(&distilled, shape, &vocabulary, &set, seed)?;
            write_atomic(&stage.file(STUDENT), &distilled.weights.write()?)?;
            write_atomic(
                &stage.file(VOCABULARY),
                vocabulary.pieces.join("\n").as_bytes(),
            )?;
            write_atomic(&stage.file(REPORT), &serde_json::to_vec_pretty(&report)?)?;
            stage.finish(&[STUDENT, VOCABULARY, REPORT])?;
            self.progress.note(&format!(
                "student of seed {seed}: test accuracy {:.4}, macro-F1 {:.4}",
                report.test.accuracy, report.test.macro_f1
            ));
        }
        let report = serde_json::from_slice(&std::fs::read(stage.file(REPORT))?)
            .with_context(|| format!("{} of {}", REPORT, stage.path().display()))?;
        Ok(StudentArtefact {
            folder: stage.path().to_owned(),
            report,
        })
    }

    /// Scores and agreement of a student.
    fn report(
        &self,
        distilled: &distill::Distilled,
        shape: Shape,
        vocabulary: &Vocabulary,
        set: &TransferSet,
        seed: u64,
    ) -> Result<StudentReport> {
        let student = Student::from_weights(shape, &distilled.weights, 0.0, &self.device)?;
        let score = |examples: &[Example]| -> Result<Scores> {
            let (texts, gold) = columns(examples);
            Scores::of_logits(&self.float_logits(&student, vocabulary, &texts)?, &gold)
        };
        Ok(StudentReport {
            seed,
            best: distilled.best,
            history: distilled.history.clone(),
            validation: score(&self.split().validation)?,
            test: score(&self.split().test)?,
            agreement: agreement_on(&student, &set.validation, &self.device, seed)?,
        })
    }

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
        let vocabulary = self.read_vocabulary(best)?;
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
        let seeds = students.len() as u32;
        let mean = |pick: fn(&StudentReport) -> f64| {
            students
                .iter()
                .map(|student| pick(&student.report))
                .sum::<f64>()
                / f64::from(seeds)
        };
        let metric = |name: &str, value: f64, split: &str, seeds: u32, note: &str| Metric {
            name: name.into(),
            value,
            split: split.into(),
            seeds,
            note: (!note.is_empty()).then(|| note.into()),
        };
        let own = format!("this bundle, seed {}", best.report.seed);
        let mut metrics = vec![
            metric(
                "accuracy",
                mean(|r| r.test.accuracy),
                "test",
                seeds,
                "mean of float students",
            ),
            metric(
                "macro-F1",
                mean(|r| r.test.macro_f1),
                "test",
                seeds,
                "mean of float students",
            ),
            metric("accuracy", int8.accuracy, "test", 1, &own),
            metric("macro-F1", int8.macro_f1, "test", 1, &own),
            metric("MCC", int8.mcc, "test", 1, &own),
            metric("ECE", int8.ece, "test", 1, &own),
            metric(
                "accuracy, float",
                best.report.test.accuracy,
                "test",
                1,
                "before quantization",
            ),
            metric(
                "macro-F1, float",
                best.report.test.macro_f1,
                "test",
                1,
                "before quantization",
            ),
            metric(
                "labels changed by int8",
                fidelity.labels_changed,
                "validation",
                1,
                "",
            ),
            metric(
                "agreement with the teacher, cosine",
                mean(|r| r.agreement.agreement.cosine),
                "validation",
                seeds,
                "",
            ),
            metric(
                "agreement of a random order, cosine",
                mean(|r| r.agreement.random.cosine),
                "validation",
                seeds,
                "",
            ),
        ];
        metrics.extend(int8.auc.map(|auc| metric("AUC", auc, "test", 1, &own)));
        Card {
            name: name.clone(),
            description: section.description.clone(),
            recipe: self.recipe.portable.clone(),
            data: section.data.clone(),
            data_licence: section.data_licence.clone(),
            metrics,
            base_model: section.base_model.clone(),
            base_licence: section.base_licence.clone(),
            date: humantime::format_rfc3339_seconds(std::time::SystemTime::now()).to_string()[..10]
                .into(),
            trainer_version: VERSION.into(),
        }
    }

    /// Whether a stage's work is still to be done; says so where a finished one was changed.
    fn open(&self, stage: &StageDir) -> Result<bool> {
        Ok(match stage.state()? {
            State::Done(_) => {
                self.progress
                    .note(&format!("{}: done", stage.path().display()));
                false
            }
            State::Open => true,
            State::Damaged(why) => {
                self.progress.note(&format!(
                    "{}: {why}; doing it again",
                    stage.path().display()
                ));
                true
            }
        })
    }

    fn load(&self, from: &TeacherArtefact) -> Result<Teacher> {
        let teacher = Teacher::load(&from.folder, Head::Own, &self.device)?;
        teacher.expect_labels(&self.split().labels)?;
        Ok(teacher)
    }

    fn vocabulary(&self, teacher: &Teacher) -> Result<Vocabulary> {
        let (train, _) = columns(&self.split().train);
        Vocabulary::of_teacher(teacher)?.pruned(
            &train,
            self.recipe.recipe.student.min_count,
            &[MASK],
        )
    }

    /// The vocabulary of a finished student, read as its teacher's is.
    fn read_vocabulary(&self, student: &StudentArtefact) -> Result<Vocabulary> {
        let text = std::fs::read_to_string(student.folder.join(VOCABULARY))?;
        let pieces = text.split('\n').map(str::to_owned).collect();
        let teacher = self.teach()?;
        let tokenizer = std::fs::read_to_string(teacher.folder.join(FILES[1]))?;
        let (lowercase, strip_accents) =
            teacher::TeacherTokenizer::parse(tokenizer)?.normalisation()?;
        Vocabulary::new(pieces, lowercase, strip_accents)
    }

    fn shape(&self, vocabulary: &Vocabulary) -> Shape {
        let section = &self.recipe.recipe.student;
        Shape {
            vocabulary: vocabulary.pieces.len(),
            embedding: section.embedding,
            hidden: section.hidden,
            attention: section.attention,
            classes: self.split().labels.len(),
        }
    }

    /// Rows as the student learns from them. The gold labels alone need no variants.
    fn transfer_set(&self, labels: &Labels, vocabulary: &Vocabulary) -> Result<TransferSet> {
        let tokenizer = vocabulary.tokenizer()?;
        let max_tokens = self.recipe.recipe.student.max_tokens;
        let row =
            |text: &str, gold: Option<usize>, logits: &[f32], attribution: Option<&Attribution>| {
                let encoding = tokenizer.encode(text, max_tokens);
                Row {
                    words: encoding.tokens.iter().map(|token| token.word).collect(),
                    ids: encoding.ids,
                    gold,
                    logits: logits.to_vec(),
                    attribution: attribution.map(|attribution| attribution.words.clone()),
                }
            };
        let gold = self.split().train.iter().zip(&labels.train).enumerate();
        let mut train: Vec<Row> = gold
            .map(|(index, (example, logits))| {
                row(
                    &example.text,
                    Some(example.label),
                    logits,
                    labels.explained.get(&index),
                )
            })
            .collect();
        if self.recipe.recipe.distill.objective != recipe::Objective::Labels {
            train.extend(
                labels
                    .transfer
                    .iter()
                    .map(|(text, logits)| row(text, None, logits, None)),
            );
        }
        ensure!(!train.is_empty(), "distill: there is no training row");
        let validation = self.split().validation.iter().zip(&labels.validation);
        let validation = validation
            .map(|(example, label)| {
                row(
                    &example.text,
                    Some(example.label),
                    &label.logits,
                    Some(label),
                )
            })
            .collect();
        Ok(TransferSet { train, validation })
    }

    fn float_logits(
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
        logits(student, &ids, BATCH, &self.device)
    }
}

/// Agreement of the student's centred contributions to the teacher's predicted class with the
/// teacher's attributions of it, by word.
fn agreement_on(student: &Student, rows: &[Row], device: &Device, seed: u64) -> Result<Summary> {
    let student = student.frozen();
    let mut pairs = Vec::with_capacity(rows.len());
    for chunk in rows.chunks(BATCH) {
        let ids: Vec<&[u32]> = chunk.iter().map(|row| row.ids.as_slice()).collect();
        let contributions = student
            .forward(&StudentBatch::new(&ids, device))
            .contributions;
        let [_, time, classes] = contributions.dims();
        let centred = floats_of(contributions.clone() - contributions.mean_dim(2))?;
        for (index, row) in chunk.iter().enumerate() {
            let Some(teacher) = &row.attribution else {
                continue;
            };
            let class = argmax(&row.logits);
            let mut words = vec![0f64; teacher[class].len()];
            for (token, &word) in row.words.iter().enumerate() {
                if let Some(sum) = words.get_mut(word) {
                    *sum += f64::from(centred[(index * time + token) * classes + class]);
                }
            }
            pairs.push((
                teacher[class].iter().map(|&v| f64::from(v)).collect(),
                words,
            ));
        }
    }
    agreement::summarise(&pairs, agreement::TOP, seed)
}

fn columns(examples: &[Example]) -> (Vec<&str>, Vec<usize>) {
    examples
        .iter()
        .map(|example| (example.text.as_str(), example.label))
        .unzip()
}

fn teacher_hash(folder: &Path) -> Result<String> {
    let mut parts = Vec::new();
    for name in FILES {
        parts.push(hash_file(&folder.join(name))?);
    }
    let parts: Vec<&[u8]> = parts.iter().map(String::as_bytes).collect();
    Ok(crate::artefact::hex(&crate::artefact::digest(&parts)))
}
