//! The backward kernels: each twin against finite differences of the forward twin, each fast path
//! against its twin, at awkward sizes.

#![allow(clippy::float_cmp)] // what is exact is compared exactly

mod support;

use stillglass_kernels::gelu_backward::{self, gelu_backward};
use stillglass_kernels::layer_norm::{self, Norm};
use stillglass_kernels::layer_norm_backward::{self, layer_norm_backward};
use stillglass_kernels::linear_backward::{self, linear_int4_backward, linear_int8_backward};
use stillglass_kernels::multi_head_attention::{self, Heads};
use stillglass_kernels::multi_head_attention_backward::{self, multi_head_attention_backward};
use stillglass_kernels::softmax_backward::{self, softmax_backward};
use stillglass_kernels::{Cpu, Int16, gelu, linear_int4, linear_int8, softmax};
use support::{AWKWARD, Numbers, Tolerance, wide};

/// A sum of up to 65 products of size 1, one after the other, each rounded to 24 bits.
const LINEAR: Tolerance = Tolerance {
    abs: 2e-6,
    rel: 1e-5,
};
/// The row's variance and two means carry the rounding of sums of up to 257 terms.
const LAYER_NORM: Tolerance = Tolerance {
    abs: 5e-6,
    rel: 1e-5,
};
/// Φ and x · φ cancel where the slope crosses 0, near x = -0.75; both are of size 0.2 there.
const GELU: Tolerance = Tolerance {
    abs: 2e-7,
    rel: 1e-5,
};
/// Weights carry exp's half-ulps and the sum's; the gradient is a difference of values of size 1.
const SOFTMAX: Tolerance = Tolerance {
    abs: 1e-6,
    rel: 1e-5,
};
/// A score of size √65 is rounded to 24 bits; up to 65 products are added one after the other.
const ATTENTION: Tolerance = Tolerance {
    abs: 1e-5,
    rel: 1e-5,
};
/// Central differences of step 2⁻¹⁰: their error is the step's square times a third derivative.
const DIFFERENCE: Tolerance = Tolerance {
    abs: 2e-5,
    rel: 2e-5,
};
/// The same with every product exact: only `f64` rounds.
const EXACT: Tolerance = Tolerance {
    abs: 1e-12,
    rel: 1e-12,
};

const STEP: f32 = 1.0 / 1024.0;

/// The gradient of `grad · f` at `x` by central differences, one coordinate after the other.
fn differences(x: &[f32], grad: &[f64], f: impl Fn(&[f32]) -> Vec<f64>) -> Vec<f64> {
    let value = |x: &[f32]| f(x).iter().zip(grad).map(|(y, g)| y * g).sum::<f64>();
    let slope = |i: usize| {
        let at = |change: f32| {
            let mut x = x.to_vec();
            x[i] += change;
            (f64::from(x[i]), value(&x))
        };
        let ((low, before), (high, after)) = (at(-STEP), at(STEP));
        (after - before) / (high - low)
    };
    (0..x.len()).map(slope).collect()
}

/// Compares two `f64` results.
#[track_caller]
fn check(tolerance: Tolerance, what: &str, found: &[f64], want: &[f64]) {
    assert_eq!(found.len(), want.len(), "{what}");
    for (found, want) in found.iter().zip(want) {
        let close = (found - want).abs() <= tolerance.abs + tolerance.rel * want.abs();
        assert!(close, "{what}: {found} for {want}");
    }
}

/// The inputs that are 1 in one column and 0 elsewhere, one a row: their outputs are W's columns.
fn unit_rows(columns: usize) -> Int16 {
    let mut rows = Int16::with_capacity(columns, columns);
    for one in 0..columns {
        rows.push((0..columns).map(|column| i16::from(column == one)), 1.0);
    }
    rows
}

