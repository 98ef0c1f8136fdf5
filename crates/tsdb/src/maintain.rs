//! What the owner of a database does from time to time, or on demand.

use std::path::{Path, PathBuf};
use std::time::Duration;

use narthex_host::{Files, Random};
use narthex_model::Matcher;
use narthex_storage::{StorageError, TimeRange};

use crate::back_off::BackOff;
use crate::blocks::{HeadSeries, LOG_FOLDERS};
use crate::head::{Head, OnDamage, OutOfOrderChunks, StaleSeries};
use crate::{
    BlockCompaction, BlockError, Db, HeadStats, Options, Retention, SeriesChunks, WalError,
};

impl Db {
    /// Does what is due: moves what is old enough from the head to blocks, shortens the log by it,
    /// merges blocks, drops what is beyond the retention, and gives back memory.
    ///
    /// It does nothing until the log is read: see [`Db::load`].
    ///
    /// It takes as long as it takes to write the blocks; appends and queries go on, but samples leave
    /// the head only when the queries end that see them. The owner of the database calls it about once
    /// a minute.
    ///
    /// # Errors
    ///
    /// The first thing that failed; what does not need it was done all the same. Nothing is lost: head,
    /// log and blocks are as they were, or a step further. Later calls try again, at first after a
    /// minute. What cannot be read is given up after three tries, so that the rest can go on.
    pub fn maintain(&self) -> Result<(), MaintenanceError> {
        // So that the clock is looked at where no samples come, too.
        self.with_head(Head::latest_ms);
        let mut maintenance = self.maintenance.lock();
        if self.blocks.is_interrupted() || !self.is_loaded() {
            return Ok(());
        }
        self.blocks.count_trigger();
        let reloaded = self.blocks.reload().map_err(MaintenanceError::from);
        let head = self.move_due_to_blocks(&mut maintenance);
        let late = self.move_late_where_due(&mut maintenance);
        let stale = self.move_stale_where_due(&mut maintenance);
        let log = self.shorten_log(&mut maintenance);
        // A block of the head that became due meanwhile comes first.
        let is_due = || self.head().due_end_ms().is_some() && !maintenance.is_head_held(self.now());
        let blocks = self.merge_blocks(is_due).map_err(MaintenanceError::from);
        self.drop_old_blocks();
        self.head().pack();
        self.reserve.take();
        reloaded.and(head).and(late).and(stale).and(log).and(blocks)
    }

    /// Lets a call of [`Db::maintain`] or [`Db::load`] that goes on end soon, and later ones do nothing:
    /// the process is about to end.
    pub fn interrupt(&self) {
        self.blocks.interrupt();
        self.progress.stop();
    }

    /// Changes what is dropped because it is old, or too much, from the next call of
    /// [`Db::maintain`] on.
    pub fn set_retention(&self, retention: Retention) {
        *self.retention.lock() = retention;
    }

    /// Returns what is dropped because it is old, or too much.
    #[must_use]
    pub fn retention(&self) -> Retention {
        self.retention.lock().clone()
    }

    /// Changes from which share of the series on those that ended leave the head early: see
    /// [`Options::stale_compaction_threshold`].
    pub fn set_stale_compaction_threshold(&self, threshold: f64) {
        *self.stale_threshold.lock() = threshold;
    }

    /// Moves what the head holds before `end_ms` to blocks. Nothing that is older can be appended from
    /// now on.
    ///
    /// # Errors
    ///
    /// Where a block cannot be written, or the log cannot be shortened.
    pub fn flush(&self, end_ms: i64) -> Result<(), MaintenanceError> {
        let mut maintenance = self.maintenance.lock();
        self.loaded_head()?;
        // Commits that are underway may bring what is older than all there is now.
        self.head().seal(end_ms);
        while let Some(range) = self.head().next_range(end_ms) {
            self.move_to_block(range.max_ms + 1, OnDamage::Fail)?;
        }
        self.shorten_log(&mut maintenance)
    }

