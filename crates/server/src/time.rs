//! Points in time as the HTTP API reads and prints them.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use narthex_model::{duration, float};

/// The earliest time of the API, in milliseconds since the Unix epoch: the start of a range that
/// names none. The reference's `MinTime`.
pub(crate) const MIN_TIME_MS: i64 = (i64::MIN / 1_000 + YEAR_1_TO_1970_S + 1) * 1_000;
/// The latest time of the API: the reference's `MaxTime`.
pub(crate) const MAX_TIME_MS: i64 = (i64::MAX / 1_000 - YEAR_1_TO_1970_S - 1) * 1_000 + 999;

/// Returns the time of this machine, in milliseconds since the Unix epoch.
pub(crate) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// Reads a Unix time in seconds or an RFC 3339 time, in milliseconds since the Unix epoch. Times beyond
/// those of the reference are moved to its first or last one; numbers beyond 64 bits are the epoch.
#[must_use]
pub fn parse_time(text: &str) -> Option<i64> {
    if let Some(seconds) = float::parse(text) {
        return Some(time_of_seconds(seconds));
    }
    match text {
        MIN_TIME_TEXT => Some(MIN_TIME_MS),
        MAX_TIME_TEXT => Some(MAX_TIME_MS),
        _ => parse_rfc3339(text),
    }
}

/// The fraction is rounded to milliseconds, as the reference does it, so that 0.3 stays 300 ms.
#[expect(clippy::cast_possible_truncation, reason = "the clamp keeps whole seconds in range")]
fn time_of_seconds(seconds: f64) -> i64 {
    // Go leaves to the processor what no integer holds. That of the usual server makes it the least
    // one, of which nothing is left in milliseconds.
    if !(i64::MIN as f64..i64::MAX as f64).contains(&seconds) {
        return 0;
    }
    let seconds = seconds.clamp(MIN_TIME_MS as f64 / 1e3, MAX_TIME_MS as f64 / 1e3);
    let fraction_ms = (seconds.fract() * 1e3).round() as i64;
    (seconds.trunc() as i64 * 1_000 + fraction_ms).clamp(MIN_TIME_MS, MAX_TIME_MS)
}

/// Why a text is no duration for the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DurationError {
    Syntax,
    Overflow,
}

/// Reads seconds, or a duration such as `1m30s`. Returns nanoseconds, which may be negative.
#[expect(clippy::cast_possible_truncation, reason = "the range was checked; a NaN becomes 0")]
pub(crate) fn parse_duration_ns(text: &str) -> Result<i64, DurationError> {
    if let Some(seconds) = float::parse(text) {
        let ns = seconds * 1e9;
        if ns > i64::MAX as f64 || ns < i64::MIN as f64 {
            return Err(DurationError::Overflow);
        }
        return Ok(ns as i64);
    }
    let duration = duration::parse(text).map_err(|_| DurationError::Syntax)?;
    i64::try_from(duration.as_nanos()).map_err(|_| DurationError::Syntax)
}

/// A point in time that prints as RFC 3339 in UTC, without trailing zeros of its fraction.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rfc3339 {
    seconds: i64,
    nanoseconds: u32,
}

impl Rfc3339 {
    /// Go's zero time, which the API prints for what has not happened yet.
    pub(crate) const ZERO: Self = Self { seconds: -YEAR_1_TO_1970_S, nanoseconds: 0 };

    pub(crate) fn from_ms(timestamp_ms: i64) -> Self {
        let nanoseconds = u32::try_from(timestamp_ms.rem_euclid(1_000)).unwrap_or(0) * 1_000_000;
        Self { seconds: timestamp_ms.div_euclid(1_000), nanoseconds }
    }
}

impl From<SystemTime> for Rfc3339 {
    fn from(time: SystemTime) -> Self {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        let seconds = i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
        Self { seconds, nanoseconds: since.subsec_nanos() }
    }
}

impl fmt::Display for Rfc3339 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = date_of_day(self.seconds.div_euclid(DAY_S));
        let second_of_day = self.seconds.rem_euclid(DAY_S);
        let (hour, minute, second) =
            (second_of_day / 3_600, second_of_day / 60 % 60, second_of_day % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")?;
        if self.nanoseconds > 0 {
            let fraction = format!("{:09}", self.nanoseconds);
            write!(f, ".{}", fraction.trim_end_matches('0'))?;
        }
        f.write_str("Z")
    }
}

