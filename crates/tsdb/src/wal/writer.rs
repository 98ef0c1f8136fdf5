use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use narthex_host::{AppendFile, Clock, Files, Host};

use super::frame::{self, RECORD_SIZE_MAX, SNAPPY_FLAG};
use super::segment::segment_path;
use crate::{Options, WalCompression, WalStats, WalSync};

/// The end of the write-ahead log.
///
/// A batch of records reaches the file in one write. Where that fails, the file is cut back to its
/// last whole batch before anything else is written, so no torn record is ever followed by a good
/// one. After a failed sync nothing is written any more: the operating system may have dropped the
/// bytes and forgotten that it did.
#[derive(Debug)]
pub(crate) struct Wal {
    files: Arc<dyn Files>,
    clock: Arc<dyn Clock>,
    dir: PathBuf,
    segment_size: u64,
    compression: WalCompression,
    sync: WalSync,
    file: Box<dyn AppendFile>,
    segment: u64,
    /// How many bytes of the segment are whole batches.
    size: u64,
    condition: Condition,
    has_unsynced: bool,
    last_sync: Duration,
    packer: Packer,
    out: Vec<u8>,
    stats: WalStats,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Condition {
    Good,
    /// There may be bytes behind the last whole batch.
    Torn,
    /// A sync failed.
    Refusing,
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
    /// The segment could not be forced to the disk. What was committed since it last was may be
    /// lost when the machine stops, and nothing is written until the database is opened again.
    #[error("sync segment {segment} of the write-ahead log")]
    Sync {
        /// The number of the segment.
        segment: u64,
        /// The operating system's error.
        source: io::Error,
    },
    /// An earlier sync failed.
    #[error("the write-ahead log takes no writes since a sync failed")]
    Refused,
}

impl Wal {
    /// Starts the segment `segment` in `dir`.
    pub(super) fn create(
        host: &Host,
        dir: PathBuf,
        segment: u64,
        options: &Options,
    ) -> io::Result<Self> {
        let file = create_segment(&*host.files, &dir, segment)?;
        Ok(Self {
            files: Arc::clone(&host.files),
            clock: Arc::clone(&host.clock),
            dir,
            segment_size: options.wal_segment_size_bytes,
            compression: options.wal_compression,
            sync: options.wal_sync,
            file,
            segment,
            size: 0,
            condition: Condition::Good,
            has_unsynced: false,
            last_sync: host.clock.elapsed(),
            packer: Packer { encoder: snap::raw::Encoder::new(), packed: Vec::new(), size: 0 },
            out: Vec::new(),
            stats: WalStats { segment, ..WalStats::default() },
        })
    }

    /// Writes a batch of records, and syncs them where that is due.
    pub(crate) fn log(&mut self, records: &[Vec<u8>]) -> Result<(), WalError> {
        let outcome = self.try_log(records);
        self.stats.writes_failed += u64::from(outcome.is_err());
        outcome
    }

    /// Forces everything that was logged to the disk.
    pub(crate) fn sync(&mut self) -> Result<(), WalError> {
        if self.condition == Condition::Refusing {
            return Err(WalError::Refused);
        }
        if !self.has_unsynced {
            return Ok(());
        }
        match self.file.sync() {
            Ok(()) => {
                self.has_unsynced = false;
                self.last_sync = self.clock.elapsed();
                self.stats.syncs += 1;
                Ok(())
            }
            Err(source) => {
                self.condition = Condition::Refusing;
                self.stats.syncs_failed += 1;
                Err(WalError::Sync { segment: self.segment, source })
            }
        }
    }

    /// Ends the segment and forces it to the disk. Nothing can be logged to it afterwards.
    pub(crate) fn finish(&mut self) -> Result<(), WalError> {
        self.recover()?;
        self.pad()?;
        self.sync()
    }

    pub(crate) fn stats(&self) -> WalStats {
        self.stats
    }

