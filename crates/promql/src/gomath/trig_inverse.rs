use std::f64::consts::{FRAC_PI_2, FRAC_PI_4, PI};

use super::polynomial;

/// Returns the angle in radians whose tangent is `x`.
///
/// # Source
///
/// `atan.c` of the Cephes library, as in Go's `math/atan.go`.
pub(crate) fn atan(x: f64) -> f64 {
    if x == 0.0 {
        x
    } else if x > 0.0 {
        atan_positive(x)
    } else {
        -atan_positive(-x)
    }
}

fn atan_positive(x: f64) -> f64 {
    if x <= 0.66 {
        atan_small(x)
    } else if x > TAN_3_PI_8 {
        FRAC_PI_2 - atan_small(1.0 / x) + PI_2_REST
    } else {
        FRAC_PI_4 + atan_small((x - 1.0) / (x + 1.0)) + 0.5 * PI_2_REST
    }
}

fn atan_small(x: f64) -> f64 {
    let z = x * x;
    let z = z * polynomial(z, ATAN_P) / polynomial(z, ATAN_Q);
    x * z + x
}

/// Returns the angle in radians of the point (`x`, `y`).
///
/// # Source
///
/// Go's `math/atan2.go`.
pub(crate) fn atan2(y: f64, x: f64) -> f64 {
    if y.is_nan() || x.is_nan() {
        return f64::NAN;
    }
    let size = if y == 0.0 {
        if x >= 0.0 && x.is_sign_positive() { 0.0 } else { PI }
    } else if x == 0.0 {
        FRAC_PI_2
    } else if x.is_infinite() {
        match (x > 0.0, y.is_infinite()) {
            (true, true) => FRAC_PI_4,
            (true, false) => 0.0,
            (false, true) => 2.356_194_490_192_344_928_85,
            (false, false) => PI,
        }
    } else if y.is_infinite() {
        FRAC_PI_2
    } else {
        let angle = atan(y / x);
        return match (x < 0.0, angle <= 0.0) {
            (false, _) => angle,
            (true, true) => angle + PI,
            (true, false) => angle - PI,
        };
    };
    size.copysign(y)
}

/// Returns the angle in radians whose sine is `x`.
///
/// # Source
///
/// Go's `math/asin.go`.
pub(crate) fn asin(x: f64) -> f64 {
    if x == 0.0 {
        return x;
    }
    let size = x.abs();
    if size > 1.0 {
        return f64::NAN;
    }
    let cosine = (1.0 - size * size).sqrt();
    let angle = if size > 0.7 {
        FRAC_PI_2 - atan_positive(cosine / size)
    } else {
        atan_positive(size / cosine)
    };
    if x < 0.0 { -angle } else { angle }
}

/// Returns the angle in radians whose cosine is `x`.
pub(crate) fn acos(x: f64) -> f64 {
    FRAC_PI_2 - asin(x)
}

const ATAN_P: [f64; 5] = [
    -8.750_608_600_031_904_122_785e-1,
    -1.615_753_718_733_365_076_637e1,
    -7.500_855_792_314_704_667_340e1,
    -1.228_866_684_490_136_173_410e2,
    -6.485_021_904_942_025_371_773e1,
];
const ATAN_Q: [f64; 6] = [
    1.0,
    2.485_846_490_142_306_297_962e1,
    1.650_270_098_316_988_542_046e2,
    4.328_810_604_912_902_668_951e2,
    4.853_903_996_359_136_964_868e2,
    1.945_506_571_482_613_964_425e2,
];
/// The tangent of three eighths of pi.
const TAN_3_PI_8: f64 = 2.414_213_562_373_095_048_80;
/// What half of pi is short of as a float.
const PI_2_REST: f64 = 6.123_233_995_736_765_886_130e-17;
