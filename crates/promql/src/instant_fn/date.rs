use crate::date::Date;
use crate::plan::DatePart;

/// Returns a part of the date that is `unix_s` seconds after the Unix epoch, in UTC.
pub(crate) fn date_part(part: DatePart, unix_s: f64) -> f64 {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "as in the reference: the nearest that fits"
    )]
    let date = Date::from_unix_s(unix_s as i64);
    let number = match part {
        DatePart::Minute => date.minute,
        DatePart::Hour => date.hour,
        DatePart::DayOfMonth => date.day,
        DatePart::DayOfWeek => date.weekday,
        DatePart::DayOfYear => date.day_of_year,
        DatePart::DaysInMonth => date.days_in_month(),
        DatePart::Month => date.month,
        DatePart::Year => date.year,
    };
    number as f64
}
