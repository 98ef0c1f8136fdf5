use std::path::{Path, PathBuf};

use bytes::Bytes;
use narthex_chunk::Encoding;
use narthex_host::Files;

use super::BlockError;
use super::file::BlockFile;
use super::index::ChunkPlace;
use crate::codec::{Cursor, checksum_matches};

/// The files that hold the chunks of a block.
#[derive(Debug)]
pub(crate) struct Segments {
    dir: PathBuf,
    files: Vec<BlockFile>,
}

/// A chunk as it lies in a segment.
#[derive(Clone, Debug)]
pub(crate) struct StoredChunk {
    pub(crate) encoding: Encoding,
    pub(crate) bytes: Bytes,
}

impl Segments {
    /// Opens the numbered files of the folder `dir`.
    pub(crate) fn open(files: &dyn Files, dir: &Path) -> Result<Self, BlockError> {
        let entries = files.list_dir(dir).map_err(|source| BlockError::read(dir, source))?;
        let number = |name: &str| name.parse::<u64>().ok();
        let mut names = entries
            .iter()
            .filter(|entry| !entry.is_dir)
            .filter_map(|entry| Some((number(&entry.name)?, &*entry.name)))
            .collect::<Vec<_>>();
        names.sort_unstable();
        let open = |(_, name): (u64, &str)| {
            let file = BlockFile::open(files, dir.join(name))?;
            let header = file.read(0, HEADER_SIZE)?;
            if header[..4] != MAGIC.to_be_bytes() {
                return Err(file.damaged(0, "not a segment of chunks"));
            }
            if header[4] != VERSION {
                return Err(file.damaged(4, "an unknown version"));
            }
            Ok(file)
        };
        let files = names.into_iter().map(open).collect::<Result<_, _>>()?;
        Ok(Self { dir: dir.to_owned(), files })
    }

    /// Returns the size of the files in bytes.
    pub(crate) fn size(&self) -> u64 {
        self.files.iter().map(BlockFile::size).sum()
    }

    /// Calls `each` with the chunks at `places`, in their order, with the index of each. Those that
    /// lie together cost one read.
    pub(crate) fn read(
        &self,
        places: &[ChunkPlace],
        mut each: impl FnMut(usize, Result<StoredChunk, BlockError>),
    ) {
        let mut rest = places;
        while let Some(first) = rest.first() {
            let start = places.len() - rest.len();
            let is_near = |place: &&ChunkPlace| {
                let size = place.reference.checked_sub(first.reference);
                let is_same_segment = place.reference >> 32 == first.reference >> 32;
                is_same_segment && size.is_some_and(|size| size < SPAN_SIZE_MAX)
            };
            let count = rest.iter().take_while(is_near).count();
            let (together, others) = rest.split_at(count);
            rest = others;
            let span = self.read_span(together);
            for (index, place) in together.iter().enumerate() {
                let span = span.as_ref().ok();
                each(start + index, self.take(span, place.reference));
            }
        }
    }

    /// Returns the bytes from the first of `places` to about the end of the last, and where they
    /// start.
    fn read_span(&self, places: &[ChunkPlace]) -> Result<(u64, Bytes), BlockError> {
        let (first, last) = (places[0].reference, places[places.len() - 1].reference);
        let (file, offset) = self.find(first)?;
        let size = usize::try_from(last - first).unwrap_or(usize::MAX);
        let bytes = file.read_up_to(offset, size.saturating_add(CHUNK_SIZE_GUESS))?;
        Ok((first, bytes.into()))
    }

    /// Takes the chunk at `reference` out of the bytes of a span, or reads it where they do not hold
    /// it as a whole.
    fn take(&self, span: Option<&(u64, Bytes)>, reference: u64) -> Result<StoredChunk, BlockError> {
        let (file, offset) = self.find(reference)?;
        let mut bytes = match span {
            Some((start, bytes)) => {
                let start = usize::try_from(reference - start).unwrap_or(usize::MAX);
                bytes.slice(start.min(bytes.len())..)
            }
            None => file.read_up_to(offset, CHUNK_SIZE_GUESS)?.into(),
        };
        let mut cursor = Cursor::new(&bytes);
        let Some(size) = cursor.unsigned32() else {
            return Err(file.damaged(offset, "a chunk without a length"));
        };
        let start = bytes.len() - cursor.len();
        let end = start + 1 + size as usize;
        if bytes.len() < end + 4 {
            bytes = file.read(offset, end + 4)?.into();
        }
        if !checksum_matches(&bytes[start..end], &bytes[end..end + 4]) {
            return Err(file.damaged(offset, "the checksum of a chunk does not match"));
        }
        let encoding = Encoding::try_from(bytes[start])
            .map_err(|_| file.damaged(offset, "a chunk of an unknown encoding"))?;
        Ok(StoredChunk { encoding, bytes: bytes.slice(start + 1..end) })
    }

    fn find(&self, reference: u64) -> Result<(&BlockFile, u64), BlockError> {
        let offset = reference & u64::from(u32::MAX);
        let segment = usize::try_from(reference >> 32).unwrap_or(usize::MAX);
        let missing = || BlockError::damaged(&self.dir, 0, "a segment of chunks is missing");
        Ok((self.files.get(segment).ok_or_else(missing)?, offset))
    }
}

pub(super) const MAGIC: u32 = 0x85BD_40DD;
pub(super) const VERSION: u8 = 1;
/// Magic number, version, and three bytes of nothing.
pub(super) const HEADER_SIZE: usize = 8;
/// How far chunks may lie apart and still be read together.
const SPAN_SIZE_MAX: u64 = 256 << 10;
/// What the last chunk of a span is thought to take. One that is larger is read again.
const CHUNK_SIZE_GUESS: usize = 1 << 10;
