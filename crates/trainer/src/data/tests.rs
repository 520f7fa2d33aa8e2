use std::fs;

use super::*;

const COLUMNS: Columns<'static> = Columns {
    text: "text",
    label: Some("label"),
    domain: None,
    rationale: None,
    text2: None,
    reasons: &[],
    counterfactual: None,
    references: None,
    choices: None,
    sparse: false,
};

fn sheet(content: &str) -> Sheet {
    read(content.as_bytes(), Format::Detect, &COLUMNS).unwrap()
}

fn rows(content: &str) -> Vec<(usize, String, String)> {
    let sheet = sheet(content);
    assert_eq!(sheet.bad, [], "{content:?}");
    let row = |row: Row| (row.line, row.text, row.label.unwrap_or_default());
    sheet.rows.into_iter().map(row).collect()
}

fn bad(content: &str) -> Vec<String> {
    sheet(content).bad.iter().map(ToString::to_string).collect()
}

fn refused(content: &[u8]) -> String {
    format!("{:#}", read(content, Format::Detect, &COLUMNS).unwrap_err())
}

#[test]
fn the_same_rows_from_every_format() {
    let want = [
        (2, "up we go".to_owned(), "good".to_owned()),
        (3, "down".into(), "bad".into()),
    ];
    for content in [
        "text,label\nup we go,good\ndown,bad\n",
        "\u{feff}text,label\r\nup we go,good\r\ndown,bad",
        "text\tlabel\nup we go\tgood\ndown\tbad\n",
        "label;id;text\ngood;1;up we go\nbad;2;down\n",
        " label , text \n good ,up we go\nbad,\"down\"\n",
    ] {
        assert_eq!(rows(content), want, "{content:?}");
    }
    let jsonl =
        "\n{\"text\":\"up we go\",\"label\":\"good\"}\n{\"label\":\"bad\",\"text\":\"down\"}";
    assert_eq!(rows(jsonl), want);
}

#[test]
fn lines_are_those_of_the_file() {
    let content = "text,label\r\n\r\n\"one\r\ntwo \"\"quoted\"\"\",a\r\n\r\nthree,b\r\n";
    let want = [
        (3, "one\r\ntwo \"quoted\"".to_owned(), "a".to_owned()),
        (6, "three".into(), "b".into()),
    ];
    assert_eq!(rows(content), want);
}

#[test]
fn carriage_returns_alone_end_lines() {
    let content = "text,label\rone,a\r\rtwo,b\r,c\r";
    let sheet = sheet(content);
    let lines: Vec<usize> = sheet.rows.iter().map(|row| row.line).collect();
    assert_eq!((lines, sheet.bad[0].line), (vec![2, 4], 5));
}

#[test]
fn json_numbers_and_truth_values_are_labels_too() {
    let content = "{\"text\":\"a\",\"label\":1}\n{\"text\":7,\"label\":true}\n{\"text\":\"c\",\"label\":-2.5}";
    let labels: Vec<String> = rows(content).into_iter().map(|row| row.2).collect();
    assert_eq!(labels, ["1", "true", "-2.5"]);
}

#[test]
fn a_bad_row_names_line_and_column() {
    let csv = "text,label\nfine,a\n,a\n  ,a\nno label,\nthree,fields,here\nfine,b\n";
    assert_eq!(
        bad(csv),
        [
            "3: column `text`: is empty",
            "4: column `text`: is empty",
            "5: column `label`: is empty",
            "6: has 3 fields, the header 2; is a text with a delimiter in it not quoted?",
        ]
    );
    let jsonl = "{\"text\":\"fine\",\"label\":\"a\"}\n{\"text\":\"cut\n{\"text\":null,\"label\":\"a\"}\n\
                 {\"txt\":\"x\",\"label\":\"a\"}\n{\"text\":\"x\",\"label\":[1]}\nplain\n[1]\n";
    let bad = bad(jsonl);
    let starts = [
        "2:12: not a JSON object on one line: EOF while parsing a string",
        "3: column `text`: is null, want a string",
        "4: column `text`: is not there; this row has label, txt",
        "5: column `label`: is an array, want a string",
        "6:1: not a JSON object on one line: expected value",
        "7:",
    ];
    assert_eq!(bad.len(), starts.len(), "{bad:#?}");
    for (bad, start) in bad.iter().zip(starts) {
        assert!(bad.starts_with(start), "{bad} against {start}");
    }
}

