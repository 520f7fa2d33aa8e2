//! The encoder's kernels against their twins, at awkward sizes.

#![allow(clippy::float_cmp)] // what is exact is compared exactly

mod support;

use stillglass_kernels::gelu::{self, gelu};
use stillglass_kernels::layer_norm::{self, Norm, layer_norm};
use stillglass_kernels::linear::{self, Dense, linear};
use stillglass_kernels::linear_int4;
use stillglass_kernels::multi_head_attention::{self, Heads, multi_head_attention};
use stillglass_kernels::pooling;
use stillglass_kernels::{Cpu, Int4, Int16};
use support::{AWKWARD, Numbers, Tolerance, linear_int4, wide};

/// Products of size 1 in eight partial sums of up to 33 terms, each rounded to 24 bits.
const LINEAR: Tolerance = Tolerance {
    abs: 5e-6,
    rel: 1e-5,
};
/// Exact in a group of 32; the groups, up to nine, are added in 24 bits.
const LINEAR_INT4: Tolerance = Tolerance {
    abs: 1e-6,
    rel: 1e-6,
};
/// Up to 65 shares of values of size 1 are added one after the other.
const POOLING: Tolerance = Tolerance {
    abs: 1e-6,
    rel: 1e-6,
};
/// The variance carries the rounding of a sum; dividing by its root halves it.
const LAYER_NORM: Tolerance = Tolerance {
    abs: 2e-6,
    rel: 2e-6,
};
/// e^−x²/2 has the rounding of its exponent, up to 87 · 2⁻²⁴, as relative error; below 1e-36 it is 0.
const GELU: Tolerance = Tolerance {
    abs: 1e-35,
    rel: 1e-5,
};
/// A score of size √257 is rounded to 24 bits, and weighs values of size 1.
const ATTENTION: Tolerance = Tolerance {
    abs: 5e-6,
    rel: 1e-5,
};

#[test]
fn linear_matches_its_twin() {
    for columns in AWKWARD {
        for (rows, steps) in [(1, 3), (3, 1), (4, 2), (5, 0), (65, 7)] {
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
            LINEAR.check(
                "linear",
                &linear(Cpu::detect(), w, &x),
                &linear::reference(w, &wide(&x)),
            );
        }
    }
}

#[test]
fn linear_int4_matches_its_twin_and_adds_to_what_is_there() {
    for columns in [32, 64, 96, 288] {
        for (rows, steps) in [(1, 3), (3, 1), (4, 4), (5, 9), (65, 5), (8, 0)] {
            let mut numbers = Numbers((columns * 100 + rows) as u64);
            let w = numbers.nibbles(rows, columns, 1.0);
            let x = numbers.activations(steps, columns, 3.0, i16::MAX);
            let mut out = vec![0.25; steps * rows];
            linear_int4(Cpu::detect(), w.view(), &x, &mut out);
            let twin = linear_int4::reference(w.view(), &x);
            let twin: Vec<f64> = twin.iter().map(|y| y + 0.25).collect();
            LINEAR_INT4.check("linear_int4", &out, &twin);
        }
    }
}

/// One byte shows which half is which column, and where zero lies.
#[test]
fn nibbles_are_low_first_and_eight_is_zero() {
    let mut values = [0x88; 16];
    values[1] = 0x1f; // column 2 is 7, column 3 is -7
    let w = Int4 {
        rows: 1,
        columns: 32,
        values: &values,
        scales: &[0.5],
    };
    let mut x = Int16::with_capacity(32, 32);
    (0..32).for_each(|one| x.push((0..32).map(|column| i16::from(column == one)), 1.0));
    let mut out = [0.0; 32];
    linear_int4(Cpu::detect(), w, &x, &mut out);
    assert_eq!((out[2], out[3]), (3.5, -3.5));
    assert!(
        out.iter()
            .enumerate()
            .all(|(i, &y)| i == 2 || i == 3 || y == 0.0)
    );
}

