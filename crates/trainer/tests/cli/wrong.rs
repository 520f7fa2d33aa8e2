//! Wrong input of every sort: the error names what is wrong, and nothing reaches standard output.

use crate::Place;
use crate::bundle::{bytes, card};

#[test]
fn bundles_that_are_none() {
    let place = Place::new();
    let whole = bytes(card());
    place.file("cut.glass", &whole[..whole.len() / 2]);
    let mut bent = whole.clone();
    let last = bent.len() - 1;
    bent[last] ^= 1;
    place.file("bent.glass", bent);
    place.file("empty.glass", "");
    place.file("page.glass", "<!DOCTYPE html><html></html>");
    place.file("in", "a text");
    for (bundle, says) in [
        ("none.glass", "bundle none.glass"),
        (".", "this is a folder"),
        ("cut.glass", "bundle cut.glass\n  "),
        ("bent.glass", "bundle bent.glass\n  "),
        ("empty.glass", "bundle empty.glass\n  "),
        ("page.glass", "bundle page.glass\n  "),
    ] {
        for arguments in [
            &["predict", "--bundle", bundle, "--input", "in"][..],
            &["evaluate", "--bundle", bundle, "--input", "in"],
            &["explain", "--bundle", bundle, "a text"],
            &["inspect", bundle],
        ] {
            let error = place.bad(arguments);
            assert!(error.contains(says), "{arguments:?}: {error}");
        }
    }
}

#[test]
fn rows_that_can_not_be_scored() {
    let place = Place::new();
    place.file("b.glass", bytes(card()));
    for (content, says) in [
        (&b""[..], "the file is empty"),
        (b"PAR1 and so on", "Parquet"),
        (
            b"sentence,label\na,up\n",
            "no column `text`; the first line names `sentence`, `label`",
        ),
        (
            b"{\"txt\":\"a\",\"label\":\"up\"}\n",
            "no column `text`; the rows have `label`, `txt`",
        ),
        (
            b"text,label\na,sideways\n",
            "no row has a label of the bundle's (up, down, flat)",
        ),
        (
            b"text,label\na,up\nb,sideways\n",
            "in:3: label \"sideways\" is none of the bundle's",
        ),
        (b"text,label\na,up\nb\n", "in:3: has 1 fields, the header 2"),
        (b"text,label\na,up\nb,\n", "in:3: column `label`: is empty"),
        (
            b"text,label\na,up\n\xff,up\n",
            "in:3: column `text`: not UTF-8",
        ),
        (
            b"{\"text\":\"a\",\"label\":\"up\"}\n{\"text\":\"a\n",
            "in:2:",
        ),
        (b"[{\"text\":\"a\",\"label\":\"up\"}]", "one object a line"),
        (b"text,label\n", "no row to score"),
    ] {
        place.file("in", content);
        let error = place.bad(&["evaluate", "--bundle", "b.glass", "--input", "in"]);
        assert!(
            error.contains(says),
            "{:?}: {error}",
            String::from_utf8_lossy(content)
        );
    }
    let error = place.bad(&["evaluate", "--bundle", "b.glass", "--input", "none.csv"]);
    assert!(error.starts_with("error: input none.csv\n  "), "{error}");
}

#[test]
fn as_many_bad_rows_as_allowed_are_left_out_and_named() {
    let place = Place::new();
    place.file("b.glass", bytes(card()));
    place.file("in", "text,label\na,up\n,up\nb,sideways\nc,down\n");
    let arguments = [
        "evaluate",
        "--bundle",
        "b.glass",
        "--input",
        "in",
        "--json",
        "--skip-bad-rows",
    ];
    let answer = place.run(&[&arguments[..], &["2"]].concat());
    assert_eq!(answer.code, 0, "{}", answer.err);
    assert!(
        answer
            .err
            .contains("left out in:3: column `text`: is empty"),
        "{}",
        answer.err
    );
    let scores: serde_json::Value = serde_json::from_str(&answer.out).unwrap();
    assert_eq!(
        (scores["rows"].as_u64(), scores["bad_rows"].as_u64()),
        (Some(2), Some(2))
    );
    assert!(
        place
            .bad(&[&arguments[..], &["1"]].concat())
            .contains("sideways")
    );
}

#[test]
fn what_macro_f1_leaves_out_is_said() {
    let place = Place::new();
    place.file("b.glass", bytes(card()));
    place.file("in", "the mill rose\n");
    let answer = place.good(&["predict", "--bundle", "b.glass", "--input", "in"]);
    let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
    let label = answer["label"].as_str().unwrap();
    place.file("gold.csv", format!("text,label\nthe mill rose,{label}\n"));
    let text = place.good(&["evaluate", "--bundle", "b.glass", "--input", "gold.csv"]);
    let line = text
        .lines()
        .find(|line| line.starts_with("macro-F1 leaves out"));
    let absent = line.expect("two labels do not occur");
    assert_eq!(absent.split(", ").count(), 2, "{absent}");
    assert!(!absent.contains(label), "{absent}");
}