#[test]
fn bytes_that_are_no_utf8_are_located() {
    let csv = read(b"text,label\ncaf\xe9,a\nfine,b", Format::Detect, &COLUMNS).unwrap();
    assert_eq!(csv.rows.len(), 1);
    assert!(
        csv.bad[0]
            .to_string()
            .starts_with("2: column `text`: not UTF-8")
    );
    let jsonl = read(
        b"{\"text\":\"caf\xe9\",\"label\":\"a\"}",
        Format::Detect,
        &COLUMNS,
    )
    .unwrap();
    assert!(
        jsonl.bad[0].to_string().starts_with("1:13: not UTF-8"),
        "{}",
        jsonl.bad[0]
    );
}

#[test]
fn a_zero_byte_far_into_a_file_is_a_fault_of_its_row() {
    let files = [
        ("text,label\n", "fine,a\n", "a\0,b\n", "2002: holds"),
        ("text\tlabel\n", "fine\ta\n", "a\0\tb\n", "2002: holds"),
        (
            "\n",
            "{\"text\":\"fine\",\"label\":\"a\"}\n",
            "{\"text\":\"\0\",\"label\":\"a\"}\n",
            "2002:10: holds",
        ),
    ];
    for (head, fine, zero, says) in files {
        let content = [head, &fine.repeat(2000), zero, fine].concat();
        assert_eq!(sheet(&content).rows.len(), 2001, "{says}");
        let bad = bad(&content);
        assert_eq!(bad.len(), 1);
        assert!(bad[0].starts_with(says), "{bad:?}");
        assert!(bad[0].contains("a zero byte"), "{bad:?}");
    }
    let lines = ["fine\n".repeat(2000), "ze\0ro\nfine\n".into()].concat();
    let alone = Columns {
        text: "text",
        label: None,
        ..Columns::default()
    };
    let sheet = read(lines.as_bytes(), Format::Lines, &alone).unwrap();
    assert_eq!(sheet.rows.len(), 2001);
    assert!(sheet.bad[0].to_string().starts_with("2001:3: holds"));
    assert!(refused(b"text,label\na\0,b\n").contains("binary file"));
}

#[test]
fn a_key_that_is_there_twice_is_cut_in_the_message() {
    let key = "k".repeat(100_000);
    let bad = bad(&format!(
        "{{\"text\":\"a\",\"label\":\"b\",\"{key}\":1,\"{key}\":2}}"
    ));
    let want = format!("1: column `{}…`: is there twice; keep one", &key[..60]);
    assert_eq!(bad, [want]);
}

#[test]
fn a_quote_that_is_never_closed_is_found_where_it_opens() {
    let content = "text,label\nfine,a\nbroken,\"b\nfine,a\nfine,b\n";
    let bad = bad(content);
    assert_eq!(bad.len(), 1);
    assert!(bad[0].starts_with("3: a quotation mark"), "{bad:?}");
    assert_eq!(rows("text,label\n\"says \"\"no\"\"\",a\n").len(), 1);
    assert_eq!(rows("text,label\na,\"\"\"b\"\"\"").len(), 1);
}

#[test]
fn a_stray_quote_swallows_no_row_in_silence() {
    let content = "text,label\n\"hello there,spam\nnice,ham\nbad,spam\n\"ok,ham\nx,spam\n";
    let bad_rows = bad(content);
    assert_eq!(bad_rows.len(), 1, "{bad_rows:?}");
    assert!(
        bad_rows[0].starts_with("2: a quotation mark that opens here is closed before `ok,ham`"),
        "{bad_rows:?}"
    );
    assert!(bad_rows[0].contains("the 3 lines after it"), "{bad_rows:?}");
    assert_eq!(sheet(content).rows[0].line, 6);
    let bad_rows = bad("text,label\r\nfine,ham\r\n\"hello\" there,spam\r\nfine,ham\r\n");
    assert_eq!(bad_rows.len(), 1, "{bad_rows:?}");
    assert!(
        bad_rows[0].starts_with("3: a quotation mark"),
        "{bad_rows:?}"
    );
    // A TSV with such quotes is one that does not quote.
    let tsv = "label\ttext\nham\t\"hello there\nspam\tnice\nham\t\"ok\n";
    let texts: Vec<String> = rows(tsv).into_iter().map(|row| row.1).collect();
    assert_eq!(texts, ["\"hello there", "nice", "\"ok"]);
    assert_eq!(
        bad("label\ttext\nham\t\"a\" b\nham\tone\ttoo many\n").len(),
        1
    );
}

