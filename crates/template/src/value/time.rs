//! Points in time, as Go's `time.Time` has them.

use std::fmt;

use super::duration::saturate;
use super::{Duration, layout};

const DAY_S: i64 = 86_400;

/// From the first of January of the year 1, Go's zero time, to the Unix epoch.
const ZERO_S: i64 = -62_135_596_800;

/// A point in time, in UTC or at a fixed offset from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Time {
    /// Since the Unix epoch.
    seconds: i64,
    nanoseconds: u32,
    /// East of UTC. `None` is UTC itself.
    offset_s: Option<i32>,
}

/// A day in the Gregorian calendar.
#[derive(Clone, Copy, Debug)]
pub(super) struct Date {
    pub(super) year: i64,
    /// From 1.
    pub(super) month: i64,
    /// From 1.
    pub(super) day: i64,
    /// The day of the year, from 1.
    pub(super) year_day: i64,
    /// From 0, which is Sunday.
    pub(super) weekday: i64,
}

/// A time of day.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    pub(super) hour: i64,
    pub(super) minute: i64,
    pub(super) second: i64,
}

impl Time {
    /// Returns the time in UTC that lies so many milliseconds after the Unix epoch.
    #[must_use]
    pub fn from_unix_ms(time_ms: i64) -> Self {
        Self::from_unix_nanoseconds(i128::from(time_ms) * 1_000_000)
    }

    /// Returns the time in UTC that lies so many nanoseconds after the Unix epoch.
    #[must_use]
    pub fn from_unix_nanoseconds(nanoseconds: i128) -> Self {
        let seconds = saturate(nanoseconds.div_euclid(1_000_000_000));
        let rest = u32::try_from(nanoseconds.rem_euclid(1_000_000_000)).unwrap_or(0);
        Self { seconds, nanoseconds: rest, offset_s: None }
    }

    /// Returns the same point in time, shown at an offset from UTC, in seconds east of it.
    #[must_use]
    pub fn at_offset(self, offset_s: i32) -> Self {
        Self { offset_s: Some(offset_s), ..self }
    }

    /// Returns the same point in time, shown in UTC.
    #[must_use]
    pub fn utc(self) -> Self {
        Self { offset_s: None, ..self }
    }