    /// Moves all samples that came out of order so far to blocks, one for each range of time that has
    /// some. [`Db::maintain`] does so whenever it moved others.
    ///
    /// Waits for the queries that began before the blocks were there.
    ///
    /// # Errors
    ///
    /// Where a block cannot be written: there is none then, and the samples are where they were.
    pub fn compact_out_of_order(&self) -> Result<(), MaintenanceError> {
        let _maintenance = self.maintenance.lock();
        self.loaded_head()?;
        self.move_late_to_blocks(OnDamage::Fail)
    }

    /// Merges blocks, and drops what is beyond the retention. It is a part of [`Db::maintain`].
    ///
    /// # Errors
    ///
    /// Where a block cannot be written. Every block is as it was then, and later calls try again, at
    /// first after a minute. A block that cannot be read is no error: it is left out, and
    /// [`BlocksStats::compactions_failed`](crate::BlocksStats::compactions_failed) counts it.
    pub fn compact_blocks(&self) -> Result<(), BlockError> {
        let outcome = self.merge_blocks(|| false);
        self.drop_old_blocks();
        outcome
    }

    fn merge_blocks(&self, is_due: impl Fn() -> bool) -> Result<(), BlockError> {
        let encoding = (*self.float_encoding.lock()).into();
        self.blocks.compact(&self.options, encoding, &self.retention().rules, is_due)
    }

    fn drop_old_blocks(&self) {
        let other_bytes = LOG_FOLDERS.map(|name| size_of(&*self.host.files, self.dir.join(name)));
        self.blocks.retain(&self.retention(), other_bytes.iter().sum());
    }

    /// Writes the blocks anew of which something was deleted, so that its space is free.
    ///
    /// # Errors
    ///
    /// Where a block cannot be read or written; it stays as it is.
    pub fn clean_tombstones(&self) -> Result<(), BlockError> {
        self.blocks.clean_tombstones(&self.options)
    }

    /// Deletes the samples in `range` of the series that meet all `matchers`, from the head and from
    /// all blocks. Space is free once blocks are compacted, or [`Db::clean_tombstones`] is called.
    ///
    /// # Errors
    ///
    /// Where what was deleted cannot be noted in the log or with a block; of others it may be.
    pub fn delete(&self, range: TimeRange, matchers: &[Matcher]) -> Result<(), DeleteError> {
        self.delete_from_head(range, matchers)?;
        self.reserve.help(|| self.blocks.delete(range, matchers))?;
        Ok(())
    }

    /// Makes the folder `dir` with the blocks as they are now, and with a block of what the head holds
    /// where `with_head` says so. Files of blocks are linked, so `dir` must lie on the same file
    /// system.
    ///
    /// # Errors
    ///
    /// Where a file cannot be linked or written; `dir` is not there then.
    pub fn snapshot(&self, dir: &Path, with_head: bool) -> Result<(), BlockError> {
        let files = &*self.host.files;
        let mut temporary = dir.as_os_str().to_owned();
        temporary.push(".tmp");
        let temporary = PathBuf::from(temporary);
        let fail = |source| BlockError::write(dir, source);
        // What an earlier try left. It is no error where there was none.
        let _ = files.remove_dir_all(&temporary);
        files.create_dir_all(&temporary).map_err(fail)?;
        let finished = self
            .fill_snapshot(&temporary, with_head)
            .and_then(|()| files.rename(&temporary, dir).map_err(fail));
        if let Err(error) = finished {
            // It goes with the next try, where it cannot now.
            let _ = files.remove_dir_all(&temporary);
            return Err(error);
        }
        files.sync_dir(dir.parent().unwrap_or(Path::new(""))).map_err(fail)
    }

    fn fill_snapshot(&self, dir: &Path, with_head: bool) -> Result<(), BlockError> {
        // Nothing is to leave the head meanwhile.
        let _maintenance = self.maintenance.lock();
        self.blocks.link(dir)?;
        if !with_head {
            return Ok(());
        }
        let fail = |error| StorageError::Store(Box::new(error));
        let head = self.loaded_head().map_err(fail);
        let fail = |source| BlockError::Head { path: self.dir.clone(), source };
        let HeadStats { min_ms, max_ms, .. } = head.map_err(fail)?.stats();
        match min_ms.zip(max_ms) {
            Some((min_ms, max_ms)) => {
                let head = self.head_series(TimeRange { min_ms, max_ms }, OnDamage::Fail);
                self.blocks.add_to(dir, head, &self.options)
            }
            None => Ok(()),
        }
    }

