use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use narthex_host::{AppendFile, Clock, Files, Host};

use super::TornEnd;
use super::beside::BesideSync;
use super::frame::{self, HEADER_SIZE, RECORD_SIZE_MAX};
use super::memory_snapshot::WalEnd;
use super::packer::Packer;
use super::segment::segment_path;
use super::summary::{self, Gatherer, LogRecord};
use crate::{Options, WalCompression, WalStats};

/// The end of a log.
///
/// A batch of records reaches the file in one write. Where that fails, the file is cut back to its
/// last whole batch before anything else is written, so no torn record is ever followed by a good
/// one. A file whose sync failed is given up: the operating system may have dropped its bytes and
/// forgotten that it did, so a second sync would prove nothing.
#[derive(Debug)]
pub(super) struct Writer {
    files: Arc<dyn Files>,
    clock: Arc<dyn Clock>,
    dir: PathBuf,
    segment_size: u64,
    compression: WalCompression,
    after_failed_sync: AfterFailedSync,
    file: Box<dyn AppendFile>,
    segment: u64,
    /// How many bytes of the segment are whole batches, and how many of them are on the disk.
    size: u64,
    synced_size: u64,
    condition: Condition,
    /// What brought the log into a condition that is not good.
    trouble: Option<Arc<str>>,
    /// The end of the last segment of those before, where it must be cut off first.
    torn: Option<TornEnd>,
    has_unsynced: bool,
    /// What is to be written again where a sync fails, and whether it is to be now.
    unsynced: Unsynced,
    must_write_again: bool,
    given_up: Vec<GivenUp>,
    /// Ended segments that nobody was promised to be on the disk. Their syncs wait for a moment in
    /// which no commit does.
    ended: Vec<EndedSegment>,
    /// The sync that runs beside commits, until somebody settles what became of it.
    underway: Option<Underway>,
    last_sync: Duration,
    retry_at: Duration,
    packer: Packer,
    out: Vec<u8>,
    /// Where the records of a batch start in it, where there are to be summaries.
    starts: Vec<usize>,
    summary: Option<Gatherer>,
    /// How many bytes compression spared in it.
    framed_saved: u64,
    stats: WalStats,
}

/// What a failed sync leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AfterFailedSync {
    /// The log goes on in another segment. Nobody was promised that the bytes are on the disk.
    GoOn,
    /// What was not synced is written to another segment, before anything else.
    WriteAgain,
    /// Whatever is being written is abandoned: a checkpoint.
    Fail,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Condition {
    Good,
    /// There is no segment yet: it could not be started, or nobody tried.
    NotStarted,
    /// There will be none: the log is left as it is.
    Parked,
    /// There may be bytes behind the last whole batch.
    Torn,
    /// A sync failed.
    GivenUp,
}

/// A segment whose sync failed, and how much of it was on the disk before. The rest is written again
/// elsewhere.
#[derive(Debug)]
struct GivenUp {
    file: Box<dyn AppendFile>,
    synced_size: u64,
}

/// A segment that nothing is written to any more.
#[derive(Debug)]
pub(super) struct EndedSegment {
    segment: u64,
    file: Box<dyn AppendFile>,
}

impl EndedSegment {
    /// Forces the segment to the disk.
    pub(super) fn sync(mut self) -> io::Result<()> {
        self.file.sync().inspect_err(|error| {
            tracing::error!(segment = self.segment, %error, "sync of the write-ahead log failed");
        })
    }
}

/// A sync that runs beside commits, and what it is to bring to the disk.
#[derive(Debug)]
struct Underway {
    sync: Arc<BesideSync>,
    /// How much of the segment, and how many of the records that are kept.
    size: u64,
    records: usize,
    start: Duration,
}

