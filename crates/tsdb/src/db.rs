use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use narthex_host::{FileLock, Host};
use narthex_model::{Labels, Matcher, Metadata};
use narthex_storage::{
    Appendable, Appender, ExemplarQueryable, Querier, QueryContext, Queryable, SeriesExemplars,
    SeriesRef, StorageError, TimeRange,
};
use parking_lot::Mutex;

use crate::block::BlockQuerier;
use crate::blocks::Blocks;
use crate::clock_guard::ClockGuard;
use crate::head::{Head, HeadAppender, HeadQuerier};
use crate::loading::{EarlyAppender, Loading};
use crate::maintain::{Maintenance, size_of};
use crate::merge::MergeQuerier;
use crate::open::Opening;
use crate::recover::{Loaded, WAL_NAME, WBL_NAME};
use crate::reserve::Reserve;
use crate::status::StartUps;
use crate::wal::{MemorySnapshot, MemorySnapshotError, Progress, Wal, WalEnd};
use crate::{
    BlockMeta, Cardinality, Corruption, FloatEncoding, OpenError, Options, ReplayProgress,
    Retention, Stats, Status, WalError, WalStats,
};

/// A time-series database in one folder: what Prometheus calls its data directory.
///
/// It can be shared by reference or behind an [`Arc`]: appenders and queriers work beside each
/// other.
///
/// Dropping it without [`Db::close`] loses nothing but the last sync.
#[derive(Debug)]
pub struct Db {
    pub(crate) host: Host,
    pub(crate) dir: PathBuf,
    pub(crate) options: Options,
    /// What is older is in blocks.
    pub(crate) min_valid_ms: Option<i64>,
    /// Set once the log is read.
    pub(crate) loaded: OnceLock<Loaded>,
    /// Where the log is read while samples come in.
    pub(crate) loading: Option<Loading>,
    pub(crate) progress: Progress,
    /// Against samples of the future, where they are not taken.
    pub(crate) guard: Option<Arc<ClockGuard>>,
    pub(crate) wal: Wal,
    pub(crate) blocks: Blocks,
    pub(crate) maintenance: Mutex<Maintenance>,
    pub(crate) retention: Mutex<Retention>,
    /// As [`Options::float_encoding`].
    pub(crate) float_encoding: Mutex<FloatEncoding>,
    /// As [`Options::stale_compaction_threshold`].
    pub(crate) stale_threshold: Mutex<f64>,
    pub(crate) reserve: Reserve,
    pub(crate) start_ups: StartUps,
    /// In safe mode: how many start-ups were killed before this one.
    pub(crate) killed: Option<u64>,
    // The last field is dropped last: nobody opens the folder while a file of it is still open.
    pub(crate) _lock: Option<Box<dyn FileLock>>,
}

impl Db {
    /// Opens the database in the folder `path`, or makes it, and reads its write-ahead log.
    ///
    /// # Errors
    ///
    /// [`OpenError`]. Damage to the log is not one: see [`Db::corruptions`].
    pub fn open(path: impl AsRef<Path>, options: Options) -> Result<Self, OpenError> {
        Self::open_with(Host::real(), path, options)
    }

    /// As [`Db::open`], on the files and the clock of `host`.
    ///
    /// # Errors
    ///
    /// As [`Db::open`].
    pub fn open_with(
        host: Host,
        path: impl AsRef<Path>,
        options: Options,
    ) -> Result<Self, OpenError> {
        Opening::new(host, path.as_ref(), options)?.read()
    }

    /// As [`Db::open`], but leaves the write-ahead log to [`Db::load`], unless there is none or a memory
    /// snapshot stands for it.
    ///
    /// Until that is done, samples are taken and shown, and what blocks hold is; answers to queries warn
    /// that recent data is still loading. A sample that may be older than some of the log is refused with
    /// [`WalError::Loading`], and may come again. Blocks are neither written nor merged.
    ///
    /// It looks at the end of the log, mostly at its last segment.
    ///
    /// # Errors
    ///
    /// As [`Db::open`].
    pub fn open_unloaded(path: impl AsRef<Path>, options: Options) -> Result<Self, OpenError> {
        Self::open_unloaded_with(Host::real(), path, options)
    }

