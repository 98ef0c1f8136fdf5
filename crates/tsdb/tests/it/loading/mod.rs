//! Queries and appends while the write-ahead log is read.

mod crash;
mod history;

use std::path::Path;

use narthex_host::{Fault, Files, Simulation};
use narthex_model::Matcher;
use narthex_storage::{
    AppendError, Appendable, ExemplarQueryable, QueryContext, Queryable, SampleValue, SelectHints,
    SeriesKey, TimeRange,
};
use narthex_tsdb::{Db, MaintenanceError, Options, Status, WalError, WalSync};

use crate::support::{append_one, commit, read_all, series};

const HOUR_MS: i64 = 3_600_000;
const DIR: &str = "data";

/// Segments and chunks are short.
fn options() -> Options {
    let mut options = Options::default();
    options.wal_segment_size_bytes = 32 * 1_024;
    options.samples_per_chunk = 8;
    options
}

fn open(simulation: &Simulation) -> Db {
    Db::open_with(simulation.host(), DIR, options()).unwrap()
}

fn open_unloaded(simulation: &Simulation) -> Db {
    Db::open_unloaded_with(simulation.host(), DIR, options()).unwrap()
}

/// A folder whose log has samples of these times, of two series.
fn logged(times: impl Iterator<Item = i64>) -> Simulation {
    let simulation = Simulation::new(1);
    let db = open(&simulation);
    for time in times {
        commit(&db, &series("old", "a"), &[(time, time as f64)]).unwrap();
        commit(&db, &series("old", "b"), &[(time, time as f64)]).unwrap();
    }
    drop(db);
    simulation
}

/// Returns the times of a series' samples.
fn times(db: &Db, name: &str, job: &str) -> Vec<i64> {
    let found = read_all(db);
    let samples = found.get(&series(name, job).as_series().to_string());
    samples.map(|samples| samples.iter().map(|(time, _)| *time).collect()).unwrap_or_default()
}

fn warnings(db: &Db) -> Vec<Box<str>> {
    let ctx = QueryContext::default();
    let querier = db.querier(TimeRange::ALL).unwrap();
    querier.select(&ctx, &[], &SelectHints::default()).unwrap();
    ctx.take_warnings()
}

fn is_loading(error: &AppendError) -> bool {
    let AppendError::Store(error) = error else { return false };
    matches!(error.downcast_ref(), Some(WalError::Loading))
}

#[test]
fn samples_are_taken_and_shown_before_the_log_is_read() {
    let simulation = logged(0..100);
    let db = open_unloaded(&simulation);
    assert_eq!((db.status(), db.is_loaded()), (Status::Loading, false));
    for time in 100..120 {
        commit(&db, &series("old", "a"), &[(time, time as f64)]).unwrap();
        commit(&db, &series("new", "c"), &[(time, time as f64)]).unwrap();
    }
    assert_eq!(times(&db, "old", "a"), (100..120).collect::<Vec<_>>());
    assert_eq!(times(&db, "old", "b"), [] as [i64; 0]);
    assert_eq!(db.stats().head.samples_appended, 40);
    let warning = "recent data is still loading: samples since the newest block may be missing";
    assert_eq!(warnings(&db), [warning.into()]);
    let ctx = QueryContext::default();
    let querier = db.querier(TimeRange::ALL).unwrap();
    assert_eq!(querier.label_values(&ctx, "job", &[], None).unwrap(), ["a".into(), "c".into()]);
    assert_eq!(ctx.take_warnings(), [warning.into()]);
    db.exemplars(&ctx, TimeRange::ALL, &[Vec::new()]).unwrap();
    assert_eq!(ctx.take_warnings(), [warning.into()]);

    db.load().unwrap();
    // Who began before goes on with what there was.
    assert_eq!(querier.select(&ctx, &[], &SelectHints::default()).unwrap().len(), 2);
    drop(querier);
    assert_eq!((db.status(), db.is_loaded()), (Status::Ready, true));
    assert_eq!(times(&db, "old", "a"), (0..120).collect::<Vec<_>>());
    assert_eq!(times(&db, "old", "b"), (0..100).collect::<Vec<_>>());
    assert_eq!(times(&db, "new", "c"), (100..120).collect::<Vec<_>>());
    assert_eq!(warnings(&db), []);
    let stats = db.stats();
    assert_eq!((stats.head.series, stats.head.samples_appended), (3, 40));
    assert_eq!((stats.replay.samples, stats.replay.unknown.total()), (240, 0));
    let progress = db.replay_progress();
    assert_eq!((progress.first_segment, progress.last_segment, progress.segment), (0, 1, 1));
    // There is nothing left to do.
    db.load().unwrap();
    commit(&db, &series("old", "a"), &[(120, 120.0)]).unwrap();
    commit(&db, &series("new", "c"), &[(120, 120.0)]).unwrap();
    db.close().unwrap();
    let db = open(&simulation);
    assert_eq!(times(&db, "old", "a"), (0..121).collect::<Vec<_>>());
    assert_eq!(times(&db, "new", "c"), (100..121).collect::<Vec<_>>());
    assert_eq!(db.corruptions(), []);
}

