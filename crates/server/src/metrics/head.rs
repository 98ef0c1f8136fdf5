use narthex_exposition::TextWriter;
use narthex_model::MetricType::Summary;
use narthex_tsdb::{HeadStats, ReplayStats};

use super::{counter, gauge};

/// Writes what is known of the series and chunks of the head beside the samples.
///
/// # Source
///
/// `newHeadMetrics` in Prometheus' `tsdb/head.go`.
pub(super) fn write_head_stats(page: &mut TextWriter, head: &HeadStats, replay: &ReplayStats) {
    for (name, help, value) in [
        (
            "head_active_appenders",
            "Number of currently active appender transactions",
            head.appenders_active as f64,
        ),
        (
            "head_stale_series",
            "Total number of stale series in the head block.",
            head.stale_series as f64,
        ),
        (
            "head_native_histogram_series",
            "Number of series whose most recent in-order sample is a native histogram.",
            head.histogram_series as f64,
        ),
        (
            "head_native_histogram_buckets",
            "Number of positive and negative bucket entries in the most recent in-order native histogram sample of each series, including entries carried by staleness markers.",
            head.histogram_buckets as f64,
        ),
        (
            "isolation_low_watermark",
            "The lowest TSDB append ID that is still referenced.",
            head.last_commit_seen as f64,
        ),
        (
            "isolation_high_watermark",
            "The highest TSDB append ID that has been given out.",
            head.last_commit as f64,
        ),
        (
            "data_replay_duration_seconds",
            "Time taken to replay the data on disk.",
            replay.duration.as_secs_f64(),
        ),
    ] {
        gauge(page, &format!("prometheus_tsdb_{name}"), help, value);
    }
    for (name, help, value) in [
        (
            "head_appenders_created_total",
            "Total number of appender transactions created.",
            head.appenders_created,
        ),
        (
            "head_series_created_total",
            "Total number of series created in the head",
            head.series_created,
        ),
        (
            "head_series_removed_total",
            "Total number of series removed in the head",
            head.series_removed,
        ),
        (
            "head_chunks_created_total",
            "Total number of chunks created in the head",
            head.chunks_created,
        ),
        (
            "head_chunks_removed_total",
            "Total number of chunks removed in the head",
            head.chunks_removed,
        ),
        (
            "head_truncations_total",
            "Total number of head truncations attempted.",
            head.truncations.count,
        ),
        // It only drops what is in memory.
        ("head_truncations_failed_total", "Total number of head truncations that failed.", 0),
        (
            "mmap_chunk_corruptions_total",
            "Total number of memory-mapped chunk corruptions.",
            replay.chunk_files_damaged,
        ),
        (
            "mmap_chunks_total",
            "Total number of chunks that were memory-mapped.",
            head.chunks_written,
        ),
    ] {
        counter(page, &format!("prometheus_tsdb_{name}"), help, value);
    }
    page.family(
        "prometheus_tsdb_head_gc_duration_seconds",
        Summary,
        "Runtime of garbage collection in the head block.",
    )
    .summary(&[], &[], head.truncations.total.as_secs_f64(), head.truncations.count as f64);
}
