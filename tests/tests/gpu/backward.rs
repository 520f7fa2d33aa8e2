//! Kernels of the gradient.

use stillglass_kernels::layer_norm::Norm;
use stillglass_kernels::linear::Dense;
use stillglass_kernels::multi_head_attention::Heads;
use stillglass_kernels::path_points::Step;
use stillglass_kernels::{
    Cpu, gelu_backward, head_backward, layer_norm_backward, linear_backward,
    multi_head_attention_backward, path_contributions, path_points, pooling_backward, softmax,
    softmax_backward,
};
use stillglass_runtime::gpu::{Activation, QueryKeyValue};

use crate::support::{AWKWARD, Numbers, Tolerance, wide};
use crate::{gpu, run};

/// Up to 130 products of size 1 added in f32.
const LINEAR: Tolerance = Tolerance {
    abs: 2e-5,
    rel: 1e-5,
};
/// The CPU's 4-bit gradient, itself tested against the definition, adds the same products in f32.
const LINEAR_INT4: Tolerance = Tolerance {
    abs: 2e-5,
    rel: 2e-5,
};
/// Three sums of up to 257 terms; WGSL grants a square root and a division 2.5 units each.
const LAYER_NORM: Tolerance = Tolerance {
    abs: 1e-5,
    rel: 1e-5,
};
/// WGSL grants exp(x) an error of 3 + 2 |x| units in the last place.
const GELU: Tolerance = Tolerance {
    abs: 2e-6,
    rel: 1e-5,
};
/// A sum of up to 257 products, taken from numbers of size 1.
const SOFTMAX: Tolerance = Tolerance {
    abs: 1e-6,
    rel: 1e-5,
};
/// Weights computed again carry exp's rounding; up to 130 products of size 1 are added.
const HEADS: Tolerance = Tolerance {
    abs: 5e-5,
    rel: 1e-4,
};

/// One division.
const POOLING: Tolerance = Tolerance {
    abs: 1e-12,
    rel: 1e-6,
};
/// A mean of up to five numbers of size 1, and a product.
const HEAD: Tolerance = Tolerance {
    abs: 1e-6,
    rel: 1e-6,
};
/// Up to 257 products of size 1 added in f32.
const PATH: Tolerance = Tolerance {
    abs: 1e-5,
    rel: 1e-5,
};

#[test]
fn linear_backward_matches_its_twin_and_adds_to_what_is_there() {
    let Some(gpu) = gpu() else { return };
    for columns in AWKWARD {
        for (rows, steps) in [(1, 3), (63, 33), (65, 1), (130, 70), (5, 0)] {
            let mut numbers = Numbers((columns * 100 + rows) as u64);
            let w = numbers.weights(rows, columns, 4.0);
            let grad = numbers.floats(steps * rows, 1.0);
            let uploaded = gpu.table(&[w.view()]).expect("room");
            let twin = linear_backward::reference(w.view(), &wide(&grad));
            let found = run(|call| {
                let grad = call.upload(&grad, rows);
                call.linear_int8_backward(&uploaded, &grad)
            });
            LINEAR.check("linear_backward", &found.expect("a GPU"), &twin);
            let found = run(|call| {
                let grad = call.upload(&grad, rows);
                let sum = call.upload(&vec![0.5; steps * columns], columns);
                call.add_linear_int8_backward(&uploaded, &grad, &sum);
                sum
            });
            let twin: Vec<f64> = twin.iter().map(|y| y + 0.5).collect();
            LINEAR.check("add_linear_backward", &found.expect("a GPU"), &twin);
        }
    }
}

#[test]
fn linear_int4_backward_matches_the_cpu() {
    let Some(gpu) = gpu() else { return };
    for (columns, rows, steps) in [(32, 1, 3), (64, 5, 2), (96, 65, 33), (288, 130, 70)] {
        let mut numbers = Numbers((columns * 100 + rows) as u64);
        let w = numbers.nibbles(rows, columns, 4.0);
        let grad = numbers.floats(steps * rows, 1.0);
        let uploaded = gpu.table_int4(&[w.view()]).expect("room");
        let cpu = linear_backward::linear_int4_backward(Cpu::detect(), w.view(), &grad);
        let found = run(|call| {
            let grad = call.upload(&grad, rows);
            let sum = call.linear_int4_backward(&uploaded, &grad);
            call.add_linear_int4_backward(&uploaded, &grad, &sum);
            sum
        });
        let twice: Vec<f64> = cpu.iter().map(|&y| 2.0 * f64::from(y)).collect();
        LINEAR_INT4.check("linear_int4_backward", &found.expect("a GPU"), &twice);
    }
}

