//! Holds values against what a script expects.

use std::collections::HashMap;
use std::fmt;

use narthex_model::histogram::{Buckets, FloatHistogram};
use narthex_model::quote::Quoted;
use narthex_model::{Labels, duration, is_stale_nan};
use narthex_promql::Grid;
use narthex_promql_parser::SequenceValue;

use crate::script::{Eval, ExpectedResult, ExpectedSeries};
use crate::{Point, ResultSeries, Value};

/// How a value is not what a script expects.
pub(crate) struct Mismatch {
    pub(crate) expected: Box<str>,
    pub(crate) got: Box<str>,
}

impl Mismatch {
    pub(crate) fn new(expected: impl Into<Box<str>>, got: impl Into<Box<str>>) -> Self {
        Self { expected: expected.into(), got: got.into() }
    }
}

/// Compares a value with the result that a script expects.
pub(crate) fn compare(eval: &Eval, value: &Value) -> Result<(), Mismatch> {
    match (&eval.result, value) {
        (ExpectedResult::Scalar(expected), Value::Scalar(got)) => {
            if almost_equal(*expected, *got) {
                return Ok(());
            }
            let (expected, got) = (Point::Float(*expected), Point::Float(*got));
            Err(Mismatch::new(format!("scalar {expected}"), got.to_string()))
        }
        (ExpectedResult::String(expected), Value::String(got)) => {
            if expected == got {
                return Ok(());
            }
            Err(Mismatch::new(Quoted(expected).to_string(), Quoted(got).to_string()))
        }
        (ExpectedResult::Series { series, times: None }, Value::Vector(vector)) => {
            compare_vector(series, vector, eval.expectations.ordered)
        }
        (ExpectedResult::Series { series, times: Some(times) }, Value::Matrix(matrix)) => {
            if eval.expectations.ordered {
                return Err(Mismatch::new("an ordered result", "a range vector"));
            }
            check_order(matrix)?;
            compare_matrix(series, *times, matrix)
        }
        (expected, got) => Err(Mismatch::new(name_of_expected(expected), describe(got))),
    }
}

fn name_of_expected(expected: &ExpectedResult) -> &'static str {
    match expected {
        ExpectedResult::Scalar(_) => "a scalar",
        ExpectedResult::String(_) => "a string",
        ExpectedResult::Series { times: None, .. } => "an instant vector",
        ExpectedResult::Series { times: Some(_), .. } => "a range vector",
    }
}

/// Returns what a value is, but not the samples of its series.
pub(crate) fn describe(value: &Value) -> String {
    match value {
        Value::Scalar(value) => format!("scalar {}", Point::Float(*value)),
        Value::String(text) => format!("string {}", Quoted(text)),
        Value::Vector(vector) => format!("an instant vector of {} series", vector.len()),
        Value::Matrix(matrix) => format!("a range vector of {} series", matrix.len()),
    }
}

fn compare_vector(
    expected: &[ExpectedSeries],
    got: &[(Labels, Point)],
    ordered: bool,
) -> Result<(), Mismatch> {
    let mut missing = by_labels(expected);
    for (place, (labels, point)) in got.iter().enumerate() {
        let shown = || format!("{} {point}", labels.as_series());
        let Some(index) = missing.remove(labels) else {
            return Err(Mismatch::new("no such series", shown()));
        };
        if ordered && index != place {
            let expected = format!("{} at position {}", labels.as_series(), index + 1);
            return Err(Mismatch::new(expected, format!("it at position {}", place + 1)));
        }
        let value = &expected[index].values[0];
        if !matches_sequence(value, point) {
            return Err(Mismatch::new(format!("{} {value}", labels.as_series()), shown()));
        }
    }
    match first_of(expected, &missing) {
        None => Ok(()),
        Some(ExpectedSeries { labels, values }) => {
            let shown = format!("{} {}", labels.as_series(), values[0]);
            Err(Mismatch::new(shown, "no such series"))
        }
    }
}

