//! The verbs that use a bundle.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use clap::{Args, ValueEnum};
use stillglass_runtime::Error::NoDecoder;
use stillglass_runtime::{Method, Model};

use super::{General, print};
use crate::data::{Columns, Format, Row, choice_named, expanded};
use crate::inspect::Inspection;
use crate::predict::{Answer, Wanted};
use crate::progress::Progress;
use crate::{choose, evaluate, explain, input, inspect, predict, terminal};

/// Where the bundle is, with or without `--bundle`.
#[derive(Debug, Args)]
struct Named {
    /// The .glass bundle
    #[arg(value_name = "BUNDLE", required_unless_present = "bundle")]
    path: Option<PathBuf>,
    /// The same
    #[arg(long, value_name = "FILE", conflicts_with = "path")]
    bundle: Option<PathBuf>,
}

impl Named {
    fn path(&self) -> &Path {
        let path = self.path.as_deref().or(self.bundle.as_deref());
        path.expect("one of the two is required")
    }
}

/// Options of `evaluate`.
#[derive(Debug, Args)]
pub(super) struct EvaluateOptions {
    #[command(flatten)]
    named: Named,
    /// Labelled rows: CSV, TSV or JSONL; `-` is standard input
    #[arg(long, value_name = "FILE")]
    input: String,
    /// Column of the text
    #[arg(long, value_name = "NAME", default_value = "text")]
    text_column: String,
    /// Column of the second text, for a bundle that reads pairs [default: text2]
    #[arg(long, value_name = "NAME")]
    text2_column: Option<String>,
    /// Column of a question's choices, for a bundle that chooses [default: choices]
    #[arg(long, value_name = "NAME")]
    choices_column: Option<String>,
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
    #[command(flatten)]
    named: Named,
    /// Texts: JSONL, CSV, TSV or plain lines; `-` is standard input
    #[arg(long, value_name = "FILE", default_value = input::STDIN)]
    input: String,
    /// Add what each word gave to each label
    #[arg(long)]
    explain: bool,
    /// How to find that out [default: native for a student, ig for a teacher]
    #[arg(long, value_name = "METHOD", requires = "explain")]
    method: Option<By>,
    /// Column of the text [default: text, or plain lines where no header names it]
    #[arg(long, value_name = "NAME")]
    text_column: Option<String>,
    /// Column of the second text, for a bundle that reads pairs [default: text2]
    #[arg(long, value_name = "NAME")]
    text2_column: Option<String>,
    /// Column of a question's choices, for a bundle that chooses [default: choices]
    #[arg(long, value_name = "NAME")]
    choices_column: Option<String>,
    /// Add the bundle's reason in words, where it gives one
    #[arg(long)]
    reason: bool,
    /// Look for the reason among N beams
    #[arg(long, value_name = "N", default_value_t = 1, requires = "reason", value_parser = clap::value_parser!(u8).range(1..=16))]
    beams: u8,
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

/// How to explain an answer.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum By {
    /// A student's own contributions, exact and free
    Native,
    /// A teacher's integrated gradients
    Ig,
    /// What is lost without each word
    Occlusion,
}

impl By {
    /// The method asked for, or the model's own.
    fn of(asked: Option<Self>, model: &Model) -> Method {
        match asked {
            Some(Self::Native) => Method::Native,
            Some(Self::Ig) => Method::IntegratedGradients,
            Some(Self::Occlusion) => Method::Occlusion,
            None => model.methods()[0],
        }
    }
}

/// Options of `explain`.
#[derive(Debug, Args)]
pub(super) struct ExplainOptions {
    /// The .glass bundle [default: the first word before the text]
    #[arg(long, value_name = "FILE")]
    bundle: Option<PathBuf>,
    /// The label to explain, or the choice [default: the answer]
    #[arg(long, value_name = "LABEL")]
    class: Option<String>,
    /// How to explain it [default: native for a student, ig for a teacher]
    #[arg(long, value_name = "METHOD")]
    method: Option<By>,
    /// The second text, for a bundle that reads pairs
    #[arg(long, value_name = "TEXT")]
    text2: Option<String>,
    /// A choice, for a bundle that chooses among answers to a question: once for each
    #[arg(long, value_name = "TEXT")]
    choice: Vec<String>,
    /// Add the bundle's reason in words, where it gives one
    #[arg(long)]
    reason: bool,
    /// The text, after the bundle's name where --bundle does not say it
    #[arg(required = true, value_name = "TEXT")]
    words: Vec<String>,
}

