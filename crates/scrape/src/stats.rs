//! What the scraper counts, for whoever renders it as metrics.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use crate::{FetchError, ScrapeError, Scraped};

/// Counts since the start, and sizes now, over all jobs.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Stats {
    /// Scrapes that were tried.
    pub scrapes: u64,
    /// Scrapes that failed.
    pub scrapes_failed: u64,
    /// Scrapes refused because the page was too large.
    pub exceeded_body_size_limit: u64,
    /// Scrapes refused because they held too many samples.
    pub exceeded_sample_limit: u64,
    /// Scrapes refused because a native histogram had too many buckets.
    pub exceeded_bucket_limit: u64,
    /// Samples left out because the target, or all targets together, had too many series.
    pub exceeded_series_limit: u64,
    /// Exemplars left out because their series is ahead of them.
    pub exemplar_out_of_order: u64,
    /// Series that targets have now, as far as they count against the limit.
    pub series: u64,
    /// Scrapes refused because a series had too many or too long labels.
    pub exceeded_label_limits: u64,
    /// Times that a job had more targets than it may.
    pub exceeded_target_limit: u64,
    /// Samples left out because the series has another value at their time.
    pub duplicate_timestamp: u64,
    /// Samples left out because their series is ahead of them.
    pub out_of_order: u64,
    /// Samples left out because they are too old, or too far in the future.
    pub out_of_bounds: u64,
    /// Times that the series cache was emptied because failing scrapes filled it.
    pub cache_flush_forced: u64,
    /// Slots that passed without a scrape, because the one before took too long.
    pub slots_missed: u64,
    /// How late a scrape began after its slot, at worst.
    pub lateness_max: Duration,
    /// Configured jobs.
    pub pools: u64,
    /// Times that a job's configuration changed.
    pub pool_reloads: u64,
    /// Times that a job began to be scraped.
    pub pools_created: u64,
    /// How long scrapes took, from the request to the end of the commit, summed.
    pub scrape_duration: Duration,
    /// How long it took to carry out changes of jobs, by their interval: how many, and the sum.
    pub reload_length: BTreeMap<Duration, (u64, Duration)>,
    /// Time from one scrape of a target to the next, by interval.
    pub interval_length: BTreeMap<Duration, IntervalLength>,
    /// Counts by job.
    pub jobs: BTreeMap<Box<str>, JobStats>,
}

/// Sums of the time from one scrape of a target to the next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IntervalLength {
    /// Intervals measured.
    pub count: u64,
    /// Their sum.
    pub sum: Duration,
    /// The shortest of them.
    pub min: Duration,
    /// The longest of them.
    pub max: Duration,
}

/// What is counted for one job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct JobStats {
    /// Times that the job's targets were made from its configuration.
    pub syncs: u64,
    /// How long that took, summed.
    pub sync_length: Duration,
    /// Addresses that made no target.
    pub sync_failed: u64,
    /// Targets that are scraped.
    pub targets: u64,
    /// The most targets that the job may have; 0 is any number.
    pub target_limit: u64,
    /// Metric families with metadata, over all targets.
    pub metadata_entries: u64,
    /// Bytes of that metadata.
    pub metadata_size_bytes: u64,
}

/// The counters behind [`Stats`], written by all tasks.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) scrapes: Counter,
    pub(crate) scrapes_failed: Counter,
    pub(crate) exceeded_body_size_limit: Counter,
    pub(crate) exceeded_sample_limit: Counter,
    pub(crate) exceeded_bucket_limit: Counter,
    pub(crate) exceeded_series_limit: Counter,
    pub(crate) exemplar_out_of_order: Counter,
    pub(crate) exceeded_label_limits: Counter,
    pub(crate) exceeded_target_limit: Counter,
    pub(crate) duplicate_timestamp: Counter,
    pub(crate) out_of_order: Counter,
    pub(crate) out_of_bounds: Counter,
    pub(crate) cache_flush_forced: Counter,
    pub(crate) slots_missed: Counter,
    pub(crate) pool_reloads: Counter,
    pub(crate) pools_created: Counter,
    scrape_duration_ns: AtomicU64,
    reload_length: Mutex<BTreeMap<Duration, (u64, Duration)>>,
    lateness_max_ns: AtomicU64,
    interval_length: Mutex<BTreeMap<Duration, IntervalLength>>,
}

