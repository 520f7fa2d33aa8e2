//! The manifest: what a bundle says about itself, and the checks on it.

use serde::Serialize;

use crate::architecture::{Architecture, Kind, StudentShape, TeacherShape};
use crate::error::{Error, clip};
use crate::json::{Fault, Fields, Json, quote};
use crate::limits;
use crate::twice::first_twice;

/// The format this version writes and reads.
pub const FORMAT: &str = "stillglass/1";

/// The labels of what chooses among answers: what one is beside its question.
pub const CHOICES: [&str; 2] = ["wrong", "right"];

/// What a bundle says about itself: the JSON under `__metadata__["stillglass"]`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Manifest {
    /// Name and version of the format, [`FORMAT`].
    pub format: String,
    /// Which kind of model the tensors are.
    pub kind: Kind,
    /// The classes, in the order of the logits.
    pub labels: Vec<String>,
    /// Sizes of the model, of this `kind`.
    pub architecture: Architecture,
    /// How text becomes ids.
    pub tokenizer: TokenizerSpec,
    /// Whether it chooses among answers: its pairs are a question and one of its answers, its labels [`CHOICES`].
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub choices: bool,
    /// Tokens of a text that are read, special tokens not counted; the rest is cut off and reported.
    pub max_tokens: usize,
    /// How the weights are stored.
    pub quantization: Quantization,
    /// Where the model comes from and how good it is.
    pub card: Card,
    /// Hash of the file, 64 lower-case hexadecimal digits; see the crate's documentation.
    /// [`Bundle::write`](crate::Bundle::write) fills it in and ignores what is here.
    pub sha256: String,
}

/// How text becomes ids.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TokenizerSpec {
    /// The algorithm.
    pub kind: TokenizerKind,
    /// Whether text is lowercased first.
    pub lowercase: bool,
    /// Whether accents are removed first.
    pub strip_accents: bool,
    /// Id of the piece that stands for a word the vocabulary cannot spell.
    pub unknown: u32,
    /// Id of the piece between two texts, where the model reads pairs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub separator: Option<u32>,
    /// Id of the piece before a text (`[CLS]`), which a teacher has and a student has not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first: Option<u32>,
    /// Id of the piece after a text (`[SEP]`), likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<u32>,
    /// Id of the piece that stands for nothing (`[PAD]`), likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub padding: Option<u32>,
}

/// A tokenizer's algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TokenizerKind {
    /// BERT's `WordPiece`: longest match first, continuations spelt `##…`.
    WordPiece,
}

/// How the weights are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Quantization {
    /// Number format of the large matrices.
    pub weights: WeightFormat,
    /// That of the embeddings, where it is another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub embeddings: Option<WeightFormat>,
    /// That of the encoder of a student that has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoder: Option<WeightFormat>,
}

/// Number format of the large matrices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum WeightFormat {
    /// Symmetric 8-bit integers, -127 to 127, with one scale a row.
    Int8,
    /// Symmetric 4-bit integers, -7 to 7, two in a byte, with one scale for 32 columns; in a student its embeddings
    /// alone, with one scale a row.
    Int4,
}

/// Where a model comes from and how good it is; shown by `stillglass inspect` and in the app.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
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
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
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

impl Quantization {
    /// 8 bits everywhere.
    pub const INT8: Self = Self {
        weights: WeightFormat::Int8,
        embeddings: None,
        encoder: None,
    };

    /// A student's with embeddings of 4 bits.
    pub const SMALL_EMBEDDINGS: Self = Self {
        weights: WeightFormat::Int8,
        embeddings: Some(WeightFormat::Int4),
        encoder: None,
    };
}

impl Manifest {
    /// A manifest of this version with an empty card and no hash yet.
    pub fn new(
        labels: Vec<String>,
        architecture: Architecture,
        tokenizer: TokenizerSpec,
        max_tokens: usize,
        quantization: Quantization,
    ) -> Self {
        Self {
            format: FORMAT.to_owned(),
            kind: architecture.kind(),
            labels,
            architecture,
            tokenizer,
            choices: false,
            max_tokens,
            quantization,
            card: Card::default(),
            sha256: String::new(),
        }
    }

