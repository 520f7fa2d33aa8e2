//! What `quantize` refuses, before it has read the teacher's weights, and with nothing changed.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::Place;

const ROWS: &str = "text,label\nprofits rose again,rising\nprofits fell again,falling\n";

const FILES: [&str; 3] = ["config.json", "tokenizer.json", "model.safetensors"];

/// A folder with rows and a copy of the tiny teacher, `teacher`.
fn place() -> Place {
    let place = Place::new();
    place.file("rows.csv", ROWS);
    fs::create_dir(place.path("teacher")).unwrap();
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/bert");
    for name in FILES {
        fs::copy(fixture.join(name), place.path("teacher").join(name)).unwrap();
    }
    place
}

fn arguments<'a>(options: &[&'a str]) -> Vec<&'a str> {
    let first: &[&str] = &["quantize", "--teacher", "teacher"];
    let named = options.contains(&"--output");
    let output: &[&str] = if named { &[] } else { &["--output", "t.glass"] };
    [first, output, options].concat()
}

/// The error, which must come before the work and leave no bundle.
fn stopped(place: &Place, options: &[&str]) -> String {
    let arguments = arguments(options);
    let answer = place.run(&arguments);
    assert!(
        !answer.err.contains("reading teacher"),
        "{arguments:?}: late: {}",
        answer.err
    );
    assert!(!place.path("t.glass").exists(), "{arguments:?}");
    place.bad(&arguments)
}

#[test]
fn a_tokenizer_that_a_bundle_does_not_repeat_is_named() {
    let place = place();
    let path = place.path("teacher/tokenizer.json");
    let whole: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    for (pointer, value, says) in [
        (
            "/pre_tokenizer",
            Value::Null,
            "pre_tokenizer.type is missing",
        ),
        (
            "/model/max_input_chars_per_word",
            json!(2),
            "model.max_input_chars_per_word is 2; a bundle reads texts with 100 alone",
        ),
    ] {
        let mut changed = whole.clone();
        *changed.pointer_mut(pointer).unwrap() = value;
        fs::write(&path, changed.to_string()).unwrap();
        for options in [&["--vocabulary", "full"][..], &["--data", "rows.csv"]] {
            let error = place.bad(&arguments(options));
            assert!(error.contains(says), "{error}");
            assert!(!place.path("t.glass").exists());
        }
    }
}

#[test]
fn no_bundle_takes_the_place_of_what_it_is_made_from() {
    let place = place();
    place.file("other.csv", ROWS);
    place.file("recipe.toml", "");
    let all = [
        "--data",
        "rows.csv",
        "--evaluate",
        "other.csv",
        "--recipe",
        "recipe.toml",
        "--output",
    ];
    for name in [
        "rows.csv",
        "teacher/../other.csv",
        "recipe.toml",
        "teacher/model.safetensors",
        "teacher/config.json",
    ] {
        let before = fs::read(place.path(name)).unwrap();
        let error = stopped(&place, &[&all[..], &[name]].concat());
        assert!(error.contains("would take the place of"), "{name}: {error}");
        assert_eq!(fs::read(place.path(name)).unwrap(), before, "{name}");
    }
}

#[cfg(unix)]
#[test]
fn only_regular_files_are_replaced_and_links_are_followed() {
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    let place = place();
    let _listener = UnixListener::bind(place.path("socket")).unwrap();
    symlink("socket", place.path("to-socket")).unwrap();
    symlink("rows.csv", place.path("to-rows")).unwrap();
    let full = ["--vocabulary", "full", "--output"];
    for (name, says) in [
        ("socket", "socket: it is no regular file"),
        ("to-socket", "to-socket: it is no regular file"),
        ("teacher", "teacher: it is no regular file"),
        ("none/t.glass", "there is no folder none"),
    ] {
        let error = stopped(&place, &[&full[..], &[name]].concat());
        assert!(error.contains(says), "{name}: {error}");
    }
    let error = stopped(&place, &["--data", "rows.csv", "--output", "to-rows"]);
    assert!(
        error.contains("would take the place of rows.csv"),
        "{error}"
    );
    place.file("real.glass", "old");
    symlink("real.glass", place.path("link.glass")).unwrap();
    place.good(&arguments(&[&full[..], &["link.glass"]].concat()));
    assert!(place.path("link.glass").is_symlink());
    assert!(fs::metadata(place.path("real.glass")).unwrap().len() > 1000);
}