    fn move_due_to_blocks(&self, maintenance: &mut Maintenance) -> Result<(), MaintenanceError> {
        while let Some(end_ms) = self.head().due_end_ms() {
            let now = self.now();
            maintenance.due_since.get_or_insert(now);
            if maintenance.is_head_held(now) || self.blocks.is_interrupted() {
                return Ok(());
            }
            let failures = &mut maintenance.head_failures;
            let on_damage =
                if failures.is_last_try() { OnDamage::LeaveOut } else { OnDamage::Fail };
            if let Err(error) = self.move_to_block(end_ms, on_damage) {
                failures.note(now);
                self.blocks.count_failure();
                return Err(error.into());
            }
            *failures = BackOff::default();
            maintenance.is_late_due = true;
            maintenance.last_head_block = Some(now);
        }
        maintenance.due_since = None;
        Ok(())
    }

    /// Moves what the head holds before `end_ms` to one block.
    ///
    /// A crash after the block was written leaves its samples in the log, too: they are passed over
    /// when the database is opened, as older than the end of the newest block.
    fn move_to_block(&self, end_ms: i64, on_damage: OnDamage) -> Result<(), BlockError> {
        self.head().seal(end_ms);
        if let Some(range) = self.head().next_range(end_ms) {
            let add = || self.blocks.add(self.head_series(range, on_damage), &self.options);
            let block = self.reserve.help(add)?;
            let TimeRange { min_ms, max_ms } = range;
            tracing::info!(?block, min_ms, max_ms, "moved samples from the head to a block");
        }
        let start = self.now();
        self.head().truncate(end_ms);
        self.head().count_truncation(self.now().saturating_sub(start));
        Ok(())
    }

    /// Moves the series that ended to blocks, where they are too many. What is due soon anyhow waits
    /// for it.
    ///
    /// # Source
    ///
    /// `DB.run` and `CompactStaleHead` in Prometheus' `tsdb/db.go`.
    fn move_stale_where_due(&self, maintenance: &mut Maintenance) -> Result<(), MaintenanceError> {
        let threshold = *self.stale_threshold.lock();
        let (stale_count, series_count) = self.head().stale_count();
        let is_over = threshold > 0.0 && stale_count as f64 >= threshold * series_count as f64;
        let now = self.now();
        let failures = &mut maintenance.stale_failures;
        let range = Duration::from_millis(self.options.block_range_ms.unsigned_abs());
        let is_soon = |last: Duration| now + STALE_WAIT_MAX > last.saturating_add(range);
        let is_held = failures.is_held(now) || maintenance.last_head_block.is_some_and(is_soon);
        if stale_count == 0 || !is_over || is_held || self.blocks.is_interrupted() {
            return Ok(());
        }
        let on_damage = if failures.is_last_try() { OnDamage::LeaveOut } else { OnDamage::Fail };
        let outcome = self.move_stale_to_blocks(on_damage);
        self.blocks.count_stale(self.now().saturating_sub(now), outcome.is_err());
        match outcome {
            Ok(()) => *failures = BackOff::default(),
            Err(_) => drop(failures.note(now)),
        }
        outcome
    }

    /// Moves the series that ended to a block for each range of time.
    ///
    /// A crash after a block was written leaves them in the log, too: they are there twice then, which no
    /// query shows.
    fn move_stale_to_blocks(&self, on_damage: OnDamage) -> Result<(), MaintenanceError> {
        let Some(stale) = self.head().stale_series() else { return Ok(()) };
        let ranges = self.block_ranges(stale.bounds);
        let mut written = Vec::new();
        for range in ranges {
            let add =
                || self.blocks.add(self.ended_series(&stale, range, on_damage), &self.options);
            match self.reserve.help(add) {
                Ok(block) => written.extend(block),
                Err(error) => {
                    self.blocks.withdraw(&written);
                    return Err(error.into());
                }
            }
        }
        let series_count = self.head().evict(stale, &self.wal)?;
        tracing::info!(blocks = ?written, series_count, "moved series that ended to blocks");
        Ok(())
    }

