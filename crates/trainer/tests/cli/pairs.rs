//! Pairs of texts and reasons in words, from rows to answers.

use serde_json::{Value, json};

use crate::{Place, value};

pub(crate) const SUBJECTS: [&str; 4] = ["the mill", "this bakery", "the harbour", "old boats"];

/// Does the second text say what the first does? With reasons that name the verbs, some rows without, and false ones.
fn rows(tail: &str) -> String {
    let mut lines = Vec::new();
    for subject in SUBJECTS {
        for first in ["rose", "fell"] {
            for second in ["rose", "fell"] {
                let label = if first == second { "same" } else { "other" };
                let wrong = if first == second { "other" } else { "same" };
                let mut row = json!({
                    "a": format!("{subject} {first} {tail}"),
                    "b": format!("{subject} {second}"),
                    "label": label,
                    "why": format!("\n\nit {first} and it {second} .\n\nQuestion: more"),
                    "false": { wrong: format!("it {second} ."), label: "never to be read as false" },
                    "people": [format!("it {first} ."), "again"],
                });
                if subject == "old boats" {
                    row["why"] = json!("  ");
                }
                lines.push(row.to_string());
            }
        }
    }
    lines.join("\n")
}

const RECIPE: &str = "name = \"pairs\"\n\
    [data]\ntrain = \"train.jsonl\"\nvalidation = \"test.jsonl\"\ntest = \"test.jsonl\"\ntext = \"a\"\ntext2 = \"b\"\n\
    reasons = [\"why\"]\ncounterfactual = \"false\"\nreferences = \"people\"\n\
    [label]\nnodes = 2\n[transfer]\nvariants = 1\n\
    [student]\nembedding = 6\nhidden = 5\nattention = 4\nshared = true\ndecoder = 6\nreason_tokens = 9\n\
    [distill]\nobjective = \"labels\"\ntransfer = false\nepochs = 120\nbatch = 8\nlearning_rate = 0.02\n";

fn place() -> Place {
    let place = Place::new();
    place.file("train.jsonl", rows("early"));
    place.file("test.jsonl", rows("again"));
    let base = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/bert");
    place.file(
        "pairs.toml",
        format!("{RECIPE}[teacher]\nbase = {base:?}\nmax_tokens = 24\nepochs = 1\nbatch = 8\n"),
    );
    place
}

#[test]
fn rows_of_pairs_become_a_bundle_that_answers_and_says_why() {
    let place = place();
    let check = value(&place.good(&["check", "pairs.toml", "--json", "--quiet"]));
    // Rows whose reason is blank have none; the false one for the right label is none either.
    assert_eq!(check["data"]["reasons"], json!({ "why": 12, "false": 16 }));
    place.good(&["run", "pairs.toml", "--quiet"]);
    let bundle = "runs/pairs/pairs.glass";
    let manifest = value(&place.good(&["inspect", bundle, "--json"]))["manifest"].clone();
    assert_eq!(
        manifest["architecture"]["decoder"],
        json!({ "hidden": 6, "tokens": 9, "prefixes": 1 })
    );
    assert_eq!(manifest["architecture"]["shared"], true);
    assert!(manifest["tokenizer"]["separator"].is_u64());

    let columns = ["--text-column", "a", "--text2-column", "b"];
    let found = [
        &["evaluate", bundle, "--input", "test.jsonl", "--json"],
        &columns[..],
    ]
    .concat();
    // That a verb is in both texts is what the student is told.
    assert!(value(&place.good(&found))["accuracy"].as_f64().unwrap() > 0.9);
    let asked = [
        "predict",
        bundle,
        "--input",
        "test.jsonl",
        "--explain",
        "--reason",
        "--beams",
        "3",
    ];
    let answers = place.good(&[&asked[..], &columns].concat());
    for line in answers.lines() {
        let answer = value(line);
        let words = answer["words"].as_array().unwrap();
        let second = words.iter().filter(|word| word["half"] == 1);
        assert!(second.clone().count() >= 3 && words[0]["half"].is_null());
        // Places are those in the second text alone.
        assert_eq!(second.clone().next().unwrap()["start"], 0);
        let label = answer["label"].as_str().unwrap();
        let sum = |of: &Value| of[label].as_f64().unwrap();
        let weights: f64 = words.iter().map(|word| sum(&word["weights"])).sum();
        let all =
            weights + sum(&answer["bias"]) + sum(&answer["boundary"]) + sum(&answer["remainder"]);
        assert!((all - sum(&answer["logits"])).abs() < 1e-4, "{answer}");
        let reason = answer["reason"].as_str().unwrap();
        assert!(
            !reason.contains("uestion") && !reason.contains("never"),
            "{reason}"
        );
    }
    let told = place.good(&[
        "explain",
        bundle,
        "the mill rose early",
        "--text2",
        "the mill fell",
        "--reason",
    ]);
    for part in [
        "the second text:",
        "from what parts the texts",
        "nothing makes it true",
    ] {
        assert!(told.contains(part), "{told}");
    }
}

