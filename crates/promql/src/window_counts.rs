//! How many samples the windows over one series hold; see [`SampleStats`](crate::SampleStats).

use narthex_model::histogram::FloatHistogram;

use crate::window::{Edge, Samples, Windows};

/// What the windows over one series hold, in samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct WindowCounts {
    /// The sum over all windows.
    pub(crate) total: u64,
    /// The samples that no window before held.
    pub(crate) fresh: u64,
    /// The fullest window holds this many at least.
    pub(crate) max: u64,
    /// How many more it may hold.
    pub(crate) slack: u64,
    /// The window of the last step.
    pub(crate) last: u64,
}

impl WindowCounts {
    /// Counts the samples in all windows without a look at each, where that is possible: a sample
    /// lies in one window for each step that fits into a window, unless it is one of the first or of
    /// the last.
    pub(crate) fn of(windows: &Windows, samples: Samples<'_>) -> Self {
        Self::of_even(windows, samples)
            .unwrap_or_else(|| Self::by_step(windows, samples, |_, _, _| {}))
    }

    fn of_even(windows: &Windows, samples: Samples<'_>) -> Option<Self> {
        let (grid, steps) = (windows.grid, windows.grid.steps());
        let seen_ms = windows.seen_ms();
        let even = grid.step_ms() > 0 && seen_ms % grid.step_ms() == 0;
        if !even || windows.pinned_ms.is_some() || !samples.histograms.is_empty() || steps == 0 {
            return None;
        }
        let per_sample = usize::try_from(seen_ms / grid.step_ms()).ok()?;
        let times_ms = samples.timestamps_ms;
        let first_ms = windows.seen_until_ms(0);
        let last_ms = windows.seen_until_ms(steps - 1);
        let before_ms = first_ms.checked_sub(seen_ms)?;
        // At the ends of time the windows are not evenly spaced.
        let is_even = last_ms.checked_sub(first_ms) == Some(grid.last_ms() - grid.start_ms());
        if steps <= per_sample || !is_even {
            return None;
        }
        let until = |time_ms: i64| times_ms.partition_point(|time| *time <= time_ms);
        let (start, end) = (until(before_ms), until(last_ms));
        // From here to there each sample lies in as many windows.
        let even_from = until(first_ms - grid.step_ms());
        let even_to = until(last_ms - seen_ms + grid.step_ms());
        let early =
            steps_between(times_ms[start..even_from].iter().rev(), first_ms, grid.step_ms());
        let late = times_ms[even_to..end].iter().rev();
        // The window of the last step holds all of them.
        let late = steps_between(late, last_ms, grid.step_ms()) + (end - even_to) as u64;
        let total = ((even_to - start) * per_sample) as u64 - early + late;
        let fresh = (end - start) as u64;
        let max = total.div_ceil(steps as u64);
        let last = (end - until(last_ms - seen_ms)) as u64;
        Some(Self { total, fresh, max: max.max(last), slack: fresh - max.max(last), last })
    }

    /// Counts the samples in each window, and calls `visit` for each step with those in its window
    /// and those of them that the window before did not hold. A pinned window is read once, at the
    /// first step.
    pub(crate) fn by_step(
        windows: &Windows,
        samples: Samples<'_>,
        visit: impl FnMut(usize, u64, u64),
    ) -> Self {
        if samples.histograms.is_empty() {
            return Self::weighed(windows, samples, |first, end| (end - first) as u64, visit);
        }
        let mut before = vec![0; samples.values.len() + 1];
        for (index, histogram) in samples.histograms {
            before[index + 1] = samples_of_histogram(histogram) - 1;
        }
        let mut sum = 0;
        for more in &mut before {
            sum += *more;
            *more = sum;
        }
        let weight = |first, end| (end - first) as u64 + before[end] - before[first];
        Self::weighed(windows, samples, weight, visit)
    }

    /// `weight` returns how many samples those from the one index to the other are.
    #[inline]
    fn weighed(
        windows: &Windows,
        samples: Samples<'_>,
        weight: impl Fn(usize, usize) -> u64,
        mut visit: impl FnMut(usize, u64, u64),
    ) -> Self {
        let seen_ms = windows.seen_ms();
        let (mut first, mut end) = (Edge::default(), Edge::default());
        let mut counts = Self::default();
        for step in 0..windows.grid.steps() {
            let until_ms = windows.seen_until_ms(step);
            let end_before = end.index;
            end.move_to(samples.timestamps_ms, until_ms);
            first.move_to(samples.timestamps_ms, until_ms.saturating_sub(seen_ms));
            let in_window = weight(first.index, end.index);
            let known = if step == 0 { first.index } else { end_before.max(first.index) };
            let fresh = weight(known, end.index);
            counts.total += in_window;
            counts.fresh += fresh;
            counts.max = counts.max.max(in_window);
            counts.last = in_window;
            visit(step, in_window, fresh);
        }
        counts
    }
}

/// Returns how many whole steps lie between each of some times and `end_ms`, in total. The times
/// fall, and none is after `end_ms`.
fn steps_between<'t>(times_ms: impl Iterator<Item = &'t i64>, end_ms: i64, step_ms: i64) -> u64 {
    // PERF: by counting on, since to divide takes as long as to decode a sample.
    let (mut steps, mut total) = (0, 0);
    let mut next_ms = end_ms.saturating_sub(step_ms);
    for time_ms in times_ms {
        while *time_ms <= next_ms {
            steps += 1;
            next_ms = next_ms.saturating_sub(step_ms);
        }
        total += steps;
    }
    total
}

/// Returns as how many samples a native histogram counts.
///
/// # Source
///
/// `HPoint.size` in Prometheus `promql/value.go`: 16 bytes are a sample, the time's 8 included.
pub(crate) fn samples_of_histogram(histogram: &FloatHistogram) -> u64 {
    (histogram.size_bytes() as u64 + 8) / 16
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::WindowCounts;
    use crate::Grid;
    use crate::window::{Reach, Samples, Windows};

    proptest! {
        #[test]
        fn counting_at_once_counts_every_window(
            gaps in prop::collection::vec(1..40_i64, 0..60),
            first_ms in -500..500_i64,
            start_ms in -500..800_i64,
            steps in 1..40_i64,
            step_ms in 1..60_i64,
            steps_in_window in 1..20_i64,
            offset_ms in -50..50_i64,
            after_ms in 0..3_i64,
        ) {
            let timestamps_ms: Vec<i64> = gaps
                .iter()
                .scan(first_ms, |time, gap| { *time += gap; Some(*time) })
                .collect();
            let values = vec![0.0; timestamps_ms.len()];
            let samples = Samples {
                timestamps_ms: &timestamps_ms,
                values: &values,
                histograms: &[],
                start_timestamps_ms: None,
            };
            let after_ms = after_ms * step_ms;
            let windows = Windows {
                grid: Grid::range(start_ms, start_ms + (steps - 1) * step_ms, step_ms).unwrap(),
                range_ms: steps_in_window * step_ms,
                offset_ms,
                pinned_ms: None,
                reach: Reach { kind: None, before_ms: 0, after_ms },
            };
            let exact = WindowCounts::by_step(&windows, samples, |_, _, _| {});
            let counts = WindowCounts::of(&windows, samples);
            prop_assert_eq!(
                (counts.total, counts.fresh, counts.last),
                (exact.total, exact.fresh, exact.last)
            );
            prop_assert!(counts.max <= exact.max && exact.max <= counts.max + counts.slack);
        }
    }
}
