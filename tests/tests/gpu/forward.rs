//! Kernels that work row by row.

use stillglass_kernels::int16::TWELVE_BITS;
use stillglass_kernels::layer_norm::Norm;
use stillglass_kernels::linear::Dense;
use stillglass_kernels::{
    embedding, gelu, layer_norm, linear, linear_int4, linear_int8, pooling, softmax,
};
use stillglass_runtime::gpu::Activation;

use crate::support::{AWKWARD, Numbers, Tolerance, real, wide};
use crate::{gpu, run};

/// One product a number.
const EMBEDDING: Tolerance = Tolerance {
    abs: 0.0,
    rel: 2e-7,
};
/// Up to 257 products of size 1 added in f32, then a scale and a bias.
const LINEAR: Tolerance = Tolerance {
    abs: 2e-5,
    rel: 1e-5,
};
/// The rounding of the variance's sum; WGSL grants a square root and a division 2.5 units each.
const LAYER_NORM: Tolerance = Tolerance {
    abs: 1e-5,
    rel: 1e-5,
};
/// WGSL grants exp(x) an error of 3 + 2 |x| units in the last place.
const GELU: Tolerance = Tolerance {
    abs: 2e-6,
    rel: 1e-5,
};
/// The same, and a sum of up to 257 terms.
const SOFTMAX: Tolerance = Tolerance {
    abs: 1e-7,
    rel: 2e-5,
};
/// A sum of up to 65 numbers of size 1, in f32.
const POOLING: Tolerance = Tolerance {
    abs: 1e-6,
    rel: 1e-5,
};

const ACTIVATIONS: [Activation; 4] = [
    Activation::None,
    Activation::Gelu,
    Activation::Tanh,
    Activation::Relu,
];

fn activate(activation: Activation, x: f64) -> f64 {
    match activation {
        Activation::None => x,
        Activation::Gelu => gelu::reference(x),
        Activation::Tanh => x.tanh(),
        Activation::Relu => x.max(0.0),
    }
}

/// The numbers as the GPU gets them.
fn narrow(x: &[f64]) -> Vec<f32> {
    x.iter().map(|&x| x as f32).collect()
}

#[test]
fn embedding_matches_its_twin() {
    let Some(gpu) = gpu() else { return };
    for columns in AWKWARD {
        let table = Numbers(5).weights(11, columns, 1.0);
        let uploaded = gpu.table(&[table.view()]).expect("room");
        for ids in [vec![], vec![10], vec![0, 10, 0, 3]] {
            let found = run(|call| call.embedding(&uploaded, &ids)).expect("a GPU");
            EMBEDDING.check(
                "embedding",
                &found,
                &embedding::reference(table.view(), &ids),
            );
        }
    }
}

#[test]
fn embedding_int4_matches_its_twin() {
    let Some(gpu) = gpu() else { return };
    for columns in [32, 96, 288] {
        let table = Numbers(5).nibbles(11, columns, 1.0);
        let uploaded = gpu.table_int4(&[table.view()]).expect("room");
        let ids = [0, 10, 0, 3];
        let found = run(|call| call.embedding_int4(&uploaded, &ids)).expect("a GPU");
        EMBEDDING.check(
            "embedding_int4",
            &found,
            &embedding::reference_int4(table.view(), &ids),
        );
    }
}

#[test]
fn linear_int8_matches_its_twin() {
    let Some(gpu) = gpu() else { return };
    for columns in AWKWARD {
        for (at, (rows, steps)) in [(1, 3), (63, 33), (65, 1), (130, 70), (8, 0)]
            .into_iter()
            .enumerate()
        {
            let mut numbers = Numbers((columns * 100 + rows) as u64);
            let w = numbers.weights(rows, columns, 1.0);
            let (x, bias) = (
                numbers.activations(steps, columns, 3.0, TWELVE_BITS),
                numbers.floats(rows, 1.0),
            );
            let uploaded = gpu.linear_int8(&[w.view()], &bias).expect("room");
            let activation = ACTIVATIONS[at % 4];
            let found = run(|call| {
                let x = call.upload(&narrow(&real(&x)), columns);
                call.linear_int8(&uploaded, &x, activation)
            });
            let sums = linear_int8::reference(w.view(), &x);
            let biased = sums.iter().zip(bias.iter().cycle());
            let twin: Vec<f64> = biased
                .map(|(y, &b)| activate(activation, y + f64::from(b)))
                .collect();
            LINEAR.check("linear_int8", &found.expect("a GPU"), &twin);
        }
    }
}

