//! WebAssembly with fixed-width SIMD, chosen when the module is built.

// Every load and store used here is the unaligned one.
#![allow(clippy::cast_ptr_alignment)]

use std::arch::wasm32::{
    f32x4_abs, f32x4_add, f32x4_convert_i32x4, f32x4_div, f32x4_extract_lane, f32x4_mul,
    f32x4_pmax, f32x4_pmin, f32x4_splat, f32x4_sub, i16x8_narrow_i32x4, i16x8_shr, i32x4_add,
    i32x4_dot_i16x8, i32x4_extadd_pairwise_i16x8, i32x4_extract_lane, i32x4_shl, i32x4_shuffle,
    i32x4_splat, i32x4_sub, v128, v128_load, v128_load32_splat, v128_store,
};

use super::{Lanes, ROUND, WIDTH};
use crate::panels::{Block, Pair};

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
    fn abs(self, v: Self::V) -> Self::V {
        v.map(|half| f32x4_abs(half))
    }
    #[inline(always)]
    fn exp2_rounded(self, v: Self::V) -> Self::V {
        let bias = i32x4_splat(127_u32.wrapping_sub(ROUND.to_bits()).cast_signed());
        v.map(|half| i32x4_shl(i32x4_add(half, bias), 23))
    }
    #[inline(always)]
    fn store_i16(self, v: Self::V, to: &mut [i16; WIDTH]) {
        let bias = i32x4_splat(ROUND.to_bits().cast_signed());
        let [low, high] = v.map(|half| i32x4_sub(half, bias));
        // SAFETY: the reference covers the 16 bytes written; WebAssembly stores need no alignment.
        unsafe { v128_store(to.as_mut_ptr().cast(), i16x8_narrow_i32x4(low, high)) }
    }

    #[inline(always)]
    fn sum(self, [low, high]: Self::V) -> f32 {
        let fours = f32x4_add(low, high);
        let pairs = f32x4_add(fours, i32x4_shuffle::<2, 3, 0, 1>(fours, fours));
        f32x4_extract_lane::<0>(pairs) + f32x4_extract_lane::<1>(pairs)
    }
    #[inline(always)]
    fn largest(self, [low, high]: Self::V) -> f32 {
        let fours = f32x4_pmax(low, high);
        let pairs = f32x4_pmax(fours, i32x4_shuffle::<2, 3, 0, 1>(fours, fours));
        let all = f32x4_pmax(pairs, i32x4_shuffle::<1, 0, 3, 2>(pairs, pairs));
        f32x4_extract_lane::<0>(all)
    }
    #[inline(always)]
    fn total(self, x: &[i16]) -> i32 {
        let (eights, rest) = x.as_chunks::<WIDTH>();
        let mut sums = i32x4_splat(0);
        for eight in eights {
            // SAFETY: the reference covers the 16 bytes read; WebAssembly loads need no alignment.
            let eight = unsafe { v128_load(eight.as_ptr().cast()) };
            sums = i32x4_add(sums, i32x4_extadd_pairwise_i16x8(eight));
        }
        let sums = i32x4_extract_lane::<0>(sums)
            + i32x4_extract_lane::<1>(sums)
            + i32x4_extract_lane::<2>(sums)
            + i32x4_extract_lane::<3>(sums);
        sums + rest.iter().map(|&x| i32::from(x)).sum::<i32>()
    }

    /// Of the whole lanes, and of their high bytes.
    type Sums = [v128; 2];

    #[inline(always)]
    fn products<const P: usize, const T: usize>(
        self,
        panels: &[[Block; P]],
        x: &[[Pair; T]],
    ) -> [[Self::Sums; T]; P] {
        let mut sums = [[[i32x4_splat(0); 2]; T]; P];
        for (blocks, x) in panels.iter().zip(x) {
            for (sums, block) in sums.iter_mut().zip(blocks) {
                let whole = load_block(block);
                let high = i16x8_shr(whole, 8);
                for (sums, x) in sums.iter_mut().zip(x) {
                    let x = splat_pair(x);
                    sums[0] = i32x4_add(sums[0], i32x4_dot_i16x8(whole, x));
                    sums[1] = i32x4_add(sums[1], i32x4_dot_i16x8(high, x));
                }
            }
        }
        sums
    }
    #[inline(always)]
    fn sums(self, [whole, high]: Self::Sums, surplus: i32) -> Self::V {
        let low = i32x4_sub(i32x4_sub(whole, i32x4_shl(high, 8)), i32x4_splat(surplus));
        [f32x4_convert_i32x4(high), f32x4_convert_i32x4(low)]
    }
}

/// A pair of columns, four times over.
#[inline(always)]
fn splat_pair(x: &Pair) -> v128 {
    // SAFETY: the reference covers the 4 bytes read; WebAssembly loads need no alignment.
    unsafe { v128_load32_splat(x.as_ptr().cast()) }
}

#[inline(always)]
fn load_block(Block(lanes): &Block) -> v128 {
    // SAFETY: the reference covers the 16 bytes read; WebAssembly loads need no alignment.
    unsafe { v128_load(lanes.as_ptr().cast()) }
}
