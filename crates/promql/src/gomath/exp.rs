/// Returns e to the power of `x`.
///
/// # Source
///
/// Naoki Shibata, "Efficient evaluation methods of elementary functions suitable for SIMD
/// computation" (2010), as in SLEEF and Go's `math/exp_amd64.s` on a machine with fused
/// multiply-add: the argument is reduced by the logarithm of two, divided by sixteen, put into a
/// Taylor series of e^x - 1, and the result squared four times.
pub(crate) fn exp(x: f64) -> f64 {
    if !x.is_finite() {
        return if x == f64::NEG_INFINITY { 0.0 } else { x };
    }
    if x > OVERFLOW {
        return f64::INFINITY;
    }
    let power = (x * std::f64::consts::LOG2_E).round_ties_even().max(-1e9);
    let reduced = (-power).mul_add(LN_2_LOW, (-power).mul_add(LN_2_HIGH, x)) * 0.0625;
    let series = TAYLOR[1..].iter().fold(TAYLOR[0], |sum, term| sum.mul_add(reduced, *term));
    // With d = e^x - 1, one squaring of e^x makes d * (d + 2) of d.
    let mut excess = reduced * series;
    for _ in 0..3 {
        excess *= excess + 2.0;
    }
    let fraction = (excess + 2.0).mul_add(excess, 1.0);
    #[expect(clippy::cast_possible_truncation, reason = "an integer of at most ten digits")]
    let biased = power as i64 + 1023;
    scale(fraction, biased)
}

/// Returns `fraction` times two to the `biased` exponent less 1023.
fn scale(fraction: f64, biased: i64) -> f64 {
    let power_of_two = |biased: i64| f64::from_bits(biased.cast_unsigned() << 52);
    match biased {
        ..-52 => 0.0,
        -52..=0 => fraction * power_of_two(biased + 1022) * f64::MIN_POSITIVE,
        1..2047 => fraction * power_of_two(biased),
        2047.. => f64::INFINITY,
    }
}

const OVERFLOW: f64 = 7.097_827_128_933_84e2;
/// The upper half of the logarithm of two, with zeros at the end.
const LN_2_HIGH: f64 = 0.693_147_180_559_662_956_511_601_805_686_950_683_593_75;
const LN_2_LOW: f64 = 0.282_352_905_630_315_771_225_884_481_750_134_360_255_254_120_68e-12;
/// One over the factorials of eight down to one.
const TAYLOR: [f64; 8] = [
    2.480_158_730_158_730_158_7e-5,
    1.984_126_984_126_984_127_0e-4,
    1.388_888_888_888_888_888_9e-3,
    8.333_333_333_333_333_333_3e-3,
    4.166_666_666_666_666_666_7e-2,
    1.666_666_666_666_666_666_7e-1,
    0.5,
    1.0,
];
