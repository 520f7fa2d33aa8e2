//! A bundle's answers on the GPU beside those on the CPU, over the texts of a data set; a row of a table.
//!
//! `cargo xtask parity --bundle BUNDLE --texts TEXTS.jsonl [--rows N]`

use std::future::{pending, ready};
use std::io::Write;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use stillglass_bundle::Bundle;
use stillglass_runtime::{
    Backend, Choice, Classification, Host, Model, Progress, Request, Service, Wait,
};
use stillglass_tests::wait;

/// What a probability may differ by.
const PROBABILITY: f32 = 1e-3;
/// Texts of one call.
const CALL: usize = 16;

/// Compare a bundle's answers on the GPU with those on the CPU
#[derive(Parser)]
struct Options {
    /// A `.glass` file
    #[arg(long)]
    bundle: PathBuf,
    /// A JSONL file, a `text` in each line
    #[arg(long)]
    texts: PathBuf,
    /// Only so many texts, from the beginning
    #[arg(long, default_value_t = usize::MAX)]
    rows: usize,
}

/// What was found so far.
#[derive(Default)]
struct Found {
    texts: usize,
    /// Not answered by the GPU, and why.
    elsewhere: Vec<String>,
    /// Of another label.
    labels: usize,
    /// The largest difference of a probability, and its text.
    furthest: (f32, String),
}

/// Surroundings with a clock and no one else to wait for: natively the GPU has answered when it is asked.
struct Alone(Instant);

impl Host for Alone {
    fn now(&self) -> f64 {
        self.0.elapsed().as_secs_f64() * 1e3
    }

    fn after(&self, milliseconds: u32) -> Wait {
        if milliseconds == 0 {
            return Box::pin(ready(()));
        }
        Box::pin(pending())
    }

    fn watch(&self, _progress: Progress) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let options = Options::parse();
    let texts = read(&options.texts, options.rows)?;
    let bundle = Bundle::read(&std::fs::read(&options.bundle)?)?;
    let service = Service::new(Model::new(bundle)?);
    let mut found = Found::default();
    let mut took = [0.0; 2];
    for texts in texts.chunks(CALL) {
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let answer = |backend, took: &mut f64| {
            let began = Instant::now();
            let request = Request {
                explain: None,
                backend,
            };
            let answers = wait(service.run(&texts, request, &Alone(began)));
            *took += began.elapsed().as_secs_f64();
            answers
        };
        let [cpu, gpu] = &mut took;
        let wanted = answer(Choice::Cpu, cpu)?;
        found.add(&texts, answer(Choice::Gpu, gpu)?, &wanted);
        // Progress, for a GPU that the CPU imitates is slow.
        let (apart, others) = (found.furthest.0, found.elsewhere.len());
        eprint!(
            "\r{} texts, {apart:.2e}, {others} not on the GPU",
            found.texts
        );
        std::io::stderr().flush()?;
    }
    eprintln!();
    println!(
        "| bundle | texts | largest \u{394}p | other labels | not on the GPU | CPU s | GPU s |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    let name = options.bundle.file_name().unwrap_or_default();
    println!(
        "| `{}` | {} | {:.2e} | {} | {} | {:.1} | {:.1} |",
        name.display(),
        found.texts,
        found.furthest.0,
        found.labels,
        found.elsewhere.len(),
        took[0],
        took[1],
    );
    println!("\nThe furthest apart: {:?}", found.furthest.1);
    if let Some(reason) = found.elsewhere.first() {
        println!("Not on the GPU: {reason}");
    }
    Ok(if found.is_good() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

impl Found {
    fn add(&mut self, texts: &[&str], found: Vec<Classification>, wanted: &[Classification]) {
        for ((text, found), wanted) in texts.iter().zip(found).zip(wanted) {
            self.texts += 1;
            self.labels += usize::from(found.label != wanted.label);
            let pairs = found.probabilities.iter().zip(&wanted.probabilities);
            let apart = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            if apart > self.furthest.0 {
                self.furthest = (apart, (*text).to_owned());
            }
            if found.backend != Backend::Gpu {
                self.elsewhere.push(found.reason.unwrap_or_default());
            }
        }
    }

    /// All as it should be; labels may differ only where two are as likely as each other.
    fn is_good(&self) -> bool {
        self.texts > 0 && self.elsewhere.is_empty() && self.furthest.0 <= PROBABILITY
    }
}

/// The texts of a JSONL file.
fn read(path: &Path, rows: usize) -> Result<Vec<String>, Box<dyn std::error::Error>> {
    let lines = std::fs::read_to_string(path)?;
    let text = |line: &str| -> Result<String, Box<dyn std::error::Error>> {
        let row: serde_json::Value = serde_json::from_str(line)?;
        Ok(row["text"].as_str().ok_or("a line without `text`")?.into())
    };
    lines.lines().take(rows).map(text).collect()
}
