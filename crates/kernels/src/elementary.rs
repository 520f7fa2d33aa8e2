//! exp, sigmoid and tanh out of additions, multiplications and one division, so that every machine
//! gives the same bits; the standard library's differ between platforms.

use crate::lanes::{Lanes, ROUND};

/// e^x. Arguments below -87.68, where the result would not be a normal number, give 0; arguments
/// above 88.37 give what 88.37 does: never infinite, never NaN.
///
/// x = k·ln 2 + r; e^r by the degree-6 polynomial of Cephes' `expf`.
#[inline(always)]
pub(crate) fn exp<L: Lanes>(l: L, x: L::V) -> L::V {
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    const POLYNOMIAL: [f32; 6] = [
        1.987_569_1e-4,
        1.398_199_9e-3,
        8.333_452e-3,
        4.166_579_6e-2,
        1.666_666_5e-1,
        5e-1,
    ];
    let x = l.max(l.min(x, l.splat(88.37)), l.splat(-88.0));
    let rounded = l.add(l.mul(x, l.splat(std::f32::consts::LOG2_E)), l.splat(ROUND));
    let k = l.sub(rounded, l.splat(ROUND));
    let r = l.sub(x, l.mul(k, l.splat(LN2_HIGH)));
    let r = l.sub(r, l.mul(k, l.splat(LN2_LOW)));
    let y = polynomial(l, r, &POLYNOMIAL);
    let y = l.add(l.add(l.mul(y, l.mul(r, r)), r), l.splat(1.0));
    l.mul(y, l.exp2_rounded(rounded))
}

/// 1 / (1 + e^-x), in [0, 1] for every argument.
#[inline(always)]
pub(crate) fn sigmoid<L: Lanes>(l: L, x: L::V) -> L::V {
    let one = l.splat(1.0);
    l.div(one, l.add(one, exp(l, l.sub(l.splat(0.0), x))))
}

/// tanh x, in [-1, 1] for every argument, and odd: x·P(x²)/Q(x²), clamped at |x| = 9 where `f32` can
/// no longer tell tanh from ±1. P/Q is the minimax fit of degree 4/4, off by 2.1e-8 at most.
#[inline(always)]
pub(crate) fn tanh<L: Lanes>(l: L, x: L::V) -> L::V {
    const P: [f32; 5] = [
        1.335_459_2e-8,
        2.060_903_8e-5,
        3.495_585_8e-3,
        1.338_102_4e-1,
        0.999_999_98,
    ];
    const Q: [f32; 5] = [
        7.776_531_5e-7,
        3.285_630_7e-4,
        2.587_697_4e-2,
        4.671_434e-1,
        1.0,
    ];
    let x = l.max(l.min(x, l.splat(9.0)), l.splat(-9.0));
    let square = l.mul(x, x);
    let ratio = l.div(polynomial(l, square, &P), polynomial(l, square, &Q));
    l.max(l.min(l.mul(x, ratio), l.splat(1.0)), l.splat(-1.0))
}

/// Horner's rule, highest power first.
#[inline(always)]
fn polynomial<L: Lanes>(l: L, x: L::V, coefficients: &[f32]) -> L::V {
    let mut y = l.splat(coefficients[0]);
    for &c in &coefficients[1..] {
        y = l.add(l.mul(y, x), l.splat(c));
    }
    y
}
