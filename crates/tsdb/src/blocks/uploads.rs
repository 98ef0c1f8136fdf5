use std::collections::BTreeSet;
use std::path::Path;

use narthex_host::Files;

use crate::BlockMeta;

/// The file in which somebody else notes which blocks were copied elsewhere, as Thanos does.
#[derive(serde::Deserialize)]
struct UploadsFile {
    uploaded: BTreeSet<Box<str>>,
}

/// Leaves out of `metas` the first block of the head that was not uploaded, and all that were written
/// after it: compacting those would leave a gap.
///
/// A file that cannot be read holds up nothing.
///
/// # Source
///
/// `excludeBlocksPendingUpload` in Prometheus' `cmd/prometheus/main.go`, and `LeveledCompactor.Plan`
/// in `tsdb/compact.go`.
pub(super) fn leave_out_pending(files: &dyn Files, path: &Path, metas: &mut Vec<BlockMeta>) {
    let uploads = match read(files, path) {
        Ok(uploads) => uploads,
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "list of uploaded blocks cannot be read");
            return;
        }
    };
    let is_pending = |meta: &&BlockMeta| {
        meta.compaction.level <= 1 && !uploads.uploaded.contains(&*meta.ulid.to_string())
    };
    let first = metas.iter().filter(is_pending).map(|meta| meta.ulid).min();
    metas.retain(|meta| first.is_none_or(|first| meta.ulid < first));
}

fn read(files: &dyn Files, path: &Path) -> std::io::Result<UploadsFile> {
    let file = files.open_read(path)?;
    let size = file.size()?;
    let size = usize::try_from(size).ok().filter(|size| *size <= FILE_SIZE_MAX);
    let mut bytes = vec![0; size.ok_or(std::io::ErrorKind::FileTooLarge)?];
    let count = file.read_at(0, &mut bytes)?;
    Ok(serde_json::from_slice(&bytes[..count])?)
}

/// The names of half a million blocks.
const FILE_SIZE_MAX: usize = 16 << 20;
