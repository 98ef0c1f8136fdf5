//! What one window of values comes to, for what is not folded several windows at a time.

use crate::neumaier::{Mean, Sum};
use crate::window::Window;

/// Returns the mean.
pub(super) fn mean(values: &[f64]) -> f64 {
    let mut mean = Mean::default();
    for &value in values {
        mean.add(value);
    }
    mean.mean()
}

/// Returns the population variance: Welford's, with compensated sums.
pub(super) fn variance(values: &[f64]) -> f64 {
    let mut count = 0.0;
    let [mut mean, mut squares] = [Sum::default(); 2];
    for &value in values {
        count += 1.0;
        let delta = value - mean.total();
        mean.add(delta / count);
        squares.add(delta * (value - mean.total()));
    }
    squares.total() / count
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
/// `None` for a single sample.
pub(super) fn line(window: Window<'_>, origin_ms: i64) -> Option<(f64, f64)> {
    let (first, rest) = window.values.split_first()?;
    if rest.is_empty() {
        return None;
    }
    if rest.iter().all(|value| value == first) {
        return Some(flat_line(*first));
    }
    let [mut x, mut y, mut xy, mut xx] = [Sum::default(); 4];
    for (&timestamp_ms, &value) in window.timestamps_ms.iter().zip(window.values) {
        let time_s = timestamp_ms.wrapping_sub(origin_ms) as f64 / 1e3;
        x.add(time_s);
        y.add(value);
        xy.add(time_s * value);
        xx.add(time_s * time_s);
    }
    Some(line_of_sums([x, y, xy, xx].map(Sum::total), window.values.len() as f64))
}

/// Returns slope and value of the line through samples with one value.
pub(super) fn flat_line(value: f64) -> (f64, f64) {
    if value.is_infinite() { (f64::NAN, f64::NAN) } else { (0.0, value) }
}

/// Returns slope and value from the sums of times, values, their products, and the squares of times.
pub(super) fn line_of_sums([x, y, xy, xx]: [f64; 4], count: f64) -> (f64, f64) {
    let slope = (xy - x * y / count) / (xx - x * x / count);
    (slope, y / count - slope * x / count)
}