#[test]
fn linear_int8_adds_to_what_is_there() {
    let Some(gpu) = gpu() else { return };
    let mut numbers = Numbers(1);
    let (w, x) = (
        numbers.weights(70, 9, 1.0),
        numbers.activations(35, 9, 1.0, TWELVE_BITS),
    );
    let (bias, before) = (numbers.floats(70, 1.0), numbers.floats(35 * 70, 1.0));
    let uploaded = gpu.linear_int8(&[w.view()], &bias).expect("room");
    let found = run(|call| {
        let x = call.upload(&narrow(&real(&x)), 9);
        let sum = call.upload(&before, 70);
        call.add_linear_int8(&uploaded, &x, &sum);
        sum
    });
    let sums = linear_int8::reference(w.view(), &x);
    let all = sums.iter().zip(bias.iter().cycle()).zip(&before);
    let twin: Vec<f64> = all
        .map(|((y, &b), &x)| y + f64::from(b) + f64::from(x))
        .collect();
    LINEAR.check("add_linear_int8", &found.expect("a GPU"), &twin);
}

/// Two matrices on top of each other are one with the rows of both.
#[test]
fn stacked_matrices_give_the_outputs_of_both() {
    let Some(gpu) = gpu() else { return };
    let mut numbers = Numbers(2);
    let (a, b) = (numbers.weights(5, 7, 1.0), numbers.weights(3, 7, 1.0));
    let x = numbers.activations(1, 7, 1.0, TWELVE_BITS);
    let uploaded = gpu
        .linear_int8(&[a.view(), b.view()], &[0.0; 8])
        .expect("room");
    let found = run(|call| {
        let x = call.upload(&narrow(&real(&x)), 7);
        call.linear_int8(&uploaded, &x, Activation::None)
    });
    let twin = [
        linear_int8::reference(a.view(), &x),
        linear_int8::reference(b.view(), &x),
    ]
    .concat();
    LINEAR.check("stacked", &found.expect("a GPU"), &twin);
}

#[test]
fn linear_int4_matches_its_twin_and_adds_to_what_is_there() {
    let Some(gpu) = gpu() else { return };
    for columns in [32, 64, 96, 288] {
        for (at, (rows, steps)) in [(1, 3), (63, 33), (65, 1), (130, 70)]
            .into_iter()
            .enumerate()
        {
            let mut numbers = Numbers((columns * 100 + rows) as u64);
            let w = numbers.nibbles(rows, columns, 1.0);
            let (x, bias) = (
                numbers.activations(steps, columns, 3.0, TWELVE_BITS),
                numbers.floats(rows, 1.0),
            );
            let uploaded = gpu.linear_int4(&[w.view()], &bias).expect("room");
            let activation = ACTIVATIONS[at % 4];
            let sums = linear_int4::reference(w.view(), &x);
            let biased: Vec<f64> = sums
                .iter()
                .zip(bias.iter().cycle())
                .map(|(y, &b)| y + f64::from(b))
                .collect();
            let found = run(|call| {
                let x = call.upload(&narrow(&real(&x)), columns);
                call.linear_int4(&uploaded, &x, activation)
            });
            let twin: Vec<f64> = biased.iter().map(|&y| activate(activation, y)).collect();
            LINEAR.check("linear_int4", &found.expect("a GPU"), &twin);
            let found = run(|call| {
                let x = call.upload(&narrow(&real(&x)), columns);
                let sum = call.upload(&vec![0.5; rows * steps], rows);
                call.add_linear_int4(&uploaded, &x, &sum);
                sum
            });
            let twin: Vec<f64> = biased.iter().map(|y| y + 0.5).collect();
            LINEAR.check("add_linear_int4", &found.expect("a GPU"), &twin);
        }
    }
}