/// Wᵀ grad out of the forward pass alone; `outputs: [columns, rows]` are W's columns.
fn transposed(outputs: &[f64], rows: usize, grad: &[f64]) -> Vec<f64> {
    let cell =
        |grad: &[f64], column: &[f64]| grad.iter().zip(column).map(|(g, w)| g * w).sum::<f64>();
    let steps = grad.chunks(rows);
    steps
        .flat_map(|grad| outputs.chunks(rows).map(move |column| cell(grad, column)))
        .collect()
}

#[test]
fn linear_backward_is_the_transpose_of_the_forward_pass() {
    for columns in AWKWARD {
        for (rows, steps) in [(1, 3), (3, 1), (4, 4), (5, 0), (65, 7)] {
            let mut numbers = Numbers((columns * 100 + rows) as u64);
            let w = numbers.weights(rows, columns, 8.0);
            let grad = numbers.floats(steps * rows, 1.0);
            let outputs = linear_int8::reference(w.view(), &unit_rows(columns));
            let twin = linear_backward::reference(w.view(), &wide(&grad));
            check(
                EXACT,
                "int8 twin",
                &twin,
                &transposed(&outputs, rows, &wide(&grad)),
            );
            LINEAR.check(
                "int8",
                &linear_int8_backward(Cpu::detect(), w.view(), &grad),
                &twin,
            );
        }
    }
}

#[test]
fn linear_int4_backward_is_the_transpose_of_the_forward_pass() {
    for (columns, rows, steps) in [(32, 1, 3), (64, 5, 2), (96, 65, 7), (32, 4, 0)] {
        let mut numbers = Numbers((columns * 100 + rows) as u64);
        let w = numbers.nibbles(rows, columns, 4.0);
        let grad = numbers.floats(steps * rows, 1.0);
        let outputs = linear_int4::reference(w.view(), &unit_rows(columns));
        let want = transposed(&outputs, rows, &wide(&grad));
        LINEAR.check(
            "int4",
            &linear_int4_backward(Cpu::detect(), w.view(), &grad),
            &want,
        );
    }
}

#[test]
fn layer_norm_backward_matches_its_twin() {
    for columns in AWKWARD {
        for size in [1.0, 100.0] {
            let mut numbers = Numbers(columns as u64);
            let (weight, bias) = (numbers.floats(columns, 1.0), numbers.floats(columns, 1.0));
            // An ε this large also tells whether it enters where it should.
            let norm = Norm {
                weight: &weight,
                bias: &bias,
                epsilon: 0.1,
            };
            let (x, grad) = (
                numbers.floats(3 * columns, size),
                numbers.floats(3 * columns, 1.0),
            );
            let rows = || x.chunks(columns).zip(grad.chunks(columns));
            let row = |(x, grad): (&[f32], &[f32])| {
                let twin = layer_norm_backward::reference(norm, &wide(x), &wide(grad));
                let forward = |x: &[f32]| layer_norm::reference(norm, &wide(x));
                check(
                    DIFFERENCE,
                    "twin",
                    &twin,
                    &differences(x, &wide(grad), forward),
                );
                twin
            };
            let twin: Vec<f64> = rows().flat_map(row).collect();
            let fast = layer_norm_backward(Cpu::detect(), norm, &x, &grad);
            LAYER_NORM.check("layer_norm", &fast, &twin);
        }
    }
}

#[test]
fn gelu_backward_matches_its_twin() {
    for length in AWKWARD {
        for size in [1e-3, 1.0, 6.0, 12.0, 1e3] {
            let mut numbers = Numbers(length as u64);
            let (mut x, mut grad) = (numbers.floats(length, size), numbers.floats(length, 1.0));
            x[0] = 0.0;
            let slopes: Vec<f64> = x
                .iter()
                .map(|&x| gelu_backward::reference(f64::from(x)))
                .collect();
            let forward = |x: &[f32]| x.iter().map(|&x| gelu::reference(f64::from(x))).collect();
            if length < 64 {
                check(
                    DIFFERENCE,
                    "twin",
                    &slopes,
                    &differences(&x, &vec![1.0; length], forward),
                );
            }
            let twin: Vec<f64> = slopes.iter().zip(wide(&grad)).map(|(s, g)| s * g).collect();
            gelu_backward(Cpu::detect(), &x, &mut grad);
            GELU.check("gelu", &grad, &twin);
        }
    }
}

