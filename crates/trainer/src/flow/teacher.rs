//! The stages that the teacher does: `teach` and `label`.

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::path::{Path, PathBuf};

use super::labels::{Fold, folds, without};
use super::{CHECKPOINTS, REPORT, Run, check_ahead, columns, read_report};
use crate::artefact::{Cache, Inputs, Stage, StageDir, digest, hash_file, hex, write_atomic};
use crate::attribution::Attribution;
use crate::checkpoint::Checkpoints;
use crate::data::Split;
use crate::label::Labeller;
use crate::metrics::Scores;
use crate::quantize::Outline;
use crate::teach;
use crate::teacher::{FILES, Frozen, Head, Teacher, locate};
use stillglass_text::Tokenizer;

/// A teacher's folder and what made it.
#[derive(Debug, Clone, Serialize)]
pub struct TeacherArtefact {
    /// A Hugging Face directory.
    pub folder: PathBuf,
    /// Hash of its files.
    pub hash: String,
    /// Its scores on test rows, where it was fine-tuned here.
    pub test: Option<Scores>,
}

/// Figures of a fine-tuned teacher, its [`REPORT`].
#[derive(Serialize, Deserialize)]
struct TeacherReport {
    history: Vec<teach::Epoch>,
    test: Scores,
}

/// A teacher that is asked, and what cuts texts into the words it explains.
pub(crate) struct Asked<'a> {
    /// Where it is from.
    pub(crate) from: &'a TeacherArtefact,
    /// The teacher.
    pub(crate) frozen: &'a Frozen<'a>,
    /// [`Run::whole_vocabulary`]'s.
    pub(crate) words: &'a Tokenizer,
}