#[test]
fn layer_norm_backward_matches_its_twin() {
    let Some(gpu) = gpu() else { return };
    for columns in AWKWARD {
        for size in [1.0, 100.0] {
            let mut numbers = Numbers(columns as u64);
            let (weight, bias) = (numbers.floats(columns, 1.0), numbers.floats(columns, 1.0));
            let norm = Norm {
                weight: &weight,
                bias: &bias,
                epsilon: 0.1,
            };
            let (x, grad) = (
                numbers.floats(3 * columns, size),
                numbers.floats(3 * columns, 1.0),
            );
            let uploaded = gpu.norm(norm).expect("room");
            let found = run(|call| {
                let (x, grad) = (call.upload(&x, columns), call.upload(&grad, columns));
                call.layer_norm_backward(&uploaded, &x, &grad)
            });
            let rows = x.chunks(columns).zip(grad.chunks(columns));
            let row = |(x, grad): (&[f32], &[f32])| {
                layer_norm_backward::reference(norm, &wide(x), &wide(grad))
            };
            let twin: Vec<f64> = rows.flat_map(row).collect();
            LAYER_NORM.check("layer_norm_backward", &found.expect("a GPU"), &twin);
        }
    }
}

#[test]
fn gelu_backward_matches_its_twin() {
    for length in AWKWARD {
        for size in [1e-3, 1.0, 6.0, 12.0, 1e3] {
            let mut numbers = Numbers(length as u64);
            let (x, grad) = (numbers.floats(length, size), numbers.floats(length, 1.0));
            let found = run(|call| {
                let (x, grad) = (call.upload(&x, length), call.upload(&grad, length));
                call.gelu_backward(&x, &grad);
                grad
            });
            let Some(found) = found else { return };
            let pairs = x.iter().zip(&grad);
            let slope =
                |(&x, &g): (&f32, &f32)| gelu_backward::reference(f64::from(x)) * f64::from(g);
            GELU.check(
                "gelu_backward",
                &found,
                &pairs.map(slope).collect::<Vec<f64>>(),
            );
        }
    }
}

#[test]
fn softmax_backward_matches_its_twin() {
    for columns in AWKWARD {
        let mut numbers = Numbers(columns as u64);
        let mut y = numbers.floats(3 * columns, 3.0);
        softmax::softmax(Cpu::detect(), &mut y, columns);
        let grad = numbers.floats(3 * columns, 1.0);
        let found = run(|call| {
            let (y, grad) = (call.upload(&y, columns), call.upload(&grad, columns));
            call.softmax_backward(&y, &grad);
            grad
        });
        let Some(found) = found else { return };
        let rows = y.chunks(columns).zip(grad.chunks(columns));
        let twin: Vec<f64> = rows
            .flat_map(|(y, grad)| softmax_backward::reference(&wide(y), &wide(grad)))
            .collect();
        SOFTMAX.check("softmax_backward", &found, &twin);
    }
}

#[test]
fn multi_head_attention_backward_matches_its_twin() {
    let lengths = [1, 0, 7, 65, 130];
    let tokens: usize = lengths.iter().sum();
    for (heads, size) in [(1, 1), (2, 9), (12, 32), (1, 128)] {
        let mut numbers = Numbers((size * 10 + heads) as u64);
        let width = heads * size;
        let (x, grad) = (
            numbers.floats(tokens * 3 * width, 1.0),
            numbers.floats(tokens * width, 1.0),
        );
        let found = run(|call| {
            let (texts, grad) = (call.texts(&lengths), call.upload(&grad, width));
            let x = QueryKeyValue {
                matrix: call.upload(&x, 3 * width),
                heads,
                size,
            };
            call.multi_head_attention_backward(&x, &texts, &grad)
        });
        let Some(found) = found else { return };
        let mut first = 0;
        for length in lengths {
            let rows = first * 3 * width..(first + length) * 3 * width;
            let part = |all: &[f32], which: usize| -> Vec<f32> {
                all[rows.clone()]
                    .chunks(width)
                    .skip(which)
                    .step_by(3)
                    .flatten()
                    .copied()
                    .collect()
            };
            let [query, key, value] = [0, 1, 2].map(|which| part(&x, which));
            let heads = Heads {
                heads,
                size,
                query: &query,
                key: &key,
                value: &value,
            };
            let grad = wide(&grad[first * width..(first + length) * width]);
            let twin = multi_head_attention_backward::reference(heads, &vec![true; length], &grad);
            HEADS.check("query", &part(&found, 0), &twin.query);
            HEADS.check("key", &part(&found, 1), &twin.key);
            HEADS.check("value", &part(&found, 2), &twin.value);
            first += length;
        }
    }
}

