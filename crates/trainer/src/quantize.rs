//! Exports a fine-tuned teacher as a bundle: vocabulary pruned, weights quantized, the result checked
//! through the runtime.

mod layers;
mod verify;

use std::collections::HashMap;

use anyhow::{Context, Result, bail, ensure};
use stillglass_bundle::{
    Activation, Architecture, Bundle, Card, Dense, EncoderShape, EncoderWeights, Layer, Linear,
    Manifest, Matrix, Norm, Packed, Pooling, Quantization, Quantized, TeacherShape, TeacherWeights,
    TokenizerKind, TokenizerSpec, WeightFormat, Weights as Numbers, limits,
};
use stillglass_text::SEPARATOR;

use crate::inputs::{Inputs, Moments};
use crate::recipe;
use crate::rounding::for_inputs;
use crate::teacher::{Config, Family, Names, Part, Teacher, Weights};
use crate::vocabulary::Vocabulary;

pub use layers::{Outline, first_layers};
pub use verify::{Fidelity, Likeness, float_logits, likeness, verify};

/// The pieces a bundle keeps, and where they stood in the teacher's table.
#[derive(Debug, Clone)]
pub struct Kept {
    vocabulary: Vocabulary,
    /// `[pieces]`, ascending.
    old: Vec<u32>,
    first: u32,
    last: u32,
    padding: u32,
}

impl Kept {
    /// All of the teacher's pieces.
    pub fn full(teacher: &Teacher) -> Result<Self> {
        let full = whole_vocabulary(teacher)?;
        Self::new(teacher, &full, full.clone())
    }

    /// The pieces that `texts` use at least `min_count` times, every single character, and those with a
    /// part to play. Where a text is a pair, the bundle reads pairs.
    pub fn pruned(teacher: &Teacher, texts: &[&str], min_count: usize) -> Result<Self> {
        let mut full = whole_vocabulary(teacher)?;
        if texts.iter().any(|text| text.contains(SEPARATOR)) {
            full = full.of_pairs();
        }
        let (first, last) = teacher.tokenizer.special()?;
        let special = [first, last, teacher.config.padding];
        let pruned = full.pruned_but(texts, min_count, &special)?;
        Self::new(teacher, &full, pruned)
    }

    fn new(teacher: &Teacher, full: &Vocabulary, vocabulary: Vocabulary) -> Result<Self> {
        let full = &full.pieces;
        let ids: HashMap<&str, u32> = full.iter().map(String::as_str).zip(0..).collect();
        let old: Vec<u32> = vocabulary
            .pieces
            .iter()
            .map(|piece| ids[piece.as_str()])
            .collect();
        let new = |what: &str, id: u32| {
            let place = old.iter().position(|old| *old == id);
            place.map(|id| id as u32).with_context(|| {
                format!(
                    "the teacher's {what} piece has the id {id}, which tokenizer.json does not list"
                )
            })
        };
        let (first, last) = teacher.tokenizer.special()?;
        Ok(Self {
            first: new("first", first)?,
            last: new("last", last)?,
            padding: new("padding", teacher.config.padding)?,
            vocabulary,
            old,
        })
    }

    /// The same pieces for a bundle that reads pairs.
    #[must_use]
    pub fn of_pairs(mut self) -> Self {
        self.vocabulary = self.vocabulary.of_pairs();
        self
    }

    /// How many.
    pub fn count(&self) -> usize {
        self.old.len()
    }

    /// Some texts for [`verify`] where nobody brought any: the vocabulary's own words, in sentences.
    pub fn sentences(&self) -> Vec<String> {
        let word = |piece: &&String| piece.chars().all(char::is_alphanumeric);
        let words: Vec<&String> = self.vocabulary.pieces.iter().filter(word).collect();
        let step = (words.len() / 1000).max(1);
        let some: Vec<&str> = words
            .iter()
            .step_by(step)
            .map(|word| word.as_str())
            .collect();
        some.chunks(10).map(|words| words.join(" ")).collect()
    }
}

