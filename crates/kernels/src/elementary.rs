//! exp, sigmoid and tanh out of additions, multiplications and one division, so that every machine
//! gives the same bits; the standard library's differ between platforms.

use crate::lanes::{Lanes, ROUND};

/// e^x. From -87.34 down the result is a subnormal number, and below -87.68 it is 0; arguments above
/// 88.37 give what 88.37 does: never infinite, never NaN.
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
pub(crate) fn polynomial<L: Lanes>(l: L, x: L::V, coefficients: &[f32]) -> L::V {
    let mut y = l.splat(coefficients[0]);
    for &c in &coefficients[1..] {
        y = l.add(l.mul(y, x), l.splat(c));
    }
    y
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Cpu;
    use crate::lanes::{Job, WIDTH};

    /// Largest relative error where the exact result is a normal number, in half units of the last
    /// place (2⁻²⁴): rounding of the polynomial's last steps, and of the division.
    const EXP: f64 = 2.0;
    const SIGMOID: f64 = 3.0;
    const TANH: f64 = 5.0;

    #[derive(Clone, Copy)]
    enum Function {
        Exp,
        Sigmoid,
        Tanh,
    }

    struct Apply<'a>(Function, &'a [f32]);

    impl Job for Apply<'_> {
        type Output = Vec<f32>;
        #[inline(always)]
        fn run<L: Lanes>(self, l: L) -> Vec<f32> {
            let mut out = vec![0.0; self.1.len()];
            for (x, y) in self.1.chunks(WIDTH).zip(out.chunks_mut(WIDTH)) {
                let x = l.load_part(x, 0.0);
                let value = match self.0 {
                    Function::Exp => exp(l, x),
                    Function::Sigmoid => sigmoid(l, x),
                    Function::Tanh => tanh(l, x),
                };
                l.store_part(value, y);
            }
            out
        }
    }

    /// Every 4096th bit pattern below `limit`, both signs: all binades, subnormals included.
    fn patterns(limit: f32) -> Vec<f32> {
        let positive = (0..=limit.to_bits()).step_by(4096).map(f32::from_bits);
        positive
            .flat_map(|x| [x, -x])
            .chain([limit, -limit])
            .collect()
    }

    fn worst(function: Function, exact: fn(f64) -> f64, x: &[f32]) -> f64 {
        let smallest = f64::from(f32::MIN_POSITIVE);
        let error = |(&x, y): (&f32, f32)| {
            let exact = exact(f64::from(x));
            (f64::from(y) - exact).abs() / exact.abs().max(smallest) * f64::from(1 << 24)
        };
        let y = Cpu::PORTABLE.run(Apply(function, x));
        x.iter().zip(y).map(error).fold(0.0, f64::max)
    }

    #[test]
    fn errors_stay_within_their_bounds() {
        let x = patterns(88.0);
        let exp = worst(Function::Exp, f64::exp, &patterns(87.0));
        let sigmoid = worst(Function::Sigmoid, |x| 1.0 / (1.0 + (-x).exp()), &x);
        let tanh = worst(Function::Tanh, f64::tanh, &x);
        assert!(
            exp <= EXP && sigmoid <= SIGMOID && tanh <= TANH,
            "{exp} {sigmoid} {tanh}"
        );
    }

    #[test]
    fn every_argument_has_a_defined_value() {
        let x = [
            f32::NEG_INFINITY,
            f32::MIN,
            -87.7,
            -0.0,
            0.0,
            f32::MAX,
            f32::INFINITY,
            f32::NAN,
        ];
        let exp = Cpu::PORTABLE.run(Apply(Function::Exp, &x));
        assert_eq!(exp[..5], [0.0, 0.0, 0.0, 1.0, 1.0]);
        assert!(exp.iter().all(|y| y.is_finite()));
        let sigmoid = Cpu::PORTABLE.run(Apply(Function::Sigmoid, &x));
        assert!(
            sigmoid.iter().all(|y| (0.0..=1.0).contains(y)),
            "{sigmoid:?}"
        );
        let tanh = Cpu::PORTABLE.run(Apply(Function::Tanh, &x));
        assert!(tanh[..2].iter().all(|&y| y <= -0.999_999_9), "{tanh:?}");
        assert!(tanh.iter().all(|y| (-1.0..=1.0).contains(y)), "{tanh:?}");
    }

    #[test]
    fn every_set_gives_the_same_bits() {
        let mut x = patterns(f32::MAX);
        x.extend([f32::INFINITY, f32::NEG_INFINITY, f32::NAN, -f32::NAN]);
        for function in [Function::Exp, Function::Sigmoid, Function::Tanh] {
            let bits = |cpu: Cpu| -> Vec<u32> {
                cpu.run(Apply(function, &x))
                    .into_iter()
                    .map(f32::to_bits)
                    .collect()
            };
            for cpu in Cpu::available() {
                assert_eq!(bits(cpu), bits(Cpu::PORTABLE), "{}", cpu.name());
            }
        }
    }
}
