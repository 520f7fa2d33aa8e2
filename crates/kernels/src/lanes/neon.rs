//! 64-bit ARM, where NEON always is.

use std::arch::aarch64::{
    float32x4_t, int16x8_t, int32x4_t, vabsq_f32, vaddq_f32, vaddq_s32, vbslq_f32, vcgtq_f32,
    vcltq_f32, vcombine_s16, vcvtq_f32_s32, vdivq_f32, vdupq_n_f32, vdupq_n_s32, vget_low_s16,
    vld1q_f32, vld1q_s16, vmlal_high_s16, vmlal_s16, vmovn_s32, vmulq_f32, vpaddq_s32,
    vreinterpretq_f32_s32, vreinterpretq_s16_s32, vreinterpretq_s32_f32, vshlq_n_s32, vshrq_n_s16,
    vst1q_f32, vst1q_s16, vsubq_f32, vsubq_s32,
};

use super::{Lanes, ROUND, WIDTH};
use crate::panels::{Block, Pair};

/// Proof that NEON is there: only [`Neon::detect`] makes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Neon(());

impl Neon {
    #[inline]
    pub(super) fn detect() -> Option<Self> {
        std::arch::is_aarch64_feature_detected!("neon").then_some(Self(()))
    }
}

/// Register-only instructions; the instruction set is all they ask for.
macro_rules! neon {
    ($e:expr) => {{
        // SAFETY: a `Neon` value is in hand, so NEON was detected.
        #[allow(unused_unsafe)]
        unsafe {
            $e
        }
    }};
}

/// Applies `f` to both halves.
#[inline(always)]
fn each(
    a: [float32x4_t; 2],
    b: [float32x4_t; 2],
    f: impl Fn(float32x4_t, float32x4_t) -> float32x4_t,
) -> [float32x4_t; 2] {
    [f(a[0], b[0]), f(a[1], b[1])]
}

impl Lanes for Neon {
    type V = [float32x4_t; 2];

    #[inline(always)]
    fn splat(self, x: f32) -> Self::V {
        [neon!(vdupq_n_f32(x)); 2]
    }
    #[inline(always)]
    fn load(self, from: &[f32; WIDTH]) -> Self::V {
        // SAFETY: the reference covers the 32 bytes read.
        unsafe { [vld1q_f32(from.as_ptr()), vld1q_f32(from.as_ptr().add(4))] }
    }
    #[inline(always)]
    fn store(self, v: Self::V, to: &mut [f32; WIDTH]) {
        // SAFETY: the reference covers the 32 bytes written.
        unsafe {
            vst1q_f32(to.as_mut_ptr(), v[0]);
            vst1q_f32(to.as_mut_ptr().add(4), v[1]);
        }
    }
    #[inline(always)]
    fn add(self, a: Self::V, b: Self::V) -> Self::V {
        each(a, b, |a, b| neon!(vaddq_f32(a, b)))
    }
    #[inline(always)]
    fn sub(self, a: Self::V, b: Self::V) -> Self::V {
        each(a, b, |a, b| neon!(vsubq_f32(a, b)))
    }
    #[inline(always)]
    fn mul(self, a: Self::V, b: Self::V) -> Self::V {
        each(a, b, |a, b| neon!(vmulq_f32(a, b)))
    }
    #[inline(always)]
    fn div(self, a: Self::V, b: Self::V) -> Self::V {
        each(a, b, |a, b| neon!(vdivq_f32(a, b)))
    }
    #[inline(always)]
    fn min(self, a: Self::V, b: Self::V) -> Self::V {
        // Not vminq: it answers NaN where the other sets answer `b`.
        each(a, b, |a, b| neon!(vbslq_f32(vcltq_f32(a, b), a, b)))
    }
    #[inline(always)]
    fn max(self, a: Self::V, b: Self::V) -> Self::V {
        each(a, b, |a, b| neon!(vbslq_f32(vcgtq_f32(a, b), a, b)))
    }
    #[inline(always)]
    fn abs(self, v: Self::V) -> Self::V {
        v.map(|half| neon!(vabsq_f32(half)))
    }
    #[inline(always)]
    fn exp2_rounded(self, v: Self::V) -> Self::V {
        let bias = 127_u32.wrapping_sub(ROUND.to_bits()).cast_signed();
        v.map(|half| {
            neon!({
                let biased = vaddq_s32(vreinterpretq_s32_f32(half), vdupq_n_s32(bias));
                vreinterpretq_f32_s32(vshlq_n_s32::<23>(biased))
            })
        })
    }
    #[inline(always)]
    fn store_i16(self, v: Self::V, to: &mut [i16; WIDTH]) {
        let [low, high] = v.map(|half| neon!(vmovn_s32(vreinterpretq_s32_f32(half))));
        // SAFETY: NEON was detected; the reference covers the 16 bytes written.
        unsafe { vst1q_s16(to.as_mut_ptr(), vcombine_s16(low, high)) }
    }

    /// Of the whole lanes, and of their high bytes; in each, two rows and both columns of a pair, twice.
    type Sums = [[int32x4_t; 2]; 2];

    #[inline(always)]
    fn products<const P: usize, const T: usize>(
        self,
        panels: &[[Block; P]],
        x: &[[Pair; T]],
    ) -> [[Self::Sums; T]; P] {
        let mut sums = [[[[neon!(vdupq_n_s32(0)); 2]; 2]; T]; P];
        for (blocks, x) in panels.iter().zip(x) {
            for (sums, block) in sums.iter_mut().zip(blocks) {
                let whole = load_block(self, block);
                let high = neon!(vshrq_n_s16::<8>(whole));
                for (sums, x) in sums.iter_mut().zip(x) {
                    let x = splat_pair(self, *x);
                    sums[0] = multiply_add(self, sums[0], whole, x);
                    sums[1] = multiply_add(self, sums[1], high, x);
                }
            }
        }
        sums
    }
    #[inline(always)]
    fn sums(self, sums: Self::Sums, surplus: i32) -> Self::V {
        let [whole, high] = sums.map(|[a, b]| neon!(vpaddq_s32(a, b)));
        let low = neon!({
            let low = vsubq_s32(whole, vshlq_n_s32::<8>(high));
            vsubq_s32(low, vdupq_n_s32(surplus))
        });
        [high, low].map(|half| neon!(vcvtq_f32_s32(half)))
    }
}

/// A pair of columns, four times over.
#[inline(always)]
fn splat_pair(_: Neon, [a, b]: Pair) -> int16x8_t {
    let both = i32::from(a) & 0xffff | i32::from(b) << 16;
    neon!(vreinterpretq_s16_s32(vdupq_n_s32(both)))
}

#[inline(always)]
fn load_block(_: Neon, Block(lanes): &Block) -> int16x8_t {
    // SAFETY: a `Neon` exists only where NEON was detected; the reference covers the 16 bytes read.
    unsafe { vld1q_s16(lanes.as_ptr()) }
}

#[inline(always)]
fn multiply_add(_: Neon, [a, b]: [int32x4_t; 2], w: int16x8_t, x: int16x8_t) -> [int32x4_t; 2] {
    neon!([
        vmlal_s16(a, vget_low_s16(w), vget_low_s16(x)),
        vmlal_high_s16(b, w, x),
    ])
}
