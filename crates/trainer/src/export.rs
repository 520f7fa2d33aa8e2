//! Quantizes a student, writes its bundle, and checks it through the runtime.

use anyhow::{Context, Result, ensure};
use stillglass_bundle::{
    Attention, Bundle, Card, DecoderShape, DecoderWeights, Dense, Direction, EncoderShape,
    Manifest, Metric, Quantization, Quantized, StudentShape, StudentWeights, TokenizerKind,
    TokenizerSpec, WeightFormat, Weights as Numbers,
};
use stillglass_runtime::{Classification, FirstLayers, Method, Model};

use crate::artefact::VERSION;
use crate::data::{Example, chosen_right, gap};
use crate::metrics::{Scores, argmax, softmax};
use crate::recipe::{Loaded, Recipe, Teaching};
use crate::rounding::{for_readers, four_bits};
use crate::student::Shape;
use crate::teacher::Weights;
use crate::vocabulary::Vocabulary;

/// Largest share of validation rows whose label may change by quantization.
const LABELS_CHANGED: f64 = 0.005;

/// Largest change of a probability, at the 99th percentile.
const PROBABILITY_CHANGED: f64 = 0.02;

/// Bytes of a bundle's header for the table of tensors and the card's figures; both take a few thousand.
const SPARE: u64 = 64 << 10;

/// What quantization changed on a split's rows.
#[derive(Debug, Clone, Copy, serde::Serialize, serde::Deserialize)]
pub struct Fidelity {
    /// Share of rows with another label.
    pub labels_changed: f64,
    /// 99th percentile of the absolute change of a probability.
    pub probability_change_p99: f64,
    /// Largest absolute change of a probability.
    pub probability_change_max: f64,
    /// Largest |Σ contributions + bias − logit|.
    pub completeness_error: f64,
}

/// Errors where no student of this recipe could become a bundle, whatever it learns; `layers` are those that read texts
/// for it, and how they are stored, where there are any and the teacher is known.
pub fn check_ahead(
    recipe: &Loaded,
    labels: &[String],
    layers: Option<(EncoderShape, WeightFormat)>,
) -> Result<()> {
    let section = &recipe.recipe.student;
    let architecture = StudentShape {
        // Known when the training texts have been counted, and never more than the teacher's.
        vocabulary: 1,
        embedding: section.embedding,
        hidden: section.hidden,
        attention: section.attention,
        shared: section.shared,
        decoder: decoder(&recipe.recipe, labels.len()),
        encoder: layers.map(|(shape, _)| shape),
    };
    let tokenizer = TokenizerSpec {
        kind: TokenizerKind::WordPiece,
        lowercase: true,
        strip_accents: true,
        unknown: 0,
        separator: recipe.recipe.data.pairs().then_some(0),
        first: None,
        last: None,
        padding: None,
    };
    let mut manifest =
        Manifest::student(labels.to_vec(), architecture, tokenizer, section.max_tokens);
    manifest.choices = recipe.recipe.data.choices.is_some();
    let format = layers.map(|(_, format)| format);
    manifest.quantization = quantization(section.small_embeddings(), format);
    manifest.card = card(recipe, Vec::new());
    manifest
        .check_ahead(SPARE)
        .context("no bundle could hold what this recipe makes")
}

/// What a bundle of this recipe says about itself, with these figures.
pub fn card(recipe: &Loaded, metrics: Vec<Metric>) -> Card {
    let section = &recipe.recipe.card;
    let name = if section.name.is_empty() {
        &recipe.recipe.name
    } else {
        &section.name
    };
    Card {
        name: name.clone(),
        description: section.description.clone(),
        recipe: recipe.portable.clone(),
        data: section.data.clone(),
        data_licence: section.data_licence.clone(),
        metrics,
        base_model: section.base_model.clone(),
        base_licence: section.base_licence.clone(),
        date: today(),
        trainer_version: VERSION.into(),
    }
}

/// The decoder that a bundle of a recipe's student has. One that ends its reasons with an answer has none there: a
/// bundle's answer is its label.
pub fn decoder(recipe: &Recipe, labels: usize) -> Option<DecoderShape> {
    let prefixes = match recipe.distill.reason.teaching {
        Teaching::Counterfactual => return None,
        Teaching::MultiTask | Teaching::Both => 1,
        Teaching::PredictExplain => labels,
    };
    (recipe.student.decoder > 0).then_some(DecoderShape {
        hidden: recipe.student.decoder,
        tokens: recipe.student.reason_tokens,
        prefixes,
    })
}

/// A student's float weights on their way into a bundle.
struct Taken<'a>(&'a Weights);

