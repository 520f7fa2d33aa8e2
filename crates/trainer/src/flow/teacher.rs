//! The stages that the teacher does: `teach` and `label`.

use anyhow::{Context, Result};
use rand::seq::index::sample;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::{CHECKPOINTS, REPORT, Run, columns, read_report};
use crate::artefact::{Cache, Inputs, Stage, StageDir, digest, hash_file, hex, write_atomic};
use crate::attribution::{Attribution, mean};
use crate::checkpoint::Checkpoints;
use crate::label::Labeller;
use crate::metrics::Scores;
use crate::teach;
use crate::teacher::{FILES, Frozen, Head, Teacher, locate};
use crate::training::generator;
use crate::transfer::variants;
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

/// What the teacher says of the data.
pub struct Labels {
    /// Soft labels of the training rows.
    pub train: Vec<Vec<f32>>,
    /// Attributions of the training rows that were explained.
    pub explained: HashMap<usize, Attribution>,
    /// Soft labels of the validation rows.
    pub validation: Vec<Vec<f32>>,
    /// Attributions of the validation rows that were explained.
    pub validation_explained: HashMap<usize, Attribution>,
    /// Variants of the training rows, and what has no label.
    pub transfer: Vec<Borrowed>,
    /// Hashes of the teachers that were asked beside the first.
    pub others: Vec<String>,
}

/// A text of the transfer set.
pub struct Borrowed {
    /// The text, words masked as the teacher's tokenizer names it.
    pub text: String,
    /// The row that it was made from: of the training rows, then of those without labels.
    pub source: usize,
    /// What the teacher says of it.
    pub logits: Vec<f32>,
}

impl Labels {
    /// The mean of what teachers say of the same texts. None of none.
    fn mean(mut all: Vec<Self>) -> Option<Self> {
        if all.len() < 2 {
            return all.pop();
        }
        let first = all.first()?;
        let rows = |of: fn(&Self) -> &[Vec<f32>]| -> Vec<Vec<f32>> {
            let row = |row: usize| mean(all.iter().map(|labels| of(labels)[row].as_slice()));
            (0..of(first).len()).map(row).collect()
        };
        let explained = |of: fn(&Self) -> &HashMap<usize, Attribution>| {
            let row = |row: &usize| {
                let said: Vec<&Attribution> = all
                    .iter()
                    .filter_map(|labels| of(labels).get(row))
                    .collect();
                Some((*row, Attribution::mean(&said)?))
            };
            of(first).keys().filter_map(row).collect()
        };
        let transfer = first.transfer.iter().enumerate();
        let transfer = transfer.map(|(row, text)| Borrowed {
            text: text.text.clone(),
            source: text.source,
            logits: mean(
                all.iter()
                    .map(|labels| labels.transfer[row].logits.as_slice()),
            ),
        });
        Some(Self {
            train: rows(|labels| &labels.train),
            explained: explained(|labels| &labels.explained),
            validation: rows(|labels| &labels.validation),
            validation_explained: explained(|labels| &labels.validation_explained),
            transfer: transfer.collect(),
            others: all
                .iter()
                .flat_map(|labels| labels.others.clone())
                .collect(),
        })
    }

    /// How far the attributions are from complete, in words: whether `label.nodes` is enough.
    fn completeness(&self) -> String {
        let all = self.explained.values();
        let all = all.chain(self.validation_explained.values());
        let largest = all.map(|a| a.completeness_error.iter().copied().fold(0.0, f32::max));
        let mut errors: Vec<f32> = largest.collect();
        errors.sort_by(f32::total_cmp);
        let quantile = |share: f64| {
            let index = (share * errors.len() as f64) as usize;
            errors.get(index).map_or(0.0, |error| 100.0 * error)
        };
        format!(
            "label: {} texts explained; completeness error: median {:.1} %, 95th percentile {:.1} %",
            errors.len(),
            quantile(0.5),
            quantile(0.95)
        )
    }
}

