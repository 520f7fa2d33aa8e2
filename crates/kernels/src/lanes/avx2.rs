//! x86-64 with AVX2, found at run time.

// Every load and store used here is the unaligned one.
#![allow(clippy::cast_ptr_alignment)]

use std::arch::x86_64::{
    __m128i, __m256, __m256i, _mm_loadu_si128, _mm256_add_epi32, _mm256_add_ps,
    _mm256_castps_si256, _mm256_castsi256_ps, _mm256_cvtepi8_epi16, _mm256_cvtepi32_ps,
    _mm256_div_ps, _mm256_hadd_epi32, _mm256_loadu_ps, _mm256_loadu_si256, _mm256_madd_epi16,
    _mm256_max_ps, _mm256_min_ps, _mm256_mul_ps, _mm256_permute2x128_si256, _mm256_set1_epi32,
    _mm256_set1_ps, _mm256_setr_epi32, _mm256_setzero_si256, _mm256_slli_epi32, _mm256_storeu_ps,
    _mm256_sub_ps,
};

use super::{Job, Lanes, ROUND, WIDTH, tails, vectors};

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
    fn exp2_rounded(self, v: Self::V) -> Self::V {
        let bias = 127_u32.wrapping_sub(ROUND.to_bits()).cast_signed();
        avx2!({
            let biased = _mm256_add_epi32(_mm256_castps_si256(v), _mm256_set1_epi32(bias));
            _mm256_castsi256_ps(_mm256_slli_epi32::<23>(biased))
        })
    }
    #[inline(always)]
    fn dot8(self, block: &[i8], x: &[i16]) -> Self::V {
        let (steps, rest) = x.as_chunks::<16>();
        let weights = vectors(block, x.len());
        let mut sums = [avx2!(_mm256_setzero_si256()); WIDTH];
        for (step, x) in steps.iter().enumerate() {
            let x = load_i16(self, x);
            for (sum, row) in sums.iter_mut().zip(weights) {
                let product = avx2!(_mm256_madd_epi16(load_i8(self, &row[step]), x));
                *sum = avx2!(_mm256_add_epi32(*sum, product));
            }
        }
        let mut sum = horizontal(self, sums);
        if !rest.is_empty() {
            let [a, b, c, d, e, f, g, h] = tails(block, x, x.len() - rest.len());
            sum = avx2!(_mm256_add_epi32(
                sum,
                _mm256_setr_epi32(a, b, c, d, e, f, g, h)
            ));
        }
        avx2!(_mm256_cvtepi32_ps(sum))
    }
}

#[inline(always)]
fn load_i16(_: Avx2, x: &[i16; 16]) -> __m256i {
    // SAFETY: an `Avx2` exists only where AVX2 was detected; the reference covers the 32 bytes read.
    unsafe { _mm256_loadu_si256(x.as_ptr().cast::<__m256i>()) }
}

#[inline(always)]
fn load_i8(_: Avx2, w: &[i8; 16]) -> __m256i {
    // SAFETY: an `Avx2` exists only where AVX2 was detected; the reference covers the 16 bytes read.
    unsafe { _mm256_cvtepi8_epi16(_mm_loadu_si128(w.as_ptr().cast::<__m128i>())) }
}

/// Each vector's sum, in order.
#[inline(always)]
fn horizontal(_: Avx2, [a, b, c, d, e, f, g, h]: [__m256i; WIDTH]) -> __m256i {
    avx2!({
        let first = _mm256_hadd_epi32(_mm256_hadd_epi32(a, b), _mm256_hadd_epi32(c, d));
        let last = _mm256_hadd_epi32(_mm256_hadd_epi32(e, f), _mm256_hadd_epi32(g, h));
        let low = _mm256_permute2x128_si256::<0x20>(first, last);
        let high = _mm256_permute2x128_si256::<0x31>(first, last);
        _mm256_add_epi32(low, high)
    })
}