/// Records one behind the other.
#[derive(Debug, Default)]
struct Unsynced {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

/// Why the write-ahead log did not take a commit, or could not be brought to the disk.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WalError {
    /// The records could not be written. Nothing of them stays; a later commit may succeed.
    #[error("write to segment {segment} of the write-ahead log")]
    Write {
        /// The number of the segment.
        segment: u64,
        /// The operating system's error.
        source: io::Error,
    },
    /// The commit is too large for one record. Smaller ones may succeed.
    #[error(
        "a record of {size_bytes} bytes, more than the {RECORD_SIZE_MAX} that can be read back"
    )]
    TooLarge {
        /// The size that the record would have.
        size_bytes: usize,
    },
    /// The next segment could not be started. A later commit may succeed.
    #[error("start segment {segment} of the write-ahead log")]
    Cut {
        /// The number of the new segment.
        segment: u64,
        /// The operating system's error.
        source: io::Error,
    },
    /// The segment could not be forced to the disk, and its end could not be written to another one
    /// either, or was not kept for that. What was written since the last sync may be lost when the
    /// machine stops. The log goes on in another segment: a later commit may succeed.
    #[error("sync segment {segment} of the write-ahead log")]
    Sync {
        /// The number of the segment.
        segment: u64,
        /// The operating system's error.
        source: io::Error,
    },
    /// So much waits for a slow disk that no more is taken. A commit after a moment may succeed.
    #[error(
        "the write-ahead log takes no writes for a moment: {waiting_bytes} bytes wait for the disk"
    )]
    Busy {
        /// How many bytes of other commits wait.
        waiting_bytes: usize,
    },
    /// The database was opened in safe mode, which leaves the log as it is.
    #[error("the write-ahead log is parked: the database is in safe mode")]
    Parked,
    /// The write-ahead log is not read to its end, and what was asked for needs all of it. It may succeed
    /// later: see [`Db::load`](crate::Db::load).
    #[error("recent data is still loading")]
    Loading,
    /// A sync failed a moment ago. A commit after a second or later may succeed.
    #[error("the write-ahead log takes no writes for a moment since a sync failed")]
    Refused,
    /// A checkpoint could not be written. The log stays as long as it was.
    #[error("write a checkpoint of the write-ahead log to {}", path.display())]
    Checkpoint {
        /// The folder of the checkpoint.
        path: PathBuf,
        /// The operating system's error.
        source: io::Error,
    },
}

impl WalError {
    /// Returns the same error for another commit that it befell.
    pub(super) fn repeat(&self) -> Self {
        let again = |source: &io::Error| match source.raw_os_error() {
            Some(code) => io::Error::from_raw_os_error(code),
            None => io::Error::new(source.kind(), source.to_string()),
        };
        match self {
            Self::Write { segment, source } => {
                Self::Write { segment: *segment, source: again(source) }
            }
            Self::TooLarge { size_bytes } => Self::TooLarge { size_bytes: *size_bytes },
            Self::Cut { segment, source } => Self::Cut { segment: *segment, source: again(source) },
            Self::Sync { segment, source } => {
                Self::Sync { segment: *segment, source: again(source) }
            }
            Self::Busy { waiting_bytes } => Self::Busy { waiting_bytes: *waiting_bytes },
            Self::Parked => Self::Parked,
            Self::Loading => Self::Loading,
            Self::Refused => Self::Refused,
            Self::Checkpoint { path, source } => {
                Self::Checkpoint { path: path.clone(), source: again(source) }
            }
        }
    }
}

impl Writer {
    /// Starts the segment `segment` in `dir`.
    pub(super) fn create(
        host: &Host,
        dir: PathBuf,
        segment: u64,
        options: &Options,
        after_failed_sync: AfterFailedSync,
    ) -> io::Result<Self> {
        let mut writer = Self::prepare(host, dir, segment, options, after_failed_sync)?;
        writer.begin()?;
        Ok(writer)
    }

    /// As [`Writer::create`], but the segment is started by the first call that needs it.
    pub(super) fn prepare(
        host: &Host,
        dir: PathBuf,
        segment: u64,
        options: &Options,
        after_failed_sync: AfterFailedSync,
    ) -> io::Result<Self> {
        Ok(Self {
            files: Arc::clone(&host.files),
            clock: Arc::clone(&host.clock),
            dir,
            segment_size: options.wal_segment_size_bytes,
            compression: options.wal_compression,
            after_failed_sync,
            file: Box::new(NoFile),
            segment,
            size: 0,
            synced_size: 0,
            condition: Condition::NotStarted,
            trouble: None,
            torn: None,
            has_unsynced: false,
            unsynced: Unsynced::default(),
            must_write_again: false,
            given_up: Vec::new(),
            ended: Vec::new(),
            underway: None,
            last_sync: host.clock.elapsed(),
            retry_at: Duration::ZERO,
            packer: Packer::new(options.wal_compression)?,
            out: Vec::new(),
            starts: Vec::new(),
            summary: None,
            framed_saved: 0,
            stats: WalStats { segment, ..WalStats::default() },
        })
    }

