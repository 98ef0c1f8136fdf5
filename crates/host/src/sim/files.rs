use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use super::Fault;
use super::disk::{Disk, FileId};
use crate::{AppendFile, DirEntry, FileLock, Files, ReadFile, SeededRandom, SimClock, WriteFile};

/// Files in memory that fail and crash on command.
///
/// Every call that changes something counts: creating, appending, syncing, truncating, renaming,
/// removing, locking. A test that fails call 0, then 1, then 2, until a run needs fewer, has seen
/// every disk error that its subject can meet.
#[derive(Debug)]
pub struct SimFiles {
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    disk: Disk,
    random: SeededRandom,
    call_count: u64,
    faults: BTreeMap<u64, Fault>,
    faults_from: Option<(u64, Fault)>,
    locks: BTreeSet<PathBuf>,
    capacity: Option<u64>,
    sync_time: Duration,
    holds_syncs: bool,
    /// How many syncs are held, and what tells them that they are not any more.
    held_syncs: usize,
    released: Arc<Condvar>,
    clock: Arc<SimClock>,
    /// How many bytes all files may have.
    space: Option<usize>,
    /// Rises with each crash; handles of an earlier life are dead.
    life: u64,
}

impl SimFiles {
    pub(super) fn new(seed: u64, clock: Arc<SimClock>) -> Self {
        let state = State {
            disk: Disk::default(),
            random: SeededRandom::new(seed),
            call_count: 0,
            faults: BTreeMap::new(),
            faults_from: None,
            locks: BTreeSet::new(),
            capacity: None,
            sync_time: Duration::ZERO,
            holds_syncs: false,
            held_syncs: 0,
            released: Arc::default(),
            clock,
            space: None,
            life: 0,
        };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    /// Returns how many changing calls there were so far: the number of the next one.
    #[must_use]
    pub fn call_count(&self) -> u64 {
        self.state.lock().call_count
    }

    /// Lets the changing call with the number `call` fail.
    pub fn fail_call(&self, call: u64, fault: Fault) {
        self.state.lock().faults.insert(call, fault);
    }

    /// Lets every changing call from the number `call` on fail, until [`SimFiles::repair`].
    pub fn fail_from(&self, call: u64, fault: Fault) {
        self.state.lock().faults_from = Some((call, fault));
    }

    /// Forgets all faults that are still to come.
    pub fn repair(&self) {
        let mut state = self.state.lock();
        state.faults.clear();
        state.faults_from = None;
    }

    /// Sets the size of the disk in bytes, which nobody has to keep to. Until then it is unknown.
    pub fn set_capacity(&self, size_bytes: u64) {
        self.state.lock().capacity = Some(size_bytes);
    }

    /// Lets so much time pass with each sync of a file, as on a slow disk.
    pub fn set_sync_time(&self, sync_time: Duration) {
        self.state.lock().sync_time = sync_time;
    }

    /// Lets syncs of files wait, in the threads that ask for them, or lets go those that do.
    pub fn hold_syncs(&self, holds: bool) {
        let mut state = self.state.lock();
        state.holds_syncs = holds;
        state.released.notify_all();
    }

    /// Returns how many syncs wait: see [`SimFiles::hold_syncs`].
    #[must_use]
    pub fn held_syncs(&self) -> usize {
        self.state.lock().held_syncs
    }

    /// Lets the disk have room for so many bytes of files: what is appended beyond is
    /// [`Fault::ShortWrite`]. `None` is room without an end, as at first.
    pub fn set_space(&self, size_bytes: Option<usize>) {
        self.state.lock().space = size_bytes;
    }

    /// Returns how many bytes the files have that have a name.
    #[must_use]
    pub fn used_space(&self) -> usize {
        self.state.lock().disk.used_space()
    }

    /// Stops the machine and starts it again: what was synced is there, and of the rest what the
    /// seed decides, by sectors of 512 bytes. Locks are free, and open files are dead.
    pub fn crash(&self) {
        let mut state = self.state.lock();
        let State { disk, random, .. } = &mut *state;
        disk.crash(random);
        state.locks.clear();
        state.life += 1;
    }

    /// Changes the bytes of `path` behind every program's back, as a bad disk does.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::NotFound`] where it is missing.
    pub fn edit(&self, path: &Path, change: impl FnOnce(&mut Vec<u8>)) -> io::Result<()> {
        let mut state = self.state.lock();
        let file = state.disk.find(path)?;
        change(state.disk.bytes_mut(file));
        state.disk.sync(file);
        Ok(())
    }
}

impl State {
    /// Counts a changing call, and fails it where a test asked for that.
    fn call(&mut self) -> Result<(), Fault> {
        let call = self.call_count;
        self.call_count += 1;
        let lasting = self.faults_from.filter(|(from, _)| *from <= call).map(|(_, fault)| fault);
        self.faults.remove(&call).or(lasting).map_or(Ok(()), Err)
    }

    fn check_life(&self, life: u64) -> io::Result<()> {
        if self.life == life {
            Ok(())
        } else {
            Err(io::Error::other("the machine crashed since the file was opened"))
        }
    }
}

fn to_io(fault: Fault) -> io::Error {
    match fault {
        Fault::NoSpace | Fault::ShortWrite => io::ErrorKind::StorageFull.into(),
        Fault::Io => io::Error::other("input/output error"),
    }
}

impl Files for SimFiles {
    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state.lock();
        state.call().map_err(to_io)?;
        state.disk.create_dir_all(path);
        Ok(())
    }

    fn list_dir(&self, path: &Path) -> io::Result<Vec<DirEntry>> {
        self.state.lock().disk.list_dir(path)
    }

