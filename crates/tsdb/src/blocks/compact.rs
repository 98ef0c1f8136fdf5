use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use narthex_chunk::Encoding;
use narthex_host::Host;
use narthex_storage::TimeRange;

use super::failures::Failures;
use super::retain::Horizons;
use super::{Blocks, uploads};
use crate::block::{BlockWriter, SymbolTable};
use crate::compact::{MergeSeries, Planner, merge_symbols, merged_meta, ranges};
use crate::{
    Block, BlockCompaction, BlockError, BlockMeta, Options, RetentionRule, SeriesChunks, Ulid,
};

/// What of the head goes to a block.
pub(crate) struct HeadSeries<I> {
    pub(crate) range: TimeRange,
    /// What kind of part it is, where it is not all that came in order.
    pub(crate) hint: Option<&'static str>,
    /// The names and values of all labels, sorted.
    pub(crate) texts: Vec<Box<str>>,
    /// In order of their labels.
    pub(crate) series: I,
}

impl<I> HeadSeries<I> {
    fn meta(&self, host: &Host) -> BlockMeta {
        let TimeRange { min_ms, max_ms } = self.range;
        let mut meta = BlockMeta::of_head(Ulid::generate(host), min_ms, max_ms.saturating_add(1));
        if let Some(hint) = self.hint {
            meta.compaction.set_hint(hint);
        }
        meta
    }

    fn symbols(&self) -> SymbolTable {
        SymbolTable::new(self.texts.iter().map(|text| &**text))
    }
}

impl Blocks {
    /// Makes blocks of blocks until there is nothing to do, or something else `is_due`.
    ///
    /// What is written anew has chunks of `floats`. A block whose samples cannot be read is left out for a while, and for good after three tries;
    /// the others go on.
    ///
    /// # Errors
    ///
    /// Where a block cannot be written. It is not tried again for a while, which grows.
    pub(crate) fn compact(
        &self,
        options: &Options,
        floats: Encoding,
        rules: &[RetentionRule],
        is_due: impl Fn() -> bool,
    ) -> Result<(), BlockError> {
        let mut failures = self.changes.lock();
        let ranges = ranges(options.block_range_ms, options.compaction.range_max_ms);
        let planner = Planner::new(ranges, options.compaction.merges_overlapping);
        loop {
            let now = self.host.clock.elapsed();
            if failures.is_paused(now) || self.is_interrupted() || is_due() {
                return Ok(());
            }
            let blocks = self.all();
            let mut metas = blocks.iter().map(|block| block.meta()).collect::<Vec<_>>();
            let horizons = Horizons::new(rules, &metas);
            if let Some(path) = &options.compaction.uploads_file {
                uploads::leave_out_pending(&*self.host.files, path, &mut metas);
            }
            // What is older than the end of the blocks is in blocks: that is what is passed over in the
            // log at the next start. So blocks of samples that came out of order wait for the others
            // of their time.
            let end_ms = self.in_order_end_ms();
            let is_early = |meta: &BlockMeta| {
                let is_late = meta.compaction.has_hint(BlockCompaction::OUT_OF_ORDER);
                is_late && end_ms.is_none_or(|end_ms| meta.end_ms > end_ms)
            };
            let is_held = |meta: &BlockMeta| is_early(meta) || failures.is_held(meta.ulid, now);
            let mut plan = planner.plan(&metas, is_held);
            if plan.is_empty() {
                let free = blocks.iter().filter(|block| {
                    let meta = block.meta();
                    !is_held(&meta) && !meta.compaction.failed
                });
                plan.extend(horizons.find_expired(free));
            }
            if plan.is_empty() {
                return Ok(());
            }
            let chosen = blocks.into_iter().filter(|block| plan.contains(&block.meta().ulid));
            let chosen = chosen.collect::<Vec<_>>();
            match self.merge(&chosen, options, floats, &horizons) {
                Ok(()) => failures.succeed(),
                Err(error) => self.note_failure(&mut failures, &chosen, error)?,
            }
        }
    }

    /// Makes a block of series of the head, and takes it into use. Returns its name; `None` where no
    /// series has a chunk.
    ///
    /// # Errors
    ///
    /// Where the block cannot be written: there is none then.
    pub(crate) fn add(
        &self,
        head: HeadSeries<impl Iterator<Item = Result<SeriesChunks, BlockError>>>,
        options: &Options,
    ) -> Result<Option<Ulid>, BlockError> {
        let _changes = self.changes.lock();
        let fresh = self.write(head.meta(&self.host), head.symbols(), head.series, options)?;
        self.counts.compactions.fetch_add(1, Ordering::Relaxed);
        let ulid = fresh.as_ref().map(|block| block.meta().ulid);
        self.replace(&[], fresh);
        Ok(ulid)
    }