    /// Lets the end of an earlier segment be cut off before the log goes on.
    pub(super) fn cut_first(&mut self, torn: Option<TornEnd>) {
        self.torn = torn;
    }

    /// Lets segments have summaries, from the next record on.
    pub(super) fn summarize(&mut self) {
        self.summary = Some(Gatherer::new(self.segment_size));
    }

    /// Leaves the log as it is: nothing can be logged.
    pub(super) fn park(&mut self) {
        self.condition = Condition::Parked;
    }

    /// Starts the first segment.
    pub(super) fn begin(&mut self) -> io::Result<()> {
        let begin = || {
            self.files.create_dir_all(&self.dir)?;
            if let Some(torn) = &self.torn {
                torn.cut(&*self.files)?;
            }
            create_segment(&*self.files, &self.dir, self.segment)
        };
        self.file = begin().inspect_err(|error| self.trouble = Some(error.to_string().into()))?;
        (self.condition, self.torn, self.trouble) = (Condition::Good, None, None);
        Ok(())
    }

    /// Returns what keeps the log from being written, as far as that is known.
    pub(super) fn trouble(&self) -> Option<Arc<str>> {
        self.trouble.clone()
    }

    /// Makes the log good again after an error, as the next commit would.
    pub(super) fn mend(&mut self) -> Result<(), WalError> {
        if self.condition == Condition::Parked { Ok(()) } else { self.recover() }
    }

    /// Hands out the segments that ended and were not forced to the disk yet.
    pub(super) fn take_ended(&mut self) -> Vec<EndedSegment> {
        std::mem::take(&mut self.ended)
    }

    /// Counts what became of the sync of an ended segment.
    pub(super) fn count_sync(&mut self, outcome: &io::Result<()>, took: Duration) {
        self.stats.sync_time += took;
        match outcome {
            Ok(()) => self.stats.syncs += 1,
            Err(_) => self.stats.syncs_failed += 1,
        }
    }

    /// Writes a batch of records.
    pub(super) fn log(&mut self, records: &[LogRecord]) -> Result<(), WalError> {
        let outcome = self.try_log(records);
        self.stats.writes_failed += u64::from(outcome.is_err());
        outcome
    }

    /// Starts to force to the disk what was logged, where something is to be. Whoever gets the sync runs it
    /// while others log, and comes back to [`Writer::settle_sync`].
    pub(super) fn start_sync(&mut self) -> Result<Option<Arc<BesideSync>>, WalError> {
        if matches!(self.condition, Condition::NotStarted | Condition::Parked)
            || self.underway.is_some()
        {
            return Ok(None);
        }
        self.recover()?;
        if !self.has_unsynced {
            return Ok(None);
        }
        let segment = self.segment;
        let file = self.file.try_clone().map_err(|source| WalError::Sync { segment, source })?;
        let sync = Arc::new(BesideSync::new(file));
        self.underway = Some(Underway {
            sync: Arc::clone(&sync),
            size: self.size,
            records: self.unsynced.ends.len(),
            start: self.clock.elapsed(),
        });
        Ok(Some(sync))
    }

    /// Waits for the sync that runs beside commits, if there is one, and makes the log good where it
    /// failed.
    pub(super) fn settle_sync(&mut self) -> Result<(), WalError> {
        let Some(Underway { sync, size, records, start }) = self.underway.take() else {
            return Ok(());
        };
        let outcome = sync.wait();
        self.stats.sync_time += self.clock.elapsed().saturating_sub(start);
        match outcome {
            Ok(()) => {
                self.note_synced(size);
                self.unsynced.forget_first(records);
                Ok(())
            }
            Err(source) => {
                self.note_failed_sync(&source);
                self.make_good(source)
            }
        }
    }

    /// Returns whether a sync runs beside commits.
    pub(super) fn is_syncing(&self) -> bool {
        self.underway.is_some()
    }

    /// Returns how many bytes of records are kept until they are synced.
    pub(super) fn unsynced_size(&self) -> usize {
        self.unsynced.bytes.len()
    }

