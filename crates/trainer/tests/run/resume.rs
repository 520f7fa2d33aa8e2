//! `run`, killed again and again, ends with the same bits as `run` left alone.

use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rand::RngExt;
use stillglass::training::generator;

use crate::tiny::{finish, recipe, start};

/// How often a run is killed.
const KILLS: usize = 50;

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
    let recipe = recipe(folder.path(), "bert");
    let (alone, killed) = (folder.path().join("alone"), folder.path().join("killed"));
    let clock = Instant::now();
    finish(start(&recipe, &alone, &[]));
    let whole = clock.elapsed();
    let want = weights(&alone);

    let mut rng = generator(11, "kills", 0);
    let mut kills = 0;
    while kills < KILLS {
        let mut child = start(&recipe, &killed, &[]);
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
    finish(start(&recipe, &killed, &[]));
    assert!(weights(&killed) == want, "after {kills} kills");
}
