//! What may be done to a block: deleting from it, marking it, and linking its files.

use std::path::Path;
use std::sync::Arc;

use narthex_host::Files;
use narthex_model::Matcher;
use narthex_storage::TimeRange;

use super::{Block, BlockError, BlockMeta, CHUNKS_NAME};
use crate::postings;

impl Block {
    /// Deletes the samples in `range` of the series that meet all `matchers`: notes them as deleted,
    /// so that nobody sees them and the next compaction drops them. One caller at a time changes a
    /// block; queries go on.
    pub(crate) fn delete(&self, range: TimeRange, matchers: &[Matcher]) -> Result<(), BlockError> {
        let before = self.tombstones();
        let mut tombstones = (*before).clone();
        let mut reader = self.index.series();
        let mut places = Vec::new();
        for series in postings::select(&self.index, matchers)? {
            reader.read(series, &mut places)?;
            let is_in_range = places
                .iter()
                .any(|place| place.min_ms <= range.max_ms && range.min_ms <= place.max_ms);
            if let Some((first, last)) = places.first().zip(places.last()).filter(|_| is_in_range) {
                let min_ms = range.min_ms.max(first.min_ms);
                tombstones.add(series, min_ms, range.max_ms.min(last.max_ms));
            }
        }
        if tombstones == *before {
            return Ok(());
        }
        let size = tombstones.write(&*self.files, &self.dir)?;
        let count = tombstones.len() as u64;
        {
            let mut state = self.state.write();
            state.tombstones_size = size;
            state.tombstones = Arc::new(tombstones);
        }
        self.change_meta(|meta| meta.stats.num_tombstones = count)
    }

    /// Returns whether anything was deleted that is still there.
    pub(crate) fn has_tombstones(&self) -> bool {
        !self.tombstones().is_empty()
    }

    /// Marks the block as one whose compaction fails.
    pub(crate) fn set_failed(&self) -> Result<(), BlockError> {
        self.change_meta(|meta| meta.compaction.failed = true)
    }

    fn change_meta(&self, change: impl FnOnce(&mut BlockMeta)) -> Result<(), BlockError> {
        let mut meta = self.meta();
        change(&mut meta);
        let size = meta.write(&*self.files, &self.dir)?;
        let mut state = self.state.write();
        (state.meta, state.meta_size) = (meta, size);
        Ok(())
    }

    /// Returns whether the block has series that meet all `matchers`, and not those of any of `but`.
    pub(crate) fn has_series(
        &self,
        matchers: &[Matcher],
        but: &[&[Matcher]],
    ) -> Result<bool, BlockError> {
        let mut found = postings::select(&self.index, matchers)?;
        for matchers in but {
            found = postings::subtract(&found, &postings::select(&self.index, matchers)?);
        }
        Ok(!found.is_empty())
    }

    /// Gives the files of the block a name in the folder `parent`, too. Nobody may change the block
    /// meanwhile.
    pub(crate) fn link(&self, parent: &Path) -> Result<(), BlockError> {
        let target = parent.join(self.meta().ulid.to_string());
        let chunks = target.join(CHUNKS_NAME);
        let files = &*self.files;
        files.create_dir_all(&chunks).map_err(|source| BlockError::write(&chunks, source))?;
        link_files(files, &self.dir, &target)?;
        link_files(files, &self.dir.join(CHUNKS_NAME), &chunks)?;
        files.sync_dir(&chunks).map_err(|source| BlockError::write(&chunks, source))?;
        files.sync_dir(&target).map_err(|source| BlockError::write(&target, source))
    }
}

/// Links the files of a folder, not those of the folders in it.
fn link_files(files: &dyn Files, from: &Path, to: &Path) -> Result<(), BlockError> {
    let entries = files.list_dir(from).map_err(|source| BlockError::read(from, source))?;
    for entry in entries.iter().filter(|entry| !entry.is_dir && !entry.name.ends_with(".tmp")) {
        let (from, to) = (from.join(&*entry.name), to.join(&*entry.name));
        files.hard_link(&from, &to).map_err(|source| BlockError::write(&to, source))?;
    }
    Ok(())
}
