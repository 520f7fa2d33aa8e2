//! What `predict`, `explain`, `evaluate` and `inspect` read: a bundle, and rows from a file or
//! standard input.

use std::fs;
use std::io::{IsTerminal, Read};
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use stillglass_bundle::Bundle;
use stillglass_runtime::Model;

use crate::data::{self, Columns, Format, Sheet};
use crate::terminal::say;

/// The path that stands for standard input.
pub const STDIN: &str = "-";

/// A bundle's file, read and ready.
#[derive(Debug)]
pub struct Opened {
    /// Classifies and explains.
    pub model: Model,
    /// The file as it is.
    pub bytes: Vec<u8>,
}

/// Reads, checks and loads the bundle at `path`.
pub fn open(path: &Path) -> Result<Opened> {
    let named = || format!("bundle {}", path.display());
    let bytes = bundle_bytes(path)?;
    let bundle = Bundle::read(&bytes).with_context(named)?;
    let model = Model::new(bundle).with_context(named)?;
    Ok(Opened { model, bytes })
}

/// The bytes of the bundle at `path`, unchecked.
pub fn bundle_bytes(path: &Path) -> Result<Vec<u8>> {
    let named = || format!("bundle {}", path.display());
    ensure!(
        !path.is_dir(),
        "{}: this is a folder; name the .glass file in it",
        named()
    );
    fs::read(path).with_context(named)
}

/// Rows of a file, or of standard input for `-`, with at most `allowed` bad ones left out; the bad
/// ones come back as text.
pub fn rows(
    path: &str,
    format: Format,
    columns: &Columns<'_>,
    allowed: usize,
) -> Result<(Sheet, Vec<String>)> {
    let taken = |own: &&str| *own == columns.text || columns.label == Some(*own);
    if let Some(own) = [columns.text2, columns.choices]
        .into_iter()
        .flatten()
        .find(taken)
    {
        bail!(
            "the column `{own}` is read as text or label; second texts and choices have one of their own"
        );
    }
    let (name, bytes) = (name(path), bytes(path)?);
    let sheet = data::read(&bytes, format, columns).with_context(|| name.to_owned())?;
    let bad: Vec<String> = sheet
        .bad
        .iter()
        .map(|bad| format!("{name}:{bad}"))
        .collect();
    if bad.len() > allowed {
        bail!("{}", data::too_many(&bad, allowed));
    }
    Ok((sheet, bad))
}

/// What the input at `path` is called in messages.
pub fn name(path: &str) -> &str {
    if path == STDIN {
        "standard input"
    } else {
        path
    }
}

fn bytes(path: &str) -> Result<Vec<u8>> {
    if path != STDIN {
        let named = || format!("input {path}");
        ensure!(
            !Path::new(path).is_dir(),
            "{}: this is a folder; name a file in it",
            named()
        );
        return fs::read(path).with_context(named);
    }
    let mut input = std::io::stdin();
    if input.is_terminal() {
        say("reading from the keyboard; end with ctrl-D, or name a file with --input");
    }
    let mut bytes = Vec::new();
    let read = input.read_to_end(&mut bytes);
    read.with_context(|| name(path).to_owned())?;
    Ok(bytes)
}
