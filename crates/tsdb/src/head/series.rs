use std::sync::atomic::{AtomicU32, Ordering};

use narthex_chunk::{Encoding, HistogramAppended, HistogramChunk, HistogramStart};
use narthex_model::{SampleTime, is_stale_nan};
use narthex_storage::{AppendError, TimeRange};

use super::cut::{CutRules, OpenFacts};
use super::full::{FullChunk, FullChunks, Place};
use super::open::{HeadHistogram, Open, OpenHistograms};
use super::slab::{BufferId, Slab};
use super::tally::Tally;
use super::value::Kind;
use crate::sample::{Sample, Value};

/// Where a series stands in its table.
pub(super) type Slot = u32;

/// One series: what must be known to append to it, and where the rest of it is.
#[derive(Debug)]
pub(super) struct Series {
    /// By which the write-ahead log names it.
    pub(super) reference: u64,
    /// The ids of its labels.
    pub(super) labels: BufferId,
    /// Which series was looked up after it.
    pub(super) next: AtomicU32,
    full: FullChunks,
    open: Open,
    open_min_ms: i64,
    /// The time from which on samples go to another chunk.
    cut_at_ms: i64,
    /// Whether the write-ahead log names the series.
    pub(super) is_logged: bool,
    /// Whether it can be found. One that cannot is about to go.
    pub(super) is_listed: bool,
    /// How many samples appenders hold for it: while there are any, it cannot go.
    pub(super) pending: AtomicU32,
}

/// How much of a series there was at one moment: the time of its newest sample, if any. As samples
/// only come at the end, it says all that a reader must know to see the series as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extent {
    /// The smallest integer for no sample.
    pub(super) newest_ms: i64,
}

impl Extent {
    pub(super) fn is_empty(self) -> bool {
        self.newest_ms == i64::MIN
    }
}

/// The open chunk of a series, as it is now.
pub(super) struct OpenChunk<'a> {
    pub(super) min_ms: i64,
    pub(super) newest_ms: i64,
    pub(super) encoding: Encoding,
    pub(super) bytes: &'a [u8],
}

/// What became of a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Appended {
    /// It is in the open chunk.
    Same,
    /// It started a chunk.
    NewChunk,
    /// The series has it already.
    Duplicate,
    /// It is not newer than the series' newest, and another.
    OutOfOrder,
}

impl Series {
    pub(super) fn new(reference: u64, labels: BufferId) -> Self {
        Self {
            reference,
            labels,
            next: AtomicU32::new(Slot::MAX),
            full: FullChunks::EMPTY,
            open: Open::None,
            open_min_ms: 0,
            cut_at_ms: 0,
            is_logged: false,
            is_listed: true,
            pending: AtomicU32::new(0),
        }
    }

    /// Stands where no series is.
    pub(super) fn vacant() -> Self {
        Self::new(0, BufferId::NONE)
    }

    pub(super) fn is_vacant(&self) -> bool {
        self.labels.is_none()
    }

    /// Takes note that an appender holds a sample less for the series.
    pub(super) fn release(&self) {
        self.pending.fetch_sub(1, Ordering::Relaxed);
    }

    /// Tells whether a sample could be appended now.
    pub(super) fn check(
        &self,
        timestamp_ms: i64,
        value: &Value,
        slab: &Slab,
    ) -> Result<(), AppendError> {
        match self.newest_ms(slab) {
            Some(newest_ms) if timestamp_ms < newest_ms => Err(AppendError::OutOfOrder),
            Some(newest_ms) if timestamp_ms == newest_ms && !self.open.ends_with(value) => {
                Err(AppendError::DuplicateTimestamp)
            }
            _ => Ok(()),
        }
    }

    /// Appends a sample, to a new chunk where the open one has reached its end.
    pub(super) fn append(&mut self, sample: &Sample, rules: CutRules, slab: &mut Slab) -> Appended {
        let (time, value) = (rules.chunk_time(sample), &sample.value);
        if let Some(newest_ms) = self.newest_ms(slab)
            && time.timestamp_ms <= newest_ms
        {
            let is_same = time.timestamp_ms == newest_ms && self.open.ends_with(value);
            return if is_same { Appended::Duplicate } else { Appended::OutOfOrder };
        }
        match value {
            Value::Float(value) => self.append_float(time, *value, rules, slab),
            Value::Histogram(histogram) => self.append_histogram(time, &**histogram, rules, slab),
            Value::FloatHistogram(histogram) => {
                self.append_histogram(time, &**histogram, rules, slab)
            }
        }
    }

