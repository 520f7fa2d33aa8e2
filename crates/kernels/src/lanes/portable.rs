//! Plain Rust: the definition of every lane operation.

use super::{Lanes, ROUND, WIDTH};
use crate::panels::{Block, Pair};

#[derive(Clone, Copy)]
pub(super) struct Portable;

/// Applies `f` lane by lane.
#[inline(always)]
fn each(a: [f32; WIDTH], b: [f32; WIDTH], f: impl Fn(f32, f32) -> f32) -> [f32; WIDTH] {
    std::array::from_fn(|lane| f(a[lane], b[lane]))
}

impl Lanes for Portable {
    type V = [f32; WIDTH];

    #[inline(always)]
    fn splat(self, x: f32) -> Self::V {
        [x; WIDTH]
    }
    #[inline(always)]
    fn load(self, from: &[f32; WIDTH]) -> Self::V {
        *from
    }
    #[inline(always)]
    fn store(self, v: Self::V, to: &mut [f32; WIDTH]) {
        *to = v;
    }
    #[inline(always)]
    fn add(self, a: Self::V, b: Self::V) -> Self::V {
        each(a, b, |a, b| a + b)
    }
    #[inline(always)]
    fn sub(self, a: Self::V, b: Self::V) -> Self::V {
        each(a, b, |a, b| a - b)
    }
    #[inline(always)]
    fn mul(self, a: Self::V, b: Self::V) -> Self::V {
        each(a, b, |a, b| a * b)
    }
    #[inline(always)]
    fn div(self, a: Self::V, b: Self::V) -> Self::V {
        each(a, b, |a, b| a / b)
    }
    #[inline(always)]
    fn min(self, a: Self::V, b: Self::V) -> Self::V {
        each(a, b, |a, b| if a < b { a } else { b })
    }
    #[inline(always)]
    fn max(self, a: Self::V, b: Self::V) -> Self::V {
        each(a, b, |a, b| if a > b { a } else { b })
    }
    #[inline(always)]
    fn abs(self, v: Self::V) -> Self::V {
        v.map(f32::abs)
    }
    #[inline(always)]
    fn exp2_rounded(self, v: Self::V) -> Self::V {
        v.map(|v| {
            let k = v.to_bits().wrapping_sub(ROUND.to_bits());
            f32::from_bits(k.wrapping_add(127) << 23)
        })
    }
    #[inline(always)]
    fn store_i16(self, v: Self::V, to: &mut [i16; WIDTH]) {
        // The low mantissa bits of k + ROUND are k.
        *to = v.map(|v| v.to_bits() as i16);
    }

    /// Of each lane's sum, and of its high byte's.
    type Sums = [[i32; 4]; 2];

    #[inline(always)]
    fn products<const P: usize, const T: usize>(
        self,
        panels: &[[Block; P]],
        x: &[[Pair; T]],
    ) -> [[Self::Sums; T]; P] {
        let mut sums = [[[[0_i32; 4]; 2]; T]; P];
        for (blocks, x) in panels.iter().zip(x) {
            for (sums, block) in sums.iter_mut().zip(blocks) {
                for ([whole, high], x) in sums.iter_mut().zip(x) {
                    for row in 0..4 {
                        for (w, x) in block.0[2 * row..][..2].iter().zip(x) {
                            let x = i32::from(*x);
                            whole[row] = whole[row].wrapping_add(i32::from(*w) * x);
                            high[row] += i32::from(w >> 8) * x;
                        }
                    }
                }
            }
        }
        sums
    }
    #[inline(always)]
    fn sums(self, [whole, high]: Self::Sums, surplus: i32) -> Self::V {
        std::array::from_fn(|i| {
            let row = i % 4;
            if i == row {
                return high[row] as f32;
            }
            let low = whole[row].wrapping_sub(high[row] << 8);
            low.wrapping_sub(surplus) as f32
        })
    }
}
