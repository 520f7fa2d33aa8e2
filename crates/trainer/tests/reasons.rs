//! The decoder: its gradients against finite differences, what it says against the plain twin, and the runtime's
//! integers against both.

use std::ops::ControlFlow;
use std::path::Path;

use rand::RngExt;
use stillglass::distill::{Course, Row, TransferSet, distill};
use stillglass::export;
use stillglass::progress::Progress;
use stillglass::recipe::{DistillSection, Objective};
use stillglass::student::{
    DecoderShape, Heard, Last, Shape, Speaker, Speech, Student, StudentBatch, gradients_as_weights,
};
use stillglass::teacher::Weights;
use stillglass::training::generator;
use stillglass::vocabulary::Vocabulary;
use stillglass_bundle::{Bundle, Card, DecoderShape as Sizes, Quantized, Weights as Numbers};
use stillglass_runtime::{Model, Reason};

const SHAPE: Shape = Shape {
    vocabulary: 11,
    embedding: 5,
    hidden: 3,
    attention: 4,
    classes: 3,
    rounded: false,
    shared: Some(1),
    decoder: Some(DecoderShape {
        hidden: 7,
        prefixes: 3,
    }),
    layers: None,
};

/// Of finite differences in f32, and of their own second order.
const RELATIVE: f64 = 0.02;
const ABSOLUTE: f64 = 4e-4;
const STEP: f32 = 1e-2;

fn rows() -> Vec<Vec<u32>> {
    // Token 1 parts the texts of a pair; 4 is in both of the first.
    vec![vec![2, 4, 1, 4, 5], vec![6], vec![], vec![10, 0, 1, 1]]
}

/// Words that are learnt and words that are only read, copied ones and others, the end and answers, two of one row, none
/// at all, and an empty text's.
fn speeches() -> Vec<Speech> {
    let speech = |row, prefix, words: &[u32], last, word_weight, last_weight| Speech {
        row,
        prefix,
        words: words.to_vec(),
        last,
        word_weight,
        last_weight,
    };
    vec![
        speech(0, 0, &[2, 7, 7, 5, 9], Last::End, 0.3, 0.3),
        speech(3, 1, &[1, 1], Last::Answer(2), 0.2, 0.9),
        speech(0, 2, &[4, 8, 10], Last::Answer(0), 0.0, 0.5),
        speech(1, 0, &[], Last::End, 0.3, 0.3),
        speech(2, 1, &[3], Last::Answer(1), 0.1, 0.1),
    ]
}

fn student(seed: u64) -> Student {
    let mut rng = generator(seed, "test", 0);
    let table = (0..55).map(|_| rng.random_range(-1.0..1.0)).collect();
    Student::new(&SHAPE, table, seed)
}

fn batch(rows: &[Vec<u32>]) -> StudentBatch {
    let ids: Vec<&[u32]> = rows.iter().map(Vec::as_slice).collect();
    StudentBatch::new(&ids)
}

/// The loss of all speeches, and its gradients by the weights' names.
fn spoken(student: &Student) -> (f64, Weights) {
    let batch = batch(&rows());
    let (_, way) = student.forward_to_learn(&batch, None);
    let spoken = student.speak(&batch, &way, &speeches()).unwrap();
    let gradients = student.gradients(&spoken.slope, &way, Some(&spoken));
    let gradients = gradients_as_weights(student, &gradients).weights().unwrap();
    (spoken.loss, gradients)
}

fn with(weights: &Weights, name: &str, values: &[f32]) -> Weights {
    let mut out = weights.clone();
    out.change(name, |old| old.copy_from_slice(values)).unwrap();
    out
}

