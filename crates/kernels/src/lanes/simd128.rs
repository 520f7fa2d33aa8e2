//! WebAssembly with fixed-width SIMD, chosen when the module is built.

// Every load and store used here is the unaligned one.
#![allow(clippy::cast_ptr_alignment)]

use std::arch::wasm32::{
    f32x4_add, f32x4_convert_i32x4, f32x4_div, f32x4_mul, f32x4_pmax, f32x4_pmin, f32x4_splat,
    f32x4_sub, i16x8_load_extend_i8x8, i32x4, i32x4_add, i32x4_dot_i16x8, i32x4_shl, i32x4_shuffle,
    i32x4_splat, v128, v128_load, v128_store,
};

use super::{Lanes, ROUND, WIDTH, tails, vectors};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Simd128;

/// Applies `f` to both halves.
#[inline(always)]
fn each(a: [v128; 2], b: [v128; 2], f: impl Fn(v128, v128) -> v128) -> [v128; 2] {
    [f(a[0], b[0]), f(a[1], b[1])]
}

impl Lanes for Simd128 {
    type V = [v128; 2];

    #[inline(always)]
    fn splat(self, x: f32) -> Self::V {
        [f32x4_splat(x); 2]
    }
    #[inline(always)]
    fn load(self, from: &[f32; WIDTH]) -> Self::V {
        let at = from.as_ptr().cast::<v128>();
        // SAFETY: the reference covers the 32 bytes read; WebAssembly loads need no alignment.
        unsafe { [v128_load(at), v128_load(at.add(1))] }
    }
    #[inline(always)]
    fn store(self, v: Self::V, to: &mut [f32; WIDTH]) {
        let at = to.as_mut_ptr().cast::<v128>();
        // SAFETY: the reference covers the 32 bytes written; WebAssembly stores need no alignment.
        unsafe {
            v128_store(at, v[0]);
            v128_store(at.add(1), v[1]);
        }
    }
    #[inline(always)]
    fn add(self, a: Self::V, b: Self::V) -> Self::V {
        each(a, b, |a, b| f32x4_add(a, b))
    }
    #[inline(always)]
    fn sub(self, a: Self::V, b: Self::V) -> Self::V {
        each(a, b, |a, b| f32x4_sub(a, b))
    }
    #[inline(always)]
    fn mul(self, a: Self::V, b: Self::V) -> Self::V {
        each(a, b, |a, b| f32x4_mul(a, b))
    }
    #[inline(always)]
    fn div(self, a: Self::V, b: Self::V) -> Self::V {
        each(a, b, |a, b| f32x4_div(a, b))
    }
    #[inline(always)]
    fn min(self, a: Self::V, b: Self::V) -> Self::V {
        // pmin(x, y) is y < x ? y : x, so the arguments change places.
        each(b, a, |a, b| f32x4_pmin(a, b))
    }
    #[inline(always)]
    fn max(self, a: Self::V, b: Self::V) -> Self::V {
        // pmax(x, y) is x < y ? y : x, so the arguments change places.
        each(b, a, |a, b| f32x4_pmax(a, b))
    }
    #[inline(always)]
    fn exp2_rounded(self, v: Self::V) -> Self::V {
        let bias = i32x4_splat(127_u32.wrapping_sub(ROUND.to_bits()).cast_signed());
        v.map(|half| i32x4_shl(i32x4_add(half, bias), 23))
    }
    #[inline(always)]
    fn dot8(self, block: &[i8], x: &[i16]) -> Self::V {
        let (steps, rest) = x.as_chunks::<8>();
        let weights = vectors(block, x.len());
        let mut sums = [i32x4_splat(0); WIDTH];
        for (step, x) in steps.iter().enumerate() {
            let x = load_i16(x);
            for (sum, row) in sums.iter_mut().zip(weights) {
                *sum = i32x4_add(*sum, i32x4_dot_i16x8(load_i8(&row[step]), x));
            }
        }
        let [a, b, c, d, e, f, g, h] = sums;
        let mut sum = [horizontal(a, b, c, d), horizontal(e, f, g, h)];
        if !rest.is_empty() {
            let [a, b, c, d, e, f, g, h] = tails(block, x, x.len() - rest.len());
            sum = each(sum, [i32x4(a, b, c, d), i32x4(e, f, g, h)], |a, b| {
                i32x4_add(a, b)
            });
        }
        sum.map(|half| f32x4_convert_i32x4(half))
    }
}

#[inline(always)]
fn load_i16(x: &[i16; 8]) -> v128 {
    // SAFETY: the reference covers the 16 bytes read; WebAssembly loads need no alignment.
    unsafe { v128_load(x.as_ptr().cast::<v128>()) }
}

#[inline(always)]
fn load_i8(w: &[i8; 8]) -> v128 {
    // SAFETY: the reference covers the 8 bytes read; WebAssembly loads need no alignment.
    unsafe { i16x8_load_extend_i8x8(w.as_ptr()) }
}

/// Each vector's sum, in order.
#[inline(always)]
fn horizontal(a: v128, b: v128, c: v128, d: v128) -> v128 {
    let pairs = |a, b| {
        i32x4_add(
            i32x4_shuffle::<0, 4, 2, 6>(a, b),
            i32x4_shuffle::<1, 5, 3, 7>(a, b),
        )
    };
    let (ab, cd) = (pairs(a, b), pairs(c, d));
    i32x4_add(
        i32x4_shuffle::<0, 1, 4, 5>(ab, cd),
        i32x4_shuffle::<2, 3, 6, 7>(ab, cd),
    )
}
