use bytes::Bytes;
use narthex_model::{Labels, Matcher};

use super::index::ChunkPlace;
use super::{Block, BlockError};
use crate::{EncodedChunk, postings};

/// A series as the index of a block has it, deleted or not.
#[derive(Clone, Debug)]
pub struct IndexedSeries {
    /// The labels of the series.
    pub labels: Labels,
    places: Vec<ChunkPlace>,
}

impl IndexedSeries {
    /// Returns how many chunks the series has.
    #[must_use]
    pub fn chunk_count(&self) -> usize {
        self.places.len()
    }

    /// Returns the times of the first and the last sample, in milliseconds since the Unix epoch.
    #[must_use]
    pub fn bounds_ms(&self) -> Option<(i64, i64)> {
        self.places.first().zip(self.places.last()).map(|(first, last)| (first.min_ms, last.max_ms))
    }
}

/// Looking into a block, apart from queries: what was deleted and is still there counts, and damage is
/// an error.
impl Block {
    /// Returns the series that meet all `matchers`, in the order of the index, which is that of their
    /// labels. Each is read when it is asked for.
    ///
    /// # Errors
    ///
    /// Where the index cannot be read, here or for each series.
    pub fn indexed_series(
        &self,
        matchers: &[Matcher],
    ) -> Result<impl ExactSizeIterator<Item = Result<IndexedSeries, BlockError>>, BlockError> {
        let mut reader = self.index.series();
        let found = postings::select(&self.index, matchers)?;
        Ok(found.into_iter().map(move |series| {
            let mut places = Vec::new();
            let labels = reader.read(series, &mut places)?;
            Ok(IndexedSeries { labels, places })
        }))
    }

    /// Returns the chunks of a series of this block, oldest first.
    ///
    /// # Errors
    ///
    /// Where one of them cannot be read.
    pub fn chunks(&self, series: &IndexedSeries) -> Result<Vec<EncodedChunk>, BlockError> {
        let mut chunks = Vec::with_capacity(series.places.len());
        let mut outcome = Ok(());
        self.segments.reader().read(&series.places, |index, chunk| match chunk {
            Ok(chunk) => {
                let ChunkPlace { min_ms, max_ms, .. } = series.places[index];
                let (encoding, bytes) = (chunk.encoding, Bytes::copy_from_slice(chunk.bytes));
                chunks.push(EncodedChunk { min_ms, max_ms, encoding, bytes });
            }
            Err(error) => outcome = Err(error),
        });
        outcome.map(|()| chunks)
    }
}
