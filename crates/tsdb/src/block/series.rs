use std::sync::Arc;

use bytes::Bytes;
use narthex_storage::TimeRange;

use super::index::{ChunkPlace, SeriesId, SeriesReader};
use super::segment::{ChunkReader, StoredChunk};
use super::tombstones::Tombstones;
use super::{Block, BlockError};
use crate::compact::cut;
use crate::{EncodedChunk, SeriesChunks};

/// The series of a block with their chunks, in order of their labels.
///
/// Chunks are as they lie on disk, but for those of which a part was deleted or lies outside the
/// range: these are written anew. Damage is an error: whoever copies a block must not lose what a
/// repair could still find.
#[derive(Debug)]
pub(crate) struct BlockSeries<'a> {
    block: &'a Block,
    range: TimeRange,
    tombstones: Arc<Tombstones>,
    series: std::vec::IntoIter<SeriesId>,
    reader: SeriesReader<'a>,
    chunks: ChunkReader<'a>,
    places: Vec<ChunkPlace>,
}

impl<'a> BlockSeries<'a> {
    pub(super) fn new(block: &'a Block, range: TimeRange) -> Result<Self, BlockError> {
        let series = block.index.all()?.into_iter();
        let (tombstones, reader) = (block.tombstones(), block.index.series());
        let chunks = block.segments.reader();
        Ok(Self { block, range, tombstones, series, reader, chunks, places: Vec::new() })
    }

    fn read(&mut self, series: SeriesId) -> Result<SeriesChunks, BlockError> {
        let labels = self.reader.read(series, &mut self.places)?;
        let deleted = self.tombstones.of(series);
        let TimeRange { min_ms, max_ms } = self.range;
        self.places.retain(|place| {
            let is_deleted =
                |(start, end): &(i64, i64)| *start <= place.min_ms && place.max_ms <= *end;
            place.min_ms <= max_ms && min_ms <= place.max_ms && !deleted.iter().any(is_deleted)
        });
        let mut chunks = Vec::with_capacity(self.places.len());
        let mut failure = None;
        self.chunks.read(&self.places, |index, chunk| {
            let ChunkPlace { min_ms, max_ms, .. } = self.places[index];
            let outcome = chunk.and_then(|chunk| {
                let StoredChunk { encoding, bytes } = chunk;
                let bytes = Bytes::copy_from_slice(bytes);
                let chunk = EncodedChunk { min_ms, max_ms, encoding, bytes };
                let fail = |source| BlockError::Chunk { path: self.block.dir.clone(), source };
                cut(chunk, self.range, deleted, &mut chunks).map_err(fail)
            });
            if let Err(error) = outcome {
                failure.get_or_insert(error);
            }
        });
        match failure {
            Some(error) => Err(error),
            None => Ok(SeriesChunks { labels, chunks }),
        }
    }
}

impl Iterator for BlockSeries<'_> {
    type Item = Result<SeriesChunks, BlockError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let series = self.series.next()?;
            match self.read(series) {
                Ok(series) if series.chunks.is_empty() => {}
                outcome => return Some(outcome),
            }
        }
    }
}
