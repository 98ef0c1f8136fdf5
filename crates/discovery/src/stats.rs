//! What discovery counts, for whoever renders it as metrics.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

/// Counts since the start, and numbers now, of one manager.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Stats {
    /// Discoveries of the configuration that could not start.
    pub failed_configs: u64,
    /// Times that a discovery said what it found.
    pub received_updates: u64,
    /// Times that targets were sent on.
    pub sent_updates: u64,
    /// Times that targets had to wait before they were sent on, because others had just been.
    pub delayed_updates: u64,
    /// Counts by job.
    pub jobs: BTreeMap<Box<str>, JobStats>,
    /// Counts by kind and the first of the jobs that share the discovery.
    pub refreshes: BTreeMap<(Box<str>, Box<str>), RefreshStats>,
    /// Counts of Consul discoveries.
    #[cfg(feature = "consul")]
    pub consul: crate::ConsulStats,
    /// Counts of DNS discoveries.
    #[cfg(feature = "dns")]
    pub dns: crate::DnsStats,
    /// Counts of file discoveries.
    #[cfg(feature = "file")]
    pub file: crate::FileStats,
    /// Looks of HTTP discoveries that gave no list.
    #[cfg(feature = "http")]
    pub http_failures: u64,
    /// Counts of Kubernetes discoveries.
    #[cfg(feature = "kubernetes")]
    pub kubernetes: crate::KubernetesStats,
}

impl Stats {
    /// Returns how the looks for targets went by kind, over all jobs.
    pub fn refreshes_by_mechanism(&self) -> impl Iterator<Item = (&str, RefreshStats)> {
        let mut sums = BTreeMap::<&str, RefreshStats>::new();
        for ((mechanism, _), refreshes) in &self.refreshes {
            sums.entry(mechanism).or_default().add(*refreshes);
        }
        sums.into_iter()
    }
}

/// What one job discovered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JobStats {
    /// Targets before relabelling, those that the file names included.
    pub targets: u64,
    /// When the job's targets were last sent on.
    pub last_sent: Option<SystemTime>,
}

/// How the looks for targets went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RefreshStats {
    /// Looks for targets.
    pub count: u64,
    /// How many of them failed.
    pub failures: u64,
    /// How long they took together.
    pub duration: Duration,
    /// How many took at most as long as the bound of that place in [`REFRESH_DURATION_BUCKETS`].
    pub within: [u64; REFRESH_DURATION_BUCKETS.len()],
}

/// The bounds by which [`RefreshStats::within`] counts.
pub const REFRESH_DURATION_BUCKETS: [Duration; 4] = [
    Duration::from_millis(10),
    Duration::from_millis(100),
    Duration::from_secs(1),
    Duration::from_secs(10),
];

impl RefreshStats {
    pub(crate) fn add(&mut self, other: Self) {
        self.count += other.count;
        self.failures += other.failures;
        self.duration += other.duration;
        for (sum, count) in self.within.iter_mut().zip(other.within) {
            *sum += count;
        }
    }
}

/// The counters behind [`RefreshStats`].
#[derive(Debug, Default)]
pub(crate) struct RefreshCounters {
    count: AtomicU64,
    failures: AtomicU64,
    duration_us: AtomicU64,
    within: [AtomicU64; REFRESH_DURATION_BUCKETS.len()],
}

impl RefreshCounters {
    pub(crate) fn count(&self, took: Duration, failed: bool) {
        self.count.fetch_add(1, Ordering::Relaxed);
        self.failures.fetch_add(u64::from(failed), Ordering::Relaxed);
        let took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.duration_us.fetch_add(took_us, Ordering::Relaxed);
        for (count, bound) in self.within.iter().zip(REFRESH_DURATION_BUCKETS) {
            count.fetch_add(u64::from(took <= bound), Ordering::Relaxed);
        }
    }

    pub(crate) fn snapshot(&self) -> RefreshStats {
        RefreshStats {
            count: self.count.load(Ordering::Relaxed),
            failures: self.failures.load(Ordering::Relaxed),
            duration: Duration::from_micros(self.duration_us.load(Ordering::Relaxed)),
            within: self.within.each_ref().map(|count| count.load(Ordering::Relaxed)),
        }
    }
}
