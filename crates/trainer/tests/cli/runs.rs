//! `run` and the verbs that stop before its end.

use std::fs;

use serde_json::Value;

use crate::Place;
use crate::tiny::recipe;

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
    let report = fs::read_to_string(place.path(first["report"].as_str().unwrap())).unwrap();
    assert!(
        report.contains("<svg") && report.contains("Some validation texts"),
        "{report}"
    );
    assert!(report.contains("bundle of seed 5") && report.contains("[distill]"));
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

    // What a process leaves that is killed where it hurts most.
    let stages = fs::read_dir(place.path("runs/tiny")).unwrap();
    let stages = stages.map(|entry| entry.unwrap().path());
    // Where embeddings start is asked for by students that are still to be trained alone.
    let done: Vec<_> = stages
        .filter(|path| path.join("manifest.json").exists())
        .filter(|path| {
            !path
                .file_name()
                .unwrap()
                .to_string_lossy()
                .starts_with("embed")
        })
        .collect();
    let left: Vec<_> = done.iter().map(|stage| stage.join("checkpoints")).collect();
    for path in &left {
        fs::create_dir(path).unwrap();
    }
    place.file("runs/tiny/.tiny.glass.1.tmp", "half");

    let before = modified(&place);
    let again: Value =
        serde_json::from_str(&place.good(&["run", "tiny.toml", "--json", "--seed", "5"])).unwrap();
    assert_eq!(again["students"], first["students"]);
    assert_eq!(modified(&place), before);
    assert!(!left.iter().any(|path| path.exists()));
    assert!(!place.path("runs/tiny/.tiny.glass.1.tmp").exists());
    let seconds = |run: &Value| run["stages"][0]["seconds"].as_f64().unwrap();
    assert!(seconds(&again) >= seconds(&first));

    // A verb that makes no bundle leaves the recipe beside the bundle that it belongs to.
    let beside = || fs::read(place.path("runs/tiny/recipe.toml")).unwrap();
    let before = beside();
    place.good(&[
        "teach",
        "tiny.toml",
        "--seed",
        "5",
        "--set",
        "card.name=Other",
    ]);
    assert!(beside() == before);
}

