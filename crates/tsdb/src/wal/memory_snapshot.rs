//! Memory snapshots: what the head held when its log ended, in a folder beside the log, so that the next
//! start need not read that. `docs/format/memory_snapshot.md` has the bytes.
//!
//! A snapshot is used where the log still ends at its place, once, and removed. So there is never one
//! that tells of series that the log knows better, and whatever is wrong with one costs time alone.

use std::io;
use std::path::{Path, PathBuf};

use narthex_host::{Files, Host};

use super::WalError;
use super::output::Output;
use super::reader::{Next, SegmentReader};
use super::segment::{list_segments, parse_index, segment_path};
use crate::Options;

/// Where a log ends: in which segment, and behind how many bytes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct WalEnd {
    pub(crate) segment: u64,
    pub(crate) offset: u64,
}

/// A snapshot in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MemorySnapshot {
    /// Where the log ended.
    pub(crate) end: WalEnd,
    pub(crate) path: PathBuf,
}

/// Why a snapshot could not be written. The next start reads the log.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MemorySnapshotError {
    /// Its folder could not be made or put in its place.
    #[error("prepare {}", path.display())]
    Folder { path: PathBuf, source: io::Error },
    /// Its records could not be written.
    #[error("write the records of a memory snapshot")]
    Records(#[from] WalError),
    /// Full chunks are not all on the disk.
    #[error("bring head chunks to the disk")]
    HeadChunks(#[source] io::Error),
}

impl MemorySnapshot {
    /// Writes a snapshot to `dir`, in place of all others: the records that `visit` hands to its
    /// argument.
    pub(crate) fn write(
        host: &Host,
        dir: &Path,
        end: WalEnd,
        options: &Options,
        visit: impl FnOnce(&mut dyn FnMut(Vec<u8>) -> Result<(), WalError>) -> Result<(), WalError>,
    ) -> Result<(), MemorySnapshotError> {
        let files = &*host.files;
        let name = format!("{PREFIX}{:06}.{:010}", end.segment, end.offset);
        let path = dir.join(&name);
        let fail = |source| MemorySnapshotError::Folder { path: path.clone(), source };
        remove_all(files, dir).map_err(fail)?;
        let temporary = dir.join(name + TEMPORARY);
        files.create_dir_all(&temporary).map_err(fail)?;
        let mut out = Output::create(host, temporary.clone(), options).map_err(fail)?;
        let written = visit(&mut |record| {
            out.push_record(record);
            out.flush_where_due()
        });
        let written = written.and_then(|()| out.finish()).map_err(MemorySnapshotError::from);
        let put = || {
            files.sync_dir(&temporary)?;
            files.rename(&temporary, &path)?;
            files.sync_dir(dir)
        };
        written.and_then(|()| put().map_err(fail)).inspect_err(|_| {
            // What stays goes with the next start.
            let _ = files.remove_dir_all(&temporary);
        })
    }

    /// Returns the newest snapshot in `dir` where the log in `wal_dir` ends at its place.
    pub(crate) fn find(files: &dyn Files, dir: &Path, wal_dir: &Path) -> io::Result<Option<Self>> {
        let mut found = None;
        for entry in files.list_dir(dir)?.into_iter().filter(|entry| entry.is_dir) {
            if let Some(end) = parse_name(&entry.name) {
                found = found.max(Some((end, entry.name)));
            }
        }
        let Some((end, name)) = found else { return Ok(None) };
        let is_current = ends_at(files, wal_dir, end)?;
        Ok(is_current.then(|| Self { end, path: dir.join(&*name) }))
    }

    /// Hands each record to `apply`, which returns whether it made sense. Returns whether all did.
    pub(crate) fn read(
        &self,
        files: &dyn Files,
        mut apply: impl FnMut(&[u8]) -> bool,
    ) -> io::Result<bool> {
        for (expected, index) in (0..).zip(list_segments(files, &self.path)?) {
            if index != expected {
                return Ok(false);
            }
            let mut reader = SegmentReader::new(files.open_read(&segment_path(&self.path, index))?);
            loop {
                match reader.next()? {
                    Next::End => break,
                    Next::Record { bytes, .. } if apply(bytes) => {}
                    Next::Record { .. } | Next::Damage(_) => return Ok(false),
                }
            }
        }
        Ok(true)
    }
}

/// Removes all snapshots in `dir`, also those that were never finished.
pub(crate) fn remove_all(files: &dyn Files, dir: &Path) -> io::Result<()> {
    let mut has_removed = false;
    for entry in files.list_dir(dir)?.into_iter().filter(|entry| entry.is_dir) {
        let name = entry.name.strip_suffix(TEMPORARY).unwrap_or(&entry.name);
        if parse_name(name).is_some() {
            files.remove_dir_all(&dir.join(&*entry.name))?;
            has_removed = true;
        }
    }
    if has_removed { files.sync_dir(dir) } else { Ok(()) }
}

fn parse_name(name: &str) -> Option<WalEnd> {
    let (segment, offset) = name.strip_prefix(PREFIX)?.split_once('.')?;
    Some(WalEnd { segment: parse_index(segment)?, offset: parse_index(offset)? })
}

/// Returns whether the log has nothing behind `end`. Segments that were started and never used say
/// nothing.
fn ends_at(files: &dyn Files, dir: &Path, end: WalEnd) -> io::Result<bool> {
    let segments = list_segments(files, dir)?;
    if !segments.contains(&end.segment) {
        return Ok(false);
    }
    for index in segments.into_iter().filter(|index| *index >= end.segment) {
        let expected = if index == end.segment { end.offset } else { 0 };
        if files.open_read(&segment_path(dir, index))?.size()? != expected {
            return Ok(false);
        }
    }
    Ok(true)
}

const PREFIX: &str = "chunk_snapshot.";
/// What the names of unfinished snapshots end with.
const TEMPORARY: &str = ".tmp";
