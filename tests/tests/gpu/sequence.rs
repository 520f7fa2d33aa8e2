//! Kernels that see a text's tokens together: texts of different lengths in one batch.

use stillglass_kernels::additive_attention::{self, Attention};
use stillglass_kernels::contributions;
use stillglass_kernels::int16::TWELVE_BITS;
use stillglass_kernels::lstm::{self, Lstm, Time};
use stillglass_kernels::multi_head_attention::{self, Heads};
use stillglass_runtime::gpu::{Activation, AttentionWeights, QueryKeyValue};

use crate::support::{Numbers, Tolerance, real, wide};
use crate::{gpu, run};

/// Nothing is rounded to 12 bits here; exp and tanh are off by a few units, step after step.
const LSTM: Tolerance = Tolerance {
    abs: 2e-5,
    rel: 1e-4,
};
/// WGSL grants tanh an absolute error of 1e-5; up to 65 of them make a score.
const ATTENTION: Tolerance = Tolerance {
    abs: 1e-6,
    rel: 2e-4,
};
/// Up to 257 products of size 1 added in f32.
const CONTRIBUTIONS: Tolerance = Tolerance {
    abs: 2e-5,
    rel: 1e-5,
};
/// A score of size √128 is rounded to 24 bits, exp to a few units more; values are of size 1.
const HEADS: Tolerance = Tolerance {
    abs: 2e-5,
    rel: 1e-4,
};

/// Of a batch: an empty text, one of a single token, others around the kernels' tiles.
const LENGTHS: [usize; 6] = [1, 0, 7, 64, 65, 130];

/// A batch's rows, text by text.
fn texts<T>(rows: &[T], width: usize) -> Vec<&[T]> {
    let mut rest = rows;
    let text = |length| {
        let (mine, others) = rest.split_at(length * width);
        rest = others;
        mine
    };
    LENGTHS.into_iter().map(text).collect()
}

fn tokens() -> usize {
    LENGTHS.iter().sum()
}

#[test]
fn lstm_matches_its_twin() {
    let Some(gpu) = gpu() else { return };
    for (hidden, inputs) in [(1, 1), (7, 9), (64, 64), (65, 8), (130, 10)] {
        let mut numbers = Numbers((hidden * 1000 + inputs) as u64);
        let input = [0; 2].map(|_| numbers.weights(4 * hidden, inputs, 1.0));
        let recurrent = [0; 2].map(|_| numbers.weights(4 * hidden, hidden, 1.0));
        let bias = [0; 2].map(|_| numbers.floats(4 * hidden, 0.5));
        let x = real(&numbers.activations(tokens(), inputs, 2.0, TWELVE_BITS));
        let [forward, backward] = [&input[0], &input[1]].map(|w| w.view());
        let gates = gpu
            .linear_int8(&[forward, backward], &bias.concat())
            .expect("room");
        let [forward, backward] = [&recurrent[0], &recurrent[1]].map(|w| w.view());
        let table = gpu.table(&[forward, backward]).expect("room");
        let found = run(|call| {
            let x: Vec<f32> = x.iter().map(|&x| x as f32).collect();
            let (texts, x) = (call.texts(&LENGTHS), call.upload(&x, inputs));
            let gates = call.linear_int8(&gates, &x, Activation::None);
            call.lstm(&table, &texts, &gates)
        });
        let found = found.expect("a GPU");
        for (text, found) in texts(&x, inputs).into_iter().zip(texts(&found, 2 * hidden)) {
            for (direction, time) in [Time::Forward, Time::Backward].into_iter().enumerate() {
                let weights = Lstm {
                    input: input[direction].view(),
                    recurrent: recurrent[direction].view(),
                    bias: &bias[direction],
                };
                let halves = found.chunks(hidden).skip(direction).step_by(2);
                let found: Vec<f32> = halves.flatten().copied().collect();
                LSTM.check("lstm", &found, &lstm::reference(weights, text, time));
            }
        }
    }
}

#[test]
fn additive_attention_matches_its_twin() {
    let Some(gpu) = gpu() else { return };
    for (units, columns) in [(1, 1), (7, 9), (64, 128), (65, 257)] {
        let mut numbers = Numbers((units + columns) as u64);
        let projection = numbers.weights(units, columns, 1.0);
        let (bias, vector) = (numbers.floats(units, 0.5), numbers.floats(units, 1.0));
        let h = numbers.floats(tokens() * columns, 1.0);
        let uploaded = AttentionWeights {
            projection: gpu.linear_int8(&[projection.view()], &bias).expect("room"),
            vector: gpu.floats(&vector).expect("room"),
        };
        let found = run(|call| {
            let (texts, h) = (call.texts(&LENGTHS), call.upload(&h, columns));
            call.additive_attention(&uploaded, &texts, &h)
        });
        let found = found.expect("a GPU");
        let weights = Attention {
            projection: projection.view(),
            bias: &bias,
            vector: &vector,
        };
        let h = wide(&h);
        for (text, found) in texts(&h, columns).into_iter().zip(texts(&found, 1)) {
            ATTENTION.check(
                "attention",
                found,
                &additive_attention::reference(weights, text),
            );
        }
    }
}

#[test]
fn contributions_match_their_twin() {
    let Some(gpu) = gpu() else { return };
    for (columns, classes) in [(1, 1), (9, 3), (128, 3), (257, 65)] {
        let mut numbers = Numbers(columns as u64);
        let weight = numbers.floats(classes * columns, 1.0);
        let (attention, h) = (numbers.floats(70, 1.0), numbers.floats(70 * columns, 1.0));
        let uploaded = gpu.floats(&weight).expect("room");
        let found = run(|call| {
            let (attention, h) = (call.upload(&attention, 1), call.upload(&h, columns));
            call.contributions(&uploaded, classes, &attention, &h)
        });
        let twin = contributions::reference(&weight, &wide(&attention), &wide(&h));
        CONTRIBUTIONS.check("contributions", &found.expect("a GPU"), &twin);
    }
}

#[test]
fn multi_head_attention_matches_its_twin() {
    for (heads, size) in [(1, 1), (2, 9), (12, 32), (3, 64), (1, 128)] {
        let mut numbers = Numbers((size * 10 + heads) as u64);
        let width = heads * size;
        let x = numbers.floats(tokens() * 3 * width, 1.5);
        let found = run(|call| {
            let texts = call.texts(&LENGTHS);
            let x = QueryKeyValue {
                matrix: call.upload(&x, 3 * width),
                heads,
                size,
            };
            call.multi_head_attention(&x, &texts)
        });
        let Some(found) = found else { return };
        for (text, found) in texts(&x, 3 * width).into_iter().zip(texts(&found, width)) {
            let part = |which: usize| -> Vec<f32> {
                text.chunks(width)
                    .skip(which)
                    .step_by(3)
                    .flatten()
                    .copied()
                    .collect()
            };
            let [query, key, value] = [0, 1, 2].map(part);
            let x = Heads {
                heads,
                size,
                query: &query,
                key: &key,
                value: &value,
            };
            let mask = vec![true; text.len() / width / 3];
            HEADS.check("heads", found, &multi_head_attention::reference(x, &mask));
        }
    }
}