#[test]
fn however_long_the_first_text_is_the_second_is_read() {
    let place = place();
    for (file, tail) in [("train.jsonl", "early "), ("test.jsonl", "again ")] {
        place.file(file, rows(&tail.repeat(40)));
    }
    let sets = [
        "--set",
        "student.max_tokens=12",
        "--set",
        "teacher.max_tokens=16",
        "--set",
        "student.decoder=0",
    ];
    place.good(&[&["run", "pairs.toml", "--quiet"], &sets[..]].concat());
    let bundle = "runs/pairs/pairs.glass";
    let found = place.good(&[
        "evaluate",
        bundle,
        "--input",
        "test.jsonl",
        "--json",
        "--text-column",
        "a",
        "--text2-column",
        "b",
    ]);
    assert!(value(&found)["accuracy"].as_f64().unwrap() > 0.9, "{found}");
    let first = format!("the mill rose {}", "again ".repeat(40));
    let told = place.good(&["explain", bundle, &first, "--text2", "the mill fell"]);
    let cut = "cut: 12 of the text's 207 tokens were read, the first 20 characters of the first text and 13 \
               of the second\n";
    assert!(told.contains(cut), "{told}");
}

#[test]
fn every_way_to_learn_reasons_is_an_arm_with_its_figures() {
    let place = place();
    let arm =
        |name: &str, set: &str| format!("[[compare.arms]]\nname = \"{name}\"\nset = [{set}]\n");
    let text = std::fs::read_to_string(place.path("pairs.toml")).unwrap();
    let arms = [
        arm("none", "\"student.decoder=0\""),
        arm(
            "meaning",
            "\"student.decoder=0\", \"distill.reason.meaning=1.0\"",
        ),
        arm("explain", "\"distill.reason.teaching=predict-explain\""),
        arm("false", "\"distill.reason.teaching=counterfactual\""),
        arm(
            "both",
            "\"distill.reason.teaching=both\", \"distill.epochs=20\"",
        ),
        arm(
            "shuffled",
            "\"distill.reason.control=shuffled\", \"distill.epochs=20\"",
        ),
    ];
    place.file("pairs.toml", format!("{text}{}", arms.concat()));
    let arguments = [
        "compare",
        "pairs.toml",
        "--json",
        "--quiet",
        "--set",
        "compare.seeds=1",
        "--set",
        "compare.explained=2",
        "--set",
        "compare.faithfulness=2",
        "--only",
        "none",
        "--only",
        "meaning",
        "--only",
        "explain",
        "--only",
        "false",
        "--only",
        "both",
        "--only",
        "shuffled",
    ];
    let table = value(&place.good(&arguments));
    let figures = |arm: &str| {
        let rows = table["rows"].as_array().unwrap();
        let row = rows.iter().find(|row| row["arm"] == arm).unwrap();
        assert_eq!(row["runs"], 1, "{row}");
        row["figures"].clone()
    };
    for arm in ["none", "meaning"] {
        assert!(figures(arm)["LAS"].is_null(), "{arm}");
    }
    // What reasons mean is learnt without a word of them: the student is another one, as large.
    let accuracy = |arm: &str| figures(arm)["accuracy"]["value"].as_f64().unwrap();
    assert!(accuracy("meaning") > 0.8, "{}", accuracy("meaning"));
    let calibration = |arm: &str| figures(arm)["ECE"]["value"].as_f64().unwrap();
    assert!((calibration("meaning") - calibration("none")).abs() > 1e-9);
    for arm in ["explain", "false", "both", "shuffled"] {
        let found = figures(arm);
        for figure in [
            "LAS",
            "label leakage",
            "perplexity of people's reasons",
            "similarity to people's reasons",
        ] {
            assert!(found[figure]["value"].is_f64(), "{arm} {figure}: {found}");
        }
        let speaks = ["false", "both"].contains(&arm);
        assert_eq!(found["probe"].is_null(), !speaks, "{arm}");
        assert_eq!(found["decoder's accuracy"].is_null(), !speaks, "{arm}");
    }
}

