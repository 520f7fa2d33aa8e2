//! `fixtures`: regenerates what PyTorch says about tiny random models.

use std::process::Command;

use anyhow::Result;

use crate::python;
use crate::step::{run, step};
use crate::workspace::Workspace;

/// The script, and the packages it imports. Versions are pinned so that a fixture changes only when
/// we change it.
const SCRIPT: &str = "crates/trainer/tests/fixtures/make.py";
const PACKAGES: [&str; 4] = [
    "torch==2.9.1",
    "transformers==4.57.1",
    "numpy==2.3.4",
    "safetensors==0.6.2",
];

/// Makes the virtual environment if needed and runs the script.
pub(crate) fn regenerate(workspace: &Workspace) -> Result<()> {
    let environment = workspace.target("fixtures-venv");
    let python = step("bring PyTorch", || {
        python::environment(&environment, &PACKAGES)
    })?;
    step("make the fixtures", || {
        run(Command::new(python).arg(workspace.path(SCRIPT)))
    })
}
