use std::path::Path;
use std::sync::Arc;

use narthex_model::Matcher;
use narthex_storage::TimeRange;

use super::Blocks;
use crate::compact::merge_symbols;
use crate::{Block, BlockCompaction, BlockError, BlockMeta, Options, Ulid};

impl Blocks {
    /// Deletes the samples in `range` of the series that meet all `matchers`.
    ///
    /// # Errors
    ///
    /// Where what was deleted of a block cannot be noted; that of others may be.
    pub(crate) fn delete(&self, range: TimeRange, matchers: &[Matcher]) -> Result<(), BlockError> {
        let _changes = self.changes.lock();
        self.overlapping(range).iter().try_for_each(|block| block.delete(range, matchers))
    }

    /// Writes the blocks anew of which something was deleted, without it.
    ///
    /// # Errors
    ///
    /// Where a block cannot be read or written; it stays as it is.
    pub(crate) fn clean_tombstones(&self, options: &Options) -> Result<(), BlockError> {
        let _changes = self.changes.lock();
        let start = self.host.clock.elapsed();
        for block in self.all().into_iter().filter(|block| block.has_tombstones()) {
            let meta = cleaned_meta(Ulid::generate(&self.host), &block.meta());
            let symbols = merge_symbols(vec![block.symbols()?])?;
            let series = block.series_chunks(TimeRange::ALL)?;
            let fresh = self.write(meta, symbols, series, options)?;
            self.replace(&[block], fresh);
        }
        self.count_cleanup(self.host.clock.elapsed().saturating_sub(start));
        Ok(())
    }

    /// Links the files of all blocks into the folder `dir`.
    ///
    /// # Errors
    ///
    /// Where a file cannot be linked.
    pub(crate) fn link(&self, dir: &Path) -> Result<(), BlockError> {
        let _changes = self.changes.lock();
        self.all().iter().try_for_each(|block: &Arc<Block>| block.link(dir))
    }
}

/// Returns what a block says of itself that is another without what was deleted.
///
/// # Source
///
/// `LeveledCompactor.Write` in Prometheus' `tsdb/compact.go`: it is at the first level again.
fn cleaned_meta(ulid: Ulid, base: &BlockMeta) -> BlockMeta {
    let mut meta = BlockMeta::of_head(ulid, base.min_ms, base.end_ms);
    meta.compaction.parents = vec![base.desc()];
    let hints = BlockCompaction::PARTIAL.into_iter();
    for hint in hints.filter(|hint| base.compaction.has_hint(hint)) {
        meta.compaction.set_hint(hint);
    }
    meta
}
