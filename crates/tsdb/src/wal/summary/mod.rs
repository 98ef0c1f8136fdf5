//! What a segment says, in short: so that a start can pass over samples that full chunks in files have.
//!
//! Nothing depends on a summary but time. It is written beside its segment when that ends, without a
//! sync, and may be absent, damaged or another segment's: then all of the segment is read. It lists
//! *stretches*, rows of records that are all floats, with the series and the times of their samples.
//! [`Coverage`] tells which of them need not be read. `docs/format/wal.md` has the bytes.

mod coverage;
mod format;
mod gather;

use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use narthex_host::Files;

use super::frame::HEADER_SIZE;
use super::segment::parse_index;
pub(crate) use coverage::Coverage;
pub(super) use gather::Gatherer;
pub(crate) use gather::{Gist, LogRecord};

/// Records of floats, one behind the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stretch {
    /// Where it lies in its segment: from the start of a record to that of another one.
    pub(crate) place: Range<u64>,
    /// What it starts with: it is no other segment's.
    pub(crate) header: [u8; HEADER_SIZE],
    pub(crate) records: u64,
    pub(crate) samples: u64,
    /// The times of its oldest and its newest sample.
    pub(crate) oldest_ms: i64,
    pub(crate) newest_ms: i64,
    /// The references of its series, rising: neither do the runs meet, nor is there none.
    pub(crate) runs: Vec<Run>,
}

/// References without a gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Run {
    pub(crate) first: u64,
    /// The last one, included.
    pub(crate) last: u64,
}

impl Stretch {
    /// Returns the highest reference of its series.
    pub(crate) fn last_reference(&self) -> u64 {
        self.runs.last().map_or(0, |run| run.last)
    }

    /// Returns whether it has samples of the series with this reference.
    pub(crate) fn has(&self, reference: u64) -> bool {
        let place = self.runs.partition_point(|run| run.last < reference);
        self.runs.get(place).is_some_and(|run| run.first <= reference)
    }
}

/// Returns the stretches of the segment `index` of the log in `dir`, which has so many bytes: none where
/// there is no summary that fits.
pub(super) fn read(files: &dyn Files, dir: &Path, index: u64, segment_size: u64) -> Vec<Stretch> {
    let path = path(dir, index);
    let read = || -> io::Result<Vec<u8>> {
        let file = files.open_read(&path)?;
        let size = usize::try_from(file.size()?).unwrap_or(usize::MAX);
        if size > SIZE_MAX {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut bytes = vec![0; size];
        let count = file.read_at(0, &mut bytes)?;
        bytes.truncate(count);
        Ok(bytes)
    };
    let stretches = read().and_then(|bytes| {
        let stretches = format::decode(&bytes, segment_size);
        stretches.ok_or_else(|| io::ErrorKind::InvalidData.into())
    });
    stretches.unwrap_or_else(|error| {
        if error.kind() != io::ErrorKind::NotFound {
            tracing::info!(path = %path.display(), %error, "a summary is not used: its segment is read");
        }
        Vec::new()
    })
}

/// Puts a summary beside the segment `index` of the log in `dir`.
fn write(files: &dyn Files, dir: &Path, index: u64, bytes: &[u8]) -> io::Result<()> {
    let path = path(dir, index);
    let temporary = path.with_extension(TEMPORARY);
    let write = || {
        files.create(&temporary)?.write_at(0, bytes)?;
        files.rename(&temporary, &path)
    };
    // What stays of it goes with its segment.
    write().inspect_err(|_| drop(files.remove_file(&temporary)))
}

/// Removes the summaries in `dir` of segments up to `last`, and what is left of unfinished ones.
pub(super) fn remove(files: &dyn Files, dir: &Path, last: u64) -> io::Result<()> {
    for entry in files.list_dir(dir)? {
        let Some((digits, extension)) = entry.name.split_once('.') else { continue };
        let is_summary = matches!(extension, EXTENSION | TEMPORARY) && !entry.is_dir;
        if is_summary && parse_index(digits).is_some_and(|index| index <= last) {
            files.remove_file(&dir.join(&*entry.name))?;
        }
    }
    Ok(())
}

/// Returns the name of the summary of the segment `index`.
pub(super) fn path(dir: &Path, index: u64) -> PathBuf {
    dir.join(format!("{index:08}.{EXTENSION}"))
}

/// What the names of summaries end with: none is a number, as those of segments are.
const EXTENSION: &str = "summary";
const TEMPORARY: &str = "summary-tmp";
/// The most that a summary has, in bytes.
const SIZE_MAX: usize = 4 << 20;
/// The most runs that a stretch has.
const RUNS_MAX: usize = 2_048;

#[cfg(test)]
mod tests;
