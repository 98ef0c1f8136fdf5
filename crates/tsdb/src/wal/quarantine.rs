//! Copies of what cannot be read, so that nothing is gone for good when its segment goes.

use std::io;
use std::path::{Path, PathBuf};

use narthex_host::Files;

use super::Corruption;

/// Copies the damaged bytes to `dir/quarantine`, each stretch to a file of its own, unless they are
/// there already. Returns how many bytes there were.
///
/// A stretch that cannot be copied is told of and left out: it is no reason not to start.
pub(super) fn save(files: &dyn Files, dir: &Path, corruptions: &[Corruption]) -> u64 {
    let mut total = 0;
    for corruption in corruptions.iter().filter(|corruption| corruption.size_bytes > 0) {
        if total + corruption.size_bytes > QUARANTINE_SIZE_MAX {
            tracing::warn!("the rest of the damage is not copied: there is too much of it");
            break;
        }
        total += corruption.size_bytes;
        if let Err(error) = copy(files, &dir.join("quarantine"), corruption) {
            let path = corruption.path.display();
            tracing::warn!(%path, corruption.offset, %error, "damaged bytes were not copied");
        }
    }
    total
}

fn copy(files: &dyn Files, dir: &Path, corruption: &Corruption) -> io::Result<()> {
    let target = dir.join(name(corruption));
    let is_there = |size| size == corruption.size_bytes;
    if files.open_read(&target).and_then(|file| file.size()).is_ok_and(is_there) {
        return Ok(());
    }
    files.create_dir_all(dir)?;
    let source = files.open_read(&corruption.path)?;
    let mut file = files.open_append(&target)?;
    file.truncate(0)?;
    let (mut place, end) = (corruption.offset, corruption.offset + corruption.size_bytes);
    let mut buffer = vec![0; BUFFER_SIZE];
    while place < end {
        let count = source.read_at(place, &mut buffer)?;
        let left = usize::try_from(end - place).unwrap_or(usize::MAX);
        let bytes = &buffer[..count.min(left)];
        if bytes.is_empty() {
            break;
        }
        file.append(bytes)?;
        place += bytes.len() as u64;
    }
    file.sync()?;
    files.sync_dir(dir)
}

/// Names the copy after segment and offset, and after the checkpoint that the segment is part of.
fn name(corruption: &Corruption) -> PathBuf {
    let text =
        |part: Option<&std::ffi::OsStr>| part.unwrap_or_default().to_string_lossy().into_owned();
    let segment = text(corruption.path.file_name());
    let parent = text(corruption.path.parent().and_then(Path::file_name));
    let prefix = if parent.starts_with("checkpoint.") { parent + "-" } else { String::new() };
    format!("{prefix}{segment}-{:010}", corruption.offset).into()
}

/// The most that is copied at a time when a log is read, in bytes.
const QUARANTINE_SIZE_MAX: u64 = 256 << 20;
const BUFFER_SIZE: usize = 64 << 10;
