use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use narthex_host::Host;
use parking_lot::{Condvar, Mutex};

use super::checkpoint::Job;
use super::frame::RECORD_SIZE_MAX;
use super::memory_snapshot::WalEnd;
use super::summary::LogRecord;
use super::writer::{AfterFailedSync, Writer};
use super::{Corruption, LiveSeries, ReplayReport, WalError, quarantine, segment};
use crate::{Options, WalStats, WalSync};

/// A log that many commit to.
///
/// With [`WalSync::Commit`] those who come while a sync runs wait for it together, and the next sync
/// serves them all: the more there are, the fewer syncs each needs. Nobody waits for company.
#[derive(Debug)]
pub(crate) struct Wal {
    host: Host,
    options: Options,
    dir: PathBuf,
    writer: Mutex<Writer>,
    /// A copy, so that nobody waits for the disk to read it.
    state: Mutex<WalState>,
    /// How many bytes of records wait to be logged.
    waiting_bytes: AtomicUsize,
    commits_shed: AtomicU64,
    queue: Mutex<Queue>,
    /// Tells of every change to the queue.
    progress: Condvar,
    /// Held by the one who writes a checkpoint.
    truncation: Mutex<()>,
}

/// What a log counted, and what keeps it from being written.
#[derive(Clone, Debug, Default)]
struct WalState {
    stats: WalStats,
    trouble: Option<Arc<str>>,
}

/// Commits that share syncs. Each has a ticket; tickets rise in the order of the log.
#[derive(Debug, Default)]
struct Queue {
    next_ticket: u64,
    waiting: Vec<(u64, Vec<LogRecord>)>,
    /// Whether somebody writes for all.
    has_leader: bool,
    outcomes: BTreeMap<u64, Result<(), WalError>>,
    /// Whose samples may be shown next.
    turn: u64,
}

impl Wal {
    /// Starts the segment behind those that were replayed. Where that fails, as on a full disk, every
    /// commit tries again: see [`Wal::trouble`].
    ///
    /// # Errors
    ///
    /// Where compression cannot be set up.
    pub(crate) fn start(
        host: &Host,
        dir: PathBuf,
        report: &ReplayReport,
        options: &Options,
    ) -> io::Result<Self> {
        let after_failed_sync = match options.wal_sync {
            WalSync::Never => AfterFailedSync::GoOn,
            WalSync::Interval(_) | WalSync::Commit => AfterFailedSync::WriteAgain,
        };
        let segment = report.next_segment;
        let mut writer = Writer::prepare(host, dir.clone(), segment, options, after_failed_sync)?;
        writer.cut_first(report.torn.clone());
        if let Err(error) = writer.begin() {
            tracing::error!(segment, %error, "the write-ahead log cannot be written for now");
        }
        Ok(Self::new(host, dir, options, writer))
    }

    /// Lets each segment that ends have a summary, which spares reading much of it at the next start.
    pub(crate) fn with_summaries(mut self) -> Self {
        self.writer.get_mut().summarize();
        self
    }

    /// Leaves the log in `dir` as it is: nothing can be logged.
    ///
    /// # Errors
    ///
    /// As [`Wal::start`].
    pub(crate) fn parked(host: &Host, dir: PathBuf, options: &Options) -> io::Result<Self> {
        let mut writer = Writer::prepare(host, dir.clone(), 0, options, AfterFailedSync::Fail)?;
        writer.park();
        Ok(Self::new(host, dir, options, writer))
    }

    fn new(host: &Host, dir: PathBuf, options: &Options, writer: Writer) -> Self {
        let state = WalState { stats: writer.stats(), trouble: writer.trouble() };
        Self {
            host: host.clone(),
            options: options.clone(),
            dir,
            state: Mutex::new(state),
            waiting_bytes: AtomicUsize::new(0),
            commits_shed: AtomicU64::new(0),
            writer: Mutex::new(writer),
            queue: Mutex::default(),
            progress: Condvar::new(),
            truncation: Mutex::default(),
        }
    }

