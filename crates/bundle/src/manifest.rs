//! The manifest: what a bundle says about itself, and the checks on it.

use serde::{Deserialize, Serialize};

use crate::error::{Error, clip};
use crate::limits;
use crate::twice::first_twice;

/// The format this version writes and reads.
pub const FORMAT: &str = "stillglass/1";

/// What a bundle says about itself: the JSON under `__metadata__["stillglass"]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Name and version of the format, [`FORMAT`].
    pub format: String,
    /// Which kind of model the tensors are.
    pub kind: Kind,
    /// The classes, in the order of the logits.
    pub labels: Vec<String>,
    /// Sizes of the model.
    pub architecture: StudentShape,
    /// How text becomes ids.
    pub tokenizer: TokenizerSpec,
    /// Tokens of a text that are read; the rest is cut off and reported.
    pub max_tokens: usize,
    /// How the weights are stored.
    pub quantization: Quantization,
    /// Where the model comes from and how good it is.
    #[serde(default)]
    pub card: Card,
    /// Hash of the file, 64 lower-case hexadecimal digits; see the crate's documentation.
    /// [`Bundle::write`](crate::Bundle::write) fills it in and ignores what is here.
    pub sha256: String,
}

/// Which kind of model a bundle holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The small `BiLSTM` classifier.
    Student,
    /// A transformer classifier; this version names it and does not read it.
    Teacher,
}

/// Sizes of a student.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StudentShape {
    /// Pieces in the vocabulary, V.
    pub vocabulary: usize,
    /// Width of an embedding, E.
    pub embedding: usize,
    /// Hidden units of one LSTM direction, H.
    pub hidden: usize,
    /// Width of the attention's projection, A.
    pub attention: usize,
}

/// How text becomes ids.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenizerSpec {
    /// The algorithm.
    pub kind: TokenizerKind,
    /// Whether text is lowercased first.
    pub lowercase: bool,
    /// Whether accents are removed first.
    pub strip_accents: bool,
    /// Id of the piece that stands for a word the vocabulary cannot spell.
    pub unknown: u32,
}

/// A tokenizer's algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TokenizerKind {
    /// BERT's `WordPiece`: longest match first, continuations spelt `##…`.
    WordPiece,
}

/// How the weights are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quantization {
    /// Number format of the large matrices.
    pub weights: WeightFormat,
}

/// Number format of the large matrices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WeightFormat {
    /// Symmetric 8-bit integers, -127 to 127, with one scale a row.
    Int8,
}

/// Where a model comes from and how good it is; shown by `stillglass inspect` and in the app.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Card {
    /// Name to show.
    pub name: String,
    /// What the model decides, in a sentence or two.
    pub description: String,
    /// The recipe: its resolved text or its name.
    pub recipe: String,
    /// Name of the training data.
    pub data: String,
    /// Licence of the training data.
    pub data_licence: String,
    /// Measured figures.
    pub metrics: Vec<Metric>,
    /// The pretrained model the teacher started from.
    pub base_model: String,
    /// Licence of that model.
    pub base_licence: String,
    /// Day of the export, `YYYY-MM-DD`.
    pub date: String,
    /// Version of the trainer that exported the bundle.
    pub trainer_version: String,
}

/// One measured figure.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Metric {
    /// What was measured, as `accuracy`.
    pub name: String,
    /// The figure, a mean when there were several seeds.
    pub value: f64,
    /// The rows it was measured on, as `test`.
    pub split: String,
    /// Number of seeds the figure is a mean of.
    pub seeds: u32,
    /// Anything needed to read the figure rightly.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// The two fields that say whether the rest can be understood.
#[derive(Deserialize)]
struct Identity {
    format: String,
    kind: String,
}

impl Manifest {
    /// A student's manifest for this version, with int8 weights, an empty card and no hash yet.
    pub fn student(
        labels: Vec<String>,
        architecture: StudentShape,
        tokenizer: TokenizerSpec,
        max_tokens: usize,
    ) -> Self {
        Self {
            format: FORMAT.to_owned(),
            kind: Kind::Student,
            labels,
            architecture,
            tokenizer,
            max_tokens,
            quantization: Quantization {
                weights: WeightFormat::Int8,
            },
            card: Card::default(),
            sha256: String::new(),
        }
    }

