use std::f64::consts::LOG10_E;

use narthex_model::float::ln;

use super::TWO_POW_53;

/// Returns the decimal logarithm of `x`.
pub(crate) fn log10(x: f64) -> f64 {
    ln(x) * LOG10_E
}

/// Returns the natural logarithm of 1 + `x`, exact for small `x` too.
///
/// # Source
///
/// `s_log1p.c` of FreeBSD's msun, as in Go's `math/log1p.go`.
pub(super) fn ln_1p(x: f64) -> f64 {
    if x < -1.0 || x.is_nan() {
        return f64::NAN;
    }
    if x == -1.0 {
        return f64::NEG_INFINITY;
    }
    if x == f64::INFINITY {
        return x;
    }
    if x.abs() < SMALL {
        return if x.abs() < TINY { x } else { x - x * x * 0.5 };
    }
    let Reduced { f, k, correction, tiny } = reduce(x);
    let half_square = 0.5 * f * f;
    if tiny {
        if f == 0.0 {
            return if k == 0.0 { 0.0 } else { k * LN_2_HIGH + (correction + k * LN_2_LOW) };
        }
        let rest = half_square * (1.0 - 0.666_666_666_666_666_66 * f);
        return if k == 0.0 {
            f - rest
        } else {
            k * LN_2_HIGH - ((rest - (k * LN_2_LOW + correction)) - f)
        };
    }
    let s = f / (2.0 + f);
    let z = s * s;
    let rest = z * SERIES.iter().rev().copied().reduce(|sum, term| term + z * sum).unwrap_or(0.0);
    if k == 0.0 {
        return f - (half_square - s * (half_square + rest));
    }
    k * LN_2_HIGH - ((half_square - (s * (half_square + rest) + (k * LN_2_LOW + correction))) - f)
}

/// The argument of [`ln_1p`] as `2^k * (1 + f)`.
struct Reduced {
    f: f64,
    k: f64,
    /// What was lost when one was added, relative to the sum.
    correction: f64,
    /// `f` is below 2^-20.
    tiny: bool,
}

fn reduce(x: f64) -> Reduced {
    if x.abs() < SQRT_2_LESS_1 && x > SQRT_HALF_LESS_1 {
        return Reduced { f: x, k: 0.0, correction: 0.0, tiny: false };
    }
    let exponent = |u: f64| i64::try_from(u.to_bits() >> 52).unwrap_or_default() - 1023;
    let (sum, correction) = if x.abs() < TWO_POW_53 {
        let sum = 1.0 + x;
        let lost = if exponent(sum) > 0 { 1.0 - (sum - x) } else { x - (sum - 1.0) };
        (sum, lost / sum)
    } else {
        (x, 0.0)
    };
    let mut k = exponent(sum);
    let mantissa = sum.to_bits() & 0x000f_ffff_ffff_ffff;
    let (fraction, tiny) = if mantissa < MANTISSA_OF_SQRT_2 {
        (f64::from_bits(mantissa | 0x3ff0_0000_0000_0000), mantissa == 0)
    } else {
        k += 1;
        let distance = (0x0010_0000_0000_0000 - mantissa) >> 2;
        (f64::from_bits(mantissa | 0x3fe0_0000_0000_0000), distance == 0)
    };
    Reduced { f: fraction - 1.0, k: k as f64, correction, tiny }
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
const SQRT_2_LESS_1: f64 = 4.142_135_623_730_950_488_017e-1;
const SQRT_HALF_LESS_1: f64 = -2.928_932_188_134_524_755_992e-1;
const MANTISSA_OF_SQRT_2: u64 = 0x0006_a09e_667f_3bcd;
/// 2 to the -29.
const SMALL: f64 = 1.0 / (1_u64 << 29) as f64;
/// 2 to the -54.
const TINY: f64 = 1.0 / (1_u64 << 54) as f64;