/// Names of series that an early head gave are unknown to the next one, where they might be another's.
#[test]
fn names_of_series_are_not_confused() {
    let simulation = logged(0..10);
    let db = open_unloaded(&simulation);
    // The first series of either head, and each in the same place.
    let early = append_one(&db, SeriesKey::Labels(&series("new", "c")), 10, 1.0).unwrap();
    append_one(&db, SeriesKey::Ref(early), 11, 1.0).unwrap();
    assert_eq!(db.find_series(&series("new", "c")), Some(early));
    db.load().unwrap();
    let error = append_one(&db, SeriesKey::Ref(early), 12, 1.0).unwrap_err();
    assert!(matches!(error, AppendError::UnknownSeries(_)), "{error}");
    let later = append_one(&db, SeriesKey::Labels(&series("new", "c")), 12, 1.0).unwrap();
    append_one(&db, SeriesKey::Ref(later), 13, 1.0).unwrap();
    assert_eq!(times(&db, "new", "c"), [10, 11, 12, 13]);
    assert_eq!(times(&db, "old", "a"), (0..10).collect::<Vec<_>>());
}

/// Gives the segments of the log, and its checkpoint, numbers that are higher by `distance`.
fn renumber(simulation: &Simulation, distance: u64) {
    let (files, wal) = (simulation.files(), Path::new(DIR).join("wal"));
    for entry in files.list_dir(&wal).unwrap().into_iter().rev() {
        let (prefix, digits) = entry.name.split_at(entry.name.len().saturating_sub(8));
        if let Ok(number) = digits.parse::<u64>() {
            let name = format!("{prefix}{:08}", number + distance);
            files.rename(&wal.join(&*entry.name), &wal.join(name)).unwrap();
        }
    }
}

/// After 16,384 segments provisional names come round. A series that lives since then keeps its own.
#[test]
fn names_that_come_round_are_not_given_to_others() {
    const ROUND: u64 = 16_384;
    let simulation = logged(0..10);
    let db = open_unloaded(&simulation);
    let first = db.replay_progress().last_segment + 1;
    commit(&db, &series("new", "c"), &[(10, 1.0)]).unwrap();
    db.load().unwrap();
    for time in 11..1_500 {
        commit(&db, &series("new", "c"), &[(time, 1.0)]).unwrap();
    }
    db.flush(1_000).unwrap();
    assert!(db.stats().wal.checkpoints > 0);
    let next = db.stats().wal.segment + 1;
    db.close().unwrap();

    renumber(&simulation, ROUND + first - next);
    let db = open_unloaded(&simulation);
    assert!(!db.is_loaded());
    commit(&db, &series("new", "d"), &[(2_000, 1.0)]).unwrap();
    db.load().unwrap();
    commit(&db, &series("new", "d"), &[(2_001, 1.0)]).unwrap();
    drop(db);
    let db = open(&simulation);
    assert_eq!(times(&db, "new", "c"), (10..1_500).collect::<Vec<_>>());
    assert_eq!(times(&db, "new", "d"), [2_000, 2_001]);
}

