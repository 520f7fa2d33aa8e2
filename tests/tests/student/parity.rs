//! PyTorch → definition → runtime.

use std::path::Path;

use safetensors::SafeTensors;
use serde_json::Value;
use stillglass_bundle::{Quantized, Weights};
use stillglass_runtime::Method;

use crate::definition::{Tensors, answer, dequantized};
use crate::made_up::{Numbers, ODD, PLAIN, Sizes, bundle, text};
use crate::{classify, model};

/// Hidden states enter the recurrence and the attention rounded to 12 bits: 2.5e-4 at most each.
const ROUNDED_STATES: f64 = 5e-3;
/// The same, and weights rounded to 8 bits: half of 1/127 of a row's largest, √columns of them.
const ROUNDED_WEIGHTS: f64 = 3e-2;
/// Both sides compute in f64; the fixture prints every digit.
const SAME_FORMULA: f64 = 1e-10;

fn fixture() -> (Tensors, Value) {
    let folder =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/trainer/tests/fixtures/student");
    let bytes = std::fs::read(folder.join("student.safetensors")).expect("the fixture's weights");
    let file = SafeTensors::deserialize(&bytes).expect("safetensors");
    let floats = |data: &[u8]| -> Vec<f64> {
        data.as_chunks()
            .0
            .iter()
            .map(|&bytes| f64::from(f32::from_le_bytes(bytes)))
            .collect()
    };
    let tensors = file
        .iter()
        .map(|(name, view)| (name.to_owned(), floats(view.data())))
        .collect();
    let json = std::fs::read(folder.join("student.json")).expect("the fixture's answers");
    (tensors, serde_json::from_slice(&json).expect("JSON"))
}

fn numbers(value: &Value) -> Vec<f64> {
    value
        .as_array()
        .expect("an array")
        .iter()
        .map(|x| x.as_f64().expect("a number"))
        .collect()
}

/// Every text of the fixture: its ids, and PyTorch's logits.
fn rows(json: &Value) -> Vec<(Vec<u32>, Vec<f64>)> {
    let rows = json["rows"].as_array().expect("rows");
    let ids = |row: &Value| {
        numbers(&row["ids"])
            .into_iter()
            .map(|id| id as u32)
            .collect()
    };
    rows.iter()
        .map(|row| (ids(row), numbers(&row["logits"])))
        .collect()
}

#[track_caller]
fn assert_close(found: &[f64], want: &[f64], tolerance: f64) {
    assert_eq!(found.len(), want.len());
    let close = found
        .iter()
        .zip(want)
        .all(|(a, b)| (a - b).abs() <= tolerance * b.abs().max(1.0));
    assert!(close, "{found:?} for {want:?}");
}

fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&v| f64::from(v)).collect()
}

#[test]
fn the_definition_gives_pytorchs_numbers() {
    let (tensors, json) = fixture();
    let embedding = json["embedding"].as_u64().expect("a size") as usize;
    for (row, (ids, logits)) in rows(&json).into_iter().enumerate() {
        let found = answer(&tensors, embedding, &ids);
        assert_close(&found.logits, &logits, SAME_FORMULA);
        for (label, want) in json["rows"][row]["contributions"]
            .as_array()
            .unwrap()
            .iter()
            .enumerate()
        {
            let found: Vec<f64> = found
                .contributions
                .iter()
                .map(|token| token[label])
                .collect();
            assert_close(&found, &numbers(want), SAME_FORMULA);
        }
    }
}

