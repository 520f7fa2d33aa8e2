//! WebAssembly with fixed-width SIMD, chosen when the module is built.

// Every load and store used here is the unaligned one.
#![allow(clippy::cast_ptr_alignment)]

use std::arch::wasm32::{
    f32x4_add, f32x4_div, f32x4_mul, f32x4_pmax, f32x4_pmin, f32x4_splat, f32x4_sub,
    i16x8_load_extend_i8x8, i32x4_add, i32x4_dot_i16x8, i32x4_extract_lane, i32x4_shl, i32x4_splat,
    v128, v128_load, v128_store,
};

use super::{Lanes, ROUND, WIDTH, tail};

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
    fn dot4(self, rows: [&[i8]; 4], x: &[i16]) -> [i32; 4] {
        let mut sums = [i32x4_splat(0); 4];
        for (step, x) in x.as_chunks::<8>().0.iter().enumerate() {
            let x = load_i16(x);
            for (sum, row) in sums.iter_mut().zip(rows) {
                let w = load_i8(&row.as_chunks::<8>().0[step]);
                *sum = i32x4_add(*sum, i32x4_dot_i16x8(w, x));
            }
        }
        let done = x.len() - x.len() % 8;
        std::array::from_fn(|row| horizontal(sums[row]).wrapping_add(tail(rows[row], x, done)))
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

#[inline(always)]
fn horizontal(v: v128) -> i32 {
    let [a, b, c, d] = [
        i32x4_extract_lane::<0>(v),
        i32x4_extract_lane::<1>(v),
        i32x4_extract_lane::<2>(v),
        i32x4_extract_lane::<3>(v),
    ];
    a.wrapping_add(b).wrapping_add(c).wrapping_add(d)
}
