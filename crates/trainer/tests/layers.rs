//! Students behind a teacher's first layers: these against the teacher itself, the student against its bundle, and its
//! gradients against finite differences.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use burn::tensor::{Tensor, TensorData};
use safetensors::SafeTensors;
use serde_json::Value;
use stillglass::device::processor;
use stillglass::export;
use stillglass::quantize::first_layers;
use stillglass::recipe::StudentSection;
use stillglass::student::{Layers, Shape, Student, StudentBatch, gradients_as_weights, logits};
use stillglass::teacher::{Batch, FILES, Head, Teacher, Weights, floats_of};
use stillglass::training::{Dropout, generator};
use stillglass::vocabulary::Vocabulary;
use stillglass_bundle::{Architecture, Bundle, Card, WeightFormat, Weights as Numbers};
use stillglass_runtime::{FirstLayers, Method, Model};

/// Weights of 8 bits and rounded activations, in a net of 32 hidden units with wide random weights: the error of all
/// states relative to their norm. Of 4 bits little is left there.
const INT8_STATES: f64 = 0.05;

/// Of a student's logits, of size 1: its own weights have 8 bits.
const LOGITS: f32 = 0.02;

/// Of finite differences in f32, and of their own second order.
const RELATIVE: f64 = 0.02;
const ABSOLUTE: f64 = 5e-4;
const STEP: f32 = 1e-2;

const TEXTS: [&str; 4] = [
    "the stocks fell",
    "a",
    "profit up, and the bank rose sharply after the report",
    "",
];

fn fixture(family: &str) -> PathBuf {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    fixtures.join(family)
}

fn load(folder: &Path) -> Teacher {
    Teacher::load(folder, Head::Own, &processor()).unwrap()
}

/// The same encoder with one layer of its two.
fn shallow(family: &str, into: &Path) -> Teacher {
    for name in FILES {
        fs::copy(fixture(family).join(name), into.join(name)).unwrap();
    }
    let path = into.join("config.json");
    let mut config: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let key = if family == "distilbert" {
        "n_layers"
    } else {
        "num_hidden_layers"
    };
    assert_eq!(config[key], 2, "{config}");
    config[key] = 1.into();
    fs::write(&path, config.to_string()).unwrap();
    let path = into.join("model.safetensors");
    let bytes = fs::read(&path).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let kept = tensors
        .iter()
        .filter(|(name, _)| !name.contains("layer.1."));
    fs::write(&path, safetensors::serialize(kept, None).unwrap()).unwrap();
    load(into)
}

fn section(layers: usize, layer_bits: u32) -> StudentSection {
    StudentSection {
        embedding: 5,
        layers,
        layer_bits,
        max_tokens: 30,
        ..StudentSection::default()
    }
}

fn layers(teacher: &Teacher, vocabulary: &Vocabulary, count: usize, bits: u32) -> FirstLayers {
    first_layers(teacher, vocabulary, &section(count, bits)).unwrap()
}

/// What a teacher makes of a text's tokens, as floats and by Burn's tensors.
fn float_states(teacher: &Teacher, text: &str) -> Vec<f32> {
    let ids = teacher.tokenizer.encode(text, &[], 32).unwrap().ids;
    let encoder = teacher.encoder.frozen();
    let batch = Batch::new(&[&ids], teacher.config.padding, &teacher.device);
    let states = encoder.states(encoder.embed(batch.ids), batch.mask);
    let hidden = teacher.config.hidden;
    floats_of(states).unwrap()[hidden..(ids.len() - 1) * hidden].to_vec()
}

#[test]
fn the_layers_make_of_a_text_what_the_teacher_does() {
    for family in ["bert", "distilbert"] {
        let teacher = load(&fixture(family));
        let whole = Vocabulary::of_teacher(&teacher, &TEXTS, 0).unwrap();
        let tokenizer = whole.tokenizer().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let shallow = shallow(family, folder.path());
        for (count, float) in [(1, &shallow), (2, &teacher)] {
            let layers = layers(&teacher, &whole, count, 8);
            for text in TEXTS {
                let want = float_states(float, text);
                let found = layers.states(&tokenizer.encode(text, 30).ids);
                assert_eq!(found.len(), want.len(), "{family} {text}");
                let norm = |values: &mut dyn Iterator<Item = f32>| -> f64 {
                    values.map(|v| f64::from(v).powi(2)).sum::<f64>().sqrt()
                };
                let error = norm(&mut want.iter().zip(&found).map(|(a, b)| a - b));
                let size = norm(&mut want.iter().copied());
                assert!(
                    error <= INT8_STATES * size,
                    "{family}, {count} layers, {text}: {error} of {size}"
                );
            }
        }
    }
}

/// A student of pairs behind one layer of the fixture's teacher, in this many bits.
fn student(bits: u32) -> (Vocabulary, Shape, Student) {
    let teacher = load(&fixture("bert"));
    let vocabulary = Vocabulary::of_teacher(&teacher, &TEXTS, 0)
        .unwrap()
        .of_pairs();
    let layers = Layers::new(layers(&teacher, &vocabulary, 1, bits));
    let shape = Shape {
        vocabulary: vocabulary.pieces.len(),
        embedding: 5,
        hidden: 4,
        attention: 3,
        classes: 3,
        rounded: false,
        shared: vocabulary.separator,
        decoder: None,
        layers: Some(Arc::new(layers)),
    };
    let table = (0..shape.vocabulary * shape.embedding).map(|i| (i as f32 * 1.3).sin());
    let student = Student::new(&shape, table.collect(), 7);
    // Told of shared tokens, so that it shows where it is.
    let mut weights = student.weights().unwrap();
    let told = TensorData::new(vec![0.5f32, -0.4, 0.3, 0.2, -0.1], [5]);
    weights
        .put(
            "embedding.shared",
            Tensor::<1>::from_data(told, &processor()),
        )
        .unwrap();
    let student = Student::from_weights(&shape, &weights).unwrap();
    (vocabulary, shape, student)
}

