//! Windows over the samples of one series, one for each step, by two indices that only move on.

mod batch;
mod edge;
mod spans;

use std::sync::Arc;

use narthex_model::histogram::FloatHistogram;
use narthex_promql_parser::ExtendedRange;
use narthex_storage::{QueryContext, StorageError};

use crate::Grid;
pub(crate) use batch::Batch;
pub(crate) use edge::Edge;
pub(crate) use spans::Spans;

/// The samples of one series, oldest first, without staleness markers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Samples<'a> {
    pub(crate) timestamps_ms: &'a [i64],
    pub(crate) values: &'a [f64],
    /// The native histograms, each with the index of its sample, whose value is its sum.
    pub(crate) histograms: &'a [(usize, Arc<FloatHistogram>)],
    /// Since when each sample counts, where that is known and asked for; 0 where it is not known of
    /// a sample.
    pub(crate) start_timestamps_ms: Option<&'a [i64]>,
}

/// Where the window of each step lies: open on the left, closed on the right.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Windows {
    pub(crate) grid: Grid,
    pub(crate) range_ms: i64,
    pub(crate) offset_ms: i64,
    /// The time of the `@` modifier, which every step then shares.
    pub(crate) pinned_ms: Option<i64>,
    pub(crate) reach: Reach,
}

/// How far around its window a step sees samples.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Reach {
    /// Why it does, where it does.
    pub(crate) kind: Option<ExtendedRange>,
    pub(crate) before_ms: i64,
    pub(crate) after_ms: i64,
}

impl Reach {
    /// Returns how far the modifier of a selector lets steps see: as far as an instant selector.
    pub(crate) fn of(kind: Option<ExtendedRange>, lookback_ms: i64) -> Self {
        let before_ms = if kind.is_some() { lookback_ms } else { 0 };
        let after_ms = if kind == Some(ExtendedRange::Smoothed) { lookback_ms } else { 0 };
        Self { kind, before_ms, after_ms }
    }
}

/// The samples in the window of one step, and in its reach; there is at least one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window<'a> {
    pub(crate) step: usize,
    /// The window's right end, which belongs to it.
    pub(crate) end_ms: i64,
    /// The window's left end, which does not.
    pub(crate) start_ms: i64,
    /// The number of samples before the window.
    pub(crate) first: usize,
    pub(crate) timestamps_ms: &'a [i64],
    pub(crate) values: &'a [f64],
}

impl<'a> Samples<'a> {
    /// Returns the histogram of the sample `index`, if it is one.
    pub(crate) fn histogram(&self, index: usize) -> Option<&'a Arc<FloatHistogram>> {
        let found = self.histograms.binary_search_by_key(&index, |(index, _)| *index).ok()?;
        Some(&self.histograms[found].1)
    }
}

impl Windows {
    /// Returns the right end of the window of `step`.
    pub(crate) fn end_ms(&self, step: usize) -> i64 {
        let time_ms = self.pinned_ms.unwrap_or_else(|| self.grid.time_ms(step));
        time_ms.saturating_sub(self.offset_ms)
    }

    /// Returns the time up to which `step` sees samples.
    pub(crate) fn seen_until_ms(&self, step: usize) -> i64 {
        self.end_ms(step).saturating_add(self.reach.after_ms)
    }

    /// Returns how long the stretch of samples is that one step sees.
    pub(crate) fn seen_ms(&self) -> i64 {
        let Reach { before_ms, after_ms, .. } = self.reach;
        self.range_ms.saturating_add(before_ms).saturating_add(after_ms)
    }

    /// Returns the range of time in which `step` sees samples: open on the left, closed on the right.
    fn seen_by(&self, step: usize) -> (i64, i64) {
        let end_ms = self.end_ms(step);
        let start_ms = end_ms.saturating_sub(self.range_ms);
        let Reach { before_ms, after_ms, .. } = self.reach;
        (start_ms.saturating_sub(before_ms), end_ms.saturating_add(after_ms))
    }

    /// Calls `visit` for each step whose window holds a sample, in rising order.
    ///
    /// # Errors
    ///
    /// Where the query was told to stop.
    #[inline]
    pub(crate) fn slide<'a>(
        &self,
        ctx: &QueryContext,
        samples: Samples<'a>,
        mut visit: impl FnMut(Window<'a>),
    ) -> Result<(), StorageError> {
        self.batches(ctx, samples, |batch| {
            for position in 0..batch.len() {
                if let Some(window) = batch.window(position) {
                    visit(window);
                }
            }
        })
    }
}

/// How many samples may be visited before the query looks whether it should stop.
pub(crate) const SAMPLES_UNCHECKED_MAX: usize = 65_536;

/// The most windows of a batch: as many as a word has bits.
pub(crate) const BATCH_LEN_MAX: usize = 64;
