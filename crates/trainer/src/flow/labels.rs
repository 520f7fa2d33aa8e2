//! What students learn from: what teachers say of the data, and which teacher is asked of what.

use std::collections::{BTreeSet, HashMap};

use anyhow::{Context, Result, ensure};
use rand::seq::SliceRandom;
use rand::seq::index::sample;
use serde::Serialize;
use stillglass_text::halves;

use super::{Asked, Run, TeacherArtefact, columns};
use crate::artefact::Stage;
use crate::attribution::{Attribution, mean};
use crate::data::{Example, Split, fold};
use crate::metrics::confidence;
use crate::recipe::{LabelSection, Recipe};
use crate::teacher::{Frozen, Teacher};
use crate::training::generator;
use crate::transfer::{Alike, variants};

/// What the teacher says of the data; of a text that it is not asked of, nothing: no logits and no attribution.
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
    /// Hashes of the teachers that were asked beside the first, or, of folds, of all that were.
    pub others: Vec<String>,
}

/// A text of the transfer set.
#[derive(Clone)]
pub struct Borrowed {
    /// The text, words masked as the teacher's tokenizer names it.
    pub text: String,
    /// The row that it was made from: of the training rows, then of those without labels.
    pub source: usize,
    /// Its number among the variants of that row; none for a text without a label itself.
    pub variant: Option<usize>,
    /// What the teacher says of it.
    pub logits: Vec<f32>,
}

