//! Made-up weights and activations, the same on every run, and how to compare results.

#![allow(dead_code)] // each test file uses its own part

use stillglass_kernels::additive_attention::{self, Attention, Scorer};

use stillglass_kernels::lstm::{self, Columns, Gates, Lstm, Time};
use stillglass_kernels::{
    Cpu, Int4, Int4Panels, Int8, Int16, Panels, contributions, embedding, linear_int4, linear_int8,
};

/// Lengths around the width of a vector, of two, and far from any.
pub(crate) const AWKWARD: [usize; 8] = [1, 7, 8, 9, 63, 64, 65, 257];

/// How far a fast path may be from its twin: |fast − twin| ≤ abs + rel · |twin|.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tolerance {
    pub(crate) abs: f64,
    pub(crate) rel: f64,
}

impl Tolerance {
    #[track_caller]
    pub(crate) fn check(self, what: &str, fast: &[f32], twin: &[f64]) {
        assert_eq!(fast.len(), twin.len(), "{what}");
        for (i, (&fast, &twin)) in fast.iter().zip(twin).enumerate() {
            let error = (f64::from(fast) - twin).abs();
            assert!(
                error <= self.abs + self.rel * twin.abs(),
                "{what}[{i}]: {fast} for {twin}"
            );
        }
    }
}

/// Numbers that look random (`SplitMix64`).
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// In [-1, 1).
    pub(crate) fn unit(&mut self) -> f32 {
        (self.bits() >> 40) as f32 / (1 << 23) as f32 - 1.0
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        (self.bits() % limit as u64) as usize
    }

    pub(crate) fn floats(&mut self, count: usize, size: f32) -> Vec<f32> {
        (0..count).map(|_| self.unit() * size).collect()
    }

    /// int8 weights of about `size / √columns`.
    pub(crate) fn weights(&mut self, rows: usize, columns: usize, size: f32) -> Weights {
        let values = (0..rows * columns)
            .map(|_| (self.unit() * 127.0).round() as i8)
            .collect();
        let scale = size / 127.0 / (columns as f32).sqrt();
        let scales = (0..rows)
            .map(|_| scale * (1.5 + self.unit() * 0.5))
            .collect();
        Weights {
            rows,
            columns,
            values,
            scales,
        }
    }

    /// One direction of an LSTM, its weights of about 1 / √columns.
    pub(crate) fn direction(&mut self, hidden: usize, inputs: usize) -> Direction {
        Direction {
            input: self.weights(4 * hidden, inputs, 1.0),
            recurrent: self.weights(4 * hidden, hidden, 1.0),
            bias: self.floats(4 * hidden, 0.5),
        }
    }

    /// 4-bit weights of about `size / √columns`; `columns` a multiple of 32.
    pub(crate) fn nibbles(&mut self, rows: usize, columns: usize, size: f32) -> Nibbles {
        let mut nibble = || 1 + self.below(15) as u8;
        let values = (0..rows * columns / 2)
            .map(|_| nibble() | nibble() << 4)
            .collect();
        let scale = size / 7.0 / (columns as f32).sqrt();
        let scales = (0..rows * columns / 32)
            .map(|_| scale * (1.5 + self.unit() * 0.5))
            .collect();
        Nibbles {
            rows,
            columns,
            values,
            scales,
        }
    }

    /// Quantized activations that use the whole range up to `most`.
    pub(crate) fn activations(
        &mut self,
        rows: usize,
        columns: usize,
        size: f32,
        most: i16,
    ) -> Int16 {
        let mut x = Int16::with_capacity(rows, columns);
        for _ in 0..rows {
            let row: Vec<i16> = (0..columns)
                .map(|_| (self.unit() * f32::from(most)) as i16)
                .collect();
            x.push(row, size / f32::from(most));
        }
        x
    }
}

/// A direction that owns its storage.
pub(crate) struct Direction {
    input: Weights,
    recurrent: Weights,
    bias: Vec<f32>,
}

impl Direction {
    pub(crate) fn view(&self) -> Lstm<'_> {
        Lstm {
            input: self.input.view(),
            recurrent: self.recurrent.view(),
            bias: &self.bias,
        }
    }
}

/// Weights that own their storage.
#[derive(Clone, Debug)]
pub(crate) struct Weights {
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    pub(crate) values: Vec<i8>,
    pub(crate) scales: Vec<f32>,
}

