//! A first recipe, commented.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::artefact::write_atomic;
use crate::recipe::TEMPLATE;

/// Writes the template to `path`; an existing file is replaced only if `force`.
pub fn init(path: &Path, force: bool) -> Result<()> {
    if force {
        return write_atomic(path, TEMPLATE.as_bytes());
    }
    match File::create_new(path) {
        Ok(mut file) => file
            .write_all(TEMPLATE.as_bytes())
            .with_context(|| format!("recipe {}", path.display())),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            bail!(
                "recipe {}: it is there already; --force replaces it",
                path.display()
            )
        }
        Err(error) => Err(error).with_context(|| format!("recipe {}", path.display())),
    }
}