/// Returns the milliseconds since the Unix epoch of `2006-01-02T15:04:05.999+07:00`. What is finer
/// than a millisecond is cut off.
fn parse_rfc3339(text: &str) -> Option<i64> {
    let mut rest = text;
    let year = take_number(&mut rest, 4)?;
    let month = take_number(take_byte(&mut rest, b'-')?, 2)?;
    let day = take_number(take_byte(&mut rest, b'-')?, 2)?;
    let hour = take_number(take_byte(&mut rest, b'T')?, 2)?;
    let minute = take_number(take_byte(&mut rest, b':')?, 2)?;
    let second = take_number(take_byte(&mut rest, b':')?, 2)?;
    let fraction_ms = take_fraction_ms(&mut rest)?;
    let offset_s = parse_zone(rest)?;
    let valid = (1..=12).contains(&month)
        && (1..=days_of_month(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    let of_day = hour * 3_600 + minute * 60 + second;
    valid.then(|| (day_of_date(year, month, day) * DAY_S + of_day - offset_s) * 1_000 + fraction_ms)
}

fn take_byte<'a, 'b>(rest: &'a mut &'b str, byte: u8) -> Option<&'a mut &'b str> {
    *rest = rest.strip_prefix(char::from(byte))?;
    Some(rest)
}

fn take_number(rest: &mut &str, digit_count: usize) -> Option<i64> {
    let (digits, after) = rest.split_at_checked(digit_count)?;
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    *rest = after;
    digits.parse().ok()
}

fn take_fraction_ms(rest: &mut &str) -> Option<i64> {
    let Some(after) = rest.strip_prefix(['.', ',']) else {
        return Some(0);
    };
    let digit_count = after.bytes().take_while(u8::is_ascii_digit).count();
    let (digits, after) = after.split_at(digit_count);
    *rest = after;
    let padded = digits.bytes().chain([b'0'; 3]).take(3);
    (digit_count > 0).then(|| padded.fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0')))
}

/// Returns how many seconds the zone is ahead of UTC.
fn parse_zone(text: &str) -> Option<i64> {
    if text == "Z" {
        return Some(0);
    }
    let (sign, mut rest) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let hour = take_number(&mut rest, 2)?;
    let minute = take_number(take_byte(&mut rest, b':')?, 2)?;
    (rest.is_empty() && hour <= 24 && minute < 60).then_some(sign * (hour * 3_600 + minute * 60))
}

fn days_of_month(year: i64, month: i64) -> i64 {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 => 28 + i64::from(is_leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Returns the days since 1970-01-01 of a date.
///
/// # Source
///
/// Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `days_from_civil`. Years start
/// in March, so that the leap day comes last.
fn day_of_date(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * DAYS_OF_ERA + day_of_era - DAY_OF_EPOCH
}

/// Returns the year, month and day of a day since 1970-01-01: `civil_from_days` of the same source.
fn date_of_day(day: i64) -> (i64, i64, i64) {
    let day = day + DAY_OF_EPOCH;
    let era = day.div_euclid(DAYS_OF_ERA);
    let day_of_era = day.rem_euclid(DAYS_OF_ERA);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    (era * 400 + year_of_era + i64::from(month <= 2), month, day_of_month)
}

const DAY_S: i64 = 86_400;
/// Days of 400 years.
const DAYS_OF_ERA: i64 = 146_097;
/// Days from 0000-03-01 to 1970-01-01.
const DAY_OF_EPOCH: i64 = 719_468;
/// Seconds from the start of year 1 to 1970; Go's zero time is that long before the epoch.
const YEAR_1_TO_1970_S: i64 = 62_135_596_800;
/// `MinTime` and `MaxTime` in the reference's own format: clients send them back.
const MIN_TIME_TEXT: &str = "-292273086-05-16T16:47:06Z";
const MAX_TIME_TEXT: &str = "292277025-08-18T07:12:54.999999999Z";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_the_reference_does() {
        for (text, expected) in [
            ("0", Some(0)),
            ("1700000400.25", Some(1_700_000_400_250)),
            ("-1.5", Some(-1_500)),
            ("0.3", Some(300)),
            ("1e9", Some(1_000_000_000_000)),
            ("2023-11-14T22:20:00Z", Some(1_700_000_400_000)),
            ("2023-11-14T22:20:00.123+01:00", Some(1_699_996_800_123)),
            ("2024-02-29T00:00:00Z", Some(1_709_164_800_000)),
            ("1969-12-31T23:59:59.9Z", Some(-100)),
            ("0001-01-01T00:00:00Z", Some(-YEAR_1_TO_1970_S * 1_000)),
            (MIN_TIME_TEXT, Some(MIN_TIME_MS)),
            (MAX_TIME_TEXT, Some(MAX_TIME_MS)),
            ("1e17", Some(MAX_TIME_MS - 999)),
            ("-1e17", Some(MIN_TIME_MS)),
            ("1e300", Some(0)),
            ("-Inf", Some(0)),
            ("NaN", Some(0)),
            ("", None),
            ("x", None),
            ("2023-02-29T00:00:00Z", None),
            ("2023-11-14T24:00:00Z", None),
            ("2023-11-14T22:20:00", None),
            ("2023-11-14T22:20:00.Z", None),
            ("2023-11-14 22:20:00Z", None),
            ("2023-11-14T22:20:00+0100", None),
            ("2023-11-14T22:20:0\u{e9}", None),
        ] {
            assert_eq!(parse_time(text), expected, "{text:?}");
        }
    }

    #[test]
    fn durations_are_read_as_the_reference_does() {
        for (text, expected) in [
            ("15", Ok(15_000_000_000)),
            ("0.5", Ok(500_000_000)),
            ("-1", Ok(-1_000_000_000)),
            ("1m30s", Ok(90_000_000_000)),
            ("NaN", Ok(0)),
            ("Inf", Err(DurationError::Overflow)),
            ("1e300", Err(DurationError::Overflow)),
            ("1h1h", Err(DurationError::Syntax)),
            ("", Err(DurationError::Syntax)),
        ] {
            assert_eq!(parse_duration_ns(text), expected, "{text:?}");
        }
    }

    #[test]
    fn times_are_printed_as_go_does() {
        assert_eq!(Rfc3339::ZERO.to_string(), "0001-01-01T00:00:00Z");
        assert_eq!(Rfc3339::from_ms(1_700_000_400_120).to_string(), "2023-11-14T22:20:00.12Z");
        assert_eq!(Rfc3339::from_ms(-1).to_string(), "1969-12-31T23:59:59.999Z");
    }

    #[test]
    fn printed_times_are_read_back() {
        for step in 0..2_000_i64 {
            let timestamp_ms = step * 86_399_917 - 60_000_000_000_000;
            let text = Rfc3339::from_ms(timestamp_ms).to_string();
            assert_eq!(parse_time(&text), Some(timestamp_ms), "{text}");
        }
    }
}
