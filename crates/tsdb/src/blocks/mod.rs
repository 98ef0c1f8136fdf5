//! The blocks of a database: which there are, which were lost, which are no longer needed.

mod change;
mod compact;
mod failures;
mod lost;
mod reload;
mod retain;
mod stats;
mod uploads;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use narthex_host::{Files, Host};
use narthex_storage::TimeRange;
use parking_lot::{Mutex, RwLock};

pub(crate) use compact::HeadSeries;
use failures::Failures;
use lost::LostBlock;

use crate::{Block, BlockCompaction, BlockError, CompactionStats, Ulid};

/// The blocks in the folder of a database.
#[derive(Debug)]
pub(crate) struct Blocks {
    host: Host,
    dir: PathBuf,
    state: RwLock<State>,
    /// Held by whoever makes or removes blocks: one at a time.
    changes: Mutex<Failures>,
    /// Those that could not be removed.
    condemned: Mutex<BTreeSet<Ulid>>,
    /// Whether work is to end early.
    is_interrupted: AtomicBool,
    counts: Counts,
}

/// What was done to blocks so far.
#[derive(Debug, Default)]
struct Counts {
    compactions: AtomicU64,
    compactions_failed: AtomicU64,
    time_retentions: AtomicU64,
    size_retentions: AtomicU64,
    reloads: AtomicU64,
    reloads_failed: AtomicU64,
    compaction: Mutex<CompactionStats>,
}

#[derive(Debug, Default)]
struct State {
    /// In order of their first times.
    open: Vec<Arc<Block>>,
    lost: Vec<LostBlock>,
}

impl Blocks {
    /// Opens the blocks in `dir`.
    ///
    /// What a crash left half made or half removed goes, and so do blocks that others were made of.
    /// Blocks that are damaged are moved aside, and queries over their time get a warning; no block
    /// keeps the others from being opened.
    ///
    /// # Errors
    ///
    /// Where the folder itself cannot be listed.
    pub(crate) fn open(host: &Host, dir: &Path) -> Result<Self, BlockError> {
        let files = &*host.files;
        let list = || files.list_dir(dir).map_err(|source| BlockError::read(dir, source));
        for entry in list()? {
            if entry.is_dir && is_temporary(&entry.name) {
                remove(files, &dir.join(&*entry.name));
            }
        }
        let mut open = Vec::new();
        let mut failed = Vec::new();
        for entry in list()? {
            let Ok(ulid) = entry.name.parse::<Ulid>() else { continue };
            if !entry.is_dir {
                continue;
            }
            match Block::open(Arc::clone(&host.files), dir.join(&*entry.name)) {
                Ok(block) => open.push(Arc::new(block)),
                Err(error) => failed.push((ulid, error)),
            }
        }
        let blocks = Self {
            host: host.clone(),
            dir: dir.to_owned(),
            state: RwLock::default(),
            changes: Mutex::default(),
            condemned: Mutex::default(),
            is_interrupted: AtomicBool::new(false),
            counts: Counts::default(),
        };
        let replaced = replaced_by(&open);
        let mut lost = lost::list(files, dir);
        for (ulid, error) in failed {
            if replaced.contains(&ulid) {
                blocks.remove(ulid);
            } else {
                lost.push(LostBlock::set_aside(files, dir, ulid, &error));
            }
        }
        let (gone, mut open) = open.into_iter().partition::<Vec<_>, _>(|block| {
            let meta = block.meta();
            replaced.contains(&meta.ulid) || meta.compaction.deletable
        });
        gone.iter().for_each(|block| blocks.remove(block.meta().ulid));
        open.sort_by_key(|block| block.meta().min_ms);
        *blocks.state.write() = State { open, lost };
        Ok(blocks)
    }

    /// Returns all blocks, in order of their first times.
    pub(crate) fn all(&self) -> Vec<Arc<Block>> {
        self.state.read().open.clone()
    }

