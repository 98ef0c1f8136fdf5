use std::ops::RangeInclusive;
use std::sync::Arc;

use narthex_model::histogram::FloatHistogram;
use narthex_model::{Sample, is_stale_nan};

/// The samples of one series as columns, oldest first, in a buffer that its owner reuses.
///
/// Timestamps rise strictly. Staleness markers are kept, with their bits; the flags that are
/// gathered on the way tell a reader whether it must look for them.
///
/// A series can hold floats and native histograms at different times. Histograms lie in a column of
/// their own, beside the values, where the sum of the histogram stands in: a staleness marker is
/// found among the values whichever kind of sample it ends. Start timestamps are a third column. A
/// series without histograms, or without start timestamps, has neither the column nor its cost.
#[derive(Clone, Debug, Default)]
pub struct Columns {
    timestamps_ms: Vec<i64>,
    values: Vec<f64>,
    /// The histograms and where they stand, in their order.
    histograms: Vec<(usize, Arc<FloatHistogram>)>,
    /// One for each sample, or none at all.
    start_timestamps_ms: Vec<i64>,
    has_nan: bool,
    has_stale: bool,
}

impl Columns {
    /// Forgets all samples and keeps the memory.
    pub fn clear(&mut self) {
        self.timestamps_ms.clear();
        self.values.clear();
        self.histograms.clear();
        self.start_timestamps_ms.clear();
        self.has_nan = false;
        self.has_stale = false;
    }

    /// Appends one sample, which must be newer than the last.
    pub fn push(&mut self, timestamp_ms: i64, value: f64) {
        debug_assert!(self.timestamps_ms.last().is_none_or(|last| *last < timestamp_ms));
        self.timestamps_ms.push(timestamp_ms);
        self.values.push(value);
        self.has_nan |= value.is_nan();
        self.has_stale |= is_stale_nan(value);
        self.pad_start_timestamps();
    }

    /// Appends one histogram, which must be newer than the last sample.
    pub fn push_histogram(&mut self, timestamp_ms: i64, histogram: Arc<FloatHistogram>) {
        let index = self.len();
        self.push(timestamp_ms, histogram.sum);
        self.histograms.push((index, histogram));
    }

    /// Says since when the last sample counts, in milliseconds since the Unix epoch; 0 says nothing.
    pub fn set_last_start_timestamp_ms(&mut self, start_timestamp_ms: i64) {
        if start_timestamp_ms != 0 {
            self.start_timestamps_ms.resize(self.len(), 0);
        }
        if let Some(last) = self.start_timestamps_ms.last_mut() {
            *last = start_timestamp_ms;
        }
    }

    /// Appends the samples of `other` that lie in `range`, in milliseconds since the Unix epoch, both
    /// ends included. They must be newer than the last.
    pub fn extend_from_columns(&mut self, other: &Self, range: RangeInclusive<i64>) {
        let (start, end) = other.find(&range);
        if start >= end {
            return;
        }
        let before = self.len();
        self.extend_from_slices(&other.timestamps_ms[start..end], &other.values[start..end]);
        let (first, last) = other.find_histograms(start, end);
        let moved = |(index, histogram): &(usize, Arc<FloatHistogram>)| {
            (index - start + before, Arc::clone(histogram))
        };
        self.histograms.extend(other.histograms[first..last].iter().map(moved));
        if let Some(starts) = other.start_timestamps_ms() {
            self.start_timestamps_ms.resize(before, 0);
            self.start_timestamps_ms.extend_from_slice(&starts[start..end]);
        }
    }

    /// Appends samples, which must be newer than the last and rise.
    ///
    /// # Panics
    ///
    /// Where there is not one value for each timestamp.
    pub fn extend_from_slices(&mut self, timestamps_ms: &[i64], values: &[f64]) {
        assert_eq!(timestamps_ms.len(), values.len(), "one value for each timestamp");
        debug_assert!(timestamps_ms.is_sorted_by(|a, b| a < b));
        debug_assert!(self.timestamps_ms.last() < timestamps_ms.first() || values.is_empty());
        self.timestamps_ms.extend_from_slice(timestamps_ms);
        self.values.extend_from_slice(values);
        self.gather_flags(values.len());
        self.pad_start_timestamps();
    }

