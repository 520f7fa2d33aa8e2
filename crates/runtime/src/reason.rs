//! A student's reason in words.

use std::ops::ControlFlow;

use stillglass_bundle::limits::BEAMS;
use stillglass_bundle::{Architecture, DecoderWeights, StudentShape, StudentWeights, Weights};
use stillglass_text::{Encoding, Word, Writer};

use crate::classification::largest;
use crate::decoder::{Decoder, Said};
use crate::explanation::column_sums;
use crate::network::Cpu;
use crate::{Error, Model};

/// Is told every token of a reason as it comes, and may break it off.
pub type Telling<'a> = dyn FnMut(&ReasonToken) -> ControlFlow<()> + 'a;

/// Why a student says it answered as it did. It is written by the same network from what it has read, but nothing
/// makes it true: what the answer was made of is the [`Explanation`](crate::Explanation)'s to say.
#[derive(Clone, Debug, PartialEq)]
pub struct Reason {
    /// The answer that it was written beside: index of the likeliest label.
    pub label: usize,
    /// The text of all tokens.
    pub text: String,
    /// Its tokens.
    pub tokens: Vec<ReasonToken>,
}

/// One token of a reason.
#[derive(Clone, Debug, PartialEq)]
pub struct ReasonToken {
    /// What it adds to the text, blanks before it included.
    pub text: String,
    /// Its probability after the tokens before it.
    pub probability: f32,
    /// How much of that was copied from the text read, 0 to 1.
    pub copied: f32,
    /// How much it looked at each word of the text read, in their order, what parts the texts of a pair left out; summing
    /// to 1 at most.
    pub attention: Vec<f32>,
}

impl Model {
    /// Whether the model can be asked for a [`Reason`].
    pub fn gives_reasons(&self) -> bool {
        self.speaker().is_some()
    }

    /// The reason for the answer to a text, greedily with one beam, else the best that so many find. With one beam
    /// `each` is told every token at once. It runs on the CPU: a token takes less than a GPU takes to answer.
    pub fn reason(&self, text: &str, beams: usize, each: &mut Telling) -> Result<Reason, Error> {
        let (shape, weights, decoder) = self.speaker().ok_or(Error::NoDecoder)?;
        let (manifest, Cpu::Student(student)) = (self.manifest(), self.cpu()) else {
            return Err(Error::NoDecoder);
        };
        let encoding = self.tokenizer().encode(text, manifest.max_tokens);
        let spec = &manifest.tokenizer;
        let speaker = Decoder {
            weights: decoder,
            embedding: &weights.embedding,
            desk: &self.decoder,
            most: shape.decoder.map_or(0, |decoder| decoder.tokens),
            unsayable: [Some(spec.unknown), spec.separator],
        };
        let beams = beams.clamp(1, BEAMS);
        let mut writer = Writer::new(spec.lowercase);
        let (label, said) = student.read(&encoding.ids, |read| {
            let label = largest(&read.pass.logits);
            let by_label = decoder.prefix.len() > weights.embedding.columns;
            let prefix = if by_label { label } else { 0 };
            let mut told = |said: &Said| each(&self.told(said, &encoding, &mut writer));
            let said = speaker.write(&encoding.ids, read, prefix, beams, &mut told);
            (label, said)
        });
        let mut writer = Writer::new(spec.lowercase);
        let told = said.iter();
        let told = told.map(|said| self.told(said, &encoding, &mut writer));
        Ok(Reason {
            label,
            tokens: told.collect(),
            text: writer.text().to_owned(),
        })
    }

    /// A token in the reason's text so far, and where among the text's words it looked.
    fn told(
        &self,
        said: &Said,
        Encoding { ids, words, .. }: &Encoding,
        writer: &mut Writer,
    ) -> ReasonToken {
        let separator = self.manifest().tokenizer.separator;
        let between = words
            .iter()
            .position(|word| separator == Some(ids[word.tokens.start]));
        let look = |word: &Word| column_sums(&said.attention, &word.tokens, 1)[0];
        ReasonToken {
            text: writer
                .push(&self.bundle().vocabulary[said.id as usize])
                .to_owned(),
            probability: said.probability,
            copied: said.copied,
            attention: (0..words.len())
                .filter(|place| Some(*place) != between)
                .map(|place| look(&words[place]))
                .collect(),
        }
    }

    /// The parts that a reason is written by.
    fn speaker(&self) -> Option<(&StudentShape, &StudentWeights, &DecoderWeights)> {
        let Weights::Student(weights) = &self.bundle().weights else {
            return None;
        };
        let Architecture::Student(shape) = &self.manifest().architecture else {
            return None;
        };
        Some((shape, weights, weights.decoder.as_ref()?))
    }
}
