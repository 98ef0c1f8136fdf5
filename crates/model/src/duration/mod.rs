//! Durations as Prometheus writes them: `1h30m`, `15s`, `250ms`.
//!
//! ```
//! use std::time::Duration;
//!
//! use narthex_model::duration;
//!
//! let scrape_interval = duration::parse("1m30s")?;
//! assert_eq!(scrape_interval, Duration::from_secs(90));
//! assert_eq!(duration::display(scrape_interval).to_string(), "1m30s");
//! # Ok::<(), duration::DurationError>(())
//! ```

use std::fmt;
use std::time::Duration;

use crate::quote::Quoted;

/// Why a text is no duration. The messages are the reference's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DurationError {
    /// The text is empty.
    #[error("empty duration string")]
    Empty,
    /// The text does not follow the grammar: a number lacks its unit, or units do not fall in size.
    #[error("not a valid duration string: {}", Quoted(text))]
    Invalid {
        /// The text.
        text: Box<str>,
    },
    /// A number is followed by something that is no unit.
    #[error("unknown unit {} in duration {}", Quoted(unit), Quoted(text))]
    UnknownUnit {
        /// What stands in the unit's place.
        unit: Box<str>,
        /// The text.
        text: Box<str>,
    },
    /// The duration exceeds 2^63 - 1 nanoseconds, some 292 years.
    #[error("duration out of range")]
    OutOfRange,
}

/// Units from the longest to the shortest, with their length in milliseconds.
///
/// A year always has 365 days, a day always 24 hours.
const UNITS: [(&str, u64); 7] = [
    ("y", 365 * 24 * 60 * 60 * 1000),
    ("w", 7 * 24 * 60 * 60 * 1000),
    ("d", 24 * 60 * 60 * 1000),
    ("h", 60 * 60 * 1000),
    ("m", 60 * 1000),
    ("s", 1000),
    ("ms", 1),
];

/// The longest duration: as many whole milliseconds as fit 2^63 - 1 nanoseconds.
const DURATION_MAX_MS: u64 = i64::MAX.unsigned_abs() / 1_000_000;

/// Returns the duration that `text` writes: integers with the units `y`, `w`, `d`, `h`, `m`, `s`
/// and `ms`, each at most once and from the longest to the shortest, or `0` alone.
///
/// # Errors
///
/// See [`DurationError`].
///
/// # Source
///
/// `ParseDuration` in `model/time.go` of prometheus/common.
pub fn parse(text: &str) -> Result<Duration, DurationError> {
    match text {
        "0" => return Ok(Duration::ZERO),
        "" => return Err(DurationError::Empty),
        _ => {}
    }
    let invalid = || DurationError::Invalid { text: text.into() };
    let mut rest = text;
    let mut shorter_units = &UNITS[..];
    let mut total_ms = 0;
    while !rest.is_empty() {
        let (count, unit, after) = part(rest).ok_or_else(invalid)?;
        rest = after;
        let Some(position) = shorter_units.iter().position(|(name, _)| *name == unit) else {
            return Err(if UNITS.iter().any(|(name, _)| *name == unit) {
                invalid()
            } else {
                DurationError::UnknownUnit { unit: unit.into(), text: text.into() }
            });
        };
        let part_ms =
            count.checked_mul(shorter_units[position].1).ok_or(DurationError::OutOfRange)?;
        shorter_units = &shorter_units[position + 1..];
        total_ms = part_ms.saturating_add(total_ms);
        if total_ms > DURATION_MAX_MS {
            return Err(DurationError::OutOfRange);
        }
    }
    Ok(Duration::from_millis(total_ms))
}

/// Splits off one number and what follows it up to the next number. `None` where one of them is
/// missing or the number does not fit.
fn part(text: &str) -> Option<(u64, &str, &str)> {
    let is_digit = |byte: &u8| byte.is_ascii_digit();
    let digits = text.bytes().position(|byte| !is_digit(&byte)).filter(|&digits| digits > 0)?;
    let (count, rest) = text.split_at(digits);
    let unit_size = rest.bytes().position(|byte| is_digit(&byte)).unwrap_or(rest.len());
    let (unit, after) = rest.split_at(unit_size);
    Some((count.parse().ok()?, unit, after))
}

/// Returns a view that prints `duration` as the reference does, to the millisecond: `1h30m`, `0s`.
///
/// Years and weeks are used only where they leave no rest, since 90d reads better than 12w6d.
///
/// # Source
///
/// `Duration.String` in `model/time.go` of prometheus/common.
#[must_use]
pub fn display(duration: Duration) -> DurationDisplay {
    let magnitude_ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    DurationDisplay { negative: false, magnitude_ms }
}

/// Returns a view that prints a number of milliseconds, which may be negative: `-5m`.
#[must_use]
pub fn display_ms(duration_ms: i64) -> DurationDisplay {
    DurationDisplay { negative: duration_ms < 0, magnitude_ms: duration_ms.unsigned_abs() }
}

/// A duration that prints as Prometheus writes it: see [`display`] and [`display_ms`].
#[derive(Clone, Copy, Debug)]
pub struct DurationDisplay {
    negative: bool,
    magnitude_ms: u64,
}

impl fmt::Display for DurationDisplay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.magnitude_ms == 0 {
            return f.write_str("0s");
        }
        if self.negative {
            f.write_str("-")?;
        }
        let mut rest_ms = self.magnitude_ms;
        for (unit, unit_ms) in UNITS {
            if matches!(unit, "y" | "w") && !rest_ms.is_multiple_of(unit_ms) {
                continue;
            }
            if rest_ms >= unit_ms {
                write!(f, "{}{unit}", rest_ms / unit_ms)?;
                rest_ms %= unit_ms;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
