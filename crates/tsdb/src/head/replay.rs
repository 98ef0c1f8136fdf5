use std::sync::atomic::AtomicU8;

use hashbrown::HashMap;
use narthex_model::{Exemplar, SampleTime};
use parking_lot::{Mutex, RwLock};

use super::cut::CutRules;
use super::exemplars::ExemplarRing;
use super::full::{FullChunk, FullChunks, Place};
use super::isolation::Readers;
use super::labels::LABELS_SIZE_MAX;
use super::ooo::{Leftovers, OutOfOrderWindow};
use super::series::Slot;
use super::{Alias, Appenders, Head, Refusals, State, underway};
use crate::head_chunks::{FoundChunk, HeadChunks};
use crate::sample::{Sample, Value};
use crate::wal::record::{
    Decoder, Record, RefExemplar, RefHistogram, RefMetadata, RefSample, RefSeries, Tombstone,
};
use crate::{Options, ReplayStats, provisional};

/// Builds the head from the records of the write-ahead log.
///
/// Series get the references of the log, so that it can be continued. A series that the log names
/// twice is one series; later records may use either reference.
#[derive(Debug)]
pub(crate) struct Replayer {
    pub(super) state: State,
    pub(super) min_valid_ms: i64,
    rules: CutRules,
    decoder: Decoder,
    /// By slot.
    marks: Vec<Mark>,
    /// Second references of series.
    aliases: HashMap<u64, Slot>,
    /// Where the next sample's series is looked for first: commits mostly hold series in order.
    guess: Slot,
    pub(super) stats: ReplayStats,
    /// Full chunks in files, by the references of their series, until the log names those.
    found: HashMap<u64, FullChunks>,
    leftovers: Leftovers,
    files: Option<HeadChunks>,
    exemplars: ExemplarRing,
    /// Whether a memory snapshot was read.
    pub(super) is_restored: bool,
}

/// What must be known of a series to pass over samples of it that are in files.
///
/// PERF: most samples of a log are. These sixteen bytes a series stay in the processor's caches, where
/// the series themselves do not: 48 million samples of 100,000 series take half the time.
#[derive(Clone, Copy, Debug)]
struct Mark {
    reference: u64,
    /// The time of the newest sample in full chunks, when the log named the series.
    covered_ms: i64,
}

impl Replayer {
    /// Builds a head of the samples from `min_valid_ms` on: older ones are in blocks.
    pub(crate) fn new(options: &Options, min_valid_ms: Option<i64>) -> Self {
        let state = State {
            max_ms: min_valid_ms,
            sealed_ms: min_valid_ms,
            truncated_ms: min_valid_ms,
            ..State::default()
        };
        Self {
            state,
            min_valid_ms: min_valid_ms.unwrap_or(i64::MIN),
            rules: CutRules::new(options),
            decoder: Decoder::default(),
            marks: Vec::new(),
            aliases: HashMap::new(),
            guess: 0,
            stats: ReplayStats::default(),
            found: HashMap::new(),
            leftovers: Leftovers::default(),
            files: None,
            exemplars: ExemplarRing::new(options.exemplars_max, options.out_of_order_window_ms),
            is_restored: false,
        }
    }

    /// Takes a full chunk of a file. Those of a series come before the record that names it.
    pub(crate) fn add_chunk(&mut self, found: FoundChunk) {
        let FoundChunk { series, chunk, min_ms, max_ms, is_out_of_order, .. } = found;
        if is_out_of_order {
            self.leftovers.add_chunk(found);
        } else if max_ms >= self.min_valid_ms {
            let chunk = FullChunk { min_ms, max_ms, place: Place::File(chunk) };
            let list = self.found.entry(series).or_insert(FullChunks::EMPTY);
            self.state.table.gather_full(list, chunk);
        }
    }

    /// Takes the files of full chunks, once all chunks in them were added.
    pub(crate) fn set_files(&mut self, files: HeadChunks) {
        self.files = Some(files);
    }

    /// Notes that memory snapshots could not be read.
    pub(crate) fn count_failed_snapshots(&mut self, count: u64) {
        self.stats.snapshots_failed += count;
    }