#[test]
fn pooling_matches_its_twin() {
    for columns in AWKWARD {
        for steps in [0, 1, 2, 65] {
            let h = Numbers(columns as u64).floats(steps * columns, 1.0);
            let some = (0..steps).map(|t| t % 3 != 1).collect();
            for mask in [vec![true; steps], some, vec![false; steps]] {
                let mean = pooling::mean(Cpu::detect(), &h, &mask, columns);
                POOLING.check(
                    "pooling",
                    &mean,
                    &pooling::reference(&wide(&h), &mask, columns),
                );
            }
        }
    }
}

#[test]
fn layer_norm_matches_its_twin() {
    for columns in AWKWARD {
        for (size, shift) in [(1.0, 0.0), (1e-3, 0.0), (100.0, 3.0)] {
            let mut numbers = Numbers(columns as u64);
            let (weight, bias) = (numbers.floats(columns, 1.0), numbers.floats(columns, 1.0));
            let norm = Norm {
                weight: &weight,
                bias: &bias,
                epsilon: 1e-12,
            };
            let mut x: Vec<f32> = numbers
                .floats(3 * columns, size)
                .iter()
                .map(|x| x + shift)
                .collect();
            // A row of one value is its own mean; only ε keeps 0 / 0 away.
            let twin: Vec<f64> = x
                .chunks(columns)
                .flat_map(|row| layer_norm::reference(norm, &wide(row)))
                .collect();
            layer_norm(Cpu::detect(), norm, &mut x);
            LAYER_NORM.check("layer_norm", &x, &twin);
        }
    }
}

#[test]
fn a_constant_row_normalises_to_the_bias() {
    for columns in AWKWARD {
        let (weight, bias) = (vec![2.0; columns], vec![0.5; columns]);
        let mut x = vec![4.0; columns];
        layer_norm(
            Cpu::detect(),
            Norm {
                weight: &weight,
                bias: &bias,
                epsilon: 1e-5,
            },
            &mut x,
        );
        assert!(x.iter().all(|y| y.to_bits() == 0.5_f32.to_bits()), "{x:?}");
    }
}

#[test]
fn gelu_matches_its_twin() {
    for length in AWKWARD {
        for size in [1e-3, 1.0, 6.0, 12.0, 1e3, f32::MAX] {
            let mut x = Numbers(length as u64).floats(length, size);
            x[0] = 0.0;
            let twin: Vec<f64> = x.iter().map(|&x| gelu::reference(f64::from(x))).collect();
            gelu(Cpu::detect(), &mut x);
            GELU.check("gelu", &x, &twin);
        }
    }
}

#[test]
fn multi_head_attention_matches_its_twin() {
    for size in [1, 8, 63, 64, 65] {
        for (heads, steps) in [(1, 1), (2, 9), (3, 65), (2, 0)] {
            let mut numbers = Numbers((size * 10 + heads) as u64);
            let [query, key, value] =
                [2.0, 2.0, 1.0].map(|s| numbers.floats(steps * heads * size, s));
            let x = Heads {
                heads,
                size,
                query: &query,
                key: &key,
                value: &value,
            };
            for mask in [vec![true; steps], (0..steps).map(|t| t % 3 != 1).collect()] {
                let twin = multi_head_attention::reference(x, &mask);
                ATTENTION.check(
                    "attention",
                    &multi_head_attention(Cpu::detect(), x, &mask),
                    &twin,
                );
            }
        }
    }
}

#[test]
fn masked_steps_change_nothing_and_a_whole_mask_gives_zero() {
    let (heads, size, steps) = (2, 9, 5);
    let mut numbers = Numbers(3);
    let [query, key, value] = [1.0; 3].map(|s| numbers.floats(steps * heads * size, s));
    let x = Heads {
        heads,
        size,
        query: &query,
        key: &key,
        value: &value,
    };
    let cut = 3 * heads * size;
    let short = Heads {
        heads,
        size,
        query: &query[..cut],
        key: &key[..cut],
        value: &value[..cut],
    };
    let padded = multi_head_attention(Cpu::detect(), x, &[true, true, true, false, false]);
    assert_eq!(
        padded[..cut],
        multi_head_attention(Cpu::detect(), short, &[true; 3])
    );
    let none = multi_head_attention(Cpu::detect(), x, &[false; 5]);
    assert!(none.iter().all(|&y| y == 0.0));
}
