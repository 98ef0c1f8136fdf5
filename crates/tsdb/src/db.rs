use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use narthex_host::{FileLock, Files, Host};
use narthex_model::{Labels, Matcher, Metadata};
use narthex_storage::{
    Appendable, Appender, ExemplarQueryable, Querier, QueryContext, Queryable, SeriesExemplars,
    SeriesRef, StorageError, TimeRange,
};
use parking_lot::Mutex;

use crate::block::BlockQuerier;
use crate::blocks::Blocks;
use crate::clock_guard::ClockGuard;
use crate::head::{Head, HeadAppender, HeadQuerier, Replayer};
use crate::maintain::{Maintenance, choose_delay};
use crate::merge::MergeQuerier;
use crate::recover::Recovery;
use crate::reserve::Reserve;
use crate::status::StartUps;
use crate::wal::{self, MemorySnapshot, MemorySnapshotError, ReplayReport, Wal, WalEnd};
use crate::{
    BlockError, BlockMeta, Cardinality, Corruption, FloatEncoding, Options, ReplayStats, Retention,
    Stats, Status, WalError,
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
    pub(crate) head: Head,
    pub(crate) wal: Wal,
    pub(crate) blocks: Blocks,
    pub(crate) maintenance: Mutex<Maintenance>,
    pub(crate) retention: Mutex<Retention>,
    pub(crate) reserve: Reserve,
    corruptions: Vec<Corruption>,
    replay: ReplayStats,
    start_ups: StartUps,
    /// In safe mode: how many start-ups were killed before this one.
    killed: Option<u64>,
    // The last field is dropped last: nobody opens the folder while a file of it is still open.
    _lock: Option<Box<dyn FileLock>>,
}

