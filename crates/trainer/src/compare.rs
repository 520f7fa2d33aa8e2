//! Every method beside the others on one task: the table of arms and seeds, and the report of it.
//!
//! A run of an arm is an artefact like any other stage's, keyed by what decides its figures; so the table can be
//! filled in pieces, by several processes and on several machines ([`Comparison::merge`]).

mod arms;
mod cell;
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
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

pub use arms::{Arm, Cell, Choice, Work, arms, cells, names, shard};
pub use cell::{Figures, Finished, Outcome};
pub use environment::Environment;
pub(crate) use svm::Svm;
pub use table::{Row, Table};

use stillglass_bundle::{Bundle, Card};
use stillglass_runtime::Model;

use self::cell::{SHOWN, Shown};
use self::reader::{Reader, Words};
use crate::artefact::{MANIFEST, Stage, StageDir, is_finished, write_atomic};
use crate::data::Split;
use crate::faithfulness;
use crate::flow::{
    Asked, Labels, Run, StudentArtefact, TeacherArtefact, check_ahead, columns, teacher_hash,
};
use crate::quantize::Outline;
use crate::recipe::{Loaded, Target};
use crate::teacher::{Frozen, locate};
use crate::training::generator;

/// Where the table and its report lie in the run's folder.
pub const FOLDER: &str = "compare";

/// A comparison under way.
pub struct Comparison<'a> {
    run: Run<'a>,
    /// The recipe as it was given.
    base: Loaded,
    arms: Vec<Arm>,
    /// The recipe of each student's arm, by its name.
    recipes: BTreeMap<String, Loaded>,
    /// Of the teacher's base.
    base_hash: String,
    /// Its rows and words, once a run needed them.
    reference: Option<Reference>,
}

/// The teacher that all are compared with, and on which test rows.
struct Reference {
    /// Its hash.
    teacher: String,
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
    /// Begins the comparison of a run's recipe; an error where an arm's recipe is none. `load` reads the recipe anew
    /// with keys changed.
    pub fn new(run: Run<'a>, load: &dyn Fn(&[String]) -> Result<Loaded>) -> Result<Self> {
        let base = run.recipe.clone();
        let section = &base.recipe.teacher;
        let folder = locate(&section.base, section.revision.as_deref())?;
        let arms = arms(&base.recipe)?;
        let recipes = recipes(&arms, load)?;
        let split = &run.data.split;
        let outline = Outline::read(&folder)?;
        check_ahead(&base, split, Some(&outline))?;
        check_arms(&recipes, split, Some(&outline))?;
        Ok(Self {
            base_hash: teacher_hash(&folder)?,
            base,
            run,
            arms,
            recipes,
            reference: None,
        })
    }

    /// The recipe of a student's arm.
    fn recipe(&self, arm: &Arm) -> Result<&Loaded> {
        let recipe = self.recipes.get(&arm.name);
        recipe.with_context(|| format!("the arm {} makes no student", arm.name))
    }

