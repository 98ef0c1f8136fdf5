use crate::{BlockCompaction, BlockMeta, Ulid};

/// Decides which blocks become one.
///
/// # Source
///
/// `LeveledCompactor.plan` in Prometheus' `tsdb/compact.go`. Unlike it, blocks whose compaction failed
/// for good are never tried again.
#[derive(Clone, Debug)]
pub(crate) struct Planner {
    /// How long blocks of each level are, in milliseconds, rising: see [`ranges`].
    ranges: Vec<i64>,
    merges_overlapping: bool,
}

/// Returns how long blocks of each level are: `min_ms`, three times that, and so on, up to `max_ms`,
/// in ten steps at most.
pub(crate) fn ranges(min_ms: i64, max_ms: i64) -> Vec<i64> {
    let steps = std::iter::successors(Some(min_ms), |range| range.checked_mul(RANGE_STEP));
    let mut ranges = steps.take(RANGE_COUNT_MAX).collect::<Vec<_>>();
    let end = ranges.iter().position(|range| *range > max_ms).unwrap_or(ranges.len());
    ranges.truncate(end.max(1));
    ranges
}

impl Planner {
    pub(crate) fn new(ranges: Vec<i64>, merges_overlapping: bool) -> Self {
        Self { ranges, merges_overlapping }
    }

    /// Returns the blocks to make one of next; none where nothing is to be done. `is_held` tells which
    /// blocks must stay as they are for now.
    pub(crate) fn plan(
        &self,
        metas: &[BlockMeta],
        is_held: impl Fn(&BlockMeta) -> bool,
    ) -> Vec<Ulid> {
        let candidates = metas.iter().map(|meta| Candidate { meta, is_held: is_held(meta) });
        let mut classes: [Vec<Candidate<'_>>; 3] = Default::default();
        for candidate in candidates {
            // Blocks of chosen series lie over the others on purpose.
            let compaction = &candidate.meta.compaction;
            let class = if compaction.has_hint(BlockCompaction::STALE_SERIES) {
                1
            } else if compaction.has_hint(BlockCompaction::SELECTED_SERIES) {
                2
            } else {
                0
            };
            classes[class].push(candidate);
        }
        let plans = classes.into_iter().map(|class| self.plan_class(class));
        plans.into_iter().find(|plan| !plan.is_empty()).unwrap_or_default()
    }

    fn plan_class(&self, mut blocks: Vec<Candidate<'_>>) -> Vec<Ulid> {
        blocks.sort_by_key(|block| block.meta.min_ms);
        if self.merges_overlapping {
            let overlapping = overlapping(&blocks);
            if !overlapping.is_empty() {
                return overlapping;
            }
        }
        // The newest block stays as it is, so that it can be backed up.
        blocks.pop();
        let adjacent = self.adjacent(&blocks);
        if !adjacent.is_empty() {
            return adjacent;
        }
        self.with_tombstones(&blocks).into_iter().collect()
    }

    /// Returns the blocks that fill a range of a higher level, or lie in one that is over.
    fn adjacent(&self, blocks: &[Candidate<'_>]) -> Vec<Ulid> {
        let Some(newest) = blocks.last() else { return Vec::new() };
        for &range_ms in self.ranges.iter().skip(1) {
            for part in split_by_range(blocks, range_ms) {
                let (first, last) = (&part[0], &part[part.len() - 1]);
                let is_full = last.meta.end_ms - first.meta.min_ms == range_ms;
                let is_over = last.meta.end_ms <= newest.meta.min_ms;
                let is_free = part.iter().all(Candidate::is_free);
                if is_free && (is_full || is_over) && part.len() > 1 {
                    return part.iter().map(|block| block.meta.ulid).collect();
                }
            }
        }
        Vec::new()
    }

    /// Returns the newest large block of which much was deleted, or a small one of which all was.
    fn with_tombstones(&self, blocks: &[Candidate<'_>]) -> Option<Ulid> {
        let large_ms = self.ranges[self.ranges.len() / 2];
        for block in blocks.iter().rev() {
            let stats = block.meta.stats;
            if block.meta.end_ms - block.meta.min_ms < large_ms {
                let is_all = stats.num_tombstones > 0 && stats.num_tombstones >= stats.num_series;
                return (is_all && block.is_free()).then_some(block.meta.ulid);
            }
            let share = stats.num_tombstones as f64 / (stats.num_series + 1) as f64;
            if share > TOMBSTONE_SHARE_MAX && block.is_free() {
                return Some(block.meta.ulid);
            }
        }
        None
    }
}

/// A block that may be compacted.
struct Candidate<'a> {
    meta: &'a BlockMeta,
    is_held: bool,
}

impl Candidate<'_> {
    fn is_free(&self) -> bool {
        !self.is_held && !self.meta.compaction.failed
    }
}

/// Returns the first blocks that overlap each other, if any do.
fn overlapping(blocks: &[Candidate<'_>]) -> Vec<Ulid> {
    let mut found = Vec::new();
    let free = blocks.iter().filter(|block| block.is_free()).collect::<Vec<_>>();
    let Some(first) = free.first() else { return found };
    let mut end_ms = first.meta.end_ms;
    for pair in free.windows(2) {
        let (before, block) = (pair[0].meta, pair[1].meta);
        if block.min_ms < end_ms {
            if found.is_empty() {
                found.push(before.ulid);
            }
            found.push(block.ulid);
        } else if !found.is_empty() {
            break;
        }
        end_ms = end_ms.max(block.end_ms);
    }
    found
}

/// Returns the blocks by the ranges that they lie in as a whole, those of one range together.
fn split_by_range<'a, 'b>(blocks: &'b [Candidate<'a>], range_ms: i64) -> Vec<&'b [Candidate<'a>]> {
    let mut parts = Vec::new();
    let mut rest = blocks;
    while let Some(first) = rest.first() {
        let start_ms = first.meta.min_ms.div_euclid(range_ms).saturating_mul(range_ms);
        let end_ms = start_ms.saturating_add(range_ms);
        let count = rest.iter().take_while(|block| block.meta.end_ms <= end_ms).count();
        // A block that reaches over the range's end is of a higher level.
        if count > 0 {
            parts.push(&rest[..count]);
        }
        rest = &rest[count.max(1)..];
    }
    parts
}

/// Blocks of a level are so many times as long as those of the level below.
const RANGE_STEP: i64 = 3;
const RANGE_COUNT_MAX: usize = 10;
/// From which share of deleted series on a large block is written anew.
const TOMBSTONE_SHARE_MAX: f64 = 0.05;

#[cfg(test)]
mod tests;