    /// Takes blocks back that were added and are not wanted after all.
    pub(crate) fn withdraw(&self, ulids: &[Ulid]) {
        let _changes = self.changes.lock();
        let mut gone = self.all();
        gone.retain(|block| ulids.contains(&block.meta().ulid));
        self.replace(&gone, None);
    }

    /// As [`Blocks::add`], in another folder.
    pub(crate) fn add_to(
        &self,
        parent: &Path,
        head: HeadSeries<impl Iterator<Item = Result<SeriesChunks, BlockError>>>,
        options: &Options,
    ) -> Result<(), BlockError> {
        let (meta, symbols) = (head.meta(&self.host), head.symbols());
        self.write_to(parent, meta, symbols, head.series, options).map(drop)
    }

    /// Makes one block of several, or of one, and removes these.
    fn merge(
        &self,
        blocks: &[Arc<Block>],
        options: &Options,
        floats: Encoding,
        horizons: &Horizons<'_>,
    ) -> Result<(), BlockError> {
        let metas = blocks.iter().map(|block| block.meta()).collect::<Vec<_>>();
        let meta = merged_meta(Ulid::generate(&self.host), &metas);
        if do_overlap(&metas) {
            self.count_vertical();
        }
        let symbols = blocks.iter().map(|block| block.symbols()).collect::<Result<_, _>>()?;
        let symbols = merge_symbols(symbols)?;
        let range = TimeRange { min_ms: meta.min_ms, max_ms: meta.end_ms - 1 };
        let sources = blocks.iter().map(|block| block.series_chunks(range));
        let sources = sources.collect::<Result<Vec<_>, _>>()?;
        let series = MergeSeries::new(sources, floats).map(|series| horizons.apply(series?));
        let fresh = self.write(meta, symbols, series, options)?;
        self.counts.compactions.fetch_add(1, Ordering::Relaxed);
        tracing::info!(
            sources = ?metas.iter().map(|meta| meta.ulid).collect::<Vec<_>>(),
            block = ?fresh.as_ref().map(|block| block.meta().ulid),
            "compacted blocks"
        );
        self.replace(blocks, fresh);
        Ok(())
    }

    /// Writes a block and opens it; `None` where no series has a chunk. It is not in use yet.
    pub(super) fn write(
        &self,
        meta: BlockMeta,
        symbols: SymbolTable,
        series: impl Iterator<Item = Result<SeriesChunks, BlockError>>,
        options: &Options,
    ) -> Result<Option<Arc<Block>>, BlockError> {
        let start = self.note_writing();
        let written = self.write_to(&self.dir, meta, symbols, series, options);
        self.note_written(start);
        let Some(meta) = written? else { return Ok(None) };
        let dir = self.dir.join(meta.ulid.to_string());
        Ok(Some(Arc::new(Block::open(Arc::clone(&self.host.files), dir)?)))
    }

    /// Writes a block into the folder `parent`.
    fn write_to(
        &self,
        parent: &Path,
        meta: BlockMeta,
        symbols: SymbolTable,
        series: impl Iterator<Item = Result<SeriesChunks, BlockError>>,
        options: &Options,
    ) -> Result<Option<BlockMeta>, BlockError> {
        let segment_size = options.compaction.segment_size_bytes;
        let is_first = meta.compaction.level == 1;
        let mut writer =
            BlockWriter::with_symbols(&self.host, parent, meta, symbols, segment_size)?;
        for series in series {
            if self.is_interrupted() {
                return Err(BlockError::Interrupted { path: self.dir.clone() });
            }
            let series = series?;
            if is_first {
                self.count_chunks(&series.chunks);
            }
            writer.add(&series)?;
        }
        writer.finish()
    }

    /// Counts that a block of the head could not be written.
    pub(crate) fn count_failure(&self) {
        self.counts.compactions_failed.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes that a compaction failed. Returns the error where no block is to blame.
    fn note_failure(
        &self,
        failures: &mut Failures,
        blocks: &[Arc<Block>],
        error: BlockError,
    ) -> Result<(), BlockError> {
        self.count_failure();
        let now = self.host.clock.elapsed();
        let culprit = blocks.iter().find(|block| error.path().starts_with(block.dir()));
        let Some(block) = culprit else {
            failures.note(None, now);
            return Err(error);
        };
        let ulid = block.meta().ulid;
        let is_last_try = failures.note(Some(ulid), now);
        tracing::error!(block = %ulid, %error, is_last_try, "block cannot be compacted");
        if is_last_try && let Err(error) = block.set_failed() {
            tracing::warn!(block = %ulid, %error, "block cannot be marked");
        }
        Ok(())
    }
}

/// Returns whether some of the blocks, in order of their first times, overlap.
fn do_overlap(metas: &[BlockMeta]) -> bool {
    let mut end_ms = i64::MIN;
    metas.iter().any(|meta| {
        let begins_within = meta.min_ms < end_ms;
        end_ms = end_ms.max(meta.end_ms);
        begins_within
    })
}