/// Every piece of a teacher that bundles can hold; errors for the others.
fn whole_vocabulary(teacher: &Teacher) -> Result<Vocabulary> {
    if teacher.config.family == Family::Roberta {
        bail!(
            "the teacher is a RoBERTa; bundles hold bert and distilbert teachers: fine-tune one of these, \
             or distil a student from this one"
        );
    }
    let pieces = teacher.tokenizer.word_pieces()?.context(
        "the teacher's tokenizer is not a WordPiece with ##, which bundles need; fine-tune a checkpoint \
         that has one, or distil a student from this one",
    )?;
    teacher.tokenizer.check_for_bundle()?;
    let (lowercase, strip_accents) = teacher.tokenizer.normalisation()?;
    Vocabulary::new(pieces, lowercase, strip_accents)
}

/// How many bits a weight has, and how many tokens of a text are read.
#[derive(Debug, Clone, Copy)]
pub struct Storage {
    /// Of the encoder's and the head's matrices.
    pub weights: WeightFormat,
    /// Of the word and position embeddings.
    pub embeddings: WeightFormat,
    /// Special tokens not counted; as many as there are positions for where it is `None`.
    pub max_tokens: Option<usize>,
}

impl Storage {
    /// Errors where a teacher can't be stored so.
    pub fn check(self, teacher: &Teacher) -> Result<()> {
        let config = &teacher.config;
        self.tokens(config)?;
        // 4-bit rows come in groups.
        let packed = [self.weights, self.embeddings].contains(&WeightFormat::Int4);
        for (name, size) in [
            ("hidden size", config.hidden),
            ("intermediate size", config.intermediate),
        ] {
            ensure!(
                !packed || size.is_multiple_of(limits::GROUP),
                "4 bits: the teacher's {name} is {size}, want a multiple of {}; use 8 bits",
                limits::GROUP
            );
        }
        Ok(())
    }

    /// Tokens that the bundle reads of a text, special ones not counted.
    fn tokens(self, config: &Config) -> Result<usize> {
        let room = config.max_length().min(limits::TOKENS).saturating_sub(2);
        let tokens = self.max_tokens.unwrap_or(room);
        ensure!(
            (1..=room).contains(&tokens),
            "--max-tokens {tokens}: want 1 to {room}, for which the teacher has positions"
        );
        Ok(tokens)
    }
}

/// Builds the bundle of a teacher.
///
/// Where it is known what the layers read, 4-bit weights are rounded for that.
pub fn bundle(
    teacher: &Teacher,
    kept: &Kept,
    storage: Storage,
    inputs: Option<&Inputs>,
    card: Card,
) -> Result<Bundle> {
    let config = &teacher.config;
    storage.check(teacher)?;
    let max_tokens = storage.tokens(config)?;
    let dense = match (config.pooling, config.family) {
        (recipe::Pooling::Mean, _) => Activation::None,
        (recipe::Pooling::Cls, Family::DistilBert) => Activation::Relu,
        (recipe::Pooling::Cls, _) => Activation::Tanh,
    };
    let shape = TeacherShape {
        vocabulary: kept.count(),
        hidden: config.hidden,
        layers: config.layers,
        heads: config.heads,
        intermediate: config.intermediate,
        positions: max_tokens + 2,
        types: config.token_types,
        pooling: match config.pooling {
            recipe::Pooling::Cls => Pooling::Cls,
            recipe::Pooling::Mean => Pooling::Mean,
        },
        dense,
        epsilon: config.layer_norm_eps as f32,
    };
    let Vocabulary {
        pieces,
        lowercase,
        strip_accents,
        unknown,
        separator,
    } = kept.vocabulary.clone();
    let tokenizer = TokenizerSpec {
        kind: TokenizerKind::WordPiece,
        lowercase,
        strip_accents,
        unknown,
        separator,
        first: Some(kept.first),
        last: Some(kept.last),
        padding: Some(kept.padding),
    };
    let other = storage.embeddings != storage.weights;
    let quantization = Quantization {
        weights: storage.weights,
        embeddings: other.then_some(storage.embeddings),
        encoder: None,
    };
    let source = Source {
        weights: teacher.encoder.weights(config)?,
        names: Names::classifier(config.family),
        embeddings: storage.embeddings,
        format: storage.weights,
        shape: shape.encoder(),
        inputs,
    };
    let (labels, architecture) = (config.labels.clone(), Architecture::Teacher(shape));
    let mut manifest = Manifest::new(labels, architecture, tokenizer, max_tokens, quantization);
    manifest.card = card;
    Ok(Bundle {
        weights: Numbers::Teacher(source.teacher(kept, dense, config.labels.len())?),
        vocabulary: pieces,
        manifest,
    })
}

