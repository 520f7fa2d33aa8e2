//! Every objective's gradient against finite differences on a tiny student, and each objective's
//! value where it is known.

use stillglass::device;
use stillglass::objective::{Targets, loss};
use stillglass::recipe::{DistillSection, Objective};
use stillglass::student::{Shape, Student, StudentBatch, StudentOutput};
use stillglass::teacher::{Weights, floats_of};
use stillglass::training::generator;

use burn::tensor::{Tensor, TensorData};
use rand::RngExt;

/// Finite differences of f32 losses: rounding of the loss over twice the step, plus the step's own
/// second-order error.
const RELATIVE: f64 = 0.02;
const ABSOLUTE: f64 = 3e-4;
const STEP: f32 = 1e-2;

const SHAPE: Shape = Shape {
    vocabulary: 11,
    embedding: 5,
    hidden: 3,
    attention: 4,
    classes: 3,
};

const OBJECTIVES: [Objective; 5] = [
    Objective::Labels,
    Objective::Kd,
    Objective::KdMse,
    Objective::Dixtill,
    Objective::Multiview,
];

fn rows() -> Vec<Vec<u32>> {
    vec![
        vec![1, 2, 3, 4, 5],
        vec![6],
        vec![7, 8, 9],
        vec![],
        vec![10, 0, 1, 1],
    ]
}

/// Rows with and without gold labels and attributions, words of several tokens, an empty text.
fn targets() -> Targets {
    let attribution = |words: usize, offset: f32| {
        Some(
            (0..3)
                .map(|class| {
                    (0..words)
                        .map(|word| ((class * 7 + word * 3) as f32 * 0.7 + offset).sin())
                        .collect()
                })
                .collect(),
        )
    };
    Targets {
        gold: vec![Some(0), None, Some(2), Some(1), None],
        logits: vec![
            vec![2.0, -1.0, 0.5],
            vec![0.1, 0.2, 0.3],
            vec![-1.0, 0.0, 3.0],
            vec![0.0, 1.0, 0.0],
            vec![1.5, 1.0, -2.0],
        ],
        attributions: vec![
            attribution(3, 0.1),
            None,
            attribution(3, 0.9),
            attribution(0, 0.0),
            None,
        ],
        words: vec![
            vec![0, 0, 1, 2, 2],
            vec![0],
            vec![0, 1, 2],
            vec![],
            vec![0, 1, 1, 2],
        ],
    }
}

fn section(objective: Objective) -> DistillSection {
    DistillSection {
        objective,
        temperature: 2.0,
        ..DistillSection::default()
    }
}

fn forward(student: &Student) -> StudentOutput {
    let rows = rows();
    let ids: Vec<&[u32]> = rows.iter().map(Vec::as_slice).collect();
    student.forward(&StudentBatch::new(&ids, &device::open("cpu").unwrap()))
}

fn value(student: &Student, objective: Objective) -> f64 {
    let total = loss(&forward(student), &targets(), &section(objective)).total;
    f64::from(floats_of(total).unwrap()[0])
}

#[test]
fn gradients_agree_with_finite_differences() {
    let device = device::open("cpu").unwrap();
    let mut rng = generator(5, "test", 0);
    let table = (0..55).map(|_| rng.random_range(-1.0..1.0)).collect();
    let student = Student::new(SHAPE, table, 0.0, 3, &device);
    let weights = student.weights().unwrap();
    for objective in OBJECTIVES {
        let total = loss(&forward(&student), &targets(), &section(objective)).total;
        let gradients = student.gradients(&total.backward()).unwrap();
        for name in weights.names() {
            let direction: Vec<f32> = weights
                .values(name)
                .unwrap()
                .iter()
                .map(|_| rng.random_range(-1.0..1.0))
                .collect();
            let slope: f64 = gradients
                .values(name)
                .unwrap()
                .iter()
                .zip(&direction)
                .map(|(g, d)| f64::from(g * d))
                .sum();
            let moved = |step: f32| {
                let weights = shifted(&weights, name, &direction, step);
                value(
                    &Student::from_weights(SHAPE, &weights, 0.0, &device).unwrap(),
                    objective,
                )
            };
            let difference = (moved(STEP) - moved(-STEP)) / f64::from(2.0 * STEP);
            assert!(
                (slope - difference).abs() < ABSOLUTE + RELATIVE * difference.abs(),
                "{objective:?} {name}: gradient {slope}, finite difference {difference}"
            );
        }
    }
}