impl Taken<'_> {
    fn int8(&self, name: &str, rows: usize, columns: usize) -> Result<Quantized> {
        let values = self.0.checked(name, [rows, columns])?;
        Ok(Quantized::from_float(rows, columns, values))
    }

    fn vector(&self, name: &str, length: usize) -> Result<Vec<f32>> {
        Ok(self.0.checked(name, [length])?.to_vec())
    }

    fn direction(&self, name: &str, width: usize, hidden: usize) -> Result<Direction> {
        Ok(Direction {
            input: self.int8(&format!("{name}.input"), 4 * hidden, width)?,
            recurrent: self.int8(&format!("{name}.recurrent"), 4 * hidden, hidden)?,
            bias: self.vector(&format!("{name}.bias"), 4 * hidden)?,
        })
    }

    fn dense(&self, name: &str, rows: usize, columns: usize) -> Result<Dense> {
        let weight = self.0.checked(&format!("{name}.weight"), [rows, columns])?;
        Ok(Dense {
            rows,
            columns,
            weight: weight.to_vec(),
            bias: self.vector(&format!("{name}.bias"), rows)?,
        })
    }

    /// Of the prefixes the first ones; of what is said and is no word the end, which comes first.
    fn decoder(&self, shape: &Shape, decoder: DecoderShape) -> Result<DecoderWeights> {
        let (width, wide, units) = (shape.embedding, 2 * shape.hidden, decoder.hidden);
        let prefixes = shape.decoder.map_or(0, |decoder| decoder.prefixes);
        let mut prefix = self
            .0
            .checked("decoder.prefix", [prefixes, width])?
            .to_vec();
        prefix.truncate(decoder.prefixes * width);
        let others = self.dense("decoder.other", 1 + shape.classes, width)?;
        Ok(DecoderWeights {
            start: self.int8("decoder.start", width, wide)?,
            prefix,
            lstm: self.direction("decoder.lstm", width, units)?,
            query: self.int8("decoder.query", wide, units)?,
            combine: self.int8("decoder.combine", width, units + wide)?,
            combine_bias: self.vector("decoder.combine.bias", width)?,
            gate: self.dense("decoder.gate", 1, units + wide)?,
            word_bias: self.vector("decoder.word.bias", shape.vocabulary)?,
            end: Dense {
                rows: 1,
                weight: others.weight[..width].to_vec(),
                bias: others.bias[..1].to_vec(),
                ..others
            },
        })
    }
}

/// Builds the bundle of a student's float weights, and of the layers that read its texts before it does.
pub fn bundle(
    weights: &Weights,
    (shape, decoder): (&Shape, Option<DecoderShape>),
    vocabulary: &Vocabulary,
    labels: &[String],
    max_tokens: usize,
    card: Card,
) -> Result<Bundle> {
    let &Shape {
        hidden,
        attention,
        classes,
        ..
    } = shape;
    let layers = shape.layers.as_ref().map(|layers| layers.integers());
    let taken = Taken(weights);
    let (pieces, width) = (shape.vocabulary, shape.embedding);
    let (embedding, input) = (
        weights.checked("embedding", [pieces, width])?,
        shape.reads(),
    );
    let reader = |way: &str| -> Result<Vec<f32>> {
        let rows = weights.checked(&format!("lstm.{way}.input"), [4 * hidden, input])?;
        // What they make of an embedding, without what stands behind it.
        let rows = rows.chunks_exact(input);
        Ok(rows.flat_map(|row| &row[..width]).copied().collect())
    };
    let readers = [reader("forward")?, reader("backward")?];
    let student = StudentWeights {
        embedding: if shape.rounded {
            four_bits(pieces, width, embedding)
        } else {
            for_readers(
                pieces,
                width,
                embedding,
                &readers.each_ref().map(Vec::as_slice),
            )
        },
        shared: match shape.shared {
            Some(_) => taken.vector("embedding.shared", shape.embedding)?,
            None => Vec::new(),
        },
        forward: taken.direction("lstm.forward", input, hidden)?,
        backward: taken.direction("lstm.backward", input, hidden)?,
        attention: Attention {
            projection: taken.int8("attention.projection", attention, 2 * hidden)?,
            bias: taken.vector("attention.bias", attention)?,
            vector: taken.vector("attention.vector", attention)?,
        },
        classifier: taken.dense("classifier", classes, 2 * hidden)?,
        decoder: decoder
            .map(|decoder| taken.decoder(shape, decoder).map(Box::new))
            .transpose()?,
        encoder: layers.map(|layers| Box::new(layers.weights().clone())),
    };
    let architecture = StudentShape {
        vocabulary: shape.vocabulary,
        embedding: shape.embedding,
        hidden,
        attention,
        shared: shape.shared.is_some(),
        decoder,
        encoder: layers.map(FirstLayers::shape),
    };
    let tokenizer = TokenizerSpec {
        kind: TokenizerKind::WordPiece,
        lowercase: vocabulary.lowercase,
        strip_accents: vocabulary.strip_accents,
        unknown: vocabulary.unknown,
        separator: vocabulary.separator,
        first: None,
        last: None,
        padding: None,
    };
    let mut manifest = Manifest::student(labels.to_vec(), architecture, tokenizer, max_tokens);
    manifest.card = card;
    let format = layers.map(|layers| layers.weights().word.format());
    manifest.quantization = quantization(shape.rounded, format);
    Ok(Bundle {
        manifest,
        vocabulary: vocabulary.pieces.clone(),
        weights: Numbers::Student(student),
    })
}

