//! The verb that turns a fine-tuned teacher into a bundle.

mod given;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use serde::Serialize;
use stillglass_bundle::{Bundle, Card, Metric, WeightFormat};
use stillglass_runtime::Model;

use super::{General, print};
use crate::artefact::write_atomic;
use crate::data::Sheet;
use crate::device;
use crate::evaluate::{evaluate, labelled};
use crate::input::{self, Opened};
use crate::inputs::Inputs;
use crate::metrics::Scores;
use crate::progress::Progress;
use crate::quantize::{self, Fidelity, Kept, Likeness, Storage};
use crate::teacher::{Head, Teacher};
use given::Given;

/// Texts that a bundle is verified on, at most.
const VERIFIED: usize = 1000;

/// Texts that the inputs of a layer's weights are measured on, at most.
const MEASURED: usize = 3000;

/// Notes of a bundle's figures and of its float teacher's.
const OWN: &str = "this bundle";
const FLOAT: &str = "before quantization";

/// Rows of a file of labelled rows that both explain, at most.
const EXPLAINED: usize = 32;

/// Options of `quantize`.
#[derive(Debug, Args)]
pub(super) struct QuantizeOptions {
    /// The teacher: a folder with config.json, tokenizer.json and model.safetensors, as `teach` leaves it
    #[arg(long, value_name = "FOLDER")]
    teacher: PathBuf,
    /// The .glass file to write
    #[arg(long, value_name = "FILE", default_value = "teacher.glass")]
    output: PathBuf,
    /// Which pieces to keep
    #[arg(long, value_name = "WHICH", default_value = "pruned")]
    vocabulary: Which,
    /// Bits of a weight of the layers
    #[arg(long, value_name = "N", default_value = "8")]
    bits: Bits,
    /// Bits of an embedding's weight [default: as --bits]
    #[arg(long, value_name = "N")]
    embedding_bits: Option<Bits>,
    /// Training texts, for --vocabulary pruned, and for 4-bit weights, which are rounded so that these
    /// texts are read as before: CSV, TSV or JSONL, or plain lines in a .txt
    #[arg(long, value_name = "FILE")]
    data: Option<String>,
    /// With --vocabulary pruned, keep a piece that the training texts use N times [default: 1]
    #[arg(long, value_name = "N")]
    min_count: Option<usize>,
    /// Read N tokens of a text [default: as many as the teacher has positions for]
    #[arg(long, value_name = "N")]
    max_tokens: Option<usize>,
    /// Labelled rows to compare teacher and bundle on, explanations of some too, for the card; may be
    /// repeated
    #[arg(long, value_name = "FILE")]
    evaluate: Vec<String>,
    /// Recipe whose card says what the model is
    #[arg(long, value_name = "FILE")]
    recipe: Option<PathBuf>,
    /// Column of the text [default: text]
    #[arg(long, value_name = "NAME")]
    text_column: Option<String>,
    /// Column of the second text, for a teacher of pairs
    #[arg(long, value_name = "NAME", requires = "data")]
    text2_column: Option<String>,
    /// Column of a question's choices, for a teacher that was taught to tell right ones from wrong
    #[arg(
        long,
        value_name = "NAME",
        requires = "data",
        conflicts_with = "text2_column"
    )]
    choices_column: Option<String>,
    /// Column of the label
    #[arg(long, value_name = "NAME", default_value = "label")]
    label_column: String,
    /// Leave out up to N bad rows of each file instead of stopping
    #[arg(long, value_name = "N", default_value_t = 0)]
    skip_bad_rows: usize,
}

/// Which pieces of a vocabulary to keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Which {
    /// Those that the training texts use, and every single character
    Pruned,
    /// All
    Full,
}

/// Bits of a weight.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Bits {
    /// One scale a row
    #[value(name = "8")]
    Eight,
    /// One scale for 32 columns
    #[value(name = "4")]
    Four,
}

impl Bits {
    fn format(self) -> WeightFormat {
        match self {
            Self::Eight => WeightFormat::Int8,
            Self::Four => WeightFormat::Int4,
        }
    }
}

