//! The verb that turns a fine-tuned teacher into a bundle.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};
use stillglass_bundle::{Bundle, Card, Metric, WeightFormat};
use stillglass_runtime::Model;

use super::{General, print};
use crate::artefact::{VERSION, write_atomic};
use crate::data::{Columns, Format, Sheet};
use crate::evaluate::{evaluate, labelled};
use crate::input::{self, Opened};
use crate::inputs::Inputs;
use crate::metrics::Scores;
use crate::progress::Progress;
use crate::quantize::{self, Fidelity, Kept, Likeness, Storage};
use crate::recipe::CardSection;
use crate::teacher::{Head, Teacher};
use crate::{device, export};

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
    /// texts are read as before: CSV, TSV or JSONL
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
    /// Column of the text
    #[arg(long, value_name = "NAME", default_value = "text")]
    text_column: String,
    /// Column of the label
    #[arg(long, value_name = "NAME", default_value = "label")]
    label_column: String,
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
    let device = device::open(&general.device)?;
    let teacher = Teacher::load(&options.teacher, Head::Own, &device)?;
    let card = card(options)?;
    let data = options.data.as_deref().map(|path| texts(options, path));
    let data = data.transpose()?.unwrap_or_default();
    let data: Vec<&str> = data.iter().map(String::as_str).collect();
    let kept = kept(options, &teacher, &data)?;
    let storage = Storage {
        weights: options.bits.format(),
        embeddings: options.embedding_bits.unwrap_or(options.bits).format(),
        max_tokens: options.max_tokens,
    };
    let inputs = match storage.weights {
        WeightFormat::Int4 if !data.is_empty() => Some(inputs(&teacher, &sample(&data, MEASURED))?),
        _ => None,
    };
    let bundle = quantize::bundle(&teacher, &kept, storage, inputs.as_ref(), card.clone())?;
    let bytes = bundle.write()?;
    let bundle = Bundle::read(&bytes).context("reading back the bundle that was just made")?;
    let opened = Opened {
        model: Model::new(bundle).context("loading the bundle that was just made")?,
        bytes,
    };
    let own = kept.sentences();
    let some: Vec<&str> = if data.is_empty() {
        own.iter().map(String::as_str).collect()
    } else {
        sample(&data, VERIFIED)
    };
    let fidelity = quantize::verify(&opened.model, &teacher, &kept, storage, &some)?;
    let compared = options.evaluate.iter();
    let scores = compared
        .map(|path| compare(options, &teacher, &opened, path, progress))
        .collect::<Result<Vec<_>>>()?;

    let mut bundle = opened.model.bundle().clone();
    bundle.manifest.card = Card {
        metrics: metrics(&scores, fidelity),
        ..card
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

/// The pieces that the options ask for.
fn kept(options: &QuantizeOptions, teacher: &Teacher, data: &[&str]) -> Result<Kept> {
    match (options.vocabulary, options.min_count) {
        (Which::Full, Some(count)) => bail!(
            "--min-count {count}: --vocabulary full keeps every piece; leave one of the two out"
        ),
        (Which::Full, None) => Kept::full(teacher),
        (Which::Pruned, count) => {
            ensure!(
                options.data.is_some(),
                "--vocabulary pruned: name the training texts with --data, or keep all pieces with \
                 --vocabulary full"
            );
            Kept::pruned(teacher, data, count.unwrap_or(1))
        }
    }
}

/// At most so many of the texts, evenly spread.
fn sample<'t>(texts: &[&'t str], most: usize) -> Vec<&'t str> {
    let step = texts.len().div_ceil(most).max(1);
    texts.iter().step_by(step).copied().collect()
}

/// What the teacher's layers read of some texts.
fn inputs(teacher: &Teacher, texts: &[&str]) -> Result<Inputs> {
    let most = teacher.config.max_length();
    let encode = |text: &&str| Ok(teacher.tokenizer.encode(text, &[], most)?.ids);
    let ids = texts.iter().map(encode).collect::<Result<Vec<_>>>()?;
    Inputs::of(teacher, &ids)
}

/// The texts of a file, labels aside.
fn texts(options: &QuantizeOptions, path: &str) -> Result<Vec<String>> {
    let columns = Columns {
        text: &options.text_column,
        label: None,
    };
    let (sheet, _) = input::rows(path, Format::DetectOrLines, &columns, 0)?;
    Ok(sheet.rows.into_iter().map(|row| row.text).collect())
}

fn compare(
    options: &QuantizeOptions,
    teacher: &Teacher,
    opened: &Opened,
    path: &str,
    progress: &Progress,
) -> Result<Compared> {
    let columns = Columns {
        text: &options.text_column,
        label: Some(&options.label_column),
    };
    let (sheet, _): (Sheet, _) = input::rows(path, Format::Detect, &columns, 0)?;
    let rows = labelled(&teacher.config.labels, path, &sheet, 0)?;
    let task = progress.task("float teacher", "texts", rows.texts.len());
    let logits = quantize::float_logits(teacher, &rows.texts, |done| task.advance(done))?;
    task.finish();
    let float = Scores::of_logits(&logits, &rows.gold)?;
    let found = evaluate(opened, path, &sheet, 0, progress)?;
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

/// What the bundle says about itself, figures aside.
fn card(options: &QuantizeOptions) -> Result<Card> {
    /// The one table of a recipe that matters here.
    #[derive(Deserialize)]
    struct Recipe {
        #[serde(default)]
        card: CardSection,
    }
    let (mut section, mut text) = (CardSection::default(), String::new());
    if let Some(path) = &options.recipe {
        let named = || format!("recipe {}", path.display());
        text = std::fs::read_to_string(path).with_context(named)?;
        section = toml::from_str::<Recipe>(&text).with_context(named)?.card;
    }
    Ok(Card {
        name: match section.name.as_str() {
            "" => "Teacher".into(),
            name => format!("{name} (teacher)"),
        },
        description: section.description,
        recipe: text,
        data: section.data,
        data_licence: section.data_licence,
        metrics: Vec::new(),
        base_model: section.base_model,
        base_licence: section.base_licence,
        date: export::today(),
        trainer_version: VERSION.into(),
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
