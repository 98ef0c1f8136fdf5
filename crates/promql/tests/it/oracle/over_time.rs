//! Functions of the samples in one window.

use narthex_model::Sample;

use super::Failure;
use super::go::{kahan_add, mean, quantile};

/// A window that holds a sample, and what a function may know about the step.
#[derive(Debug)]
pub(super) struct Window<'a> {
    pub(super) samples: &'a [Sample],
    pub(super) end_ms: i64,
    pub(super) range_ms: i64,
    pub(super) step_time_ms: i64,
    /// The other arguments.
    pub(super) scalars: &'a [f64],
}

/// Returns the value of the function called `name`, or `None` where it has none.
pub(super) fn apply(name: &str, window: &Window<'_>) -> Result<Option<f64>, Failure> {
    let samples = window.samples;
    let values: Vec<f64> = samples.iter().map(|sample| sample.value).collect();
    let (first, last) = (samples[0], samples[samples.len() - 1]);
    Ok(Some(match name {
        "absent_over_time" | "present_over_time" => 1.0,
        "avg_over_time" => mean(&values),
        "changes" => count_pairs(&values, |old, new| old != new && !(old.is_nan() && new.is_nan())),
        "count_over_time" => values.len() as f64,
        "delta" => return Ok(extrapolated(window, false, false)),
        "deriv" if values.len() < 2 => return Ok(None),
        "deriv" => linear_regression(samples, first.timestamp_ms).0,
        "double_exponential_smoothing" => return smoothed(&values, window.scalars),
        "first_over_time" => first.value,
        "idelta" => return Ok(of_last_two(samples, false)),
        "increase" => return Ok(extrapolated(window, true, false)),
        "irate" => return Ok(of_last_two(samples, true)),
        "last_over_time" => last.value,
        "mad_over_time" => median_deviation(values),
        "max_over_time" => furthest(samples, |new, best| new > best).value,
        "min_over_time" => furthest(samples, |new, best| new < best).value,
        "predict_linear" if values.len() < 2 => return Ok(None),
        "predict_linear" => {
            let (slope, intercept) = linear_regression(samples, window.step_time_ms);
            slope * window.scalars[0] + intercept
        }
        "quantile_over_time" => quantile(window.scalars[0], values),
        "rate" => return Ok(extrapolated(window, true, true)),
        "resets" => count_pairs(&values, |old, new| new < old),
        "stddev_over_time" => variance(&values).sqrt(),
        "stdvar_over_time" => variance(&values),
        "sum_over_time" => sum(&values),
        "ts_of_first_over_time" => seconds(first),
        "ts_of_last_over_time" => seconds(last),
        "ts_of_max_over_time" => seconds(furthest(samples, |new, best| new >= best)),
        "ts_of_min_over_time" => seconds(furthest(samples, |new, best| new <= best)),
        name => panic!("the oracle has no {name}"),
    }))
}

fn seconds(sample: Sample) -> f64 {
    sample.timestamp_ms as f64 / 1000.0
}

fn count_pairs(values: &[f64], counts: impl Fn(f64, f64) -> bool) -> f64 {
    values.windows(2).filter(|pair| counts(pair[0], pair[1])).count() as f64
}

fn furthest(samples: &[Sample], is_further: impl Fn(f64, f64) -> bool) -> Sample {
    let mut best = samples[0];
    for &sample in samples {
        if is_further(sample.value, best.value) || best.value.is_nan() {
            best = sample;
        }
    }
    best
}

fn sum(values: &[f64]) -> f64 {
    let (sum, compensation) =
        values.iter().fold((0.0, 0.0), |total, &value| kahan_add(value, total));
    if sum.is_infinite() { sum } else { sum + compensation }
}

fn variance(values: &[f64]) -> f64 {
    let (mut count, mut mean, mut squares) = (0.0, (0.0, 0.0), (0.0, 0.0));
    for &value in values {
        count += 1.0;
        let delta = value - (mean.0 + mean.1);
        mean = kahan_add(delta / count, mean);
        squares = kahan_add(delta * (value - (mean.0 + mean.1)), squares);
    }
    (squares.0 + squares.1) / count
}

