//! The change of a native histogram over a window.

use narthex_model::histogram::{FloatHistogram, ResetHint};

use super::mixed::{MixedWindow, Remarks};
use crate::annotations::{Annotation, HistogramOperation};

/// Returns the change between the first and the last of at least two histograms, or `None` where
/// they do not go together. For a counter, what was there before each reset is added; `starts_anew`
/// knows of resets by the position of the histogram after them.
///
/// # Source
///
/// `histogramRate` in Prometheus `promql/functions.go`.
pub(super) fn change(
    histograms: &[&FloatHistogram],
    counter: bool,
    starts_anew: impl Fn(usize) -> bool,
    remarks: &mut Remarks<'_>,
) -> Option<FloatHistogram> {
    let (&[first, second, ..], &[.., last]) = (histograms, histograms) else { return None };
    let is_gauge = |histogram: &FloatHistogram| histogram.reset_hint == ResetHint::Gauge;
    if counter && (is_gauge(first) || is_gauge(last)) {
        remarks.named(Annotation::histogram_not_counter);
    }
    // Nothing of the first matters where a reset follows, not even its layout.
    let nothing =
        (counter && (starts_anew(1) || second.detect_reset(first))).then(|| FloatHistogram {
            schema: second.schema,
            custom_bounds: second.custom_bounds.clone(),
            ..FloatHistogram::default()
        });
    let first = nothing.as_ref().unwrap_or(first);
    if last.has_custom_buckets() != first.has_custom_buckets() {
        remarks.named(Annotation::mixed_exponential_custom);
        return None;
    }
    let between = &histograms[1..histograms.len() - 1];
    let mut schema = last.schema.min(first.schema);
    for histogram in between.iter().filter(|_| counter) {
        if is_gauge(histogram) {
            remarks.named(Annotation::histogram_not_counter);
        }
        schema = schema.min(histogram.schema);
        if histogram.has_custom_buckets() != first.has_custom_buckets() {
            remarks.incompatible();
            return None;
        }
    }
    let mut change = last.clone();
    change.reduce_resolution(schema);
    let Ok(added) = change.sub(first) else {
        remarks.incompatible();
        return None;
    };
    let span = remarks.place.span;
    if added.bounds_differed {
        remarks.add(Annotation::mismatched_bounds(HistogramOperation::Subtraction, span));
    }
    if counter {
        let mut before = first;
        for (position, histogram) in histograms.iter().enumerate().skip(1) {
            if starts_anew(position) || histogram.detect_reset(before) {
                let Ok(added) = change.add(before) else {
                    remarks.incompatible();
                    return None;
                };
                if added.bounds_differed {
                    remarks.add(Annotation::mismatched_bounds(HistogramOperation::Addition, span));
                }
            }
            before = histogram;
        }
    } else if !is_gauge(histograms[0]) || !is_gauge(last) {
        remarks.named(Annotation::histogram_not_gauge);
    }
    change.reset_hint = ResetHint::Gauge;
    change.compact();
    Some(change)
}

/// Returns the change between the last two samples of a window, at least one of which is a
/// histogram; in one second where `rate`, when a reset counts as one to zero.
///
/// # Source
///
/// `instantValue` in Prometheus `promql/functions.go`.
pub(super) fn last_change(
    window: MixedWindow<'_>,
    rate: bool,
    remarks: &mut Remarks<'_>,
) -> Option<FloatHistogram> {
    let times_ms = window.window.timestamps_ms;
    let &[.., before_ms, last_ms] = times_ms else { return None };
    let position = times_ms.len() - 1;
    let (Some(before), Some(last)) = (window.histogram(position - 1), window.histogram(position))
    else {
        remarks.named(Annotation::mixed_floats_histograms);
        return None;
    };
    let gauges = [before, last].map(|histogram| histogram.reset_hint == ResetHint::Gauge);
    if rate && gauges.contains(&true) {
        remarks.named(Annotation::histogram_not_counter);
    }
    if !rate && gauges.contains(&false) {
        remarks.named(Annotation::histogram_not_gauge);
    }
    let mut change = FloatHistogram::clone(last);
    if !rate || !(window.starts_anew(position) || last.detect_reset(before)) {
        match change.sub(before) {
            Ok(added) if added.bounds_differed => remarks.add(Annotation::mismatched_bounds(
                HistogramOperation::Subtraction,
                remarks.place.span,
            )),
            Ok(_) => {}
            Err(_) => {
                remarks.named(Annotation::mixed_exponential_custom);
                return None;
            }
        }
    }
    change.reset_hint = ResetHint::Gauge;
    change.compact();
    if rate {
        change.div(last_ms.wrapping_sub(before_ms) as f64 / 1000.0);
    }
    Some(change)
}
