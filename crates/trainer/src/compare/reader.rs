//! What is compared answers and explains in one way, whatever it is.

use std::collections::HashMap;
use std::ops::Range;

use anyhow::{Context, Result};
use rayon::prelude::*;
use stillglass_runtime::{Explanation, Method, Model};
use stillglass_text::{SEPARATOR, Tokenizer};

use crate::attribution::{Attribution, Explainer, was_read};
use crate::metrics::softmax;
use crate::recipe::LabelSection;
use crate::teacher::{Encoded, Frozen};

/// Texts that one thread answers one after another.
const TEXTS_TOGETHER: usize = 32;

/// What a text's words gave.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Words {
    /// Bytes of each word that was read.
    pub bytes: Vec<Range<usize>>,
    /// What each word gave to each class, centred over the classes: `[classes][words]`.
    pub weights: Vec<Vec<f64>>,
    /// Index of the class that was answered.
    pub answer: usize,
}

/// A model that is compared.
pub(super) enum Reader<'a> {
    /// A bundle, by the runtime that ships.
    Bundle(Box<Model>),
    /// A float teacher.
    Teacher(Float<'a>),
}

/// A float teacher and how it reads.
pub(super) struct Float<'a> {
    /// The teacher.
    pub frozen: &'a Frozen<'a>,
    /// How it is explained.
    pub section: &'a LabelSection,
    /// Cuts texts into the words that are explained.
    pub words: &'a Tokenizer,
    /// Tokens it reads of a text.
    pub max_tokens: usize,
}

impl Reader<'_> {
    /// Probabilities of every text, `[texts][classes]`.
    pub(super) fn probabilities(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>> {
        match self {
            Self::Bundle(model) => {
                let answers = texts.par_chunks(TEXTS_TOGETHER).map(|texts| {
                    let answers = model.classify(texts, None)?;
                    Ok(answers.into_iter().map(|a| a.probabilities).collect())
                });
                Ok(answers.collect::<Result<Vec<Vec<_>>>>()?.concat())
            }
            Self::Teacher(float) => {
                let ids = texts.iter().map(|text| Ok(float.encode(text)?.0.ids));
                let ids: Vec<Vec<u32>> = ids.collect::<Result<_>>()?;
                let logits = float.frozen.logits(&ids, float.section.batch, |_| ())?;
                let narrow = |row: Vec<f64>| row.into_iter().map(|p| p as f32).collect();
                Ok(logits.iter().map(|row| narrow(softmax(row))).collect())
            }
        }
    }

    /// What each word of every text gave.
    pub(super) fn explain(&self, texts: &[&str]) -> Result<Vec<Words>> {
        match self {
            Self::Bundle(model) => texts
                .par_iter()
                .map(|text| explained(model, text))
                .collect(),
            Self::Teacher(float) => float.explain(texts),
        }
    }
}

fn explained(model: &Model, text: &str) -> Result<Words> {
    let method: Method = model.methods()[0];
    let answer = model.classify(&[text], Some(method))?.swap_remove(0);
    let explanation = answer.explanation.as_ref().map(Explanation::centred);
    let explanation = explanation.context("the runtime gave no explanation")?;
    let of = |class: usize| {
        let weights = explanation.words.iter().map(|word| word.weights[class]);
        weights.map(f64::from).collect()
    };
    Ok(Words {
        weights: (0..answer.logits.len()).map(of).collect(),
        bytes: explanation.words.iter().map(|w| w.bytes.clone()).collect(),
        answer: answer.label,
    })
}

impl Float<'_> {
    /// A text's tokens and the bytes of its words up to the last that is read.
    fn encode(&self, text: &str) -> Result<(Encoded, Vec<Range<usize>>)> {
        let words = self.words.words(text);
        let teacher = self.frozen.teacher;
        let most = self.max_tokens.min(teacher.config.max_length());
        let encoded = teacher.tokenizer.encode(text, &words, most)?;
        let read = encoded.words_read(words.len());
        let words = words.into_iter().take(read).map(|word| word.bytes);
        let words = words.collect();
        Ok((encoded, words))
    }

    fn explain(&self, texts: &[&str]) -> Result<Vec<Words>> {
        let LabelSection {
            nodes,
            target,
            batch,
            ..
        } = *self.section;
        let explainer = Explainer::new(self.frozen, nodes, target, batch)?;
        let mut found = Vec::with_capacity(texts.len());
        for texts in texts.chunks(explainer.batch()) {
            let encoded = texts.iter().map(|text| self.encode(text));
            let encoded: Vec<(Encoded, Vec<Range<usize>>)> = encoded.collect::<Result<_>>()?;
            let tokens: Vec<&Encoded> = encoded.iter().map(|(tokens, _)| tokens).collect();
            let counts: Vec<usize> = encoded.iter().map(|(_, words)| words.len()).collect();
            let explained = explainer.explain(&tokens, &counts)?;
            let words = encoded.into_iter().map(|(_, words)| words);
            found.extend(words.zip(&explained).map(|(w, a)| Words::of_teacher(w, a)));
        }
        Ok(found)
    }
}

impl Words {
    /// What a teacher's attribution says of a text's words, given by their bytes.
    pub(super) fn of_teacher(
        words: impl IntoIterator<Item = Range<usize>>,
        attribution: &Attribution,
    ) -> Self {
        let words = words.into_iter().enumerate();
        let read = words.filter(|(place, _)| was_read(&attribution.words, *place));
        let (places, bytes): (Vec<usize>, Vec<Range<usize>>) = read.unzip();
        // The classes' attributions sum to 0: they are centred.
        let of = |class: &Vec<f32>| places.iter().map(|at| f64::from(class[*at])).collect();
        Self {
            bytes,
            weights: attribution.words.iter().map(of).collect(),
            answer: crate::metrics::argmax(&attribution.logits),
        }
    }

    /// The text as far as it was read, and the same words there: what was not read would come in where words go.
    pub(super) fn into_read(mut self, text: &str) -> (String, Self) {
        let end = self.bytes.last().map_or(0, |last| last.end);
        let parts = |word: &Range<usize>| text[word.clone()].starts_with(SEPARATOR);
        let Some(between) = self.bytes.iter().position(parts) else {
            return (text[..end].to_owned(), self);
        };
        let first = self.bytes[..between].last().map_or(0, |last| last.end);
        let rest = self.bytes[between].start;
        for word in &mut self.bytes[between..] {
            *word = word.start + first - rest..word.end + first - rest;
        }
        ([&text[..first], &text[rest..end]].concat(), self)
    }

    /// Places of the words that both have read, in each of them.
    pub(super) fn shared(&self, other: &Self) -> Vec<[usize; 2]> {
        let begins = other.bytes.iter().map(|word| word.start).zip(0..);
        let begins: HashMap<usize, usize> = begins.collect();
        let place = |(own, word): (usize, &Range<usize>)| Some([own, *begins.get(&word.start)?]);
        self.bytes.iter().enumerate().filter_map(place).collect()
    }
}