fn median_deviation(values: Vec<f64>) -> f64 {
    if values.iter().any(|value| value.is_nan()) {
        return f64::NAN;
    }
    let median = quantile(0.5, values.clone());
    quantile(0.5, values.iter().map(|value| (value - median).abs()).collect())
}

/// The rise of a counter or the change of a gauge, extrapolated to the ends of the window.
fn extrapolated(window: &Window<'_>, is_counter: bool, is_rate: bool) -> Option<f64> {
    let samples = window.samples;
    let (first, last) = (samples[0], samples[samples.len() - 1]);
    if samples.len() < 2 {
        return None;
    }
    let mut rise = last.value - first.value;
    if is_counter {
        for pair in samples.windows(2) {
            if pair[1].value < pair[0].value {
                rise += pair[0].value;
            }
        }
    }
    let start_ms = window.end_ms - window.range_ms;
    let mut to_start = (first.timestamp_ms - start_ms) as f64 / 1000.0;
    let mut to_end = (window.end_ms - last.timestamp_ms) as f64 / 1000.0;
    let sampled = (last.timestamp_ms - first.timestamp_ms) as f64 / 1000.0;
    let spacing = sampled / (samples.len() - 1) as f64;
    let threshold = spacing * 1.1;
    if to_start >= threshold {
        to_start = spacing / 2.0;
    }
    if is_counter && rise > 0.0 && first.value >= 0.0 {
        let to_zero = sampled * (first.value / rise);
        if to_zero < to_start {
            to_start = to_zero;
        }
    }
    if to_end >= threshold {
        to_end = spacing / 2.0;
    }
    let mut factor = (sampled + to_start + to_end) / sampled;
    if is_rate {
        factor /= window.range_ms as f64 / 1000.0;
    }
    Some(rise * factor)
}

fn of_last_two(samples: &[Sample], is_rate: bool) -> Option<f64> {
    let [.., old, new] = samples else { return None };
    let is_reset = is_rate && new.value < old.value;
    let change = if is_reset { new.value } else { new.value - old.value };
    let interval_s = (new.timestamp_ms - old.timestamp_ms) as f64 / 1000.0;
    Some(if is_rate { change / interval_s } else { change })
}

/// Returns the slope of the line nearest to the samples, a second, and its value at a time.
fn linear_regression(samples: &[Sample], time_ms: i64) -> (f64, f64) {
    let [mut x_sum, mut y_sum, mut xy_sum, mut xx_sum] = [(0.0, 0.0); 4];
    for sample in samples {
        let (x, y) = ((sample.timestamp_ms - time_ms) as f64 / 1e3, sample.value);
        x_sum = kahan_add(x, x_sum);
        y_sum = kahan_add(y, y_sum);
        xy_sum = kahan_add(x * y, xy_sum);
        xx_sum = kahan_add(x * x, xx_sum);
    }
    let first = samples[0].value;
    if !samples[1..].iter().any(|sample| sample.value != first) {
        return if first.is_infinite() { (f64::NAN, f64::NAN) } else { (0.0, first) };
    }
    let n = samples.len() as f64;
    let [x, y, xy, xx] = [x_sum, y_sum, xy_sum, xx_sum].map(|(sum, rest)| sum + rest);
    let slope = (xy - x * y / n) / (xx - x * x / n);
    (slope, y / n - slope * x / n)
}

fn smoothed(values: &[f64], factors: &[f64]) -> Result<Option<f64>, Failure> {
    let (smoothing, trend) = (factors[0], factors[1]);
    if smoothing <= 0.0 || smoothing >= 1.0 {
        return Err(Failure("invalid smoothing factor. Expected: 0 < sf < 1"));
    }
    if trend <= 0.0 || trend >= 1.0 {
        return Err(Failure("invalid trend factor. Expected: 0 < tf < 1"));
    }
    if values.len() < 2 {
        return Ok(None);
    }
    let (mut before, mut level, mut slope) = (0.0, values[0], values[1] - values[0]);
    for (index, value) in values.iter().enumerate().skip(1) {
        if index > 1 {
            slope = trend * (level - before) + (1.0 - trend) * slope;
        }
        let next = smoothing * value + (1.0 - smoothing) * (level + slope);
        (before, level) = (level, next);
    }
    Ok(Some(level))
}
