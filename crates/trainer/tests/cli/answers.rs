//! `predict`, `evaluate`, `explain` and `inspect` on a good bundle.

use std::process::Stdio;

use serde_json::Value;

use crate::bundle::{LABELS, MAX_TOKENS, bytes, card};
use crate::{Place, command};

const TEXTS: [&str; 4] = [
    "the mill rose early",
    "the mill fell.",
    "Slept, slept",
    "é 😀 rose",
];

fn place() -> Place {
    let place = Place::new();
    place.file("b.glass", bytes(card()));
    place
}

fn rows(out: &str) -> Vec<Value> {
    out.lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect()
}

fn number(value: &Value) -> f64 {
    value.as_f64().expect("a number")
}

#[test]
fn every_format_gives_the_same_lines() {
    let place = place();
    let json = |text: &&str| format!("{{\"id\":1,\"text\":{}}}\n", Value::from(*text));
    place.file(
        "a.jsonl",
        TEXTS.iter().map(json).collect::<Vec<_>>().concat(),
    );
    place.file("a.txt", TEXTS.join("\r\n"));
    place.file("a.tsv", format!("n\ttext\n1\t{}\n", TEXTS.join("\n1\t")));
    let quoted: Vec<String> = TEXTS.iter().map(|text| format!("\"{text}\",1\n")).collect();
    place.file("a.csv", format!("\u{feff}text,n\n{}", quoted.concat()));
    place.file("b.csv", format!("words,n\n{}", quoted.concat()));

    let want = place.good(&["predict", "--bundle", "b.glass", "--input", "a.jsonl"]);
    assert_eq!(rows(&want).len(), TEXTS.len());
    for input in [
        &["a.txt"][..],
        &["a.tsv"],
        &["a.csv"],
        &["a.csv", "--format", "csv"],
        &["b.csv", "--text-column", "words"],
        &["a.txt", "--format", "lines"],
        &["a.jsonl", "--quiet"],
    ] {
        let arguments = [&["predict", "--bundle", "b.glass", "--input"], input].concat();
        assert_eq!(place.good(&arguments), want, "{input:?}");
    }
    for arguments in [
        &["predict", "--bundle", "b.glass"][..],
        &["predict", "--bundle", "b.glass", "--input", "-"],
    ] {
        let answer = place.run_with(arguments, TEXTS.join("\n").as_bytes());
        assert_eq!((answer.code, &answer.out), (0, &want), "{}", answer.err);
    }
}

#[test]
fn a_line_has_the_label_of_the_highest_score() {
    let place = place();
    place.file("in", TEXTS.join("\n"));
    for row in rows(&place.good(&["predict", "--bundle", "b.glass", "--input", "in"])) {
        let keys: Vec<&String> = row.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["label", "scores"]);
        let scores: Vec<f64> = LABELS
            .iter()
            .map(|label| number(&row["scores"][label]))
            .collect();
        assert!((scores.iter().sum::<f64>() - 1.0).abs() < 1e-6);
        let best = scores.iter().copied().fold(0.0, f64::max);
        let label = row["label"].as_str().unwrap();
        assert!((number(&row["scores"][label]) - best).abs() < 1e-12);
    }
}

#[test]
fn an_explanation_adds_up_and_its_words_are_the_texts() {
    let place = place();
    place.file("in", format!("{}\n\n", TEXTS.join("\n")));
    let out = place.good(&[
        "predict",
        "--bundle",
        "b.glass",
        "--input",
        "in",
        "--explain",
    ]);
    let rows = rows(&out);
    assert_eq!(rows.len(), TEXTS.len() + 1);
    for (row, text) in rows.iter().zip(TEXTS.iter().chain(&[""])) {
        let units: Vec<u16> = text.encode_utf16().collect();
        let words = row["words"].as_array().unwrap();
        let end = |word: &Value| word["end"].as_u64().unwrap() as usize;
        for word in words {
            let start = word["start"].as_u64().unwrap() as usize;
            let slice = String::from_utf16(&units[start..end(word)]).unwrap();
            assert_eq!(word["text"], slice);
        }
        let logit = |label: &&str| -> f64 {
            let sum: f64 = words
                .iter()
                .map(|word| number(&word["weights"][label]))
                .sum();
            sum + number(&row["bias"][label])
        };
        let logits: Vec<f64> = LABELS.iter().map(logit).collect();
        let total: f64 = logits.iter().map(|z| z.exp()).sum();
        for (label, logit) in LABELS.iter().zip(logits) {
            let score = number(&row["scores"][label]);
            assert!(
                (score - logit.exp() / total).abs() < 1e-5,
                "{text:?} {label}"
            );
        }
    }
    let words = |row: &Value| row["words"].as_array().unwrap().len();
    assert_eq!(rows.iter().map(words).collect::<Vec<_>>(), [4, 4, 3, 3, 0]);
    let emoji = &rows[3]["words"][1];
    assert_eq!(
        (
            emoji["text"].as_str(),
            emoji["start"].as_u64(),
            emoji["end"].as_u64()
        ),
        (Some("😀"), Some(2), Some(4))
    );
}

