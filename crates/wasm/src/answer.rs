//! What crosses to JavaScript, as plain data.

use serde::{Serialize, Serializer};
use stillglass_bundle::{Architecture, Card};
use stillglass_runtime::{Classification, Explanation, Model, Reason, ReasonToken};
use wasm_bindgen::prelude::JsValue;

use crate::error::failed;
use crate::options::method_name;

/// Turns serializable data into plain JavaScript objects and arrays.
pub(crate) fn plain(value: &impl Serialize) -> Result<JsValue, JsValue> {
    let serializer = serde_wasm_bindgen::Serializer::new().serialize_maps_as_objects(true);
    value.serialize(&serializer).map_err(|error| failed(&error))
}

/// What a loaded bundle says of itself.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Info<'a> {
    labels: &'a [String],
    card: &'a Card,
    architecture: &'a Architecture,
    max_tokens: usize,
    bytes: usize,
    kind: &'static str,
    methods: Vec<&'static str>,
    /// Whether a text is two, with the unit separator between them.
    pairs: bool,
    /// Whether it can be asked for reasons in words.
    reasons: bool,
    /// Whether its pairs are a question and one of its answers.
    choices: bool,
}

impl<'a> Info<'a> {
    pub(crate) fn new(model: &'a Model, bytes: usize) -> Self {
        let manifest = model.manifest();
        Self {
            labels: &manifest.labels,
            card: &manifest.card,
            architecture: &manifest.architecture,
            max_tokens: manifest.max_tokens,
            bytes,
            kind: manifest.kind.name(),
            methods: model.methods().iter().map(|&m| method_name(m)).collect(),
            pairs: model.reads_pairs(),
            reasons: model.gives_reasons(),
            choices: manifest.choices,
        }
    }
}

/// The answer for one text.
#[derive(Serialize)]
pub(crate) struct Answer<'a> {
    label: &'a str,
    scores: ByLabel<'a>,
    logits: Vec<f32>,
    tokens: usize,
    backend: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    truncated: Option<Truncated>,
    #[serde(skip_serializing_if = "Option::is_none")]
    words: Option<Vec<Word<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bias: Option<ByLabel<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    boundary: Option<ByLabel<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    explanation: Option<Found<'a>>,
}

/// How the words' weights were found.
#[derive(Serialize)]
struct Found<'a> {
    method: &'static str,
    nodes: usize,
    /// Largest gap of a class relative to the largest change of one.
    completeness: f32,
    /// What the words leave unaccounted for, special tokens included.
    remainder: ByLabel<'a>,
}

/// How much of the text was left out.
#[derive(Serialize)]
struct Truncated {
    /// Tokens in the whole text.
    tokens: usize,
    /// Where reading stopped in it, or in a pair's first text, in UTF-16 units.
    from: usize,
    /// Where it stopped in a pair's second text.
    #[serde(skip_serializing_if = "Option::is_none")]
    second: Option<usize>,
}

#[derive(Serialize)]
struct Word<'a> {
    text: &'a str,
    start: usize,
    end: usize,
    /// 1 for a word of the second text of a pair, whose units these are.
    #[serde(skip_serializing_if = "Option::is_none")]
    half: Option<usize>,
    weights: ByLabel<'a>,
}

/// One number for each label: `{ label: number }`.
struct ByLabel<'a> {
    labels: &'a [String],
    values: Vec<f32>,
}

impl Serialize for ByLabel<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.labels.iter().zip(&self.values))
    }
}

/// A reason in words.
#[derive(Serialize)]
pub(crate) struct Told<'a> {
    label: &'a str,
    text: String,
    tokens: Vec<ToldToken>,
}

/// One token of a reason.
#[derive(Serialize)]
pub(crate) struct ToldToken {
    text: String,
    probability: f32,
    copied: f32,
    /// How much it looked at each word of the text, in the order of an explanation's words.
    attention: Vec<f32>,
}

impl<'a> Told<'a> {
    pub(crate) fn new(reason: Reason, labels: &'a [String]) -> Self {
        let tokens = reason.tokens.iter();
        Self {
            label: &labels[reason.label],
            text: reason.text,
            tokens: tokens.map(ToldToken::new).collect(),
        }
    }
}

impl ToldToken {
    pub(crate) fn new(token: &ReasonToken) -> Self {
        Self {
            text: token.text.clone(),
            probability: token.probability,
            copied: token.copied,
            attention: token.attention.clone(),
        }
    }
}

impl<'a> Answer<'a> {
    pub(crate) fn new(answer: Classification, text: &'a str, labels: &'a [String]) -> Self {
        let by_label = |values| ByLabel { labels, values };
        let mut made = Self {
            label: &labels[answer.label],
            scores: by_label(answer.probabilities),
            logits: answer.logits,
            tokens: answer.tokens,
            backend: answer.backend.name(),
            reason: answer.reason,
            truncated: answer.truncated.map(|cut| Truncated {
                tokens: cut.tokens,
                from: cut.from.utf16,
                second: cut.second.map(|place| place.utf16),
            }),
            words: None,
            bias: None,
            boundary: None,
            explanation: None,
        };
        if let Some(explanation) = answer.explanation {
            made.explain(explanation.apart(text), text, labels);
        }
        made
    }

    fn explain(&mut self, explanation: Explanation, text: &'a str, labels: &'a [String]) {
        let by_label = |values| ByLabel { labels, values };
        let texts = explanation.texts(text);
        self.explanation = Some(Found {
            method: method_name(explanation.method),
            nodes: explanation.nodes,
            completeness: explanation.completeness(),
            remainder: by_label(explanation.remainder),
        });
        let words = explanation.words.into_iter().map(|word| Word {
            text: &texts[word.half][word.bytes],
            start: word.utf16.start,
            end: word.utf16.end,
            half: (word.half > 0).then_some(word.half),
            weights: by_label(word.weights),
        });
        self.words = Some(words.collect());
        self.bias = Some(by_label(explanation.bias));
        self.boundary = explanation.boundary.map(by_label);
    }
}
