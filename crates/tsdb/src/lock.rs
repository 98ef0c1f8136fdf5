//! The lock of a data directory, also where the disk has no room for its file.
//!
//! Where the file is missing nobody holds it, so reading does no harm without. Nothing is written until
//! it is taken, though: [`LockingFiles`] takes it before the first change that there is room for.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use narthex_host::{AppendFile, DirEntry, FileLock, Files, ReadFile, WriteFile};
use parking_lot::Mutex;

use crate::OpenError;
use crate::reserve::{self, is_full};

/// The files of a folder and the lock, where it is held.
pub(crate) type Locked = (Arc<dyn Files>, Option<Box<dyn FileLock>>);

/// Makes the folder `dir` and takes its lock. Where there is no room for that, not even where reserved
/// space is given back, the files refuse every change until there is.
pub(crate) fn take(files: Arc<dyn Files>, dir: &Path) -> Result<Locked, OpenError> {
    make_dir(&*files, dir)?;
    let path = dir.join("lock");
    let lock = files.lock(&path).or_else(|error| {
        if is_full(&error) && reserve::remove(&*files, dir).is_ok() {
            return files.lock(&path);
        }
        Err(error)
    });
    match lock {
        Ok(lock) => Ok((files, Some(lock))),
        Err(error) if is_full(&error) => {
            tracing::warn!(path = %path.display(), "no space for the lock file: nothing is written until there is some");
            Ok((Arc::new(LockingFiles { files, path, lock: Mutex::new(None) }), None))
        }
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            Err(OpenError::Locked { path: dir.to_owned() })
        }
        Err(source) => Err(OpenError::Prepare { path: dir.to_owned(), source }),
    }
}

/// Makes the folder `dir`, where it is missing.
pub(crate) fn make_dir(files: &dyn Files, dir: &Path) -> Result<(), OpenError> {
    if files.list_dir(dir).is_ok() {
        return Ok(());
    }
    files.create_dir_all(dir).map_err(|source| OpenError::Prepare { path: dir.to_owned(), source })
}

/// Files of a folder whose lock is taken with the first change.
#[derive(Debug)]
struct LockingFiles {
    files: Arc<dyn Files>,
    path: PathBuf,
    lock: Mutex<Option<Box<dyn FileLock>>>,
}

impl LockingFiles {
    /// Returns the files, for a change.
    fn locked(&self) -> io::Result<&dyn Files> {
        let mut lock = self.lock.lock();
        if lock.is_none() {
            *lock = Some(self.files.lock(&self.path)?);
            tracing::info!(path = %self.path.display(), "took the lock file");
        }
        Ok(&*self.files)
    }
}

impl Files for LockingFiles {
    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        self.locked()?.create_dir_all(path)
    }

    fn list_dir(&self, path: &Path) -> io::Result<Vec<DirEntry>> {
        self.files.list_dir(path)
    }

    fn open_append(&self, path: &Path) -> io::Result<Box<dyn AppendFile>> {
        self.locked()?.open_append(path)
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn WriteFile>> {
        self.locked()?.create(path)
    }

    fn open_read(&self, path: &Path) -> io::Result<Box<dyn ReadFile>> {
        self.files.open_read(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.locked()?.rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.locked()?.remove_file(path)
    }

    fn remove_dir_all(&self, path: &Path) -> io::Result<()> {
        self.locked()?.remove_dir_all(path)
    }

    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.locked()?.hard_link(from, to)
    }

    fn capacity(&self, path: &Path) -> io::Result<u64> {
        self.files.capacity(path)
    }

    fn available(&self, path: &Path) -> io::Result<u64> {
        self.files.available(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.locked()?.sync_dir(path)
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn FileLock>> {
        self.files.lock(path)
    }
}