#[test]
fn a_student_behind_layers_answers_in_its_bundle_as_it_learnt_to() {
    for (bits, format) in [(4, WeightFormat::Int4), (8, WeightFormat::Int8)] {
        let (vocabulary, shape, student) = student(bits);
        let labels = ["falling", "rising", "still"].map(String::from);
        let weights = student.weights().unwrap();
        let card = Card::default();
        let bundle = export::bundle(&weights, (&shape, None), &vocabulary, &labels, 30, card);
        let bundle = Bundle::read(&bundle.unwrap().write().unwrap()).unwrap();
        assert_eq!(bundle.manifest.quantization.encoder, Some(format));
        let Architecture::Student(sizes) = &bundle.manifest.architecture else {
            panic!("a teacher")
        };
        assert_eq!(sizes.encoder.unwrap().positions, 32);
        let Numbers::Student(numbers) = &bundle.weights else {
            panic!("a teacher")
        };
        let layers = shape.layers.as_ref().unwrap().integers();
        assert_eq!(numbers.encoder.as_deref(), Some(layers.weights()));

        let model_bias = numbers.classifier.bias.clone();
        let model = Model::new(bundle).unwrap();
        let pair = |text: &str| stillglass_text::pair(text, "the bank fell");
        let texts: Vec<String> = TEXTS.iter().map(|text| pair(text)).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let answers = model.classify(&texts, Some(Method::Native)).unwrap();
        let ids = texts
            .iter()
            .map(|text| model.tokenizer().encode(text, 30).ids);
        let ids: Vec<Vec<u32>> = ids.collect();
        let float = logits(&student, &ids, 3).unwrap();
        for (answer, (float, ids)) in answers.iter().zip(float.iter().zip(&ids)) {
            for (found, want) in answer.logits.iter().zip(float) {
                assert!((found - want).abs() < LOGITS, "{found} {want}");
            }
            assert_eq!(model.classify_ids(ids).unwrap(), answer.logits);
            // Words and bias are the logit.
            let explanation = answer.explanation.as_ref().unwrap();
            for (class, logit) in answer.logits.iter().enumerate() {
                let words = explanation.words.iter().map(|word| word.weights[class]);
                let sum = words.sum::<f32>() + explanation.bias[class];
                assert!((sum - logit).abs() < 1e-5, "{sum} {logit}");
            }
        }
        // A text without tokens, which a model of single texts may be given.
        assert_eq!(model.classify_ids(&[]).unwrap(), model_bias);
        let long = vec![4; 31];
        let error = model.classify_ids(&long).unwrap_err().to_string();
        assert!(error.contains("31"), "{error}");
    }
}

#[test]
fn gradients_behind_layers_agree_with_finite_differences() {
    let (_, shape, student) = student(8);
    let separator = shape.shared.unwrap();
    let rows: [&[u32]; 3] = [&[5, 9, separator, 9, 7], &[3], &[8, 8]];
    let batch = StudentBatch::new(&rows);
    let factors = TensorData::new((0..9).map(|i| (i as f32).cos()).collect(), [3, 3]);
    let factors = Tensor::<2>::from_data(factors, &processor());
    let value = |student: &Student| {
        // The same numbers are dropped each time, of embeddings and of what stands behind them.
        let generator = generator(5, "dropout", 0);
        let mut dropout = Dropout {
            rate: 0.3,
            generator,
        };
        let (output, way) = student.forward_to_learn(&batch, Some(&mut dropout));
        ((output.logits.tanh() * factors.clone()).sum(), way)
    };
    let (loss, way) = value(&student);
    let gradients = student.gradients(&loss, &way, None);
    let gradients = gradients_as_weights(&student, &gradients)
        .weights()
        .unwrap();
    let weights = student.weights().unwrap();
    for name in weights.names() {
        let values = weights.values(name).unwrap();
        let direction: Vec<f32> = (0..values.len()).map(|i| (i as f32 * 0.7).sin()).collect();
        let found = gradients.values(name).unwrap();
        assert!(found.iter().any(|g| *g != 0.0), "{name}");
        let pairs = found.iter().zip(&direction);
        let slope: f64 = pairs.map(|(g, d)| f64::from(g * d)).sum();
        let moved = |step: f32| {
            let student = Student::from_weights(&shape, &shifted(&weights, name, &direction, step));
            let (loss, _) = value(&student.unwrap());
            f64::from(floats_of(loss).unwrap()[0])
        };
        let difference = (moved(STEP) - moved(-STEP)) / f64::from(2.0 * STEP);
        assert!(
            (slope - difference).abs() < ABSOLUTE + RELATIVE * difference.abs(),
            "{name}: gradient {slope}, finite difference {difference}"
        );
    }
}

fn shifted(weights: &Weights, name: &str, direction: &[f32], step: f32) -> Weights {
    let mut out = weights.clone();
    let shift = |values: &mut [f32]| {
        let pairs = values.iter_mut().zip(direction);
        pairs.for_each(|(value, d)| *value += step * d);
    };
    out.change(name, shift).unwrap();
    out
}
