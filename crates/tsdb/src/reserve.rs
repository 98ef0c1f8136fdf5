//! Space that is kept for when there is no other.

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use narthex_host::Files;
use parking_lot::Mutex;

/// A file that takes space on the disk, and gives it back when the disk is full: so that what makes
/// space can be written.
#[derive(Debug)]
pub(crate) struct Reserve {
    files: Arc<dyn Files>,
    path: PathBuf,
    size: u64,
    is_held: Mutex<bool>,
}

impl Reserve {
    /// Takes `size` bytes in the folder `dir`, where there are as many to spare. 0 takes none.
    pub(crate) fn new(files: Arc<dyn Files>, dir: &Path, size: u64) -> Self {
        let reserve = Self { files, path: dir.join(NAME), size, is_held: Mutex::new(false) };
        reserve.take();
        reserve
    }

    /// Takes the space again, where it was given back and there is as much to spare.
    pub(crate) fn take(&self) {
        let mut is_held = self.is_held.lock();
        if *is_held || self.size == 0 {
            return;
        }
        let found = self.files.open_read(&self.path).and_then(|file| file.size()).unwrap_or(0);
        let missing = self.size.saturating_sub(found);
        let dir = self.path.parent().unwrap_or(Path::new(""));
        // As much again is left to those who append, who must not fail for this file.
        let needed = missing.saturating_mul(2);
        if missing > 0 && self.files.available(dir).unwrap_or(0) < needed {
            return;
        }
        match self.fill() {
            Ok(()) => *is_held = true,
            Err(error) => {
                tracing::warn!(path = %self.path.display(), %error, "no space can be reserved");
                let _ = self.files.remove_file(&self.path);
            }
        }
    }

    /// Runs `act`; where that fails because the disk is full, gives the space back and runs it again.
    pub(crate) fn help<T, E: Error + 'static>(
        &self,
        mut act: impl FnMut() -> Result<T, E>,
    ) -> Result<T, E> {
        match act() {
            Err(error) if is_full(&error) && self.give_back() => act(),
            outcome => outcome,
        }
    }

    /// Returns whether there was any.
    fn give_back(&self) -> bool {
        let mut is_held = self.is_held.lock();
        if !*is_held {
            return false;
        }
        tracing::warn!(path = %self.path.display(), "the disk is full: reserved space is used");
        *is_held = false;
        self.files.remove_file(&self.path).is_ok()
    }

    fn fill(&self) -> io::Result<()> {
        let mut file = self.files.open_append(&self.path)?;
        let mut size = file.size()?;
        while size < self.size {
            let zeros = [0; WRITE_SIZE];
            let count = usize::try_from(self.size - size).map_or(WRITE_SIZE, |n| n.min(WRITE_SIZE));
            file.append(&zeros[..count])?;
            size += count as u64;
        }
        // Some file systems find places for bytes only now.
        file.sync()
    }
}

/// Gives back the space that an earlier process took in the folder `dir`.
pub(crate) fn remove(files: &dyn Files, dir: &Path) -> io::Result<()> {
    files.remove_file(&dir.join(NAME))
}

/// Returns whether an error comes from a disk without space.
pub(crate) fn is_full(error: &(dyn Error + 'static)) -> bool {
    let mut errors = std::iter::successors(Some(error), |&error| error.source());
    errors.any(|error| {
        let kind = error.downcast_ref::<io::Error>().map(io::Error::kind);
        matches!(kind, Some(io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded))
    })
}

const NAME: &str = "reserve";
const WRITE_SIZE: usize = 64 << 10;