    /// A student's manifest of this version, with an empty card and no hash yet.
    pub fn student(
        labels: Vec<String>,
        architecture: StudentShape,
        tokenizer: TokenizerSpec,
        max_tokens: usize,
    ) -> Self {
        let architecture = Architecture::Student(architecture);
        Self::new(
            labels,
            architecture,
            tokenizer,
            max_tokens,
            Quantization::INT8,
        )
    }

    /// Parses the JSON text and makes every check that needs no tensor. Fields that this version does not
    /// know are passed over here and in the card.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let mut fields = Json::parse("manifest", text)?.fields()?;
        let [format, kind] = ["format", "kind"].map(|key| fields.need(key, Json::text));
        fields.sound()?;
        if format != FORMAT {
            return Err(Error::Format(clip(&format)));
        }
        let [sizes, tokenizer, quantization] =
            ["architecture", "tokenizer", "quantization"].map(|key| fields.need(key, Json::fields));
        let labels = fields.need("labels", texts);
        let choices = fields.optional("choices", Json::flag);
        let max_tokens = fields.need("max_tokens", Json::whole);
        let card = fields.optional("card", Card::parse);
        let sha256 = fields.need("sha256", Json::text);
        fields.sound()?;
        let architecture = match kind.as_str() {
            "student" => Architecture::Student(StudentShape::parse(sizes)?),
            "teacher" => Architecture::Teacher(TeacherShape::parse(sizes)?),
            other => return Err(Error::Kind(clip(other))),
        };
        let manifest = Self {
            format,
            kind: architecture.kind(),
            labels,
            architecture,
            tokenizer: TokenizerSpec::parse(tokenizer)?,
            choices,
            max_tokens,
            quantization: Quantization::parse(quantization)?,
            card,
            sha256,
        };
        manifest.check()?;
        Ok(manifest)
    }

    /// The writer's checks of the manifest, before there is a model: what passes can be written, as long
    /// as the table of tensors and what the card still gets take at most `spare` bytes of the header.
    pub fn check_ahead(&self, spare: u64) -> Result<(), Error> {
        self.check()?;
        let text = self.to_json()?;
        // The header holds that text as a JSON string, escaped once more.
        match quote(&text).len() as u64 + spare {
            bytes if bytes > limits::HEADER_BYTES => Err(Error::HeaderSize(bytes)),
            _ => Ok(()),
        }
    }

    /// The text that the header gets.
    pub(crate) fn to_json(&self) -> Result<String, Error> {
        serde_json::to_string(self).map_err(|error| Error::Manifest(clip(&error.to_string())))
    }

    /// Every check that needs no tensor and no hash.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.format != FORMAT {
            return Err(Error::Format(clip(&self.format)));
        }
        if self.kind != self.architecture.kind() {
            return Err(Error::Kind(self.kind.name().to_owned()));
        }
        self.check_labels()?;
        self.architecture
            .check(self.max_tokens, self.labels.len())?;
        self.check_quantization()?;
        self.check_ids()?;
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
            None if self.choices
                && (self.labels != CHOICES || self.tokenizer.separator.is_none()) =>
            {
                Err(Error::Choices)
            }
            None => Ok(()),
        }
    }

    fn check_quantization(&self) -> Result<(), Error> {
        const INT4: Option<WeightFormat> = Some(WeightFormat::Int4);
        let Quantization {
            weights,
            embeddings,
            encoder,
        } = self.quantization;
        match &self.architecture {
            Architecture::Student(shape) => {
                if weights != WeightFormat::Int8
                    || embeddings == Some(WeightFormat::Int8)
                    || encoder.is_some() != shape.encoder.is_some()
                {
                    return Err(Error::Quantization);
                }
                if embeddings == INT4 {
                    shape.check_pairs()?;
                }
                if encoder == INT4 {
                    shape.check_groups()?;
                }
                Ok(())
            }
            Architecture::Teacher(_) if encoder.is_some() => Err(Error::Quantization),
            Architecture::Teacher(shape) if weights == WeightFormat::Int4 || embeddings == INT4 => {
                shape.check_groups()
            }
            Architecture::Teacher(_) => Ok(()),
        }
    }

    fn check_ids(&self) -> Result<(), Error> {
        let TokenizerSpec {
            unknown,
            separator,
            first,
            last,
            padding,
            ..
        } = self.tokenizer;
        if let (Architecture::Student(shape), None) = (&self.architecture, separator)
            && shape.shared
        {
            return Err(Error::Shared);
        }
        let (kind, vocabulary) = (self.kind, self.architecture.vocabulary());
        for (name, id, wanted) in [
            ("unknown", Some(unknown), true),
            ("separator", separator, separator.is_some()),
            ("first", first, kind == Kind::Teacher),
            ("last", last, kind == Kind::Teacher),
            ("padding", padding, kind == Kind::Teacher),
        ] {
            let inside = id.is_some_and(|id| (id as usize) < vocabulary);
            if id.is_some() != wanted || wanted && !inside {
                return Err(Error::TokenId {
                    name,
                    found: id,
                    vocabulary: if wanted { vocabulary } else { 0 },
                });
            }
        }
        Ok(())
    }
}

