//! From files to groups.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant, SystemTime};

use narthex_yaml::YamlError;
use parking_lot::Mutex;

use super::glob;
use crate::group::TargetGroup;
use crate::wire::{self, GroupError};

/// The label that holds the path of a target's file.
const PATH_LABEL: &str = "__meta_filepath";

/// The largest file of targets, in bytes.
pub(super) const FILE_SIZE_MAX: u64 = 64 << 20;

/// What all file discoveries of a manager counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileStats {
    /// Files that could not be read, each time.
    pub read_errors: u64,
    /// Times that all files of a discovery were read.
    pub scans: u64,
    /// How long that took together.
    pub scan_duration: Duration,
    /// Discoveries that could not be told of changes, and only look every so often.
    pub watcher_errors: u64,
    /// When each file had been changed last, as of its last reading.
    pub changed: BTreeMap<Box<str>, SystemTime>,
}

type Changed = Mutex<BTreeMap<Box<str>, SystemTime>>;

/// The counters behind [`FileStats`].
#[derive(Debug, Default)]
pub(crate) struct FileCounters {
    read_errors: AtomicU64,
    scans: AtomicU64,
    scan_duration_us: AtomicU64,
    pub(super) watcher_errors: AtomicU64,
    /// One for each discovery that is still there.
    changed: Mutex<Vec<Weak<Changed>>>,
}

impl FileCounters {
    pub(crate) fn snapshot(&self) -> FileStats {
        let mut changed = BTreeMap::new();
        self.changed.lock().retain(|discovery| match discovery.upgrade() {
            None => false,
            Some(files) => {
                changed.extend(files.lock().iter().map(|(path, at)| (path.clone(), *at)));
                true
            }
        });
        FileStats {
            read_errors: self.read_errors.load(Ordering::Relaxed),
            scans: self.scans.load(Ordering::Relaxed),
            scan_duration: Duration::from_micros(self.scan_duration_us.load(Ordering::Relaxed)),
            watcher_errors: self.watcher_errors.load(Ordering::Relaxed),
            changed,
        }
    }
}

/// The files of one discovery, and what they held when they were last good.
#[derive(Debug)]
pub(super) struct Files {
    pub(super) patterns: Vec<String>,
    groups: BTreeMap<String, Vec<TargetGroup>>,
    changed: Arc<Changed>,
    counters: Arc<FileCounters>,
}

impl Files {
    pub(super) fn new(patterns: Vec<String>, counters: Arc<FileCounters>) -> Self {
        let changed = Arc::<Changed>::default();
        counters.changed.lock().push(Arc::downgrade(&changed));
        Self { patterns, groups: BTreeMap::new(), changed, counters }
    }

    /// Reads all files and returns their groups. One that is bad keeps those that it had.
    pub(super) fn read(&mut self) -> Vec<TargetGroup> {
        let began = Instant::now();
        let mut before = std::mem::take(&mut self.groups);
        for path in self.paths() {
            match read_file(&path) {
                Ok((groups, changed)) => {
                    self.changed.lock().insert(path.as_str().into(), changed);
                    self.groups.insert(path, groups);
                }
                Err(error) => {
                    self.counters.read_errors.fetch_add(1, Ordering::Relaxed);
                    tracing::error!(path, %error, "Error reading file");
                    if let Some(groups) = before.remove(&path) {
                        self.groups.insert(path, groups);
                    }
                }
            }
        }
        self.changed.lock().retain(|path, _| self.groups.contains_key(&**path));
        self.counters.scans.fetch_add(1, Ordering::Relaxed);
        let took_us = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.counters.scan_duration_us.fetch_add(took_us, Ordering::Relaxed);
        self.groups.values().flatten().cloned().collect()
    }

    fn paths(&self) -> Vec<String> {
        let mut paths = Vec::new();
        for pattern in &self.patterns {
            match glob::expand(pattern) {
                Ok(found) => paths.extend(found),
                Err(error) => tracing::error!(glob = pattern, %error, "Error expanding glob"),
            }
        }
        // A file that two patterns name counts once.
        paths.sort();
        paths.dedup();
        paths
    }
}

/// Reads a file of targets, as the discovery of files does.
///
/// # Errors
///
/// Where there is no such file, or it holds something else, or too much.
pub fn read_target_file(path: &str) -> Result<Vec<TargetGroup>, TargetFileError> {
    Ok(read_file(path).map(|(groups, _)| groups)?)
}

/// Why a file has no targets.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct TargetFileError(#[from] FileError);

/// Why a file has no groups.
#[derive(Debug, thiserror::Error)]
pub(super) enum FileError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("file has more than {FILE_SIZE_MAX} bytes")]
    TooLarge,
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    #[error(transparent)]
    Yaml(#[from] YamlError),
    #[error(transparent)]
    Group(#[from] GroupError),
}

/// Returns the groups of a file, and when it was changed.
fn read_file(path: &str) -> Result<(Vec<TargetGroup>, SystemTime), FileError> {
    let file = File::open(path)?;
    let changed = file.metadata()?.modified()?;
    let mut text = String::new();
    let size = file.take(FILE_SIZE_MAX + 1).read_to_string(&mut text)?;
    if size as u64 > FILE_SIZE_MAX {
        return Err(FileError::TooLarge);
    }
    Ok((parse(path, &text)?, changed))
}

/// Returns the groups that `text` writes: in JSON where the path ends so, in YAML else.
pub(super) fn parse(path: &str, text: &str) -> Result<Vec<TargetGroup>, FileError> {
    let is_json = path.rsplit('.').next().is_some_and(|end| end.eq_ignore_ascii_case("json"));
    let list = if is_json { serde_json::from_str(text)? } else { narthex_yaml::from_str(text)? };
    Ok(wire::groups(list, PATH_LABEL, path)?)
}