#[test]
fn gradients_agree_with_finite_differences_and_every_parameter_learns() {
    let student = student(3);
    let weights = student.weights().unwrap();
    let (_, gradients) = spoken(&student);
    let mut rng = generator(8, "directions", 0);
    for name in weights.names() {
        let values = weights.values(name).unwrap();
        let direction: Vec<f32> = values.iter().map(|_| rng.random_range(-1.0..1.0)).collect();
        let gradient = gradients.values(name).unwrap();
        let slope: f64 = gradient
            .iter()
            .zip(&direction)
            .map(|(g, d)| f64::from(g * d))
            .sum();
        let moved = |step: f32| {
            let values = values.iter().zip(&direction).map(|(w, d)| w + step * d);
            let weights = with(&weights, name, &values.collect::<Vec<_>>());
            spoken(&Student::from_weights(&SHAPE, &weights).unwrap()).0
        };
        let difference = (moved(STEP) - moved(-STEP)) / f64::from(2.0 * STEP);
        assert!(
            (slope - difference).abs() < ABSOLUTE + RELATIVE * difference.abs(),
            "{name}: gradient {slope}, finite difference {difference}"
        );
        // A reason says nothing of how the answer is read off.
        let norm: f32 = gradient.iter().map(|g| g * g).sum();
        assert_eq!(
            norm > 0.0,
            !name.starts_with("classifier"),
            "{name}: {norm}"
        );
    }
}

#[test]
fn the_plain_twin_is_as_surprised() {
    let student = student(5);
    let (batch, speeches) = (batch(&rows()), speeches());
    let (_, way) = student.forward_to_learn(&batch, None);
    let spoken = student.speak(&batch, &way, &speeches).unwrap();
    let heard = student.hear(&rows()).unwrap();
    let speaker = student.speaker(Vec::new()).unwrap();
    let (mut loss, mut words, mut answers) = (0.0, Vec::new(), Vec::new());
    for speech in &speeches {
        let surprise = speaker.surprise(
            &heard[speech.row],
            speech.prefix,
            &speech.words,
            speech.last,
        );
        let (last, own) = surprise.split_last().unwrap();
        loss += f64::from(speech.word_weight) * own.iter().sum::<f64>();
        loss += f64::from(speech.last_weight) * last;
        if speech.word_weight > 0.0 {
            words.extend(own);
        }
        match speech.last {
            Last::End => words.push(*last),
            Last::Answer(_) => answers.push(*last),
        }
    }
    let mean = |all: &[f64]| all.iter().sum::<f64>() / all.len() as f64;
    assert!((loss - spoken.loss).abs() < 1e-4, "{loss} {}", spoken.loss);
    for (found, want) in spoken.means.into_iter().zip([words, answers]) {
        assert!((found.unwrap() - mean(&want)).abs() < 1e-4, "{found:?}");
    }
    let following = speaker.after(&heard[0], 0, &[2, 7]);
    let sum: f32 = following.probabilities.iter().sum();
    assert!((sum - 1.0).abs() < 1e-5, "{sum}");
    assert_eq!(following.answers().len(), 3);
}

#[test]
fn a_student_learns_to_answer_to_copy_and_to_end() {
    // Token 3 says class 0, token 7 class 1; the reason names it, and a word of the text that says nothing.
    let row = |index: u32| {
        let class = (index % 2) as usize;
        let (telling, idle) = ([3, 7][class], 4 + index % 3);
        let ids = vec![idle, telling, index % 3];
        Row {
            words: (0..ids.len()).collect(),
            ids,
            gold: Some(class),
            logits: vec![2.0, -2.0],
            attribution: None,
            group: None,
            rationale: None,
            meaning: None,
            features: None,
            question: None,
            reasons: vec![Speech {
                row: 0,
                prefix: 0,
                words: vec![8, telling, 9, idle],
                last: Last::End,
                word_weight: 1.0,
                last_weight: 1.0,
            }],
        }
    };
    let set = TransferSet {
        train: (0..96).map(row).collect(),
        validation: (96..128).map(row).collect(),
        groups: Vec::new(),
    };
    let section = DistillSection {
        objective: Objective::Labels,
        batch: 8,
        epochs: 12,
        learning_rate: 0.02,
        ..DistillSection::default()
    };
    let shape = Shape {
        classes: 2,
        embedding: 6,
        ..SHAPE
    };
    let embedding: Vec<f32> = (0..66).map(|i| (i as f32 * 1.7).sin()).collect();
    let course = Course {
        set: &set,
        shape: &shape,
        embedding: &embedding,
        dropout: 0.0,
        section: &section,
        seed: 1,
    };
    let folder = tempfile::tempdir().unwrap();
    let learnt = distill(course, folder.path(), &Progress::quiet()).unwrap();
    let term = |epoch: usize| {
        learnt.history[epoch]
            .terms
            .iter()
            .find(|(n, _)| n == "reason")
            .unwrap()
            .1
    };
    assert!(term(11) < 0.3 * term(0), "{} {}", term(0), term(11));
    let student = Student::from_weights(&shape, &learnt.weights).unwrap();
    let ids: Vec<Vec<u32>> = set.validation.iter().map(|row| row.ids.clone()).collect();
    let heard = student.hear(&ids).unwrap();
    let speaker = student.speaker(Vec::new()).unwrap();
    let said = speaker.write_all(&heard, |_: &Heard| 0, 10);
    let right = said
        .iter()
        .zip(&set.validation)
        .filter(|(said, row)| said.0 == row.reasons[0].words && said.1 == Some(Last::End));
    assert!(right.count() >= 28, "{said:?}");
}