    /// Logs `records` as one batch, and runs `apply` once they are as safe as the options ask for.
    ///
    /// Batches are applied in the order in which the log has them. Where this fails, the records are
    /// not applied, and not read at the next start, unless that cannot be known: see [`WalError`].
    pub(crate) fn commit<T>(
        &self,
        records: Vec<impl Into<LogRecord>>,
        apply: impl FnOnce() -> T,
    ) -> Result<T, WalError> {
        let records = records.into_iter().map(Into::into).collect();
        self.commit_with(records, |_| (), |()| apply())
    }

    /// As [`Wal::commit`], with records that depend on what was applied before: `complete` adds them.
    ///
    /// Every batch before this one was applied by then, so that none names a series again. Only with
    /// [`WalSync::Commit`] some may still wait for the disk: they may fail where this one does not, so
    /// it names what they name.
    pub(crate) fn commit_with<C, T>(
        &self,
        mut records: Vec<LogRecord>,
        complete: impl FnOnce(&mut Vec<LogRecord>) -> C,
        apply: impl FnOnce(C) -> T,
    ) -> Result<T, WalError> {
        let _admission = self.admit(size_of_all(&records))?;
        match self.options.wal_sync {
            WalSync::Never | WalSync::Interval(_) => {
                // Held until the records are applied, which keeps the order.
                let mut writer = self.writer.lock();
                let completion = complete(&mut records);
                let outcome =
                    check_sizes(&records).and_then(|()| self.log_alone(&mut writer, &records));
                self.publish(&writer);
                let applied = outcome.map(|()| apply(completion))?;
                let due = self.interval().filter(|interval| writer.is_sync_due(*interval));
                drop(writer);
                if let Some(Err(error)) = due.map(|interval| self.sync_beside(interval)) {
                    // The next commits learn of it, as long as it lasts.
                    tracing::error!(%error, "the end of the log is not on the disk");
                }
                Ok(applied)
            }
            WalSync::Commit => {
                let completion = complete(&mut records);
                check_sizes(&records)?;
                let ticket = self.enter(records);
                let outcome = self.wait_for_outcome(ticket);
                let _turn = self.wait_for_turn(ticket);
                outcome.map(|()| apply(completion))
            }
        }
    }

    /// Forces everything that was logged to the disk.
    pub(crate) fn sync(&self) -> Result<(), WalError> {
        self.with_writer(Writer::sync)
    }

    /// Forces to the disk what is to be there by now: what was logged where [`WalSync::Interval`] asks
    /// for it, else segments that ended, for which no commit waits. Makes the log good again where an
    /// error left it otherwise.
    pub(crate) fn sync_where_due(&self) -> Result<(), WalError> {
        if let Some(interval) = self.interval() {
            return self.sync_beside(interval);
        }
        let (outcome, ended) = self.with_writer(|writer| (writer.mend(), writer.take_ended()));
        for segment in ended {
            let start = self.host.clock.elapsed();
            let outcome = segment.sync();
            let took = self.host.clock.elapsed().saturating_sub(start);
            self.with_writer(|writer| writer.count_sync(&outcome, took));
        }
        outcome
    }

    /// Ends the segment and forces it to the disk. Nothing can be logged to it afterwards. Returns where
    /// the log ends.
    pub(crate) fn finish(&self) -> Result<WalEnd, WalError> {
        self.with_writer(|writer| {
            writer.finish()?;
            Ok(writer.end())
        })
    }

    pub(crate) fn stats(&self) -> WalStats {
        let commits_shed = self.commits_shed.load(Ordering::Relaxed);
        WalStats { commits_shed, ..self.state.lock().stats }
    }

    /// Returns what keeps the log from being written, where something does.
    pub(crate) fn trouble(&self) -> Option<Arc<str>> {
        self.state.lock().trouble.clone()
    }

    /// Replaces the older two thirds of the log by a checkpoint, which leaves out what is older than
    /// `min_ms` and so in blocks. What is damaged there is put aside and left out too.
    ///
    /// The newest third is likely to be needed yet, and would be written a second time.
    ///
    /// # Errors
    ///
    /// [`WalError::Checkpoint`] and those of a commit: the log is as it was, and a later call may
    /// succeed.
    pub(crate) fn truncate(&self, min_ms: i64, series: &dyn LiveSeries) -> Result<(), WalError> {
        let _guard = self.truncation.lock();
        // So that also those who commit little get rid of what is old.
        let current = self.with_writer(Writer::cut)?;
        let start = self.host.clock.elapsed();
        let outcome = self.replace_before(current, min_ms, series);
        let took = self.host.clock.elapsed().saturating_sub(start);
        self.with_writer(|writer| writer.count_checkpoint(&outcome, took));
        outcome.map(|_| ())
    }

