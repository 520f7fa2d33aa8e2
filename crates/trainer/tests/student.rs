//! The student against `torch.nn.LSTM`: gates in the right order, padding without influence, every
//! parameter learning.

use std::collections::BTreeMap;
use std::path::Path;

use burn::tensor::{Tensor, TensorData};
use serde::Deserialize;
use stillglass::device;
use stillglass::rounding::four_bits;
use stillglass::student::{Shape, Student, StudentBatch, gradients_as_weights, logits};
use stillglass::teach::cross_entropy;
use stillglass::teacher::{Weights, floats_of};

/// f32 against PyTorch's, over at most a dozen steps.
const TOLERANCE: f32 = 1e-5;

#[derive(Deserialize)]
struct Fixture {
    vocabulary: usize,
    embedding: usize,
    hidden: usize,
    attention: usize,
    labels: usize,
    rows: Vec<Row>,
    cross_entropy: f32,
    gradient_norms: BTreeMap<String, f32>,
}

#[derive(Deserialize)]
struct Row {
    ids: Vec<u32>,
    gold: usize,
    scores: Vec<f32>,
    contributions: Vec<Vec<f32>>,
    logits: Vec<f32>,
}

fn fixture() -> (Fixture, Student) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/student");
    let text =
        std::fs::read_to_string(folder.join("student.json")).expect("the fixture is committed");
    let fixture: Fixture = serde_json::from_str(&text).expect("the fixture is JSON");
    let bytes =
        std::fs::read(folder.join("student.safetensors")).expect("the fixture is committed");
    let weights = Weights::read(&bytes).expect("the fixture is safetensors");
    let student = Student::from_weights(&shape(&fixture), &weights).unwrap();
    (fixture, student)
}

fn shape(fixture: &Fixture) -> Shape {
    Shape {
        vocabulary: fixture.vocabulary,
        embedding: fixture.embedding,
        hidden: fixture.hidden,
        attention: fixture.attention,
        classes: fixture.labels,
        rounded: false,
        shared: None,
        decoder: None,
        layers: None,
    }
}

fn near(want: &[f32], found: &[f32], what: &str) {
    assert_eq!(want.len(), found.len(), "{what}");
    for (want, found) in want.iter().zip(found) {
        assert!((want - found).abs() < TOLERANCE, "{what}: {want} {found}");
    }
}

#[test]
fn agrees_with_pytorch_in_a_padded_batch() {
    let (fixture, student) = fixture();
    let ids: Vec<&[u32]> = fixture.rows.iter().map(|row| row.ids.as_slice()).collect();
    let output = student.forward(&StudentBatch::new(&ids));
    let [_, time, classes] = output.contributions.dims();
    let logits = floats_of(output.logits).unwrap();
    let scores = floats_of(output.scores).unwrap();
    let contributions = floats_of(output.contributions).unwrap();
    for (index, row) in fixture.rows.iter().enumerate() {
        near(
            &row.logits,
            &logits[index * classes..(index + 1) * classes],
            "logits",
        );
        near(
            &row.scores,
            &scores[index * time..index * time + row.ids.len()],
            "scores",
        );
        for (class, want) in row.contributions.iter().enumerate() {
            let found: Vec<f32> = (0..row.ids.len())
                .map(|step| contributions[(index * time + step) * classes + class])
                .collect();
            near(want, &found, "contributions");
        }
    }
}

#[test]
fn a_masked_batch_equals_the_single_text() {
    let (fixture, student) = fixture();
    let mut rows: Vec<Vec<u32>> = fixture.rows.iter().map(|row| row.ids.clone()).collect();
    rows.push(Vec::new());
    rows.push(
        (0..41)
            .map(|step| step % fixture.vocabulary as u32)
            .collect(),
    );
    let together = logits(&student, &rows, rows.len()).unwrap();
    for (row, together) in rows.iter().zip(&together) {
        let alone = logits(&student, std::slice::from_ref(row), 1).unwrap();
        near(&alone[0], together, "logits");
    }
}