/// Returns the place of each series; of two with the same labels, that of the last.
fn by_labels(expected: &[ExpectedSeries]) -> HashMap<&Labels, usize> {
    expected.iter().enumerate().map(|(place, series)| (&series.labels, place)).collect()
}

/// Returns the series of `missing` that comes first, if there is any.
fn first_of<'a>(
    expected: &'a [ExpectedSeries],
    missing: &HashMap<&Labels, usize>,
) -> Option<&'a ExpectedSeries> {
    missing.values().min().map(|place| &expected[*place])
}

/// Fails where the series of a range query do not come in the order of their labels.
pub(crate) fn check_order(matrix: &[ResultSeries]) -> Result<(), Mismatch> {
    match matrix.windows(2).find(|pair| pair[0].labels > pair[1].labels) {
        None => Ok(()),
        Some(pair) => {
            let [first, second] = [&pair[0], &pair[1]].map(|series| series.labels.as_series());
            Err(Mismatch::new(
                "series in the order of their labels",
                format!("{first} before {second}"),
            ))
        }
    }
}

fn compare_matrix(
    expected: &[ExpectedSeries],
    times: Grid,
    got: &[ResultSeries],
) -> Result<(), Mismatch> {
    let mut missing = by_labels(expected);
    for ResultSeries { labels, points } in got {
        match missing.remove(labels) {
            Some(place) => compare_points(&expected[place], times, points)?,
            None => {
                let shown = format!("{}{}", labels.as_series(), Points(points));
                return Err(Mismatch::new("no such series", shown));
            }
        }
    }
    match first_of(expected, &missing) {
        None => Ok(()),
        Some(series) => {
            let shown = format!("{}{}", series.labels.as_series(), Values(series, times));
            Err(Mismatch::new(shown, "no such series"))
        }
    }
}

fn compare_points(
    series: &ExpectedSeries,
    times: Grid,
    points: &[(i64, Point)],
) -> Result<(), Mismatch> {
    let expected: Vec<_> = times_and_values(series, times).collect();
    let labels = series.labels.as_series();
    if expected.len() != points.len() {
        return Err(Mismatch::new(
            format!("{labels}{}", Values(series, times)),
            Points(points).to_string().trim_start(),
        ));
    }
    for ((time_ms, value), (got_ms, point)) in expected.into_iter().zip(points) {
        if time_ms != *got_ms || !matches_sequence(value, point) {
            let expected = format!("{labels} {value} @{}", duration::display_ms(time_ms));
            let got = format!("{point} @{}", duration::display_ms(*got_ms));
            return Err(Mismatch::new(expected, got));
        }
    }
    Ok(())
}

/// Returns the values that are not left out, and their times.
fn times_and_values(
    series: &ExpectedSeries,
    times: Grid,
) -> impl Iterator<Item = (i64, &SequenceValue)> {
    let values = series.values.iter().enumerate();
    values
        .filter(|(_, value)| !matches!(value, SequenceValue::Omitted))
        .map(move |(index, value)| (times.time_ms(index), value))
}

fn matches_sequence(expected: &SequenceValue, got: &Point) -> bool {
    match (expected, got) {
        (SequenceValue::Float(expected), Point::Float(got)) => almost_equal(*expected, *got),
        (SequenceValue::Histogram { histogram, has_reset_hint }, Point::Histogram(got)) => {
            let hints_agree = !has_reset_hint || histogram.reset_hint == got.reset_hint;
            hints_agree && histograms_match(histogram, got)
        }
        _ => false,
    }
}

/// Returns whether two histograms have the same buckets, with counts and sums that are almost equal.
fn histograms_match(expected: &FloatHistogram, got: &FloatHistogram) -> bool {
    let totals = |it: &FloatHistogram| [it.count, it.sum, it.zero_count];
    expected.schema == got.schema
        && expected.zero_threshold == got.zero_threshold
        && (!expected.has_custom_buckets() || expected.custom_bounds == got.custom_bounds)
        && totals(expected).into_iter().zip(totals(got)).all(|(a, b)| almost_equal(a, b))
        && buckets_match(&expected.positive, &got.positive)
        && buckets_match(&expected.negative, &got.negative)
}