    /// As [`Db::open_unloaded`], on the files and the clock of `host`.
    ///
    /// # Errors
    ///
    /// As [`Db::open`].
    pub fn open_unloaded_with(
        host: Host,
        path: impl AsRef<Path>,
        options: Options,
    ) -> Result<Self, OpenError> {
        Opening::new(host, path.as_ref(), options)?.read_later()
    }

    /// Reads the write-ahead log, where that was left to it. Then all is as if the log had been read when
    /// the database was opened. References of series that were handed out so far are unknown from then
    /// on.
    ///
    /// It takes as long as it takes; towards the end commits wait for a moment. It returns early where
    /// [`Db::interrupt`] was called.
    ///
    /// # Errors
    ///
    /// Where the log cannot be read. Nothing is lost, and samples are taken as before.
    pub fn load(&self) -> Result<(), OpenError> {
        self.loading.as_ref().map_or(Ok(()), |loading| loading.run(self))
    }

    /// Returns whether the write-ahead log was read to its end.
    #[must_use]
    pub fn is_loaded(&self) -> bool {
        self.loaded.get().is_some()
    }

    /// Returns which segments of the write-ahead log are read, and which one is, or was last.
    #[must_use]
    pub fn replay_progress(&self) -> ReplayProgress {
        self.progress.get()
    }

    /// Returns whether samples are taken, and if not, why.
    #[must_use]
    pub fn status(&self) -> Status {
        match (self.killed, self.wal.trouble()) {
            (Some(killed), _) => Status::Safe { killed },
            (None, Some(reason)) => Status::ReadOnly { reason },
            (None, None) if self.is_loaded() => Status::Ready,
            (None, None) => Status::Loading,
        }
    }

    /// Returns the places of the write-ahead log that could not be read; none before it was read. The
    /// records before and behind them were read. The bytes stay as they are, and a copy lies in the
    /// folder `wal/quarantine`.
    #[must_use]
    pub fn corruptions(&self) -> &[Corruption] {
        self.loaded.get().map_or(&[], |loaded| &loaded.corruptions)
    }

    /// Forces everything that was committed to the disk.
    ///
    /// # Errors
    ///
    /// [`WalError::Sync`] where the disk refuses: what was committed since the last sync may be lost
    /// when the machine stops. Later commits go to another file.
    pub fn sync(&self) -> Result<(), WalError> {
        let outcome = self.out_of_order_log().map_or(Ok(()), Wal::sync);
        self.wal.sync().and(outcome)
    }

    /// Forces to the disk what should be there by now: what was committed, where
    /// [`WalSync::Interval`](crate::WalSync::Interval) asks for it and no commit came to do it, or the
    /// segments of the log that ended. After an error it makes the log good again, where that is
    /// possible. To be called about every second, or as often as the interval says.
    ///
    /// # Errors
    ///
    /// As [`Db::sync`], and where the log still cannot be written.
    pub fn sync_where_due(&self) -> Result<(), WalError> {
        let outcome = self.out_of_order_log().map_or(Ok(()), Wal::sync_where_due);
        self.wal.sync_where_due().and(outcome)
    }

    /// Forces everything to the disk and gives the folder back. Where [`Options::memory_snapshot`] says
    /// so, the next start need not read the log.
    ///
    /// # Errors
    ///
    /// Where the end of the log could not be written or synced. The folder is given back all the
    /// same.
    pub fn close(self) -> Result<(), WalError> {
        if self.killed.is_some() || !self.is_loaded() {
            // Somebody ended it who may have made room for the next one.
            self.start_ups.forget();
        }
        if let Some(loaded) = self.loaded.get() {
            loaded.head.close();
        }
        let log = self.out_of_order_log();
        let finish = || log.map_or(Ok(()), |log| log.finish().map(drop));
        let outcome = self.reserve.help(finish);
        let end = self.reserve.help(|| self.wal.finish())?;
        outcome?;
        // In safe mode the head holds nothing of what the log does.
        if self.options.memory_snapshot
            && self.killed.is_none()
            && let Some(Loaded { head, .. }) = self.loaded.get()
            && let Err(error) = self.write_memory_snapshot(head, end)
        {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(error, "no memory snapshot: the next start reads the log");
        }
        Ok(())
    }

