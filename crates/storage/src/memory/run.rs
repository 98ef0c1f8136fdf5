//! Runs of histograms that a chunk of the reference's TSDB holds together.
//!
//! # Source
//!
//! A chunk holds histograms of one kind without a reset among them, and gives all of them the same
//! buckets: `appendable` and `appendableGauge` in Prometheus `tsdb/chunkenc/histogram.go` decide when
//! it ends. That chunks are also bounded in size and time is not imitated.

use std::sync::Arc;

use narthex_model::histogram::{Buckets, FloatHistogram, ResetHint};

/// Returns whether a run that ends with `previous` goes on with `histogram`, which is of its kind.
pub(super) fn continues(previous: &FloatHistogram, histogram: &FloatHistogram) -> bool {
    let is_gauge = |histogram: &FloatHistogram| histogram.reset_hint == ResetHint::Gauge;
    if is_gauge(previous) != is_gauge(histogram) || histogram.reset_hint == ResetHint::Reset {
        return false;
    }
    if histogram.is_stale() || previous.is_stale() {
        return histogram.is_stale();
    }
    let unhinted = || FloatHistogram { reset_hint: ResetHint::Unknown, ..histogram.clone() };
    previous.schema == histogram.schema
        && previous.zero_threshold == histogram.zero_threshold
        && previous.custom_bounds == histogram.custom_bounds
        && (is_gauge(histogram) || !unhinted().detect_reset(previous))
}

/// Returns what is known about a reset before `histogram`: there was none within a run, and of the
/// first of a run nothing is said, not even where the run began for a reset. Gauges stay gauges.
pub(super) fn kept_hint(histogram: &FloatHistogram, continues: bool) -> ResetHint {
    match histogram.reset_hint {
        ResetHint::Gauge => ResetHint::Gauge,
        _ if continues => ResetHint::NotReset,
        _ => ResetHint::Unknown,
    }
}

/// Gives `histogram` the buckets of its run and the run those of `histogram`, empty where there are
/// none yet.
pub(super) fn share_buckets<'a>(
    run: impl DoubleEndedIterator<Item = &'a mut Arc<FloatHistogram>>,
    histogram: &mut FloatHistogram,
) {
    if histogram.is_stale() {
        return;
    }
    for earlier in run.rev().filter(|earlier| !earlier.is_stale()) {
        let fits = has_buckets_of(&earlier.positive, &histogram.positive)
            && has_buckets_of(&earlier.negative, &histogram.negative);
        extend(&mut histogram.positive, &earlier.positive);
        extend(&mut histogram.negative, &earlier.negative);
        if fits {
            // So do all before it.
            return;
        }
        let earlier = Arc::make_mut(earlier);
        extend(&mut earlier.positive, &histogram.positive);
        extend(&mut earlier.negative, &histogram.negative);
    }
}

fn has_buckets_of(buckets: &Buckets<f64>, others: &Buckets<f64>) -> bool {
    let mut indices = buckets.iter().map(|(index, _)| index);
    others.iter().all(|(other, _)| indices.any(|index| index == other))
}

/// Adds empty buckets where `others` has buckets.
fn extend(buckets: &mut Buckets<f64>, others: &Buckets<f64>) {
    if has_buckets_of(buckets, others) {
        return;
    }
    let mut own = buckets.iter().peekable();
    let mut others = others.iter().map(|(index, _)| index).peekable();
    let mut merged = Vec::new();
    while let Some(index) =
        [own.peek().map(|(index, _)| *index), others.peek().copied()].into_iter().flatten().min()
    {
        let count = own.next_if(|(at, _)| *at == index).map_or(0.0, |(_, count)| count);
        others.next_if_eq(&index);
        merged.push((index, count));
    }
    *buckets = merged.into_iter().collect();
}
