use std::hash::BuildHasher;
use std::sync::Arc;

use hashbrown::{DefaultHashBuilder, HashTable};
use narthex_chunk::XorChunk;
use narthex_model::Labels;
use narthex_storage::AppendError;

use crate::Options;

/// Where a series stands in its table. Slots rise with references.
pub(super) type Slot = u32;

/// One series: its full chunks, oldest first, and the open one.
#[derive(Debug)]
pub(super) struct Series {
    pub(super) reference: u64,
    pub(super) labels: Labels,
    /// Whether the write-ahead log names the series.
    pub(super) is_logged: bool,
    full: Vec<FullChunk>,
    open: XorChunk,
    open_min_ms: i64,
    /// The time from which on samples go to another chunk.
    cut_at_ms: i64,
}

/// A chunk that takes no more samples.
#[derive(Clone, Debug)]
pub(super) struct FullChunk {
    pub(super) min_ms: i64,
    pub(super) max_ms: i64,
    pub(super) bytes: Arc<[u8]>,
}

/// How much of a series there was at one moment. As samples only come at the end, it says all that a
/// reader must know to see the series as it was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Extent {
    pub(super) full_chunks: u32,
    /// Of the chunk behind those.
    pub(super) open_samples: u16,
}

impl Extent {
    pub(super) fn is_empty(self) -> bool {
        self == Self::default()
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
            samples_per_chunk: options.samples_per_chunk.clamp(4, XorChunk::SAMPLE_COUNT_MAX / 2),
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
    pub(super) fn new(reference: u64, labels: Labels) -> Self {
        Self {
            reference,
            labels,
            is_logged: false,
            full: Vec::new(),
            open: XorChunk::default(),
            open_min_ms: 0,
            cut_at_ms: 0,
        }
    }

    /// Tells whether a sample could be appended now.
    pub(super) fn check(&self, timestamp_ms: i64, value: f64) -> Result<(), AppendError> {
        match self.open.last() {
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
    pub(super) fn append(&mut self, timestamp_ms: i64, value: f64, rules: CutRules) -> Appended {
        if let Some((last_ms, last)) = self.open.last()
            && timestamp_ms <= last_ms
        {
            let is_same = timestamp_ms == last_ms && value.to_bits() == last.to_bits();
            return if is_same { Appended::Duplicate } else { Appended::OutOfOrder };
        }
        let is_new = self.cut_where_due(timestamp_ms, rules);
        self.open.append(timestamp_ms, value);
        if is_new { Appended::NewChunk } else { Appended::Same }
    }

    /// Drops all samples, as if the series had been created now.
    pub(super) fn clear(&mut self) {
        self.full.clear();
        self.open = XorChunk::default();
    }

    pub(super) fn extent(&self) -> Extent {
        let full_chunks = u32::try_from(self.full.len()).expect("memory ends before");
        Extent { full_chunks, open_samples: self.open.sample_count() }
    }

    pub(super) fn chunk_count(&self) -> usize {
        self.full.len() + usize::from(self.open.sample_count() > 0)
    }

    pub(super) fn chunk_bytes(&self) -> usize {
        let full = self.full.iter().map(|chunk| chunk.bytes.len()).sum::<usize>();
        let open = if self.open.sample_count() > 0 { self.open.as_bytes().len() } else { 0 };
        full + open
    }

    /// Returns the times of the oldest and the newest sample.
    pub(super) fn bounds(&self) -> Option<(i64, i64)> {
        let (newest_ms, _) = self.open.last()?;
        Some((self.full.first().map_or(self.open_min_ms, |chunk| chunk.min_ms), newest_ms))
    }

    /// Returns the full chunks.
    pub(super) fn full(&self) -> &[FullChunk] {
        &self.full
    }

    /// Returns the time of the first sample of the open chunk, and its bytes.
    pub(super) fn open(&self) -> (i64, &[u8]) {
        (self.open_min_ms, self.open.as_bytes())
    }

    /// Returns whether the sample starts a chunk.
    ///
    /// # Source
    ///
    /// `appendPreprocessor` in Prometheus' `tsdb/head_append.go`.
    fn cut_where_due(&mut self, timestamp_ms: i64, rules: CutRules) -> bool {
        let count = self.open.sample_count();
        let target = rules.samples_per_chunk;
        if let Some((newest_ms, _)) = self.open.last() {
            if count == target / 4 {
                self.cut_at_ms = CutRules::predict_end(self.open_min_ms, newest_ms, self.cut_at_ms);
            }
            let is_large = self.open.as_bytes().len() > CHUNK_SIZE_MAX;
            // Twice the target means that the prediction was wrong: samples come faster now.
            if !is_large && timestamp_ms < self.cut_at_ms && count < target * 2 {
                return false;
            }
            let chunk = std::mem::take(&mut self.open);
            self.full.push(FullChunk {
                min_ms: self.open_min_ms,
                max_ms: newest_ms,
                bytes: chunk.as_bytes().into(),
            });
        }
        self.open_min_ms = timestamp_ms;
        self.cut_at_ms = rules.range_end(timestamp_ms);
        true
    }
}

/// The size of a chunk from which on it takes no further sample, in bytes: 1 KiB less the largest
/// sample.
const CHUNK_SIZE_MAX: usize = 1024 - 19;

/// All series, found by their labels, their reference or their slot.
#[derive(Debug, Default)]
pub(super) struct SeriesTable {
    /// Indexed by slot, references rising.
    series: Vec<Series>,
    by_labels: HashTable<Slot>,
    hasher: DefaultHashBuilder,
    last_reference: u64,
}

impl SeriesTable {
    pub(super) fn len(&self) -> usize {
        self.series.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Slot, &Series)> {
        (0..).zip(&self.series)
    }

    /// Returns whether `slot` holds the series `reference`.
    pub(super) fn is_at(&self, slot: Slot, reference: u64) -> bool {
        self.series.get(slot as usize).is_some_and(|series| series.reference == reference)
    }

    pub(super) fn get(&self, slot: Slot) -> &Series {
        &self.series[slot as usize]
    }

    pub(super) fn get_mut(&mut self, slot: Slot) -> &mut Series {
        &mut self.series[slot as usize]
    }

    pub(super) fn find(&self, labels: &Labels) -> Option<Slot> {
        let hash = self.hasher.hash_one(labels);
        self.by_labels.find(hash, |slot| self.get(*slot).labels == *labels).copied()
    }

    /// Returns the slot of a reference.
    pub(super) fn find_reference(&self, reference: u64) -> Option<Slot> {
        // References are dense but for series that are gone, so the first guess is mostly right.
        let first = self.series.first()?.reference;
        let guess = usize::try_from(reference.checked_sub(first)?).unwrap_or(usize::MAX);
        let index = match self.series.get(guess) {
            Some(series) if series.reference == reference => guess,
            _ => self.series.binary_search_by_key(&reference, |series| series.reference).ok()?,
        };
        Slot::try_from(index).ok()
    }

    /// Returns the series with these labels, and makes it where there is none.
    pub(super) fn find_or_create(&mut self, labels: &Labels) -> Slot {
        self.find(labels).unwrap_or_else(|| {
            self.last_reference += 1;
            self.push(Series::new(self.last_reference, labels.clone()))
        })
    }

    /// Lets references that are still to come be higher than `reference`.
    pub(super) fn reserve_reference(&mut self, reference: u64) {
        self.last_reference = self.last_reference.max(reference);
    }

    /// Adds a series whose labels no other has. References must rise once all are added: see
    /// [`SeriesTable::sort`].
    pub(super) fn push(&mut self, series: Series) -> Slot {
        let slot = Slot::try_from(self.series.len()).expect("fewer than 2^32 series");
        let hash = self.hasher.hash_one(&series.labels);
        self.reserve_reference(series.reference);
        self.series.push(series);
        let Self { series, hasher, by_labels, .. } = self;
        let rehash = |slot: &Slot| hasher.hash_one(&series[*slot as usize].labels);
        by_labels.insert_unique(hash, slot, rehash);
        slot
    }

    /// Puts the series in order of their references, which changes their slots.
    pub(super) fn sort(&mut self) {
        if self.series.is_sorted_by_key(|series| series.reference) {
            return;
        }
        let mut series = std::mem::take(&mut self.series);
        series.sort_unstable_by_key(|series| series.reference);
        self.by_labels.clear();
        for series in series {
            self.push(series);
        }
    }
}
