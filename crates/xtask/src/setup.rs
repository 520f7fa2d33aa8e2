//! `setup`: brings what the other commands need; quick when all is there.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::step::{capture, run, step};
use crate::workspace::Workspace;
use crate::{chromium, debian, npm};

/// The target of the browser's module.
pub(crate) const WASM: &str = "wasm32-unknown-unknown";

/// Where Vulkan looks for its drivers on Linux.
const VULKAN_DRIVERS: [&str; 3] = [
    "/usr/share/vulkan/icd.d",
    "/etc/vulkan/icd.d",
    "/usr/local/share/vulkan/icd.d",
];

/// Everything: what building needs and what testing needs.
pub(crate) fn everything(workspace: &Workspace) -> Result<()> {
    building(workspace)?;
    testing(workspace)
}

/// What building the web app needs: the wasm target, Node, the packages of `pkg` and `web`.
pub(crate) fn building(workspace: &Workspace) -> Result<()> {
    step("set up building", || {
        wasm_target()?;
        npm::check_node()?;
        npm::install(&workspace.package())?;
        npm::install(&workspace.web())
    })
}

/// What testing needs beyond: the packages of the browser tests, Chromium, a Vulkan driver, valgrind.
fn testing(workspace: &Workspace) -> Result<()> {
    step("set up testing", || {
        npm::install(&workspace.browser_tests())?;
        npm::install(&workspace.path("tests/packaging"))?;
        vulkan()?;
        valgrind()?;
        chromium::bring()
    })
}

fn wasm_target() -> Result<()> {
    let present = || {
        capture(Command::new("rustc").args(["--print", "target-libdir", "--target", WASM]))
            .is_ok_and(|folder| Path::new(&folder).is_dir())
    };
    if !present() {
        run(Command::new("rustup").args(["target", "add", WASM])).with_context(|| {
            format!("install rustup (https://rustup.rs) and run `rustup target add {WASM}`")
        })?;
    }
    println!("    target {WASM}: present");
    Ok(())
}

/// Brings Mesa's software driver where it can. Its lack is said, not an error: only tests of shaders
/// want it, and they say for themselves that they were skipped.
fn vulkan() -> Result<()> {
    if !cfg!(target_os = "linux") {
        println!("    Vulkan software driver: not needed on this system");
    } else if has_gpu_driver() || debian::install(&["mesa-vulkan-drivers"])? {
        println!("    Vulkan software driver: present");
    } else {
        println!(
            "    Vulkan software driver: MISSING; shader tests will be skipped; run \
             `sudo apt-get install mesa-vulkan-drivers` or your system's equivalent"
        );
    }
    Ok(())
}

/// Brings valgrind where it can. Its lack is said, not an error: only the instruction counts want it.
fn valgrind() -> Result<()> {
    if has_valgrind() || debian::install(&["valgrind"])? {
        println!("    valgrind: present");
    } else if cfg!(target_os = "linux") {
        println!(
            "    valgrind: MISSING; instructions will not be counted; run `sudo apt-get install \
             valgrind` or your system's equivalent"
        );
    } else {
        println!("    valgrind: not needed on this system");
    }
    Ok(())
}

/// Tells whether instructions can be counted.
pub(crate) fn has_valgrind() -> bool {
    capture(Command::new("valgrind").arg("--version")).is_ok()
}

/// Tells whether there is a driver that needs no card, so that tests of shaders can run.
pub(crate) fn has_gpu_driver() -> bool {
    has_software_driver(&VULKAN_DRIVERS)
}

/// Tells whether one of the folders holds a driver file of lavapipe, Mesa's software Vulkan.
fn has_software_driver(folders: &[impl AsRef<Path>]) -> bool {
    folders
        .iter()
        .filter_map(|folder| std::fs::read_dir(folder).ok())
        .flat_map(|entries| entries.filter_map(Result::ok))
        .any(|entry| entry.file_name().to_string_lossy().starts_with("lvp_icd"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_software_driver_is_told_from_a_cards_driver() {
        let folder = tempfile::tempdir().unwrap();
        let folders = [folder.path().join("absent"), folder.path().to_owned()];
        std::fs::write(folder.path().join("intel_icd.x86_64.json"), "").unwrap();
        assert!(!has_software_driver(&folders));
        std::fs::write(folder.path().join("lvp_icd.x86_64.json"), "").unwrap();
        assert!(has_software_driver(&folders));
    }
}
