use std::path::{Path, PathBuf};

use narthex_host::{AppendFile, Files};

use crate::block::BlockError;

/// A new file that is written from its start to its end.
#[derive(Debug)]
pub(super) struct Output {
    path: PathBuf,
    file: Box<dyn AppendFile>,
    buffer: Vec<u8>,
    /// How much lies before the buffer.
    written: u64,
}

impl Output {
    pub(super) fn create(files: &dyn Files, path: PathBuf) -> Result<Self, BlockError> {
        let fail = |source| BlockError::write(&path, source);
        let mut file = files.open_append(&path).map_err(fail)?;
        file.truncate(0).map_err(fail)?;
        Ok(Self { path, file, buffer: Vec::new(), written: 0 })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns where the next byte will stand.
    pub(super) fn position(&self) -> u64 {
        self.written + self.buffer.len() as u64
    }

    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<(), BlockError> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= BUFFER_SIZE { self.flush() } else { Ok(()) }
    }

    /// Writes zeros up to the next multiple of `alignment`.
    pub(super) fn pad(&mut self, alignment: u64) -> Result<(), BlockError> {
        while !self.position().is_multiple_of(alignment) {
            self.push(&[0])?;
        }
        Ok(())
    }

    /// Writes a part behind its length in four bytes, and its checksum behind it.
    pub(super) fn push_section(&mut self, section: &[u8]) -> Result<(), BlockError> {
        let size =
            u32::try_from(section.len()).map_err(|_| self.too_large("bytes in a section"))?;
        self.push(&size.to_be_bytes())?;
        self.push(section)?;
        self.push(&crc32c::crc32c(section).to_be_bytes())
    }

    pub(super) fn flush(&mut self) -> Result<(), BlockError> {
        let outcome = self.file.append(&self.buffer);
        outcome.map_err(|source| BlockError::write(&self.path, source))?;
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    /// Writes what is left and forces all of it to the disk.
    pub(super) fn finish(&mut self) -> Result<(), BlockError> {
        self.flush()?;
        self.file.sync().map_err(|source| BlockError::write(&self.path, source))
    }

    pub(super) fn too_large(&self, what: &'static str) -> BlockError {
        BlockError::TooLarge { path: self.path.clone(), what }
    }
}

const BUFFER_SIZE: usize = 1 << 20;
