//! `fixtures`: regenerates what PyTorch says about tiny random models.

use std::process::Command;

use anyhow::Result;

use crate::python;
use crate::step::{run, step};
use crate::workspace::Workspace;

/// The folder of the scripts and of the versions they want.
const FOLDER: &str = "crates/trainer/tests/fixtures";

/// Makes the virtual environment if needed and runs the script.
pub(crate) fn regenerate(workspace: &Workspace) -> Result<()> {
    let folder = workspace.path(FOLDER);
    let environment = workspace.target("fixtures-venv");
    let requirements = folder.join("requirements.txt");
    let python = step("bring PyTorch", || {
        python::environment(&environment, &requirements)
    })?;
    step("make the fixtures", || {
        run(Command::new(python).arg(folder.join("make.py")))
    })
}