    fn open_append(&self, path: &Path) -> io::Result<Box<dyn AppendFile>> {
        let mut state = self.state.lock();
        state.call().map_err(to_io)?;
        let file = state.disk.find_or_create(path)?;
        Ok(Box::new(SimFile { state: Arc::clone(&self.state), life: state.life, file }))
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn WriteFile>> {
        let mut state = self.state.lock();
        state.call().map_err(to_io)?;
        let file = state.disk.find_or_create(path)?;
        state.disk.truncate(file, 0);
        Ok(Box::new(SimFile { state: Arc::clone(&self.state), life: state.life, file }))
    }

    fn open_read(&self, path: &Path) -> io::Result<Box<dyn ReadFile>> {
        let state = self.state.lock();
        let file = state.disk.find(path)?;
        Ok(Box::new(SimFile { state: Arc::clone(&self.state), life: state.life, file }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state.lock();
        state.call().map_err(to_io)?;
        state.disk.rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state.lock();
        state.call().map_err(to_io)?;
        state.disk.remove(path)
    }

    fn remove_dir_all(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state.lock();
        state.call().map_err(to_io)?;
        state.disk.remove_dir_all(path)
    }

    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state.lock();
        state.call().map_err(to_io)?;
        state.disk.hard_link(from, to)
    }

    fn capacity(&self, _: &Path) -> io::Result<u64> {
        self.state.lock().capacity.ok_or_else(|| io::ErrorKind::Unsupported.into())
    }

    fn available(&self, _: &Path) -> io::Result<u64> {
        let state = self.state.lock();
        let space = state.space.ok_or(io::ErrorKind::Unsupported)?;
        Ok(space.saturating_sub(state.disk.used_space()) as u64)
    }

    fn sync_dir(&self, _: &Path) -> io::Result<()> {
        let mut state = self.state.lock();
        state.call().map_err(to_io)?;
        state.disk.sync_names();
        Ok(())
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn FileLock>> {
        let mut state = self.state.lock();
        state.call().map_err(to_io)?;
        if !state.locks.insert(path.to_owned()) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let (path, life) = (path.to_owned(), state.life);
        Ok(Box::new(SimLock { state: Arc::clone(&self.state), life, path }))
    }
}

#[derive(Clone, Debug)]
struct SimFile {
    state: Arc<Mutex<State>>,
    life: u64,
    file: FileId,
}

impl SimFile {
    /// Writes `bytes` over what is behind `start`, and lets the file grow where they are more.
    fn write(&self, state: &mut State, start: usize, bytes: &[u8]) -> io::Result<()> {
        let outcome = state.call();
        let room =
            state.space.map_or(usize::MAX, |space| space.saturating_sub(state.disk.used_space()));
        let size = state.disk.bytes(self.file).len();
        let fits = size.saturating_add(room).saturating_sub(start);
        let outcome = outcome.and(if bytes.len() <= fits { Ok(()) } else { Err(Fault::NoSpace) });
        let written = match outcome {
            Ok(()) => bytes.len(),
            Err(_) if fits < bytes.len() => fits,
            Err(Fault::ShortWrite) => state.random.up_to(bytes.len().saturating_sub(1)),
            Err(Fault::NoSpace | Fault::Io) => 0,
        };
        if written > 0 {
            let held = state.disk.bytes_mut(self.file);
            held.resize(size.max(start + written), 0);
            held[start..start + written].copy_from_slice(&bytes[..written]);
        }
        outcome.map_err(to_io)
    }
}

impl AppendFile for SimFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.state.lock();
        state.check_life(self.life)?;
        let end = state.disk.bytes(self.file).len();
        self.write(&mut state, end, bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut state = self.state.lock();
        state.held_syncs += 1;
        let released = Arc::clone(&state.released);
        released.wait_while(&mut state, |state| state.holds_syncs);
        state.held_syncs -= 1;
        state.check_life(self.life)?;
        state.clock.advance(state.sync_time);
        if let Err(fault) = state.call() {
            state.disk.fail_sync(self.file);
            return Err(to_io(fault));
        }
        state.disk.sync(self.file);
        Ok(())
    }

    fn try_clone(&self) -> io::Result<Box<dyn AppendFile>> {
        Ok(Box::new(self.clone()))
    }

    fn truncate(&mut self, size_bytes: u64) -> io::Result<()> {
        let mut state = self.state.lock();
        state.check_life(self.life)?;
        state.call().map_err(to_io)?;
        let size = usize::try_from(size_bytes).unwrap_or(usize::MAX);
        state.disk.truncate(self.file, size);
        Ok(())
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.state.lock().disk.bytes(self.file).len() as u64)
    }
}

impl WriteFile for SimFile {
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.state.lock();
        state.check_life(self.life)?;
        let start = usize::try_from(offset).map_err(|_| to_io(Fault::NoSpace))?;
        self.write(&mut state, start, bytes)
    }
}

impl ReadFile for SimFile {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let state = self.state.lock();
        state.check_life(self.life)?;
        let bytes = state.disk.bytes(self.file);
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
        let count = buf.len().min(bytes.len() - start);
        buf[..count].copy_from_slice(&bytes[start..start + count]);
        Ok(count)
    }

    fn size(&self) -> io::Result<u64> {
        AppendFile::size(self)
    }
}

#[derive(Debug)]
struct SimLock {
    state: Arc<Mutex<State>>,
    life: u64,
    path: PathBuf,
}

impl FileLock for SimLock {}

impl Drop for SimLock {
    fn drop(&mut self) {
        let mut state = self.state.lock();
        if state.life == self.life {
            state.locks.remove(&self.path);
        }
    }
}
