//! The time between the opening of a database and the end of its write-ahead log.
//!
//! Until the log is read, a small head of its own takes samples and shows them: the *early* one. It
//! logs to segments behind those that are read, so what it took is as safe as anything else. Who reads
//! the log goes on with these segments. Close to the end commits wait for a moment, the rest is read,
//! and the head that was read takes the place of the early one: it holds what a start would find then.
//!
//! The early head does not know what the log holds. So it takes no sample that may be older than one of
//! the log, for which it asks to come again; and its series have references that no log uses otherwise,
//! and names that are unknown to the head that follows.

mod appender;

use std::sync::Arc;

use parking_lot::{Mutex, RwLock};

pub(crate) use appender::EarlyAppender;

use crate::head::{Head, Replayer};
use crate::recover::{Loaded, Recovery};
use crate::wal::{ReplayReport, Tail};
use crate::{Db, HeadStats, OpenError, Options};

/// What there is while the log is read.
#[derive(Debug)]
pub(crate) struct Loading {
    /// `None` once the log is read.
    early: Mutex<Option<Arc<Head>>>,
    /// What the early head counted, once the log is read.
    counted: Mutex<HeadStats>,
    /// Shared by commits to the early head; held alone by who puts another in its place.
    commits: RwLock<()>,
    /// Held by who reads the log.
    reading: Mutex<()>,
    /// How the database was opened, with what was changed since then.
    options: Mutex<Options>,
    /// Samples up to here may be older than those of the log.
    newest_ms: Option<i64>,
    /// The first segment that has what the early head took.
    first_segment: u64,
    snapshots_failed: u64,
}

impl Loading {
    /// Starts an early head whose series get the references behind `provisional`.
    pub(crate) fn new(
        recovery: &Recovery<'_>,
        tail: &Tail,
        provisional: u64,
        snapshots_failed: u64,
    ) -> Self {
        let first_segment = tail.report.next_segment;
        let Recovery { options, min_valid_ms, guard, .. } = *recovery;
        let mut early = Head::early(options, min_valid_ms, provisional, tail.newest_ms);
        early.set_guard(guard.cloned());
        Self {
            early: Mutex::new(Some(Arc::new(early))),
            counted: Mutex::default(),
            commits: RwLock::new(()),
            reading: Mutex::new(()),
            options: Mutex::new(options.clone()),
            newest_ms: tail.newest_ms,
            first_segment,
            snapshots_failed,
        }
    }

    /// Returns the early head; `None` once the log is read.
    pub(crate) fn early(&self) -> Option<Arc<Head>> {
        self.early.lock().clone()
    }

    /// Returns what the early head counted.
    pub(crate) fn stats(&self) -> HeadStats {
        *self.counted.lock()
    }

    /// Runs `act` with the options, unless the head is there that they are for.
    pub(crate) fn change_options(&self, db: &Db, act: impl FnOnce(&mut Options)) -> bool {
        let mut options = self.options.lock();
        let is_loading = db.loaded.get().is_none();
        if is_loading {
            act(&mut options);
        }
        is_loading
    }
    /// Reads the log, and puts the head that comes of it in place of the early one.
    pub(crate) fn run(&self, db: &Db) -> Result<(), OpenError> {
        let _reading = self.reading.lock();
        if db.loaded.get().is_some() {
            return Ok(());
        }
        let Db { host, dir, min_valid_ms, guard, .. } = db;
        let (min_valid_ms, guard) = (*min_valid_ms, guard.as_ref());
        let start = host.clock.elapsed();
        let options = &self.options.lock().clone();
        let recovery = Recovery { host, dir, options, min_valid_ms, guard };
        let (mut replayer, mut report) = recovery.read_log(0..self.first_segment, &db.progress)?;
        replayer.count_failed_snapshots(self.snapshots_failed);
        let next = self.catch_up(db, &recovery, &mut replayer, &mut report)?;

        let _commits = self.commits.write();
        let last = db.wal.settle();
        report.add(recovery.read_part(&mut replayer, next..last + 1, &db.progress)?);
        if db.progress.is_stopped() {
            return Ok(());
        }
        // Nobody changes them until the head is there that they are for.
        let options = self.options.lock();
        let mut loaded = Recovery { options: &options, ..recovery }.finish((replayer, report))?;
        loaded.replay.duration = host.clock.elapsed().saturating_sub(start);
        loaded.head.resize_exemplars(options.exemplars_max);
        self.publish(db, loaded);
        Ok(())
    }

    /// Reads what came while the log was read, until little of it is left. Returns the segment to go on
    /// with.
    fn catch_up(
        &self,
        db: &Db,
        recovery: &Recovery<'_>,
        replayer: &mut Replayer,
        report: &mut ReplayReport,
    ) -> Result<u64, OpenError> {
        let (mut next, mut read_bytes) = (self.first_segment, 0);
        for _ in 0..CATCH_UPS_MAX {
            let written_bytes = db.wal.stats().written_bytes;
            if written_bytes - read_bytes <= REST_SIZE_MAX || db.progress.is_stopped() {
                break;
            }
            // Where no segment can be started, there will not be much more either.
            let Ok(current) = db.wal.cut() else { break };
            report.add(recovery.read_part(replayer, next..current, &db.progress)?);
            (next, read_bytes) = (current, written_bytes);
        }
        Ok(next)
    }

    fn publish(&self, db: &Db, loaded: Loaded) {
        if let Some(early) = self.early() {
            *self.counted.lock() = early.stats();
        }
        // Set first: who finds no early head finds this one.
        let _ = db.loaded.set(loaded);
        *self.early.lock() = None;
        db.start_ups.forget();
    }
}

/// How much may be left to read while commits wait, in bytes of the log.
const REST_SIZE_MAX: u64 = 4 << 20;
/// How often the log is read up to where it ends: each time takes less than the one before, unless
/// samples come faster than they can be read.
const CATCH_UPS_MAX: usize = 8;
