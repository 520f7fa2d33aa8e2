//! Sizes of a model, and the checks on them.

use serde::Serialize;

use crate::error::Error;
use crate::json::{Fault, Fields, Json};
use crate::limits;

/// Which kind of model a bundle holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The small `BiLSTM` classifier.
    Student,
    /// A transformer classifier of the BERT family.
    Teacher,
}

impl Kind {
    /// The word in the manifest.
    pub fn name(self) -> &'static str {
        match self {
            Self::Student => "student",
            Self::Teacher => "teacher",
        }
    }
}

/// Sizes of a model, of the manifest's `kind`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Architecture {
    /// Of a student.
    Student(StudentShape),
    /// Of a teacher.
    Teacher(TeacherShape),
}

/// Sizes of a student.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct StudentShape {
    /// Pieces in the vocabulary, V.
    pub vocabulary: usize,
    /// Width of an embedding, E.
    pub embedding: usize,
    /// Hidden units of one LSTM direction, H.
    pub hidden: usize,
    /// Width of the attention's projection, A.
    pub attention: usize,
    /// Whether a token that stands in both texts of a pair is told so.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub shared: bool,
    /// Sizes of what says its reason in words, where there is such a part.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decoder: Option<DecoderShape>,
    /// Sizes of a teacher's first layers, where they read the text for it: what they make of a token stands behind its
    /// embedding.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoder: Option<EncoderShape>,
}

/// Sizes of a BERT encoder, or of its first layers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct EncoderShape {
    /// Width of a token's state, D.
    pub hidden: usize,
    /// Layers.
    pub layers: usize,
    /// Attention heads of a layer; D is a multiple of it.
    pub heads: usize,
    /// Width inside a feed-forward block, F.
    pub intermediate: usize,
    /// Rows of the position table: the longest text, `[CLS]` and `[SEP]` counted.
    pub positions: usize,
    /// Rows of the token-type table, of which the first is used; 0 where there is no such table.
    pub types: usize,
    /// Added to the variance in layer norms.
    pub epsilon: f32,
}

/// Sizes of the decoder that writes a student's reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct DecoderShape {
    /// Units of its LSTM, D.
    pub hidden: usize,
    /// Most tokens of a reason.
    pub tokens: usize,
    /// What it is started with, P: the same for every answer where 1, else one for each label.
    pub prefixes: usize,
}

/// Sizes and options of a teacher.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct TeacherShape {
    /// Pieces in the vocabulary, V.
    pub vocabulary: usize,
    /// Width of a token's state, D.
    pub hidden: usize,
    /// Encoder layers.
    pub layers: usize,
    /// Attention heads of a layer; D is a multiple of it.
    pub heads: usize,
    /// Width inside a feed-forward block, F.
    pub intermediate: usize,
    /// Rows of the position table: the longest text, `[CLS]` and `[SEP]` counted.
    pub positions: usize,
    /// Rows of the token-type table, of which the first is used; 0 where there is no such table.
    pub types: usize,
    /// What the states are pooled to.
    pub pooling: Pooling,
    /// The layer between pooling and classifier.
    pub dense: Activation,
    /// Added to the variance in layer norms.
    pub epsilon: f32,
}

/// How the states of a text become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Pooling {
    /// The first token's state.
    Cls,
    /// The mean over all tokens.
    Mean,
}

/// The layer between pooling and classifier, by its activation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Activation {
    /// There is no such layer.
    None,
    /// BERT's pooler.
    Tanh,
    /// DistilBERT's.
    Relu,
}

impl Architecture {
    /// The kind of model that has such sizes.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Student(_) => Kind::Student,
            Self::Teacher(_) => Kind::Teacher,
        }
    }

    /// Pieces in the vocabulary.
    pub fn vocabulary(&self) -> usize {
        match self {
            Self::Student(shape) => shape.vocabulary,
            Self::Teacher(shape) => shape.vocabulary,
        }
    }

    /// Columns of the classifier.
    pub fn pooled(&self) -> usize {
        match self {
            Self::Student(shape) => 2 * shape.hidden,
            Self::Teacher(shape) => shape.hidden,
        }
    }

    /// Checks every size, and what one text of `max_tokens` needs.
    pub(crate) fn check(&self, max_tokens: usize, labels: usize) -> Result<(), Error> {
        let positions = match self {
            Self::Student(shape) => shape.encoder.map(|encoder| encoder.positions),
            Self::Teacher(shape) => Some(shape.positions),
        };
        let most = positions.map_or(limits::TOKENS, |rows| rows.saturating_sub(SPECIALS));
        check_size(
            "architecture.vocabulary",
            self.vocabulary(),
            limits::VOCABULARY,
        )?;
        let row = match self {
            Self::Student(shape) => shape.check(labels)?,
            Self::Teacher(shape) => shape.check()?,
        };
        check_size("max_tokens", max_tokens, most)?;
        // And the contributions of a token and of a word.
        let row = row + 2 * labels;
        let mut found = (max_tokens as u64).saturating_mul(row as u64);
        if let Self::Student(StudentShape {
            decoder: Some(decoder),
            ..
        }) = self
        {
            // Where each token of a reason looked, in each of the reasons that are weighed up.
            let looked = (max_tokens * limits::BEAMS) as u64;
            found = found.max(looked.saturating_mul(decoder.tokens as u64));
        }
        if found > limits::ACTIVATIONS {
            return Err(Error::Activations { found, max_tokens });
        }
        Ok(())
    }
}