/// A teacher's float tensors, on their way into a bundle.
struct Source<'a> {
    weights: Weights,
    names: Names,
    /// Of the word and position embeddings.
    embeddings: WeightFormat,
    /// Of the other matrices.
    format: WeightFormat,
    shape: EncoderShape,
    inputs: Option<&'a Inputs>,
}

impl Source<'_> {
    fn teacher(&self, kept: &Kept, dense: Activation, labels: usize) -> Result<TeacherWeights> {
        let hidden = self.shape.hidden;
        let dense = match dense {
            Activation::None => None,
            _ => Some(self.linear(&self.names.dense(), hidden, hidden, None)?),
        };
        let logits = self.names.logits(dense.is_some());
        Ok(TeacherWeights {
            encoder: self.encoder(&kept.old)?,
            dense,
            classifier: Dense {
                rows: labels,
                columns: hidden,
                weight: self.floats(&format!("{logits}.weight"))?,
                bias: self.floats(&format!("{logits}.bias"))?,
            },
        })
    }

    /// The encoder with the rows of its table of words that stand at `old` in the teacher's.
    fn encoder(&self, old: &[u32]) -> Result<EncoderWeights> {
        let EncoderShape {
            hidden,
            intermediate,
            positions,
            types,
            ..
        } = self.shape;
        let words = self.table("word_embeddings")?;
        let rows = old.iter();
        let rows = rows.map(|&id| &words[id as usize * hidden..][..hidden]);
        let words = rows.collect::<Vec<_>>().concat();
        let places = self.table("position_embeddings")?;
        let embedding = |rows, values: &[f32]| matrix(self.embeddings, rows, hidden, values);
        Ok(EncoderWeights {
            word: embedding(old.len(), &words),
            position: embedding(positions, &places[..positions * hidden]),
            types: if types > 0 {
                self.table("token_type_embeddings")?
            } else {
                Vec::new()
            },
            norm: self.norm(&self.names.embedding("LayerNorm"))?,
            layers: (0..self.shape.layers)
                .map(|index| self.layer(index, hidden, intermediate))
                .collect::<Result<_>>()?,
        })
    }

    fn layer(&self, index: usize, hidden: usize, inner: usize) -> Result<Layer> {
        let name = |part| self.names.layer(index, part);
        let linear = |part, rows, columns| {
            let inputs = self.inputs.and_then(|inputs| inputs.get(index, part));
            self.linear(&name(part), rows, columns, inputs)
        };
        let square = |part| linear(part, hidden, hidden);
        Ok(Layer {
            query: square(Part::Query)?,
            key: square(Part::Key)?,
            value: square(Part::Value)?,
            output: square(Part::AttentionOutput)?,
            attention_norm: self.norm(&name(Part::AttentionNorm))?,
            expand: linear(Part::Intermediate, inner, hidden)?,
            contract: linear(Part::Output, hidden, inner)?,
            feedforward_norm: self.norm(&name(Part::OutputNorm))?,
        })
    }

    fn linear(
        &self,
        name: &str,
        rows: usize,
        columns: usize,
        inputs: Option<&Moments>,
    ) -> Result<Linear> {
        let weight = self.floats(&format!("{name}.weight"))?;
        let mut bias = self.floats(&format!("{name}.bias"))?;
        let (WeightFormat::Int4, Some(inputs)) = (self.format, inputs) else {
            let weight = matrix(self.format, rows, columns, &weight);
            return Ok(Linear { weight, bias });
        };
        // The bias makes up for what rounding changes on average, the rounding is for the rest.
        let packed = Matrix::Int4(for_inputs(rows, columns, &weight, inputs.covariance()));
        let mean = inputs.mean();
        for (row, bias) in bias.iter_mut().enumerate() {
            let pairs = weight[row * columns..].iter().zip(packed.row(row));
            let lost = pairs
                .zip(&mean)
                .map(|((float, rounded), mean)| f64::from(float - rounded) * mean);
            *bias += lost.sum::<f64>() as f32;
        }
        Ok(Linear {
            weight: packed,
            bias,
        })
    }

    fn norm(&self, name: &str) -> Result<Norm> {
        Ok(Norm {
            weight: self.floats(&format!("{name}.weight"))?,
            bias: self.floats(&format!("{name}.bias"))?,
        })
    }

    fn table(&self, part: &str) -> Result<Vec<f32>> {
        self.floats(&self.names.embedding(&format!("{part}.weight")))
    }

    fn floats(&self, name: &str) -> Result<Vec<f32>> {
        let values = self.weights.values(name);
        let values = values.with_context(|| format!("the teacher has no tensor {name}"))?;
        Ok(values.to_vec())
    }
}

