//! Numbers of the text formats.

use narthex_model::float;

/// Why the text of a value is not a float of the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FloatProblem {
    /// It has a `p`, `P` or `_`, which Go's float syntax knows and the format does not.
    UnsupportedCharacter,
    /// It is not a number.
    Syntax,
    /// It is beyond the largest float.
    Range,
}

/// Reads a sample's value: what Go's `ParseFloat` read before Go 1.13. Any NaN becomes the normal
/// one.
pub(crate) fn parse_value(text: &[u8]) -> Result<f64, FloatProblem> {
    let parsed = std::str::from_utf8(text).ok().and_then(float::parse);
    parsed.ok_or_else(|| float_problem(text))
}

#[cold]
fn float_problem(text: &[u8]) -> FloatProblem {
    let number = std::str::from_utf8(text).ok().and_then(|text| text.parse::<f64>().ok());
    if text.iter().any(|byte| matches!(byte, b'p' | b'P' | b'_')) {
        FloatProblem::UnsupportedCharacter
    } else if number.is_some_and(f64::is_infinite) {
        FloatProblem::Range
    } else {
        FloatProblem::Syntax
    }
}

/// Reads the number at the start of `text` where it is a plain decimal (`-12.5e3`) that a float
/// holds exactly or that one exact division yields. Returns it with its length in bytes.
///
/// `None` says nothing of the text, only that the general parser must look at it. What follows the
/// number is the caller's to check.
// PERF: nearly every value on a page is a short integer or decimal, so this spares the search for
// the end of the value, its UTF-8 check and the general parser.
pub(crate) fn parse_plain_decimal(text: &[u8]) -> Option<(f64, usize)> {
    let negative = text.first() == Some(&b'-');
    let integer_start = usize::from(negative);
    let (mantissa, integer_end) = push_digits(0, text, integer_start);
    let (mantissa, fraction_start, mut end) = match text.get(integer_end) {
        Some(b'.') => {
            let (mantissa, end) = push_digits(mantissa, text, integer_end + 1);
            (mantissa, integer_end + 1, end)
        }
        _ => (mantissa, integer_end, integer_end),
    };
    let fraction_digit_count = end - fraction_start;
    let digit_count = integer_end - integer_start + fraction_digit_count;
    if digit_count == 0 || digit_count > EXACT_DIGIT_COUNT_MAX {
        return None;
    }
    let mut exponent = -i32::try_from(fraction_digit_count).ok()?;
    if let Some(b'e' | b'E') = text.get(end) {
        let (written, exponent_end) = parse_exponent(text, end + 1)?;
        exponent += written;
        end = exponent_end;
    }
    // Both the digits and the power of ten are exact floats, so the one operation rounds correctly.
    #[expect(clippy::cast_precision_loss, reason = "at most 15 digits")]
    let digits = mantissa as f64;
    let power = *POWERS_OF_TEN.get(usize::try_from(exponent.unsigned_abs()).ok()?)?;
    let value = if exponent < 0 { digits / power } else { digits * power };
    Some((if negative { -value } else { value }, end))
}

/// Appends the digits from `start` on to `mantissa`. The sum wraps for too many digits.
fn push_digits(mut mantissa: u64, text: &[u8], start: usize) -> (u64, usize) {
    let mut end = start;
    while let Some(byte) = text.get(end)
        && byte.is_ascii_digit()
    {
        mantissa = mantissa.wrapping_mul(10).wrapping_add(u64::from(byte - b'0'));
        end += 1;
    }
    (mantissa, end)
}

/// Reads `+06`, `-3` or `12`: at most three digits, for more are beyond what is exact.
fn parse_exponent(text: &[u8], start: usize) -> Option<(i32, usize)> {
    let sign = text.get(start)?;
    let digits_start = if matches!(sign, b'+' | b'-') { start + 1 } else { start };
    let (digits, end) = push_digits(0, text, digits_start);
    if !(1..=3).contains(&(end - digits_start)) {
        return None;
    }
    let exponent = i32::try_from(digits).ok()?;
    Some((if *sign == b'-' { -exponent } else { exponent }, end))
}

/// Below 10^15 every integer is an exact float.
const EXACT_DIGIT_COUNT_MAX: usize = 15;

/// The powers of ten that are exact floats.
const POWERS_OF_TEN: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
];

/// Returns the bound of a bucket or a quantile as OpenMetrics writes it (`1` → `1.0`), or `None`
/// where it is not a number.
pub(crate) fn canonical_bound(text: &str) -> Option<String> {
    let bound = float::parse(text).or_else(|| parse_literal(text))?;
    let mut canonical = String::with_capacity(24);
    push_bound(&mut canonical, bound);
    Some(canonical)
}

/// Appends the bound of a bucket or a quantile as OpenMetrics writes it (`1` → `1.0`).
pub(crate) fn push_bound(out: &mut String, bound: f64) {
    let start = out.len();
    push_float(out, bound);
    if bound.is_finite() && !out[start..].contains(['.', 'e']) {
        out.push_str(".0");
    }
}

/// Reads what Go's float syntax has beyond that of values: `1_000` and `0x1.8p3`. The reference
/// takes them in bounds alone.
#[cold]
fn parse_literal(text: &str) -> Option<f64> {
    let separates = |(at, _): (usize, &str)| {
        let (before, after) = (&text.as_bytes()[..at], text.as_bytes().get(at + 1));
        before.last().is_some_and(u8::is_ascii_alphanumeric)
            && after.is_some_and(u8::is_ascii_alphanumeric)
    };
    if !text.match_indices('_').all(separates) {
        return None;
    }
    let digits = text.replace('_', "").to_ascii_lowercase();
    let (sign, magnitude) = match digits.strip_prefix('-') {
        Some(magnitude) => (-1.0, magnitude),
        None => (1.0, digits.strip_prefix('+').unwrap_or(&digits)),
    };
    match magnitude.strip_prefix("0x") {
        Some(hexadecimal) => Some(sign * parse_hexadecimal(hexadecimal)?),
        None => float::parse(&digits),
    }
}

/// Reads `1.8p3`, digits and exponent of a hexadecimal float. `None` also where it is beyond the
/// largest float or has more digits than 64 bits hold.
fn parse_hexadecimal(text: &str) -> Option<f64> {
    let (mantissa, exponent) = text.split_once('p')?;
    let (integer, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{integer}{fraction}");
    if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let digits = u64::from_str_radix(&digits, 16).ok()?;
    let exponent: i32 = exponent.parse().ok()?;
    let fraction_bit_count = 4 * i32::try_from(fraction.len()).ok()?;
    #[expect(clippy::cast_precision_loss, reason = "the cast rounds as Go does")]
    let value = digits as f64 * 2_f64.powi(exponent.checked_sub(fraction_bit_count)?);
    value.is_finite().then_some(value)
}

/// Appends `value` as Go prints it in the formats.
pub(crate) fn push_float(out: &mut String, value: f64) {
    // A zero has no sign in the formats.
    let value = if value == 0.0 { 0.0 } else { value };
    float::write_general(out, value).expect("a String takes all text");
}
