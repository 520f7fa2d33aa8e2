//! `init`, `check` and `run`.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::Place;

const SUBJECTS: [&str; 5] = [
    "the mill",
    "this bakery",
    "the harbour",
    "old boats",
    "its rivals",
];
const TAILS: [&str; 4] = ["early", "again", "in winter", "with heavy rain"];

/// One row for each subject, verb and tail, over three files without a text in common.
fn data(place: &Place) {
    let (mut train, mut validation, mut test) = (String::new(), String::new(), String::new());
    for (s, subject) in SUBJECTS.iter().enumerate() {
        for (t, tail) in TAILS.iter().enumerate() {
            for (verb, label) in [("rose", "up"), ("fell", "down")] {
                let row =
                    format!("{{\"text\":\"{subject} {verb} {tail}\",\"label\":\"{label}\"}}\n");
                match (s + t) % 5 {
                    0 => validation.push_str(&row),
                    1 => test.push_str(&row),
                    _ => train.push_str(&row),
                }
            }
        }
    }
    place.file("train.jsonl", train);
    place.file("validation.jsonl", validation);
    place.file("test.jsonl", test);
}

fn recipe(place: &Place) {
    data(place);
    let base = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/bert");
    let text = format!(
        "name = \"tiny\"\n\
         [data]\ntrain = \"train.jsonl\"\nvalidation = \"validation.jsonl\"\ntest = \"test.jsonl\"\n\
         [teacher]\nbase = {base:?}\nmax_tokens = 24\nepochs = 1\nbatch = 8\n\
         [label]\nnodes = 2\n[transfer]\nvariants = 1\n\
         [student]\nembedding = 6\nhidden = 5\nattention = 4\n\
         [distill]\nepochs = 1\nbatch = 8\n[card]\nname = \"Tiny\"\n"
    );
    place.file("tiny.toml", text);
}

#[test]
fn init_writes_once_and_check_reads_it() {
    let place = Place::new();
    place.good(&["init"]);
    let first = fs::read(place.path("recipe.toml")).unwrap();
    assert!(
        place
            .bad(&["init"])
            .contains("it is there already; --force replaces it")
    );
    place.file("recipe.toml", "mine");
    place.good(&["init", "--force"]);
    assert_eq!(fs::read(place.path("recipe.toml")).unwrap(), first);
    assert!(
        place
            .bad(&["init", "no/such/folder.toml"])
            .contains("no/such/folder.toml")
    );
    // The template's files are placeholders; the first of them is what check stops at.
    assert!(
        place
            .bad(&["check", "recipe.toml"])
            .contains("data.train = \"train.jsonl\"")
    );
}

