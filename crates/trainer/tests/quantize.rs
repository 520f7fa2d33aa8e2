//! Quantized teachers in the runtime against the float teachers that they were made from.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use stillglass::agreement::cosine;
use stillglass::attribution::{Attribution, Explainer};
use stillglass::device;
use stillglass::quantize::{Kept, Storage, bundle, float_logits, likeness, verify};
use stillglass::recipe::Target;
use stillglass::teacher::{FILES, Frozen, Head, Teacher};
use stillglass_bundle::{Bundle, Card, Matrix, Packed, Quantized, WeightFormat};
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

/// Activations are rounded, weights not at all: error of all logits, or of all words for all
/// classes, relative to their norm. A `ReLU` that the rounding switches costs `DistilBERT` more.
fn same_weights(family: &str) -> f64 {
    if family == "distilbert" { 5e-2 } else { 5e-3 }
}

/// Weights of 8 bits, in a net of 32 hidden units with wide random weights.
const INT8_LOGITS: f64 = 0.1;
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
    let bytes = bundle(teacher, kept, storage, None, Card::default())
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
    let frozen = Frozen::new(teacher).unwrap();
    let explainer = Explainer::new(&frozen, nodes, Target::Logit, nodes).unwrap();
    let mut found = explainer.explain(&[&encoded], &[words.len()]).unwrap();
    found.remove(0)
}

fn weights(explanation: &Explanation, class: usize) -> Vec<f32> {
    let words = explanation.words.iter();
    words.map(|word| word.weights[class]).collect()
}

/// The weights of all words for all classes, class by class: the runtime's and the float teacher's.
fn both(answer: Classification, want: &Attribution) -> [Vec<f64>; 2] {
    let found = answer.explanation.expect("asked for");
    let found: Vec<f32> = (0..want.words.len())
        .flat_map(|class| weights(&found, class))
        .collect();
    [wide(&found), wide(&want.words.concat())]
}

fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|v| f64::from(*v)).collect()
}

/// |found − want| / |want|, in Euclidean norm.
fn distance(found: &[f64], want: &[f64]) -> f64 {
    assert_eq!(found.len(), want.len());
    let norm = |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>().sqrt();
    let error = norm(&mut found.iter().zip(want).map(|(found, want)| found - want));
    error / norm(&mut want.iter().copied())
}

/// A copy of a fixture whose matrices are what their integers stand for.
fn representable(family: &str, format: WeightFormat) -> tempfile::TempDir {
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
                let rounded = match format {
                    WeightFormat::Int8 => {
                        Matrix::Int8(Quantized::from_float(rows, columns, &values))
                    }
                    WeightFormat::Int4 => Matrix::Int4(Packed::from_float(rows, columns, &values)),
                };
                let rounded = rounded.to_float();
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

/// Every text's logits and gradients, the runtime's and the float teacher's.
fn compare(
    teacher: &Teacher,
    model: &Model,
    mut check: impl FnMut(&str, [Vec<f64>; 2], [Vec<f64>; 2]),
) {
    let float = float_logits(teacher, &TEXTS, |_| ()).unwrap();
    for (text, logits) in TEXTS.iter().zip(float) {
        let answer = explained(model, text, Method::IntegratedGradients);
        let nodes = answer.explanation.as_ref().map_or(0, |e| e.nodes);
        let want = attribution(teacher, model, text, nodes);
        let logits = [wide(&answer.logits), wide(&logits)];
        check(text, logits, both(answer, &want));
    }
}

#[test]
fn logits_and_gradients_of_representable_weights_are_the_teachers() {
    for family in FAMILIES {
        for format in [WeightFormat::Int8, WeightFormat::Int4] {
            let copy = representable(family, format);
            let teacher = load(copy.path());
            let storage = Storage {
                weights: format,
                embeddings: format,
                max_tokens: None,
            };
            let model = model(&teacher, &Kept::full(&teacher).unwrap(), storage);
            compare(&teacher, &model, |text, logits, gradients| {
                for [found, want] in [logits, gradients] {
                    let error = distance(&found, &want);
                    assert!(
                        error < same_weights(family),
                        "{family} {format:?} {text}: {error}"
                    );
                }
            });
        }
    }
}

#[test]
fn int8_stays_near_the_float_teacher() {
    for family in FAMILIES {
        let teacher = load(&folder(family));
        compare(
            &teacher,
            &int8(&teacher),
            |text, [found, want], gradients| {
                let error = distance(&found, &want);
                assert!(error < INT8_LOGITS, "{family} {text}: {error}");
                let [found, want] = gradients;
                let agreement = cosine(&found, &want).unwrap();
                assert!(agreement > INT8_COSINE, "{family} {text}: {agreement}");
            },
        );
    }
}

#[test]
fn explanations_are_compared_text_by_text() {
    let teacher = load(&folder("bert"));
    let model = int8(&teacher);
    let texts = [&TEXTS[..], &["", " "]].concat();
    let mut seen = 0;
    let found = likeness(&model, &teacher, &texts, |done| seen += done).unwrap();
    let found = found.expect("texts with words");
    assert_eq!((found.texts, seen), (TEXTS.len(), texts.len()));
    let mut cosines = Vec::new();
    compare(&teacher, &model, |_, _, [a, b]| {
        cosines.extend(cosine(&a, &b));
    });
    cosines.sort_by(f64::total_cmp);
    assert!((found.least - cosines[0]).abs() < 1e-9, "{found:?}");
    assert!((found.cosine - cosines[3]).abs() < 1e-9, "{found:?}");
    let none = likeness(&model, &teacher, &[""], |_| ()).unwrap();
    assert!(none.is_none(), "{none:?}");
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
    let text = "rain ".repeat(100);
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
fn a_teacher_may_read_fewer_tokens_but_not_more() {
    let teacher = load(&folder("bert"));
    let kept = Kept::full(&teacher).unwrap();
    let reading = |tokens| Storage {
        max_tokens: Some(tokens),
        ..INT8
    };
    let short = model(&teacher, &kept, reading(20));
    let whole = int8(&teacher);
    let [a, b] = [&short, &whole].map(|model| model.classify(&[TEXTS[0]], None).unwrap());
    assert_eq!(a, b, "a text that fits");
    for tokens in [0, 63] {
        let error = bundle(&teacher, &kept, reading(tokens), None, Card::default()).unwrap_err();
        assert!(error.to_string().contains("want 1 to 62"), "{error}");
    }
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
