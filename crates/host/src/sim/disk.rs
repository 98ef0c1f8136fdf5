//! What lies on a simulated disk: what programs see, and what a crash would leave.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use crate::{DirEntry, SeededRandom};

/// Disks write whole sectors: a crash keeps or loses unsynced bytes by this many.
const SECTOR_SIZE: usize = 512;

/// A file's number, which renames do not change.
pub(super) type FileId = usize;

#[derive(Debug, Default)]
pub(super) struct Disk {
    /// Indexed by [`FileId`]; removed files stay for those who hold them open.
    files: Vec<File>,
    names: BTreeMap<PathBuf, FileId>,
    /// Folders outlast a crash at once: a simplification that no caller gains from, as a store
    /// makes them before anything is promised.
    dirs: BTreeSet<PathBuf>,
    durable_names: BTreeMap<PathBuf, FileId>,
    /// What was done to names since they were last synced, in order.
    journal: Vec<NameChange>,
}

#[derive(Debug, Default)]
struct File {
    bytes: Vec<u8>,
    durable: Vec<u8>,
}

#[derive(Clone, Debug)]
enum NameChange {
    Set(PathBuf, FileId),
    Remove(PathBuf),
    Rename(PathBuf, PathBuf),
}

impl Disk {
    pub(super) fn create_dir_all(&mut self, path: &Path) {
        self.dirs.extend(path.ancestors().map(Path::to_owned));
    }

    pub(super) fn list_dir(&self, path: &Path) -> io::Result<Vec<DirEntry>> {
        self.check_dir(path)?;
        let files = self.names.keys().map(|name| (name, false));
        let dirs = self.dirs.iter().map(|name| (name, true));
        let mut entries = files
            .chain(dirs)
            .filter(|(name, _)| name.parent() == Some(path))
            .filter_map(|(name, is_dir)| {
                Some(DirEntry { name: name.file_name()?.to_str()?.into(), is_dir })
            })
            .collect::<Vec<_>>();
        entries.sort_unstable();
        Ok(entries)
    }

    pub(super) fn find(&self, path: &Path) -> io::Result<FileId> {
        self.names.get(path).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    pub(super) fn find_or_create(&mut self, path: &Path) -> io::Result<FileId> {
        if let Ok(file) = self.find(path) {
            return Ok(file);
        }
        self.check_dir(path.parent().unwrap_or(Path::new("")))?;
        self.files.push(File::default());
        let file = self.files.len() - 1;
        self.change_name(NameChange::Set(path.to_owned(), file));
        Ok(file)
    }

    pub(super) fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        self.find(from)?;
        self.change_name(NameChange::Rename(from.to_owned(), to.to_owned()));
        Ok(())
    }

    pub(super) fn remove(&mut self, path: &Path) -> io::Result<()> {
        self.find(path)?;
        self.change_name(NameChange::Remove(path.to_owned()));
        Ok(())
    }

    pub(super) fn sync_names(&mut self) {
        // A file system that journals names writes them in order, so one folder brings the others
        // up to date with it.
        self.journal.clear();
        self.durable_names.clone_from(&self.names);
    }

    pub(super) fn bytes(&self, file: FileId) -> &[u8] {
        &self.files[file].bytes
    }

    pub(super) fn bytes_mut(&mut self, file: FileId) -> &mut Vec<u8> {
        &mut self.files[file].bytes
    }

    pub(super) fn sync(&mut self, file: FileId) {
        let File { bytes, durable } = &mut self.files[file];
        durable.clone_from(bytes);
    }

    /// Keeps what was synced, and by chance some of the rest.
    pub(super) fn crash(&mut self, random: &SeededRandom) {
        let kept = random.up_to(self.journal.len());
        for change in self.journal.drain(..).take(kept) {
            apply(&mut self.durable_names, &change);
        }
        self.names.clone_from(&self.durable_names);
        for file in &mut self.files {
            file.crash(random);
        }
    }

    fn check_dir(&self, path: &Path) -> io::Result<()> {
        let exists = path.as_os_str().is_empty() || self.dirs.contains(path);
        if exists { Ok(()) } else { Err(io::ErrorKind::NotFound.into()) }
    }

    fn change_name(&mut self, change: NameChange) {
        apply(&mut self.names, &change);
        self.journal.push(change);
    }
}

impl File {
    fn crash(&mut self, random: &SeededRandom) {
        let Self { bytes, durable } = self;
        let same = durable.iter().zip(&*bytes).take_while(|(a, b)| a == b).count();
        let was_truncated = same < durable.len();
        if was_truncated && random.up_to(1) == 0 {
            bytes.clone_from(durable);
            return;
        }
        // The size may reach the disk before the sectors that it covers.
        bytes.truncate(same + random.up_to(bytes.len() - same));
        for sector in bytes[same..].chunks_mut(SECTOR_SIZE) {
            if random.up_to(3) == 0 {
                sector.fill(0);
            }
        }
        durable.clone_from(bytes);
    }
}

fn apply(names: &mut BTreeMap<PathBuf, FileId>, change: &NameChange) {
    match change {
        NameChange::Set(path, file) => {
            names.insert(path.clone(), *file);
        }
        NameChange::Remove(path) => {
            names.remove(path);
        }
        NameChange::Rename(from, to) => {
            if let Some(file) = names.remove(from) {
                names.insert(to.clone(), file);
            }
        }
    }
}
