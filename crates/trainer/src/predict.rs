//! Labels and scores for many texts, as JSON Lines, with the words that made them if asked.

use std::io::Write;
use std::ops::ControlFlow;

use anyhow::{Context, Result};
use rayon::prelude::*;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use stillglass_runtime::{Classification, Method, Model, Truncated};

use crate::choose::choose;
use crate::data::Row;
use crate::progress::Progress;

/// Texts classified between two writes.
const CHUNK: usize = 512;

/// What an answer holds beside label and scores.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// How it is explained, if at all.
    pub explain: Option<Method>,
    /// Whether it says the line of its text, for where rows may be left out.
    pub line: bool,
    /// Among how many beams its reason in words is the best, if it gives one.
    pub reason: Option<usize>,
}

/// Classifies every row, or has one of its choices chosen, in order, one JSON object a line.
pub fn predict(
    model: &Model,
    rows: &[Row],
    wanted: Wanted,
    out: &mut impl Write,
    progress: &Progress,
) -> Result<()> {
    let task = progress.task("predict", "texts", rows.len());
    for chunk in rows.chunks(CHUNK) {
        let lines = chunk
            .par_iter()
            .map(|row| {
                if model.manifest().choices {
                    return Ok(serde_json::to_vec(&choose(model, row, wanted)?)?);
                }
                let answer = classify(model, &row.text, wanted.explain)?;
                let mut answer = Answer::new(model, &row.text, &answer);
                answer.line = wanted.line.then_some(row.line);
                answer.reason = reason(model, &row.text, wanted.reason)?;
                Ok(serde_json::to_vec(&answer)?)
            })
            .collect::<Result<Vec<_>>>()?;
        write(out, &lines).context("writing answers")?;
        task.advance(chunk.len());
    }
    task.finish();
    Ok(())
}

fn write(out: &mut impl Write, lines: &[Vec<u8>]) -> std::io::Result<()> {
    for line in lines {
        out.write_all(line)?;
        out.write_all(b"\n")?;
    }
    out.flush()
}

/// One text's classification.
pub fn classify(model: &Model, text: &str, explain: Option<Method>) -> Result<Classification> {
    // A batch of one text has one answer.
    let mut answer = model.classify(&[text], explain)?.swap_remove(0);
    answer.explanation = answer
        .explanation
        .map(|explanation| explanation.apart(text));
    Ok(answer)
}

/// The best reason in words of so many beams, if one is asked for.
pub fn reason(model: &Model, text: &str, beams: Option<usize>) -> Result<Option<String>> {
    let reason = |beams| model.reason(text, beams, &mut |_| ControlFlow::Continue(()));
    Ok(beams.map(reason).transpose()?.map(|reason| reason.text))
}

/// One line of `predict`'s output.
#[derive(Debug, Serialize)]
pub struct Answer<'a> {
    /// Line of the input on which the text starts, from 1, when asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// The likeliest label.
    pub label: &'a str,
    /// Probability by label.
    pub scores: ByLabel<'a>,
    /// Set when the text has more tokens than the model reads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub truncated: Option<Cut>,
    /// How the answer was explained, if it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<&'static str>,
    /// Its reason in words, when asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The words that were read, when explained; Σ weights + bias + boundary + remainder is the logit (native) or
    /// the logit minus the mean of all, for each label.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub words: Option<Vec<WordAnswer<'a>>>,
    /// Logit by label, when explained.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logits: Option<ByLabel<'a>>,
    /// What each label starts from, when explained.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bias: Option<ByLabel<'a>>,
    /// What the place between the two texts of a pair gave, when explained.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub boundary: Option<ByLabel<'a>>,
    /// What the words leave unaccounted for, when explained.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remainder: Option<ByLabel<'a>>,
    /// |remainder| relative to what the words should account for, when explained.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub completeness_error: Option<ByLabel<'a>>,
    /// Points on the path from the baseline, when explained by integrated gradients.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nodes: Option<usize>,
}

/// Where a text was cut.
#[derive(Debug, Serialize)]
pub struct Cut {
    /// Tokens that the whole text has, or both of a pair.
    pub tokens: usize,
    /// UTF-16 units that were read of the text, or of a pair's first one.
    pub from: usize,
    /// UTF-16 units that were read of a pair's second text; not written for a single text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub second: Option<usize>,
}

impl Cut {
    /// Where the reading of a text stopped, if it did.
    pub(crate) fn of(answer: &Classification) -> Option<Self> {
        let Truncated {
            tokens,
            from,
            second,
        } = answer.truncated?;
        Some(Self {
            tokens,
            from: from.utf16,
            second: second.map(|place| place.utf16),
        })
    }
}

/// One word of an explained text.
#[derive(Debug, Serialize)]
pub struct WordAnswer<'a> {
    /// The word as it stands in the text.
    pub text: &'a str,
    /// Its start, in UTF-16 units.
    pub start: usize,
    /// Its end, in UTF-16 units.
    pub end: usize,
    /// 1 for a word of the second text of a pair, whose places these are; not written for the first.
    #[serde(skip_serializing_if = "is_first")]
    pub half: usize,
    /// Contribution to the logit, by label.
    pub weights: ByLabel<'a>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's form")]
fn is_first(half: &usize) -> bool {
    *half == 0
}

/// One number for each label, written as an object in the order of the labels.
#[derive(Debug, Clone, Copy)]
pub struct ByLabel<'a> {
    /// The labels.
    pub labels: &'a [String],
    /// The numbers.
    pub values: &'a [f32],
}

impl Serialize for ByLabel<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.labels.len()))?;
        for (label, value) in self.labels.iter().zip(self.values) {
            map.serialize_entry(label, value)?;
        }
        map.end()
    }
}

impl<'a> Answer<'a> {
    /// A classification of `text` in the model's words; a pair's explanation is [apart](stillglass_runtime::Explanation::apart).
    pub fn new(model: &'a Model, text: &'a str, answer: &'a Classification) -> Self {
        let labels = &model.manifest().labels;
        let by_label = |values: &'a [f32]| ByLabel { labels, values };
        let explanation = answer.explanation.as_ref();
        let words = explanation.map(|explanation| {
            let texts = explanation.texts(text);
            let word = |word: &'a stillglass_runtime::WordContribution| WordAnswer {
                text: &texts[word.half][word.bytes.clone()],
                start: word.utf16.start,
                end: word.utf16.end,
                half: word.half,
                weights: by_label(&word.weights),
            };
            explanation.words.iter().map(word).collect()
        });
        Self {
            line: None,
            reason: None,
            label: &labels[answer.label],
            scores: by_label(&answer.probabilities),
            truncated: Cut::of(answer),
            logits: words.is_some().then(|| by_label(&answer.logits)),
            words,
            method: explanation.map(|e| e.method.name()),
            bias: explanation.map(|e| by_label(&e.bias)),
            boundary: explanation
                .and_then(|e| e.boundary.as_deref())
                .map(by_label),
            remainder: explanation.map(|e| by_label(&e.remainder)),
            completeness_error: explanation.map(|e| by_label(&e.completeness_error)),
            nodes: explanation.map(|e| e.nodes).filter(|nodes| *nodes > 0),
        }
    }
}
