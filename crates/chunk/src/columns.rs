use std::ops::RangeInclusive;

use narthex_model::{Sample, is_stale_nan};

/// The samples of one series as columns, oldest first, in a buffer that its owner reuses.
///
/// Timestamps rise strictly. Staleness markers are kept, with their bits; the flags that are
/// gathered on the way tell a reader whether it must look for them.
#[derive(Clone, Debug, Default)]
pub struct Columns {
    timestamps_ms: Vec<i64>,
    values: Vec<f64>,
    has_nan: bool,
    has_stale: bool,
}

impl Columns {
    /// Forgets all samples and keeps the memory.
    pub fn clear(&mut self) {
        self.timestamps_ms.clear();
        self.values.clear();
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
    }

    /// Removes the samples of `range`, in milliseconds since the Unix epoch, both ends included.
    /// The flags stay as they are: they then say what may be there.
    pub fn remove(&mut self, range: RangeInclusive<i64>) {
        let start = self.timestamps_ms.partition_point(|time| time < range.start());
        let end = self.timestamps_ms.partition_point(|time| time <= range.end());
        if start < end {
            self.timestamps_ms.drain(start..end);
            self.values.drain(start..end);
        }
    }

    /// Returns the times of the samples, in milliseconds since the Unix epoch.
    #[must_use]
    pub fn timestamps_ms(&self) -> &[i64] {
        &self.timestamps_ms
    }

    /// Returns the values of the samples, one for each timestamp.
    #[must_use]
    pub fn values(&self) -> &[f64] {
        &self.values
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

    /// Returns the samples one by one.
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
        fill: impl FnOnce(&mut [i64], &mut [f64]) -> Result<usize, E>,
    ) -> Result<(), E> {
        let before = self.len();
        self.timestamps_ms.resize(before + count, 0);
        self.values.resize(before + count, 0.0);
        let filled = fill(&mut self.timestamps_ms[before..], &mut self.values[before..]);
        let fresh = &self.timestamps_ms[before..before + filled.as_ref().unwrap_or(&0)];
        let start = fresh.partition_point(|time| time < range.start());
        let end = fresh.partition_point(|time| time <= range.end());
        self.timestamps_ms.truncate(before + end);
        self.values.truncate(before + end);
        if start > 0 {
            self.timestamps_ms.drain(before..before + start.min(end));
            self.values.drain(before..before + start.min(end));
        }
        self.gather_flags(self.len() - before);
        filled.map(drop)
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
