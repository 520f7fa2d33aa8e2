//! What a decoder is taught of each training row.

use anyhow::{Context, Result, ensure};
use rand::RngExt;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use stillglass_text::Tokenizer;

use crate::data::Example;
use crate::recipe::{Control, Recipe, Teaching};
use crate::student::{DecoderShape, Last, Speech};
use crate::training::generator;

/// Where nothing can be learnt.
const NO_REASON: &str = "distill.reason: no training row has a reason; look at data.reasons";

/// What a decoder is started with: the row of its prefixes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    /// A reason alone.
    Reason,
    /// A reason, then the answer that it leads to.
    Factual,
    /// What may be false, then the answer that it argues for.
    Counterfactual,
    /// The reason of this answer.
    Of(usize),
}

impl Start {
    pub(super) fn row(self) -> usize {
        match self {
            Self::Reason => 0,
            Self::Factual => 1,
            Self::Counterfactual => 2,
            Self::Of(class) => class,
        }
    }
}

/// Sizes of the decoder of a recipe's student; none where it has none.
pub fn shape(recipe: &Recipe, classes: usize) -> Option<DecoderShape> {
    let hidden = recipe.student.decoder;
    let prefixes = match recipe.distill.reason.teaching {
        Teaching::MultiTask => 1,
        Teaching::PredictExplain => classes,
        Teaching::Counterfactual | Teaching::Both => 3,
    };
    (hidden > 0).then_some(DecoderShape { hidden, prefixes })
}

/// The row of the prefixes that a student of a recipe is started with to give a reason for its `answer`.
pub fn prefix_of(teaching: Teaching, answer: usize) -> usize {
    match teaching {
        Teaching::MultiTask | Teaching::Both => Start::Reason.row(),
        Teaching::Counterfactual => Start::Factual.row(),
        Teaching::PredictExplain => Start::Of(answer).row(),
    }
}

/// The rows' own reasons, as the recipe chooses them: one for each example that has one.
pub fn read<'e>(examples: &'e [Example], recipe: &Recipe) -> Result<Vec<&'e str>> {
    let own = own_reasons(examples, recipe)?.into_iter().flatten();
    let false_ones = examples.iter().flat_map(|example| &example.false_reasons);
    let taught = speaks_answers(recipe.distill.reason.teaching);
    let false_ones = false_ones
        .filter(|_| taught)
        .map(|(_, reason)| reason.as_str());
    Ok(own.chain(false_ones).collect())
}

/// Each row's own reason, as the recipe chooses it.
fn own_reasons<'e>(examples: &'e [Example], recipe: &Recipe) -> Result<Vec<Option<&'e str>>> {
    let column = column(recipe)?;
    let own = |example: &'e Example| example.reasons.get(column)?.as_deref();
    Ok(examples.iter().map(own).collect())
}

/// The reasons whose meaning is learnt, as the recipe's control leaves them: the first paragraph of each.
pub fn meant<'e>(examples: &'e [Example], recipe: &Recipe) -> Result<Vec<Option<&'e str>>> {
    let own = own_reasons(examples, recipe)?;
    ensure!(own.iter().any(Option::is_some), NO_REASON);
    let own = own
        .into_iter()
        .map(|reason| reason.map(paragraph))
        .collect();
    Ok(match recipe.distill.reason.control {
        Control::Shuffled => shuffled(own, recipe.seed),
        _ => own,
    })
}