    /// Appends a float to the open chunk where that is one of floats without starts, is older, and goes
    /// on, and no staleness marker comes or goes. Returns by how many bytes the chunk grew; else nothing
    /// is changed.
    #[inline]
    pub(super) fn push_float(
        &mut self,
        time: SampleTime,
        value: f64,
        rules: CutRules,
        slab: &mut Slab,
    ) -> Option<usize> {
        let Open::Xor { appender, .. } = &self.open else { return None };
        let (newest_ms, newest) = appender.last()?;
        if is_stale_nan(value) || is_stale_nan(newest) {
            return None;
        }
        let (size, sample_count) = (appender.size_bytes(), appender.sample_count());
        let min_ms = self.open_min_ms;
        let facts = OpenFacts { min_ms, newest_ms, sample_count, size };
        let mut cut_at_ms = self.cut_at_ms;
        if rules.floats != Encoding::Xor
            || time.timestamp_ms <= newest_ms
            || rules.ends_floats(facts, time.timestamp_ms, &mut cut_at_ms)
        {
            return None;
        }
        self.cut_at_ms = cut_at_ms;
        self.open.push_float(time, value, slab);
        Some(self.open.size() - size)
    }

    /// Returns what the newest sample is.
    pub(super) fn newest_kind(&self) -> Kind {
        self.open.kind()
    }

    /// Returns what the newest sample counts for.
    pub(super) fn tally(&self) -> Tally {
        self.open.tally()
    }

    /// Drops the chunks whose newest sample is older than `min_ms`.
    pub(super) fn drop_chunks_before(&mut self, min_ms: i64, slab: &mut Slab) {
        if self.newest_ms(slab).is_some_and(|newest_ms| newest_ms < min_ms) {
            self.clear(slab);
        } else {
            self.full.drop_before(min_ms, slab);
        }
    }

    /// Drops all samples, as if the series had been created now.
    pub(super) fn clear(&mut self, slab: &mut Slab) {
        self.full.clear(slab);
        std::mem::replace(&mut self.open, Open::None).free(slab);
    }

    pub(super) fn extent(&self, slab: &Slab) -> Extent {
        Extent { newest_ms: self.newest_ms(slab).unwrap_or(i64::MIN) }
    }

    /// Returns the time of the newest sample. Only after a restart there may be full chunks alone.
    fn newest_ms(&self, slab: &Slab) -> Option<i64> {
        let newest_ms = self.open.newest_ms();
        newest_ms.or_else(|| self.full.iter(slab).next_back().map(|chunk| chunk.max_ms))
    }

    pub(super) fn chunk_count(&self, slab: &Slab) -> usize {
        self.full.len(slab) + usize::from(self.open.sample_count() > 0)
    }

    pub(super) fn chunk_bytes(&self, slab: &Slab) -> usize {
        self.full.iter(slab).map(FullChunk::size).sum::<usize>() + self.open_size()
    }

    /// Returns the last byte of an open chunk of floats; 0 where there is none.
    #[inline]
    pub(super) fn end_byte(&self, slab: &Slab) -> u8 {
        match &self.open {
            Open::Xor { appender, buffer } => {
                slab.get(*buffer).get(appender.size_bytes()).copied().unwrap_or(0)
            }
            _ => 0,
        }
    }

    /// Returns the size of the open chunk in bytes; 0 where there is none.
    pub(super) fn open_size(&self) -> usize {
        self.open.size()
    }

    /// Returns the times of the oldest and the newest sample.
    pub(super) fn bounds(&self, slab: &Slab) -> Option<(i64, i64)> {
        let newest_ms = self.newest_ms(slab)?;
        let oldest = self.full.iter(slab).next();
        Some((oldest.map_or(self.open_min_ms, |chunk| chunk.min_ms), newest_ms))
    }

    /// Returns whether a chunk overlaps `range` that is not deleted as a whole: whether the reference
    /// would list the series there. Nobody knows the end of an open chunk, so that one is never.
    pub(super) fn overlaps(&self, range: TimeRange, deleted: &[(i64, i64)], slab: &Slab) -> bool {
        let is_in_range = |min_ms, max_ms| min_ms <= range.max_ms && range.min_ms <= max_ms;
        let open_newest_ms = self.open.newest_ms();
        // Looked at first: queries mostly ask for what is new.
        if open_newest_ms.is_some_and(|newest_ms| is_in_range(self.open_min_ms, newest_ms)) {
            return true;
        }
        self.full.iter(slab).any(|chunk| {
            let is_deleted =
                |(start, end): &(i64, i64)| *start <= chunk.min_ms && chunk.max_ms <= *end;
            is_in_range(chunk.min_ms, chunk.max_ms) && !deleted.iter().any(is_deleted)
        })
    }

    /// Returns whether some full chunk is in no file.
    pub(super) fn has_full_in_memory(&self, slab: &Slab) -> bool {
        self.full.iter(slab).any(|chunk| matches!(chunk.place, Place::Memory { .. }))
    }

    /// Returns the full chunks.
    pub(super) fn full(&self) -> FullChunks {
        self.full
    }

