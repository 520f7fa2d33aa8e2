//! Teachers against PyTorch and transformers: token ids, logits and integrated gradients of tiny
//! random models of every family.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use stillglass::attribution::Explainer;
use stillglass::device;
use stillglass::recipe::Target;
use stillglass::teacher::{Batch, Encoded, Frozen, Head, Teacher, Weights, floats_of};

/// Largest |logit − PyTorch's|: f32 sums in another order, two layers deep.
const LOGITS: f32 = 1e-4;

/// Largest error of an attribution, relative to the largest of its row: f32 gradients against f64.
const ATTRIBUTIONS: f32 = 1e-3;

/// Sequences in memory at a time: fewer than a text has nodes and classes, so that they go in parts.
const SEQUENCES: usize = 5;

#[derive(Deserialize)]
struct Expected {
    max_tokens: usize,
    labels: Vec<String>,
    rows: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    text: String,
    ids: Vec<u32>,
    special: Vec<u8>,
    logits: Vec<f32>,
    attributions: Vec<Gradients>,
}

#[derive(Deserialize)]
struct Gradients {
    target: String,
    nodes: usize,
    classes: Vec<Vec<f32>>,
    input: Vec<f32>,
    baseline: Vec<f32>,
    error: Vec<f32>,
}

fn fixture(family: &str) -> (PathBuf, Expected) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(family);
    let text =
        std::fs::read_to_string(folder.join("expected.json")).expect("the fixture is committed");
    (
        folder,
        serde_json::from_str(&text).expect("the fixture is JSON"),
    )
}

fn check(family: &str) {
    let (folder, expected) = fixture(family);
    let device = device::open("cpu").expect("the CPU is always there");
    let teacher = Teacher::load(&folder, Head::Own, &device).expect("the fixture is a teacher");
    assert_eq!(teacher.config.labels, expected.labels);
    ids(&teacher, &expected);
    for frozen in ways(&teacher) {
        logits(&frozen, &expected);
        pooled(&frozen, &folder, &expected);
        gradients(&frozen, &expected);
    }
}

/// The processor's plain slices, and the tensors of every other device.
fn ways(teacher: &Teacher) -> [Frozen<'_>; 2] {
    [Frozen::new(teacher).unwrap(), Frozen::on_tensors(teacher)]
}

fn ids(teacher: &Teacher, expected: &Expected) {
    for row in &expected.rows {
        let encoded = teacher
            .tokenizer
            .encode(&row.text, &[], expected.max_tokens)
            .unwrap();
        assert_eq!(encoded.ids, row.ids, "{:?}", row.text);
    }
}

/// All texts in one batch, and each alone.
fn logits(frozen: &Frozen, expected: &Expected) {
    let ids: Vec<Vec<u32>> = expected.rows.iter().map(|row| row.ids.clone()).collect();
    let together = frozen.logits(&ids, ids.len(), |_| ()).unwrap();
    for (row, together) in expected.rows.iter().zip(together) {
        let alone = frozen.logits(std::slice::from_ref(&row.ids), 1, |_| ());
        let alone = alone.unwrap().remove(0);
        for ((want, together), alone) in row.logits.iter().zip(&together).zip(&alone) {
            assert!(
                (want - together).abs() < LOGITS,
                "{:?}: {want} {together}",
                row.text
            );
            assert!(
                (want - alone).abs() < LOGITS,
                "{:?}: {want} {alone}",
                row.text
            );
        }
    }
}

