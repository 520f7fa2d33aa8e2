//! What a study asks: its items, what each rater sees of them, and the key to who made what.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use rand::RngExt;
use rand::seq::{SliceRandom, index::sample};
use serde::{Deserialize, Serialize};
use stillglass_runtime::Error::NoDecoder;
use stillglass_runtime::Model;
use stillglass_text::pair;

pub use super::assignment::Design;
use super::assignment::assign;
use super::{CONSTRUCTS, POINTS, SCALE};
use crate::artefact::{digest, hex};
use crate::data::{Table, fold};
use crate::predict::{classify, reason};
use crate::training::generator;

/// The format of a plan, and its version.
const FORMAT: &str = "stillglass-study/1";

/// What the study's page shows. It does not say who made an explanation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Plan {
    /// [`FORMAT`].
    pub format: &'static str,
    /// Tells this study from others: a hash of the rest, in hex.
    pub study: String,
    /// What is rated, with the sentence that raters agree with or not.
    pub constructs: Vec<Statement>,
    /// What the ratings mean, from 1.
    pub scale: Vec<&'static str>,
    /// What may be shown, checks of attention among it.
    pub items: Vec<Item>,
    /// Who sees what.
    pub raters: Vec<Seat>,
}

/// A construct as raters see it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Statement {
    /// Its name, which is its column in the ratings.
    pub name: &'static str,
    /// The sentence.
    pub statement: &'static str,
}

/// A text, an answer and an explanation of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Item {
    /// Its name in plan, key and ratings.
    pub id: String,
    /// The text.
    pub text: String,
    /// A second text, such as a hypothesis or a question's choices.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text2: Option<String>,
    /// The answer that is explained.
    pub answer: String,
    /// Why it is the answer.
    pub explanation: Explanation,
    /// In a check of attention, the rating that its explanation asks for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub check: Option<u8>,
}

/// How an answer is explained.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Explanation {
    /// By words of the text that are painted.
    Words(Vec<Painted>),
    /// By a sentence.
    Sentence(String),
}

/// A word of the text.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Painted {
    /// Its first UTF-16 unit.
    pub start: usize,
    /// The first unit after it.
    pub end: usize,
    /// 1 for a word of the second text, whose units these are; not written for the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub half: Option<usize>,
    /// How much it speaks for the answer, −1 to 1; the largest is 1 or −1.
    pub weight: f32,
}

/// What one rater sees.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Seat {
    /// The rater's name in the ratings.
    pub rater: String,
    /// Items, in the order in which they are shown.
    pub items: Vec<String>,
}

/// Which group made which item's explanation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    /// [`Plan::study`].
    pub study: String,
    /// Draws the same study again. Not in the plan, where it would tell which items are of one group.
    pub seed: u64,
    /// Group by item.
    pub groups: BTreeMap<String, String>,
}

/// Who explains.
pub enum Source {
    /// A bundle's model paints the words that speak for an answer.
    Model(Box<Model>),
    /// A bundle's model says why in a sentence; it speaks for its own answers only.
    Reasons(Box<Model>),
    /// A column has sentences.
    Column(String),
}

/// What a study is made of.
pub struct Material<'a> {
    /// File of texts: CSV, TSV or JSONL.
    pub texts: &'a Path,
    /// Column of the text, and perhaps of a second one.
    pub columns: (&'a str, Option<&'a str>),
    /// Column of the answer that is explained; without it models explain their own.
    pub answer: Option<&'a str>,
    /// Those that are compared, by name.
    pub groups: &'a [(String, Source)],
    /// Texts, drawn by seed from those that every group explains; none takes all.
    pub rows: Option<usize>,
    /// Checks of attention for each rater.
    pub checks: usize,
}