    fn write_memory_snapshot(&self, head: &Head, end: WalEnd) -> Result<(), MemorySnapshotError> {
        head.prepare_memory_snapshot()?;
        MemorySnapshot::write(&self.host, &self.dir, end, &self.options, |write| {
            head.visit_memory_snapshot(write)
        })
    }

    /// Returns what the database holds and counted.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let early = self.loading.as_ref().map(Loading::stats).unwrap_or_default();
        let wbl = self.out_of_order_log();
        Stats {
            head: self.with_head(Head::stats).and(early),
            exemplars: self.with_head(Head::exemplar_stats),
            wal: self.log_stats(&self.wal, WAL_NAME),
            wbl: wbl.map_or_else(WalStats::default, |log| self.log_stats(log, WBL_NAME)),
            blocks: self.blocks.stats(),
            compaction: self.blocks.compaction_stats(),
            replay: self.loaded.get().map(|loaded| loaded.replay).unwrap_or_default(),
        }
    }

    fn log_stats(&self, log: &Wal, name: &str) -> WalStats {
        WalStats { size_bytes: size_of(&*self.host.files, self.dir.join(name)), ..log.stats() }
    }

    /// Returns what the blocks say of themselves, in order of their first times.
    #[must_use]
    pub fn block_metas(&self) -> Vec<BlockMeta> {
        self.blocks.all().iter().map(|block| block.meta()).collect()
    }

    /// Returns what takes the most series of the head: at most `limit` entries of each kind.
    ///
    /// It looks at every label, and commits wait for it.
    #[must_use]
    pub fn cardinality(&self, limit: usize) -> Cardinality {
        self.with_head(|head| head.cardinality(limit))
    }

    /// Lets samples come out of order, as long as they are at most `window_ms` milliseconds older than
    /// the newest of the head; 0 or less for none may. Those that came stay.
    ///
    /// Such samples are logged apart, in the folder `wbl`, which is made with the first window.
    ///
    /// # Errors
    ///
    /// Where that log cannot be started. The window is as it was then.
    pub fn set_out_of_order_window(&self, window_ms: i64) -> io::Result<()> {
        let keep = |options: &mut Options| options.out_of_order_window_ms = window_ms;
        if self.loading.as_ref().is_some_and(|loading| loading.change_options(self, keep)) {
            return Ok(());
        }
        let dir = self.dir.join(WBL_NAME);
        self.head().open_window(window_ms, &self.host, &dir, &self.options)
    }

    /// Changes how chunks of floats are encoded that start from now on, and those that are written anew as
    /// blocks are merged.
    ///
    /// # Errors
    ///
    /// [`OpenError::XorWithStartTimestamps`] where start timestamps are kept, which that encoding does not
    /// hold.
    pub fn set_float_encoding(&self, encoding: FloatEncoding) -> Result<(), OpenError> {
        if self.options.start_timestamps && encoding == FloatEncoding::Xor {
            return Err(OpenError::XorWithStartTimestamps);
        }
        *self.float_encoding.lock() = encoding;
        if let Some(loading) = &self.loading {
            loading.change_options(self, |options| options.float_encoding = encoding);
        }
        self.with_head(|head| head.set_float_encoding(encoding));
        Ok(())
    }

    /// Deletes the samples in `range` of the series of the head that meet all `matchers`. What comes
    /// later is not touched.
    ///
    /// # Errors
    ///
    /// Where the log cannot be written; nothing is deleted then.
    pub fn delete_from_head(&self, range: TimeRange, matchers: &[Matcher]) -> Result<(), WalError> {
        let head = self.loaded_head()?;
        self.reserve.help(|| head.delete(range, matchers, &self.wal))
    }

    /// Changes how many exemplars are held; of more the oldest go. Returns how many stay.
    ///
    /// The log has more of them than that: a database that is opened with a higher
    /// [`Options::exemplars_max`] may find some again.
    pub fn resize_exemplars(&self, exemplars_max: usize) -> usize {
        let keep = |options: &mut Options| options.exemplars_max = exemplars_max;
        if let Some(loading) = &self.loading {
            loading.change_options(self, keep);
        }
        self.with_head(|head| head.resize_exemplars(exemplars_max))
    }

    /// Returns the name of the series of the head with these labels.
    #[must_use]
    pub fn find_series(&self, labels: &Labels) -> Option<SeriesRef> {
        self.with_head(|head| head.find_series(labels))
    }

    /// Returns what was last said of the metric of a series.
    #[must_use]
    pub fn metadata(&self, series: SeriesRef) -> Option<Arc<Metadata>> {
        self.with_head(|head| head.metadata(series))
    }

    /// Returns the head, once it is loaded: callers see to it that it is.
    pub(crate) fn head(&self) -> &Head {
        &self.loaded.wait().head
    }

    /// Returns the head, unless it is still loading.
    pub(crate) fn loaded_head(&self) -> Result<&Head, WalError> {
        self.loaded.get().map(|loaded| &loaded.head).ok_or(WalError::Loading)
    }

    fn out_of_order_log(&self) -> Option<&Wal> {
        self.loaded.get().and_then(|loaded| loaded.head.out_of_order_log())
    }

    /// Returns what takes and shows samples until the head is loaded.
    fn early(&self) -> Option<(&Loading, Arc<Head>)> {
        let loading = self.loading.as_ref().filter(|_| self.loaded.get().is_none())?;
        Some((loading, loading.early()?))
    }

    /// Runs `act` with the head that takes samples now.
    pub(crate) fn with_head<T>(&self, act: impl FnOnce(&Head) -> T) -> T {
        match self.early() {
            Some((_, early)) => act(&early),
            None => act(self.head()),
        }
    }
}