/// Why a database could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Somebody has it open: another process, or another part of this one.
    #[error("data directory {} is in use: its lock file is taken", path.display())]
    Locked {
        /// The folder of the database.
        path: PathBuf,
    },
    /// An option makes no sense.
    #[error("option {option} is {value}, and must be {expected}")]
    Option {
        /// The field of [`Options`].
        option: &'static str,
        /// What it holds.
        value: i64,
        /// What it may hold.
        expected: &'static str,
    },
    /// [`Options::start_timestamps`] asks for an encoding that holds them.
    #[error(
        "float chunk encoding \"xor\" is incompatible with start-timestamp storage; XOR chunks do not \
         store start timestamps, use \"xor2\""
    )]
    XorWithStartTimestamps,
    /// The folder could not be made or locked.
    #[error("prepare data directory {}", path.display())]
    Prepare {
        /// The folder of the database.
        path: PathBuf,
        /// The operating system's error.
        source: io::Error,
    },
    /// The folder's blocks could not be listed. What is damaged in one is no error: see
    /// [`BlocksStats::lost`](crate::BlocksStats::lost).
    #[error("open the blocks in {}", path.display())]
    Blocks {
        /// The folder of the database.
        path: PathBuf,
        /// What failed.
        source: BlockError,
    },
    /// The write-ahead log could not be read or continued. What is damaged in it is no error: see
    /// [`Db::corruptions`].
    #[error("replay the write-ahead log in {}", path.display())]
    Replay {
        /// The folder of the log.
        path: PathBuf,
        /// The operating system's error.
        source: io::Error,
    },
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
        let path = path.as_ref();
        check_options(&options)?;
        let wal_dir = path.join("wal");
        let lock = prepare(&*host.files, path, options.locks)?;
        let fail = |source| OpenError::Blocks { path: path.to_owned(), source };
        let blocks = Blocks::open(&host, path).map_err(fail)?;

        let min_valid_ms = blocks.in_order_end_ms();
        let start_ups = StartUps::new(Arc::clone(&host.files), path);
        let killed = start_ups.killed();
        let is_safe = options.start_ups_max > 0 && killed >= options.start_ups_max;
        let fail = |source| OpenError::Replay { path: wal_dir.clone(), source };
        let (replayer, report, wal) = if is_safe {
            let wal = Wal::parked(&host, wal_dir.clone(), &options).map_err(fail)?;
            (Replayer::new(&options, min_valid_ms), ReplayReport::default(), wal)
        } else {
            start_ups.count();
            let (host, options, wal_dir) = (&host, &options, &*wal_dir);
            let recovery = Recovery { host, dir: path, wal_dir, options, min_valid_ms };
            recovery.run().inspect_err(|_| start_ups.forget())?
        };
        let (mut head, mut replay, leftovers) = replayer.finish(&options);
        replay.corruptions = report.corruptions.len() as u64;
        replay.repaired_records = report.repaired_records;
        replay.quarantined_bytes = report.quarantined_bytes;
        replay.cut_bytes = report.cut_bytes();
        let mut corruptions = report.corruptions;
        if !is_safe {
            let wbl_dir = path.join(WBL_NAME);
            let more = head.open_out_of_order(&host, &wbl_dir, &options, leftovers, &mut replay);
            start_ups.forget();
            corruptions.extend(more.map_err(|source| OpenError::Replay { path: wbl_dir, source })?);
        }
        let guard = |lead_max| ClockGuard::new(Arc::clone(&host.clock), lead_max);
        head.set_guard(options.clock_lead_max.map(guard));
        warn_of_losses(path, &corruptions, &replay);
        let reserve = Reserve::new(Arc::clone(&host.files), path, options.reserve_bytes);
        let delay = choose_delay(&options, &*host.random);
        let retention = Mutex::new(options.retention.clone());
        Ok(Self {
            host,
            dir: path.to_owned(),
            options,
            head,
            wal,
            blocks,
            maintenance: Mutex::new(Maintenance::new(min_valid_ms, delay)),
            retention,
            reserve,
            corruptions,
            replay,
            start_ups,
            killed: is_safe.then_some(killed),
            _lock: lock,
        })
    }

    /// Returns whether samples are taken, and if not, why.
    #[must_use]
    pub fn status(&self) -> Status {
        match (self.killed, self.wal.trouble()) {
            (Some(killed), _) => Status::Safe { killed },
            (None, Some(reason)) => Status::ReadOnly { reason },
            (None, None) => Status::Ready,
        }
    }

    /// Returns the places of the write-ahead log that could not be read when the database was
    /// opened. The records before and behind them were read. The bytes stay
    /// as they are, and a copy lies in the folder `wal/quarantine`.
    #[must_use]
    pub fn corruptions(&self) -> &[Corruption] {
        &self.corruptions
    }

    /// Forces everything that was committed to the disk.
    ///
    /// # Errors
    ///
    /// [`WalError::Sync`] where the disk refuses: what was committed since the last sync may be lost
    /// when the machine stops. Later commits go to another file.
    pub fn sync(&self) -> Result<(), WalError> {
        let outcome = self.head.out_of_order_log().map_or(Ok(()), Wal::sync);
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
        let outcome = self.head.out_of_order_log().map_or(Ok(()), Wal::sync_where_due);
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
        if self.killed.is_some() {
            // Somebody ended it who may have made room for the next one.
            self.start_ups.forget();
        }
        self.head.close();
        let log = self.head.out_of_order_log();
        let finish = || log.map_or(Ok(()), |log| log.finish().map(drop));
        let outcome = self.reserve.help(finish);
        let end = self.reserve.help(|| self.wal.finish())?;
        outcome?;
        // In safe mode the head holds nothing of what the log does.
        if self.options.memory_snapshot
            && self.killed.is_none()
            && let Err(error) = self.write_memory_snapshot(end)
        {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(error, "no memory snapshot: the next start reads the log");
        }
        Ok(())
    }

    fn write_memory_snapshot(&self, end: WalEnd) -> Result<(), MemorySnapshotError> {
        self.head.prepare_memory_snapshot()?;
        MemorySnapshot::write(&self.host, &self.dir, end, &self.options, |write| {
            self.head.visit_memory_snapshot(write)
        })
    }

    /// Returns what the database holds and counted.
    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats {
            head: self.head.stats(),
            exemplars: self.head.exemplar_stats(),
            wal: self.wal.stats(),
            wbl: self.head.out_of_order_log().map(Wal::stats).unwrap_or_default(),
            blocks: self.blocks.stats(),
            replay: self.replay,
        }
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
        self.head.cardinality(limit)
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
        let dir = self.dir.join(WBL_NAME);
        self.head.open_window(window_ms, &self.host, &dir, &self.options)
    }

    /// Deletes the samples in `range` of the series of the head that meet all `matchers`. What comes
    /// later is not touched.
    ///
    /// # Errors
    ///
    /// Where the log cannot be written; nothing is deleted then.
    pub fn delete_from_head(&self, range: TimeRange, matchers: &[Matcher]) -> Result<(), WalError> {
        self.reserve.help(|| self.head.delete(range, matchers, &self.wal))
    }

    /// Changes how many exemplars are held; of more the oldest go. Returns how many stay.
    ///
    /// The log has more of them than that: a database that is opened with a higher
    /// [`Options::exemplars_max`] may find some again.
    pub fn resize_exemplars(&self, exemplars_max: usize) -> usize {
        self.head.resize_exemplars(exemplars_max)
    }

    /// Returns the name of the series of the head with these labels.
    #[must_use]
    pub fn find_series(&self, labels: &Labels) -> Option<SeriesRef> {
        self.head.find_series(labels)
    }

    /// Returns what was last said of the metric of a series.
    #[must_use]
    pub fn metadata(&self, series: SeriesRef) -> Option<Arc<Metadata>> {
        self.head.metadata(series)
    }
}

