//! `rate`, `increase`, `delta`: the change over a window, extrapolated to its ends.

use narthex_storage::{QueryContext, StorageError};

use crate::block::Column;
use crate::window::{Samples, Window, Windows};

/// Which of the three it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Change {
    /// Falls are resets, and there is no value below zero.
    pub(crate) counter: bool,
    /// The result is a change in one second.
    pub(crate) per_second: bool,
}

impl Change {
    /// Fills `out` with the extrapolated change over each window of at least two samples.
    ///
    /// The resets of the series are found once, so that a step costs the same however long its
    /// window is. Each window adds the values before its resets in their order, as the reference
    /// does, for the sake of the last bit.
    ///
    /// # Source
    ///
    /// `extrapolatedRate` in Prometheus `promql/functions.go`.
    pub(super) fn fill(
        self,
        ctx: &QueryContext,
        samples: Samples<'_>,
        windows: &Windows,
        out: &mut Column,
    ) -> Result<(), StorageError> {
        let resets = if self.counter { find_resets(samples.values) } else { Vec::new() };
        let mut next_reset = 0;
        let range_s = seconds(windows.range_ms);
        windows.slide(ctx, samples, |window| {
            let count = window.values.len();
            if count < 2 {
                return;
            }
            let mut change = window.values[count - 1] - window.values[0];
            while next_reset < resets.len() && resets[next_reset] <= window.first {
                next_reset += 1;
            }
            for &reset in &resets[next_reset..] {
                if reset >= window.first + count {
                    break;
                }
                change += samples.values[reset - 1];
            }
            let mut factor = self.extrapolation(window, window.values[0], change);
            if self.per_second {
                factor /= range_s;
            }
            out.set(window.step, change * factor);
        })
    }

    /// Returns the number by which the change between the first and the last sample is to be
    /// multiplied for the change over the whole window. `first` is the value of the first sample,
    /// or its count where it is a histogram.
    ///
    /// An end of the window that is at most 1.1 sample distances away counts as covered; beyond,
    /// the series is taken to begin or end half a distance outside its samples. A counter does not
    /// begin before its zero.
    #[inline]
    pub(super) fn extrapolation(self, window: Window<'_>, first: f64, change: f64) -> f64 {
        let count = window.values.len();
        let (first_ms, last_ms) = (window.timestamps_ms[0], window.timestamps_ms[count - 1]);
        let sampled_s = last_ms.wrapping_sub(first_ms) as f64 / 1000.0;
        let spacing_s = sampled_s / (count - 1) as f64;
        let threshold_s = spacing_s * 1.1;
        let mut to_start_s = first_ms.wrapping_sub(window.start_ms) as f64 / 1000.0;
        let mut to_end_s = window.end_ms.wrapping_sub(last_ms) as f64 / 1000.0;
        if to_start_s >= threshold_s {
            to_start_s = spacing_s / 2.0;
        }
        if self.counter && change > 0.0 && first >= 0.0 {
            let to_zero_s = sampled_s * (first / change);
            if to_zero_s < to_start_s {
                to_start_s = to_zero_s;
            }
        }
        if to_end_s >= threshold_s {
            to_end_s = spacing_s / 2.0;
        }
        (sampled_s + to_start_s + to_end_s) / sampled_s
    }
}

/// Returns the indices of the values that are below the one before.
fn find_resets(values: &[f64]) -> Vec<usize> {
    let fell = |(index, pair): (usize, &[f64])| (pair[1] < pair[0]).then_some(index + 1);
    values.windows(2).enumerate().filter_map(fell).collect()
}

/// Returns a number of milliseconds in seconds, rounded as Go's `Duration.Seconds` rounds it.
pub(super) fn seconds(duration_ms: i64) -> f64 {
    (duration_ms / 1000) as f64 + (duration_ms % 1000 * 1_000_000) as f64 / 1e9
}
