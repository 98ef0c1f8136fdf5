use std::time::Duration;

use crate::measure::{Distribution, Timing, bounds};

/// What a database counted since it was opened, and what it holds.
///
/// Names follow those of the reference's metrics, given in brackets without `prometheus_tsdb_`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// What the head holds and counted.
    pub head: HeadStats,
    /// The exemplars.
    pub exemplars: ExemplarStats,
    /// What was written to the write-ahead log.
    pub wal: WalStats,
    /// What was written to the log of samples out of order, where there is one.
    pub wbl: WalStats,
    /// What the blocks hold.
    pub blocks: BlocksStats,
    /// How blocks were made.
    pub compaction: CompactionStats,
    /// What was read from the write-ahead log when the database was opened.
    pub replay: ReplayStats,
}

/// What the head holds and counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct HeadStats {
    /// Series (`head_series`).
    pub series: u64,
    /// Series created, those read from the log included (`head_series_created_total`).
    pub series_created: u64,
    /// Series that left (`head_series_removed_total`).
    pub series_removed: u64,
    /// Series that ended: their newest sample is the staleness marker (`head_stale_series`).
    pub stale_series: u64,
    /// Series whose newest sample is a native histogram (`head_native_histogram_series`).
    pub histogram_series: u64,
    /// Buckets of those (`head_native_histogram_buckets`).
    pub histogram_buckets: u64,
    /// Chunks, the open ones included (`head_chunks`).
    pub chunks: u64,
    /// Full chunks written to files (`mmap_chunks_total`).
    pub chunks_written: u64,
    /// How often what is in blocks was dropped (`head_truncations_total`, `head_gc_duration_seconds`).
    pub truncations: Timing,
    /// Appenders so far (`head_appenders_created_total`).
    pub appenders_created: u64,
    /// Appenders that there are now (`head_active_appenders`).
    pub appenders_active: u64,
    /// The number of the last commit (`isolation_high_watermark`).
    pub last_commit: u64,
    /// The last commit that all readers see (`isolation_low_watermark`).
    pub last_commit_seen: u64,
    /// Chunks created (`head_chunks_created_total`).
    pub chunks_created: u64,
    /// Chunks that left (`head_chunks_removed_total`).
    pub chunks_removed: u64,
    /// Bytes of the chunks in memory; full ones move to files.
    pub chunk_bytes: u64,
    /// Bytes of the files of full chunks (`head_chunks_storage_size_bytes`).
    pub chunk_file_bytes: u64,
    /// Samples committed (`head_samples_appended_total`).
    pub samples_appended: u64,
    /// Native histograms among them, those out of order left out.
    pub histograms_appended: u64,
    /// Samples refused as older than their series' newest (`out_of_order_samples_total`), those
    /// included that another commit overtook.
    pub out_of_order_samples: u64,
    /// Samples that came out of order and were taken (`head_out_of_order_samples_appended_total`).
    pub out_of_order_samples_appended: u64,
    /// Samples refused as older than the window for those out of order (`too_old_samples_total`).
    pub too_old_samples: u64,
    /// Samples refused as too far ahead of the clock.
    pub future_samples: u64,
    /// How late samples were that came out of order, taken or not.
    pub out_of_order_deltas: DeltaStats,
    /// Samples refused as older than the head takes (`out_of_bound_samples_total`).
    pub out_of_bound_samples: u64,
    /// Samples refused as a second value for one time.
    pub duplicate_samples: u64,
    /// Appends to a reference that names no series (`head_series_not_found_total`).
    pub series_not_found: u64,
    /// The oldest sample's time in milliseconds since the Unix epoch; `None` for none
    /// (`head_min_time`).
    pub min_ms: Option<i64>,
    /// The newest sample's time (`head_max_time`).
    pub max_ms: Option<i64>,
}

impl HeadStats {
    /// Adds what an earlier head counted as it took samples. The series and chunks are in this one.
    pub(crate) fn and(self, earlier: Self) -> Self {
        Self {
            appenders_created: self.appenders_created + earlier.appenders_created,
            samples_appended: self.samples_appended + earlier.samples_appended,
            histograms_appended: self.histograms_appended + earlier.histograms_appended,
            out_of_order_samples: self.out_of_order_samples + earlier.out_of_order_samples,
            out_of_bound_samples: self.out_of_bound_samples + earlier.out_of_bound_samples,
            future_samples: self.future_samples + earlier.future_samples,
            duplicate_samples: self.duplicate_samples + earlier.duplicate_samples,
            series_not_found: self.series_not_found + earlier.series_not_found,
            ..self
        }
    }
}

