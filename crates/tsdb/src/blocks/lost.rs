use std::path::Path;

use narthex_host::Files;
use narthex_storage::TimeRange;

use crate::{BlockError, BlockMeta, Ulid};

/// A block that could not be opened.
#[derive(Debug)]
pub(super) struct LostBlock {
    ulid: Ulid,
    /// Which time it covers, as far as that is known.
    range: TimeRange,
}

impl LostBlock {
    /// Moves a block that could not be opened out of the way, where it is damaged. What could not be
    /// read for another reason may be read the next time, and stays.
    pub(super) fn set_aside(files: &dyn Files, dir: &Path, ulid: Ulid, error: &BlockError) -> Self {
        let path = dir.join(ulid.to_string());
        let lost = Self::find(files, &path, ulid);
        let is_damaged = match error {
            BlockError::Read { source, .. } => source.kind() == std::io::ErrorKind::NotFound,
            _ => true,
        };
        if !is_damaged {
            tracing::error!(block = %path.display(), %error, "block cannot be read");
            return lost;
        }
        match move_aside(files, dir, &path, ulid) {
            Ok(()) => tracing::error!(
                block = %path.display(),
                %error,
                "damaged block was moved to the folder {QUARANTINE_NAME}"
            ),
            Err(failure) => tracing::error!(
                block = %path.display(),
                %error,
                %failure,
                "damaged block cannot be moved aside"
            ),
        }
        lost
    }

    fn find(files: &dyn Files, path: &Path, ulid: Ulid) -> Self {
        let range = match BlockMeta::read(files, path) {
            Ok((meta, _)) => TimeRange { min_ms: meta.min_ms, max_ms: meta.end_ms - 1 },
            // A block holds nothing newer than itself.
            Err(_) => TimeRange { min_ms: i64::MIN, max_ms: ulid.timestamp_ms() },
        };
        Self { ulid, range }
    }

    pub(super) fn ulid(&self) -> Ulid {
        self.ulid
    }

    pub(super) fn overlaps(&self, range: TimeRange) -> bool {
        self.range.min_ms <= range.max_ms && range.min_ms <= self.range.max_ms
    }

    pub(super) fn warning(&self) -> Box<str> {
        format!("block {} is damaged, and its samples are missing here", self.ulid).into()
    }
}

/// Returns the blocks that were moved aside and are still there.
pub(super) fn list(files: &dyn Files, dir: &Path) -> Vec<LostBlock> {
    let dir = dir.join(QUARANTINE_NAME);
    let entries = files.list_dir(&dir).unwrap_or_default();
    let blocks = entries.iter().filter(|entry| entry.is_dir).filter_map(|entry| {
        let ulid = entry.name.get(..Ulid::TEXT_SIZE)?.parse().ok()?;
        Some(LostBlock::find(files, &dir.join(&*entry.name), ulid))
    });
    blocks.collect()
}

fn move_aside(files: &dyn Files, dir: &Path, path: &Path, ulid: Ulid) -> std::io::Result<()> {
    let quarantine = dir.join(QUARANTINE_NAME);
    files.create_dir_all(&quarantine)?;
    let names = std::iter::once(ulid.to_string());
    // A block of the same name may have come back from a copy, and be damaged too.
    let names = names.chain((2..QUARANTINED_MAX).map(|number| format!("{ulid}-{number}")));
    let target = names
        .map(|name| quarantine.join(name))
        .find(|target| files.list_dir(target).is_err())
        .ok_or(std::io::ErrorKind::AlreadyExists)?;
    files.rename(path, &target)?;
    files.sync_dir(&quarantine)?;
    files.sync_dir(dir)
}

/// Where damaged blocks go.
const QUARANTINE_NAME: &str = "quarantine";
/// The most blocks of one name that are moved aside.
const QUARANTINED_MAX: usize = 100;