impl StudentShape {
    /// What the LSTM reads of a token: its embedding, and what the encoder makes of it.
    pub fn input(&self) -> usize {
        self.embedding + self.encoder.map_or(0, |encoder| encoder.hidden)
    }

    /// Rows of the encoder's table of words: one for each piece, and for what begins and ends a text, which is no piece.
    pub fn encoded(&self) -> usize {
        self.vocabulary + SPECIALS
    }

    /// Checks that two embedded numbers fill a byte.
    pub(crate) fn check_pairs(&self) -> Result<(), Error> {
        check_multiple("architecture.embedding", self.embedding, 2)
    }

    /// Checks that packed 4-bit rows of the encoder have whole groups of columns.
    pub(crate) fn check_groups(&self) -> Result<(), Error> {
        self.encoder
            .map_or(Ok(()), |encoder| encoder.check_groups(&OF_STUDENT))
    }

    /// From the manifest's `architecture`.
    pub(crate) fn parse(mut fields: Fields<'_>) -> Result<Self, Fault> {
        let mut size = |key| fields.need(key, Json::whole);
        let shape = Self {
            vocabulary: size("vocabulary"),
            embedding: size("embedding"),
            hidden: size("hidden"),
            attention: size("attention"),
            shared: fields.optional("shared", Json::flag),
            decoder: fields.optional("decoder", |decoder| {
                DecoderShape::parse(decoder.fields()?).map(Some)
            }),
            encoder: fields.optional("encoder", |encoder| {
                EncoderShape::parse(encoder.fields()?).map(Some)
            }),
        };
        fields.end()?;
        Ok(shape)
    }

    /// Checks the sizes, beside so many labels, and answers the floats that one token needs.
    fn check(&self, labels: usize) -> Result<usize, Error> {
        check_size("architecture.embedding", self.embedding, limits::COLUMNS)?;
        check_size("architecture.hidden", self.hidden, limits::HIDDEN)?;
        check_size("architecture.attention", self.attention, limits::COLUMNS)?;
        if let Some(decoder) = self.decoder {
            decoder.check(2 * self.hidden, labels)?;
        }
        let own = match &self.encoder {
            Some(encoder) => {
                let most = limits::COLUMNS - self.embedding;
                check_size(OF_STUDENT[0], encoder.hidden, most)?;
                encoder.check(&OF_STUDENT)?
            }
            None => 0,
        };
        // What is read, both directions' gates, both directions' states, the projection.
        Ok(own + self.input() + 8 * self.hidden + 2 * self.hidden + self.attention)
    }
}

/// What begins and what ends a text that an encoder reads.
const SPECIALS: usize = 2;

