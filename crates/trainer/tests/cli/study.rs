//! `study plan` and `study analyse`.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::Value;

use crate::Place;
use crate::bundle::{bytes, card};

const TEXTS: &str = "{\"text\":\"the mill rose\",\"label\":\"up\",\"why\":\"It rose.\"}\n\
                     {\"text\":\"the mill 😀 fell.\",\"label\":\"down\",\"why\":\"It fell.\"}\n\
                     {\"text\":\"the mill slept\",\"label\":\"flat\",\"why\":\"\"}\n\
                     {\"text\":\"slept early\",\"label\":\"flat\",\"why\":\"It slept.\"}\n";

const PLAN: [&str; 15] = [
    "study",
    "plan",
    "texts.jsonl",
    "--bundle",
    "student=b.glass",
    "--column",
    "person=why",
    "--answer",
    "label",
    "--raters",
    "6",
    "--per-item",
    "2",
    "--out",
    "s.json",
];

/// With seed 3.
fn planned() -> (Place, Value, Value) {
    let place = Place::new();
    place.file("b.glass", bytes(card()));
    place.file("texts.jsonl", TEXTS);
    let said = place.good(&[&PLAN[..], &["--seed", "3"]].concat());
    assert!(said.contains("6 items for 6 raters, 4 for each"), "{said}");
    let read = |name: &str| {
        let bytes = std::fs::read(place.path(name)).expect("it is there");
        serde_json::from_slice(&bytes).expect("JSON")
    };
    let (plan, key) = (read("s.json"), read("s.key.json"));
    (place, plan, key)
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a string")
}

#[test]
fn a_plan_shows_every_item_to_enough_raters_and_names_no_group() {
    let (_place, plan, key) = planned();
    assert_eq!(plan["study"], key["study"]);
    let shown = plan.to_string();
    assert!(
        !shown.contains("student") && !shown.contains("person"),
        "{shown}"
    );
    let groups = key["groups"].as_object().unwrap();
    assert_eq!(groups.len(), 6, "a row without a reason is left out");

    let mut raters: BTreeMap<&str, usize> = BTreeMap::new();
    for seat in plan["raters"].as_array().unwrap() {
        let items: Vec<&str> = seat["items"].as_array().unwrap().iter().map(text).collect();
        assert!(groups.contains_key(items[0]), "a check is never the first");
        for item in items {
            *raters.entry(item).or_default() += 1;
        }
    }
    assert_eq!((raters["check-1"], raters["check-2"]), (6, 6));
    assert!(
        groups.keys().all(|item| raters[item.as_str()] == 2),
        "{raters:?}"
    );

    let items = plan["items"].as_array().unwrap();
    for item in items.iter().filter(|item| item["check"].is_null()) {
        let group = text(&groups[text(&item["id"])]);
        assert_eq!(item["explanation"]["words"].is_array(), group == "student");
        assert_eq!(
            item["explanation"]["sentence"].is_string(),
            group == "person"
        );
    }
    // Places are in UTF-16 units: the face is two of them.
    let face = items
        .iter()
        .find(|item| text(&item["text"]).contains('😀') && item["explanation"]["words"].is_array());
    let words = face.unwrap()["explanation"]["words"].as_array().unwrap();
    assert_eq!(
        (words[2]["start"].as_u64(), words[2]["end"].as_u64()),
        (Some(9), Some(11))
    );
    let largest = words
        .iter()
        .map(|word| word["weight"].as_f64().unwrap().abs());
    assert!((largest.fold(0.0, f64::max) - 1.0).abs() < 1e-6);
}

#[test]
fn the_same_seed_plans_the_same_study() {
    let (first, second) = (planned(), planned());
    assert_eq!(first.1, second.1);
    assert_eq!(first.2["seed"].as_u64(), Some(3));
    let kept = first.0.bad(&[&PLAN[..], &["--seed", "5"]].concat());
    assert!(kept.contains("there is a study already"), "{kept}");
    let other = first.0.good(&[&PLAN[..], &["--force"]].concat());
    assert!(other.contains("6 items"));
    let bytes = std::fs::read(first.0.path("s.json")).unwrap();
    assert_ne!(
        serde_json::from_slice::<Value>(&bytes).unwrap()["study"],
        first.1["study"]
    );
}

