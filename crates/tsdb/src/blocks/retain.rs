use std::sync::Arc;
use std::sync::atomic::Ordering;

use narthex_storage::TimeRange;

use super::Blocks;
use crate::compact::cut;
use crate::{Block, BlockError, BlockMeta, Retention, RetentionRule, SeriesChunks, Ulid};

impl Blocks {
    /// Removes the blocks that are too old, or too much. `other_bytes` is what the database has on
    /// disk beside its blocks.
    ///
    /// # Source
    ///
    /// `BeyondTimeRetention` and `BeyondSizeRetention` in Prometheus' `tsdb/db.go`.
    pub(crate) fn retain(&self, retention: &Retention, other_bytes: u64) {
        let _changes = self.changes.lock();
        let mut blocks = self.all();
        // The newest first.
        blocks.sort_by_key(|block| std::cmp::Reverse(block.meta().end_ms));
        let by_time = keep_by_time(&blocks, retention.time_ms);
        let by_size = self.keep_by_size(&blocks, retention, other_bytes);
        let count = |limit: usize, counter: &std::sync::atomic::AtomicU64| {
            counter.fetch_add(u64::from(limit < blocks.len()), Ordering::Relaxed);
        };
        count(by_time, &self.counts.time_retentions);
        count(by_size, &self.counts.size_retentions);
        let gone = &blocks[by_time.min(by_size)..];
        if !gone.is_empty() {
            let ulids = gone.iter().map(|block| block.meta().ulid).collect::<Vec<_>>();
            tracing::info!(blocks = ?ulids, "blocks are beyond the retention");
            self.replace(gone, None);
        }
    }

    /// Returns how many of the newest blocks stay for their size.
    fn keep_by_size(
        &self,
        blocks: &[Arc<Block>],
        retention: &Retention,
        other_bytes: u64,
    ) -> usize {
        let Some(size_max) = self.size_max(retention) else { return blocks.len() };
        let sizes = blocks.iter().scan(other_bytes, |sum, block| {
            *sum = sum.saturating_add(block.size());
            Some(*sum)
        });
        sizes.take_while(|sum| *sum <= size_max).count()
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "floats to integers saturate, as wanted"
    )]
    fn size_max(&self, retention: &Retention) -> Option<u64> {
        if retention.disk_percentage > 0.0 {
            match self.host.files.capacity(&self.dir) {
                Ok(size) => return Some((size as f64 * retention.disk_percentage / 100.0) as u64),
                Err(error) => tracing::warn!(
                    %error,
                    "size of the file system is not known: retention by percentage is passed over"
                ),
            }
        }
        (retention.size_bytes > 0).then_some(retention.size_bytes)
    }
}

/// Returns how many of the newest blocks stay for their age.
fn keep_by_time(blocks: &[Arc<Block>], time_ms: i64) -> usize {
    let Some(newest) = blocks.first().filter(|_| time_ms > 0) else { return blocks.len() };
    let end_ms = newest.meta().end_ms;
    let is_kept = |block: &&Arc<Block>| end_ms.saturating_sub(block.meta().end_ms) < time_ms;
    // The newest always stays.
    blocks.iter().take_while(is_kept).count().max(1)
}

/// Since when samples are kept, by retention rule.
#[derive(Debug)]
pub(super) struct Horizons<'a> {
    rules: Vec<(&'a RetentionRule, i64)>,
}

impl<'a> Horizons<'a> {
    /// Returns the horizons of `rules` where there are blocks with these `metas`.
    pub(super) fn new(rules: &'a [RetentionRule], metas: &[BlockMeta]) -> Self {
        let newest_ms = metas.iter().map(|meta| meta.end_ms).max().unwrap_or(i64::MIN);
        let horizon = |rule: &'a RetentionRule| (rule, newest_ms.saturating_sub(rule.horizon_ms));
        Self { rules: rules.iter().map(horizon).collect() }
    }

    /// Drops what lies before the horizon of a series.
    pub(super) fn apply(&self, series: SeriesChunks) -> Result<SeriesChunks, BlockError> {
        let SeriesChunks { labels, chunks } = series;
        let meets = |rule: &RetentionRule| {
            rule.matchers.iter().all(|matcher| matcher.matches(labels.value(matcher.name())))
        };
        let Some((_, min_ms)) = self.rules.iter().find(|(rule, _)| meets(rule)) else {
            return Ok(SeriesChunks { labels, chunks });
        };
        let range = TimeRange { min_ms: *min_ms, max_ms: i64::MAX };
        let mut kept = Vec::with_capacity(chunks.len());
        for chunk in chunks.into_iter().filter(|chunk| chunk.max_ms >= *min_ms) {
            let fail = |source| BlockError::Chunk { path: labels.to_string().into(), source };
            cut(chunk, range, &[], &mut kept).map_err(fail)?;
        }
        Ok(SeriesChunks { labels, chunks: kept })
    }

    /// Returns a block that holds series all of whose samples there are beyond their horizon.
    pub(super) fn find_expired<'b>(
        &self,
        blocks: impl Iterator<Item = &'b Arc<Block>>,
    ) -> Option<Ulid> {
        for block in blocks {
            let meta = block.meta();
            for (index, (rule, min_ms)) in self.rules.iter().enumerate() {
                if meta.end_ms > *min_ms {
                    continue;
                }
                // A series of an earlier rule is not this rule's.
                let earlier = &self.rules[..index];
                let earlier = earlier.iter().map(|(rule, _)| &*rule.matchers).collect::<Vec<_>>();
                match block.has_series(&rule.matchers, &earlier) {
                    Ok(true) => return Some(meta.ulid),
                    Ok(false) => {}
                    Err(error) => {
                        tracing::warn!(block = %meta.ulid, %error, "retention rule cannot be applied");
                    }
                }
            }
        }
        None
    }
}
