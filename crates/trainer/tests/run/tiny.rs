//! A run small enough for tests: made-up sentences, a tiny random teacher, a few epochs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rand::RngExt;
use stillglass::training::generator;

const SUBJECTS: [&str; 6] = [
    "the mill",
    "this bakery",
    "the harbour",
    "old boats",
    "its rivals",
    "the catch",
];
const TAILS: [&str; 6] = [
    "early",
    "again",
    "in winter",
    "with heavy rain",
    "while nobody knows",
    "more or less",
];

/// Texts of words that the tiny teacher's vocabulary spells, labelled by one of them.
fn rows(count: usize, seed: u64) -> String {
    let mut rng = generator(seed, "rows", 0);
    let mut lines = Vec::with_capacity(count);
    for row in 0..count {
        let (verb, label) = if row % 2 == 0 {
            ("rose", "up")
        } else {
            ("fell", "down")
        };
        let subject = SUBJECTS[rng.random_range(0..SUBJECTS.len())];
        let mut tail = || TAILS[rng.random_range(0..TAILS.len())];
        let text = format!("{subject} {verb} {} {}", tail(), tail());
        lines.push(serde_json::json!({ "text": text, "label": label }).to_string());
    }
    lines.join("\n")
}

/// A recipe of a few seconds' work in `folder`, on the tiny teacher of this family.
pub(crate) fn recipe(folder: &Path, family: &str) -> PathBuf {
    for (name, count, seed) in [("train", 48, 1), ("validation", 16, 2), ("test", 16, 3)] {
        fs::write(folder.join(format!("{name}.jsonl")), rows(count, seed)).unwrap();
    }
    let base = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(family);
    let text = format!(
        "name = \"tiny\"\nseed = 7\n\
         [data]\ntrain = \"${{RECIPE_DIR}}/train.jsonl\"\nvalidation = \"${{RECIPE_DIR}}/validation.jsonl\"\n\
         test = \"${{RECIPE_DIR}}/test.jsonl\"\n\
         [teacher]\nbase = \"{}\"\nmax_tokens = 24\nepochs = 3\nbatch = 8\nlearning_rate = 1e-3\npatience = 3\n\
         [label]\nnodes = 2\n\
         [transfer]\nvariants = 2\n\
         [student]\nembedding = 8\nhidden = 6\nattention = 5\ndropout = 0.2\n\
         [distill]\nobjective = \"multiview\"\nepochs = 4\nbatch = 8\n",
        base.display()
    );
    let path = folder.join("tiny.toml");
    fs::write(&path, text).unwrap();
    path
}

/// Starts `run` with these overrides.
pub(crate) fn start(recipe: &Path, runs: &Path, sets: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_stillglass"))
        .args(["--quiet", "run"])
        .arg(recipe)
        .arg("--runs")
        .arg(runs)
        .args(sets.iter().flat_map(|set| ["--set", set]))
        // One thread, so that the many processes of a test run do not fight for the cores.
        .env("RAYON_NUM_THREADS", "1")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts")
}

/// Waits for a run, which must succeed.
pub(crate) fn finish(child: Child) {
    let output = child.wait_with_output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