    /// Forces everything that was logged to the disk.
    pub(super) fn sync(&mut self) -> Result<(), WalError> {
        if matches!(self.condition, Condition::NotStarted | Condition::Parked) {
            // Nothing was logged.
            return Ok(());
        }
        self.settle_sync()?;
        self.recover()?;
        for ended in self.take_ended() {
            let segment = ended.segment;
            let start = self.clock.elapsed();
            let outcome = ended.sync();
            self.count_sync(&outcome, self.clock.elapsed().saturating_sub(start));
            outcome.map_err(|source| WalError::Sync { segment, source })?;
        }
        if !self.has_unsynced {
            return Ok(());
        }
        let Err(source) = self.sync_file() else {
            self.unsynced.clear();
            return Ok(());
        };
        self.make_good(source)
    }

    /// Writes what a failed sync may have lost to another segment, where somebody was promised that.
    fn make_good(&mut self, source: io::Error) -> Result<(), WalError> {
        let segment = self.segment;
        if self.after_failed_sync == AfterFailedSync::WriteAgain {
            match self.start_segment().and_then(|()| self.write_again()) {
                Ok(()) => return Ok(()),
                Err(error) => tracing::error!(%error, "the end of the log is not on the disk"),
            }
        }
        Err(WalError::Sync { segment, source })
    }

    /// Ends the segment and forces it to the disk. Nothing can be logged to it afterwards.
    pub(super) fn finish(&mut self) -> Result<(), WalError> {
        if matches!(self.condition, Condition::NotStarted | Condition::Parked) {
            return Ok(());
        }
        self.retry_at = Duration::ZERO;
        self.recover()?;
        self.pad()?;
        self.sync()?;
        self.end_summary();
        Ok(())
    }

    /// Returns where the next record goes.
    pub(super) fn end(&self) -> WalEnd {
        WalEnd { segment: self.segment, offset: self.size }
    }

    /// Goes on in the next segment. Returns its number.
    pub(super) fn cut(&mut self) -> Result<u64, WalError> {
        self.settle_sync()?;
        self.recover()?;
        let segment = self.segment;
        self.pad()?;
        if self.after_failed_sync != AfterFailedSync::GoOn {
            self.sync()?;
        }
        if self.segment == segment {
            self.start_segment()?;
        }
        Ok(self.segment)
    }

    /// Forgets records that were refused, and need not be written again.
    pub(super) fn forget_unsynced(&mut self) {
        self.unsynced.clear();
    }

    /// Returns whether the last sync is so long ago, or so much was written since, that there should
    /// be one.
    pub(super) fn is_sync_due(&self, interval: Duration) -> bool {
        let is_due = self.clock.elapsed().saturating_sub(self.last_sync) >= interval;
        self.has_unsynced
            && !self.is_syncing()
            && (is_due || self.unsynced.bytes.len() > UNSYNCED_SIZE_MAX)
    }

    /// Counts a try to write a checkpoint: see [`WalStats`].
    pub(super) fn count_checkpoint(
        &mut self,
        outcome: &Result<Option<u64>, WalError>,
        took: Duration,
    ) {
        self.stats.truncations.add(took);
        match outcome {
            Ok(None) => {}
            Ok(Some(corruptions)) => {
                self.stats.checkpoints += 1;
                self.stats.corruptions += corruptions;
            }
            Err(_) => self.stats.checkpoints_failed += 1,
        }
    }

    /// Counts that what a checkpoint replaces could not be removed.
    pub(super) fn count_failed_deletion(&mut self) {
        self.stats.checkpoint_deletions_failed += 1;
    }

    pub(super) fn stats(&self) -> WalStats {
        self.stats
    }

    fn try_log(&mut self, records: &[LogRecord]) -> Result<(), WalError> {
        self.recover()?;
        self.frame(records);
        if self.size > 0 && self.size + self.out.len() as u64 > self.segment_size {
            self.cut()?;
            self.frame(records);
        }
        let headers = self.headers();
        self.flush()?;
        self.stats.records += records.len() as u64;
        if self.after_failed_sync == AfterFailedSync::WriteAgain {
            records.iter().for_each(|record| self.unsynced.push(&record.bytes));
        }
        self.gather(records, &headers);
        Ok(())
    }

    /// Gathers the bytes of a batch.
    fn frame(&mut self, records: &[LogRecord]) {
        self.out.clear();
        self.starts.clear();
        self.framed_saved = 0;
        for LogRecord { bytes, .. } in records {
            let (packed, flags) = self.packer.pack(self.compression, bytes);
            self.starts.push(self.out.len());
            frame::push_record(&mut self.out, self.size, packed, flags);
            self.framed_saved += (bytes.len() - packed.len()) as u64;
        }
    }