/// Plans a study; also how many rows were left out because a column was empty there, their text was there before, or a
/// model that speaks for its own answers has another one.
pub fn plan(material: &Material, design: Design, seed: u64) -> Result<(Plan, Key, usize)> {
    let table = Table::read(material.texts)?;
    let named = || material.texts.display().to_string();
    let columns = Columns::of(&table, material).with_context(named)?;
    let whole = |cells: &&Vec<String>| columns.needed().all(|c| !cells[c].is_empty());
    // A text that is there twice would be met twice.
    let mut met = HashSet::new();
    let fresh = |cells: &&Vec<String>| met.insert(columns.texts(cells).map(fold));
    let rows = table.rows.iter().map(|line| &line.cells);
    let rows: Vec<&Vec<String>> = rows.filter(whole).filter(fresh).collect();
    let mut explained = Vec::with_capacity(rows.len());
    for cells in rows {
        if columns.all_explain(cells, material.groups)? {
            explained.push(cells);
        }
    }
    let rows = explained;
    let left_out = table.rows.len() - rows.len();
    let wanted = material.rows.unwrap_or(rows.len());
    ensure!(
        wanted > 0 && wanted <= rows.len(),
        "{}: {wanted} texts are wanted, {} of {} have all that is needed, a column's cell or a model's reason for that answer; change --rows",
        named(),
        rows.len(),
        table.rows.len()
    );
    let mut chosen = sample(
        &mut generator(seed, "a study's texts", 0),
        rows.len(),
        wanted,
    )
    .into_vec();
    chosen.sort_unstable();
    let mut made = Vec::new();
    for (text, &row) in chosen.iter().enumerate() {
        for (group, (_, source)) in material.groups.iter().enumerate() {
            let item = columns.item(rows[row], source, group)?;
            made.push((text, group, item));
        }
    }
    // Items are named in an order that says nothing of the groups.
    made.shuffle(&mut generator(seed, "a study's items", 0));
    let places: Vec<(usize, usize)> = made
        .iter()
        .map(|(text, group, _)| (*text, *group))
        .collect();
    let seats = assign(&places, design, seed)?;
    let width = made.len().to_string().len();
    let mut groups = BTreeMap::new();
    let mut items = Vec::with_capacity(made.len());
    for (index, (_, group, item)) in made.into_iter().enumerate() {
        let id = format!("item-{:0width$}", index + 1);
        groups.insert(id.clone(), material.groups[group].0.clone());
        items.push(Item { id, ..item });
    }
    let raters = seats.into_iter().enumerate().map(|(rater, seat)| {
        let mut shown: Vec<String> = seat.iter().map(|&item| items[item].id.clone()).collect();
        let mut rng = generator(seed, "checks of attention", rater as u64);
        for check in 0..material.checks {
            // Never the first: nobody knows yet what is asked.
            let place = rng.random_range(1..=shown.len());
            shown.insert(place, check_id(check));
        }
        let rater = format!("rater-{:02}", rater + 1);
        Seat {
            rater,
            items: shown,
        }
    });
    let raters = raters.collect();
    items.extend((0..material.checks).map(check));
    let mut plan = Plan {
        format: FORMAT,
        study: String::new(),
        constructs: CONSTRUCTS
            .map(|(name, statement)| Statement { name, statement })
            .to_vec(),
        scale: SCALE.to_vec(),
        items,
        raters,
    };
    let content = serde_json::to_vec(&plan)?;
    let study = hex(&digest(&[&content]))[..16].to_owned();
    plan.study.clone_from(&study);
    let key = Key {
        study,
        seed,
        groups,
    };
    Ok((plan, key, left_out))
}

/// Where the columns of the texts are.
struct Columns {
    text: usize,
    second: Option<usize>,
    answer: Option<usize>,
    /// Of each group that has one.
    sentences: Vec<Option<usize>>,
}

impl Columns {
    fn of(table: &Table, material: &Material) -> Result<Self> {
        let (text, second) = material.columns;
        let sentence = |(name, source): &(String, Source)| match source {
            Source::Model(_) | Source::Reasons(_) => Ok(None),
            Source::Column(column) => table.need(column, &format!("--column {name}=…")).map(Some),
        };
        let sentences: Vec<Option<usize>> = material
            .groups
            .iter()
            .map(sentence)
            .collect::<Result<_>>()?;
        let answered = sentences.iter().any(Option::is_some);
        ensure!(
            !answered || material.answer.is_some(),
            "sentences explain an answer; name its column with --answer"
        );
        for (name, source) in material.groups {
            let (Source::Model(model) | Source::Reasons(model)) = source else {
                continue;
            };
            ensure!(
                !model.manifest().choices,
                "{name}: its bundle chooses among answers, which a study does not show; put its reasons into a column"
            );
            ensure!(
                model.reads_pairs() == second.is_some(),
                "{name}: its bundle reads {}",
                if model.reads_pairs() {
                    "pairs of texts; name the column of the second one with --text2-column"
                } else {
                    "single texts; leave --text2-column out"
                }
            );
            ensure!(
                matches!(source, Source::Model(_)) || model.gives_reasons(),
                "--reasons {name}=…: {NoDecoder}"
            );
        }
        let second = second.map(|name| table.need(name, "--text2-column"));
        let answer = material.answer.map(|name| table.need(name, "--answer"));
        Ok(Self {
            text: table.need(text, "--text-column")?,
            second: second.transpose()?,
            answer: answer.transpose()?,
            sentences,
        })
    }