#[test]
fn a_text_that_is_cut_says_so() {
    let place = place();
    place.file("in", "é mill mill mill mill mill mill mill\nmill");
    let rows = rows(&place.good(&[
        "predict",
        "--bundle",
        "b.glass",
        "--input",
        "in",
        "--explain",
    ]));
    assert_eq!(rows[0]["truncated"]["tokens"], 8);
    let last = &rows[0]["words"][MAX_TOKENS - 1];
    assert!(rows[0]["truncated"]["from"].as_u64() >= last["end"].as_u64());
    assert_eq!(rows[0]["words"].as_array().unwrap().len(), MAX_TOKENS);
    assert!(rows[1].get("truncated").is_none());
}

#[test]
fn nothing_in_gives_nothing_out() {
    let place = place();
    place.file("in", "");
    assert_eq!(
        place.good(&["predict", "--bundle", "b.glass", "--input", "in"]),
        ""
    );
}

#[test]
fn plain_lines_are_announced_but_not_on_standard_output() {
    let place = place();
    place.file("in", "sentence,label\nthe mill,up\n");
    let answer = place.run(&["predict", "--bundle", "b.glass", "--input", "in"]);
    assert_eq!((answer.code, answer.out.lines().count()), (0, 2));
    assert!(
        answer
            .err
            .contains("each line of the input is read as a text"),
        "{}",
        answer.err
    );
}

