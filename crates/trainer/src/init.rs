//! A first recipe, commented.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

use crate::artefact::write_atomic;
use crate::recipe::TEMPLATE;

/// Writes the template to `path`; an existing file is replaced only if `force`.
pub fn init(path: &Path, force: bool) -> Result<()> {
    let named = || format!("recipe {}", path.display());
    ensure!(
        !path.is_dir(),
        "{}: this is a folder; name a file in it",
        named()
    );
    let folders = path.parent().into_iter().flat_map(Path::ancestors);
    let folders = folders.filter(|folder| !folder.as_os_str().is_empty());
    if let Some(missing) = folders.filter(|folder| !folder.exists()).last() {
        bail!(
            "{}: there is no folder {}; make it first",
            named(),
            missing.display()
        );
    }
    if force {
        return write_atomic(path, TEMPLATE.as_bytes());
    }
    match File::create_new(path) {
        Ok(mut file) => file.write_all(TEMPLATE.as_bytes()).or_else(|error| {
            // On a full disk: an empty recipe would be in the way of the next try.
            fs::remove_file(path).ok();
            Err(error).with_context(named)
        }),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            bail!("{}: it is there already; --force replaces it", named())
        }
        Err(error) => Err(error).with_context(named),
    }
}
