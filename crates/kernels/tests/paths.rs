//! Every instruction set this machine has gives the bits that plain Rust gives, at any shape.

mod support;

use proptest::prelude::*;
use stillglass_kernels::additive_attention::Attention;
use stillglass_kernels::gelu::gelu;
use stillglass_kernels::gelu_backward::gelu_backward;
use stillglass_kernels::int16::{TWELVE_BITS, finest};
use stillglass_kernels::layer_norm::{Norm, layer_norm};
use stillglass_kernels::layer_norm_backward::layer_norm_backward;
use stillglass_kernels::linear::{Dense, linear};
use stillglass_kernels::linear_backward::linear_int8_backward;
use stillglass_kernels::lstm::{Lstm, Time};
use stillglass_kernels::multi_head_attention::{Heads, multi_head_attention};
use stillglass_kernels::multi_head_attention_backward::multi_head_attention_backward;
use stillglass_kernels::softmax::softmax;
use stillglass_kernels::softmax_backward::softmax_backward;
use stillglass_kernels::{Cpu, Int16, pooling};
use support::{Numbers, additive_attention, bits, contributions, linear_int4, linear_int8, lstm};

/// Runs on every set and compares with the portable one.
fn same_everywhere(run: impl Fn(Cpu) -> Vec<f32>) {
    let portable = bits(&run(Cpu::PORTABLE));
    for cpu in Cpu::available() {
        assert_eq!(bits(&run(cpu)), portable, "{}", cpu.name());
    }
}

/// Sizes from unremarkable to the edge of what `f32` holds.
fn size() -> impl Strategy<Value = f32> {
    prop_oneof![Just(1.0), Just(100.0), Just(1e-20), Just(1e15)]
}

#[test]
fn this_machine_has_more_than_the_portable_set() {
    // Without a fast set the properties below would compare plain Rust with itself.
    let fast = cfg!(any(target_arch = "x86_64", target_arch = "aarch64"));
    assert!(
        !fast || Cpu::available().len() > 1,
        "no AVX2 or NEON here: run this on a machine that has it"
    );
    assert_eq!(Cpu::available().first(), Some(&Cpu::PORTABLE));
    assert_eq!(Cpu::available().last(), Some(&Cpu::detect()));
}