#[test]
fn tsv_with_bare_quotes_and_with_quoting_both_read() {
    let bare = "label\ttext\nham\t\"hello there\nspam\t\"quoted\" start\nham\t\"all\"\n";
    let texts: Vec<String> = rows(bare).into_iter().map(|row| row.1).collect();
    assert_eq!(texts, ["\"hello there", "\"quoted\" start", "all"]);
    let quoted = "label\ttext\nham\t\"a\ttab and \"\"more\"\"\"\nspam\t\"two\nlines\"\n";
    let texts: Vec<String> = rows(quoted).into_iter().map(|row| row.1).collect();
    assert_eq!(texts, ["a\ttab and \"more\"", "two\nlines"]);
}

#[test]
fn a_missing_column_lists_those_there_are() {
    let says = refused(b"sentence,label\na,b\n");
    assert!(
        says.contains("no column `text`; the first line names `sentence`, `label`"),
        "{says}"
    );
    let says = refused(b"text,text,label\na,b,c\n");
    assert!(says.contains("`text` is there 2 times"), "{says}");
}

#[test]
fn files_that_are_no_rows_are_refused() {
    assert!(refused(b"").contains("empty"));
    assert!(refused(b"\xef\xbb\xbf \r\n\n").contains("empty"));
    assert!(refused(b"[{\"text\":\"a\",\"label\":\"b\"}]").contains("jq -c"));
    assert!(refused(b"PAR1....").contains("Parquet"));
    let pretty = "{\n\"text\":\"a\",\n\"label\":\"b\"}";
    assert!(refused(pretty.as_bytes()).contains("one a line, such as with `jq -c .`"));
    assert!(bad(&pretty[..20])[0].contains("on one line"));
    let twice = "{\"text\":\"a\",\"label\":\"b\",\"text\":\"c\"}";
    assert_eq!(bad(twice), ["1: column `text`: is there twice; keep one"]);
}

#[test]
fn texts_alone_come_from_lines_or_a_column() {
    let columns = Columns {
        text: "text",
        label: None,
        ..Columns::default()
    };
    let texts = |content: &str, format| -> Vec<String> {
        let sheet = read(content.as_bytes(), format, &columns).unwrap();
        sheet.rows.into_iter().map(|row| row.text).collect()
    };
    let detect = Format::DetectOrLines;
    assert_eq!(
        texts("one, two\r\n\nthree", detect),
        ["one, two", "", "three"]
    );
    assert_eq!(texts("id,text\n1,one\n2,\n", detect), ["one", ""]);
    assert_eq!(texts("{\"text\":\"one\"}\n", detect), ["one"]);
    assert_eq!(
        texts("text\nis a line here", Format::Lines),
        ["text", "is a line here"]
    );
    assert_eq!(texts("{not json\n", Format::Lines), ["{not json"]);
    assert_eq!(texts("", detect), [""; 0]);
    assert_eq!(texts("\n\n\n", detect), [""; 3]);
    assert_eq!(texts("\n\n", Format::Delimited), [""; 0]);
    assert_eq!(texts("\n", Format::Lines), [""]);
    assert!(read(b"sentence\na", Format::Delimited, &columns).is_err());
    let both = "text,note\tn\none,two\t1\n";
    assert_eq!(texts(both, Format::Csv), ["one"]);
    let error = read(both.as_bytes(), Format::Tsv, &columns).unwrap_err();
    let says = error.to_string();
    assert!(says.contains("names `text,note`, `n`"), "{says}");
}

struct Files(tempfile::TempDir);

impl Files {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in files {
            fs::write(folder.path().join(name), content).unwrap();
        }
        Self(folder)
    }

    fn section(&self, extra: &str) -> DataSection {
        let at = self.0.path().display();
        toml::from_str(&extra.replace("DIR", &at.to_string())).unwrap()
    }
}

