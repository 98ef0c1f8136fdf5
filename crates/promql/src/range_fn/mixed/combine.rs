//! Functions for which floats and histograms do not go together: sums, means and changes.

use std::sync::Arc;

use narthex_model::histogram::{
    Added, FloatHistogram, HistogramError, HistogramMean, HistogramSum, ResetHint,
};
use narthex_promql_parser::ExtendedRange;

use super::{MixedWindow, Remarks};
use crate::annotations::{Annotation, HistogramOperation};
use crate::block::Column;
use crate::range_fn::RangeFn;
use crate::range_fn::extended_histograms::extended_change;
use crate::range_fn::histogram_change::{change, last_change};
use crate::range_fn::rate::Change;
use crate::range_fn::start_times::extrapolation_to_end;

/// Sets the result of a function for which floats and histograms do not go together.
pub(super) fn combine(
    function: RangeFn,
    window: MixedWindow<'_>,
    (range_s, reach): (f64, Option<ExtendedRange>),
    remarks: &mut Remarks<'_>,
    out: &mut Column,
) {
    // What is said of this window may be taken back.
    let mut said = Remarks::new(remarks.place);
    let step = window.window.step;
    let is_last_change = matches!(function, RangeFn::Irate | RangeFn::Idelta);
    if is_last_change && window.ends_with_floats() {
        return;
    }
    out.clear(step);
    let result =
        match function {
            RangeFn::Irate | RangeFn::Idelta => {
                last_change(window, function == RangeFn::Irate, &mut said)
            }
            _ if window.has_floats() => {
                said.named(Annotation::mixed_floats_histograms);
                None
            }
            RangeFn::Sum => fold(window, HistogramSum::new, HistogramSum::add, &mut said)
                .map(HistogramSum::total),
            RangeFn::Avg => fold(window, HistogramMean::new, HistogramMean::add, &mut said)
                .map(HistogramMean::mean),
            _ => {
                let counter = function != RangeFn::Delta;
                let per_second = function == RangeFn::Rate;
                let change = Change { counter, per_second };
                match reach {
                    None => extrapolated(window, change, range_s, &mut said),
                    Some(kind) => {
                        let smoothed = kind == ExtendedRange::Smoothed;
                        extended_change(window, change, smoothed, range_s, &mut said)
                    }
                }
            }
        };
    if let Some(result) = result {
        out.set_histogram(step, Arc::new(result));
    }
    remarks.absorb(said);
}

/// Folds the histograms of a window.
fn fold<T>(
    window: MixedWindow<'_>,
    begin: fn(FloatHistogram) -> T,
    add: fn(&mut T, &FloatHistogram) -> Result<Added, HistogramError>,
    remarks: &mut Remarks<'_>,
) -> Option<T> {
    let span = remarks.place.span;
    let mut histograms = window.histograms();
    let mut folded = begin(histograms.next()?.clone());
    let mut bounds_differed = false;
    for histogram in histograms {
        match add(&mut folded, histogram) {
            Ok(added) => bounds_differed |= added.bounds_differed,
            Err(_) => {
                remarks.incompatible();
                return None;
            }
        }
    }
    let any = |hint| window.histograms().any(|histogram| histogram.reset_hint == hint);
    if any(ResetHint::Reset) && any(ResetHint::NotReset) {
        remarks.add(Annotation::reset_collision(HistogramOperation::Aggregation, span));
    }
    if bounds_differed {
        remarks.add(Annotation::mismatched_bounds(HistogramOperation::Aggregation, span));
    }
    Some(folded)
}

/// Returns the change over a window of histograms, extrapolated to its ends.
fn extrapolated(
    window: MixedWindow<'_>,
    kind: Change,
    range_s: f64,
    remarks: &mut Remarks<'_>,
) -> Option<FloatHistogram> {
    let histograms: Vec<&FloatHistogram> = window.histograms().collect();
    let start_ms = window.start_inside().filter(|_| kind.counter);
    let change = match histograms.len() {
        1 => None,
        _ => {
            let starts_anew = |position| window.starts_anew(position);
            Some(change(&histograms, kind.counter, starts_anew, remarks)?)
        }
    };
    let (mut change, mut factor) = match (change, start_ms) {
        (Some(change), None) => {
            let first = histograms[0].count;
            let factor = kind.extrapolation(window.window, first, change.count);
            (change, factor)
        }
        (Some(mut change), Some(start_ms)) => {
            remarks.combine(&mut change, histograms[0], HistogramOperation::Addition)?;
            (change, extrapolation_to_end(window.window, start_ms))
        }
        (None, Some(start_ms)) => {
            (histograms[0].clone(), extrapolation_to_end(window.window, start_ms))
        }
        (None, None) => return None,
    };
    if kind.per_second {
        factor /= range_s;
    }
    change.mul(factor);
    Some(change)
}
