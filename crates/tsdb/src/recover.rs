//! What a database holds in memory, read from its folder when it is opened.

use std::io;
use std::path::Path;
use std::sync::Arc;

use narthex_host::Host;

use crate::head::Replayer;
use crate::head_chunks::HeadChunks;
use crate::wal::{self, MemorySnapshot, ReplayReport, Wal};
use crate::{OpenError, Options};

/// The folder of a database, and how it is opened.
pub(crate) struct Recovery<'a> {
    pub(crate) host: &'a Host,
    pub(crate) dir: &'a Path,
    pub(crate) wal_dir: &'a Path,
    pub(crate) options: &'a Options,
    /// What is older is in blocks.
    pub(crate) min_valid_ms: Option<i64>,
}

impl Recovery<'_> {
    /// Reads what there is, and starts to go on with the log.
    pub(crate) fn run(&self) -> Result<(Replayer, ReplayReport, Wal), OpenError> {
        let (replayer, report) = self.read()?;
        let wal_dir = self.wal_dir.to_owned();
        let fail = |source| OpenError::Replay { path: self.wal_dir.to_owned(), source };
        let wal = Wal::start(self.host, wal_dir, &report, self.options).map_err(fail)?;
        if self.options.memory_snapshot
            && let Err(error) = wal::remove_memory_snapshots(&*self.host.files, self.dir)
        {
            // The log goes on, so that they will not be taken for its present state.
            tracing::warn!(%error, "used memory snapshots were not removed");
        }
        Ok((replayer, report, wal))
    }

    /// Reads full chunks, and the rest from a memory snapshot or the write-ahead log.
    fn read(&self) -> Result<(Replayer, ReplayReport), OpenError> {
        let mut snapshots_failed = 0;
        if self.options.memory_snapshot
            && let Some(snapshot) = self.snapshot()
        {
            match self.restore(&snapshot)? {
                Some(restored) => return Ok(restored),
                None => snapshots_failed += 1,
            }
        }
        let (mut replayer, _) = self.open_chunks()?;
        replayer.count_failed_snapshots(snapshots_failed);
        let fail = |source| OpenError::Replay { path: self.wal_dir.to_owned(), source };
        let files = &*self.host.files;
        let report = wal::replay(files, self.wal_dir, |record| replayer.apply(record));
        Ok((replayer, report.map_err(fail)?))
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
        Ok((replayer, report.damaged_file.is_some()))
    }

    /// Returns the snapshot that stands for the whole log.
    fn snapshot(&self) -> Option<MemorySnapshot> {
        MemorySnapshot::find(&*self.host.files, self.dir, self.wal_dir).unwrap_or_else(|error| {
            tracing::warn!(%error, "memory snapshots cannot be listed");
            None
        })
    }

    /// Returns what the snapshot tells; `None` where the log must be read all the same.
    fn restore(
        &self,
        snapshot: &MemorySnapshot,
    ) -> Result<Option<(Replayer, ReplayReport)>, OpenError> {
        let (mut replayer, has_damaged_chunks) = self.open_chunks()?;
        if has_damaged_chunks {
            return Ok(None);
        }
        let read = snapshot.read(&*self.host.files, |record| replayer.restore(record));
        let path = snapshot.path.display();
        let reason = match read {
            Ok(true) if replayer.is_restored() => {
                let report = ReplayReport::unread(&*self.host.files, self.wal_dir);
                let fail = |source| OpenError::Replay { path: self.wal_dir.to_owned(), source };
                return Ok(Some((replayer, report.map_err(fail)?)));
            }
            Ok(_) => io::Error::from(io::ErrorKind::InvalidData),
            Err(error) => error,
        };
        tracing::warn!(%path, error = %reason, "memory snapshot is damaged; the log is read");
        Ok(None)
    }
}