    /// Moves the samples that came out of order to blocks, once for each time that others went.
    fn move_late_where_due(&self, maintenance: &mut Maintenance) -> Result<(), MaintenanceError> {
        let (now, failures) = (self.now(), &mut maintenance.late_failures);
        if !maintenance.is_late_due || failures.is_held(now) || self.blocks.is_interrupted() {
            return Ok(());
        }
        let on_damage = if failures.is_last_try() { OnDamage::LeaveOut } else { OnDamage::Fail };
        if let Err(error) = self.move_late_to_blocks(on_damage) {
            failures.note(now);
            self.blocks.count_failure();
            return Err(error);
        }
        *failures = BackOff::default();
        maintenance.is_late_due = false;
        Ok(())
    }

    /// Moves the samples that came out of order to a block for each range of time.
    ///
    /// A crash after a block was written leaves its samples in their log, too: they are there twice
    /// then, which no query shows, until these blocks are merged.
    fn move_late_to_blocks(&self, on_damage: OnDamage) -> Result<(), MaintenanceError> {
        let Some(late) = self.head().cut_out_of_order()? else { return Ok(()) };
        let (first_ms, last_ms) = late.bounds;
        let mut written = Vec::new();
        for range in self.block_ranges(late.bounds).filter(|range| late.overlap(*range)) {
            let add = || self.blocks.add(self.late_series(&late, range, on_damage), &self.options);
            match self.reserve.help(add) {
                Ok(block) => written.extend(block),
                Err(error) => {
                    self.blocks.withdraw(&written);
                    return Err(error.into());
                }
            }
        }
        tracing::info!(blocks = ?written, first_ms, last_ms, "moved out-of-order samples to blocks");
        self.head().drop_out_of_order(late);
        Ok(())
    }

    /// Shortens the log by what left the head.
    fn shorten_log(&self, maintenance: &mut Maintenance) -> Result<(), MaintenanceError> {
        let Some(min_ms) = self.head().truncated_ms() else { return Ok(()) };
        let now = self.now();
        if maintenance.log_min_ms >= Some(min_ms) || maintenance.log_failures.is_held(now) {
            return Ok(());
        }
        if let Err(error) = self.reserve.help(|| self.wal.truncate(min_ms, self.head())) {
            maintenance.log_failures.note(now);
            return Err(error.into());
        }
        maintenance.log_failures = BackOff::default();
        maintenance.log_min_ms = Some(min_ms);
        Ok(())
    }

    fn late_series(
        &self,
        late: &OutOfOrderChunks,
        range: TimeRange,
        on_damage: OnDamage,
    ) -> HeadSeries<impl Iterator<Item = Result<SeriesChunks, BlockError>>> {
        let fail = |source| BlockError::Head { path: self.dir.clone(), source };
        let series = self.head().out_of_order_series(late, range, on_damage);
        let series = series.map(move |series| series.map_err(fail));
        HeadSeries {
            range,
            hint: Some(BlockCompaction::OUT_OF_ORDER),
            texts: self.head().label_texts(),
            series,
        }
    }

    fn ended_series(
        &self,
        stale: &StaleSeries,
        range: TimeRange,
        on_damage: OnDamage,
    ) -> HeadSeries<impl Iterator<Item = Result<SeriesChunks, BlockError>>> {
        let fail = |source| BlockError::Head { path: self.dir.clone(), source };
        let series = self.head().stale_chunks(stale, range, on_damage);
        let series = series.map(move |series| series.map_err(fail));
        let (hint, texts) = (Some(BlockCompaction::STALE_SERIES), self.head().label_texts());
        HeadSeries { range, hint, texts, series }
    }