/// How a student's weights are stored, and those of the layers before it.
fn quantization(small: bool, layers: Option<WeightFormat>) -> Quantization {
    let own = if small {
        Quantization::SMALL_EMBEDDINGS
    } else {
        Quantization::INT8
    };
    Quantization {
        encoder: layers,
        ..own
    }
}

impl Fidelity {
    /// Errors when quantization changed more than it may.
    pub fn check(&self) -> Result<()> {
        ensure!(
            self.labels_changed <= LABELS_CHANGED
                && self.probability_change_p99 <= PROBABILITY_CHANGED,
            "export: quantization changes {:.2} % of validation labels (at most {:.2} %) and probabilities by {:.4} at the \
             99th percentile (at most {PROBABILITY_CHANGED}); train with more weight decay or a larger student, or name more \
             validation rows, of which one may be more than that",
            100.0 * self.labels_changed,
            100.0 * LABELS_CHANGED,
            self.probability_change_p99,
        );
        Ok(())
    }
}

/// Compares the bundle, run by the runtime, with the float student's logits of the same texts.
pub fn fidelity(bytes: &[u8], texts: &[&str], float_logits: &[Vec<f32>]) -> Result<Fidelity> {
    let bundle = Bundle::read(bytes).context("reading back the bundle that was just made")?;
    let model = Model::new(bundle).context("loading the bundle that was just made")?;
    let results = model.classify(texts, Some(Method::Native))?;
    let mut completeness = 0f64;
    for result in &results {
        let explanation = result
            .explanation
            .as_ref()
            .context("the runtime gave no explanation")?;
        for (class, logit) in result.logits.iter().enumerate() {
            let sum: f64 = explanation
                .words
                .iter()
                .map(|word| f64::from(word.weights[class]))
                .sum();
            let error = (sum + f64::from(explanation.bias[class]) - f64::from(*logit)).abs();
            completeness = completeness.max(error);
        }
    }
    let Changes {
        labels,
        percentile,
        largest,
    } = changes(&results, float_logits);
    Ok(Fidelity {
        labels_changed: labels,
        probability_change_p99: percentile,
        probability_change_max: largest,
        completeness_error: completeness,
    })
}

/// What differs between a bundle's answers and the float model's logits of the same texts.
pub struct Changes {
    /// Share of texts with another label.
    pub labels: f64,
    /// 99th percentile of the absolute change of a probability.
    pub percentile: f64,
    /// The largest of them.
    pub largest: f64,
}

/// Compares a bundle's answers with the float model's logits of the same texts.
pub fn changes(results: &[Classification], float_logits: &[Vec<f32>]) -> Changes {
    let mut changed = 0usize;
    let mut changes = Vec::new();
    for (result, float) in results.iter().zip(float_logits) {
        changed += usize::from(argmax(float) != result.label);
        for (a, b) in softmax(float).iter().zip(&result.probabilities) {
            changes.push((a - f64::from(*b)).abs());
        }
    }
    changes.sort_by(f64::total_cmp);
    Changes {
        labels: changed as f64 / results.len().max(1) as f64,
        percentile: changes
            .get(changes.len() * 99 / 100)
            .copied()
            .unwrap_or(0.0),
        largest: changes.last().copied().unwrap_or(0.0),
    }
}

/// The day, as a card has it.
pub fn today() -> String {
    let now = std::time::SystemTime::now();
    humantime::format_rfc3339_seconds(now).to_string()[..10].into()
}

/// Scores of a bundle, run by the runtime, on labelled rows.
pub fn scores(bytes: &[u8], examples: &[Example]) -> Result<(Scores, Option<f64>)> {
    let model = Model::new(Bundle::read(bytes)?)?;
    let texts: Vec<&str> = examples
        .iter()
        .map(|example| example.text.as_str())
        .collect();
    let gold: Vec<usize> = examples.iter().map(|example| example.label).collect();
    let results = model.classify(&texts, None)?;
    let logits: Vec<Vec<f32>> = results.into_iter().map(|result| result.logits).collect();
    let scores = Scores::of_logits(&logits, &gold)?;
    Ok((scores, questions_right(examples, &logits)))
}

/// Share of the questions answered right, from logits of their choices; none where rows are no choices.
pub fn questions_right(examples: &[Example], logits: &[Vec<f32>]) -> Option<f64> {
    let rows = examples.iter().zip(logits);
    chosen_right(rows.map(|(row, said)| (row.choice, row.label, gap(said))))
}
