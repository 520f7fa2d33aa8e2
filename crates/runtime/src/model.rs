//! A bundle, ready to answer.

use std::ops::ControlFlow;

use stillglass_bundle::{Architecture, Bundle, Kind, Manifest, StudentWeights, Weights};
use stillglass_text::{Encoding, Options, Tokenizer, Truncated, Word};

use crate::cpu;
use crate::explanation::{Found, Watch, by_word};
use crate::student::{self, Pass};
use crate::teacher::{Keep, Teacher};
use crate::{Error, Explanation, Method, gradients, occlusion};

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
    /// Tokens of the text that were read; a teacher's special tokens are not counted.
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
        let tokenizer = Tokenizer::new(bundle.vocabulary.clone(), options)?;
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

    /// The methods that explain this kind of model, its own first.
    pub fn methods(&self) -> &'static [Method] {
        match self.manifest().kind {
            Kind::Student => &[Method::Native, Method::Occlusion],
            Kind::Teacher => &[Method::IntegratedGradients, Method::Occlusion],
        }
    }

    /// Answers each text on its own: a text's answer never depends on its neighbours, nor on whether it
    /// is explained. Fails only when the model does not have the method.
    pub fn classify(
        &self,
        texts: &[&str],
        explain: Option<Method>,
    ) -> Result<Vec<Classification>, Error> {
        self.classify_watched(texts, explain, &mut |_| ControlFlow::Continue(()))
    }

    /// [`Self::classify`] for explanations that take their time: `watch` is told how far each text's is,
    /// several times a second on most machines, and may break off the whole call.
    pub fn classify_watched(
        &self,
        texts: &[&str],
        explain: Option<Method>,
        watch: &mut Watch,
    ) -> Result<Vec<Classification>, Error> {
        let methods = self.methods();
        if let Some(method) = explain.filter(|method| !methods.contains(method)) {
            let kind = self.manifest().kind.name();
            return Err(Error::Method {
                method,
                kind,
                methods,
            });
        }
        let answer = |text: &&str| match self.classify_one(text, explain, watch) {
            ControlFlow::Continue(answer) => Ok(answer),
            ControlFlow::Break(()) => Err(Error::BrokenOff),
        };
        texts.iter().map(answer).collect()
    }

    /// Logits for token ids as [`Tokenizer::encode`] gives them: any number for a student, at most
    /// `max_tokens` for a teacher.
    pub fn classify_ids(&self, ids: &[u32]) -> Result<Vec<f32>, Error> {
        let vocabulary = self.bundle.vocabulary.len();
        if let Some(&id) = ids.iter().find(|&&id| id as usize >= vocabulary) {
            return Err(Error::TokenId { id, vocabulary });
        }
        let (found, most) = (ids.len(), self.manifest().max_tokens);
        if self.manifest().kind == Kind::Teacher && found > most {
            return Err(Error::TokenCount { found, most });
        }
        Ok(self.pass(ids).logits)
    }

    fn classify_one(
        &self,
        text: &str,
        explain: Option<Method>,
        watch: &mut Watch,
    ) -> ControlFlow<(), Classification> {
        let encoding = self.tokenizer.encode(text, self.bundle.manifest.max_tokens);
        let Encoding {
            ids,
            words,
            truncated,
            ..
        } = encoding;
        let pass = self.pass(&ids);
        let explanation = match explain {
            None => None,
            Some(method) => {
                let found = self.explain(method, &ids, &words, &pass, watch)?;
                Some(Explanation::new(&words, found))
            }
        };
        let logits = pass.logits;
        ControlFlow::Continue(Classification {
            label: largest(&logits),
            probabilities: cpu::softmax(&logits),
            logits,
            tokens: ids.len(),
            truncated,
            explanation,
            backend: Backend::Cpu,
        })
    }

    /// Logits for any tokens of the text, and a student's contributions.
    fn pass(&self, ids: &[u32]) -> Pass {
        match self.network() {
            Network::Student(weights) => student::forward(weights, ids),
            Network::Teacher(teacher) => {
                let ids = self.with_specials(ids);
                let words = teacher.embed(&ids);
                Pass {
                    contributions: Vec::new(),
                    logits: teacher.forward(words, &[ids.len()], Keep::Logits).logits,
                }
            }
        }
    }

    fn explain(
        &self,
        method: Method,
        ids: &[u32],
        words: &[Word],
        pass: &Pass,
        watch: &mut Watch,
    ) -> ControlFlow<(), Found> {
        match (method, self.network()) {
            (Method::Native, Network::Student(weights)) => {
                let bias = &weights.classifier.bias;
                ControlFlow::Continue(Found {
                    method,
                    words: by_word(words, &pass.contributions, bias.len()),
                    bias: bias.clone(),
                    outcome: pass.logits.clone(),
                    nodes: 0,
                })
            }
            (Method::IntegratedGradients, Network::Teacher(teacher)) => {
                let padding = self.manifest().tokenizer.padding.unwrap_or_default();
                gradients::explain(&teacher, &self.with_specials(ids), padding, words, watch)
            }
            // The one method that every model has; others were refused before.
            _ => occlusion::explain(ids, words, &pass.logits, |ids| self.pass(ids).logits, watch),
        }
    }

    fn network(&self) -> Network<'_> {
        match (&self.bundle.weights, &self.bundle.manifest.architecture) {
            (Weights::Student(weights), _) => Network::Student(weights),
            (Weights::Teacher(weights), Architecture::Teacher(shape)) => {
                Network::Teacher(Teacher { shape, weights })
            }
            _ => unreachable!("the reader matches weights and architecture"),
        }
    }

    /// The tokens between the pieces that begin and end a teacher's text.
    fn with_specials(&self, ids: &[u32]) -> Vec<u32> {
        let spec = &self.manifest().tokenizer;
        let ends = spec.first.into_iter().chain(ids.iter().copied());
        ends.chain(spec.last).collect()
    }
}

/// What there is to run.
enum Network<'a> {
    Student(&'a StudentWeights),
    Teacher(Teacher<'a>),
}

/// Index of the largest value; the first of equals.
fn largest(values: &[f32]) -> usize {
    (0..values.len()).fold(0, |best, i| if values[i] > values[best] { i } else { best })
}
