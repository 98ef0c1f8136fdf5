//! The files of the log: segments, numbered from 0, and checkpoints that replace the first ones.

use std::io;
use std::path::{Path, PathBuf};

use narthex_host::Files;

use super::summary;

/// One file of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) path: PathBuf,
    /// Its number; `None` for a part of a checkpoint.
    pub(super) index: Option<u64>,
}

/// Returns what stands for the whole log in `dir`, in its order: the segments of the newest checkpoint,
/// and those that follow it. A folder that is missing has none. With it comes the number that the first of the latter should have.
pub(super) fn list_log(files: &dyn Files, dir: &Path) -> io::Result<(Vec<Segment>, Option<u64>)> {
    let mut log = Vec::new();
    let mut first = None;
    if files.list_dir(dir).is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
        return Ok((log, first));
    }
    if let Some((checkpoint, last_replaced)) = last_checkpoint(files, dir)? {
        let parts = list_segments(files, &checkpoint)?.into_iter();
        let parts = parts.map(|index| segment_path(&checkpoint, index));
        log.extend(parts.map(|path| Segment { path, index: None }));
        first = Some(last_replaced + 1);
    }
    let segments = list_segments(files, dir)?.into_iter();
    let segments = segments.filter(|index| first.is_none_or(|first| *index >= first));
    log.extend(
        segments.map(|index| Segment { path: segment_path(dir, index), index: Some(index) }),
    );
    Ok((log, first))
}

/// Returns the name of the segment `index`.
pub(super) fn segment_path(dir: &Path, index: u64) -> PathBuf {
    dir.join(format!("{index:08}"))
}

/// Returns the name of the checkpoint that replaces the segments up to `last`.
pub(super) fn checkpoint_path(dir: &Path, last: u64) -> PathBuf {
    dir.join(format!("checkpoint.{last:08}"))
}

/// Removes what a checkpoint replaces: the segments up to `last` with their summaries, and older
/// checkpoints.
pub(super) fn remove_replaced(files: &dyn Files, dir: &Path, last: u64) -> io::Result<()> {
    // From the oldest on, so that there is never a gap.
    for index in list_segments(files, dir)?.into_iter().take_while(|index| *index <= last) {
        files.remove_file(&segment_path(dir, index))?;
    }
    summary::remove(files, dir, last)?;
    for (path, index) in list_checkpoints(files, dir)? {
        if index < last {
            files.remove_dir_all(&path)?;
        }
    }
    files.sync_dir(dir)
}

/// Returns the numbers of the segments in `dir`, rising. Other files are passed over.
pub(super) fn list_segments(files: &dyn Files, dir: &Path) -> io::Result<Vec<u64>> {
    let entries = files.list_dir(dir)?;
    let segments = entries.iter().filter(|entry| !entry.is_dir);
    let mut indexes = segments.filter_map(|entry| parse_index(&entry.name)).collect::<Vec<_>>();
    indexes.sort_unstable();
    Ok(indexes)
}

/// Returns the newest checkpoint in `dir`: its folder, and the last segment that it replaces.
pub(super) fn last_checkpoint(files: &dyn Files, dir: &Path) -> io::Result<Option<(PathBuf, u64)>> {
    Ok(list_checkpoints(files, dir)?.into_iter().max_by_key(|(_, index)| *index))
}

fn list_checkpoints(files: &dyn Files, dir: &Path) -> io::Result<Vec<(PathBuf, u64)>> {
    let entries = files.list_dir(dir)?;
    let checkpoints = entries.iter().filter(|entry| entry.is_dir).filter_map(|entry| {
        let index = parse_index(entry.name.strip_prefix("checkpoint.")?)?;
        Some((dir.join(&*entry.name), index))
    });
    Ok(checkpoints.collect())
}

pub(super) fn parse_index(digits: &str) -> Option<u64> {
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { digits.parse().ok() } else { None }
}
