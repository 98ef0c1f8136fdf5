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
use super::table::SeriesTable;
use super::{Alias, Appenders, Head, Refusals, State, underway};
use crate::head_chunks::{FoundChunk, HeadChunks};
use crate::sample::{Sample, Value};
use crate::wal::record::{
    Decoder, Record, RefExemplar, RefHistogram, RefMetadata, RefSample, RefSeries, Tombstone,
    has_samples, visit_samples,
};
use crate::wal::{Apply, Coverage, Stretch};
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
    marks: Marks,
    /// Where the next histogram's series is looked for first.
    guess: Slot,
    /// The floats of the present record that go to open chunks.
    floats: Vec<(Slot, SampleTime, f64)>,
    pub(super) stats: ReplayStats,
    /// Full chunks in files, by the references of their series, until the log names those.
    found: HashMap<u64, FullChunks>,
    broken: Broken,
    leftovers: Leftovers,
    files: Option<HeadChunks>,
    exemplars: ExemplarRing,
    /// Whether a memory snapshot was read.
    pub(super) is_restored: bool,
}

/// What must be known of the series to pass over samples of them that are in files.
///
/// PERF: most samples of a log are. Sixteen bytes a series stay in the processor's caches, where the
/// series themselves do not: 48 million samples of 100,000 series take half the time.
#[derive(Debug, Default)]
struct Marks {
    /// By slot.
    marks: Vec<Mark>,
    /// Second references of series.
    aliases: HashMap<u64, Slot>,
    /// Samples that are older are in blocks.
    min_valid_ms: i64,
}

#[derive(Clone, Copy, Debug)]
struct Mark {
    reference: u64,
    /// The time of the newest sample in full chunks, when the log named the series.
    covered_ms: i64,
}

impl Marks {
    /// Returns what is to become of a sample. What the live head refused as out of order is refused
    /// again when it is appended.
    ///
    /// The series is looked for at `guess` first, which then is the one behind it: commits mostly hold
    /// series in order.
    #[inline]
    fn sort(
        &self,
        reference: u64,
        timestamp_ms: i64,
        guess: &mut Slot,
        table: &SeriesTable,
    ) -> Sorted {
        if timestamp_ms < self.min_valid_ms {
            return Sorted::Old;
        }
        let slot = *guess;
        let (slot, mark) = match self.marks.get(slot as usize) {
            Some(mark) if mark.reference == reference => (slot, mark),
            _ => match self.find(reference, table) {
                Some(slot) => (slot, &self.marks[slot as usize]),
                None => return Sorted::Unknown,
            },
        };
        *guess = slot + 1;
        if timestamp_ms > mark.covered_ms { Sorted::Open(slot) } else { Sorted::Covered }
    }

    #[cold]
    fn find(&self, reference: u64, table: &SeriesTable) -> Option<Slot> {
        table.find_reference(reference).or_else(|| self.aliases.get(&reference).copied())
    }
}

/// What a [`Coverage`] promised and the log did not let come true.
#[derive(Debug, Default)]
struct Broken {
    /// References whose samples must be read, however old they are.
    references: Vec<u64>,
    /// Whether that is so of all.
    has_all: bool,
}

impl Broken {
    fn add(&mut self, reference: u64) {
        self.has_all |= self.references.len() >= BROKEN_MAX;
        if !self.has_all {
            self.references.push(reference);
        }
    }

    fn is_in(&self, stretch: &Stretch) -> bool {
        self.has_all || self.references.iter().any(|reference| stretch.has(*reference))
    }
}

/// What is to become of a sample of the log.
#[derive(Clone, Copy, Debug)]
enum Sorted {
    /// It goes to the open chunk of the series in this slot.
    Open(Slot),
    /// A file has it.
    Covered,
    /// The log does not name its series.
    Unknown,
    /// A block has it. Its series may be gone, but its reference is not to be another's.
    Old,
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
            marks: Marks { min_valid_ms: min_valid_ms.unwrap_or(i64::MIN), ..Marks::default() },
            guess: 0,
            floats: Vec::new(),
            stats: ReplayStats::default(),
            found: HashMap::new(),
            broken: Broken::default(),
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

    pub(crate) fn count_damaged_files(&mut self, count: u64) {
        self.stats.chunk_files_damaged += count;
    }

    /// Returns what the full chunks that were added spare to read of a log.
    pub(crate) fn coverage(&self) -> Coverage {
        let slab = self.state.table.slab();
        let newest =
            |(reference, list): (&u64, &FullChunks)| Some((*reference, list.newest_ms(slab)?));
        Coverage::new(self.found.iter().filter_map(newest).collect(), self.min_valid_ms)
    }

    /// Takes one record. Returns whether it made sense.
    pub(crate) fn apply(&mut self, record: &[u8]) -> bool {
        let is_good = match has_samples(record) {
            true => self.add_floats(record).is_some(),
            false => self.apply_other(record),
        };
        self.stats.records += u64::from(is_good);
        if let Some(files) = &self.files
            && self.state.unwritten.len() >= SPILL_COUNT
        {
            self.state.spill(files);
        }
        is_good
    }

    /// Takes a record of anything but floats.
    fn apply_other(&mut self, record: &[u8]) -> bool {
        let mut decoder = std::mem::take(&mut self.decoder);
        let decoded = decoder.decode(record);
        let is_good = decoded.is_some();
        match decoded {
            Some(Record::Series(series)) => series.iter().for_each(|item| self.add_series(item)),
            Some(Record::Tombstones(items)) => items.iter().for_each(|item| self.delete(*item)),
            Some(Record::Metadata(items)) => items.iter().for_each(|item| self.add_metadata(item)),
            Some(Record::Histograms(items)) => {
                items.iter().for_each(|item| self.add_histogram(item, Value::Histogram));
            }
            Some(Record::FloatHistograms(items)) => {
                items.iter().for_each(|item| self.add_histogram(item, Value::FloatHistogram));
            }
            Some(Record::Exemplars(items)) => items.iter().for_each(|item| self.add_exemplar(item)),
            // Markers belong to the log of out-of-order samples; floats came elsewhere.
            Some(Record::MmapMarkers(_) | Record::Samples(_)) | None => {}
            Some(Record::Unknown) => self.stats.records_unknown += 1,
        }
        self.decoder = decoder;
        is_good
    }

