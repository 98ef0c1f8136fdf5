use std::path::PathBuf;

use narthex_chunk::{ChunkError, Encoding};
use narthex_storage::TimeRange;

use super::encode::{ChunkEncoder, decode_samples};
use crate::sample::Sample;
use crate::{BlockError, EncodedChunk, SeriesChunks};

/// Series of several sources as one, in order of their labels.
///
/// Chunks that overlap no other are passed on as they are. Those that do are written anew; of samples
/// with equal times that of the earlier source is kept.
pub(crate) struct MergeSeries<I> {
    sources: Vec<I>,
    /// The next series of each source.
    heads: Vec<Option<SeriesChunks>>,
    is_started: bool,
    /// How floats are encoded that are written anew.
    floats: Encoding,
}

impl<I: Iterator<Item = Result<SeriesChunks, BlockError>>> MergeSeries<I> {
    /// Joins `sources`. Floats that are written anew are encoded as `floats`, unless they have start
    /// timestamps.
    pub(crate) fn new(sources: Vec<I>, floats: Encoding) -> Self {
        let heads = sources.iter().map(|_| None).collect();
        Self { sources, heads, is_started: false, floats }
    }

    fn try_next(&mut self) -> Result<Option<SeriesChunks>, BlockError> {
        if !self.is_started {
            self.is_started = true;
            for (head, source) in self.heads.iter_mut().zip(&mut self.sources) {
                *head = source.next().transpose()?;
            }
        }
        let first = self.heads.iter().flatten().map(|series| &series.labels).min();
        let Some(labels) = first.cloned() else { return Ok(None) };
        let mut lists = Vec::new();
        for (head, source) in self.heads.iter_mut().zip(&mut self.sources) {
            if let Some(series) = head.take_if(|series| series.labels == labels) {
                lists.push(series.chunks);
                *head = source.next().transpose()?;
            }
        }
        let merged =
            if lists.len() == 1 { Ok(lists.remove(0)) } else { merge_chunks(lists, self.floats) };
        let path = || PathBuf::from(labels.to_string());
        let chunks = merged.map_err(|source| BlockError::Chunk { path: path(), source })?;
        Ok(Some(SeriesChunks { labels, chunks }))
    }
}

impl<I: Iterator<Item = Result<SeriesChunks, BlockError>>> Iterator for MergeSeries<I> {
    type Item = Result<SeriesChunks, BlockError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.try_next().transpose()
    }
}

/// Returns the chunks of one series from several sources, none of which overlaps another.
///
/// # Source
///
/// `compactChunkIterator` in Prometheus' `storage/merge.go`.
fn merge_chunks(
    lists: Vec<Vec<EncodedChunk>>,
    floats: Encoding,
) -> Result<Vec<EncodedChunk>, ChunkError> {
    let chunks = lists.into_iter().enumerate();
    let chunks = chunks.flat_map(|(rank, list)| list.into_iter().map(move |chunk| (rank, chunk)));
    let mut chunks = chunks.collect::<Vec<_>>();
    chunks.sort_by_key(|(_, chunk)| (chunk.min_ms, chunk.max_ms));
    chunks.dedup_by(|(_, chunk), (_, earlier)| chunk == earlier);
    let mut merged = Vec::with_capacity(chunks.len());
    let mut rest = chunks.as_mut_slice();
    while let Some((_, first)) = rest.first() {
        let mut end_ms = first.max_ms;
        let mut count = 1;
        while let Some((_, next)) = rest.get(count).filter(|(_, next)| next.min_ms <= end_ms) {
            end_ms = end_ms.max(next.max_ms);
            count += 1;
        }
        let (together, others) = rest.split_at_mut(count);
        rest = others;
        match together {
            [(_, alone)] => merged.push(alone.clone()),
            _ => interleave(together, floats, &mut merged)?,
        }
    }
    Ok(merged)
}

/// Writes chunks that overlap anew.
fn interleave(
    chunks: &mut [(usize, EncodedChunk)],
    floats: Encoding,
    out: &mut Vec<EncodedChunk>,
) -> Result<(), ChunkError> {
    chunks.sort_by_key(|(rank, _)| *rank);
    let mut samples: Vec<(usize, Sample)> = Vec::new();
    let mut decoded = Vec::new();
    for (index, (_, chunk)) in chunks.iter().enumerate() {
        decode_samples(chunk, TimeRange::ALL, &mut decoded)?;
        samples.extend(decoded.drain(..).map(|sample| (index, sample)));
    }
    // Stable, so that of equal times the earlier source's comes first.
    samples.sort_by_key(|(_, sample)| sample.time.timestamp_ms);
    samples.dedup_by_key(|(_, sample)| sample.time.timestamp_ms);
    let mut encoder = ChunkEncoder::new(SAMPLE_COUNT_MAX, out);
    let mut last = None;
    for (index, mut sample) in samples {
        if last.replace(index) != Some(index) {
            sample.value.forget_reset();
        }
        encoder.push(&sample, floats);
    }
    encoder.finish();
    Ok(())
}

/// The most samples of a chunk that is written anew: `seriesToChunkEncoderSplit` of Prometheus'
/// `storage/series.go`.
pub(crate) const SAMPLE_COUNT_MAX: usize = 120;
