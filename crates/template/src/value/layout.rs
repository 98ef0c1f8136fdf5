//! Times printed by example: `Mon, 02 Jan 2006 15:04:05 MST`.

use std::fmt::Write as _;

use super::Time;
use super::time::{Clock, Date};

pub(crate) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

pub(crate) const WEEKDAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// What stands for a part of the time. Of those that start alike, the longest comes first.
const PARTS: [(&str, Part); 34] = [
    ("January", Part::LongMonth),
    ("Jan", Part::Month),
    ("Monday", Part::LongWeekday),
    ("Mon", Part::Weekday),
    ("MST", Part::ZoneName),
    ("2006", Part::LongYear),
    ("002", Part::ZeroYearDay),
    ("01", Part::ZeroMonth),
    ("02", Part::ZeroDay),
    ("03", Part::ZeroHour12),
    ("04", Part::ZeroMinute),
    ("05", Part::ZeroSecond),
    ("06", Part::Year),
    ("15", Part::Hour),
    ("1", Part::NumberMonth),
    ("2", Part::Day),
    ("__2", Part::SpaceYearDay),
    // A year behind an underscore is no day.
    ("_2006", Part::UnderscoreYear),
    ("_2", Part::SpaceDay),
    ("3", Part::Hour12),
    ("4", Part::Minute),
    ("5", Part::Second),
    ("PM", Part::UpperNoon),
    ("pm", Part::LowerNoon),
    ("-07:00:00", Part::Zone { z: false, colon: true, parts: 3 }),
    ("-07:00", Part::Zone { z: false, colon: true, parts: 2 }),
    ("-070000", Part::Zone { z: false, colon: false, parts: 3 }),
    ("-0700", Part::Zone { z: false, colon: false, parts: 2 }),
    ("-07", Part::Zone { z: false, colon: false, parts: 1 }),
    ("Z07:00:00", Part::Zone { z: true, colon: true, parts: 3 }),
    ("Z07:00", Part::Zone { z: true, colon: true, parts: 2 }),
    ("Z070000", Part::Zone { z: true, colon: false, parts: 3 }),
    ("Z0700", Part::Zone { z: true, colon: false, parts: 2 }),
    ("Z07", Part::Zone { z: true, colon: false, parts: 1 }),
];

#[derive(Clone, Copy, Debug)]
enum Part {
    LongMonth,
    Month,
    NumberMonth,
    ZeroMonth,
    LongWeekday,
    Weekday,
    Day,
    SpaceDay,
    ZeroDay,
    SpaceYearDay,
    ZeroYearDay,
    Hour,
    Hour12,
    ZeroHour12,
    Minute,
    ZeroMinute,
    Second,
    ZeroSecond,
    LongYear,
    UnderscoreYear,
    Year,
    UpperNoon,
    LowerNoon,
    ZoneName,
    Zone {
        z: bool,
        colon: bool,
        parts: usize,
    },
    /// Digits behind a dot or comma; whether zeros at the end are left out.
    Fraction {
        separator: char,
        digits: usize,
        trims: bool,
    },
}

/// Returns the part that `layout` starts with, and its size.
fn leading_part(layout: &str) -> Option<(Part, usize)> {
    if let Some(separator @ ('.' | ',')) = layout.chars().next() {
        let digits = &layout[1..];
        let kind = digits.chars().next().filter(|digit| matches!(digit, '0' | '9'))?;
        let count = digits.len() - digits.trim_start_matches(kind).len();
        let ends = !digits[count..].starts_with(|next: char| next.is_ascii_digit());
        return ends.then_some((
            Part::Fraction { separator, digits: count, trims: kind == '9' },
            1 + count,
        ));
    }
    // "Jan" is not the start of another word.
    let found = PARTS.iter().find(|(text, _)| layout.starts_with(text))?;
    let follows_lower = layout[found.0.len()..].starts_with(|next: char| next.is_ascii_lowercase());
    match found.1 {
        Part::Month | Part::Weekday if follows_lower => None,
        part => Some((part, found.0.len())),
    }
}

/// Returns `time` printed as `layout` says.
///
/// # Source
///
/// `Time.Format` of Go.
pub(super) fn format(time: Time, layout: &str) -> String {
    let mut text = String::with_capacity(layout.len() + 8);
    let mut rest = layout;
    while let Some(next) = rest.chars().next() {
        let Some((part, size)) = leading_part(rest) else {
            text.push(next);
            rest = &rest[next.len_utf8()..];
            continue;
        };
        write_part(&mut text, time, part);
        rest = &rest[size..];
    }
    text
}

