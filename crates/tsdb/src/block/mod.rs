//! A block: the samples of one range of time in a folder that never changes, but for what is deleted
//! from it.
//!
//! `docs/format/block.md` has the bytes. Nothing is mapped into memory: files are read by position,
//! so that a page that cannot be read is an error and not a signal.

mod change;
mod error;
mod file;
mod index;
mod inspect;
mod meta;
mod query;
mod segment;
mod series;
mod tombstones;
mod ulid;
mod write;

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use narthex_host::Files;
use narthex_storage::{Querier, Queryable, StorageError, TimeRange};
use parking_lot::RwLock;

pub use error::BlockError;
use index::Index;
pub(crate) use index::SymbolScanner;
pub use inspect::IndexedSeries;
pub use meta::{BlockCompaction, BlockDesc, BlockMeta, BlockStats};
pub(crate) use query::BlockQuerier;
use segment::Segments;
pub(crate) use series::BlockSeries;
use tombstones::Tombstones;
pub use ulid::{Ulid, UlidError};
pub use write::BlockWriter;
pub(crate) use write::SymbolTable;

/// A block, open for reading.
///
/// Queries that meet damage pass over what they cannot read, and say so in a warning.
///
/// ```no_run
/// use narthex_host::Host;
/// use narthex_tsdb::Block;
///
/// let block = Block::open(Host::real().files, "data/01M81NJWN008SWVKYS99C8K2ZS")?;
/// println!("{} series", block.meta().stats.num_series);
/// # Ok::<(), narthex_tsdb::BlockError>(())
/// ```
#[derive(Debug)]
pub struct Block {
    files: Arc<dyn Files>,
    dir: PathBuf,
    index: Index,
    segments: Segments,
    state: RwLock<State>,
    /// The warning of the first damage that a query met.
    damage: OnceLock<Box<str>>,
}

/// What may change while a block is open.
#[derive(Debug)]
struct State {
    meta: BlockMeta,
    meta_size: u64,
    tombstones: Arc<Tombstones>,
    tombstones_size: u64,
}

impl Block {
    /// Opens the block in the folder `dir`.
    ///
    /// The tables of the index are read and checked; damage to the rest is found when it is read.
    ///
    /// # Errors
    ///
    /// Where a file is missing, cannot be read, or is damaged.
    pub fn open(files: Arc<dyn Files>, dir: impl Into<PathBuf>) -> Result<Self, BlockError> {
        let dir = dir.into();
        let (meta, meta_size) = BlockMeta::read(&*files, &dir)?;
        let segments = Segments::open(&*files, &dir.join(CHUNKS_NAME))?;
        let index = Index::open(&*files, dir.join(INDEX_NAME), meta.has_wrong_index_version())?;
        let (tombstones, tombstones_size) = Tombstones::read(&*files, &dir)?;
        if tombstones_size == 0 && meta.stats.num_tombstones > 0 {
            // What was deleted must not come back.
            return Err(BlockError::damaged(&dir, 0, "the file of tombstones is missing"));
        }
        let tombstones = Arc::new(tombstones);
        let state = RwLock::new(State { meta, meta_size, tombstones, tombstones_size });
        Ok(Self { files, dir, index, segments, state, damage: OnceLock::new() })
    }

    /// Returns the folder of the block.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Returns what the block says of itself.
    #[must_use]
    pub fn meta(&self) -> BlockMeta {
        self.state.read().meta.clone()
    }

    /// Returns whether the block may hold samples from `min_ms` to `max_ms`, both included.
    #[must_use]
    pub fn overlaps(&self, min_ms: i64, max_ms: i64) -> bool {
        self.state.read().meta.overlaps(min_ms, max_ms)
    }

    /// Returns the size of the block's files in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        let State { meta_size, tombstones_size, .. } = *self.state.read();
        self.segments.size() + self.index.size() + meta_size + tombstones_size
    }

    /// Returns about how many bytes of memory the open block takes.
    #[must_use]
    pub fn table_bytes(&self) -> usize {
        self.index.table_bytes()
    }

    /// Returns a reader of all texts of labels, sorted.
    pub(crate) fn symbols(&self) -> Result<SymbolScanner<'_>, BlockError> {
        self.index.symbols()
    }

    /// Returns the series with a sample in `range`, in order of their labels, without what was
    /// deleted.
    pub(crate) fn series_chunks(&self, range: TimeRange) -> Result<BlockSeries<'_>, BlockError> {
        BlockSeries::new(self, range)
    }

    /// Returns whether a query met damage since the block was opened.
    pub(crate) fn is_damaged(&self) -> bool {
        self.damage.get().is_some()
    }

    /// Returns the warning of a query that met damage, the same one each time. Logs the first.
    fn note_damage(&self, error: &BlockError) -> &str {
        self.damage.get_or_init(|| {
            tracing::error!(block = %self.dir.display(), %error, "block is damaged in part");
            let ulid = self.state.read().meta.ulid;
            format!("block {ulid} cannot be read in part: {error}").into()
        })
    }

    fn tombstones(&self) -> Arc<Tombstones> {
        Arc::clone(&self.state.read().tombstones)
    }
}

impl Queryable for Block {
    fn querier(&self, range: TimeRange) -> Result<Box<dyn Querier + '_>, StorageError> {
        Ok(Box::new(BlockQuerier::new(self, range)))
    }
}

const INDEX_NAME: &str = "index";
const CHUNKS_NAME: &str = "chunks";
