//! Quantized teachers in the runtime against the float teachers that they were made from.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use stillglass::agreement::cosine;
use stillglass::attribution::{Attribution, Explainer};
use stillglass::device;
use stillglass::quantize::{Kept, Storage, bundle, float_logits, verify};
use stillglass::recipe::Target;
use stillglass::teacher::{FILES, Head, Teacher};
use stillglass_bundle::{Bundle, Card, Quantized, WeightFormat};
use stillglass_runtime::{Classification, Error, Explanation, Method, Model, Progress};

/// Families of teachers that bundles hold.
const FAMILIES: [&str; 3] = ["bert", "bert-mean", "distilbert"];

/// Texts that only have letters the fixtures' tokenizers know, long and short.
const TEXTS: [&str; 6] = [
    "the stocks fell",
    "Shares of the bank rose sharply after the report, but the index closed lower!",
    "a",
    "profit up",
    "don't cut the dividend; cut the loss",
    "it is what it is and it was what it was",
];

/// Activations are rounded to 12 bits, weights not at all: relative to the largest of a row.
const SAME_WEIGHTS: f32 = 2e-3;
/// Activations to 12 and weights to 8 bits, in a net of 32 hidden units with wide random weights.
const INT8_LOGITS: f32 = 0.1;
/// What is asked of integrated gradients after int8.
const INT8_COSINE: f64 = 0.98;

const INT8: Storage = Storage {
    weights: WeightFormat::Int8,
    embeddings: WeightFormat::Int8,
    max_tokens: None,
};

fn folder(family: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(family)
}

fn load(folder: &Path) -> Teacher {
    let device = device::open("cpu").expect("the CPU is always there");
    Teacher::load(folder, Head::Own, &device).expect("a teacher")
}

/// The teacher's bundle, written, read and loaded, as every user has it.
fn model(teacher: &Teacher, kept: &Kept, storage: Storage) -> Model {
    let bytes = bundle(teacher, kept, storage, Card::default())
        .unwrap()
        .write();
    Model::new(Bundle::read(&bytes.unwrap()).unwrap()).unwrap()
}

fn int8(teacher: &Teacher) -> Model {
    model(teacher, &Kept::full(teacher).unwrap(), INT8)
}

fn explained(model: &Model, text: &str, method: Method) -> Classification {
    model.classify(&[text], Some(method)).unwrap().remove(0)
}

/// The float teacher's integrated gradients of a text, with so many nodes.
fn attribution(teacher: &Teacher, model: &Model, text: &str, nodes: usize) -> Attribution {
    let words = model.tokenizer().words(text);
    let encoded = teacher.tokenizer.encode(text, &words, 64).unwrap();
    let explainer = Explainer::new(teacher, nodes, Target::Logit).unwrap();
    let mut found = explainer.explain(&[&encoded], &[words.len()]).unwrap();
    found.remove(0)
}

fn weights(explanation: &Explanation, class: usize) -> Vec<f32> {
    let words = explanation.words.iter();
    words.map(|word| word.weights[class]).collect()
}

/// A copy of a fixture whose matrices are what their 8-bit integers stand for.
fn representable(family: &str) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for name in FILES {
        std::fs::copy(folder(family).join(name), copy.path().join(name)).unwrap();
    }
    let bytes = std::fs::read(folder(family).join(FILES[2])).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let mut tensors: BTreeMap<String, (Vec<usize>, Vec<u8>)> = BTreeMap::new();
    for (name, view) in file
        .tensors()
        .into_iter()
        .filter(|(_, v)| v.dtype() == Dtype::F32)
    {
        let shape = view.shape().to_vec();
        let float = name.starts_with("classifier") || name.contains("token_type");
        let data = match shape[..] {
            [rows, columns] if !float => {
                let (values, _) = view.data().as_chunks::<4>();
                let values: Vec<f32> = values.iter().map(|b| f32::from_le_bytes(*b)).collect();
                let rounded = Quantized::from_float(rows, columns, &values).to_float();
                rounded.iter().flat_map(|v| v.to_le_bytes()).collect()
            }
            _ => view.data().to_vec(),
        };
        tensors.insert(name, (shape, data));
    }
    let views = tensors.iter().map(|(name, (shape, data))| {
        (
            name,
            TensorView::new(Dtype::F32, shape.clone(), data).unwrap(),
        )
    });
    let bytes = safetensors::serialize(views, None).unwrap();
    std::fs::write(copy.path().join(FILES[2]), bytes).unwrap();
    copy
}