    /// Returns the head, what was read, and what is left to the log of out-of-order samples.
    pub(crate) fn finish(self, options: &Options) -> (Head, ReplayStats, Leftovers) {
        let mut state = self.state;
        let table = &state.table;
        let aliases = self.marks.aliases.iter();
        state.aliases = aliases
            // No chunk is in a file under a provisional one that is not the series' own.
            .filter(|(alias, _)| !provisional::has(**alias))
            .map(|(alias, slot)| Alias { alias: *alias, reference: table.get(*slot).reference })
            .collect();
        let mut leftovers = self.leftovers;
        leftovers.aliases = self.marks.aliases;
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
        // It may be another name of a series that is there, and is not to be another's.
        table.reserve_reference(item.reference);
        let before = table.len();
        let slot = table.find_or_create_as(item.reference, &item.labels);
        table.get_mut(slot).is_logged = true;
        self.state.counts.series_created += (table.len() - before) as u64;
        let reference = table.get(slot).reference;
        if slot as usize == self.marks.marks.len() {
            self.marks.marks.push(Mark { reference, covered_ms: i64::MIN });
        }
        if reference != item.reference {
            self.marks.aliases.insert(item.reference, slot);
        }
        if let Some(chunks) = self.found.remove(&item.reference) {
            let promised_ms = chunks.newest_ms(self.state.table.slab());
            self.add_full_chunks(slot, chunks);
            if promised_ms > Some(self.marks.marks[slot as usize].covered_ms) {
                self.broken.add(item.reference);
            }
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
            self.marks.marks[slot as usize].covered_ms = newest_ms;
        }
    }

    /// Takes a record of floats: all of it or, where it makes no sense, nothing.
    fn add_floats(&mut self, record: &[u8]) -> Option<()> {
        let Self { marks, floats, state, .. } = self;
        let (mut known_count, mut unknown_count, mut old_reference) = (0, 0, 0);
        let mut guess = 0;
        floats.clear();
        visit_samples(record, |sample| {
            let RefSample { reference, timestamp_ms, start_timestamp_ms, value } = sample;
            match marks.sort(reference, timestamp_ms, &mut guess, &state.table) {
                Sorted::Open(slot) => {
                    known_count += 1;
                    floats.push((slot, SampleTime { timestamp_ms, start_timestamp_ms }, value));
                }
                Sorted::Covered => known_count += 1,
                Sorted::Unknown => unknown_count += 1,
                Sorted::Old => old_reference = reference.max(old_reference),
            }
        })?;
        self.stats.samples += known_count;
        self.stats.unknown.samples += unknown_count;
        state.table.reserve_reference(old_reference);
        for samples in floats.chunks(SAMPLES_AHEAD) {
            state.table.load(samples.iter().map(|(slot, ..)| *slot));
            for &(slot, time, value) in samples {
                state.append_float(slot, time, value, self.rules);
            }
        }
        Some(())
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

    /// Returns where a histogram is to be appended, if at all.
    fn slot_for(&mut self, reference: u64, timestamp_ms: i64) -> Option<Slot> {
        let table = &self.state.table;
        let sorted = self.marks.sort(reference, timestamp_ms, &mut self.guess, table);
        match sorted {
            Sorted::Open(_) | Sorted::Covered => self.stats.samples += 1,
            Sorted::Unknown => self.stats.unknown.histograms += 1,
            Sorted::Old => self.state.table.reserve_reference(reference),
        }
        if let Sorted::Open(slot) = sorted { Some(slot) } else { None }
    }

    pub(super) fn find(&self, reference: u64) -> Option<Slot> {
        self.marks.find(reference, &self.state.table)
    }

    pub(super) fn delete(&mut self, tombstone: Tombstone) {
        self.state.table.reserve_reference(tombstone.reference);
        let Some(slot) = self.find(tombstone.reference) else {
            // Of an old one the series may be gone.
            self.stats.unknown.tombstones += u64::from(tombstone.max_ms >= self.min_valid_ms);
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
            self.marks.marks[slot as usize].covered_ms = i64::MIN;
            // It may have other names, of each of which something was promised.
            self.broken.has_all |= !self.marks.aliases.is_empty();
            self.broken.add(tombstone.reference);
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
            self.stats.unknown.exemplars += 1;
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

impl Apply for &mut Replayer {
    fn apply(&mut self, record: &[u8]) -> bool {
        Replayer::apply(self, record)
    }

    fn pass_over(&mut self, stretch: &Stretch) -> bool {
        if self.broken.is_in(stretch) {
            return false;
        }
        self.stats.records += stretch.records;
        if stretch.newest_ms < self.min_valid_ms {
            self.state.table.reserve_reference(stretch.last_reference());
        } else {
            self.stats.samples += stretch.samples;
            self.stats.samples_passed_over += stretch.samples;
        }
        true
    }
}

/// Of so many series it is known that they must be read; of more, that some must.
const BROKEN_MAX: usize = 1_024;
/// So many samples have their series loaded at once.
const SAMPLES_AHEAD: usize = 32;
/// So many full chunks are held in memory while the log is read.
const SPILL_COUNT: usize = 4_096;
