//! Logarithms that agree with Go's `math` package to the last bit, on every platform.

#![expect(clippy::excessive_precision, reason = "coefficients stand as they were published")]
#![expect(clippy::cast_precision_loss, reason = "a power of two is exact")]

use std::f64::consts::{FRAC_1_SQRT_2, LOG2_E};

/// Returns the natural logarithm of `x` as Go computes it, to the last bit.
///
/// # Source
///
/// `e_log.c` of FreeBSD's msun, as in Go's `math/log.go`.
#[must_use]
pub fn ln(x: f64) -> f64 {
    if x.is_nan() || x == f64::INFINITY {
        return x;
    }
    if x < 0.0 {
        return f64::NAN;
    }
    if x == 0.0 {
        return f64::NEG_INFINITY;
    }
    let (mut fraction, mut exponent) = split_exponent(x);
    if fraction < FRAC_1_SQRT_2 {
        fraction *= 2.0;
        exponent -= 1;
    }
    let f = fraction - 1.0;
    let k = f64::from(exponent);
    let s = f / (2.0 + f);
    let s2 = s * s;
    let s4 = s2 * s2;
    let [l1, l2, l3, l4, l5, l6, l7] = SERIES;
    let odd = s2 * (l1 + s4 * (l3 + s4 * (l5 + s4 * l7)));
    let even = s4 * (l2 + s4 * (l4 + s4 * l6));
    let rest = odd + even;
    let half_square = 0.5 * f * f;
    k * LN_2_HIGH - ((half_square - (s * (half_square + rest) + k * LN_2_LOW)) - f)
}

/// Returns the binary logarithm of `x` as Go computes it, to the last bit. It is exact for powers of
/// two.
#[must_use]
pub fn log2(x: f64) -> f64 {
    let (fraction, exponent) = split_exponent(x);
    if fraction == 0.5 {
        return f64::from(exponent - 1);
    }
    ln(fraction) * LOG2_E + f64::from(exponent)
}

/// Returns a fraction from 0.5 to below 1 and a power of two whose product is `x`. Zero, NaN and
/// infinities are their own fraction.
fn split_exponent(x: f64) -> (f64, i32) {
    if x == 0.0 || !x.is_finite() {
        return (x, 0);
    }
    let (normal, shift) = if x.abs() < f64::MIN_POSITIVE { (x * TWO_POW_52, -52) } else { (x, 0) };
    let bits = normal.to_bits();
    let exponent = i32::try_from(bits >> 52 & 0x7ff).unwrap_or_default() - 1022;
    (f64::from_bits(bits & !(0x7ff << 52) | 1022 << 52), exponent + shift)
}

const LN_2_HIGH: f64 = 6.931_471_803_691_238_164_90e-1;
const LN_2_LOW: f64 = 1.908_214_929_270_587_700_02e-10;
const SERIES: [f64; 7] = [
    6.666_666_666_666_735_130e-1,
    3.999_999_999_940_941_908e-1,
    2.857_142_874_366_239_149e-1,
    2.222_219_843_214_978_396e-1,
    1.818_357_216_161_805_012e-1,
    1.531_383_769_920_937_332e-1,
    1.479_819_860_511_658_591e-1,
];
const TWO_POW_52: f64 = (1_u64 << 52) as f64;
