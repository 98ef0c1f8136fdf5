use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use narthex_host::{AppendFile, Files, ReadFile};

use super::format::{self, ChunkHeader, FILE_HEADER, FILE_SIZE_MAX};
use super::{ChunkRef, decode};
use crate::EncodedChunk;

/// Writes chunks to the newest file, many at a time.
#[derive(Debug)]
pub(super) struct Writer {
    files: Arc<dyn Files>,
    dir: PathBuf,
    /// The newest file so far, open or not.
    last_number: u32,
    current: Option<Current>,
    must_cut: bool,
    /// Whether a sync failed: what was to be on the disk may not be, and no later sync would tell.
    has_failed_sync: bool,
}

#[derive(Debug)]
struct Current {
    number: u32,
    file: Box<dyn AppendFile>,
    /// What the file holds, and what follows it.
    written: u64,
    pending: Vec<u8>,
    is_torn: bool,
}

impl Writer {
    pub(super) fn new(files: Arc<dyn Files>, dir: PathBuf, last_number: u32) -> Self {
        Self { files, dir, last_number, current: None, must_cut: false, has_failed_sync: false }
    }

    /// Returns the number of the file that is written to.
    pub(super) fn number(&self) -> Option<u32> {
        self.current.as_ref().map(|current| current.number)
    }

    /// Returns the size of that file, once all is written.
    pub(super) fn size(&self) -> u64 {
        self.current.as_ref().map_or(0, Current::size)
    }

    /// Lets the next chunk go to another file, unless this one has none yet.
    pub(super) fn cut_next(&mut self) {
        self.must_cut = self.size() > FILE_HEADER.len() as u64;
    }

    /// Adds a chunk, and a file for it where that is due, which is returned to be read from.
    pub(super) fn push(
        &mut self,
        series: u64,
        chunk: &EncodedChunk,
        is_out_of_order: bool,
    ) -> io::Result<(Option<Arc<dyn ReadFile>>, ChunkRef)> {
        let size = (format::META_SIZE_MAX + chunk.bytes.len()) as u64;
        let is_full =
            self.current.as_ref().is_none_or(|current| current.size() + size > FILE_SIZE_MAX);
        let started = if is_full || self.must_cut { Some(self.cut()?) } else { None };
        let current = self.current.as_mut().ok_or(io::ErrorKind::NotFound)?;
        if current.pending.len() > BUFFER_SIZE {
            current.flush()?;
        }
        let offset = current.size();
        format::push_chunk(&mut current.pending, series, chunk, is_out_of_order);
        Ok((started, ChunkRef(u64::from(current.number) << 32 | offset)))
    }

    /// Returns the chunk at `offset` of the file `number` where that is not written yet: `None` where it
    /// is, or `Some(None)` where there is none.
    #[expect(clippy::option_option, reason = "the outer one says where to look")]
    pub(super) fn pending(&self, number: u32, offset: u32) -> Option<Option<EncodedChunk>> {
        let current = self.current.as_ref().filter(|current| current.number == number)?;
        let place = u64::from(offset).checked_sub(current.written)?;
        let bytes = usize::try_from(place).ok().and_then(|place| current.pending.get(place..));
        let parse = |bytes: &[u8]| {
            let header = ChunkHeader::parse(bytes)?;
            decode(header, bytes.get(..header.total_size())?.to_vec())
        };
        Some(bytes.and_then(parse))
    }

    /// Brings the newest file to the disk. After an error it takes no more chunks.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        let Some(current) = &mut self.current else { return Ok(()) };
        current.flush()?;
        current.file.sync().inspect_err(|_| {
            self.must_cut = true;
            self.has_failed_sync = true;
        })
    }

    /// Returns whether some file may never have come to the disk.
    pub(super) fn has_failed_sync(&self) -> bool {
        self.has_failed_sync
    }

    /// Goes on in another file.
    fn cut(&mut self) -> io::Result<Arc<dyn ReadFile>> {
        if let Some(current) = &mut self.current {
            current.flush()?;
            if let Err(error) = current.file.sync() {
                self.has_failed_sync = true;
                // The log has the samples; at worst they are read from there.
                tracing::warn!(file = current.number, %error, "sync of a head chunk file failed");
            }
        }
        let number = self.last_number + 1;
        let path = format::file_path(&self.dir, number);
        if number == 1 {
            self.files.create_dir_all(&self.dir)?;
        }
        let mut file = self.files.open_append(&path)?;
        // An earlier try may have come as far as here.
        file.truncate(0)?;
        file.append(&FILE_HEADER)?;
        self.files.sync_dir(&self.dir)?;
        let reader = self.files.open_read(&path)?;
        let written = FILE_HEADER.len() as u64;
        self.current = Some(Current { number, file, written, pending: Vec::new(), is_torn: false });
        self.last_number = number;
        self.must_cut = false;
        Ok(reader.into())
    }
}

impl Current {
    fn size(&self) -> u64 {
        self.written + self.pending.len() as u64
    }

    /// Writes what is pending, or keeps it where that fails.
    fn flush(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.is_torn) {
            self.file.truncate(self.written).inspect_err(|_| self.is_torn = true)?;
        }
        if self.pending.is_empty() {
            return Ok(());
        }
        self.file.append(&self.pending).inspect_err(|_| self.is_torn = true)?;
        self.written += self.pending.len() as u64;
        self.pending.clear();
        Ok(())
    }
}

/// How much is gathered before it is written, in bytes.
const BUFFER_SIZE: usize = 64 << 10;
