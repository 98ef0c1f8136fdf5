//! What looks after the store: it is opened, its log is read while it is used, and threads maintain it
//! until it is closed.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use narthex_tsdb::{Db, OpenError, WalSync};
use tokio::task::{JoinHandle, spawn_blocking};

use super::opening::OpeningStore;
use super::periodic::Periodic;
use super::process::Process;
use super::rules::Rules;
use super::{RunError, ServerFlags, with_source};

/// Opens the store. Its log is left to the [`Upkeep`].
pub(super) async fn open(
    process: &Arc<Process>,
    options: narthex_tsdb::Options,
    store: &Arc<OpeningStore>,
) -> Result<(), RunError> {
    let path = process.flags().storage.path.clone();
    tracing::info!(path = &*path, "Opening storage");
    let opened = spawn_blocking(move || Db::open_unloaded(&*path, options));
    let db = opened.await.map_err(|_| RunError::OpenPanic)??;
    tracing::info!(status = %db.status(), "Storage opened");
    store.set(db);
    Ok(())
}

/// The threads that look after the store.
pub(super) struct Upkeep {
    threads: Vec<Periodic>,
    /// Reads the log, and starts the rules; `None` once it did.
    loading: Option<JoinHandle<Result<(), RunError>>>,
}

impl Upkeep {
    pub(super) fn start(
        store: &Arc<OpeningStore>,
        rules: &Arc<Rules>,
        wal_sync: WalSync,
        flags: &ServerFlags,
    ) -> Result<Self, RunError> {
        let start = |name, interval, work: fn(&Db)| {
            let store = Arc::clone(store);
            Periodic::start(name, interval, move || store.get().map_or((), work))
                .map_err(RunError::Thread)
        };
        let interval = flags.storage.block_reload_interval.max(MAINTENANCE_INTERVAL_MIN);
        let maintenance = start("tsdb-maintenance", interval, |db| {
            if let Err(error) = db.maintain() {
                tracing::error!(err = with_source(&error), "Compaction failed");
            }
        })?;
        let interval = match wal_sync {
            WalSync::Interval(interval) => interval.max(SYNC_INTERVAL_MIN),
            WalSync::Never | WalSync::Commit => SYNC_INTERVAL,
        };
        let sync = start("tsdb-wal-sync", interval, |db| {
            if let Err(error) = db.sync_where_due() {
                tracing::error!(err = with_source(&error), "Syncing the write-ahead log failed");
            }
        })?;
        let (store, rules) = (Arc::clone(store), Arc::clone(rules));
        let loading = Some(spawn_blocking(move || {
            store.get().map_or(Ok(()), load)?;
            rules.start()
        }));
        Ok(Self { threads: vec![maintenance, sync], loading })
    }

    /// Waits until the log turns out not to be readable: for ever, where it is.
    pub(super) async fn failure(&mut self) -> RunError {
        if let Some(loading) = &mut self.loading {
            let loaded = loading.await;
            self.loading = None;
            match loaded {
                Ok(Ok(())) => {}
                Ok(Err(error)) => return error,
                Err(_) => return RunError::OpenPanic,
            }
        }
        pending().await
    }

    /// Ends what looks after the store, and forces everything to the disk.
    pub(super) async fn close(self, store: Arc<OpeningStore>) -> Result<(), RunError> {
        if let Some(db) = store.get() {
            db.interrupt();
        }
        let Self { threads, loading } = self;
        threads.iter().for_each(Periodic::stop);
        let joined = spawn_blocking(|| threads.into_iter().for_each(Periodic::join));
        let ended = async {
            if let Some(loading) = loading {
                // What it was about to say matters no more.
                let _ = loading.await;
            }
            joined.await
        };
        if tokio::time::timeout(SHUTDOWN_TIMEOUT, ended).await.is_err() {
            tracing::warn!("Maintenance of the storage was cut off");
        }
        let closed = spawn_blocking(move || match Arc::try_unwrap(store) {
            Ok(store) => store.into_inner().map_or(Ok(()), Db::close),
            // A query that was cut off still holds the store: what counts is on the disk all the same.
            Err(store) => store.get().map_or(Ok(()), Db::sync),
        });
        match closed.await {
            Ok(closed) => closed.map_err(RunError::Close),
            Err(_) => Err(RunError::OpenPanic),
        }
    }
}

fn load(db: &Db) -> Result<(), OpenError> {
    db.load()?;
    if db.is_loaded() {
        let stats = db.stats();
        let (series, replayed_samples) = (stats.head.series, stats.replay.samples);
        tracing::info!(series, replayed_samples, "Storage loaded");
    }
    Ok(())
}

/// How long a block that is being written may take to be given up, or a log that is read.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);
/// So that looking after the store is not all that is done.
const MAINTENANCE_INTERVAL_MIN: Duration = Duration::from_secs(1);
/// How often segments that ended are synced, and a log that could not be written is mended.
const SYNC_INTERVAL: Duration = Duration::from_secs(5);
const SYNC_INTERVAL_MIN: Duration = Duration::from_millis(10);