fn assert_near(what: &str, found: &[f32], want: &[f32], tolerance: f32) {
    assert_eq!(found.len(), want.len(), "{what}");
    let largest = want.iter().fold(1e-3_f32, |m, v| m.max(v.abs()));
    for (found, want) in found.iter().zip(want) {
        let error = (found - want).abs() / largest;
        assert!(
            error < tolerance,
            "{what}: {found} for {want}, off by {error}"
        );
    }
}

#[test]
fn logits_and_gradients_of_representable_weights_are_the_teachers() {
    for family in FAMILIES {
        let copy = representable(family);
        let teacher = load(copy.path());
        let model = int8(&teacher);
        let float = float_logits(&teacher, &TEXTS, |_| ()).unwrap();
        for (text, logits) in TEXTS.iter().zip(float) {
            let answer = explained(&model, text, Method::IntegratedGradients);
            assert_near(
                &format!("{family} {text}"),
                &answer.logits,
                &logits,
                SAME_WEIGHTS,
            );
            let found = answer.explanation.unwrap();
            let want = attribution(&teacher, &model, text, found.nodes);
            for class in 0..logits.len() {
                let what = format!("{family} {text:?}, class {class}, {} nodes", found.nodes);
                assert_near(
                    &what,
                    &weights(&found, class),
                    &want.words[class],
                    SAME_WEIGHTS,
                );
            }
        }
    }
}

#[test]
fn int8_stays_near_the_float_teacher() {
    for family in FAMILIES {
        let teacher = load(&folder(family));
        let model = int8(&teacher);
        let float = float_logits(&teacher, &TEXTS, |_| ()).unwrap();
        for (text, logits) in TEXTS.iter().zip(float) {
            let answer = explained(&model, text, Method::IntegratedGradients);
            assert_near(text, &answer.logits, &logits, INT8_LOGITS);
            let found = answer.explanation.unwrap();
            let want = attribution(&teacher, &model, text, found.nodes);
            let wide = |values: &[f32]| values.iter().map(|v| f64::from(*v)).collect::<Vec<_>>();
            for class in 0..logits.len() {
                let found = wide(&weights(&found, class));
                let agreement = cosine(&found, &wide(&want.words[class])).unwrap();
                assert!(
                    agreement > INT8_COSINE,
                    "{family} {text:?} {class}: {agreement}"
                );
            }
        }
    }
}

#[test]
fn explanations_add_up_and_say_how_well() {
    for family in FAMILIES {
        let model = int8(&load(&folder(family)));
        for (text, method) in TEXTS
            .iter()
            .flat_map(|text| model.methods().iter().map(move |m| (text, *m)))
        {
            let answer = explained(&model, text, method);
            let explanation = answer.explanation.unwrap();
            assert_eq!(explanation.method, method);
            let mean = answer.logits.iter().sum::<f32>() / answer.logits.len() as f32;
            for (class, logit) in answer.logits.iter().enumerate() {
                let words: f32 = weights(&explanation, class).iter().sum();
                let remainder = explanation.remainder[class];
                let sum = words + explanation.bias[class] + remainder;
                assert!(
                    (sum - (logit - mean)).abs() < 1e-4,
                    "{family} {text} {method:?}"
                );
                let change = (logit - mean - explanation.bias[class]).abs().max(1e-3);
                let error = explanation.completeness_error[class];
                assert!((error - remainder.abs() / change).abs() < 1e-2 * error.max(0.1));
            }
            let gradients = method == Method::IntegratedGradients;
            assert_eq!(explanation.nodes > 0, gradients);
            assert_eq!(explanation.words.len(), model.tokenizer().words(text).len());
        }
    }
}

#[test]
fn occlusion_is_what_the_text_without_the_word_lacks() {
    let model = int8(&load(&folder("bert")));
    let answer = explained(&model, "the stocks fell", Method::Occlusion);
    let without = model.classify(&["the fell"], None).unwrap().remove(0);
    let centred = |logits: &[f32], class: usize| {
        logits[class] - logits.iter().sum::<f32>() / logits.len() as f32
    };
    for (class, weight) in answer.explanation.unwrap().words[1]
        .weights
        .iter()
        .enumerate()
    {
        let lost = centred(&answer.logits, class) - centred(&without.logits, class);
        assert!((weight - lost).abs() < 1e-5, "{weight} {lost}");
    }
}

#[test]
fn a_text_sees_neither_its_neighbours_nor_white_space() {
    for family in FAMILIES {
        let model = int8(&load(&folder(family)));
        let together = model.classify(&TEXTS, None).unwrap();
        for (text, answer) in TEXTS.iter().zip(together) {
            let padded = format!("{}{text}{}", " ".repeat(37), "\n".repeat(37));
            let alone = explained(&model, &padded, Method::IntegratedGradients);
            assert_eq!(alone.logits, answer.logits);
            assert_eq!(alone.probabilities, answer.probabilities);
        }
    }
}

