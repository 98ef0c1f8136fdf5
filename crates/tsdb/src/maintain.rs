//! What the owner of a database does from time to time, or on demand.

use std::path::{Path, PathBuf};

use narthex_host::Files;
use narthex_model::Matcher;
use narthex_storage::TimeRange;

use crate::blocks::HeadSeries;
use crate::{BlockError, Db, HeadStats, SeriesChunks, Ulid, WalError};

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
        self.blocks.add(self.head_series(range), &self.options)
    }

    /// Writes the blocks anew of which something was deleted, so that its space is free.
    ///
    /// # Errors
    ///
    /// Where a block cannot be read or written; it stays as it is.
    pub fn clean_tombstones(&self) -> Result<(), BlockError> {
        self.blocks.clean_tombstones(&self.options)
    }

    /// Deletes the samples in `range` of the series that meet all `matchers`, from the head and from
    /// all blocks. Space is free once blocks are compacted, or [`Db::clean_tombstones`] is called.
    ///
    /// # Errors
    ///
    /// Where what was deleted cannot be noted in the log or with a block; of others it may be.
    pub fn delete(&self, range: TimeRange, matchers: &[Matcher]) -> Result<(), DeleteError> {
        self.delete_from_head(range, matchers)?;
        self.blocks.delete(range, matchers)?;
        Ok(())
    }

    /// Makes the folder `dir` with the blocks as they are now, and with a block of what the head holds
    /// where `with_head` says so. Files of blocks are linked, so `dir` must lie on the same file
    /// system.
    ///
    /// # Errors
    ///
    /// Where a file cannot be linked or written; `dir` is not there then.
    pub fn snapshot(&self, dir: &Path, with_head: bool) -> Result<(), BlockError> {
        let files = &*self.host.files;
        let mut temporary = dir.as_os_str().to_owned();
        temporary.push(".tmp");
        let temporary = PathBuf::from(temporary);
        let fail = |source| BlockError::write(dir, source);
        // What an earlier try left. It is no error where there was none.
        let _ = files.remove_dir_all(&temporary);
        files.create_dir_all(&temporary).map_err(fail)?;
        let finished = self
            .fill_snapshot(&temporary, with_head)
            .and_then(|()| files.rename(&temporary, dir).map_err(fail));
        if let Err(error) = finished {
            // It goes with the next try, where it cannot now.
            let _ = files.remove_dir_all(&temporary);
            return Err(error);
        }
        files.sync_dir(dir.parent().unwrap_or(Path::new(""))).map_err(fail)
    }

    fn fill_snapshot(&self, dir: &Path, with_head: bool) -> Result<(), BlockError> {
        self.blocks.link(dir)?;
        let HeadStats { min_ms, max_ms, .. } = self.head.stats();
        match min_ms.zip(max_ms).filter(|_| with_head) {
            Some((min_ms, max_ms)) => {
                let head = self.head_series(TimeRange { min_ms, max_ms });
                self.blocks.add_to(dir, head, &self.options)
            }
            None => Ok(()),
        }
    }

    fn head_series(
        &self,
        range: TimeRange,
    ) -> HeadSeries<impl Iterator<Item = Result<SeriesChunks, BlockError>>> {
        let fail = |source| BlockError::Head { path: self.dir.clone(), source };
        let series = self.head.series_chunks(range).map(move |series| series.map_err(fail));
        HeadSeries { range, texts: self.head.label_texts(), series }
    }
}

/// Why samples could not be deleted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeleteError {
    /// What was deleted from the head cannot be noted in the log: nothing is deleted.
    #[error("delete from the head")]
    Head(#[from] WalError),
    /// What was deleted from a block cannot be noted there.
    #[error("delete from a block")]
    Block(#[from] BlockError),
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
