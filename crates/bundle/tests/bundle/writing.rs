//! The writer refuses what the reader would refuse.

use stillglass_bundle::{Architecture, Bundle, Kind, Metric, StudentShape, WeightFormat, limits};

use crate::fixture::{self, student};

/// What is done to a good bundle, and what the message must say.
type Change = (fn(&mut Bundle), &'static str);

const CHANGES: [Change; 37] = [
    (
        |b| b.manifest.format = "stillglass/0".into(),
        "format stillglass/0",
    ),
    (|b| b.manifest.kind = Kind::Teacher, "kind teacher: want"),
    (|b| b.manifest.labels.clear(), "0 labels"),
    (
        |b| b.manifest.labels = vec!["x".into(); 1025],
        "1025 labels",
    ),
    (
        |b| b.manifest.labels[1] = "\u{2003}".into(),
        "label 1 is empty",
    ),
    (
        |b| b.manifest.labels[1] = "calm".into(),
        "label calm appears twice",
    ),
    (
        |b| b.manifest.labels[0] = "a\u{7}".into(),
        "label 0 (a\\u{7})",
    ),
    (
        |b| b.manifest.labels[0] = "x".repeat(257),
        "want at most 256 bytes",
    ),
    (
        |b| b.manifest.labels.push("hail".into()),
        "classifier.weight: want F32 [3, 4]",
    ),
    (|b| shape(b).hidden = usize::MAX, "architecture.hidden is"),
    (|b| shape(b).vocabulary = 6, "want 6 pieces, found 5"),
    (
        |b| b.manifest.tokenizer.unknown = u32::MAX,
        "tokenizer.unknown is 4294967295",
    ),
    (
        |b| b.manifest.tokenizer.padding = Some(0),
        "tokenizer.padding is 0, want none in a student",
    ),
    (
        |b| b.manifest.quantization.weights = WeightFormat::Int4,
        "a student has int8 weights",
    ),
    (
        |b| b.manifest.quantization.embeddings = Some(WeightFormat::Int8),
        "a student has int8 weights",
    ),
    (|b| b.manifest.max_tokens = usize::MAX, "max_tokens is"),
    (
        |b| b.manifest.card.metrics.push(metric(f64::NAN)),
        "metric f1 is not a finite number",
    ),
    (
        |b| b.manifest.card.metrics.push(metric(f64::INFINITY)),
        "metric f1",
    ),
    (
        |b| b.manifest.card.recipe = "x".repeat(1 << 20),
        "shorten the card",
    ),
    (|b| b.vocabulary[3].clear(), "vocabulary piece 3 is empty"),
    (
        |b| b.vocabulary[3] = "a\nb".into(),
        "vocabulary piece 3 holds a line break",
    ),
    (
        |b| b.vocabulary[3] = "a\r".into(),
        "vocabulary piece 3 holds a line break",
    ),
    (
        |b| b.vocabulary[3] = "x".repeat(513),
        "vocabulary piece 3 has 513 bytes",
    ),
    (
        |b| b.vocabulary[4] = "sea".into(),
        "vocabulary piece sea has two ids, 1 and 4",
    ),
    (
        |b| b.vocabulary.push("more".into()),
        "want 5 pieces, found 6",
    ),
    (
        |b| student(b).embedding.rows = 4,
        "want I8 [5, 3], found I8 [4, 3] of 15 values",
    ),
    (
        |b| student(b).embedding.values.push(1),
        "found I8 [5, 3] of 16 values",
    ),
    (
        |b| student(b).embedding.values[7] = -128,
        "tensor embedding, value 7",
    ),
    (
        |b| student(b).embedding.scales.truncate(4),
        "embedding.scale: want F32 [5], found F32 [4]",
    ),
    (
        |b| student(b).forward.input.columns = usize::MAX,
        "tensor lstm.forward.input: want I8 [8, 3]",
    ),
    (
        |b| student(b).forward.recurrent.scales[2] = 0.0,
        "lstm.forward.recurrent.scale, value 2",
    ),
    (
        |b| student(b).backward.bias.clear(),
        "lstm.backward.bias: want F32 [8], found F32 [0]",
    ),
    (
        |b| student(b).backward.bias[7] = f32::NAN,
        "tensor lstm.backward.bias, value 7",
    ),
    (
        |b| student(b).attention.vector[1] = f32::INFINITY,
        "tensor attention.vector, value 1",
    ),
    (
        |b| student(b).classifier.columns = 5,
        "want F32 [2, 4], found F32 [2, 5] of 8 values",
    ),
    (
        |b| student(b).classifier.weight[0] = -2e6,
        "want a number from -2^20 to 2^20",
    ),
    (
        |b| student(b).classifier.bias.push(0.0),
        "classifier.bias: want F32 [2], found F32 [3]",
    ),
];

fn shape(bundle: &mut Bundle) -> &mut StudentShape {
    match &mut bundle.manifest.architecture {
        Architecture::Student(shape) => shape,
        Architecture::Teacher(_) => panic!("a teacher"),
    }
}

fn metric(value: f64) -> Metric {
    Metric {
        name: "f1".into(),
        value,
        ..Metric::default()
    }
}

#[test]
fn bad_bundles_are_not_written() {
    for (change, want) in CHANGES {
        let mut bundle = fixture::small();
        change(&mut bundle);
        let message = bundle.write().expect_err(want).to_string();
        assert!(message.contains(want), "want {want}: {message}");
        assert!(message.contains("; "), "no way out in: {message}");
    }
}

#[test]
fn a_text_may_not_need_too_much_memory() {
    let shape = StudentShape {
        embedding: limits::COLUMNS,
        ..fixture::LEAST
    };
    let mut bundle = fixture::with_shape(shape, &["a", "b"]);
    bundle.manifest.max_tokens = limits::TOKENS;
    let message = bundle.write().unwrap_err().to_string();
    assert!(
        message.contains("max_tokens 8192 needs 67231744 floats"),
        "{message}"
    );
    bundle.manifest.max_tokens = 8000;
    assert!(bundle.write().is_ok());
}

/// What chooses among answers reads pairs of them and the question, and calls them wrong or right.
#[test]
fn choosers_read_pairs_and_have_two_labels() {
    let with = |labels: &[&str], separator| {
        let mut bundle = fixture::with_shape(fixture::LEAST, labels);
        bundle.manifest.choices = true;
        bundle.manifest.tokenizer.separator = separator;
        bundle.write()
    };
    let bytes = with(&["wrong", "right"], Some(0)).unwrap();
    assert!(Bundle::read(&bytes).unwrap().manifest.choices);
    for (labels, separator) in [
        (&["wrong", "right"][..], None),
        (&["right", "wrong"], Some(0)),
        (&["wrong", "right", "c"], Some(0)),
    ] {
        let message = with(labels, separator).unwrap_err().to_string();
        assert!(message.contains("choices: "), "{message}");
    }
}

/// Text of any kind on the card cannot confuse the search for the hash.
#[test]
fn cards_that_look_like_hashes_are_written() {
    let zeros = "0".repeat(64);
    let mut bundle = fixture::small();
    let card = &mut bundle.manifest.card;
    card.trainer_version = format!(r#"","sha256":"{zeros}"#);
    card.recipe = format!("{zeros}\0\n\\\"\u{1f30a}");
    let back = Bundle::read(&bundle.write().unwrap()).unwrap();
    assert_eq!(back.manifest.card, bundle.manifest.card);
}

#[test]
fn what_cannot_be_written_is_known_before_there_are_tensors() {
    let mut manifest = fixture::small().manifest;
    assert_eq!(manifest.check_ahead(4096), Ok(()));
    assert!(manifest.check_ahead(limits::HEADER_BYTES).is_err());
    // A line break takes three bytes of the header: `\n` in the manifest, its backslash escaped again.
    manifest.card.recipe = "\n".repeat(limits::HEADER_BYTES as usize / 3);
    let error = manifest.check_ahead(4096).unwrap_err();
    assert!(error.to_string().contains("shorten the card"), "{error}");
    manifest.card.recipe.clear();
    manifest.labels[1] = manifest.labels[0].clone();
    let error = manifest.check_ahead(0).unwrap_err();
    assert!(error.to_string().contains("appears twice"), "{error}");
}
