//! The student's kernels against their twins, at awkward sizes.

#![allow(clippy::float_cmp)] // what is exact is compared exactly

mod support;

use stillglass_kernels::additive_attention::{self, Attention};
use stillglass_kernels::contributions;
use stillglass_kernels::embedding;
use stillglass_kernels::int16::{self, TWELVE_BITS};
use stillglass_kernels::linear_int8;
use stillglass_kernels::lstm::{self, Lstm, Time};
use stillglass_kernels::softmax::{self, softmax};
use stillglass_kernels::{Cpu, Int16};
use support::{
    AWKWARD, Numbers, Tolerance, Weights, additive_attention, contributions, embedding,
    linear_int8, lstm, lstm_in_parts, lstm_of, real, wide,
};

/// The sums are exact; only the scaling rounds, three times.
const LINEAR: Tolerance = Tolerance {
    abs: 1e-30,
    rel: 3e-7,
};
/// exp within 2 half-ulps, a sum of up to 257 terms, one division.
const SOFTMAX: Tolerance = Tolerance {
    abs: 1e-12,
    rel: 3e-6,
};
/// h enters the recurrence rounded to 12 bits (an error of 2.5e-4 at most a unit), which weights of
/// size 1 / √hidden carry on from step to step.
const LSTM: Tolerance = Tolerance {
    abs: 1e-3,
    rel: 1e-3,
};
/// h rounded to 12 bits moves a score by about 1e-3, a weight by that share of itself.
const ATTENTION: Tolerance = Tolerance {
    abs: 1e-6,
    rel: 3e-3,
};
/// 257 products in eight partial sums, each rounded to 24 bits.
const CONTRIBUTIONS: Tolerance = Tolerance {
    abs: 1e-6,
    rel: 1e-5,
};

#[test]
fn quantization_matches_its_twin() {
    let cpu = Cpu::detect();
    for columns in AWKWARD {
        for (size, most) in [
            (1e-25, TWELVE_BITS),
            (1e-3, TWELVE_BITS),
            (1.0, i16::MAX),
            (1e30, 11_008),
        ] {
            let x = Numbers(columns as u64).floats(columns, size);
            let quantized = Int16::quantize(cpu, &x, columns, most);
            let (q, scale) = quantized.row(0);
            let (twin, twin_scale) = int16::reference(&x, most);
            assert!((f64::from(scale) / twin_scale - 1.0).abs() < 1e-6);
            // A value within rounding of half-way may go either way.
            assert!(
                q.iter().zip(&twin).all(|(a, b)| (a - b).abs() <= 1),
                "{q:?} {twin:?}"
            );
            assert_eq!(
                q.iter().map(|q| q.unsigned_abs()).max(),
                Some(most.unsigned_abs())
            );
        }
    }
}

#[test]
fn quantization_rounds_half_to_even_and_tiny_rows_to_zero() {
    let x = [2047.0, 0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 1e-3, -2047.0];
    let quantized = Int16::quantize(Cpu::detect(), &x, x.len(), TWELVE_BITS);
    assert_eq!(
        quantized.row(0),
        (vec![2047, 0, 2, 2, 0, -2, -2, 0, -2047], 1.0)
    );
    for tiny in [0.0, 1e-40, f32::MIN_POSITIVE] {
        assert_eq!(
            Int16::quantize(Cpu::detect(), &[tiny, -tiny], 2, TWELVE_BITS).row(0),
            (vec![0, 0], 0.0)
        );
    }
}

#[test]
fn linear_int8_matches_its_twin() {
    for columns in AWKWARD {
        for (rows, steps) in [(1, 3), (3, 1), (4, 4), (5, 9), (65, 5), (8, 0)] {
            let mut numbers = Numbers((columns * 100 + rows) as u64);
            let w = numbers.weights(rows, columns, 1.0);
            let x = numbers.activations(steps, columns, 3.0, int16::finest(columns));
            let mut out = vec![0.0; steps * rows];
            linear_int8(Cpu::detect(), w.view(), &x, &mut out);
            LINEAR.check("linear_int8", &out, &linear_int8::reference(w.view(), &x));
        }
    }
}

#[test]
fn linear_int8_adds_to_what_is_there() {
    let mut numbers = Numbers(1);
    let (w, x) = (
        numbers.weights(6, 9, 1.0),
        numbers.activations(2, 9, 1.0, TWELVE_BITS),
    );
    let mut zero = vec![0.0; 12];
    linear_int8(Cpu::detect(), w.view(), &x, &mut zero);
    let mut biased = vec![0.25; 12];
    linear_int8(Cpu::detect(), w.view(), &x, &mut biased);
    assert!(zero.iter().zip(&biased).all(|(a, b)| 0.25 + a == *b));
}

