use bytes::Bytes;
use narthex_chunk::Encoding;
use narthex_storage::TimeRange;

use crate::EncodedChunk;
use crate::compact::ChunkEncoder;
use crate::head_chunks::{ChunkRef, HeadChunkError, HeadChunks};
use crate::sample::Sample;

/// The samples of one series that came out of order.
///
/// Readers share it: who changes it makes a copy, which is small, and puts that in its place.
#[derive(Clone, Debug, Default)]
pub(in crate::head) struct OutOfOrder {
    /// Full chunks, in the order in which they became full. They may overlap.
    chunks: Vec<OutOfOrderChunk>,
    /// How many of the chunks are in files for certain: the log says so.
    marked: usize,
    /// In order of their times, none of which comes twice.
    buffer: Vec<Sample>,
}

/// A full chunk.
#[derive(Clone, Debug)]
pub(in crate::head) struct OutOfOrderChunk {
    pub(in crate::head) min_ms: i64,
    pub(in crate::head) max_ms: i64,
    pub(super) sample_count: u16,
    pub(super) place: Place,
}

/// Where the bytes of a chunk are.
#[derive(Clone, Debug)]
pub(super) enum Place {
    Memory(Encoding, Bytes),
    File(ChunkRef),
}

impl OutOfOrder {
    /// Adds a sample, unless there is one of this time among those that no chunk has.
    pub(super) fn insert(&mut self, sample: Sample) -> bool {
        let timestamp_ms = |sample: &Sample| sample.time.timestamp_ms;
        let time = timestamp_ms(&sample);
        let place = match self.buffer.last() {
            Some(last) if timestamp_ms(last) >= time => {
                self.buffer.partition_point(|item| timestamp_ms(item) < time)
            }
            _ => self.buffer.len(),
        };
        let is_new = self.buffer.get(place).is_none_or(|item| timestamp_ms(item) != time);
        if is_new {
            self.buffer.insert(place, sample);
        }
        is_new
    }

    /// Returns whether the next sample goes to another chunk.
    pub(super) fn is_full(&self, sample_count_max: usize) -> bool {
        self.buffer.len() >= sample_count_max
    }

    /// Makes chunks of the samples that are in none. `floats` is how floats are encoded.
    pub(super) fn cut(&mut self, floats: Encoding) {
        let chunks = encode(&self.buffer, floats).into_iter().map(|chunk| {
            let EncodedChunk { min_ms, max_ms, encoding, bytes } = chunk;
            // Every encoding starts with it.
            let sample_count = bytes.first_chunk().map_or(0, |count| u16::from_be_bytes(*count));
            let place = Place::Memory(encoding, bytes);
            OutOfOrderChunk { min_ms, max_ms, sample_count, place }
        });
        self.chunks.extend(chunks);
        self.buffer.clear();
    }

    /// Moves the chunks to files that are in memory. Those that cannot be written stay.
    pub(super) fn spill(&mut self, reference: u64, files: &HeadChunks) {
        for chunk in &mut self.chunks[self.marked..] {
            let Some(encoded) = chunk.in_memory() else { continue };
            match files.write(reference, &encoded, true) {
                Ok(place) => chunk.place = Place::File(place),
                Err(error) => {
                    tracing::warn!(%error, "out-of-order chunks stay in memory: they cannot be written");
                    return;
                }
            }
        }
    }

    /// Returns the chunks that the log is to say are in files; none while some are in memory. All
    /// samples so far must be in chunks.
    pub(super) fn mark(&mut self) -> Vec<ChunkRef> {
        let unmarked = self.chunks[self.marked..].iter().map(|chunk| match chunk.place {
            Place::File(place) => Some(place),
            Place::Memory(..) => None,
        });
        let places = unmarked.collect::<Option<Vec<_>>>().unwrap_or_default();
        self.marked += places.len();
        places
    }

    /// Takes chunks of files in place of the samples that no such chunk has. Returns whether they are
    /// of these samples, as far as one can tell.
    pub(super) fn replace_unmarked(&mut self, chunks: Vec<OutOfOrderChunk>) -> bool {
        let unmarked = Self {
            chunks: self.chunks.split_off(self.marked),
            marked: 0,
            buffer: std::mem::take(&mut self.buffer),
        };
        let theirs = Self { chunks, ..Self::default() };
        let is_same = unmarked.bounds() == theirs.bounds()
            && unmarked.sample_count() == theirs.sample_count();
        let taken = if is_same { theirs } else { unmarked };
        self.chunks.extend(taken.chunks);
        self.buffer = taken.buffer;
        if is_same {
            self.marked = self.chunks.len();
        }
        is_same
    }