proptest! {
    #[test]
    fn linear_int8_is_the_same(seed: u64, rows in 0_usize..20, columns in 1_usize..300, size in size()) {
        let mut numbers = Numbers(seed);
        let (w, x) = (numbers.weights(rows, columns, size), numbers.activations(5, columns, size, finest(columns)));
        same_everywhere(|cpu| {
            let mut out = vec![0.5; 5 * rows];
            linear_int8(cpu, w.view(), &x, &mut out);
            out
        });
    }

    #[test]
    fn quantization_is_the_same(seed: u64, columns in 1_usize..300, size in size()) {
        let x = Numbers(seed).floats(2 * columns, size);
        let portable = Int16::quantize(Cpu::PORTABLE, &x, columns, TWELVE_BITS);
        for cpu in Cpu::available() {
            prop_assert_eq!(&Int16::quantize(cpu, &x, columns, TWELVE_BITS), &portable);
        }
        let most = finest(columns);
        let portable = Int16::quantize(Cpu::PORTABLE, &x, columns, most);
        for cpu in Cpu::available() {
            prop_assert_eq!(&Int16::quantize(cpu, &x, columns, most), &portable);
        }
    }

    #[test]
    fn lstm_is_the_same(seed: u64, hidden in 1_usize..40, inputs in 1_usize..40, steps in 0_usize..12, size in size()) {
        let mut numbers = Numbers(seed);
        let (input, recurrent) =
            (numbers.weights(4 * hidden, inputs, size), numbers.weights(4 * hidden, hidden, size));
        let (bias, x) = (numbers.floats(4 * hidden, size), numbers.activations(steps, inputs, size, TWELVE_BITS));
        let weights = Lstm { input: input.view(), recurrent: recurrent.view(), bias: &bias };
        let time = if seed % 2 == 0 { Time::Forward } else { Time::Backward };
        same_everywhere(|cpu| lstm(cpu, weights, &x, time));
    }

    #[test]
    fn additive_attention_is_the_same(seed: u64, units in 1_usize..40, columns in 1_usize..80, steps in 0_usize..40, size in size()) {
        let mut numbers = Numbers(seed);
        let projection = numbers.weights(units, columns, size);
        let (bias, vector) = (numbers.floats(units, size), numbers.floats(units, size));
        let h = numbers.floats(steps * columns, 1.0);
        let weights = Attention { projection: projection.view(), bias: &bias, vector: &vector };
        same_everywhere(|cpu| additive_attention(cpu, weights, &h));
    }

    #[test]
    fn softmax_is_the_same(seed: u64, columns in 1_usize..300, size in size()) {
        let x = Numbers(seed).floats(2 * columns, size);
        same_everywhere(|cpu| {
            let mut x = x.clone();
            softmax(cpu, &mut x, columns);
            x
        });
    }

    #[test]
    fn contributions_are_the_same(seed: u64, columns in 1_usize..300, classes in 1_usize..6, size in size()) {
        let mut numbers = Numbers(seed);
        let (weight, attention) = (numbers.floats(classes * columns, size), numbers.floats(4, 1.0));
        let h = numbers.floats(4 * columns, 1.0);
        same_everywhere(|cpu| contributions(cpu, &weight, &attention, &h));
    }

    #[test]
    fn the_encoders_kernels_are_the_same(seed: u64, heads in 1_usize..4, size in 1_usize..70, steps in 0_usize..12) {
        let mut numbers = Numbers(seed);
        let columns = heads * size;
        let [x, key, value] = [2.0, 2.0, 5.0].map(|s| numbers.floats(steps * columns, s));
        let (weight, bias) = (numbers.floats(7 * columns, 1.0), numbers.floats(columns.max(7), 1.0));
        let dense = Dense { rows: 7, columns, weight: &weight, bias: &bias[..7] };
        same_everywhere(|cpu| linear(cpu, dense, &x));
        let norm = Norm { weight: &weight[..columns], bias: &bias[..columns], epsilon: 1e-12 };
        let mask: Vec<bool> = (0..steps).map(|_| numbers.below(4) > 0).collect();
        let attended = Heads { heads, size, query: &x, key: &key, value: &value };
        same_everywhere(|cpu| multi_head_attention(cpu, attended, &mask));
        same_everywhere(|cpu| {
            let mut x = x.clone();
            layer_norm(cpu, norm, &mut x);
            gelu(cpu, &mut x);
            x
        });
    }

    #[test]
    fn linear_int4_is_the_same(seed: u64, rows in 1_usize..20, groups in 1_usize..8, size in size()) {
        let mut numbers = Numbers(seed);
        let columns = groups * 32;
        let (w, x) = (numbers.nibbles(rows, columns, size), numbers.activations(5, columns, size, i16::MAX));
        same_everywhere(|cpu| {
            let mut out = vec![0.5; 5 * rows];
            linear_int4(cpu, w.view(), &x, &mut out);
            out
        });
    }

    #[test]
    fn the_backward_kernels_are_the_same(seed: u64, heads in 1_usize..4, size in 1_usize..70, steps in 0_usize..12) {
        let mut numbers = Numbers(seed);
        let columns = heads * size;
        let [x, key, value, grad] = [2.0, 2.0, 5.0, 1.0].map(|s| numbers.floats(steps * columns, s));
        let w = numbers.weights(columns, 37, 1.0);
        same_everywhere(|cpu| linear_int8_backward(cpu, w.view(), &grad));
        let (weight, bias) = (numbers.floats(columns, 1.0), numbers.floats(columns, 1.0));
        let norm = Norm { weight: &weight, bias: &bias, epsilon: 1e-12 };
        same_everywhere(|cpu| layer_norm_backward(cpu, norm, &x, &grad));
        let mask: Vec<bool> = (0..steps).map(|_| numbers.below(4) > 0).collect();
        same_everywhere(|cpu| pooling::mean(cpu, &x, &mask, columns));
        let attended = Heads { heads, size, query: &x, key: &key, value: &value };
        same_everywhere(|cpu| {
            let slopes = multi_head_attention_backward(cpu, attended, &mask, &grad);
            [slopes.query, slopes.key, slopes.value].concat()
        });
        same_everywhere(|cpu| {
            let (mut y, mut grad) = (x.clone(), grad.clone());
            softmax(cpu, &mut y, columns);
            softmax_backward(cpu, &y, &mut grad, columns);
            gelu_backward(cpu, &x, &mut grad);
            grad
        });
    }
}
