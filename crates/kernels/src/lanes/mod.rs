//! Eight `f32` lanes and one integer product of panels, on every instruction set.
//!
//! Every path performs the same IEEE operations in the same order, with no fused multiply-add, so a
//! kernel written over [`Lanes`] gives the same bits in a browser tab, on a phone and on a server.
//! This folder is the only place that names `std::arch`.

// The benchmark sets `stillglass_scalar` to measure what SIMD brings.
#[cfg(all(
    target_arch = "wasm32",
    not(target_feature = "simd128"),
    not(stillglass_scalar)
))]
compile_error!(
    "the browser's module needs SIMD, which .cargo/config.toml enables and a RUSTFLAGS of your own \
     replaces: unset it, or add `-C target-feature=+simd128` to it"
);

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "aarch64")]
mod neon;
#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
mod portable;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod simd128;

use crate::panels::{Block, Pair};

/// Lanes in a vector.
pub(crate) const WIDTH: usize = 8;

/// An instruction set: a zero-sized value that exists only where its instructions do.
///
/// `min` and `max` answer their second argument when either is NaN, everywhere.
pub(crate) trait Lanes: Copy {
    /// Eight `f32`.
    type V: Copy;

    fn splat(self, x: f32) -> Self::V;
    fn load(self, from: &[f32; WIDTH]) -> Self::V;
    fn store(self, v: Self::V, to: &mut [f32; WIDTH]);
    fn add(self, a: Self::V, b: Self::V) -> Self::V;
    fn sub(self, a: Self::V, b: Self::V) -> Self::V;
    fn mul(self, a: Self::V, b: Self::V) -> Self::V;
    fn div(self, a: Self::V, b: Self::V) -> Self::V;
    fn min(self, a: Self::V, b: Self::V) -> Self::V;
    fn max(self, a: Self::V, b: Self::V) -> Self::V;

    /// |v|.
    fn abs(self, v: Self::V) -> Self::V;

    /// 2^k for lanes that hold `k + ROUND` (see [`ROUND`]), k in -127..=127; 2^-127 becomes 0.
    fn exp2_rounded(self, v: Self::V) -> Self::V;

    /// Stores lanes that hold `k + ROUND` as the integers k.
    fn store_i16(self, v: Self::V, to: &mut [i16; WIDTH]);

    /// The sum of all integers; |x| adds up to less than 2³¹.
    #[inline(always)]
    fn total(self, x: &[i16]) -> i32 {
        x.iter().map(|&x| i32::from(x)).sum()
    }

    /// What [`Lanes::products`] adds up for one panel and one row of activations.
    type Sums: Copy;

    /// Each panel's sums with each row of activations, over an even number of pairs of columns. `x` may be longer; the rest is
    /// not read.
    fn products<const P: usize, const T: usize>(
        self,
        panels: &[[Block; P]],
        x: &[[Pair; T]],
    ) -> [[Self::Sums; T]; P];

    /// Σ wᵢ·xᵢ of each row of the panel: exact integers while the sum of |127 · x| over a row fits an `i32`,
    /// then each rounded to `f32`. `surplus` is what [`surpluses`](crate::panels::surpluses) says of x.
    fn sums(self, sums: Self::Sums, surplus: i32) -> Self::V;

    /// Loads up to eight values; the missing ones are `fill`.
    #[inline(always)]
    fn load_part(self, from: &[f32], fill: f32) -> Self::V {
        if let Some(whole) = from.first_chunk() {
            return self.load(whole);
        }
        self.load(&padded(from, fill))
    }

    /// Stores as many lanes as `to` has room for, at most eight.
    #[inline(always)]
    fn store_part(self, v: Self::V, to: &mut [f32]) {
        if let Some(whole) = to.first_chunk_mut() {
            return self.store(v, whole);
        }
        let mut lanes = [0.0; WIDTH];
        self.store(v, &mut lanes);
        copy_part(&lanes, to);
    }

    /// The sum of the lanes, halves first: ((0+4)+(2+6)) + ((1+5)+(3+7)).
    #[inline(always)]
    fn sum(self, v: Self::V) -> f32 {
        let mut a = [0.0; WIDTH];
        self.store(v, &mut a);
        ((a[0] + a[4]) + (a[2] + a[6])) + ((a[1] + a[5]) + (a[3] + a[7]))
    }