    /// Starts another segment, and returns its number. With [`Wal::remove_before`] it is how the log of
    /// out-of-order samples is kept short, which has no checkpoints.
    ///
    /// Everything before it is on the disk, unless nobody was promised that.
    pub(crate) fn cut(&self) -> Result<u64, WalError> {
        self.with_writer(Writer::cut)
    }

    /// Makes the log good again where that is possible, so that nothing stands behind its last commit.
    /// Returns the number of its last segment.
    pub(crate) fn settle(&self) -> u64 {
        self.with_writer(|writer| {
            if let Err(error) = writer.mend() {
                tracing::warn!(%error, "the write-ahead log cannot be written for now");
            }
            writer.end().segment
        })
    }

    /// Removes the segments before `segment`.
    ///
    /// # Errors
    ///
    /// Some of them may be gone, the oldest ones first.
    pub(crate) fn remove_before(&self, segment: u64) -> io::Result<()> {
        let _guard = self.truncation.lock();
        match segment.checked_sub(1) {
            Some(last) => segment::remove_replaced(&*self.host.files, &self.dir, last),
            None => Ok(()),
        }
    }

    /// Returns how many damaged places were met, or `None` where there is too little to replace.
    fn replace_before(
        &self,
        current: u64,
        min_ms: i64,
        series: &dyn LiveSeries,
    ) -> Result<Option<u64>, WalError> {
        let (files, dir) = (&*self.host.files, &self.dir);
        let fail = |source| WalError::Checkpoint { path: dir.clone(), source };
        let before = segment::last_checkpoint(files, dir).map_err(fail)?;
        let replaced = before.map_or(0, |(_, last)| last + 1);
        let segments = segment::list_segments(files, dir).map_err(fail)?;
        let segments = segments.into_iter().filter(|index| (replaced..current).contains(index));
        let segments = segments.collect::<Vec<_>>();
        let (Some(first), Some(newest)) = (segments.first(), segments.last()) else {
            return Ok(None);
        };
        let last = first + (newest - first) * 2 / 3;
        if last <= *first {
            return Ok(None);
        }
        let job = Job { host: &self.host, options: &self.options, dir, last, min_ms, series };
        let corruptions = job.run()?;
        for corruption in &corruptions {
            let Corruption { path, offset, reason, .. } = corruption;
            tracing::warn!(path = %path.display(), offset, %reason, "left out of a checkpoint");
        }
        quarantine::save(files, dir, &corruptions);
        if let Err(error) = segment::remove_replaced(files, dir, last) {
            // They are read no more, and go with the next checkpoint.
            tracing::warn!(%error, "segments that a checkpoint replaces were not removed");
            self.with_writer(Writer::count_failed_deletion);
        }
        Ok(Some(corruptions.len() as u64))
    }

    fn with_writer<T>(&self, act: impl FnOnce(&mut Writer) -> T) -> T {
        let mut writer = self.writer.lock();
        let outcome = act(&mut writer);
        self.publish(&writer);
        outcome
    }

    fn publish(&self, writer: &Writer) {
        *self.state.lock() = WalState { stats: writer.stats(), trouble: writer.trouble() };
    }

