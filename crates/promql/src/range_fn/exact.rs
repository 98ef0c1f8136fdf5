//! Sums over windows by the difference of two running sums, where that gives the same bits.

use crate::window::Window;

/// The sums of the first samples of a series: of none, of one, of two, …
///
/// They exist only where no addition rounds, in whatever order: each value is a multiple of one
/// power of two, and their sizes add up to less than 2^53 times that power. So it is for counters and
/// gauges of whole things. The reference's compensation is zero throughout then, and its sum the
/// true one, as is the difference of two of these.
#[derive(Debug)]
pub(super) struct RunningSums(Vec<f64>);

impl RunningSums {
    /// Returns the sums of `values`, or `None` where one of them would be rounded.
    pub(super) fn new(values: &[f64]) -> Option<Self> {
        let unit_exponent = values.iter().map(|value| lowest_exponent(*value)).min()?;
        let size: f64 = values.iter().map(|value| value.abs()).sum();
        // As long as it stays below the bound, this sum is not rounded either. An infinity or a
        // NaN is beyond it.
        let in_units = size * power_of_two(-unit_exponent)?;
        if in_units.is_nan() || in_units >= UNITS_END {
            return None;
        }
        let mut sums = Vec::with_capacity(values.len() + 1);
        let mut sum = 0.0;
        sums.push(sum);
        for value in values {
            sum += value;
            sums.push(sum);
        }
        Some(Self(sums))
    }

    /// Returns the sum of the values in a window.
    pub(super) fn over(&self, window: Window<'_>) -> f64 {
        self.0[window.first + window.values.len()] - self.0[window.first]
    }
}

/// Returns the exponent of the greatest power of two that divides a value.
fn lowest_exponent(value: f64) -> i32 {
    let bits = value.to_bits();
    let mantissa = bits & ((1 << 52) - 1);
    let biased = i32::try_from(bits >> 52 & 0x7ff).unwrap_or_default();
    match (biased, mantissa) {
        // Zero is a multiple of everything.
        (0, 0) => i32::MAX,
        (0, _) => -1074,
        (_, 0) => biased - 1023,
        _ => biased - 1075 + mantissa.trailing_zeros().cast_signed(),
    }
}

/// Returns two to a power that is a normal float; for zeros alone, any power will do.
fn power_of_two(exponent: i32) -> Option<f64> {
    match exponent {
        ..-2000 => Some(1.0),
        -1022..=1023 => {
            let biased = u64::try_from(exponent + 1023).ok()?;
            Some(f64::from_bits(biased << 52))
        }
        _ => None,
    }
}

/// Below, every whole number is a float.
const UNITS_END: f64 = (1_u64 << 53) as f64;
