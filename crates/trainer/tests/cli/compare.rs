//! `compare`: a table that is filled in pieces.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;

use crate::Place;
use crate::tiny::recipe;

/// A comparison of some seconds.
const SMALL: [&str; 8] = [
    "--set",
    "compare.seeds=2",
    "--set",
    "compare.explained=4",
    "--set",
    "compare.faithfulness=3",
    "--json",
    "--quiet",
];

/// An arm of the recipe's own beside the others.
const OWN: &str = "[[compare.arms]]\nname = \"warm\"\nset = [\"distill.temperature=3.0\"]\n";

fn compare(place: &Place, more: &[&str]) -> Value {
    let arguments = [&["compare", "tiny.toml"], &SMALL[..], more].concat();
    serde_json::from_str(&place.good(&arguments)).unwrap()
}

fn with_own_arm(place: &Place) {
    recipe(place);
    let text = fs::read_to_string(place.path("tiny.toml")).unwrap();
    place.file("tiny.toml", format!("{text}{OWN}"));
}

/// Every run's figures by arm and seed.
fn runs(table: &Value) -> BTreeMap<(String, u64), Value> {
    let runs = table["runs"].as_array().unwrap().iter();
    let run = |run: &Value| {
        let arm = run["arm"].as_str().unwrap().to_owned();
        ((arm, run["seed"].as_u64().unwrap()), run["figures"].clone())
    };
    runs.map(run).collect()
}

#[test]
fn a_table_is_filled_and_what_is_done_stays() {
    let place = Place::new();
    with_own_arm(&place);
    let table = compare(&place, &[]);
    let arms: Vec<&str> = table["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            assert_eq!(row["runs"], row["wanted"], "{row}");
            row["arm"].as_str().unwrap()
        })
        .collect();
    for arm in [
        "majority",
        "svm",
        "multiview+transfer",
        "teacher-int8",
        "teacher-one-head",
        "warm",
    ] {
        assert!(arms.contains(&arm), "{arms:?}");
    }
    let all = runs(&table);
    // The student of a recipe's arm is explained, agrees with the teacher so far, and has a size.
    let kd = &all[&("kd".to_owned(), 1)];
    for figure in ["accuracy", "cosine", "normalised AOPC", "bytes", "ECE"] {
        assert!(kd[figure].is_f64(), "{figure} of {kd}");
    }
    // The recipe is `kd` with the transfer set.
    assert_eq!(
        all[&("recipe".to_owned(), 0)],
        all[&("kd+transfer".to_owned(), 0)]
    );
    assert!(all[&("svm".to_owned(), 0)]["ECE"].is_null());
    let report = fs::read_to_string(place.path("runs/tiny/compare/report.html")).unwrap();
    assert!(
        report.contains("<svg") && report.contains("</html>") && !report.contains("http-equiv")
    );
    // It needs nothing else: no address but of SVG's own name.
    let addresses = report.matches("http").count();
    assert_eq!(
        addresses,
        report.matches("http://www.w3.org/2000/svg").count()
    );
    let csv = fs::read_to_string(place.path("runs/tiny/compare/compare.csv")).unwrap();
    assert_eq!(csv.lines().count(), all.len() + 1);

    let again = compare(&place, &["--report"]);
    assert_eq!(runs(&again), all);
}

#[test]
fn shards_on_two_machines_make_one_table() {
    let whole = Place::new();
    recipe(&whole);
    let want = runs(&compare(
        &whole,
        &["--only", "kd", "--only", "majority", "--only", "teacher"],
    ));
    let (one, two) = (Place::new(), Place::new());
    for (place, shard) in [(&one, "1/2"), (&two, "2/2")] {
        recipe(place);
        let only = ["--only", "kd", "--only", "majority", "--only", "teacher"];
        compare(place, &[&only[..], &["--shard", shard]].concat());
    }
    let other = two.path("runs/tiny");
    let merged = compare(&one, &["--report", "--merge", other.to_str().unwrap()]);
    assert_eq!(runs(&merged), want);
    assert_eq!(want.len(), 4);
    // A damaged run is not taken, and one that is here damaged is replaced.
    let broken = |place: &Place| {
        let runs = fs::read_dir(place.path("runs/tiny"))
            .unwrap()
            .map(|e| e.unwrap().path());
        let mut outcomes = runs
            .map(|run| run.join("outcome.json"))
            .filter(|path| path.exists());
        fs::write(outcomes.next().unwrap(), "{}").unwrap();
    };
    broken(&one);
    compare(
        &one,
        &[
            "--report",
            "--merge",
            whole.path("runs/tiny").to_str().unwrap(),
        ],
    );
    let mended = compare(&one, &["--report"]);
    assert_eq!(runs(&mended), want);
    let notes = fs::read_to_string(one.path("runs/tiny/compare/compare.md")).unwrap();
    assert!(notes.contains("Runs not done yet: svm (1)"), "{notes}");
}

#[test]
fn what_is_asked_wrongly_is_said_before_any_work() {
    let place = Place::new();
    recipe(&place);
    let says = |more: &[&str]| place.run(&[&["compare", "tiny.toml"], more].concat()).err;
    assert!(says(&["--only", "kdd"]).contains("the arms are majority, svm"));
    assert!(says(&["--shard", "3/2"]).contains("want i/n"));
    assert!(says(&["--merge", "nowhere"]).contains("--merge nowhere: this is no folder"));
    assert!(says(&["--merge", "."]).contains("no run of this table is finished there"));
    assert!(says(&["--only", "svm", "--shard", "2/2"]).contains("nothing is left for this one"));
    let own = "compare.arms=[{name=\"x\",set=[\"seed=1\"]}]";
    assert!(says(&["--set", own]).contains("an arm may change keys of"));
    let own = "compare.arms=[{name=\"x\",set=[\"distill.epoch=1\"]}]";
    assert!(says(&["--set", own]).contains("did you mean `epochs`?"));
    let check = place.bad(&["check", "tiny.toml", "--set", own]);
    assert!(check.contains("did you mean `epochs`?"), "{check}");
    assert!(!place.path("runs/tiny/compare").exists());
    let done = fs::read_dir(place.path("runs/tiny")).map_or(0, Iterator::count);
    assert!(done <= 1, "only the lock");
}
