//! Files of a block, read by position: whatever they hold, no read is larger than the file.

use std::path::{Path, PathBuf};

use narthex_host::{Files, ReadFile};

use super::BlockError;
use crate::codec::{Cursor, checksum_matches};

/// An open file, and where it lies.
#[derive(Debug)]
pub(super) struct BlockFile {
    path: PathBuf,
    file: Box<dyn ReadFile>,
    size: u64,
}

impl BlockFile {
    pub(super) fn open(files: &dyn Files, path: PathBuf) -> Result<Self, BlockError> {
        let fail = |source| BlockError::read(&path, source);
        let file = files.open_read(&path).map_err(fail)?;
        let size = file.size().map_err(fail)?;
        Ok(Self { path, file, size })
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Returns the bytes from `offset` on: `size_max` of them, or fewer at the end of the file.
    pub(super) fn read_up_to(&self, offset: u64, size_max: usize) -> Result<Vec<u8>, BlockError> {
        let mut bytes = Vec::new();
        self.read_into(offset, size_max, &mut bytes)?;
        Ok(bytes)
    }

    /// As [`BlockFile::read_up_to`], behind what `out` holds.
    pub(super) fn read_into(
        &self,
        offset: u64,
        size_max: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), BlockError> {
        let left = usize::try_from(self.size.saturating_sub(offset)).unwrap_or(usize::MAX);
        let start = out.len();
        out.resize(start + size_max.min(left), 0);
        let count = self.file.read_at(offset, &mut out[start..]);
        let count = count.map_err(|source| BlockError::read(&self.path, source))?;
        out.truncate(start + count);
        Ok(())
    }

    /// Returns `size` bytes from `offset` on.
    pub(super) fn read(&self, offset: u64, size: usize) -> Result<Vec<u8>, BlockError> {
        let bytes = self.read_up_to(offset, size)?;
        if bytes.len() < size {
            return Err(self.damaged(offset, "the file ends early"));
        }
        Ok(bytes)
    }

    /// Returns a reader of what stands at `offset` behind its length in four bytes, and before its
    /// checksum.
    pub(super) fn scan_section(&self, offset: u64) -> Result<Scanner<'_>, BlockError> {
        let size = self.read(offset, 4)?;
        let size = u32::from_be_bytes([size[0], size[1], size[2], size[3]]);
        let start = offset + 4;
        let end = start + u64::from(size);
        if end.checked_add(4).is_none_or(|end| end > self.size) {
            return Err(self.damaged(offset, "the file ends early"));
        }
        Ok(self.scan(start, end))
    }

    /// Returns a reader of the bytes from `start` to before `end`.
    pub(super) fn scan(&self, start: u64, end: u64) -> Scanner<'_> {
        let end = end.min(self.size);
        Scanner { file: self, window: Vec::new(), used: 0, next: start.min(end), end, checksum: 0 }
    }

    pub(super) fn damaged(&self, offset: u64, reason: &'static str) -> BlockError {
        BlockError::damaged(&self.path, offset, reason)
    }
}

/// A part of a file in memory, which moves where it is asked to. What lies near each other costs
/// one read together.
#[derive(Debug)]
pub(super) struct Window<'a> {
    file: &'a BlockFile,
    bytes: Vec<u8>,
    start: u64,
}

impl<'a> Window<'a> {
    pub(super) fn new(file: &'a BlockFile) -> Self {
        Self { file, bytes: Vec::new(), start: 0 }
    }

    /// Returns the bytes from `offset` on: `size_min` of them, or more, or fewer at the end of the
    /// file.
    pub(super) fn at(&mut self, offset: u64, size_min: usize) -> Result<&[u8], BlockError> {
        let known = offset.checked_sub(self.start).and_then(|start| usize::try_from(start).ok());
        let mut start = known.unwrap_or(usize::MAX);
        let is_there = self.bytes.len().checked_sub(start).is_some_and(|size| size >= size_min);
        let ends_with_file = self.start + self.bytes.len() as u64 >= self.file.size;
        let is_all_there_is = ends_with_file && start < self.bytes.len();
        if !is_there && !is_all_there_is {
            // Where the last reads were near, so will the next ones be.
            let is_near = start < self.bytes.len() + NEAR_SIZE;
            let size = if is_near { WINDOW_SIZE } else { SMALL_SIZE };
            self.bytes.clear();
            self.file.read_into(offset, size.max(size_min), &mut self.bytes)?;
            (self.start, start) = (offset, 0);
        }
        Ok(self.bytes.get(start..).unwrap_or_default())
    }

    /// Returns what stands at `offset` behind its length, and before its checksum. `take_size` takes
    /// the length.
    pub(super) fn checked(
        &mut self,
        offset: u64,
        take_size: impl FnOnce(&mut Cursor<'_>) -> Option<u32>,
    ) -> Result<&[u8], BlockError> {
        let file = self.file;
        let front = self.at(offset, VARINT_SIZE_MAX)?;
        let mut cursor = Cursor::new(front);
        let Some(size) = take_size(&mut cursor) else {
            return Err(file.damaged(offset, "a length that does not end"));
        };
        let (start, size) = (front.len() - cursor.len(), size as usize);
        let Some(bytes) = self.at(offset, start + size + 4)?.get(start..start + size + 4) else {
            return Err(file.damaged(offset, "the file ends early"));
        };
        let (body, checksum) = bytes.split_at(size);
        if !checksum_matches(body, checksum) {
            return Err(file.damaged(offset, "the checksum does not match"));
        }
        Ok(body)
    }
}

/// Reads one part of a file from its start to its end.
#[derive(Debug)]
pub(super) struct Scanner<'a> {
    file: &'a BlockFile,
    window: Vec<u8>,
    /// How much of the window was taken.
    used: usize,
    /// Where the window ends in the file.
    next: u64,
    end: u64,
    /// Of all windows so far.
    checksum: u32,
}

