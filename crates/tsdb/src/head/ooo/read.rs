use narthex_chunk::{Columns, decode};
use narthex_storage::{StorageError, TimeRange};

use super::OutOfOrder;
use super::chain::chain;
use crate::EncodedChunk;
use crate::head::parts::{PartError, Parts, to_storage};
use crate::head_chunks::HeadChunks;

/// The samples of one chunk, as far as they are asked for.
#[derive(Debug)]
struct ChunkColumns {
    min_ms: i64,
    max_ms: i64,
    columns: Columns,
}

impl OutOfOrder {
    /// Appends the samples in `range` to `out`, together with those of `in_order`.
    ///
    /// # Source
    ///
    /// `getOOOSeriesChunks` in Prometheus' `tsdb/ooo_head_read.go`.
    pub(in crate::head) fn decode_with(
        &self,
        in_order: &Parts,
        range: TimeRange,
        files: Option<&HeadChunks>,
        out: &mut Columns,
    ) -> Result<(), StorageError> {
        let mut chunks = Vec::new();
        for chunk in in_order.encoded(files) {
            chunks.push(ChunkColumns::decode(&chunk?, in_order.range()).map_err(to_storage)?);
        }
        self.decode(range, files, &mut chunks).map_err(to_storage)?;
        // Stable: of chunks that start together those in order come first, then the older ones.
        chunks.sort_by_key(|chunk| chunk.min_ms);
        let mut rest = chunks.into_iter().peekable();
        while let Some(ChunkColumns { mut max_ms, columns, .. }) = rest.next() {
            let mut together = vec![columns];
            while let Some(next) = rest.next_if(|next| next.min_ms <= max_ms) {
                max_ms = max_ms.max(next.max_ms);
                together.push(next.columns);
            }
            match &*together {
                [alone] => out.extend_from_columns(alone, i64::MIN..=i64::MAX),
                _ => chain(&together, out),
            }
        }
        Ok(())
    }

    fn decode(
        &self,
        range: TimeRange,
        files: Option<&HeadChunks>,
        out: &mut Vec<ChunkColumns>,
    ) -> Result<(), PartError> {
        for chunk in self.chunks().iter().filter(|chunk| chunk.overlaps(range)) {
            let chunk = chunk.encoded(files).map_err(PartError::File)?;
            out.push(ChunkColumns::decode(&chunk, range)?);
        }
        for chunk in self.open_chunks() {
            out.push(ChunkColumns::decode(&chunk, range)?);
        }
        Ok(())
    }
}

impl ChunkColumns {
    fn decode(chunk: &EncodedChunk, range: TimeRange) -> Result<Self, PartError> {
        let EncodedChunk { min_ms, max_ms, encoding, ref bytes } = *chunk;
        let mut columns = Columns::default();
        let range = range.min_ms..=range.max_ms;
        decode(encoding, bytes, range, &mut columns).map_err(PartError::Chunk)?;
        Ok(Self { min_ms, max_ms, columns })
    }
}
