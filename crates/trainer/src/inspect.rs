//! What a bundle is: its card, its sizes, its tensors.

use std::fmt::Write;

use anyhow::{Context, Result};
use safetensors::SafeTensors;
use serde::Serialize;
use stillglass_bundle::{Architecture, Bundle, EncoderShape, Manifest, Quantization, WeightFormat};

use crate::terminal::shown;

/// One tensor of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TensorInfo {
    /// Dotted path.
    pub name: String,
    /// Number format.
    pub dtype: String,
    /// Sizes.
    pub shape: Vec<usize>,
    /// Size in the file.
    pub bytes: usize,
}

/// All that `inspect` shows.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Inspection {
    /// Size of the file.
    pub bytes: usize,
    /// Weights and biases; scales and vocabulary not counted.
    pub parameters: usize,
    /// The manifest with its card.
    pub manifest: Manifest,
    /// Tensors in the order of their names.
    pub tensors: Vec<TensorInfo>,
}

/// Reads and checks a bundle, and lists what is in it.
pub fn inspect(bytes: &[u8]) -> Result<Inspection> {
    let bundle = Bundle::read(bytes)?;
    let file = SafeTensors::deserialize(bytes).context("tensors")?;
    let mut tensors: Vec<TensorInfo> = file
        .tensors()
        .into_iter()
        .map(|(name, view)| TensorInfo {
            name,
            dtype: format!("{:?}", view.dtype()),
            shape: view.shape().to_vec(),
            bytes: view.data().len(),
        })
        .collect();
    tensors.sort_by(|a, b| a.name.cmp(&b.name));
    let scale = |name: &str| name.rsplit('.').next() == Some("scale");
    let counted = |t: &&TensorInfo| t.name != "vocabulary" && !scale(&t.name);
    let parameters = tensors
        .iter()
        .filter(counted)
        .map(|t| {
            // Of 4 bits two are in a byte.
            let packed = if t.dtype == "U8" { 2 } else { 1 };
            packed * t.shape.iter().product::<usize>()
        })
        .sum();
    Ok(Inspection {
        bytes: bytes.len(),
        parameters,
        manifest: bundle.manifest,
        tensors,
    })
}

impl Inspection {
    /// The same for a person to read.
    pub fn text(&self) -> String {
        let Manifest {
            card,
            architecture,
            tokenizer,
            quantization,
            kind,
            ..
        } = &self.manifest;
        let mut out = String::new();
        let mut line = |name: &str, value: &str| {
            if !value.is_empty() {
                // Writing to a string can't fail.
                let _ = writeln!(out, "{name:<13} {}", shown(value));
            }
        };
        line("kind", kind.name());
        line("name", &card.name);
        line("description", &card.description);
        line("labels", &self.manifest.labels.join(", "));
        line("data", &licensed(&card.data, &card.data_licence));
        line(
            "base model",
            &licensed(&card.base_model, &card.base_licence),
        );
        line(
            "made",
            [card.date.as_str(), &version(&card.trainer_version)]
                .join(" ")
                .trim(),
        );
        line("bytes", &self.bytes.to_string());
        line("parameters", &self.parameters.to_string());
        let case = if tokenizer.lowercase {
            "lower case"
        } else {
            "case kept"
        };
        let accents = if tokenizer.strip_accents {
            "accents removed"
        } else {
            "accents kept"
        };
        let pieces = architecture.vocabulary();
        line(
            "vocabulary",
            &format!("{pieces} pieces, WordPiece, {case}, {accents}"),
        );
        line(
            "sizes",
            &format!(
                "{}, at most {} tokens",
                sizes(architecture),
                self.manifest.max_tokens
            ),
        );
        line("weights", &formats(*quantization));
        line("sha256", &self.manifest.sha256);
        out + &self.metrics() + &self.table()
    }

    fn metrics(&self) -> String {
        let metrics = &self.manifest.card.metrics;
        if metrics.is_empty() {
            return String::new();
        }
        let width = metrics
            .iter()
            .map(|metric| metric.name.chars().count())
            .max()
            .unwrap_or(0);
        let mut out = String::from("\nmetrics\n");
        for metric in metrics {
            let plural = if metric.seeds == 1 { "" } else { "s" };
            let note = metric
                .note
                .as_deref()
                .map(|note| format!(", {}", shown(note)))
                .unwrap_or_default();
            let _ = writeln!(
                out,
                "  {:<width$}  {:.4}  {}, {} seed{plural}{note}",
                shown(&metric.name),
                metric.value,
                shown(&metric.split),
                metric.seeds
            );
        }
        out
    }

    fn table(&self) -> String {
        let width = self
            .tensors
            .iter()
            .map(|tensor| tensor.name.len())
            .max()
            .unwrap_or(0);
        let mut out = String::from("\ntensors\n");
        for tensor in &self.tensors {
            let shape: Vec<String> = tensor.shape.iter().map(ToString::to_string).collect();
            let shape = format!("[{}]", shape.join(", "));
            let _ = writeln!(
                out,
                "  {:<width$}  {:<3}  {shape:<13} {:>9} bytes",
                tensor.name, tensor.dtype, tensor.bytes
            );
        }
        out
    }
}

fn sizes(architecture: &Architecture) -> String {
    match architecture {
        Architecture::Student(shape) => {
            let own = format!(
                "embedding {}, hidden 2 × {}, attention {}",
                shape.embedding, shape.hidden, shape.attention
            );
            match shape.encoder {
                Some(EncoderShape { layers, hidden, .. }) => {
                    format!("{own}, behind {layers} of its teacher's layers of {hidden}")
                }
                None => own,
            }
        }
        Architecture::Teacher(shape) => format!(
            "{} layers, hidden {}, {} heads, intermediate {}",
            shape.layers, shape.hidden, shape.heads, shape.intermediate
        ),
    }
}

fn formats(quantization: Quantization) -> String {
    let bits = |format| match format {
        WeightFormat::Int8 => "8 bits",
        WeightFormat::Int4 => "4 bits",
    };
    let others = [
        ("embeddings", quantization.embeddings),
        ("its teacher's layers", quantization.encoder),
    ];
    let others = others.into_iter();
    let others = others.filter_map(|(of, format)| Some(format!(", {of} {}", bits(format?))));
    bits(quantization.weights).to_owned() + &others.collect::<String>()
}

fn licensed(name: &str, licence: &str) -> String {
    if licence.is_empty() {
        name.to_owned()
    } else {
        format!("{name} ({licence})")
    }
}

fn version(trainer: &str) -> String {
    if trainer.is_empty() {
        String::new()
    } else {
        format!("by stillglass {trainer}")
    }
}
