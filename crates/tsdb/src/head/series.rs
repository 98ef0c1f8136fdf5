use narthex_chunk::XorAppender;
use narthex_storage::AppendError;

use super::full::{FullChunk, FullChunks};
use super::slab::{BufferId, Slab};
use crate::Options;

/// Where a series stands in its table.
pub(super) type Slot = u32;

/// One series: what must be known to append to it, and where the rest of it is.
#[derive(Debug)]
pub(super) struct Series {
    /// By which the write-ahead log names it.
    pub(super) reference: u64,
    /// The ids of its labels.
    pub(super) labels: BufferId,
    /// Of its labels.
    pub(super) hash: u32,
    full: FullChunks,
    /// Where the open chunk lies; kept while there is none.
    open: BufferId,
    appender: XorAppender,
    open_min_ms: i64,
    /// The time from which on samples go to another chunk.
    cut_at_ms: i64,
    /// Whether the write-ahead log names the series.
    pub(super) is_logged: bool,
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

/// When chunks end.
#[derive(Clone, Copy, Debug)]
pub(super) struct CutRules {
    range_ms: i64,
    samples_per_chunk: u16,
}

impl CutRules {
    pub(super) fn new(options: &Options) -> Self {
        Self {
            range_ms: options.block_range_ms.max(1),
            samples_per_chunk: options.samples_per_chunk.clamp(4, u16::MAX / 2),
        }
    }

    /// Returns the end of the block range that `timestamp_ms` lies in.
    fn range_end(self, timestamp_ms: i64) -> i64 {
        (timestamp_ms / self.range_ms).saturating_add(1).saturating_mul(self.range_ms)
    }

    /// Returns when a chunk should end that is a quarter full, so that the chunks of the rest of the
    /// range are of one size.
    ///
    /// # Source
    ///
    /// `computeChunkEndTime` in Prometheus' `tsdb/head_append.go`.
    #[expect(clippy::cast_possible_truncation, reason = "floats to integers saturate, as wanted")]
    fn predict_end(min_ms: i64, newest_ms: i64, end_ms: i64) -> i64 {
        let (left, used) = (end_ms.wrapping_sub(min_ms), newest_ms.wrapping_sub(min_ms));
        let chunks = left as f64 / (used.saturating_add(1) as f64 * 4.0);
        if chunks <= 1.0 {
            return end_ms;
        }
        (min_ms as f64 + left as f64 / chunks.floor()) as i64
    }
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
    pub(super) fn new(reference: u64, labels: BufferId, hash: u32) -> Self {
        Self {
            reference,
            labels,
            hash,
            full: FullChunks::EMPTY,
            open: BufferId::NONE,
            appender: XorAppender::new(),
            open_min_ms: 0,
            cut_at_ms: 0,
            is_logged: false,
        }
    }

    /// Tells whether a sample could be appended now.
    pub(super) fn check(&self, timestamp_ms: i64, value: f64) -> Result<(), AppendError> {
        match self.appender.last() {
            Some((last_ms, _)) if timestamp_ms < last_ms => Err(AppendError::OutOfOrder),
            Some((last_ms, last))
                if timestamp_ms == last_ms && last.to_bits() != value.to_bits() =>
            {
                Err(AppendError::DuplicateTimestamp)
            }
            _ => Ok(()),
        }
    }

    /// Appends a sample, to a new chunk where the open one has reached its end.
    pub(super) fn append(
        &mut self,
        timestamp_ms: i64,
        value: f64,
        rules: CutRules,
        slab: &mut Slab,
    ) -> Appended {
        if let Some((last_ms, last)) = self.appender.last()
            && timestamp_ms <= last_ms
        {
            let is_same = timestamp_ms == last_ms && value.to_bits() == last.to_bits();
            return if is_same { Appended::Duplicate } else { Appended::OutOfOrder };
        }
        let is_new = self.cut_where_due(timestamp_ms, rules, slab);
        while self.appender.append(slab.get_mut(self.open), timestamp_ms, value).is_err() {
            let size = slab.get(self.open).len();
            let grown = size + (size / 4).max(16);
            self.open = slab.resize(self.open, self.appender.size_bytes(), grown);
        }
        if is_new { Appended::NewChunk } else { Appended::Same }
    }