#[test]
fn long_and_empty_texts_have_answers() {
    let teacher = load(&folder("distilbert"));
    let model = int8(&teacher);
    let most = model.manifest().max_tokens;
    assert_eq!(most, 62, "64 positions, two for special tokens");
    let text = "up ".repeat(100);
    let answer = explained(&model, &text, Method::IntegratedGradients);
    assert_eq!(answer.tokens, most);
    assert_eq!(answer.truncated.map(|cut| cut.tokens), Some(100));
    assert_eq!(answer.explanation.map(|e| e.words.len()), Some(most));
    for method in [Method::IntegratedGradients, Method::Occlusion] {
        let explanation = explained(&model, "", method).explanation.unwrap();
        assert_eq!(explanation.words, []);
        assert_eq!(explanation.remainder, [0.0; 3]);
    }
    let error = model.classify_ids(&vec![0; most + 1]).unwrap_err();
    assert!(matches!(
        error,
        Error::TokenCount {
            found: 63,
            most: 62
        }
    ));
    let error = model.classify(&["up"], Some(Method::Native)).unwrap_err();
    assert!(
        error.to_string().contains("a teacher has ig and occlusion"),
        "{error}"
    );
}

#[test]
fn an_explanation_tells_how_far_it_is_and_can_be_broken_off() {
    let model = int8(&load(&folder("bert")));
    for method in [Method::IntegratedGradients, Method::Occlusion] {
        let mut seen: Vec<Progress> = Vec::new();
        let answers = model.classify_watched(&[TEXTS[1]], Some(method), &mut |progress| {
            seen.push(progress);
            ControlFlow::Continue(())
        });
        assert!(answers.is_ok());
        assert!(seen.is_sorted_by_key(|p| p.done));
        assert!(seen.iter().all(|p| p.done <= p.total));
        assert_eq!(seen.last().map(|p| p.done == p.total), Some(true));
        let mut calls = 0;
        let broken = model.classify_watched(&TEXTS, Some(method), &mut |_| {
            calls += 1;
            ControlFlow::Break(())
        });
        assert!(matches!(broken, Err(Error::BrokenOff)));
        assert_eq!(calls, 1);
    }
}

#[test]
fn a_pruned_teacher_answers_the_same_on_texts_it_was_pruned_for() {
    let teacher = load(&folder("bert"));
    let full = int8(&teacher);
    let kept = Kept::pruned(&teacher, &TEXTS, 1).unwrap();
    let pruned = model(&teacher, &kept, INT8);
    assert!(pruned.bundle().vocabulary.len() < full.bundle().vocabulary.len());
    for text in TEXTS {
        let [a, b] =
            [&full, &pruned].map(|model| explained(model, text, Method::IntegratedGradients));
        assert_eq!(a, b, "{text}");
    }
    let fidelity = verify(&pruned, &teacher, &kept, INT8, &TEXTS);
    assert!(fidelity.is_ok(), "{fidelity:?}");
}

#[test]
fn four_bits_stay_in_sight_of_the_float_teacher() {
    let packed = Storage {
        weights: WeightFormat::Int4,
        embeddings: WeightFormat::Int4,
        max_tokens: Some(20),
    };
    let teacher = load(&folder("bert"));
    let kept = Kept::full(&teacher).unwrap();
    let model = model(&teacher, &kept, packed);
    assert_eq!(model.manifest().max_tokens, 20);
    for text in TEXTS {
        let found = explained(&model, text, Method::IntegratedGradients)
            .explanation
            .unwrap();
        let want = attribution(&teacher, &model, text, found.nodes);
        let wide = |values: &[f32]| values.iter().map(|v| f64::from(*v)).collect::<Vec<_>>();
        let agreement = cosine(&wide(&weights(&found, 0)), &wide(&want.words[0])).unwrap();
        assert!(agreement > 0.7, "{text:?}: {agreement}");
    }
    let many = Storage {
        max_tokens: Some(63),
        ..packed
    };
    let error = bundle(&teacher, &kept, many, Card::default()).unwrap_err();
    assert!(error.to_string().contains("want 1 to 62"), "{error}");
}

#[test]
fn a_roberta_is_refused_by_name() {
    let error = Kept::full(&load(&folder("roberta")))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("RoBERTa") && error.contains("distil a student"),
        "{error}"
    );
}