/// The student's weights as its bundle rounds them.
fn rounded(weights: &Weights, bundle: &Bundle) -> Weights {
    let Numbers::Student(student) = &bundle.weights else {
        panic!("a student")
    };
    let decoder = student.decoder.as_ref().unwrap();
    let float = |matrix: &Quantized| -> Vec<f32> {
        let rows = matrix.values.chunks(matrix.columns).zip(&matrix.scales);
        rows.flat_map(|(row, scale)| row.iter().map(move |q| f32::from(*q) * scale))
            .collect()
    };
    let mut out = Weights::read(&weights.write().unwrap()).unwrap();
    for (name, matrix) in [
        ("embedding", &student.embedding),
        ("lstm.forward.input", &student.forward.input),
        ("lstm.forward.recurrent", &student.forward.recurrent),
        ("lstm.backward.input", &student.backward.input),
        ("lstm.backward.recurrent", &student.backward.recurrent),
        ("attention.projection", &student.attention.projection),
        ("decoder.start", &decoder.start),
        ("decoder.lstm.input", &decoder.lstm.input),
        ("decoder.lstm.recurrent", &decoder.lstm.recurrent),
        ("decoder.query", &decoder.query),
        ("decoder.combine", &decoder.combine),
    ] {
        out = with(&out, name, &float(matrix));
    }
    out
}

#[test]
fn a_bundle_without_a_decoder_says_so() {
    let plain = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../web/models/spam.glass");
    let plain = Model::new(Bundle::read(&std::fs::read(plain).unwrap()).unwrap()).unwrap();
    let error = plain.reason("a", 1, &mut |_| ControlFlow::Continue(()));
    let error = error.unwrap_err().to_string();
    assert!(error.contains("gives no reasons"), "{error}");
}

/// Token by token, so that one that is nearly as likely does not end the comparison: how many the twin would not say.
fn compared(
    speaker: &Speaker,
    heard: &Heard,
    prefix: usize,
    (reason, words, pair): (&Reason, &[&str], bool),
) -> usize {
    let mut place = speaker.begin(heard, prefix);
    let mut apart = 0;
    for token in &reason.tokens {
        let following = speaker.following(heard, &place);
        let piece = token.text.trim_start().to_lowercase();
        let is = |word: &&str| word.trim_start_matches("##") == piece;
        let id = words.iter().position(is).unwrap() as u32;
        let error = (following.of(id) - token.probability).abs();
        assert!(
            error < 0.02,
            "{piece}: {} {}",
            following.of(id),
            token.probability
        );
        let likely = following.probabilities[2..words.len()].iter();
        let most = likely.copied().fold(0.0, f32::max);
        apart += usize::from(following.of(id) < most - 0.02);
        speaker.hear(&mut place, id);
        let looked: f32 = token.attention.iter().sum();
        let want = f32::from(u8::from(!heard.ids.is_empty()));
        // What parts a pair's texts is looked at, and is no word.
        assert!(
            looked < want + 1e-4 && (pair || looked > want - 1e-4),
            "{looked}"
        );
        assert!((0.0..=1.0).contains(&token.copied));
    }
    apart
}