    /// Returns where in the segment the records of the batch start, and with what, if there is to be a
    /// summary of it.
    fn headers(&self) -> Vec<(u64, [u8; HEADER_SIZE])> {
        if self.summary.is_none() {
            return Vec::new();
        }
        let header = |start: &usize| {
            let header = self.out[*start..].first_chunk().expect("a record has a header");
            (self.size + *start as u64, *header)
        };
        self.starts.iter().map(header).collect()
    }

    /// Lets the summary have what was written.
    fn gather(&mut self, records: &[LogRecord], headers: &[(u64, [u8; HEADER_SIZE])]) {
        let Some(summary) = &mut self.summary else { return };
        let ends = headers.iter().skip(1).map(|(start, _)| *start).chain([self.size]);
        for ((record, (start, header)), end) in records.iter().zip(headers).zip(ends) {
            summary.add(record.gist.as_ref(), *start..end, *header);
        }
    }

    /// Puts the summary of the segment beside it, unless it is not known what of it is there.
    fn end_summary(&mut self) {
        let Self { files, dir, segment, size, .. } = self;
        match &mut self.summary {
            Some(summary) if self.condition == Condition::Good => {
                summary.finish(&**files, dir, *segment, *size);
            }
            Some(summary) => summary.clear(),
            None => {}
        }
    }

    /// Makes the log good again after an error.
    fn recover(&mut self) -> Result<(), WalError> {
        match self.condition {
            Condition::Good => {}
            Condition::NotStarted => {
                let segment = self.segment;
                self.begin().map_err(|source| WalError::Cut { segment, source })?;
            }
            Condition::Parked => return Err(WalError::Parked),
            Condition::Torn => {
                // Where this fails too, the next commit tries again before it writes.
                let segment = self.segment;
                let cut = self.file.truncate(self.size);
                cut.map_err(|source| WalError::Write { segment, source })?;
                // Whether there is room again, only a write can tell.
                self.condition = Condition::Good;
                self.stats.cut_backs += 1;
            }
            Condition::GivenUp if self.clock.elapsed() < self.retry_at => {
                return Err(WalError::Refused);
            }
            Condition::GivenUp => self.start_segment()?,
        }
        if self.must_write_again { self.write_again() } else { Ok(()) }
    }

    /// Writes what was not synced to a segment of its own, and syncs it.
    fn write_again(&mut self) -> Result<(), WalError> {
        let unsynced = std::mem::take(&mut self.unsynced);
        self.out.clear();
        for record in unsynced.iter() {
            let (packed, flags) = self.packer.pack(self.compression, record);
            frame::push_record(&mut self.out, self.size, packed, flags);
        }
        self.unsynced = unsynced;
        self.flush()?;
        let segment = self.segment;
        self.sync_file().map_err(|source| WalError::Sync { segment, source })?;
        self.unsynced.clear();
        self.must_write_again = false;
        for GivenUp { mut file, synced_size } in self.given_up.drain(..) {
            // What could not be synced would be read as damage, or as commits that were refused.
            // Nothing depends on it: the records that count are in the new segment.
            let _ = file.truncate(synced_size).and_then(|()| file.sync());
        }
        Ok(())
    }

    fn sync_file(&mut self) -> io::Result<()> {
        let start = self.clock.elapsed();
        let outcome = self.file.sync();
        self.stats.sync_time += self.clock.elapsed().saturating_sub(start);
        match &outcome {
            Ok(()) => self.note_synced(self.size),
            Err(error) => self.note_failed_sync(error),
        }
        outcome
    }

    /// Notes that the first `size` bytes of the segment are on the disk.
    fn note_synced(&mut self, size: u64) {
        self.has_unsynced = size < self.size;
        self.synced_size = size;
        self.last_sync = self.clock.elapsed();
        self.stats.syncs += 1;
    }

    fn note_failed_sync(&mut self, error: &io::Error) {
        tracing::error!(segment = self.segment, %error, "sync of the write-ahead log failed");
        (self.condition, self.trouble) = (Condition::GivenUp, Some(error.to_string().into()));
        if self.after_failed_sync == AfterFailedSync::WriteAgain {
            self.retry_at = self.clock.elapsed() + RETRY_INTERVAL;
        }
        self.stats.syncs_failed += 1;
    }