impl Scanner<'_> {
    /// Returns where the next value stands in the file.
    pub(super) fn position(&self) -> u64 {
        self.next - (self.window.len() - self.used) as u64
    }

    /// Goes on at the next multiple of `alignment`. Returns whether anything follows there.
    pub(super) fn align(&mut self, alignment: u64) -> Result<bool, BlockError> {
        self.skip_to(self.position().next_multiple_of(alignment))?;
        Ok(self.position() < self.end)
    }

    /// Goes on at `position`, which is not before the present one, or at the end.
    pub(super) fn skip_to(&mut self, position: u64) -> Result<(), BlockError> {
        while self.position() < position.min(self.end) {
            if self.used == self.window.len() {
                self.fill(1)?;
            }
            let left = usize::try_from(position - self.position()).unwrap_or(usize::MAX);
            self.used += left.min(self.window.len() - self.used);
        }
        Ok(())
    }

    pub(super) fn unsigned(&mut self) -> Result<u64, BlockError> {
        self.fill(VARINT_SIZE_MAX)?;
        self.take(|cursor| cursor.unsigned(), "a number that does not end")
    }

    pub(super) fn word32(&mut self) -> Result<u32, BlockError> {
        self.fill(4)?;
        self.take(|cursor| cursor.word32(), "the section ends inside a number")
    }

    /// Fills `out` with the text that comes next.
    pub(super) fn text(&mut self, out: &mut String) -> Result<(), BlockError> {
        let size = self.unsigned()?;
        let position = self.position();
        let Some(size) = usize::try_from(size).ok().filter(|_| size <= self.end - position) else {
            return Err(self.file.damaged(position, "a text that is longer than its section"));
        };
        self.fill(size)?;
        let bytes = self.window.get(self.used..self.used + size).unwrap_or_default();
        let Ok(text) = std::str::from_utf8(bytes) else {
            return Err(self.file.damaged(position, "a text that is not UTF-8"));
        };
        out.clear();
        out.push_str(text);
        self.used += size;
        Ok(())
    }

    /// Reads to the end and compares with the checksum that stands there.
    pub(super) fn check(mut self) -> Result<(), BlockError> {
        while self.next < self.end {
            self.used = self.window.len();
            self.fill(1)?;
        }
        let checksum = self.file.read(self.end, 4)?;
        if self.checksum.to_be_bytes() != *checksum && !cfg!(fuzzing) {
            return Err(self.file.damaged(self.end, "the checksum does not match"));
        }
        Ok(())
    }

    fn take<T>(
        &mut self,
        take: impl FnOnce(&mut Cursor<'_>) -> Option<T>,
        reason: &'static str,
    ) -> Result<T, BlockError> {
        let mut cursor = Cursor::new(&self.window[self.used..]);
        match take(&mut cursor) {
            Some(value) => {
                self.used = self.window.len() - cursor.len();
                Ok(value)
            }
            None => Err(self.file.damaged(self.position(), reason)),
        }
    }

    /// Makes `count` bytes stand in the window, or all that there are.
    fn fill(&mut self, count: usize) -> Result<(), BlockError> {
        if self.window.len() - self.used >= count || self.next >= self.end {
            return Ok(());
        }
        self.window.drain(..self.used);
        self.used = 0;
        let left = usize::try_from(self.end - self.next).unwrap_or(usize::MAX);
        let start = self.window.len();
        let size = count.saturating_sub(start).max(WINDOW_SIZE).min(left);
        self.file.read_into(self.next, size, &mut self.window)?;
        let fresh = &self.window[start..];
        if fresh.is_empty() {
            return Err(self.file.damaged(self.next, "the file ends early"));
        }
        self.checksum = crc32c::crc32c_append(self.checksum, fresh);
        self.next += fresh.len() as u64;
        Ok(())
    }
}

/// Returns all of a file that is not larger than `size_max`.
pub(super) fn read_file(
    files: &dyn Files,
    path: &Path,
    size_max: u64,
) -> Result<Vec<u8>, BlockError> {
    let file = BlockFile::open(files, path.to_owned())?;
    match usize::try_from(file.size()) {
        Ok(size) if file.size() <= size_max => file.read(0, size),
        _ => Err(file.damaged(size_max, "the file is too large")),
    }
}

/// Puts a new file in the place of an older one, so that a crash leaves one or the other.
pub(super) fn replace_file(files: &dyn Files, path: &Path, bytes: &[u8]) -> Result<(), BlockError> {
    let temporary = path.with_extension("tmp");
    let fail = |source| BlockError::write(path, source);
    let mut file = files.open_append(&temporary).map_err(fail)?;
    // What an earlier try left.
    file.truncate(0).map_err(fail)?;
    file.append(bytes).map_err(fail)?;
    file.sync().map_err(fail)?;
    drop(file);
    files.rename(&temporary, path).map_err(fail)?;
    files.sync_dir(path.parent().unwrap_or(Path::new(""))).map_err(fail)
}

/// What is read at a time where things lie next to each other.
const WINDOW_SIZE: usize = 64 << 10;
/// What is read at a time where they do not.
const SMALL_SIZE: usize = 1 << 10;
/// How far behind the last read the next one may lie and still count as next to it.
const NEAR_SIZE: usize = 4 << 10;
const VARINT_SIZE_MAX: usize = 10;
