use bytes::Bytes;
use narthex_chunk::{ChunkError, Columns, Encoding, decode};
use narthex_storage::{StorageError, TimeRange};

use super::full::Place;
use super::series::Slot;
use super::table::SeriesTable;
use crate::EncodedChunk;
use crate::head_chunks::{ChunkRef, HeadChunkError, HeadChunks};

/// The chunks of one series that may hold samples of a range: copies of those in memory, and where the
/// others are. So nobody waits for those who read and decode them.
pub(super) struct Parts {
    range: TimeRange,
    bytes: Vec<u8>,
    /// Oldest first.
    parts: Vec<Part>,
}

struct Part {
    min_ms: i64,
    max_ms: i64,
    source: Source,
}

#[derive(Clone, Copy)]
enum Source {
    /// The bytes up to `end`, from where the last copy ends.
    Copy {
        encoding: Encoding,
        end: usize,
    },
    File(ChunkRef),
}

/// Why a series could not be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum PartError {
    #[error("decode a chunk of the head")]
    Chunk(#[source] ChunkError),
    #[error("read a chunk of the head")]
    File(#[source] HeadChunkError),
    #[error("a chunk of the head is in a file, and there are none")]
    NoFiles,
}

impl Parts {
    pub(super) fn new(table: &SeriesTable, slot: Slot, range: TimeRange) -> Self {
        let mut parts = Self { range, bytes: Vec::new(), parts: Vec::new() };
        let (series, slab) = (table.get(slot), table.slab());
        for chunk in series.full().iter(slab) {
            if chunk.min_ms <= range.max_ms && range.min_ms <= chunk.max_ms {
                let bounds = (chunk.min_ms, chunk.max_ms);
                match chunk.place {
                    Place::File(place) => parts.push(bounds, Source::File(place)),
                    Place::Memory { .. } => {
                        let (encoding, bytes) = chunk.in_memory(slab);
                        parts.push_copy(bounds, encoding, bytes);
                    }
                }
            }
        }
        if let Some(open) = series.open(slab)
            && open.min_ms <= range.max_ms
            && range.min_ms <= open.newest_ms
        {
            parts.push_copy((open.min_ms, open.newest_ms), open.encoding, open.bytes);
        }
        parts
    }

    /// Appends the samples of the range to `out`.
    pub(super) fn decode(
        &self,
        files: Option<&HeadChunks>,
        out: &mut Columns,
    ) -> Result<(), StorageError> {
        let range = self.range.min_ms..=self.range.max_ms;
        self.visit(files, |encoding, bytes| {
            decode(encoding, bytes, range.clone(), out).map_err(PartError::Chunk)
        })
    }

    /// Returns what is asked for.
    pub(super) fn range(&self) -> TimeRange {
        self.range
    }

    /// Returns the chunks, whole. One that cannot be read is an error, and the next ones follow.
    pub(super) fn encoded(
        &self,
        files: Option<&HeadChunks>,
    ) -> impl Iterator<Item = Result<EncodedChunk, StorageError>> {
        let mut start = 0;
        self.parts.iter().map(move |part| match part.source {
            Source::Copy { encoding, end } => {
                let bytes = Bytes::copy_from_slice(&self.bytes[start..end]);
                start = end;
                Ok(EncodedChunk { min_ms: part.min_ms, max_ms: part.max_ms, encoding, bytes })
            }
            Source::File(place) => read_file(files, place).map_err(to_storage),
        })
    }

    fn push_copy(&mut self, bounds: (i64, i64), encoding: Encoding, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        let end = self.bytes.len();
        self.push(bounds, Source::Copy { encoding, end });
    }

    fn push(&mut self, (min_ms, max_ms): (i64, i64), source: Source) {
        self.parts.push(Part { min_ms, max_ms, source });
    }

    fn visit(
        &self,
        files: Option<&HeadChunks>,
        mut visit: impl FnMut(Encoding, &[u8]) -> Result<(), PartError>,
    ) -> Result<(), StorageError> {
        let mut start = 0;
        for part in &self.parts {
            match part.source {
                Source::Copy { encoding, end } => {
                    visit(encoding, &self.bytes[start..end]).map_err(to_storage)?;
                    start = end;
                }
                Source::File(place) => {
                    let chunk = read_file(files, place).map_err(to_storage)?;
                    visit(chunk.encoding, &chunk.bytes).map_err(to_storage)?;
                }
            }
        }
        Ok(())
    }
}

fn read_file(files: Option<&HeadChunks>, place: ChunkRef) -> Result<EncodedChunk, PartError> {
    files.ok_or(PartError::NoFiles)?.read(place).map_err(PartError::File)
}

pub(super) fn to_storage(error: PartError) -> StorageError {
    StorageError::Store(Box::new(error))
}
