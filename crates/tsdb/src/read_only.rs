use std::io;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use narthex_host::{Files, Host};

use crate::blocks::LOG_FOLDERS;
use crate::{Block, BlockError, Db, OpenError, Options, Ulid};

/// The folder of a database that is read and not changed: another process may have it open.
///
/// ```no_run
/// use narthex_tsdb::ReadOnlyDb;
///
/// let db = ReadOnlyDb::open("data")?;
/// for block in db.blocks()? {
///     println!("{}", block.meta().ulid);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct ReadOnlyDb {
    host: Host,
    dir: PathBuf,
}

/// Why a folder could not be read as a database.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadOnlyError {
    /// The folder is not there, or is none.
    #[error("opening the db dir: {}", path.display())]
    Open {
        /// The folder.
        path: PathBuf,
        /// The operating system's error.
        source: io::Error,
    },
    /// It holds no block.
    #[error("no blocks found")]
    NoBlocks,
    /// It does not hold this block.
    #[error("invalid block ID {id}")]
    UnknownBlock {
        /// The name asked for.
        id: Box<str>,
    },
    /// A block cannot be read.
    #[error("corrupted block {id}")]
    Block {
        /// Its name.
        id: Ulid,
        /// What is wrong.
        source: BlockError,
    },
    /// A file cannot be brought into the sandbox.
    #[error("setting up sandbox dir {}", path.display())]
    Sandbox {
        /// The folder of the sandbox.
        path: PathBuf,
        /// The operating system's error.
        source: io::Error,
    },
    /// What is in the sandbox cannot be opened.
    #[error("open the sandbox")]
    OpenSandbox(#[from] OpenError),
}

impl ReadOnlyDb {
    /// Opens the folder `dir`.
    ///
    /// # Errors
    ///
    /// [`ReadOnlyError::Open`].
    pub fn open(dir: impl Into<PathBuf>) -> Result<Self, ReadOnlyError> {
        Self::open_with(Host::real(), dir)
    }

    /// As [`ReadOnlyDb::open`], on the files of `host`.
    ///
    /// # Errors
    ///
    /// As [`ReadOnlyDb::open`].
    pub fn open_with(host: Host, dir: impl Into<PathBuf>) -> Result<Self, ReadOnlyError> {
        let dir = dir.into();
        match host.files.list_dir(&dir) {
            Ok(_) => Ok(Self { host, dir }),
            Err(source) => Err(ReadOnlyError::Open { path: dir, source }),
        }
    }

    /// Returns the blocks, in order of their first times. One that cannot be read does not matter where
    /// another was made of it.
    ///
    /// # Errors
    ///
    /// [`ReadOnlyError::Block`] for the first that cannot be read.
    pub fn blocks(&self) -> Result<Vec<Block>, ReadOnlyError> {
        let (mut blocks, mut failed) = (Vec::new(), Vec::new());
        for id in self.block_ids()? {
            match self.open_block(id) {
                Ok(block) => blocks.push(block),
                Err(source) => failed.push((id, source)),
            }
        }
        blocks.sort_by_key(|block| block.meta().min_ms);
        let is_replaced = |id: Ulid| {
            let mut metas = blocks.iter().map(Block::meta);
            metas.any(|meta| meta.compaction.parents.iter().any(|parent| parent.ulid == id))
        };
        match failed.into_iter().find(|(id, _)| !is_replaced(*id)) {
            Some((id, source)) => Err(ReadOnlyError::Block { id, source }),
            None => Ok(blocks),
        }
    }

    /// Returns the block `id`; with `None`, the one that was made last.
    ///
    /// # Errors
    ///
    /// Where there is no such block, or it cannot be read.
    pub fn block(&self, id: Option<&str>) -> Result<Block, ReadOnlyError> {
        let ids = self.block_ids()?;
        let found = match id {
            // Of two of one millisecond the first is taken, as the reference takes it.
            None => ids.into_iter().rev().max_by_key(|id| id.timestamp_ms()),
            Some(id) => ids.into_iter().find(|known| known.to_string() == id),
        };
        let none = || match id {
            None => ReadOnlyError::NoBlocks,
            Some(id) => ReadOnlyError::UnknownBlock { id: id.into() },
        };
        let id = found.ok_or_else(none)?;
        self.open_block(id).map_err(|source| ReadOnlyError::Block { id, source })
    }