#[test]
fn several_teachers_and_texts_without_labels_teach_one_student() {
    let place = Place::new();
    recipe(&place);
    let more = [
        "{\"text\":\"the old mill rose slowly\"}",
        "{\"text\":\"old boats sank in winter\"}",
        "{\"text\":\"The Mill  rose early\"}",
    ];
    place.file("more.jsonl", more.join("\n"));
    // What was learnt, but not how long it took.
    let learnt = |sets: &[&str]| -> Vec<String> {
        let out = place.good(&[&["distill", "tiny.toml", "--json"], sets].concat());
        let out: Value = serde_json::from_str(&out).unwrap();
        let epochs = out[0]["history"].as_array().unwrap().iter();
        let shown = |epoch: &Value| format!("{} {}", epoch["loss"], epoch["validation_loss"]);
        epochs.map(shown).collect()
    };
    let unlabeled = ["--set", "data.unlabeled=more.jsonl"];
    let alike = ["--set", "transfer.alike=0.8"];
    let alone = learnt(&[]);
    let all = [
        alone,
        learnt(&unlabeled),
        learnt(&["--set", "label.teachers=2"]),
        learnt(&["--set", "label.teachers=2", "--set", "label.unsure=0.52"]),
        learnt(&["--set", "label.folds=2"]),
        learnt(&alike),
        learnt(&[&alike[..], &["--set", "label.teachers=2"]].concat()),
        learnt(&[&alike[..], &["--set", "label.folds=2"]].concat()),
    ];
    for (index, history) in all.iter().enumerate() {
        assert!(!all[..index].contains(history), "{index}: {history:?}");
    }
    // Neither says anything to who learns from gold labels alone.
    let labels = ["--set", "distill.objective=labels"];
    let by_labels = learnt(&labels);
    assert_eq!(learnt(&[&labels[..], &unlabeled].concat()), by_labels);
    assert_eq!(
        learnt(&[&labels[..], &["--set", "label.teachers=2"]].concat()),
        by_labels
    );
    // What the first teacher said is not asked again.
    let again = place.run(&["label", "tiny.toml", "--set", "label.teachers=2"]);
    assert!(!again.err.contains("teach: epoch"), "{}", again.err);

    let checked = place.good(&["check", "tiny.toml", "--set", "data.unlabeled=more.jsonl"]);
    assert!(
        checked.contains("unlabeled         2  without 1"),
        "{checked}"
    );
    let refused = [
        (
            &["label.teachers=2", "teacher.epochs=0"][..],
            "label.teachers = 2",
        ),
        (&["label.folds=2", "teacher.epochs=0"], "label.folds = 2"),
        (
            &["label.folds=2", "label.teachers=2"],
            "leave label.teachers at 1",
        ),
        (&["label.folds=1"], "label.folds = 1"),
        (&["label.folds=101"], "label.folds = 101"),
        (
            &["label.folds=25"],
            "there are 24 training texts that differ",
        ),
        (
            &["label.teachers=2", "label.unsure=0.5"],
            "would never be asked",
        ),
        (&["label.unsure=0.85"], "label.unsure = 0.85"),
        (&["student.embedding_bits=5"], "want 8 or 4"),
        (
            &["student.embedding_bits=4", "student.embedding=7"],
            "want an even width",
        ),
        (
            &["student.embedding_bits=4", "student.decoder=8"],
            "a decoder's words",
        ),
        (&["distill.sampler=bandit"], "set transfer.apart"),
        (&["transfer.apart=true"], "1 variants for 4 ways"),
        (
            &["transfer.mask=0.5", "transfer.alike=0.6"],
            "1.20 together",
        ),
        (
            &["distill.online=4", "distill.objective=labels"],
            "of which this objective reads but one",
        ),
        (
            &["distill.online=4", "label.folds=2"],
            "no one encoder to adapt",
        ),
    ];
    for (sets, want) in refused {
        let sets = sets.iter().flat_map(|set| ["--set", set]);
        let arguments: Vec<&str> = ["check", "tiny.toml"].into_iter().chain(sets).collect();
        let error = place.bad(&arguments);
        assert!(error.contains(want), "{error}");
    }
}

#[test]
fn a_student_wider_than_its_teacher_is_refused_before_a_teacher_is_taught() {
    let place = Place::new();
    recipe(&place);
    for verb in ["check", "teach", "run", "compare"] {
        let error = place.bad_untaught(&[verb, "tiny.toml", "--set", "student.embedding=4096"]);
        assert!(error.contains("student.embedding is 4096"), "{error}");
    }
}

/// The bundle that was made can be evaluated.
fn assert_it_answers(place: &Place) {
    let scores = place.good(&[
        "evaluate",
        "--bundle",
        "runs/tiny/tiny.glass",
        "--input",
        "test.jsonl",
    ]);
    assert!(scores.contains("accuracy"), "{scores}");
}

#[test]
fn embeddings_of_four_bits_make_a_smaller_bundle_that_answers() {
    let place = Place::new();
    recipe(&place);
    let size = |sets: &[&str]| {
        let arguments = ["run", "tiny.toml", "--set", "distill.epochs=3"];
        place.good(&[&arguments, sets].concat());
        fs::metadata(place.path("runs/tiny/tiny.glass"))
            .unwrap()
            .len()
    };
    let whole = size(&[]);
    let small = size(&["--set", "student.embedding_bits=4"]);
    assert!(small < whole, "{small} {whole}");
    let shown = place.good(&["inspect", "runs/tiny/tiny.glass"]);
    assert!(shown.contains("8 bits, embeddings 4 bits"), "{shown}");
    assert_it_answers(&place);
}

