//! Prometheus' time-series database as an embeddable library, on the same disk format.
//!
//! A [`Db`] takes samples through [`Appendable`](narthex_storage::Appendable) and gives them back
//! through [`Queryable`](narthex_storage::Queryable), so every engine of narthex works on it. Its
//! folder is a Prometheus data directory: either program opens what the other wrote.
//!
//! ```
//! use narthex_model::{Labels, Matcher};
//! use narthex_storage::{
//!     Appendable, Columns, QueryContext, Queryable, SampleValue, SelectHints, SeriesKey, TimeRange,
//! };
//! use narthex_tsdb::{Db, Options};
//!
//! # let dir = tempfile::tempdir()?;
//! # let path = dir.path();
//! let db = Db::open(path, Options::default())?;
//! let labels = |n: u32| Labels::from_pairs([("__name__", "up"), ("n", &n.to_string())]);
//! let series = (0..100).map(labels).collect::<Vec<_>>();
//! for second in 0..10_000 {
//!     let mut appender = db.appender();
//!     for labels in &series {
//!         appender.append(SeriesKey::Labels(labels), second * 1_000, SampleValue::Float(1.0))?;
//!     }
//!     appender.commit()?;
//! }
//! {
//!     let ctx = QueryContext::default();
//!     let querier = db.querier(TimeRange { min_ms: 10_000, max_ms: 20_000 })?;
//!     let selection =
//!         querier.select(&ctx, &[Matcher::equal("n", "7")], &SelectHints::default())?;
//!     let mut columns = Columns::default();
//!     selection.read(&ctx, 0, &mut columns)?;
//!     assert_eq!((selection.len(), columns.len()), (1, 11));
//! }
//! assert_eq!(db.stats().head.samples_appended, 1_000_000);
//! db.close()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is kept, and when it is lost
//!
//! A commit is in the write-ahead log before anybody sees it, so a killed process loses nothing that
//! was committed. What a loss of power takes is the caller's choice: [`WalSync`].
//!
//! When a write fails, the commit fails as a whole and reads go on; the log is cut back to its last
//! whole commit, and the next commit may succeed. A file whose sync failed is given up, and what was
//! promised to be in it is written to another one.
//!
//! # Limits
//!
//! Nothing runs by itself: the owner calls [`Db::maintain`] about once a minute, which moves samples from
//! memory and log to blocks, merges these, and drops what is beyond the retention. Where the log is long,
//! [`Db::open_unloaded`] leaves it to [`Db::load`], beside which samples are taken and queries answered.

#![forbid(unsafe_code)]

mod back_off;
mod block;
mod blocks;
mod build;
mod chunk_meta;
mod clock_guard;
mod codec;
mod compact;
mod db;
mod head;
mod head_chunks;
mod loading;
mod lock;
mod maintain;
mod measure;
mod merge;
mod open;
mod options;
mod postings;
mod provisional;
mod read_only;
mod recover;
mod reserve;
mod sample;
mod stats;
mod status;
mod wal;

pub use block::{
    Block, BlockCompaction, BlockDesc, BlockError, BlockMeta, BlockStats, BlockWriter,
    IndexedSeries, Ulid, UlidError,
};
pub use build::BlockBuilder;
pub use chunk_meta::{EncodedChunk, SeriesChunks};
pub use db::Db;
pub use maintain::{DeleteError, MaintenanceError};
pub use measure::{Distribution, Timing};
pub use open::OpenError;
pub use options::{
    CompactionOptions, FloatEncoding, Options, Retention, RetentionRule, WalCompression, WalSync,
};
pub use read_only::{ReadOnlyDb, ReadOnlyError, Sandbox};
pub use stats::{
    BlocksStats, Cardinality, CompactionStats, DeltaStats, ExemplarStats, HeadStats,
    ReplayProgress, ReplayStats, Stats, UnknownSeries, WalStats,
};
pub use status::Status;
pub use wal::{Corruption, DamageReason, WalError};
