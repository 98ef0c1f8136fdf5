//! Counts of neighbouring samples over windows, by the difference of two running counts.

use crate::window::Window;

/// For each sample of a series, how many samples up to it stand in some relation to the one before
/// them.
#[derive(Debug)]
pub(super) struct PairCounts(Vec<usize>);

impl PairCounts {
    /// Counts the samples, of `len`, for which `relates` holds, which gets their index and never
    /// that of the first sample.
    pub(super) fn new(len: usize, relates: impl Fn(usize) -> bool) -> Self {
        let mut count = 0;
        let counts = (0..len).map(|index| {
            count += usize::from(index > 0 && relates(index));
            count
        });
        Self(counts.collect())
    }

    /// Returns the number of times that the value differs from the one before; two NaN do not
    /// differ.
    pub(super) fn changes(values: &[f64]) -> Self {
        Self::new(values.len(), |index| {
            let (before, now) = (values[index - 1], values[index]);
            before != now && !(before.is_nan() && now.is_nan())
        })
    }

    /// Returns how many samples of a window, which holds one, relate to one before them in it.
    pub(super) fn within(&self, window: Window<'_>) -> usize {
        self.between(window.first, window.first + window.values.len())
    }

    /// As [`PairCounts::within`], for the window from sample `first` to before sample `end`.
    pub(super) fn between(&self, first: usize, end: usize) -> usize {
        self.0[end - 1] - self.0[first]
    }
}
