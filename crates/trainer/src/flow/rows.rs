//! Rows as students learn from them: texts as ids, beside all that is known of each.

use anyhow::{Result, ensure};
use stillglass_text::{Encoding, LONGEST_WORD, SEPARATOR, Tokenizer};

use super::Run;
use super::labels::{Borrowed, Labels};
use crate::attribution::{Attribution, place_of};
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
            let places = places(&tokenizer, &example.text, &encoding);
            let words = encoding.words.iter().map(|word| word.bytes.clone());
            Row {
                rationale: example.named(words).map(|named| {
                    let mut all = vec![0.0; places.last().map_or(0, |last| last + 1)];
                    for (place, named) in places.iter().zip(named) {
                        all[*place] = f32::from(u8::from(named));
                    }
                    all
                }),
                words: encoding.tokens.iter().map(|t| places[t.word]).collect(),
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
                ids: masked_ids(&tokenizer, text, mask, max_tokens),
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

/// The places of the words that were read among all of the text's, as a teacher's attribution numbers them: of a pair that
/// is too long some are left out.
fn places(tokenizer: &Tokenizer, text: &str, encoding: &Encoding) -> Vec<usize> {
    if encoding.truncated.is_none() {
        return (0..encoding.words.len()).collect();
    }
    let all = tokenizer.words(text);
    let starts = encoding.words.iter().map(|word| word.bytes.start);
    starts.map(|start| place_of(&all, start)).collect()
}

/// Ids of a text in which whole words were masked: one unknown token each, which the student will
/// meet again, where the tokenizer would see brackets around a word.
fn masked_ids(tokenizer: &Tokenizer, text: &str, mask: &str, max_tokens: usize) -> Vec<u32> {
    // A word that is too long is the unknown token.
    let unknown = "x".repeat(LONGEST_WORD + 1);
    let between = |c: char| c == ' ' || c == SEPARATOR;
    let parts = text.split_inclusive(between).map(|part| {
        let word = part.trim_end_matches(between);
        if word == mask {
            [&unknown, &part[word.len()..]]
        } else {
            [part, ""]
        }
    });
    let text: String = parts.flatten().collect();
    tokenizer.encode(&text, max_tokens).ids
}

#[cfg(test)]
mod tests {
    use super::*;
    use stillglass_text::Options;

    fn tokenizer() -> Tokenizer {
        let pieces = ["[UNK]", "[SEP]", "up", "##beat", "down", "[", "]", "mask"];
        let options = Options {
            lowercase: true,
            strip_accents: true,
            unknown: 0,
            separator: Some(1),
        };
        Tokenizer::new(&pieces.map(String::from), options).unwrap()
    }

    #[test]
    fn masked_words_are_unknown_ones_beside_the_border_too() {
        let ids = |text: &str, most| masked_ids(&tokenizer(), text, "[MASK]", most);
        assert_eq!(ids("up [MASK] [MASK]s", 9), [2, 0, 5, 7, 6, 0]);
        assert_eq!(ids("up [MASK]\u{1f}[MASK] upbeat", 9), [2, 0, 1, 0, 2, 3]);
        assert_eq!(
            ids("up up up up up\u{1f}[MASK] upbeat", 7),
            [2, 2, 2, 1, 0, 2, 3]
        );
    }

    #[test]
    fn words_of_a_pair_that_is_cut_keep_their_places() {
        let text = "upbeat down down down\u{1f}down upbeat";
        let of = |most| {
            let encoding = tokenizer().encode(text, most);
            places(&tokenizer(), text, &encoding)
        };
        assert_eq!(of(9), [0, 1, 2, 3, 4, 5, 6]);
        assert_eq!(of(7), [0, 1, 4, 5, 6]);
    }
}