impl Run<'_> {
    /// Fine-tunes the recipe's base, or takes it as it is where `teacher.epochs` is 0.
    pub fn teach(&self) -> Result<TeacherArtefact> {
        self.teach_from(self.recipe.recipe.seed)
    }

    /// [`Run::teach`] from another seed.
    pub(crate) fn teach_from(&self, seed: u64) -> Result<TeacherArtefact> {
        let recipe = &self.recipe.recipe;
        let section = &recipe.teacher;
        let base = locate(&section.base, section.revision.as_deref())?;
        let base_hash = teacher_hash(&base)?;
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
            .with("seed", &seed)?;
        let stage = StageDir::open(&self.folder, Stage::Teach, inputs, seed)?;
        let folder = stage.file("teacher");
        if self.open(&stage, &self.device_name)? {
            let checkpoints = stage.file(CHECKPOINTS);
            let taught = teach::teach(
                self.split(),
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
        let frozen = Frozen::new(&teacher)?;
        let logits = frozen.logits(&ids, section.batch, |rows| task.advance(rows))?;
        task.finish();
        Scores::of_logits(&logits, &gold)
    }

    /// What the recipe's objective reads of its teachers: soft labels of every training and validation
    /// row and of the transfer set, attributions of the chosen rows, `first` being the first teacher. Everything is
    /// cached; a killed run goes on where it was.
    pub fn label(&self, first: &TeacherArtefact) -> Result<Labels> {
        let recipe = &self.recipe.recipe;
        let mut all = vec![self.labels_of(first)?];
        // Who learns from gold labels hears one teacher only to be compared with it.
        let teachers = if recipe.distill.objective.asks_the_teacher() {
            recipe.label.teachers
        } else {
            1
        };
        for more in 1..teachers {
            self.progress
                .note(&format!("teacher {} of {teachers}", more + 1));
            let other = self.teach_from(recipe.seed + more as u64)?;
            let mut labels = self.labels_of(&other)?;
            labels.others.push(other.hash);
            all.push(labels);
        }
        Labels::mean(all).context("label: there is no teacher")
    }

    fn labels_of(&self, from: &TeacherArtefact) -> Result<Labels> {
        let recipe = &self.recipe.recipe;
        let teacher = self.load(from)?;
        let words = self.whole_vocabulary(&teacher)?.tokenizer()?;
        let frozen = Frozen::new(&teacher)?;
        let asked = Asked {
            from,
            frozen: &frozen,
            words: &words,
        };
        let (_soft, mut soft) = self.labeller(&asked, Stage::Label)?;
        let (_explained, mut explainer) = self.labeller(&asked, Stage::Explain)?;

        let (train, _) = columns(&self.split().train);
        let (validation, _) = columns(&self.split().validation);
        let objective = recipe.distill.objective;
        let transfer = if recipe.distill.transfer {
            self.transfer_texts(teacher.tokenizer.mask_word())
        } else {
            Vec::new()
        };
        let borrowed: Vec<&str> = transfer.iter().map(|(_, text)| text.as_str()).collect();
        let transfer_logits = if objective.asks_the_teacher() {
            soft.logits("transfer set", &borrowed, self.progress)?
        } else {
            // Nobody reads them.
            vec![vec![0.0; self.split().labels.len()]; borrowed.len()]
        };
        let transfer = transfer.into_iter().zip(transfer_logits);
        let mut explain = |name: &str, texts: &[&str]| -> Result<HashMap<usize, Attribution>> {
            let chosen = self.explained_rows(texts.len());
            let texts: Vec<&str> = chosen.iter().map(|&row| texts[row]).collect();
            let explained = explainer.explain(name, &texts, self.progress)?;
            Ok(chosen.into_iter().zip(explained).collect())
        };
        let labels = Labels {
            train: soft.logits("training texts", &train, self.progress)?,
            explained: if objective.reads_explanations() {
                explain("training texts explained", &train)?
            } else {
                HashMap::new()
            },
            validation: soft.logits("validation texts", &validation, self.progress)?,
            validation_explained: explain("validation texts explained", &validation)?,
            transfer: transfer
                .map(|((source, text), logits)| Borrowed {
                    text,
                    source,
                    logits,
                })
                .collect(),
            others: Vec::new(),
        };
        self.progress.note(&labels.completeness());
        Ok(labels)
    }

    /// Variants of the texts that students read, and those without labels themselves; each with its source.
    fn transfer_texts(&self, mask: &str) -> Vec<(usize, String)> {
        let recipe = &self.recipe.recipe;
        let texts = self.read_by_students();
        let made = variants(&texts, &recipe.transfer, mask, recipe.seed);
        let made = made.into_iter().enumerate();
        let unlabeled = texts.iter().enumerate().skip(self.split().train.len());
        made.map(|(index, text)| (index / recipe.transfer.variants, text))
            .chain(unlabeled.map(|(source, text)| (source, (*text).to_owned())))
            .collect()
    }

    /// The training texts and, where the student learns from them, those without labels.
    pub(super) fn read_by_students(&self) -> Vec<&str> {
        let (split, distill) = (self.split(), &self.recipe.recipe.distill);
        let read = distill.transfer && distill.objective.asks_the_teacher();
        let unlabeled = split.unlabeled.iter().filter(|_| read);
        let train = split.train.iter().map(|example| example.text.as_str());
        train
            .chain(unlabeled.map(|row| row.text.as_str()))
            .collect()
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
    fn labeller<'a>(&'a self, asked: &Asked<'a>, stage: Stage) -> Result<(StageDir, Labeller<'a>)> {
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
                .with("seed", &recipe.seed)
        };
        let soft = shared(Stage::Label)?
            .with("batch", &recipe.label.batch)?
            .with("transfer", &recipe.transfer)?;
        Ok([
            soft.with_some("unlabeled", self.split().unlabeled_hash())?,
            shared(Stage::Explain)?.with("label", &recipe.label.one_teacher())?,
        ])
    }

    /// Rows of a split that are explained, in order.
    fn explained_rows(&self, rows: usize) -> Vec<usize> {
        let wanted = self.recipe.recipe.label.rows;
        if wanted == 0 || wanted >= rows {
            return (0..rows).collect();
        }
        let mut rng = generator(self.recipe.recipe.seed, "explained rows", 0);
        let mut chosen = sample(&mut rng, rows, wanted).into_vec();
        chosen.sort_unstable();
        chosen
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_of_labels_is_that_of_every_text() {
        let said = |value: f32, other: &[&str]| {
            let attribution = Attribution {
                logits: vec![value, -value],
                words: vec![vec![value, 0.0], vec![-value, 0.0]],
                remainder: vec![0.0; 2],
                completeness_error: vec![0.0; 2],
            };
            Labels {
                train: vec![vec![value, -value], vec![0.0, value]],
                explained: [(1, attribution.clone())].into(),
                validation: vec![vec![value, value]],
                validation_explained: [(0, attribution)].into(),
                transfer: vec![Borrowed {
                    text: "it rose".into(),
                    source: 1,
                    logits: vec![value, 1.0],
                }],
                others: other.iter().map(ToString::to_string).collect(),
            }
        };
        let found =
            Labels::mean(vec![said(1.0, &[]), said(3.0, &["b"]), said(5.0, &["c"])]).unwrap();
        let want = said(3.0, &["b", "c"]);
        assert_eq!(
            (found.train, found.validation),
            (want.train, want.validation)
        );
        assert_eq!(found.explained, want.explained);
        assert_eq!(found.validation_explained, want.validation_explained);
        assert_eq!(found.others, want.others);
        let [borrowed, wanted] = [&found.transfer[0], &want.transfer[0]];
        assert_eq!(
            (&borrowed.text, borrowed.source),
            (&wanted.text, wanted.source)
        );
        assert_eq!(borrowed.logits, wanted.logits);
        assert!(Labels::mean(Vec::new()).is_none());
    }
}
