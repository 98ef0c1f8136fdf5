//! How a database is opened: with all that it holds, or so that the write-ahead log is read later.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use narthex_host::{FileLock, Host};
use parking_lot::Mutex;

use crate::blocks::Blocks;
use crate::clock_guard::ClockGuard;
use crate::loading::Loading;
use crate::lock;
use crate::maintain::{Maintenance, choose_delay};
use crate::recover::{Loaded, Recovered, Recovery};
use crate::reserve::Reserve;
use crate::status::StartUps;
use crate::wal::{self, Progress, ReplayReport, Tail, Wal};
use crate::{BlockError, Db, FloatEncoding, Options};

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

/// A folder that is ours, with its blocks.
pub(crate) struct Opening {
    host: Host,
    dir: PathBuf,
    options: Options,
    blocks: Blocks,
    min_valid_ms: Option<i64>,
    guard: Option<Arc<ClockGuard>>,
    start_ups: StartUps,
    /// How many start-ups before this one were killed, where that is reason enough for safe mode.
    killed: Option<u64>,
    lock: Option<Box<dyn FileLock>>,
    /// When it began.
    start: Duration,
}

impl Opening {
    pub(crate) fn new(mut host: Host, path: &Path, options: Options) -> Result<Self, OpenError> {
        check_options(&options)?;
        let mut lock = None;
        if options.locks {
            (host.files, lock) = lock::take(host.files, path)?;
        } else {
            lock::make_dir(&*host.files, path)?;
        }
        let fail = |source| OpenError::Blocks { path: path.to_owned(), source };
        let blocks = Blocks::open(&host, path).map_err(fail)?;
        let min_valid_ms = blocks.in_order_end_ms();
        let start_ups = StartUps::new(Arc::clone(&host.files), path);
        let killed = start_ups.killed();
        let is_safe = options.start_ups_max > 0 && killed >= options.start_ups_max;
        let killed = is_safe.then_some(killed);
        if !is_safe {
            start_ups.count();
        }
        let start = host.clock.elapsed();
        let guard = |lead_max| Arc::new(ClockGuard::new(Arc::clone(&host.clock), lead_max));
        let guard = options.clock_lead_max.map(guard);
        let dir = path.to_owned();
        Ok(Self { host, dir, options, blocks, min_valid_ms, guard, start_ups, killed, lock, start })
    }

    /// Reads everything.
    pub(crate) fn read(self) -> Result<Db, OpenError> {
        if self.killed.is_some() {
            return self.leave_log();
        }
        self.forgetting(|opening| {
            let progress = Progress::default();
            let recovered = opening.recover(&progress)?;
            opening.finish(recovered, progress)
        })
    }

    /// Leaves the log to [`Db::load`], where there is one that a memory snapshot does not stand for.
    pub(crate) fn read_later(self) -> Result<Db, OpenError> {
        if self.killed.is_some() {
            return self.leave_log();
        }
        self.forgetting(|opening| {
            let recovery = opening.recovery();
            let snapshots_failed = match recovery.read_snapshot()? {
                Ok(recovered) => return opening.finish(recovered, Progress::default()),
                Err(snapshots_failed) => snapshots_failed,
            };
            let files = &*opening.host.files;
            let tail = Tail::find(files, &recovery.wal_dir());
            let tail = tail.map_err(|source| opening.fail(source))?;
            let Some(provisional) = tail.provisional.filter(|_| !tail.is_empty) else {
                let recovered = recovery.read_log(0..u64::MAX, &Progress::default())?;
                return opening.finish(recovered, Progress::default());
            };
            let wal = opening.go_on(&tail.report)?;
            let loading = Loading::new(&recovery, &tail, provisional, snapshots_failed);
            Ok(opening.into_db(wal, None, Some(loading), Progress::default()))
        })
    }

    /// Runs `act`; where that fails, the start-up is not one that was killed.
    fn forgetting(self, act: impl FnOnce(Self) -> Result<Db, OpenError>) -> Result<Db, OpenError> {
        let start_ups = self.start_ups.clone();
        let opened = act(self);
        if opened.as_ref().map_or(true, |db| db.loaded.get().is_some()) {
            start_ups.forget();
        }
        opened
    }

    /// Opens in safe mode: see [`Status::Safe`](crate::Status::Safe).
    fn leave_log(self) -> Result<Db, OpenError> {
        let wal = Wal::parked(&self.host, self.recovery().wal_dir(), &self.options);
        let wal = wal.map_err(|source| self.fail(source))?;
        let loaded = Loaded::nothing(&self.options, self.min_valid_ms);
        Ok(self.into_db(wal, Some(loaded), None, Progress::default()))
    }

    fn recover(&self, progress: &Progress) -> Result<Recovered, OpenError> {
        let recovery = self.recovery();
        match recovery.read_snapshot()? {
            Ok(recovered) => Ok(recovered),
            Err(snapshots_failed) => {
                let (mut replayer, report) = recovery.read_log(0..u64::MAX, progress)?;
                replayer.count_failed_snapshots(snapshots_failed);
                Ok((replayer, report))
            }
        }
    }

    fn finish(self, recovered: Recovered, progress: Progress) -> Result<Db, OpenError> {
        let wal = self.go_on(&recovered.1)?;
        let mut loaded = self.recovery().finish(recovered)?;
        loaded.replay.duration = self.host.clock.elapsed().saturating_sub(self.start);
        Ok(self.into_db(wal, Some(loaded), None, progress))
    }

    /// Starts the next segment of the log.
    fn go_on(&self, report: &ReplayReport) -> Result<Wal, OpenError> {
        let wal_dir = self.recovery().wal_dir();
        let wal = Wal::start(&self.host, wal_dir, report, &self.options);
        let wal = wal.map_err(|source| self.fail(source))?.with_summaries();
        if self.options.memory_snapshot
            && let Err(error) = wal::remove_memory_snapshots(&*self.host.files, &self.dir)
        {
            // The log goes on, so that they will not be taken for its present state.
            tracing::warn!(%error, "used memory snapshots were not removed");
        }
        Ok(wal)
    }

    fn recovery(&self) -> Recovery<'_> {
        let Self { host, dir, options, min_valid_ms, guard, .. } = self;
        Recovery { host, dir, options, min_valid_ms: *min_valid_ms, guard: guard.as_ref() }
    }

    fn fail(&self, source: io::Error) -> OpenError {
        OpenError::Replay { path: self.recovery().wal_dir(), source }
    }

    fn into_db(
        self,
        wal: Wal,
        loaded: Option<Loaded>,
        loading: Option<Loading>,
        progress: Progress,
    ) -> Db {
        let Self {
            host, dir, options, blocks, min_valid_ms, guard, start_ups, killed, lock, ..
        } = self;
        let reserve = Reserve::new(Arc::clone(&host.files), &dir, options.reserve_bytes);
        let delay = choose_delay(&options, &*host.random);
        let retention = Mutex::new(options.retention.clone());
        let float_encoding = Mutex::new(options.float_encoding);
        let stale_threshold = Mutex::new(options.stale_compaction_threshold);
        let maintenance = Mutex::new(Maintenance::new(min_valid_ms, delay));
        let loaded = loaded.map_or_else(OnceLock::new, OnceLock::from);
        Db {
            host,
            dir,
            options,
            min_valid_ms,
            loaded,
            loading,
            progress,
            guard,
            wal,
            blocks,
            maintenance,
            retention,
            float_encoding,
            stale_threshold,
            reserve,
            start_ups,
            killed,
            _lock: lock,
        }
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
