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
}
