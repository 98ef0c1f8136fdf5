//! Samples that are older than the newest of their series, where a window of time is open for them.
//!
//! A series without such samples has nothing for them: those with some are in a map beside the table.
//! A few samples of a series wait in order of their times in a buffer; once it is full they become a
//! chunk of its own, in the files of head chunks. So chunks may overlap each other and the chunks of
//! the samples that came in order, and [`read`] merges them.
//!
//! [`commit`] logs such samples to a log of their own, the WBL, before anybody sees them. It holds,
//! beside samples, markers that say which chunks have all samples of a series up to there. A marker
//! counts only if its chunks are there when the log is read, so that chunks may be lost as long as
//! the log is not; and a chunk counts only if a marker names it, so that nothing is there twice.

mod bounds;
mod chain;
mod commit;
mod compact;
mod deltas;
mod open;
mod read;
mod replay;
mod series;

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};

use hashbrown::HashMap;
use narthex_storage::TimeRange;
use parking_lot::Mutex;

use super::series::Slot;
use crate::wal::Wal;
pub(super) use bounds::Bounds;
pub(crate) use compact::OutOfOrderChunks;
pub(super) use deltas::DeltaCounts;
pub(crate) use replay::Leftovers;
pub(super) use series::OutOfOrder;

/// The out-of-order samples of all series.
#[derive(Debug, Default)]
pub(super) struct OutOfOrderMap {
    by_slot: HashMap<Slot, Arc<OutOfOrder>>,
    /// The times of the oldest and the newest sample, or more.
    bounds: Option<(i64, i64)>,
}

/// What the head knows of the window for samples out of order, beside the samples.
#[derive(Debug)]
pub(super) struct OutOfOrderWindow {
    window_ms: AtomicI64,
    /// Of a chunk.
    sample_count_max: usize,
    /// There is one once the window was open.
    log: OnceLock<Wal>,
    /// Held by who starts the log.
    starting: Mutex<()>,
    /// Held by who changes what there is of samples, from when he looks at it to when he is done.
    pub(super) changing: Mutex<()>,
}

impl OutOfOrderMap {
    pub(super) fn get(&self, slot: Slot) -> Option<&Arc<OutOfOrder>> {
        self.by_slot.get(&slot)
    }

    pub(super) fn has(&self, slot: Slot) -> bool {
        self.by_slot.contains_key(&slot)
    }

    /// Puts samples of a series in the place of others. Returns those.
    pub(super) fn set(&mut self, slot: Slot, samples: Arc<OutOfOrder>) -> Option<Arc<OutOfOrder>> {
        let Some((min_ms, max_ms)) = samples.bounds() else { return self.by_slot.remove(&slot) };
        let (first_ms, last_ms) = self.bounds.unwrap_or((min_ms, max_ms));
        self.bounds = Some((first_ms.min(min_ms), last_ms.max(max_ms)));
        self.by_slot.insert(slot, samples)
    }

    /// Notes which time the samples cover, where some of them went.
    fn update_bounds(&mut self) {
        let bounds = self.by_slot.values().filter_map(|samples| samples.bounds());
        self.bounds = bounds.reduce(|left, right| (left.0.min(right.0), left.1.max(right.1)));
    }

    fn slots(&self) -> impl Iterator<Item = Slot> {
        self.by_slot.keys().copied()
    }

    /// Returns the first file that has a chunk of a series.
    pub(super) fn first_file(&self) -> Option<u32> {
        self.by_slot.values().filter_map(|samples| samples.first_file()).min()
    }

    /// Returns whether some series may have samples in `range`.
    pub(super) fn overlaps(&self, range: TimeRange) -> bool {
        let is_in = |(min_ms, max_ms)| min_ms <= range.max_ms && range.min_ms <= max_ms;
        self.bounds.is_some_and(is_in)
    }

    /// Returns whether all samples are in `range`.
    pub(super) fn lies_in(&self, range: TimeRange) -> bool {
        let is_in = |(min_ms, max_ms)| range.contains(min_ms) && range.contains(max_ms);
        self.bounds.is_none_or(is_in)
    }
}

impl OutOfOrderWindow {
    /// Returns how old a sample may be, in milliseconds before the newest of the head; 0 for no older
    /// than the newest of its series.
    pub(super) fn get_ms(&self) -> i64 {
        self.window_ms.load(Ordering::Relaxed)
    }

    pub(super) fn log(&self) -> Option<&Wal> {
        self.log.get()
    }
}
