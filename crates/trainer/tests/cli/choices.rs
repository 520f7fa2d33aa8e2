//! Questions with choices, from rows to answers.

use serde_json::{Value, json};

use crate::pairs::SUBJECTS;
use crate::{Place, value};

const BUNDLE: &str = "runs/questions/questions.glass";

/// What did it do? With the choices that the question names one of, and what argues for each.
fn place() -> Place {
    let place = Place::new();
    let row = |subject: &str, right: usize| {
        let verbs = ["rose", "fell"];
        json!({ "q": format!("{subject} {} . what did it do", verbs[right]), "options": verbs,
            "answer": if subject == "old boats" { json!(verbs[right]) } else { json!(right) },
            "why": format!("it {}", verbs[right]), "false": ["it rose", "it fell"] })
    };
    let rows = SUBJECTS.iter().flat_map(|s| [row(s, 0), row(s, 1)]);
    let rows: Vec<String> = rows.map(|row| row.to_string()).collect();
    place.file("questions.jsonl", rows.join("\n"));
    let base = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/bert");
    place.file(
        "questions.toml",
        format!(
            "name = \"questions\"\n[data]\ntrain = \"questions.jsonl\"\nvalidation = \"questions.jsonl\"\n\
             test = \"questions.jsonl\"\ntext = \"q\"\nlabel = \"answer\"\nchoices = \"options\"\nreasons = [\"why\"]\n\
             counterfactual = \"false\"\n[teacher]\nbase = {base:?}\nmax_tokens = 24\nepochs = 1\nbatch = 8\n\
             [label]\nnodes = 2\n[transfer]\nvariants = 0\n[student]\nembedding = 6\nhidden = 5\nattention = 4\n\
             shared = true\ndecoder = 5\n[distill]\nobjective = \"labels\"\ntransfer = false\nepochs = 120\nbatch = 8\n\
             learning_rate = 0.02\n"
        ),
    );
    place
}

#[test]
fn a_question_is_right_where_its_right_choice_is_the_likeliest() {
    let place = place();
    let check = value(&place.good(&["check", "questions.toml", "--json", "--quiet"]));
    // Of a question one choice is right, and has the reason; the other has what argues for it.
    assert_eq!(check["data"]["reasons"], json!({ "why": 8, "false": 8 }));
    assert_eq!(check["data"]["labels"], json!(["wrong", "right"]));
    assert_eq!(check["data"]["splits"][0]["counts"], json!([8, 8]));
    let settings = ["seeds=1", "explained=2", "faithfulness=2"].map(|key| format!("compare.{key}"));
    let mut arguments = vec!["compare", "questions.toml", "--json", "--quiet"];
    for setting in &settings {
        arguments.extend(["--set", setting]);
    }
    arguments.extend(["--only", "recipe", "--only", "majority"]);
    let table = value(&place.good(&arguments));
    let right = |arm: &str| {
        let rows = table["rows"].as_array().unwrap();
        let row = rows.iter().find(|row| row["arm"] == arm).unwrap();
        row["figures"]["questions right"]["value"].as_f64().unwrap()
    };
    // Of equals each is half right.
    assert!((right("majority") - 0.5).abs() < 1e-9);
    assert!(right("recipe") > 0.8, "{}", right("recipe"));
}

