//! `rate`, `increase`, `delta`: the change over a window, extrapolated to its ends.

use narthex_storage::{QueryContext, StorageError};

use super::lanes::fold;
use crate::block::Column;
use crate::window::{BATCH_LEN_MAX, Batch, Samples, Spans, Window, Windows};

/// Which of the three it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Change {
    /// Falls are resets, and there is no value below zero.
    pub(crate) counter: bool,
    /// The result is a change in one second.
    pub(crate) per_second: bool,
}

/// The ends of the windows of a batch, for each one number.
struct Ends {
    sampled_ms: Numbers,
    to_start_ms: Numbers,
    to_end_ms: Numbers,
    /// The number of samples less one.
    gaps: Numbers,
    first: Numbers,
    change: Numbers,
}

type Numbers = [f64; BATCH_LEN_MAX];

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
        let mut resets = Resets::new(if self.counter { samples.values } else { &[] });
        let unit_s = if self.per_second { seconds(windows.range_ms) } else { 1.0 };
        let mut ends = Ends::new();
        let mut results = [0.0; BATCH_LEN_MAX];
        windows.batches(ctx, samples, |batch| {
            ends.read(batch, windows.range_ms);
            resets.add_to(&mut ends.change, &batch.spans);
            self.extrapolate(&ends, batch.len(), unit_s, &mut results);
            out.store(batch.step, &results[..batch.len()], batch.spans.holding(2));
        })
    }

    /// Returns the number by which the change between the first and the last sample is to be
    /// multiplied for the change over the whole window. `first` is the value of the first sample,
    /// or its count where it is a histogram.
    pub(super) fn extrapolation(self, window: Window<'_>, first: f64, change: f64) -> f64 {
        let count = window.values.len();
        let (first_ms, last_ms) = (window.timestamps_ms[0], window.timestamps_ms[count - 1]);
        self.factor(
            last_ms.wrapping_sub(first_ms) as f64,
            first_ms.wrapping_sub(window.start_ms) as f64,
            window.end_ms.wrapping_sub(last_ms) as f64,
            (count - 1) as f64,
            (first, change),
        )
    }

    /// Returns what [`Change::extrapolation`] returns, from the time that the samples cover, those
    /// that they leave at both ends, and the number of their distances.
    ///
    /// An end of the window that is at most 1.1 sample distances away counts as covered; beyond,
    /// the series is taken to begin or end half a distance outside its samples. A counter does not
    /// begin before its zero.
    // PERF: choices of numbers and no branches, so that several windows are done at once.
    // `cargo bench --bench promql_eval kernel/counters/rate`
    #[inline(always)]
    fn factor(
        self,
        sampled_ms: f64,
        to_start_ms: f64,
        to_end_ms: f64,
        gaps: f64,
        (first, change): (f64, f64),
    ) -> f64 {
        let (sampled_s, to_start_s, to_end_s) = covered_s(sampled_ms, to_start_ms, to_end_ms, gaps);
        let to_zero_s = sampled_s * (first / change);
        let from_zero = self.counter & (change > 0.0) & (first >= 0.0) & (to_zero_s < to_start_s);
        let to_start_s = if from_zero { to_zero_s } else { to_start_s };
        (sampled_s + to_start_s + to_end_s) / sampled_s
    }

    /// Sets the results from the ends of the first `len` windows.
    fn extrapolate(self, ends: &Ends, len: usize, unit_s: f64, results: &mut Numbers) {
        // PERF: of samples at even distances all windows have one factor, and a division takes
        // longer than all else.
        if let Some(factor) = self.common_factor(ends, len) {
            for (result, change) in results.iter_mut().zip(&ends.change) {
                *result = change * (factor / unit_s);
            }
            return;
        }
        for (position, result) in results.iter_mut().enumerate() {
            let change = ends.change[position];
            let factor = self.factor(
                ends.sampled_ms[position],
                ends.to_start_ms[position],
                ends.to_end_ms[position],
                ends.gaps[position],
                (ends.first[position], change),
            );
            *result = change * (factor / unit_s);
        }
    }

    /// Returns the factor of the first `len` windows, where it is one and they all start after their
    /// counter's zero.
    fn common_factor(self, ends: &Ends, len: usize) -> Option<f64> {
        let Ends { sampled_ms, to_start_ms, to_end_ms, gaps, first, change } = ends;
        let is_one = |numbers: &Numbers| {
            numbers[..len].iter().fold(true, |is_one, number| is_one & (*number == numbers[0]))
        };
        if ![sampled_ms, to_start_ms, to_end_ms, gaps].into_iter().all(is_one) {
            return None;
        }
        let (sampled_s, to_start_s, to_end_s) =
            covered_s(sampled_ms[0], to_start_ms[0], to_end_ms[0], gaps[0]);
        // By a factor of two, so that rounding plays no part.
        let is_far = |first: f64, change: f64| {
            let may_rise = (change > 0.0) & (first >= 0.0);
            !may_rise | (sampled_s * first > 2.0 * to_start_s * change)
        };
        let ends = first[..len].iter().zip(change);
        let all_far = ends.fold(true, |all, (first, change)| all & is_far(*first, *change));
        (!self.counter || all_far).then_some((sampled_s + to_start_s + to_end_s) / sampled_s)
    }
}

/// Returns how many seconds the samples cover, and how many before and behind them count as covered
/// up to the ends of the window.
#[inline(always)]
fn covered_s(sampled_ms: f64, to_start_ms: f64, to_end_ms: f64, gaps: f64) -> (f64, f64, f64) {
    let sampled_s = sampled_ms / 1000.0;
    let spacing_s = sampled_s / gaps;
    let threshold_s = spacing_s * 1.1;
    let covered_s =
        |to_end_s: f64| if to_end_s >= threshold_s { spacing_s / 2.0 } else { to_end_s };
    (sampled_s, covered_s(to_start_ms / 1000.0), covered_s(to_end_ms / 1000.0))
}

