//! Rows as students learn from them: texts as ids, beside all that is known of each.

use anyhow::{Result, ensure};
use stillglass_text::Tokenizer;

use super::Run;
use super::labels::{Borrowed, Labels};
use crate::attribution::Attribution;
use crate::data::{Example, Split};
use crate::distill::{Row, TransferSet};
use crate::reasons;
use crate::recipe::{Objective, Operator, Recipe, Sampler, TransferSection};
use crate::transfer::way;
use crate::vocabulary::Vocabulary;

impl Run<'_> {
    /// Rows as the student learns from them.
    pub(super) fn transfer_set(
        &self,
        labels: &Labels,
        vocabulary: &Vocabulary,
        mask: &str,
    ) -> Result<TransferSet> {
        let tokenizer = vocabulary.tokenizer()?;
        let recipe = &self.recipe.recipe;
        let max_tokens = recipe.student.max_tokens;
        let groups = Groups::of(self.split(), recipe);
        let row = |example: &Example, logits: &[f32], attribution: Option<&Attribution>| {
            let encoding = tokenizer.encode(&example.text, max_tokens);
            let words = || encoding.words.iter().map(|word| word.bytes.clone());
            Row {
                words: encoding.tokens.iter().map(|token| token.word).collect(),
                rationale: example.named(words()).map(|named| {
                    let number = |named| f32::from(u8::from(named));
                    named.into_iter().map(number).collect()
                }),
                group: groups.of_text(example.domain.as_deref()),
                gold: Some(example.label),
                logits: logits.to_vec(),
                attribution: attribution.map(|attribution| attribution.words.clone()),
                ids: encoding.ids,
                reasons: Vec::new(),
                meaning: None,
                features: None,
                question: None,
            }
        };
        let gold = self.split().train.iter().zip(&labels.train).enumerate();
        let mut train: Vec<Row> = gold
            .map(|(index, (example, logits))| row(example, logits, labels.explained.get(&index)))
            .collect();
        if recipe.student.decoder > 0 {
            let lessons = reasons::lessons(&self.split().train, recipe, &tokenizer)?;
            for (row, lessons) in train.iter_mut().zip(lessons) {
                row.reasons = lessons;
            }
        }
        let own = recipe.distill.objective == Objective::Labels;
        let split = self.split();
        let borrowed = |borrowed: &Borrowed| {
            let Borrowed {
                text,
                source,
                variant,
                logits,
            } = borrowed;
            let labelled = split.train.get(*source);
            let domain = match labelled {
                Some(example) => &example.domain,
                None => &split.unlabeled[source - split.train.len()].domain,
            };
            Row {
                ids: masked_ids(&tokenizer, text, mask, vocabulary.unknown, max_tokens),
                words: Vec::new(),
                gold: labelled.filter(|_| own).map(|example| example.label),
                logits: logits.clone(),
                attribution: None,
                group: groups.of_variant(domain.as_deref(), *variant),
                rationale: None,
                reasons: Vec::new(),
                meaning: None,
                features: None,
                question: None,
            }
        };
        train.extend(labels.transfer.iter().map(borrowed));
        ensure!(!train.is_empty(), "distill: there is no training row");
        number_questions(&mut train, split, labels);
        let rows = self.split().validation.iter().zip(&labels.validation);
        let questions = question_of(&split.validation);
        let validation = rows
            .enumerate()
            .map(|(index, (example, logits))| {
                let attribution = labels.validation_explained.get(&index);
                let question = questions[index];
                Row {
                    question,
                    ..row(example, logits, attribution)
                }
            })
            .collect();
        Ok(TransferSet {
            train,
            validation,
            groups: groups.names,
        })
    }
}

/// The groups that a sampler draws by: domains; or, with `bandit`, texts as they are and the ways to make variants.
struct Groups<'a> {
    names: Vec<String>,
    /// Where variants are grouped by the way they were made.
    ways: Option<&'a TransferSection>,
}

impl<'a> Groups<'a> {
    fn of(split: &Split, recipe: &'a Recipe) -> Self {
        if recipe.distill.sampler == Sampler::Bandit {
            let ways = recipe.transfer.operators().into_iter();
            let names = std::iter::once("texts").chain(ways.map(Operator::name));
            return Self {
                names: names.map(str::to_owned).collect(),
                ways: Some(&recipe.transfer),
            };
        }
        let names = split.domains().into_iter();
        Self {
            names: names.map(str::to_owned).collect(),
            ways: None,
        }
    }

    /// Of a text as it is.
    fn of_text(&self, domain: Option<&str>) -> Option<usize> {
        match self.ways {
            Some(_) => Some(0),
            None => self
                .names
                .iter()
                .position(|name| Some(name.as_str()) == domain),
        }
    }

    /// Of a text's variant of this number.
    fn of_variant(&self, domain: Option<&str>, number: Option<usize>) -> Option<usize> {
        let way = self
            .ways
            .zip(number)
            .and_then(|(ways, number)| way(ways, number));
        way.map_or_else(|| self.of_text(domain), |way| Some(1 + way))
    }
}

/// Says of each training row which question it is a choice of. The variants of one number of a question's choices are a
/// question of their own.
fn number_questions(train: &mut [Row], split: &Split, labels: &Labels) {
    let own = split.train.len();
    let places = question_of(&split.train);
    let asked = places.last().copied().flatten().map_or(0, |last| last + 1);
    for (row, place) in train.iter_mut().zip(&places) {
        row.question = *place;
    }
    let made = labels.transfer.iter().enumerate();
    for (index, text) in made.filter(|(_, text)| text.source < own) {
        let number = 1 + text.variant.unwrap_or_default();
        train[own + index].question = places[text.source].map(|question| number * asked + question);
    }
}

/// The number of each row's question, from 0, where rows are choices.
fn question_of(examples: &[Example]) -> Vec<Option<usize>> {
    let mut questions = 0;
    let number = |example: &Example| {
        let (place, _) = example.choice?;
        questions += usize::from(place == 0);
        questions.checked_sub(1)
    };
    examples.iter().map(number).collect()
}

/// Ids of a text in which whole words were masked: one unknown token each, which the student will
/// meet again, where the tokenizer would see brackets around a word.
fn masked_ids(
    tokenizer: &Tokenizer,
    text: &str,
    mask: &str,
    unknown: u32,
    max_tokens: usize,
) -> Vec<u32> {
    let mut ids = Vec::new();
    for word in text.split(' ') {
        if word == mask {
            ids.push(unknown);
        } else {
            ids.extend(tokenizer.encode(word, max_tokens).ids);
        }
    }
    ids.truncate(max_tokens);
    ids
}
