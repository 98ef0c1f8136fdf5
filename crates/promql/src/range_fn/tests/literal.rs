//! The functions as their definitions have them: a loop over the samples of one window.

use super::super::rate::seconds;

/// What a function of a window may look at.
pub(super) struct Literal<'a> {
    /// The samples in the window, of which there is at least one.
    pub(super) samples: &'a [(i64, f64)],
    pub(super) start_ms: i64,
    pub(super) end_ms: i64,
    pub(super) params: &'a [f64],
}

impl Literal<'_> {
    pub(super) fn values(&self) -> Vec<f64> {
        self.samples.iter().map(|(_, value)| *value).collect()
    }

    /// Returns the number of samples for which `relates` holds, given the one before and itself.
    pub(super) fn count_pairs(&self, relates: fn(f64, f64) -> bool) -> f64 {
        self.samples.windows(2).filter(|pair| relates(pair[0].1, pair[1].1)).count() as f64
    }

    pub(super) fn sum(&self) -> f64 {
        let (sum, rest) = self.values().iter().fold((0.0, 0.0), |sum, value| kahan(sum, *value));
        if sum.is_infinite() { sum } else { sum + rest }
    }

    pub(super) fn mean(&self) -> f64 {
        let values = self.values();
        let (mut sum, mut rest) = (values[0], 0.0);
        let mut incremental = false;
        for (index, &value) in values.iter().enumerate().skip(1) {
            let (before, count) = (index as f64, index as f64 + 1.0);
            if !incremental {
                let next = kahan((sum, rest), value);
                if !next.0.is_infinite() {
                    (sum, rest) = next;
                    continue;
                }
                incremental = true;
                (sum, rest) = (sum / before, rest / before);
            }
            let share = before / count;
            (sum, rest) = kahan((share * sum, share * rest), value / count);
        }
        let count = values.len() as f64;
        if incremental { sum + rest } else { sum / count + rest / count }
    }

    pub(super) fn variance(&self) -> f64 {
        let (mut mean, mut squares, mut count) = ((0.0, 0.0), (0.0, 0.0), 0.0);
        for value in self.values() {
            count += 1.0;
            let delta = value - (mean.0 + mean.1);
            mean = kahan(mean, delta / count);
            squares = kahan(squares, delta * (value - (mean.0 + mean.1)));
        }
        (squares.0 + squares.1) / count
    }

    /// Returns slope and value at a time of the line with the least squares.
    pub(super) fn line(&self, origin_ms: i64) -> Option<(f64, f64)> {
        let first = self.samples[0].1;
        if self.samples.len() < 2 {
            return None;
        }
        if self.samples[1..].iter().all(|(_, value)| *value == first) {
            let flat = if first.is_infinite() { (f64::NAN, f64::NAN) } else { (0.0, first) };
            return Some(flat);
        }
        let [mut x_sum, mut y_sum, mut xy_sum, mut xx_sum] = [(0.0, 0.0); 4];
        for &(time_ms, y) in self.samples {
            let x = (time_ms - origin_ms) as f64 / 1e3;
            x_sum = kahan(x_sum, x);
            y_sum = kahan(y_sum, y);
            xy_sum = kahan(xy_sum, x * y);
            xx_sum = kahan(xx_sum, x * x);
        }
        let [x, y, xy, xx] = [x_sum, y_sum, xy_sum, xx_sum].map(|(sum, rest)| sum + rest);
        let count = self.samples.len() as f64;
        let slope = (xy - x * y / count) / (xx - x * x / count);
        Some((slope, y / count - slope * x / count))
    }

    pub(super) fn smoothed(&self) -> Option<f64> {
        let values = self.values();
        let [smoothing, trend] = [self.params[0], self.params[1]];
        if values.len() < 2 {
            return None;
        }
        let (mut before, mut level, mut slope) = (0.0, values[0], values[1] - values[0]);
        for (index, value) in values.iter().enumerate().skip(1) {
            if index > 1 {
                slope = trend * (level - before) + (1.0 - trend) * slope;
            }
            let next = smoothing * value + (1.0 - smoothing) * (level + slope);
            (before, level) = (level, next);
        }
        Some(level)
    }

    /// Returns the sample that beats all others; numbers beat NaN.
    pub(super) fn extreme(&self, beats: fn(f64, f64) -> bool) -> (i64, f64) {
        let better = |best: (i64, f64), next: (i64, f64)| {
            if beats(next.1, best.1) || best.1.is_nan() { next } else { best }
        };
        self.samples.iter().copied().reduce(better).unwrap()
    }

    pub(super) fn median_deviation(&self) -> f64 {
        let values = self.values();
        if values.iter().any(|value| value.is_nan()) {
            return f64::NAN;
        }
        let median = quantile(0.5, values.clone());
        quantile(0.5, values.iter().map(|value| (value - median).abs()).collect())
    }

    /// Returns the change over the window, extrapolated to its ends.
    pub(super) fn change(&self, counter: bool, per_second: bool) -> Option<f64> {
        let (&(first_ms, first), &(last_ms, last)) = (self.samples.first()?, self.samples.last()?);
        if self.samples.len() < 2 {
            return None;
        }
        let mut change = last - first;
        if counter {
            for pair in self.samples.windows(2) {
                if pair[1].1 < pair[0].1 {
                    change += pair[0].1;
                }
            }
        }
        let sampled_s = (last_ms - first_ms) as f64 / 1000.0;
        let spacing_s = sampled_s / (self.samples.len() - 1) as f64;
        let mut before_s = (first_ms - self.start_ms) as f64 / 1000.0;
        let mut after_s = (self.end_ms - last_ms) as f64 / 1000.0;
        if before_s >= spacing_s * 1.1 {
            before_s = spacing_s / 2.0;
        }
        if counter {
            let mut to_zero_s = before_s;
            if change > 0.0 && first >= 0.0 {
                to_zero_s = sampled_s * (first / change);
            }
            if to_zero_s < before_s {
                before_s = to_zero_s;
            }
        }
        if after_s >= spacing_s * 1.1 {
            after_s = spacing_s / 2.0;
        }
        let mut factor = (sampled_s + before_s + after_s) / sampled_s;
        if per_second {
            factor /= seconds(self.end_ms - self.start_ms);
        }
        Some(change * factor)
    }
}

/// Returns the quantile of values, sorted as the reference sorts them.
pub(super) fn quantile(q: f64, mut values: Vec<f64>) -> f64 {
    if q.is_nan() {
        return f64::NAN;
    }
    if q < 0.0 {
        return f64::NEG_INFINITY;
    }
    if q > 1.0 {
        return f64::INFINITY;
    }
    crate::go_sort::sort(&mut values, |left, right| left.is_nan() || left < right);
    let rank = q * (values.len() - 1) as f64;
    #[expect(clippy::cast_possible_truncation, reason = "whole, and less than the length")]
    let lower = rank.floor() as usize;
    let upper = (lower + 1).min(values.len() - 1);
    let weight = rank - rank.floor();
    values[lower] * (1.0 - weight) + values[upper] * weight
}

fn kahan((sum, rest): (f64, f64), number: f64) -> (f64, f64) {
    let total = sum + number;
    if total.is_infinite() {
        (total, 0.0)
    } else if sum.abs() >= number.abs() {
        (total, rest + ((sum - total) + number))
    } else {
        (total, rest + ((number - total) + sum))
    }
}
