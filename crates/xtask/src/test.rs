//! `test`: every check of the repository, cheapest first, stopping at the first that fails.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::cargo::cargo;
use crate::step::{capture, duration, run};
use crate::workspace::Workspace;
use crate::{chromium, instructions, npm, pack, setup, size, wasm};

/// What came of a check that did not fail.
#[derive(Debug)]
pub(crate) enum Outcome {
    Passed,
    /// Passed, and what should be known of it.
    Noted(String),
    /// Not run, and why.
    Skipped(String),
}

/// One check: its name, the command that runs it alone, and its work.
struct Check {
    name: &'static str,
    alone: &'static str,
    work: fn(&Workspace, &Options) -> Result<Outcome>,
}

const CHECKS: [Check; 13] = [
    Check {
        name: "setup",
        alone: "cargo xtask setup",
        work: |w, _| passed(setup::everything(w)),
    },
    Check {
        name: "format",
        alone: "cargo fmt --all",
        work: |w, _| cargo_passes(w, FORMAT),
    },
    Check {
        name: "lints",
        alone: CLIPPY,
        work: |w, _| cargo_passes(w, CLIPPY),
    },
    Check {
        name: "licences and bans",
        alone: DENY,
        work: |w, _| deny(w, DENY),
    },
    Check {
        name: "advisories",
        alone: ADVISORIES,
        work: |w, _| advisories(w),
    },
    Check {
        name: "Rust tests",
        alone: TESTS,
        work: rust_tests,
    },
    Check {
        name: "instructions",
        alone: "cargo xtask instructions",
        work: |w, _| instructions::check(w),
    },
    Check {
        name: "wasm module",
        alone: "cargo xtask wasm",
        work: |w, _| passed(wasm::build(w)),
    },
    Check {
        name: "sizes",
        alone: "cargo xtask size",
        work: |w, _| passed(size::check(w)),
    },
    Check {
        name: "web app",
        alone: "cd web && npm run check && npm test",
        work: |w, _| web(w),
    },
    Check {
        name: "npm package",
        alone: "cargo xtask pack && cd pkg && npm test && cd ../tests/packaging && npm test",
        work: |w, _| package(w),
    },
    Check {
        name: "benchmark",
        alone: "cd tests/bench && npm test",
        work: |w, _| passed(run(&mut npm::script(&w.benchmark(), "test"))),
    },
    Check {
        name: "browser tests",
        alone: "cd tests/browser && npm test",
        work: browser,
    },
];

/// What takes minutes and much of the network.
const FULL: Check = Check {
    name: "npm package in full",
    alone: "cargo xtask pack && cd tests/packaging && npm run full",
    work: |w, _| package_in_full(w),
};

const FORMAT: &str = "cargo fmt --all -- --check";
const CLIPPY: &str = "cargo clippy --workspace --all-targets -- -D warnings";
const TESTS: &str = "cargo test --workspace";
const DENY: &str = "cargo deny check licenses bans sources";
const ADVISORIES: &str = "cargo deny check advisories";

/// How much is tested.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Also lose the GPU at fifty points of a call, twenty times each (an hour or more on a software GPU), take the
    /// whole grids of the browser tests and the figures that they tell, and run the npm package in projects of
    /// webpack, Parcel, Next and others
    #[arg(long)]
    full: bool,
}

/// Runs every check and prints a table of what came of them.
pub(crate) fn test(workspace: &Workspace, options: &Options) -> Result<()> {
    let checks: Vec<_> = CHECKS.iter().chain(options.full.then_some(&FULL)).collect();
    let start = Instant::now();
    let (mut table, mut skipped) = (Vec::new(), Vec::new());
    let result = checks.iter().try_for_each(|check| {
        println!("\n######## {}", check.name);
        let start = Instant::now();
        let result = (check.work)(workspace, options);
        if let Ok(Outcome::Skipped(_)) = result {
            skipped.push(check.name);
        }
        let row = row(check.name, &result, start.elapsed());
        println!("{row}");
        table.push(row);
        result
            .map(drop)
            .with_context(|| format!("{}; alone: `{}`", check.name, check.alone))
    });
    println!("\n{}", table.join("\n"));
    println!(
        "{}, {}",
        last_line(table.len(), checks.len(), &skipped),
        duration(start.elapsed())
    );
    result
}

/// How many checks came to run, and which of them were skipped.
fn last_line(reached: usize, all: usize, skipped: &[&str]) -> String {
    let run = reached - skipped.len();
    let line = format!("{run} of {all} checks run");
    if skipped.is_empty() {
        return line;
    }
    format!("{line}, {} SKIPPED: {}", skipped.len(), skipped.join(", "))
}

/// One line of the table.
fn row(name: &str, result: &Result<Outcome>, time: Duration) -> String {
    let (word, remark) = match result {
        Ok(Outcome::Passed) => ("passed", String::new()),
        Ok(Outcome::Noted(note)) => ("passed", format!("  {note}")),
        Ok(Outcome::Skipped(reason)) => ("SKIPPED", format!("  {reason}")),
        Err(_) => ("FAILED", String::new()),
    };
    format!("{word:<9}{name:<20}{:>14}{remark}", duration(time))
}