#[test]
fn ratings_are_told_apart_by_the_key() {
    let (place, plan, key) = planned();
    let study = text(&plan["study"]);
    let mut files = Vec::new();
    for (number, seat) in plan["raters"].as_array().unwrap().iter().enumerate() {
        let rater = text(&seat["rater"]);
        let mut rows = String::from("study,rater,item,check,plausibility,completeness\n");
        for item in seat["items"].as_array().unwrap().iter().map(text) {
            let group = key["groups"][item].as_str();
            // Who fails a check loves the student.
            let (check, plausible) = match group {
                None if number == 0 => ("failed", 5),
                None => ("passed", 2),
                Some("student") => ("", if number == 0 { 5 } else { 1 }),
                Some(_) => ("", 4),
            };
            let complete = 1 + (number + item.len()) % 5;
            let _ = writeln!(
                rows,
                "{study},{rater},{item},{check},{plausible},{complete}"
            );
        }
        let name = format!("{rater}.csv");
        place.file(&name, rows);
        files.push(name);
    }
    let mut arguments = vec![
        "study",
        "analyse",
        "--key",
        "s.key.json",
        "--json",
        "--report",
        "r.html",
    ];
    arguments.extend(files.iter().map(String::as_str));
    let found: Value = serde_json::from_str(&place.good(&arguments)).unwrap();
    assert_eq!(
        (found["raters"].as_u64(), found["rows"].as_u64()),
        (Some(5), Some(10))
    );
    assert_eq!(found["inattentive"], serde_json::json!(["rater-01"]));
    let plausible = &found["constructs"][0];
    assert_eq!(plausible["name"], "plausibility");
    assert_eq!(plausible["groups"][0]["name"], "person");
    assert_eq!(plausible["groups"][0]["mean"]["value"].as_f64(), Some(4.0));
    assert_eq!(plausible["groups"][1]["mean"]["value"].as_f64(), Some(1.0));
    assert!(plausible["test"]["p"].as_f64().unwrap() < 0.05);
    assert_eq!(plausible["pairs"][0]["test"]["delta"].as_f64(), Some(1.0));
    assert_eq!(plausible["agreement"]["alpha"]["alpha"].as_f64(), Some(1.0));
    // Another study's key would tell groups that are none.
    place.good(&[&PLAN[..13], &["--out", "t.json"]].concat());
    arguments[3] = "t.key.json";
    let other = place.bad(&arguments);
    assert!(
        other.contains(&format!("this rating is of study {study}")),
        "{other}"
    );
    let page = std::fs::read_to_string(place.path("r.html")).unwrap();
    assert!(page.contains("plausibility: mean rating") && page.ends_with("</html>\n"));

    let twice = ["--construct", "plausibility", "--construct", "Plausibility"];
    let own = ["study", "analyse", &files[0], "--key", "s.key.json"];
    let error = place.bad(&[&own[..], &twice[..]].concat());
    assert!(error.contains("is there twice; name it once"), "{error}");
    let error = place.bad(&[&own[..], &["--check", "attention"][..]].concat());
    assert!(error.contains("attention"), "{error}");
    let alone = place.bad(&["study", "analyse", &files[0]]);
    assert!(
        alone.contains("--group, or give the study's --key"),
        "{alone}"
    );
}

#[test]
fn single_raters_have_no_agreement() {
    let place = Place::new();
    let mut rows = String::from("who,what,model,Satisfaction\n");
    for index in 0..12 {
        let (rater, group, value) = (index % 3, ["a", "b"][index % 2], 1 + index % 5);
        let _ = writeln!(rows, "r{rater},{index},{group},{value}");
    }
    place.file("r.csv", rows);
    let said = place.good(&[
        "study", "analyse", "r.csv", "--rater", "who", "--item", "what", "--group", "model",
    ]);
    assert!(said.contains("each of 12 items has one rater"), "{said}");
    assert!(said.contains("differ significantly in nothing"), "{said}");
}

