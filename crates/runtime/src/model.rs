//! A bundle, ready to answer.

use stillglass_bundle::{Bundle, Manifest};
use stillglass_text::{Encoding, Options, Tokenizer, Truncated};

use crate::cpu;
use crate::student::{self, Pass};
use crate::{Error, Explain, Explanation};

/// Where a call was computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// The processor.
    Cpu,
}

impl Backend {
    /// The name that JavaScript and reports use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
        }
    }
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
    /// Tokens read.
    pub tokens: usize,
    /// Set when the text has more tokens than the model reads.
    pub truncated: Option<Truncated>,
    /// Set when asked for.
    pub explanation: Option<Explanation>,
    /// Where it was computed.
    pub backend: Backend,
}

/// A classifier made from a bundle.
#[derive(Debug)]
pub struct Model {
    bundle: Bundle,
    tokenizer: Tokenizer,
}

impl Model {
    /// Prepares a bundle, as [`Bundle::read`] gives it. Fails only when its vocabulary makes no
    /// tokenizer; after that no text makes a call fail. The reader bounds every weight so that no sum
    /// can leave the range of `f32`, so no answer is infinite or NaN.
    pub fn new(bundle: Bundle) -> Result<Self, Error> {
        let spec = &bundle.manifest.tokenizer;
        let options = Options {
            lowercase: spec.lowercase,
            strip_accents: spec.strip_accents,
            unknown: spec.unknown,
        };
        let tokenizer = Tokenizer::new(&bundle.vocabulary, options)?;
        Ok(Self { bundle, tokenizer })
    }

    /// The bundle the model was made from.
    pub fn bundle(&self) -> &Bundle {
        &self.bundle
    }

    /// The bundle's manifest: labels, sizes, card.
    pub fn manifest(&self) -> &Manifest {
        &self.bundle.manifest
    }

    /// The bundle's tokenizer.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// Answers each text on its own: a text's answer never depends on its neighbours.
    pub fn classify(&self, texts: &[&str], explain: Explain) -> Vec<Classification> {
        texts
            .iter()
            .map(|text| self.classify_one(text, explain))
            .collect()
    }

    /// Logits for token ids as [`Tokenizer::encode`] gives them, however many.
    pub fn classify_ids(&self, ids: &[u32]) -> Result<Vec<f32>, Error> {
        let vocabulary = self.bundle.student.embedding.rows;
        match ids.iter().find(|&&id| id as usize >= vocabulary) {
            Some(&id) => Err(Error::TokenId { id, vocabulary }),
            None => Ok(self.forward(ids).logits),
        }
    }

    fn classify_one(&self, text: &str, explain: Explain) -> Classification {
        let encoding = self.tokenizer.encode(text, self.bundle.manifest.max_tokens);
        let Encoding {
            ids,
            words,
            truncated,
            ..
        } = encoding;
        let Pass {
            contributions,
            logits,
        } = self.forward(&ids);
        let bias = &self.bundle.student.classifier.bias;
        let explanation = match explain {
            Explain::No => None,
            Explain::Native => Some(Explanation::new(&words, &contributions, bias)),
        };
        Classification {
            label: largest(&logits),
            probabilities: cpu::softmax(&logits),
            logits,
            tokens: ids.len(),
            truncated,
            explanation,
            backend: Backend::Cpu,
        }
    }

    fn forward(&self, ids: &[u32]) -> Pass {
        student::forward(&self.bundle.student, ids)
    }
}

/// Index of the largest value; the first of equals.
fn largest(values: &[f32]) -> usize {
    (0..values.len()).fold(0, |best, i| if values[i] > values[best] { i } else { best })
}
