use narthex_exposition::{Bucket, TextWriter};
use narthex_model::MetricType::{Counter, Histogram, Summary};
use narthex_tsdb::{DeltaStats, ExemplarStats, Stats, UnknownSeries};

use super::blocks::write_block_stats;
use super::compaction::write_compaction_stats;
use super::head::write_head_stats;
use super::log::write_log_stats;
use super::{counter, gauge};

/// Writes what a time-series database counts, under the reference's names.
///
/// # Source
///
/// `tsdb/head.go`, `tsdb/wlog/wlog.go` and `tsdb/db.go` of Prometheus.
pub fn write_tsdb_stats(page: &mut TextWriter, stats: &Stats) {
    let Stats { head, wal, wbl, blocks, replay, .. } = stats;
    write_block_stats(page, blocks, head);
    write_compaction_stats(page, &stats.compaction);
    write_log_stats(page, "wal", wal);
    write_log_stats(page, "out_of_order_wbl", wbl);
    write_head_stats(page, head, replay);
    write_exemplar_stats(page, &stats.exemplars);
    write_unknown_series(page, &replay.unknown);
    for (name, help, value) in [
        ("prometheus_tsdb_head_series", "Total number of series in the head block.", head.series),
        ("prometheus_tsdb_head_chunks", "Total number of chunks in the head block.", head.chunks),
        (
            "narthex_tsdb_head_chunks_size_bytes",
            "Size of all chunks in the head block.",
            head.chunk_bytes,
        ),
        (
            "narthex_tsdb_blocks_lost",
            "Damaged blocks that were moved aside, or could not be.",
            blocks.lost,
        ),
        (
            "narthex_tsdb_blocks_damaged",
            "Blocks in use of which a query could not read all.",
            blocks.damaged,
        ),
    ] {
        gauge(page, name, help, value as f64);
    }
    let (count, total) = (wal.truncations.count, wal.truncations.total);
    page.family(
        "prometheus_tsdb_wal_truncate_duration_seconds",
        Summary,
        "Duration of WAL truncation.",
    )
    .summary(&[], &[], total.as_secs_f64(), count as f64);
    for (name, help, time) in [
        ("min", "Minimum time bound of the head block.", head.min_ms),
        ("max", "Maximum timestamp of the head block.", head.max_ms),
    ] {
        let ms = format!("prometheus_tsdb_head_{name}_time");
        let seconds = format!("prometheus_tsdb_head_{name}_time_seconds");
        // An empty head spans from the last possible time to the first one.
        let none = if name == "min" { i64::MAX } else { i64::MIN };
        let time_ms = time.unwrap_or(none);
        gauge(
            page,
            &ms,
            &format!("{help} The unit is decided by the library consumer."),
            time_ms as f64,
        );
        gauge(page, &seconds, help, time_ms as f64 / 1e3);
    }
    page.family(
        "prometheus_tsdb_head_samples_appended_total",
        Counter,
        "Total number of appended samples.",
    )
    .sample(&[("type", "float")], (head.samples_appended - head.histograms_appended) as f64)
    .sample(&[("type", "histogram")], head.histograms_appended as f64);
    page.family(
        "prometheus_tsdb_out_of_order_samples_total",
        Counter,
        "Total number of out of order samples ingestion failed attempts due to out of order being disabled.",
    )
    .sample(&[("type", "float")], head.out_of_order_samples as f64);
    page.family(
        "prometheus_tsdb_out_of_bound_samples_total",
        Counter,
        "Total number of out of bound samples ingestion failed attempts with out of order support disabled.",
    )
    .sample(&[("type", "float")], head.out_of_bound_samples as f64);
    page.family(
        "prometheus_tsdb_head_out_of_order_samples_appended_total",
        Counter,
        "Total number of appended out of order samples.",
    )
    .sample(&[("type", "float")], head.out_of_order_samples_appended as f64);
    page.family(
        "prometheus_tsdb_too_old_samples_total",
        Counter,
        "Total number of out of order samples ingestion failed attempts with out of support enabled, but sample outside of time window.",
    )
    .sample(&[("type", "float")], head.too_old_samples as f64);
    write_deltas(page, &head.out_of_order_deltas);
    for (name, help, value) in [
        (
            "prometheus_tsdb_head_series_not_found_total",
            "Total number of requests for series that were not found.",
            head.series_not_found,
        ),
        (
            "narthex_tsdb_future_samples_total",
            "Samples refused as too far ahead of the clock.",
            head.future_samples,
        ),
        (
            "narthex_tsdb_duplicate_samples_total",
            "Samples refused as a second value of their series for one time.",
            head.duplicate_samples,
        ),
        (
            "prometheus_tsdb_wal_corruptions_total",
            "Total number of WAL corruptions.",
            replay.corruptions + wal.corruptions,
        ),
        (
            "narthex_tsdb_wal_repaired_records_total",
            "Records of the write log of which one bit was wrong and was put right.",
            replay.repaired_records,
        ),
        (
            "narthex_tsdb_wal_quarantined_bytes_total",
            "Bytes of the write log that could not be read and were put aside at the start.",
            replay.quarantined_bytes,
        ),
        (
            "prometheus_tsdb_checkpoint_creations_total",
            "Total number of checkpoint creations attempted.",
            wal.checkpoints + wal.checkpoints_failed,
        ),
        (
            "prometheus_tsdb_checkpoint_creations_failed_total",
            "Total number of checkpoint creations that failed.",
            wal.checkpoints_failed,
        ),
        (
            "prometheus_tsdb_checkpoint_deletions_total",
            "Total number of checkpoint deletions attempted.",
            wal.checkpoints,
        ),
        (
            "prometheus_tsdb_checkpoint_deletions_failed_total",
            "Total number of checkpoint deletions that failed.",
            wal.checkpoint_deletions_failed,
        ),
        (
            "narthex_tsdb_wal_cut_backs_total",
            "Times that the write log was cut back behind a failed write.",
            wal.cut_backs,
        ),
        ("narthex_tsdb_wal_records_total", "Records written to the write log.", wal.records),
        (
            "narthex_tsdb_wal_written_bytes_total",
            "Bytes written to the write log.",
            wal.written_bytes,
        ),
        (
            "narthex_tsdb_wbl_written_bytes_total",
            "Bytes written to the log of out of order samples.",
            wbl.written_bytes,
        ),
        ("narthex_tsdb_wal_fsyncs_total", "Times that the write log was synced.", wal.syncs),
        (
            "narthex_tsdb_wal_fsyncs_failed_total",
            "Times that syncing the write log failed.",
            wal.syncs_failed,
        ),
        (
            "prometheus_tsdb_snapshot_replay_error_total",
            "Total number snapshot replays that failed.",
            replay.snapshots_failed,
        ),
        (
            "narthex_tsdb_replayed_samples_total",
            "Samples read from the write log at the start.",
            replay.samples,
        ),
    ] {
        counter(page, name, help, value);
    }
}