impl Ends {
    fn new() -> Self {
        let none = [0.0; BATCH_LEN_MAX];
        Self {
            sampled_ms: none,
            to_start_ms: none,
            to_end_ms: none,
            gaps: none,
            first: none,
            change: none,
        }
    }

    /// Reads the ends of all windows that hold a sample.
    fn read(&mut self, batch: &Batch<'_, '_>, range_ms: i64) {
        let Samples { timestamps_ms, values, .. } = batch.samples;
        for position in 0..batch.len() {
            let (first, end) = (batch.spans.firsts()[position], batch.spans.ends()[position]);
            if first >= end {
                continue;
            }
            let (first_ms, last_ms) = (timestamps_ms[first], timestamps_ms[end - 1]);
            let end_ms = batch.end_ms(position);
            let start_ms = end_ms.saturating_sub(range_ms);
            self.sampled_ms[position] = last_ms.wrapping_sub(first_ms) as f64;
            self.to_start_ms[position] = first_ms.wrapping_sub(start_ms) as f64;
            self.to_end_ms[position] = end_ms.wrapping_sub(last_ms) as f64;
            self.gaps[position] = (end - first - 1) as f64;
            self.first[position] = values[first];
            self.change[position] = values[end - 1] - values[first];
        }
    }
}

/// The resets of a series.
struct Resets {
    /// The indices of the values that are below the one before, in their order.
    indices: Vec<usize>,
    /// The values before those.
    lost: Vec<f64>,
    /// How many resets lie before the windows to come.
    before: usize,
}

impl Resets {
    fn new(values: &[f64]) -> Self {
        let fell = |pair: &[f64]| pair[1] < pair[0];
        // PERF: most counters have none, which many values at a time tell.
        let has_none =
            |values: &[f64]| !values.windows(2).fold(false, |any, pair| any | fell(pair));
        let mut indices = Vec::new();
        for start in (1..values.len()).step_by(RESETS_CHUNK_LEN) {
            let end = values.len().min(start + RESETS_CHUNK_LEN);
            if !has_none(&values[start - 1..end]) {
                indices.extend((start..end).filter(|index| fell(&values[index - 1..=*index])));
            }
        }
        let lost = indices.iter().map(|index| values[index - 1]).collect();
        Self { indices, lost, before: 0 }
    }

    /// Adds to each change the values before the resets of its window, in their order.
    fn add_to(&mut self, changes: &mut Numbers, windows: &Spans) {
        let (first, end) = (windows.firsts()[0], windows.ends()[BATCH_LEN_MAX - 1]);
        self.before = count_until(&self.indices, self.before, |reset| reset <= first);
        let until = count_until(&self.indices, self.before, |reset| reset < end);
        if until - self.before > FEW_RESETS {
            return self.add_many_to(changes, windows);
        }
        let windows = windows.firsts().iter().zip(windows.ends()).zip(changes);
        let mut before = self.before;
        for ((&first, &end), change) in windows {
            while before < until && self.indices[before] <= first {
                before += 1;
            }
            let resets = self.indices[before..until].iter().zip(&self.lost[before..until]);
            for (_, lost) in resets.take_while(|(reset, _)| **reset < end) {
                *change += lost;
            }
        }
    }

    /// As [`Resets::add_to`], several windows side by side.
    // PERF: pays where windows have dozens of resets, as those of a gauge do; a loop is better for few.
    // `cargo bench --bench promql_eval fractions/rate`
    fn add_many_to(&self, changes: &mut Numbers, windows: &Spans) {
        let (mut before, mut until) = (self.before, self.before);
        let mut of_windows = Spans::new();
        of_windows.set(windows.len(), |position| {
            let (first, end) = (windows.firsts()[position], windows.ends()[position]);
            before = count_until(&self.indices, before, |reset| reset <= first);
            until = count_until(&self.indices, until.max(before), |reset| reset < end);
            (before, until)
        });
        let start = |position: usize| {
            let mut start = [0.0; LANES];
            start.copy_from_slice(&changes[position..][..LANES]);
            [start]
        };
        let add = |[mut changes]: [[f64; LANES]; 1], _, [lost]: [[f64; LANES]; 1]| {
            for (change, lost) in changes.iter_mut().zip(lost) {
                *change += lost;
            }
            [changes]
        };
        let mut changed = [0.0; BATCH_LEN_MAX];
        fold(&of_windows, [&self.lost], 0, start, add, |position, [changes]| {
            changed[position..][..LANES].copy_from_slice(&changes);
        });
        *changes = changed;
    }
}

/// Returns how many of the indices, which rise, come first that are `within`; `count` of them are.
fn count_until(indices: &[usize], count: usize, within: impl Fn(usize) -> bool) -> usize {
    let rest = indices[count..].iter();
    count + rest.take_while(|index| within(**index)).count()
}

/// Returns a number of milliseconds in seconds, rounded as Go's `Duration.Seconds` rounds it.
pub(super) fn seconds(duration_ms: i64) -> f64 {
    (duration_ms / 1000) as f64 + (duration_ms % 1000 * 1_000_000) as f64 / 1e9
}

/// How many windows add their resets side by side.
const LANES: usize = 8;
/// Up to how many resets in all windows of a batch are added window by window.
const FEW_RESETS: usize = 64;
/// How many values are looked at for any reset at all.
const RESETS_CHUNK_LEN: usize = 256;