/// The exemplars that are held, and what became of others.
///
/// Names follow those of the reference's metrics, in brackets without `prometheus_tsdb_exemplar_`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExemplarStats {
    /// How many may be held (`max_exemplars`).
    pub max: u64,
    /// How many are (`exemplars_in_storage`).
    pub stored: u64,
    /// Series that have some (`series_with_exemplars_in_storage`).
    pub series: u64,
    /// The time of the one that came first, in milliseconds since the Unix epoch; `None` for none
    /// (`last_exemplars_timestamp_seconds`).
    pub oldest_ms: Option<i64>,
    /// Exemplars taken, those read from the log included (`exemplars_appended_total`).
    pub appended: u64,
    /// Exemplars that another commit overtook (`out_of_order_exemplars_total`).
    pub out_of_order: u64,
}

/// How long before the head's newest sample those were that came out of order (`sample_ooo_delta`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeltaStats {
    /// Samples by their delta: at most each of [`DeltaStats::BOUNDS_S`], and above all of them. Each
    /// sample counts once.
    pub counts: [u64; DeltaStats::BOUNDS_S.len() + 1],
    /// Of all deltas, in milliseconds.
    pub sum_ms: u64,
}

impl DeltaStats {
    /// Upper bounds of the counts in seconds: 10 minutes to 12 hours.
    pub const BOUNDS_S: [u64; 7] = [600, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200];
}

/// What the blocks hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BlocksStats {
    /// Blocks (`blocks_loaded`).
    pub loaded: u64,
    /// Bytes of their files (`storage_blocks_bytes`).
    pub size_bytes: u64,
    /// Bytes of memory for their tables, about (`symbol_table_size_bytes`).
    pub table_bytes: u64,
    /// The oldest time of a block in milliseconds since the Unix epoch; `None` without blocks
    /// (`lowest_timestamp`).
    pub min_ms: Option<i64>,
    /// Damaged blocks: those in the folder `quarantine` of the database, and those that could not be
    /// moved there.
    pub lost: u64,
    /// Blocks in use of which a query could not read all.
    pub damaged: u64,
    /// Compactions of blocks (`compactions_total`).
    pub compactions: u64,
    /// Compactions of blocks that failed (`compactions_failed_total`).
    pub compactions_failed: u64,
    /// How often blocks were dropped for their age (`time_retentions_total`).
    pub time_retentions: u64,
    /// How often blocks were dropped for the size of all (`size_retentions_total`).
    pub size_retentions: u64,
    /// How often the folder was looked through for blocks that came or went (`reloads_total`).
    pub reloads: u64,
    /// How often that failed (`reloads_failures_total`).
    pub reloads_failed: u64,
}

/// How blocks were made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CompactionStats {
    /// How often somebody looked for something to do (`compactions_triggered_total`).
    pub triggered: u64,
    /// Whether a block is being written (`compaction_populating_block`).
    pub is_writing: bool,
    /// Compactions of blocks that overlapped (`vertical_compactions_total`).
    pub vertical: u64,
    /// How long blocks took, in milliseconds (`compaction_duration_seconds`).
    pub durations_ms: Distribution<14>,
    /// Sizes of chunks as they left the head (`compaction_chunk_size_bytes`).
    pub chunk_bytes: Distribution<12>,
    /// How many samples those chunks had (`compaction_chunk_samples`).
    pub chunk_samples: Distribution<12>,
    /// How long a time they covered, in milliseconds (`compaction_chunk_range_seconds`).
    pub chunk_ranges_ms: Distribution<10>,
    /// Removals of what was deleted from blocks (`tombstone_cleanup_seconds`).
    pub tombstone_cleanups: Timing,
    /// Moves of series that ended to blocks (`stale_series_compactions_triggered_total` and
    /// `stale_series_compaction_duration_seconds`).
    pub stale: Timing,
    /// Those that failed (`stale_series_compactions_failed_total`).
    pub stale_failed: u64,
}

impl CompactionStats {
    /// Upper bounds of [`CompactionStats::durations_ms`].
    pub const DURATION_BOUNDS_MS: [f64; 14] = bounds(1_000.0, 2.0);
    /// Upper bounds of [`CompactionStats::chunk_bytes`].
    pub const CHUNK_BYTES_BOUNDS: [f64; 12] = bounds(32.0, 1.5);
    /// Upper bounds of [`CompactionStats::chunk_samples`].
    pub const CHUNK_SAMPLES_BOUNDS: [f64; 12] = bounds(4.0, 1.5);
    /// Upper bounds of [`CompactionStats::chunk_ranges_ms`].
    pub const CHUNK_RANGE_BOUNDS_MS: [f64; 10] = bounds(100.0, 4.0);
}