/// The fixture's weights, rounded to int8, through the bundle and the runtime.
#[test]
fn the_runtime_stays_near_pytorch() {
    let (tensors, json) = fixture();
    let size = |name: &str| json[name].as_u64().expect("a size") as usize;
    let sizes = Sizes {
        embedding: size("embedding"),
        hidden: size("hidden"),
        attention: size("attention"),
        labels: size("labels"),
        max_tokens: 64,
    };
    let mut made = bundle(0, sizes, &PLAIN);
    let floats = |name: &str| -> Vec<f32> { tensors[name].iter().map(|&v| v as f32).collect() };
    let fill = |weights: &mut Quantized, name: &str| {
        let mut values = floats(name);
        // Only the embedding is shorter than the made-up vocabulary.
        values.resize(weights.rows * weights.columns, 0.0);
        *weights = Quantized::from_float(weights.rows, weights.columns, &values);
    };
    let Weights::Student(student) = &mut made.weights else {
        panic!("a teacher");
    };
    fill(&mut student.embedding, "embedding");
    for (direction, name) in [
        (&mut student.forward, "forward"),
        (&mut student.backward, "backward"),
    ] {
        fill(&mut direction.input, &format!("lstm.{name}.input"));
        fill(&mut direction.recurrent, &format!("lstm.{name}.recurrent"));
        direction.bias = floats(&format!("lstm.{name}.bias"));
    }
    fill(&mut student.attention.projection, "attention.projection");
    student.attention.bias = floats("attention.bias");
    student.attention.vector = floats("attention.vector");
    student.classifier.weight = floats("classifier.weight");
    student.classifier.bias = floats("classifier.bias");
    let model = model(&made);
    for (ids, logits) in rows(&json) {
        let found = model.classify_ids(&ids).expect("ids of the vocabulary");
        assert_close(&wide(&found), &logits, ROUNDED_WEIGHTS);
    }
}

#[test]
fn the_runtime_gives_the_definitions_numbers() {
    let wide_sizes = Sizes {
        embedding: 64,
        hidden: 64,
        attention: 64,
        labels: 3,
        max_tokens: 256,
    };
    let least = Sizes {
        embedding: 1,
        hidden: 1,
        attention: 1,
        labels: 2,
        max_tokens: 8,
    };
    for (seed, sizes) in [(1, ODD), (2, wide_sizes), (3, least)] {
        let made = bundle(seed, sizes, &PLAIN);
        let (weights, model) = (dequantized(&made), model(&made));
        let mut numbers = Numbers(seed);
        for length in [0, 1, 2, 17, 100] {
            let ids: Vec<u32> = (0..length)
                .map(|_| numbers.below(made.vocabulary.len()) as u32)
                .collect();
            let want = answer(&weights, sizes.embedding, &ids).logits;
            let found = model.classify_ids(&ids).expect("ids of the vocabulary");
            assert_close(&wide(&found), &want, ROUNDED_STATES);
        }
    }
}

#[test]
fn words_get_the_definitions_contributions() {
    let made = bundle(4, ODD, &PLAIN);
    let (weights, model) = (dequantized(&made), model(&made));
    let mut numbers = Numbers(4);
    for _ in 0..50 {
        let text = text(&mut numbers, 12);
        let encoding = model.tokenizer().encode(&text, ODD.max_tokens);
        let found = classify(&model, &[&text], Some(Method::Native)).remove(0);
        let explanation = found.explanation.expect("asked for");
        assert_eq!(explanation.words.len(), encoding.words.len());
        let want = answer(&weights, ODD.embedding, &encoding.ids);
        for (word, found) in encoding.words.iter().zip(&explanation.words) {
            let tokens = &want.contributions[word.tokens.clone()];
            let sum = |c: usize| tokens.iter().map(|token| token[c]).sum::<f64>();
            let want: Vec<f64> = (0..ODD.labels).map(sum).collect();
            assert_close(&wide(&found.weights), &want, ROUNDED_STATES);
        }
    }
}

/// The student's bits are the same on every machine and in every browser: these were made on x86-64.
#[test]
fn logits_are_these_bits_everywhere() {
    let sizes = Sizes {
        embedding: 64,
        hidden: 64,
        attention: 64,
        labels: 3,
        max_tokens: 256,
    };
    let model = model(&bundle(7, sizes, &PLAIN));
    let text = "The stock rose, the others fell. 日 😀 zyx!";
    let logits = classify(&model, &[text], None).remove(0).logits;
    let bits: Vec<u32> = logits.iter().map(|z| z.to_bits()).collect();
    assert_eq!(bits, [0xbf73_c9b4, 0xbffb_20af, 0xbe33_b458]);
}