    /// Removes the samples of `range`, in milliseconds since the Unix epoch, both ends included.
    /// The flags stay as they are: they then say what may be there.
    pub fn remove(&mut self, range: RangeInclusive<i64>) {
        let (start, end) = self.find(&range);
        if start >= end {
            return;
        }
        self.timestamps_ms.drain(start..end);
        self.values.drain(start..end);
        if !self.start_timestamps_ms.is_empty() {
            self.start_timestamps_ms.drain(start..end);
        }
        let (first, last) = self.find_histograms(start, end);
        self.histograms.drain(first..last);
        for (index, _) in &mut self.histograms[first..] {
            *index -= end - start;
        }
    }

    /// Returns the times of the samples, in milliseconds since the Unix epoch.
    #[must_use]
    pub fn timestamps_ms(&self) -> &[i64] {
        &self.timestamps_ms
    }

    /// Returns the values of the samples, one for each timestamp; for a histogram its sum.
    #[must_use]
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// Returns the histograms, each with the index of its sample, in their order. Those that mark
    /// the end of the series are among them.
    #[must_use]
    pub fn histograms(&self) -> &[(usize, Arc<FloatHistogram>)] {
        &self.histograms
    }

    /// Returns the histograms of the samples from the one at `index` on, to be replaced by others with
    /// the same sum.
    pub fn histograms_mut(
        &mut self,
        index: usize,
    ) -> impl DoubleEndedIterator<Item = &mut Arc<FloatHistogram>> {
        let first = self.histograms.partition_point(|(at, _)| *at < index);
        self.histograms[first..].iter_mut().map(|(_, histogram)| histogram)
    }

    /// Returns the histogram of the sample `index`, or `None` for a float.
    #[must_use]
    pub fn histogram(&self, index: usize) -> Option<&Arc<FloatHistogram>> {
        let found = self.histograms.binary_search_by_key(&index, |(index, _)| *index).ok()?;
        Some(&self.histograms[found].1)
    }

    /// Returns since when each sample counts, in milliseconds since the Unix epoch, 0 where that is
    /// not known; `None` where it is known of no sample.
    #[must_use]
    pub fn start_timestamps_ms(&self) -> Option<&[i64]> {
        (!self.start_timestamps_ms.is_empty()).then_some(&*self.start_timestamps_ms)
    }

    /// Returns the number of samples.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Returns whether there is no sample.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Returns whether any sample is a histogram.
    #[must_use]
    pub fn has_histograms(&self) -> bool {
        !self.histograms.is_empty()
    }

    /// Returns whether any value is a NaN, the staleness marker included.
    #[must_use]
    pub fn has_nan(&self) -> bool {
        self.has_nan
    }

    /// Returns whether any value is the staleness marker.
    #[must_use]
    pub fn has_stale(&self) -> bool {
        self.has_stale
    }