    fn try_log(&mut self, records: &[Vec<u8>]) -> Result<(), WalError> {
        if let Some(record) = records.iter().find(|record| record.len() > RECORD_SIZE_MAX) {
            return Err(WalError::TooLarge { size_bytes: record.len() });
        }
        self.recover()?;
        self.out.clear();
        for record in records {
            let flags = self.packer.pack(self.compression, record);
            let size = self.packer.packed(record, flags).len();
            let place = self.size + self.out.len() as u64;
            if place > 0 && !frame::fits(size, place, self.segment_size) {
                self.flush()?;
                self.cut()?;
            }
            let packed = self.packer.packed(record, flags);
            frame::push_record(&mut self.out, self.size, packed, flags);
            self.stats.records += 1;
        }
        self.flush()?;
        let is_due = match self.sync {
            WalSync::Never => false,
            WalSync::Commit => true,
            WalSync::Interval(interval) => self.clock.elapsed() - self.last_sync >= interval,
        };
        if is_due { self.sync() } else { Ok(()) }
    }

    /// Cuts the file back to its last whole batch where a write failed.
    fn recover(&mut self) -> Result<(), WalError> {
        match self.condition {
            Condition::Good => return Ok(()),
            Condition::Refusing => return Err(WalError::Refused),
            Condition::Torn => {}
        }
        // Where this fails too, the next commit tries again before it writes.
        let segment = self.segment;
        self.file.truncate(self.size).map_err(|source| WalError::Write { segment, source })?;
        self.condition = Condition::Good;
        self.stats.truncations += 1;
        Ok(())
    }

    /// Writes what was gathered.
    fn flush(&mut self) -> Result<(), WalError> {
        if self.out.is_empty() {
            return Ok(());
        }
        self.has_unsynced = true;
        if let Err(source) = self.file.append(&self.out) {
            self.condition = Condition::Torn;
            return Err(WalError::Write { segment: self.segment, source });
        }
        self.size += self.out.len() as u64;
        self.stats.written_bytes += self.out.len() as u64;
        self.out.clear();
        Ok(())
    }

    /// Goes on in the next segment.
    fn cut(&mut self) -> Result<(), WalError> {
        self.pad()?;
        self.sync()?;
        let segment = self.segment + 1;
        self.file = create_segment(&*self.files, &self.dir, segment)
            .map_err(|source| WalError::Cut { segment, source })?;
        self.segment = segment;
        self.size = 0;
        self.stats.segment = segment;
        Ok(())
    }

    /// Fills the last page with zeros.
    fn pad(&mut self) -> Result<(), WalError> {
        self.out.clear();
        self.out.resize(frame::padding(self.size), 0);
        self.flush()
    }
}

/// The name of a segment must outlast a crash as its bytes do.
fn create_segment(files: &dyn Files, dir: &Path, segment: u64) -> io::Result<Box<dyn AppendFile>> {
    let file = files.open_append(&segment_path(dir, segment))?;
    files.sync_dir(dir)?;
    Ok(file)
}

/// Compresses records where that makes them smaller.
#[derive(Debug)]
struct Packer {
    encoder: snap::raw::Encoder,
    packed: Vec<u8>,
    size: usize,
}

impl Packer {
    /// Compresses `record`, and returns the flags of its fragments.
    fn pack(&mut self, compression: WalCompression, record: &[u8]) -> u8 {
        if compression == WalCompression::None {
            return 0;
        }
        let bound = snap::raw::max_compress_len(record.len());
        self.packed.resize(bound.max(self.packed.len()), 0);
        // Only a record of more than 4 GiB fails, and stays as it is.
        self.size = self.encoder.compress(record, &mut self.packed).unwrap_or(record.len());
        if self.size < record.len() { SNAPPY_FLAG } else { 0 }
    }

    /// Returns what [`Packer::pack`] made of `record`.
    fn packed<'a>(&'a self, record: &'a [u8], flags: u8) -> &'a [u8] {
        if flags == 0 { record } else { &self.packed[..self.size] }
    }
}
