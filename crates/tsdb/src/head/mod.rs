//! The newest samples: all series in memory, with an index of their labels.
//!
//! A series is a small record in a [`SeriesTable`]: what must be known to append to it, and the numbers
//! of its labels and of the buffers that hold its chunks. Its label set is put together when somebody
//! asks for it.
//!
//! One lock guards the series and the index. A commit holds it for some ten nanoseconds a sample,
//! after the write-ahead log has the samples; readers hold it to find series and to copy an open
//! chunk, and decode outside.

mod append;
mod cardinality;
mod cut;
mod delete;
mod early;
mod exemplars;
mod export;
mod full;
mod index;
mod isolation;
mod labels;
mod live;
mod memory_snapshot;
mod ooo;
mod open;
mod pack;
mod parts;
mod postings;
mod read;
mod replay;
mod series;
mod slab;
mod slots;
mod spill;
mod stale;
mod table;
mod tally;
mod texts;
mod trail;
mod truncate;
mod underway;
mod value;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use hashbrown::{HashMap, HashSet};
use narthex_chunk::Encoding;
use narthex_model::{Labels, Metadata, SampleTime};
use narthex_storage::{AppendError, SeriesRef, TimeRange};
use parking_lot::{Mutex, RwLock, RwLockReadGuard, RwLockWriteGuard};

pub(crate) use append::HeadAppender;
use append::{Commit, Pending, PendingMetadata};
use cut::CutRules;
use exemplars::ExemplarRing;
pub(crate) use export::OnDamage;
use index::Index;
use isolation::{Commits, Readers};
pub(crate) use ooo::OutOfOrderChunks;
use ooo::{DeltaCounts, OutOfOrderMap, OutOfOrderWindow};
pub(crate) use read::HeadQuerier;
pub(crate) use replay::Replayer;
use series::{Appended, Slot};
pub(crate) use stale::StaleSeries;
use table::SeriesTable;
use tally::Tally;
use trail::Trail;
use value::Kind;

use crate::clock_guard::ClockGuard;
use crate::head_chunks::HeadChunks;
use crate::sample::{Sample, Value};
use crate::wal::Wal;
use crate::{FloatEncoding, HeadStats, Timing, WalError};

/// All series in memory.
pub(crate) struct Head {
    state: RwLock<State>,
    readers: Readers,
    underway: underway::Commits,
    rules: CutRules,
    /// How chunks of floats are encoded that start from now on: what the rules say of it at first.
    floats: AtomicU8,
    block_range_ms: i64,
    /// For samples out of order.
    window: OutOfOrderWindow,
    /// Against samples of the future, where they are not taken.
    guard: Option<Arc<ClockGuard>>,
    refusals: Refusals,
    appenders: Appenders,
    /// Where full chunks go.
    files: Option<HeadChunks>,
    /// Held by who writes them.
    spilling: Mutex<()>,
    /// Whoever holds it takes no other lock.
    exemplars: RwLock<ExemplarRing>,
}

#[derive(Debug, Default)]
struct State {
    table: SeriesTable,
    /// Holds the series that have had samples: what was never committed is not seen.
    index: Index,
    out_of_order: OutOfOrderMap,
    commits: Commits,
    tombstones: HashMap<Slot, Vec<(i64, i64)>>,
    metadata: MetadataMap,
    /// By which logs and files name some series, too: those that came back when they had left.
    aliases: Vec<Alias>,
    /// Of all samples, and of the first one that was tried.
    max_ms: Option<i64>,
    min_ms: Option<i64>,
    /// Of the samples that came since the head was truncated last, or since that began.
    fresh_min_ms: Option<i64>,
    /// Samples that are older are not taken: they are in a block, or about to be.
    sealed_ms: Option<i64>,
    /// Samples that are older have left the head, or do so now.
    truncated_ms: Option<i64>,
    /// Series that left though the log may have samples of them: their newest ones' times, by reference.
    departed: HashMap<u64, i64>,
    /// Series with full chunks that are in memory, and not yet known to stay there.
    unwritten: Vec<Slot>,
    counts: Counts,
}

/// A second reference of a series.
#[derive(Clone, Copy, Debug)]
struct Alias {
    alias: u64,
    reference: u64,
}

/// What metrics mean, each text held once.
#[derive(Debug, Default)]
struct MetadataMap {
    by_slot: HashMap<Slot, Arc<Metadata>>,
    shared: HashSet<Arc<Metadata>>,
}

