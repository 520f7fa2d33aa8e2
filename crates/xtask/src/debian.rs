//! Debian's package manager, where we may use it.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::step::{capture, run};

/// Brings packages with apt-get if this is Debian and we are root; tells whether it did.
///
/// Ubuntu is left alone: its `chromium` package is a shell around a snap, which needs a running snapd.
pub(crate) fn install(packages: &[&str]) -> Result<bool> {
    let release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    if !is_debian(&release) || !is_root() || !Path::new("/usr/bin/apt-get").exists() {
        return Ok(false);
    }
    run(apt_get().args(["update", "--quiet"]))?;
    run(apt_get()
        .args(["install", "--quiet", "--yes", "--no-install-recommends"])
        .args(packages))?;
    Ok(true)
}

fn apt_get() -> Command {
    let mut command = Command::new("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command
}

fn is_root() -> bool {
    capture(Command::new("id").arg("-u")).is_ok_and(|id| id == "0")
}

/// Tells from the text of `/etc/os-release` whether this is Debian itself.
fn is_debian(release: &str) -> bool {
    release
        .lines()
        .any(|line| matches!(line.trim(), "ID=debian" | "ID=\"debian\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debian_is_not_its_descendants() {
        assert!(is_debian(
            "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nID=debian\n"
        ));
        assert!(!is_debian("ID=ubuntu\nID_LIKE=debian\n"));
        assert!(!is_debian(""));
    }
}