/// An appender that was made before the log was read, and commits after.
#[test]
fn a_commit_goes_to_the_head_that_is_there() {
    let simulation = logged(0..10);
    let mut options = options();
    options.exemplars_max = 10;
    let db = Db::open_unloaded_with(simulation.host(), DIR, options).unwrap();
    let (old, new) = (series("old", "a"), series("new", "c"));
    let mut appender = db.appender();
    let name = appender.append(SeriesKey::Labels(&old), 10, SampleValue::Float(10.0)).unwrap();
    appender.append(SeriesKey::Labels(&new), 10, SampleValue::Float(10.0)).unwrap();
    let exemplar = narthex_model::Exemplar {
        labels: narthex_model::Labels::from_pairs([("trace_id", "x")]),
        value: 1.0,
        timestamp_ms: 10,
        has_own_timestamp: true,
    };
    appender.append_exemplar(name, &exemplar).unwrap();
    let metadata = narthex_model::Metadata { help: "old ones".into(), ..Default::default() };
    appender.set_metadata(name, &metadata).unwrap();
    db.load().unwrap();
    assert_eq!(appender.commit().unwrap().samples, 2);
    // It goes on as it began.
    appender.append(SeriesKey::Labels(&new), 11, SampleValue::Float(11.0)).unwrap();
    assert_eq!(appender.commit().unwrap().samples, 1);
    drop(appender);
    let check = |db: &Db| {
        assert_eq!(times(db, "old", "a"), (0..11).collect::<Vec<_>>());
        assert_eq!(times(db, "new", "c"), [10, 11]);
        let known = db.metadata(db.find_series(&old).unwrap()).unwrap();
        assert_eq!(&*known.help, "old ones");
        let ctx = QueryContext::default();
        let found = db.exemplars(&ctx, TimeRange::ALL, &[vec![Matcher::equal("job", "a")]]);
        assert_eq!(found.unwrap()[0].exemplars.len(), 1);
    };
    check(&db);
    drop(db);
    let mut options = self::options();
    options.exemplars_max = 10;
    check(&Db::open_with(simulation.host(), DIR, options).unwrap());
}

#[test]
fn what_may_be_late_is_to_come_again() {
    let simulation = logged(0..10);
    let db = open_unloaded(&simulation);
    let append = |time| append_one(&db, SeriesKey::Labels(&series("old", "a")), time, 1.0);
    assert!(is_loading(&append(9).unwrap_err()));
    append(12).unwrap();
    assert!(matches!(append(11).unwrap_err(), AppendError::OutOfOrder));
    // Where late samples may come, whether they do shows once the log is read.
    db.set_out_of_order_window(HOUR_MS).unwrap();
    assert!(is_loading(&append(11).unwrap_err()));
    db.load().unwrap();
    append(11).unwrap();
    append_one(&db, SeriesKey::Labels(&series("old", "late")), 5, 5.0).unwrap();
    assert_eq!(times(&db, "old", "a"), (0..10).chain([11, 12]).collect::<Vec<_>>());
    drop(db);
    assert_eq!(times(&open(&simulation), "old", "late"), [5]);
}

#[test]
fn what_needs_the_whole_head_waits() {
    let simulation = logged((0..40).map(|step| step * HOUR_MS / 10));
    let db = open_unloaded(&simulation);
    db.maintain().unwrap();
    assert_eq!(db.block_metas(), []);
    let error = db.flush(HOUR_MS).unwrap_err();
    assert!(matches!(error, MaintenanceError::Log(WalError::Loading)), "{error}");
    assert!(matches!(db.delete_from_head(TimeRange::ALL, &[]), Err(WalError::Loading)));
    assert!(db.compact_out_of_order().is_err());
    let path = std::path::Path::new("data/snapshots/one");
    assert!(db.snapshot(path, true).is_err());
    db.snapshot(path, false).unwrap();
    db.load().unwrap();
    db.maintain().unwrap();
    assert_eq!(db.block_metas().len(), 1);
    assert_eq!(times(&db, "old", "a").len(), 40);
}

#[test]
fn a_database_may_be_closed_before_its_log_is_read() {
    let simulation = logged(0..10);
    let mut options = options();
    options.memory_snapshot = true;
    for life in 0..5 {
        let db = Db::open_unloaded_with(simulation.host(), DIR, options.clone()).unwrap();
        assert_eq!(db.status(), Status::Loading, "life {life}");
        commit(&db, &series("new", "c"), &[(10 + life, 1.0)]).unwrap();
        db.interrupt();
        db.load().unwrap();
        assert!(!db.is_loaded());
        db.close().unwrap();
    }
    let db = Db::open_unloaded_with(simulation.host(), DIR, options.clone()).unwrap();
    db.load().unwrap();
    assert_eq!(times(&db, "old", "a"), (0..10).collect::<Vec<_>>());
    assert_eq!(times(&db, "new", "c"), (10..15).collect::<Vec<_>>());
    db.close().unwrap();
    // Now a snapshot stands for the log, so that there is nothing to wait for.
    let db = Db::open_unloaded_with(simulation.host(), DIR, options).unwrap();
    assert_eq!(db.status(), Status::Ready);
    assert_eq!(db.stats().replay.snapshot_series, 3);
    assert_eq!(times(&db, "new", "c"), (10..15).collect::<Vec<_>>());
}

