//! Every objective's gradient against finite differences on a tiny student.

use stillglass::objective::loss;
use stillglass::recipe::DistillSection;
use stillglass::student::{Student, StudentBatch, StudentOutput, Way, gradients_as_weights};
use stillglass::teacher::{Weights, floats_of};
use stillglass::training::generator;

use rand::RngExt;

use crate::{SHAPE, rows, sections, targets};

/// Finite differences of f32 losses: rounding of the loss over twice the step, plus the step's own
/// second-order error.
const RELATIVE: f64 = 0.02;
const ABSOLUTE: f64 = 3e-4;
const STEP: f32 = 1e-2;

fn forward(student: &Student) -> (StudentOutput, Way) {
    let rows = rows();
    let ids: Vec<&[u32]> = rows.iter().map(Vec::as_slice).collect();
    student.forward_to_learn(&StudentBatch::new(&ids), None)
}

fn value(student: &Student, section: &DistillSection) -> f64 {
    let total = loss(&forward(student).0, &targets(), section).total;
    f64::from(floats_of(total).unwrap()[0])
}

fn gradients(student: &Student, section: &DistillSection) -> Weights {
    let (output, way) = forward(student);
    let total = loss(&output, &targets(), section).total;
    let gradients = student.gradients(&total, &way, None);
    gradients_as_weights(student, &gradients).weights().unwrap()
}

#[test]
fn gradients_agree_with_finite_differences() {
    let mut rng = generator(5, "test", 0);
    let table = (0..55).map(|_| rng.random_range(-1.0..1.0)).collect();
    let student = Student::new(&SHAPE, table, 3);
    let weights = student.weights().unwrap();
    for section in sections() {
        let gradients = gradients(&student, &section);
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
                value(&Student::from_weights(&SHAPE, &weights).unwrap(), &section)
            };
            let difference = (moved(STEP) - moved(-STEP)) / f64::from(2.0 * STEP);
            assert!(
                (slope - difference).abs() < ABSOLUTE + RELATIVE * difference.abs(),
                "{section:?} {name}: gradient {slope}, finite difference {difference}"
            );
        }
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

#[test]
fn every_parameter_learns_under_every_objective() {
    let student = Student::new(&SHAPE, (0..55).map(|i| (i as f32).sin()).collect(), 4);
    for section in sections() {
        let gradients = gradients(&student, &section);
        for name in gradients.names() {
            let norm: f32 = gradients.values(name).unwrap().iter().map(|v| v * v).sum();
            assert!(
                norm > 0.0 && norm.is_finite(),
                "{section:?}: {name} has gradient norm {norm}"
            );
        }
    }
}
