use super::{exp, join_exponent, ln, split_exponent};

/// Returns `x` to the power of `y`.
///
/// # Source
///
/// Go's `math/pow.go`: the fraction of `y` by logarithm and exponential, its integer part by
/// repeated squaring, with the powers of two counted apart.
pub(crate) fn pow(x: f64, y: f64) -> f64 {
    if let Some(special) = special_case(x, y) {
        return special;
    }
    let mut whole = y.abs().trunc();
    let mut part = y.abs() - whole;
    if part != 0.0 && x < 0.0 {
        return f64::NAN;
    }
    if whole >= WHOLE_MAX {
        return match x {
            -1.0 => 1.0,
            _ if (x.abs() < 1.0) == (y > 0.0) => 0.0,
            _ => f64::INFINITY,
        };
    }
    let mut fraction = 1.0;
    if part != 0.0 {
        if part > 0.5 {
            part -= 1.0;
            whole += 1.0;
        }
        fraction = exp(part * ln(x));
    }
    let (raised, mut exponent) = raise(x, whole, fraction);
    fraction = raised;
    if y < 0.0 {
        fraction = 1.0 / fraction;
        exponent = -exponent;
    }
    join_exponent(fraction, exponent)
}

/// Returns `start` times `x` to the power of `whole`, as a fraction and a power of two.
fn raise(x: f64, whole: f64, start: f64) -> (f64, i32) {
    let (mut fraction, mut exponent) = (start, 0_i32);
    let (mut square, mut square_exponent) = split_exponent(x);
    #[expect(clippy::cast_possible_truncation, reason = "the caller has checked the range")]
    let mut rest = whole as i64;
    while rest != 0 {
        if square_exponent.abs() > EXPONENT_MAX {
            // At least one bit is left, so the result is zero or infinite anyway.
            exponent += square_exponent;
            break;
        }
        if rest & 1 == 1 {
            fraction *= square;
            exponent += square_exponent;
        }
        square *= square;
        square_exponent *= 2;
        if square < 0.5 {
            square += square;
            square_exponent -= 1;
        }
        rest >>= 1;
    }
    (fraction, exponent)
}

fn special_case(x: f64, y: f64) -> Option<f64> {
    let odd = || y.abs() < TWO_POW_53_AND_MORE && y.trunc() == y && y % 2.0 != 0.0;
    Some(if y == 0.0 || x == 1.0 {
        1.0
    } else if y == 1.0 {
        x
    } else if x.is_nan() || y.is_nan() {
        f64::NAN
    } else if x == 0.0 {
        match (y < 0.0, odd()) {
            (true, true) => f64::INFINITY.copysign(x),
            (true, false) => f64::INFINITY,
            (false, true) => x,
            (false, false) => 0.0,
        }
    } else if y.is_infinite() {
        match x {
            -1.0 => 1.0,
            _ if (x.abs() < 1.0) == (y > 0.0) => 0.0,
            _ => f64::INFINITY,
        }
    } else if x.is_infinite() {
        let size = if y < 0.0 { 0.0 } else { f64::INFINITY };
        if x < 0.0 && odd() { -size } else { size }
    } else if y == 0.5 {
        x.sqrt()
    } else if y == -0.5 {
        1.0 / x.sqrt()
    } else {
        return None;
    })
}

/// From here on, a power of anything but one is zero or infinite.
const WHOLE_MAX: f64 = (1_u64 << 63) as f64;
/// No power of two beyond this one fits a float, and its double fits an integer.
const EXPONENT_MAX: i32 = 1 << 12;
/// From here on, every float is even.
const TWO_POW_53_AND_MORE: f64 = (1_u64 << 53) as f64;
