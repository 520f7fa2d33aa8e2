//! The verbs that use a bundle.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use stillglass_runtime::Explain;

use super::{General, print};
use crate::data::{Columns, Format};
use crate::inspect::Inspection;
use crate::predict::{Answer, Wanted};
use crate::progress::Progress;
use crate::{evaluate, explain, input, inspect, predict, terminal};

/// Options of `evaluate`.
#[derive(Debug, Args)]
pub(super) struct EvaluateOptions {
    /// The .glass bundle
    #[arg(long, value_name = "FILE")]
    bundle: PathBuf,
    /// Labelled rows: CSV, TSV or JSONL; `-` is standard input
    #[arg(long, value_name = "FILE")]
    input: String,
    /// Column of the text
    #[arg(long, value_name = "NAME", default_value = "text")]
    text_column: String,
    /// Column of the label
    #[arg(long, value_name = "NAME", default_value = "label")]
    label_column: String,
    /// Leave out up to N bad rows instead of stopping
    #[arg(long, value_name = "N", default_value_t = 0)]
    skip_bad_rows: usize,
}

/// Options of `predict`.
#[derive(Debug, Args)]
pub(super) struct PredictOptions {
    /// The .glass bundle
    #[arg(long, value_name = "FILE")]
    bundle: PathBuf,
    /// Texts: JSONL, CSV, TSV or plain lines; `-` is standard input
    #[arg(long, value_name = "FILE", default_value = input::STDIN)]
    input: String,
    /// Add what each word gave to each label
    #[arg(long)]
    explain: bool,
    /// Column of the text [default: text, or plain lines where no header names it]
    #[arg(long, value_name = "NAME")]
    text_column: Option<String>,
    /// How the input is written [default: told by its content]
    #[arg(long, value_name = "FORMAT")]
    format: Option<Written>,
    /// Leave out up to N bad rows instead of stopping; each answer then says its line
    #[arg(long, value_name = "N", default_value_t = 0)]
    skip_bad_rows: usize,
}

/// How an input is written.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Written {
    /// One JSON object a line
    Jsonl,
    /// A header and fields between commas or semicolons
    Csv,
    /// A header and fields between tabs
    Tsv,
    /// Each line is a text
    Lines,
}

/// Options of `explain`.
#[derive(Debug, Args)]
pub(super) struct ExplainOptions {
    /// The .glass bundle
    #[arg(long, value_name = "FILE")]
    bundle: PathBuf,
    /// The label to explain [default: the answer]
    #[arg(long, value_name = "LABEL")]
    class: Option<String>,
    /// The text
    #[arg(required = true, value_name = "TEXT")]
    words: Vec<String>,
}

/// Options of `inspect`.
#[derive(Debug, Args)]
pub(super) struct InspectOptions {
    /// The .glass bundle
    bundle: PathBuf,
    /// Show only the recipe it was made with
    #[arg(long)]
    recipe: bool,
}

pub(super) fn evaluate(
    general: &General,
    options: &EvaluateOptions,
    progress: &Progress,
) -> Result<()> {
    let opened = input::open(&options.bundle)?;
    let columns = Columns {
        text: &options.text_column,
        label: Some(&options.label_column),
    };
    let allowed = options.skip_bad_rows;
    let (sheet, bad) = input::rows(&options.input, Format::Detect, &columns, allowed)?;
    for bad in &bad {
        progress.note(&format!("left out {bad}"));
    }
    let name = input::name(&options.input);
    let evaluation = evaluate::evaluate(&opened, name, &sheet, allowed, progress)?;
    print(general, &evaluation, evaluate::Evaluation::text)
}

pub(super) fn predict(options: &PredictOptions, progress: &Progress) -> Result<()> {
    let opened = input::open(&options.bundle)?;
    let text = options.text_column.as_deref();
    let columns = Columns {
        text: text.unwrap_or("text"),
        label: None,
    };
    let format = match (options.format, text) {
        (Some(Written::Jsonl), _) => Format::Jsonl,
        (Some(Written::Csv), _) => Format::Csv,
        (Some(Written::Tsv), _) => Format::Tsv,
        (Some(Written::Lines), _) => Format::Lines,
        (None, Some(_)) => Format::Detect,
        (None, None) => Format::DetectOrLines,
    };
    let (sheet, bad) = input::rows(&options.input, format, &columns, options.skip_bad_rows)?;
    for bad in &bad {
        progress.note(&format!("left out {bad}"));
    }
    if sheet.format == Format::Lines && options.format.is_none() {
        progress.note("each line of the input is read as a text; no header names a column `text`");
    }
    let wanted = Wanted {
        explain: if options.explain {
            Explain::Native
        } else {
            Explain::No
        },
        line: options.skip_bad_rows > 0,
    };
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    predict::predict(&opened.model, &sheet.rows, wanted, &mut out, progress)
        .context("standard output")
}

pub(super) fn explain(general: &General, options: &ExplainOptions) -> Result<()> {
    let model = input::open(&options.bundle)?.model;
    let text = options.words.join(" ");
    let answer = predict::classify(&model, &text, Explain::Native);
    let class = explain::class(&model, &answer, options.class.as_deref())?;
    let shown = Answer::new(&model, &text, &answer);
    let colour = terminal::coloured();
    print(general, &shown, |_| {
        explain::text(&model, &text, &answer, class, colour)
    })
}

pub(super) fn inspect(general: &General, options: &InspectOptions) -> Result<()> {
    let named = || format!("bundle {}", options.bundle.display());
    let bytes = input::bundle_bytes(&options.bundle)?;
    let inspection = inspect::inspect(&bytes).with_context(named)?;
    if options.recipe {
        let recipe = &inspection.manifest.card.recipe;
        return print(general, &recipe, |text| terminal::shown_lines(text));
    }
    print(general, &inspection, Inspection::text)
}
