use narthex_exposition::{Quantile, TextWriter};
use narthex_model::MetricType::{Counter, Gauge, Histogram, Summary};
use narthex_model::duration;
use narthex_scrape::{JobStats, Stats};

use super::{counter, gauge};

/// Writes what the scraper counts, under the reference's names.
///
/// # Source
///
/// `scrape/metrics.go` of Prometheus. Of the interval lengths only the extremes are kept, as the
/// quantiles 0 and 1.
pub fn write_scrape_stats(page: &mut TextWriter, stats: &Stats) {
    for (name, help, value) in [
        (
            "prometheus_target_scrape_pools_total",
            "Total number of scrape pool creation attempts.",
            stats.pools_created,
        ),
        // Jobs are checked when the configuration is loaded: what is taken cannot fail.
        (
            "prometheus_target_scrape_pools_failed_total",
            "Total number of scrape pool creations that failed.",
            0,
        ),
        (
            "prometheus_target_scrape_pool_reloads_failed_total",
            "Total number of failed scrape pool reloads.",
            0,
        ),
        (
            "prometheus_target_scrape_pool_reloads_total",
            "Total number of scrape pool reloads.",
            stats.pool_reloads,
        ),
        (
            "prometheus_target_scrapes_exceeded_body_size_limit_total",
            "Total number of scrapes that hit the body size limit",
            stats.exceeded_body_size_limit,
        ),
        (
            "prometheus_target_scrapes_exceeded_sample_limit_total",
            "Total number of scrapes that hit the sample limit and were rejected.",
            stats.exceeded_sample_limit,
        ),
        (
            "prometheus_target_scrape_pool_exceeded_label_limits_total",
            "Total number of times scrape pools hit the label limits, during sync or config reload.",
            stats.exceeded_label_limits,
        ),
        (
            "prometheus_target_scrape_pool_exceeded_target_limit_total",
            "Total number of times scrape pools hit the target limit, during sync or config reload.",
            stats.exceeded_target_limit,
        ),
        (
            "prometheus_target_scrapes_exceeded_native_histogram_bucket_limit_total",
            "Total number of scrapes that hit the native histogram bucket limit and were rejected.",
            stats.exceeded_bucket_limit,
        ),
        (
            "prometheus_target_scrapes_exemplar_out_of_order_total",
            "Total number of exemplar rejected due to not being out of the expected order.",
            stats.exemplar_out_of_order,
        ),
        (
            "narthex_target_scrapes_sample_over_series_limit_total",
            "Samples left out because the target, or all targets, had too many series.",
            stats.exceeded_series_limit,
        ),
        (
            "prometheus_target_scrapes_sample_duplicate_timestamp_total",
            "Total number of samples rejected due to duplicate timestamps but different values.",
            stats.duplicate_timestamp,
        ),
        (
            "prometheus_target_scrapes_sample_out_of_order_total",
            "Total number of samples rejected due to not being out of the expected order.",
            stats.out_of_order,
        ),
        (
            "prometheus_target_scrapes_sample_out_of_bounds_total",
            "Total number of samples rejected due to timestamp falling outside of the time bounds.",
            stats.out_of_bounds,
        ),
        (
            "prometheus_target_scrapes_cache_flush_forced_total",
            "How many times a scrape cache was flushed due to getting big while scrapes are failing.",
            stats.cache_flush_forced,
        ),
        ("narthex_target_scrapes_total", "Scrapes that were tried.", stats.scrapes),
        ("narthex_target_scrapes_failed_total", "Scrapes that failed.", stats.scrapes_failed),
        (
            "narthex_target_scrape_slots_missed_total",
            "Slots that passed without a scrape, because the one before took too long.",
            stats.slots_missed,
        ),
    ] {
        counter(page, name, help, value);
    }
    for (name, help, value) in [
        (
            "narthex_target_scrape_lateness_max_seconds",
            "How late a scrape began after its slot, at worst.",
            stats.lateness_max.as_secs_f64(),
        ),
        ("narthex_target_scrape_pools", "Configured scrape pools.", stats.pools as f64),
        ("narthex_target_series", "Series that all targets have now.", stats.series as f64),
    ] {
        gauge(page, name, help, value);
    }
    page.family(
        "prometheus_target_scrape_duration_seconds",
        Histogram,
        "Total duration of the scrape from start to commit completion in seconds.",
    )
    .histogram(&[], &[], stats.scrape_duration.as_secs_f64(), stats.scrapes as f64);
    write_intervals(page, stats);
    write_reloads(page, stats);
    write_jobs(page, stats);
}

fn write_intervals(page: &mut TextWriter, stats: &Stats) {
    let mut family = page.family(
        "prometheus_target_interval_length_seconds",
        Summary,
        "Actual intervals between scrapes.",
    );
    for (interval, length) in &stats.interval_length {
        let interval = duration::display(*interval).to_string();
        let quantiles = [
            Quantile { quantile: 0.0, value: length.min.as_secs_f64() },
            Quantile { quantile: 1.0, value: length.max.as_secs_f64() },
        ];
        let labels = [("interval", interval.as_str())];
        family.summary(&labels, &quantiles, length.sum.as_secs_f64(), length.count as f64);
    }
}

fn write_reloads(page: &mut TextWriter, stats: &Stats) {
    let mut family = page.family(
        "prometheus_target_reload_length_seconds",
        Summary,
        "Actual interval to reload the scrape pool with a given configuration.",
    );
    for (interval, (count, sum)) in &stats.reload_length {
        let interval = duration::display(*interval).to_string();
        family.summary(&[("interval", &interval)], &[], sum.as_secs_f64(), *count as f64);
    }
}

fn write_jobs(page: &mut TextWriter, stats: &Stats) {
    type Value = fn(&JobStats) -> u64;
    let families: [(&str, _, &str, Value); 6] = [
        (
            "prometheus_target_scrape_pool_sync_total",
            Counter,
            "Total number of syncs that were executed on a scrape pool.",
            |job| job.syncs,
        ),
        (
            "prometheus_target_sync_failed_total",
            Counter,
            "Total number of target sync failures.",
            |job| job.sync_failed,
        ),
        (
            "prometheus_target_scrape_pool_targets",
            Gauge,
            "Current number of targets in this scrape pool.",
            |job| job.targets,
        ),
        (
            "prometheus_target_scrape_pool_target_limit",
            Gauge,
            "Maximum number of targets allowed in this scrape pool.",
            |job| job.target_limit,
        ),
        (
            "prometheus_target_metadata_cache_entries",
            Gauge,
            "Total number of metric metadata entries in the cache",
            |job| job.metadata_entries,
        ),
        (
            "prometheus_target_metadata_cache_bytes",
            Gauge,
            "The number of bytes that are currently used for storing metric metadata in the cache",
            |job| job.metadata_size_bytes,
        ),
    ];
    for (name, metric_type, help, value) in families {
        let mut family = page.family(name, metric_type, help);
        for (job, counts) in &stats.jobs {
            family.sample(&[("scrape_job", job)], value(counts) as f64);
        }
    }
    let mut lengths = page.family(
        "prometheus_target_sync_length_seconds",
        Summary,
        "Actual interval to sync the scrape pool.",
    );
    for (job, counts) in &stats.jobs {
        let sum_s = counts.sync_length.as_secs_f64();
        lengths.summary(&[("scrape_job", job)], &[], sum_s, counts.syncs as f64);
    }
}
