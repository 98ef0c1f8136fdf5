//! Full chunks of the head in files, so that they need no memory: `chunks_head/`.
//!
//! Nothing depends on these files but memory and time: the write-ahead log has every sample that is
//! in them and in no block. So they are synced when they are full, and what cannot be read at the
//! next start is dropped. `docs/format/head_chunks.md` has the bytes.

mod format;
mod scan;
mod writer;

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use narthex_chunk::Encoding;
use narthex_host::{Files, ReadFile};
use parking_lot::{Mutex, RwLock};

use crate::EncodedChunk;
use format::ChunkHeader;
use writer::Writer;

/// Where a chunk lies: file and offset. Later chunks have higher references.
///
/// As a number it is the reference that the log of out-of-order samples names chunks by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ChunkRef(pub(crate) u64);

impl ChunkRef {
    /// Returns the number of the file.
    pub(crate) fn file(self) -> u32 {
        (self.0 >> 32) as u32
    }

    #[expect(clippy::cast_possible_truncation, reason = "the lower half")]
    fn offset(self) -> u32 {
        self.0 as u32
    }
}

/// A chunk that was there when the files were opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FoundChunk {
    /// The reference of its series.
    pub(crate) series: u64,
    pub(crate) chunk: ChunkRef,
    pub(crate) min_ms: i64,
    pub(crate) max_ms: i64,
    pub(crate) sample_count: u16,
    pub(crate) encoding: Encoding,
    pub(crate) is_out_of_order: bool,
    /// Of its bytes alone.
    pub(crate) size: usize,
}

/// What the files held.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct OpenReport {
    pub(crate) chunks: u64,
    /// The first file with a damaged place: from there on everything was dropped.
    pub(crate) damaged_file: Option<PathBuf>,
    pub(crate) dropped_bytes: u64,
}

/// Why a chunk could not be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HeadChunkError {
    /// No file has it: it went with its file, or never was.
    #[error("head chunk file {file} does not exist")]
    Missing { file: u32 },
    /// The bytes are not those that were written.
    #[error("head chunk at {offset} in {}: {reason}", path.display())]
    Damaged { path: PathBuf, offset: u32, reason: &'static str },
    /// The operating system's error.
    #[error("read {}", path.display())]
    Read { path: PathBuf, source: io::Error },
}

/// The files of full chunks.
#[derive(Debug)]
pub(crate) struct HeadChunks {
    files: Arc<dyn Files>,
    dir: PathBuf,
    /// Those to read from, by number.
    open: RwLock<BTreeMap<u32, ChunkFile>>,
    writer: Mutex<Writer>,
}

#[derive(Clone, Debug)]
struct ChunkFile {
    reader: Arc<dyn ReadFile>,
    /// The time of the newest sample.
    max_ms: i64,
    size: u64,
}

impl HeadChunks {
    /// Opens the files in `dir`, which is made with the first of them, and hands every chunk to `visit`, in the order in
    /// which they were written.
    ///
    /// From the first damaged place on, everything is dropped.
    pub(crate) fn open(
        files: Arc<dyn Files>,
        dir: PathBuf,
        visit: impl FnMut(FoundChunk),
    ) -> io::Result<(Self, OpenReport)> {
        let (open, report) = scan::scan(&*files, &dir, visit)?;
        let last = open.keys().next_back().copied().unwrap_or(0);
        let writer = Mutex::new(Writer::new(Arc::clone(&files), dir.clone(), last));
        Ok((Self { files, dir, open: RwLock::new(open), writer }, report))
    }

    /// Appends a chunk of the series `series`. It can be read at once, and is on its way to the disk:
    /// [`HeadChunks::sync`] comes before anything that says that the log is not needed for it, as a
    /// marker in the log of out-of-order samples does.
    ///
    /// # Errors
    ///
    /// The chunk was not taken; those before it are still there.
    pub(crate) fn write(
        &self,
        series: u64,
        chunk: &EncodedChunk,
        is_out_of_order: bool,
    ) -> io::Result<ChunkRef> {
        let mut writer = self.writer.lock();
        let (started, place) = writer.push(series, chunk, is_out_of_order)?;
        let number = place.file();
        let mut open = self.open.write();
        if let Some(reader) = started {
            open.insert(number, ChunkFile { reader, max_ms: i64::MIN, size: 0 });
        }
        if let Some(file) = open.get_mut(&number) {
            file.max_ms = file.max_ms.max(chunk.max_ms);
            file.size = writer.size();
        }
        Ok(place)
    }