/// What `quantize` leaves.
#[derive(Debug, Serialize)]
struct Report {
    bundle: PathBuf,
    bytes: usize,
    pieces: usize,
    fidelity: Fidelity,
    scores: Vec<Compared>,
}

/// The float teacher and the bundle on the same labelled rows.
#[derive(Debug, Serialize)]
struct Compared {
    /// The input's name without its ending, such as `validation`.
    split: String,
    rows: usize,
    float_accuracy: f64,
    float_macro_f1: f64,
    accuracy: f64,
    macro_f1: f64,
    /// None where no row has a word.
    explanations: Option<Likeness>,
}

pub(super) fn quantize(
    general: &General,
    options: &QuantizeOptions,
    progress: &Progress,
) -> Result<()> {
    let given = Given::read(options, progress)?;
    let device = device::open(&general.device)?;
    progress.note(&format!("reading teacher {}", options.teacher.display()));
    let teacher = Teacher::load(&options.teacher, Head::Own, &device)?;
    given.check_labels(options, &teacher.config.labels)?;
    let storage = Storage {
        weights: options.bits.format(),
        embeddings: options.embedding_bits.unwrap_or(options.bits).format(),
        max_tokens: options.max_tokens,
    };
    storage.check(&teacher)?;
    let texts: Vec<&str> = given.texts.iter().map(String::as_str).collect();
    let kept = kept(options, &teacher, &texts)?;
    let opened = make(&teacher, &kept, storage, &texts, &given.card, progress)?;
    let fidelity = fidelity(&opened, &teacher, &kept, storage, &texts, progress)?;
    let compared = given.scored.iter();
    let scores = compared
        .map(|(path, sheet)| compare(options, &teacher, &opened, path, sheet, progress))
        .collect::<Result<Vec<_>>>()?;

    let mut bundle = opened.model.bundle().clone();
    bundle.manifest.choices = options.choices_column.is_some();
    bundle.manifest.card = Card {
        metrics: metrics(&scores, fidelity),
        ..given.card
    };
    let bytes = bundle.write()?;
    write_atomic(&options.output, &bytes)?;
    let report = Report {
        bundle: options.output.clone(),
        bytes: bytes.len(),
        pieces: kept.count(),
        fidelity,
        scores,
    };
    print(general, &report, Report::text)
}

impl QuantizeOptions {
    /// Whether the teacher reads pairs.
    fn pairs(&self) -> bool {
        self.text2_column.is_some() || self.choices_column.is_some()
    }
}

/// The pieces that the options ask for.
fn kept(options: &QuantizeOptions, teacher: &Teacher, texts: &[&str]) -> Result<Kept> {
    match options.vocabulary {
        Which::Full if options.pairs() => Ok(Kept::full(teacher)?.of_pairs()),
        Which::Full => Kept::full(teacher),
        Which::Pruned => Kept::pruned(teacher, texts, options.min_count.unwrap_or(1)),
    }
}

/// The bundle as everyone reads it, without figures on its card.
fn make(
    teacher: &Teacher,
    kept: &Kept,
    storage: Storage,
    texts: &[&str],
    card: &Card,
    progress: &Progress,
) -> Result<Opened> {
    let inputs = match storage.weights {
        WeightFormat::Int4 if !texts.is_empty() => {
            let some = sample(texts, MEASURED);
            progress.note(&format!(
                "measuring what the layers read of {} texts",
                some.len()
            ));
            Some(inputs(teacher, &some)?)
        }
        _ => None,
    };
    progress.note(&format!(
        "quantizing {} layers and {} pieces",
        teacher.config.layers,
        kept.count()
    ));
    let bundle = quantize::bundle(teacher, kept, storage, inputs.as_ref(), card.clone())?;
    let bytes = bundle.write()?;
    let bundle = Bundle::read(&bytes).context("reading back the bundle that was just made")?;
    Ok(Opened {
        model: Model::new(bundle).context("loading the bundle that was just made")?,
        bytes,
    })
}

/// What quantization changed on some of the texts, or on made-up ones where there are none.
fn fidelity(
    opened: &Opened,
    teacher: &Teacher,
    kept: &Kept,
    storage: Storage,
    texts: &[&str],
    progress: &Progress,
) -> Result<Fidelity> {
    let own = kept.sentences();
    let some = match texts {
        [] => own.iter().map(String::as_str).collect(),
        texts => sample(texts, VERIFIED),
    };
    progress.note(&format!(
        "comparing the bundle with the float teacher on {} texts",
        some.len()
    ));
    quantize::verify(&opened.model, teacher, kept, storage, &some)
}