#[test]
fn several_files_are_one_split_and_texts_without_labels_stay_apart() {
    let files = Files::new(&[
        ("one", "text,label\na cat,pet\na hawk,wild\n"),
        ("two", "{\"text\":\"a dog\",\"label\":\"pet\"}\n"),
        ("validation", "text,label\nan owl,wild\n"),
        ("test", "text,label\na fish,pet\n"),
        ("more", "text\nA  FISH\na horse\na Horse\nan elk\nan owl\n"),
    ]);
    let keys = ALL.replace("\"DIR/train\"", "[\"DIR/one\", \"DIR/two\"]");
    let alone = load(&files.section(&keys)).unwrap();
    let texts: Vec<&str> = alone.split.train.iter().map(|e| e.text.as_str()).collect();
    assert_eq!(texts, ["a cat", "a hawk", "a dog"]);
    let counts: Vec<(&str, &[usize])> = alone
        .report
        .splits
        .iter()
        .map(|s| (s.split, s.counts.as_slice()))
        .collect();
    assert_eq!(
        counts,
        [
            ("train", &[1, 1][..]),
            ("train", &[1, 0]),
            ("validation", &[0, 1]),
            ("test", &[1, 0])
        ]
    );
    assert_eq!(alone.split.unlabeled_hash(), None);

    let more = load(&files.section(&format!("{keys}unlabeled = \"DIR/more\"\n"))).unwrap();
    let texts: Vec<&str> = more
        .split
        .unlabeled
        .iter()
        .map(|u| u.text.as_str())
        .collect();
    assert_eq!(texts, ["a horse", "an elk"]);
    assert_eq!(more.report.unlabeled_repeated, Some(3));
    assert_eq!(
        more.hash, alone.hash,
        "a teacher is the same with and without"
    );
    assert!(more.split.unlabeled_hash().is_some());
}

#[test]
fn only_the_first_training_file_must_have_rationales() {
    let files = Files::new(&[
        ("one", "text,label,why\na cat,pet,0 1\na hawk,wild,0 1\n"),
        ("two", "text,label\na dog,pet\n"),
        ("three", "{\"text\":\"an ox\",\"label\":\"pet\"}\n"),
        ("validation", "text,label,why\nan owl,wild,0 1\n"),
        ("test", "text,label,why\na fish,pet,0 1\n"),
    ]);
    let names = "\"DIR/one\", \"DIR/two\", \"DIR/three\"";
    let keys = ALL.replace("\"DIR/train\"", &format!("[{names}]")) + "rationale = \"why\"\n";
    let loaded = load(&files.section(&keys)).unwrap();
    let named: Vec<bool> = loaded
        .split
        .train
        .iter()
        .map(|e| e.rationale.is_some())
        .collect();
    assert_eq!(named, [true, true, false, false]);
    let counted: Vec<Option<usize>> = loaded.report.splits.iter().map(|s| s.named).collect();
    assert_eq!(counted, [2, 0, 0, 1, 1].map(Some));
    assert_eq!(
        crate::check::warnings(&loaded.report)
            .iter()
            .filter(|w| w.contains("people named"))
            .count(),
        0
    );
    let error = load(&files.section(&keys.replace("/one", "/two"))).unwrap_err();
    assert!(
        format!("{error:#}").contains("no column `why`"),
        "{error:#}"
    );
}

#[test]
fn rationales_that_name_nothing_are_odd() {
    let rows = "text,label,why\na cat,pet,0 0\na hawk,wild,\n";
    let files = Files::new(&[("train", rows), ("validation", rows), ("test", rows)]);
    let loaded = load(&files.section(&format!("{ALL}rationale = \"why\"\n"))).unwrap();
    let warnings = crate::check::warnings(&loaded.report);
    assert!(
        warnings
            .iter()
            .any(|w| w.contains("is data.rationale the right column?")),
        "{warnings:?}"
    );
}

#[test]
fn a_bad_row_of_a_later_file_is_named() {
    let files = Files::new(&[
        ("one", "text,label\na cat,pet\na hawk,wild\n"),
        ("two", "text,label\n,pet\n"),
    ]);
    let error = load(&files.section("train = [\"DIR/one\", \"DIR/two\"]\n")).unwrap_err();
    assert!(error.to_string().contains("two:2"), "{error}");
}

const TRAIN: &str = "text,label\nA  Cat,pet\na hawk,wild\na cat,wild\nA DOG,pet\n";
const ALL: &str = "train = \"DIR/train\"\nvalidation = \"DIR/validation\"\ntest = \"DIR/test\"\n";

