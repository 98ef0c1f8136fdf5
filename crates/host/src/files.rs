use std::fmt::Debug;
use std::io;
use std::path::Path;

/// A file system, reduced to what an append-only store needs.
///
/// Nothing is on the disk for good before it is synced: the bytes of a file by
/// [`AppendFile::sync`], the name of a file by [`Files::sync_dir`] of its folder. Errors are those
/// of the operating system, without the path.
pub trait Files: Send + Sync + Debug {
    /// Makes the folder `path` and those above it, where they are missing.
    ///
    /// # Errors
    ///
    /// Those of the operating system, as everywhere in this trait.
    fn create_dir_all(&self, path: &Path) -> io::Result<()>;

    /// Returns what the folder `path` holds, sorted by name. Names that are not Unicode are left
    /// out: no store writes them.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::NotFound`] where there is no such folder.
    fn list_dir(&self, path: &Path) -> io::Result<Vec<DirEntry>>;

    /// Opens `path` for appending, and makes it where it is missing.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::NotFound`] where its folder is missing.
    fn open_append(&self, path: &Path) -> io::Result<Box<dyn AppendFile>>;

    /// Makes `path` an empty file to write at any place; what it held is gone.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::NotFound`] where its folder is missing.
    fn create(&self, path: &Path) -> io::Result<Box<dyn WriteFile>>;

    /// Opens `path` for reading.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::NotFound`] where it is missing.
    fn open_read(&self, path: &Path) -> io::Result<Box<dyn ReadFile>>;

    /// Gives the file or the folder `from` the name `to`: a file in place of one that has it, a
    /// folder where nothing has.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::NotFound`] where `from` is missing.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes the file `path`.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::NotFound`] where it is missing.
    fn remove_file(&self, path: &Path) -> io::Result<()>;

    /// Removes the folder `path` and everything in it.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::NotFound`] where it is missing. On every error a part may be gone.
    fn remove_dir_all(&self, path: &Path) -> io::Result<()>;

    /// Gives the file `from` the name `to` as well.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::NotFound`] where `from` is missing, [`io::ErrorKind::AlreadyExists`] where
    /// `to` is there, and [`io::ErrorKind::Unsupported`] where files have one name only.
    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Returns the size of the file system that holds `path`, in bytes.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::Unsupported`] where that cannot be found out.
    fn capacity(&self, path: &Path) -> io::Result<u64>;

    /// Returns how many bytes of the file system that holds `path` this process may still fill.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::Unsupported`] where that cannot be found out.
    fn available(&self, path: &Path) -> io::Result<u64>;

    /// Makes the names in the folder `path` outlast a crash.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;

    /// Takes the lock file `path`, and makes it where it is missing. Dropping the lock gives it
    /// back and removes the file.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::WouldBlock`] where another process, or another part of this one, has it.
    fn lock(&self, path: &Path) -> io::Result<Box<dyn FileLock>>;
}

/// A file that grows at its end.
pub trait AppendFile: Send + Sync + Debug {
    /// Writes all of `bytes` behind the last byte.
    ///
    /// # Errors
    ///
    /// Any first part of `bytes` may have been written: [`AppendFile::truncate`] takes it back.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Makes every byte outlast a crash.
    ///
    /// # Errors
    ///
    /// The bytes since the last sync may be lost, also where a second try succeeds.
    fn sync(&mut self) -> io::Result<()>;

    /// Returns another handle to the file, whose sync is that of this one: so that one thread may sync what
    /// another goes on to append to.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    fn try_clone(&self) -> io::Result<Box<dyn AppendFile>>;

    /// Drops all bytes from `size_bytes` on.
    ///
    /// # Errors
    ///
    /// Those of the operating system; the file is as it was.
    fn truncate(&mut self, size_bytes: u64) -> io::Result<()>;

    /// Returns how many bytes the file holds.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    fn size(&self) -> io::Result<u64>;
}

/// A file to write to at any place, by several threads. What is written outlasts the process, and
/// nobody says whether it outlasts a crash of the machine.
pub trait WriteFile: Send + Sync + Debug {
    /// Writes all of `bytes` from `offset` on. The file grows where it must, with zeros in between.
    ///
    /// # Errors
    ///
    /// Any part of `bytes` may have been written.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;
}

/// A file to read from at any place, by several threads.
pub trait ReadFile: Send + Sync + Debug {
    /// Fills `buf` with the bytes from `offset` on. Returns how many there were: fewer than asked
    /// for only at the end of the file.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize>;

    /// Returns how many bytes the file holds.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    fn size(&self) -> io::Result<u64>;
}

/// A held lock file. See [`Files::lock`].
pub trait FileLock: Send + Sync + Debug {}

/// One name in a folder.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DirEntry {
    /// The name, without the folder.
    pub name: Box<str>,
    /// Whether it is a folder itself.
    pub is_dir: bool,
}
