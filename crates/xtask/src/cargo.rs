//! Cargo, the one that started us.

use std::ffi::OsString;
use std::process::Command;

use crate::workspace::Workspace;

/// The cargo to call: the one that started us, so that the toolchain stays the same.
pub(crate) fn program() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// A cargo command at the root of the checkout; `arguments` are split at white space.
pub(crate) fn cargo(workspace: &Workspace, arguments: &str) -> Command {
    let mut command = Command::new(program());
    command
        .args(arguments.split_whitespace())
        .current_dir(workspace.root());
    command
}