impl Run<'_> {
    /// Fine-tunes the recipe's base, or takes it as it is where `teacher.epochs` is 0.
    pub fn teach(&self) -> Result<TeacherArtefact> {
        self.teach_from(self.recipe.recipe.seed)
    }

    /// [`Run::teach`] from another seed.
    pub(crate) fn teach_from(&self, seed: u64) -> Result<TeacherArtefact> {
        self.teach_without(seed, None)
    }

    /// [`Run::teach`] from another seed, without a part of the training rows.
    pub(super) fn teach_without(&self, seed: u64, fold: Option<Fold>) -> Result<TeacherArtefact> {
        let recipe = &self.recipe.recipe;
        let section = &recipe.teacher;
        let base = locate(&section.base, section.revision.as_deref())?;
        let base_hash = teacher_hash(&base)?;
        check_ahead(&self.recipe, self.split(), Some(&Outline::read(&base)?))?;
        if section.epochs == 0 {
            Teacher::load(&base, Head::Own, &self.device)?.expect_labels(&self.split().labels)?;
            return Ok(TeacherArtefact {
                folder: base,
                hash: base_hash,
                test: None,
            });
        }
        let inputs = Inputs::new(Stage::Teach)
            .with("data", &self.data.hash)?
            .with("base", &base_hash)?
            .with("teacher", &recipe.teacher_settings())?
            .with("seed", &seed)?
            .with_some("cut", recipe.data.pairs_cut())?
            .with_some("without", fold)?;
        let stage = StageDir::open(&self.folder, Stage::Teach, inputs, seed)?;
        let folder = stage.file("teacher");
        if self.open(&stage, &self.device_name)? {
            let checkpoints = stage.file(CHECKPOINTS);
            let split = self.split_without(fold)?;
            let taught = teach::teach(
                &split,
                &base,
                section,
                seed,
                &checkpoints,
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
            let report = TeacherReport {
                history: taught.history,
                test,
            };
            write_atomic(&stage.file(REPORT), &serde_json::to_vec_pretty(&report)?)?;
            let files = FILES.map(|name| format!("teacher/{name}"));
            let outputs = [REPORT, &files[0], &files[1], &files[2]];
            stage.finish(&outputs, &self.device_name)?;
            Checkpoints::clear(&checkpoints)?;
            self.progress.note(&format!(
                "teacher: test accuracy {:.4}, macro-F1 {:.4}",
                report.test.accuracy, report.test.macro_f1
            ));
        }
        let report: TeacherReport = read_report(&stage)?;
        Ok(TeacherArtefact {
            hash: teacher_hash(&folder)?,
            folder,
            test: Some(report.test),
        })
    }

    /// The data without a part of the training rows.
    fn split_without(&self, fold: Option<Fold>) -> Result<Cow<'_, Split>> {
        let split = self.split();
        let Some(fold) = fold else {
            return Ok(Cow::Borrowed(split));
        };
        let folds = folds(&split.train, fold.of, self.recipe.recipe.seed)?;
        Ok(Cow::Owned(Split {
            train: without(&split.train, &folds, fold.number)
                .cloned()
                .collect(),
            ..split.clone()
        }))
    }

    /// Scores of a teacher on the test rows.
    fn teacher_scores(&self, folder: &Path) -> Result<Scores> {
        let teacher = Teacher::load(folder, Head::Own, &self.device)?;
        let section = &self.recipe.recipe.teacher;
        let (texts, gold) = columns(&self.split().test);
        let ids = teacher.ids(&texts, section.max_tokens)?;
        let task = self.progress.task("teach: test", "texts", ids.len());
        let frozen = Frozen::new(&teacher)?;
        let logits = frozen.logits(&ids, section.batch, |rows| task.advance(rows))?;
        task.finish();
        Scores::of_logits(&logits, &gold)
    }

    /// The teacher's attributions of texts, cached under the name of their `list`.
    pub(crate) fn explain(
        &self,
        asked: &Asked,
        list: &str,
        texts: &[&str],
    ) -> Result<Vec<Attribution>> {
        let (_stage, mut labeller) = self.labeller(asked, Stage::Explain)?;
        labeller.explain(list, texts, self.progress)
    }

    /// Asks the teacher what the cache of its soft labels or of its attributions does not hold, with that stage's
    /// folder, which is held meanwhile.
    pub(super) fn labeller<'a>(
        &'a self,
        asked: &Asked<'a>,
        stage: Stage,
    ) -> Result<(StageDir, Labeller<'a>)> {
        let recipe = &self.recipe.recipe;
        let (section, most) = (&recipe.label, recipe.teacher.max_tokens);
        let [soft, explained] = self.label_inputs(asked.from)?;
        // Each cache is of what its stage's key names: soft labels know nothing of how texts are explained.
        let (inputs, settings) = if stage == Stage::Label {
            (soft, most.to_string())
        } else {
            let settings = format!("{:?} {} {most}", section.target, section.nodes);
            (explained, settings)
        };
        let stage = StageDir::open(&self.folder, stage, inputs, recipe.seed)?;
        let context = digest(&[asked.from.hash.as_bytes(), settings.as_bytes()]);
        let cache = self.cache(&stage, &context)?;
        let labeller = Labeller::new(cache, asked.frozen, section, asked.words, most);
        Ok((stage, labeller))
    }

    /// A stage's cache of labels; says what of it was lost.
    fn cache(&self, stage: &StageDir, context: &[u8; 32]) -> Result<Cache> {
        let path = stage.file("labels.cache");
        let (cache, recovered) = Cache::open(&path, context)?;
        if let Some(lost) = recovered.lost() {
            self.progress.note(&format!("{}: {lost}", path.display()));
        }
        Ok(cache)
    }

    /// Everything that forms the teacher's batches, for soft labels and for attributions: a label's last
    /// bits depend on the batch it is in.
    pub(super) fn label_inputs(&self, from: &TeacherArtefact) -> Result<[Inputs; 2]> {
        let recipe = &self.recipe.recipe;
        let shared = |stage| {
            Inputs::new(stage)
                .with("teacher", &from.hash)?
                .with("data", &self.data.hash)?
                .with("max_tokens", &recipe.teacher.max_tokens)?
                .with("seed", &recipe.seed)?
                .with_some("cut", recipe.data.pairs_cut())
        };
        let soft = shared(Stage::Label)?
            .with("batch", &recipe.label.batch)?
            .with("transfer", &recipe.transfer)?;
        Ok([
            soft.with_some("unlabeled", self.split().unlabeled_hash())?,
            shared(Stage::Explain)?.with("label", &recipe.label.one_teacher())?,
        ])
    }

    pub(crate) fn load(&self, from: &TeacherArtefact) -> Result<Teacher> {
        let teacher = Teacher::load(&from.folder, Head::Own, &self.device)?;
        teacher.expect_labels(&self.split().labels)?;
        Ok(teacher)
    }
}

/// Hash of a teacher's files.
pub(crate) fn teacher_hash(folder: &Path) -> Result<String> {
    let mut parts = Vec::new();
    for name in FILES {
        parts.push(hash_file(&folder.join(name))?);
    }
    let parts: Vec<&[u8]> = parts.iter().map(String::as_bytes).collect();
    Ok(hex(&digest(&parts)))
}
