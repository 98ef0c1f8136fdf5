use narthex_model::histogram::{FloatHistogram, ResetHint};

/// Returns what the store knows about a reset between `previous`, the histogram of the same kind that
/// directly precedes, and `histogram`.
///
/// # Source
///
/// A chunk of the reference's TSDB holds histograms of one kind and one layout without a reset among
/// them, so whatever is not first in its chunk had none; of the first, nothing is said, not even
/// where the chunk was begun for a reset. Gauges stay gauges. `appendable` in Prometheus
/// `tsdb/chunkenc/histogram.go` decides when a chunk ends. That chunks are also bounded in size and
/// time is not imitated.
pub(super) fn kept_hint(
    previous: Option<&FloatHistogram>,
    histogram: &FloatHistogram,
) -> ResetHint {
    if histogram.reset_hint == ResetHint::Gauge {
        return ResetHint::Gauge;
    }
    if previous.is_some_and(|previous| continues(previous, histogram)) {
        ResetHint::NotReset
    } else {
        ResetHint::Unknown
    }
}

/// Returns whether a counter went on from `previous` to `histogram`, in the same layout.
fn continues(previous: &FloatHistogram, histogram: &FloatHistogram) -> bool {
    if previous.reset_hint == ResetHint::Gauge || histogram.reset_hint == ResetHint::Reset {
        return false;
    }
    if histogram.is_stale() || previous.is_stale() {
        return histogram.is_stale();
    }
    let unhinted = FloatHistogram { reset_hint: ResetHint::Unknown, ..histogram.clone() };
    previous.schema == histogram.schema
        && previous.zero_threshold == histogram.zero_threshold
        && previous.custom_bounds == histogram.custom_bounds
        && !unhinted.detect_reset(previous)
}
