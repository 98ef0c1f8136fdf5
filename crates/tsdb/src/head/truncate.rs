use std::time::Duration;

use narthex_storage::TimeRange;

use super::series::Slot;
use super::{Head, State};

impl Head {
    /// Returns the end of the next block, once the head reaches so far beyond it that nobody appends to
    /// its time any more.
    ///
    /// # Source
    ///
    /// `Head.compactable` and `rangeForTimestamp` in Prometheus' `tsdb/head.go` and `tsdb/db.go`.
    pub(crate) fn due_end_ms(&self) -> Option<i64> {
        let state = self.state.read();
        let (min_ms, max_ms) = state.min_ms.zip(state.max_ms)?;
        let is_due = max_ms.saturating_sub(min_ms) > self.block_range_ms / 2 * 3;
        is_due.then(|| self.range_end_ms(min_ms))
    }

    /// Returns the time that the next block holds, which ends at `end_ms` or before. `None` where the
    /// head holds nothing that is older.
    pub(crate) fn next_range(&self, end_ms: i64) -> Option<TimeRange> {
        let min_ms = self.state.read().min_ms.filter(|min_ms| *min_ms < end_ms)?;
        Some(TimeRange { min_ms, max_ms: end_ms.min(self.range_end_ms(min_ms)) - 1 })
    }

    pub(crate) fn count_truncation(&self, took: Duration) {
        self.state.write().counts.truncations.add(took);
    }

    fn range_end_ms(&self, timestamp_ms: i64) -> i64 {
        let range_ms = self.block_range_ms;
        timestamp_ms.div_euclid(range_ms).saturating_add(1).saturating_mul(range_ms)
    }

    /// Drops the chunks all of whose samples are older than `min_ms`, and the series without any left.
    /// From now on nobody reads or appends what is older: it is in a block.
    ///
    /// Waits for the commits that have such samples and for the readers that see them. Appends go on,
    /// and others read.
    pub(crate) fn truncate(&self, min_ms: i64) {
        self.seal(min_ms);
        {
            let mut state = self.state.write();
            if state.truncated_ms.is_some_and(|truncated_ms| min_ms <= truncated_ms) {
                return;
            }
            state.truncated_ms = Some(min_ms);
            state.fresh_min_ms = None;
        }
        self.readers.wait_for_those_before(min_ms);
        let mut oldest_ms = None;
        let mut first = 0;
        loop {
            let mut state = self.state.write();
            let slots = state.table.slots().skip(first).take(SERIES_AT_A_TIME).collect::<Vec<_>>();
            if slots.is_empty() {
                // A chunk that stays for its end may begin before.
                let oldest_ms = oldest_ms.map(|oldest_ms: i64| oldest_ms.max(min_ms));
                // Series that were looked at may have got their first sample since then.
                state.min_ms = [oldest_ms, state.fresh_min_ms].into_iter().flatten().min();
                state.departed.retain(|_, newest_ms| *newest_ms >= min_ms);
                break;
            }
            first += slots.len();
            state.truncate(slots, min_ms, &mut oldest_ms);
        }
        if let Some(files) = &self.files {
            // Samples out of order stay, however old they are.
            let kept = self.state.read().out_of_order.first_file();
            if let Err(error) = files.truncate(min_ms, kept) {
                tracing::warn!(%error, "files of old head chunks cannot be removed");
            }
        }
    }
}

impl State {
    /// Truncates some series. `oldest_ms` becomes the time of their oldest sample, where that is older.
    fn truncate(&mut self, mut slots: Vec<Slot>, min_ms: i64, oldest_ms: &mut Option<i64>) {
        slots.retain(|slot| self.table.has(*slot));
        for &slot in &slots {
            let before = self.chunks_of(slot);
            self.counts.tally -= self.table.get(slot).tally();
            self.table.drop_chunks_before(slot, min_ms);
            self.counts.tally += self.table.get(slot).tally();
            let after = self.chunks_of(slot);
            self.counts.chunks -= before.0 - after.0;
            self.counts.chunks_removed += before.0 - after.0;
            self.counts.chunk_bytes -= before.1 - after.1;
            let bounds = self.table.get(slot).bounds(self.table.slab());
            *oldest_ms =
                [*oldest_ms, bounds.map(|(oldest_ms, _)| oldest_ms)].into_iter().flatten().min();
            if let Some(ranges) = self.tombstones.get_mut(&slot) {
                // Samples out of order may be older, and stay.
                let has_late = self.out_of_order.has(slot);
                ranges.retain(|(_, max_ms)| has_late || *max_ms >= min_ms);
            }
        }
        slots.retain(|slot| {
            !self.has_samples(*slot) && *self.table.get_mut(*slot).pending.get_mut() == 0
        });
        self.index.remove(&slots, &self.table);
        self.counts.series_removed += slots.len() as u64;
        for slot in slots {
            self.table.remove(slot);
            self.tombstones.remove(&slot);
            self.metadata.remove(slot);
        }
    }

    /// Returns how many chunks a series has, and their size in bytes.
    pub(super) fn chunks_of(&self, slot: Slot) -> (u64, u64) {
        let (series, slab) = (self.table.get(slot), self.table.slab());
        (series.chunk_count(slab) as u64, series.chunk_bytes(slab) as u64)
    }
}

/// How many series are truncated before commits have their turn.
const SERIES_AT_A_TIME: usize = 4_096;
