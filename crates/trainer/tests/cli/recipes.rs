//! `init`, and recipes good and bad.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::Place;
use crate::tiny::recipe;

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
    for init in [&["init"][..], &["init", "--force"]] {
        let says = place.bad(&[init, &["no/such/folder.toml"]].concat());
        assert!(
            says.contains("there is no folder no; make it first"),
            "{says}"
        );
        let says = place.bad(&[init, &["."]].concat());
        assert!(
            says.contains("this is a folder; name a file in it"),
            "{says}"
        );
    }
    // The template's files are placeholders; the first of them is what check stops at.
    assert!(
        place
            .bad(&["check", "recipe.toml"])
            .contains("data.train = \"train.jsonl\"")
    );
}

#[cfg(unix)]
#[test]
fn init_keeps_links_and_devices() {
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    let place = Place::new();
    place.file("real.toml", "mine");
    symlink("real.toml", place.path("link.toml")).unwrap();
    place.good(&["init", "--force", "link.toml"]);
    assert!(place.path("link.toml").is_symlink());
    assert!(fs::read(place.path("real.toml")).unwrap() != b"mine");
    let _listener = UnixListener::bind(place.path("socket")).unwrap();
    symlink("socket", place.path("socket.toml")).unwrap();
    symlink("nowhere", place.path("dangling.toml")).unwrap();
    fs::create_dir(place.path("folder.toml")).unwrap();
    for (name, says) in [
        ("socket.toml", "no regular file"),
        ("folder.toml", "this is a folder; name a file in it"),
        ("dangling.toml", "a link to nothing"),
    ] {
        let error = place.bad(&["init", "--force", name]);
        assert!(error.contains(says), "{name}: {error}");
    }
}

#[test]
fn a_run_leaves_its_own_rows_and_what_is_no_file_alone() {
    let place = Place::new();
    recipe(&place);
    fs::create_dir_all(place.path("runs/tiny")).unwrap();
    let rows = fs::read(place.path("train.jsonl")).unwrap();
    fs::write(place.path("runs/tiny/data.json"), &rows).unwrap();
    fs::create_dir(place.path("runs/tiny/tiny.glass")).unwrap();
    let own = &["--set", "data.train=runs/tiny/data.json"][..];
    for verb in ["check", "run", "teach"] {
        let error = place.bad(&[&[verb, "tiny.toml"], own].concat());
        assert!(
            error.contains("tiny.glass: it is no regular file"),
            "{error}"
        );
    }
    fs::remove_dir(place.path("runs/tiny/tiny.glass")).unwrap();
    for verb in ["check", "run", "teach"] {
        let error = place.bad(&[&[verb, "tiny.toml"], own].concat());
        assert!(
            error.contains("the run's own data.json would take its place"),
            "{error}"
        );
    }
    assert_eq!(fs::read(place.path("runs/tiny/data.json")).unwrap(), rows);
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
        "ready    stillglass run tiny.toml",
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
    fs::create_dir(place.path("folder")).unwrap();
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
            &["--set", "data.train=folder"],
            "data.train = \"folder\": this is a folder",
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
        (&["--device", "abacus"], "device abacus"),
    ] {
        for verb in ["check", "run"] {
            let error = place.bad(&[&[verb, "tiny.toml"], options].concat());
            assert!(error.contains(says), "{verb} {options:?}: {error}");
        }
    }
    assert!(
        place
            .bad(&["run", "none.toml"])
            .contains("`stillglass init` writes a first one")
    );
    place.file("utf16.toml", b"\xff\xfen\0a\0m\0e\0");
    assert!(
        place
            .bad(&["check", "utf16.toml"])
            .contains("save it as UTF-8")
    );
    assert!(place.bad(&["check", "folder"]).contains("this is a folder"));
    place.file("broken.toml", "name = \n");
    assert!(place.bad(&["check", "broken.toml"]).contains("line 1"));
    place.file("file", "");
    for verb in ["run", "check"] {
        let error = place.bad(&[verb, "tiny.toml", "--runs", "file"]);
        assert!(error.contains("run folder file/tiny"), "{verb}: {error}");
    }
}

/// What only `export` used to find, after all the training.
#[test]
fn recipes_whose_bundle_could_not_be_written() {
    let place = Place::new();
    recipe(&place);
    let row = |label: &str| format!("{{\"text\":\"a mill\",\"label\":\"{label}\"}}\n");
    let long = "x".repeat(257);
    place.file("long.jsonl", row("up") + &row(&long));
    place.file("bell.jsonl", row("up") + &row("\\u0007"));
    let many: Vec<String> = (0..1025).map(|i| format!("\"l{i}\"")).collect();
    let many = format!("data.labels=[{},\"up\",\"down\"]", many.join(","));
    let own = |name: &str| format!("data.{name}=");
    let files = |name: &str| ["train", "validation", "test"].map(|split| own(split) + name);
    let (long, bell) = (files("long.jsonl"), files("bell.jsonl"));
    place.file("card.toml", {
        let text = fs::read_to_string(place.path("tiny.toml")).unwrap();
        format!("{text}description = \"{}\"\n", "x".repeat(1 << 20))
    });
    for (recipe, sets, says) in [
        (
            "tiny.toml",
            &long.each_ref().map(String::as_str)[..],
            "at most 256 bytes",
        ),
        (
            "tiny.toml",
            &bell.each_ref().map(String::as_str),
            "no control characters",
        ),
        ("tiny.toml", &[many.as_str()], "1027 labels, want 2 to 1024"),
        (
            "tiny.toml",
            &["student.max_tokens=8192", "student.hidden=4096"],
            "lower max_tokens",
        ),
        ("card.toml", &[], "shorten the card"),
    ] {
        let sets = sets.iter().flat_map(|set| ["--set", set]);
        for verb in ["check", "run", "teach"] {
            let arguments: Vec<&str> = [verb, recipe].into_iter().chain(sets.clone()).collect();
            let error = place.bad(&arguments);
            assert!(error.contains(says), "{verb}: {error}");
            assert!(!place.path("runs").exists(), "{verb}: {says}");
        }
    }
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
