use std::f64::consts::{FRAC_2_PI, FRAC_PI_4};

use super::polynomial;

/// Returns the sine of `x` radians.
///
/// # Source
///
/// `sin.c` of the Cephes library, as in Go's `math/sin.go`.
pub(crate) fn sin(x: f64) -> f64 {
    if x == 0.0 || x.is_nan() {
        return x;
    }
    if x.is_infinite() {
        return f64::NAN;
    }
    let Octant { number, rest } = Octant::of(x.abs());
    let flipped = (number & 7 > 3) != (x < 0.0);
    let value = if matches!(number & 3, 1 | 2) { cos_series(rest) } else { sin_series(rest) };
    if flipped { -value } else { value }
}

/// Returns the cosine of `x` radians.
///
/// # Source
///
/// As [`sin`].
pub(crate) fn cos(x: f64) -> f64 {
    if !x.is_finite() {
        return f64::NAN;
    }
    let Octant { number, rest } = Octant::of(x.abs());
    let flipped = (number & 7 > 3) != (number & 3 > 1);
    let value = if matches!(number & 3, 1 | 2) { sin_series(rest) } else { cos_series(rest) };
    if flipped { -value } else { value }
}

/// Returns the tangent of `x` radians.
///
/// # Source
///
/// `tan.c` of the Cephes library, as in Go's `math/tan.go`.
pub(crate) fn tan(x: f64) -> f64 {
    if x == 0.0 || x.is_nan() {
        return x;
    }
    if x.is_infinite() {
        return f64::NAN;
    }
    let Octant { number, rest } = Octant::of(x.abs());
    let square = rest * rest;
    let mut value = rest;
    if square > 1e-14 {
        value = rest + rest * (square * polynomial(square, TAN_P) / polynomial(square, TAN_Q));
    }
    if number & 2 == 2 {
        value = -1.0 / value;
    }
    if x < 0.0 { -value } else { value }
}

fn sin_series(z: f64) -> f64 {
    let zz = z * z;
    z + z * zz * polynomial(zz, SIN)
}

fn cos_series(z: f64) -> f64 {
    let zz = z * z;
    1.0 - 0.5 * zz + zz * zz * polynomial(zz, COS)
}

/// An angle as an even number of eighths of a turn, and a rest of at most an eighth either way.
struct Octant {
    number: u64,
    rest: f64,
}

impl Octant {
    fn of(x: f64) -> Self {
        if x >= REDUCE_MIN {
            return Self::of_large(x);
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "positive and below 2^30"
        )]
        let mut number = (x * FOUR_THROUGH_PI_ROUNDED) as u64;
        number += number & 1;
        let eighths = number as f64;
        let [high, middle, low] = PI_4_PARTS;
        Self { number, rest: ((x - eighths * high) - eighths * middle) - eighths * low }
    }

    /// # Source
    ///
    /// Payne and Hanek's reduction, as in Go's `math/trig_reduce.go`: the mantissa times those
    /// digits of four through pi that decide the octant and 64 bits of the rest.
    fn of_large(x: f64) -> Self {
        let bits = x.to_bits();
        let exponent = i32::try_from(bits >> 52 & 0x7ff).unwrap_or_default() - 1023 - 52;
        let mantissa = u128::from(bits & ((1 << 52) - 1) | 1 << 52);
        let position = usize::try_from(exponent + 61).unwrap_or_default();
        let (word, shift) = (position / 64, position % 64);
        let digits = |index: usize| {
            let pair =
                u128::from(FOUR_THROUGH_PI[index]) << 64 | u128::from(FOUR_THROUGH_PI[index + 1]);
            pair << shift >> 64 & u128::from(u64::MAX)
        };
        let high = digits(word).wrapping_mul(mantissa) << 64;
        let product = high
            .wrapping_add(digits(word + 1).wrapping_mul(mantissa))
            .wrapping_add(digits(word + 2).wrapping_mul(mantissa) >> 64);
        let mut number = low_word(product >> 125);
        let mut rest = fraction(low_word(product >> 61), low_word(product));
        if number & 1 == 1 {
            number = (number + 1) & 7;
            rest -= 1.0;
        }
        Self { number, rest: rest * FRAC_PI_4 }
    }
}