#[test]
fn a_student_behind_layers_of_its_teacher_is_made_and_shown() {
    let place = Place::new();
    recipe(&place);
    for (sets, want) in [
        (["student.layer_bits=5", "student.layers=1"], "want 4 or 8"),
        (["student.layers=65", "seed=1"], "student.layers = 65"),
        (
            ["student.layers=3", "student.max_tokens=62"],
            "of 2 that the teacher has",
        ),
        (
            ["student.layers=1", "student.max_tokens=63"],
            "have places for 62",
        ),
    ] {
        let [first, second] = sets;
        for verb in ["check", "run", "compare"] {
            let error = place.bad_untaught(&[verb, "tiny.toml", "--set", first, "--set", second]);
            assert!(error.contains(want), "{verb}: {error}");
        }
    }
    let run = |sets: &[&str]| {
        let own = ["student.layers=1", "student.max_tokens=62"];
        let sets = own.iter().chain(sets).flat_map(|set| ["--set", set]);
        let arguments = ["run", "tiny.toml"].into_iter().chain(sets);
        place.good(&arguments.collect::<Vec<_>>());
        fs::read(place.path("runs/tiny/tiny.glass")).unwrap()
    };
    let four = run(&[]);
    assert_eq!(run(&[]), four, "what is done is not done again otherwise");
    let shown = place.good(&["inspect", "runs/tiny/tiny.glass"]);
    for said in [
        "behind 1 of its teacher's layers",
        "8 bits, its teacher's layers 4 bits",
        "encoder.layer.0.attention.query",
    ] {
        assert!(shown.contains(said), "{shown}");
    }
    let eight = run(&["student.layer_bits=8"]);
    assert!(four.len() < eight.len(), "{} {}", four.len(), eight.len());
    assert_it_answers(&place);
}

#[test]
fn a_bandit_and_a_teacher_that_learns_along_teach_otherwise() {
    let place = Place::new();
    recipe(&place);
    let learnt = |sets: &[&str]| -> Value {
        let sets = sets.iter().flat_map(|set| ["--set", set]);
        let arguments = ["distill", "tiny.toml", "--json"].into_iter();
        let out = place.good(&arguments.chain(sets).collect::<Vec<_>>());
        serde_json::from_str(&out).unwrap()
    };
    let apart = ["transfer.variants=4", "transfer.apart=true"];
    let bandit = [
        &apart[..],
        &["distill.sampler=bandit", "distill.sampler_every=2"],
    ]
    .concat();
    let (natural, drawn) = (learnt(&apart), learnt(&bandit));
    assert_ne!(
        natural[0]["history"][0]["loss"],
        drawn[0]["history"][0]["loss"]
    );
    let names = ["texts", "mask", "replace", "crop", "splice"];
    assert_eq!(drawn[0]["mixture"]["names"], serde_json::json!(names));
    assert!(drawn[0]["mixture"]["course"].as_array().unwrap().len() > 2);
    let online = learnt(&["distill.online=4"]);
    let terms = online[0]["history"][0]["terms"].to_string();
    assert!(terms.contains("teacher's own"), "{terms}");
}

#[test]
fn labels_are_bought_in_rounds_and_once() {
    let place = Place::new();
    recipe(&place);
    let arguments = [
        "budget",
        "tiny.toml",
        "--json",
        "--set",
        "budget.seeds=2",
        "--set",
        "budget.shares=[0.25,0.5,1.0]",
    ];
    let first = place.run(&arguments);
    assert_eq!(first.code, 0, "{}", first.err);
    let found: Value = serde_json::from_str(&first.out).unwrap();
    let curves = found["curves"].as_array().unwrap();
    assert_eq!(curves.len(), 8, "four ways, two seeds");
    let train = 24;
    for curve in curves {
        let labels: Vec<u64> = curve["points"]
            .as_array()
            .unwrap()
            .iter()
            .map(|p| p["labels"].as_u64().unwrap())
            .collect();
        assert_eq!(labels, [train / 4, train / 2, train]);
    }
    // All ways begin with the same texts, and end with all of them.
    for seed in curves.chunks(4) {
        for round in [0, 2] {
            assert!(
                seed.iter()
                    .all(|curve| curve["points"][round] == seed[0]["points"][round]),
                "{seed:?}"
            );
        }
    }
    let report = fs::read_to_string(place.path("runs/tiny/budget/report.html")).unwrap();
    assert!(report.contains("disagreement") && report.contains("<svg"));
    let again = place.run(&arguments);
    assert!(
        !again.err.contains("distill: epoch") && again.out == first.out,
        "{}",
        again.err
    );
    // Two teachers say something else than one: students learn anew.
    let two = place.run(&[&arguments[..], &["--set", "label.teachers=2"]].concat());
    assert!(
        two.code == 0 && two.err.contains("distill: epoch"),
        "{}",
        two.err
    );
    // Whoever draws by domains learns anew by others.
    for split in ["train.jsonl", "validation.jsonl", "test.jsonl"] {
        let rows = fs::read_to_string(place.path(split)).unwrap();
        let rows = rows.lines().enumerate().map(|(at, row)| {
            let row = row.strip_suffix('}').unwrap();
            format!("{row},\"half\":\"{}\",\"third\":\"{}\"}}\n", at % 2, at % 3)
        });
        place.file(split, rows.collect::<String>());
    }
    let by = |domain: &str| {
        let domain = format!("data.domain={domain}");
        let sets = ["--set", "distill.sampler=uniform", "--set", &domain];
        let answer = place.run(&[&arguments[..], &sets].concat());
        assert_eq!(answer.code, 0, "{}", answer.err);
        answer.err.contains("distill: epoch")
    };
    assert!(by("half") && by("third") && !by("half"));
    let bad = place.bad(&["check", "tiny.toml", "--set", "budget.shares=[0.5,0.2]"]);
    assert!(bad.contains("budget.shares = [0.5, 0.2]"), "{bad}");
}

