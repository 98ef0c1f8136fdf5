use std::time::Duration;

/// How a database is opened. The defaults are those of the Prometheus server.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// How many samples a chunk is meant to hold; it may hold up to twice as many.
    pub samples_per_chunk: u16,
    /// Whether samples keep the start timestamps that come with them. Log and chunks are written in
    /// encodings then that Prometheus reads from 3.14 on.
    pub start_timestamps: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            wal_sync: WalSync::default(),
            wal_compression: WalCompression::default(),
            wal_segment_size_bytes: 128 << 20,
            block_range_ms: 2 * 60 * 60 * 1_000,
            samples_per_chunk: 120,
            start_timestamps: false,
        }
    }
}

/// When committed samples are forced to the disk. Whatever is chosen, they outlast the process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WalSync {
    /// At the end of a segment and on close, as the reference does: when the machine loses power,
    /// the samples are lost that the operating system had not written yet, mostly those of the last
    /// 30 seconds. What it had written stays, also where that is a part of a commit.
    #[default]
    Never,
    /// With the first commit after this long: a loss of power takes the samples since then. For the
    /// commits before a pause, the owner of the database calls
    /// [`Db::sync_where_due`](crate::Db::sync_where_due) at such intervals.
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
