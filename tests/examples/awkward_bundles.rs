//! Writes students whose sizes are no multiple of a vector, with made-up weights, into a folder: the
//! browser tests take them where the committed bundles, all of sizes 64, do not reach.
//!
//! `cargo run --package stillglass-tests --example awkward_bundles -- FOLDER`

#[allow(dead_code)] // what only the tests use
#[path = "../tests/student/made_up.rs"]
mod made_up;

use std::error::Error;
use std::path::PathBuf;

use made_up::{ODD, PLAIN, Sizes, bundle};

/// One more than whole vectors everywhere.
const WIDE: Sizes = Sizes {
    embedding: 65,
    hidden: 65,
    attention: 65,
    labels: 3,
    max_tokens: 256,
};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args_os()
        .nth(1)
        .ok_or("name the folder to write to")?;
    for (name, sizes) in [("odd.glass", ODD), ("wide.glass", WIDE)] {
        let path = PathBuf::from(&folder).join(name);
        std::fs::write(path, bundle(1, sizes, &PLAIN).write()?)?;
    }
    Ok(())
}