/// Text from a file is in errors, which are on a terminal.
#[test]
fn a_hostile_file_can_not_write_to_the_terminal() {
    let place = Place::new();
    place.file("b.glass", bytes(card()));
    let many: Vec<String> = (0..500).map(|i| format!("c{i}")).collect();
    let many = many.join(",");
    for content in [
        "a\u{1b}[2Jb,label\nx,up\n",
        "text,label\na,up\nb,\u{1b}[31msideways\n",
        "{\"a\\u001b[2J\":1}\n",
        many.as_str(),
    ] {
        place.file("in", content);
        let arguments = ["evaluate", "--bundle", "b.glass", "--input", "in"];
        for options in [&[][..], &["--skip-bad-rows", "1"]] {
            let answer = place.run(&[&arguments[..], options].concat());
            let plain = |c: char| c == '\n' || !c.is_control();
            assert!(answer.err.chars().all(plain), "{:?}", answer.err);
            assert!(answer.err.len() < 1000, "{}", answer.err);
        }
    }
    let error = place.bad(&["evaluate", "--bundle", "b.glass", "--input", "in"]);
    assert!(error.contains("and 480 more"), "{error}");
    let answer = place.run_with(
        &["evaluate", "--bundle", "b.glass", "--input", "-"],
        b"text,label\na,up\nb,sideways\n",
    );
    assert!(
        answer.err.contains("standard input:3: label"),
        "{}",
        answer.err
    );
}

#[test]
fn answers_say_their_lines_where_rows_may_be_left_out() {
    let place = Place::new();
    place.file("b.glass", bytes(card()));
    place.file("in", b"the mill\n\xff\nrose\n");
    let arguments = ["predict", "--bundle", "b.glass", "--input", "in"];
    let out = place.good(&[&arguments[..], &["--skip-bad-rows", "1"]].concat());
    let lines: Vec<serde_json::Value> = out
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["line"].clone())
        .collect();
    assert_eq!(lines, [1, 3]);
    place.file("in", "\n\n\n");
    assert_eq!(place.good(&arguments).lines().count(), 3);
}

#[test]
fn texts_that_can_not_be_read() {
    let place = Place::new();
    place.file("b.glass", bytes(card()));
    for (content, options, says) in [
        (&b"a\n\xff\n"[..], &[][..], "in:2:1: not UTF-8"),
        (
            b"a,b\n",
            &["--text-column", "c"],
            "no column `c`; the first line names `a`, `b`",
        ),
        (b"{\"text\":[1]}\n", &[], "in:1: column `text`: is an array"),
        (
            b"plain\n",
            &["--format", "jsonl"],
            "in:1:1: not a JSON object",
        ),
        (b"plain\n", &["--format", "csv"], "no column `text`"),
        (b"\x1f\x8b\x08", &[], "a gzip file"),
    ] {
        place.file("in", content);
        let arguments = [
            &["predict", "--bundle", "b.glass", "--input", "in"],
            options,
        ]
        .concat();
        let error = place.bad(&arguments);
        assert!(error.contains(says), "{arguments:?}: {error}");
    }
    let error = place.bad(&["explain", "--bundle", "b.glass", "--class", "sideways", "a"]);
    assert!(
        error.contains("the bundle's labels are up, down, flat"),
        "{error}"
    );
}

#[test]
fn command_lines_that_make_no_sense() {
    let place = Place::new();
    for arguments in [
        &[][..],
        &["frobnicate"],
        &["run"],
        &["predict", "--input", "x"],
        &["check", "r.toml", "--seed", "-1"],
        &["check", "r.toml", "--seed", "many"],
        &["check", "r.toml", "--skip-bad-rows", "-2"],
        &["predict", "--bundle", "b", "--format", "xml"],
        &["explain", "--bundle", "b"],
    ] {
        let answer = place.run(arguments);
        assert_eq!((answer.code, answer.out.as_str()), (2, ""), "{arguments:?}");
        assert!(
            answer.err.contains("Usage") || answer.err.contains("--help"),
            "{}",
            answer.err
        );
    }
}

/// Standard error on a full disk: what there was to say is lost, the work and the exit code are not.
#[cfg(target_os = "linux")]
#[test]
fn a_message_that_can_not_be_written_stops_nothing() {
    use std::process::Stdio;

    let place = Place::new();
    place.file("b.glass", bytes(card()));
    place.file("in", "the mill rose\n");
    let full = || {
        let device = std::fs::File::options().write(true).open("/dev/full");
        Stdio::from(device.expect("Linux has one"))
    };
    let predict = ["predict", "--bundle", "b.glass", "--input", "in"];
    for (arguments, code) in [(&predict[..], 0), (&["inspect", "none.glass"], 1)] {
        let mut command = crate::command(place.0.path());
        let output = command.args(arguments).stderr(full()).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}");
        assert_eq!(output.stdout.is_empty(), code == 1, "{arguments:?}");
    }
}
