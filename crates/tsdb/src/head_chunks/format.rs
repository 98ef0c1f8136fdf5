//! How chunks lie in the files of the head.

use std::ops::Range;
use std::path::{Path, PathBuf};

use narthex_chunk::Encoding;

use crate::EncodedChunk;
use crate::codec::{Cursor, put_unsigned};

/// What a file starts with: a magic number, the version 1 and three zeros.
pub(super) const FILE_HEADER: [u8; 8] = [0x01, 0x30, 0xbc, 0x91, 1, 0, 0, 0];

/// The largest file, in bytes.
pub(super) const FILE_SIZE_MAX: u64 = 128 << 20;

/// Series, times of the first and the last sample, and encoding.
const FIXED_SIZE: usize = 8 + 8 + 8 + 1;
/// The largest header with its checksum: where a file has fewer bytes left, there is no chunk.
pub(super) const META_SIZE_MAX: usize = FIXED_SIZE + 5 + CRC_SIZE;
const CRC_SIZE: usize = 4;

/// Set in the encoding of chunks that hold samples that came out of order.
const OUT_OF_ORDER: u8 = 0b1000_0000;

/// What stands before a chunk's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ChunkHeader {
    pub(super) series: u64,
    pub(super) min_ms: i64,
    pub(super) max_ms: i64,
    encoding: u8,
    /// Of the header itself, and of the bytes behind it.
    header_size: usize,
    pub(super) size: usize,
}

impl ChunkHeader {
    /// Returns the header that `bytes` start with. `None` where they are too short.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let mut cursor = Cursor::new(bytes);
        let (series, min_ms) = (cursor.word()?, cursor.word()?.cast_signed());
        let (max_ms, encoding) = (cursor.word()?.cast_signed(), cursor.byte()?);
        let size = usize::try_from(cursor.unsigned()?).ok()?;
        let header_size = bytes.len() - cursor.len();
        (size as u64 <= FILE_SIZE_MAX).then_some(Self {
            series,
            min_ms,
            max_ms,
            encoding,
            header_size,
            size,
        })
    }

    pub(super) fn encoding(&self) -> Option<Encoding> {
        Encoding::try_from(self.encoding & !OUT_OF_ORDER).ok()
    }

    pub(super) fn is_out_of_order(&self) -> bool {
        self.encoding & OUT_OF_ORDER != 0
    }

    /// Returns the size with header and checksum.
    pub(super) fn total_size(&self) -> usize {
        self.header_size + self.size + CRC_SIZE
    }

    /// Returns where the chunk's own bytes lie.
    pub(super) fn body(&self) -> Range<usize> {
        self.header_size..self.header_size + self.size
    }

    /// Returns whether the checksum at the end of `bytes` is right.
    pub(super) fn is_intact(&self, bytes: &[u8]) -> bool {
        let end = self.body().end;
        match (bytes.get(..end), bytes.get(end..end + CRC_SIZE)) {
            (Some(covered), Some(crc)) => crc == crc32c::crc32c(covered).to_be_bytes(),
            _ => false,
        }
    }

    /// Returns whether nothing follows: files may be longer than what was written to them.
    pub(super) fn is_end(&self) -> bool {
        (self.series, self.min_ms, self.max_ms) == (0, 0, 0)
    }
}

/// Appends a chunk with header and checksum to `out`.
pub(super) fn push_chunk(
    out: &mut Vec<u8>,
    series: u64,
    chunk: &EncodedChunk,
    is_out_of_order: bool,
) {
    let start = out.len();
    out.extend_from_slice(&series.to_be_bytes());
    out.extend_from_slice(&chunk.min_ms.to_be_bytes());
    out.extend_from_slice(&chunk.max_ms.to_be_bytes());
    out.push(chunk.encoding.number() | if is_out_of_order { OUT_OF_ORDER } else { 0 });
    put_unsigned(out, chunk.bytes.len() as u64);
    out.extend_from_slice(&chunk.bytes);
    let crc = crc32c::crc32c(&out[start..]);
    out.extend_from_slice(&crc.to_be_bytes());
}

/// Returns the name of the file `number`. The first is 1.
pub(super) fn file_path(dir: &Path, number: u32) -> PathBuf {
    dir.join(format!("{number:06}"))
}

/// Returns the number of a file, or `None` for one that holds no chunks.
pub(super) fn parse_name(name: &str) -> Option<u32> {
    let is_number = name.len() >= 6 && name.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { name.parse().ok() } else { None }
}