#[test]
fn the_recipe_in_the_run_folder_is_never_lost() {
    let place = Place::new();
    recipe(&place);
    let own = format!(
        "# mine\n{}",
        fs::read_to_string(place.path("tiny.toml")).unwrap()
    );
    fs::create_dir_all(place.path("runs/tiny/tiny.glass")).unwrap();
    place.file("runs/tiny/recipe.toml", &own);
    let run = ["run", "runs/tiny/recipe.toml", "--quiet"];
    let beside = || fs::read_to_string(place.path("runs/tiny/recipe.toml")).unwrap();
    // No bundle can stand where a folder does.
    assert!(place.bad(&run).contains("can't write runs/tiny/tiny.glass"));
    assert_eq!(beside(), own);
    fs::remove_dir(place.path("runs/tiny/tiny.glass")).unwrap();
    place.good(&run);
    let resolved = beside();
    assert!(!resolved.contains("# mine"));
    let copies = || {
        let entries = fs::read_dir(place.path("runs/tiny")).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        let copy = |path: &std::path::PathBuf| {
            let name = path.file_name().unwrap().to_string_lossy();
            name.starts_with("recipe-") && name.ends_with(".toml")
        };
        let texts = paths.filter(copy).map(|p| fs::read_to_string(p).unwrap());
        texts.collect::<Vec<_>>()
    };
    assert_eq!(copies(), [own.as_str()]);
    // As it was resolved, it is its own resolved recipe.
    place.good(&run);
    assert_eq!((beside(), copies()), (resolved, vec![own]));
}

#[test]
fn one_process_at_a_time_works_on_a_run_folder() {
    let place = Place::new();
    recipe(&place);
    fs::create_dir_all(place.path("runs/tiny")).unwrap();
    let held = fs::File::create(place.path("runs/tiny/lock")).unwrap();
    held.try_lock().unwrap();
    for verb in ["teach", "label", "distill", "export", "run"] {
        let error = place.bad(&[verb, "tiny.toml"]);
        assert!(
            error.contains("run folder runs/tiny: another process is at work on this run folder"),
            "{verb}: {error}"
        );
    }
    place.good(&["check", "tiny.toml"]);
    place.good(&["teach", "tiny.toml", "--set", "name=other"]);
    drop(held);
    place.good(&["teach", "tiny.toml"]);
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
    // Other explanations of the same soft labels.
    place.good(&["label", "tiny.toml", "-q", "--set", "label.nodes=3"]);
    place.good(&[
        "label",
        "tiny.toml",
        "-q",
        "--set",
        "label.target=probability",
    ]);
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
    assert_eq!(done, ["explain", "explain", "explain", "label", "teach"]);
    let students: Value =
        serde_json::from_str(&place.good(&["distill", "tiny.toml", "--json", "-q"])).unwrap();
    assert_eq!(students[0]["seed"], 0);
    assert!(!stages().iter().any(|name| name.contains(".glass")));
    place.good(&["export", "tiny.toml", "-q"]);
    assert!(stages().iter().any(|name| name.contains(".glass")));
}