/// What follows is a language model going on to another question; the text has no line breaks in front.
fn paragraph(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

/// Whether the decoder is taught to end reasons with an answer.
pub(super) fn speaks_answers(teaching: Teaching) -> bool {
    matches!(teaching, Teaching::Counterfactual | Teaching::Both)
}

/// Which of the rows' reasons the recipe chooses.
fn column(recipe: &Recipe) -> Result<usize> {
    let (columns, name) = (&recipe.data.reasons, &recipe.distill.reason.column);
    if name.is_empty() {
        return Ok(0);
    }
    let found = columns.iter().position(|column| column == name);
    found.with_context(|| format!("distill.reason.column = \"{name}\" is none of data.reasons"))
}

/// What the decoder is taught of each example, its row still 0 and every weight that of the recipe.
///
/// No words are ever read by the encoder: a false reason is only what the decoder has said so far.
pub fn lessons(
    examples: &[Example],
    recipe: &Recipe,
    tokenizer: &Tokenizer,
) -> Result<Vec<Vec<Speech>>> {
    let section = &recipe.distill.reason;
    let most = recipe.student.reason_tokens;
    let words = |text: &str| fitting(tokenizer, text, most);
    let own = own_reasons(examples, recipe)?.into_iter();
    let own: Vec<Option<Vec<u32>>> = own.map(|reason| reason.map(words)).collect();
    let any = own.iter().flatten().any(|words| !words.is_empty());
    ensure!(any, NO_REASON);
    let wrong = examples
        .iter()
        .any(|example| !example.false_reasons.is_empty());
    ensure!(
        wrong || !speaks_answers(section.teaching),
        "distill.reason: no training row has a reason for another label; look at data.counterfactual"
    );
    let own = controlled(own, section.control, recipe.seed);
    let lessons = examples.iter().zip(own).map(|(example, own)| {
        let mut lessons = Vec::new();
        let mut teach = |start: Start, words: &[u32], last, weights: [f64; 2]| {
            lessons.push(Speech {
                row: 0,
                prefix: start.row(),
                words: words.to_vec(),
                last,
                word_weight: weights[0] as f32,
                last_weight: weights[1] as f32,
            });
        };
        let answer = Last::Answer(example.label);
        if let Some(own) = &own {
            let (alone, after) = ([section.weight; 2], [section.counterfactual; 2]);
            match section.teaching {
                Teaching::MultiTask => teach(Start::Reason, own, Last::End, alone),
                Teaching::PredictExplain => teach(Start::Of(example.label), own, Last::End, alone),
                Teaching::Counterfactual => teach(Start::Factual, own, answer, after),
                Teaching::Both => {
                    teach(Start::Reason, own, Last::End, alone);
                    teach(Start::Factual, own, answer, after);
                }
            }
        }
        if speaks_answers(section.teaching) {
            for (label, reason) in &example.false_reasons {
                let weights = [0.0, section.counterfactual];
                teach(
                    Start::Counterfactual,
                    &words(reason),
                    Last::Answer(*label),
                    weights,
                );
            }
        }
        lessons
    });
    Ok(lessons.collect())
}

/// Other reasons in the place of the rows' own.
fn controlled(
    mut own: Vec<Option<Vec<u32>>>,
    control: Control,
    seed: u64,
) -> Vec<Option<Vec<u32>>> {
    match control {
        Control::None => {}
        Control::Shuffled => own = shuffled(own, seed),
        Control::Empty => own.iter_mut().flatten().for_each(Vec::clear),
        Control::LengthMatched => {
            let mut rng = stream(seed);
            let all: Vec<u32> = own.iter().flatten().flatten().copied().collect();
            for word in own.iter_mut().flatten().flatten() {
                *word = all[rng.random_range(0..all.len())];
            }
        }
    }
    own
}

/// The rows' reasons among each other; a row without one stays so.
fn shuffled<R>(own: Vec<Option<R>>, seed: u64) -> Vec<Option<R>> {
    let there: Vec<bool> = own.iter().map(Option::is_some).collect();
    let mut all: Vec<R> = own.into_iter().flatten().collect();
    all.shuffle(&mut stream(seed));
    let mut all = all.into_iter();
    let next = |there: bool| if there { all.next() } else { None };
    there.into_iter().map(next).collect()
}

fn stream(seed: u64) -> ChaCha8Rng {
    generator(seed, "reasons of a control", 0)
}

/// The tokens of a reason's first paragraph, up to the last sentence that ends within `most` of them; of a first sentence that is longer
/// its first ones.
fn fitting(tokenizer: &Tokenizer, text: &str, most: usize) -> Vec<u32> {
    let text = paragraph(text);
    let encoding = tokenizer.encode(text, most);
    if encoding.truncated.is_none() {
        return encoding.ids;
    }
    let ends = |bytes: &str| matches!(bytes, "." | "!" | "?");
    let words = encoding.words.iter().rev();
    let last = words
        .filter(|word| ends(&text[word.bytes.clone()]))
        .map(|word| word.tokens.end)
        .next();
    let mut ids = encoding.ids;
    ids.truncate(last.unwrap_or(most));
    ids
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::parse;
    use std::path::Path;
    use stillglass_text::Options;

    const PIECES: [&str; 8] = ["[UNK]", "it", "rains", "so", "wet", ".", "no", "dry"];

    fn tokenizer() -> Tokenizer {
        let options = Options {
            lowercase: true,
            strip_accents: true,
            unknown: 0,
            separator: None,
        };
        Tokenizer::new(&PIECES.map(String::from), options).unwrap()
    }

    fn recipe(distill: &str) -> Recipe {
        let text = format!(
            "name = \"x\"\n[data]\ntrain = \"a\"\nreasons = [\"why\", \"better\"]\ncounterfactual = \"false\"\n\
             [teacher]\nbase = \"b\"\n[student]\ndecoder = 4\nreason_tokens = 4\n[distill.reason]\n{distill}"
        );
        parse(&text, Path::new("."), &[]).unwrap().recipe
    }

    fn examples() -> Vec<Example> {
        let example = |label, why: Option<&str>, wrong: &[(usize, &str)]| Example {
            text: "it rains".into(),
            label,
            reasons: vec![why.map(String::from), Some("so wet".into())],
            false_reasons: wrong.iter().map(|(l, r)| (*l, (*r).to_owned())).collect(),
            ..Example::default()
        };
        vec![
            example(
                0,
                Some("it rains . so wet .\n\nso"),
                &[(1, "no dry\nso wet")],
            ),
            example(1, None, &[(0, "so")]),
            example(1, Some("dry"), &[]),
        ]
    }

    fn of(distill: &str) -> Vec<Vec<Speech>> {
        lessons(&examples(), &recipe(distill), &tokenizer()).unwrap()
    }

    #[test]
    fn a_row_without_a_reason_is_taught_none_of_its_own() {
        let lessons = of("teaching = \"multi-task\"");
        // Cut after the sentence that fits.
        assert_eq!(lessons[0][0].words, [1, 2, 5]);
        assert_eq!((lessons[0][0].last, lessons[0][0].prefix), (Last::End, 0));
        assert!(lessons[1].is_empty());
        assert_eq!(lessons[2][0].words, [7]);
        let lessons = of("column = \"better\"\nteaching = \"predict-explain\"");
        assert_eq!((lessons[1][0].prefix, lessons[1][0].words.len()), (1, 2));
    }

    #[test]
    fn false_reasons_are_read_and_not_learnt_and_end_with_what_they_argue_for() {
        let lessons = of("teaching = \"both\"\nweight = 0.25\ncounterfactual = 2.0");
        let [alone, factual, wrong] = &lessons[0][..] else {
            panic!("{:?}", lessons[0]);
        };
        assert_eq!((alone.last, alone.word_weight), (Last::End, 0.25));
        assert_eq!((factual.last, factual.word_weight), (Last::Answer(0), 2.0));
        assert_eq!((wrong.last, wrong.word_weight), (Last::Answer(1), 0.0));
        assert_eq!(wrong.words, [6, 7]);
        let starts = [alone.prefix, factual.prefix, wrong.prefix];
        assert_eq!(starts, [0, 1, 2]);
        for (example, lessons) in examples().iter().zip(&lessons) {
            let wrong = lessons.iter().filter(|speech| speech.prefix == 2);
            assert!(wrong.clone().all(|s| s.last != Last::Answer(example.label)));
            assert_eq!(wrong.count(), example.false_reasons.len());
        }
    }

    #[test]
    fn controls_take_the_words_and_leave_the_rest() {
        let words = |control: &str| -> Vec<Vec<u32>> {
            let lessons = of(&format!("control = \"{control}\""));
            lessons.into_iter().flatten().map(|s| s.words).collect()
        };
        let own = words("none");
        assert_eq!(words("empty"), vec![Vec::<u32>::new(); 2]);
        let lengths = |all: &[Vec<u32>]| all.iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(lengths(&words("length-matched")), lengths(&own));
        let mut shuffled = words("shuffled");
        shuffled.sort();
        let mut sorted = own;
        sorted.sort();
        assert_eq!(shuffled, sorted);
    }

    #[test]
    fn meanings_are_of_the_first_paragraph_and_stay_with_their_rows() {
        let examples = examples();
        let meant = |distill: &str| meant(&examples, &recipe(distill)).map_err(|e| e.to_string());
        let own = vec![Some("it rains . so wet ."), None, Some("dry")];
        assert_eq!(meant("meaning = 1.0"), Ok(own.clone()));
        let shuffled = |seed: u64| {
            let mut recipe = recipe("meaning = 1.0\ncontrol = \"shuffled\"");
            recipe.seed = seed;
            super::meant(&examples, &recipe).unwrap()
        };
        // Of two reasons some seed gives each to the other row, none to the row without one.
        let all: Vec<_> = (0..20).map(shuffled).collect();
        assert!(all.contains(&vec![own[2], None, own[0]]), "{all:?}");
        assert!(all.iter().all(|reasons| reasons[1].is_none()));
        let mut bare = examples.clone();
        for example in &mut bare {
            example.reasons = vec![None, None];
        }
        let error = super::meant(&bare, &recipe("meaning = 1.0"))
            .unwrap_err()
            .to_string();
        assert!(error.contains("no training row has a reason"), "{error}");
    }

    #[test]
    fn no_reasons_at_all_are_an_error() {
        let mut bare = examples();
        for example in &mut bare {
            example.reasons = vec![None, None];
        }
        let error = lessons(&bare, &recipe(""), &tokenizer())
            .unwrap_err()
            .to_string();
        assert!(error.contains("no training row has a reason"), "{error}");
    }
}
