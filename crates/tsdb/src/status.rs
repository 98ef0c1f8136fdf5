//! Whether a database takes samples, and what it does where it cannot.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use narthex_host::Files;

/// Whether a database takes samples, and if not, why. It answers queries in any case.
///
/// As text it says so in one line.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Status {
    /// It takes samples.
    Ready,
    /// It takes samples, and the write-ahead log is not read to its end: see
    /// [`Db::load`](crate::Db::load).
    Loading,
    /// The write-ahead log cannot be written: the disk is full, or broken. Each commit tries again, and
    /// so does [`Db::sync_where_due`](crate::Db::sync_where_due).
    ReadOnly {
        /// The last error.
        reason: Arc<str>,
    },
    /// Start-ups were killed while they read the write-ahead log, as where it needs more memory than
    /// there is. This one left the log as it is: blocks can be queried, nothing can be appended.
    /// [`Db::close`](crate::Db::close) lets the next one try again.
    Safe {
        /// How many start-ups in a row were killed.
        killed: u64,
    },
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ready => f.write_str("ready"),
            Self::Loading => f.write_str("recent data is still loading"),
            Self::ReadOnly { reason } => {
                write!(f, "read-only: the write-ahead log cannot be written: {reason}")
            }
            Self::Safe { killed } => write!(
                f,
                "safe mode: {killed} start-ups were killed while they read the write-ahead log, which is left as it is"
            ),
        }
    }
}

/// Counts start-ups that did not get to their end: a file with a byte for each.
///
/// What is in it is not synced: a killed process leaves it all the same, and a machine that stops is no
/// reason to try less often. That it is gone is synced, or a machine that stops later would bring it back.
#[derive(Clone, Debug)]
pub(crate) struct StartUps {
    files: Arc<dyn Files>,
    path: PathBuf,
}

impl StartUps {
    /// Names the file in the folder of a database.
    pub(crate) fn new(files: Arc<dyn Files>, dir: &Path) -> Self {
        Self { files, path: dir.join("start-ups") }
    }

    /// Returns how many start-ups before this one did not get to their end.
    pub(crate) fn killed(&self) -> u64 {
        self.files.open_read(&self.path).and_then(|file| file.size()).unwrap_or(0)
    }

    /// Counts this start-up, until [`StartUps::forget`]. Where that fails, it does not count.
    pub(crate) fn count(&self) {
        if let Err(error) =
            self.files.open_append(&self.path).and_then(|mut file| file.append(b"."))
        {
            tracing::warn!(path = %self.path.display(), %error, "start-ups are not counted");
        }
    }

    /// Starts to count from nothing.
    pub(crate) fn forget(&self) {
        let dir = self.path.parent().unwrap_or(Path::new(""));
        match self.files.remove_file(&self.path).and_then(|()| self.files.sync_dir(dir)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(path = %self.path.display(), %error, "cannot be removed for good");
            }
            _ => {}
        }
    }
}
