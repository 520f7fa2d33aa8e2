//! Beside `serde_json`.

use proptest::prelude::*;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};

use super::{Fault, Json, quote};

/// What `Json` makes of a value, rebuilt as `serde_json` holds it.
fn rebuilt(json: Json<'_>) -> Result<Value, Fault> {
    match json.text.as_bytes()[0] {
        b'{' => {
            let fields = json.fields()?.rest().into_iter();
            let pairs = fields.map(|field| Ok((field.key()?, rebuilt(field)?)));
            pairs.collect::<Result<Map<_, _>, _>>().map(Value::Object)
        }
        b'[' => {
            let values = json.list()?.into_iter().map(rebuilt);
            values.collect::<Result<_, _>>().map(Value::Array)
        }
        b'"' => json.text().map(Value::String),
        b'n' => Ok(Value::Null),
        b't' | b'f' => json.flag().map(Value::Bool),
        _ => match json.whole::<u64>() {
            Ok(whole) => Ok(Value::from(whole)),
            Err(_) => json.number().map(Value::from),
        },
    }
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-1e15_f64..1e15).prop_map(Value::from),
        ".*".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(".*", inner, 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// Texts near JSON: its own characters, thrown together.
fn near_json() -> impl Strategy<Value = String> {
    const PIECES: &[&str] = &[
        "{", "}", "[", "]", ":", ",", "\"", "\"a\"", "\\", "\\u12aF", "\\n", "\\x", " ", "\n",
        "\t", "\u{c}", "\u{1}", "0", "1", "-", "+", ".", "e", "E5", "true", "false", "null", "nul",
        "é", "\u{feff}",
    ];
    prop::collection::vec(prop::sample::select(PIECES), 0..16).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn takes_and_refuses_what_serde_json_does(text in near_json()) {
        let theirs = serde_json::from_str::<IgnoredAny>(&text).is_ok();
        prop_assert_eq!(Json::parse("it", &text).is_ok(), theirs, "{}", text);
    }

    #[test]
    fn refuses_what_was_cut_or_changed_as_serde_json_does(value in any_value(), at: prop::sample::Index, to in near_json()) {
        let mut text: Vec<char> = value.to_string().chars().collect();
        let at = at.index(text.len());
        text.splice(at..=at, to.chars());
        let text: String = text.into_iter().collect();
        let theirs = serde_json::from_str::<IgnoredAny>(&text).is_ok();
        prop_assert_eq!(Json::parse("it", &text).is_ok(), theirs, "{}", text);
    }

    #[test]
    fn reads_what_serde_json_writes(value in any_value()) {
        for text in [value.to_string(), format!("\n {value:#}\t")] {
            let json = Json::parse("it", &text).unwrap();
            prop_assert_eq!(rebuilt(json), Ok(value.clone()), "{}", text);
        }
    }

    #[test]
    fn quotes_as_serde_json_does(text in ".*", control in "[\u{0}-\u{22}\u{5c}\u{7f}]*") {
        for text in [text, control] {
            let quoted = quote(&text);
            prop_assert_eq!(&quoted, &serde_json::to_string(&text).unwrap());
            prop_assert_eq!(Json::parse("it", &quoted).unwrap().text(), Ok(text));
        }
    }

    #[test]
    fn escapes_are_resolved_as_serde_json_does(units in prop::collection::vec(prop_oneof![
        any::<u16>(), 0xd7f0_u16..0xe010, Just(0x5c)
    ], 0..6), gap in "[a-z]?") {
        let escapes: Vec<String> = units.iter().map(|unit| format!("\\u{unit:04x}")).collect();
        let text = format!("\"{}\"", escapes.join(&gap));
        let ours = Json::parse("it", &text).unwrap().text();
        prop_assert_eq!(ours.ok(), serde_json::from_str::<String>(&text).ok(), "{}", text);
    }
}

#[test]
fn every_short_escape_is_known() {
    let text = r#""\"\\\/\b\f\n\r\t\\\\n""#;
    let want: String = serde_json::from_str(text).unwrap();
    assert_eq!(Json::parse("it", text).unwrap().text(), Ok(want));
}

#[test]
fn a_field_is_taken_once_under_any_spelling() {
    let text = r#"{"a":1,"\u0062":2,"c":3,"\u0063":4}"#;
    let fields = || Json::parse("it", text).unwrap().fields().unwrap();
    assert_eq!(fields().need::<u8>("b", Json::whole), 2);
    let fault = |text: &str| Err(Fault(text.to_owned()));
    for (key, want) in [
        ("a", Ok(())),
        ("c", fault("duplicate field `c`")),
        ("d", fault("missing field `d`")),
    ] {
        let mut fields = fields();
        fields.need::<u8>(key, Json::whole);
        assert_eq!(fields.sound(), want);
    }
    assert_eq!(fields().end(), fault("unknown field `a`"));
}

#[test]
fn the_first_fault_of_an_object_is_told() {
    let text = r#"{"a":-1,"b":"up","c":3}"#;
    let mut fields = Json::parse("it", text).unwrap().fields().unwrap();
    assert_eq!(fields.need::<u8>("a", Json::whole), 0);
    assert!(fields.word("b", &[("on", true), ("off", false)]));
    let first = Fault("a: want a whole number, found -1".to_owned());
    assert_eq!(fields.end(), Err(first));
}

#[test]
fn a_whole_number_is_no_larger_than_its_type() {
    let whole = |text| Json::parse("it", text).unwrap().whole::<u8>();
    assert_eq!(whole("255"), Ok(255));
    for text in [
        "256",
        "-1",
        "-0",
        "1.0",
        "1e2",
        "\"1\"",
        "18446744073709551616",
    ] {
        assert!(whole(text).is_err(), "{text}");
    }
}