#[test]
fn a_bundle_chooses_and_says_what_each_word_gave_to_each_choice() {
    let place = place();
    place.good(&["run", "questions.toml", "--quiet"]);
    let manifest = value(&place.good(&["inspect", BUNDLE, "--json"]))["manifest"].clone();
    assert_eq!(manifest["choices"], true);
    let columns = [
        "--input",
        "questions.jsonl",
        "--text-column",
        "q",
        "--choices-column",
        "options",
    ];
    let evaluate = [
        &["evaluate", BUNDLE, "--label-column", "answer"],
        &columns[..],
    ]
    .concat();
    let scores = value(&place.good(&[&evaluate[..], &["--json"]].concat()));
    assert!(
        scores["questions_right"].as_f64().unwrap() > 0.8,
        "{scores}"
    );
    assert_eq!(scores["rows"], 16);
    assert_eq!(scores["questions"], 8);
    assert!(place.good(&evaluate).starts_with("questions "));

    let predict = [&["predict", BUNDLE, "--explain", "--reason"], &columns[..]].concat();
    let lines = place.good(&predict);
    assert_eq!(lines.lines().count(), 8);
    for (line, row) in lines.lines().zip(0..) {
        let answer = value(line);
        assert_eq!(answer["choice"], row % 2, "{answer}");
        assert_eq!(answer["answer"], ["rose", "fell"][row % 2]);
        let list = |of: &str| -> Vec<f64> {
            let list = answer[of].as_array().unwrap().iter();
            list.map(|value| value.as_f64().unwrap()).collect()
        };
        assert!((list("scores").iter().sum::<f64>() - 1.0).abs() < 1e-6);
        let words = answer["words"].as_array().unwrap();
        for (choice, logit) in list("logits").into_iter().enumerate() {
            let given = |word: &Value| word["weights"][choice].as_f64().unwrap();
            let parts = ["bias", "boundary", "remainder"].map(|part| list(part)[choice]);
            let sum: f64 = words.iter().map(given).chain(parts).sum();
            assert!((sum - logit).abs() < 1e-4, "{answer}");
        }
        // A choice's words give to no other.
        let own = words.iter().filter(|word| !word["choice"].is_null());
        assert_eq!(own.clone().count(), 2);
        for word in own {
            let other = 1 - usize::try_from(word["choice"].as_u64().unwrap()).unwrap();
            assert_eq!(word["weights"][other], 0.0);
            assert_eq!(word["start"], 0);
        }
        assert!(answer["reason"].is_string());
    }
    let question = "the mill rose . what did it do";
    let choices = ["--choice", "rose", "--choice", "fell"];
    let told = place.good(&[&["explain", BUNDLE, question, "--reason"], &choices[..]].concat());
    for part in [
        "%  rose",
        "%  fell",
        "beside “rose”",
        "what speaks for right",
        "nothing makes it true",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    too_long(&place);
    let other = place.good(
        &[
            &["explain", BUNDLE, question, "--class", "fell"],
            &choices[..],
        ]
        .concat(),
    );
    assert!(other.contains("beside “fell”"), "{other}");
    // Whose reason it is stands beside it.
    let asked = [
        "explain", BUNDLE, question, "--class", "fell", "--reason", "--json",
    ];
    let other = value(&place.good(&[&asked[..], &choices[..]].concat()));
    assert_eq!(
        (&other["choice"], &other["reason_of"]),
        (&json!(0), &json!(1))
    );
    // The card says first what whoever asks wants to know.
    let metrics = &manifest["card"]["metrics"];
    assert_eq!(metrics[0]["name"], "questions right");
    let right = scores["questions_right"].as_f64().unwrap();
    assert!((metrics[0]["value"].as_f64().unwrap() - right).abs() < 1e-9);
}

/// A question and a choice share the room, so that beside a long choice less of the question is read.
fn too_long(place: &Place) {
    let question = "the mill rose . ".repeat(200);
    let long = "fell ".repeat(200);
    let choices = ["--choice", "rose", "--choice", &long];
    let answer =
        value(&place.good(&[&["explain", BUNDLE, &question, "--json"], &choices[..]].concat()));
    let cuts = answer["truncated"].as_array().unwrap();
    assert_eq!(cuts.len(), 2);
    assert_eq!(
        (&cuts[0]["tokens"], &cuts[1]["tokens"]),
        (&json!(802), &json!(1001))
    );
    let place = |choice: usize, of: &str| cuts[choice][of].as_u64().unwrap();
    assert_eq!(place(0, "second"), 4);
    assert!(
        place(1, "from") > 100 && place(1, "from") + 100 < place(0, "from"),
        "{cuts:?}"
    );
    assert!(place(1, "second") > 100, "{cuts:?}");
    let words = answer["words"].as_array().unwrap();
    let of = |choice: Value| words.iter().filter(move |word| word["choice"] == choice);
    // The words that were read beside the short choice alone gave to that alone.
    assert_eq!(of(json!(0)).count(), 1);
    for word in of(Value::Null) {
        let beside_the_long = word["end"].as_u64().unwrap() <= place(1, "from");
        assert_eq!(word["weights"][1] != 0.0, beside_the_long, "{word}");
    }
    for choice in 0..2 {
        let given = words
            .iter()
            .map(|word| word["weights"][choice].as_f64().unwrap());
        let parts =
            ["bias", "boundary", "remainder"].map(|of| answer[of][choice].as_f64().unwrap());
        let sum: f64 = given.chain(parts).sum();
        let logit = answer["logits"][choice].as_f64().unwrap();
        assert!((sum - logit).abs() < 1e-3, "{sum} {logit}");
    }
}

#[test]
fn what_questions_lack_is_named() {
    let place = place();
    place.good(&[
        "run",
        "questions.toml",
        "--quiet",
        "--set",
        "distill.epochs=1",
        "--set",
        "student.decoder=0",
    ]);
    let spam = concat!(env!("CARGO_MANIFEST_DIR"), "/../../web/models/spam.glass");
    let read = [
        "predict",
        BUNDLE,
        "--input",
        "questions.jsonl",
        "--text-column",
        "q",
    ];
    for (arguments, says) in [
        (
            &["explain", BUNDLE, "what"][..],
            "give two at least with --choice",
        ),
        (
            &["explain", BUNDLE, "what", "--choice", "a"],
            "give two at least with --choice",
        ),
        (
            &["explain", BUNDLE, "what", "--text2", "a"],
            "give each with --choice",
        ),
        (
            &[
                "explain", BUNDLE, "what", "--choice", "a", "--choice", "b", "--class", "c",
            ],
            "none of the choices",
        ),
        (&["explain", spam, "a", "--choice", "b"], "does not choose"),
        (
            &[&read[..], &["--choices-column", "why"]].concat(),
            "is no list of texts",
        ),
        (
            &[&read[..], &["--choices-column", "q"]].concat(),
            "the column `q` is read as text or label",
        ),
        (&read, "no column `choices`"),
        (
            &[&read[..], &["--text2-column", "why"]].concat(),
            "--choices-column",
        ),
        (&[&read[..], &["--format", "lines"]].concat(), "two columns"),
    ] {
        let error = place.bad(arguments);
        assert!(error.contains(says), "{says}: {error}");
    }
    for (key, says) in [
        ("data.reasons=[\"answer\"]", "data.reasons names \"answer\""),
        (
            "data.reasons=[\"why\",\"why\"]",
            "data.reasons names \"why\"",
        ),
        ("data.references=options", "data.references = \"options\""),
        (
            "distill.reason.teaching=predict-explain",
            "predict-explain has none for the others",
        ),
    ] {
        let error = place.bad(&["check", "questions.toml", "--set", key]);
        assert!(error.contains(says), "{says}: {error}");
    }
    for (options, answer, says) in [
        (json!(["a"]), json!(0), "wants two choices at least"),
        (json!(["a", "b"]), json!(2), "none of which is the label 2"),
        (json!([1, 2]), json!(0), "is no list of texts"),
    ] {
        let row = json!({ "q": "x", "options": options, "answer": answer, "why": "", "false": [] });
        place.file("questions.jsonl", row.to_string());
        let error = place.bad(&["check", "questions.toml"]);
        assert!(error.contains(says), "{says}: {error}");
    }
}

#[test]
fn the_teacher_of_a_chooser_becomes_a_bundle_that_chooses() {
    let place = place();
    let taught = value(&place.good(&["teach", "questions.toml", "--json", "--quiet"]));
    let folder = taught["folder"].as_str().unwrap();
    let quantize = [
        "quantize",
        "--teacher",
        folder,
        "--data",
        "questions.jsonl",
        "--evaluate",
        "questions.jsonl",
        "--text-column",
        "q",
        "--label-column",
        "answer",
        "--output",
        "teacher.glass",
        "--quiet",
    ];
    place.good(&[&quantize[..], &["--choices-column", "options"]].concat());
    let manifest = value(&place.good(&["inspect", "teacher.glass", "--json"]))["manifest"].clone();
    assert_eq!(
        (&manifest["choices"], &manifest["kind"]),
        (&json!(true), &json!("teacher"))
    );
    let choices = ["--choice", "rose", "--choice", "fell", "--json"];
    let asked = ["explain", "teacher.glass", "the mill rose . what did it do"];
    let answer = value(&place.good(&[&asked[..], &choices[..]].concat()));
    assert_eq!(answer["method"], "ig");
    let sum: f64 = answer["scores"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| s.as_f64().unwrap())
        .sum();
    assert!((sum - 1.0).abs() < 1e-6, "{answer}");
}