#[test]
fn an_empty_folder_has_nothing_to_load() {
    let db = open_unloaded(&Simulation::new(1));
    assert_eq!(db.status(), Status::Ready);
    db.load().unwrap();
    commit(&db, &series("new", "c"), &[(1, 1.0)]).unwrap();
    assert_eq!(warnings(&db), []);
}

#[test]
fn start_ups_that_are_killed_while_they_load_count() {
    let simulation = logged(0..10);
    for life in 0..3 {
        let db = open_unloaded(&simulation);
        assert_eq!(db.status(), Status::Loading);
        commit(&db, &series("new", "c"), &[(10 + life, 1.0)]).unwrap();
        drop(db);
    }
    let db = open_unloaded(&simulation);
    assert_eq!(db.status(), Status::Safe { killed: 3 });
    db.load().unwrap();
    assert!(append_one(&db, SeriesKey::Labels(&series("new", "c")), 20, 1.0).is_err());
    db.close().unwrap();
    let db = open_unloaded(&simulation);
    db.load().unwrap();
    assert_eq!(db.status(), Status::Ready);
    assert_eq!(times(&db, "new", "c"), [10, 11, 12]);
}

/// What was logged before the disk became full is read, and what comes once there is room is taken.
#[test]
fn a_full_disk_does_not_keep_the_log_from_being_read() {
    let simulation = logged(0..10);
    let files = simulation.files();
    let db = open_unloaded(&simulation);
    commit(&db, &series("new", "c"), &[(10, 1.0)]).unwrap();
    files.fail_from(files.call_count(), Fault::ShortWrite);
    commit(&db, &series("new", "c"), &[(11, 1.0)]).unwrap_err();
    assert!(matches!(db.status(), Status::ReadOnly { .. }));
    db.load().unwrap();
    commit(&db, &series("new", "c"), &[(12, 1.0)]).unwrap_err();
    assert_eq!(times(&db, "new", "c"), [10]);
    assert_eq!(times(&db, "old", "b"), (0..10).collect::<Vec<_>>());
    files.repair();
    commit(&db, &series("new", "c"), &[(13, 1.0)]).unwrap();
    drop(db);
    let db = open(&simulation);
    assert_eq!(times(&db, "new", "c"), [10, 13]);
    assert_eq!(db.corruptions(), []);
}

/// The torn end of the log is cut off before anything is written behind it.
#[test]
fn a_torn_end_is_cut_off_first() {
    for cut in 1..20 {
        let simulation = logged(0..10);
        let path = std::path::Path::new("data/wal/00000000");
        simulation.files().edit(path, |bytes| bytes.truncate(bytes.len() - cut)).unwrap();
        let db = open_unloaded(&simulation);
        commit(&db, &series("new", "c"), &[(10, 1.0)]).unwrap();
        drop(db);
        let db = open_unloaded(&simulation);
        commit(&db, &series("new", "c"), &[(11, 1.0)]).unwrap();
        db.load().unwrap();
        assert_eq!(db.corruptions(), [], "cut {cut}");
        assert_eq!(times(&db, "old", "a"), (0..10).collect::<Vec<_>>(), "cut {cut}");
        assert_eq!(times(&db, "new", "c"), [10, 11], "cut {cut}");
    }
}

/// Samples of the last start are in the segment that is looked at; those before it are older.
#[test]
fn segments_without_samples_say_nothing_of_times() {
    let simulation = logged(0..10);
    (0..3).for_each(|_| drop(open(&simulation)));
    let wal = simulation.files().list_dir(std::path::Path::new("data/wal")).unwrap();
    assert!(wal.len() > 3);
    let db = open_unloaded(&simulation);
    let error = append_one(&db, SeriesKey::Labels(&series("old", "a")), 9, 1.0).unwrap_err();
    assert!(is_loading(&error));
}

#[test]
fn the_window_that_was_chosen_meanwhile_counts() {
    let simulation = logged(0..10);
    let mut options = options();
    options.out_of_order_window_ms = HOUR_MS;
    options.wal_sync = WalSync::Commit;
    let db = Db::open_unloaded_with(simulation.host(), DIR, options).unwrap();
    db.set_out_of_order_window(0).unwrap();
    db.load().unwrap();
    let late = append_one(&db, SeriesKey::Labels(&series("old", "a")), 5, 1.0);
    assert!(matches!(late, Err(AppendError::OutOfOrder)), "{late:?}");
}