impl Appendable for Db {
    fn appender(&self) -> Box<dyn Appender + '_> {
        Box::new(HeadAppender::new(&self.head, &self.wal))
    }
}

impl ExemplarQueryable for Db {
    fn exemplars(
        &self,
        ctx: &QueryContext,
        range: TimeRange,
        selectors: &[Vec<Matcher>],
    ) -> Result<Vec<SeriesExemplars>, StorageError> {
        self.head.exemplars(ctx, range, selectors)
    }
}

impl Queryable for Db {
    fn querier(&self, range: TimeRange) -> Result<Box<dyn Querier + '_>, StorageError> {
        // The head is looked at first: what leaves it later is in a block by then.
        let head = Box::new(HeadQuerier::new(&self.head, range));
        let blocks = self.blocks.overlapping(range);
        let mut warnings = self.blocks.warnings(range);
        if self.killed.is_some() {
            warnings.push(format!("recent samples are missing: {}", self.status()).into());
        }
        if blocks.is_empty() && warnings.is_empty() {
            return Ok(head);
        }
        let mut sources: Vec<Box<dyn Querier>> = Vec::with_capacity(blocks.len() + 1);
        for block in blocks {
            sources.push(Box::new(BlockQuerier::new(block, range)));
        }
        sources.push(head);
        Ok(Box::new(MergeQuerier::new(sources, warnings)))
    }
}

fn check_options(options: &Options) -> Result<(), OpenError> {
    let segment_size = options.wal_segment_size_bytes;
    if segment_size == 0 || !segment_size.is_multiple_of(wal::PAGE_SIZE as u64) {
        return Err(OpenError::Option {
            option: "wal_segment_size_bytes",
            value: i64::try_from(segment_size).unwrap_or(i64::MAX),
            expected: "a multiple of 32768",
        });
    }
    if options.start_timestamps && options.float_encoding == FloatEncoding::Xor {
        return Err(OpenError::XorWithStartTimestamps);
    }
    if options.block_range_ms < 1 {
        return Err(OpenError::Option {
            option: "block_range_ms",
            value: options.block_range_ms,
            expected: "at least 1",
        });
    }
    Ok(())
}

/// Makes the folder and takes the lock.
fn prepare(
    files: &dyn Files,
    path: &Path,
    locks: bool,
) -> Result<Option<Box<dyn FileLock>>, OpenError> {
    let fail = |source| OpenError::Prepare { path: path.to_owned(), source };
    if files.list_dir(path).is_err() {
        files.create_dir_all(path).map_err(fail)?;
    }
    let lock = || {
        files.lock(&path.join("lock")).map_err(|source| match source.kind() {
            io::ErrorKind::WouldBlock => OpenError::Locked { path: path.to_owned() },
            _ => fail(source),
        })
    };
    let lock = locks.then(lock).transpose()?;
    Ok(lock)
}

fn warn_of_losses(path: &Path, corruptions: &[Corruption], replay: &ReplayStats) {
    for corruption in corruptions {
        tracing::warn!(
            path = %corruption.path.display(),
            offset = corruption.offset,
            reason = %corruption.reason,
            "damaged record in the write-ahead log"
        );
    }
    let ReplayStats { unknown_series, records_unknown, .. } = *replay;
    if unknown_series + records_unknown > 0 {
        tracing::warn!(
            path = %path.display(),
            unknown_series,
            records_unknown,
            "parts of the write-ahead log were passed over"
        );
    }
}

/// The folder of the log of out-of-order samples.
const WBL_NAME: &str = "wbl";
