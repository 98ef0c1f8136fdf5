use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::{Blocks, replaced_by};
use crate::{Block, BlockError, Ulid};

impl Blocks {
    /// Takes blocks into use that somebody put into the folder, and forgets those that somebody took
    /// away. What should have gone and could not is removed now.
    ///
    /// A block that cannot be opened may not be there as a whole yet, and is tried again the next time.
    ///
    /// # Errors
    ///
    /// Where the folder cannot be listed.
    ///
    /// # Source
    ///
    /// `DB.reloadBlocks` in Prometheus' `tsdb/db.go`. Unlike it, no block keeps others from being taken
    /// into use.
    pub(crate) fn reload(&self) -> Result<(), BlockError> {
        let _changes = self.changes.lock();
        self.counts.reloads.fetch_add(1, Ordering::Relaxed);
        let there = self.list().inspect_err(|_| {
            self.counts.reloads_failed.fetch_add(1, Ordering::Relaxed);
        })?;
        let condemned = std::mem::take(&mut *self.condemned.lock());
        condemned.intersection(&there).for_each(|ulid| self.remove(*ulid));
        let mut open = self.all();
        open.retain(|block| there.contains(&block.meta().ulid));
        let known = open.iter().map(|block| block.meta().ulid).collect::<BTreeSet<_>>();
        let lost = self.state.read().lost.iter().map(|lost| lost.ulid()).collect::<BTreeSet<_>>();
        let is_new = |ulid: &&Ulid| {
            !known.contains(*ulid) && !lost.contains(*ulid) && !condemned.contains(*ulid)
        };
        for &ulid in there.iter().filter(is_new) {
            let path = self.dir.join(ulid.to_string());
            match Block::open(Arc::clone(&self.host.files), path) {
                Ok(block) => {
                    tracing::info!(block = %ulid, "block was added");
                    open.push(Arc::new(block));
                }
                Err(error) => tracing::warn!(block = %ulid, %error, "new block cannot be opened"),
            }
        }
        let replaced = replaced_by(&open);
        let (gone, mut open) =
            open.into_iter().partition::<Vec<_>, _>(|block| replaced.contains(&block.meta().ulid));
        open.sort_by_key(|block| block.meta().min_ms);
        self.state.write().open = open;
        gone.iter().for_each(|block| self.remove(block.meta().ulid));
        Ok(())
    }

    fn list(&self) -> Result<BTreeSet<Ulid>, BlockError> {
        let entries = self.host.files.list_dir(&self.dir);
        let entries = entries.map_err(|source| BlockError::read(&self.dir, source))?;
        let dirs = entries.iter().filter(|entry| entry.is_dir);
        Ok(dirs.filter_map(|entry| entry.name.parse().ok()).collect())
    }
}
