use std::sync::Arc;

use hashbrown::HashMap;
use narthex_model::SampleTime;

use super::OutOfOrder;
use super::series::{OutOfOrderChunk, Place};
use crate::head::series::Slot;
use crate::head::{Head, State};
use crate::head_chunks::FoundChunk;
use crate::sample::{Sample, Value};
use crate::wal::record::{Decoder, MmapMarker, Record, RefHistogram, RefSample};
use crate::{ReplayStats, UnknownSeries};

/// What the write-ahead log and the files of chunks leave to the log of out-of-order samples.
#[derive(Debug, Default)]
pub(crate) struct Leftovers {
    /// The series by the references of the log that are not their own.
    pub(in crate::head) aliases: HashMap<u64, Slot>,
    /// The out-of-order chunks in files, by the references of their series.
    chunks: HashMap<u64, Vec<FoundChunk>>,
}

/// Adds what the log of out-of-order samples says to a head.
#[derive(Debug)]
pub(super) struct LogReplayer<'a> {
    head: &'a mut Head,
    leftovers: Leftovers,
    series: HashMap<Slot, OutOfOrder>,
    decoder: Decoder,
    stats: &'a mut ReplayStats,
}

impl Leftovers {
    pub(in crate::head) fn add_chunk(&mut self, found: FoundChunk) {
        self.chunks.entry(found.series).or_default().push(found);
    }
}

impl<'a> LogReplayer<'a> {
    pub(super) fn new(
        head: &'a mut Head,
        leftovers: Leftovers,
        stats: &'a mut ReplayStats,
    ) -> Self {
        Self { head, leftovers, series: HashMap::new(), decoder: Decoder::default(), stats }
    }

    /// Takes one record. Returns whether it made sense.
    pub(super) fn apply(&mut self, record: &[u8]) -> bool {
        let mut decoder = std::mem::take(&mut self.decoder);
        let decoded = decoder.decode(record);
        let is_good = decoded.is_some();
        self.stats.records += u64::from(is_good);
        match decoded {
            Some(Record::Samples(items)) => items.iter().for_each(|item| self.add_float(*item)),
            Some(Record::Histograms(items)) => {
                items.iter().for_each(|item| self.add_histogram(item, Value::Histogram));
            }
            Some(Record::FloatHistograms(items)) => {
                items.iter().for_each(|item| self.add_histogram(item, Value::FloatHistogram));
            }
            Some(Record::MmapMarkers(markers)) => self.add_markers(markers),
            Some(Record::Unknown) => self.stats.records_unknown += 1,
            // The write-ahead log has the others.
            _ => {}
        }
        self.decoder = decoder;
        is_good
    }

    /// Shows what was read. `is_whole` is whether nothing of the log is missing.
    pub(super) fn finish(mut self, is_whole: bool) {
        for (reference, chunks) in std::mem::take(&mut self.leftovers.chunks) {
            // Whoever cannot trust the log takes what is there, and some of it twice.
            let count = |unknown: &mut UnknownSeries| unknown.late_chunks += 1;
            if let Some(slot) = self.find(reference, count).filter(|_| !is_whole) {
                let series = self.series.entry(slot).or_default();
                chunks.iter().for_each(|chunk| series.push_unmarked(chunk.into()));
            }
        }
        let state = self.head.state.get_mut();
        for (slot, samples) in self.series {
            if !state.has_samples(slot) {
                state.index.add(slot, &state.table);
            }
            state.set_out_of_order(slot, Arc::new(samples), false);
        }
        // What is older left the head, but for samples that came out of order.
        let min_ms = state.truncated_ms.unwrap_or(i64::MIN);
        let State { tombstones, out_of_order, .. } = state;
        tombstones.retain(|slot, ranges| {
            ranges.retain(|(_, max_ms)| *max_ms >= min_ms || out_of_order.has(*slot));
            !ranges.is_empty()
        });
    }

    fn add_float(&mut self, item: RefSample) {
        let RefSample { reference, timestamp_ms, start_timestamp_ms, value } = item;
        let time = SampleTime { timestamp_ms, start_timestamp_ms };
        self.add_sample(reference, Sample { time, value: Value::Float(value) });
    }

    fn add_histogram<H: Clone>(
        &mut self,
        item: &RefHistogram<H>,
        into_value: impl Fn(Box<H>) -> Value,
    ) {
        let RefHistogram { reference, timestamp_ms, start_timestamp_ms, ref histogram } = *item;
        let time = SampleTime { timestamp_ms, start_timestamp_ms };
        let value = into_value(Box::new(histogram.clone()));
        self.add_sample(reference, Sample { time, value });
    }

    fn add_sample(&mut self, reference: u64, mut sample: Sample) {
        let is_float = matches!(sample.value, Value::Float(_));
        let count = |unknown: &mut UnknownSeries| match is_float {
            true => unknown.late_samples += 1,
            false => unknown.late_histograms += 1,
        };
        let Some(slot) = self.find(reference, count) else { return };
        self.stats.samples += 1;
        sample.time = self.head.rules().chunk_time(&sample);
        let series = self.series.entry(slot).or_default();
        if series.is_full(self.head.window.sample_count_max) {
            series.cut(self.head.float_encoding());
        }
        series.insert(sample);
    }

    /// Takes the chunks that markers name in place of the samples up to here, where all of them are
    /// there.
    fn add_markers(&mut self, markers: &[MmapMarker]) {
        let mut by_series = HashMap::<u64, Vec<u64>>::new();
        for MmapMarker { reference, chunk_reference } in markers {
            by_series.entry(*reference).or_default().push(*chunk_reference);
        }
        for (reference, places) in by_series {
            let count = |unknown: &mut UnknownSeries| unknown.late_markers += 1;
            let Some(slot) = self.find(reference, count) else { continue };
            let series = self.series.entry(slot).or_default();
            if places == [NO_CHUNK] {
                // The samples so far left memory without a word of where they went.
                series.cut(self.head.float_encoding());
                series.keep_chunks();
                continue;
            }
            let Some(found) = self.leftovers.chunks.get_mut(&reference) else { continue };
            let is_marked = |chunk: &FoundChunk| places.contains(&chunk.chunk.0);
            let marked = found.iter().filter(|chunk| is_marked(chunk)).map(OutOfOrderChunk::from);
            // Where some are lost, another chunk may lie in the place of one by now.
            if series.replace_unmarked(marked.collect()) {
                found.retain(|chunk| !is_marked(chunk));
            }
        }
    }

    /// Returns the slot of a series; where there is none, `count` counts it.
    fn find(&mut self, reference: u64, count: impl FnOnce(&mut UnknownSeries)) -> Option<Slot> {
        let table = &mut self.head.state.get_mut().table;
        let slot = table.find_reference(reference);
        let slot = slot.or_else(|| self.leftovers.aliases.get(&reference).copied());
        if slot.is_none() {
            count(&mut self.stats.unknown);
            // So that no other series is taken for this one.
            table.reserve_reference(reference);
        }
        slot
    }
}

impl From<&FoundChunk> for OutOfOrderChunk {
    fn from(found: &FoundChunk) -> Self {
        let FoundChunk { min_ms, max_ms, chunk, sample_count, .. } = *found;
        Self { min_ms, max_ms, sample_count, place: Place::File(chunk) }
    }
}

/// What a marker of the reference names at the start of a series' first chunk.
const NO_CHUNK: u64 = 0;
