use std::io;
use std::path::PathBuf;

use narthex_host::Host;

use super::WalError;
use super::summary::LogRecord;
use super::writer::{AfterFailedSync, Writer};
use crate::Options;

/// Records on their way to a folder of their own: a checkpoint or a memory snapshot, which is whole or
/// nothing.
pub(super) struct Output {
    writer: Writer,
    batch: Vec<LogRecord>,
    size: usize,
}

impl Output {
    /// Starts the first segment in `dir`.
    pub(super) fn create(host: &Host, dir: PathBuf, options: &Options) -> io::Result<Self> {
        let writer = Writer::create(host, dir, 0, options, AfterFailedSync::Fail)?;
        Ok(Self { writer, batch: Vec::new(), size: 0 })
    }

    pub(super) fn push(&mut self, encode: impl FnOnce(&mut Vec<u8>)) {
        let mut record = Vec::new();
        encode(&mut record);
        self.push_record(record);
    }

    pub(super) fn push_record(&mut self, record: Vec<u8>) {
        self.size += record.len();
        self.batch.push(record.into());
    }

    pub(super) fn flush_where_due(&mut self) -> Result<(), WalError> {
        if self.size < BATCH_SIZE { Ok(()) } else { self.flush() }
    }

    /// Writes what is left, and forces everything to the disk.
    pub(super) fn finish(mut self) -> Result<(), WalError> {
        self.flush()?;
        self.writer.finish()
    }

    fn flush(&mut self) -> Result<(), WalError> {
        if !self.batch.is_empty() {
            self.writer.log(&self.batch)?;
        }
        self.batch.clear();
        self.size = 0;
        Ok(())
    }
}

/// How much is gathered before it is written, in bytes.
const BATCH_SIZE: usize = 1 << 20;