    /// Lets the chunks so far stay whatever the log says later.
    pub(super) fn keep_chunks(&mut self) {
        self.marked = self.chunks.len();
    }

    /// Adds a chunk of a file of which the log does not say that it is there.
    pub(super) fn push_unmarked(&mut self, chunk: OutOfOrderChunk) {
        self.chunks.push(chunk);
    }

    /// Drops the first `count` chunks.
    pub(super) fn drop_chunks(&mut self, count: usize) {
        self.chunks.drain(..count);
        self.marked = self.marked.saturating_sub(count);
    }

    /// Returns the first file that has a chunk.
    pub(super) fn first_file(&self) -> Option<u32> {
        let files = self.chunks.iter().filter_map(|chunk| match chunk.place {
            Place::File(place) => Some(place.file()),
            Place::Memory(..) => None,
        });
        files.min()
    }

    /// Returns the full chunks.
    pub(in crate::head) fn chunks(&self) -> &[OutOfOrderChunk] {
        &self.chunks
    }

    /// Returns the samples that are in no chunk yet, encoded.
    pub(in crate::head) fn open_chunks(&self) -> Vec<EncodedChunk> {
        // As what is read is decoded, any encoding is good that keeps start timestamps.
        encode(&self.buffer, Encoding::Xor)
    }

    /// Returns how many chunks there are, the samples in none counted as one.
    pub(super) fn chunk_count(&self) -> usize {
        self.chunks.len() + usize::from(!self.buffer.is_empty())
    }

    fn sample_count(&self) -> usize {
        let chunks = self.chunks.iter().map(|chunk| usize::from(chunk.sample_count));
        chunks.sum::<usize>() + self.buffer.len()
    }

    /// Returns the times of the oldest and the newest sample.
    pub(in crate::head) fn bounds(&self) -> Option<(i64, i64)> {
        let chunks = self.chunks.iter().map(|chunk| (chunk.min_ms, chunk.max_ms));
        let ends = self.buffer.first().zip(self.buffer.last());
        let buffer = ends.map(|(first, last)| (first.time.timestamp_ms, last.time.timestamp_ms));
        let bounds = chunks.chain(buffer);
        bounds.reduce(|left, right| (left.0.min(right.0), left.1.max(right.1)))
    }

    /// Returns whether there may be samples in `range`.
    pub(in crate::head) fn overlaps(&self, range: TimeRange) -> bool {
        let bounds = self.bounds();
        bounds.is_some_and(|(min_ms, max_ms)| min_ms <= range.max_ms && range.min_ms <= max_ms)
    }
}

impl OutOfOrderChunk {
    pub(in crate::head) fn overlaps(&self, range: TimeRange) -> bool {
        self.min_ms <= range.max_ms && range.min_ms <= self.max_ms
    }

    /// Returns the chunk where it is in memory.
    fn in_memory(&self) -> Option<EncodedChunk> {
        let Self { min_ms, max_ms, ref place, .. } = *self;
        match place {
            Place::Memory(encoding, bytes) => {
                Some(EncodedChunk { min_ms, max_ms, encoding: *encoding, bytes: bytes.clone() })
            }
            Place::File(_) => None,
        }
    }

    /// Returns the chunk, read from its file where it is in one.
    pub(in crate::head) fn encoded(
        &self,
        files: Option<&HeadChunks>,
    ) -> Result<EncodedChunk, HeadChunkError> {
        if let Some(chunk) = self.in_memory() {
            return Ok(chunk);
        }
        let Place::File(place) = self.place else { unreachable!("it is in memory or in a file") };
        files.ok_or(HeadChunkError::Missing { file: place.file() })?.read(place)
    }
}

/// Returns chunks of samples that rise by their times: as many as the kinds of samples and the resets of
/// histograms ask for.
fn encode(samples: &[Sample], floats: Encoding) -> Vec<EncodedChunk> {
    let mut chunks = Vec::new();
    let mut encoder = ChunkEncoder::new(usize::MAX, &mut chunks);
    for sample in samples {
        encoder.push(sample, floats);
    }
    encoder.finish();
    chunks
}