fn write_part(text: &mut String, time: Time, part: Part) {
    let Date { year, month, day, year_day, weekday } = time.date();
    let Clock { hour, minute, second } = time.clock();
    let name = |names: &[&'static str], index: i64| {
        usize::try_from(index).ok().and_then(|index| names.get(index).copied()).unwrap_or("")
    };
    let hour12 = if hour % 12 == 0 { 12 } else { hour % 12 };
    // Writing to a text does not fail.
    let _ = match part {
        Part::LongMonth => write!(text, "{}", name(&MONTHS, month - 1)),
        Part::Month => write!(text, "{}", &name(&MONTHS, month - 1)[..3]),
        Part::NumberMonth => write!(text, "{month}"),
        Part::ZeroMonth => write!(text, "{month:02}"),
        Part::LongWeekday => write!(text, "{}", name(&WEEKDAYS, weekday)),
        Part::Weekday => write!(text, "{}", &name(&WEEKDAYS, weekday)[..3]),
        Part::Day => write!(text, "{day}"),
        Part::SpaceDay => write!(text, "{day:2}"),
        Part::ZeroDay => write!(text, "{day:02}"),
        Part::SpaceYearDay => write!(text, "{year_day:3}"),
        Part::ZeroYearDay => write!(text, "{year_day:03}"),
        Part::Hour => write!(text, "{hour:02}"),
        Part::Hour12 => write!(text, "{hour12}"),
        Part::ZeroHour12 => write!(text, "{hour12:02}"),
        Part::Minute => write!(text, "{minute}"),
        Part::ZeroMinute => write!(text, "{minute:02}"),
        Part::Second => write!(text, "{second}"),
        Part::ZeroSecond => write!(text, "{second:02}"),
        Part::LongYear => write_year(text, year),
        Part::UnderscoreYear => {
            text.push('_');
            write_year(text, year)
        }
        Part::Year => write!(text, "{:02}", year.rem_euclid(100)),
        Part::UpperNoon => write!(text, "{}", if hour >= 12 { "PM" } else { "AM" }),
        Part::LowerNoon => write!(text, "{}", if hour >= 12 { "pm" } else { "am" }),
        Part::ZoneName => write_zone_name(text, time),
        Part::Zone { z, colon, parts } => write_zone(text, time, z, colon, parts),
        Part::Fraction { separator, digits, trims } => {
            write_fraction(text, time.nanosecond(), separator, digits, trims)
        }
    };
}

fn write_year(text: &mut String, year: i64) -> std::fmt::Result {
    if year < 0 { write!(text, "-{:04}", -year) } else { write!(text, "{year:04}") }
}

fn write_zone_name(text: &mut String, time: Time) -> std::fmt::Result {
    match time.offset_s() {
        None => write!(text, "UTC"),
        // A zone without a name is called by its offset.
        Some(_) => write_zone(text, time, false, false, 2),
    }
}

fn write_zone(
    text: &mut String,
    time: Time,
    z: bool,
    colon: bool,
    parts: usize,
) -> std::fmt::Result {
    let offset_s = time.offset_s().unwrap_or(0);
    if z && offset_s == 0 {
        return write!(text, "Z");
    }
    let magnitude = offset_s.unsigned_abs();
    write!(text, "{}", if offset_s < 0 { '-' } else { '+' })?;
    let numbers = [magnitude / 3600, magnitude / 60 % 60, magnitude % 60];
    for (index, number) in numbers.iter().take(parts).enumerate() {
        let separator = if colon && index > 0 { ":" } else { "" };
        write!(text, "{separator}{number:02}")?;
    }
    Ok(())
}

fn write_fraction(
    text: &mut String,
    nanoseconds: u32,
    separator: char,
    digits: usize,
    trims: bool,
) -> std::fmt::Result {
    let all = format!("{nanoseconds:09}");
    let kept = &all[..digits.min(9)];
    let kept = if trims { kept.trim_end_matches('0') } else { kept };
    if kept.is_empty() {
        return Ok(());
    }
    write!(text, "{separator}{kept}")
}
