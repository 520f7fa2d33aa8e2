//! x86-64 with AVX2, found at run time.

// Every load and store used here is the unaligned one.
#![allow(clippy::cast_ptr_alignment)]

use std::arch::x86_64::{
    __m256, __m256i, _mm_add_epi32, _mm_loadu_si128, _mm_packs_epi32, _mm_set1_epi32,
    _mm_slli_epi32, _mm_storeu_si128, _mm_sub_epi32, _mm256_add_epi32, _mm256_add_ps,
    _mm256_andnot_ps, _mm256_blend_epi32, _mm256_castps_si256, _mm256_castsi256_ps,
    _mm256_castsi256_si128, _mm256_cvtepi32_ps, _mm256_div_ps, _mm256_extracti128_si256,
    _mm256_loadu_ps, _mm256_madd_epi16, _mm256_max_ps, _mm256_min_ps, _mm256_mul_ps,
    _mm256_set_m128i, _mm256_set1_epi32, _mm256_set1_ps, _mm256_setzero_si256, _mm256_slli_epi32,
    _mm256_srai_epi16, _mm256_storeu_ps, _mm256_sub_epi32, _mm256_sub_ps,
};

use super::{Job, Lanes, ROUND, WIDTH};
use crate::panels::{Block, Pair};

/// Proof that AVX2 is there: only [`Avx2::detect`] makes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Avx2(());

impl Avx2 {
    #[inline]
    pub(super) fn detect() -> Option<Self> {
        is_x86_feature_detected!("avx2").then_some(Self(()))
    }

    #[inline]
    pub(super) fn run<J: Job>(self, job: J) -> J::Output {
        // SAFETY: `self` exists only where AVX2 was detected.
        unsafe { run(job, self) }
    }
}

/// Compiles the job, inlined whole, with AVX2 enabled.
#[target_feature(enable = "avx2")]
fn run<J: Job>(job: J, set: Avx2) -> J::Output {
    job.run(set)
}

/// Register-only instructions; the instruction set is all they ask for.
macro_rules! avx2 {
    ($e:expr) => {
        // SAFETY: an `Avx2` value is in hand, so AVX2 was detected.
        unsafe { $e }
    };
}

impl Lanes for Avx2 {
    type V = __m256;

    #[inline(always)]
    fn splat(self, x: f32) -> Self::V {
        avx2!(_mm256_set1_ps(x))
    }
    #[inline(always)]
    fn load(self, from: &[f32; WIDTH]) -> Self::V {
        // SAFETY: AVX2 was detected; the reference covers the 32 bytes read, unaligned reads allowed.
        unsafe { _mm256_loadu_ps(from.as_ptr()) }
    }
    #[inline(always)]
    fn store(self, v: Self::V, to: &mut [f32; WIDTH]) {
        // SAFETY: AVX2 was detected; the reference covers the 32 bytes written.
        unsafe { _mm256_storeu_ps(to.as_mut_ptr(), v) }
    }
    #[inline(always)]
    fn add(self, a: Self::V, b: Self::V) -> Self::V {
        avx2!(_mm256_add_ps(a, b))
    }
    #[inline(always)]
    fn sub(self, a: Self::V, b: Self::V) -> Self::V {
        avx2!(_mm256_sub_ps(a, b))
    }
    #[inline(always)]
    fn mul(self, a: Self::V, b: Self::V) -> Self::V {
        avx2!(_mm256_mul_ps(a, b))
    }
    #[inline(always)]
    fn div(self, a: Self::V, b: Self::V) -> Self::V {
        avx2!(_mm256_div_ps(a, b))
    }
    #[inline(always)]
    fn min(self, a: Self::V, b: Self::V) -> Self::V {
        avx2!(_mm256_min_ps(a, b))
    }
    #[inline(always)]
    fn max(self, a: Self::V, b: Self::V) -> Self::V {
        avx2!(_mm256_max_ps(a, b))
    }
    #[inline(always)]
    fn abs(self, v: Self::V) -> Self::V {
        avx2!(_mm256_andnot_ps(_mm256_set1_ps(-0.0), v))
    }
    #[inline(always)]
    fn exp2_rounded(self, v: Self::V) -> Self::V {
        let bias = 127_u32.wrapping_sub(ROUND.to_bits()).cast_signed();
        avx2!({
            let biased = _mm256_add_epi32(_mm256_castps_si256(v), _mm256_set1_epi32(bias));
            _mm256_castsi256_ps(_mm256_slli_epi32::<23>(biased))
        })
    }
    #[inline(always)]
    fn store_i16(self, v: Self::V, to: &mut [i16; WIDTH]) {
        let bias = ROUND.to_bits().cast_signed();
        let packed = avx2!({
            let k = _mm256_sub_epi32(_mm256_castps_si256(v), _mm256_set1_epi32(bias));
            let (low, high) = (_mm256_castsi256_si128(k), _mm256_extracti128_si256::<1>(k));
            _mm_packs_epi32(low, high)
        });
        // SAFETY: AVX2 was detected; the reference covers the 16 bytes written.
        unsafe { _mm_storeu_si128(to.as_mut_ptr().cast(), packed) }
    }

