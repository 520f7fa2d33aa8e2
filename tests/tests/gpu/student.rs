//! The whole student: the GPU's answers beside the CPU's.

use std::path::PathBuf;

use stillglass_bundle::{Bundle, Kind};
use stillglass_runtime::gpu::{Error, Student};
use stillglass_runtime::{Method, Model};

use crate::made_up::{Numbers, ODD, PLAIN, Sizes, bundle, text};
use crate::{gpu, wait, weights};

/// The CPU rounds h to 12 bits, the GPU does not: what is granted, in probabilities.
const PROBABILITY: f32 = 1e-3;
/// Contributions are of size 1 and carry the same rounding.
const CONTRIBUTION: f32 = 1e-2;

/// The committed students.
fn committed() -> Vec<Bundle> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../web/models");
    let paths = std::fs::read_dir(folder)
        .expect("web/models")
        .map(|entry| entry.expect("an entry").path());
    let glass = paths.filter(|path| path.extension().is_some_and(|end| end == "glass"));
    let read =
        |path: PathBuf| Bundle::read(&std::fs::read(path).expect("a file")).expect("a bundle");
    glass
        .map(read)
        .filter(|bundle| bundle.manifest.kind == Kind::Student)
        .collect()
}

pub(crate) fn softmax(logits: &[f32]) -> Vec<f32> {
    let exp: Vec<f32> = logits.iter().map(|z| z.exp()).collect();
    let sum: f32 = exp.iter().sum();
    exp.iter().map(|e| e / sum).collect()
}

pub(crate) fn furthest(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter()
        .zip(b)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f32::max)
}

/// Classifies texts on both and compares, in batches of different sizes.
fn compare(bundle: &Bundle, texts: &[String]) {
    let Some(gpu) = gpu() else { return };
    let model = Model::new(bundle.clone()).expect("a tokenizer");
    let loaded = wait(Student::load(gpu, weights(bundle)));
    let own = weights(bundle);
    if !own.shared.is_empty() || own.encoder.is_some() {
        assert_eq!(loaded.err(), Some(Error::StaysOnCpu));
        return;
    }
    let student = loaded.expect("room for the weights");
    let mut rest = texts;
    for size in [1, 2, 31, 32, 33].into_iter().cycle() {
        let (batch, others) = rest.split_at(size.min(rest.len()));
        let most = bundle.manifest.max_tokens;
        let encode = |text: &String| model.tokenizer().encode(text, most);
        let encoded: Vec<_> = batch.iter().map(encode).collect();
        let ids: Vec<&[u32]> = encoded
            .iter()
            .map(|encoding| encoding.ids.as_slice())
            .collect();
        let found = wait(student.forward(gpu, &ids)).expect("the GPU answers");
        for ((text, encoding), found) in batch.iter().zip(&encoded).zip(&found) {
            let want = model
                .classify(&[text], Some(Method::Native))
                .expect("its own method")
                .remove(0);
            let off = furthest(&softmax(&found.logits), &want.probabilities);
            assert!(off <= PROBABILITY, "{off} for {text:?}");
            let classes = want.logits.len();
            let words = want.explanation.expect("asked for").words;
            for (word, want) in encoding.words.iter().zip(words) {
                let rows = found.contributions
                    [word.tokens.start * classes..word.tokens.end * classes]
                    .chunks(classes);
                let sum = |class: usize| rows.clone().map(|row| row[class]).sum::<f32>();
                let sums: Vec<f32> = (0..classes).map(sum).collect();
                assert!(furthest(&sums, &want.weights) <= CONTRIBUTION, "{text:?}");
            }
        }
        rest = others;
        if rest.is_empty() {
            return;
        }
    }
}

fn texts(seed: u64, count: usize, words: usize) -> Vec<String> {
    let mut numbers = Numbers(seed);
    (0..count).map(|_| text(&mut numbers, words)).collect()
}

#[test]
fn committed_students_answer_as_on_the_cpu() {
    let bundles = committed();
    assert!(bundles.len() > 1, "the committed students are gone");
    for bundle in bundles {
        // Words of the bundle's own vocabulary, so that the texts look like something.
        let mut numbers = Numbers(11);
        let mut word =
            || bundle.vocabulary[numbers.below(bundle.vocabulary.len())].replace("##", "");
        let spoken = (0..60).map(|length| (0..length).map(|_| word() + " ").collect());
        let mut all = texts(3, 40, 30);
        all.extend(spoken);
        compare(&bundle, &all);
    }
}

#[test]
fn made_up_students_of_any_size_answer_as_on_the_cpu() {
    let wide = Sizes {
        embedding: 64,
        hidden: 130,
        attention: 70,
        labels: 5,
        max_tokens: 300,
    };
    let least = Sizes {
        embedding: 1,
        hidden: 1,
        attention: 1,
        labels: 2,
        max_tokens: 8,
    };
    for (seed, sizes) in [(1, ODD), (2, wide), (3, least)] {
        compare(&bundle(seed, sizes, &PLAIN), &texts(seed, 70, 40));
    }
}

/// One submission and one readback a call, and no more kernels for longer texts.
#[test]
fn a_call_is_one_submission_of_at_most_six_kernels() {
    let Ok(gpu) = wait(stillglass_runtime::gpu::Gpu::request()) else {
        return;
    };
    let made = bundle(1, ODD, &PLAIN);
    let student = wait(Student::load(&gpu, weights(&made))).expect("room");
    let long = vec![1; 500];
    for batch in [vec![&long[..1]], vec![&long[..]], vec![&long[..7]; 40]] {
        let before = gpu.work();
        wait(student.forward(&gpu, &batch)).expect("the GPU answers");
        let after = gpu.work();
        assert_eq!(after.submissions - before.submissions, 1);
        assert!(
            after.dispatches - before.dispatches <= 6,
            "{before:?} {after:?}"
        );
    }
}

/// What a call left in a buffer does not reach the next.
#[test]
fn answers_do_not_depend_on_neighbours_or_earlier_calls() {
    let Some(gpu) = gpu() else { return };
    let made = bundle(1, ODD, &PLAIN);
    let student = wait(Student::load(gpu, weights(&made))).expect("room");
    let (long, short) = ([5; 90], [1, 2, 3]);
    let alone = wait(student.forward(gpu, &[&short]))
        .expect("an answer")
        .remove(0);
    let among = wait(student.forward(gpu, &[&long, &[], &short, &long])).expect("an answer");
    let again = wait(student.forward(gpu, &[&short]))
        .expect("an answer")
        .remove(0);
    assert_eq!((&among[2], &again), (&alone, &alone));
    assert_eq!(among[1].logits, weights(&made).classifier.bias);
    assert_eq!(among[0], among[3]);
}
