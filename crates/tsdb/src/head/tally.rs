use std::ops::{AddAssign, SubAssign};

use narthex_model::is_stale_nan;

use super::open::Open;
use super::{Head, State};

/// What the newest samples of series in order are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// Series that ended: their newest sample is the staleness marker.
    pub(super) stale: u64,
    /// Series of native histograms.
    pub(super) histograms: u64,
    /// Buckets of these.
    pub(super) buckets: u64,
}

impl Open {
    /// Returns what the newest sample counts for.
    ///
    /// # Source
    ///
    /// `sampleState` in Prometheus' `tsdb/head.go`.
    pub(super) fn tally(&self) -> Tally {
        let histogram = |sum: f64, positive: usize, negative: usize| Tally {
            stale: u64::from(is_stale_nan(sum)),
            histograms: 1,
            buckets: (positive + negative) as u64,
        };
        match self {
            Self::Histogram(open) => {
                let last = &open.last;
                histogram(last.sum, last.positive.counts.len(), last.negative.counts.len())
            }
            Self::FloatHistogram(open) => {
                let last = &open.last;
                histogram(last.sum, last.positive.counts.len(), last.negative.counts.len())
            }
            _ => {
                let is_stale = self.last_float().is_some_and(is_stale_nan);
                Tally { stale: u64::from(is_stale), ..Tally::default() }
            }
        }
    }
}

impl State {
    /// Counts all series anew.
    pub(super) fn recount(&mut self) {
        let mut tally = Tally::default();
        for slot in self.table.slots() {
            tally += self.table.get(slot).tally();
        }
        self.counts.tally = tally;
    }
}

impl Head {
    /// Returns how many of the series ended, and how many there are.
    pub(crate) fn stale_count(&self) -> (u64, u64) {
        let state = self.state.read();
        (state.counts.tally.stale, state.table.len() as u64)
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.stale += other.stale;
        self.histograms += other.histograms;
        self.buckets += other.buckets;
    }
}

impl SubAssign for Tally {
    fn sub_assign(&mut self, other: Self) {
        self.stale -= other.stale;
        self.histograms -= other.histograms;
        self.buckets -= other.buckets;
    }
}