#[test]
fn the_largest_sum_is_exact() {
    assert!(int16::finest(linear_int8::MOST_COLUMNS) >= TWELVE_BITS);
    let columns = [1, 515, 516, 1536, linear_int8::MOST_COLUMNS];
    for (columns, sign) in columns.into_iter().flat_map(|c| [(c, 1), (c, -1)]) {
        // Both rows of a lane at its limits.
        let w = Weights {
            rows: 8,
            columns,
            values: [[127; 4], [-127; 4]]
                .as_flattened()
                .iter()
                .flat_map(|&weight| vec![weight; columns])
                .collect(),
            scales: vec![1.0; 8],
        };
        // Four rows that go together and one alone, of both signs.
        let signs = [sign, -sign, sign, sign, -sign];
        let most = int16::finest(columns);
        let mut x = Int16::with_capacity(signs.len(), columns);
        for sign in signs {
            x.push(vec![most * sign; columns], 1.0);
        }
        let sum = |sign| (127 * i32::from(most * sign) * columns as i32) as f32;
        for cpu in Cpu::available() {
            let mut out = vec![0.0; 8 * signs.len()];
            linear_int8(cpu, w.view(), &x, &mut out);
            let want = signs.map(|step| [1, -1].map(|row| [sum(step * row); 4]));
            assert_eq!(out, want.as_flattened().as_flattened());
        }
    }
}

#[test]
fn embedding_is_exact() {
    let table = Numbers(5).weights(11, 9, 1.0);
    for ids in [vec![], vec![10], vec![0, 10, 0, 3]] {
        let rows = embedding(table.view(), &ids);
        assert_eq!((rows.rows(), rows.columns()), (ids.len(), 9));
        assert_eq!(real(&rows), embedding::reference(table.view(), &ids));
    }
}

#[test]
fn an_lstm_goes_on_where_it_was() {
    for hidden in [1, 7, 65] {
        let (mut numbers, steps) = (Numbers(hidden as u64), [0, 2, 1, 1, 3, 0, 4]);
        let made = numbers.direction(hidden, 5);
        let x = numbers.activations(5, 5, 2.0, TWELVE_BITS);
        let read = |together| {
            let time = Time::Forward;
            lstm_in_parts(Cpu::detect(), made.view(), &x, &steps, time, together)
        };
        for together in [1, 2, 3] {
            assert_eq!(read(together), read(steps.len()));
        }
    }
}

#[test]
fn lstm_matches_its_twin() {
    for hidden in [1, 7, 8, 63, 64, 65] {
        for (inputs, steps) in [(1, 1), (9, 40), (64, 3), (65, 0)] {
            for time in [Time::Forward, Time::Backward] {
                let mut numbers = Numbers((hidden * 1000 + inputs) as u64);
                let made = numbers.direction(hidden, inputs);
                let weights = made.view();
                let x = numbers.activations(steps, inputs, 2.0, TWELVE_BITS);
                let twin = lstm::reference(weights, &real(&x), time);
                LSTM.check("lstm", &lstm(Cpu::detect(), weights, &x, time), &twin);
            }
        }
    }
}

/// Steps that read the same input share its product with the weights.
#[test]
fn inputs_may_be_read_in_any_order_and_more_than_once() {
    let (hidden, inputs) = (9, 5);
    let mut numbers = Numbers(3);
    let made = numbers.direction(hidden, inputs);
    let weights = made.view();
    let x = numbers.activations(6, inputs, 2.0, TWELVE_BITS);
    let steps = [5, 0, 0, 3, 5, 1, 2];
    let mut spread = Int16::with_capacity(steps.len(), inputs);
    for &step in &steps {
        let (row, scale) = x.row(step as usize);
        spread.push(row, scale);
    }
    for time in [Time::Forward, Time::Backward] {
        let shared = lstm_of(Cpu::detect(), weights, &x, &steps, time);
        assert_eq!(shared, lstm(Cpu::detect(), weights, &spread, time));
    }
}

