use std::path::{Path, PathBuf};

use narthex_chunk::Encoding;
use narthex_host::Files;

use super::BlockError;
use super::file::{BlockFile, Window};
use super::index::ChunkPlace;
use crate::codec::Cursor;

/// The files that hold the chunks of a block.
#[derive(Debug)]
pub(crate) struct Segments {
    dir: PathBuf,
    files: Vec<BlockFile>,
}

/// A chunk as it lies in a segment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StoredChunk<'a> {
    pub(crate) encoding: Encoding,
    pub(crate) bytes: &'a [u8],
}

/// Reads chunks. Those that lie together cost one read of the file, also where they are of several
/// series that are read one after the other.
#[derive(Debug)]
pub(crate) struct ChunkReader<'a> {
    segments: &'a Segments,
    /// The segment that was read last, and what is in memory of it.
    window: Option<(u64, Window<'a>)>,
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

    /// Returns a reader of chunks.
    pub(crate) fn reader(&self) -> ChunkReader<'_> {
        ChunkReader { segments: self, window: None }
    }

    fn damaged(&self, reason: &'static str) -> BlockError {
        BlockError::damaged(&self.dir, 0, reason)
    }
}

impl<'a> ChunkReader<'a> {
    /// Calls `each` with the chunks at `places`, in their order, with the index of each.
    pub(crate) fn read(
        &mut self,
        places: &[ChunkPlace],
        mut each: impl FnMut(usize, Result<StoredChunk<'_>, BlockError>),
    ) {
        let mut loaded = 0;
        for (index, place) in places.iter().enumerate() {
            if index == loaded {
                loaded += count_near(&places[index..]);
                // Where this fails, to read a chunk alone fails too, or does not.
                let _ = self.load(&places[index..loaded]);
            }
            each(index, self.take(place.reference));
        }
    }

    /// Makes the window hold the bytes from the first of `places`, which are in one segment, to about
    /// the end of the last.
    fn load(&mut self, places: &[ChunkPlace]) -> Result<(), BlockError> {
        let (first, last) = (places[0].reference, places[places.len() - 1].reference);
        let size = usize::try_from(last - first).unwrap_or(usize::MAX);
        self.window(first)?.at(offset_of(first), size.saturating_add(CHUNK_SIZE_GUESS))?;
        Ok(())
    }

    fn take(&mut self, reference: u64) -> Result<StoredChunk<'_>, BlockError> {
        let segments = self.segments;
        // The length leaves out the encoding.
        let take_size = |cursor: &mut Cursor<'_>| cursor.unsigned32()?.checked_add(1);
        let body = self.window(reference)?.checked(offset_of(reference), take_size)?;
        let chunk = body.split_first().and_then(|(encoding, bytes)| {
            Some(StoredChunk { encoding: Encoding::try_from(*encoding).ok()?, bytes })
        });
        chunk.ok_or_else(|| segments.damaged("a chunk of an unknown encoding"))
    }

    /// Returns the window into the segment of a reference.
    fn window(&mut self, reference: u64) -> Result<&mut Window<'a>, BlockError> {
        let number = reference >> 32;
        let window = match self.window.take() {
            Some((known, window)) if known == number => window,
            _ => {
                let file = usize::try_from(number).ok();
                let file = file.and_then(|number| self.segments.files.get(number));
                let missing = || self.segments.damaged("a segment of chunks is missing");
                Window::new(file.ok_or_else(missing)?)
            }
        };
        Ok(&mut self.window.insert((number, window)).1)
    }
}

/// Returns how many places from the first on are so near to it that they are read together.
fn count_near(places: &[ChunkPlace]) -> usize {
    let first = places[0].reference;
    let is_near = |place: &&ChunkPlace| {
        let size = place.reference.checked_sub(first);
        let is_same_segment = place.reference >> 32 == first >> 32;
        is_same_segment && size.is_some_and(|size| size < SPAN_SIZE_MAX)
    };
    places.iter().take_while(is_near).count()
}

/// Returns where in its segment a chunk stands.
fn offset_of(reference: u64) -> u64 {
    reference & u64::from(u32::MAX)
}

pub(super) const MAGIC: u32 = 0x85BD_40DD;
pub(super) const VERSION: u8 = 1;
/// Magic number, version, and three bytes of nothing.
pub(super) const HEADER_SIZE: usize = 8;
/// How far chunks may lie apart and still be read together.
const SPAN_SIZE_MAX: u64 = 256 << 10;
/// What the last chunk of those read together is thought to take. One that is larger is read again.
const CHUNK_SIZE_GUESS: usize = 1 << 10;
