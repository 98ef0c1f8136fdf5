//! What start timestamps tell of counters: resets that no value shows, and where a series begins.

use narthex_storage::{QueryContext, StorageError};

use super::rate::{Change, seconds};
use crate::block::Column;
use crate::window::{Samples, Window, Windows};

/// The samples of a series, each with its start.
#[derive(Clone, Copy, Debug)]
pub(super) struct Started<'a> {
    timestamps_ms: &'a [i64],
    values: &'a [f64],
    pub(super) starts_ms: &'a [i64],
}

impl<'a> Started<'a> {
    /// Returns the samples where the start of any is known.
    pub(super) fn new(samples: Samples<'a>) -> Option<Self> {
        let Samples { timestamps_ms, values, .. } = samples;
        samples.start_timestamps_ms.map(|starts_ms| Self { timestamps_ms, values, starts_ms })
    }

    /// Returns whether the counter began anew between sample `index`, which is not the first, and
    /// the one before it: it fell, or its start says so.
    pub(super) fn is_reset(self, index: usize) -> bool {
        self.values[index] < self.values[index - 1] || self.starts_anew(index)
    }

    /// Returns whether the start of sample `index` says that the counter began anew.
    pub(super) fn starts_anew(self, index: usize) -> bool {
        let (before_ms, now_ms) = (self.timestamps_ms[index - 1], self.timestamps_ms[index]);
        let (start_before_ms, start_ms) = (self.starts_ms[index - 1], self.starts_ms[index]);
        if start_ms == 0 || start_ms >= now_ms || start_ms < before_ms {
            return false;
        }
        // A start at the sample before is that of a delta, which counts anew each time, or one
        // that was made up for lack of a better one. The start of the sample before tells which.
        start_ms > before_ms || (start_before_ms != 0 && start_before_ms < before_ms)
    }

    /// Returns whether a sample starts before the one before it was taken, and not with it.
    fn overlaps(self, index: usize) -> bool {
        let (start_before_ms, start_ms) = (self.starts_ms[index - 1], self.starts_ms[index]);
        start_ms != 0 && start_ms < self.timestamps_ms[index - 1] && start_ms != start_before_ms
    }

    /// Returns the samples of a window that have one before them in it.
    fn pairs(self, window: Window<'_>) -> std::ops::Range<usize> {
        window.first + 1..window.first + window.values.len()
    }

    /// Returns the change of a counter between the last two samples in one second.
    pub(super) fn last_rate(self, window: Window<'_>) -> Option<f64> {
        let index = self.pairs(window).next_back()?;
        let (before, last) = (self.values[index - 1], self.values[index]);
        let change = if self.is_reset(index) { last } else { last - before };
        let passed_ms = self.timestamps_ms[index].wrapping_sub(self.timestamps_ms[index - 1]);
        Some(change / (passed_ms as f64 / 1000.0))
    }
}

/// Returns the number of windows in which a sample starts before the one before it was taken.
///
/// # Errors
///
/// Where the query was told to stop.
pub(crate) fn count_overlaps(
    ctx: &QueryContext,
    samples: Samples<'_>,
    windows: &Windows,
) -> Result<usize, StorageError> {
    let Some(started) = Started::new(samples) else { return Ok(0) };
    if !(1..samples.values.len()).any(|index| started.overlaps(index)) {
        return Ok(0);
    }
    let mut count = 0;
    windows.slide(ctx, samples, |window| {
        let overlaps = started.pairs(window).any(|index| started.overlaps(index));
        count += usize::from(overlaps);
    })?;
    Ok(count)
}

impl Change {
    /// Fills `out` with the extrapolated change of a counter over each window. A series that starts
    /// within the window is zero there, so that one sample is enough and nothing is extrapolated to
    /// the left.
    ///
    /// # Source
    ///
    /// `extrapolatedRate` in Prometheus `promql/functions.go`.
    pub(super) fn fill_started(
        self,
        ctx: &QueryContext,
        samples: Samples<'_>,
        started: Started<'_>,
        windows: &Windows,
        out: &mut Column,
    ) -> Result<(), StorageError> {
        let range_s = seconds(windows.range_ms);
        windows.slide(ctx, samples, |window| {
            let count = window.values.len();
            let (first, last) = (window.values[0], window.values[count - 1]);
            let mut change = last - first;
            for index in started.pairs(window).filter(|index| started.is_reset(*index)) {
                change += samples.values[index - 1];
            }
            let start_ms = started.starts_ms[window.first];
            let begins_inside =
                start_ms != 0 && start_ms > window.start_ms && start_ms < window.timestamps_ms[0];
            let mut factor = if begins_inside {
                change += first;
                extrapolation_to_end(window, start_ms)
            } else if count < 2 {
                return;
            } else {
                self.extrapolation(window, window.values[0], change)
            };
            if self.per_second {
                factor /= range_s;
            }
            out.set(window.step, change * factor);
        })
    }
}

/// Returns the number by which the change since `start_ms` is to be multiplied for the change up to
/// the end of the window.
pub(super) fn extrapolation_to_end(window: Window<'_>, start_ms: i64) -> f64 {
    let count = window.values.len();
    let (first_ms, last_ms) = (window.timestamps_ms[0], window.timestamps_ms[count - 1]);
    let spacing_s = match count {
        1 => 0.0,
        _ => last_ms.wrapping_sub(first_ms) as f64 / 1000.0 / (count - 1) as f64,
    };
    let sampled_s = last_ms.wrapping_sub(start_ms) as f64 / 1000.0;
    let mut to_end_s = window.end_ms.wrapping_sub(last_ms) as f64 / 1000.0;
    if to_end_s >= spacing_s * 1.1 {
        to_end_s = spacing_s / 2.0;
    }
    (sampled_s + to_end_s) / sampled_s
}