    /// Takes one record. Returns whether it made sense.
    pub(crate) fn apply(&mut self, record: &[u8]) -> bool {
        let mut decoder = std::mem::take(&mut self.decoder);
        let decoded = decoder.decode(record);
        let is_good = decoded.is_some();
        self.stats.records += u64::from(is_good);
        match decoded {
            Some(Record::Series(series)) => series.iter().for_each(|item| self.add_series(item)),
            Some(Record::Samples(samples)) => self.add_floats(samples),
            Some(Record::Tombstones(items)) => items.iter().for_each(|item| self.delete(*item)),
            Some(Record::Metadata(items)) => items.iter().for_each(|item| self.add_metadata(item)),
            Some(Record::Histograms(items)) => {
                items.iter().for_each(|item| self.add_histogram(item, Value::Histogram));
            }
            Some(Record::FloatHistograms(items)) => {
                items.iter().for_each(|item| self.add_histogram(item, Value::FloatHistogram));
            }
            Some(Record::Exemplars(items)) => items.iter().for_each(|item| self.add_exemplar(item)),
            // They belong to the log of out-of-order samples.
            Some(Record::MmapMarkers(_)) => {}
            Some(Record::Unknown) => self.stats.records_unknown += 1,
            None => {}
        }
        self.decoder = decoder;
        if let Some(files) = &self.files
            && self.state.unwritten.len() >= SPILL_COUNT
        {
            self.state.spill(files);
        }
        is_good
    }

    /// Returns the head, what was read, and what is left to the log of out-of-order samples.
    pub(crate) fn finish(self, options: &Options) -> (Head, ReplayStats, Leftovers) {
        let mut state = self.state;
        let table = &state.table;
        let aliases = self.aliases.iter();
        state.aliases = aliases
            // No chunk is in a file under a provisional one that is not the series' own.
            .filter(|(alias, _)| !provisional::has(**alias))
            .map(|(alias, slot)| Alias { alias: *alias, reference: table.get(*slot).reference })
            .collect();
        let mut leftovers = self.leftovers;
        leftovers.aliases = self.aliases;
        // Of series that the log does not name. No other series is to be taken for one of them.
        for (reference, list) in self.found {
            state.table.reserve_reference(reference);
            state.table.drop_full(list);
        }
        for slot in state.table.slots() {
            if !state.table.extent(slot).is_empty() {
                state.index.add(slot, &state.table);
            }
        }
        let mut head = Head {
            state: RwLock::new(state),
            readers: Readers::default(),
            underway: underway::Commits::default(),
            rules: self.rules,
            floats: AtomicU8::new(self.rules.floats as u8),
            block_range_ms: options.block_range_ms,
            window: OutOfOrderWindow::new(options),
            guard: None,
            refusals: Refusals::default(),
            appenders: Appenders::default(),
            files: self.files,
            spilling: Mutex::new(()),
            exemplars: RwLock::new(self.exemplars),
        };
        head.state.get_mut().recount();
        head.spill();
        (head, self.stats, leftovers)
    }

    pub(super) fn add_series(&mut self, item: &RefSeries) {
        if item.labels.as_bytes().len() > LABELS_SIZE_MAX {
            return;
        }
        let table = &mut self.state.table;
        let before = table.len();
        let slot = table.find_or_create_as(item.reference, &item.labels);
        table.get_mut(slot).is_logged = true;
        self.state.counts.series_created += (table.len() - before) as u64;
        let reference = table.get(slot).reference;
        if slot as usize == self.marks.len() {
            self.marks.push(Mark { reference, covered_ms: i64::MIN });
        }
        if reference != item.reference {
            self.aliases.insert(item.reference, slot);
        }
        if let Some(chunks) = self.found.remove(&item.reference) {
            self.add_full_chunks(slot, chunks);
        }
    }

    /// Gives a series its full chunks. The log's samples of the same times are passed over.
    fn add_full_chunks(&mut self, slot: Slot, chunks: FullChunks) {
        let State { table, counts, min_ms, max_ms, .. } = &mut self.state;
        if table.get(slot).open_size() > 0 {
            // The log named the series by another reference before, and had samples for it.
            table.drop_full(chunks);
            return;
        }
        let before = table.get(slot).chunk_count(table.slab());
        table.take_full(slot, chunks);
        let added = (table.get(slot).chunk_count(table.slab()) - before) as u64;
        counts.chunks += added;
        counts.chunks_created += added;
        if let Some((oldest_ms, newest_ms)) = table.get(slot).bounds(table.slab()) {
            let oldest_ms = oldest_ms.max(self.min_valid_ms);
            *min_ms = Some(min_ms.map_or(oldest_ms, |min_ms| min_ms.min(oldest_ms)));
            *max_ms = (*max_ms).max(Some(newest_ms));
            self.marks[slot as usize].covered_ms = newest_ms;
        }
    }