    /// Drops all samples, as if the series had been created now.
    pub(super) fn clear(&mut self, slab: &mut Slab) {
        self.full.clear(slab);
        slab.free(self.open);
        self.open = BufferId::NONE;
        self.appender = XorAppender::new();
    }

    pub(super) fn extent(&self) -> Extent {
        Extent { newest_ms: self.appender.last().map_or(i64::MIN, |(newest_ms, _)| newest_ms) }
    }

    pub(super) fn chunk_count(&self, slab: &Slab) -> usize {
        self.full.len(slab) + usize::from(self.appender.sample_count() > 0)
    }

    pub(super) fn chunk_bytes(&self, slab: &Slab) -> usize {
        let full = self.full.iter(slab).map(|chunk| chunk.size as usize).sum::<usize>();
        full + self.open_size()
    }

    /// Returns the size of the open chunk in bytes; 0 where there is none.
    pub(super) fn open_size(&self) -> usize {
        if self.appender.sample_count() > 0 { self.appender.size_bytes() } else { 0 }
    }

    /// Returns the times of the oldest and the newest sample.
    pub(super) fn bounds(&self, slab: &Slab) -> Option<(i64, i64)> {
        let (newest_ms, _) = self.appender.last()?;
        let oldest = self.full.iter(slab).next();
        Some((oldest.map_or(self.open_min_ms, |chunk| chunk.min_ms), newest_ms))
    }

    /// Returns the full chunks.
    pub(super) fn full(&self) -> FullChunks {
        self.full
    }

    /// Returns the time of the first sample of the open chunk, and its bytes.
    pub(super) fn open<'a>(&self, slab: &'a Slab) -> Option<(i64, &'a [u8])> {
        let size = self.open_size();
        (size > 0).then(|| (self.open_min_ms, &slab.get(self.open)[..size]))
    }

    /// Returns whether the sample starts a chunk.
    ///
    /// # Source
    ///
    /// `appendPreprocessor` in Prometheus' `tsdb/head_append.go`.
    fn cut_where_due(&mut self, timestamp_ms: i64, rules: CutRules, slab: &mut Slab) -> bool {
        let count = self.appender.sample_count();
        let target = rules.samples_per_chunk;
        if let Some((newest_ms, _)) = self.appender.last() {
            if count == target / 4 {
                self.cut_at_ms = CutRules::predict_end(self.open_min_ms, newest_ms, self.cut_at_ms);
            }
            let is_large = self.appender.size_bytes() > CHUNK_SIZE_MAX;
            // Twice the target means that the prediction was wrong: samples come faster now.
            if !is_large && timestamp_ms < self.cut_at_ms && count < target * 2 {
                return false;
            }
            self.close_open(newest_ms, slab);
        }
        if self.open.is_none() {
            self.open = slab.allocate(FIRST_SIZE);
        }
        self.appender = XorAppender::new();
        self.open_min_ms = timestamp_ms;
        self.cut_at_ms = rules.range_end(timestamp_ms);
        true
    }

    /// Makes the open chunk a full one.
    fn close_open(&mut self, newest_ms: i64, slab: &mut Slab) {
        let size = self.appender.size_bytes();
        let buffer = slab.resize(self.open, size, size);
        self.open = BufferId::NONE;
        let chunk = FullChunk {
            min_ms: self.open_min_ms,
            max_ms: newest_ms,
            buffer,
            size: u32::try_from(size).expect("a chunk fits a buffer"),
        };
        self.full.push(chunk, slab);
    }
}

/// The size of a chunk from which on it takes no further sample, in bytes: 1 KiB less the largest
/// sample.
const CHUNK_SIZE_MAX: usize = 1024 - XorAppender::SAMPLE_SIZE_MAX;

/// What an open chunk begins with, in bytes.
const FIRST_SIZE: usize = 40;
