//! The command line: verbs, options, and how errors are shown.

mod answers;
mod quantize;
mod rationales;
mod stages;
mod study;

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use clap::{Args, Parser, Subcommand};
use serde::Serialize;

use crate::artefact::{check_target, same_file};
use crate::compare;
use crate::init;
use crate::progress::Progress;
use crate::terminal::say;

/// Distils a text classifier into one small enough for a browser, guided by its explanations.
#[derive(Debug, Parser)]
#[command(
    name = "stillglass",
    version,
    propagate_version = true,
    max_term_width = 100
)]
struct Arguments {
    #[command(flatten)]
    general: General,
    #[command(subcommand)]
    command: Command,
}

/// Options of every verb.
#[derive(Debug, Clone, Args)]
struct General {
    /// Fix every random choice, in place of the recipe's seed
    #[arg(
        long,
        global = true,
        value_name = "N",
        allow_negative_numbers = true,
        value_parser = clap::value_parser!(u64).range(..=i64::MAX as u64)
    )]
    seed: Option<u64>,
    /// Device to train and label on; `cpu` gives the same bits on every run
    #[arg(long, global = true, value_name = "NAME", default_value = "cpu")]
    device: String,
    /// Write results as JSON
    #[arg(long, global = true)]
    json: bool,
    /// Write no progress
    #[arg(long, short, global = true)]
    quiet: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write a first recipe, every key with its meaning
    Init {
        /// Where to
        #[arg(default_value = "recipe.toml")]
        path: PathBuf,
        /// Replace a file that is there already
        #[arg(long)]
        force: bool,
    },
    /// Check recipe, data, teacher and disk; train nothing
    Check(RecipeOptions),
    /// Fine-tune the recipe's base into a teacher
    Teach(RecipeOptions),
    /// Let the teacher label and explain the texts (and what comes before)
    Label(RecipeOptions),
    /// Train the student (and what comes before)
    Distill(RecipeOptions),
    /// Quantize, verify and write the bundle (and what comes before)
    Export(RecipeOptions),
    /// All stages, skipping what is done
    Run(RecipeOptions),
    /// Put every method beside the others on the recipe's data: table and report
    Compare(CompareOptions),
    /// Buy the teacher's labels in rounds: accuracy against their number, by how the texts are chosen
    Budget(RecipeOptions),
    /// Quantize a fine-tuned teacher into a bundle
    Quantize(quantize::QuantizeOptions),
    /// Ask a language model for reasons in words, and clean them
    #[command(subcommand)]
    Rationales(rationales::RationalesCommand),
    /// Ask people about explanations: plan a study, analyse what they said
    #[command(subcommand)]
    Study(study::StudyCommand),
    /// Score a bundle on labelled rows
    Evaluate(answers::EvaluateOptions),
    /// Classify texts, one JSON object a line
    Predict(answers::PredictOptions),
    /// Classify one text and show what each word gave
    Explain(answers::ExplainOptions),
    /// Show a bundle's card, sizes and tensors
    Inspect(answers::InspectOptions),
}

/// A recipe and what overrides it.
#[derive(Debug, Args)]
struct RecipeOptions {
    /// The recipe (TOML)
    recipe: PathBuf,
    /// Override a key of the recipe, such as distill.epochs=3; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    sets: Vec<String>,
    /// Leave out up to N bad rows instead of stopping
    #[arg(long, value_name = "N")]
    skip_bad_rows: Option<usize>,
    /// Folder of all runs; each has a folder named like its recipe
    #[arg(long, value_name = "FOLDER", default_value = "runs")]
    runs: PathBuf,
}

/// Which runs of a comparison this process does.
#[derive(Debug, Args)]
struct CompareOptions {
    #[command(flatten)]
    recipe: RecipeOptions,
    /// Only the runs of this arm; may be repeated
    #[arg(long, value_name = "ARM")]
    only: Vec<String>,
    /// Only every N-th run, beginning with the I-th: the rest is for other machines
    #[arg(long, value_name = "I/N", value_parser = compare::shard)]
    shard: Option<(usize, usize)>,
    /// First take the finished runs that lie in this run's folder of another machine; may be repeated
    #[arg(long, value_name = "FOLDER")]
    merge: Vec<PathBuf>,
    /// Do no run: write table and report of what has been done
    #[arg(long, conflicts_with_all = ["only", "shard"])]
    report: bool,
}

