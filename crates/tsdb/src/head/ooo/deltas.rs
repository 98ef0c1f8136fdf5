use std::sync::atomic::{AtomicU64, Ordering};

use crate::DeltaStats;

/// Counts how late samples are.
#[derive(Debug, Default)]
pub(in crate::head) struct DeltaCounts {
    counts: [AtomicU64; DeltaStats::BOUNDS_S.len() + 1],
    sum_ms: AtomicU64,
}

impl DeltaCounts {
    pub(in crate::head) fn add(&self, delta_ms: u64) {
        let bound = DeltaStats::BOUNDS_S.partition_point(|bound_s| bound_s * 1_000 < delta_ms);
        self.counts[bound].fetch_add(1, Ordering::Relaxed);
        self.sum_ms.fetch_add(delta_ms, Ordering::Relaxed);
    }

    pub(in crate::head) fn get(&self) -> DeltaStats {
        let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
        DeltaStats { counts: self.counts.each_ref().map(load), sum_ms: load(&self.sum_ms) }
    }
}
