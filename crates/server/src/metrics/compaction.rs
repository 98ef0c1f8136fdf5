use narthex_exposition::{Bucket, TextWriter};
use narthex_model::MetricType::Histogram;
use narthex_tsdb::{CompactionStats, Distribution, Retention, Timing};

use super::{counter, gauge};

/// Writes how blocks were made.
///
/// # Source
///
/// `tsdb/compact.go` and `newDBMetrics` in `tsdb/db.go` of Prometheus.
pub(super) fn write_compaction_stats(page: &mut TextWriter, stats: &CompactionStats) {
    counter(
        page,
        "prometheus_tsdb_compactions_triggered_total",
        "Total number of triggered compactions for the partition.",
        stats.triggered,
    );
    // Nobody can turn compactions off, and so none is skipped.
    counter(
        page,
        "prometheus_tsdb_compactions_skipped_total",
        "Total number of skipped compactions due to disabled auto compaction.",
        0,
    );
    gauge(
        page,
        "prometheus_tsdb_compaction_populating_block",
        "Set to 1 when a block is currently being written to the disk.",
        f64::from(u8::from(stats.is_writing)),
    );
    counter(
        page,
        "prometheus_tsdb_vertical_compactions_total",
        "Total number of compactions done on overlapping blocks.",
        stats.vertical,
    );
    let spread = Spread {
        name: "compaction_duration_seconds",
        help: "Duration of compaction runs",
        unit: 1e3,
    };
    spread.write(page, &stats.durations_ms, &CompactionStats::DURATION_BOUNDS_MS);
    let spread = Spread {
        name: "compaction_chunk_size_bytes",
        help: "Final size of chunks on their first compaction",
        unit: 1.0,
    };
    spread.write(page, &stats.chunk_bytes, &CompactionStats::CHUNK_BYTES_BOUNDS);
    let spread = Spread {
        name: "compaction_chunk_samples",
        help: "Final number of samples on their first compaction",
        unit: 1.0,
    };
    spread.write(page, &stats.chunk_samples, &CompactionStats::CHUNK_SAMPLES_BOUNDS);
    // The reference counts milliseconds here, whatever the name says.
    let spread = Spread {
        name: "compaction_chunk_range_seconds",
        help: "Final time range of chunks on their first compaction",
        unit: 1.0,
    };
    spread.write(page, &stats.chunk_ranges_ms, &CompactionStats::CHUNK_RANGE_BOUNDS_MS);
    for (name, help, timing) in [
        (
            "tombstone_cleanup_seconds",
            "The time taken to recompact blocks to remove tombstones.",
            &stats.tombstone_cleanups,
        ),
        (
            "stale_series_compaction_duration_seconds",
            "Duration of stale series compaction runs.",
            &stats.stale,
        ),
    ] {
        let Timing { count, total } = *timing;
        page.family(&format!("prometheus_tsdb_{name}"), Histogram, help).histogram(
            &[],
            &[],
            total.as_secs_f64(),
            count as f64,
        );
    }
    counter(
        page,
        "prometheus_tsdb_stale_series_compactions_triggered_total",
        "Total number of triggered stale series compactions.",
        stats.stale.count,
    );
    counter(
        page,
        "prometheus_tsdb_stale_series_compactions_failed_total",
        "Total number of stale series compactions that failed.",
        stats.stale_failed,
    );
}

/// Writes what a database retains.
///
/// # Source
///
/// `newDBMetrics` in Prometheus' `tsdb/db.go`.
pub fn write_retention(page: &mut TextWriter, retention: &Retention) {
    for (name, help, value) in [
        (
            "bytes",
            "Max number of bytes to be retained in the tsdb blocks, configured 0 means disabled",
            retention.size_bytes as f64,
        ),
        (
            "percentage",
            "Max percentage of total storage space to be retained in the tsdb blocks, configured 0 means disabled",
            retention.disk_percentage,
        ),
        ("seconds", "How long to retain samples in storage.", retention.time_ms as f64 / 1e3),
    ] {
        gauge(page, &format!("prometheus_tsdb_retention_limit_{name}"), help, value);
    }
}

/// How a distribution is named.
struct Spread {
    name: &'static str,
    help: &'static str,
    /// How much of what was counted makes one of what is shown.
    unit: f64,
}

impl Spread {
    fn write<const N: usize>(
        &self,
        page: &mut TextWriter,
        values: &Distribution<N>,
        bounds: &[f64; N],
    ) {
        let mut cumulative = 0;
        let buckets = bounds.iter().zip(&values.counts).map(|(bound, count)| {
            cumulative += count;
            Bucket { upper_bound: bound / self.unit, cumulative_count: cumulative as f64 }
        });
        let buckets = buckets.collect::<Vec<_>>();
        let name = format!("prometheus_tsdb_{}", self.name);
        let sum = values.sum as f64 / self.unit;
        page.family(&name, Histogram, self.help).histogram(&[], &buckets, sum, values.count as f64);
    }
}