#[test]
fn splits_labels_leakage_and_marks() {
    let files = Files::new(&[
        ("train", TRAIN),
        ("validation", "text\tlabel\na dog\tpet\nan owl\twild\n"),
        (
            "test",
            "{\"text\":\"An Owl\",\"label\":\"wild\"}\n{\"text\":\"a dog \",\"label\":\"pet\",\"dup_of_earlier_split\":true}\n\
             {\"text\":\"a fish\",\"label\":\"pet\",\"dup_of_earlier_split\":false}\n",
        ),
    ]);
    let loaded = load(&files.section(ALL)).unwrap();
    let Loaded {
        split,
        hash,
        report,
    } = loaded;
    assert_eq!(split.labels, ["pet", "wild"]);
    assert_eq!(
        (split.train.len(), split.validation.len(), split.test.len()),
        (4, 2, 2)
    );
    assert_eq!(
        split.train[0],
        Example {
            text: "A  Cat".into(),
            ..Example::default()
        }
    );
    assert_eq!(report.splits[0].counts, [2, 2]);
    assert_eq!(report.splits[2].marked_duplicates, 1);
    let leaks: Vec<usize> = report.leakage.iter().map(|leak| leak.rows).collect();
    assert_eq!(leaks, [1, 0, 1]); // validation in train, test in train, test in validation
    assert_eq!((report.repeated, report.contradictions), (1, 1));

    let reversed = load(&files.section(&format!("{ALL}labels = [\"wild\", \"pet\"]"))).unwrap();
    assert_eq!(reversed.split.train[0].label, 1);
    assert_ne!(reversed.hash, hash);
}

#[test]
fn the_hash_is_of_the_rows_not_of_the_file() {
    let jsonl = "{\"text\":\"A  Cat\",\"label\":\"pet\"}\n{\"text\":\"a hawk\",\"label\":\"wild\"}\n\
                 {\"text\":\"a cat\",\"label\":\"wild\"}\n{\"text\":\"A DOG\",\"label\":\"pet\"}\n";
    let other = "text,label\na fox,wild\na mouse,pet\n";
    let files = Files::new(&[("a", TRAIN), ("b", jsonl), ("other", other)]);
    let of = |train: &str| {
        let section =
            format!("train = \"DIR/{train}\"\nvalidation = \"DIR/other\"\ntest = \"DIR/other\"");
        load(&files.section(&section)).unwrap().hash
    };
    assert_eq!(of("a"), of("b"));
    assert_ne!(of("a"), of("other"));
}

#[test]
fn bad_rows_stop_the_run_unless_allowed() {
    let files = Files::new(&[
        ("train", "text,label\ngood,a\nfine,b\n,a\n"),
        ("validation", "text,label\ngood one,a\nodd,c\n"),
        ("test", "text,label\ngood two,b\n"),
    ]);
    let error = format!("{:#}", load(&files.section(ALL)).unwrap_err());
    assert!(
        error.contains("train:4: column `text`: is empty"),
        "{error}"
    );
    assert!(
        error.contains("validation:3: column `label`: label \"c\" is not in"),
        "{error}"
    );
    assert!(error.contains("2 bad row(s), 0 allowed"), "{error}");
    assert!(error.contains("--skip-bad-rows 2"), "{error}");
    assert!(load(&files.section(&format!("{ALL}skip_bad_rows = 1"))).is_err());
    let loaded = load(&files.section(&format!("{ALL}skip_bad_rows = 2"))).unwrap();
    assert_eq!(loaded.report.skipped.len(), 2);
    assert_eq!(loaded.report.splits[0].bad_rows, 1);
    assert_eq!(loaded.split.validation.len(), 1);
}

#[test]
fn many_bad_rows_are_not_all_shown() {
    let bad: Vec<String> = (2..102)
        .map(|line| format!("f:{line}: column `text`: is empty"))
        .collect();
    let says = too_many(&bad, 3);
    assert_eq!(says.lines().count(), 7);
    assert!(
        says.contains("and 95 more") && says.contains("--skip-bad-rows 100"),
        "{says}"
    );
}

#[test]
fn number_labels_sort_as_numbers() {
    let rows: String = (0..12)
        .map(|i| format!("row {i},{i}\n"))
        .collect::<Vec<_>>()
        .concat();
    let files = Files::new(&[("train", &format!("text,label\n{rows}"))]);
    let section =
        files.section("train = \"DIR/train\"\nvalidation=\"DIR/train\"\ntest=\"DIR/train\"");
    let labels = load(&section).unwrap().split.labels;
    assert_eq!(labels[..3], ["0", "1", "2"]);
    assert_eq!(labels[11], "11");
}

