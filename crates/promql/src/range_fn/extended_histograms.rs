//! Windows of `anchored` and `smoothed` selectors over native histograms.
//!
//! # Source
//!
//! `extendedHistogramRate` in Prometheus `promql/functions.go`, `smoothSeries` in
//! `promql/engine.go`.

use std::sync::Arc;

use narthex_model::histogram::{FloatHistogram, ResetHint};

use super::mixed::{MixedWindow, Remarks};
use super::rate::Change;
use crate::annotations::{Annotation, HistogramOperation};

/// A histogram and its time.
type Point<'a> = (i64, &'a FloatHistogram);

/// Returns the change of histograms from the start to the end of a window, all of whose samples are
/// histograms.
pub(super) fn extended_change(
    window: MixedWindow<'_>,
    kind: Change,
    smoothed: bool,
    range_s: f64,
    remarks: &mut Remarks<'_>,
) -> Option<FloatHistogram> {
    let (start_ms, end_ms) = (window.window.start_ms, window.window.end_ms);
    let times = window.window.timestamps_ms.iter().copied();
    let points: Vec<Point<'_>> = times.zip(window.histograms()).collect();
    let mut last = points.len() - 1;
    let first = points[..last].partition_point(|(time_ms, _)| *time_ms <= start_ms);
    let first = first.saturating_sub(1);
    if smoothed {
        last = points[..last].partition_point(|(time_ms, _)| *time_ms < end_ms);
    }
    if points[last].0 <= start_ms || (smoothed && points[first].0 > end_ms) {
        return None;
    }
    check(&points[first..=last], kind.counter, remarks)?;
    let is_before = smoothed && points[first].0 < start_ms;
    let left = if is_before {
        interpolate(points[first], points[first + 1], start_ms, kind.counter, remarks)?
    } else {
        points[first].1.clone()
    };
    let right = if smoothed && last > 0 && points[last].0 > end_ms {
        interpolate(points[last - 1], points[last], end_ms, kind.counter, remarks)?
    } else {
        points[last].1.clone()
    };
    let is_gauge = |histogram: &FloatHistogram| histogram.reset_hint == ResetHint::Gauge;
    let are_gauges = is_gauge(&left) && is_gauge(&right);
    if !kind.counter && !are_gauges {
        remarks.named(Annotation::histogram_not_gauge);
    }
    let mut change = right.clone();
    remarks.combine(&mut change, &left, HistogramOperation::Subtraction)?;
    if kind.counter {
        // The reset that the left end was interpolated over is accounted for already.
        let passed = is_before && points[first + 1].1.detect_reset(points[first].1);
        let (before, from) =
            if passed { (points[first + 1].1, first + 2) } else { (&left, first + 1) };
        if from <= last {
            let between = points[from..last].iter().map(|(_, histogram)| *histogram);
            if let Some(lost) = lost_in_resets(before, between, &right, remarks)? {
                remarks.combine(&mut change, &lost, HistogramOperation::Addition)?;
            }
        }
    }
    if kind.per_second {
        change.div(range_s);
    }
    change.reset_hint = ResetHint::Gauge;
    change.compact();
    Some(change)
}

/// Remarks on gauges where counters are wanted. `None` where buckets do not go together.
fn check(points: &[Point<'_>], counter: bool, remarks: &mut Remarks<'_>) -> Option<()> {
    for (_, histogram) in points {
        if histogram.has_custom_buckets() != points[0].1.has_custom_buckets() {
            remarks.named(Annotation::mixed_exponential_custom);
            return None;
        }
        if counter && histogram.reset_hint == ResetHint::Gauge {
            remarks.named(Annotation::histogram_not_counter);
        }
    }
    Some(())
}

/// Returns what a counter had counted before each of its resets; the inner `None` is nothing.
fn lost_in_resets<'a>(
    mut before: &'a FloatHistogram,
    between: impl Iterator<Item = &'a FloatHistogram>,
    right: &'a FloatHistogram,
    remarks: &mut Remarks<'_>,
) -> Option<Option<FloatHistogram>> {
    let mut lost: Option<FloatHistogram> = None;
    for histogram in between.chain([right]) {
        if histogram.detect_reset(before) {
            match &mut lost {
                None => lost = Some(before.clone()),
                Some(lost) => remarks.combine(lost, before, HistogramOperation::Addition)?,
            }
        }
        before = histogram;
    }
    Some(lost)
}

/// Returns the histogram on the line through two others. A counter that was reset counts from zero.
fn interpolate(
    (left_ms, left): Point<'_>,
    (right_ms, right): Point<'_>,
    time_ms: i64,
    counter: bool,
    remarks: &mut Remarks<'_>,
) -> Option<FloatHistogram> {
    if time_ms == left_ms {
        return Some(left.clone());
    }
    let mut result = right.clone();
    if time_ms == right_ms {
        return Some(result);
    }
    let fraction = time_ms.wrapping_sub(left_ms) as f64 / right_ms.wrapping_sub(left_ms) as f64;
    if counter && right.detect_reset(left) {
        result.mul(fraction);
        return Some(result);
    }
    remarks.combine(&mut result, left, HistogramOperation::Subtraction)?;
    result.mul(fraction);
    remarks.combine(&mut result, left, HistogramOperation::Addition)?;
    Some(result)
}

/// Returns the histogram that a smoothed instant selector shows at a time: on the line between two
/// histograms, or the last one where none follows.
pub(super) fn smoothed_at(
    points: &[Point<'_>],
    time_ms: i64,
    remarks: &mut Remarks<'_>,
) -> Option<Arc<FloatHistogram>> {
    let next = points.partition_point(|(at_ms, _)| *at_ms < time_ms);
    let before = next.checked_sub(1).map(|index| points[index]);
    let result = match (before, points.get(next)) {
        (_, Some((at_ms, histogram))) if *at_ms == time_ms => FloatHistogram::clone(histogram),
        (Some(left), Some(&right)) => {
            check(&[left, right], false, remarks)?;
            let gauge = |(_, it): Point<'_>| it.reset_hint == ResetHint::Gauge;
            let counter = !(gauge(left) && gauge(right));
            interpolate(left, right, time_ms, counter, remarks)?
        }
        (Some((_, histogram)), None) => {
            FloatHistogram { reset_hint: ResetHint::Unknown, ..histogram.clone() }
        }
        (None, _) => return None,
    };
    Some(Arc::new(result))
}
