//! Lengths of time, as Go's `time.Duration` has them.

use std::fmt;

/// A length of time in nanoseconds, which may be negative: up to some 292 years.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Duration(i64);

impl Duration {
    /// Returns the duration of so many nanoseconds.
    #[must_use]
    pub const fn from_nanoseconds(nanoseconds: i64) -> Self {
        Self(nanoseconds)
    }

    /// Returns it in nanoseconds.
    #[must_use]
    pub const fn nanoseconds(self) -> i64 {
        self.0
    }

    /// Returns it in units of so many nanoseconds, as Go computes it: the whole and then the rest.
    pub(crate) fn in_units(self, unit: i64) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "as in Go")]
        let (whole, rest) = ((self.0 / unit) as f64, (self.0 % unit) as f64);
        #[expect(clippy::cast_precision_loss, reason = "units are exact")]
        let unit = unit as f64;
        whole + rest / unit
    }

    /// Returns it without what is no whole `unit`.
    pub(crate) fn truncate(self, unit: Self) -> Self {
        if unit.0 <= 0 { self } else { Self(self.0 - self.0 % unit.0) }
    }

    /// Returns the nearest multiple of `unit`; halves away from zero.
    pub(crate) fn round(self, unit: Self) -> Self {
        if unit.0 <= 0 {
            return self;
        }
        let (value, unit) = (i128::from(self.0), i128::from(unit.0));
        let rest = (value % unit).abs();
        let truncated = value - value % unit;
        let rounded = if rest * 2 < unit { truncated } else { truncated + unit * value.signum() };
        Self(saturate(rounded))
    }
}

/// Returns the nearest number of 64 bits.
pub(super) fn saturate(value: i128) -> i64 {
    i64::try_from(value).unwrap_or(if value < 0 { i64::MIN } else { i64::MAX })
}

impl fmt::Display for Duration {
    /// Writes `1h2m3.5s`, `1.5µs` or `0s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let magnitude = self.0.unsigned_abs();
        if self.0 < 0 {
            f.write_str("-")?;
        }
        match magnitude {
            0 => f.write_str("0s"),
            1..1_000 => write!(f, "{magnitude}ns"),
            1_000..1_000_000 => write_fraction(f, magnitude, 3, "µs"),
            1_000_000..1_000_000_000 => write_fraction(f, magnitude, 6, "ms"),
            _ => {
                let minutes = magnitude / 60_000_000_000;
                if minutes >= 60 {
                    write!(f, "{}h", minutes / 60)?;
                }
                if minutes > 0 {
                    write!(f, "{}m", minutes % 60)?;
                }
                write_fraction(f, magnitude % 60_000_000_000, 9, "s")
            }
        }
    }
}

/// Writes `value / 10^places` without zeros at its end.
fn write_fraction(
    f: &mut fmt::Formatter<'_>,
    value: u64,
    places: usize,
    unit: &str,
) -> fmt::Result {
    let scale = 10_u64.pow(u32::try_from(places).unwrap_or(0));
    write!(f, "{}", value / scale)?;
    let fraction = format!("{:0places$}", value % scale);
    let fraction = fraction.trim_end_matches('0');
    if !fraction.is_empty() {
        write!(f, ".{fraction}")?;
    }
    f.write_str(unit)
}