#[test]
fn linear_matches_its_twin() {
    let Some(gpu) = gpu() else { return };
    for columns in AWKWARD {
        for (rows, steps) in [(1, 3), (3, 65), (5, 0), (65, 7)] {
            let mut numbers = Numbers((columns * 100 + rows) as u64);
            let (weight, bias) = (
                numbers.floats(rows * columns, 1.0),
                numbers.floats(rows, 1.0),
            );
            let x = numbers.floats(steps * columns, 1.0);
            let w = Dense {
                rows,
                columns,
                weight: &weight,
                bias: &bias,
            };
            let uploaded = gpu.linear(w).expect("room");
            let found = run(|call| {
                let x = call.upload(&x, columns);
                call.linear(&uploaded, &x)
            });
            LINEAR.check(
                "linear",
                &found.expect("a GPU"),
                &linear::reference(w, &wide(&x)),
            );
        }
    }
}

#[test]
fn layer_norm_matches_its_twin() {
    let Some(gpu) = gpu() else { return };
    for columns in AWKWARD {
        for (size, shift) in [(1.0, 0.0), (1e-3, 0.0), (100.0, 3.0)] {
            let mut numbers = Numbers(columns as u64);
            let (weight, bias) = (numbers.floats(columns, 1.0), numbers.floats(columns, 1.0));
            let norm = Norm {
                weight: &weight,
                bias: &bias,
                epsilon: 1e-12,
            };
            let x: Vec<f32> = numbers
                .floats(3 * columns, size)
                .iter()
                .map(|x| x + shift)
                .collect();
            let uploaded = gpu.norm(norm).expect("room");
            let found = run(|call| {
                let x = call.upload(&x, columns);
                call.layer_norm(&uploaded, &x)
            });
            let rows = x.chunks(columns);
            let twin: Vec<f64> = rows
                .flat_map(|row| layer_norm::reference(norm, &wide(row)))
                .collect();
            LAYER_NORM.check("layer_norm", &found.expect("a GPU"), &twin);
        }
    }
}

#[test]
fn gelu_matches_its_twin() {
    for length in AWKWARD {
        for size in [1e-3, 1.0, 6.0, 12.0, 1e3, f32::MAX] {
            let x = Numbers(length as u64).floats(length, size);
            let twin: Vec<f64> = x.iter().map(|&x| gelu::reference(f64::from(x))).collect();
            let found = run(|call| {
                let x = call.upload(&x, length);
                call.gelu(&x)
            });
            let Some(found) = found else { return };
            GELU.check("gelu", &found, &twin);
        }
    }
}

#[test]
fn softmax_matches_its_twin() {
    for columns in AWKWARD {
        for size in [0.0, 1.0, 30.0, 1e4, 1e37] {
            let x = Numbers(columns as u64).floats(3 * columns, size);
            let found = run(|call| {
                let x = call.upload(&x, columns);
                call.softmax(&x);
                x
            });
            let Some(found) = found else { return };
            let twin: Vec<f64> = x.chunks(columns).flat_map(softmax::reference).collect();
            SOFTMAX.check("softmax", &found, &twin);
        }
    }
}

#[test]
fn pooling_matches_its_twin() {
    let lengths = [3, 1, 0, 65];
    for columns in AWKWARD {
        let h = Numbers(columns as u64).floats(69 * columns, 1.0);
        let mean = run(|call| {
            let (texts, h) = (call.texts(&lengths), call.upload(&h, columns));
            call.mean(&texts, &h)
        });
        let first = run(|call| {
            let (texts, h) = (call.texts(&lengths), call.upload(&h, columns));
            call.first(&texts, &h)
        });
        let (Some(mean), Some(first)) = (mean, first) else {
            return;
        };
        let mut rest = wide(&h);
        let (mut mean_twin, mut first_twin) = (Vec::new(), Vec::new());
        for length in lengths {
            let others = rest.split_off(length * columns);
            mean_twin.extend(pooling::reference(&rest, &vec![true; length], columns));
            let only: Vec<bool> = (0..length).map(|t| t == 0).collect();
            first_twin.extend(pooling::reference(&rest, &only, columns));
            rest = others;
        }
        POOLING.check("mean", &mean, &mean_twin);
        POOLING.check("first", &first, &first_twin);
    }
}
