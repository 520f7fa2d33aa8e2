//! A bundle, ready to answer.

use std::ops::ControlFlow;

use stillglass_bundle::{Architecture, Bundle, Kind, Manifest, Weights};
use stillglass_text::{Encoding, Options, Tokenizer};

use crate::answers::answer_rest;
use crate::classification::{check, methods};
use crate::encoder::Encoder;
use crate::network::{Cpu, Network};
use crate::pace::{Pace, Unhurried, at_once};
use crate::student::{self, Student};
use crate::teacher::{self, Teacher};
use crate::{Classification, Error, Method, Watch, decoder};

/// A classifier made from a bundle.
#[derive(Debug)]
pub struct Model {
    bundle: Bundle,
    tokenizer: Tokenizer,
    /// Of whichever kind the model is; the other stays empty.
    student: student::Desk,
    pub(crate) decoder: decoder::Desk,
    teacher: teacher::Desk,
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
            separator: spec.separator,
        };
        let tokenizer = Tokenizer::new(&bundle.vocabulary, options)?;
        Ok(Self {
            bundle,
            tokenizer,
            student: student::Desk::default(),
            decoder: decoder::Desk::default(),
            teacher: teacher::Desk::default(),
        })
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

    /// Whether a text is two with [`stillglass_text::SEPARATOR`] between them.
    pub fn reads_pairs(&self) -> bool {
        self.manifest().tokenizer.separator.is_some()
    }

    /// Whether no GPU is asked for it.
    pub(crate) fn stays_on_cpu(&self) -> bool {
        matches!(&self.bundle.weights, Weights::Student(weights) if student::stays_on_cpu(weights))
    }

    /// The methods that explain this kind of model, its own first.
    pub fn methods(&self) -> &'static [Method] {
        methods(self.manifest().kind)
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

    /// [`Self::classify`] for calls that take their time: `watch` is told how far it is, several times a
    /// second on most machines, and may break it off.
    pub fn classify_watched(
        &self,
        texts: &[&str],
        explain: Option<Method>,
        watch: &mut Watch,
    ) -> Result<Vec<Classification>, Error> {
        self.check(explain)?;
        let host = Unhurried::new(watch);
        let (pace, cpu) = (Pace::new(&host), Network::Cpu(self.cpu()));
        let texts = self.encode(texts);
        let mut answers = Vec::with_capacity(texts.len());
        let rest = answer_rest(self, cpu, &texts, explain, &pace, &mut answers);
        match at_once(rest) {
            Ok(()) => Ok(answers),
            Err(_) => Err(Error::BrokenOff),
        }
    }

    /// Logits for token ids as [`Tokenizer::encode`] gives them: any number for a student that reads embeddings alone, at
    /// most `max_tokens` for any other model.
    pub fn classify_ids(&self, ids: &[u32]) -> Result<Vec<f32>, Error> {
        let vocabulary = self.bundle.vocabulary.len();
        if let Some(&id) = ids.iter().find(|&&id| id as usize >= vocabulary) {
            return Err(Error::TokenId { id, vocabulary });
        }
        let (found, most) = (ids.len(), self.manifest().max_tokens);
        let bounded = self.manifest().kind == Kind::Teacher || self.has_encoder();
        if bounded && found > most {
            return Err(Error::TokenCount { found, most });
        }
        Ok(self.cpu().logits(ids))
    }

    /// Whether it is a student behind a teacher's first layers.
    fn has_encoder(&self) -> bool {
        matches!(&self.bundle.weights, Weights::Student(weights) if weights.encoder.is_some())
    }

    /// Refuses a method that the model does not have.
    pub(crate) fn check(&self, explain: Option<Method>) -> Result<(), Error> {
        check(self.manifest().kind, explain)
    }

    /// Texts as the model reads them.
    pub(crate) fn encode(&self, texts: &[&str]) -> Vec<Encoding> {
        let most = self.manifest().max_tokens;
        let encode = |text: &&str| self.tokenizer.encode(text, most);
        texts.iter().map(encode).collect()
    }

    /// The model on the CPU.
    pub(crate) fn cpu(&self) -> Cpu<'_> {
        match (&self.bundle.weights, &self.bundle.manifest.architecture) {
            (Weights::Student(weights), Architecture::Student(shape)) => {
                let desk = &self.student;
                let encoder = weights.encoder.as_deref().zip(shape.encoder);
                Cpu::Student(Student {
                    weights,
                    desk,
                    separator: self.manifest().tokenizer.separator,
                    encoder: encoder.map(|(weights, shape)| Encoder {
                        shape,
                        weights,
                        desk: &desk.encoder,
                    }),
                })
            }
            (Weights::Teacher(weights), Architecture::Teacher(shape)) => {
                let desk = &self.teacher;
                let teacher = Teacher {
                    shape,
                    weights,
                    desk,
                };
                Cpu::Teacher(teacher, self.specials())
            }
            _ => unreachable!("the reader matches weights and architecture"),
        }
    }

    /// The tokens that begin and end a teacher's text.
    pub(crate) fn specials(&self) -> [Option<u32>; 2] {
        let spec = &self.manifest().tokenizer;
        [spec.first, spec.last]
    }

    /// What each class starts from.
    pub(crate) fn bias(&self) -> &[f32] {
        match &self.bundle.weights {
            Weights::Student(weights) => &weights.classifier.bias,
            Weights::Teacher(weights) => &weights.classifier.bias,
        }
    }
}
