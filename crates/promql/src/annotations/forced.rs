use std::fmt::{self, Write};

use narthex_model::float::write_general;

use crate::date::rfc3339;
use crate::quantile::Repair;

/// What was repaired in the buckets of histograms, over all histograms and steps.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Forced {
    pub(crate) repair: Repair,
    /// The first step at which something was repaired.
    pub(crate) first_ms: i64,
    /// The last step at which something was repaired.
    pub(crate) last_ms: i64,
    /// The number of repairs, as the reference counts them.
    pub(crate) count: i64,
}

impl Forced {
    /// Returns what was repaired in both cases.
    pub(crate) fn join(&self, before: &Self) -> Self {
        let (now, old) = (self.repair, before.repair);
        Self {
            repair: Repair {
                min_bound: now.min_bound.min(old.min_bound),
                max_bound: now.max_bound.max(old.max_bound),
                max_diff: now.max_diff.max(old.max_diff),
            },
            first_ms: self.first_ms.min(before.first_ms),
            last_ms: self.last_ms.max(before.last_ms),
            count: self.count.wrapping_add(before.count),
        }
    }

    pub(super) fn write_details(&self, out: &mut impl Write) -> fmt::Result {
        out.write_str(", from buckets ")?;
        write_general(out, self.repair.min_bound)?;
        out.write_str(" to ")?;
        write_general(out, self.repair.max_bound)?;
        out.write_str(", with a max diff of ")?;
        write_two_digits(out, self.repair.max_diff)?;
        let (first, last) = (rfc3339(self.first_ms), rfc3339(self.last_ms));
        write!(out, ", over {} samples from {first} to {last}", self.count)
    }
}

/// Writes a number as Go's `%.2g` does.
fn write_two_digits(out: &mut impl Write, value: f64) -> fmt::Result {
    if !value.is_finite() {
        return write_general(out, value);
    }
    let scientific = format!("{value:.1e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let digits = digits.trim_end_matches('0').trim_end_matches('.');
    match exponent.parse::<i32>().unwrap_or(0) {
        exponent @ -4..2 => {
            let decimals = usize::try_from(1 - exponent).unwrap_or(0);
            let plain = format!("{value:.decimals$}");
            let plain = if plain.contains('.') {
                plain.trim_end_matches('0').trim_end_matches('.')
            } else {
                &plain
            };
            out.write_str(plain)
        }
        exponent => {
            let sign = if exponent < 0 { '-' } else { '+' };
            write!(out, "{digits}e{sign}{:02}", exponent.abs())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::write_two_digits;

    #[test]
    fn two_digits_as_go_prints_them() {
        for (value, expected) in [
            (0.0, "0"),
            (1.0, "1"),
            (10.0, "10"),
            (99.6, "1e+02"),
            (123.0, "1.2e+02"),
            (0.5, "0.5"),
            (0.123, "0.12"),
            (0.000_12, "0.00012"),
            (0.000_012, "1.2e-05"),
            (f64::INFINITY, "+Inf"),
        ] {
            let mut text = String::new();
            write_two_digits(&mut text, value).unwrap();
            assert_eq!(text, expected, "{value}");
        }
    }
}