fn shifted(weights: &Weights, name: &str, direction: &[f32], step: f32) -> Weights {
    let device = device::open("cpu").unwrap();
    let mut out = Weights::read(&weights.write().unwrap()).unwrap();
    let shape = weights.shape(name).unwrap().to_vec();
    let values: Vec<f32> = weights
        .values(name)
        .unwrap()
        .iter()
        .zip(direction)
        .map(|(w, d)| w + step * d)
        .collect();
    let data = TensorData::new(values, shape.clone());
    match shape.len() {
        1 => out
            .put(name, Tensor::<1>::from_data(data, &device))
            .unwrap(),
        _ => out
            .put(name, Tensor::<2>::from_data(data, &device))
            .unwrap(),
    }
    out
}

#[test]
fn every_parameter_learns_under_every_objective() {
    let device = device::open("cpu").unwrap();
    let student = Student::new(
        SHAPE,
        (0..55).map(|i| (i as f32).sin()).collect(),
        0.0,
        4,
        &device,
    );
    for objective in OBJECTIVES {
        let total = loss(&forward(&student), &targets(), &section(objective)).total;
        let gradients = student.gradients(&total.backward()).unwrap();
        for name in gradients.names() {
            let norm: f32 = gradients.values(name).unwrap().iter().map(|v| v * v).sum();
            assert!(
                norm > 0.0 && norm.is_finite(),
                "{objective:?}: {name} has gradient norm {norm}"
            );
        }
    }
}

/// A student that says exactly what the teacher says loses nothing to it.
#[test]
fn a_perfect_copy_has_no_distance() {
    let device = device::open("cpu").unwrap();
    let targets = targets();
    let mut contributions = vec![0f32; 5 * 5 * 3];
    for (row, attribution) in targets.attributions.iter().enumerate() {
        let Some(attribution) = attribution else {
            continue;
        };
        let words = &targets.words[row];
        for (token, &word) in words.iter().enumerate() {
            let tokens = words.iter().filter(|&&other| other == word).count() as f32;
            for class in 0..3 {
                contributions[(row * 5 + token) * 3 + class] =
                    2.0 * attribution[class][word] / tokens;
            }
        }
    }
    let tensor = |values: Vec<f32>, dims: [usize; 2]| {
        Tensor::<2>::from_data(TensorData::new(values, dims), &device)
    };
    let output = StudentOutput {
        logits: tensor(targets.logits.concat(), [5, 3]),
        contributions: Tensor::from_data(TensorData::new(contributions, [5, 5, 3]), &device),
        scores: tensor(vec![0.5; 25], [5, 5]),
    };
    let terms = |objective| -> Vec<(&str, f32)> {
        let terms = loss(&output, &targets, &section(objective)).terms;
        terms
            .into_iter()
            .map(|(name, term)| (name, floats_of(term).unwrap()[0]))
            .collect()
    };
    let of = |objective, name| {
        terms(objective)
            .into_iter()
            .find(|(found, _)| *found == name)
            .unwrap()
            .1
    };
    assert!(of(Objective::Kd, "distillation").abs() < 1e-6);
    assert!(of(Objective::KdMse, "logit error").abs() < 1e-6);
    assert!(of(Objective::Dixtill, "distillation").abs() < 1e-6);
    // The empty text has nothing to agree on: half a distance, a third of the explained rows.
    assert!((of(Objective::Multiview, "explanation") - 0.5 / 3.0).abs() < 1e-4);
}