    /// a · b: eight partial sums, added up by [`Lanes::sum`].
    #[inline(always)]
    fn dot(self, a: &[f32], b: &[f32]) -> f32 {
        debug_assert_eq!(a.len(), b.len());
        let mut sum = self.splat(0.0);
        for (a, b) in a.chunks(WIDTH).zip(b.chunks(WIDTH)) {
            let product = self.mul(self.load_part(a, 0.0), self.load_part(b, 0.0));
            sum = self.add(sum, product);
        }
        self.sum(sum)
    }

    /// out += weight · v.
    #[inline(always)]
    fn add_scaled(self, weight: f32, v: &[f32], out: &mut [f32]) {
        for (v, out) in v.chunks(WIDTH).zip(out.chunks_mut(WIDTH)) {
            let product = self.mul(self.splat(weight), self.load_part(v, 0.0));
            let sum = self.add(self.load_part(out, 0.0), product);
            self.store_part(sum, out);
        }
    }

    /// The largest lane.
    #[inline(always)]
    fn largest(self, v: Self::V) -> f32 {
        let mut a = [0.0; WIDTH];
        self.store(v, &mut a);
        a.into_iter()
            .fold(f32::NEG_INFINITY, |m, x| if x > m { x } else { m })
    }
}

/// 1.5 · 2²³: adding it rounds a small `f32` to an integer, half to even, into the low mantissa bits.
pub(crate) const ROUND: f32 = 12_582_912.0;

/// Work to run on whichever instruction set is chosen.
///
/// Implementations and everything they call with lanes are `#[inline(always)]`, so that the whole job
/// is compiled with the instructions enabled.
pub(crate) trait Job {
    type Output;
    fn run<L: Lanes>(self, lanes: L) -> Self::Output;
}

/// The instruction set kernels run on. All give the same bits; they differ in speed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cpu(Set);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Set {
    #[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2(avx2::Avx2),
    #[cfg(target_arch = "aarch64")]
    Neon(neon::Neon),
    #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
    Simd128(simd128::Simd128),
}

impl Cpu {
    /// What every other set is tested against: plain Rust, one lane at a time. A WebAssembly module
    /// with SIMD carries no second path, so there it is that one.
    pub const PORTABLE: Self = Self(PORTABLE);

    /// The fastest set this machine has; cheap enough to ask every time.
    #[inline]
    pub fn detect() -> Self {
        fastest().unwrap_or(Self::PORTABLE)
    }

    /// Every set this machine has, slowest first.
    pub fn available() -> Vec<Self> {
        [Self::PORTABLE].into_iter().chain(fastest()).collect()
    }

    /// The set's name, as its makers write it.
    pub fn name(self) -> &'static str {
        match self.0 {
            #[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
            Set::Portable => "portable",
            #[cfg(target_arch = "x86_64")]
            Set::Avx2(_) => "avx2",
            #[cfg(target_arch = "aarch64")]
            Set::Neon(_) => "neon",
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            Set::Simd128(_) => "simd128",
        }
    }

    #[inline]
    pub(crate) fn run<J: Job>(self, job: J) -> J::Output {
        match self.0 {
            #[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
            Set::Portable => job.run(portable::Portable),
            #[cfg(target_arch = "x86_64")]
            Set::Avx2(set) => set.run(job),
            #[cfg(target_arch = "aarch64")]
            Set::Neon(set) => job.run(set),
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            Set::Simd128(set) => job.run(set),
        }
    }
}

#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
const PORTABLE: Set = Set::Portable;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
const PORTABLE: Set = Set::Simd128(simd128::Simd128);

/// The set beyond the portable one, if there is any.
#[inline]
fn fastest() -> Option<Cpu> {
    #[cfg(target_arch = "x86_64")]
    return avx2::Avx2::detect().map(|set| Cpu(Set::Avx2(set)));
    #[cfg(target_arch = "aarch64")]
    return neon::Neon::detect().map(|set| Cpu(Set::Neon(set)));
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    None
}

/// Fewer than eight values, and `fill` for the rest.
#[cold]
#[inline(never)]
fn padded(from: &[f32], fill: f32) -> [f32; WIDTH] {
    let mut lanes = [fill; WIDTH];
    lanes[..from.len()].copy_from_slice(from);
    lanes
}

/// The first lanes, as many as `to` takes.
#[cold]
#[inline(never)]
fn copy_part(lanes: &[f32; WIDTH], to: &mut [f32]) {
    to.copy_from_slice(&lanes[..to.len()]);
}