    /// Parses the JSON text and makes every check that needs no tensor.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let broken = |error: serde_json::Error| Error::Manifest(clip(&error.to_string()));
        let identity: Identity = serde_json::from_str(text).map_err(broken)?;
        if identity.format != FORMAT {
            return Err(Error::Format(clip(&identity.format)));
        }
        match identity.kind.as_str() {
            "student" => {}
            "teacher" => return Err(Error::Teacher),
            other => return Err(Error::Kind(clip(other))),
        }
        let manifest: Self = serde_json::from_str(text).map_err(broken)?;
        manifest.check()?;
        Ok(manifest)
    }

    /// The writer's checks of the manifest, before there is a model: what passes can be written, as long
    /// as the table of tensors and what the card still gets take at most `spare` bytes of the header.
    pub fn check_ahead(&self, spare: u64) -> Result<(), Error> {
        self.check()?;
        let broken = |error: serde_json::Error| Error::Manifest(clip(&error.to_string()));
        let text = serde_json::to_string(self).map_err(broken)?;
        // The header holds that text as a JSON string, escaped once more.
        let escaped = serde_json::to_string(&text).map_err(broken)?;
        match escaped.len() as u64 + spare {
            bytes if bytes > limits::HEADER_BYTES => Err(Error::HeaderSize(bytes)),
            _ => Ok(()),
        }
    }

    /// Every check that needs no tensor and no hash.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.format != FORMAT {
            return Err(Error::Format(clip(&self.format)));
        }
        if self.kind == Kind::Teacher {
            return Err(Error::Teacher);
        }
        self.check_labels()?;
        self.check_sizes()?;
        let (unknown, vocabulary) = (self.tokenizer.unknown, self.architecture.vocabulary);
        if unknown as usize >= vocabulary {
            return Err(Error::UnknownId {
                unknown,
                vocabulary,
            });
        }
        match self.card.metrics.iter().find(|m| !m.value.is_finite()) {
            Some(metric) => Err(Error::Metric(clip(&metric.name))),
            None => Ok(()),
        }
    }

    fn check_labels(&self) -> Result<(), Error> {
        let count = self.labels.len();
        if !(limits::LABELS_LEAST..=limits::LABELS).contains(&count) {
            return Err(Error::LabelCount(count));
        }
        for (index, label) in self.labels.iter().enumerate() {
            if label.trim().is_empty() {
                return Err(Error::LabelEmpty(index));
            }
            if label.len() > limits::LABEL_BYTES || label.chars().any(char::is_control) {
                return Err(Error::LabelText {
                    index,
                    label: clip(label),
                });
            }
        }
        match first_twice(self.labels.iter().map(String::as_str)) {
            Some(twice) => Err(Error::LabelTwice(clip(twice.text))),
            None => Ok(()),
        }
    }

    fn check_sizes(&self) -> Result<(), Error> {
        let StudentShape {
            vocabulary,
            embedding,
            hidden,
            attention,
        } = self.architecture;
        for (name, found, most) in [
            ("architecture.vocabulary", vocabulary, limits::VOCABULARY),
            ("architecture.embedding", embedding, limits::COLUMNS),
            ("architecture.hidden", hidden, limits::HIDDEN),
            ("architecture.attention", attention, limits::COLUMNS),
            ("max_tokens", self.max_tokens, limits::TOKENS),
        ] {
            if found == 0 || found > most {
                return Err(Error::Size { name, found, most });
            }
        }
        // Per token: the embedding, both directions' gates, both directions' states, the projection, and
        // the contributions of a token and of a word.
        let labels = self.labels.len();
        let row = embedding + 8 * hidden + 2 * hidden + attention + 2 * labels;
        let found = self.max_tokens as u64 * row as u64;
        if found > limits::ACTIVATIONS {
            return Err(Error::Activations {
                found,
                max_tokens: self.max_tokens,
            });
        }
        Ok(())
    }
}