/// What was written to the write-ahead log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct WalStats {
    /// The number of the segment that is written to (`wal_segment_current`).
    pub segment: u64,
    /// Bytes written, frames and padding included.
    pub written_bytes: u64,
    /// Records written.
    pub records: u64,
    /// Commits that could not be written (`wal_writes_failed_total`).
    pub writes_failed: u64,
    /// Commits that were refused because too much waited for a slow disk.
    pub commits_shed: u64,
    /// Syncs (`wal_fsync_duration_seconds_count`).
    pub syncs: u64,
    /// Syncs that failed.
    pub syncs_failed: u64,
    /// How long the syncs took, those that failed included (`wal_fsync_duration_seconds_sum`).
    pub sync_time: Duration,
    /// Bytes of the files (`wal_storage_size_bytes`).
    pub size_bytes: u64,
    /// Pages of 32 KiB filled (`wal_completed_pages_total`).
    pub pages_completed: u64,
    /// Writes to files (`wal_page_flushes_total`).
    pub writes: u64,
    /// Bytes that compression spared (`wal_record_bytes_saved_total`).
    pub saved_bytes: u64,
    /// How often the log was cut back behind a failed write.
    pub cut_backs: u64,
    /// How often the log was shortened, or found short enough (`wal_truncations_total`,
    /// `wal_truncate_duration_seconds`).
    pub truncations: Timing,
    /// Checkpoints written (`checkpoint_creations_total`, less those that failed).
    pub checkpoints: u64,
    /// Checkpoints that could not be written (`checkpoint_creations_failed_total`).
    pub checkpoints_failed: u64,
    /// How often what a checkpoint replaces could not be removed (`checkpoint_deletions_failed_total`).
    pub checkpoint_deletions_failed: u64,
    /// Damaged places that were found when a checkpoint was written.
    pub corruptions: u64,
}

/// How far the write-ahead log is read. All are numbers of its segments, 0 before there is anything to
/// read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReplayProgress {
    /// The first one that is read, behind the checkpoint.
    pub first_segment: u64,
    /// The last one, as far as that is known by now.
    pub last_segment: u64,
    /// The one that is read now, or was last.
    pub segment: u64,
}

/// Items of logs whose series no log names, by what they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnknownSeries {
    /// Floats (`wal_replay_unknown_refs_total`, as those that follow).
    pub samples: u64,
    /// Native histograms.
    pub histograms: u64,
    /// Exemplars.
    pub exemplars: u64,
    /// Deleted ranges.
    pub tombstones: u64,
    /// Floats of the log of out-of-order samples (`wbl_replay_unknown_refs_total`, as those that follow).
    pub late_samples: u64,
    /// Native histograms of that log.
    pub late_histograms: u64,
    /// Its markers of full chunks.
    pub late_markers: u64,
    /// Series that have out-of-order chunks in files alone.
    pub late_chunks: u64,
}

impl UnknownSeries {
    /// Returns how many there are of all kinds.
    #[must_use]
    pub fn total(&self) -> u64 {
        let Self { samples, histograms, exemplars, tombstones, .. } = self;
        let Self { late_samples, late_histograms, late_markers, late_chunks, .. } = self;
        let late = late_samples + late_histograms + late_markers + late_chunks;
        samples + histograms + exemplars + tombstones + late
    }
}

/// What was read from the write-ahead log when the database was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReplayStats {
    /// Records read.
    pub records: u64,
    /// Samples of the log.
    pub samples: u64,
    /// How many of them were not read, since full chunks in files have them.
    pub samples_passed_over: u64,
    /// What belongs to series that no log names.
    pub unknown: UnknownSeries,
    /// Records of kinds that are not known.
    pub records_unknown: u64,
    /// Places that could not be read (`wal_corruptions_total`).
    pub corruptions: u64,
    /// Records of which one bit was wrong and could be put right: they are no loss.
    pub repaired_records: u64,
    /// Series read from a memory snapshot, in place of the log.
    pub snapshot_series: u64,
    /// Memory snapshots that could not be read (`snapshot_replay_error_total`).
    pub snapshots_failed: u64,
    /// Files of full chunks that were damaged; the log has what they held
    /// (`mmap_chunk_corruptions_total`).
    pub chunk_files_damaged: u64,
    /// Damaged bytes that were put aside, in the folder `quarantine` of the log.
    pub quarantined_bytes: u64,
    /// How long it took to read what the head holds (`data_replay_duration_seconds`).
    pub duration: Duration,
    /// Bytes cut off the end of the log, behind its last good record: what a process leaves that
    /// dies while it writes.
    pub cut_bytes: u64,
}

/// What takes the most series of the head. The lists start with the largest, and entries of one count
/// come in order of their names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cardinality {
    /// All series.
    pub series: u64,
    /// All labels, each of which is a name with a value.
    pub label_pairs: u64,
    /// Series by metric name.
    pub series_by_metric: Vec<(Box<str>, u64)>,
    /// Values by label name.
    pub values_by_name: Vec<(Box<str>, u64)>,
    /// Bytes of values by label name, each value counted for each series that has it.
    pub value_bytes_by_name: Vec<(Box<str>, u64)>,
    /// Series by label, as `name=value`.
    pub series_by_label: Vec<(Box<str>, u64)>,
}