/// Runs the command that the process was started with.
pub fn main() -> ExitCode {
    let Arguments { general, command } = Arguments::parse();
    match run(&general, command) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read our output has seen enough.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            say(&report(&error));
            ExitCode::FAILURE
        }
    }
}

fn run(general: &General, command: Command) -> Result<()> {
    let progress = Progress::new(general.quiet);
    match command {
        Command::Init { path, force } => {
            init::init(&path, force)?;
            let path = path.display();
            progress.note(&format!(
                "wrote {path}; edit it, then: stillglass check {path}"
            ));
            Ok(())
        }
        Command::Check(options) => stages::check(general, &options),
        Command::Teach(options) => stages::teach(general, &options, &progress),
        Command::Label(options) => stages::label(general, &options, &progress),
        Command::Distill(options) => stages::distill(general, &options, &progress),
        Command::Export(options) | Command::Run(options) => {
            stages::run(general, &options, &progress)
        }
        Command::Compare(options) => stages::compare(general, &options, &progress),
        Command::Budget(options) => stages::budget(general, &options, &progress),
        Command::Quantize(options) => quantize::quantize(general, &options, &progress),
        Command::Rationales(command) => rationales::run(general, command, &progress),
        Command::Study(command) => study::run(general, command, &progress),
        Command::Evaluate(options) => answers::evaluate(general, &options, &progress),
        Command::Predict(options) => answers::predict(&options, &progress),
        Command::Explain(options) => answers::explain(general, &options),
        Command::Inspect(options) => answers::inspect(general, &options),
    }
}

/// Errors where the file that an option names can't be written, or is one of those that are read.
fn may_write<'p>(
    option: &str,
    target: &Path,
    mut read: impl Iterator<Item = &'p Path>,
) -> Result<()> {
    check_target(target)?;
    ensure!(
        !read.any(|path| same_file(path, target)),
        "{option}: {} is read; name another file",
        target.display()
    );
    Ok(())
}

/// Writes a result to standard output: `text` for a person, or the value as one line of JSON.
fn print<T: Serialize>(
    general: &General,
    value: &T,
    text: impl FnOnce(&T) -> String,
) -> Result<()> {
    use std::io::Write;
    let mut shown = if general.json {
        serde_json::to_string(value)?
    } else {
        text(value)
    };
    if !shown.ends_with('\n') {
        shown.push('\n');
    }
    let mut out = std::io::stdout().lock();
    let written = out.write_all(shown.as_bytes()).and_then(|()| out.flush());
    written.context("standard output")
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let io = |cause: &(dyn std::error::Error + 'static)| {
        cause
            .downcast_ref::<std::io::Error>()
            .is_some_and(|e| e.kind() == ErrorKind::BrokenPipe)
    };
    error.chain().any(io)
}

/// `error: …`, then each cause on lines of its own, indented.
fn report(error: &anyhow::Error) -> String {
    let mut causes = error.chain().map(ToString::to_string);
    let mut out = format!("error: {}", causes.next().unwrap_or_default());
    let mut before = out.clone();
    for cause in causes {
        // Some errors repeat their source in their own text.
        if !before.ends_with(&cause) {
            for line in cause.lines() {
                out.push_str("\n  ");
                out.push_str(line);
            }
        }
        before = cause;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::anyhow;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn causes_stand_below_the_error() {
        let error = anyhow!("the disk is full\nreally")
            .context("can't write x")
            .context("run y");
        assert_eq!(
            report(&error),
            "error: run y\n  can't write x\n  the disk is full\n  really"
        );
        assert_eq!(report(&anyhow!("alone")), "error: alone");
        let twice = anyhow!("no such file").context("open: no such file");
        assert_eq!(report(&twice), "error: open: no such file");
    }

    #[test]
    fn only_a_closed_pipe_is_no_error() {
        let pipe = std::io::Error::from(ErrorKind::BrokenPipe);
        assert!(is_broken_pipe(&anyhow::Error::new(pipe).context("writing")));
        let other = std::io::Error::from(ErrorKind::NotFound);
        assert!(!is_broken_pipe(
            &anyhow::Error::new(other).context("writing")
        ));
    }
}