/// At most so many of the texts, evenly spread.
fn sample<'t>(texts: &[&'t str], most: usize) -> Vec<&'t str> {
    let step = texts.len().div_ceil(most).max(1);
    texts.iter().step_by(step).copied().collect()
}

/// What the teacher's layers read of some texts.
fn inputs(teacher: &Teacher, texts: &[&str]) -> Result<Inputs> {
    Inputs::of(teacher, &teacher.ids(texts, usize::MAX)?)
}

fn compare(
    options: &QuantizeOptions,
    teacher: &Teacher,
    opened: &Opened,
    path: &str,
    sheet: &Sheet,
    progress: &Progress,
) -> Result<Compared> {
    let (name, allowed) = (input::name(path), options.skip_bad_rows);
    let rows = labelled(&teacher.config.labels, name, sheet, allowed)?;
    let task = progress.task("float teacher", "texts", rows.texts.len());
    let logits = quantize::float_logits(teacher, &rows.texts, |done| task.advance(done))?;
    task.finish();
    let float = Scores::of_logits(&logits, &rows.gold)?;
    let found = evaluate(opened, name, sheet, allowed, progress)?;
    let some = sample(&rows.texts, EXPLAINED);
    let task = progress.task("explanations", "texts", some.len());
    let explanations =
        quantize::likeness(&opened.model, teacher, &some, |done| task.advance(done))?;
    task.finish();
    let split = Path::new(path).file_stem().unwrap_or_default();
    Ok(Compared {
        split: split.to_string_lossy().into_owned(),
        rows: found.rows,
        float_accuracy: float.accuracy,
        float_macro_f1: float.macro_f1,
        accuracy: found.accuracy,
        macro_f1: found.macro_f1,
        explanations,
    })
}

fn metrics(scores: &[Compared], fidelity: Fidelity) -> Vec<Metric> {
    let metric = |name: &str, value, split: &str, note: String| Metric {
        name: name.into(),
        value,
        split: split.into(),
        seeds: 1,
        note: Some(note),
    };
    let mut list = Vec::new();
    for score in scores {
        let mut add = |name, value, note| list.push(metric(name, value, &score.split, note));
        add("accuracy", score.accuracy, OWN.into());
        add("macro-F1", score.macro_f1, OWN.into());
        add("accuracy", score.float_accuracy, FLOAT.into());
        add("macro-F1", score.float_macro_f1, FLOAT.into());
        if let Some(found) = score.explanations {
            let note = format!(
                "this bundle against before quantization, median of {} texts, least {:.3}",
                found.texts, found.least
            );
            add("cosine of explanations", found.cosine, note);
        }
    }
    list.push(metric(
        "labels changed by quantization",
        fidelity.labels_changed,
        "texts verified on",
        format!("{} texts", fidelity.texts),
    ));
    list
}

impl Report {
    fn text(&self) -> String {
        let scores = self.scores.iter().map(|score| {
            let explanations = score.explanations.map_or(String::new(), |found| {
                format!(
                    "{}: explanations: cosine {:.4} (median), {:.4} (least) of {} texts\n",
                    score.split, found.cosine, found.least, found.texts
                )
            });
            format!(
                "{}: accuracy {:.4} (float {:.4}), macro-F1 {:.4} (float {:.4}) on {} rows\n{explanations}",
                score.split,
                score.accuracy,
                score.float_accuracy,
                score.macro_f1,
                score.float_macro_f1,
                score.rows
            )
        });
        format!(
            "{}: {} bytes, {} pieces; quantization changes {:.2} % of the labels of {} texts, and \
             probabilities by {:.4} at the 99th percentile\n{}",
            self.bundle.display(),
            self.bytes,
            self.pieces,
            100.0 * self.fidelity.labels_changed,
            self.fidelity.texts,
            self.fidelity.probability_change_p99,
            scores.collect::<String>()
        )
    }
}