impl ExplainOptions {
    /// The bundle and the words of the text.
    fn parts(&self) -> Result<(&Path, &[String])> {
        match (&self.bundle, &self.words[..]) {
            (Some(bundle), words) => Ok((bundle, words)),
            (None, [bundle, words @ ..]) if !words.is_empty() => Ok((Path::new(bundle), words)),
            (None, _) => bail!("name a bundle and a text, such as: stillglass explain FILE TEXT"),
        }
    }
}

/// Options of `inspect`.
#[derive(Debug, Args)]
pub(super) struct InspectOptions {
    #[command(flatten)]
    named: Named,
    /// Show only the recipe it was made with
    #[arg(long)]
    recipe: bool,
}

pub(super) fn evaluate(
    general: &General,
    options: &EvaluateOptions,
    progress: &Progress,
) -> Result<()> {
    let opened = input::open(options.named.path())?;
    let columns = Columns {
        text: &options.text_column,
        label: Some(&options.label_column),
        ..beside(
            &opened.model,
            options.text2_column.as_deref(),
            options.choices_column.as_deref(),
        )?
    };
    let allowed = options.skip_bad_rows;
    let (mut sheet, bad) = input::rows(&options.input, Format::Detect, &columns, allowed)?;
    sheet.rows = sheet.rows.into_iter().flat_map(expanded).collect();
    for bad in &bad {
        progress.note(&format!("left out {bad}"));
    }
    let name = input::name(&options.input);
    let evaluation = evaluate::evaluate(&opened, name, &sheet, allowed, progress)?;
    print(general, &evaluation, evaluate::Evaluation::text)
}

pub(super) fn predict(options: &PredictOptions, progress: &Progress) -> Result<()> {
    let opened = input::open(options.named.path())?;
    let text = options.text_column.as_deref();
    let columns = Columns {
        text: text.unwrap_or("text"),
        label: None,
        ..beside(
            &opened.model,
            options.text2_column.as_deref(),
            options.choices_column.as_deref(),
        )?
    };
    let second = columns.text2.or(columns.choices);
    if options.reason {
        ensure!(opened.model.gives_reasons(), NoDecoder);
    }
    let lines = matches!(options.format, Some(Written::Lines));
    ensure!(
        !(lines && second.is_some()),
        "--format lines: this bundle reads two columns of a row; give rows with two columns, as CSV, TSV or JSONL"
    );
    let format = match (options.format, text.or(second)) {
        (Some(Written::Jsonl), _) => Format::Jsonl,
        (Some(Written::Csv), _) => Format::Csv,
        (Some(Written::Tsv), _) => Format::Tsv,
        (Some(Written::Lines), _) => Format::Lines,
        (None, Some(_)) => Format::Detect,
        (None, None) => Format::DetectOrLines,
    };
    let rows = input::rows(&options.input, format, &columns, options.skip_bad_rows);
    let (sheet, bad) = match (columns.text2, columns.choices) {
        (Some(text2), _) => rows.with_context(|| {
            let text = columns.text;
            format!("this bundle reads pairs of texts, here from the columns `{text}` and `{text2}`")
        })?,
        (_, Some(choices)) => rows.with_context(|| {
            let text = columns.text;
            format!("this bundle chooses among answers, here to `{text}` among those listed in `{choices}`")
        })?,
        (None, None) => rows?,
    };
    for bad in &bad {
        progress.note(&format!("left out {bad}"));
    }
    if sheet.format == Format::Lines && options.format.is_none() {
        progress.note("each line of the input is read as a text; no header names a column `text`");
    }
    let model = &opened.model;
    let wanted = Wanted {
        explain: options.explain.then(|| By::of(options.method, model)),
        line: options.skip_bad_rows > 0,
        reason: options.reason.then_some(options.beams.into()),
    };
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    predict::predict(model, &sheet.rows, wanted, &mut out, progress)
}

pub(super) fn explain(general: &General, options: &ExplainOptions) -> Result<()> {
    let (bundle, words) = options.parts()?;
    let model = input::open(bundle)?.model;
    let text = words.join(" ");
    if model.manifest().choices {
        return explain_choice(general, options, &model, text);
    }
    ensure!(
        options.choice.is_empty(),
        "--choice: this bundle does not choose among answers"
    );
    let text = match (&options.text2, model.reads_pairs()) {
        (Some(second), true) => stillglass_text::pair(&text, second),
        (None, false) => text.replace(stillglass_text::SEPARATOR, " "),
        (None, true) => bail!("this bundle reads pairs of texts; give the second one with --text2"),
        (Some(_), false) => bail!("--text2: this bundle reads single texts"),
    };
    let method = By::of(options.method, &model);
    let answer = predict::classify(&model, &text, Some(method))?;
    let class = explain::class(&model, &answer, options.class.as_deref())?;
    let mut shown = Answer::new(&model, &text, &answer);
    shown.reason = predict::reason(&model, &text, options.reason.then_some(1))?;
    let reason = shown.reason.clone();
    let colour = terminal::coloured();
    print(general, &shown, |_| {
        let label = terminal::shown(&model.manifest().labels[answer.label]);
        explain::text(&model, &text, &answer, class, colour) + &said(reason.as_deref(), &label)
    })
}

