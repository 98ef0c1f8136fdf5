//! What the head holds in memory, as the records of a memory snapshot, and back.

use narthex_model::Exemplar;

use super::exemplars::ExemplarRing;
use super::open::Open;
use super::replay::Replayer;
use super::series::Slot;
use super::table::SeriesTable;
use super::{Alias, Head, State};
use crate::WalError;
use crate::head_chunks::HeadChunks;
use crate::wal::MemorySnapshotError;
use crate::wal::record::{
    RefExemplar, SnapshotChunk, SnapshotRecord, Tombstone, encode_snapshot_exemplars,
    encode_snapshot_series, encode_snapshot_tombstones,
};

impl Head {
    /// Brings all full chunks to the disk: a snapshot has the open ones alone.
    pub(crate) fn prepare_memory_snapshot(&self) -> Result<(), MemorySnapshotError> {
        self.spill();
        let state = self.state.read();
        let mut slots = state.table.slots().filter(|slot| state.table.has(*slot));
        if slots.any(|slot| state.table.get(slot).has_full_in_memory(state.table.slab())) {
            let error = std::io::Error::other("some head chunks could not be written to files");
            return Err(MemorySnapshotError::HeadChunks(error));
        }
        let synced = self.files.as_ref().map_or(Ok(()), HeadChunks::sync_all);
        synced.map_err(MemorySnapshotError::HeadChunks)
    }

    /// Hands the records of a snapshot to `write`, in the reference's order. Nobody may append
    /// meanwhile.
    pub(crate) fn visit_memory_snapshot(
        &self,
        write: &mut dyn FnMut(Vec<u8>) -> Result<(), WalError>,
    ) -> Result<(), WalError> {
        let state = self.state.read();
        for slot in state.table.slots() {
            // What the log does not name is not there after a restart either.
            if state.table.has(slot) && state.table.get(slot).is_logged {
                write(state.snapshot_series(slot))?;
            }
        }
        for Alias { alias, reference } in &state.aliases {
            // Its chunks may be in files under that one.
            if let Some(slot) = state.table.find_reference(*reference) {
                write(encode_snapshot_series(*alias, &state.table.label_set(slot), None))?;
            }
        }
        write(encode_snapshot_tombstones(state.snapshot_tombstones()))?;
        self.exemplars.read().visit_snapshot(&state.table, write)
    }
}

impl State {
    fn snapshot_series(&self, slot: Slot) -> Vec<u8> {
        let (series, slab) = (self.table.get(slot), self.table.slab());
        let chunk = series.open(slab).zip(series.last_value()).map(|(open, last)| {
            let (min_ms, max_ms) = (open.min_ms, open.newest_ms);
            SnapshotChunk { min_ms, max_ms, encoding: open.encoding, bytes: open.bytes, last }
        });
        encode_snapshot_series(series.reference, &self.table.label_set(slot), chunk.as_ref())
    }

    fn snapshot_tombstones(&self) -> impl Iterator<Item = Tombstone> {
        let of_series = |(slot, ranges): (&Slot, &Vec<(i64, i64)>)| {
            let reference = self.table.get(*slot).reference;
            let stones = ranges.iter();
            let stones =
                stones.map(move |&(min_ms, max_ms)| Tombstone { reference, min_ms, max_ms });
            stones.collect::<Vec<_>>()
        };
        let stones = self.tombstones.iter().flat_map(of_series);
        // The log may know series that went, and no other may have their references: it deletes
        // nothing, of a series that may be gone.
        let reference = self.table.last_reference();
        stones.chain([Tombstone { reference, min_ms: i64::MIN, max_ms: i64::MIN }])
    }

    /// Gives a series its open chunk. Returns whether that made sense.
    fn restore_open(&mut self, slot: Slot, chunk: &SnapshotChunk<'_>, min_valid_ms: i64) -> bool {
        if self.table.extent(slot).newest_ms >= chunk.min_ms {
            // It became full, and is in a file.
            return true;
        }
        let Some(size) = self.table.resume(slot, chunk) else { return false };
        self.counts.chunk_bytes += size as u64;
        self.counts.chunks += 1;
        self.counts.chunks_created += 1;
        self.max_ms = self.max_ms.max(Some(chunk.max_ms));
        let oldest_ms = chunk.min_ms.max(min_valid_ms);
        self.min_ms = Some(self.min_ms.map_or(oldest_ms, |min_ms| min_ms.min(oldest_ms)));
        true
    }
}

impl ExemplarRing {
    fn visit_snapshot(
        &self,
        table: &SeriesTable,
        write: &mut dyn FnMut(Vec<u8>) -> Result<(), WalError>,
    ) -> Result<(), WalError> {
        let mut batch = Vec::new();
        for (series, exemplar) in self.iter() {
            // Those of series that went are gone after a restart.
            let Some(slot) = table.find(series) else { continue };
            let reference = table.get(slot).reference;
            let Exemplar { ref labels, value, timestamp_ms, .. } = *exemplar;
            batch.push(RefExemplar { reference, timestamp_ms, value, labels: labels.clone() });
            if batch.len() == EXEMPLARS_PER_RECORD {
                write(encode_snapshot_exemplars(&batch))?;
                batch.clear();
            }
        }
        if batch.is_empty() { Ok(()) } else { write(encode_snapshot_exemplars(&batch)) }
    }
}

impl Replayer {
    /// Takes one record of a snapshot. Returns whether it made sense; where it did not, the replayer
    /// holds a part of the snapshot and is of no use any more.
    pub(crate) fn restore(&mut self, record: &[u8]) -> bool {
        match SnapshotRecord::decode(record) {
            Some(SnapshotRecord::Series(series, chunk)) => {
                self.add_series(&series);
                self.stats.snapshot_series += 1;
                let slot = self.find(series.reference);
                let chunk = chunk.filter(|chunk| chunk.max_ms >= self.min_valid_ms);
                let restored = slot.zip(chunk);
                restored.is_none_or(|(slot, chunk)| {
                    self.state.restore_open(slot, &chunk, self.min_valid_ms)
                })
            }
            Some(SnapshotRecord::Tombstones(tombstones)) => {
                for tombstone in tombstones {
                    self.state.table.reserve_reference(tombstone.reference);
                    if tombstone.max_ms > i64::MIN {
                        self.delete(tombstone);
                    }
                }
                self.is_restored = true;
                true
            }
            Some(SnapshotRecord::Exemplars(exemplars)) => {
                exemplars.iter().for_each(|item| self.add_exemplar(item));
                true
            }
            None => false,
        }
    }

    /// Returns whether the snapshot was there up to its tombstones, which follow all series.
    pub(crate) fn is_restored(&self) -> bool {
        self.is_restored
    }
}

impl SeriesTable {
    /// Gives a series without an open chunk one. Returns its size; `None` where the bytes are no chunk.
    fn resume(&mut self, slot: Slot, chunk: &SnapshotChunk<'_>) -> Option<usize> {
        let (series, slab) = self.series_and_slab(slot);
        let open = Open::resume(chunk, slab)?;
        let size = open.size();
        series.resume(open, chunk.min_ms);
        Some(size)
    }
}

/// As in the reference.
const EXEMPLARS_PER_RECORD: usize = 10_000;