    /// Of the whole lanes, and of their high bytes; one half for each pair of columns.
    type Sums = [__m256i; 2];

    #[inline(always)]
    fn products<const P: usize, const T: usize>(
        self,
        panels: &[[Block; P]],
        x: &[[Pair; T]],
    ) -> [[Self::Sums; T]; P] {
        let mut sums = [[[avx2!(_mm256_setzero_si256()); 2]; T]; P];
        // Two pairs at a time: there is an even number.
        debug_assert!(panels.len().is_multiple_of(2) && x.len() >= panels.len());
        let (panels, x) = (panels.as_chunks::<2>().0, x.as_chunks::<2>().0);
        for ([first, second], [x_first, x_second]) in panels.iter().zip(x) {
            for p in 0..P {
                let whole = load_blocks(self, &first[p], &second[p]);
                let high = avx2!(_mm256_srai_epi16::<8>(whole));
                for (t, sums) in sums[p].iter_mut().enumerate() {
                    let x = splat_pairs(self, x_first[t], x_second[t]);
                    avx2!({
                        sums[0] = _mm256_add_epi32(sums[0], _mm256_madd_epi16(whole, x));
                        sums[1] = _mm256_add_epi32(sums[1], _mm256_madd_epi16(high, x));
                    });
                }
            }
        }
        sums
    }
    #[inline(always)]
    fn sums(self, sums: Self::Sums, surplus: i32) -> Self::V {
        avx2!({
            let [whole, high] = sums.map(|sum| {
                let odd = _mm256_extracti128_si256::<1>(sum);
                _mm_add_epi32(_mm256_castsi256_si128(sum), odd)
            });
            let low = _mm_sub_epi32(whole, _mm_slli_epi32::<8>(high));
            let low = _mm_sub_epi32(low, _mm_set1_epi32(surplus));
            _mm256_cvtepi32_ps(_mm256_set_m128i(low, high))
        })
    }
}

/// The first pair of columns four times over, then the second.
#[inline(always)]
fn splat_pairs(_: Avx2, first: Pair, second: Pair) -> __m256i {
    avx2!({
        let [first, second] = [first, second].map(|pair| _mm256_set1_epi32(both(pair)));
        _mm256_blend_epi32::<0xf0>(first, second)
    })
}

/// A pair as the integer that has the same bytes.
#[inline(always)]
fn both([a, b]: Pair) -> i32 {
    i32::from(a) & 0xffff | i32::from(b) << 16
}

/// The same panel's blocks of two pairs of columns.
#[inline(always)]
fn load_blocks(_: Avx2, first: &Block, second: &Block) -> __m256i {
    // SAFETY: an `Avx2` exists only where AVX2 was detected; each block has the 16 bytes read.
    unsafe {
        let [first, second] = [first, second].map(|b| _mm_loadu_si128(b.0.as_ptr().cast()));
        _mm256_set_m128i(second, first)
    }
}
