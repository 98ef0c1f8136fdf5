use narthex_host::Simulation;
use narthex_model::Matcher;
use narthex_storage::TimeRange;
use narthex_tsdb::{Db, Options};

use crate::support::{commit, read_all, series};

fn open(simulation: &Simulation) -> Db {
    Db::open_with(simulation.host(), "data", Options::default()).unwrap()
}

fn times(db: &Db) -> Vec<Vec<i64>> {
    let all = read_all(db).into_values();
    all.map(|samples| samples.into_iter().map(|(time, _)| time).collect()).collect()
}

#[test]
fn what_is_deleted_stays_deleted_and_what_comes_later_does_not() {
    let simulation = Simulation::new(1);
    let db = open(&simulation);
    for job in ["a", "b"] {
        commit(&db, &series("up", job), &[(10, 1.0), (20, 2.0), (30, 3.0)]).unwrap();
    }
    let a = [Matcher::equal("job", "a")];
    db.delete_from_head(TimeRange { min_ms: 15, max_ms: i64::MAX }, &a).unwrap();
    db.delete_from_head(TimeRange { min_ms: 100, max_ms: 200 }, &[]).unwrap();
    commit(&db, &series("up", "a"), &[(40, 4.0)]).unwrap();
    let expected = vec![vec![10, 40], vec![10, 20, 30]];
    assert_eq!(times(&db), expected);
    drop(db);
    assert_eq!(times(&open(&simulation)), expected);
}

/// Late samples are in a log of their own, so that what was deleted of them must outlast theirs in the
/// other.
#[test]
fn late_samples_stay_deleted_when_the_log_is_shortened() {
    const MINUTE_MS: i64 = 60_000;
    let simulation = Simulation::new(1);
    let mut options = Options::default();
    options.block_range_ms = 10 * MINUTE_MS;
    options.wal_segment_size_bytes = 32 * 1_024;
    options.out_of_order_window_ms = 300 * MINUTE_MS;
    let open = || Db::open_with(simulation.host(), "data", options.clone()).unwrap();
    let db = open();
    let (late, other) = (series("up", "late"), series("up", "other"));
    commit(&db, &late, &[(100 * MINUTE_MS, 1.0)]).unwrap();
    commit(&db, &late, &[(50 * MINUTE_MS, 2.0), (51 * MINUTE_MS, 3.0)]).unwrap();
    let range = TimeRange { min_ms: 0, max_ms: 50 * MINUTE_MS };
    db.delete_from_head(range, &[Matcher::equal("job", "late")]).unwrap();
    for minute in 100..200 {
        // Each fills a segment.
        let samples = (0..2_000).map(|n| (minute * MINUTE_MS + n * 30, n as f64 * 0.37));
        commit(&db, &other, &samples.collect::<Vec<_>>()).unwrap();
    }
    commit(&db, &late, &[(199 * MINUTE_MS, 4.0)]).unwrap();
    db.flush(190 * MINUTE_MS).unwrap();
    assert_eq!(db.stats().wal.checkpoints, 1);
    let of_late = |db: &Db| times(db).swap_remove(0);
    let expected = [51, 100, 199].map(|minute| minute * MINUTE_MS);
    assert_eq!(of_late(&db), expected);
    drop(db);
    assert_eq!(of_late(&open()), expected);
}

#[test]
fn cardinality_counts_what_is_committed() {
    let db = open(&Simulation::new(1));
    for (name, jobs) in [("up", &["a", "b", "long"][..]), ("down", &["a"])] {
        for job in jobs {
            commit(&db, &series(name, job), &[(1, 1.0)]).unwrap();
        }
    }
    let counts = |items: &[(&str, u64)]| {
        items.iter().map(|(name, count)| (Box::from(*name), *count)).collect::<Vec<_>>()
    };
    let found = db.cardinality(2);
    assert_eq!((found.series, found.label_pairs), (4, 5));
    assert_eq!(found.series_by_metric, counts(&[("up", 3), ("down", 1)]));
    assert_eq!(found.values_by_name, counts(&[("job", 3), ("__name__", 2)]));
    assert_eq!(found.value_bytes_by_name, counts(&[("__name__", 10), ("job", 7)]));
    assert_eq!(found.series_by_label, counts(&[("__name__=up", 3), ("job=a", 2)]));
}
