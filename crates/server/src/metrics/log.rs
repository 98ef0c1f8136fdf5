use narthex_exposition::TextWriter;
use narthex_model::MetricType::{Counter, Summary};
use narthex_tsdb::WalStats;

use super::{counter, gauge};

/// Writes what one of the logs of a database counts: `wal`, or `out_of_order_wbl`.
///
/// # Source
///
/// `newWLMetrics` in Prometheus' `tsdb/wlog/wlog.go`.
pub(super) fn write_log_stats(page: &mut TextWriter, log: &str, stats: &WalStats) {
    let named = |name: &str| format!("prometheus_tsdb_{log}_{name}");
    gauge(
        page,
        &named("segment_current"),
        "Write log segment index that TSDB is currently writing to.",
        stats.segment as f64,
    );
    gauge(
        page,
        &named("storage_size_bytes"),
        "Size of the write log directory.",
        stats.size_bytes as f64,
    );
    page.family(&named("fsync_duration_seconds"), Summary, "Duration of write log fsync.").summary(
        &[],
        &[],
        stats.sync_time.as_secs_f64(),
        (stats.syncs + stats.syncs_failed) as f64,
    );
    for (name, help, value) in [
        ("page_flushes_total", "Total number of page flushes.", stats.writes),
        ("completed_pages_total", "Total number of completed pages.", stats.pages_completed),
        (
            "truncations_total",
            "Total number of write log truncations attempted.",
            stats.truncations.count,
        ),
        (
            "truncations_failed_total",
            "Total number of write log truncations that failed.",
            stats.checkpoints_failed,
        ),
        (
            "writes_failed_total",
            "Total number of write log writes that failed.",
            stats.writes_failed,
        ),
        (
            "record_part_writes_total",
            "Total number of record parts written before flushing.",
            stats.records,
        ),
        (
            "record_parts_bytes_written_total",
            "Total number of record part bytes written before flushing, including CRC and compression headers.",
            stats.written_bytes,
        ),
    ] {
        counter(page, &named(name), help, value);
    }
    page.family(
        &named("record_bytes_saved_total"),
        Counter,
        "Total number of bytes saved by the optional record compression. Use this metric to learn about the effectiveness compression.",
    )
    .sample(&[], stats.saved_bytes as f64);
}