#[test]
fn training_texts_come_from_a_column_that_is_there() {
    let place = place();
    place.file("sentences.csv", "sentence,label\nprofits rose,rising\n");
    place.file("sentences.tsv", "sentence\tlabel\nprofits rose\trising\n");
    place.file("sentences.jsonl", "{\"sentence\":\"profits rose\"}\n");
    place.file("empty.csv", "");
    place.file("blank.txt", "\n \n");
    place.file("header.csv", "text,label\n");
    place.file("lines.txt", "profits rose\nprofits fell\n");
    for (options, says) in [
        (
            &["sentences.csv"][..],
            "no column `text`; the first line names `sentence`, `label`",
        ),
        (
            &["sentences.tsv"],
            "no column `text`; the first line names `sentence`, `label`",
        ),
        (
            &["sentences.jsonl"],
            "no column `text`; the rows have `sentence`",
        ),
        (
            &["rows.csv", "--text-column", "foo"],
            "no column `foo`; the first line names `text`, `label`",
        ),
        (
            &["lines.txt", "--text-column", "foo"],
            "no column `foo`; the first line names",
        ),
        (&["empty.csv"], "empty.csv: no text in it"),
        (&["blank.txt"], "blank.txt: no text in it"),
        (&["header.csv"], "header.csv: no text in it"),
    ] {
        let error = stopped(&place, &[&["--data"], options].concat());
        assert!(error.contains(says), "{options:?}: {error}");
    }
    let named = ["--data", "sentences.csv", "--text-column", "sentence"];
    place.good(&arguments(&named));
    let answer = place.run(&arguments(&["--data", "lines.txt"]));
    let said = "each line of lines.txt is read as a text";
    assert!(
        answer.code == 0 && answer.err.contains(said),
        "{}",
        answer.err
    );
}

#[test]
fn rows_to_score_are_read_before_the_work() {
    let place = place();
    place.file("none.csv", "sentence\na\n");
    place.file("other.csv", "text,label\na,up\n");
    for (name, says) in [
        ("absent.csv", "input absent.csv"),
        ("none.csv", "no column `text`"),
    ] {
        let error = stopped(&place, &["--vocabulary", "full", "--evaluate", name]);
        assert!(error.contains(says), "{error}");
    }
    let full = ["--vocabulary", "full", "--evaluate"];
    let answer = place.run(&arguments(&[&full[..], &["other.csv"]].concat()));
    assert!(answer.err.contains("no row has a label"), "{}", answer.err);
    assert!(!answer.err.contains("quantizing"), "{}", answer.err);
    let answer = place.run(&arguments(&[&full[..], &["rows.csv"]].concat()));
    for said in [
        "reading teacher teacher",
        "quantizing 2 layers and 117 pieces",
        "comparing the bundle with the float teacher on ",
    ] {
        assert!(answer.err.contains(said), "{said}: {}", answer.err);
    }
}

#[test]
fn the_way_out_of_bad_rows_is_one_of_its_own_options() {
    let place = place();
    place.file("bad.csv", [ROWS.as_bytes(), b"\xff,rising\n"].concat());
    let full = ["--vocabulary", "full", "--evaluate", "bad.csv"];
    let error = stopped(&place, &full);
    let way_out = "--skip-bad-rows 1";
    assert!(
        error.contains("bad.csv:4:") && error.contains(way_out),
        "{error}"
    );
    let answer = place.run(&arguments(&[&full[..], &["--skip-bad-rows", "1"]].concat()));
    assert_eq!(answer.code, 0, "{}", answer.err);
    assert!(answer.err.contains("left out bad.csv:4:"), "{}", answer.err);
    assert!(answer.out.contains("on 2 rows"), "{}", answer.out);
}

#[test]
fn what_is_no_folder_of_a_teacher_is_named() {
    let place = place();
    place.file("t.bin", "x");
    place.file("s.glass", "x");
    fs::create_dir(place.path("hollow")).unwrap();
    for (teacher, says) in [
        (
            "owner/model",
            "teacher owner/model: there is no such folder here; `stillglass teach`",
        ),
        (
            "t.bin",
            "teacher t.bin: this is a file; name the folder that holds config.json,",
        ),
        (
            "s.glass",
            "teacher s.glass: this is a bundle; name the folder",
        ),
        (
            "hollow",
            "\"tokenizer.json\", \"model.safetensors\"] missing",
        ),
    ] {
        let error = place.bad(&["quantize", "--vocabulary", "full", "--teacher", teacher]);
        assert!(error.contains(says), "{error}");
    }
    let error = stopped(&place, &["--data", "rows.csv", "--min-count", "0"]);
    assert!(error.contains("--min-count 0: want 1 or more"), "{error}");
    let error = place.bad(&arguments(&["--vocabulary", "full", "--max-tokens", "63"]));
    assert!(error.contains("want 1 to 62"), "{error}");
}
