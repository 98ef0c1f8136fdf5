//! Work on a disk that takes its time to sync: the syncs wait until the test lets them go.

use std::thread::{self, ScopedJoinHandle};
use std::time::Duration;

use narthex_host::{Fault, Simulation};
use narthex_model::Labels;
use narthex_storage::AppendError;
use narthex_tsdb::{Db, Options, WalError, WalSync};

use crate::support::{Samples, commit, read_all};

const INTERVAL: Duration = Duration::from_secs(5);

fn open(simulation: &Simulation) -> Db {
    let mut options = Options::default();
    options.wal_sync = WalSync::Interval(INTERVAL);
    Db::open_with(simulation.host(), "data", options).unwrap()
}

/// Commits a series with a text of `size` bytes.
fn try_commit(db: &Db, number: i64, size: usize) -> Result<usize, AppendError> {
    let text = "x".repeat(size);
    let labels = Labels::from_pairs([("number", &*number.to_string()), ("text", &*text)]);
    commit(db, &labels, &[(number, 0.0)])
}

fn commit_all(db: &Db, numbers: impl IntoIterator<Item = i64>) {
    numbers.into_iter().for_each(|number| {
        try_commit(db, number, 100).unwrap();
    });
}

/// Holds syncs until it is dropped, so that a test that fails ends.
struct Held<'a>(&'a Simulation);

impl<'a> Held<'a> {
    fn new(simulation: &'a Simulation) -> Self {
        simulation.files().hold_syncs(true);
        Self(simulation)
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.files().hold_syncs(false);
    }
}

/// Runs `meanwhile` while a sync is with the disk, and returns what became of the sync.
fn beside_a_sync(
    simulation: &Simulation,
    db: &Db,
    meanwhile: impl FnOnce(),
) -> Result<(), WalError> {
    simulation.clock().advance(INTERVAL);
    thread::scope(|scope| {
        let held = Held::new(simulation);
        let sync: ScopedJoinHandle<'_, _> = scope.spawn(|| db.sync_where_due());
        while simulation.files().held_syncs() == 0 {
            thread::yield_now();
        }
        meanwhile();
        drop(held);
        sync.join().unwrap()
    })
}

fn after_a_crash(simulation: &Simulation, db: Db) -> Samples {
    simulation.files().crash();
    drop(db);
    read_all(&open(simulation))
}

#[test]
fn commits_go_on_beside_a_sync() {
    let simulation = Simulation::new(1);
    let db = open(&simulation);
    commit_all(&db, 0..10);
    beside_a_sync(&simulation, &db, || {
        // Later ones neither, though the interval is over once more.
        commit_all(&db, 10..20);
        simulation.clock().advance(2 * INTERVAL);
        commit_all(&db, 20..100);
        assert_eq!(read_all(&db).len(), 100);
        assert_eq!(db.stats().wal.syncs, 0);
    })
    .unwrap();
    assert_eq!(db.stats().wal.syncs, 1);
    // What came meanwhile is for the next one.
    simulation.clock().advance(INTERVAL);
    db.sync_where_due().unwrap();
    assert_eq!(db.stats().wal.syncs, 2);
    let expected = read_all(&db);
    assert_eq!(after_a_crash(&simulation, db), expected);
}

#[test]
fn what_waits_for_the_sync_is_bounded() {
    const SIZE: usize = 64 << 10;
    let simulation = Simulation::new(1);
    let db = open(&simulation);
    commit_all(&db, 0..1);
    let mut taken = 0;
    beside_a_sync(&simulation, &db, || {
        let refused = (1..).find_map(|number| try_commit(&db, number, SIZE).err()).unwrap();
        let AppendError::Store(refused) = refused else { panic!("{refused}") };
        let refused = refused.downcast_ref::<WalError>();
        assert!(matches!(refused, Some(WalError::Busy { .. })), "{refused:?}");
        taken = read_all(&db).len() - 1;
        let queue = 64 << 20;
        assert!((queue - 3 * SIZE..queue).contains(&(taken * SIZE)), "{taken}");
        assert_eq!(db.stats().wal.commits_shed, 1);
        try_commit(&db, 1_000_000, SIZE).unwrap_err();
        assert_eq!(db.stats().wal.commits_shed, 2);
    })
    .unwrap();
    try_commit(&db, 2_000_000, SIZE).unwrap();
    db.sync().unwrap();
    assert_eq!(after_a_crash(&simulation, db).len(), taken + 2);
}

/// What came before the sync, and while it ran, is written to another segment.
#[test]
fn a_sync_that_fails_takes_nothing_with_it() {
    for seed in 0..50 {
        let simulation = Simulation::new(seed);
        let db = open(&simulation);
        commit_all(&db, 0..5);
        let files = simulation.files();
        beside_a_sync(&simulation, &db, || {
            commit_all(&db, 5..10);
            files.fail_call(files.call_count(), Fault::Io);
        })
        .unwrap();
        let expected = read_all(&db);
        assert_eq!((expected.len(), db.stats().wal.syncs_failed), (10, 1));
        commit_all(&db, 10..11);
        let mut found = after_a_crash(&simulation, db);
        found.retain(|labels, _| expected.contains_key(labels));
        assert_eq!(found, expected);
    }
}

/// So it is where the other segment cannot be written at first.
#[test]
fn a_disk_that_fails_for_a_while_takes_nothing_with_it() {
    for seed in 0..50 {
        let simulation = Simulation::new(seed);
        let db = open(&simulation);
        commit_all(&db, 0..5);
        let files = simulation.files();
        let synced = beside_a_sync(&simulation, &db, || {
            commit_all(&db, 5..10);
            files.fail_from(files.call_count(), Fault::Io);
        });
        assert!(matches!(synced, Err(WalError::Sync { .. })), "{synced:?}");
        try_commit(&db, 10, 100).unwrap_err();
        files.repair();
        simulation.clock().advance(INTERVAL);
        db.sync_where_due().unwrap();
        let expected = read_all(&db);
        assert_eq!(expected.len(), 10);
        assert_eq!(after_a_crash(&simulation, db), expected);
    }
}

/// Two at a time could hide the error of one of them.
#[test]
fn a_sync_waits_for_the_one_that_runs() {
    let simulation = Simulation::new(1);
    let db = open(&simulation);
    commit_all(&db, 0..5);
    simulation.clock().advance(INTERVAL);
    let files = simulation.files();
    files.hold_syncs(true);
    thread::scope(|scope| {
        let sync = scope.spawn(|| db.sync_where_due());
        while files.held_syncs() == 0 {
            thread::yield_now();
        }
        let end = scope.spawn(|| db.sync());
        files.hold_syncs(false);
        sync.join().unwrap().unwrap();
        end.join().unwrap().unwrap();
    });
    assert_eq!(db.stats().wal.syncs, 1, "the first one had all of it");
    let expected = read_all(&db);
    assert_eq!(after_a_crash(&simulation, db), expected);
}
