use bytes::Bytes;
use narthex_chunk::Encoding;
use narthex_model::Labels;

/// A chunk on its way between head, blocks and whoever passes chunks on, not decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodedChunk {
    /// The time of the first sample, in milliseconds since the Unix epoch.
    pub min_ms: i64,
    /// The time of the last sample.
    pub max_ms: i64,
    /// How `bytes` are to be read.
    pub encoding: Encoding,
    /// The chunk as it lies on disk, without length, encoding and checksum.
    pub bytes: Bytes,
}

/// One series with all its chunks in some range of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeriesChunks {
    /// The labels of the series.
    pub labels: Labels,
    /// The chunks, oldest first. No two overlap in time, unless the source says otherwise.
    pub chunks: Vec<EncodedChunk>,
}

impl EncodedChunk {
    /// Returns whether the chunk reaches into the time from `min_ms` to `max_ms`, both included.
    #[must_use]
    pub fn overlaps(&self, min_ms: i64, max_ms: i64) -> bool {
        self.min_ms <= max_ms && min_ms <= self.max_ms
    }
}
