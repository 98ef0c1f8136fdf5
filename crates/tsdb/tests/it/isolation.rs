use std::sync::atomic::{AtomicBool, Ordering};

use narthex_host::Simulation;
use narthex_model::Matcher;
use narthex_storage::{
    Appendable, Columns, Querier, QueryContext, Queryable, SampleValue, SelectHints, SeriesKey,
    TimeRange,
};
use narthex_tsdb::{Db, Options};

use crate::support::{commit, series};

const JOBS: [&str; 4] = ["a", "b", "c", "d"];

fn open() -> Db {
    Db::open_with(Simulation::new(1).host(), "data", Options::default()).unwrap()
}

/// Commits one sample to each series.
fn commit_round(db: &Db, round: i64) {
    let mut appender = db.appender();
    for job in JOBS {
        let labels = series("up", job);
        let value = SampleValue::Float(round as f64);
        appender.append(SeriesKey::Labels(&labels), round, value).unwrap();
    }
    assert_eq!(appender.commit().unwrap().samples, JOBS.len());
}

/// Returns how many samples each series holds, each selected on its own.
fn counts(querier: &dyn Querier) -> Vec<usize> {
    let ctx = QueryContext::default();
    let count = |job: &&str| {
        let job = Matcher::equal("job", job);
        let selection = querier.select(&ctx, &[job], &SelectHints::default()).unwrap();
        let mut columns = Columns::default();
        if !selection.is_empty() {
            selection.read(&ctx, 0, &mut columns).unwrap();
        }
        columns.len()
    };
    JOBS.iter().map(count).collect()
}

#[test]
fn a_querier_sees_the_commits_before_it() {
    let db = open();
    let before_all = db.querier(TimeRange::ALL).unwrap();
    commit_round(&db, 0);
    let after_one = db.querier(TimeRange::ALL).unwrap();
    let ctx = QueryContext::default();
    let selection = after_one.select(&ctx, &[], &SelectHints::default()).unwrap();
    // Far enough for the chunk that the selection knows as open to be full, and others too.
    (1..1_000).for_each(|round| commit_round(&db, round));

    assert_eq!(counts(&*before_all), [0, 0, 0, 0]);
    assert_eq!(counts(&*after_one), [1, 1, 1, 1]);
    assert_eq!(counts(&*db.querier(TimeRange::ALL).unwrap()), [1_000; 4]);
    let mut columns = Columns::default();
    for index in 0..selection.len() {
        selection.read(&ctx, index, &mut columns).unwrap();
        assert_eq!(columns.timestamps_ms(), [0]);
    }
}

#[test]
fn a_series_that_came_later_is_not_seen() {
    let db = open();
    commit(&db, &series("up", "a"), &[(1, 1.0)]).unwrap();
    let querier = db.querier(TimeRange::ALL).unwrap();
    commit(&db, &series("up", "b"), &[(1, 1.0)]).unwrap();
    let ctx = QueryContext::default();
    assert_eq!(querier.select(&ctx, &[], &SelectHints::default()).unwrap().len(), 1);
}

#[test]
fn readers_beside_an_appender_see_whole_commits() {
    let db = open();
    let is_done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut newest = 0;
                while !is_done.load(Ordering::Relaxed) {
                    let found = counts(&*db.querier(TimeRange::ALL).unwrap());
                    assert!(found.iter().all(|count| *count == found[0]), "{found:?}");
                    assert!(found[0] >= newest, "{found:?} after {newest}");
                    newest = found[0];
                }
            });
        }
        (0..3_000).for_each(|round| commit_round(&db, round));
        is_done.store(true, Ordering::Relaxed);
    });
    assert_eq!(counts(&*db.querier(TimeRange::ALL).unwrap()), [3_000; 4]);
}

#[test]
fn appenders_beside_each_other_lose_nothing() {
    let simulation = Simulation::new(1);
    let open = || Db::open_with(simulation.host(), "data", Options::default()).unwrap();
    let db = open();
    std::thread::scope(|scope| {
        for job in JOBS {
            let db = &db;
            scope.spawn(move || {
                for round in 0..500 {
                    let samples = [(round, 1.0)];
                    assert_eq!(commit(db, &series("up", job), &samples).unwrap(), 1);
                }
            });
        }
    });
    assert_eq!(counts(&*db.querier(TimeRange::ALL).unwrap()), [500; 4]);
    drop(db);
    assert_eq!(counts(&*open().querier(TimeRange::ALL).unwrap()), [500; 4]);
}
