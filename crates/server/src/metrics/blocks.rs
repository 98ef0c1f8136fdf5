use narthex_exposition::TextWriter;
use narthex_tsdb::{BlocksStats, HeadStats};

use super::{counter, gauge};

/// Writes what a database counts of its blocks, and of what moves to them.
///
/// # Source
///
/// `newDBMetrics` in Prometheus' `tsdb/db.go`, `tsdb/compact.go`, `tsdb/head.go`.
pub(super) fn write_block_stats(page: &mut TextWriter, blocks: &BlocksStats, head: &HeadStats) {
    let lowest_ms = match (blocks.min_ms, head.min_ms) {
        (Some(of_blocks), Some(of_head)) => of_blocks.min(of_head),
        (of_blocks, of_head) => of_blocks.or(of_head).unwrap_or(i64::MAX),
    };
    for (name, help, value) in [
        (
            "prometheus_tsdb_blocks_loaded",
            "Number of currently loaded data blocks",
            blocks.loaded as f64,
        ),
        (
            "prometheus_tsdb_symbol_table_size_bytes",
            "Size of symbol table in memory for loaded blocks",
            blocks.table_bytes as f64,
        ),
        (
            "prometheus_tsdb_storage_blocks_bytes",
            "The number of bytes that are currently used for local storage by all blocks.",
            blocks.size_bytes as f64,
        ),
        (
            "prometheus_tsdb_lowest_timestamp",
            "Lowest timestamp value stored in the database. The unit is decided by the library consumer.",
            lowest_ms as f64,
        ),
        (
            "prometheus_tsdb_lowest_timestamp_seconds",
            "Lowest timestamp value stored in the database.",
            lowest_ms as f64 / 1e3,
        ),
        (
            "prometheus_tsdb_head_chunks_storage_size_bytes",
            "Size of the chunks_head directory.",
            head.chunk_file_bytes as f64,
        ),
    ] {
        gauge(page, name, help, value);
    }
    for (name, help, value) in [
        (
            "prometheus_tsdb_compactions_total",
            "Total number of compactions that were executed for the partition.",
            blocks.compactions,
        ),
        (
            "prometheus_tsdb_compactions_failed_total",
            "Total number of compactions that failed for the partition.",
            blocks.compactions_failed,
        ),
        (
            "prometheus_tsdb_time_retentions_total",
            "The number of times that blocks were deleted because the maximum time limit was exceeded.",
            blocks.time_retentions,
        ),
        (
            "prometheus_tsdb_size_retentions_total",
            "The number of times that blocks were deleted because the maximum number of bytes was exceeded.",
            blocks.size_retentions,
        ),
        (
            "prometheus_tsdb_reloads_total",
            "Number of times the database reloaded block data from disk.",
            blocks.reloads,
        ),
        (
            "prometheus_tsdb_reloads_failures_total",
            "Number of times the database failed to reloadBlocks block data from disk.",
            blocks.reloads_failed,
        ),
    ] {
        counter(page, name, help, value);
    }
}