#[test]
fn a_study_that_cannot_be_says_the_way_out() {
    let place = Place::new();
    place.file("texts.jsonl", TEXTS);
    place.file("b.glass", bytes(card()));
    let plan = |more: &[&str]| place.bad(&[&["study", "plan", "texts.jsonl"], more].concat());
    assert!(plan(&["--raters", "3"]).contains("--bundle GROUP=FILE"));
    let twice = [
        "--raters",
        "3",
        "--bundle",
        "a=b.glass",
        "--bundle",
        "a=b.glass",
    ];
    assert!(plan(&twice).contains("two groups are called a"));
    assert!(
        plan(&["--raters", "3", "--column", "a=reason", "--answer", "label"])
            .contains("--column a=")
    );
    assert!(plan(&["--raters", "3", "--column", "a=why"]).contains("--answer"));
    assert!(plan(&["--raters", "2", "--bundle", "a=b.glass"]).contains("give more with --raters"));
    let few = [
        "--raters",
        "3",
        "--bundle",
        "a=b.glass",
        "--bundle",
        "b=b.glass",
    ];
    assert!(plan(&few).contains("nobody is to see one twice"));
    assert!(
        plan(&["--raters", "3", "--bundle", "a=b.glass", "--rows", "9"]).contains("change --rows")
    );
    assert!(
        plan(&[
            "--raters",
            "3",
            "--bundle",
            "a=b.glass",
            "--text2-column",
            "why"
        ])
        .contains("a: its bundle reads single texts; leave --text2-column out")
    );
    assert!(
        plan(&["--raters", "3", "--bundle", "a=b.glass", "--answer", "why"])
            .contains("is no label of a bundle")
    );
    assert!(
        plan(&[
            "--raters",
            "3",
            "--bundle",
            "a=b.glass",
            "--out",
            "texts.jsonl"
        ])
        .contains("is read; name another")
    );
    assert!(!place.path("study.json").exists());
    let analysed = place.bad(&["study", "analyse", "texts.jsonl", "--key", "b.glass"]);
    assert!(analysed.contains("no key of a study"), "{analysed}");
}

fn pairs_plan<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let own = [
        "study",
        "plan",
        "pairs.jsonl",
        "--raters",
        "6",
        "--force",
        "--out",
        "s.json",
    ];
    [&own[..], more].concat()
}

/// Pairs: words painted in both texts beside what the same model says of itself, of the answers that it gives.
#[test]
fn a_study_of_pairs_paints_both_texts_and_asks_for_reasons() {
    let place = Place::new();
    let nli = concat!(env!("CARGO_MANIFEST_DIR"), "/../../web/models/nli.glass");
    let rows = [
        (
            "A man sleeps on a bench.",
            "A man is awake and runs.",
            "contradiction",
        ),
        (
            "Two dogs run along the beach.",
            "Dogs are outside.",
            "entailment",
        ),
        (
            "Two dogs run along the beach.",
            "Nobody is there.",
            "entailment",
        ),
    ];
    let rows = rows.map(|(text, text2, label)| {
        serde_json::json!({ "text": text, "text2": text2, "label": label }).to_string()
    });
    place.file("pairs.jsonl", rows[..2].join("\n"));
    let [words, says] = ["words", "says"].map(|group| format!("{group}={nli}"));
    let both = [
        "--bundle",
        &words,
        "--reasons",
        &says,
        "--text2-column",
        "text2",
    ];
    place.good(&pairs_plan(&both));
    let read = |name: &str| -> Value {
        serde_json::from_slice(&std::fs::read(place.path(name)).unwrap()).unwrap()
    };
    let (plan_of, key) = (read("s.json"), read("s.key.json"));
    let items = plan_of["items"].as_array().unwrap().iter();
    let items: Vec<&Value> = items.filter(|item| item["check"].is_null()).collect();
    assert_eq!(items.len(), 4);
    for item in items {
        let explanation = &item["explanation"];
        if text(&key["groups"][text(&item["id"])]) == "says" {
            assert!(text(&explanation["sentence"]).split(' ').count() > 2);
            continue;
        }
        let words = explanation["words"].as_array().unwrap();
        for word in words {
            let of = if word["half"] == 1 { "text2" } else { "text" };
            let place = |end: &str| usize::try_from(word[end].as_u64().unwrap()).unwrap();
            let word = &text(&item[of])[place("start")..place("end")];
            assert!(!word.is_empty() && !word.contains(' '), "{word}");
        }
        assert!(words.iter().filter(|word| word["half"] == 1).count() > 2);
    }
    // Who says why speaks for the answers that it gives: the third row's is not its own.
    place.file("pairs.jsonl", rows[1..].join("\n"));
    let asked = [
        "--reasons",
        &says,
        "--text2-column",
        "text2",
        "--answer",
        "label",
    ];
    let told = place.good(&pairs_plan(&asked));
    assert!(told.contains("1 items"), "{told}");
    let spam = format!(
        "a={}",
        concat!(env!("CARGO_MANIFEST_DIR"), "/../../web/models/spam.glass")
    );
    for (more, says) in [
        (&["--reasons", &spam][..], "gives no reasons in words"),
        (
            &["--bundle", &words],
            "name the column of the second one with --text2-column",
        ),
    ] {
        let error = place.bad(&pairs_plan(more));
        assert!(error.contains(says), "{says}: {error}");
    }
}
