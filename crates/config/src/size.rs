//! Sizes in bytes, as files write them: `64MiB`, `1GiB512MiB`, `0.5KB`.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error};
use serde::ser::Serializer;

/// A size of a file, in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SizeText(pub(crate) u64);

impl<'de> Deserialize<'de> for SizeText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse(&text).map(Self).map_err(Error::custom)
    }
}

/// Why a text is no size.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SizeError {
    /// There is no number, or something else.
    #[error("units: invalid {text}")]
    Invalid {
        /// The text.
        text: Box<str>,
    },
    /// A number has no unit, or one that nobody knows.
    #[error("units: unknown unit {unit} in {text}")]
    UnknownUnit {
        /// What stands where the unit should.
        unit: Box<str>,
        /// The text.
        text: Box<str>,
    },
    /// The number of bytes is too large for 63 bits.
    #[error("size out of range: {text}")]
    OutOfRange {
        /// The text.
        text: Box<str>,
    },
}

/// Returns the bytes that `text` stands for: numbers with units, added up, or a bare `0`.
///
/// `KB` is 1024 bytes, as is `KiB`.
///
/// # Errors
///
/// [`SizeError`].
///
/// # Source
///
/// `Base2Bytes` of `github.com/alecthomas/units`, which the reference uses. Unlike it, negative
/// sizes are refused: none makes sense where this is used.
pub fn parse(text: &str) -> Result<u64, SizeError> {
    let invalid = || SizeError::Invalid { text: text.into() };
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut total = 0.0;
    while !rest.is_empty() {
        let (number, after) = rest.split_at(span(rest, is_number_byte));
        let (unit, after) = after.split_at(span(after, |byte| !is_number_byte(byte)));
        let number: f64 = number.parse().map_err(|_| invalid())?;
        let scale = UNITS
            .iter()
            .find(|(names, _)| names.contains(&unit))
            .ok_or_else(|| SizeError::UnknownUnit { unit: unit.into(), text: text.into() })?;
        total += number * (1_u64 << scale.1) as f64;
        rest = after;
    }
    // The reference's limit is that of a signed 64-bit number.
    if total >= (1_u64 << 63) as f64 {
        return Err(SizeError::OutOfRange { text: text.into() });
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked above to fit; parts of a byte are dropped"
    )]
    Ok(total as u64)
}

pub(crate) fn write<S: Serializer>(bytes: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&Display(*bytes))
}

/// Returns a text for a size in whole units, the largest first, such as `1GiB512MiB`.
#[must_use]
pub fn display(bytes: u64) -> impl fmt::Display {
    Display(bytes)
}

/// See [`display`].
struct Display(u64);

impl fmt::Display for Display {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0B");
        }
        let mut rest = self.0;
        for (names, shift) in UNITS.iter().rev() {
            let count = rest >> shift;
            if count > 0 {
                write!(f, "{count}{}", names[0])?;
                rest -= count << shift;
            }
        }
        Ok(())
    }
}

fn span(text: &str, accept: impl Fn(u8) -> bool) -> usize {
    text.bytes().position(|byte| !accept(byte)).unwrap_or(text.len())
}

fn is_number_byte(byte: u8) -> bool {
    byte.is_ascii_digit() || byte == b'.'
}

/// The units by their names, the printed one first, with their power of two.
const UNITS: [([&str; 2], u32); 7] = [
    (["B", "B"], 0),
    (["KiB", "KB"], 10),
    (["MiB", "MB"], 20),
    (["GiB", "GB"], 30),
    (["TiB", "TB"], 40),
    (["PiB", "PB"], 50),
    (["EiB", "EB"], 60),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_and_print() {
        let cases = [
            ("0", 0, "0B"),
            ("0B", 0, "0B"),
            ("1B", 1, "1B"),
            ("64MiB", 64 << 20, "64MiB"),
            ("64MB", 64 << 20, "64MiB"),
            ("0.5KB", 512, "512B"),
            (".5KiB", 512, "512B"),
            ("1.KiB", 1024, "1KiB"),
            ("1536MiB", 1536 << 20, "1GiB512MiB"),
            ("1GiB512MiB", 1536 << 20, "1GiB512MiB"),
            ("+7EiB", 7 << 60, "7EiB"),
        ];
        for (text, bytes, printed) in cases {
            assert_eq!(parse(text), Ok(bytes), "{text}");
            assert_eq!(Display(bytes).to_string(), printed);
        }
    }

    #[test]
    fn what_is_no_size_is_refused() {
        let cases = [
            ("", "units: invalid "),
            ("100", "units: unknown unit  in 100"),
            ("1 MB", "units: unknown unit  MB in 1 MB"),
            ("1mb", "units: unknown unit mb in 1mb"),
            ("MB", "units: invalid MB"),
            (".MB", "units: invalid .MB"),
            ("1.2.3MB", "units: invalid 1.2.3MB"),
            ("-1MB", "units: invalid -1MB"),
            ("8EiB", "size out of range: 8EiB"),
            ("é", "units: invalid é"),
        ];
        for (text, message) in cases {
            assert_eq!(parse(text).map_err(|error| error.to_string()), Err(message.to_owned()));
        }
    }
}