#[test]
fn check_counts_and_trains_nothing() {
    let place = Place::new();
    recipe(&place);
    place.file(
        "leaky.csv",
        "text,label\n THE MILL rose  in WINTER,up\nOld boats fell,down\n",
    );
    let arguments = ["check", "tiny.toml", "--set", "data.validation=leaky.csv"];
    let text = place.good(&arguments);
    for part in [
        "validation        2        1        1",
        "leakage  1 row(s)",
        "bert, 2 layers of 32",
        "ready",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let json = place.good(&[&arguments[..], &["--json"]].concat());
    let findings: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(findings["data"]["leakage"][0]["later"], "validation");
    assert_eq!(
        findings["data"]["labels"],
        serde_json::json!(["down", "up"])
    );
    assert!(findings["disk_needed"].as_u64() > Some(0));
    let made: Vec<_> = fs::read_dir(place.0.path())
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    assert!(!made.iter().any(|name| name == "runs"), "{made:?}");
}

#[test]
fn recipes_that_can_not_run() {
    let place = Place::new();
    recipe(&place);
    place.file(
        "gap.jsonl",
        "{\"text\":\"a\",\"label\":\"up\"}\n{\"text\":\"b\"}\n",
    );
    fs::create_dir(place.path("pickled")).unwrap();
    place.file("pickled/pytorch_model.bin", "");
    fs::create_dir(place.path("cut")).unwrap();
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/bert");
    for name in ["config.json", "tokenizer.json", "model.safetensors"] {
        let bytes = fs::read(fixture.join(name)).unwrap();
        let kept = if name.ends_with("tensors") {
            bytes.len() - 9
        } else {
            bytes.len()
        };
        fs::write(place.path("cut").join(name), &bytes[..kept]).unwrap();
    }
    for (options, says) in [
        (
            &["--set", "distill.epoch=3"][..],
            "[distill] unknown key `epoch`; did you mean `epochs`?",
        ),
        (
            &["--set", "distill.epochs=0"],
            "distill.epochs = 0: want 1 to",
        ),
        (
            &["--set", "distill.objective=dixtil"],
            "did you mean `dixtill`?",
        ),
        (
            &["--set", "data.train=${NO_SUCH_NAME}/x"],
            "no variable `NO_SUCH_NAME`",
        ),
        (
            &["--set", "data.train=none.csv"],
            "data.train = \"none.csv\"",
        ),
        (
            &["--set", "data.text=body"],
            "no column `body`; the rows have `label`, `text`",
        ),
        (
            &["--set", "data.train=gap.jsonl"],
            "gap.jsonl:2: column `label`: is not there",
        ),
        (
            &["--set", "data.labels=[\"up\",\"flat\"]"],
            "label \"down\" is not in data.labels (up, flat)",
        ),
        (&["--set", "teacher.base=nowhere"], "teacher nowhere"),
        (&["--set", "teacher.base=pickled"], "pickled"),
        (&["--set", "teacher.base=cut"], "fetch it again"),
        (&["--set", "teacher.base=some/model"], "teacher.revision"),
        (
            &["--set", "teacher.epochs=0"],
            "set data.labels to the teacher's order",
        ),
        (&["--device", "abacus"], "device abacus"),
    ] {
        for verb in ["check", "run"] {
            // A run finds a cut file when it loads it, in its own words.
            if verb == "check" || !options[1].ends_with("=cut") && !options[1].ends_with("epochs=0")
            {
                let error = place.bad(&[&[verb, "tiny.toml"], options].concat());
                assert!(error.contains(says), "{verb} {options:?}: {error}");
            }
        }
    }
    assert!(
        place
            .bad(&["run", "none.toml"])
            .contains("`stillglass init` writes a first one")
    );
    place.file("broken.toml", "name = \n");
    assert!(place.bad(&["check", "broken.toml"]).contains("line 1"));
    place.file("file", "");
    assert!(
        place
            .bad(&["run", "tiny.toml", "--runs", "file"])
            .contains("run folder file/tiny")
    );
}

#[test]
fn run_goes_from_rows_to_a_bundle_and_skips_what_is_done() {
    let place = Place::new();
    recipe(&place);
    let out = place.good(&["run", "tiny.toml", "--json", "--quiet", "--seed", "5"]);
    let first: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        (
            first["seed"].as_u64(),
            first["students"][0]["seed"].as_u64()
        ),
        (Some(5), Some(5))
    );
    let bundle = place.path(first["bundle"].as_str().unwrap());
    let bytes = fs::read(&bundle).unwrap();
    assert_eq!(first["bytes"].as_u64(), Some(bytes.len() as u64));

    let saved: Value =
        serde_json::from_slice(&fs::read(place.path("runs/tiny/run.json")).unwrap()).unwrap();
    assert_eq!(saved, first);
    let resolved = place.good(&["check", "runs/tiny/recipe.toml", "--json"]);
    let resolved: Value = serde_json::from_str(&resolved).unwrap();
    assert_eq!(resolved["data_hash"], first["data_hash"]);

    let bundle = bundle.to_str().unwrap();
    let scores = place.good(&[
        "evaluate",
        "--bundle",
        bundle,
        "--input",
        "test.jsonl",
        "--json",
    ]);
    let scores: Value = serde_json::from_str(&scores).unwrap();
    let card: Value = serde_json::from_str(&place.good(&["inspect", bundle, "--json"])).unwrap();
    let metrics = card["manifest"]["card"]["metrics"].as_array().unwrap();
    let own = |m: &&Value| {
        m["name"] == "accuracy"
            && m["note"]
                .as_str()
                .is_some_and(|n| n.contains("this bundle"))
    };
    assert_eq!(
        metrics.iter().find(own).unwrap()["value"],
        scores["accuracy"]
    );

    let before = modified(&place);
    let again: Value =
        serde_json::from_str(&place.good(&["run", "tiny.toml", "--json", "--seed", "5"])).unwrap();
    assert_eq!(again["students"], first["students"]);
    assert_eq!(modified(&place), before);
    let seconds = |run: &Value| run["stages"][0]["seconds"].as_f64().unwrap();
    assert!(seconds(&again) >= seconds(&first));
}

/// When each stage's manifest was written.
fn modified(place: &Place) -> Vec<std::time::SystemTime> {
    let folders = fs::read_dir(place.path("runs/tiny"))
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut times: Vec<_> = folders
        .filter_map(|folder| {
            fs::metadata(folder.join("manifest.json"))
                .ok()?
                .modified()
                .ok()
        })
        .collect();
    times.sort();
    assert!(times.len() >= 2, "teach and distill have a manifest");
    times
}

#[test]
fn each_verb_stops_after_its_stage() {
    let place = Place::new();
    recipe(&place);
    let teacher: Value =
        serde_json::from_str(&place.good(&["teach", "tiny.toml", "--json", "-q"])).unwrap();
    let folder = place.path(teacher["folder"].as_str().unwrap());
    assert!(folder.join("model.safetensors").is_file());
    let labels: Value =
        serde_json::from_str(&place.good(&["label", "tiny.toml", "--json", "-q"])).unwrap();
    let rows = fs::read_to_string(place.path("train.jsonl"))
        .unwrap()
        .lines()
        .count() as u64;
    assert_eq!(labels["train"].as_u64(), Some(rows));
    let stages = || {
        let names = fs::read_dir(place.path("runs/tiny"))
            .unwrap()
            .map(|e| e.unwrap().file_name());
        let mut names: Vec<String> = names.map(|name| name.into_string().unwrap()).collect();
        names.retain(|name| name.contains('-') || name.contains(".glass"));
        names
            .iter()
            .map(|name| name.split('-').next().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let mut done = stages();
    done.sort();
    assert_eq!(done, ["label", "teach"]);
    let students: Value =
        serde_json::from_str(&place.good(&["distill", "tiny.toml", "--json", "-q"])).unwrap();
    assert_eq!(students[0]["seed"], 0);
    assert!(!stages().iter().any(|name| name.contains(".glass")));
    place.good(&["export", "tiny.toml", "-q"]);
    assert!(stages().iter().any(|name| name.contains(".glass")));
}

/// The recipes of the repository name no file that is here, but are otherwise in order.
#[test]
fn shipped_recipes_are_sound() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("recipes");
    let mut seen = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let sets = ["variables.DATA=/data".to_owned()];
        let loaded = stillglass::recipe::load(&path, &sets).unwrap();
        assert_eq!(
            path.file_stem().unwrap().to_str(),
            Some(loaded.recipe.name.as_str())
        );
        seen += 1;
    }
    assert!(seen >= 2, "{seen}");
}
