//! Writes bundles with made-up weights into a folder, for the browser tests: students whose sizes are no
//! multiple of a vector, where the committed bundles, all of sizes 64, do not reach, two of them of pairs and with
//! reasons, of which one chooses among answers; and teachers for the page's finance model, a small one and one that
//! takes seconds over a long text.
//!
//! `cargo run --package stillglass-tests --example awkward_bundles -- FOLDER`

#[allow(dead_code)] // what only the tests use
#[path = "../tests/student/made_up.rs"]
mod made_up;
#[allow(dead_code)]
#[path = "../tests/gpu/made_up_teacher.rs"]
mod made_up_teacher;

use std::error::Error;
use std::path::PathBuf;

use made_up::{ODD, PLAIN, Sizes, bundle, pair};
use made_up_teacher::{SHAPE, teacher};
use stillglass_bundle::{Bundle, TeacherShape, WeightFormat, Weights};

/// One more than whole vectors everywhere.
const WIDE: Sizes = Sizes {
    embedding: 65,
    hidden: 65,
    attention: 65,
    labels: 3,
    max_tokens: 256,
};

/// Of a question and one of its answers.
const CHOOSER: Sizes = Sizes { labels: 2, ..ODD };

/// Wide enough to be slow.
const SLOW: TeacherShape = TeacherShape {
    hidden: 192,
    layers: 6,
    heads: 6,
    intermediate: 768,
    positions: 512,
    ..SHAPE
};

/// The classes of the committed finance model.
const CLASSES: [&str; 3] = ["bearish", "bullish", "neutral"];

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args_os()
        .nth(1)
        .ok_or("name the folder to write to")?;
    let folder = PathBuf::from(folder);
    for (name, sizes) in [("odd.glass", ODD), ("wide.glass", WIDE)] {
        std::fs::write(folder.join(name), bundle(1, sizes, &PLAIN).write()?)?;
    }
    let mut chooser = talkative(CHOOSER);
    chooser.manifest.labels = ["wrong", "right"].map(str::to_owned).to_vec();
    chooser.manifest.choices = true;
    std::fs::write(folder.join("pair.glass"), talkative(ODD).write()?)?;
    std::fs::write(folder.join("chooser.glass"), chooser.write()?)?;
    for (name, shape) in [("teacher.glass", SHAPE), ("slow-teacher.glass", SLOW)] {
        let mut teacher = teacher(1, shape, WeightFormat::Int8);
        teacher.manifest.labels = CLASSES.map(str::to_owned).to_vec();
        std::fs::write(folder.join(name), teacher.write()?)?;
    }
    Ok(())
}

/// A student of pairs whose reasons end where there is no more room for them, so that they have tokens to look at.
fn talkative(sizes: Sizes) -> Bundle {
    let mut pair = pair(1, sizes, &PLAIN, sizes.labels);
    if let Weights::Student(student) = &mut pair.weights
        && let Some(decoder) = &mut student.decoder
    {
        decoder.end.bias = vec![-20.0];
    }
    pair
}