    /// Returns the times and values of the samples one by one.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Sample> {
        self.timestamps_ms
            .iter()
            .zip(&self.values)
            .map(|(&timestamp_ms, &value)| Sample { timestamp_ms, value })
    }

    /// Makes room for `count` more samples, lets `fill` write them, and keeps those of `range`.
    /// `fill` returns how many it wrote. Where it fails, nothing is added.
    pub(crate) fn extend_with<E>(
        &mut self,
        count: usize,
        range: &RangeInclusive<i64>,
        with_starts: bool,
        fill: impl FnOnce(Fresh<'_>) -> Result<usize, E>,
    ) -> Result<(), E> {
        let before = self.len();
        let had_starts = !self.start_timestamps_ms.is_empty();
        self.timestamps_ms.resize(before + count, 0);
        self.values.resize(before + count, 0.0);
        if with_starts {
            self.start_timestamps_ms.resize(before + count, 0);
        }
        let filled = fill(Fresh {
            timestamps_ms: &mut self.timestamps_ms[before..],
            values: &mut self.values[before..],
            start_timestamps_ms: self.start_timestamps_ms.get_mut(before..).unwrap_or_default(),
        });
        let fresh = &self.timestamps_ms[before..before + filled.as_ref().unwrap_or(&0)];
        let start = before + fresh.partition_point(|time| time < range.start());
        let end = before + fresh.partition_point(|time| time <= range.end());
        keep_behind(&mut self.timestamps_ms, before, start, end);
        keep_behind(&mut self.values, before, start, end);
        if with_starts {
            keep_behind(&mut self.start_timestamps_ms, before, start, end);
            if !had_starts && self.start_timestamps_ms.iter().all(|start| *start == 0) {
                self.start_timestamps_ms.clear();
            }
        }
        self.gather_flags(self.len() - before);
        self.pad_start_timestamps();
        filled.map(drop)
    }

    /// Lets `fill` push samples. Where it fails, nothing is added.
    pub(crate) fn push_all<E>(
        &mut self,
        fill: impl FnOnce(&mut Self) -> Result<(), E>,
    ) -> Result<(), E> {
        let (samples, histograms) = (self.len(), self.histograms.len());
        let had_starts = !self.start_timestamps_ms.is_empty();
        let (has_nan, has_stale) = (self.has_nan, self.has_stale);
        let filled = fill(self);
        if filled.is_err() {
            self.timestamps_ms.truncate(samples);
            self.values.truncate(samples);
            self.histograms.truncate(histograms);
            self.start_timestamps_ms.truncate(if had_starts { samples } else { 0 });
            (self.has_nan, self.has_stale) = (has_nan, has_stale);
        }
        filled
    }

    /// Returns the indices of the first sample of `range` and of the first one behind it.
    fn find(&self, range: &RangeInclusive<i64>) -> (usize, usize) {
        let start = self.timestamps_ms.partition_point(|time| time < range.start());
        let end = self.timestamps_ms.partition_point(|time| time <= range.end());
        (start, end)
    }

    /// Returns which histograms stand at the samples from `start` to before `end`.
    fn find_histograms(&self, start: usize, end: usize) -> (usize, usize) {
        let first = self.histograms.partition_point(|(index, _)| *index < start);
        let last = self.histograms.partition_point(|(index, _)| *index < end);
        (first, last)
    }

    /// Says nothing about the starts of new samples, where something is said about others.
    fn pad_start_timestamps(&mut self) {
        if !self.start_timestamps_ms.is_empty() {
            self.start_timestamps_ms.resize(self.len(), 0);
        }
    }

    /// Updates the flags for the last `count` values: a pass of its own, which the compiler turns
    /// into vector instructions, costs less than a test in each decoder's loop.
    fn gather_flags(&mut self, count: usize) {
        let fresh = &self.values[self.values.len() - count..];
        let has_nan = fresh.iter().fold(false, |any, value| any | value.is_nan());
        if has_nan {
            self.has_nan = true;
            self.has_stale |= fresh.iter().any(|value| is_stale_nan(*value));
        }
    }
}

/// Samples to be written, in slices of one length.
pub(crate) struct Fresh<'a> {
    pub(crate) timestamps_ms: &'a mut [i64],
    pub(crate) values: &'a mut [f64],
    /// Empty where no sample has one.
    pub(crate) start_timestamps_ms: &'a mut [i64],
}

/// Removes what is not from `start` to before `end`, but for what comes before `before`.
fn keep_behind<T>(column: &mut Vec<T>, before: usize, start: usize, end: usize) {
    column.truncate(end);
    if start > before {
        column.drain(before..start.min(end));
    }
}

#[cfg(test)]
mod tests;