impl Counters {
    /// Counts what a scrape came to.
    pub(crate) fn record(&self, scraped: &Scraped) {
        self.scrapes.add(1);
        self.scrapes_failed.add(u64::from(scraped.error.is_some()));
        self.duplicate_timestamp.add(scraped.duplicate_timestamp);
        self.out_of_order.add(scraped.out_of_order);
        self.out_of_bounds.add(scraped.out_of_bounds);
        self.exceeded_series_limit.add(scraped.over_series_limit);
        self.exemplar_out_of_order.add(scraped.exemplars_out_of_order);
        self.cache_flush_forced.add(u64::from(scraped.cache_flush_forced));
        match &scraped.error {
            Some(ScrapeError::Fetch(FetchError::BodySizeLimit)) => {
                self.exceeded_body_size_limit.add(1);
            }
            Some(ScrapeError::BucketLimit) => self.exceeded_bucket_limit.add(1),
            Some(ScrapeError::SampleLimit) => self.exceeded_sample_limit.add(1),
            Some(
                ScrapeError::LabelLimit { .. }
                | ScrapeError::LabelNameLimit { .. }
                | ScrapeError::LabelValueLimit { .. },
            ) => self.exceeded_label_limits.add(1),
            _ => {}
        }
    }

    /// Notes how long a scrape took.
    pub(crate) fn observe_duration(&self, duration: Duration) {
        let duration_ns = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.scrape_duration_ns.fetch_add(duration_ns, Ordering::Relaxed);
    }

    /// Notes how long it took to carry out a change of a job with this interval.
    pub(crate) fn observe_reload(&self, interval: Duration, length: Duration) {
        let mut lengths = self.reload_length.lock();
        let (count, sum) = lengths.entry(interval).or_default();
        *count += 1;
        *sum += length;
    }

    /// Notes how late a scrape began.
    pub(crate) fn observe_lateness(&self, late: Duration) {
        let late_ns = u64::try_from(late.as_nanos()).unwrap_or(u64::MAX);
        self.lateness_max_ns.fetch_max(late_ns, Ordering::Relaxed);
    }

    /// Notes the time from one scrape to the next of a target with this interval.
    pub(crate) fn observe_interval(&self, interval: Duration, length: Duration) {
        let mut lengths = self.interval_length.lock();
        let sums = lengths.entry(interval).or_default();
        sums.min = if sums.count == 0 { length } else { sums.min.min(length) };
        sums.max = sums.max.max(length);
        sums.count += 1;
        sums.sum = sums.sum.saturating_add(length);
    }

    /// Returns the counts; what only the manager knows is left at zero.
    pub(crate) fn snapshot(&self) -> Stats {
        Stats {
            scrapes: self.scrapes.get(),
            scrapes_failed: self.scrapes_failed.get(),
            exceeded_body_size_limit: self.exceeded_body_size_limit.get(),
            exceeded_sample_limit: self.exceeded_sample_limit.get(),
            exceeded_bucket_limit: self.exceeded_bucket_limit.get(),
            exceeded_series_limit: self.exceeded_series_limit.get(),
            exemplar_out_of_order: self.exemplar_out_of_order.get(),
            exceeded_label_limits: self.exceeded_label_limits.get(),
            exceeded_target_limit: self.exceeded_target_limit.get(),
            duplicate_timestamp: self.duplicate_timestamp.get(),
            out_of_order: self.out_of_order.get(),
            out_of_bounds: self.out_of_bounds.get(),
            cache_flush_forced: self.cache_flush_forced.get(),
            slots_missed: self.slots_missed.get(),
            pool_reloads: self.pool_reloads.get(),
            pools_created: self.pools_created.get(),
            scrape_duration: Duration::from_nanos(self.scrape_duration_ns.load(Ordering::Relaxed)),
            reload_length: self.reload_length.lock().clone(),
            lateness_max: Duration::from_nanos(self.lateness_max_ns.load(Ordering::Relaxed)),
            interval_length: self.interval_length.lock().clone(),
            ..Stats::default()
        }
    }
}

/// A number that only rises.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, count: u64) {
        if count > 0 {
            self.0.fetch_add(count, Ordering::Relaxed);
        }
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
