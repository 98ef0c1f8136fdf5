use std::io;

use narthex_host::AppendFile;
use parking_lot::{Condvar, Mutex};

/// A sync of a segment that others go on to write to.
#[derive(Debug)]
pub(super) struct BesideSync {
    file: Mutex<Box<dyn AppendFile>>,
    outcome: Mutex<Option<io::Result<()>>>,
    ended: Condvar,
}

impl BesideSync {
    /// Returns the sync of a file by a handle of its own. Nothing happens yet.
    pub(super) fn new(file: Box<dyn AppendFile>) -> Self {
        Self { file: Mutex::new(file), outcome: Mutex::new(None), ended: Condvar::new() }
    }

    /// Forces the file to the disk. To be called once.
    pub(super) fn run(&self) {
        let outcome = self.file.lock().sync();
        *self.outcome.lock() = Some(outcome);
        self.ended.notify_all();
    }

    /// Waits until the sync has run, and takes what became of it. To be called once.
    pub(super) fn wait(&self) -> io::Result<()> {
        let mut outcome = self.outcome.lock();
        loop {
            if let Some(outcome) = outcome.take() {
                return outcome;
            }
            self.ended.wait(&mut outcome);
        }
    }
}