    /// Does the chosen runs that have not been done, then writes the table and the report of all that have.
    pub fn run(&mut self, choice: &Choice) -> Result<Table> {
        let arms = self.arms.clone();
        let all = cells(&arms, self.base.recipe.seed);
        let chosen = choice.of(&all, &arms)?;
        let mut failed = None;
        for (done, cell) in chosen.iter().enumerate() {
            // What has been done is worth a table.
            if let Err(error) = self.compute(*cell) {
                failed = Some(error);
                break;
            }
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
        failed.map_or(Ok(table), Err)
    }

    /// Takes the finished runs of this table that lie in `from`, the same recipe's run folder of another machine, where
    /// they are not here whole already; how many. A copy that is not whole is found, and done again, where it is
    /// read.
    pub fn merge(&self, from: &Path) -> Result<usize> {
        let named = || format!("--merge {}", from.display());
        ensure!(from.is_dir(), "{}: this is no folder", named());
        let (mut taken, mut seen) = (0, 0);
        for cell in cells(&self.arms, self.base.recipe.seed) {
            let name = StageDir::name(Stage::Compare, &self.inputs(cell)?);
            let (source, target) = (from.join(&name), self.run.folder.join(&name));
            if !is_finished(&source)? {
                continue;
            }
            seen += 1;
            if is_finished(&target)? {
                continue;
            }
            fs::create_dir_all(&target).with_context(|| target.display().to_string())?;
            // The manifest comes last: with it the folder is finished.
            let mut files: Vec<_> = fs::read_dir(&source)?.collect::<Result<_, _>>()?;
            files.sort_by_key(|file| file.file_name() == MANIFEST);
            for file in files.iter().filter(|file| file.file_name() != "lock") {
                let (path, copy) = (file.path(), target.join(file.file_name()));
                let bytes = fs::read(&path).with_context(|| path.display().to_string())?;
                write_atomic(&copy, &bytes)?;
            }
            taken += 1;
        }
        ensure!(
            seen > 0,
            "{}: no run of this table is finished there; name the run folder of the same recipe and data, such as \
             runs/{}",
            named(),
            self.base.recipe.name
        );
        Ok(taken)
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
        // One quantity in every model: what the runtime explains is logits.
        self.run.recipe.recipe.label.target = Target::Logit;
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
        let all = || (0..texts.len()).collect::<Vec<usize>>();
        let rows = choose("compared words", all(), section.explained);
        let short = |row: &usize| {
            let words = tokenizer.words(texts[*row]).len();
            (2..=faithfulness::LONGEST).contains(&words)
        };
        let short = all().into_iter().filter(short).collect();
        let tried = choose("words taken out", short, section.faithfulness);
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
        // Other texts are in other batches, which decide the last bits.
        let list = format!("{} test texts explained", chosen.len());
        let found = self.run.explain(&asked, &list, &chosen)?;
        let words = chosen.iter().zip(&found).map(|(text, attribution)| {
            let words = tokenizer.words(text).into_iter().map(|word| word.bytes);
            Words::of_teacher(words, attribution)
        });
        self.run.recipe = self.base.clone();
        self.reference = Some(Reference {
            teacher: from.hash.clone(),
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

/// The recipes of the arms that make students, by their names; errors where one is none.
pub fn check(
    recipe: &Loaded,
    load: &dyn Fn(&[String]) -> Result<Loaded>,
) -> Result<BTreeMap<String, Loaded>> {
    recipes(&arms(&recipe.recipe)?, load)
}

/// [`check_ahead`] of every arm, whose errors name it.
pub(crate) fn check_arms(
    arms: &BTreeMap<String, Loaded>,
    split: &Split,
    base: Option<&Outline>,
) -> Result<()> {
    for (name, arm) in arms {
        check_ahead(arm, split, base).with_context(|| within(name))?;
    }
    Ok(())
}

/// Where in the recipe a fault of an arm is.
fn within(name: &str) -> String {
    format!("compare: arm `{name}`")
}

/// The recipe of each student's arm, by its name.
fn recipes(
    arms: &[Arm],
    load: &dyn Fn(&[String]) -> Result<Loaded>,
) -> Result<BTreeMap<String, Loaded>> {
    let mut recipes = BTreeMap::new();
    for arm in arms {
        if let Work::Student(sets) = &arm.work {
            let recipe = load(sets).with_context(|| within(&arm.name))?;
            recipes.insert(arm.name.clone(), recipe);
        }
    }
    Ok(recipes)
}

/// The report of one run, as a page: its students, quantized, beside its teacher, with the words of some validation
/// texts.
pub fn report(
    run: &Run,
    teacher: &TeacherArtefact,
    labels: &Labels,
    students: &[StudentArtefact],
) -> Result<String> {
    let split = &run.data.split;
    let mut explained: Vec<usize> = labels.validation_explained.keys().copied().collect();
    explained.sort_unstable();
    explained.truncate(SHOWN);
    let mut all = Vec::new();
    for student in students {
        let model = Model::new(Bundle::read(&run.bundle(
            teacher,
            student,
            Card::default(),
        )?)?)?;
        // Both cut a text into the same words.
        let of_teacher = explained.iter().map(|row| {
            let words = model.tokenizer().words(&split.validation[*row].text);
            let words = words.into_iter().map(|word| word.bytes);
            Words::of_teacher(words, &labels.validation_explained[row])
        });
        let of_teacher: Vec<Words> = of_teacher.collect();
        let reader = Reader::Bundle(Box::new(model));
        let mut figures = Figures::of_reader(split, &reader)?;
        let texts = explained
            .iter()
            .map(|&row| split.validation[row].text.as_str());
        let own = reader.explain(&texts.collect::<Vec<&str>>())?;
        figures.shown = explained
            .iter()
            .zip(of_teacher.iter().zip(&own))
            .map(|(&row, (teacher, own))| Shown::new(row, teacher, own))
            .collect();
        figures.history.clone_from(&student.report.history);
        figures.mixture = student.report.mixture.clone();
        all.push(figures);
    }
    report::of_run(&run.recipe, &run.data, teacher.test.as_ref(), &all)
}
