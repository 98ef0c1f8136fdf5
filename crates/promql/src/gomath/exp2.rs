use super::join_exponent;

/// Returns two to the power of `x`.
///
/// # Source
///
/// FreeBSD's `e_exp.c`, as Go's `math/exp.go` uses it for this function.
pub(crate) fn exp2(x: f64) -> f64 {
    if !x.is_finite() {
        return if x == f64::NEG_INFINITY { 0.0 } else { x };
    }
    if x > OVERFLOW {
        return f64::INFINITY;
    }
    if x < UNDERFLOW {
        return 0.0;
    }
    #[expect(clippy::cast_possible_truncation, reason = "the bounds were just checked")]
    let power = (x + 0.5_f64.copysign(x)) as i32;
    let rest = x - f64::from(power);
    let (high, low) = (rest * LN_2_HIGH, -rest * LN_2_LOW);
    let reduced = high - low;
    let square = reduced * reduced;
    let tail = COEFFICIENTS.iter().rev().fold(0.0, |sum, coefficient| coefficient + square * sum);
    let c = reduced - square * tail;
    let fraction = 1.0 - ((low - (reduced * c) / (2.0 - c)) - high);
    join_exponent(fraction, power)
}

const OVERFLOW: f64 = 1.023_999_999_999_999_9e3;
const UNDERFLOW: f64 = -1.074e3;
/// The upper half of the logarithm of two, with zeros at the end.
const LN_2_HIGH: f64 = 6.931_471_803_691_238_164_90e-1;
const LN_2_LOW: f64 = 1.908_214_929_270_587_700_02e-10;
const COEFFICIENTS: [f64; 5] = [
    1.666_666_666_666_666_574_15e-1,
    -2.777_777_777_701_559_338_42e-3,
    6.613_756_321_437_934_361_17e-5,
    -1.653_390_220_546_525_153_90e-6,
    4.138_136_797_057_238_460_39e-8,
];