#[test]
fn what_pairs_and_reasons_lack_is_named() {
    let place = place();
    let plain = |text: &str| text.replace("text2 = \"b\"\n", "");
    let text = std::fs::read_to_string(place.path("pairs.toml")).unwrap();
    for (recipe, says) in [
        (plain(&text), "student.shared: single texts share nothing"),
        (
            text.replace("reasons = [\"why\"]\n", ""),
            "student.decoder: nothing says what reasons to learn",
        ),
        (
            text.replace("reasons = [\"why\"]\n", "")
                .replace("decoder = 6", "decoder = 0")
                + "[distill.reason]\nmeaning = 1.0\n",
            "distill.reason.meaning: nothing says what reasons to learn",
        ),
        (text.replace("\"b\"", "\"c\""), "no column `c`"),
        (text.replace("\"why\"", "\"how\""), "no column `how`"),
        (
            format!("{text}[distill.reason]\ncolumn = \"how\"\n"),
            "data.reasons has [\"why\"]",
        ),
        (
            format!(
                "{}[distill.reason]\nteaching = \"both\"\n",
                text.replace("counterfactual = \"false\"\n", "")
            ),
            "name it in data.counterfactual",
        ),
        (
            format!("{text}[distill.reason]\nteaching = \"bth\"\n"),
            "did you mean `both`?",
        ),
    ] {
        place.file("bad.toml", recipe);
        let error = place.bad(&["check", "bad.toml"]);
        assert!(error.contains(says), "{says}: {error}");
    }
    for (row, says) in [
        (
            "{\"a\":\"x\",\"b\":\" \",\"label\":\"same\",\"why\":\"y\",\"false\":{}}",
            "train.jsonl:1: column `b`: is empty",
        ),
        (
            "{\"a\":\"x\",\"b\":\"y\",\"label\":\"same\",\"why\":\"y\",\"false\":[1]}",
            "column `false`: has no text for 0",
        ),
        (
            "{\"a\":\"x\",\"b\":\"\\u001f\",\"label\":\"same\",\"why\":\"y\",\"false\":{}}",
            "train.jsonl:1: column `b`: is empty",
        ),
    ] {
        place.file("train.jsonl", row);
        let error = place.bad(&["check", "pairs.toml"]);
        assert!(error.contains(says), "{row}: {error}");
    }
}

#[test]
fn what_is_asked_of_the_wrong_bundle_is_named() {
    let place = place();
    let models = concat!(env!("CARGO_MANIFEST_DIR"), "/../../web/models");
    let [spam, nli] = ["spam", "nli"].map(|name| format!("{models}/{name}.glass"));
    let (spam, nli) = (&spam[..], &nli[..]);
    for (arguments, says) in [
        (
            &["explain", spam, "a", "--text2", "b"][..],
            "this bundle reads single texts",
        ),
        (
            &["explain", spam, "a", "--reason"],
            "gives no reasons in words",
        ),
        (
            &[
                "predict",
                spam,
                "--input",
                "test.jsonl",
                "--text-column",
                "a",
                "--reason",
            ],
            "gives no reasons in words",
        ),
        (
            &[
                "predict",
                spam,
                "--input",
                "test.jsonl",
                "--text2-column",
                "b",
            ],
            "this bundle reads single texts",
        ),
        (
            &[
                "evaluate",
                nli,
                "--input",
                "test.jsonl",
                "--text-column",
                "a",
                "--text2-column",
                "a",
            ],
            "the column `a` is read as text or label",
        ),
    ] {
        let error = place.bad(arguments);
        assert!(error.contains(says), "{says}: {error}");
    }
}

#[test]
fn what_parts_two_texts_is_a_blank_to_models_of_single_ones() {
    let place = Place::new();
    let spam = concat!(env!("CARGO_MANIFEST_DIR"), "/../../web/models/spam.glass");
    let [parted, blank] = ["free\u{1f}prize call now", "free prize call now"]
        .map(|text| place.good(&["explain", spam, text]));
    assert_eq!(parted, blank);
    place.file("texts.txt", "free\u{1f}prize call now\n");
    let line = value(&place.good(&["predict", spam, "--input", "texts.txt", "--explain"]));
    assert_eq!(line["words"].as_array().unwrap().len(), 4);
}