impl Weights {
    pub(crate) fn view(&self) -> Int8<'_> {
        let Self {
            rows,
            columns,
            values,
            scales,
        } = self;
        Int8 {
            rows: *rows,
            columns: *columns,
            values,
            scales,
        }
    }
}

/// 4-bit weights that own their storage.
#[derive(Clone, Debug)]
pub(crate) struct Nibbles {
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    pub(crate) values: Vec<u8>,
    pub(crate) scales: Vec<f32>,
}

impl Nibbles {
    pub(crate) fn view(&self) -> Int4<'_> {
        let Self {
            rows,
            columns,
            values,
            scales,
        } = self;
        Int4 {
            rows: *rows,
            columns: *columns,
            values,
            scales,
        }
    }
}

/// Quantized activations as real numbers.
pub(crate) fn real(x: &Int16) -> Vec<f64> {
    let row = |t| {
        let (q, scale) = x.row(t);
        q.into_iter().map(move |q| f64::from(q) * f64::from(scale))
    };
    (0..x.rows()).flat_map(row).collect()
}

pub(crate) fn wide(x: &[f32]) -> Vec<f64> {
    x.iter().map(|&x| f64::from(x)).collect()
}

pub(crate) fn bits(x: &[f32]) -> Vec<u32> {
    x.iter().map(|x| x.to_bits()).collect()
}

// The kernels from definition to result, as the tests ask for them.

/// What is in `out` and W x.
pub(crate) fn linear_int8(cpu: Cpu, w: Int8, x: &Int16, out: &mut [f32]) {
    linear_int8::linear_int8(cpu, &Panels::new(w), x, out);
}

/// What is in `out` and W x.
pub(crate) fn linear_int4(cpu: Cpu, w: Int4, x: &Int16, out: &mut [f32]) {
    linear_int4::linear_int4(cpu, &Int4Panels::new(w), x, out);
}

/// Hidden states of one direction, each step with an input of its own.
pub(crate) fn lstm(cpu: Cpu, weights: Lstm, x: &Int16, time: Time) -> Vec<f32> {
    let steps: Vec<u32> = (0..x.rows() as u32).collect();
    lstm_of(cpu, weights, x, &steps, time)
}

/// Hidden states of one direction, step t with the input `steps[t]`.
pub(crate) fn lstm_of(cpu: Cpu, weights: Lstm, x: &Int16, steps: &[u32], time: Time) -> Vec<f32> {
    lstm_in_parts(cpu, weights, x, steps, time, steps.len().max(1))
}

/// The same, so many steps a call, each going on from the one before.
pub(crate) fn lstm_in_parts(
    cpu: Cpu,
    weights: Lstm,
    x: &Int16,
    steps: &[u32],
    time: Time,
    together: usize,
) -> Vec<f32> {
    let gates = Gates::new(weights);
    let columns = gates.hidden();
    let mut shares = Vec::new();
    lstm::share(cpu, &gates, x, &mut shares);
    let mut memory = lstm::Memory::default();
    memory.begin(&gates);
    let mut values = vec![0.0; steps.len() * columns];
    let parts = steps
        .chunks(together)
        .zip(values.chunks_mut(together * columns));
    for (steps, values) in parts {
        let out = Columns {
            values,
            columns,
            first: 0,
        };
        lstm::lstm(cpu, &gates, &shares, (steps, time), &mut memory, out);
    }
    values
}

/// A weight for each step.
pub(crate) fn additive_attention(cpu: Cpu, weights: Attention, h: &[f32]) -> Vec<f32> {
    let weights = Scorer {
        projection: &Panels::new(weights.projection),
        bias: weights.bias,
        vector: weights.vector,
    };
    let mut out = Vec::new();
    let mut memory = additive_attention::Memory::default();
    additive_attention::additive_attention(cpu, weights, h, &mut memory, &mut out);
    out
}

/// What each step gives to each class.
pub(crate) fn contributions(cpu: Cpu, weight: &[f32], attention: &[f32], h: &[f32]) -> Vec<f32> {
    let mut out = Vec::new();
    contributions::contributions(cpu, weight, attention, h, &mut out);
    out
}

/// Rows of a table.
pub(crate) fn embedding(table: Int8, ids: &[u32]) -> Int16 {
    let mut out = Int16::default();
    embedding::embedding(table, ids, &mut out);
    out
}
