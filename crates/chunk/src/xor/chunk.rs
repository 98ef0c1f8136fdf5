use std::fmt;

use super::{HEADER_SIZE, XorAppender};

/// An XOR chunk that owns its bytes and takes samples.
#[derive(Clone)]
pub struct XorChunk {
    buffer: Vec<u8>,
    appender: XorAppender,
}

impl Default for XorChunk {
    fn default() -> Self {
        Self { buffer: vec![0; FIRST_SIZE], appender: XorAppender::new() }
    }
}

impl XorChunk {
    /// The most samples that a chunk can hold.
    pub const SAMPLE_COUNT_MAX: u16 = u16::MAX;

    /// Appends one sample, which must be newer than the last.
    ///
    /// # Panics
    ///
    /// Where the chunk holds [`XorChunk::SAMPLE_COUNT_MAX`] samples, or a newer one.
    pub fn append(&mut self, timestamp_ms: i64, value: f64) {
        while let Err(needed) = self.appender.append(&mut self.buffer, timestamp_ms, value) {
            let size = needed.size_bytes.max(self.buffer.len() * 3 / 2);
            self.buffer.reserve_exact(size - self.buffer.len());
            self.buffer.resize(size, 0);
        }
    }

    /// Returns the encoded chunk.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.buffer[..self.appender.size_bytes()]
    }

    /// Returns how many samples the chunk holds.
    #[must_use]
    pub fn sample_count(&self) -> u16 {
        self.appender.sample_count()
    }

    /// Returns the time and the value of the newest sample.
    #[must_use]
    pub fn last(&self) -> Option<(i64, f64)> {
        self.appender.last()
    }
}

impl fmt::Debug for XorChunk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("XorChunk")
            .field("sample_count", &self.sample_count())
            .field("size_bytes", &self.as_bytes().len())
            .field("last", &self.last())
            .finish()
    }
}

/// Room for a header and a few samples.
const FIRST_SIZE: usize = HEADER_SIZE + 30;
