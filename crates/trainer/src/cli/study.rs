//! The verbs of a study with people.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clap::{Args, Subcommand};
use serde::Serialize;

use super::{General, may_write, print};
use crate::artefact::write_atomic;
use crate::input;
use crate::progress::Progress;
use crate::study::plan::{self, Design, Key, Material, Source};
use crate::study::{self, Names};

#[derive(Debug, Subcommand)]
pub(super) enum StudyCommand {
    /// Make a study's items and who rates which: a plan for its page, and the key to who explained what
    Plan(PlanOptions),
    /// Test what ratings say: means, differences between groups, agreement of raters
    Analyse(AnalyseOptions),
}

/// Options of `study plan`.
#[derive(Debug, Args)]
pub(super) struct PlanOptions {
    /// Texts to explain: CSV, TSV or JSONL
    #[arg(value_name = "FILE")]
    texts: PathBuf,
    /// A group whose explanations are a bundle's painted words; may be repeated
    #[arg(long, value_name = "GROUP=BUNDLE", value_parser = pair)]
    bundle: Vec<(String, String)>,
    /// A group whose explanations are the reasons in words that a bundle gives; may be repeated
    #[arg(long, value_name = "GROUP=BUNDLE", value_parser = pair)]
    reasons: Vec<(String, String)>,
    /// A group whose explanations are the sentences of a column; may be repeated
    #[arg(long, value_name = "GROUP=COLUMN", value_parser = pair)]
    column: Vec<(String, String)>,
    /// Column of the answer that is explained [default: each bundle explains its own]
    #[arg(long, value_name = "NAME")]
    answer: Option<String>,
    /// Column of the text
    #[arg(long, value_name = "NAME", default_value = "text")]
    text_column: String,
    /// Column of a second text
    #[arg(long, value_name = "NAME")]
    text2_column: Option<String>,
    /// Take so many texts, drawn by the seed [default: all]
    #[arg(long, value_name = "N")]
    rows: Option<usize>,
    /// People who rate
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    raters: u32,
    /// Raters of each item, at least
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=1000))]
    per_item: u32,
    /// Items of each rater [default: the fewest that suffice]
    #[arg(long, value_name = "N")]
    load: Option<usize>,
    /// Checks of attention for each rater
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(..=4))]
    checks: u32,
    /// Where the plan goes; the key goes beside it
    #[arg(long, value_name = "FILE", default_value = "study.json")]
    out: PathBuf,
    /// Replace a study that is there already
    #[arg(long)]
    force: bool,
}

/// Options of `study analyse`.
#[derive(Debug, Args)]
pub(super) struct AnalyseOptions {
    /// Files of ratings: those that the study's page saves, or any CSV, TSV or JSONL with a row for each rater and item
    #[arg(value_name = "FILE", required = true)]
    ratings: Vec<PathBuf>,
    /// The key that `study plan` wrote
    #[arg(long, value_name = "FILE", conflicts_with_all = ["group", "item"])]
    key: Option<PathBuf>,
    /// Column of who rated
    #[arg(long, value_name = "NAME", default_value = "rater")]
    rater: String,
    /// Column of what was rated; several, if they say it together
    #[arg(long, value_name = "NAME", default_value = "item")]
    item: Vec<String>,
    /// Column of what is compared
    #[arg(long, value_name = "NAME", default_value = "group")]
    group: String,
    /// Column of checks of attention, passed or failed; it may be missing
    #[arg(long, value_name = "NAME", default_value = "check")]
    check: String,
    /// Column of ratings, 1 to 5; may be repeated [default: those of the five constructs that are there]
    #[arg(long, value_name = "NAME")]
    construct: Vec<String>,
    /// Also write a page with tables and charts
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

/// `GROUP=WHAT`.
fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, what)) if !name.is_empty() && !what.is_empty() => {
            Ok((name.to_owned(), what.to_owned()))
        }
        _ => Err("want GROUP=WHAT, such as student=finance.glass".into()),
    }
}

pub(super) fn run(general: &General, command: StudyCommand, progress: &Progress) -> Result<()> {
    match command {
        StudyCommand::Plan(options) => plan(general, &options, progress),
        StudyCommand::Analyse(options) => analyse(general, options, progress),
    }
}

/// What `study plan` says when it is done.
#[derive(Debug, Serialize)]
struct Planned {
    plan: PathBuf,
    key: PathBuf,
    study: String,
    items: usize,
    raters: usize,
    /// Items of each rater, checks among them.
    load: usize,
    left_out: usize,
}

