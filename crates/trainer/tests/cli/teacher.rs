//! `quantize`, and the other verbs on the teacher's bundle that it writes.

use std::path::Path;

use serde_json::Value;

use crate::Place;
use crate::bundle::{bytes, card};

const ROWS: &str = "text,label\nprofits rose again,rising\nprofits fell again,falling\n\
    the old mill will open or close,still\nheavy rain and the boats came home,falling\n";

const RECIPE: &str = "name = \"mills\"\n[card]\nname = \"Mills\"\ndata = \"made up\"\n";

fn teacher(family: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    folder.join(family).to_string_lossy().into_owned()
}

/// A folder with rows, a recipe and the quantized teacher `t.glass`; and what the verb said.
fn place() -> (Place, Value) {
    let place = Place::new();
    place.file("rows.csv", ROWS);
    place.file("recipe.toml", RECIPE);
    let out = place.good(&[
        "quantize",
        "--teacher",
        &teacher("bert"),
        "--data",
        "rows.csv",
        "--evaluate",
        "rows.csv",
        "--recipe",
        "recipe.toml",
        "--output",
        "t.glass",
        "--json",
    ]);
    (place, serde_json::from_str(&out).expect("JSON"))
}

#[test]
fn quantize_writes_a_bundle_that_says_what_it_is() {
    let (place, report) = place();
    let size = std::fs::metadata(place.path("t.glass")).unwrap().len();
    assert_eq!(report["bytes"].as_u64(), Some(size));
    assert_eq!(report["fidelity"]["texts"], 4);
    let score = &report["scores"][0];
    assert_eq!(
        (&score["split"], &score["rows"]),
        (&"rows".into(), &4.into())
    );
    assert_eq!(score["accuracy"], score["float_accuracy"]);
    let explanations = &score["explanations"];
    assert_eq!(explanations["texts"], 4);
    let [median, least] = ["cosine", "least"].map(|key| explanations[key].as_f64().unwrap());
    assert!(
        least > 0.98 && (least..1.0).contains(&median),
        "{explanations}"
    );

    let text = place.good(&["inspect", "t.glass"]);
    for part in [
        "kind          teacher",
        "Mills (teacher)",
        "falling, rising, still",
        "2 layers, hidden 32, 4 heads, intermediate 64, at most 62 tokens",
        "weights       8 bits\n",
        "rows, 1 seed, this bundle\n",
        "rows, 1 seed, before quantization\n",
        "cosine of explanations",
        "median of 4 texts",
        "layer.1.feedforward.output.scale",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let pieces = report["pieces"].as_u64().unwrap();
    assert!(
        text.contains(&format!("{pieces} pieces")) && pieces < 117,
        "{text}"
    );
    assert_eq!(place.good(&["inspect", "t.glass", "--recipe"]), RECIPE);
}

#[test]
fn fewer_pieces_and_fewer_bits_make_smaller_bundles() {
    let place = Place::new();
    place.file("rows.csv", ROWS);
    let folder = teacher("bert");
    let size = |options: &[&str]| {
        let first = ["quantize", "--teacher", &folder, "--output", "t.glass"];
        place.good(&[&first[..], options].concat());
        std::fs::metadata(place.path("t.glass")).unwrap().len()
    };
    let full = size(&["--vocabulary", "full"]);
    let pruned = size(&["--data", "rows.csv"]);
    let rarer = size(&["--data", "rows.csv", "--min-count", "2"]);
    let short = size(&[
        "--data",
        "rows.csv",
        "--min-count",
        "2",
        "--max-tokens",
        "9",
    ]);
    let embeddings = size(&["--data", "rows.csv", "--embedding-bits", "4"]);
    let shown = place.good(&["inspect", "t.glass"]);
    assert!(
        full > pruned && pruned > rarer && rarer > short,
        "{full} {pruned} {rarer} {short}"
    );
    assert!(embeddings < pruned, "{embeddings}");
    assert!(
        shown.contains("weights       8 bits, embeddings 4 bits"),
        "{shown}"
    );
    let layers = size(&["--data", "rows.csv", "--bits", "4", "--embedding-bits", "8"]);
    assert!(layers < pruned, "{layers}");
}

#[test]
fn a_bundle_without_a_name_is_teacher_glass() {
    let place = Place::new();
    let said = place.good(&[
        "quantize",
        "--teacher",
        &teacher("bert"),
        "--vocabulary",
        "full",
        "--bits",
        "8",
    ]);
    assert!(said.starts_with("teacher.glass: "), "{said}");
    assert!(place.path("teacher.glass").exists());
}

#[test]
fn every_verb_works_on_a_teacher() {
    let (place, report) = place();
    let out = place.good(&[
        "evaluate", "--bundle", "t.glass", "--input", "rows.csv", "--json",
    ]);
    let scores: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(scores["accuracy"], report["scores"][0]["accuracy"]);
    for method in ["ig", "occlusion"] {
        let json = place.good(&[
            "explain", "--bundle", "t.glass", "--method", method, "--json", "profits", "rose",
        ]);
        let answer: Value = serde_json::from_str(&json).unwrap();
        assert_eq!(answer["method"], method);
        assert_eq!(answer["nodes"].is_u64(), method == "ig");
        let number = |value: &Value| value.as_f64().unwrap();
        let labels = ["falling", "rising", "still"];
        let mean = labels
            .iter()
            .map(|l| number(&answer["logits"][l]))
            .sum::<f64>()
            / 3.0;
        for label in labels {
            let words = answer["words"].as_array().unwrap().iter();
            let words: f64 = words.map(|word| number(&word["weights"][label])).sum();
            let rest = number(&answer["bias"][label]) + number(&answer["remainder"][label]);
            let want = number(&answer["logits"][label]) - mean;
            assert!((words + rest - want).abs() < 1e-4, "{method} {label}");
            assert!(number(&answer["completeness_error"][label]) >= 0.0);
        }
        place.file("in", "profits rose");
        let line = place.good(&[
            "predict",
            "--bundle",
            "t.glass",
            "--input",
            "in",
            "--explain",
            "--method",
            method,
        ]);
        assert_eq!(line, json);
    }
    let text = place.good(&["explain", "--bundle", "t.glass", "profits rose"]);
    assert!(
        text.contains("(integrated gradients, ") && text.contains("left over"),
        "{text}"
    );
    let text = place.good(&[
        "explain",
        "--bundle",
        "t.glass",
        "--method",
        "occlusion",
        "rose",
    ]);
    assert!(text.contains("(occlusion: "), "{text}");
}

#[test]
fn what_can_not_be_quantized_is_named() {
    let place = Place::new();
    place.file("rows.csv", ROWS);
    place.file("other.csv", "text,label\na,up\n");
    place.file("none.csv", "sentence\na\n");
    place.file("bad.toml", "name = ");
    let bert = teacher("bert");
    let roberta = teacher("roberta");
    for (folder, options, says) in [
        (&bert, &[][..], "name the training texts with --data"),
        (
            &roberta,
            &["--vocabulary", "full"],
            "the teacher is a RoBERTa",
        ),
        (
            &"nowhere".to_owned(),
            &["--vocabulary", "full"],
            "teacher nowhere: there is no such folder here",
        ),
        (&bert, &["--data", "absent.csv"], "input absent.csv"),
        (
            &bert,
            &["--vocabulary", "full", "--min-count", "2"],
            "--min-count 2: --vocabulary full keeps every piece; leave one",
        ),
        (
            &bert,
            &["--vocabulary", "full", "--max-tokens", "63"],
            "--max-tokens 63: want 1 to 62",
        ),
        (
            &bert,
            &["--vocabulary", "full", "--evaluate", "other.csv"],
            "no row has a label of the bundle's",
        ),
        (
            &bert,
            &["--vocabulary", "full", "--evaluate", "none.csv"],
            "no column `text`",
        ),
        (
            &bert,
            &["--vocabulary", "full", "--recipe", "bad.toml"],
            "recipe bad.toml",
        ),
        (
            &bert,
            &["--vocabulary", "full", "--output", "no/such/folder"],
            "no/such/folder",
        ),
    ] {
        let mut arguments = vec!["quantize", "--teacher", folder];
        if !options.contains(&"--output") {
            arguments.extend(["--output", "t.glass"]);
        }
        arguments.extend(options);
        let error = place.bad(&arguments);
        assert!(error.contains(says), "{arguments:?}: {error}");
        assert!(
            !place.path("t.glass").exists(),
            "{arguments:?} left a bundle"
        );
    }
    for options in [
        &["--bits", "3"][..],
        &["--vocabulary", "half"],
        &["--embedding-bits", "16"],
    ] {
        let first = ["quantize", "--teacher", &bert, "--output", "t.glass"];
        assert_eq!(
            place.run(&[&first[..], options].concat()).code,
            2,
            "{options:?}"
        );
    }
}

#[test]
fn a_method_that_the_model_lacks_is_refused() {
    let (place, _) = place();
    place.file("s.glass", bytes(card()));
    place.file("in", "the mill");
    for (bundle, method, says) in [
        (
            "t.glass",
            "native",
            "method native: a teacher has ig and occlusion",
        ),
        (
            "s.glass",
            "ig",
            "method ig: a student has native and occlusion",
        ),
    ] {
        let error = place.bad(&["explain", "--bundle", bundle, "--method", method, "rose"]);
        assert!(error.contains(says), "{error}");
        let error = place.bad(&[
            "predict",
            "--bundle",
            bundle,
            "--input",
            "in",
            "--explain",
            "--method",
            method,
        ]);
        assert!(error.contains(says), "{error}");
    }
    let text = place.good(&[
        "explain",
        "--bundle",
        "s.glass",
        "--method",
        "occlusion",
        "the mill",
    ]);
    assert!(text.contains("mill"), "{text}");
}
