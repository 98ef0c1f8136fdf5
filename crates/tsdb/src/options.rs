use std::path::PathBuf;
use std::time::Duration;

use narthex_chunk::Encoding;
use narthex_model::Matcher;

/// How a database is opened. The defaults are those of the Prometheus server.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Options {
    /// When the write-ahead log is forced to the disk.
    pub wal_sync: WalSync,
    /// How records of the write-ahead log are compressed, where that makes them smaller.
    pub wal_compression: WalCompression,
    /// The size from which on the write-ahead log goes on in another file, in bytes: a multiple of
    /// 32 KiB, at least one.
    pub wal_segment_size_bytes: u64,
    /// The range of time that one block will span, in milliseconds: chunks end at its multiples,
    /// and samples older than the newest by half of it are out of bounds.
    pub block_range_ms: i64,
    /// How far before the head's newest sample one may be that comes out of order, in milliseconds; 0
    /// for none may. See [`Db::set_out_of_order_window`](crate::Db::set_out_of_order_window).
    pub out_of_order_window_ms: i64,
    /// How many out-of-order samples of a series wait in memory for their chunk: 1 to 255.
    pub out_of_order_chunk_samples: u8,
    /// How far ahead of the clock a sample may be. `None`, the default, for any time. The server takes
    /// ten minutes.
    ///
    /// A time of day that jumped ahead does not count before it has stayed there for twenty minutes, so
    /// that samples of a wrong clock do not shut out those of the right one.
    pub clock_lead_max: Option<Duration>,
    /// How many samples a chunk is meant to hold; it may hold up to twice as many.
    pub samples_per_chunk: u16,
    /// How chunks of floats are encoded, those included that are written anew as they are merged.
    /// [`Db::set_float_encoding`](crate::Db::set_float_encoding) changes it.
    pub float_encoding: FloatEncoding,
    /// Whether samples keep the start timestamps that come with them: in the log, in chunks of floats,
    /// which must be encoded as [`FloatEncoding::Xor2`] for it, and in those of histograms as
    /// `histogram_start_timestamps` says. Prometheus reads that from 3.14 on.
    pub start_timestamps: bool,
    /// Whether chunks of histograms are encoded so that they can hold start timestamps. Prometheus reads
    /// them from 3.14 on.
    pub histogram_start_timestamps: bool,
    /// How many exemplars are held, of all series together; of more the oldest go. 0, the default, for
    /// none. [`Db::resize_exemplars`](crate::Db::resize_exemplars) changes it.
    pub exemplars_max: usize,
    /// Whether [`Db::close`](crate::Db::close) writes what the head holds in memory to a folder of its
    /// own, from which the next start reads it: sooner than from the log. Metadata is not in it.
    pub memory_snapshot: bool,
    /// From which share of the head's series on, 0 to 1, those that ended leave it for blocks of their own
    /// before their time: where targets come and go, they may be most of it. 0, the default, for never.
    /// [`Db::set_stale_compaction_threshold`](crate::Db::set_stale_compaction_threshold) changes it.
    pub stale_compaction_threshold: f64,
    /// Which blocks become one, and how they are written.
    pub compaction: CompactionOptions,
    /// What is dropped because it is old, or too much. [`Db::set_retention`](crate::Db::set_retention)
    /// changes it later.
    pub retention: Retention,
    /// How many bytes of the disk are kept, in the file `reserve`, for when it is full: then blocks,
    /// checkpoints and deletions can be written that make space, and the log can be ended. 0 keeps none.
    pub reserve_bytes: u64,
    /// Whether a lock file keeps others from opening the folder.
    pub locks: bool,
    /// After so many start-ups in a row that were killed while they read the write-ahead log, the next
    /// leaves it as it is: see [`Status::Safe`](crate::Status::Safe). 0 for never.
    pub start_ups_max: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            wal_sync: WalSync::default(),
            wal_compression: WalCompression::default(),
            wal_segment_size_bytes: 128 << 20,
            block_range_ms: 2 * 60 * 60 * 1_000,
            out_of_order_window_ms: 0,
            out_of_order_chunk_samples: 32,
            clock_lead_max: None,
            samples_per_chunk: 120,
            float_encoding: FloatEncoding::default(),
            start_timestamps: false,
            histogram_start_timestamps: false,
            exemplars_max: 0,
            memory_snapshot: false,
            stale_compaction_threshold: 0.0,
            compaction: CompactionOptions::default(),
            retention: Retention::default(),
            reserve_bytes: 0,
            locks: true,
            start_ups_max: 3,
        }
    }
}