/// Returns the last 64 bits.
#[expect(clippy::cast_possible_truncation, reason = "that is what it is for")]
fn low_word(bits: u128) -> u64 {
    bits as u64
}

/// Returns the first 53 significant bits of a fraction of 2^64 as a float from 0 to 1.
///
/// Where `bits` begins with many zeros, `below` fills the end. Go takes it three bits too early,
/// and so must we.
fn fraction(bits: u64, below: u64) -> f64 {
    let unused = bits.leading_zeros() + 1;
    let shifted =
        bits.checked_shl(unused).unwrap_or(0) | below.checked_shr(64 - unused).unwrap_or(0);
    f64::from_bits(u64::from(1023 - unused) << 52 | shifted >> 12)
}

const SIN: [f64; 6] = [
    1.589_623_015_765_465_680_60e-10,
    -2.505_074_776_285_780_728_66e-8,
    2.755_731_362_138_572_452_13e-6,
    -1.984_126_982_958_953_859_96e-4,
    8.333_333_333_322_118_588_78e-3,
    -1.666_666_666_666_663_072_95e-1,
];
const COS: [f64; 6] = [
    -1.135_853_652_138_768_173_00e-11,
    2.087_570_084_197_473_167_78e-9,
    -2.755_731_417_929_673_881_12e-7,
    2.480_158_728_885_170_453_48e-5,
    -1.388_888_888_887_305_641_16e-3,
    4.166_666_666_666_659_292_18e-2,
];
const TAN_P: [f64; 3] = [
    -1.309_369_391_813_837_776_46e4,
    1.153_516_648_385_874_161_40e6,
    -1.795_652_519_764_848_779_88e7,
];
const TAN_Q: [f64; 5] = [
    1.0,
    1.368_129_634_706_929_546_78e4,
    -1.320_892_344_402_109_674_47e6,
    2.500_838_018_233_579_158_39e7,
    -5.386_957_559_294_546_298_81e7,
];
/// A quarter of pi in three parts, the first two of them short.
const PI_4_PARTS: [f64; 3] = [
    7.853_981_256_484_985_351_56e-1,
    3.774_894_707_930_798_176_68e-8,
    2.695_151_429_079_059_526_45e-15,
];
const FOUR_THROUGH_PI_ROUNDED: f64 = 2.0 * FRAC_2_PI;
/// From here on, an angle is reduced in integers.
const REDUCE_MIN: f64 = (1_u64 << 29) as f64;
/// The binary digits of four through pi, the first of them a whole.
const FOUR_THROUGH_PI: [u64; 20] = [
    0x0000_0000_0000_0001,
    0x45f3_06dc_9c88_2a53,
    0xf84e_afa3_ea69_bb81,
    0xb6c5_2b32_7887_2083,
    0xfca2_c757_bd77_8ac3,
    0x6e48_dc74_849b_a5c0,
    0x0c92_5dd4_13a3_2439,
    0xfc3b_d639_6253_4e7d,
    0xd104_6bea_5d76_8909,
    0xd338_e04d_68be_fc82,
    0x7323_ac73_06a6_73e9,
    0x3908_bf17_7bf2_5076,
    0x3ff1_2fff_bc0b_301f,
    0xde5e_2316_b414_da3e,
    0xda6c_fd9e_4f96_136e,
    0x9e8c_7ecd_3cbf_d45a,
    0xea4f_758f_d7cb_e2f6,
    0x7a0e_73ef_14a5_25d4,
    0xd7f6_bf62_3f1a_ba10,
    0xac06_608d_f8f6_d757,
];
