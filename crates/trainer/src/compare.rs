//! Every method beside the others on one task: the table of arms and seeds, and the report of it.
//!
//! A run of an arm is an artefact like any other stage's, keyed by what decides its figures; so the table can be
//! filled in pieces, by several processes and on several machines ([`merge`]).

mod arms;
mod cell;
mod charts;
mod environment;
mod gap;
mod latency;
mod pruning;
mod reader;
mod report;
mod svm;
mod table;

use anyhow::{Context, Result, ensure};
use rand::seq::index::sample;
use std::fs;
use std::path::Path;

pub use arms::{Arm, Cell, Choice, Work, arms, cells, names, shard};
pub use cell::{Figures, Finished, Outcome};
pub use environment::Environment;
pub use table::{Row, Table};

use stillglass_bundle::{Bundle, Card};
use stillglass_runtime::Model;

use self::cell::{SHOWN, Shown};
use self::reader::{Reader, Words};
use crate::artefact::{Stage, write_atomic};
use crate::data::Example;
use crate::flow::{Asked, Labels, Run, StudentArtefact, columns, teacher_hash};
use crate::metrics::Scores;
use crate::recipe::Loaded;
use crate::teacher::{Frozen, locate};
use crate::training::generator;

/// Where the table and its report lie in the run's folder.
const FOLDER: &str = "compare";

/// Reads the recipe anew with keys changed.
pub type Load<'a> = dyn Fn(&[String]) -> Result<Loaded> + 'a;

/// A comparison under way.
pub struct Comparison<'a> {
    run: Run<'a>,
    /// The recipe as it was given.
    base: Loaded,
    load: &'a Load<'a>,
    /// Of the teacher's base.
    base_hash: String,
    /// Its rows and words, once a run needed them.
    reference: Option<Reference>,
}

/// The teacher that all are compared with, and on which test rows.
struct Reference {
    /// Test rows that are explained.
    rows: Vec<usize>,
    /// The teacher's words of these.
    words: Vec<Words>,
    /// Test rows whose words are taken out.
    tried: Vec<usize>,
    /// Test rows in which people named words.
    named: Vec<usize>,
}

impl<'a> Comparison<'a> {
    /// Begins the comparison of a run's recipe.
    pub fn new(run: Run<'a>, load: &'a Load<'a>) -> Result<Self> {
        let base = run.recipe.clone();
        let section = &base.recipe.teacher;
        let folder = locate(&section.base, section.revision.as_deref())?;
        Ok(Self {
            base_hash: teacher_hash(&folder)?,
            base,
            run,
            load,
            reference: None,
        })
    }

    /// Errors where an arm's recipe is none, or the choice is of no arm: before hours of work.
    fn check(&self, arms: &[Arm]) -> Result<()> {
        for arm in arms {
            if let Work::Student(sets) = &arm.work {
                (self.load)(sets).with_context(|| format!("compare: arm `{}`", arm.name))?;
            }
        }
        Ok(())
    }

    /// Does the chosen runs that have not been done, then writes the table and the report of all that have.
    pub fn run(&mut self, choice: &Choice) -> Result<Table> {
        let arms = arms(&self.base.recipe)?;
        self.check(&arms)?;
        let all = cells(&arms, self.base.recipe.seed);
        let chosen = choice.of(&all, &arms)?;
        for (done, cell) in chosen.iter().enumerate() {
            self.compute(*cell)?;
            self.run.progress.note(&format!(
                "compare: {} of {} runs of this process done",
                done + 1,
                chosen.len()
            ));
        }
        let mut found = Vec::new();
        for cell in &all {
            found.push((*cell, self.finished(*cell)?));
        }
        let times = latency::measure(&found, &self.run.data.split, self.run.progress)?;
        let table = Table::new(&self.base, &self.run.data, &arms, &found, &times);
        self.write(&table, &found)?;
        Ok(table)
    }

    fn write(&mut self, table: &Table, found: &[(Cell, Option<Finished>)]) -> Result<()> {
        let folder = self.run.folder.join(FOLDER);
        fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
        let report = report::html(table, &self.base, &self.run.data, found)?;
        for (name, text) in [
            ("compare.json", serde_json::to_string_pretty(table)?),
            ("compare.csv", table.csv()?),
            ("compare.md", table.markdown()),
            ("report.html", report),
        ] {
            write_atomic(&folder.join(name), text.as_bytes())?;
        }
        let path = folder.join("report.html");
        self.run.progress.note(&path.display().to_string());
        Ok(())
    }