fn matrix(format: WeightFormat, rows: usize, columns: usize, weight: &[f32]) -> Matrix {
    match format {
        WeightFormat::Int8 => Matrix::Int8(Quantized::from_float(rows, columns, weight)),
        WeightFormat::Int4 => Matrix::Int4(Packed::from_float(rows, columns, weight)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device;
    use crate::teacher::Head;
    use std::path::Path;

    /// Of an output's mean, whose bias is an `f32` of size 1.
    const MEAN: f64 = 1e-6;

    /// What is lost of a map's outputs by its rounding: of each one's mean, and Σ of their variances.
    fn lost(linear: &Linear, weight: &[f32], bias: &[f32], inputs: &Moments) -> (Vec<f64>, f64) {
        let (mean, covariance) = (inputs.mean(), inputs.covariance());
        let columns = mean.len();
        let mut means = Vec::new();
        let mut variance = 0.0;
        for (row, weight) in weight.chunks_exact(columns).enumerate() {
            let pairs = weight.iter().zip(linear.weight.row(row));
            let error: Vec<f64> = pairs.map(|(a, b)| f64::from(*a) - f64::from(b)).collect();
            let shift: f64 = error.iter().zip(&mean).map(|(e, m)| e * m).sum();
            means.push(shift + f64::from(bias[row]) - f64::from(linear.bias[row]));
            for (i, a) in error.iter().enumerate() {
                let products = error
                    .iter()
                    .enumerate()
                    .map(|(j, b)| covariance[(i, j)] * b);
                variance += a * products.sum::<f64>();
            }
        }
        (means, variance)
    }

    #[test]
    fn every_layer_is_rounded_for_what_it_reads() {
        for family in ["bert", "bert-mean", "distilbert"] {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
            let device = device::open("cpu").unwrap();
            let teacher = Teacher::load(&folder.join(family), Head::Own, &device).unwrap();
            let text = |text: u32| (0..9).map(|token| (text * 9 + token) * 7 % 113).collect();
            let inputs = Inputs::of(&teacher, &(0..20).map(text).collect::<Vec<_>>()).unwrap();
            let storage = Storage {
                weights: WeightFormat::Int4,
                embeddings: WeightFormat::Int8,
                max_tokens: None,
            };
            let kept = Kept::full(&teacher).unwrap();
            let layers = |inputs| {
                let made = bundle(&teacher, &kept, storage, inputs, Card::default()).unwrap();
                match made.weights {
                    Numbers::Teacher(weights) => weights.encoder.layers,
                    Numbers::Student(_) => unreachable!("a teacher was asked for"),
                }
            };
            let float = teacher.encoder.weights(&teacher.config).unwrap();
            let names = Names::classifier(teacher.config.family);
            let pairs = layers(None).into_iter().zip(layers(Some(&inputs)));
            for (index, (nearest, known)) in pairs.enumerate() {
                for (part, nearest, known) in [
                    (Part::Query, &nearest.query, &known.query),
                    (Part::Key, &nearest.key, &known.key),
                    (Part::Value, &nearest.value, &known.value),
                    (Part::AttentionOutput, &nearest.output, &known.output),
                    (Part::Intermediate, &nearest.expand, &known.expand),
                    (Part::Output, &nearest.contract, &known.contract),
                ] {
                    let name = names.layer(index, part);
                    let tensor = |end| float.values(&format!("{name}.{end}")).unwrap();
                    let (weight, bias) = (tensor("weight"), tensor("bias"));
                    let read = inputs.get(index, part).unwrap();
                    let (means, variance) = lost(known, weight, bias, read);
                    assert!(means.iter().all(|m| m.abs() < MEAN), "{name}: {means:?}");
                    let (_, before) = lost(nearest, weight, bias, read);
                    assert!(
                        variance < 0.9 * before,
                        "{name}: {variance}, nearest {before}"
                    );
                }
            }
        }
    }
}
