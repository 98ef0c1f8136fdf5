//! Dates of the Gregorian calendar in UTC.

/// A second as date and time of day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Date {
    pub(crate) year: i64,
    /// From 1.
    pub(crate) month: i64,
    /// From 1.
    pub(crate) day: i64,
    /// From 1.
    pub(crate) day_of_year: i64,
    /// Sunday is 0.
    pub(crate) weekday: i64,
    pub(crate) hour: i64,
    pub(crate) minute: i64,
    pub(crate) second: i64,
}

impl Date {
    /// Returns the date of a number of seconds since the Unix epoch.
    ///
    /// # Source
    ///
    /// Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
    pub(crate) fn from_unix_s(unix_s: i64) -> Self {
        let (days, second_of_day) = (unix_s.div_euclid(DAY_S), unix_s.rem_euclid(DAY_S));
        // Years begin in March here, so that a leap day is the last of its year.
        let days_from_march = days + DAYS_MARCH_0_TO_1970;
        let era = days_from_march.div_euclid(ERA_DAYS);
        let day_of_era = days_from_march.rem_euclid(ERA_DAYS);
        let leap_corrected =
            day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096;
        let year_of_era = leap_corrected / 365;
        let day_from_march = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_from_march + 2) / 153;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        let january_and_february = if is_leap(year) { 60 } else { 59 };
        Self {
            year,
            month,
            day: day_from_march - (153 * month_from_march + 2) / 5 + 1,
            day_of_year: if month <= 2 {
                day_from_march - 306 + 1
            } else {
                day_from_march + january_and_february + 1
            },
            weekday: (days + 4).rem_euclid(7),
            hour: second_of_day / 3_600,
            minute: second_of_day / 60 % 60,
            second: second_of_day % 60,
        }
    }

    /// Returns the number of days of the month.
    pub(crate) fn days_in_month(self) -> i64 {
        match self.month {
            2 if is_leap(self.year) => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        }
    }
}

/// Returns a time in milliseconds since the Unix epoch as `2006-01-02T15:04:05Z`, cut to seconds
/// towards zero.
pub(crate) fn rfc3339(unix_ms: i64) -> String {
    let Date { year, month, day, hour, minute, second, .. } = Date::from_unix_s(unix_ms / 1000);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

const DAY_S: i64 = 24 * 60 * 60;
/// 400 years.
const ERA_DAYS: i64 = 146_097;
/// From the first of March of the year 0 to the Unix epoch.
const DAYS_MARCH_0_TO_1970: i64 = 719_468;

#[cfg(test)]
mod tests {
    use super::{Date, rfc3339};

    #[test]
    fn dates_of_known_seconds() {
        for (unix_s, date, weekday, day_of_year, days_in_month) in [
            (0, "1970-01-01T00:00:00Z", 4, 1, 31),
            (-1, "1969-12-31T23:59:59Z", 3, 365, 31),
            (951_782_400, "2000-02-29T00:00:00Z", 2, 60, 29),
            (1_709_210_096, "2024-02-29T12:34:56Z", 4, 60, 29),
            (1_709_251_200, "2024-03-01T00:00:00Z", 5, 61, 31),
            (4_107_542_400, "2100-03-01T00:00:00Z", 1, 60, 31),
            (1_735_603_200, "2024-12-31T00:00:00Z", 2, 366, 31),
            (-2_203_891_200, "1900-03-01T00:00:00Z", 4, 60, 31),
        ] {
            assert_eq!(rfc3339(unix_s * 1000), date);
            let parts = Date::from_unix_s(unix_s);
            assert_eq!(parts.weekday, weekday, "weekday of {date}");
            assert_eq!(parts.day_of_year, day_of_year, "day of the year of {date}");
            assert_eq!(parts.days_in_month(), days_in_month, "days in the month of {date}");
        }
    }

    #[test]
    fn every_second_has_a_date() {
        for unix_s in [i64::MIN, i64::MAX] {
            let date = Date::from_unix_s(unix_s);
            assert!((1..=12).contains(&date.month) && (0..24).contains(&date.hour));
        }
    }
}