/// Which choice is chosen, and the words of that one, or of the one that `--class` names.
fn explain_choice(
    general: &General,
    options: &ExplainOptions,
    model: &Model,
    text: String,
) -> Result<()> {
    ensure!(
        options.text2.is_none(),
        "--text2: this bundle chooses among answers to a question; give each with --choice"
    );
    ensure!(
        options.choice.len() >= 2,
        "this bundle chooses among answers to a question; give two at least with --choice"
    );
    ensure!(
        options
            .choice
            .iter()
            .all(|choice| !choice.trim().is_empty()),
        "--choice: an empty one is none"
    );
    let row = Row {
        text,
        choices: options.choice.clone(),
        ..Row::default()
    };
    let method = By::of(options.method, model);
    let wanted = Wanted {
        explain: Some(method),
        line: false,
        reason: None,
    };
    let mut chosen = choose::choose(model, &row, wanted)?;
    let place = match &options.class {
        None => chosen.choice,
        Some(name) => choice_named(name, &row.choices).with_context(|| {
            format!(
                "--class {name}: it is none of the choices; give one's text or its place, from 0"
            )
        })?,
    };
    let pair = stillglass_text::pair(&row.text, &row.choices[place]);
    let answer = predict::classify(model, &pair, Some(method))?;
    chosen.reason_of = (options.reason && place != chosen.choice).then_some(place);
    chosen.reason = predict::reason(model, &pair, options.reason.then_some(1))?;
    let colour = terminal::coloured();
    print(general, &chosen, |chosen| {
        let mut out = String::new();
        for (choice, score) in row.choices.iter().zip(&chosen.scores) {
            // Writing to a string can't fail.
            let _ = writeln!(out, "{:5.1} %  {}", 100.0 * score, terminal::shown(choice));
        }
        for choose::ChoiceCut { choice, cut } in &chosen.truncated {
            let (choice, tokens) = (terminal::shown(&row.choices[*choice]), cut.tokens);
            let _ = writeln!(
                out,
                "cut: the question and “{choice}” have {tokens} tokens together, of which not all were read"
            );
        }
        let named = terminal::shown(&row.choices[place]);
        let _ = writeln!(out, "\nread beside “{named}”, which is wrong or right:\n");
        out + &explain::text(model, &pair, &answer, 1, colour)
            + &said(chosen.reason.as_deref(), &named)
    })
}

/// A reason in words, as it is told after an explanation, and what it is the reason of.
fn said(reason: Option<&str>, of: &str) -> String {
    reason.map_or_else(String::new, |reason| {
        let reason = terminal::shown(reason);
        format!("\nwhat it says of itself, for {of} (nothing makes it true):\n\n  {reason}\n")
    })
}

/// The columns beside the text: that of second texts for a bundle that reads pairs, that of choices for one that chooses.
fn beside<'a>(
    model: &Model,
    text2: Option<&'a str>,
    choices: Option<&'a str>,
) -> Result<Columns<'a>> {
    let (pairs, chooses) = (model.reads_pairs(), model.manifest().choices);
    ensure!(
        choices.is_none() || chooses,
        "--choices-column: this bundle does not choose among answers"
    );
    ensure!(
        text2.is_none() || pairs && !chooses,
        "--text2-column: this bundle reads {}",
        if chooses {
            "questions with choices; name their column with --choices-column"
        } else {
            "single texts"
        }
    );
    Ok(Columns {
        text2: (pairs && !chooses).then(|| text2.unwrap_or("text2")),
        choices: chooses.then(|| choices.unwrap_or("choices")),
        ..Columns::default()
    })
}

pub(super) fn inspect(general: &General, options: &InspectOptions) -> Result<()> {
    let path = options.named.path();
    let named = || format!("bundle {}", path.display());
    let bytes = input::bundle_bytes(path)?;
    let inspection = inspect::inspect(&bytes).with_context(named)?;
    if options.recipe {
        let recipe = &inspection.manifest.card.recipe;
        return print(general, &recipe, |text| terminal::shown_lines(text));
    }
    print(general, &inspection, Inspection::text)
}
