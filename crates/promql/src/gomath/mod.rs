//! Elementary functions that agree with Go's `math` package to the last bit.
//!
//! Answers are compared digit by digit with the reference, which is written in Go. Its `math`
//! package computes these functions by its own means; the C library's, which std calls, differ in
//! the last bit for some arguments. The functions here evaluate the same approximations (Cephes,
//! FreeBSD's msun and SLEEF, as named at each) with the same operations in the same order. `sqrt`,
//! `floor`, `ceil`, `abs` and `%` are exact everywhere and stay std's.

#![expect(clippy::excessive_precision, reason = "coefficients stand as they were published")]

mod exp;
mod exp2;
mod hyperbolic;
mod log;
mod pow;
mod trig;
mod trig_inverse;

pub(crate) use exp::exp;
pub(crate) use exp2::exp2;
pub(crate) use hyperbolic::{acosh, asinh, atanh, cosh, sinh, tanh};
pub(crate) use log::log10;
pub(crate) use narthex_model::float::{ln, log2};
pub(crate) use pow::pow;
pub(crate) use trig::{cos, sin, tan};
pub(crate) use trig_inverse::{acos, asin, atan, atan2};

/// Returns the greater number. Plus infinity wins over NaN, and NaN over the rest.
pub(crate) fn max(left: f64, right: f64) -> f64 {
    if left == f64::INFINITY || right == f64::INFINITY {
        f64::INFINITY
    } else if left.is_nan() || right.is_nan() {
        f64::NAN
    } else if left == 0.0 && right == 0.0 {
        if left.is_sign_negative() { right } else { left }
    } else if left > right {
        left
    } else {
        right
    }
}

/// Returns the lesser number. Minus infinity wins over NaN, and NaN over the rest.
pub(crate) fn min(left: f64, right: f64) -> f64 {
    -max(-left, -right)
}

/// Returns the polynomial with these coefficients, the highest power first, by Horner's rule.
fn polynomial<const N: usize>(x: f64, coefficients: [f64; N]) -> f64 {
    coefficients.into_iter().reduce(|sum, coefficient| sum * x + coefficient).unwrap_or_default()
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

/// Returns `fraction` times two to the `exponent`, rounded once.
fn join_exponent(fraction: f64, exponent: i32) -> f64 {
    if fraction == 0.0 || !fraction.is_finite() {
        return fraction;
    }
    let (fraction, shift) = split_exponent(fraction);
    // The fraction has the exponent -1 where a float counts from 0.
    let exponent = exponent.saturating_add(shift) - 1;
    if exponent < -1075 {
        return 0.0_f64.copysign(fraction);
    }
    if exponent > 1023 {
        return f64::INFINITY.copysign(fraction);
    }
    let mantissa = fraction.to_bits() & !(0x7ff << 52);
    if exponent < -1022 {
        let raised = u64::try_from(exponent + 53 + 1023).unwrap_or_default();
        return f64::from_bits(mantissa | raised << 52) / TWO_POW_53;
    }
    let biased = u64::try_from(exponent + 1023).unwrap_or_default();
    f64::from_bits(mantissa | biased << 52)
}

const TWO_POW_52: f64 = (1_u64 << 52) as f64;
const TWO_POW_53: f64 = (1_u64 << 53) as f64;

#[cfg(test)]
mod tests;