    /// Brings the database as it is now into a folder of its own in `root`, and opens it there for
    /// queries. What does not change is linked, or copied where `root` is on another file system.
    ///
    /// # Errors
    ///
    /// Where a file cannot be linked, copied or read.
    pub fn sandbox(&self, root: &Path, options: Options) -> Result<Sandbox, ReadOnlyError> {
        let dir = root.join(format!("tmp_dbro_sandbox{}", Ulid::generate(&self.host)));
        let files = &*self.host.files;
        let fail = |source| ReadOnlyError::Sandbox { path: dir.clone(), source };
        files.create_dir_all(&dir).map_err(fail)?;
        let mut sandbox = Sandbox { db: None, host: self.host.clone(), dir: dir.clone() };
        for entry in files.list_dir(&self.dir).map_err(fail)? {
            let is_block = entry.name.parse::<Ulid>().is_ok();
            if entry.is_dir && (is_block || LOG_FOLDERS.contains(&&*entry.name)) {
                let (from, to) = (self.dir.join(&*entry.name), dir.join(&*entry.name));
                bring_folder(files, &from, &to, is_block).map_err(fail)?;
            }
        }
        sandbox.db = Some(Db::open_with(self.host.clone(), &dir, options)?);
        Ok(sandbox)
    }

    fn block_ids(&self) -> Result<Vec<Ulid>, ReadOnlyError> {
        let entries = self.host.files.list_dir(&self.dir);
        let entries =
            entries.map_err(|source| ReadOnlyError::Open { path: self.dir.clone(), source })?;
        let folders = entries.into_iter().filter(|entry| entry.is_dir);
        Ok(folders.filter_map(|entry| entry.name.parse().ok()).collect())
    }

    fn open_block(&self, id: Ulid) -> Result<Block, BlockError> {
        Block::open(Arc::clone(&self.host.files), self.dir.join(id.to_string()))
    }
}

/// A database in a folder of its own, which is removed when this is dropped.
#[derive(Debug)]
pub struct Sandbox {
    /// `None` while the folder is filled.
    db: Option<Db>,
    host: Host,
    dir: PathBuf,
}

impl Deref for Sandbox {
    type Target = Db;

    fn deref(&self) -> &Db {
        self.db.as_ref().expect("nobody has a sandbox before it is open")
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.db = None;
        if let Err(error) = self.host.files.remove_dir_all(&self.dir) {
            tracing::warn!(path = %self.dir.display(), %error, "sandbox cannot be removed");
        }
    }
}

/// Links or copies what a folder holds. Logs are copied, for opening a database cuts torn ends off
/// them; blocks change by new files alone.
fn bring_folder(files: &dyn Files, from: &Path, to: &Path, links: bool) -> io::Result<()> {
    let mut folders = vec![(from.to_owned(), to.to_owned())];
    while let Some((from, to)) = folders.pop() {
        files.create_dir_all(&to)?;
        for entry in files.list_dir(&from)? {
            let (from, to) = (from.join(&*entry.name), to.join(&*entry.name));
            if entry.is_dir {
                folders.push((from, to));
            } else if !links || files.hard_link(&from, &to).is_err() {
                copy(files, &from, &to)?;
            }
        }
    }
    Ok(())
}

fn copy(files: &dyn Files, from: &Path, to: &Path) -> io::Result<()> {
    let source = files.open_read(from)?;
    let mut target = files.open_append(to)?;
    let mut buffer = vec![0; COPY_SIZE];
    let mut offset = 0;
    loop {
        let count = source.read_at(offset, &mut buffer)?;
        if count == 0 {
            return Ok(());
        }
        target.append(&buffer[..count])?;
        offset += count as u64;
    }
}

/// What is copied at a time, in bytes.
const COPY_SIZE: usize = 1 << 20;
