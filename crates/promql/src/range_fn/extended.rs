//! Windows of `anchored` and `smoothed` selectors, which see samples around them.

use narthex_promql_parser::ExtendedRange;
use narthex_storage::{QueryContext, StorageError};

use super::rate::{Change, seconds};
use crate::block::Column;
use crate::window::{Samples, Window, Windows};

/// A window and the samples that decide about it.
struct Extended<'a> {
    window: Window<'a>,
    /// The sample that gives the value at the start of the window.
    first: usize,
    /// The sample that gives the value at its end.
    last: usize,
    smoothed: bool,
}

impl<'a> Extended<'a> {
    /// Finds the samples, or `None` where there is none after the start of the window.
    ///
    /// # Source
    ///
    /// `extendedRate` and `extendFloats` in Prometheus `promql`.
    fn new(window: Window<'a>, smoothed: bool) -> Option<Self> {
        let times = window.timestamps_ms;
        let mut last = times.len() - 1;
        let first = times[..last].partition_point(|time| *time <= window.start_ms);
        let first = first.saturating_sub(1);
        if smoothed {
            last = times[..last].partition_point(|time| *time < window.end_ms);
        }
        (times[last] > window.start_ms).then_some(Self { window, first, last, smoothed })
    }

    /// Returns the value at the start of the window.
    fn left(&self, counter: bool) -> f64 {
        if self.smoothed && self.window.timestamps_ms[self.first] < self.window.start_ms {
            return self.interpolated(self.first, self.window.start_ms, counter);
        }
        self.window.values[self.first]
    }

    /// Returns the value at the end of the window.
    fn right(&self, counter: bool) -> f64 {
        let after = self.window.timestamps_ms[self.last] > self.window.end_ms;
        if self.smoothed && self.last > 0 && after {
            return self.interpolated(self.last - 1, self.window.end_ms, counter);
        }
        self.window.values[self.last]
    }

    fn interpolated(&self, before: usize, time_ms: i64, counter: bool) -> f64 {
        let Window { timestamps_ms, values, .. } = self.window;
        let [left, right] =
            [before, before + 1].map(|sample| (timestamps_ms[sample], values[sample]));
        interpolate(left, right, time_ms, counter)
    }

    /// Returns which samples lie within the window, both ends excluded.
    fn inside(&self) -> std::ops::Range<usize> {
        let times = self.window.timestamps_ms;
        let first = self.first + usize::from(times[self.first] <= self.window.start_ms);
        let end = self.last + usize::from(times[self.last] < self.window.end_ms);
        first..end.max(first)
    }
}

impl Change {
    /// Fills `out` with the change from the start to the end of each window, resets added where it
    /// is a counter's.
    pub(super) fn fill_extended(
        self,
        ctx: &QueryContext,
        samples: Samples<'_>,
        windows: &Windows,
        out: &mut Column,
    ) -> Result<(), StorageError> {
        let smoothed = windows.reach.kind == Some(ExtendedRange::Smoothed);
        let range_s = seconds(windows.range_ms);
        windows.slide(ctx, samples, |window| {
            let Some(extended) = Extended::new(window, smoothed) else { return };
            if smoothed && window.timestamps_ms[extended.first] > window.end_ms {
                return;
            }
            let (left, right) = (extended.left(self.counter), extended.right(self.counter));
            let mut change = right - left;
            if self.counter {
                change += lost_in_resets(left, &window.values[extended.inside()], right);
            }
            out.set(window.step, if self.per_second { change / range_s } else { change });
        })
    }
}

/// Returns what a counter had counted before each of its resets.
fn lost_in_resets(left: f64, values: &[f64], right: f64) -> f64 {
    let (mut lost, mut before) = (0.0, left);
    for &value in values.iter().chain([&right]) {
        if value < before {
            lost += before;
        }
        before = value;
    }
    lost
}

/// Returns the part of an anchored window that counts: from the last sample that is not after its
/// start on. `None` where no sample is after its start.
pub(super) fn anchored(window: Window<'_>) -> Option<Window<'_>> {
    let after = window.timestamps_ms.partition_point(|time| *time <= window.start_ms);
    if after == window.timestamps_ms.len() {
        return None;
    }
    let from = after.saturating_sub(1);
    Some(Window {
        first: window.first + from,
        timestamps_ms: &window.timestamps_ms[from..],
        values: &window.values[from..],
        ..window
    })
}

/// Returns the samples of an extended window as a range vector shows them: one at its start, those
/// inside, one at its end.
pub(crate) fn shown_samples(window: Window<'_>, kind: ExtendedRange) -> Vec<(i64, f64)> {
    let Some(extended) = Extended::new(window, kind == ExtendedRange::Smoothed) else {
        return Vec::new();
    };
    let inside =
        extended.inside().map(|sample| (window.timestamps_ms[sample], window.values[sample]));
    let left = (window.start_ms, extended.left(false));
    let right = (window.end_ms, extended.right(false));
    [left].into_iter().chain(inside).chain([right]).collect()
}

/// Fills `out` with the values that lines from sample to sample have at each step. After the last
/// sample its value stays.
pub(crate) fn fill_smoothed(
    ctx: &QueryContext,
    samples: Samples<'_>,
    lookups: &Windows,
    out: &mut Column,
) -> Result<(), StorageError> {
    lookups.slide(ctx, samples, |Window { step, end_ms: now_ms, timestamps_ms, values, .. }| {
        let next = timestamps_ms.partition_point(|time| *time < now_ms);
        let sample = |index: usize| Some((*timestamps_ms.get(index)?, *values.get(index)?));
        let before = next.checked_sub(1).and_then(sample);
        match (before, sample(next)) {
            (_, Some((time_ms, value))) if time_ms == now_ms => out.set(step, value),
            (Some(left), Some(right)) => out.set(step, interpolate(left, right, now_ms, false)),
            (Some((_, value)), None) => out.set(step, value),
            (None, _) => {}
        }
    })
}

/// Returns the value that the line through two samples has at a time. Where a counter fell, it
/// counts from zero.
fn interpolate(left: (i64, f64), right: (i64, f64), time_ms: i64, counter: bool) -> f64 {
    let from = if counter && right.1 < left.1 { 0.0 } else { left.1 };
    let passed_ms = time_ms.wrapping_sub(left.0) as f64;
    from + (right.1 - from) * passed_ms / right.0.wrapping_sub(left.0) as f64
}