/// Which blocks become one, and how they are written.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CompactionOptions {
    /// The longest time that a block may span, in milliseconds. Below it, three blocks of a length
    /// become one, again and again.
    pub range_max_ms: i64,
    /// Whether blocks that overlap become one.
    pub merges_overlapping: bool,
    /// The size up to which chunks go to one file, in bytes.
    pub segment_size_bytes: u64,
    /// A block of the head is written up to so much later than it could be, in hundredths of the block
    /// range: how much is chosen at random when the database is opened, so that many databases do not
    /// write all at once. At most 100.
    pub delay_percent_max: u8,
    /// A file in which another program notes the blocks that it copied elsewhere, in the form that
    /// Thanos gives it: `{"uploaded": ["01…"]}`. Blocks of the head stay as they are until they are
    /// listed there.
    pub uploads_file: Option<PathBuf>,
}

impl Default for CompactionOptions {
    fn default() -> Self {
        Self {
            // A tenth of the default retention.
            range_max_ms: 36 * 60 * 60 * 1_000,
            merges_overlapping: true,
            segment_size_bytes: 512 << 20,
            delay_percent_max: 0,
            uploads_file: None,
        }
    }
}

/// What is dropped because it is old, or too much. Whole blocks go, but for the rules.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Retention {
    /// How long blocks are kept, in milliseconds before the end of the newest; 0 for ever.
    pub time_ms: i64,
    /// How many bytes the blocks, the head's files and the write-ahead log may take together; the
    /// oldest blocks go first. 0 for any number.
    pub size_bytes: u64,
    /// As `size_bytes`, in hundredths of the file system's size. It goes before `size_bytes`; 0 for
    /// none.
    pub disk_percentage: f64,
    /// Series that are kept for a shorter time. The first rule that applies to a series counts.
    pub rules: Vec<RetentionRule>,
}

impl Default for Retention {
    fn default() -> Self {
        let time_ms = 15 * 24 * 60 * 60 * 1_000;
        Self { time_ms, size_bytes: 0, disk_percentage: 0.0, rules: Vec::new() }
    }
}

/// How long some series are kept. It is applied when blocks are compacted, and blocks all of whose
/// samples are beyond the horizon are compacted for its sake. Prometheus has no such rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetentionRule {
    /// All of them must be met by a series.
    pub matchers: Vec<Matcher>,
    /// How long samples are kept, in milliseconds before the end of the newest block.
    pub horizon_ms: i64,
}

/// How chunks of floats are encoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FloatEncoding {
    /// As Gorilla has it. It holds no start timestamps.
    #[default]
    Xor,
    /// Smaller for most series, and with start timestamps where there are any. Prometheus reads it from
    /// 3.14 on.
    Xor2,
}

impl From<FloatEncoding> for Encoding {
    fn from(encoding: FloatEncoding) -> Self {
        match encoding {
            FloatEncoding::Xor => Self::Xor,
            FloatEncoding::Xor2 => Self::Xor2,
        }
    }
}

/// When committed samples are forced to the disk. Whatever is chosen, they outlast the process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WalSync {
    /// At the end of a segment, with the next [`Db::sync_where_due`](crate::Db::sync_where_due), and on
    /// close, as the reference does: when the machine loses power,
    /// the samples are lost that the operating system had not written yet, mostly those of the last
    /// 30 seconds. What it had written stays, also where that is a part of a commit.
    #[default]
    Never,
    /// With the first commit after this long: a loss of power takes the samples since then. For the
    /// commits before a pause, the owner of the database calls
    /// [`Db::sync_where_due`](crate::Db::sync_where_due) at such intervals. Commits go on while the sync
    /// runs, as long as no more than 64 MiB of records wait for it; more are refused.
    Interval(Duration),
    /// With every commit, before it returns: nothing that was committed is lost. Commits that come
    /// while a sync runs share the next one.
    Commit,
}

/// How records of the write-ahead log are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WalCompression {
    /// Not at all.
    None,
    /// Snappy's block format.
    #[default]
    Snappy,
    /// Zstandard: smaller, for more work. Prometheus reads it from 2.47 on.
    Zstd,
}