    /// Lets a commit wait for the disk, unless too much waits already.
    fn admit(&self, size_bytes: usize) -> Result<Admission<'_>, WalError> {
        let waiting_bytes = self.waiting_bytes.fetch_add(size_bytes, Ordering::Relaxed);
        let admission = Admission { wal: self, size_bytes };
        if waiting_bytes > 0 && waiting_bytes + size_bytes > WAITING_SIZE_MAX {
            self.commits_shed.fetch_add(1, Ordering::Relaxed);
            return Err(WalError::Busy { waiting_bytes });
        }
        Ok(admission)
    }

    fn log_alone(&self, writer: &mut Writer, records: &[LogRecord]) -> Result<(), WalError> {
        // What a slow disk does not have yet is kept, in case it fails.
        let waiting_bytes = writer.unsynced_size();
        let size_bytes = size_of_all(records);
        if writer.is_syncing() && waiting_bytes + size_bytes > WAITING_SIZE_MAX {
            self.commits_shed.fetch_add(1, Ordering::Relaxed);
            return Err(WalError::Busy { waiting_bytes });
        }
        writer.log(records)
    }

    /// With [`WalSync::Interval`], forces to the disk what was logged, where that is due: beside the
    /// commits of others.
    fn sync_beside(&self, interval: Duration) -> Result<(), WalError> {
        let started = self.with_writer(|writer| {
            writer.mend()?;
            if writer.is_sync_due(interval) { writer.start_sync() } else { Ok(None) }
        });
        let Some(sync) = started? else { return Ok(()) };
        sync.run();
        self.with_writer(Writer::settle_sync)
    }

    fn interval(&self) -> Option<Duration> {
        match self.options.wal_sync {
            WalSync::Interval(interval) => Some(interval),
            WalSync::Never | WalSync::Commit => None,
        }
    }

    fn enter(&self, records: Vec<LogRecord>) -> u64 {
        let mut queue = self.queue.lock();
        let ticket = queue.next_ticket;
        queue.next_ticket += 1;
        queue.waiting.push((ticket, records));
        ticket
    }

    /// Waits until the records are on the disk, or brings them there, and those of all who wait.
    fn wait_for_outcome(&self, ticket: u64) -> Result<(), WalError> {
        let mut queue = self.queue.lock();
        loop {
            if let Some(outcome) = queue.outcomes.remove(&ticket) {
                return outcome;
            }
            if queue.has_leader {
                self.progress.wait(&mut queue);
                continue;
            }
            queue.has_leader = true;
            let group = std::mem::take(&mut queue.waiting);
            drop(queue);
            let outcomes = self.with_writer(|writer| log_together(writer, group));
            queue = self.queue.lock();
            queue.outcomes.extend(outcomes);
            queue.has_leader = false;
            self.progress.notify_all();
        }
    }

    fn wait_for_turn(&self, ticket: u64) -> Turn<'_> {
        let mut queue = self.queue.lock();
        while queue.turn != ticket {
            self.progress.wait(&mut queue);
        }
        Turn { wal: self }
    }
}

/// Held by a commit whose records are in memory for the log's sake.
struct Admission<'a> {
    wal: &'a Wal,
    size_bytes: usize,
}

impl Drop for Admission<'_> {
    fn drop(&mut self) {
        self.wal.waiting_bytes.fetch_sub(self.size_bytes, Ordering::Relaxed);
    }
}

/// Held while a commit is applied; dropped, it is the next one's turn.
struct Turn<'a> {
    wal: &'a Wal,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.wal.queue.lock().turn += 1;
        self.wal.progress.notify_all();
    }
}

fn size_of_all(records: &[LogRecord]) -> usize {
    records.iter().map(|record| record.bytes.len()).sum()
}

fn check_sizes(records: &[LogRecord]) -> Result<(), WalError> {
    debug_assert!(records.iter().all(|record| !record.bytes.is_empty()), "a record has a kind");
    match records.iter().find(|record| record.bytes.len() > RECORD_SIZE_MAX) {
        Some(record) => Err(WalError::TooLarge { size_bytes: record.bytes.len() }),
        None => Ok(()),
    }
}

/// Writes each batch by itself, so that none fails for another, and syncs them once.
fn log_together(
    writer: &mut Writer,
    group: Vec<(u64, Vec<LogRecord>)>,
) -> Vec<(u64, Result<(), WalError>)> {
    let log = |(ticket, records): (u64, Vec<LogRecord>)| (ticket, writer.log(&records));
    let mut outcomes = group.into_iter().map(log).collect::<Vec<_>>();
    if let Err(error) = writer.sync() {
        writer.forget_unsynced();
        for (_, outcome) in &mut outcomes {
            if outcome.is_ok() {
                *outcome = Err(error.repeat());
            }
        }
    }
    outcomes
}

/// How many bytes of records may wait for a slow disk. A single commit may have more.
const WAITING_SIZE_MAX: usize = 64 << 20;
