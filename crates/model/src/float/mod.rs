//! Numbers as Go reads and prints them.
//!
//! All writers print the fewest digits that read back as the same number and differ in when they
//! use an exponent: [`write_general`] for the exposition formats, [`write_fixed`] for PromQL,
//! [`write_json`] for sample values of the HTTP API. An exponent has a sign and at least two digits
//! (`1e+06`); infinities are `+Inf` and `-Inf`, every NaN is `NaN`. [`ln`] and
//! [`log2`] agree with Go too, which std's need not in the last bit.

mod decimal;
mod log;

use std::fmt;
use std::ops::Range;

use crate::NORMAL_NAN;
use decimal::Decimal;
pub use log::{ln, log2};

/// Writes `value` as `strconv.FormatFloat(v, 'g', -1, 64)` prints it, the form of the exposition
/// formats: with an exponent below 1e-4 and from 1e6.
///
/// ```
/// let mut text = String::new();
/// narthex_model::float::write_general(&mut text, 1_046_941_696.0)?;
/// assert_eq!(text, "1.046941696e+09");
/// # Ok::<(), std::fmt::Error>(())
/// ```
///
/// # Errors
///
/// Only those of `out`.
pub fn write_general(out: &mut impl fmt::Write, value: f64) -> fmt::Result {
    write_float(out, value, 1e-4..1e6)
}

/// Writes `value` as `strconv.FormatFloat(v, 'f', -1, 64)` prints it: never with an exponent.
///
/// The text can be 327 bytes long, for the smallest numbers.
///
/// # Errors
///
/// Only those of `out`.
pub fn write_fixed(out: &mut impl fmt::Write, value: f64) -> fmt::Result {
    write_float(out, value, 0.0..f64::INFINITY)
}

/// Writes `value` as the HTTP API prints sample values, without the quotes around them: with an
/// exponent only below 1e-6 and from 1e21.
///
/// # Errors
///
/// Only those of `out`.
pub fn write_json(out: &mut impl fmt::Write, value: f64) -> fmt::Result {
    write_float(out, value, 1e-6..1e21)
}

/// Writes `value`, with an exponent where its magnitude is neither in `positional` nor zero.
fn write_float(out: &mut impl fmt::Write, value: f64, positional: Range<f64>) -> fmt::Result {
    if value.is_nan() {
        return out.write_str("NaN");
    }
    if value.is_infinite() {
        return out.write_str(if value > 0.0 { "+Inf" } else { "-Inf" });
    }
    if value.is_sign_negative() {
        out.write_char('-')?;
    }
    let magnitude = value.abs();
    if magnitude != 0.0 && !positional.contains(&magnitude) {
        return Decimal::new(magnitude).write_scientific(out);
    }
    // Most values of real pages are counts, which need no search for the shortest digits.
    match small_integer(magnitude) {
        Some(integer) => out.write_str(itoa::Buffer::new().format(integer)),
        None if ALIKE.contains(&magnitude) => {
            out.write_str(zmij::Buffer::new().format_finite(magnitude))
        }
        None => Decimal::new(magnitude).write_positional(out),
    }
}

/// Where `zmij`, too, writes fractions without an exponent.
const ALIKE: Range<f64> = 1e-4..1e15;

/// Returns `magnitude` as an integer where it is one of at most 2^53: above, the shortest digits
/// that identify a number are not all of its digits.
fn small_integer(magnitude: f64) -> Option<u64> {
    const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
    if magnitude > EXACT_MAX {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "a fraction fails the comparison below")]
    #[expect(clippy::cast_sign_loss, reason = "a magnitude has no sign")]
    let integer = magnitude as u64;
    #[expect(clippy::cast_precision_loss, reason = "integers to 2^53 are exact")]
    let exact = integer as f64 == magnitude;
    exact.then_some(integer)
}

/// Returns the number that Go's `strconv.ParseFloat` reads from `text` as the reference's parsers
/// call it, or `None`.
///
/// Accepted are decimal numbers with an optional sign, fraction and exponent, `inf` and `infinity`
/// with an optional sign, and `nan` without one, in any case. Hexadecimal numbers, digit separators
/// and numbers beyond the range of a float are refused. Every NaN is [`NORMAL_NAN`].
#[must_use]
pub fn parse(text: &str) -> Option<f64> {
    if let Some(integer) = parse_short_integer(text.as_bytes()) {
        return Some(integer);
    }
    let value = text.parse::<f64>().ok()?;
    if value.is_finite() {
        return Some(value);
    }
    if value.is_nan() {
        // Rust, unlike Go, reads a sign before it.
        return (text.len() == "nan".len()).then_some(NORMAL_NAN);
    }
    // An infinity is either spelled out or a number out of range.
    let spelled = text.bytes().any(|byte| byte.eq_ignore_ascii_case(&b'i'));
    spelled.then_some(value)
}

/// Reads up to fifteen digits and nothing else: such an integer is exact as a float.
fn parse_short_integer(text: &[u8]) -> Option<f64> {
    const DIGITS_MAX: usize = 15;
    if text.is_empty() || text.len() > DIGITS_MAX {
        return None;
    }
    let mut integer = 0_u64;
    for byte in text {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        integer = integer * 10 + u64::from(digit);
    }
    #[expect(clippy::cast_precision_loss, reason = "fifteen digits are fewer than 53 bits")]
    Some(integer as f64)
}

#[cfg(test)]
mod tests;
