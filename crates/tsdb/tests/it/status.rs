//! Starts on a full disk, after start-ups that were killed, and work on a slow disk.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use narthex_host::{Clock, Fault, Files, Host, Random, SeededRandom, Simulation};
use narthex_model::Labels;
use narthex_storage::{AppendError, QueryContext, Queryable, SelectHints, TimeRange};
use narthex_tsdb::{Db, OpenError, Options, Status, WalSync};

use crate::support::{commit, read_all, series};

fn open(host: Host) -> Result<Db, OpenError> {
    let mut options = Options::default();
    options.wal_segment_size_bytes = 32 * 1024;
    Db::open_with(host, "data", options)
}

/// Commits the number as time and value.
fn commit_one(db: &Db, number: i64) -> Result<usize, AppendError> {
    commit(db, &series("up", "a"), &[(number, number as f64)])
}

fn times(db: &Db) -> Vec<i64> {
    read_all(db).into_values().flatten().map(|(time, _)| time).collect()
}

#[test]
fn a_full_disk_is_no_reason_not_to_start() {
    for (torn_bytes, calls) in [(0, 0), (0, 1), (5, 0), (5, 1)] {
        let simulation = Simulation::new(1);
        let files = simulation.files();
        let db = open(simulation.host()).unwrap();
        (0..10).for_each(|number| assert_eq!(commit_one(&db, number).unwrap(), 1));
        drop(db);
        let path = Path::new("data/wal/00000000");
        files.edit(path, |bytes| bytes.truncate(bytes.len() - torn_bytes)).unwrap();
        let kept = if torn_bytes == 0 { 10 } else { 9 };

        // The lock may have been there before the disk became full.
        files.fail_from(files.call_count() + calls, Fault::NoSpace);
        let db = open(simulation.host()).unwrap();
        let Status::ReadOnly { reason } = db.status() else { panic!("{}", db.status()) };
        assert_eq!(&*reason, "no storage space");
        assert_eq!(times(&db), (0..kept).collect::<Vec<_>>());
        assert!(matches!(commit_one(&db, 10), Err(AppendError::Store(_))));
        assert!(db.sync_where_due().is_err());
        assert!(matches!(db.status(), Status::ReadOnly { .. }));

        files.repair();
        db.sync_where_due().unwrap();
        assert_eq!(db.status(), Status::Ready);
        commit_one(&db, 11).unwrap();
        db.close().unwrap();
        let db = open(simulation.host()).unwrap();
        assert_eq!(times(&db), (0..kept).chain([11]).collect::<Vec<_>>());
        assert_eq!(db.corruptions(), []);
    }
}

/// Without a lock nothing is written, and with the first write there is one.
#[test]
fn a_lock_without_space_is_taken_later() {
    let simulation = Simulation::new(1);
    let db = open(simulation.host()).unwrap();
    commit_one(&db, 1).unwrap();
    drop(db);
    let files = simulation.files();
    let lock = || files.lock(Path::new("data/lock"));
    files.fail_from(files.call_count(), Fault::NoSpace);
    let db = open(simulation.host()).unwrap();
    assert_eq!(times(&db), [1]);
    commit_one(&db, 2).unwrap_err();
    files.repair();
    // Somebody else came first: he may write, and nobody else.
    let others = lock().unwrap();
    commit_one(&db, 3).unwrap_err();
    assert!(matches!(db.status(), Status::ReadOnly { .. }));
    drop(others);
    commit_one(&db, 4).unwrap();
    assert!(lock().is_err());
    assert!(matches!(open(simulation.host()), Err(OpenError::Locked { .. })));
    db.close().unwrap();
    assert_eq!(times(&open(simulation.host()).unwrap()), [1, 4]);
}

#[test]
fn reserved_space_makes_room_for_the_lock() {
    let simulation = Simulation::new(1);
    let files = simulation.files();
    files.set_space(Some(8 << 20));
    let mut options = Options::default();
    options.reserve_bytes = 1 << 20;
    let open = || Db::open_with(simulation.host(), "data", options.clone()).unwrap();
    drop(open());
    let reserve = || files.open_read(Path::new("data/reserve")).unwrap().size().unwrap();
    assert_eq!(reserve(), 1 << 20);
    files.fail_call(files.call_count(), Fault::NoSpace);
    let db = open();
    assert_eq!(db.status(), Status::Ready);
    assert!(files.lock(Path::new("data/lock")).is_err());
}

#[test]
fn a_store_that_was_read_only_closes_without_an_error() {
    let simulation = Simulation::new(1);
    drop(open(simulation.host()).unwrap());
    let files = simulation.files();
    files.fail_from(files.call_count() + 1, Fault::NoSpace);
    open(simulation.host()).unwrap().close().unwrap();
}

