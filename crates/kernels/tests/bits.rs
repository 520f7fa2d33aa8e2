//! The kernels' bits, pinned: a machine, a compiler or an instruction set that computes anything
//! differently fails here. Made on x86-64; NEON (emulated) and WebAssembly gave the same.

mod support;

use stillglass_kernels::additive_attention::Attention;
use stillglass_kernels::gelu::gelu;
use stillglass_kernels::int16::TWELVE_BITS;
use stillglass_kernels::layer_norm::{Norm, layer_norm};
use stillglass_kernels::linear::{Dense, linear};
use stillglass_kernels::lstm::{Lstm, Time};
use stillglass_kernels::multi_head_attention::{Heads, multi_head_attention};
use stillglass_kernels::softmax::softmax;
use stillglass_kernels::{Cpu, Int16};
use support::{Numbers, additive_attention, contributions, lstm};

const STUDENT: u64 = 0xa4c3_c362_9330_fbd3;
const ENCODER: u64 = 0xd18a_a67c_52bd_9106;

/// FNV-1a over the bits.
fn hash(x: &[f32]) -> u64 {
    let step = |hash: u64, x: &f32| (hash ^ u64::from(x.to_bits())).wrapping_mul(0x0100_0000_01b3);
    x.iter().fold(0xcbf2_9ce4_8422_2325, step)
}

/// LSTM, attention and contributions over odd shapes, from tiny to huge weights.
fn student(cpu: Cpu) -> Vec<f32> {
    let mut all = Vec::new();
    for seed in 0..20 {
        for size in [1.0, 100.0, 1e-20, 1e15] {
            let mut numbers = Numbers(seed);
            let [hidden, inputs, steps] = [41, 41, 12].map(|limit| numbers.below(limit).max(1));
            let input = numbers.weights(4 * hidden, inputs, size);
            let recurrent = numbers.weights(4 * hidden, hidden, size);
            let bias = numbers.floats(4 * hidden, size);
            let steps = numbers.floats(steps * inputs, size);
            let x = Int16::quantize(cpu, &steps, inputs, TWELVE_BITS);
            let weights = Lstm {
                input: input.view(),
                recurrent: recurrent.view(),
                bias: &bias,
            };
            let h = lstm(
                cpu,
                weights,
                &x,
                [Time::Forward, Time::Backward][seed as usize % 2],
            );
            let projection = numbers.weights(9, hidden, size);
            let (bias, vector) = (numbers.floats(9, size), numbers.floats(9, size));
            let weights = Attention {
                projection: projection.view(),
                bias: &bias,
                vector: &vector,
            };
            let attention = additive_attention(cpu, weights, &h);
            let classifier = numbers.floats(3 * hidden, size);
            all.extend(contributions(cpu, &classifier, &attention, &h));
            all.extend(h);
            all.extend(attention);
        }
    }
    all
}

/// Softmax, GELU, layer norm, attention and linear over odd shapes.
fn encoder(cpu: Cpu) -> Vec<f32> {
    let mut all = Vec::new();
    for seed in 0..40 {
        let mut numbers = Numbers(seed);
        let (heads, size, steps) = (2, 1 + numbers.below(40), 5);
        let columns = heads * size;
        let [mut x, key, value] = [4.0, 2.0, 2.0].map(|s| numbers.floats(steps * columns, s));
        let weight = numbers.floats(13 * columns, 1.0);
        let bias = numbers.floats(columns.max(13), 1.0);
        let attended = Heads {
            heads,
            size,
            query: &x,
            key: &key,
            value: &value,
        };
        all.extend(multi_head_attention(
            cpu,
            attended,
            &[true, false, true, true, true],
        ));
        let dense = Dense {
            rows: 13,
            columns,
            weight: &weight,
            bias: &bias[..13],
        };
        all.extend(linear(cpu, dense, &x));
        gelu(cpu, &mut x);
        let norm = Norm {
            weight: &weight[..columns],
            bias: &bias[..columns],
            epsilon: 1e-12,
        };
        layer_norm(cpu, norm, &mut x);
        all.extend(&x);
        softmax(cpu, &mut x, columns);
        all.extend(&x);
    }
    all
}

#[test]
fn the_students_kernels_give_these_bits() {
    for cpu in Cpu::available() {
        assert_eq!(hash(&student(cpu)), STUDENT, "{}", cpu.name());
    }
}

#[test]
fn the_encoders_kernels_give_these_bits() {
    for cpu in Cpu::available() {
        assert_eq!(hash(&encoder(cpu)), ENCODER, "{}", cpu.name());
    }
}
