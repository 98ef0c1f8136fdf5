//! What a database holds in memory, read from its folder.

use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use narthex_host::Host;

use crate::clock_guard::ClockGuard;
use crate::head::{Head, Replayer};
use crate::head_chunks::HeadChunks;
use crate::wal::{self, Coverage, MemorySnapshot, Progress, ReplayReport};
use crate::{Corruption, OpenError, Options, ReplayStats};

/// The folder of a database, and how it is opened.
pub(crate) struct Recovery<'a> {
    pub(crate) host: &'a Host,
    pub(crate) dir: &'a Path,
    pub(crate) options: &'a Options,
    /// What is older is in blocks.
    pub(crate) min_valid_ms: Option<i64>,
    /// Against samples of the future, for the head that is to be.
    pub(crate) guard: Option<&'a Arc<ClockGuard>>,
}

/// What a database holds in memory once all was read, and what was to say of that.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) head: Head,
    pub(crate) corruptions: Vec<Corruption>,
    pub(crate) replay: ReplayStats,
}

/// A head that is being read, and what the log held beside it.
pub(crate) type Recovered = (Replayer, ReplayReport);

impl Recovery<'_> {
    /// Reads full chunks, and the rest from some segments of the write-ahead log.
    pub(crate) fn read_log(
        &self,
        part: Range<u64>,
        progress: &Progress,
    ) -> Result<Recovered, OpenError> {
        let (mut replayer, _) = self.open_chunks()?;
        let coverage = replayer.coverage();
        let report = self.read(&mut replayer, part, &coverage, progress)?;
        Ok((replayer, report))
    }

    /// Reads some more segments of the write-ahead log.
    pub(crate) fn read_part(
        &self,
        replayer: &mut Replayer,
        part: Range<u64>,
        progress: &Progress,
    ) -> Result<ReplayReport, OpenError> {
        self.read(replayer, part, &Coverage::none(), progress)
    }

    fn read(
        &self,
        replayer: &mut Replayer,
        part: Range<u64>,
        coverage: &Coverage,
        progress: &Progress,
    ) -> Result<ReplayReport, OpenError> {
        let (files, wal_dir) = (&*self.host.files, self.wal_dir());
        wal::replay_part(files, &wal_dir, part, coverage, progress, replayer)
            .map_err(|source| OpenError::Replay { path: wal_dir, source })
    }

    /// Reads full chunks, and the rest from a memory snapshot. `None` where there is none to use, with
    /// the number of those that are damaged.
    pub(crate) fn read_snapshot(&self) -> Result<Result<Recovered, u64>, OpenError> {
        let snapshot = if self.options.memory_snapshot { self.snapshot() } else { None };
        match snapshot {
            None => Ok(Err(0)),
            Some(snapshot) => Ok(self.restore(&snapshot)?.ok_or(1)),
        }
    }

    /// Makes a head of what was read. With it comes what is read from the log of samples out of order.
    pub(crate) fn finish(&self, (replayer, report): Recovered) -> Result<Loaded, OpenError> {
        let cut_bytes = report.cut_bytes();
        let (mut head, mut replay, leftovers) = replayer.finish(self.options);
        replay.corruptions = report.corruptions.len() as u64;
        replay.repaired_records = report.repaired_records;
        replay.quarantined_bytes = report.quarantined_bytes;
        replay.cut_bytes = cut_bytes;
        let mut corruptions = report.corruptions;
        let wbl_dir = self.wbl_dir();
        let (host, options) = (self.host, self.options);
        let more = head.open_out_of_order(host, &wbl_dir, options, leftovers, &mut replay);
        corruptions.extend(more.map_err(|source| OpenError::Replay { path: wbl_dir, source })?);
        head.set_guard(self.guard.cloned());
        let loaded = Loaded { head, corruptions, replay };
        loaded.warn_of_losses(self.dir);
        Ok(loaded)
    }

    /// Returns the folder of the write-ahead log.
    pub(crate) fn wal_dir(&self) -> PathBuf {
        self.dir.join(WAL_NAME)
    }

    fn wbl_dir(&self) -> PathBuf {
        self.dir.join(WBL_NAME)
    }

    /// Returns a head with its full chunks, and whether some were damaged.
    fn open_chunks(&self) -> Result<(Replayer, bool), OpenError> {
        let mut replayer = Replayer::new(self.options, self.min_valid_ms);
        let chunks_dir = self.dir.join("chunks_head");
        let fail = |source| OpenError::Prepare { path: chunks_dir.clone(), source };
        let files = Arc::clone(&self.host.files);
        let add = |found| replayer.add_chunk(found);
        let (files, report) = HeadChunks::open(files, chunks_dir.clone(), add).map_err(fail)?;
        if let Some(file) = &report.damaged_file {
            let dropped_bytes = report.dropped_bytes;
            tracing::warn!(path = %file.display(), dropped_bytes, "dropped damaged head chunks; the log has their samples");
        }
        replayer.set_files(files);
        replayer.count_damaged_files(u64::from(report.damaged_file.is_some()));
        Ok((replayer, report.damaged_file.is_some()))
    }

    /// Returns the snapshot that stands for the whole log.
    fn snapshot(&self) -> Option<MemorySnapshot> {
        let found = MemorySnapshot::find(&*self.host.files, self.dir, &self.wal_dir());
        found.unwrap_or_else(|error| {
            tracing::warn!(%error, "memory snapshots cannot be listed");
            None
        })
    }

    /// Returns what the snapshot tells; `None` where the log must be read all the same.
    fn restore(&self, snapshot: &MemorySnapshot) -> Result<Option<Recovered>, OpenError> {
        let (mut replayer, has_damaged_chunks) = self.open_chunks()?;
        if has_damaged_chunks {
            return Ok(None);
        }
        let read = snapshot.read(&*self.host.files, |record| replayer.restore(record));
        let path = snapshot.path.display();
        let reason = match read {
            Ok(true) if replayer.is_restored() => {
                let wal_dir = self.wal_dir();
                let report = ReplayReport::unread(&*self.host.files, &wal_dir);
                let fail = |source| OpenError::Replay { path: wal_dir, source };
                return Ok(Some((replayer, report.map_err(fail)?)));
            }
            Ok(_) => io::Error::from(io::ErrorKind::InvalidData),
            Err(error) => error,
        };
        tracing::warn!(%path, error = %reason, "memory snapshot is damaged; the log is read");
        Ok(None)
    }
}

impl Loaded {
    /// Returns what a database holds of which the log is left as it is.
    pub(crate) fn nothing(options: &Options, min_valid_ms: Option<i64>) -> Self {
        let (head, replay, _) = Replayer::new(options, min_valid_ms).finish(options);
        Self { head, corruptions: Vec::new(), replay }
    }

    fn warn_of_losses(&self, path: &Path) {
        for corruption in &self.corruptions {
            tracing::warn!(
                path = %corruption.path.display(),
                offset = corruption.offset,
                reason = %corruption.reason,
                "damaged record in the write-ahead log"
            );
        }
        let ReplayStats { unknown, records_unknown, .. } = self.replay;
        let unknown_series = unknown.total();
        if unknown_series + records_unknown > 0 {
            tracing::warn!(
                path = %path.display(),
                unknown_series,
                records_unknown,
                "parts of the write-ahead log were passed over"
            );
        }
    }
}

/// The folder of the write-ahead log.
pub(crate) const WAL_NAME: &str = "wal";
/// The folder of the log of out-of-order samples.
pub(crate) const WBL_NAME: &str = "wbl";