impl TokenizerSpec {
    fn parse(mut fields: Fields<'_>) -> Result<Self, Fault> {
        let [separator, first, last, padding] = ["separator", "first", "last", "padding"]
            .map(|key| fields.optional(key, |id| id.whole().map(Some)));
        let spec = Self {
            kind: fields.word("kind", &[("wordpiece", TokenizerKind::WordPiece)]),
            lowercase: fields.need("lowercase", Json::flag),
            strip_accents: fields.need("strip_accents", Json::flag),
            unknown: fields.need("unknown", Json::whole),
            separator,
            first,
            last,
            padding,
        };
        fields.end()?;
        Ok(spec)
    }
}

impl Quantization {
    fn parse(mut fields: Fields<'_>) -> Result<Self, Fault> {
        let formats = [("int8", WeightFormat::Int8), ("int4", WeightFormat::Int4)];
        let mut other = |key| fields.has(key).then(|| fields.word(key, &formats));
        let [embeddings, encoder] = ["embeddings", "encoder"].map(&mut other);
        let quantization = Self {
            weights: fields.word("weights", &formats),
            embeddings,
            encoder,
        };
        fields.end()?;
        Ok(quantization)
    }
}

impl Card {
    fn parse(value: Json<'_>) -> Result<Self, Fault> {
        let mut fields = value.fields()?;
        let metrics = fields.optional("metrics", |list| {
            list.list()?.into_iter().map(Metric::parse).collect()
        });
        let mut text = |key| fields.optional(key, Json::text);
        let card = Self {
            name: text("name"),
            description: text("description"),
            recipe: text("recipe"),
            data: text("data"),
            data_licence: text("data_licence"),
            metrics,
            base_model: text("base_model"),
            base_licence: text("base_licence"),
            date: text("date"),
            trainer_version: text("trainer_version"),
        };
        fields.sound()?;
        Ok(card)
    }
}

impl Metric {
    fn parse(value: Json<'_>) -> Result<Self, Fault> {
        let mut fields = value.fields()?;
        let metric = Self {
            name: fields.optional("name", Json::text),
            value: fields.optional("value", Json::number),
            split: fields.optional("split", Json::text),
            seeds: fields.optional("seeds", Json::whole),
            note: fields.optional("note", |note| note.text().map(Some)),
        };
        fields.sound()?;
        Ok(metric)
    }
}

/// A list of texts.
fn texts(list: Json<'_>) -> Result<Vec<String>, Fault> {
    list.list()?.into_iter().map(Json::text).collect()
}