    /// Lets the recipe's teacher explain the test rows, unless it has.
    fn reference(&mut self) -> Result<()> {
        if self.reference.is_some() {
            return Ok(());
        }
        self.run.recipe = self.base.clone();
        let recipe = &self.base.recipe;
        let from = self.run.teach()?;
        let teacher = self.run.load(&from)?;
        let frozen = Frozen::new(&teacher)?;
        let tokenizer = self.run.whole_vocabulary(&teacher)?.tokenizer()?;
        let test = &self.run.data.split.test;
        let (texts, _) = columns(test);
        let choose = |purpose: &str, from: Vec<usize>, wanted: usize| -> Vec<usize> {
            let mut rng = generator(recipe.seed, purpose, 0);
            let chosen = sample(&mut rng, from.len(), wanted.min(from.len()));
            let mut rows: Vec<usize> = chosen.into_iter().map(|place| from[place]).collect();
            rows.sort_unstable();
            rows
        };
        let section = &recipe.compare;
        let all = || (0..texts.len()).collect();
        let rows = choose("compared words", all(), section.explained);
        let tried = choose("words taken out", all(), section.faithfulness);
        let asked = |row: &usize| test[*row].rationale.is_some();
        let named = choose(
            "named words",
            (0..texts.len()).filter(asked).collect(),
            section.explained,
        );
        let chosen: Vec<&str> = rows.iter().map(|&row| texts[row]).collect();
        let asked = Asked {
            from: &from,
            frozen: &frozen,
            words: &tokenizer,
        };
        let found = self.run.explain(&asked, "test texts explained", &chosen)?;
        let words = chosen.iter().zip(&found).map(|(text, attribution)| {
            let words = tokenizer.words(text).into_iter().map(|word| word.bytes);
            let read = attribution.words.first().map_or(0, Vec::len);
            Words::of_teacher(words.take(read).collect(), attribution)
        });
        self.reference = Some(Reference {
            words: words.collect(),
            rows,
            tried,
            named,
        });
        Ok(())
    }

    fn known_reference(&self) -> Result<&Reference> {
        self.reference
            .as_ref()
            .context("the teacher has explained no test row")
    }
}

/// The report of one run, as a page: its students, quantized, beside its teacher, with the words of some validation
/// texts.
pub fn report(
    run: &Run,
    teacher: Option<&Scores>,
    labels: &Labels,
    students: &[StudentArtefact],
) -> Result<String> {
    let split = &run.data.split;
    let mut explained: Vec<usize> = labels.validation_explained.keys().copied().collect();
    explained.sort_unstable();
    explained.truncate(SHOWN);
    let mut all = Vec::new();
    for student in students {
        let model = Model::new(Bundle::read(&run.bundle(student, Card::default())?)?)?;
        let reader = Reader::Bundle(Box::new(model));
        let answers = |examples: &[Example]| reader.probabilities(&columns(examples).0);
        let (validation, test) = (answers(&split.validation)?, answers(&split.test)?);
        let mut figures = Figures::of_answers(split, &validation, &test)?;
        let texts = explained
            .iter()
            .map(|&row| split.validation[row].text.as_str());
        let own = reader.explain(&texts.collect::<Vec<&str>>())?;
        // Both cut a text into the same words.
        figures.shown = explained
            .iter()
            .zip(&own)
            .map(|(&row, own)| {
                let attribution = &labels.validation_explained[&row];
                Shown::new(row, &Words::of_teacher(own.bytes.clone(), attribution), own)
            })
            .collect();
        figures.history.clone_from(&student.report.history);
        figures.mixture = student.report.mixture.clone();
        all.push(figures);
    }
    report::of_run(&run.recipe, &run.data, teacher, &all)
}

/// Takes the finished runs that another process left in `from`, a run's folder, into `to`, where they are not there
/// already; how many. What was not copied whole is found, and done again, where it is read.
pub fn merge(from: &Path, to: &Path) -> Result<usize> {
    ensure!(
        from.is_dir(),
        "--merge {}: this is no folder",
        from.display()
    );
    let mut taken = 0;
    for entry in fs::read_dir(from).with_context(|| from.display().to_string())? {
        let source = entry?.path();
        let name = source
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let target = to.join(&name);
        let ours = name.starts_with(&format!("{}-", Stage::Compare.name()));
        let manifest = "manifest.json";
        if !ours || !source.join(manifest).is_file() || target.join(manifest).exists() {
            continue;
        }
        fs::create_dir_all(&target).with_context(|| target.display().to_string())?;
        // The manifest comes last: with it the folder is finished.
        let mut files: Vec<_> = fs::read_dir(&source)?.collect::<Result<_, _>>()?;
        files.sort_by_key(|file| file.file_name() == manifest);
        for file in files.iter().filter(|file| file.file_name() != "lock") {
            let (path, copy) = (file.path(), target.join(file.file_name()));
            let bytes = fs::read(&path).with_context(|| path.display().to_string())?;
            write_atomic(&copy, &bytes)?;
        }
        taken += 1;
    }
    Ok(taken)
}
