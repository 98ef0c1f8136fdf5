//! When to read the files: when their folders change, and every so often.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use narthex_config::FileDiscovery;
use notify::event::{AccessKind, AccessMode, ModifyKind};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::Notify;
use tokio::task;
use tokio::time::MissedTickBehavior;

use super::read::{FileCounters, Files};
use crate::discovery::Discovery;
use crate::updates::Updates;

/// Reads files of targets at once, when something in their folders changes, and every so often in
/// case a change went unnoticed.
///
/// Folders are watched, not files: programs replace a file by renaming another one to its name, and
/// Kubernetes by renaming what a symbolic link on the way points to.
#[derive(Debug)]
pub(crate) struct FileWatch {
    files: Files,
    interval: Duration,
    counters: Arc<FileCounters>,
}

impl FileWatch {
    pub(crate) fn new(config: &FileDiscovery, counters: &Arc<FileCounters>) -> Self {
        Self {
            files: Files::new(config.files.clone(), Arc::clone(counters)),
            interval: config.refresh_interval.max(Duration::from_millis(1)),
            counters: Arc::clone(counters),
        }
    }
}

impl Discovery for FileWatch {
    async fn run(self, updates: Updates) {
        let Self { mut files, interval, counters } = self;
        let changed = Arc::new(Notify::new());
        let mut watcher = watcher(Arc::clone(&changed))
            .inspect_err(|error| {
                counters.watcher_errors.fetch_add(1, Ordering::Relaxed);
                tracing::error!(%error, "Error adding file watcher");
            })
            .ok();
        let mut ticks = tokio::time::interval(interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = changed.notified() => {}
            }
            let read = task::spawn_blocking(move || {
                // Before the reading, so that no change falls between the two. And each time: a
                // folder that was not there may be by now.
                watch_folders(watcher.as_mut(), &files.patterns);
                let groups = files.read();
                (watcher, files, groups)
            });
            // A failure is our own panic, or the end of the runtime.
            let Ok((same_watcher, same_files, groups)) = read.await else { return };
            (watcher, files) = (same_watcher, same_files);
            updates.replace(groups);
        }
    }
}

/// Returns a watcher that tells `changed` of everything but reading, which we do ourselves.
fn watcher(changed: Arc<Notify>) -> notify::Result<RecommendedWatcher> {
    notify::recommended_watcher(move |event: notify::Result<Event>| match event {
        Ok(event) if is_change(event.kind) => changed.notify_one(),
        Ok(_) => {}
        Err(error) => tracing::error!(%error, "Error watching file"),
    })
}

fn is_change(kind: EventKind) -> bool {
    match kind {
        EventKind::Access(access) => access == AccessKind::Close(AccessMode::Write),
        EventKind::Modify(ModifyKind::Metadata(_)) => false,
        _ => true,
    }
}

fn watch_folders(watcher: Option<&mut RecommendedWatcher>, patterns: &[String]) {
    let Some(watcher) = watcher else { return };
    let folder = |pattern: &String| match pattern.rsplit_once('/') {
        None => ".".to_owned(),
        Some(("", _)) => "/".to_owned(),
        Some((folder, _)) => folder.to_owned(),
    };
    for folder in patterns.iter().map(folder).collect::<BTreeSet<_>>() {
        if let Err(error) = watcher.watch(folder.as_ref(), RecursiveMode::NonRecursive) {
            tracing::error!(path = folder, %error, "Error adding file watch");
        }
    }
}
