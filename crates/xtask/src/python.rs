//! Python 3, needed only to bring PyTorch's fixtures and the base model.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::digest;
use crate::step::{capture, run};

/// A command of the system's Python, after checking that its module can be used.
pub(crate) fn module(name: &str) -> Result<Command> {
    let program = if cfg!(windows) { "python" } else { "python3" };
    let command = || {
        let mut command = Command::new(program);
        command.args(["-m", name]);
        command
    };
    capture(command().arg("--help")).with_context(|| {
        format!(
            "this needs Python 3 with its module {name}: on Debian run `sudo apt-get install \
             python3 python3-pip python3-venv`, elsewhere see https://www.python.org/downloads"
        )
    })?;
    Ok(command())
}

/// Makes a virtual environment with the packages a requirements file lists, unless it has them.
/// Returns its Python.
pub(crate) fn environment(folder: &Path, requirements: &Path) -> Result<PathBuf> {
    let bin = if cfg!(windows) { "Scripts" } else { "bin" };
    let python = folder.join(bin).join("python");
    let stamp = folder.join("stillglass-packages");
    let wanted = digest::of_file(requirements)?;
    if fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) {
        println!("    {}: present", folder.display());
        return Ok(python);
    }
    run(module("venv")?.arg(folder))?;
    let mut pip = Command::new(&python);
    run(pip
        .args(["-m", "pip", "install", "--quiet", "--requirement"])
        .arg(requirements))?;
    fs::write(stamp, wanted)?;
    Ok(python)
}