#[test]
fn missing_splits_are_drawn_by_the_text() {
    let rows: Vec<String> = (0..1000)
        .map(|i| format!("Row number {i},{}\n", i % 2))
        .collect();
    let forward = format!("text,label\n{}", rows.concat());
    let backward = format!(
        "text,label\n{}",
        rows.iter()
            .rev()
            .map(|row| row.to_uppercase())
            .collect::<String>()
    );
    let files = Files::new(&[("f", &forward), ("b", &backward), ("v", &forward)]);
    let of = |extra: &str| load(&files.section(extra)).unwrap();
    let split = of("train = \"DIR/f\"").split;
    assert_eq!(
        split.train.len() + split.validation.len() + split.test.len(),
        1000
    );
    assert!(
        (70..130).contains(&split.validation.len()),
        "{}",
        split.validation.len()
    );
    assert!(
        (70..130).contains(&split.test.len()),
        "{}",
        split.test.len()
    );
    let folded = |examples: &[Example]| -> BTreeSet<String> {
        examples.iter().map(|example| fold(&example.text)).collect()
    };
    let other = of("train = \"DIR/b\"").split;
    assert_eq!(folded(&split.test), folded(&other.test));
    // The test rows are the same whether or not validation is given.
    let given = of("train = \"DIR/f\"\nvalidation = \"DIR/v\"").split;
    assert_eq!(given.test, split.test);
    assert_eq!(given.validation.len(), 1000);
    assert_eq!(given.train.len(), 1000 - split.test.len());
}

#[test]
fn what_can_not_be_learned_from_is_said() {
    let files = Files::new(&[
        ("one", "text,label\na,x\nb,x\n"),
        (
            "ids",
            &format!(
                "text,label\n{}",
                (0..1001)
                    .map(|i| format!("t,id{i}\n"))
                    .collect::<Vec<_>>()
                    .concat()
            ),
        ),
        ("few", "text,label\na,x\nb,y\n"),
        ("head", "text,label\n"),
    ]);
    let error = |extra: &str| format!("{:#}", load(&files.section(extra)).unwrap_err());
    assert!(error("train = \"DIR/one\"").contains("a classifier needs two"));
    assert!(error("train = \"DIR/ids\"").contains("1001 different labels"));
    assert!(error("train = \"DIR/few\"").contains("no rows for"));
    assert!(error("train = \"DIR/head\"").contains("0 label(s)"));
    assert!(error("train = \"DIR/none\"").contains("data.train = "));
    let says = error("train = \"DIR/few\"\nvalidation = \"DIR/nope\"");
    assert!(says.contains("data.validation"), "{says}");
}

#[test]
fn folding_ignores_case_and_space() {
    assert_eq!(fold("  The\tÄpfel \n FALL "), "the äpfel fall");
    assert_ne!(fold("a b"), fold("ab"));
}

proptest::proptest! {
    #[test]
    fn no_content_panics_and_every_row_is_accounted_for(content: Vec<u8>, header: bool) {
        let content = if header { [b"text,label\n", &content[..]].concat() } else { content };
        for format in [Format::Detect, Format::DetectOrLines, Format::Jsonl, Format::Delimited, Format::Lines] {
            if let Ok(sheet) = read(&content, format, &COLUMNS) {
                let end = if content.contains(&b'\n') { b'\n' } else { b'\r' };
                let lines = content.split(|byte| *byte == end).count();
                let in_file = |line: usize| (1..=lines).contains(&line);
                assert!(sheet.rows.iter().all(|row| in_file(row.line)));
                assert!(sheet.bad.iter().all(|bad| in_file(bad.line)));
            }
        }
    }

    #[test]
    fn what_csv_writes_we_read(fields in proptest::collection::vec(("\\PC{0,12}|[\"\r\n,;\t a]{0,8}", "[\"\r\n,;a ]{0,6}"), 0..8)) {
        let fields: Vec<(String, String)> = fields
            .into_iter()
            .filter(|(text, label)| !text.trim().is_empty() && !label.trim().is_empty())
            .collect();
        for delimiter in [b',', b';'] {
            let mut writer = csv::WriterBuilder::new().delimiter(delimiter).from_writer(Vec::new());
            writer.write_record(["text", "label"]).unwrap();
            for (text, label) in &fields {
                writer.write_record([text, label]).unwrap();
            }
            let bytes = writer.into_inner().unwrap();
            if bytes.contains(&0) {
                continue;
            }
            let sheet = read(&bytes, Format::Detect, &COLUMNS).unwrap();
            assert_eq!(sheet.bad, []);
            let found: Vec<(String, String)> =
                sheet.rows.into_iter().map(|row| (row.text, row.label.unwrap())).collect();
            let want: Vec<(String, String)> =
                fields.iter().map(|(text, label)| (text.clone(), label.trim().to_owned())).collect();
            assert_eq!(found, want);
        }
    }
}

