//! Parts of dates, of seconds since the Unix epoch: day by day, from 1970 on.

pub(super) fn part(name: &str) -> Option<fn(f64) -> f64> {
    Some(match name {
        "minute" => |seconds| (seconds.floor() / 60.0).floor() % 60.0,
        "hour" => |seconds| (seconds.floor() / 3600.0).floor() % 24.0,
        "day_of_week" => |seconds| (days(seconds) + 4.0) % 7.0,
        "day_of_month" => |seconds| date(seconds).day,
        "day_of_year" => |seconds| date(seconds).day_of_year,
        "days_in_month" => |seconds| date(seconds).days_in_month,
        "month" => |seconds| date(seconds).month,
        "year" => |seconds| date(seconds).year,
        _ => return None,
    })
}

struct Date {
    year: f64,
    month: f64,
    day: f64,
    day_of_year: f64,
    days_in_month: f64,
}

fn days(seconds: f64) -> f64 {
    assert!((0.0..1e11).contains(&seconds), "the tests take parts of dates near their samples");
    (seconds / 86_400.0).floor()
}

fn date(seconds: f64) -> Date {
    let mut left = days(seconds);
    let mut year = 1970;
    let mut day_of_year = left + 1.0;
    loop {
        let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let february = if is_leap { 29.0 } else { 28.0 };
        let lengths = [31.0, february, 31.0, 30.0, 31.0, 30.0, 31.0, 31.0, 30.0, 31.0, 30.0, 31.0];
        for (month, days_in_month) in (1_u8..).zip(lengths) {
            if left < days_in_month {
                let (year, month) = (f64::from(year), f64::from(month));
                return Date { year, month, day: left + 1.0, day_of_year, days_in_month };
            }
            left -= days_in_month;
        }
        year += 1;
        day_of_year = left + 1.0;
    }
}
