//! Measurements that the tests' examples make.

use std::ffi::OsString;

use anyhow::Result;

use crate::cargo::cargo;
use crate::step::run;
use crate::workspace::Workspace;

/// What is handed on.
#[derive(clap::Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Options {
    /// Handed on; `--help` explains them
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

/// Builds an example at full speed and runs it.
pub(crate) fn example(workspace: &Workspace, name: &str, options: &Options) -> Result<()> {
    let line = format!("run --quiet --release --package stillglass-tests --example {name} --");
    run(cargo(workspace, &line).args(&options.arguments))
}