    /// Writes what was gathered.
    fn flush(&mut self) -> Result<(), WalError> {
        if self.out.is_empty() {
            return Ok(());
        }
        self.has_unsynced = true;
        if let Err(source) = self.file.append(&self.out) {
            (self.condition, self.trouble) = (Condition::Torn, Some(source.to_string().into()));
            return Err(WalError::Write { segment: self.segment, source });
        }
        self.trouble = None;
        let pages = self.size / frame::PAGE_SIZE as u64;
        self.size += self.out.len() as u64;
        self.stats.written_bytes += self.out.len() as u64;
        self.stats.pages_completed += self.size / frame::PAGE_SIZE as u64 - pages;
        self.stats.writes += 1;
        self.stats.saved_bytes += std::mem::take(&mut self.framed_saved);
        self.out.clear();
        Ok(())
    }

    fn start_segment(&mut self) -> Result<(), WalError> {
        let segment = self.segment + 1;
        let file = create_segment(&*self.files, &self.dir, segment)
            .map_err(|source| WalError::Cut { segment, source })?;
        self.end_summary();
        let file = std::mem::replace(&mut self.file, file);
        match (self.condition, self.after_failed_sync) {
            (Condition::GivenUp, AfterFailedSync::WriteAgain) => {
                self.given_up.push(GivenUp { file, synced_size: self.synced_size });
                self.must_write_again = true;
            }
            (Condition::Good, AfterFailedSync::GoOn) if self.has_unsynced => {
                self.ended.push(EndedSegment { segment: self.segment, file });
            }
            _ => {}
        }
        (self.condition, self.trouble) = (Condition::Good, None);
        self.segment = segment;
        (self.size, self.synced_size, self.has_unsynced) = (0, 0, false);
        self.stats.segment = segment;
        if self.ended.len() > ENDED_MAX {
            // Nobody came to sync them.
            let start = self.clock.elapsed();
            let outcome = self.ended.remove(0).sync();
            self.count_sync(&outcome, self.clock.elapsed().saturating_sub(start));
        }
        Ok(())
    }

    /// Fills the last page with zeros.
    fn pad(&mut self) -> Result<(), WalError> {
        self.out.clear();
        self.out.resize(frame::padding(self.size), 0);
        self.flush()
    }
}

impl Unsynced {
    fn push(&mut self, record: &[u8]) {
        self.bytes.extend_from_slice(record);
        self.ends.push(self.bytes.len());
    }

    fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| &self.bytes[start..*end])
    }

    /// Forgets the first `count` records.
    fn forget_first(&mut self, count: usize) {
        let size = count.checked_sub(1).map_or(0, |last| self.ends[last]);
        self.bytes.drain(..size);
        self.ends.drain(..count);
        self.ends.iter_mut().for_each(|end| *end -= size);
        // A slow disk let them become more than usual.
        self.bytes.shrink_to(UNSYNCED_SIZE_MAX);
    }

    fn clear(&mut self) {
        self.ends.clear();
        self.bytes.clear();
    }
}

/// Stands where no segment was started.
#[derive(Debug)]
struct NoFile;

impl AppendFile for NoFile {
    fn append(&mut self, _: &[u8]) -> io::Result<()> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn try_clone(&self) -> io::Result<Box<dyn AppendFile>> {
        Ok(Box::new(Self))
    }

    fn truncate(&mut self, _: u64) -> io::Result<()> {
        Ok(())
    }

    fn size(&self) -> io::Result<u64> {
        Ok(0)
    }
}

/// The name of a segment must outlast a crash as its bytes do.
fn create_segment(files: &dyn Files, dir: &Path, segment: u64) -> io::Result<Box<dyn AppendFile>> {
    // One that an earlier segment of this number left, which a crash took.
    let _ = files.remove_file(&summary::path(dir, segment));
    let file = files.open_append(&segment_path(dir, segment))?;
    files.sync_dir(dir)?;
    Ok(file)
}

/// The most ended segments that wait for their sync. Each is a file that is held open.
const ENDED_MAX: usize = 8;

/// How long commits are refused after a failed sync, so that a broken disk does not fill up with
/// segments that were given up.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// The most that is kept to be written again, in bytes: there is a sync before it becomes more.
const UNSYNCED_SIZE_MAX: usize = 16 << 20;