    /// Returns the time that `text` writes as RFC 3339 has it, or `None`.
    #[must_use]
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        let (date, rest) = text.split_at_checked(10)?;
        let mut parts = date.split('-').map(number);
        let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
        let (clock, rest) = rest.strip_prefix(['T', 't'])?.split_at_checked(8)?;
        let mut parts = clock.split(':').map(number);
        let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
        let (fraction, zone) = match rest.strip_prefix('.') {
            Some(rest) => rest.split_at(rest.find(|c: char| !c.is_ascii_digit())?),
            None => ("", rest),
        };
        let nanoseconds = format!("{fraction:0<9}").get(..9)?.parse().ok()?;
        let offset_s = match zone {
            "Z" | "z" => None,
            _ => {
                let (hours, minutes) = zone.get(1..)?.split_once(':')?;
                let offset_s = number(hours)? * 3600 + number(minutes)? * 60;
                let offset_s = if zone.starts_with('-') { -offset_s } else { offset_s };
                Some(i32::try_from(offset_s).ok()?)
            }
        };
        let good = (1..=12).contains(&month)
            && (1..=31).contains(&day)
            && hour < 24
            && minute < 60
            && second < 60;
        let seconds = days_before(year, month) + day - 1;
        let seconds = seconds * DAY_S + hour * 3600 + minute * 60 + second;
        let seconds = seconds - i64::from(offset_s.unwrap_or(0));
        good.then_some(Self { seconds, nanoseconds, offset_s })
    }

    /// Returns the seconds since the Unix epoch.
    #[must_use]
    pub fn unix_s(self) -> i64 {
        self.seconds
    }

    /// Returns the nanoseconds since the Unix epoch.
    #[must_use]
    pub fn unix_nanoseconds(self) -> i128 {
        i128::from(self.seconds) * 1_000_000_000 + i128::from(self.nanoseconds)
    }

    /// Returns whether it is the zero time of Go, which stands for none.
    #[must_use]
    pub fn is_zero(self) -> bool {
        self.seconds == ZERO_S && self.nanoseconds == 0
    }

    /// Returns the nanoseconds within the second.
    pub(crate) fn nanosecond(self) -> u32 {
        self.nanoseconds
    }

    pub(super) fn offset_s(self) -> Option<i32> {
        self.offset_s
    }

    /// Returns the time that lies `duration` later.
    pub(crate) fn add(self, duration: Duration) -> Self {
        let nanoseconds = self.unix_nanoseconds() + i128::from(duration.nanoseconds());
        Self { offset_s: self.offset_s, ..Self::from_unix_nanoseconds(nanoseconds) }
    }

    /// Returns how much later it is than `other`, or the nearest that a duration can be.
    pub(crate) fn since(self, other: Self) -> Duration {
        let nanoseconds = self.unix_nanoseconds() - other.unix_nanoseconds();
        Duration::from_nanoseconds(saturate(nanoseconds))
    }

    /// Returns the time so many years, months and days later, by the calendar.
    pub(crate) fn add_date(self, years: i64, months: i64, days: i64) -> Self {
        let Date { year, month, day, .. } = self.date();
        let months = (month - 1).saturating_add(months);
        let year = year.saturating_add(years).saturating_add(months.div_euclid(12));
        // A calendar of a million years is enough.
        let year = year.clamp(-1_000_000, 1_000_000);
        let days = days.clamp(-400_000_000, 400_000_000);
        let days = days_before(year, months.rem_euclid(12) + 1) + day - 1 + days;
        let seconds = days * DAY_S + self.local_s().rem_euclid(DAY_S);
        Self { seconds: seconds - i64::from(self.offset_s.unwrap_or(0)), ..self }
    }

    /// Returns the time rounded down to a multiple of `unit` since Go's zero time.
    pub(crate) fn truncate(self, unit: Duration) -> Self {
        let Some(rest) = self.rest(unit) else { return self };
        self.shifted(-rest)
    }

    /// Returns the time rounded to the nearest multiple of `unit` since Go's zero time; halves up.
    pub(crate) fn round(self, unit: Duration) -> Self {
        let Some(rest) = self.rest(unit) else { return self };
        let unit = i128::from(unit.nanoseconds());
        self.shifted(if rest * 2 < unit { -rest } else { unit - rest })
    }

    fn rest(self, unit: Duration) -> Option<i128> {
        let since_zero = self.unix_nanoseconds() - i128::from(ZERO_S) * 1_000_000_000;
        let unit = i128::from(unit.nanoseconds());
        (unit > 0).then(|| since_zero.rem_euclid(unit))
    }

    fn shifted(self, nanoseconds: i128) -> Self {
        let nanoseconds = self.unix_nanoseconds() + nanoseconds;
        Self { offset_s: self.offset_s, ..Self::from_unix_nanoseconds(nanoseconds) }
    }

    /// Returns it in Go's notation of layouts: `2006-01-02 15:04:05`.
    #[must_use]
    pub fn format(self, layout: &str) -> String {
        layout::format(self, layout)
    }

    fn local_s(self) -> i64 {
        self.seconds.saturating_add(i64::from(self.offset_s.unwrap_or(0)))
    }

    pub(super) fn clock(self) -> Clock {
        let second = self.local_s().rem_euclid(DAY_S);
        Clock { hour: second / 3600, minute: second / 60 % 60, second: second % 60 }
    }

    pub(super) fn date(self) -> Date {
        let days = self.local_s().div_euclid(DAY_S);
        // Years from March on, so that the leap day is the last; 719,468 days from the first of
        // March of the year 0 to the epoch, and 146,097 days in 400 years.
        let shifted = days + 719_468;
        let era = shifted.div_euclid(146_097);
        let day_of_era = shifted.rem_euclid(146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
        let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        let year_day = days - days_before(year, 1) + 1;
        Date { year, month, day, year_day, weekday: (days + 4).rem_euclid(7) }
    }

    /// Returns year, month and day, hour, minute and second, the weekday and the day of the year.
    pub(crate) fn parts(self) -> [i64; 8] {
        let Date { year, month, day, year_day, weekday } = self.date();
        let Clock { hour, minute, second } = self.clock();
        [year, month, day, hour, minute, second, weekday, year_day]
    }
}

/// Returns the days from the Unix epoch to the first of a month.
fn days_before(year: i64, month: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let shifted_month = (month + 9) % 12;
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * shifted_month + 2) / 5;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// Returns the number that digits write.
fn number(digits: &str) -> Option<i64> {
    digits.bytes().all(|digit| digit.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
}

impl fmt::Display for Time {
    /// Writes `2006-01-02 15:04:05.999 +0000 UTC`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.format("2006-01-02 15:04:05.999999999 -0700 MST"))
    }
}
