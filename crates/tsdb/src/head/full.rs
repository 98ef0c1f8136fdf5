//! The full chunks of a series: a list in one buffer, packed.

use narthex_chunk::Encoding;

use super::slab::{BufferId, Slab};
use crate::head_chunks::ChunkRef;

/// A chunk that takes no more samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FullChunk {
    pub(super) min_ms: i64,
    pub(super) max_ms: i64,
    pub(super) place: Place,
}

/// Where the bytes of a chunk are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In a buffer, behind the number of the encoding.
    Memory {
        buffer: BufferId,
        size: u32,
    },
    File(ChunkRef),
}

impl FullChunk {
    /// Stores a chunk in memory.
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
        Self { min_ms, max_ms, place: Place::Memory { buffer, size } }
    }

    /// Returns the encoding and the bytes of a chunk in memory.
    ///
    /// # Panics
    ///
    /// Where it is in a file.
    pub(super) fn in_memory(self, slab: &Slab) -> (Encoding, &[u8]) {
        let Place::Memory { buffer, size } = self.place else { panic!("a chunk in a file") };
        let buffer = slab.get(buffer);
        let encoding = Encoding::try_from(buffer[0]).expect("it was stored");
        (encoding, &buffer[1..][..size as usize])
    }

    /// Returns the size in memory, in bytes.
    pub(super) fn size(self) -> usize {
        match self.place {
            Place::Memory { size, .. } => size as usize,
            Place::File(_) => 0,
        }
    }

    fn free(self, slab: &mut Slab) {
        if let Place::Memory { buffer, .. } = self.place {
            slab.free(buffer);
        }
    }

    fn to_bytes(self) -> [u8; ENTRY_SIZE] {
        let place = match self.place {
            Place::Memory { buffer, size } => {
                IN_MEMORY | u64::from(size) << 32 | u64::from(buffer.to_bits())
            }
            Place::File(ChunkRef(place)) => place,
        };
        let mut bytes = [0; ENTRY_SIZE];
        bytes[..8].copy_from_slice(&self.min_ms.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.max_ms.to_le_bytes());
        bytes[16..].copy_from_slice(&place.to_le_bytes());
        bytes
    }

    #[expect(clippy::cast_possible_truncation, reason = "the parts of a word")]
    fn from_bytes(bytes: &[u8; ENTRY_SIZE]) -> Self {
        let mut words = bytes.as_chunks::<8>().0.iter().map(|word| u64::from_le_bytes(*word));
        let mut word = || words.next().expect("three words");
        let (min_ms, max_ms, place) = (word().cast_signed(), word().cast_signed(), word());
        let place = match place & IN_MEMORY {
            0 => Place::File(ChunkRef(place)),
            _ => Place::Memory {
                buffer: BufferId::from_bits(place as u32),
                size: ((place & !IN_MEMORY) >> 32) as u32,
            },
        };
        Self { min_ms, max_ms, place }
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

    /// Returns the time of the newest sample.
    pub(super) fn newest_ms(self, slab: &Slab) -> Option<i64> {
        self.iter(slab).map(|chunk| chunk.max_ms).max()
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

    /// Notes that a chunk is in a file now. Returns how many bytes of memory that frees.
    pub(super) fn move_to_file(self, min_ms: i64, place: ChunkRef, slab: &mut Slab) -> usize {
        let found = self.iter(slab).enumerate().find(|(_, chunk)| chunk.min_ms == min_ms);
        let Some((index, chunk)) = found else { return 0 };
        chunk.free(slab);
        let moved = FullChunk { place: Place::File(place), ..chunk };
        let start = COUNT_SIZE + index * ENTRY_SIZE;
        slab.get_mut(self.0)[start..start + ENTRY_SIZE].copy_from_slice(&moved.to_bytes());
        chunk.size()
    }

    /// Drops the chunks whose newest sample is older than `min_ms`.
    pub(super) fn drop_before(&mut self, min_ms: i64, slab: &mut Slab) {
        if self.iter(slab).next().is_none_or(|oldest| oldest.max_ms >= min_ms) {
            return;
        }
        let (old, kept): (Vec<_>, Vec<_>) =
            self.iter(slab).partition(|chunk| chunk.max_ms < min_ms);
        old.into_iter().for_each(|chunk| chunk.free(slab));
        slab.free(self.0);
        *self = Self::EMPTY;
        kept.into_iter().for_each(|chunk| self.push(chunk, slab));
    }

    /// Drops all chunks.
    pub(super) fn clear(&mut self, slab: &mut Slab) {
        let chunks = self.iter(slab).collect::<Vec<_>>();
        chunks.into_iter().for_each(|chunk| chunk.free(slab));
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
/// Marks places in memory: references of chunks in files are smaller.
const IN_MEMORY: u64 = 1 << 63;
