use std::sync::Arc;

use narthex_chunk::Columns;
use narthex_model::histogram::{FloatHistogram, ResetHint};

/// Adds the samples of `more` to those of `out`, which stay where both have one of the same time.
/// `scratch` is memory to use.
///
/// # Source
///
/// `chainSampleIterator` in Prometheus `storage/merge.go`: also that nothing is known of a reset
/// between histograms of different sources.
pub(super) fn merge_into(out: &mut Columns, more: &Columns, scratch: &mut Columns) {
    let ends = |columns: &Columns| {
        let times = columns.timestamps_ms();
        Some((*times.first()?, *times.last()?))
    };
    let (Some(theirs), mine) = (ends(more), ends(out)) else { return };
    let Some(mine) = mine else {
        append(out, more, theirs);
        return;
    };
    // Blocks follow each other in time, and the head follows them: the common case.
    if mine.1 < theirs.0 {
        append(out, more, theirs);
        return;
    }
    scratch.clear();
    if theirs.1 < mine.0 {
        append(scratch, more, theirs);
        append(scratch, out, mine);
    } else {
        interleave(out, more, scratch);
    }
    std::mem::swap(out, scratch);
}

/// Fills `merged` with the samples of both, run by run.
fn interleave(left: &Columns, right: &Columns, merged: &mut Columns) {
    let (mut left_times, mut right_times) = (left.timestamps_ms(), right.timestamps_ms());
    loop {
        let Some(&bound) = right_times.first() else {
            append_run(merged, left, left_times);
            return;
        };
        // The left side goes first where times are equal.
        let (run, rest) = left_times.split_at(left_times.partition_point(|time| *time <= bound));
        append_run(merged, left, run);
        left_times = rest;
        if run.last() == Some(&bound) {
            right_times = &right_times[1..];
        }
        let Some(&bound) = left_times.first() else {
            append_run(merged, right, right_times);
            return;
        };
        let (run, rest) = right_times.split_at(right_times.partition_point(|time| *time < bound));
        append_run(merged, right, run);
        right_times = rest;
    }
}

fn append_run(out: &mut Columns, from: &Columns, times: &[i64]) {
    if let (Some(first), Some(last)) = (times.first(), times.last()) {
        append(out, from, (*first, *last));
    }
}

/// Appends the samples of `from` in the range, both ends included, of which the first is one. Of that
/// nothing is known of a reset.
pub(crate) fn append(out: &mut Columns, from: &Columns, (first_ms, last_ms): (i64, i64)) {
    let first = from.timestamps_ms().partition_point(|time| *time < first_ms);
    let Some(histogram) = from.histogram(first).filter(|histogram| is_hinted(histogram)) else {
        out.extend_from_columns(from, first_ms..=last_ms);
        return;
    };
    let unhinted = FloatHistogram { reset_hint: ResetHint::Unknown, ..(**histogram).clone() };
    out.push_histogram(first_ms, Arc::new(unhinted));
    if let Some(starts) = from.start_timestamps_ms() {
        out.set_last_start_timestamp_ms(starts[first]);
    }
    if first_ms < last_ms {
        out.extend_from_columns(from, first_ms + 1..=last_ms);
    }
}

fn is_hinted(histogram: &FloatHistogram) -> bool {
    matches!(histogram.reset_hint, ResetHint::Reset | ResetHint::NotReset)
}
