//! Questions with choices: which one a model chooses, and what each word gave to each of them.
//!
//! A choice's score is by how much `right` exceeds `wrong` where question and choice are read together; a softmax over
//! the choices makes probabilities of the scores. So the question's words give to every choice, a choice's own to it alone.

use anyhow::Result;
use serde::Serialize;
use stillglass_runtime::{Classification, Model, WordContribution};
use stillglass_text::pair;

use crate::data::{Row, gap};
use crate::metrics::{argmax, softmax};
use crate::predict::{Cut, Wanted, classify, reason};

/// What is chosen; lists are in the order of the choices.
#[derive(Debug, Serialize)]
pub struct Chosen<'a> {
    /// Line of the input on which the question starts, from 1, when asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// Place of the likeliest choice, from 0.
    pub choice: usize,
    /// Its text.
    pub answer: &'a str,
    /// Probability of each choice.
    pub scores: Vec<f64>,
    /// Score of each choice.
    pub logits: Vec<f32>,
    /// The choices that were too long together with the question.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub truncated: Vec<ChoiceCut>,
    /// Place of the choice that `reason` is of, where it is not the one chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason_of: Option<usize>,
    /// How the scores were explained, if they were.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<&'static str>,
    /// Why it is the one chosen, or `reason_of` would be, in words, when asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What was read of question and choices, when explained; Σ weights + bias + boundary + remainder is the score.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub words: Option<Vec<ChoiceWord<'a>>>,
    /// What each choice starts from, when explained.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bias: Option<Vec<f32>>,
    /// What the place between question and choice gave, when explained.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub boundary: Option<Vec<f32>>,
    /// What the words leave unaccounted for, when explained.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remainder: Option<Vec<f32>>,
}

/// Where the reading of a question and of the choice beside it stopped.
#[derive(Debug, Serialize)]
pub struct ChoiceCut {
    /// The choice.
    pub choice: usize,
    /// Where.
    #[serde(flatten)]
    pub cut: Cut,
}

/// A word of a question or of a choice.
#[derive(Debug, Serialize)]
pub struct ChoiceWord<'a> {
    /// The word as it stands there.
    pub text: &'a str,
    /// Its start in the question or choice, in UTF-16 units.
    pub start: usize,
    /// Its end, in UTF-16 units.
    pub end: usize,
    /// The choice it stands in; not written for a word of the question.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub choice: Option<usize>,
    /// Contribution to the score of each choice.
    pub weights: Vec<f32>,
}

/// Has a model of questions choose one of a row's choices.
pub fn choose<'a>(model: &Model, row: &'a Row, wanted: Wanted) -> Result<Chosen<'a>> {
    // One after another: a question may be long, and its choices many.
    let beside = |choice: usize| pair(&row.text, &row.choices[choice]);
    let answers = (0..row.choices.len())
        .map(|choice| classify(model, &beside(choice), wanted.explain))
        .collect::<Result<Vec<_>>>()?;
    let logits: Vec<f32> = answers.iter().map(|answer| gap(&answer.logits)).collect();
    let choice = argmax(&logits);
    // All answers are explained or none is.
    let explained = answers.iter().map(|answer| answer.explanation.as_ref());
    let explained: Option<Vec<_>> = explained.collect();
    let each = |of: &dyn Fn(&stillglass_runtime::Explanation) -> f32| -> Option<Vec<f32>> {
        let explained = explained.as_ref()?;
        Some(
            explained
                .iter()
                .map(|explanation| of(explanation))
                .collect(),
        )
    };
    Ok(Chosen {
        line: wanted.line.then_some(row.line),
        choice,
        answer: &row.choices[choice],
        scores: softmax(&logits),
        truncated: answers
            .iter()
            .enumerate()
            .filter_map(|(choice, answer)| {
                let cut = Cut::of(answer)?;
                Some(ChoiceCut { choice, cut })
            })
            .collect(),
        reason_of: None,
        method: explained.as_ref().map(|all| all[0].method.name()),
        reason: reason(model, &beside(choice), wanted.reason)?,
        words: words(row, &answers),
        bias: each(&|explanation| gap(&explanation.bias)),
        boundary: each(&|explanation| explanation.boundary.as_deref().map_or(0.0, gap)),
        remainder: each(&|explanation| gap(&explanation.remainder)),
        logits,
    })
}

/// The words of a pair's first text, which come first.
fn of_question(words: &[WordContribution]) -> &[WordContribution] {
    &words[..words.iter().take_while(|word| word.half == 0).count()]
}

/// The question's words, each with what it gave to every choice, then the choices' own.
fn words<'a>(row: &'a Row, answers: &[Classification]) -> Option<Vec<ChoiceWord<'a>>> {
    let read = answers
        .iter()
        .map(|answer| answer.explanation.as_ref().map(|e| &e.words[..]))
        .collect::<Option<Vec<_>>>()?;
    let of = |text: &'a str, word: &WordContribution, choice, weights| ChoiceWord {
        text: &text[word.bytes.clone()],
        start: word.utf16.start,
        end: word.utf16.end,
        choice,
        weights,
    };
    // Beside a long choice less of the question is read: what is missing there gave it nothing.
    let questions: Vec<&[WordContribution]> = read.iter().map(|words| of_question(words)).collect();
    let longest = questions.iter().copied().max_by_key(|words| words.len());
    let asked = longest.into_iter().flatten().enumerate();
    let asked = asked.map(|(at, word)| {
        let weight = |own: &&[WordContribution]| own.get(at).map_or(0.0, |own| gap(&own.weights));
        of(
            &row.text,
            word,
            None,
            questions.iter().map(weight).collect(),
        )
    });
    let mut all: Vec<ChoiceWord<'a>> = asked.collect();
    for (place, words) in read.iter().enumerate() {
        all.extend(words.iter().filter(|word| word.half == 1).map(|word| {
            let mut weights = vec![0.0; read.len()];
            weights[place] = gap(&word.weights);
            of(&row.choices[place], word, Some(place), weights)
        }));
    }
    Some(all)
}