    /// Gives full chunks to a series without a sample.
    pub(super) fn set_full(&mut self, full: FullChunks) {
        self.full = full;
    }

    /// Adds a full chunk, which must be newer than the others, to a series without an open one.
    pub(super) fn push_full(&mut self, chunk: FullChunk, slab: &mut Slab) {
        self.full.push(chunk, slab);
    }

    /// Makes a chunk of an earlier process the open one. As in the reference, the next sample starts
    /// another.
    pub(super) fn resume(&mut self, open: Open, min_ms: i64) {
        self.cut_at_ms = open.newest_ms().unwrap_or(min_ms);
        self.open_min_ms = min_ms;
        self.open = open;
    }

    /// Returns the value of the newest sample, where there is an open chunk.
    pub(super) fn last_value(&self) -> Option<Value> {
        self.open.last_value()
    }

    /// Moves the open chunk to where the slab has more such buffers.
    pub(super) fn pack(&mut self, slab: &mut Slab) {
        self.open.pack(slab);
    }

    /// Returns the open chunk.
    pub(super) fn open<'a>(&'a self, slab: &'a Slab) -> Option<OpenChunk<'a>> {
        let (encoding, bytes) = self.open.chunk(slab)?;
        let newest_ms = self.open.newest_ms()?;
        Some(OpenChunk { min_ms: self.open_min_ms, newest_ms, encoding, bytes })
    }

    fn append_float(
        &mut self,
        time: SampleTime,
        value: f64,
        rules: CutRules,
        slab: &mut Slab,
    ) -> Appended {
        let is_open = match self.open {
            Open::Xor { .. } => rules.floats == Encoding::Xor,
            Open::Xor2(_) => rules.floats == Encoding::Xor2,
            _ => false,
        };
        let goes_on = is_open && {
            let facts = self.facts();
            !rules.ends_floats(facts, time.timestamp_ms, &mut self.cut_at_ms)
        };
        if !goes_on {
            let open = Open::floats(rules.floats, slab);
            self.start_chunk(open, time.timestamp_ms, rules, slab);
        }
        self.open.push_float(time, value, slab);
        if goes_on { Appended::Same } else { Appended::NewChunk }
    }

    fn append_histogram<H: HeadHistogram>(
        &mut self,
        time: SampleTime,
        histogram: &H,
        rules: CutRules,
        slab: &mut Slab,
    ) -> Appended {
        let facts = self.facts();
        let mut is_predicted = false;
        let reset = match H::of(&mut self.open) {
            None => HistogramChunk::first_reset(histogram),
            Some(open) => {
                let OpenHistograms { chunk, last, is_predicted: was_predicted } = open;
                let (ts, cut_at_ms) = (time.timestamp_ms, &mut self.cut_at_ms);
                if rules.ends_histograms(facts, ts, cut_at_ms, was_predicted) {
                    chunk.reset_before(histogram)
                } else {
                    match chunk.append(time, histogram) {
                        HistogramAppended::Appended | HistogramAppended::Recoded => {
                            *last = histogram.clone();
                            return Appended::Same;
                        }
                        HistogramAppended::Elsewhere(reset) => {
                            // The reference does not forget it here, so that the end of the chunk
                            // that starts now is not predicted.
                            is_predicted = *was_predicted;
                            reset
                        }
                    }
                }
            }
        };
        let start = HistogramStart { with_start_timestamps: rules.histogram_starts, reset };
        let chunk = HistogramChunk::start(start, time, histogram);
        let open = H::open(OpenHistograms { chunk, last: histogram.clone(), is_predicted });
        self.start_chunk(open, time.timestamp_ms, rules, slab);
        Appended::NewChunk
    }

    /// Returns what the rules must know of the open chunk.
    fn facts(&self) -> OpenFacts {
        OpenFacts {
            min_ms: self.open_min_ms,
            newest_ms: self.open.newest_ms().unwrap_or(self.open_min_ms),
            sample_count: self.open.sample_count(),
            size: self.open.size(),
        }
    }

    /// Makes the open chunk a full one, and `open` the open one.
    fn start_chunk(&mut self, open: Open, min_ms: i64, rules: CutRules, slab: &mut Slab) {
        let before = std::mem::replace(&mut self.open, open);
        if let Some(newest_ms) = before.newest_ms()
            && let Some((encoding, bytes)) = before.chunk(slab)
        {
            // Copied out, as the slab may move while it makes room.
            let bytes = bytes.to_vec();
            let bounds = (self.open_min_ms, newest_ms);
            let chunk = FullChunk::new(bounds, encoding, &bytes, slab);
            self.full.push(chunk, slab);
        }
        before.free(slab);
        self.open_min_ms = min_ms;
        self.cut_at_ms = rules.range_end(min_ms);
    }
}
