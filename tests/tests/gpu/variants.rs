//! Kernels that only some devices can run: each against the twin of the one that all can.

use stillglass_kernels::int16::TWELVE_BITS;
use stillglass_kernels::{Cpu, Int16, linear_int8};
use stillglass_runtime::gpu::{Activation, Arithmetic, Gpu, Student};

use crate::made_up::{ODD, PLAIN, Sizes, bundle};
use crate::student::{furthest, softmax};
use crate::support::{AWKWARD, Numbers, Tolerance};
use crate::{gpu, gpu_with, run_on, wait, weights};

/// Sums are exact; a scale, a bias and their sum round. An activation within rounding of half-way may
/// become the other neighbour: a 2047th of the row's largest, times a weight.
const PACKED: Tolerance = Tolerance {
    abs: 2e-3,
    rel: 1e-5,
};
/// Activations and sums of four products have 11 bits; up to 257 products of size 1.
const HALF: Tolerance = Tolerance {
    abs: 8e-3,
    rel: 2e-3,
};
/// What is granted, in probabilities.
const PROBABILITY: f32 = 1e-3;

/// Against the twin on activations of 12 bits, which both kinds of rounding stay near.
fn check_linear(gpu: &Gpu, tolerance: Tolerance) {
    for columns in AWKWARD {
        for (rows, steps) in [(1, 3), (63, 33), (65, 1), (130, 70)] {
            let mut numbers = Numbers((columns * 100 + rows) as u64);
            let w = numbers.weights(rows, columns, 1.0);
            let (mut x, bias) = (
                numbers.floats(steps * columns, 3.0),
                numbers.floats(rows, 1.0),
            );
            x[..columns].fill(0.0);
            let uploaded = gpu.linear_int8(&[w.view()], &bias).expect("room");
            let found = run_on(gpu, |call| {
                let x = call.upload(&x, columns);
                call.linear_int8(&uploaded, &x, Activation::None)
            });
            let twin = linear_int8::reference(
                w.view(),
                &Int16::quantize(Cpu::detect(), &x, columns, TWELVE_BITS),
            );
            let twin: Vec<f64> = twin
                .iter()
                .zip(bias.iter().cycle())
                .map(|(y, &b)| y + f64::from(b))
                .collect();
            tolerance.check("linear_int8", &found, &twin);
        }
    }
}

/// Whole students: the variant's probabilities beside those of every device's kernels.
fn check_student(other: &Gpu) {
    let Some(gpu) = gpu() else { return };
    let wide_sizes = Sizes {
        embedding: 64,
        hidden: 64,
        attention: 64,
        labels: 3,
        max_tokens: 256,
    };
    for (seed, sizes) in [(1, ODD), (2, wide_sizes)] {
        let made = bundle(seed, sizes, &PLAIN);
        let plain = wait(Student::load(gpu, weights(&made))).expect("room");
        let variant = wait(Student::load(other, weights(&made))).expect("room");
        let mut numbers = Numbers(seed);
        for length in [1, 7, 100] {
            let ids: Vec<u32> = (0..length)
                .map(|_| numbers.below(made.vocabulary.len()) as u32)
                .collect();
            let want = wait(plain.forward(gpu, &[&ids])).expect("an answer");
            let found = wait(variant.forward(other, &[&ids])).expect("an answer");
            let off = furthest(&softmax(&found[0].logits), &softmax(&want[0].logits));
            assert!(off <= PROBABILITY, "{off}");
        }
    }
}

#[test]
fn packed_products_are_the_cpus_integers() {
    let Some(gpu) = gpu_with(Arithmetic::Packed) else {
        return;
    };
    check_linear(&gpu, PACKED);
    check_student(&gpu);
}

#[test]
fn half_products_stay_near() {
    let Some(gpu) = gpu_with(Arithmetic::Half) else {
        return;
    };
    check_linear(&gpu, HALF);
    check_student(&gpu);
    // The largest activation that f16 takes without loss of range, in every column.
    let w = Numbers(1).weights(3, 256, 1.0);
    let uploaded = gpu.linear_int8(&[w.view()], &[0.0; 3]).expect("room");
    let found = run_on(&gpu, |call| {
        let x = call.upload(&[16000.0; 256], 256);
        call.linear_int8(&uploaded, &x, Activation::None)
    });
    assert!(found.iter().all(|y| y.is_finite()), "{found:?}");
}