#[test]
fn pooling_backward_matches_its_twin() {
    let lengths = [3, 1, 65];
    for columns in AWKWARD {
        let grad = Numbers(columns as u64).floats(3 * columns, 1.0);
        let mean = run(|call| {
            let (texts, grad) = (call.texts(&lengths), call.upload(&grad, columns));
            call.mean_backward(&texts, &grad)
        });
        let first = run(|call| {
            let (texts, grad) = (call.texts(&lengths), call.upload(&grad, columns));
            call.first_backward(&texts, &grad)
        });
        let (Some(mean), Some(first)) = (mean, first) else {
            return;
        };
        let grad = wide(&grad);
        let texts = || grad.chunks(columns).zip(lengths);
        let twin: Vec<f64> = texts()
            .flat_map(|(g, time)| pooling_backward::mean_reference(g, time))
            .collect();
        POOLING.check("mean_backward", &mean, &twin);
        let twin: Vec<f64> = texts()
            .flat_map(|(g, time)| pooling_backward::first_reference(g, time))
            .collect();
        POOLING.check("first_backward", &first, &twin);
    }
}

#[test]
fn head_backward_matches_its_twin() {
    type Slope = fn(f64) -> f64;
    let Some(gpu) = gpu() else { return };
    let slopes: [(Activation, Slope); 3] = [
        (Activation::None, |_| 1.0),
        (Activation::Tanh, |y| 1.0 - y * y),
        (Activation::Relu, |y| f64::from(u8::from(y > 0.0))),
    ];
    for (columns, classes) in [(1, 2), (63, 3), (65, 5), (257, 2)] {
        let mut numbers = Numbers(columns as u64);
        let (weight, bias) = (
            numbers.floats(classes * columns, 1.0),
            numbers.floats(classes, 1.0),
        );
        let y = numbers.floats(3 * columns, 1.0);
        let classifier = Dense {
            rows: classes,
            columns,
            weight: &weight,
            bias: &bias,
        };
        let classifier = gpu.linear(classifier).expect("room");
        for (activation, slope) in slopes {
            for class in 0..classes {
                let found = run(|call| {
                    let y = call.upload(&y, columns);
                    call.head_backward(&classifier, &y, class, activation)
                });
                let rows = y.chunks(columns);
                let twin: Vec<f64> = rows
                    .flat_map(|y| head_backward::reference(&weight, y, class, slope))
                    .collect();
                HEAD.check("head_backward", &found.expect("a GPU"), &twin);
            }
        }
    }
}

#[test]
fn a_paths_kernels_match_their_twins() {
    for columns in AWKWARD {
        let mut numbers = Numbers(columns as u64);
        let [first, last] = [1.0, 1.0].map(|size| numbers.floats(5 * columns, size));
        let positions = numbers.floats(7 * columns, 1.0);
        let step = |n: u32| Step {
            row: n % 5,
            position: n % 7,
            share: n as f32 / 70.0,
        };
        let steps: Vec<Step> = (0..70).map(step).collect();
        let grad = numbers.floats(70 * columns, 1.0);
        let points = run(|call| {
            let (first, last) = (call.upload(&first, columns), call.upload(&last, columns));
            let (path, positions) = (
                call.path(first, last, &steps),
                call.upload(&positions, columns),
            );
            call.path_points(&path, &positions)
        });
        let given = run(|call| {
            let (first, last) = (call.upload(&first, columns), call.upload(&last, columns));
            let (path, grad) = (call.path(first, last, &steps), call.upload(&grad, columns));
            let out = call.matrix(2, 70);
            call.path_contributions(&path, &grad, &out, 1);
            call.path_contributions(&path, &grad, &out, 0);
            out
        });
        let (Some(points), Some(given)) = (points, given) else {
            return;
        };
        PATH.check(
            "points",
            &points,
            &path_points::reference(&first, &last, &positions, &steps, columns),
        );
        let twin = path_contributions::reference(&grad, &first, &last, &steps, columns);
        PATH.check("contributions", &given, &[twin.as_slice(), &twin].concat());
    }
}