#[test]
fn domains_and_rationales_are_read_where_they_are_named() {
    let columns = Columns {
        domain: Some("about"),
        rationale: Some("named"),
        ..COLUMNS
    };
    let jsonl = r#"{"text":"a good, day","label":"x","about":" pets ","named":[0,1,0]}
{"text":"a b","label":"x","about":"pets"}
{"text":"a b","label":"x","about":"pets","named":null}
{"text":"a b","label":"x","about":"pets","named":[1]}
{"text":"a b","label":"x","about":"pets","named":[2,0]}
{"text":"a b","label":"x","about":""}"#;
    let csv = "text,label,about,named\n\"a good, day\",x,pets,0 1 0\na b,x,pets,\na b,x,pets,\n\
               a b,x,pets,1\na b,x,pets,2 0\na b,x,,\n";
    for content in [jsonl, csv] {
        let sheet = read(content.as_bytes(), Format::Detect, &columns).unwrap();
        assert_eq!(sheet.rows.len(), 3, "{sheet:?}");
        assert_eq!(sheet.rows[0].domain.as_deref(), Some("pets"));
        assert_eq!(sheet.rows[0].rationale, Some(vec![false, true, false]));
        assert_eq!(sheet.rows[1].rationale, None);
        let says: Vec<String> = sheet.bad.iter().map(ToString::to_string).collect();
        assert!(
            says[0].contains("`named`: has 1 marks, the text 2 words"),
            "{says:?}"
        );
        assert!(says[1].contains("`named`: has 2, want 0 or 1"), "{says:?}");
        assert!(says[2].contains("`about`: is empty"), "{says:?}");
    }
}

#[test]
fn rationales_that_are_not_marks_are_refused() {
    let columns = Columns {
        rationale: Some("named"),
        ..COLUMNS
    };
    for named in [
        "[true,false]",
        "[\"bad\",\"film\"]",
        "[-1,0]",
        "[1.0,0.0]",
        "[[0],{}]",
        "{\"a\":0}",
    ] {
        let row = format!("{{\"text\":\"a b\",\"label\":\"x\",\"named\":{named}}}");
        let sheet = read(row.as_bytes(), Format::Detect, &columns).unwrap();
        let says: Vec<String> = sheet.bad.iter().map(ToString::to_string).collect();
        assert!(
            says.len() == 1 && says[0].contains("`named`: has"),
            "{named}: {sheet:?}"
        );
    }
}

#[test]
fn a_word_is_named_with_the_part_that_it_begins_in() {
    let example = Example {
        text: " don't stop\tnow".into(),
        rationale: Some(vec![true, false, true]),
        ..Example::default()
    };
    let words = [1..4, 4..5, 5..6, 7..11, 12..15];
    let named = example.named(words.into_iter()).unwrap();
    assert_eq!(named, [true, true, true, false, true]);
    assert_eq!(Example::default().named(std::iter::empty()), None);
}

#[test]
fn what_argues_for_the_right_label_is_no_false_reason() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.jsonl");
    let row = |label: &str, n: usize| {
        format!(
            "{{\"text\":\"row {n}\",\"label\":\"{label}\",\"all\":{{\"up\":\"it rose\",\"down\":\"it fell\"}}}}"
        )
    };
    let rows: Vec<String> = (0..60).map(|n| row(["up", "down"][n % 2], n)).collect();
    std::fs::write(&path, rows.join("\n")).unwrap();
    let section = format!(
        "train = {:?}\ncounterfactual = \"all\"",
        path.to_str().unwrap()
    );
    let loaded = load(&toml::from_str(&section).unwrap()).unwrap();
    for example in &loaded.split.train {
        let of = 1 - example.label;
        let text = ["it fell", "it rose"][of];
        assert_eq!(example.false_reasons, [(of, text.to_owned())]);
    }
    // A label that is none is a slip of whoever wrote it, and not dropped in silence.
    let mut slip = rows;
    slip[1] = slip[1].replace("\"up\":", "\"upp\":");
    std::fs::write(&path, slip.join("\n")).unwrap();
    let error = load(&toml::from_str(&section).unwrap()).unwrap_err();
    let error = format!("{error:#}");
    assert!(
        error.contains("rows.jsonl:2: column `all`: argues for \"upp\""),
        "{error}"
    );
}

