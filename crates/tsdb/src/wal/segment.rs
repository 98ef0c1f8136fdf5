//! The files of the log: segments, numbered from 0, and checkpoints that replace the first ones.

use std::io;
use std::path::{Path, PathBuf};

use narthex_host::Files;

/// Returns the name of the segment `index`.
pub(super) fn segment_path(dir: &Path, index: u64) -> PathBuf {
    dir.join(format!("{index:08}"))
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
    let entries = files.list_dir(dir)?;
    let checkpoints = entries.iter().filter(|entry| entry.is_dir).filter_map(|entry| {
        let index = parse_index(entry.name.strip_prefix("checkpoint.")?)?;
        Some((dir.join(&*entry.name), index))
    });
    Ok(checkpoints.max_by_key(|(_, index)| *index))
}

fn parse_index(digits: &str) -> Option<u64> {
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { digits.parse().ok() } else { None }
}