#[derive(Debug, Default)]
struct Counts {
    series_created: u64,
    chunks: u64,
    chunks_created: u64,
    chunks_removed: u64,
    chunks_written: u64,
    truncations: Timing,
    series_removed: u64,
    chunk_bytes: u64,
    tally: Tally,
    samples_appended: u64,
    /// Of these, in order.
    histograms_appended: u64,
    out_of_order_samples: u64,
}

/// Counts appenders.
#[derive(Debug, Default)]
struct Appenders {
    created: AtomicU64,
    active: AtomicU64,
}

/// Counts what appenders turned away, which they do beside each other.
#[derive(Debug, Default)]
struct Refusals {
    out_of_order: AtomicU64,
    out_of_bounds: AtomicU64,
    duplicates: AtomicU64,
    too_old: AtomicU64,
    too_far_ahead: AtomicU64,
    not_found: AtomicU64,
    deltas: DeltaCounts,
}

impl Head {
    pub(crate) fn stats(&self) -> HeadStats {
        let state = self.state.read();
        let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
        HeadStats {
            series: state.table.len() as u64,
            series_created: state.counts.series_created,
            series_removed: state.counts.series_removed,
            stale_series: state.counts.tally.stale,
            histogram_series: state.counts.tally.histograms,
            histogram_buckets: state.counts.tally.buckets,
            chunks: state.counts.chunks,
            chunks_created: state.counts.chunks_created,
            chunks_written: state.counts.chunks_written,
            truncations: state.counts.truncations,
            appenders_created: load(&self.appenders.created),
            appenders_active: load(&self.appenders.active),
            last_commit: state.commits.last(),
            last_commit_seen: self.readers.oldest().unwrap_or_else(|| state.commits.last()),
            chunks_removed: state.counts.chunks_removed,
            chunk_bytes: state.counts.chunk_bytes,
            chunk_file_bytes: self.files.as_ref().map_or(0, HeadChunks::size_bytes),
            samples_appended: state.counts.samples_appended,
            histograms_appended: state.counts.histograms_appended,
            out_of_order_samples: load(&self.refusals.out_of_order),
            out_of_order_samples_appended: state.counts.out_of_order_samples,
            too_old_samples: load(&self.refusals.too_old),
            future_samples: load(&self.refusals.too_far_ahead),
            out_of_order_deltas: self.refusals.deltas.get(),
            out_of_bound_samples: load(&self.refusals.out_of_bounds),
            duplicate_samples: load(&self.refusals.duplicates),
            series_not_found: load(&self.refusals.not_found),
            min_ms: state.min_ms,
            max_ms: state.min_ms.and(state.max_ms),
        }
    }

    /// Returns the time before which everything left the head.
    pub(crate) fn truncated_ms(&self) -> Option<i64> {
        self.state.read().truncated_ms
    }

    /// Refuses samples that are further ahead of the clock than the guard lets them be.
    pub(crate) fn set_guard(&mut self, guard: Option<Arc<ClockGuard>>) {
        self.guard = guard;
    }

    /// Changes how chunks of floats are encoded. With its next sample a series starts another chunk.
    pub(crate) fn set_float_encoding(&self, encoding: FloatEncoding) {
        self.floats.store(Encoding::from(encoding) as u8, Ordering::Relaxed);
    }

    fn rules(&self) -> CutRules {
        let floats = Encoding::try_from(self.floats.load(Ordering::Relaxed));
        let mut rules = self.rules;
        rules.floats = floats.unwrap_or(rules.floats);
        rules
    }

    /// Returns the latest time that a sample may have.
    pub(crate) fn latest_ms(&self) -> i64 {
        self.guard.as_ref().map_or(i64::MAX, |guard| guard.latest_ms())
    }

    /// Returns the log of out-of-order samples, where there is one.
    pub(crate) fn out_of_order_log(&self) -> Option<&Wal> {
        self.window.log()
    }

    /// Brings the files of full chunks to the disk, so that the next start need not read as much of the
    /// log.
    pub(crate) fn close(&self) {
        if let Some(files) = &self.files
            && let Err(error) = files.sync()
        {
            tracing::warn!(%error, "full chunks of the head are not on the disk");
        }
    }

    pub(crate) fn find_series(&self, labels: &Labels) -> Option<SeriesRef> {
        let state = self.state.read();
        state.table.find(labels).map(|slot| state.series_ref(slot))
    }

