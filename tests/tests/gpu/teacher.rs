//! The whole teacher, forwards and along a path: the GPU's answers beside the CPU's.

use stillglass_bundle::{Architecture, Bundle, TeacherShape, WeightFormat, Weights};
use stillglass_runtime::gpu::{Error, Teacher};
use stillglass_runtime::{Method, Model, gauss_legendre};

use crate::made_up::{Numbers, text};
use crate::made_up_teacher::{FIRST, LAST, PADDING, SHAPE, shapes, teacher};
use crate::student::{furthest, softmax};
use crate::{gpu, wait};

/// The CPU rounds activations, the GPU does not: what is granted, in probabilities.
const PROBABILITY: f32 = 1e-3;
/// The same rounding in the forward pass at every node, in logits.
const CONTRIBUTION: f32 = 2e-3;

/// The bundle through bytes, the model of it, and the teacher on the GPU.
fn both(seed: u64, shape: TeacherShape, format: WeightFormat) -> Option<(Model, Teacher)> {
    let gpu = gpu()?;
    let bytes = teacher(seed, shape, format)
        .write()
        .expect("a valid bundle");
    let bundle = Bundle::read(&bytes).expect("what was written reads");
    let (Weights::Teacher(weights), Architecture::Teacher(shape)) =
        (&bundle.weights, &bundle.manifest.architecture)
    else {
        panic!("a teacher")
    };
    let teacher = wait(Teacher::load(gpu, shape, weights)).expect("room for the weights");
    Some((Model::new(bundle).expect("a tokenizer"), teacher))
}

fn with_specials(ids: &[u32]) -> Vec<u32> {
    [&[FIRST], ids, &[LAST]].concat()
}

#[test]
fn teachers_of_every_kind_answer_as_on_the_cpu() {
    for (seed, (shape, format)) in (0..).zip(shapes()) {
        let Some((model, teacher)) = both(seed, shape, format) else {
            return;
        };
        let mut numbers = Numbers(seed);
        let texts: Vec<String> = (0..40).map(|length| text(&mut numbers, length)).collect();
        let most = model.manifest().max_tokens;
        let encode = |text: &String| with_specials(&model.tokenizer().encode(text, most).ids);
        let ids: Vec<Vec<u32>> = texts.iter().map(encode).collect();
        let ids: Vec<&[u32]> = ids.iter().map(Vec::as_slice).collect();
        let found = wait(teacher.logits(gpu().expect("a GPU"), &ids)).expect("an answer");
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let want = model.classify(&texts, None).expect("an answer");
        for ((text, found), want) in texts.iter().zip(&found).zip(want) {
            let off = furthest(&softmax(found), &want.probabilities);
            assert!(off <= PROBABILITY, "{format:?}: {off} for {text:?}");
        }
    }
}

#[test]
fn integrated_gradients_are_those_of_the_cpu() {
    for (seed, (shape, format)) in (0..).zip(shapes()) {
        let Some((model, teacher)) = both(seed, shape, format) else {
            return;
        };
        let mut numbers = Numbers(seed + 10);
        for length in [1, 5, 20] {
            let text = text(&mut numbers, length) + "rose";
            let want = model.classify(&[&text], Some(Method::IntegratedGradients));
            let want = want
                .expect("its own method")
                .remove(0)
                .explanation
                .expect("asked for");
            let encoding = model.tokenizer().encode(&text, model.manifest().max_tokens);
            let ids = with_specials(&encoding.ids);
            let baseline = with_specials(&vec![PADDING; encoding.ids.len()]);
            let nodes = gauss_legendre(want.nodes);
            let gpu = gpu().expect("a GPU");
            let found = wait(teacher.integrate(gpu, &baseline, &ids, &nodes)).expect("an answer");
            for (word, want) in encoding.words.iter().zip(&want.words) {
                // Tokens of words are counted after the first special token.
                let rows = found[(word.tokens.start + 1) * 3..(word.tokens.end + 1) * 3].chunks(3);
                let sum = |class: usize| rows.clone().map(|row| row[class]).sum::<f64>() as f32;
                let off = furthest(&[sum(0), sum(1), sum(2)], &want.weights);
                assert!(off <= CONTRIBUTION, "{format:?}: {off} for {text:?}");
            }
        }
    }
}

/// What every token gave adds up to the change of the outcome, as the theory says.
#[test]
fn integrated_gradients_are_complete() {
    for (seed, (shape, format)) in (0..).zip(shapes()) {
        let Some((_, teacher)) = both(seed, shape, format) else {
            return;
        };
        let text: Vec<u32> = (4..30).collect();
        let (baseline, text) = (with_specials(&[PADDING; 26]), with_specials(&text));
        let gpu = gpu().expect("a GPU");
        let found = wait(teacher.integrate(gpu, &baseline, &text, &gauss_legendre(64)));
        let found = found.expect("an answer");
        let ends = wait(teacher.logits(gpu, &[&text, &baseline])).expect("an answer");
        let centred = |logits: &[f32]| -> Vec<f32> {
            let mean = logits.iter().sum::<f32>() / 3.0;
            logits.iter().map(|z| z - mean).collect()
        };
        let (text, baseline) = (centred(&ends[0]), centred(&ends[1]));
        let sum = |class: usize| found.iter().skip(class).step_by(3).sum::<f64>() as f32;
        for class in 0..3 {
            let change = text[class] - baseline[class];
            let gap = (sum(class) - change).abs();
            assert!(gap <= 0.01, "{format:?}: {} for {change}", sum(class));
        }
    }
}

/// One submission and one readback a call, at most eight kernels a layer.
#[test]
fn a_call_is_one_submission_of_at_most_eight_kernels_a_layer() {
    let Ok(gpu) = wait(stillglass_runtime::gpu::Gpu::request()) else {
        return;
    };
    let made = teacher(1, SHAPE, WeightFormat::Int8);
    let (Weights::Teacher(weights), Architecture::Teacher(shape)) =
        (&made.weights, &made.manifest.architecture)
    else {
        panic!("a teacher")
    };
    let count = |layers: usize, length: usize, texts: usize| {
        let shape = TeacherShape { layers, ..*shape };
        let mut weights = weights.clone();
        weights.encoder.layers.truncate(layers);
        let teacher = wait(Teacher::load(&gpu, &shape, &weights)).expect("room");
        let before = gpu.work();
        wait(teacher.logits(&gpu, &vec![&vec![5; length][..]; texts])).expect("an answer");
        let after = gpu.work();
        assert_eq!(after.submissions - before.submissions, 1);
        after.dispatches - before.dispatches
    };
    let (one, two) = (count(1, 3, 1), count(2, 3, 1));
    assert!(two - one <= 8, "{one} {two}");
    assert_eq!(count(2, 90, 7), two);
}

#[test]
fn heads_too_wide_are_refused() {
    let Some(gpu) = gpu() else { return };
    let shape = TeacherShape {
        hidden: 258,
        heads: 2,
        layers: 1,
        ..SHAPE
    };
    let made = teacher(1, shape, WeightFormat::Int8);
    let Weights::Teacher(weights) = &made.weights else {
        panic!("a teacher")
    };
    let answer = wait(Teacher::load(gpu, &shape, weights));
    assert!(
        matches!(
            answer,
            Err(Error::TooLarge {
                found: 129,
                most: 128,
                ..
            })
        ),
        "{answer:?}"
    );
}
