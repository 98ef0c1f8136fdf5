use std::collections::BTreeSet;

use crate::{BlockCompaction, BlockMeta, Ulid};

/// Returns what a block says of itself that is made of others, but for how much it holds.
///
/// # Source
///
/// `CompactBlockMetas` in Prometheus' `tsdb/compact.go`.
///
/// # Panics
///
/// Where there are no others.
pub(crate) fn merged_meta(ulid: Ulid, metas: &[BlockMeta]) -> BlockMeta {
    let min_ms = metas.iter().map(|meta| meta.min_ms).min().expect("there is a block");
    let end_ms = metas.iter().map(|meta| meta.end_ms).max().expect("there is a block");
    let mut merged = BlockMeta::of_head(ulid, min_ms, end_ms);
    let compactions = metas.iter().map(|meta| &meta.compaction);
    let level = compactions.clone().map(|compaction| compaction.level).max().unwrap_or_default();
    let sources = compactions.clone().flat_map(|compaction| &compaction.sources).copied();
    let compaction = &mut merged.compaction;
    compaction.level = level.saturating_add(1);
    compaction.sources = sources.collect::<BTreeSet<_>>().into_iter().collect();
    compaction.parents = metas.iter().map(BlockMeta::desc).collect();
    for hint in [BlockCompaction::STALE_SERIES, BlockCompaction::SELECTED_SERIES] {
        if compactions.clone().any(|compaction| compaction.has_hint(hint)) {
            compaction.set_hint(hint);
        }
    }
    let hint = BlockCompaction::OUT_OF_ORDER;
    if compactions.clone().all(|compaction| compaction.has_hint(hint)) {
        compaction.set_hint(hint);
    }
    merged
}