#[test]
fn every_parameter_learns_as_in_pytorch() {
    let (fixture, student) = fixture();
    let ids: Vec<&[u32]> = fixture.rows.iter().map(|row| row.ids.as_slice()).collect();
    let gold: Vec<usize> = fixture.rows.iter().map(|row| row.gold).collect();
    let (output, way) = student.forward_to_learn(&StudentBatch::new(&ids), None);
    let loss = cross_entropy(output.logits, &gold);
    near(
        &[fixture.cross_entropy],
        &floats_of(loss.clone()).unwrap(),
        "loss",
    );
    let gradients = student.gradients(&loss, &way, None);
    let gradients = gradients_as_weights(&student, &gradients)
        .weights()
        .unwrap();
    for (name, want) in &fixture.gradient_norms {
        let values = gradients
            .values(name)
            .unwrap_or_else(|| panic!("no gradient of {name}"));
        let found = values.iter().map(|v| v * v).sum::<f32>().sqrt();
        assert!(found > 0.0, "{name} does not learn");
        assert!(
            (found - want).abs() < 1e-4 * want.max(1.0),
            "{name}: {want} {found}"
        );
    }
}

#[test]
fn a_rounded_student_is_that_of_its_bundles_embeddings() {
    let (fixture, plain) = fixture();
    let shape = shape(&fixture);
    let rounded = Shape {
        rounded: true,
        ..shape.clone()
    };
    let weights = plain.weights().unwrap();
    let (rows, columns) = (shape.vocabulary, shape.embedding);
    let table = weights.checked("embedding", [rows, columns]).unwrap();
    let stored = four_bits(rows, columns, table).to_float();
    assert!(stored != table);
    let mut other = plain.weights().unwrap();
    let stored = TensorData::new(stored, [rows, columns]);
    let stored = Tensor::<2>::from_data(stored, &device::open("cpu").unwrap());
    other.put("embedding", stored).unwrap();
    let ids: Vec<Vec<u32>> = fixture.rows.iter().map(|row| row.ids.clone()).collect();
    let wanted = Student::from_weights(&shape, &other).unwrap();
    let found = Student::from_weights(&rounded, &weights).unwrap();
    assert_eq!(
        logits(&found, &ids, 3).unwrap(),
        logits(&wanted, &ids, 3).unwrap()
    );
    // What is learnt goes to the float table, by the gradient at the rounded one.
    let gradients = [&found, &wanted].map(|student| {
        let texts: Vec<&[u32]> = ids.iter().map(Vec::as_slice).collect();
        let (output, way) = student.forward_to_learn(&StudentBatch::new(&texts), None);
        let gradients = student.gradients(&output.logits.square().sum(), &way, None);
        let gradients = gradients_as_weights(student, &gradients);
        gradients.weights().unwrap()
    });
    let table = |of: &Weights| of.values("embedding").unwrap().to_vec();
    assert_eq!(table(&gradients[0]), table(&gradients[1]));
    assert!(table(&gradients[0]).iter().any(|slope| *slope != 0.0));
}

#[test]
fn weights_come_back_as_they_went() {
    let (fixture, student) = fixture();
    let bytes = student.weights().unwrap().write().unwrap();
    let again = Student::from_weights(&shape(&fixture), &Weights::read(&bytes).unwrap()).unwrap();
    assert_eq!(bytes, again.weights().unwrap().write().unwrap());
}

#[test]
fn a_new_student_depends_on_its_seed_alone() {
    let (fixture, _) = fixture();
    let table = vec![0.1; fixture.vocabulary * fixture.embedding];
    let draw = |seed| {
        Student::new(&shape(&fixture), table.clone(), seed)
            .weights()
            .unwrap()
            .write()
            .unwrap()
    };
    let _noise: Tensor<1> = Tensor::random(
        [8],
        burn::tensor::Distribution::Default,
        &device::processor(),
    );
    assert_eq!(draw(3), draw(3));
    assert_ne!(draw(3), draw(4));
}
