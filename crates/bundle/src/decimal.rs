//! Numbers from decimal digits, and back for a message.
//!
//! The standard library's conversions would bring 30 KB of code and tables into the browser's module, for
//! the few figures of a card.

/// The number that a text spells in JSON's way: the `f64` nearest to its first 19 digits, as long as the last
/// of them stands at most 37 places behind the point or 19 before it.
/// Outside it is within 2⁻⁴⁰ of that, and zero below 10⁻²⁸⁰; infinite where an `f64` ends.
pub(crate) fn parse(text: &str) -> f64 {
    let (digits, power) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let endless = if power.starts_with('-') {
        i32::MIN
    } else {
        i32::MAX
    };
    let mut power = i64::from(power.parse::<i32>().unwrap_or(endless));
    let (mut significand, mut behind) = (0_u64, false);
    for byte in digits.bytes() {
        match byte {
            b'.' => behind = true,
            b'0'..=b'9' => {
                let fits = significand < 10_u64.pow(18);
                if fits {
                    significand = 10 * significand + u64::from(byte - b'0');
                }
                // Each digit kept behind the point makes the last one smaller by ten; each one passed
                // over before it, larger.
                power += i64::from(!behind && !fits) - i64::from(behind && fits);
            }
            _ => {}
        }
    }
    let size = match power {
        0..=19 => (u128::from(significand) * 10_u128.pow(power as u32)) as f64,
        -37..0 => divide(significand, 10_u128.pow(-power as u32)),
        _ if significand == 0 => 0.0,
        _ => significand as f64 * 10_f64.powi(power.clamp(-400, 400) as i32),
    };
    if digits.starts_with('-') { -size } else { size }
}

/// The nearest `f64` to a quotient, by long division to two bits more than it holds. The divisor is below
/// 2¹²⁴.
fn divide(dividend: u64, mut divisor: u128) -> f64 {
    if dividend == 0 {
        return 0.0;
    }
    let (mut rest, mut quotient, mut power) = (u128::from(dividend), 0_u64, 0_i32);
    while rest >= divisor {
        divisor *= 2;
        power += 1;
    }
    while quotient < 1 << 54 {
        rest *= 2;
        power -= 1;
        let bit = rest >= divisor;
        rest -= if bit { divisor } else { 0 };
        quotient = 2 * quotient + u64::from(bit);
    }
    // What is left over decides a tie.
    quotient |= u64::from(rest > 0);
    quotient as f64 * 2_f64.powi(power)
}

/// A number for a message, to six places behind the point.
pub(crate) fn show(value: f32) -> String {
    let size = f64::from(value.abs());
    let sign = if value < 0.0 { "-" } else { "" };
    if value.is_nan() {
        "NaN".to_owned()
    } else if size == f64::INFINITY {
        format!("{sign}inf")
    } else if size >= 1e18 {
        format!("{sign}10^18 or more")
    } else {
        let millionths = (size.fract() * 1e6 + 0.5) as u32;
        let (whole, millionths) = (
            size as u64 + u64::from(millionths / 1_000_000),
            millionths % 1_000_000,
        );
        let text = format!("{sign}{whole}.{millionths:06}");
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    }
}

#[cfg(test)]
mod tests;