    /// Returns a chunk, whose checksum is right.
    pub(crate) fn read(&self, place: ChunkRef) -> Result<EncodedChunk, HeadChunkError> {
        let (number, offset) = (place.file(), place.offset());
        let found = self.open.read().get(&number).map(|file| Arc::clone(&file.reader));
        let reader = found.ok_or(HeadChunkError::Missing { file: number })?;
        if let Some(chunk) = self.writer.lock().pending(number, offset) {
            return chunk.ok_or_else(|| self.damaged(place, "not written yet"));
        }
        let fail =
            |source| HeadChunkError::Read { path: format::file_path(&self.dir, number), source };
        // Nearly every chunk is shorter, so that one read gets it.
        let mut bytes = vec![0; READ_SIZE];
        let count = reader.read_at(offset.into(), &mut bytes).map_err(fail)?;
        bytes.truncate(count);
        let header = ChunkHeader::parse(&bytes).ok_or_else(|| self.damaged(place, "no header"))?;
        let size = header.total_size();
        if size > bytes.len() {
            let left = reader.size().map_err(fail)?.saturating_sub(offset.into());
            if size as u64 > left {
                return Err(self.damaged(place, "the file ends before the chunk"));
            }
            bytes.resize(size, 0);
            reader.read_at(offset.into(), &mut bytes).map_err(fail)?;
        }
        bytes.truncate(size);
        decode(header, bytes).ok_or_else(|| self.damaged(place, "unexpected checksum or encoding"))
    }

    /// Removes the files in which every sample is older than `min_ms`, but not those from number `kept`
    /// on, and lets later chunks go to another file than the present one.
    ///
    /// # Errors
    ///
    /// Some of the files may be gone; the next call goes on.
    pub(crate) fn truncate(&self, min_ms: i64, kept: Option<u32>) -> io::Result<()> {
        let mut writer = self.writer.lock();
        writer.cut_next();
        let current = writer.number();
        let mut removed = false;
        loop {
            // One by one and from the oldest on, so that there is never a gap.
            let oldest =
                self.open.read().first_key_value().map(|(number, file)| (*number, file.max_ms));
            let Some((number, max_ms)) = oldest else { break };
            let is_kept = kept.is_some_and(|kept| number >= kept);
            if max_ms >= min_ms || is_kept || Some(number) == current {
                break;
            }
            self.files.remove_file(&format::file_path(&self.dir, number))?;
            self.open.write().remove(&number);
            removed = true;
        }
        if removed { self.files.sync_dir(&self.dir) } else { Ok(()) }
    }

    /// Brings every chunk to the disk.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.writer.lock().sync()
    }

    /// Brings every chunk to the disk, and tells whether it is there: also of the files that another
    /// process wrote and did not come to sync.
    pub(crate) fn sync_all(&self) -> io::Result<()> {
        let mut writer = self.writer.lock();
        writer.sync()?;
        if writer.has_failed_sync() {
            return Err(io::Error::other("an earlier sync of head chunks failed"));
        }
        let current = writer.number();
        let numbers = self.open.read().keys().copied().collect::<Vec<_>>();
        if numbers.is_empty() {
            // There may be no folder either.
            return Ok(());
        }
        for number in numbers.into_iter().filter(|number| Some(*number) != current) {
            self.files.open_append(&format::file_path(&self.dir, number))?.sync()?;
        }
        self.files.sync_dir(&self.dir)
    }

    /// Returns how many bytes the files hold.
    pub(crate) fn size_bytes(&self) -> u64 {
        self.open.read().values().map(|file| file.size).sum()
    }

    fn damaged(&self, place: ChunkRef, reason: &'static str) -> HeadChunkError {
        let path = format::file_path(&self.dir, place.file());
        HeadChunkError::Damaged { path, offset: place.offset(), reason }
    }
}

/// Returns the chunk that `bytes` are, header and checksum included. `None` where they are damaged.
fn decode(header: ChunkHeader, bytes: Vec<u8>) -> Option<EncodedChunk> {
    if !header.is_intact(&bytes) {
        return None;
    }
    Some(EncodedChunk {
        min_ms: header.min_ms,
        max_ms: header.max_ms,
        encoding: header.encoding()?,
        bytes: Bytes::from(bytes).slice(header.body()),
    })
}

/// How much is read at first, in bytes.
const READ_SIZE: usize = 1_280;

#[cfg(test)]
mod tests;