    /// Returns the blocks that may hold samples of `range`, in order of their first times.
    pub(crate) fn overlapping(&self, range: TimeRange) -> Vec<Arc<Block>> {
        let TimeRange { min_ms, max_ms } = range;
        let mut blocks = self.all();
        blocks.retain(|block| block.overlaps(min_ms, max_ms));
        blocks
    }

    /// Returns the time up to which blocks hold what came in order: the end of the newest one of the
    /// head.
    ///
    /// # Source
    ///
    /// `inOrderBlocksMaxTime` in Prometheus' `tsdb/db.go`.
    pub(crate) fn in_order_end_ms(&self) -> Option<i64> {
        let state = self.state.read();
        let metas = state.open.iter().map(|block| block.meta());
        let in_order = metas.filter(|meta| {
            BlockCompaction::PARTIAL.iter().all(|hint| !meta.compaction.has_hint(hint))
        });
        in_order.map(|meta| meta.end_ms).max()
    }

    /// Lets work that goes on end soon, and later work end at once.
    pub(crate) fn interrupt(&self) {
        self.is_interrupted.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_interrupted(&self) -> bool {
        self.is_interrupted.load(Ordering::Relaxed)
    }

    /// Returns the warnings that queries of `range` carry.
    pub(crate) fn warnings(&self, range: TimeRange) -> Vec<Box<str>> {
        let state = self.state.read();
        let lost = state.lost.iter().filter(|lost| lost.overlaps(range));
        lost.map(LostBlock::warning).collect()
    }

    /// Takes blocks out of use and puts another in their place, then removes their folders.
    ///
    /// A crash in between leaves blocks that the new one names as its parents: they go when the
    /// database is opened.
    fn replace(&self, gone: &[Arc<Block>], fresh: Option<Arc<Block>>) {
        let is_gone = |block: &Arc<Block>| gone.iter().any(|other| Arc::ptr_eq(block, other));
        {
            let mut state = self.state.write();
            state.open.retain(|block| !is_gone(block));
            state.open.extend(fresh);
            state.open.sort_by_key(|block| block.meta().min_ms);
        }
        gone.iter().for_each(|block| self.remove(block.meta().ulid));
    }

    /// Removes the folder of a block, so that a crash leaves all of it or nothing that counts.
    fn remove(&self, ulid: Ulid) {
        let files = &*self.host.files;
        let path = self.dir.join(ulid.to_string());
        let condemned = self.dir.join(format!("{ulid}{DELETION_SUFFIX}"));
        if let Err(error) = files.rename(&path, &condemned) {
            tracing::warn!(block = %path.display(), %error, "block cannot be removed");
            self.condemned.lock().insert(ulid);
            return;
        }
        remove(files, &condemned);
    }
}

/// Returns the blocks that others were made of, and that a crash may have left.
fn replaced_by(blocks: &[Arc<Block>]) -> BTreeSet<Ulid> {
    let parents = blocks.iter().flat_map(|block| block.meta().compaction.parents);
    parents.map(|parent| parent.ulid).collect()
}

fn remove(files: &dyn Files, path: &Path) {
    if let Err(error) = files.remove_dir_all(path) {
        tracing::warn!(path = %path.display(), %error, "folder cannot be removed");
    }
}

/// Returns whether a folder holds a block that was not finished, or was about to be removed.
fn is_temporary(name: &str) -> bool {
    let suffixes = [CREATION_SUFFIX, DELETION_SUFFIX, LEGACY_SUFFIX];
    let stem = suffixes.iter().find_map(|suffix| name.strip_suffix(suffix));
    stem.is_some_and(|stem| stem.parse::<Ulid>().is_ok())
}

/// The folders of a database beside its blocks.
pub(crate) const LOG_FOLDERS: [&str; 3] = ["wal", "wbl", "chunks_head"];
pub(crate) const CREATION_SUFFIX: &str = ".tmp-for-creation";
const DELETION_SUFFIX: &str = ".tmp-for-deletion";
const LEGACY_SUFFIX: &str = ".tmp";

#[cfg(test)]
mod tests;