/// Writes what logs held of series that none names, where there is something, as the reference does.
fn write_unknown_series(page: &mut TextWriter, unknown: &UnknownSeries) {
    let UnknownSeries { samples, histograms, exemplars, tombstones, .. } = *unknown;
    let UnknownSeries { late_samples, late_histograms, late_markers, .. } = *unknown;
    let wal = [
        ("exemplars", exemplars),
        ("histograms", histograms),
        ("samples", samples),
        ("tombstones", tombstones),
    ];
    let wbl = [
        ("histograms", late_histograms),
        ("mmap_markers", late_markers),
        ("samples", late_samples),
    ];
    for (name, help, counts) in [
        (
            "prometheus_tsdb_wal_replay_unknown_refs_total",
            "Total number of unknown series references encountered during WAL replay.",
            &wal[..],
        ),
        (
            "prometheus_tsdb_wbl_replay_unknown_refs_total",
            "Total number of unknown series references encountered during WBL replay.",
            &wbl,
        ),
    ] {
        let mut counts = counts.iter().filter(|(_, count)| *count > 0).peekable();
        if counts.peek().is_some() {
            let mut family = page.family(name, Counter, help);
            for (kind, count) in counts {
                family.sample(&[("type", kind)], *count as f64);
            }
        }
    }
}

