use std::io;
use std::path::{Path, PathBuf};

use narthex_chunk::ChunkError;
use narthex_storage::StorageError;

/// Why a block could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BlockError {
    /// A file or a folder could not be read.
    #[error("read {}", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// The operating system's error.
        source: io::Error,
    },
    /// A file or a folder could not be written, renamed or removed.
    #[error("write {}", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// The operating system's error.
        source: io::Error,
    },
    /// What a file holds cannot be what was written.
    #[error("{} is damaged at byte {offset}: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where in it.
        offset: u64,
        /// What is wrong.
        reason: &'static str,
    },
    /// `meta.json` does not say what it has to.
    #[error("understand {}", path.display())]
    Meta {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// A chunk cannot be decoded.
    #[error("decode a chunk of {}", path.display())]
    Chunk {
        /// The folder of the block.
        path: PathBuf,
        /// What is wrong.
        source: ChunkError,
    },
    /// A series of the head cannot be read.
    #[error("read the head of {}", path.display())]
    Head {
        /// The folder of the database.
        path: PathBuf,
        /// What is wrong.
        source: StorageError,
    },
    /// Whoever owns the database asked for an end.
    #[error("write a block of {}: interrupted", path.display())]
    Interrupted {
        /// The folder of the database.
        path: PathBuf,
    },
    /// The block would not fit the format, which numbers things with 32 bits.
    #[error("{} would grow beyond what the format holds: {what}", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// What there is too much of.
        what: &'static str,
    },
}

impl BlockError {
    /// Returns the file or the folder that the error is about.
    #[must_use]
    pub fn path(&self) -> &Path {
        match self {
            Self::Read { path, .. }
            | Self::Write { path, .. }
            | Self::Damaged { path, .. }
            | Self::Meta { path, .. }
            | Self::Chunk { path, .. }
            | Self::Head { path, .. }
            | Self::Interrupted { path }
            | Self::TooLarge { path, .. } => path,
        }
    }

    pub(crate) fn read(path: &Path, source: io::Error) -> Self {
        Self::Read { path: path.to_owned(), source }
    }

    pub(crate) fn write(path: &Path, source: io::Error) -> Self {
        Self::Write { path: path.to_owned(), source }
    }

    pub(crate) fn damaged(path: &Path, offset: u64, reason: &'static str) -> Self {
        Self::Damaged { path: path.to_owned(), offset, reason }
    }
}