impl Labels {
    /// The mean, for each text, of what the teachers say that were asked of it. None of none.
    fn mean(mut all: Vec<Self>) -> Option<Self> {
        if all.len() < 2 {
            return all.pop();
        }
        let first = all.first()?;
        let said = |of: &dyn Fn(&Self) -> &[f32]| {
            let said = all.iter().map(of).filter(|logits| !logits.is_empty());
            mean(said)
        };
        let rows = |of: fn(&Self) -> &[Vec<f32>]| -> Vec<Vec<f32>> {
            (0..of(first).len())
                .map(|row| said(&|labels| &of(labels)[row]))
                .collect()
        };
        let explained = |of: fn(&Self) -> &HashMap<usize, Attribution>| {
            let row = |row: &usize| {
                let said: Vec<&Attribution> = all
                    .iter()
                    .filter_map(|labels| of(labels).get(row))
                    .collect();
                Some((*row, Attribution::mean(&said)?))
            };
            let rows: BTreeSet<&usize> = all.iter().flat_map(|labels| of(labels).keys()).collect();
            rows.into_iter().filter_map(row).collect()
        };
        let texts = |labels: &Self| -> Vec<String> {
            let made = labels.transfer.iter();
            made.map(|made| made.text.clone()).collect()
        };
        debug_assert!(all.iter().all(|labels| texts(labels) == texts(first)));
        let transfer = first.transfer.iter().enumerate();
        let transfer = transfer.map(|(row, text)| Borrowed {
            text: text.text.clone(),
            source: text.source,
            variant: text.variant,
            logits: said(&|labels| &labels.transfer[row].logits),
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

    /// How many texts the teacher was asked of, in words.
    fn asked(&self) -> String {
        let borrowed = self.transfer.iter().map(|text| &text.logits);
        let all = self.train.iter().chain(&self.validation).chain(borrowed);
        let asked = all.clone().filter(|logits| !logits.is_empty()).count();
        format!("label: asked of {asked} of {} texts", all.count())
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

/// A part of the training texts, of which a teacher is asked that has not learnt from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) struct Fold {
    /// Its number, from 0.
    pub(super) number: usize,
    /// How many parts there are.
    pub(super) of: usize,
}

/// The number of each training row's part, of `count`. Texts that are equal but for case and white space are in one part, as
/// are pairs with such first texts: a question's choices, a premise's hypotheses.
pub(super) fn folds(train: &[Example], count: usize, seed: u64) -> Result<Vec<usize>> {
    let mut numbers: HashMap<String, usize> = HashMap::new();
    let group = |text| {
        let next = numbers.len();
        *numbers.entry(fold(halves(text).0)).or_insert(next)
    };
    let texts = train.iter().map(|example| example.text.as_str());
    let groups: Vec<usize> = texts.map(group).collect();
    ensure!(
        numbers.len() >= count,
        "label.folds = {count}: there are {} training texts that differ (of pairs, first texts); take as many folds at most, \
         or 0 for none",
        numbers.len()
    );
    let mut places: Vec<usize> = (0..numbers.len()).collect();
    places.shuffle(&mut generator(seed, "folds", 0));
    Ok(groups
        .into_iter()
        .map(|group| places[group] % count)
        .collect())
}

/// Of which texts a teacher is asked.
#[derive(Clone, Copy)]
enum Which<'a> {
    /// Of all.
    All,
    /// Of the rows of its part, their variants, and of every text that nobody learnt from.
    OfFold(&'a [usize], usize),
    /// Of those of whose answer the first teacher is less sure than this.
    Doubtful(&'a Labels, f64),
}

/// Errors where teachers could not be asked as the recipe says, whatever they learn: to be asked before any is taught.
pub(super) fn check_teachers(recipe: &Recipe, split: &Split) -> Result<()> {
    let LabelSection {
        teachers,
        unsure,
        folds: count,
        ..
    } = recipe.label;
    if !recipe.distill.objective.asks_the_teacher() {
        return Ok(());
    }
    if count > 0 {
        folds(&split.train, count, recipe.seed)?;
    }
    let classes = split.labels.len();
    ensure!(
        teachers == 1 || unsure * classes as f64 > 1.0,
        "label.unsure = {unsure}: of {classes} classes no teacher is less sure than that of its answer, and the others would \
         never be asked; raise it, or leave label.teachers at 1"
    );
    Ok(())
}

/// The labels that no row has from which a part's teacher learns.
fn unseen(split: &Split, folds: &[usize], number: usize) -> Vec<String> {
    let learnt = without(&split.train, folds, number);
    let seen: BTreeSet<usize> = learnt.map(|row| row.label).collect();
    let labels = split.labels.iter().enumerate();
    let unseen = labels.filter(|(label, _)| !seen.contains(label));
    unseen.map(|(_, name)| name.clone()).collect()
}

/// The rows that are not of a part.
pub(super) fn without<'a>(
    train: &'a [Example],
    folds: &'a [usize],
    number: usize,
) -> impl Iterator<Item = &'a Example> {
    let rows = train.iter().zip(folds);
    let others = rows.filter(move |(_, fold)| **fold != number);
    others.map(|(row, _)| row)
}

impl Which<'_> {
    fn train(self, row: usize) -> bool {
        match self {
            Self::All => true,
            Self::OfFold(folds, fold) => folds[row] == fold,
            Self::Doubtful(first, sure) => confidence(&first.train[row]) < sure,
        }
    }

    fn validation(self, row: usize) -> bool {
        match self {
            Self::All | Self::OfFold(..) => true,
            Self::Doubtful(first, sure) => confidence(&first.validation[row]) < sure,
        }
    }

    /// Of the text at a place in the transfer set, made from this source.
    fn transfer(self, place: usize, source: usize) -> bool {
        match self {
            Self::All => true,
            // What is beyond the training rows has no label that anybody could have learnt.
            Self::OfFold(folds, fold) => folds.get(source).is_none_or(|own| *own == fold),
            Self::Doubtful(first, sure) => confidence(&first.transfer[place].logits) < sure,
        }
    }

    /// What a list of texts is called: other texts of a list are another one.
    fn list(self, name: &str) -> String {
        match self {
            Self::Doubtful(_, sure) => format!("{name} under {sure}"),
            Self::All | Self::OfFold(..) => name.into(),
        }
    }
}

impl Run<'_> {
    /// What the recipe's objective reads of its teachers: soft labels of every training and validation
    /// row and of the transfer set, attributions of the chosen rows, `first` being the first teacher. Everything is
    /// cached; a killed run goes on where it was.
    pub fn label(&self, first: &TeacherArtefact) -> Result<Labels> {
        let recipe = &self.recipe.recipe;
        let teacher = self.load(first)?;
        // One teacher's, for all: what is alike to it need not be to another.
        let transfer = if recipe.distill.transfer {
            self.transfer_texts(&teacher)?
        } else {
            Vec::new()
        };
        // Who learns from gold labels hears one teacher only to be compared with it.
        if !recipe.distill.objective.asks_the_teacher() {
            return self.labels_of((first, &teacher), &transfer, Which::All);
        }
        if recipe.label.folds > 0 {
            return self.labels_of_folds(&transfer);
        }
        let mut all = vec![self.labels_of((first, &teacher), &transfer, Which::All)?];
        let teachers = recipe.label.teachers;
        for more in 1..teachers {
            self.progress
                .note(&format!("teacher {} of {teachers}", more + 1));
            let other = self.teach_from(recipe.seed + more as u64)?;
            let which = if recipe.label.unsure < 1.0 {
                Which::Doubtful(&all[0], recipe.label.unsure)
            } else {
                Which::All
            };
            let mut labels = self.labels_of((&other, &self.load(&other)?), &transfer, which)?;
            self.progress.note(&labels.asked());
            labels.others.push(other.hash);
            all.push(labels);
        }
        Labels::mean(all).context("label: there is no teacher")
    }

    /// What teachers say of texts from which they have not learnt: each part of the training rows and their variants is
    /// labelled by one that was fine-tuned on the others.
    fn labels_of_folds(&self, transfer: &[Borrowed]) -> Result<Labels> {
        let recipe = &self.recipe.recipe;
        let of = recipe.label.folds;
        let parts = folds(&self.split().train, of, recipe.seed)?;
        let labels = (0..of).map(|number| {
            self.progress.note(&format!("fold {} of {of}", number + 1));
            let unseen = unseen(self.split(), &parts, number);
            if !unseen.is_empty() {
                self.progress.note(&format!(
                    "note: this fold's teacher sees no row labelled {unseen:?}, all being in the fold; lower label.folds"
                ));
            }
            let teacher = self.teach_without(recipe.seed, Some(Fold { number, of }))?;
            let which = Which::OfFold(&parts, number);
            let loaded = self.load(&teacher)?;
            let mut labels = self.labels_of((&teacher, &loaded), transfer, which)?;
            labels.others.push(teacher.hash);
            Ok(labels)
        });
        Labels::mean(labels.collect::<Result<_>>()?).context("label: there is no teacher")
    }

    fn labels_of(
        &self,
        (from, teacher): (&TeacherArtefact, &Teacher),
        transfer: &[Borrowed],
        which: Which,
    ) -> Result<Labels> {
        let recipe = &self.recipe.recipe;
        let words = self.whole_vocabulary(teacher)?.tokenizer()?;
        let frozen = Frozen::new(teacher)?;
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
        let borrowed: Vec<&str> = transfer.iter().map(|made| made.text.as_str()).collect();
        let of_train = |row: usize| which.train(row);
        let of_validation = |row: usize| which.validation(row);
        let of_transfer = |place: usize| which.transfer(place, transfer[place].source);
        let mut ask = |name: &str, texts: &[&str], wanted: &dyn Fn(usize) -> bool| {
            let rows: Vec<usize> = (0..texts.len()).filter(|&row| wanted(row)).collect();
            let some: Vec<&str> = rows.iter().map(|&row| texts[row]).collect();
            let said = soft.logits(&which.list(name), &some, self.progress)?;
            let mut logits = vec![Vec::new(); texts.len()];
            for (row, said) in rows.into_iter().zip(said) {
                logits[row] = said;
            }
            anyhow::Ok(logits)
        };
        let mut explain = |name: &str, texts: &[&str], wanted: &dyn Fn(usize) -> bool| {
            let chosen = self.explained_rows(texts.len()).into_iter();
            let chosen: Vec<usize> = chosen.filter(|&row| wanted(row)).collect();
            let texts: Vec<&str> = chosen.iter().map(|&row| texts[row]).collect();
            let explained = explainer.explain(&which.list(name), &texts, self.progress)?;
            anyhow::Ok(chosen.into_iter().zip(explained).collect::<HashMap<_, _>>())
        };
        let transfer_logits = if objective.asks_the_teacher() {
            ask("transfer set", &borrowed, &of_transfer)?
        } else {
            // Nobody reads them.
            vec![vec![0.0; self.split().labels.len()]; borrowed.len()]
        };
        let labels = Labels {
            train: ask("training texts", &train, &of_train)?,
            explained: if objective.reads_explanations() {
                explain("training texts explained", &train, &of_train)?
            } else {
                HashMap::new()
            },
            validation: ask("validation texts", &validation, &of_validation)?,
            validation_explained: explain(
                "validation texts explained",
                &validation,
                &of_validation,
            )?,
            transfer: transfer
                .iter()
                .zip(transfer_logits)
                .map(|(made, logits)| Borrowed {
                    logits,
                    ..made.clone()
                })
                .collect(),
            others: Vec::new(),
        };
        self.progress.note(&labels.completeness());
        Ok(labels)
    }

    /// Variants of the texts that students read, and those without labels themselves, of which nobody was asked yet.
    fn transfer_texts(&self, teacher: &Teacher) -> Result<Vec<Borrowed>> {
        let recipe = &self.recipe.recipe;
        let texts = self.read_by_students();
        let section = &recipe.transfer;
        let alike = if section.alike > 0.0 {
            Alike::new(&texts, teacher)?
        } else {
            Alike::default()
        };
        let mask = teacher.tokenizer.mask_word();
        let made = variants(&texts, section, mask, &alike, recipe.seed);
        let made = made.into_iter().enumerate();
        let unlabeled = texts.iter().enumerate().skip(self.split().train.len());
        let of_each = section.variants;
        let all = made
            .map(|(index, text)| (index / of_each, Some(index % of_each), text))
            .chain(unlabeled.map(|(source, text)| (source, None, (*text).to_owned())))
            .map(|(source, variant, text)| Borrowed {
                text,
                source,
                variant,
                logits: Vec::new(),
            });
        Ok(all.collect())
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
                    variant: Some(0),
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

    #[test]
    fn who_was_not_asked_counts_for_nothing() {
        let said = |train: [&[f32]; 2], borrowed: &[f32]| Labels {
            train: train.iter().map(|logits| logits.to_vec()).collect(),
            explained: HashMap::new(),
            validation: Vec::new(),
            validation_explained: HashMap::new(),
            transfer: vec![Borrowed {
                text: "it fell".into(),
                source: 0,
                variant: None,
                logits: borrowed.to_vec(),
            }],
            others: Vec::new(),
        };
        let first = said([&[1.0, 3.0], &[]], &[2.0, 0.0]);
        let second = said([&[3.0, 1.0], &[5.0, 0.0]], &[]);
        let found = Labels::mean(vec![first, second]).unwrap();
        assert_eq!(found.train, [vec![2.0, 2.0], vec![5.0, 0.0]]);
        assert_eq!(found.transfer[0].logits, [2.0, 0.0]);
    }

    fn rows(texts: &[&str]) -> Vec<Example> {
        let row = |text: &&str| Example {
            text: (*text).into(),
            ..Example::default()
        };
        texts.iter().map(row).collect()
    }

    #[test]
    fn equal_texts_and_premises_are_in_one_fold() {
        let texts: Vec<String> = (0..40)
            .map(|row| match row % 4 {
                0 => ["the same", "The  same"][row / 4 % 2].into(),
                1 => format!("premise {}\u{1f}hypothesis {row}", row / 8),
                _ => format!("text {row}"),
            })
            .collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let found = folds(&rows(&texts), 3, 7).unwrap();
        let key = |text: &str| fold(halves(text).0);
        let fold_of: HashMap<String, usize> = texts
            .iter()
            .map(|text| key(text))
            .zip(found.iter().copied())
            .collect();
        for (text, fold) in texts.iter().zip(&found) {
            assert_eq!(fold_of[&key(text)], *fold, "{text}");
        }
        assert!((0..3).all(|fold| found.contains(&fold)));
        assert_eq!(found, folds(&rows(&texts), 3, 7).unwrap());
        assert_ne!(found, folds(&rows(&texts), 3, 8).unwrap());
        let error = folds(&rows(&["one", "one", "two"]), 3, 7).unwrap_err();
        assert!(error.to_string().contains("label.folds = 3: there are 2"));
    }

    #[test]
    fn a_folds_teacher_learns_from_every_row_that_it_is_not_asked_of() {
        let texts: Vec<String> = (0..23).map(|row| format!("text {row}")).collect();
        let train = rows(&texts.iter().map(String::as_str).collect::<Vec<_>>());
        let folds = folds(&train, 4, 1).unwrap();
        for number in 0..4 {
            let learnt: Vec<Example> = without(&train, &folds, number).cloned().collect();
            let which = Which::OfFold(&folds, number);
            let (mut asked, mut others) = (0, Vec::new());
            for (row, example) in train.iter().enumerate() {
                if which.train(row) {
                    asked += 1;
                } else {
                    others.push(example.clone());
                }
            }
            assert!(asked >= 5);
            assert!(learnt == others);
            let mut split = Split {
                labels: vec!["calm".into(), "stormy".into()],
                train: train.clone(),
                ..Split::default()
            };
            assert_eq!(unseen(&split, &folds, number), ["stormy"]);
            let place = folds.iter().position(|fold| *fold != number).unwrap();
            split.train[place].label = 1;
            assert!(unseen(&split, &folds, number).is_empty());
        }
    }

    #[test]
    fn who_is_asked_again_is_asked_where_the_first_was_in_doubt() {
        let (sure, doubtful) = (vec![3.0, 0.0], vec![0.2, 0.0]);
        let borrowed = |logits: &[f32]| Borrowed {
            text: "it rose".into(),
            source: 0,
            variant: Some(0),
            logits: logits.to_vec(),
        };
        let first = Labels {
            train: vec![sure.clone(), doubtful.clone()],
            explained: HashMap::new(),
            validation: vec![doubtful.clone(), sure.clone()],
            validation_explained: HashMap::new(),
            transfer: vec![borrowed(&sure), borrowed(&doubtful)],
            others: Vec::new(),
        };
        let which = Which::Doubtful(&first, 0.85);
        assert_eq!([0, 1].map(|row| which.train(row)), [false, true]);
        assert_eq!([0, 1].map(|row| which.validation(row)), [true, false]);
        assert_eq!([0, 1].map(|row| which.transfer(row, 0)), [false, true]);
        assert_ne!(which.list("texts"), Which::All.list("texts"));
    }

    #[test]
    fn a_fold_is_asked_of_its_own_rows_and_of_what_nobody_learnt_from() {
        let folds = [0, 1, 0];
        let asked = Which::OfFold(&folds, 0);
        assert_eq!([0, 1, 2].map(|row| asked.train(row)), [true, false, true]);
        // A variant goes with its row; beyond the training rows are texts without labels.
        assert_eq!(
            [(0, 1), (1, 2), (2, 3)].map(|(place, source)| asked.transfer(place, source)),
            [false, true, true]
        );
        assert!(asked.validation(1));
    }
}