    fn needed(&self) -> impl Iterator<Item = usize> {
        let all = [Some(self.text), self.second, self.answer];
        all.into_iter().chain(self.sentences.clone()).flatten()
    }

    /// The text, and the second one if there is one.
    fn texts<'c>(&self, cells: &'c [String]) -> [&'c str; 2] {
        let second = self.second.map_or("", |column| cells[column].as_str());
        [cells[self.text].as_str(), second]
    }

    /// A row's text as a model reads it.
    fn read(&self, cells: &[String]) -> String {
        match self.texts(cells) {
            [text, second] if self.second.is_some() => pair(text, second),
            [text, _] => text.to_owned(),
        }
    }

    /// Whether every group can explain a row's answer: who says why speaks for its own answer.
    fn all_explain(&self, cells: &[String], groups: &[(String, Source)]) -> Result<bool> {
        let given = self.answer.map(|column| &cells[column]);
        for (_, source) in groups {
            let Source::Reasons(model) = source else {
                continue;
            };
            let (answer, Explanation::Sentence(sentence)) = spoken(model, &self.read(cells))?
            else {
                continue;
            };
            if let Some(given) = given {
                label_of(model, given)?;
            }
            if given.is_some_and(|given| *given != answer) || sentence.is_empty() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// A row as a group explains it; its id is still to be given.
    fn item(&self, cells: &[String], source: &Source, group: usize) -> Result<Item> {
        let text = cells[self.text].clone();
        let given = self.answer.map(|column| cells[column].clone());
        let (answer, explanation) = match (source, self.sentences[group]) {
            (Source::Model(model), _) => painted(model, &self.read(cells), given.as_ref())?,
            (Source::Reasons(model), _) => spoken(model, &self.read(cells))?,
            (Source::Column(_), sentence) => {
                let sentence = sentence.map_or_else(String::new, |column| cells[column].clone());
                (given.unwrap_or_default(), Explanation::Sentence(sentence))
            }
        };
        Ok(Item {
            id: String::new(),
            text,
            text2: self.second.map(|column| cells[column].clone()),
            answer,
            explanation,
            check: None,
        })
    }
}

/// The given answer, or the model's own, and what each word gave to it.
fn painted(model: &Model, text: &str, given: Option<&String>) -> Result<(String, Explanation)> {
    let answer = classify(model, text, Some(model.methods()[0]))?;
    let labels = &model.manifest().labels;
    let class = match given {
        None => answer.label,
        Some(given) => label_of(model, given)?,
    };
    let label = labels[class].clone();
    let explanation = answer
        .explanation
        .context("a model that was asked why said nothing")?;
    let words = explanation.centred().words;
    let largest = words.iter().map(|word| word.weights[class].abs());
    let largest = largest.fold(f32::MIN_POSITIVE, f32::max);
    let painted = words.iter().map(|word| Painted {
        start: word.utf16.start,
        end: word.utf16.end,
        half: (word.half > 0).then_some(word.half),
        weight: word.weights[class] / largest,
    });
    Ok((label, Explanation::Words(painted.collect())))
}

/// The class that a given answer is.
fn label_of(model: &Model, given: &str) -> Result<usize> {
    let labels = &model.manifest().labels;
    let class = labels.iter().position(|label| label == given);
    class.with_context(|| {
        format!(
            "--answer: {given:?} is no label of a bundle, whose are {}",
            labels.join(", ")
        )
    })
}

/// The model's answer, and why it says that it gives it.
fn spoken(model: &Model, text: &str) -> Result<(String, Explanation)> {
    let label = classify(model, text, None)?.label;
    let sentence = reason(model, text, Some(1))?.unwrap_or_default();
    Ok((
        model.manifest().labels[label].clone(),
        Explanation::Sentence(sentence),
    ))
}

fn check_id(index: usize) -> String {
    format!("check-{}", index + 1)
}

/// A check of attention: whoever reads the explanation knows what to choose.
fn check(index: usize) -> Item {
    // 2, 4, 1, 5: never the middle, where fingers rest.
    let asked = [2, 4, 1, POINTS][index % 4];
    let meaning = SCALE[usize::from(asked) - 1];
    Item {
        id: check_id(index),
        text: "The shop on the corner opens at nine and closes when the last guest has gone."
            .into(),
        text2: None,
        answer: "neutral".into(),
        explanation: Explanation::Sentence(format!(
            "This one is here to see that explanations are read: please choose “{meaning}” for every sentence below."
        )),
        check: Some(asked),
    }
}