#[test]
fn far_out_gelu_is_a_line() {
    let x = [f32::MAX, 1e20, 0.0, -0.0, -1e20, f32::MIN];
    let mut grad = [1.0; 6];
    gelu_backward(Cpu::detect(), &x, &mut grad);
    assert_eq!(grad, [1.0, 1.0, 0.5, 0.5, 0.0, 0.0]);
}

#[test]
fn softmax_backward_matches_its_twin() {
    for columns in AWKWARD {
        for size in [0.0, 1.0, 30.0] {
            let mut numbers = Numbers(columns as u64);
            let x = numbers.floats(3 * columns, size);
            let mut grad = numbers.floats(3 * columns, 1.0);
            let mut y = x.clone();
            softmax::softmax(Cpu::detect(), &mut y, columns);
            let row = |(x, grad): (&[f32], &[f32])| {
                let twin = softmax_backward::reference(&softmax::reference(x), &wide(grad));
                check(
                    DIFFERENCE,
                    "twin",
                    &twin,
                    &differences(x, &wide(grad), softmax::reference),
                );
                twin
            };
            let twin: Vec<f64> = x
                .chunks(columns)
                .zip(grad.chunks(columns))
                .flat_map(row)
                .collect();
            softmax_backward(Cpu::detect(), &y, &mut grad, columns);
            SOFTMAX.check("softmax", &grad, &twin);
        }
    }
}

#[test]
fn multi_head_attention_backward_matches_its_twin() {
    for (heads, size, steps) in [(1, 1, 1), (2, 8, 9), (3, 7, 10), (1, 65, 65), (2, 9, 0)] {
        let mut numbers = Numbers((size * 10 + heads) as u64);
        let [query, key, value, grad] =
            [1.5, 1.5, 1.0, 1.0].map(|s| numbers.floats(steps * heads * size, s));
        let x = Heads {
            heads,
            size,
            query: &query,
            key: &key,
            value: &value,
        };
        for mask in [vec![true; steps], (0..steps).map(|t| t % 3 != 1).collect()] {
            let twin = multi_head_attention_backward::reference(x, &mask, &wide(&grad));
            if steps < 20 {
                let forward = |x: Heads| multi_head_attention::reference(x, &mask);
                let grad = wide(&grad);
                let slopes = differences(&query, &grad, |query| forward(Heads { query, ..x }));
                check(DIFFERENCE, "query", &twin.query, &slopes);
                let slopes = differences(&key, &grad, |key| forward(Heads { key, ..x }));
                check(DIFFERENCE, "key", &twin.key, &slopes);
                let slopes = differences(&value, &grad, |value| forward(Heads { value, ..x }));
                check(DIFFERENCE, "value", &twin.value, &slopes);
            }
            let fast = multi_head_attention_backward(Cpu::detect(), x, &mask, &grad);
            ATTENTION.check("query", &fast.query, &twin.query);
            ATTENTION.check("key", &fast.key, &twin.key);
            ATTENTION.check("value", &fast.value, &twin.value);
        }
    }
}

#[test]
fn a_whole_mask_has_no_gradient() {
    let (heads, size, steps) = (2, 5, 4);
    let mut numbers = Numbers(3);
    let [query, key, value, grad] = [1.0; 4].map(|s| numbers.floats(steps * heads * size, s));
    let x = Heads {
        heads,
        size,
        query: &query,
        key: &key,
        value: &value,
    };
    let none = multi_head_attention_backward(Cpu::detect(), x, &[false; 4], &grad);
    let all = [none.query, none.key, none.value].concat();
    assert!(all.iter().all(|&g| g == 0.0), "{all:?}");
}
