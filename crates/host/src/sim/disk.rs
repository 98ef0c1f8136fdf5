//! What lies on a simulated disk: what programs see, and what a crash would leave.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::ops::Range;
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
    names: Names,
    durable_names: Names,
    /// What was done to names since they were last synced, in order.
    journal: Vec<NameChange>,
}

/// All names, those of folders included. The root has none.
type Names = BTreeMap<PathBuf, Node>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Node {
    Dir,
    File(FileId),
}

#[derive(Debug, Default)]
struct File {
    bytes: Vec<u8>,
    durable: Vec<u8>,
    /// What a failed sync dropped: programs read it until the machine stops, and no later sync
    /// brings it to the disk, though it succeeds.
    lost: Vec<Range<usize>>,
}

#[derive(Clone, Debug)]
enum NameChange {
    Set(PathBuf, Node),
    /// With everything in it.
    Remove(PathBuf),
    /// With everything in it.
    Rename(PathBuf, PathBuf),
}

impl Disk {
    pub(super) fn create_dir_all(&mut self, path: &Path) {
        let dirs = path.ancestors().map(Path::to_owned).collect::<Vec<_>>();
        for dir in dirs.into_iter().rev() {
            if self.check_dir(&dir).is_err() {
                self.change_name(NameChange::Set(dir, Node::Dir));
            }
        }
    }

    pub(super) fn list_dir(&self, path: &Path) -> io::Result<Vec<DirEntry>> {
        self.check_dir(path)?;
        let here = self.names.iter().filter(|(name, _)| name.parent() == Some(path));
        let mut entries = here
            .filter_map(|(name, node)| {
                let name = name.file_name()?.to_str()?.into();
                Some(DirEntry { name, is_dir: *node == Node::Dir })
            })
            .collect::<Vec<_>>();
        entries.sort_unstable();
        Ok(entries)
    }

    pub(super) fn find(&self, path: &Path) -> io::Result<FileId> {
        match self.names.get(path) {
            Some(Node::File(file)) => Ok(*file),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }

    pub(super) fn find_or_create(&mut self, path: &Path) -> io::Result<FileId> {
        if let Ok(file) = self.find(path) {
            return Ok(file);
        }
        self.check_dir(path.parent().unwrap_or(Path::new("")))?;
        self.files.push(File::default());
        let file = self.files.len() - 1;
        self.change_name(NameChange::Set(path.to_owned(), Node::File(file)));
        Ok(file)
    }

    pub(super) fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        let node = *self.names.get(from).ok_or(io::ErrorKind::NotFound)?;
        if node == Node::Dir && self.names.contains_key(to) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        self.change_name(NameChange::Rename(from.to_owned(), to.to_owned()));
        Ok(())
    }

    pub(super) fn hard_link(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        let file = self.find(from)?;
        self.check_dir(to.parent().unwrap_or(Path::new("")))?;
        if self.names.contains_key(to) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        self.change_name(NameChange::Set(to.to_owned(), Node::File(file)));
        Ok(())
    }

    pub(super) fn remove(&mut self, path: &Path) -> io::Result<()> {
        self.find(path)?;
        self.change_name(NameChange::Remove(path.to_owned()));
        Ok(())
    }

    pub(super) fn remove_dir_all(&mut self, path: &Path) -> io::Result<()> {
        self.check_dir(path)?;
        // One after the other, so that a crash may leave a part.
        let inside = self.names.keys().filter(|name| name.starts_with(path));
        let inside = inside.cloned().collect::<Vec<_>>();
        for name in inside.into_iter().rev() {
            self.change_name(NameChange::Remove(name));
        }
        Ok(())
    }

    pub(super) fn sync_names(&mut self) {
        // A file system that journals names writes them in order, so one folder brings the others
        // up to date with it.
        self.journal.clear();
        self.durable_names.clone_from(&self.names);
    }

    /// Returns how many bytes the files have that have a name.
    pub(super) fn used_space(&self) -> usize {
        let named = self.names.values().filter_map(|node| match node {
            Node::File(file) => Some(*file),
            Node::Dir => None,
        });
        // A file may have several names.
        let named = named.collect::<BTreeSet<_>>();
        named.into_iter().map(|file| self.files[file].bytes.len()).sum()
    }

    pub(super) fn bytes(&self, file: FileId) -> &[u8] {
        &self.files[file].bytes
    }

    pub(super) fn bytes_mut(&mut self, file: FileId) -> &mut Vec<u8> {
        &mut self.files[file].bytes
    }

    pub(super) fn truncate(&mut self, file: FileId, size: usize) {
        let File { bytes, lost, .. } = &mut self.files[file];
        bytes.truncate(size);
        lost.retain_mut(|range| {
            range.end = range.end.min(size);
            range.start < range.end
        });
    }

    pub(super) fn sync(&mut self, file: FileId) {
        let file = &mut self.files[file];
        file.durable = file.without_lost();
    }

    pub(super) fn fail_sync(&mut self, file: FileId) {
        let File { bytes, durable, lost } = &mut self.files[file];
        if durable.len() < bytes.len() {
            lost.push(durable.len()..bytes.len());
        }
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
        let exists = path.as_os_str().is_empty() || self.names.get(path) == Some(&Node::Dir);
        if exists { Ok(()) } else { Err(io::ErrorKind::NotFound.into()) }
    }

    fn change_name(&mut self, change: NameChange) {
        apply(&mut self.names, &change);
        self.journal.push(change);
    }
}

impl File {
    /// Returns the bytes as a disk has them that was never told what a failed sync dropped.
    fn without_lost(&self) -> Vec<u8> {
        let mut bytes = self.bytes.clone();
        for range in &self.lost {
            let end = range.end.min(bytes.len());
            bytes[range.start.min(end)..end].fill(0);
        }
        bytes
    }

    fn crash(&mut self, random: &SeededRandom) {
        self.bytes = self.without_lost();
        self.lost.clear();
        let Self { bytes, durable, .. } = self;
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

fn apply(names: &mut Names, change: &NameChange) {
    match change {
        NameChange::Set(path, node) => {
            names.insert(path.clone(), *node);
        }
        NameChange::Remove(path) => names.retain(|name, _| !name.starts_with(path)),
        NameChange::Rename(from, to) => {
            let moved = names.extract_if(.., |name, _| name.starts_with(from));
            let moved = moved.collect::<Vec<_>>();
            for (name, node) in moved {
                let rest = name.strip_prefix(from).unwrap_or(Path::new(""));
                // Joined with nothing, a path would end in a slash.
                let name = if rest.as_os_str().is_empty() { to.clone() } else { to.join(rest) };
                names.insert(name, node);
            }
        }
    }
}