/// One unit over two steps, driven by its biases alone, shows which row is which gate.
#[test]
fn gates_are_stacked_input_forget_cell_output() {
    let none = Weights {
        rows: 4,
        columns: 1,
        values: vec![0; 4],
        scales: vec![1.0; 4],
    };
    let check = |what: &str, bias: [f32; 4], want: [f64; 2]| {
        let mut x = Int16::with_capacity(2, 1);
        (0..2).for_each(|_| x.push([0], 0.0));
        let weights = Lstm {
            input: none.view(),
            recurrent: none.view(),
            bias: &bias,
        };
        SOFTMAX.check(
            what,
            &lstm(Cpu::detect(), weights, &x, Time::Forward),
            &want,
        );
    };
    let (shut, open) = (-50.0, 50.0);
    let (once, twice) = (1_f64.tanh(), 2_f64.tanh());
    check("the cell adds up", [open, open, open, open], [once, twice]);
    check("nothing enters", [shut, open, open, open], [0.0, 0.0]);
    check("the cell forgets", [open, shut, open, open], [once, once]);
    check(
        "the candidate is negative",
        [open, open, shut, open],
        [-once, -twice],
    );
    check("nothing shows", [open, open, open, shut], [0.0, 0.0]);
}

/// Backwards, the last step is the first to be computed and keeps its place in the output.
#[test]
fn backward_time_is_forward_time_over_the_reversed_text() {
    let (hidden, inputs, steps) = (9, 5, 7);
    let mut numbers = Numbers(2);
    let made = numbers.direction(hidden, inputs);
    let weights = made.view();
    let x = numbers.activations(steps, inputs, 2.0, TWELVE_BITS);
    let mut reversed = Int16::with_capacity(steps, inputs);
    for step in (0..steps).rev() {
        let (row, scale) = x.row(step);
        reversed.push(row.iter().copied(), scale);
    }
    let backward = lstm(Cpu::detect(), weights, &x, Time::Backward);
    let forward = lstm(Cpu::detect(), weights, &reversed, Time::Forward);
    let forward: Vec<f32> = forward.rchunks(hidden).flatten().copied().collect();
    assert_eq!(backward, forward);
}

#[test]
fn attention_matches_its_twin_and_sums_to_one() {
    for (attention, columns) in [(1, 1), (7, 9), (64, 128), (65, 257)] {
        for steps in [0, 1, 8, 63, 257] {
            let mut numbers = Numbers((attention + columns) as u64);
            let projection = numbers.weights(attention, columns, 1.0);
            let (bias, vector) = (
                numbers.floats(attention, 0.5),
                numbers.floats(attention, 1.0),
            );
            let h = numbers.floats(steps * columns, 1.0);
            let weights = Attention {
                projection: projection.view(),
                bias: &bias,
                vector: &vector,
            };
            let alpha = additive_attention(Cpu::detect(), weights, &h);
            ATTENTION.check(
                "attention",
                &alpha,
                &additive_attention::reference(weights, &wide(&h)),
            );
            let sum: f32 = alpha.iter().sum();
            assert!(steps == 0 || (sum - 1.0).abs() < 1e-5, "{sum}");
        }
    }
}

#[test]
fn softmax_matches_its_twin() {
    for columns in AWKWARD {
        for size in [0.0, 1.0, 30.0, 1e4, 1e38] {
            let mut x = Numbers(columns as u64).floats(3 * columns, size);
            let twin: Vec<f64> = x.chunks(columns).flat_map(softmax::reference).collect();
            softmax(Cpu::detect(), &mut x, columns);
            SOFTMAX.check("softmax", &x, &twin);
        }
    }
}

#[test]
fn masked_entries_weigh_nothing() {
    let hidden = f32::NEG_INFINITY;
    for columns in AWKWARD {
        let mut whole = vec![hidden; columns];
        softmax(Cpu::detect(), &mut whole, columns);
        assert!(whole.iter().all(|&w| w == 0.0));
        let mut one = vec![hidden; columns];
        one[columns / 2] = -3e38;
        softmax(Cpu::detect(), &mut one, columns);
        assert!(
            one.iter()
                .enumerate()
                .all(|(i, &w)| w == f32::from(u8::from(i == columns / 2)))
        );
    }
    softmax(Cpu::detect(), &mut [], 0);
}

#[test]
fn contributions_match_their_twin() {
    for columns in AWKWARD {
        for (classes, steps) in [(1, 1), (3, 0), (3, 17), (65, 2)] {
            let mut numbers = Numbers(columns as u64);
            let weight = numbers.floats(classes * columns, 1.0);
            let (attention, h) = (
                numbers.floats(steps, 1.0),
                numbers.floats(steps * columns, 1.0),
            );
            let twin = contributions::reference(&weight, &wide(&attention), &wide(&h));
            CONTRIBUTIONS.check(
                "contributions",
                &contributions(Cpu::detect(), &weight, &attention, &h),
                &twin,
            );
        }
    }
}
