//! Full chunks go to files, from where they are read when somebody asks for them.

use bytes::Bytes;

use super::full::Place;
use super::series::Slot;
use super::{Head, State};
use crate::EncodedChunk;
use crate::head_chunks::{ChunkRef, HeadChunks};

/// A full chunk that is in memory.
struct Unwritten {
    slot: Slot,
    reference: u64,
    chunk: EncodedChunk,
}

/// A full chunk that is in a file now.
struct Written {
    slot: Slot,
    reference: u64,
    min_ms: i64,
    place: ChunkRef,
}

impl Head {
    /// Writes the chunks to files that have become full, unless somebody does so already. What cannot
    /// be written stays in memory.
    pub(super) fn spill(&self) {
        let (Some(files), Some(_guard)) = (&self.files, self.spilling.try_lock()) else { return };
        if self.state.read().unwritten.is_empty() {
            return;
        }
        let slots = std::mem::take(&mut self.state.write().unwritten);
        for slots in slots.chunks(SERIES_AT_A_TIME) {
            let unwritten = self.state.read().unwritten_chunks(slots);
            let written = write(files, unwritten);
            self.state.write().move_chunks(&written);
        }
    }
}

impl State {
    /// As [`Head::spill`], for a head that nobody else has yet.
    pub(super) fn spill(&mut self, files: &HeadChunks) {
        let slots = std::mem::take(&mut self.unwritten);
        let written = write(files, self.unwritten_chunks(&slots));
        self.move_chunks(&written);
    }

    /// Returns copies of the full chunks that are in memory.
    fn unwritten_chunks(&self, slots: &[Slot]) -> Vec<Unwritten> {
        let mut unwritten = Vec::with_capacity(slots.len());
        for &slot in slots.iter().filter(|slot| self.table.has(**slot)) {
            let (series, slab) = (self.table.get(slot), self.table.slab());
            for full in series.full().iter(slab) {
                if let Place::Memory { .. } = full.place {
                    let (encoding, bytes) = full.in_memory(slab);
                    let bytes = Bytes::copy_from_slice(bytes);
                    let (min_ms, max_ms) = (full.min_ms, full.max_ms);
                    let chunk = EncodedChunk { min_ms, max_ms, encoding, bytes };
                    unwritten.push(Unwritten { slot, reference: series.reference, chunk });
                }
            }
        }
        unwritten
    }

    /// Frees the memory of chunks that are in files now. Some may have left the head meanwhile.
    fn move_chunks(&mut self, written: &[Written]) {
        for item in written {
            if self.table.has(item.slot) && self.table.get(item.slot).reference == item.reference {
                let freed = self.table.move_chunk(item.slot, item.min_ms, item.place);
                self.counts.chunk_bytes -= freed as u64;
                self.counts.chunks_written += 1;
            }
        }
    }
}

fn write(files: &HeadChunks, unwritten: Vec<Unwritten>) -> Vec<Written> {
    let mut written = Vec::with_capacity(unwritten.len());
    let mut seen = None;
    for Unwritten { slot, reference, chunk } in unwritten {
        // A series that had several chunks closed is in the list as often.
        if seen.replace((slot, chunk.min_ms)) == Some((slot, chunk.min_ms)) {
            continue;
        }
        match files.write(reference, &chunk, false) {
            Ok(place) => written.push(Written { slot, reference, min_ms: chunk.min_ms, place }),
            Err(error) => {
                tracing::warn!(%error, "full chunks stay in memory: they cannot be written");
                break;
            }
        }
    }
    written
}

/// How many series have their chunks copied before commits have their turn.
const SERIES_AT_A_TIME: usize = 1_024;