    pub(crate) fn metadata(&self, series: SeriesRef) -> Option<Arc<Metadata>> {
        let state = self.state.read();
        let slot = state.find_series(series).ok()?;
        state.metadata.by_slot.get(&slot).cloned()
    }

    /// Returns the slot of a series with these labels, and makes it where there is none.
    fn series_for(&self, labels: &Labels, trail: &mut Trail) -> (RwLockReadGuard<'_, State>, Slot) {
        let state = self.state.read();
        let hash = match trail.find(labels, &state.table) {
            Ok(slot) => return (state, slot),
            Err(hash) => hash,
        };
        drop(state);
        let mut state = self.state.write();
        let before = state.table.len();
        let slot = state.table.find_or_create(labels, hash);
        trail.step(slot, &state.table);
        state.counts.series_created += (state.table.len() - before) as u64;
        (RwLockWriteGuard::downgrade(state), slot)
    }

    fn count_refusal(&self, error: &AppendError) {
        let count = match error {
            AppendError::OutOfOrder => &self.refusals.out_of_order,
            AppendError::OutOfBounds => &self.refusals.out_of_bounds,
            AppendError::DuplicateTimestamp => &self.refusals.duplicates,
            AppendError::TooOld => &self.refusals.too_old,
            AppendError::TooFarAhead => &self.refusals.too_far_ahead,
            AppendError::UnknownSeries(_) => &self.refusals.not_found,
            _ => return,
        };
        count.fetch_add(1, Ordering::Relaxed);
    }

    /// Applies what the write-ahead log holds now. Returns how many samples were new.
    ///
    /// # Errors
    ///
    /// Where samples out of order could not be logged: the others were applied, as the log has them, and
    /// what comes in order is judged by the log when it is read again.
    fn apply(&self, commit: Commit<'_>) -> Result<usize, WalError> {
        let Commit { samples, metadata, named, bounds, has_repeats } = commit;
        let late = bounds.map(|bounds| self.take_late(samples, bounds, has_repeats));
        let late = late.unwrap_or_default();
        let _changing = (!late.is_empty()).then(|| self.window.changing.lock());
        let late = self.log_late(late);
        let mut state = self.state.write();
        for (slot, reference) in named {
            let series = state.table.get_mut(slot);
            series.is_logged |= series.reference == reference;
        }
        for PendingMetadata { slot, reference, metadata } in metadata {
            if state.table.get(slot).reference == reference {
                state.metadata.set(slot, metadata);
            }
        }
        let has_readers = state.commits.begin(&self.readers);
        let rules = self.rules();
        let mut applied = 0;
        for Pending { slot, sample, .. } in samples.drain(..) {
            *state.table.get_mut(slot).pending.get_mut() -= 1;
            let before = state.table.extent(slot);
            if has_readers {
                state.commits.note(slot, before);
            }
            if before.is_empty() && !state.out_of_order.has(slot) {
                let State { index, table, .. } = &mut *state;
                index.add(slot, table);
            }
            let is_histogram = sample.value.kind() != Kind::Float;
            match state.append(slot, sample, rules) {
                Appended::Same | Appended::NewChunk => {
                    applied += 1;
                    state.counts.histograms_appended += u64::from(is_histogram);
                }
                Appended::Duplicate => {}
                // Another commit overtook this one, or the appender held times out of order.
                Appended::OutOfOrder => self.count_refusal(&AppendError::OutOfOrder),
            }
        }
        let late = late.map(|late| state.publish(late, has_readers));
        applied += late.as_ref().copied().unwrap_or(0);
        state.counts.samples_appended += applied as u64;
        late.map(|_| applied)
    }
}

impl fmt::Debug for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Head").field("stats", &self.stats()).finish_non_exhaustive()
    }
}

impl State {
    fn find_series(&self, series: SeriesRef) -> Result<Slot, AppendError> {
        let slot = slot_of(series);
        let is_it = self.table.has(slot) && self.series_ref(slot) == series;
        if is_it { Ok(slot) } else { Err(AppendError::UnknownSeries(series)) }
    }

    /// Returns the name of a series for those who append: its slot, and as much of its reference as
    /// there is room for, so that another series in the slot has another name. No series has the same in
    /// an early head and in the one that follows it.
    fn series_ref(&self, slot: Slot) -> SeriesRef {
        let mark = if self.table.is_provisional() { EARLY_MARK } else { 0 };
        SeriesRef(self.table.get(slot).reference << 32 | u64::from(mark | slot))
    }

