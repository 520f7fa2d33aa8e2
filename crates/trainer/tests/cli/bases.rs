//! Bases that no teacher can be made of.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::Place;
use crate::tiny::recipe;

const FILES: [&str; 3] = ["config.json", "tokenizer.json", "model.safetensors"];

/// Copies the tiny base to a folder of this name.
fn base(place: &Place, name: &str) {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/bert");
    fs::create_dir(place.path(name)).unwrap();
    for file in FILES {
        fs::copy(fixture.join(file), place.path(name).join(file)).unwrap();
    }
}

/// Copies the tiny base to a folder of this name, its tokenizer with a value changed.
fn changed(place: &Place, name: &str, pointer: &str, value: Value) {
    base(place, name);
    let path = place.path(name).join("tokenizer.json");
    let mut tokenizer: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    tokenizer.pointer_mut(parent).unwrap()[key] = value;
    fs::write(path, tokenizer.to_string()).unwrap();
}

#[test]
fn layers_whose_texts_a_bundle_would_read_otherwise_are_refused_before_they_are_taught() {
    let place = Place::new();
    recipe(&place);
    changed(&place, "dirty", "/normalizer/clean_text", false.into());
    let base = ["tiny.toml", "--set", "teacher.base=dirty"];
    for verb in ["check", "run", "compare"] {
        let layers = [
            "--set",
            "student.layers=1",
            "--set",
            "student.max_tokens=62",
        ];
        let error = place.bad_untaught(&[&[verb], &base[..], &layers].concat());
        for said in ["student.layers", "normalizer.clean_text is false"] {
            assert!(error.contains(said), "{verb}: {error}");
        }
    }
    // What no bundle could hold is found in an arm as well.
    let arm = "compare.arms=[{name=\"wide\", set=[\"student.hidden=4096\", \"student.max_tokens=8192\"]}]";
    for verb in ["check", "compare"] {
        let error = place.bad_untaught(&[verb, "tiny.toml", "--set", arm]);
        assert!(error.contains("arm `wide`"), "{verb}: {error}");
    }
    // Students that read embeddings alone share nothing but pieces.
    place.good(&[&["check"], &base[..]].concat());
}

#[test]
fn bases_that_can_not_teach() {
    let place = Place::new();
    recipe(&place);
    fs::create_dir(place.path("pickled")).unwrap();
    place.file("pickled/pytorch_model.bin", "");
    base(&place, "cut");
    let whole = fs::read(place.path("cut/model.safetensors")).unwrap();
    place.file("cut/model.safetensors", &whole[..whole.len() - 9]);
    for (key, value) in [
        ("num_hidden_layers", Value::from(3)),
        ("vocab_size", Value::from(7)),
        ("max_position_embeddings", Value::from(2)),
        ("layer_norm_eps", Value::from(0)),
    ] {
        base(&place, key);
        let path = place.path(key).join("config.json");
        let mut config: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        config[key] = value;
        fs::write(path, config.to_string()).unwrap();
    }
    changed(&place, "pieces", "/model/vocab/another", 117.into());
    changed(&place, "unread", "/normalizer/type", "Lowercase".into());
    changed(&place, "unended", "/post_processor", Value::Null);
    let added = "[{\"id\":117,\"content\":\"<url>\",\"single_word\":false,\"lstrip\":false,\"rstrip\":false,\
                 \"normalized\":false,\"special\":true}]";
    changed(
        &place,
        "added",
        "/added_tokens",
        serde_json::from_str(added).unwrap(),
    );
    base(&place, "unknown");
    let path = place.path("unknown/tokenizer.json");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(path, text.replace("[UNK]", "[UNKNOWN]")).unwrap();
    for (set, says) in [
        ("base=pieces", "take both files of one checkpoint"),
        (
            "base=modles/mini",
            "teacher modles/mini: there is no such folder here",
        ),
        ("base=nowhere", "teacher nowhere"),
        ("base=pickled", "pickled"),
        ("base=cut", "fetch it again"),
        ("base=some/model", "teacher.revision"),
        ("epochs=0", "set data.labels to the teacher's order"),
        ("base=num_hidden_layers", "layer.2.attention"),
        ("base=max_position_embeddings", "of which texts have 2"),
        ("base=unknown", "has no [UNK]"),
        ("base=unended", "want the special tokens at both ends"),
        ("base=added", "gives \"<url>\" the id 117"),
        ("base=unread", "normalizer of type \"Lowercase\""),
        (
            "base=vocab_size",
            "word_embeddings.weight: want [7, 32] from config.json",
        ),
        (
            "base=layer_norm_eps",
            "layer_norm_eps is 0; want a number above 0",
        ),
    ] {
        for verb in ["check", "run"] {
            // A run finds a cut file when it loads it, in its own words.
            if verb == "check" || !["base=cut", "epochs=0"].contains(&set) {
                let set = format!("teacher.{set}");
                let error = place.bad_untaught(&[verb, "tiny.toml", "--set", &set]);
                assert!(error.contains(says), "{verb} {set}: {error}");
            }
        }
    }
}