/// Empty buckets do not count.
fn buckets_match(expected: &Buckets<f64>, got: &Buckets<f64>) -> bool {
    let populated = |buckets| {
        let entries: Vec<(i32, f64)> =
            Buckets::iter(buckets).filter(|(_, count)| *count != 0.0).collect();
        entries
    };
    let (expected, got) = (populated(expected), populated(got));
    let same = |((a_index, a), (b_index, b)): (&(i32, f64), &(i32, f64))| {
        a_index == b_index && almost_equal(*a, *b)
    };
    expected.len() == got.len() && expected.iter().zip(&got).all(same)
}

/// Returns whether two floats are equal within a relative difference of 10⁻⁶. A NaN equals every
/// NaN but the staleness marker, which equals itself alone.
///
/// # Source
///
/// `Equal` in Prometheus `util/almost/almost.go`.
fn almost_equal(a: f64, b: f64) -> bool {
    const EPSILON: f64 = 0.000_001;
    if is_stale_nan(a) || is_stale_nan(b) {
        return is_stale_nan(a) && is_stale_nan(b);
    }
    if a.is_nan() && b.is_nan() || a == b {
        return true;
    }
    let sum = a.abs() + b.abs();
    let difference = (a - b).abs();
    if a == 0.0 || b == 0.0 || sum < f64::MIN_POSITIVE {
        return difference < EPSILON * f64::MIN_POSITIVE;
    }
    difference / sum.min(f64::MAX) < EPSILON
}

/// Prints points and their times; of many only the first ones.
struct Points<'a>(&'a [(i64, Point)]);

impl fmt::Display for Points<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_points(f, self.0.iter().map(|(time_ms, point)| (*time_ms, point)))
    }
}

/// Prints values that a script expects and their times; of many only the first ones.
struct Values<'a>(&'a ExpectedSeries, Grid);

impl fmt::Display for Values<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_points(f, times_and_values(self.0, self.1))
    }
}

fn write_points<T: fmt::Display>(
    f: &mut fmt::Formatter<'_>,
    mut points: impl Iterator<Item = (i64, T)>,
) -> fmt::Result {
    for (time_ms, point) in points.by_ref().take(POINTS_SHOWN) {
        write!(f, " {point} @{}", duration::display_ms(time_ms))?;
    }
    let omitted = points.count();
    if omitted > 0 {
        write!(f, " and {omitted} more")?;
    }
    Ok(())
}

/// How many points a message shows.
const POINTS_SHOWN: usize = 20;

#[cfg(test)]
mod tests {
    use narthex_model::STALE_NAN;

    use super::almost_equal;

    #[test]
    fn almost_equal_is_as_wide_as_the_reference() {
        let cases = [
            (1.0, 1.0, true),
            (1.0, 1.000_001, true),
            (1.0, 1.000_003, false),
            (-1e300, -1.000_000_1e300, true),
            (f64::MAX, -f64::MAX, false),
            (0.0, -0.0, true),
            (0.0, 1e-300, false),
            (0.0, 1e-320, true),
            (f64::INFINITY, f64::INFINITY, true),
            (f64::INFINITY, f64::MAX, false),
            (f64::INFINITY, f64::NEG_INFINITY, false),
            (f64::NAN, f64::NAN, true),
            (f64::NAN, 1.0, false),
            (STALE_NAN, f64::NAN, false),
            (STALE_NAN, STALE_NAN, true),
        ];
        for (a, b, expected) in cases {
            assert_eq!(almost_equal(a, b), expected, "{a} {b}");
            assert_eq!(almost_equal(b, a), expected, "{b} {a}");
        }
    }
}
