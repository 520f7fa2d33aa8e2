//! `run`, killed again and again, ends with the same bits as `run` left alone.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rand::RngExt;
use stillglass::training::generator;

/// How often a run is killed.
const KILLS: usize = 50;

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

fn recipe(folder: &Path) -> PathBuf {
    for (name, count, seed) in [("train", 48, 1), ("validation", 16, 2), ("test", 16, 3)] {
        fs::write(folder.join(format!("{name}.jsonl")), rows(count, seed)).unwrap();
    }
    let base = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/bert");
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

fn start(recipe: &Path, runs: &Path) -> Child {
    Command::new(env!("CARGO_BIN_EXE_stillglass"))
        .args(["--quiet", "run"])
        .arg(recipe)
        .arg("--runs")
        .arg(runs)
        // One thread, so that the many processes of a test run do not fight for the cores.
        .env("RAYON_NUM_THREADS", "1")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts")
}

fn finish(child: Child) {
    let output = child.wait_with_output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Float weights of teacher and student, by file name.
fn weights(runs: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for stage in fs::read_dir(runs.join("tiny"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
    {
        for name in ["teacher/model.safetensors", "student.safetensors"] {
            if let Ok(bytes) = fs::read(stage.join(name)) {
                found.push((name.to_owned(), bytes));
            }
        }
    }
    found.sort();
    assert_eq!(found.len(), 2, "a teacher and a student");
    found
}

#[test]
fn a_killed_run_resumes_to_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let recipe = recipe(folder.path());
    let (alone, killed) = (folder.path().join("alone"), folder.path().join("killed"));
    let clock = Instant::now();
    finish(start(&recipe, &alone));
    let whole = clock.elapsed();
    let want = weights(&alone);

    let mut rng = generator(11, "kills", 0);
    let mut kills = 0;
    while kills < KILLS {
        let mut child = start(&recipe, &killed);
        sleep(whole.mul_f64(rng.random_range(0.0..0.6)));
        if child.try_wait().unwrap().is_some() {
            finish(child);
            assert!(weights(&killed) == want, "after {kills} kills");
            fs::remove_dir_all(&killed).unwrap();
            continue;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        kills += 1;
        sleep(Duration::from_millis(1));
    }
    finish(start(&recipe, &killed));
    assert!(weights(&killed) == want, "after {kills} kills");
}
