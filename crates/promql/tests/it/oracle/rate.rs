//! Rates and differences.

use std::rc::Rc;

use narthex_model::Sample;
use narthex_model::histogram::{FloatHistogram, ResetHint};

use super::Value;
use super::over_time::Window;

/// The rise of a counter or the change of a gauge, extrapolated to the ends of the window.
pub(super) fn extrapolated(window: &Window<'_>, is_counter: bool, is_rate: bool) -> Option<Value> {
    let (floats, histograms) = (window.floats(), window.histograms());
    if !floats.is_empty() && !histograms.is_empty() {
        window.warn_of_mix();
        return None;
    }
    if window.points.len() < 2 {
        return None;
    }
    // What it rose by, and from which count.
    let (rise, from, risen) = if histograms.is_empty() {
        let rise = rise(&floats, is_counter);
        (Value::Float(rise), floats[0].value, rise)
    } else {
        let rise = rise_of_histograms(window, &histograms, is_counter)?;
        let risen = rise.count;
        (Value::of(rise), histograms[0].1.count, risen)
    };
    let first_ms = window.points[0].timestamp_ms;
    let last_ms = window.points[window.points.len() - 1].timestamp_ms;
    let mut to_start = (first_ms - (window.end_ms - window.range_ms)) as f64 / 1000.0;
    let mut to_end = (window.end_ms - last_ms) as f64 / 1000.0;
    let sampled = (last_ms - first_ms) as f64 / 1000.0;
    let spacing = sampled / (window.points.len() - 1) as f64;
    let threshold = spacing * 1.1;
    if to_start >= threshold {
        to_start = spacing / 2.0;
    }
    if is_counter && risen > 0.0 && from >= 0.0 {
        let to_zero = sampled * (from / risen);
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
    Some(scaled(rise, |value| value * factor, |histogram| histogram.mul(factor)))
}

fn scaled(
    value: Value,
    of_float: impl Fn(f64) -> f64,
    of_histogram: impl Fn(&mut FloatHistogram),
) -> Value {
    match value {
        Value::Float(value) => Value::Float(of_float(value)),
        Value::Histogram(mut histogram) => {
            of_histogram(Rc::make_mut(&mut histogram));
            Value::Histogram(histogram)
        }
    }
}

fn rise(floats: &[Sample], is_counter: bool) -> f64 {
    let mut rise = floats[floats.len() - 1].value - floats[0].value;
    for pair in floats.windows(2) {
        if is_counter && pair[1].value < pair[0].value {
            rise += pair[0].value;
        }
    }
    rise
}

/// Returns by how much a histogram rose, as a gauge.
fn rise_of_histograms(
    window: &Window<'_>,
    histograms: &[(i64, Rc<FloatHistogram>)],
    is_counter: bool,
) -> Option<FloatHistogram> {
    let oracle = window.oracle;
    let is_gauge = |histogram: &FloatHistogram| histogram.reset_hint == ResetHint::Gauge;
    let (first, last) = (&histograms[0].1, &histograms[histograms.len() - 1].1);
    let mut remarks = Vec::new();
    if is_counter && (is_gauge(first) || is_gauge(last)) {
        remarks.push(NOT_A_COUNTER);
    }
    let mut before = FloatHistogram::clone(first);
    if is_counter && histograms[1].1.detect_reset(first) {
        let second = &histograms[1].1;
        // Of the first, which is not needed then, nothing has to fit.
        before = FloatHistogram {
            schema: second.schema,
            custom_bounds: second.custom_bounds.clone(),
            ..FloatHistogram::default()
        };
    }
    let is_custom = before.has_custom_buckets();
    if last.has_custom_buckets() != is_custom {
        remark_on(window, &remarks);
        oracle.mixed_schemas(window.labels, window.span);
        return None;
    }
    let mut schema = last.schema.min(before.schema);
    for (_, histogram) in &histograms[1..histograms.len() - 1] {
        if !is_counter {
            continue;
        }
        if is_gauge(histogram) {
            remarks.push(NOT_A_COUNTER);
        }
        schema = schema.min(histogram.schema);
        if histogram.has_custom_buckets() != is_custom {
            // This remark takes the place of all before it.
            oracle.mixed_schemas(window.labels, window.span);
            return None;
        }
    }
    let mut rise = FloatHistogram::clone(last);
    if !is_custom {
        rise.reduce_resolution(schema);
    }
    let mut bounds_differed = Vec::new();
    match rise.sub(&before) {
        Err(_) => {
            oracle.mixed_schemas(window.labels, window.span);
            return None;
        }
        Ok(added) if added.bounds_differed => bounds_differed.push("subtraction"),
        Ok(_) => {}
    }
    if is_counter {
        for (_, histogram) in &histograms[1..] {
            if histogram.detect_reset(&before) {
                match rise.add(&before) {
                    Err(_) => {
                        oracle.mixed_schemas(window.labels, window.span);
                        return None;
                    }
                    Ok(added) if added.bounds_differed => bounds_differed.push("addition"),
                    Ok(_) => {}
                }
            }
            before = FloatHistogram::clone(histogram);
        }
    } else if !is_gauge(first) || !is_gauge(last) {
        remarks.push(NOT_A_GAUGE);
    }
    remark_on(window, &remarks);
    for operation in bounds_differed {
        oracle.mismatched(operation, window.span);
    }
    rise.reset_hint = ResetHint::Gauge;
    rise.compact();
    Some(rise)
}

fn remark_on(window: &Window<'_>, remarks: &[&str]) {
    for remark in remarks {
        let name = window.labels.metric_name();
        window.oracle.remark(format!("PromQL warning: {remark} {name:?}"), window.span);
    }
}

/// The difference of the last two samples, a second if `is_rate`.
pub(super) fn of_last_two(window: &Window<'_>, is_rate: bool) -> Option<Value> {
    let [.., old, new] = window.points else { return None };
    let interval_s = (new.timestamp_ms - old.timestamp_ms) as f64 / 1000.0;
    let change = match (&old.value, &new.value) {
        (Value::Float(old), Value::Float(new)) if is_rate && new < old => Value::Float(*new),
        (Value::Float(old), Value::Float(new)) => Value::Float(new - old),
        (Value::Histogram(old), Value::Histogram(new)) => {
            let is_gauge = |histogram: &FloatHistogram| histogram.reset_hint == ResetHint::Gauge;
            if is_rate && (is_gauge(old) || is_gauge(new)) {
                remark_on(window, &[NOT_A_COUNTER]);
            }
            if !is_rate && (!is_gauge(old) || !is_gauge(new)) {
                remark_on(window, &[NOT_A_GAUGE]);
            }
            let mut change = FloatHistogram::clone(new);
            if !is_rate || !new.detect_reset(old) {
                let Ok(added) = change.sub(old) else {
                    window.oracle.mixed_schemas(window.labels, window.span);
                    return None;
                };
                if added.bounds_differed {
                    window.oracle.mismatched("subtraction", window.span);
                }
            }
            change.reset_hint = ResetHint::Gauge;
            change.compact();
            Value::of(change)
        }
        _ => {
            window.warn_of_mix();
            return None;
        }
    };
    Some(match is_rate {
        true => scaled(change, |value| value / interval_s, |histogram| histogram.div(interval_s)),
        false => change,
    })
}

const NOT_A_COUNTER: &str = "this native histogram metric is not a counter:";
const NOT_A_GAUGE: &str = "this native histogram metric is not a gauge:";