impl Appendable for Db {
    fn appender(&self) -> Box<dyn Appender + '_> {
        match self.early() {
            Some((loading, early)) => Box::new(EarlyAppender::new(self, loading, early)),
            None => Box::new(HeadAppender::new(self.head(), &self.wal)),
        }
    }
}

impl ExemplarQueryable for Db {
    fn exemplars(
        &self,
        ctx: &QueryContext,
        range: TimeRange,
        selectors: &[Vec<Matcher>],
    ) -> Result<Vec<SeriesExemplars>, StorageError> {
        if self.early().is_some() {
            ctx.warn(LOADING_WARNING);
        }
        self.with_head(|head| head.exemplars(ctx, range, selectors))
    }
}

impl Queryable for Db {
    fn querier(&self, range: TimeRange) -> Result<Box<dyn Querier + '_>, StorageError> {
        // The head is looked at first: what leaves it later is in a block by then.
        let early = self.early();
        let is_loading = early.is_some();
        let head: Box<dyn Querier> = match early {
            Some((_, early)) => Box::new(HeadQuerier::new(early, range)),
            None => Box::new(HeadQuerier::new(self.head(), range)),
        };
        let blocks = self.blocks.overlapping(range);
        let mut warnings = self.blocks.warnings(range);
        if self.killed.is_some() {
            warnings.push(format!("recent samples are missing: {}", self.status()).into());
        }
        if is_loading {
            warnings.push(LOADING_WARNING.into());
        }
        if blocks.is_empty() && warnings.is_empty() {
            return Ok(head);
        }
        let mut sources = Vec::<Box<dyn Querier>>::with_capacity(blocks.len() + 1);
        for block in blocks {
            sources.push(Box::new(BlockQuerier::new(block, range)));
        }
        sources.push(head);
        Ok(Box::new(MergeQuerier::new(sources, warnings)))
    }
}

/// What queries say until the log is read.
const LOADING_WARNING: &str =
    "recent data is still loading: samples since the newest block may be missing";
