//! Constants: numbers, characters and texts in Go's notation.

use std::borrow::Cow;

use narthex_model::float;

use crate::format::Quoted;
use crate::unicode::{first_rune, push_rune};

const INVALID: &str = "invalid syntax";

/// A number, as each of the types that can hold it.
#[derive(Debug, Default)]
pub(crate) struct Number {
    /// As it was written.
    pub(crate) text: Box<str>,
    pub(crate) int: Option<i64>,
    pub(crate) uint: Option<u64>,
    pub(crate) float: Option<f64>,
    pub(crate) complex: Option<(f64, f64)>,
}

impl Number {
    /// Reads `'x'`.
    pub(crate) fn of_char(text: &str) -> Result<Self, Cow<'static, str>> {
        let mut rest = &text.as_bytes()[1..];
        let code = match unquote_rune(&mut rest, b'\'').ok_or(INVALID)? {
            Unquoted::Byte(byte) => u32::from(byte),
            Unquoted::Rune(rune) => u32::from(rune),
        };
        if rest != b"'" {
            return Err(format!("malformed character constant: {text}").into());
        }
        Ok(Self {
            text: text.into(),
            int: Some(code.into()),
            uint: Some(code.into()),
            float: Some(code.into()),
            complex: None,
        })
    }

    /// Reads `1+2i`.
    pub(crate) fn of_complex(text: &str) -> Result<Self, Cow<'static, str>> {
        let illegal = || Cow::from(format!("illegal number syntax: {}", Quoted(text)));
        // The sign of the imaginary part is neither the first byte nor that of an exponent.
        let split = (1..text.len())
            .rev()
            .find(|&at| {
                let bytes = text.as_bytes();
                matches!(bytes[at], b'+' | b'-')
                    && !matches!(bytes[at - 1], b'e' | b'E' | b'p' | b'P')
            })
            .ok_or_else(illegal)?;
        let real = parse_float(&text[..split]).ok_or_else(illegal)?;
        let imaginary = parse_float(&text[split..text.len() - 1]).ok_or_else(illegal)?;
        Ok(Self::from_complex(text, real, imaginary))
    }

    /// Reads any other number.
    pub(crate) fn parse(text: &str) -> Result<Self, Cow<'static, str>> {
        if let Some(imaginary) = text.strip_suffix('i').and_then(parse_float) {
            return Ok(Self::from_complex(text, 0.0, imaginary));
        }
        let mut number = Self { text: text.into(), ..Self::default() };
        number.uint = parse_uint(text);
        number.int = parse_int(text);
        if number.int == Some(0) {
            number.uint = Some(0);
        }
        #[expect(clippy::cast_precision_loss, reason = "the nearest float is meant")]
        match (number.int, number.uint) {
            (Some(int), _) => number.float = Some(int as f64),
            (None, Some(uint)) => number.float = Some(uint as f64),
            (None, None) => {
                let Some(value) = parse_float(text) else {
                    return Err(format!("illegal number syntax: {}", Quoted(text)).into());
                };
                if !text.contains(['.', 'e', 'E', 'p', 'P']) {
                    return Err(format!("integer overflow: {}", Quoted(text)).into());
                }
                number.float = Some(value);
                number.int = whole(value);
                number.uint = whole(value).and_then(|value| value.try_into().ok());
            }
        }
        Ok(number)
    }

    fn from_complex(text: &str, real: f64, imaginary: f64) -> Self {
        let mut number = Self { text: text.into(), ..Self::default() };
        number.complex = Some((real, imaginary));
        if imaginary == 0.0 {
            number.float = Some(real);
            number.int = whole(real);
            number.uint = whole(real).and_then(|value| value.try_into().ok());
        }
        number
    }

    /// Returns whether the notation is that of a float.
    pub(crate) fn looks_like_float(&self) -> bool {
        let text = &*self.text;
        let is_hex_int = (text.starts_with("0x") || text.starts_with("0X"))
            && text.len() > 2
            && !text.contains(['p', 'P']);
        !is_hex_int && !text.starts_with('\'') && text.contains(['.', 'e', 'E', 'p', 'P'])
    }
}

/// Returns `value` where it is an integer that fits.
fn whole(value: f64) -> Option<i64> {
    #[expect(clippy::cast_possible_truncation, reason = "checked by the way back")]
    let int = value as i64;
    #[expect(clippy::cast_precision_loss, reason = "a check")]
    let same = int as f64 == value && value < 9.2e18;
    same.then_some(int)
}

/// Reads an integer with the base that its prefix says, as `strconv.ParseUint(text, 0, 64)`.
fn parse_uint(text: &str) -> Option<u64> {
    if text.contains('_') && !underscores_fit(text) {
        return None;
    }
    let lower = text.to_ascii_lowercase();
    let (digits, base) = match lower.as_bytes() {
        [b'0', b'x', ..] => (&lower[2..], 16),
        [b'0', b'b', ..] => (&lower[2..], 2),
        [b'0', b'o', ..] => (&lower[2..], 8),
        [b'0', _, ..] => (&lower[1..], 8),
        _ => (&*lower, 10),
    };
    let digits = digits.replace('_', "");
    // `from_str_radix` would take a sign.
    let good = digits.bytes().next().is_some_and(|first| first.is_ascii_alphanumeric());
    good.then(|| u64::from_str_radix(&digits, base).ok()).flatten()
}

