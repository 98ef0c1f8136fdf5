//! Functions of the samples in one window.

use std::rc::Rc;

use narthex_model::histogram::{FloatHistogram, HistogramMean, HistogramSum};
use narthex_model::{Labels, Sample};
use narthex_promql_parser::Span;

use super::go::{kahan_add, mean, quantile};
use super::{Failure, Oracle, Point, Value, rate};

/// A window that holds a sample, and what a function may know about the step.
pub(super) struct Window<'a> {
    pub(super) oracle: &'a Oracle<'a>,
    pub(super) labels: &'a Labels,
    pub(super) points: &'a [Point],
    pub(super) end_ms: i64,
    pub(super) range_ms: i64,
    pub(super) step_time_ms: i64,
    /// The other arguments.
    pub(super) scalars: &'a [f64],
    /// Where the range vector stands.
    pub(super) span: Span,
    /// Where the first argument stands.
    pub(super) first_span: Span,
}

impl Window<'_> {
    pub(super) fn floats(&self) -> Vec<Sample> {
        let sample = |point: &Point| {
            Some(Sample { timestamp_ms: point.timestamp_ms, value: point.value.float()? })
        };
        self.points.iter().filter_map(sample).collect()
    }

    pub(super) fn histograms(&self) -> Vec<(i64, Rc<FloatHistogram>)> {
        let histogram = |point: &Point| match &point.value {
            Value::Histogram(histogram) => Some((point.timestamp_ms, Rc::clone(histogram))),
            Value::Float(_) => None,
        };
        self.points.iter().filter_map(histogram).collect()
    }

    pub(super) fn warn_of_mix(&self) {
        let text = "encountered a mix of histograms and floats for metric name";
        let name = self.labels.metric_name();
        self.oracle.remark(format!("PromQL warning: {text} {name:?}"), self.span);
    }

    fn ignored_histograms(&self) {
        let text = "ignored histograms in a range containing both floats and histograms for metric \
                    name";
        let name = self.labels.metric_name();
        self.oracle.remark(format!("PromQL info: {text} {name:?}"), self.first_span);
    }
}

/// Returns the value of the function called `name`, or `None` where it has none.
pub(super) fn apply(name: &str, window: &Window<'_>) -> Result<Option<Value>, Failure> {
    let (floats, histograms) = (window.floats(), window.histograms());
    let points = window.points;
    let (first, last) = (&points[0], &points[points.len() - 1]);
    let is_mixed = !floats.is_empty() && !histograms.is_empty();
    Ok(match name {
        "absent_over_time" | "present_over_time" => Some(Value::Float(1.0)),
        "changes" => Some(Value::Float(count_pairs(points, changes))),
        "resets" => Some(Value::Float(count_pairs(points, is_reset))),
        "count_over_time" => Some(Value::Float(points.len() as f64)),
        "first_over_time" => Some(first.value.clone()),
        "last_over_time" => Some(last.value.clone()),
        "ts_of_first_over_time" => Some(Value::Float(first.timestamp_ms as f64 / 1000.0)),
        "ts_of_last_over_time" => Some(Value::Float(last.timestamp_ms as f64 / 1000.0)),
        "delta" => rate::extrapolated(window, false, false),
        "increase" => rate::extrapolated(window, true, false),
        "rate" => rate::extrapolated(window, true, true),
        "idelta" => rate::of_last_two(window, false),
        "irate" => rate::of_last_two(window, true),
        "avg_over_time" | "sum_over_time" if is_mixed => {
            window.warn_of_mix();
            None
        }
        "avg_over_time" | "sum_over_time" if floats.is_empty() => {
            total(window, &histograms, name == "avg_over_time")
        }
        _ => {
            let value = of_floats(name, window, &floats)?;
            let counts = match name {
                "deriv" | "predict_linear" | "double_exponential_smoothing" => floats.len() == 1,
                _ => false,
            };
            if is_mixed && (value.is_some() || counts) {
                window.ignored_histograms();
            }
            value.map(Value::Float)
        }
    })
}

/// Returns sum or mean of histograms.
fn total(
    window: &Window<'_>,
    histograms: &[(i64, Rc<FloatHistogram>)],
    is_mean: bool,
) -> Option<Value> {
    let first = FloatHistogram::clone(&histograms[0].1);
    let (mut sum, mut mean) = (HistogramSum::new(first.clone()), HistogramMean::new(first));
    let oracle = window.oracle;
    let mut bounds_differed = false;
    for (_, histogram) in &histograms[1..] {
        let added = if is_mean { mean.add(histogram) } else { sum.add(histogram) };
        let Ok(added) = added else {
            oracle.mixed_schemas(window.labels, window.span);
            return None;
        };
        bounds_differed |= added.bounds_differed;
    }
    if bounds_differed {
        oracle.mismatched("aggregation", window.span);
    }
    let all = histograms.iter().map(|(_, histogram)| &**histogram);
    oracle.collisions(all, "aggregation", window.span);
    Some(Value::of(if is_mean { mean.mean() } else { sum.total() }))
}

/// Returns the value of a function that looks at floats alone.
fn of_floats(name: &str, window: &Window<'_>, samples: &[Sample]) -> Result<Option<f64>, Failure> {
    if name == "double_exponential_smoothing" {
        let values: Vec<f64> = samples.iter().map(|sample| sample.value).collect();
        return smoothed(&values, window.scalars);
    }
    let Some(first) = samples.first() else { return Ok(None) };
    let values: Vec<f64> = samples.iter().map(|sample| sample.value).collect();
    Ok(Some(match name {
        "avg_over_time" => mean(&values),
        "deriv" | "predict_linear" if values.len() < 2 => return Ok(None),
        "deriv" => linear_regression(samples, first.timestamp_ms).0,
        "mad_over_time" => median_deviation(values),
        "max_over_time" => furthest(samples, |new, best| new > best).value,
        "min_over_time" => furthest(samples, |new, best| new < best).value,
        "predict_linear" => {
            let (slope, intercept) = linear_regression(samples, window.step_time_ms);
            slope * window.scalars[0] + intercept
        }
        "quantile_over_time" => {
            let q = window.scalars[0];
            if !(0.0..=1.0).contains(&q) {
                window.oracle.warn_of_quantile(q, window.first_span);
            }
            quantile(q, values)
        }
        "stddev_over_time" => variance(&values).sqrt(),
        "stdvar_over_time" => variance(&values),
        "sum_over_time" => sum(&values),
        "ts_of_max_over_time" => seconds(furthest(samples, |new, best| new >= best)),
        "ts_of_min_over_time" => seconds(furthest(samples, |new, best| new <= best)),
        name => panic!("the oracle has no {name}"),
    }))
}

fn seconds(sample: Sample) -> f64 {
    sample.timestamp_ms as f64 / 1000.0
}

fn count_pairs(points: &[Point], counts: impl Fn(&Value, &Value) -> bool) -> f64 {
    points.windows(2).filter(|pair| counts(&pair[0].value, &pair[1].value)).count() as f64
}

fn changes(old: &Value, new: &Value) -> bool {
    match (old, new) {
        (Value::Float(old), Value::Float(new)) => old != new && !(old.is_nan() && new.is_nan()),
        (Value::Histogram(old), Value::Histogram(new)) => old != new,
        _ => true,
    }
}

fn is_reset(old: &Value, new: &Value) -> bool {
    match (old, new) {
        (Value::Float(old), Value::Float(new)) => new < old,
        (Value::Histogram(old), Value::Histogram(new)) => new.detect_reset(old),
        _ => true,
    }
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
