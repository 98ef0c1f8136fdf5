//! The full chunks of a series: a list in one buffer, packed.

use narthex_chunk::Encoding;

use super::slab::{BufferId, Slab};

/// A chunk that takes no more samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FullChunk {
    pub(super) min_ms: i64,
    pub(super) max_ms: i64,
    /// Where its encoding and its bytes are.
    buffer: BufferId,
    size: u32,
}

impl FullChunk {
    /// Stores a chunk.
    pub(super) fn new(
        (min_ms, max_ms): (i64, i64),
        encoding: Encoding,
        bytes: &[u8],
        slab: &mut Slab,
    ) -> Self {
        let buffer = slab.allocate(1 + bytes.len());
        let (first, rest) = slab.get_mut(buffer).split_at_mut(1);
        first[0] = encoding.number();
        rest[..bytes.len()].copy_from_slice(bytes);
        let size = u32::try_from(bytes.len()).expect("it fits a buffer");
        Self { min_ms, max_ms, buffer, size }
    }

    pub(super) fn chunk(self, slab: &Slab) -> (Encoding, &[u8]) {
        let buffer = slab.get(self.buffer);
        let encoding = Encoding::try_from(buffer[0]).expect("it was stored");
        (encoding, &buffer[1..][..self.size as usize])
    }

    pub(super) fn size(self) -> usize {
        self.size as usize
    }

    fn to_bytes(self) -> [u8; ENTRY_SIZE] {
        let mut bytes = [0; ENTRY_SIZE];
        bytes[..8].copy_from_slice(&self.min_ms.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.max_ms.to_le_bytes());
        bytes[16..20].copy_from_slice(&self.buffer.to_bits().to_le_bytes());
        bytes[20..].copy_from_slice(&self.size.to_le_bytes());
        bytes
    }

    fn from_bytes(bytes: &[u8; ENTRY_SIZE]) -> Self {
        let word = |start: usize| {
            u32::from_le_bytes([bytes[start], bytes[start + 1], bytes[start + 2], bytes[start + 3]])
        };
        let long = |start: usize| i64::from(word(start + 4)) << 32 | i64::from(word(start));
        Self {
            min_ms: long(0),
            max_ms: long(8),
            buffer: BufferId::from_bits(word(16)),
            size: word(20),
        }
    }
}

/// A list of full chunks, oldest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FullChunks(BufferId);

impl FullChunks {
    pub(super) const EMPTY: Self = Self(BufferId::NONE);

    pub(super) fn len(self, slab: &Slab) -> usize {
        if self.0.is_none() { 0 } else { count(slab.get(self.0)) }
    }

    pub(super) fn iter(self, slab: &Slab) -> impl DoubleEndedIterator<Item = FullChunk> {
        let list = if self.0.is_none() { &[] } else { slab.get(self.0) };
        let entries = list.get(COUNT_SIZE..).unwrap_or_default().as_chunks().0;
        let count = if list.is_empty() { 0 } else { count(list) };
        entries[..count].iter().map(FullChunk::from_bytes)
    }

    pub(super) fn push(&mut self, chunk: FullChunk, slab: &mut Slab) {
        let before = self.len(slab);
        let size = COUNT_SIZE + (before + 1) * ENTRY_SIZE;
        self.0 = match self.0.is_none() {
            true => slab.allocate(size),
            false => slab.resize(self.0, size - ENTRY_SIZE, size),
        };
        let list = slab.get_mut(self.0);
        list[size - ENTRY_SIZE..size].copy_from_slice(&chunk.to_bytes());
        let count = u32::try_from(before + 1).expect("a list fits a buffer");
        list[..COUNT_SIZE].copy_from_slice(&count.to_le_bytes());
    }

    /// Drops the chunks whose newest sample is older than `min_ms`.
    pub(super) fn drop_before(&mut self, min_ms: i64, slab: &mut Slab) {
        if self.iter(slab).next().is_none_or(|oldest| oldest.max_ms >= min_ms) {
            return;
        }
        let (old, kept): (Vec<_>, Vec<_>) =
            self.iter(slab).partition(|chunk| chunk.max_ms < min_ms);
        old.into_iter().for_each(|chunk| slab.free(chunk.buffer));
        slab.free(self.0);
        *self = Self::EMPTY;
        kept.into_iter().for_each(|chunk| self.push(chunk, slab));
    }

    /// Drops all chunks.
    pub(super) fn clear(&mut self, slab: &mut Slab) {
        let buffers = self.iter(slab).map(|chunk| chunk.buffer).collect::<Vec<_>>();
        buffers.into_iter().for_each(|buffer| slab.free(buffer));
        slab.free(self.0);
        *self = Self::EMPTY;
    }
}

fn count(list: &[u8]) -> usize {
    let count = list.first_chunk().expect("a list starts with its count");
    u32::from_le_bytes(*count) as usize
}

const COUNT_SIZE: usize = size_of::<u32>();
const ENTRY_SIZE: usize = 24;