/// Ends whoever asks for the time, which a store does when it has read the log.
#[derive(Debug)]
struct Killer;

impl Clock for Killer {
    fn now_ms(&self) -> i64 {
        0
    }

    fn elapsed(&self) -> Duration {
        panic!("out of memory")
    }
}

fn kill_start_up(simulation: &Simulation) {
    let host = Host { clock: Arc::new(Killer), ..simulation.host() };
    assert!(catch_unwind(AssertUnwindSafe(|| open(host))).is_err());
}

#[test]
fn the_start_after_three_that_were_killed_leaves_the_log() {
    let simulation = Simulation::new(1);
    let db = open(simulation.host()).unwrap();
    (0..5).for_each(|number| assert_eq!(commit_one(&db, number).unwrap(), 1));
    db.flush(3).unwrap();
    drop(db);
    let files = simulation.files();
    let log = || files.list_dir(Path::new("data/wal")).unwrap();
    // One that gets through starts the count anew.
    kill_start_up(&simulation);
    drop(open(simulation.host()).unwrap());
    (0..3).for_each(|_| kill_start_up(&simulation));
    let before = log();

    for _ in 0..2 {
        let db = open(simulation.host()).unwrap();
        assert_eq!(db.status(), Status::Safe { killed: 3 });
        assert_eq!(times(&db), [0, 1, 2]);
        assert!(matches!(commit_one(&db, 10), Err(AppendError::Store(_))));
        let querier = db.querier(TimeRange::ALL).unwrap();
        let ctx = QueryContext::default();
        querier.select(&ctx, &[], &SelectHints::default()).unwrap();
        let warnings = ctx.take_warnings();
        assert!(warnings[0].starts_with("recent samples are missing: safe mode"), "{warnings:?}");
        assert_eq!(log(), before);
        // Killed again, it would start in the same way.
    }
    open(simulation.host()).unwrap().close().unwrap();
    let db = open(simulation.host()).unwrap();
    assert_eq!((db.status(), times(&db)), (Status::Ready, vec![0, 1, 2, 3, 4]));
    commit_one(&db, 10).unwrap();
}

#[test]
fn with_start_ups_max_zero_the_log_is_always_read() {
    let simulation = Simulation::new(1);
    drop(open(simulation.host()).unwrap());
    (0..5).for_each(|_| kill_start_up(&simulation));
    let mut options = Options::default();
    options.start_ups_max = 0;
    let db = Db::open_with(simulation.host(), "data", options).unwrap();
    assert_eq!(db.status(), Status::Ready);
}

/// Commits about 3 KiB that do not compress.
fn commit_much(db: &Db, number: i64) {
    let random = SeededRandom::new(number.cast_unsigned());
    let text = (0..190).map(|_| format!("{:016x}", random.next_u64())).collect::<String>();
    let labels = Labels::from_pairs([("long", text)]);
    commit(db, &labels, &[(number, 0.0)]).unwrap();
}

/// Every sync takes five seconds. Commits do not wait for any, whether or not somebody comes to sync
/// the segments that ended.
#[test]
fn commits_do_not_wait_for_the_syncs_of_segments() {
    const SYNC_TIME: Duration = Duration::from_secs(5);
    let simulation = Simulation::new(1);
    let elapsed = || simulation.host().clock.elapsed();
    let db = open(simulation.host()).unwrap();
    simulation.files().set_sync_time(SYNC_TIME);
    for number in 0..200 {
        let before = elapsed();
        commit_much(&db, number);
        assert_eq!(elapsed(), before, "commit {number}");
        if number % 40 == 39 {
            db.sync_where_due().unwrap();
        }
    }
    let stats = db.stats().wal;
    assert!(stats.segment > 10, "{stats:?}");
    assert_eq!((stats.syncs, elapsed().as_secs()), (stats.segment, 5 * stats.segment));
    // Where nobody comes, so many wait and no more.
    (200..400).for_each(|number| commit_much(&db, number));
    let later = db.stats().wal;
    assert_eq!(later.segment - later.syncs, 8);
    db.sync().unwrap();
    assert_eq!(db.stats().wal.syncs, later.segment + 1);
}

/// With `Interval` the syncs are as rare as was asked for, however slow they are.
#[test]
fn a_slow_disk_does_not_make_syncs_more_frequent() {
    let simulation = Simulation::new(1);
    let mut options = Options::default();
    options.wal_sync = WalSync::Interval(Duration::from_secs(10));
    let db = Db::open_with(simulation.host(), "data", options).unwrap();
    simulation.files().set_sync_time(Duration::from_secs(5));
    for number in 0..100 {
        simulation.clock().advance(Duration::from_secs(1));
        commit_one(&db, number).unwrap();
    }
    assert_eq!(db.stats().wal.syncs, 10);
}