/// PyTorch's logits are what the checkpoint's last map makes of the pooled vectors.
fn pooled(frozen: &Frozen, folder: &Path, expected: &Expected) {
    let bytes = std::fs::read(folder.join("model.safetensors")).unwrap();
    let weights = Weights::read(&bytes).unwrap();
    let values = |name: &str| {
        ["classifier", "classifier.out_proj"]
            .iter()
            .find_map(|head| weights.values(&format!("{head}.{name}")))
            .unwrap()
    };
    let (matrix, bias) = (values("weight"), values("bias"));
    let ids: Vec<Vec<u32>> = expected.rows.iter().map(|row| row.ids.clone()).collect();
    let found = frozen.pooled(&ids, 2, |_| ()).unwrap();
    for (row, pooled) in expected.rows.iter().zip(found) {
        let classes = matrix.chunks(pooled.len()).zip(bias);
        for ((weights, bias), want) in classes.zip(&row.logits) {
            let products = weights.iter().zip(&pooled).map(|(w, x)| w * x);
            let logit = bias + products.sum::<f32>();
            assert!(
                (want - logit).abs() < LOGITS,
                "{:?}: {want} {logit}",
                row.text
            );
        }
    }
}

/// Every token is made a word of its own, so that nothing is summed away.
fn gradients(frozen: &Frozen, expected: &Expected) {
    let encoded: Vec<Encoded> = expected.rows.iter().map(by_token).collect();
    let texts: Vec<&Encoded> = encoded.iter().collect();
    let words: Vec<usize> = encoded.iter().map(|text| text.ids.len()).collect();
    for index in 0..expected.rows[0].attributions.len() {
        let first = &expected.rows[0].attributions[index];
        let target = match first.target.as_str() {
            "centred" => Target::Logit,
            "probability" => Target::Probability,
            other => panic!("the fixture has a target {other}"),
        };
        let explainer = Explainer::new(frozen, first.nodes, target, SEQUENCES).unwrap();
        for (row, found) in expected
            .rows
            .iter()
            .zip(explainer.explain(&texts, &words).unwrap())
        {
            let want = &row.attributions[index];
            assert_eq!((&want.target, want.nodes), (&first.target, first.nodes));
            for class in 0..want.classes.len() {
                let largest = want.classes[class]
                    .iter()
                    .fold(1e-3f32, |m, v| m.max(v.abs()));
                for (token, (&want, &found)) in want.classes[class]
                    .iter()
                    .zip(&found.words[class])
                    .enumerate()
                {
                    // The fixture lists special tokens' attributions too: they are zero.
                    let want = if row.special[token] == 1 { 0.0 } else { want };
                    assert!(
                        (want - found).abs() < ATTRIBUTIONS * largest,
                        "{:?} class {class} token {token}: {want} {found}",
                        row.text
                    );
                }
                let change = (want.input[class] - want.baseline[class]).abs();
                let error = want.error[class] / change.max(1e-3);
                assert!(
                    (found.completeness_error[class] - error).abs() < 0.01 * error.max(1.0),
                    "{:?} class {class}: {} {error}",
                    row.text,
                    found.completeness_error[class]
                );
            }
        }
    }
}

fn by_token(row: &Row) -> Encoded {
    let words = row
        .special
        .iter()
        .enumerate()
        .map(|(index, &special)| (special == 0).then_some(index));
    Encoded {
        ids: row.ids.clone(),
        words: words.collect(),
        dropped: 0,
    }
}

#[test]
fn bert() {
    check("bert");
}

#[test]
fn bert_with_mean_pooling() {
    check("bert-mean");
}

#[test]
fn distilbert() {
    check("distilbert");
}

#[test]
fn roberta() {
    check("roberta");
}

/// A text as long as the teacher reads, at nodes enough that its path goes in parts.
#[test]
fn the_longest_text_is_explained_alike_in_both_ways() {
    for family in ["bert", "bert-mean", "distilbert", "roberta"] {
        let (folder, _) = fixture(family);
        let teacher = Teacher::load(&folder, Head::Own, &device::open("cpu").unwrap()).unwrap();
        let (first, last) = teacher.tokenizer.special().unwrap();
        let length = teacher.config.max_length();
        let mut ids: Vec<u32> = (0..length).map(|i| 5 + (i * 31 % 100) as u32).collect();
        (ids[0], ids[length - 1]) = (first, last);
        let words = (0..length).map(|i| (1..length - 1).contains(&i).then(|| i - 1));
        let text = Encoded {
            ids,
            words: words.collect(),
            dropped: 0,
        };
        let [slices, tensors] = ways(&teacher).map(|frozen| {
            let explainer = Explainer::new(&frozen, 48, Target::Probability, 48).unwrap();
            explainer
                .explain(&[&text], &[length - 2])
                .unwrap()
                .remove(0)
        });
        for (slices, tensors) in slices.words.iter().zip(&tensors.words) {
            let largest = tensors.iter().fold(1e-3f32, |m, v| m.max(v.abs()));
            for (a, b) in slices.iter().zip(tensors) {
                assert!((a - b).abs() < ATTRIBUTIONS * largest, "{family}: {a} {b}");
            }
        }
    }
}