#[test]
fn whoever_closes_the_pipe_has_seen_enough() {
    let place = place();
    place.file("in", "the mill rose\n".repeat(20_000));
    let mut child = command(place.0.path())
        .args(["predict", "--bundle", "b.glass", "--input", "in", "--quiet"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(
        (output.status.code(), output.stderr.as_slice()),
        (Some(0), &b""[..])
    );
}

#[test]
fn evaluate_scores_what_predict_answers() {
    let place = place();
    // Gold labels: what the bundle answers for the first three, and another for the last.
    place.file("in", TEXTS.join("\n"));
    let answers = rows(&place.good(&["predict", "--bundle", "b.glass", "--input", "in"]));
    let mut gold: Vec<&str> = answers
        .iter()
        .map(|row| row["label"].as_str().unwrap())
        .collect();
    gold[3] = LABELS.iter().find(|label| **label != gold[3]).unwrap();
    let lines = TEXTS
        .iter()
        .zip(&gold)
        .map(|(text, label)| format!("\"{text}\",{label},\n"));
    let copies = "the mill,up,true\nthe mill,down,1\n";
    let csv = format!(
        "t,l,dup_of_earlier_split\n{}{copies}",
        lines.collect::<Vec<_>>().concat()
    );
    place.file("gold.csv", csv);
    let columns = ["--text-column", "t", "--label-column", "l"];
    let arguments = [
        &["evaluate", "--bundle", "b.glass", "--input", "gold.csv"][..],
        &columns,
    ]
    .concat();
    let out = place.good(&[&arguments[..], &["--json"]].concat());
    let scores: Value = serde_json::from_str(&out).unwrap();
    assert!((number(&scores["accuracy"]) - 0.75).abs() < 1e-12);
    assert_eq!(
        (scores["rows"].as_u64(), scores["duplicates"].as_u64()),
        (Some(4), Some(2))
    );
    let size = std::fs::metadata(place.path("b.glass")).unwrap().len();
    assert_eq!(scores["bytes"].as_u64(), Some(size));
    for key in ["macro_f1", "mcc", "ece"] {
        assert!(scores[key].is_number(), "{key}");
    }
    let text = place.good(&arguments);
    assert!(
        text.contains("accuracy  0.7500") && text.contains("2 marked copies"),
        "{text}"
    );
}

#[test]
fn explain_shows_every_word_and_no_escape_codes_in_a_pipe() {
    let place = place();
    let text = place.good(&[
        "explain",
        "--bundle",
        "b.glass",
        "the",
        "mill \u{1b}[31m rose",
    ]);
    assert!(!text.contains('\u{1b}'), "{text:?}");
    for word in ["the", "mill", "rose", "up ", "down ", "flat "] {
        assert!(text.contains(word), "{word} in {text}");
    }
    let flat = place.good(&[
        "explain", "--bundle", "b.glass", "--class", "flat", "the mill",
    ]);
    assert!(flat.contains("what speaks for flat"), "{flat}");
    let json = place.good(&["explain", "--bundle", "b.glass", "--json", "the mill"]);
    place.file("in", "the mill");
    let line = place.good(&[
        "predict",
        "--bundle",
        "b.glass",
        "--input",
        "in",
        "--explain",
    ]);
    assert_eq!(json, line);
    assert!(
        place
            .good(&["explain", "--bundle", "b.glass", ""])
            .contains("no words")
    );
    let long = "mill ".repeat(9);
    assert!(
        place
            .good(&["explain", "--bundle", "b.glass", &long])
            .contains("6 of the text's 9 tokens")
    );
}

#[test]
fn every_verb_takes_the_bundle_with_and_without_its_option() {
    let place = place();
    place.file("in", TEXTS.join("\n"));
    place.file("gold.csv", "text,label\nthe mill,up\nit fell,down\n");
    for (verb, rest) in [
        ("predict", &["--input", "in"][..]),
        ("evaluate", &["--input", "gold.csv"]),
        ("explain", &["the mill", "rose"]),
        ("inspect", &["--recipe"]),
    ] {
        let said = |first: &[&str]| place.good(&[first, rest].concat());
        let with = said(&[verb, "--bundle", "b.glass"]);
        assert_eq!(said(&[verb, "b.glass"]), with, "{verb}");
    }
    for arguments in [
        &["predict"][..],
        &["inspect"],
        &["predict", "b", "--bundle", "b"],
    ] {
        assert_eq!(place.run(arguments).code, 2, "{arguments:?}");
    }
    let error = place.bad(&["explain", "b.glass"]);
    assert!(error.contains("stillglass explain FILE TEXT"), "{error}");
}

#[test]
fn inspect_shows_card_sizes_and_tensors() {
    let place = place();
    let text = place.good(&["inspect", "b.glass"]);
    for part in [
        "Mills",
        "up, down, flat",
        "made up (CC0)",
        "0.8750  test, 3 seeds, mean",
        "[12, 3]",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let json: Value = serde_json::from_str(&place.good(&["inspect", "b.glass", "--json"])).unwrap();
    assert_eq!(json["manifest"]["card"]["name"], "Mills");
    // Embedding 12·4, two directions of 12·4 + 12·3 + 12, attention 2·6 + 2 + 2, classifier 3·6 + 3.
    assert_eq!(json["parameters"], 48 + 2 * 96 + 16 + 21);
    let sizes = json["tensors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|t| t["bytes"].as_u64().unwrap());
    assert!(sizes.sum::<u64>() < json["bytes"].as_u64().unwrap());
    assert_eq!(
        place.good(&["inspect", "b.glass", "--recipe"]),
        "name = \"mills\"\nseed = 3\n"
    );
}

#[test]
fn a_hostile_card_can_not_write_to_the_terminal() {
    let place = place();
    let mut card = card();
    card.name = "a\u{1b}[2Jb\nlabels        forged".into();
    card.recipe = "x = \"\u{7}\"".into();
    card.metrics[0].name = "\u{9b}31m".into();
    place.file("h.glass", bytes(card));
    let text =
        place.good(&["inspect", "h.glass"]) + &place.good(&["inspect", "h.glass", "--recipe"]);
    assert!(
        text.chars().all(|c| c == '\n' || !c.is_control()),
        "{text:?}"
    );
    assert!(text.contains("a\\u{1b}[2Jb\\nlabels"), "{text}");
}