#[test]
fn a_choice_is_named_by_its_text_before_its_place() {
    let choices = ["b", " 0 ", "1"];
    for (name, place) in [
        ("b", Some(0)),
        ("0", Some(1)),
        ("1", Some(2)),
        ("2", Some(2)),
        ("3", None),
        ("", None),
    ] {
        assert_eq!(choice_named(name, &choices), place, "{name}");
    }
}

#[test]
fn a_choice_that_is_there_twice_is_right_twice() {
    let columns = Columns {
        choices: Some("choices"),
        counterfactual: Some("why"),
        ..COLUMNS
    };
    let row = |why: &str| {
        format!(
            "{{\"text\":\"who\",\"choices\":[\"he\",\"she\",\" he\"],\"label\":0,\"why\":{why}}}"
        )
    };
    let sheet = read(
        row("[\"a\",\"b\",\"c\"]").as_bytes(),
        Format::Detect,
        &columns,
    )
    .unwrap();
    let rows: Vec<Row> = sheet.rows.into_iter().flat_map(expanded).collect();
    let labels: Vec<&str> = rows.iter().filter_map(|row| row.label.as_deref()).collect();
    assert_eq!(labels, ["right", "wrong", "right"]);
    let argued: Vec<usize> = rows.iter().map(|row| row.counterfactual.len()).collect();
    assert_eq!(argued, [0, 1, 0]);
    let stray = read(row("{\"they\":\"b\"}").as_bytes(), Format::Detect, &columns).unwrap();
    let says = stray.bad[0].to_string();
    assert!(
        says.contains("`why`: argues for they, which is none of the choices"),
        "{says}"
    );
}

#[test]
fn a_cell_may_hold_a_list_of_references() {
    let columns = Columns {
        references: Some("people"),
        ..COLUMNS
    };
    let text = "text,label,people\na,x,\"[\"\"it is\"\", \"\"so\"\"]\"\nb,x,[plain]\n";
    let sheet = read(text.as_bytes(), Format::Detect, &columns).unwrap();
    let references: Vec<&[String]> = sheet.rows.iter().map(|row| &row.references[..]).collect();
    let bad = "text,label,people\na,x,\"[\"\"it is\"\", 1]\"\n";
    let bad = read(bad.as_bytes(), Format::Detect, &columns).unwrap();
    assert!(
        bad.bad[0].to_string().contains("`people`: opens a list"),
        "{:?}",
        bad.bad
    );
    assert_eq!(
        references,
        [
            &["it is".to_owned(), "so".to_owned()][..],
            &["[plain]".to_owned()]
        ]
    );
}

#[test]
fn questions_are_scored_by_their_likeliest_choice() {
    let example = |place, label| Example {
        choice: Some((place, 2)),
        label,
        ..Example::default()
    };
    let examples = [example(0, 1), example(1, 0), example(0, 0), example(1, 1)];
    let of = |right: [f32; 4]| {
        let rows = examples.iter().zip(right);
        chosen_right(rows.map(|(example, said)| (example.choice, example.label, said)))
    };
    assert_eq!(of([0.9, 0.8, 0.1, 0.2]), Some(1.0));
    // Of equals any, wherever the right one stands.
    assert_eq!(of([0.5, 0.5, 0.5, 0.5]), Some(0.5));
    assert_eq!(of([0.5, 0.5, 0.2, 0.1]), Some(0.25));
    assert_eq!(chosen_right([(None, 0, 0.0)]), None);
}

#[test]
fn copies_of_a_pair_are_known_whatever_blanks_stand_between() {
    assert_eq!(fold("A  b \u{1f} C"), fold("a b\u{1f}c"));
    assert_ne!(fold("a\u{1f}b"), fold("a b"));
}

#[test]
fn choices_that_are_no_list_are_asked_for_one() {
    let columns = Columns {
        choices: Some("choices"),
        ..COLUMNS
    };
    let row = br#"{"text":"who","choices":{"a":"he"},"label":0}"#;
    let sheet = read(row, Format::Detect, &columns).unwrap();
    let says = sheet.bad[0].to_string();
    assert!(
        says.contains("`choices`: is an object, want a list of texts"),
        "{says}"
    );
}
