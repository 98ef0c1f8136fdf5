//! Series that ended leave the head before their time, once blocks have them.
//!
//! They go in steps. Blocks are written, and who began to read before that is waited for. Then the log is
//! told that the series are gone, while no commit is underway: what the log has of one comes before, what
//! comes later is another series. Last, who found the series is waited for, and their memory is free.

use narthex_storage::{StorageError, TimeRange};

use super::export::OnDamage;
use super::series::Slot;
use super::{Head, State};
use crate::wal::Wal;
use crate::wal::record::{Tombstone, encode_tombstones};
use crate::{SeriesChunks, WalError};

/// Series whose newest sample was the staleness marker, and that have none out of order.
#[derive(Debug)]
pub(crate) struct StaleSeries {
    /// In order of their labels.
    series: Vec<Ended>,
    /// The times of the oldest and the newest sample.
    pub(crate) bounds: (i64, i64),
}

/// A series as it was when it was looked at.
#[derive(Clone, Copy, Debug)]
struct Ended {
    slot: Slot,
    reference: u64,
    newest_ms: i64,
}

impl Head {
    /// Returns the series that ended. `None` where there are none.
    pub(crate) fn stale_series(&self) -> Option<StaleSeries> {
        let state = self.state.read();
        let table = &state.table;
        let mut slots = table.slots().filter(|slot| state.is_over(*slot)).collect::<Vec<_>>();
        state.sort_by_labels(&mut slots);
        let bounds = slots.iter().filter_map(|slot| table.get(*slot).bounds(table.slab()));
        let bounds = bounds.reduce(|left, right| (left.0.min(right.0), left.1.max(right.1)))?;
        let ended = |slot: Slot| {
            let newest_ms = table.extent(slot).newest_ms;
            Ended { slot, reference: table.get(slot).reference, newest_ms }
        };
        Some(StaleSeries { series: slots.into_iter().map(ended).collect(), bounds })
    }

    /// As [`Head::series_chunks`], of these series alone.
    pub(crate) fn stale_chunks(
        &self,
        stale: &StaleSeries,
        range: TimeRange,
        on_damage: OnDamage,
    ) -> impl Iterator<Item = Result<SeriesChunks, StorageError>> {
        let series = stale.series.iter();
        let series = series.map(move |ended| self.chunks_of(ended.slot, range, on_damage));
        series.filter(|series| series.as_ref().map_or(true, |series| !series.chunks.is_empty()))
    }

    /// Takes series away that are in blocks by now. Those that went on meanwhile stay. Returns how many
    /// went.
    ///
    /// # Errors
    ///
    /// Where the log cannot be told: they are gone, and back after the next start.
    pub(crate) fn evict(&self, stale: StaleSeries, wal: &Wal) -> Result<usize, WalError> {
        self.wait_for_present_readers();
        let (gone, told) = {
            let _paused = self.pause_commits();
            let gone = self.state.write().unlist(stale.series);
            let (min_ms, max_ms) = (i64::MIN, i64::MAX);
            let tombstone =
                |ended: &Ended| Tombstone { reference: ended.reference, min_ms, max_ms };
            let mut record = Vec::new();
            encode_tombstones(gone.iter().map(tombstone), &mut record);
            let told = if gone.is_empty() { Ok(()) } else { wal.commit(vec![record], || ()) };
            (gone, told)
        };
        self.wait_for_present_readers();
        let mut state = self.state.write();
        gone.iter().for_each(|ended| state.forget(ended.slot));
        told.map(|()| gone.len())
    }

    /// Waits until those are gone who read now.
    fn wait_for_present_readers(&self) {
        let commit = {
            let mut state = self.state.write();
            state.commits.begin(&self.readers);
            state.commits.last()
        };
        self.readers.wait_for_those_up_to(commit - 1);
    }
}

impl State {
    /// Returns whether a series ended, and has nothing that a block of it would not have.
    fn is_over(&self, slot: Slot) -> bool {
        let is_listed = self.table.has(slot) && self.table.get(slot).is_listed;
        is_listed && self.table.get(slot).tally().stale > 0 && !self.out_of_order.has(slot)
    }

    /// Keeps series from being found, by reading and by appending. Returns those that are as they were.
    fn unlist(&mut self, mut series: Vec<Ended>) -> Vec<Ended> {
        series.retain(|ended| {
            let Ended { slot, reference, newest_ms } = *ended;
            self.is_over(slot)
                && self.table.get(slot).reference == reference
                && self.table.extent(slot).newest_ms == newest_ms
                && *self.table.get_mut(slot).pending.get_mut() == 0
        });
        let slots = series.iter().map(|ended| ended.slot).collect::<Vec<_>>();
        self.index.remove(&slots, &self.table);
        for Ended { slot, reference, newest_ms } in &series {
            self.counts.tally -= self.table.get(*slot).tally();
            self.table.unlist(*slot);
            self.departed.insert(*reference, *newest_ms);
        }
        series
    }

    /// Frees the memory of a series that nobody finds.
    fn forget(&mut self, slot: Slot) {
        let (chunk_count, chunk_bytes) = self.chunks_of(slot);
        self.counts.chunks -= chunk_count;
        self.counts.chunk_bytes -= chunk_bytes;
        self.counts.chunks_removed += chunk_count;
        self.counts.series_removed += 1;
        self.table.remove(slot);
        self.tombstones.remove(&slot);
        self.metadata.remove(slot);
    }
}