    /// Returns the ranges of blocks between two times.
    fn block_ranges(&self, (first_ms, last_ms): (i64, i64)) -> impl Iterator<Item = TimeRange> {
        let range_ms = self.options.block_range_ms;
        let starts = first_ms.div_euclid(range_ms)..=last_ms.div_euclid(range_ms);
        starts.map(move |start| {
            let min_ms = start.saturating_mul(range_ms);
            TimeRange { min_ms, max_ms: min_ms.saturating_add(range_ms - 1) }
        })
    }

    fn now(&self) -> Duration {
        self.host.clock.elapsed()
    }

    fn head_series(
        &self,
        range: TimeRange,
        on_damage: OnDamage,
    ) -> HeadSeries<impl Iterator<Item = Result<SeriesChunks, BlockError>>> {
        let fail = |source| BlockError::Head { path: self.dir.clone(), source };
        let series =
            self.head().series_chunks(range, on_damage).map(move |series| series.map_err(fail));
        HeadSeries { range, hint: None, texts: self.head().label_texts(), series }
    }
}

/// How far maintenance came, and what failed.
#[derive(Debug, Default)]
pub(crate) struct Maintenance {
    /// How long a block of the head waits from when it is due.
    delay: Duration,
    /// Since when one is. On the clock that does not go back, as all times here.
    due_since: Option<Duration>,
    head_failures: BackOff,
    /// Whether samples that came out of order are to go to blocks, too.
    is_late_due: bool,
    late_failures: BackOff,
    /// When a block of the head was written last.
    last_head_block: Option<Duration>,
    stale_failures: BackOff,
    /// What is older left the log, or will with one of the next checkpoints.
    log_min_ms: Option<i64>,
    log_failures: BackOff,
}

impl Maintenance {
    /// Starts where the head starts at `min_valid_ms`: the log is shortened with the next block.
    pub(crate) fn new(min_valid_ms: Option<i64>, delay: Duration) -> Self {
        Self { delay, log_min_ms: min_valid_ms, ..Self::default() }
    }

    /// Returns whether no block of the head should be written now.
    fn is_head_held(&self, now: Duration) -> bool {
        let is_waiting = |since: Duration| now.saturating_sub(since) < self.delay;
        self.head_failures.is_held(now) || self.due_since.is_some_and(is_waiting)
    }
}

/// Series that ended wait so long for the next block of the head, which takes them anyhow.
const STALE_WAIT_MAX: Duration = Duration::from_secs(10 * 60);

/// Returns how long blocks of the head wait with these options: by chance, and the same each time
/// while the database is open.
pub(crate) fn choose_delay(options: &Options, random: &dyn Random) -> Duration {
    let range_ms = options.block_range_ms.unsigned_abs();
    let percent = u64::from(options.compaction.delay_percent_max.min(100));
    let delay_max_ms = u128::from(range_ms) * u128::from(percent) / 100;
    let delay_max_ms = u64::try_from(delay_max_ms).expect("at most the range");
    Duration::from_millis(random.next_u64().checked_rem(delay_max_ms).unwrap_or(0))
}

/// Why a part of maintenance failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MaintenanceError {
    /// A block cannot be written.
    #[error("write a block")]
    Block(#[from] BlockError),
    /// The log cannot be shortened.
    #[error("shorten the write-ahead log")]
    Log(#[from] WalError),
}

/// Why samples could not be deleted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeleteError {
    /// What was deleted from the head cannot be noted in the log: nothing is deleted.
    #[error("delete from the head")]
    Head(#[from] WalError),
    /// What was deleted from a block cannot be noted there.
    #[error("delete from a block")]
    Block(#[from] BlockError),
}

/// Returns how many bytes the files in a folder and in its folders have.
pub(crate) fn size_of(files: &dyn Files, dir: PathBuf) -> u64 {
    let mut sum = 0;
    let mut dirs = vec![dir];
    while let Some(dir) = dirs.pop() {
        // One that is missing has none.
        for entry in files.list_dir(&dir).unwrap_or_default() {
            let path = dir.join(&*entry.name);
            if entry.is_dir {
                dirs.push(path);
            } else {
                sum += files.open_read(&path).and_then(|file| file.size()).unwrap_or(0);
            }
        }
    }
    sum
}