#[test]
fn threads_and_neighbours_change_no_bit_of_an_explanation() {
    let (folder, expected) = fixture("bert-mean");
    let teacher = Teacher::load(&folder, Head::Own, &device::open("cpu").unwrap()).unwrap();
    let frozen = Frozen::new(&teacher).unwrap();
    let explainer = Explainer::new(&frozen, 8, Target::Logit, SEQUENCES).unwrap();
    let encoded: Vec<Encoded> = expected.rows.iter().map(by_token).collect();
    let explain = |texts: &[&Encoded]| {
        let words: Vec<usize> = texts.iter().map(|text| text.ids.len()).collect();
        explainer.explain(texts, &words).unwrap()
    };
    let ids: Vec<Vec<u32>> = encoded.iter().map(|text| text.ids.clone()).collect();
    // Often enough that they fill many passes.
    let ids: Vec<Vec<u32>> = std::iter::repeat_n(ids, 40).flatten().collect();
    let logits = || frozen.logits(&ids, 1, |_| ()).unwrap();
    let one_by_one: Vec<_> = encoded.iter().flat_map(|text| explain(&[text])).collect();
    let all: Vec<&Encoded> = encoded.iter().collect();
    let found = [1, 3].map(|threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
        pool.build().unwrap().install(|| (explain(&all), logits()))
    });
    assert_eq!(found[0].0, one_by_one);
    assert_eq!(found[0], found[1]);
}

/// Logits of the fixture's first text.
fn first_logits(teacher: &Teacher, expected: &Expected) -> Vec<f32> {
    let ids = &expected.rows[0].ids;
    let batch = Batch::new(&[ids], teacher.config.padding, &teacher.device);
    floats_of(teacher.encoder.forward(&batch)).unwrap()
}

#[test]
fn a_head_with_the_same_labels_is_kept_and_any_other_drawn() {
    for family in ["bert", "bert-mean", "distilbert", "roberta"] {
        let (folder, expected) = fixture(family);
        let device = device::open("cpu").unwrap();
        let load = |head| Teacher::load(&folder, head, &device).unwrap();
        let own = load(Head::Own);
        let pooling = own.config.pooling;
        let kept = load(Head::New(&expected.labels, pooling));
        assert_eq!(
            first_logits(&own, &expected),
            first_logits(&kept, &expected),
            "{family}"
        );
        let mut turned = expected.labels.clone();
        turned.reverse();
        let drawn = load(Head::New(&turned, pooling));
        assert_ne!(
            first_logits(&own, &expected),
            first_logits(&drawn, &expected),
            "{family}"
        );
    }
}

#[test]
fn a_saved_teacher_is_the_teacher() {
    for family in ["bert", "bert-mean", "distilbert", "roberta"] {
        let (folder, expected) = fixture(family);
        let device = device::open("cpu").unwrap();
        let teacher = Teacher::load(&folder, Head::Own, &device).unwrap();
        let copy = tempfile::tempdir().unwrap();
        for (name, bytes) in teacher.files().unwrap() {
            std::fs::write(copy.path().join(name), bytes).unwrap();
        }
        let again = Teacher::load(copy.path(), Head::Own, &device).unwrap();
        assert_eq!(
            first_logits(&teacher, &expected),
            first_logits(&again, &expected),
            "{family}"
        );
    }
}
