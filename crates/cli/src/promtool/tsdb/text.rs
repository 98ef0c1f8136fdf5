//! Times, durations, sizes and tables as the reference prints them.

use std::fmt::Write as _;
use std::io::{self, Write};

/// Returns nanoseconds as Go prints a duration: `1h0m0.5s`, `1.5ms`.
pub(super) fn duration(nanoseconds: i128) -> String {
    let sign = if nanoseconds < 0 { "-" } else { "" };
    let count = nanoseconds.unsigned_abs();
    let (size, unit) = match count {
        0 => return "0s".into(),
        1..1_000 => (1, "ns"),
        1_000..1_000_000 => (1_000, "µs"),
        1_000_000..1_000_000_000 => (1_000_000, "ms"),
        _ => (1_000_000_000, "s"),
    };
    let mut text = sign.to_owned();
    let minutes = count / 60_000_000_000;
    let mut rest = count;
    if minutes > 0 {
        rest -= minutes * 60_000_000_000;
        if minutes >= 60 {
            text += &format!("{}h", minutes / 60);
        }
        text += &format!("{}m", minutes % 60);
    }
    text += &(rest / size).to_string();
    let fraction = rest % size;
    if fraction > 0 {
        let digit_count = size.ilog10() as usize;
        let digits = format!("{fraction:0digit_count$}");
        text.push('.');
        text += digits.trim_end_matches('0');
    }
    text + unit
}

/// Returns milliseconds as Go prints a duration.
pub(super) fn duration_ms(milliseconds: i64) -> String {
    duration(i128::from(milliseconds) * 1_000_000)
}

/// Returns milliseconds since the Unix epoch as Go prints the second in UTC.
pub(super) fn time(timestamp_ms: i64) -> String {
    // Go's division, which cuts.
    let seconds = timestamp_ms / 1_000;
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = date(days);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} +0000 UTC")
}

/// Returns year, month and day of a day, counted from 1970-01-01.
///
/// # Source
///
/// Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`.
fn date(days: i64) -> (i64, i64, i64) {
    // Years begin in March here, so that the leap day is the last.
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let leap_days = day_of_era / 1_460 - day_of_era / 36_524 + day_of_era / 146_096;
    let year_of_era = (day_of_era - leap_days) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let (month, next_year) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (year_of_era + era * 400 + next_year, month, day)
}

/// Returns a size as the reference prints it for people: `1KiB208B`.
pub(super) fn size(bytes: u64) -> String {
    if bytes == 0 {
        return "0B".into();
    }
    let units = ["EiB", "PiB", "TiB", "GiB", "MiB", "KiB", "B"];
    let mut text = String::new();
    for (place, unit) in (0..units.len()).rev().zip(units) {
        let digits = bytes >> (10 * place) & 0x3ff;
        if digits > 0 {
            write!(text, "{digits}{unit}").expect("a String takes all text");
        }
    }
    text
}

/// Writes rows of cells in columns, two blanks apart and at least 13 characters wide.
pub(super) fn write_table<const N: usize>(
    out: &mut dyn Write,
    rows: &[[String; N]],
) -> io::Result<()> {
    let mut widths = [COLUMN_WIDTH_MIN; N];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (cell.chars().count() + 2).max(*width);
        }
    }
    for row in rows {
        for (index, (cell, width)) in row.iter().zip(widths).enumerate() {
            match index + 1 < N {
                true => write!(out, "{cell:width$}")?,
                false => writeln!(out, "{cell}")?,
            }
        }
    }
    Ok(())
}

const COLUMN_WIDTH_MIN: usize = 13;

#[cfg(test)]
mod tests {
    use super::{duration, duration_ms, size, time};

    #[test]
    fn durations() {
        for (milliseconds, expected) in [
            (0, "0s"),
            (1, "1ms"),
            (999, "999ms"),
            (1_500, "1.5s"),
            (60_000, "1m0s"),
            (7_200_000, "2h0m0s"),
            (7_199_999, "1h59m59.999s"),
            (-61_001, "-1m1.001s"),
            (360_000_000, "100h0m0s"),
        ] {
            assert_eq!(duration_ms(milliseconds), expected);
        }
        for (nanoseconds, expected) in [
            (1, "1ns"),
            (1_500, "1.5µs"),
            (1_234_567, "1.234567ms"),
            (1_000_000_001, "1.000000001s"),
        ] {
            assert_eq!(duration(nanoseconds), expected);
        }
    }

    #[test]
    fn times() {
        for (timestamp_ms, expected) in [
            (0, "1970-01-01 00:00:00 +0000 UTC"),
            (1_565_133_713_989, "2019-08-06 23:21:53 +0000 UTC"),
            (951_782_400_000, "2000-02-29 00:00:00 +0000 UTC"),
            (4_107_542_399_000, "2100-02-28 23:59:59 +0000 UTC"),
            (4_107_542_400_000, "2100-03-01 00:00:00 +0000 UTC"),
            (-1_000, "1969-12-31 23:59:59 +0000 UTC"),
        ] {
            assert_eq!(time(timestamp_ms), expected);
        }
    }

    #[test]
    fn sizes() {
        for (bytes, expected) in [
            (0, "0B"),
            (717, "717B"),
            (1_024, "1KiB"),
            (1_232, "1KiB208B"),
            (1_048_577, "1MiB1B"),
            (5 << 30, "5GiB"),
        ] {
            assert_eq!(size(bytes), expected);
        }
    }
}
