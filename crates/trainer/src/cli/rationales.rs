//! The verbs that ask a language model for reasons.

use std::env;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::Value;

use super::{General, may_write, print};
use crate::artefact::write_atomic;
use crate::progress::Progress;
use crate::rationales::{
    self, Budget, Counts, Endpoint, Job, Kind, Outcome, Patience, Price, Prompt, Sampling, Spent,
};

/// The variable that the key of [`ITS_OWNER`] is commonly in. No other endpoint gets it unasked.
const KEY: &str = "OPENAI_API_KEY";
const ITS_OWNER: &str = "https://api.openai.com/";

#[derive(Debug, Subcommand)]
pub(super) enum RationalesCommand {
    /// Ask a language model, through any endpoint of the `OpenAI` protocol; what was asked before is not asked again
    Ask(AskOptions),
    /// Cut run-ons, drop what is empty or refused, mark what names an answer
    Clean(CleanOptions),
}

/// Options of `rationales ask`.
#[derive(Debug, Args)]
pub(super) struct AskOptions {
    /// Rows: CSV, TSV or JSONL with the columns text and label, perhaps text2 and choices; for a critique also
    /// rationale, for a revision critique as well, as `ask` itself writes them
    #[arg(value_name = "FILE")]
    rows: PathBuf,
    /// What to ask for
    #[arg(long, value_name = "KIND")]
    kind: Kind,
    /// The address before /chat/completions, such as <http://localhost:8080/v1>
    #[arg(long, value_name = "URL")]
    endpoint: String,
    /// The model, as the endpoint calls it
    #[arg(long, value_name = "NAME")]
    model: String,
    /// Where replies go, a JSON object a line; what is known goes to FILE.cache, from which a stopped job goes on
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Environment variable with the endpoint's key [default: `OPENAI_API_KEY` for api.openai.com, else none]
    #[arg(long, value_name = "NAME")]
    key_env: Option<String>,
    /// A prompt of one's own, with names such as {text} and {answer}
    #[arg(long, value_name = "FILE")]
    prompt: Option<PathBuf>,
    /// Rows with explanations that every prompt shows first
    #[arg(long, value_name = "FILE")]
    examples: Option<PathBuf>,
    /// Only the first N rows
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    rows_at_most: Option<u64>,
    /// Requests at a time
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..=256))]
    concurrent: u64,
    /// Tries after a first one that failed
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(..=100))]
    retries: u32,
    /// Seconds before a second try; they double with each
    #[arg(long, value_name = "SECONDS", default_value_t = 1.0, value_parser = |text: &str| number(text, 3600.0))]
    wait: f64,
    /// Seconds that one request may take
    #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..=3600))]
    timeout: u64,
    /// Most tokens of a reply
    #[arg(long, value_name = "N", default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    max_tokens: u64,
    /// How freely replies are drawn; 0 takes the likeliest
    #[arg(long, value_name = "T", default_value_t = 0.7, value_parser = |text: &str| number(text, 5.0))]
    temperature: f64,
    /// Stop after so many requests
    #[arg(long, value_name = "N")]
    calls: Option<u64>,
    /// Stop once so many tokens are spent
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    tokens: Option<u64>,
    /// Send nothing: say what it would take
    #[arg(long)]
    dry_run: bool,
    /// Price of a million tokens of prompts
    #[arg(long, value_name = "PRICE", default_value_t = 0.0, value_parser = |text: &str| number(text, 1e6))]
    price_prompt: f64,
    /// Price of a million tokens of replies
    #[arg(long, value_name = "PRICE", default_value_t = 0.0, value_parser = |text: &str| number(text, 1e6))]
    price_reply: f64,
}

/// Options of `rationales clean`.
#[derive(Debug, Args)]
pub(super) struct CleanOptions {
    /// Rows with explanations: CSV, TSV or JSONL
    #[arg(value_name = "FILE")]
    rows: PathBuf,
    /// Where what is left goes, a JSON object a line
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Column of the explanations
    #[arg(long, value_name = "NAME", default_value = "rationale")]
    column: String,
    /// Cut sentences beyond so many words, but never the first
    #[arg(long, value_name = "N", default_value_t = 40, value_parser = clap::value_parser!(u64).range(1..))]
    words: u64,
    /// Make one line of a row's explanations for every answer: its label's own, and all by answer as `counterfactual`
    #[arg(long)]
    by_answer: bool,
}

pub(super) fn run(
    general: &General,
    command: RationalesCommand,
    progress: &Progress,
) -> Result<()> {
    match command {
        RationalesCommand::Ask(options) => ask(general, &options, progress),
        RationalesCommand::Clean(options) => clean(general, &options),
    }
}

