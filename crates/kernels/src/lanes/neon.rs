//! 64-bit ARM, where NEON always is.

use std::arch::aarch64::{
    float32x4_t, int32x4_t, vaddq_f32, vaddq_s32, vbslq_f32, vcgtq_f32, vcltq_f32, vcvtq_f32_s32,
    vdivq_f32, vdupq_n_f32, vdupq_n_s32, vget_low_s16, vld1_s8, vld1q_f32, vld1q_s16, vld1q_s32,
    vmlal_high_s16, vmlal_s16, vmovl_s8, vmulq_f32, vpaddq_s32, vreinterpretq_f32_s32,
    vreinterpretq_s32_f32, vshlq_n_s32, vst1q_f32, vsubq_f32,
};

use super::{Lanes, ROUND, WIDTH, tails, vectors};

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
    fn dot8(self, block: &[i8], x: &[i16]) -> Self::V {
        let (steps, rest) = x.as_chunks::<8>();
        let weights = vectors(block, x.len());
        let mut sums = [neon!(vdupq_n_s32(0)); WIDTH];
        for (step, x) in steps.iter().enumerate() {
            for (sum, row) in sums.iter_mut().zip(weights) {
                *sum = multiply_add(self, *sum, &row[step], x);
            }
        }
        let [a, b, c, d, e, f, g, h] = sums;
        let mut sum = [horizontal(self, a, b, c, d), horizontal(self, e, f, g, h)];
        if !rest.is_empty() {
            let tails = tails(block, x, x.len() - rest.len());
            let at = tails.as_ptr();
            // SAFETY: NEON was detected; the array covers the 32 bytes read.
            let tails = unsafe { [vld1q_s32(at), vld1q_s32(at.add(4))] };
            sum = [0, 1].map(|half| neon!(vaddq_s32(sum[half], tails[half])));
        }
        sum.map(|half| neon!(vcvtq_f32_s32(half)))
    }
}

/// Each vector's sum, in order.
#[inline(always)]
fn horizontal(_: Neon, a: int32x4_t, b: int32x4_t, c: int32x4_t, d: int32x4_t) -> int32x4_t {
    neon!(vpaddq_s32(vpaddq_s32(a, b), vpaddq_s32(c, d)))
}

#[inline(always)]
fn multiply_add(_: Neon, sum: int32x4_t, w: &[i8; 8], x: &[i16; 8]) -> int32x4_t {
    // SAFETY: a `Neon` exists only where NEON was detected; the references cover the 8 and 16 bytes
    // read.
    unsafe {
        let (w, x) = (vmovl_s8(vld1_s8(w.as_ptr())), vld1q_s16(x.as_ptr()));
        vmlal_high_s16(vmlal_s16(sum, vget_low_s16(w), vget_low_s16(x)), w, x)
    }
}
