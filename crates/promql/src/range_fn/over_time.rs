//! What one window of values comes to: the kernels of `*_over_time`, `changes` and the like.

use crate::neumaier::{Mean, Sum, add};
use crate::window::Window;

/// Returns the compensated sum.
pub(super) fn sum(values: &[f64]) -> f64 {
    let mut sum = Sum::default();
    for &value in values {
        sum.add(value);
    }
    if sum.value.is_infinite() { sum.value } else { sum.total() }
}

/// Returns the mean.
pub(super) fn mean(values: &[f64]) -> f64 {
    // PERF: a running mean asks at each value whether its sum has overflowed. A sum that is finite
    // at the end never has. `cargo bench --bench promql_eval fractions/avg_over_time`
    let (first, rest) = values.split_first().map_or((0.0, values), |(first, rest)| (*first, rest));
    let sum = rest.iter().fold((first, 0.0), |(sum, lost), &value| add(sum, lost, value));
    if sum.0.is_finite() {
        let count = values.len() as f64;
        return sum.0 / count + sum.1 / count;
    }
    let mut mean = Mean::default();
    for &value in values {
        mean.add(value);
    }
    mean.mean()
}

/// Returns the population variance: Welford's, with compensated sums.
pub(super) fn variance(values: &[f64]) -> f64 {
    let mut count = 0.0;
    let (mut mean, mut mean_c) = (0.0, 0.0);
    let (mut squares, mut squares_c) = (0.0, 0.0);
    for &value in values {
        count += 1.0;
        let delta = value - (mean + mean_c);
        (mean, mean_c) = add(mean, mean_c, delta / count);
        (squares, squares_c) = add(squares, squares_c, delta * (value - (mean + mean_c)));
    }
    (squares + squares_c) / count
}

/// Returns how often the value differs from the one before; two NaN do not differ.
pub(super) fn changes(values: &[f64]) -> f64 {
    let differ = |pair: &&[f64]| pair[0] != pair[1] && !(pair[0].is_nan() && pair[1].is_nan());
    values.windows(2).filter(differ).count() as f64
}

/// Returns how often the value is below the one before.
pub(super) fn resets(values: &[f64]) -> f64 {
    values.windows(2).filter(|pair| pair[1] < pair[0]).count() as f64
}

/// Returns the change between the last two samples, in one second where `rate`, when a fall also
/// counts as a reset to zero. `None` for a single sample.
pub(super) fn last_change(window: Window<'_>, rate: bool) -> Option<f64> {
    let (&[.., before_ms, last_ms], &[.., before, last]) = (window.timestamps_ms, window.values)
    else {
        return None;
    };
    let change = if rate && last < before { last } else { last - before };
    Some(if rate { change / (last_ms.wrapping_sub(before_ms) as f64 / 1000.0) } else { change })
}

/// Returns slope (in one second) and value at `origin_ms` of the line with the least squares.
///
/// # Source
///
/// `linearRegression` in Prometheus `promql/functions.go`.
pub(super) fn regression(window: Window<'_>, origin_ms: i64) -> (f64, f64) {
    let first = window.values[0];
    if window.values.iter().skip(1).all(|value| *value == first) {
        return if first.is_infinite() { (f64::NAN, f64::NAN) } else { (0.0, first) };
    }
    let count = window.values.len() as f64;
    let [mut x, mut y, mut xy, mut xx] = [Sum::default(); 4];
    for (&timestamp_ms, &value) in window.timestamps_ms.iter().zip(window.values) {
        let time_s = timestamp_ms.wrapping_sub(origin_ms) as f64 / 1e3;
        x.add(time_s);
        y.add(value);
        xy.add(time_s * value);
        xx.add(time_s * time_s);
    }
    let (x, y, xy, xx) = (x.total(), y.total(), xy.total(), xx.total());
    let slope = (xy - x * y / count) / (xx - x * x / count);
    (slope, y / count - slope * x / count)
}

/// Returns the last value smoothed by Holt's method. `None` for a single sample.
pub(super) fn smoothed(values: &[f64], smoothing: f64, trend: f64) -> Option<f64> {
    let &[first, second, ..] = values else { return None };
    let (mut before, mut level, mut slope) = (0.0, first, second - first);
    for (index, &value) in values.iter().enumerate().skip(1) {
        let raw = smoothing * value;
        if index > 1 {
            slope = trend * (level - before) + (1.0 - trend) * slope;
        }
        (before, level) = (level, raw + (1.0 - smoothing) * (level + slope));
    }
    Some(level)
}
