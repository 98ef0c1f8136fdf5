//! What the owner of a database does from time to time, or on demand.

use std::path::{Path, PathBuf};

use narthex_host::Files;
use narthex_model::Matcher;
use narthex_storage::TimeRange;

use crate::{BlockError, Db, Ulid};

impl Db {
    /// Merges blocks, and drops what is beyond the retention.
    ///
    /// It takes as long as it takes to write the merged blocks; appends and queries go on. The owner
    /// of the database calls it about once a minute.
    ///
    /// # Errors
    ///
    /// Where a block cannot be written. Every block is as it was then, and later calls try again, at
    /// first after a minute. A block that cannot be read is no error: it is left out, and
    /// [`BlocksStats::compactions_failed`](crate::BlocksStats::compactions_failed) counts it.
    pub fn compact_blocks(&self) -> Result<(), BlockError> {
        let outcome = self.blocks.compact(&self.options);
        let other_bytes = ["wal", "wbl", "chunks_head"];
        let other_bytes = other_bytes.map(|name| size_of(&*self.host.files, self.dir.join(name)));
        self.blocks.retain(&self.options.retention, other_bytes.iter().sum());
        outcome
    }

    /// Writes what the head holds in `range` to a block of its own. The head keeps it.
    ///
    /// Returns the name of the block; `None` where the head holds nothing there.
    ///
    /// # Errors
    ///
    /// Where the block cannot be written: there is none then.
    pub fn write_head_block(&self, range: TimeRange) -> Result<Option<Ulid>, BlockError> {
        let texts = self.head.label_texts();
        let series = self.head.series_chunks(range).map(|series| {
            series.map_err(|source| BlockError::Head { path: self.dir.clone(), source })
        });
        self.blocks.add(range, texts.iter().map(|text| &**text), series, &self.options)
    }

    /// Writes the blocks anew of which something was deleted, so that its space is free.
    ///
    /// # Errors
    ///
    /// Where a block cannot be read or written; it stays as it is.
    pub fn clean_tombstones(&self) -> Result<(), BlockError> {
        self.blocks.clean_tombstones(&self.options)
    }

    /// Deletes the samples in `range` of the series of blocks that meet all `matchers`. The head
    /// keeps its own.
    ///
    /// # Errors
    ///
    /// Where what was deleted of a block cannot be noted; that of others may be.
    pub fn delete_from_blocks(
        &self,
        range: TimeRange,
        matchers: &[Matcher],
    ) -> Result<(), BlockError> {
        self.blocks.delete(range, matchers)
    }

    /// Makes the folder `dir` with the blocks as they are now. Their files are linked, so `dir` must
    /// lie on the same file system.
    ///
    /// # Errors
    ///
    /// Where a file cannot be linked; `dir` is not there then.
    pub fn snapshot_blocks(&self, dir: &Path) -> Result<(), BlockError> {
        let files = &*self.host.files;
        let mut temporary = dir.as_os_str().to_owned();
        temporary.push(".tmp");
        let temporary = PathBuf::from(temporary);
        let fail = |source| BlockError::write(dir, source);
        // What an earlier try left. It is no error where there was none.
        let _ = files.remove_dir_all(&temporary);
        files.create_dir_all(&temporary).map_err(fail)?;
        let linked = self.blocks.link(&temporary);
        let finished = linked.and_then(|()| files.rename(&temporary, dir).map_err(fail));
        if let Err(error) = finished {
            // It goes with the next try, where it cannot now.
            let _ = files.remove_dir_all(&temporary);
            return Err(error);
        }
        files.sync_dir(dir.parent().unwrap_or(Path::new(""))).map_err(fail)
    }
}

/// Returns how many bytes the files in a folder and in its folders have.
fn size_of(files: &dyn Files, dir: PathBuf) -> u64 {
    let mut sum = 0;
    let mut dirs = vec![dir];
    while let Some(dir) = dirs.pop() {
        // One that is missing has none.
        for entry in files.list_dir(&dir).unwrap_or_default() {
            let path = dir.join(&*entry.name);
            if entry.is_dir {
                dirs.push(path);
            } else {
                sum += files.open_read(&path).and_then(|file| file.size()).unwrap_or(0);
            }
        }
    }
    sum
}