    fn add_floats(&mut self, samples: &[RefSample]) {
        for sample in samples {
            let RefSample { reference, timestamp_ms, start_timestamp_ms, value } = *sample;
            if let Some(slot) = self.slot_for(reference, timestamp_ms) {
                let time = SampleTime { timestamp_ms, start_timestamp_ms };
                self.state.append(slot, Sample { time, value: Value::Float(value) }, self.rules);
            }
        }
    }

    fn add_histogram<H: Clone>(
        &mut self,
        item: &RefHistogram<H>,
        into_value: impl Fn(Box<H>) -> Value,
    ) {
        let RefHistogram { reference, timestamp_ms, start_timestamp_ms, ref histogram } = *item;
        if let Some(slot) = self.slot_for(reference, timestamp_ms) {
            let time = SampleTime { timestamp_ms, start_timestamp_ms };
            let value = into_value(Box::new(histogram.clone()));
            self.state.append(slot, Sample { time, value }, self.rules);
        }
    }

    /// Returns where a sample is to be appended: nowhere where a file or a block has it, or where the log
    /// does not name its series. What the live head refused as out of order is refused again.
    #[inline]
    fn slot_for(&mut self, reference: u64, timestamp_ms: i64) -> Option<Slot> {
        if timestamp_ms < self.min_valid_ms {
            // Its series may be gone, but its reference is not to be another's.
            self.state.table.reserve_reference(reference);
            return None;
        }
        let slot = match self.marks.get(self.guess as usize) {
            Some(mark) if mark.reference == reference => self.guess,
            _ => match self.find(reference) {
                Some(slot) => slot,
                None => {
                    self.stats.unknown_series += 1;
                    return None;
                }
            },
        };
        self.guess = slot + 1;
        self.stats.samples += 1;
        (timestamp_ms > self.marks[slot as usize].covered_ms).then_some(slot)
    }

    #[cold]
    pub(super) fn find(&self, reference: u64) -> Option<Slot> {
        let slot = self.state.table.find_reference(reference);
        slot.or_else(|| self.aliases.get(&reference).copied())
    }

    pub(super) fn delete(&mut self, tombstone: Tombstone) {
        self.state.table.reserve_reference(tombstone.reference);
        let Some(slot) = self.find(tombstone.reference) else {
            // Of an old one the series may be gone.
            self.stats.unknown_series += u64::from(tombstone.max_ms >= self.min_valid_ms);
            return;
        };
        let State { table, counts, tombstones, departed, .. } = &mut self.state;
        if (tombstone.min_ms, tombstone.max_ms) == (i64::MIN, i64::MAX) {
            // The whole series went; what the log says of it from here on is another life.
            let series = table.get(slot);
            let newest_ms = series.extent(table.slab()).newest_ms;
            counts.chunks -= series.chunk_count(table.slab()) as u64;
            counts.chunk_bytes -= series.chunk_bytes(table.slab()) as u64;
            table.clear(slot);
            self.marks[slot as usize].covered_ms = i64::MIN;
            tombstones.remove(&slot);
            // It may leave the head at any time, and the log has it all the same.
            departed.insert(tombstone.reference, newest_ms);
        } else {
            let range = (tombstone.min_ms, tombstone.max_ms);
            tombstones.entry(slot).or_default().push(range);
        }
    }

    pub(super) fn add_exemplar(&mut self, item: &RefExemplar) {
        if item.timestamp_ms < self.min_valid_ms {
            return;
        }
        let Some(slot) = self.find(item.reference) else {
            self.stats.unknown_series += 1;
            return;
        };
        let RefExemplar { timestamp_ms, value, ref labels, .. } = *item;
        let labels = labels.clone();
        let exemplar = Exemplar { labels, value, timestamp_ms, has_own_timestamp: false };
        // One that the live head refused is refused again.
        let _ = self.exemplars.add(&self.state.table.label_set(slot), exemplar);
    }

    fn add_metadata(&mut self, item: &RefMetadata) {
        // Of a series that left the head it may be there yet.
        if let Some(slot) = self.find(item.reference) {
            self.state.metadata.set(slot, item.metadata.clone());
        }
    }
}

/// So many full chunks are held in memory while the log is read.
const SPILL_COUNT: usize = 4_096;
