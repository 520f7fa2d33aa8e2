//! What a call asks for, and what it answers.

use stillglass_bundle::Kind;
use stillglass_text::{Encoding, Truncated};

use crate::explanation::Found;
use crate::student::Pass;
use crate::{Error, Explanation, Method, cpu};

/// Where a call was computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// The processor.
    Cpu,
    /// The graphics processor.
    Gpu,
}

impl Backend {
    /// The name that JavaScript and reports use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Gpu => "gpu",
        }
    }
}

/// Where a call is to be computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Choice {
    /// Where it is likely to be faster.
    #[default]
    Auto,
    /// On the processor.
    Cpu,
    /// On the graphics processor, also one that software imitates; on the processor where that fails.
    Gpu,
}

/// What a call asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// How to explain the answers, if at all.
    pub explain: Option<Method>,
    /// Where to compute them.
    pub backend: Choice,
}

/// The answer for one text.
#[derive(Clone, Debug, PartialEq)]
pub struct Classification {
    /// Index of the likeliest label; the first of equals.
    pub label: usize,
    /// One for each label, before softmax; always finite.
    pub logits: Vec<f32>,
    /// One for each label, in [0, 1], summing to 1.
    pub probabilities: Vec<f32>,
    /// Tokens of the text that were read; a teacher's special tokens are not counted.
    pub tokens: usize,
    /// Set when the text has more tokens than the model reads.
    pub truncated: Option<Truncated>,
    /// Set when asked for.
    pub explanation: Option<Explanation>,
    /// Where it was computed.
    pub backend: Backend,
    /// Why the processor answered a call that was the GPU's.
    pub reason: Option<String>,
}

impl Classification {
    /// What a pass over a text's tokens says, and what explains it.
    pub(crate) fn new(text: &Encoding, pass: Pass, found: Option<Found>, backend: Backend) -> Self {
        let logits = pass.logits;
        Self {
            label: largest(&logits),
            probabilities: cpu::softmax(&logits),
            logits,
            tokens: text.ids.len(),
            truncated: text.truncated,
            explanation: found.map(|found| Explanation::new(&text.words, found)),
            backend,
            reason: None,
        }
    }
}

/// The methods that explain a kind of model, its own first.
pub(crate) fn methods(kind: Kind) -> &'static [Method] {
    match kind {
        Kind::Student => &[Method::Native, Method::Occlusion],
        Kind::Teacher => &[Method::IntegratedGradients, Method::Occlusion],
    }
}

/// Refuses a method that a kind of model does not have.
pub(crate) fn check(kind: Kind, explain: Option<Method>) -> Result<(), Error> {
    let methods = methods(kind);
    match explain.filter(|method| !methods.contains(method)) {
        None => Ok(()),
        Some(method) => Err(Error::Method {
            method,
            kind: kind.name(),
            methods,
        }),
    }
}

/// Index of the largest value; the first of equals.
pub(crate) fn largest(values: &[f32]) -> usize {
    (0..values.len()).fold(0, |best, i| if values[i] > values[best] { i } else { best })
}