#[test]
fn the_runtime_says_what_the_twin_says() {
    let words = [
        "[UNK]", "[SEP]", "rain", "fell", "early", "the", "mill", "##er", "rose", ".", ",",
    ];
    let pieces = words.map(String::from).to_vec();
    let vocabulary = Vocabulary::new(pieces, true, true).unwrap().of_pairs();
    let labels: Vec<String> = ["a", "b", "c"].map(String::from).into();
    let sizes = |prefixes| Sizes {
        hidden: 7,
        tokens: 9,
        prefixes,
    };
    let texts = [
        "the rain fell\u{1f}the miller rose early",
        "rain",
        "",
        "\u{1f}",
        "mill , mill .",
    ];
    let (mut said_any, mut apart) = (0, 0);
    for seed in 0..12 {
        let weights = student(seed).weights().unwrap();
        // One that says more than one thing.
        let louder = |name: &str| {
            weights
                .values(name)
                .unwrap()
                .iter()
                .map(|w| 3.0 * w)
                .collect::<Vec<f32>>()
        };
        let weights = with(&weights, "decoder.combine", &louder("decoder.combine"));
        let told = (0..5).map(|i| (i as f32 * 2.3).sin()).collect::<Vec<f32>>();
        let weights = with(&weights, "embedding.shared", &told);
        // A bundle's decoder knows no answers.
        let mut others = weights.values("decoder.other.bias").unwrap().to_vec();
        others[1..].fill(-1e4);
        let weights = with(&weights, "decoder.other.bias", &others);
        let prefixes = if seed % 2 == 0 { 1 } else { 3 };
        let decoder = Some(sizes(prefixes));
        let bundle = export::bundle(
            &weights,
            (&SHAPE, decoder),
            &vocabulary,
            &labels,
            32,
            Card::default(),
        );
        let bundle = Bundle::read(&bundle.unwrap().write().unwrap()).unwrap();
        let twin = Student::from_weights(&SHAPE, &rounded(&weights, &bundle)).unwrap();
        let speaker = twin.speaker(vec![0, 1]).unwrap();
        let model = Model::new(bundle).unwrap();
        assert!(model.gives_reasons() && model.reads_pairs());
        for text in texts {
            let mut told = Vec::new();
            let reason = model.reason(text, 1, &mut |token| {
                told.push(token.clone());
                ControlFlow::Continue(())
            });
            let reason = reason.unwrap();
            assert_eq!(told, reason.tokens);
            let ids = model.tokenizer().encode(text, 32).ids;
            let heard = &twin.hear(&[ids]).unwrap()[0];
            let answer = model.classify(&[text], None).unwrap()[0].label;
            assert_eq!(reason.label, answer);
            let logits = &model.classify(&[text], None).unwrap()[0].logits;
            for (found, want) in logits.iter().zip(&heard.logits) {
                assert!(
                    (found - want).abs() < 5e-3,
                    "{text:?}: {logits:?} {:?}",
                    heard.logits
                );
            }
            let prefix = if prefixes == 1 { 0 } else { answer };
            let pair = text.contains('\u{1f}');
            apart += compared(&speaker, heard, prefix, (&reason, &words, pair));
            said_any += reason.tokens.len();
            let wide = model
                .reason(text, 4, &mut |_| ControlFlow::Continue(()))
                .unwrap();
            assert!(wide.tokens.len() <= 9);
            let broken = model
                .reason(text, 1, &mut |_| ControlFlow::Break(()))
                .unwrap();
            let first = reason.tokens.len().min(1);
            assert_eq!(broken.tokens, reason.tokens[..first]);
        }
    }
    assert!(said_any > 100, "{said_any}");
    assert_eq!(apart, 0, "of {said_any}");
}