fn parse_int(text: &str) -> Option<i64> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let magnitude = i128::from(parse_uint(digits)?);
    i64::try_from(if negative { -magnitude } else { magnitude }).ok()
}

/// Returns whether underscores stand only between digits, or behind a prefix.
fn underscores_fit(text: &str) -> bool {
    let text = text.trim_start_matches(['+', '-']).to_ascii_lowercase();
    let prefixed = ["0x", "0b", "0o"].iter().any(|prefix| text.starts_with(prefix));
    let hex = text.starts_with("0x");
    let mut last = if prefixed { b'0' } else { b'^' };
    for byte in text.bytes().skip(if prefixed { 2 } else { 0 }) {
        last = match byte {
            b'0'..=b'9' => b'0',
            b'a'..=b'f' if hex => b'0',
            b'_' if last == b'0' => b'_',
            b'_' => return false,
            _ if last == b'_' => return false,
            _ => b'!',
        };
    }
    last != b'_'
}

/// Reads a float, as `strconv.ParseFloat(text, 64)`: decimal, or hexadecimal with an exponent.
fn parse_float(text: &str) -> Option<f64> {
    if text.contains('_') && !underscores_fit(text) {
        return None;
    }
    let plain = text.replace('_', "");
    let (negative, digits) = match plain.as_bytes().first()? {
        b'-' => (true, &plain[1..]),
        b'+' => (false, &plain[1..]),
        _ => (false, &*plain),
    };
    let magnitude = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(digits) => parse_hex_float(digits)?,
        None => float::parse(digits)?,
    };
    Some(if negative { -magnitude } else { magnitude })
}

/// Reads a hexadecimal float behind its `0x`.
fn parse_hex_float(text: &str) -> Option<f64> {
    let (digits, exponent) = text.split_once(['p', 'P'])?;
    let mut exponent: i64 = exponent.parse().ok()?;
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut mantissa = 0_u64;
    for (index, digit) in whole.chars().chain(fraction.chars()).enumerate() {
        let digit = u64::from(digit.to_digit(16)?);
        if mantissa >> 59 == 0 {
            mantissa = mantissa << 4 | digit;
            exponent -= if index >= whole.len() { 4 } else { 0 };
        } else {
            // What does not fit any more only decides how to round.
            mantissa |= u64::from(digit != 0);
            exponent += if index < whole.len() { 4 } else { 0 };
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "rounded once, to the nearest")]
    let mut value = mantissa as f64;
    // In steps that no power of two overflows in.
    let mut left = exponent.clamp(-3000, 3000);
    while left != 0 && value != 0.0 && value.is_finite() {
        let step = left.clamp(-1000, 1000);
        value *= 2.0_f64.powi(i32::try_from(step).unwrap_or(0));
        left -= step;
    }
    value.is_finite().then_some(value)
}

/// Returns the text within quotes or backquotes.
pub(crate) fn unquote(quoted: &str) -> Result<Vec<u8>, &'static str> {
    let inner = quoted.get(1..quoted.len().saturating_sub(1)).ok_or(INVALID)?;
    if quoted.starts_with('`') {
        return Ok(inner.bytes().filter(|&byte| byte != b'\r').collect());
    }
    let mut rest = inner.as_bytes();
    let mut text = Vec::with_capacity(rest.len());
    while !rest.is_empty() {
        match unquote_rune(&mut rest, b'"').ok_or(INVALID)? {
            Unquoted::Byte(byte) => text.push(byte),
            Unquoted::Rune(rune) => push_rune(&mut text, rune),
        }
    }
    Ok(text)
}

enum Unquoted {
    Byte(u8),
    Rune(char),
}

/// Takes one rune or escape off `rest`.
fn unquote_rune(rest: &mut &[u8], quote: u8) -> Option<Unquoted> {
    let first = *rest.first()?;
    if first == quote || first == b'\n' {
        return None;
    }
    if first != b'\\' {
        let (rune, size) = first_rune(rest);
        *rest = &rest[size..];
        return Some(Unquoted::Rune(rune));
    }
    let escape = *rest.get(1)?;
    let mut after = &rest[2..];
    let unquoted = match escape {
        b'a' => Unquoted::Byte(7),
        b'b' => Unquoted::Byte(8),
        b'f' => Unquoted::Byte(12),
        b'n' => Unquoted::Byte(b'\n'),
        b'r' => Unquoted::Byte(b'\r'),
        b't' => Unquoted::Byte(b'\t'),
        b'v' => Unquoted::Byte(11),
        b'\\' => Unquoted::Byte(b'\\'),
        b'\'' | b'"' if escape == quote => Unquoted::Byte(escape),
        b'x' => Unquoted::Byte(u8::try_from(digits(&mut after, 2, 16)?).ok()?),
        b'u' => Unquoted::Rune(char::from_u32(digits(&mut after, 4, 16)?)?),
        b'U' => Unquoted::Rune(char::from_u32(digits(&mut after, 8, 16)?)?),
        b'0'..=b'7' => {
            after = &rest[1..];
            Unquoted::Byte(u8::try_from(digits(&mut after, 3, 8)?).ok()?)
        }
        _ => return None,
    };
    *rest = after;
    Some(unquoted)
}

fn digits(rest: &mut &[u8], count: usize, base: u32) -> Option<u32> {
    let taken = rest.get(..count)?;
    *rest = &rest[count..];
    taken.iter().try_fold(0_u32, |value, &digit| {
        value.checked_mul(base)?.checked_add(char::from(digit).to_digit(base)?)
    })
}