/// How late samples were that came out of order.
fn write_deltas(page: &mut TextWriter, deltas: &DeltaStats) {
    let mut cumulative = 0;
    let buckets = DeltaStats::BOUNDS_S.iter().zip(&deltas.counts).map(|(bound_s, count)| {
        cumulative += count;
        Bucket { upper_bound: *bound_s as f64, cumulative_count: cumulative as f64 }
    });
    let buckets = buckets.collect::<Vec<_>>();
    let count = deltas.counts.iter().sum::<u64>() as f64;
    page.family(
        "prometheus_tsdb_sample_ooo_delta",
        Histogram,
        "Delta in seconds by which a sample is considered out of order (reported regardless of OOO time window and whether sample is accepted or not).",
    )
    .histogram(&[], &buckets, deltas.sum_ms as f64 / 1e3, count);
}

/// # Source
///
/// `tsdb/exemplar.go` of Prometheus.
fn write_exemplar_stats(page: &mut TextWriter, stats: &ExemplarStats) {
    let oldest_s = stats.oldest_ms.map_or(0.0, |oldest_ms| oldest_ms as f64 / 1e3);
    for (name, help, value) in [
        (
            "max_exemplars",
            "Total number of exemplars the exemplar storage can store, resizeable.",
            stats.max as f64,
        ),
        (
            "exemplars_in_storage",
            "Number of exemplars currently in circular storage.",
            stats.stored as f64,
        ),
        (
            "series_with_exemplars_in_storage",
            "Number of series with exemplars currently in circular storage.",
            stats.series as f64,
        ),
        (
            "last_exemplars_timestamp_seconds",
            "The timestamp of the oldest exemplar stored in circular storage.",
            oldest_s,
        ),
    ] {
        gauge(page, &format!("prometheus_tsdb_exemplar_{name}"), help, value);
    }
    for (name, help, value) in [
        ("exemplars_appended_total", "Total number of appended exemplars.", stats.appended),
        (
            "out_of_order_exemplars_total",
            "Total number of out of order exemplar ingestion failed attempts.",
            stats.out_of_order,
        ),
    ] {
        counter(page, &format!("prometheus_tsdb_exemplar_{name}"), help, value);
    }
}

#[cfg(test)]
mod tests {
    use narthex_exposition::TextWriter;
    use narthex_tsdb::Stats;

    use super::write_tsdb_stats;

    #[test]
    fn what_no_log_names_is_shown_where_there_is_something() {
        let page = |stats: &Stats| {
            let mut page = TextWriter::default();
            write_tsdb_stats(&mut page, stats);
            page.into_string()
        };
        let mut stats = Stats::default();
        assert!(!page(&stats).contains("unknown_refs"));
        stats.replay.unknown.samples = 3;
        stats.replay.unknown.late_markers = 2;
        stats.wal.checkpoint_deletions_failed = 1;
        let page = page(&stats);
        for line in [
            "prometheus_tsdb_wal_replay_unknown_refs_total{type=\"samples\"} 3\n",
            "prometheus_tsdb_wbl_replay_unknown_refs_total{type=\"mmap_markers\"} 2\n",
            "prometheus_tsdb_checkpoint_deletions_failed_total 1\n",
        ] {
            assert!(page.contains(line), "{line}\n{page}");
        }
        assert!(!page.contains("type=\"tombstones\""), "{page}");
    }
}