fn passed(result: Result<()>) -> Result<Outcome> {
    result.map(|()| Outcome::Passed)
}

/// A line that starts with `cargo`, as a command.
fn cargo_line(workspace: &Workspace, line: &str) -> Result<Command> {
    let arguments = line
        .strip_prefix("cargo ")
        .context("the line starts with cargo")?;
    Ok(cargo(workspace, arguments))
}

/// Runs a line that starts with `cargo`.
fn cargo_passes(workspace: &Workspace, line: &str) -> Result<Outcome> {
    passed(run(&mut cargo_line(workspace, line)?))
}

/// Runs the Rust tests; where the setup left a driver, those that want a GPU must not be skipped.
fn rust_tests(workspace: &Workspace, options: &Options) -> Result<Outcome> {
    let mut tests = cargo_line(workspace, TESTS)?;
    if setup::has_gpu_driver() && std::env::var_os("STILLGLASS_GPU").is_none() {
        tests.env("STILLGLASS_GPU", "required");
    }
    passed(run(options.extend(&mut tests)))
}

/// Runs cargo-deny where it is installed; compiling it takes longer than all other checks together.
fn deny(workspace: &Workspace, line: &str) -> Result<Outcome> {
    if capture(&mut cargo(workspace, "deny --version")).is_err() {
        let reason = "cargo-deny is not installed; `cargo install --locked cargo-deny` brings it";
        return Ok(Outcome::Skipped(reason.into()));
    }
    cargo_passes(workspace, line)
}

/// Checks the RustSec advisories where their database can be reached.
fn advisories(workspace: &Workspace) -> Result<Outcome> {
    let installed = capture(&mut cargo(workspace, "deny --version")).is_ok();
    if installed && capture(&mut cargo(workspace, "deny fetch db")).is_err() {
        return Ok(Outcome::Skipped(
            "the advisory database cannot be reached".into(),
        ));
    }
    deny(workspace, ADVISORIES)
}

/// Checks the types of the web app and runs its unit tests.
fn web(workspace: &Workspace) -> Result<Outcome> {
    run(&mut npm::script(&workspace.web(), "check"))?;
    passed(run(&mut npm::script(&workspace.web(), "test")))
}

/// Tests the npm package: its parts, its tarball, and the tarball in fresh projects that build quickly.
fn package(workspace: &Workspace) -> Result<Outcome> {
    run(&mut npm::script(&workspace.package(), "test"))?;
    let tarball = pack::tarball(workspace)?;
    pack::lint(workspace, &tarball)?;
    projects(workspace, &tarball, "test")
}

/// The same tarball in the projects that take longer.
fn package_in_full(workspace: &Workspace) -> Result<Outcome> {
    let tarball = pack::tarball(workspace)?;
    projects(workspace, &tarball, "full")
}

fn projects(workspace: &Workspace, tarball: &Path, script: &str) -> Result<Outcome> {
    let mut tests = npm::script(&workspace.path("tests/packaging"), script);
    tests.env("CHROMIUM", chromium::find()?);
    tests.env("TARBALL", tarball);
    tests.env("PROJECTS", workspace.target("packaging"));
    passed(run(&mut tests))
}

/// Builds the page and runs its tests in a real Chromium, beside the binary that the Rust tests built.
fn browser(workspace: &Workspace, options: &Options) -> Result<Outcome> {
    let mut tests = npm::script(&workspace.browser_tests(), "test");
    tests.env("CHROMIUM", chromium::find()?);
    tests.env("STILLGLASS", workspace.target("debug/stillglass"));
    passed(run(options.extend(&mut tests)))
}

impl Options {
    /// Tells tests how much is wanted.
    fn extend<'c>(&self, tests: &'c mut Command) -> &'c mut Command {
        if self.full {
            tests.env("STILLGLASS_FULL", "1");
        }
        tests
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::anyhow;

    #[test]
    fn a_skipped_check_says_so_and_why() {
        let second = Duration::from_secs(1);
        let row = |result| row("advisories", &result, second);
        assert!(row(Ok(Outcome::Passed)).starts_with("passed   advisories"));
        let noted = row(Ok(Outcome::Noted("but slower".into())));
        assert!(
            noted.starts_with("passed") && noted.ends_with("but slower"),
            "{noted}"
        );
        let skipped = row(Ok(Outcome::Skipped("no network".into())));
        assert!(
            skipped.starts_with("SKIPPED") && skipped.ends_with("no network"),
            "{skipped}"
        );
        assert!(row(Err(anyhow!("vulnerable"))).starts_with("FAILED"));
    }

    #[test]
    fn the_last_line_names_what_was_skipped() {
        assert_eq!(last_line(10, 10, &[]), "10 of 10 checks run");
        assert_eq!(
            last_line(10, 10, &["licences and bans", "advisories"]),
            "8 of 10 checks run, 2 SKIPPED: licences and bans, advisories"
        );
    }

    #[test]
    fn setup_comes_first_and_the_browser_last() {
        assert_eq!(CHECKS.first().unwrap().name, "setup");
        assert_eq!(CHECKS.last().unwrap().name, "browser tests");
    }
}
