use std::f64::consts::LN_2;

use super::log::ln_1p;
use super::{exp, ln, polynomial};

/// Returns the hyperbolic sine of `x`.
///
/// # Source
///
/// Hart and Cheney, "Computer Approximations" 2029, as in Go's `math/sinh.go`.
pub(crate) fn sinh(x: f64) -> f64 {
    if x == 0.0 {
        return x;
    }
    let size = x.abs();
    let value = if size > 21.0 {
        exp(size) * 0.5
    } else if size > 0.5 {
        let power = exp(size);
        (power - 1.0 / power) * 0.5
    } else {
        let square = size * size;
        polynomial(square, SINH_P) * size / polynomial(square, SINH_Q)
    };
    if x < 0.0 { -value } else { value }
}

/// Returns the hyperbolic cosine of `x`.
///
/// # Source
///
/// Go's `math/sinh.go`.
pub(crate) fn cosh(x: f64) -> f64 {
    let power = exp(x.abs());
    if x.abs() > 21.0 { power * 0.5 } else { (power + 1.0 / power) * 0.5 }
}

/// Returns the hyperbolic tangent of `x`.
///
/// # Source
///
/// `tanh.c` of the Cephes library, as in Go's `math/tanh.go`.
pub(crate) fn tanh(x: f64) -> f64 {
    let size = x.abs();
    if size > 0.5 * MAX_LOG {
        return 1.0_f64.copysign(x);
    }
    if size >= 0.625 {
        return (1.0 - 2.0 / (exp(2.0 * size) + 1.0)).copysign(x);
    }
    if x == 0.0 {
        return x;
    }
    let square = x * x;
    x + x * square * polynomial(square, TANH_P) / polynomial(square, TANH_Q)
}

/// Returns the number whose hyperbolic sine is `x`.
///
/// # Source
///
/// `s_asinh.c` of FreeBSD's msun, as in Go's `math/asinh.go`.
pub(crate) fn asinh(x: f64) -> f64 {
    if !x.is_finite() {
        return x;
    }
    let size = x.abs();
    let value = if size > LARGE {
        ln(size) + LN_2
    } else if size > 2.0 {
        ln(2.0 * size + 1.0 / ((size * size + 1.0).sqrt() + size))
    } else if size < NEAR_ZERO {
        size
    } else {
        ln_1p(size + size * size / (1.0 + (1.0 + size * size).sqrt()))
    };
    value.copysign(x)
}

/// Returns the number from zero up whose hyperbolic cosine is `x`.
///
/// # Source
///
/// `e_acosh.c` of FreeBSD's msun, as in Go's `math/acosh.go`.
pub(crate) fn acosh(x: f64) -> f64 {
    if x < 1.0 || x.is_nan() {
        return f64::NAN;
    }
    if x == 1.0 {
        return 0.0;
    }
    if x >= LARGE {
        return ln(x) + LN_2;
    }
    if x > 2.0 {
        return ln(2.0 * x - 1.0 / (x + (x * x - 1.0).sqrt()));
    }
    let excess = x - 1.0;
    ln_1p(excess + (2.0 * excess + excess * excess).sqrt())
}

/// Returns the number whose hyperbolic tangent is `x`.
///
/// # Source
///
/// `e_atanh.c` of FreeBSD's msun, as in Go's `math/atanh.go`.
pub(crate) fn atanh(x: f64) -> f64 {
    let size = x.abs();
    if size > 1.0 || x.is_nan() {
        return f64::NAN;
    }
    let value = if size == 1.0 {
        f64::INFINITY
    } else if size < NEAR_ZERO {
        size
    } else if size < 0.5 {
        let double = size + size;
        0.5 * ln_1p(double + double * size / (1.0 - size))
    } else {
        0.5 * ln_1p((size + size) / (1.0 - size))
    };
    value.copysign(x)
}

const SINH_P: [f64; 4] = [
    -0.263_056_321_339_749_706_281_948_9e2,
    -0.289_421_135_598_956_380_728_466_036_6e4,
    -0.899_127_202_203_950_935_539_801_351_1e5,
    -0.630_767_364_049_771_699_118_478_725_1e6,
];
const SINH_Q: [f64; 4] = [
    1.0,
    -0.173_678_953_558_233_699_533_450_911e3,
    0.152_151_737_879_001_907_069_648_517_6e5,
    -0.630_767_364_049_771_699_121_207_727_7e6,
];
const TANH_P: [f64; 3] = [
    -9.643_991_794_250_522_386_28e-1,
    -9.928_772_310_019_185_865_64e1,
    -1.614_687_684_417_084_479_52e3,
];
const TANH_Q: [f64; 4] = [
    1.0,
    1.128_116_784_916_329_314_02e2,
    2.235_488_390_601_004_485_83e3,
    4.844_063_053_251_254_860_48e3,
];
/// The logarithm of 2 to the 127.
const MAX_LOG: f64 = 8.802_969_193_111_305_429_598_8e1;
/// 2 to the 28.
const LARGE: f64 = (1_u64 << 28) as f64;
/// 2 to the -28.
const NEAR_ZERO: f64 = 1.0 / LARGE;