fn plan(general: &General, options: &PlanOptions, progress: &Progress) -> Result<()> {
    let mut groups: Vec<(String, Source)> = Vec::new();
    for (name, path) in &options.bundle {
        let model = input::open(Path::new(path))?.model;
        groups.push((name.clone(), Source::Model(Box::new(model))));
    }
    for (name, path) in &options.reasons {
        let model = input::open(Path::new(path))?.model;
        groups.push((name.clone(), Source::Reasons(Box::new(model))));
    }
    let columns = options.column.iter();
    groups.extend(columns.map(|(name, column)| (name.clone(), Source::Column(column.clone()))));
    ensure!(
        !groups.is_empty(),
        "a study needs explanations: --bundle GROUP=FILE, --reasons GROUP=FILE or --column GROUP=NAME"
    );
    for (index, (name, _)) in groups.iter().enumerate() {
        let twice = groups[..index].iter().any(|(other, _)| other == name);
        ensure!(
            !twice,
            "two groups are called {name}; give one another name"
        );
    }
    let material = Material {
        texts: &options.texts,
        columns: (&options.text_column, options.text2_column.as_deref()),
        answer: options.answer.as_deref(),
        groups: &groups,
        rows: options.rows,
        checks: options.checks as usize,
    };
    let design = Design {
        raters: options.raters as usize,
        per_item: options.per_item as usize,
        load: options.load,
    };
    let key_path = key_of(&options.out);
    for path in [&options.out, &key_path] {
        let bundles = options.bundle.iter().chain(&options.reasons);
        let bundles = bundles.map(|(_, bundle)| Path::new(bundle));
        may_write("--out", path, bundles.chain([options.texts.as_path()]))?;
        ensure!(
            options.force || path.symlink_metadata().is_err(),
            "{}: there is a study already, perhaps with raters; name another file with --out, or add --force",
            path.display()
        );
    }
    // A seed that anybody could guess would tell which items are of one group.
    let seed = general.seed.unwrap_or_else(|| rand::random::<u64>() >> 1);
    let (made, key, left_out) = plan::plan(&material, design, seed)?;
    write_atomic(&options.out, &serde_json::to_vec(&made)?)?;
    write_atomic(&key_path, &serde_json::to_vec_pretty(&key)?)?;
    if left_out > 0 {
        progress.note(&format!(
            "{left_out} row(s) were left out: a column is empty there, the text was there before, or a model that gives reasons answers otherwise"
        ));
    }
    let planned = Planned {
        plan: options.out.clone(),
        key: key_path,
        study: made.study,
        items: key.groups.len(),
        raters: made.raters.len(),
        load: made
            .raters
            .iter()
            .map(|seat| seat.items.len())
            .max()
            .unwrap_or(0),
        left_out,
    };
    print(general, &planned, |planned| {
        format!(
            "{} items for {} raters, {} for each, checks among them\n\
             give raters {}, keep {} to yourself",
            planned.items,
            planned.raters,
            planned.load,
            planned.plan.display(),
            planned.key.display()
        )
    })
}

/// The key's file beside its plan's: `study.json` has `study.key.json`.
fn key_of(plan: &Path) -> PathBuf {
    let name = plan.file_name().unwrap_or_default().to_string_lossy();
    let stem = name.strip_suffix(".json").unwrap_or(&name);
    plan.with_file_name(format!("{stem}.key.json"))
}

fn analyse(general: &General, options: AnalyseOptions, progress: &Progress) -> Result<()> {
    if let Some(path) = &options.report {
        let read = options.ratings.iter().chain(&options.key);
        may_write("--report", path, read.map(PathBuf::as_path))?;
    }
    let key = options.key.as_deref().map(read_key).transpose()?;
    let names = Names {
        rater: options.rater,
        item: options.item,
        group: options.group,
        check: options.check,
        constructs: options.construct,
        key,
    };
    let ratings = study::read(&options.ratings, &names)?;
    let found = study::analyse(&ratings, general.seed.unwrap_or(0));
    if let Some(path) = &options.report {
        let page = study::html(&found, "What the raters said")?;
        write_atomic(path, page.as_bytes())?;
        progress.note(&format!("wrote {}", path.display()));
    }
    print(general, &found, study::text)
}

fn read_key(path: &Path) -> Result<Key> {
    let named = || format!("key {}", path.display());
    let bytes = fs::read(path).with_context(named)?;
    let key = serde_json::from_slice(&bytes).with_context(named);
    key.context("this is no key of a study; `stillglass study plan` writes one beside its plan")
}