/// What an encoder's sizes are called, in the order of [`EncoderShape`]'s.
type Names = [&'static str; 7];

const OF_TEACHER: Names = [
    "architecture.hidden",
    "architecture.layers",
    "architecture.heads",
    "architecture.intermediate",
    "architecture.positions",
    "architecture.types",
    "architecture.epsilon",
];

const OF_STUDENT: Names = [
    "architecture.encoder.hidden",
    "architecture.encoder.layers",
    "architecture.encoder.heads",
    "architecture.encoder.intermediate",
    "architecture.encoder.positions",
    "architecture.encoder.types",
    "architecture.encoder.epsilon",
];

impl EncoderShape {
    /// From the manifest's `architecture.encoder`.
    fn parse(mut fields: Fields<'_>) -> Result<Self, Fault> {
        let mut size = |key| fields.need(key, Json::whole);
        let shape = Self {
            hidden: size("hidden"),
            layers: size("layers"),
            heads: size("heads"),
            intermediate: size("intermediate"),
            positions: size("positions"),
            types: size("types"),
            epsilon: fields.need("epsilon", Json::number) as f32,
        };
        fields.end()?;
        Ok(shape)
    }

    /// Checks the sizes and answers the floats that one token needs while one layer runs.
    fn check(&self, names: &Names) -> Result<usize, Error> {
        let [hidden, layers, heads, intermediate, positions, types, name] = *names;
        check_size(hidden, self.hidden, limits::COLUMNS)?;
        check_size(layers, self.layers, limits::LAYERS)?;
        check_size(heads, self.heads, self.hidden)?;
        check_size(intermediate, self.intermediate, limits::COLUMNS)?;
        check_size(positions, self.positions, limits::TOKENS)?;
        check_size(types, self.types.max(1), limits::TYPES)?;
        check_multiple(hidden, self.hidden, self.heads)?;
        if !limits::EPSILON.contains(&self.epsilon) {
            let found = self.epsilon;
            return Err(Error::Epsilon { name, found });
        }
        // Of a layer query, key, value, both sums and the inside of its feed-forward block, and one row of attention in
        // each head.
        let layer = 5 * self.hidden + self.intermediate;
        Ok(layer + self.heads * self.positions)
    }

    /// Checks that packed 4-bit rows have whole groups of columns.
    fn check_groups(&self, names: &Names) -> Result<(), Error> {
        let [hidden, _, _, intermediate, ..] = *names;
        check_multiple(hidden, self.hidden, limits::GROUP)?;
        check_multiple(intermediate, self.intermediate, limits::GROUP)
    }
}

impl DecoderShape {
    /// From the manifest's `architecture.decoder`.
    fn parse(mut fields: Fields<'_>) -> Result<Self, Fault> {
        let mut size = |key| fields.need(key, Json::whole);
        let shape = Self {
            hidden: size("hidden"),
            tokens: size("tokens"),
            prefixes: size("prefixes"),
        };
        fields.end()?;
        Ok(shape)
    }

    /// Checks the sizes beside encoder states of `wide` columns.
    fn check(&self, wide: usize, labels: usize) -> Result<(), Error> {
        let most = limits::COLUMNS.saturating_sub(wide).min(limits::HIDDEN);
        check_size("architecture.decoder.hidden", self.hidden, most)?;
        check_size("architecture.decoder.tokens", self.tokens, limits::REASON)?;
        if self.prefixes != 1 && self.prefixes != labels {
            return Err(Error::Prefixes {
                found: self.prefixes,
                labels,
            });
        }
        Ok(())
    }
}

impl TeacherShape {
    /// From the manifest's `architecture`.
    pub(crate) fn parse(mut fields: Fields<'_>) -> Result<Self, Fault> {
        let mut size = |key| fields.need(key, Json::whole);
        let shape = Self {
            vocabulary: size("vocabulary"),
            hidden: size("hidden"),
            layers: size("layers"),
            heads: size("heads"),
            intermediate: size("intermediate"),
            positions: size("positions"),
            types: size("types"),
            pooling: fields.word("pooling", &[("cls", Pooling::Cls), ("mean", Pooling::Mean)]),
            dense: fields.word(
                "dense",
                &[
                    ("none", Activation::None),
                    ("tanh", Activation::Tanh),
                    ("relu", Activation::Relu),
                ],
            ),
            epsilon: fields.need("epsilon", Json::number) as f32,
        };
        fields.end()?;
        Ok(shape)
    }

    /// Those of its encoder.
    pub fn encoder(&self) -> EncoderShape {
        EncoderShape {
            hidden: self.hidden,
            layers: self.layers,
            heads: self.heads,
            intermediate: self.intermediate,
            positions: self.positions,
            types: self.types,
            epsilon: self.epsilon,
        }
    }

    /// Checks the sizes and answers the floats that one token needs.
    fn check(&self) -> Result<usize, Error> {
        let one = self.encoder().check(&OF_TEACHER)?;
        // An explanation keeps all layers'.
        let layer = 5 * self.hidden + self.intermediate;
        Ok(one + (self.layers - 1) * layer)
    }

    /// Checks that packed 4-bit rows have whole groups of columns.
    pub(crate) fn check_groups(&self) -> Result<(), Error> {
        self.encoder().check_groups(&OF_TEACHER)
    }
}

fn check_size(name: &'static str, found: usize, most: usize) -> Result<(), Error> {
    if found == 0 || found > most {
        return Err(Error::Size { name, found, most });
    }
    Ok(())
}

fn check_multiple(name: &'static str, found: usize, of: usize) -> Result<(), Error> {
    if found.is_multiple_of(of) {
        return Ok(());
    }
    Err(Error::Multiple { name, found, of })
}