    /// Returns whether some samples may be in `range`: whether the reference would look there for
    /// labels.
    fn overlaps(&self, range: TimeRange) -> bool {
        let bounds = self.min_ms.zip(self.max_ms);
        bounds.is_some_and(|(min_ms, max_ms)| min_ms <= range.max_ms && range.min_ms <= max_ms)
    }

    /// Returns whether a series has a chunk in `range` that is not deleted.
    fn has_chunk_in(&self, slot: Slot, range: TimeRange) -> bool {
        let deleted = self.tombstones.get(&slot).map_or(&[][..], |ranges| ranges);
        self.table.get(slot).overlaps(range, deleted, self.table.slab())
    }

    /// Returns whether all samples are in `range`.
    fn lies_in(&self, range: TimeRange) -> bool {
        let bounds = self.min_ms.zip(self.max_ms);
        bounds.is_none_or(|(min_ms, max_ms)| range.contains(min_ms) && range.contains(max_ms))
    }

    /// As [`State::append`], for a float.
    ///
    /// PERF: nearly every sample of a log goes to an open chunk that has room.
    #[inline]
    fn append_float(&mut self, slot: Slot, time: SampleTime, value: f64, rules: CutRules) {
        if let Some(grown) = self.table.push_float(slot, time, value, rules) {
            self.counts.chunk_bytes += grown as u64;
            self.note_time(time.timestamp_ms);
        } else {
            self.append(slot, Sample { time, value: Value::Float(value) }, rules);
        }
    }

    /// Notes that there is a sample of this time.
    fn note_time(&mut self, timestamp_ms: i64) {
        self.max_ms = self.max_ms.max(Some(timestamp_ms));
        let or_older = |min_ms: Option<i64>| {
            Some(min_ms.map_or(timestamp_ms, |min_ms| min_ms.min(timestamp_ms)))
        };
        self.min_ms = or_older(self.min_ms);
        self.fresh_min_ms = or_older(self.fresh_min_ms);
    }

    /// Appends a sample to its series. The index is the caller's business.
    fn append(&mut self, slot: Slot, sample: Sample, rules: CutRules) -> Appended {
        let timestamp_ms = sample.time.timestamp_ms;
        let series = self.table.get(slot);
        let (open_before, tally_before) = (series.open_size(), series.tally());
        let value = sample.value.into_end_of(series.newest_kind());
        let appended = self.table.append(slot, &Sample { value, ..sample }, rules);
        let counted = match appended {
            Appended::Duplicate | Appended::OutOfOrder => return appended,
            Appended::Same => open_before,
            Appended::NewChunk => 0,
        };
        self.counts.chunk_bytes += self.table.get(slot).open_size() as u64;
        self.counts.chunk_bytes -= counted as u64;
        self.counts.tally += self.table.get(slot).tally();
        self.counts.tally -= tally_before;
        let is_new = u64::from(appended == Appended::NewChunk);
        if is_new > 0 && self.table.get(slot).full().len(self.table.slab()) > 0 {
            self.unwritten.push(slot);
        }
        self.counts.chunks += is_new;
        self.counts.chunks_created += is_new;
        self.note_time(timestamp_ms);
        appended
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the lower half is the slot")]
fn slot_of(SeriesRef(name): SeriesRef) -> Slot {
    name as Slot & !EARLY_MARK
}

/// Stands in the names of series of an early head. No head has so many slots that one has this bit.
const EARLY_MARK: Slot = 1 << 31;

impl MetadataMap {
    fn set(&mut self, slot: Slot, metadata: Metadata) {
        let shared =
            self.shared.get_or_insert_with(&metadata, |metadata| Arc::new(metadata.clone()));
        let before = self.by_slot.insert(slot, Arc::clone(shared));
        self.forget(before);
    }

    fn remove(&mut self, slot: Slot) {
        let before = self.by_slot.remove(&slot);
        self.forget(before);
    }

    /// Drops a text that no other series has: it is held here and among the shared ones.
    fn forget(&mut self, metadata: Option<Arc<Metadata>>) {
        if let Some(metadata) = metadata
            && Arc::strong_count(&metadata) == 2
        {
            self.shared.remove(&metadata);
        }
    }
}

#[cfg(test)]
mod tests;
