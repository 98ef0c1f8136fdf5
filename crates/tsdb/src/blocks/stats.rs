use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use narthex_chunk::sample_count;

use super::Blocks;
use crate::{Block, BlocksStats, CompactionStats, EncodedChunk};

impl Blocks {
    pub(crate) fn stats(&self) -> BlocksStats {
        let state = self.state.read();
        let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let sum = |of: fn(&Block) -> u64| state.open.iter().map(|block| of(block)).sum();
        BlocksStats {
            loaded: state.open.len() as u64,
            size_bytes: sum(Block::size),
            table_bytes: sum(|block| block.table_bytes() as u64),
            min_ms: state.open.first().map(|block| block.meta().min_ms),
            lost: state.lost.len() as u64,
            damaged: sum(|block| u64::from(block.is_damaged())),
            compactions: load(&self.counts.compactions),
            compactions_failed: load(&self.counts.compactions_failed),
            time_retentions: load(&self.counts.time_retentions),
            size_retentions: load(&self.counts.size_retentions),
            reloads: load(&self.counts.reloads),
            reloads_failed: load(&self.counts.reloads_failed),
        }
    }

    pub(crate) fn compaction_stats(&self) -> CompactionStats {
        *self.counts.compaction.lock()
    }

    /// Counts that somebody looks for something to do.
    pub(crate) fn count_trigger(&self) {
        self.counts.compaction.lock().triggered += 1;
    }

    /// Counts that series which ended were moved, or could not be.
    pub(crate) fn count_stale(&self, took: Duration, has_failed: bool) {
        let mut stats = self.counts.compaction.lock();
        stats.stale.add(took);
        stats.stale_failed += u64::from(has_failed);
    }

    /// Counts that what was deleted was removed from blocks.
    pub(super) fn count_cleanup(&self, took: Duration) {
        self.counts.compaction.lock().tombstone_cleanups.add(took);
    }

    /// Counts a compaction of blocks that overlapped.
    pub(super) fn count_vertical(&self) {
        self.counts.compaction.lock().vertical += 1;
    }

    /// Notes that a block is being written, and returns since when.
    pub(super) fn note_writing(&self) -> Duration {
        self.counts.compaction.lock().is_writing = true;
        self.host.clock.elapsed()
    }

    /// Notes that a block was written, or given up.
    pub(super) fn note_written(&self, start: Duration) {
        let took = self.host.clock.elapsed().saturating_sub(start);
        let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let mut stats = self.counts.compaction.lock();
        stats.is_writing = false;
        stats.durations_ms.add(took_ms, &CompactionStats::DURATION_BOUNDS_MS);
    }

    /// Counts what chunks are like that leave the head.
    pub(super) fn count_chunks(&self, chunks: &[EncodedChunk]) {
        let mut stats = self.counts.compaction.lock();
        for chunk in chunks {
            let size = chunk.bytes.len() as u64;
            stats.chunk_bytes.add(size, &CompactionStats::CHUNK_BYTES_BOUNDS);
            // One that is none is an error where it is written.
            let count = sample_count(chunk.encoding, &chunk.bytes).unwrap_or(0);
            stats.chunk_samples.add(count.into(), &CompactionStats::CHUNK_SAMPLES_BOUNDS);
            let range_ms = chunk.max_ms.abs_diff(chunk.min_ms);
            stats.chunk_ranges_ms.add(range_ms, &CompactionStats::CHUNK_RANGE_BOUNDS_MS);
        }
    }
}