fn ask(general: &General, options: &AskOptions, progress: &Progress) -> Result<()> {
    let seed = general.seed.unwrap_or(0);
    let mut cache = options.out.clone().into_os_string();
    cache.push(".cache");
    let cache = PathBuf::from(cache);
    let read = [
        Some(options.rows.as_path()),
        options.prompt.as_deref(),
        options.examples.as_deref(),
    ];
    for target in [&options.out, &cache] {
        may_write("--out", target, read.into_iter().flatten())?;
    }
    let mut rows = rationales::rows(&options.rows)?;
    let most = options.rows_at_most.unwrap_or(u64::MAX);
    rows.rows
        .truncate(usize::try_from(most).unwrap_or(usize::MAX));
    let examples = options
        .examples
        .as_deref()
        .map(rationales::rows)
        .transpose()?;
    let examples = examples.map_or_else(Vec::new, |examples| examples.rows);
    let prompt = Prompt::new(options.kind, options.prompt.as_deref(), examples, seed)?;
    let named = || options.rows.display().to_string();
    let (askings, passed) = prompt.askings(&rows).with_context(named)?;
    ensure!(
        !askings.is_empty(),
        "{}: every row was refused before",
        named()
    );
    if passed > 0 {
        progress.note(&format!(
            "{passed} row(s) that were refused before are passed over"
        ));
    }
    let patience = Patience {
        seconds: options.timeout,
        retries: options.retries,
        wait: Duration::from_secs_f64(options.wait),
    };
    let endpoint = Endpoint::new(&options.endpoint, &options.model, key(options)?, patience)?;
    let job = Job {
        endpoint: &endpoint,
        sampling: Sampling {
            max_tokens: options.max_tokens as usize,
            temperature: options.temperature,
            seed,
            logprobs: options.kind == Kind::Answer,
        },
        kind: options.kind,
        rows: &rows.rows,
        askings: &askings,
        concurrent: options.concurrent as usize,
        budget: Budget {
            calls: options.calls,
            tokens: options.tokens,
        },
        price: Price {
            prompt: options.price_prompt,
            reply: options.price_reply,
        },
    };
    if options.dry_run {
        return print(general, &job.estimate(&cache)?, |most| {
            format!("at most {}; nothing was sent", text_of(most))
        });
    }
    let outcome = rationales::ask(&job, &cache, progress)?;
    // What was there stays where nothing came of this.
    if !outcome.lines.is_empty() {
        write_lines(&options.out, &outcome.lines)?;
    }
    if outcome.replies > 0 {
        print(general, &outcome, |outcome| told(outcome, &options.out))?;
    }
    if outcome.failed > 0 {
        bail!(
            "{} request(s) failed, {} of {} are left; what came is kept, and the same command asks for the rest\n{}",
            outcome.failed,
            outcome.left,
            askings.len(),
            outcome.faults.join("\n")
        );
    }
    ensure!(
        outcome.left == 0,
        "the budget left {} of {} requests; the same command goes on",
        outcome.left,
        askings.len()
    );
    Ok(())
}

/// A number from 0 to `most`.
fn number(text: &str, most: f64) -> Result<f64, String> {
    let number = text.parse().ok().filter(|n| (0.0..=most).contains(n));
    number.ok_or_else(|| format!("want a number from 0 to {most}"))
}

/// The key to send, if any.
fn key(options: &AskOptions) -> Result<Option<String>> {
    let name = match &options.key_env {
        Some(name) => name,
        None if options.endpoint.starts_with(ITS_OWNER) => KEY,
        None => return Ok(None),
    };
    match env::var(name) {
        Ok(key) => Ok(Some(key.trim().to_owned())),
        Err(env::VarError::NotPresent) if options.key_env.is_none() => Ok(None),
        Err(error) => bail!("--key-env {name}: {error}"),
    }
}

fn text_of(spent: &Spent) -> String {
    format!(
        "{} requests, {} tokens of prompts, {} of replies, price {:.2}",
        spent.calls, spent.prompt_tokens, spent.reply_tokens, spent.price
    )
}

fn told(outcome: &Outcome, out: &Path) -> String {
    format!(
        "{} replies in {}: {} known before, {} refused, {} cut by --max-tokens\nspent: {}",
        outcome.replies,
        out.display(),
        outcome.known,
        outcome.refused,
        outcome.cut,
        text_of(&outcome.spent)
    )
}

/// What `rationales clean` says when it is done.
#[derive(Debug, Serialize)]
struct CleanedFile {
    out: PathBuf,
    /// Lines written, fewer than rows kept where some were gathered.
    lines: usize,
    /// Rows left out because they explain an answer that had an explanation.
    again: usize,
    #[serde(flatten)]
    counts: Counts,
}

fn clean(general: &General, options: &CleanOptions) -> Result<()> {
    may_write(
        "--out",
        &options.out,
        std::iter::once(options.rows.as_path()),
    )?;
    let words = usize::try_from(options.words).unwrap_or(usize::MAX);
    let (mut lines, counts) = rationales::clean_file(&options.rows, &options.column, words)?;
    let mut again = 0;
    if options.by_answer {
        let named = || options.rows.display().to_string();
        let gathered = rationales::gather(lines, &options.column).with_context(named)?;
        (lines, again) = (gathered.lines, gathered.again);
    }
    ensure!(
        !lines.is_empty(),
        "{}: nothing is left of {} rows: {} are empty, {} refused",
        options.rows.display(),
        counts.rows,
        counts.empty,
        counts.refused
    );
    write_lines(&options.out, &lines)?;
    let cleaned = CleanedFile {
        out: options.out.clone(),
        lines: lines.len(),
        again,
        counts,
    };
    print(general, &cleaned, |cleaned| {
        let CleanedFile {
            out,
            lines,
            again,
            counts,
        } = cleaned;
        let fewer = *lines < counts.kept;
        let gathered = if fewer {
            format!(", gathered to {lines} lines")
        } else {
            String::new()
        };
        let left = match again {
            0 => String::new(),
            again => format!(
                "; {again} explain an answer that has another explanation, and are left out"
            ),
        };
        format!(
            "{} of {} rows in {}: {} empty, {} refused and {} unfinished are dropped, {} cut; {} name \
             their answer, {} another{gathered}{left}",
            counts.kept,
            counts.rows,
            out.display(),
            counts.empty,
            counts.refused,
            counts.unfinished,
            counts.cut,
            counts.names_answer,
            counts.names_other
        )
    })
}

fn write_lines(path: &Path, lines: &[Value]) -> Result<()> {
    let lines: Vec<String> = lines.iter().map(|line| format!("{line}\n")).collect();
    write_atomic(path, lines.concat().as_bytes())
}
