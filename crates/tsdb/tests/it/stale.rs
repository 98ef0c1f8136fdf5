//! Series that ended leave the head before their time.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use narthex_host::{Fault, Simulation};
use narthex_model::histogram::Histogram;
use narthex_model::{Labels, STALE_NAN};
use narthex_storage::{Appendable, SampleValue, SeriesKey};
use narthex_tsdb::{BlockCompaction, Db, Options, WalSync};

use crate::support::{Samples, commit, read_all, series};

const MINUTE_MS: i64 = 60_000;

fn options(threshold: f64) -> Options {
    let mut options = Options::default();
    options.stale_compaction_threshold = threshold;
    options.wal_segment_size_bytes = 32 * 1_024;
    options.retention.time_ms = 0;
    options
}

fn open(simulation: &Simulation, options: &Options) -> Db {
    Db::open_with(simulation.host(), "data", options.clone()).unwrap()
}

/// Five series over two block ranges, three of which end.
fn fill(db: &Db) {
    for n in 0..=30 {
        let mut appender = db.appender();
        // The last samples end three of the series.
        let (count, value) = if n < 30 { (5, n as f64) } else { (3, STALE_NAN) };
        for number in 0..count {
            let labels = series("m", &number.to_string());
            let value = SampleValue::Float(value);
            appender.append(SeriesKey::Labels(&labels), n * 5 * MINUTE_MS, value).unwrap();
        }
        appender.commit().unwrap();
    }
}

fn stale_blocks(db: &Db) -> usize {
    let metas = db.block_metas().into_iter();
    metas.filter(|meta| meta.compaction.has_hint(BlockCompaction::STALE_SERIES)).count()
}

#[test]
fn series_that_ended_leave_the_head_where_they_are_many() {
    for (threshold, left) in [(0.0, 5), (0.61, 5), (0.6, 2), (0.1, 2)] {
        let simulation = Simulation::new(1);
        let options = options(threshold);
        let db = open(&simulation, &options);
        fill(&db);
        let expected = read_all(&db);
        assert_eq!((db.stats().head.series, db.stats().head.stale_series), (5, 3));
        db.maintain().unwrap();
        let head = db.stats().head;
        assert_eq!((head.series, stale_blocks(&db) > 0), (left, left < 5), "{threshold}");
        assert_eq!((head.stale_series, head.series_removed), (3 * u64::from(left == 5), 5 - left));
        assert_eq!(read_all(&db), expected, "{threshold}");
        drop(db);
        let db = open(&simulation, &options);
        assert_eq!(read_all(&db), expected, "{threshold}");
        assert_eq!(db.stats().replay.unknown.total(), 0, "{threshold}");
        // What was in order before is so now.
        assert_eq!(db.stats().head.max_ms, Some(30 * 5 * MINUTE_MS));
    }
}

#[test]
fn a_series_that_comes_back_is_another_life_of_it() {
    let simulation = Simulation::new(1);
    let options = options(0.5);
    let db = open(&simulation, &options);
    fill(&db);
    let back = series("m", "1");
    let mut appender = db.appender();
    let old = appender.append(SeriesKey::Labels(&back), 200 * MINUTE_MS, SampleValue::Float(9.0));
    appender.rollback();
    db.maintain().unwrap();
    let mut expected = read_all(&db);
    // Its name is forgotten, as that of a series that left in time.
    appender
        .append(SeriesKey::Ref(old.unwrap()), 200 * MINUTE_MS, SampleValue::Float(9.0))
        .unwrap_err();
    appender.append(SeriesKey::Labels(&back), 200 * MINUTE_MS, SampleValue::Float(7.0)).unwrap();
    appender.commit().unwrap();
    drop(appender);
    let samples = expected.get_mut(&back.as_series().to_string()).unwrap();
    samples.push((200 * MINUTE_MS, 7.0_f64.to_bits()));
    assert_eq!(read_all(&db), expected);
    drop(db);
    assert_eq!(read_all(&open(&simulation, &options)), expected);
}

#[test]
fn who_holds_samples_of_a_series_keeps_it() {
    let db = open(&Simulation::new(1), &options(0.5));
    fill(&db);
    let mut appender = db.appender();
    let back = series("m", "1");
    let series =
        appender.append(SeriesKey::Labels(&back), 200 * MINUTE_MS, SampleValue::Float(7.0));
    db.maintain().unwrap();
    appender.commit().unwrap();
    assert_eq!(db.stats().head.series, 3);
    assert_eq!(db.find_series(&back), Some(series.unwrap()));
    assert_eq!(read_all(&db)[&back.as_series().to_string()].len(), 32);
}

#[test]
fn readers_see_the_series_all_the_time() {
    let db = open(&Simulation::new(1), &options(0.5));
    fill(&db);
    let expected = read_all(&db);
    let is_done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let readers = (0..2).map(|_| {
            scope.spawn(|| {
                while !is_done.load(Ordering::Relaxed) {
                    assert_eq!(read_all(&db), expected);
                }
            })
        });
        let readers = readers.collect::<Vec<_>>();
        db.maintain().unwrap();
        is_done.store(true, Ordering::Relaxed);
        readers.into_iter().for_each(|reader| reader.join().unwrap());
    });
    assert_eq!(db.stats().head.series, 2);
}

/// Each call fails once, and the machine stops there: nothing is lost, nothing is there twice.
#[test]
fn no_failure_loses_a_series() {
    let mut options = options(0.5);
    options.wal_sync = WalSync::Commit;
    for call in 0.. {
        let simulation = Simulation::new(call);
        let files = simulation.files();
        let db = open(&simulation, &options);
        fill(&db);
        let expected = read_all(&db);
        let first = files.call_count();
        files.fail_call(first + call, Fault::Io);
        let outcome = db.maintain();
        let is_reached = files.call_count() > first + call;
        files.repair();
        assert_eq!(read_all(&db), expected, "call {call}: {outcome:?}");
        commit(&db, &series("m", "1"), &[(200 * MINUTE_MS, 5.0)]).unwrap();
        let expected = read_all(&db);
        files.crash();
        drop(db);
        let db = open(&simulation, &options);
        assert_eq!(read_all(&db), expected, "call {call}: {outcome:?}");
        simulation.clock().advance(Duration::from_secs(60));
        db.maintain().unwrap();
        assert_eq!(read_all(&db), expected, "call {call}: {outcome:?}");
        if !is_reached {
            assert!(call > 20, "{call} calls");
            return;
        }
    }
}

/// Series come and go for a day, and the log is shortened many times.
#[test]
fn series_that_come_and_go_stay_whole() {
    let simulation = Simulation::new(1);
    let mut options = options(0.3);
    options.block_range_ms = 60 * MINUTE_MS;
    options.samples_per_chunk = 8;
    let mut db = open(&simulation, &options);
    let (mut expected, mut series_max, mut moves) = (Samples::new(), 0, 0);
    for minute in 1..=24 * 60_i64 {
        simulation.clock().advance(Duration::from_secs(60));
        let mut appender = db.appender();
        let mut append = |labels: &Labels, value: f64| {
            let time = minute * MINUTE_MS;
            appender.append(SeriesKey::Labels(labels), time, SampleValue::Float(value)).unwrap();
            let samples = expected.entry(labels.as_series().to_string()).or_default();
            samples.push((time, value.to_bits()));
        };
        append(&series("m", "stays"), minute as f64);
        // Each of them lives for five minutes in twenty.
        for number in 0..20 {
            match (minute + number) % 20 {
                0..5 => append(&series("m", &number.to_string()), minute as f64),
                5 => append(&series("m", &number.to_string()), STALE_NAN),
                _ => {}
            }
        }
        appender.commit().unwrap();
        drop(appender);
        db.maintain().unwrap();
        series_max = series_max.max(db.stats().head.series);
        moves = moves.max(stale_blocks(&db));
        if minute % 400 == 0 {
            drop(db);
            db = open(&simulation, &options);
            assert_eq!(db.stats().replay.unknown.total(), 0, "minute {minute}");
        }
    }
    let found = read_all(&db);
    let sizes = |samples: &Samples| {
        let sizes = samples.iter().map(|(name, samples)| (name.clone(), samples.len()));
        sizes.collect::<BTreeMap<_, _>>()
    };
    assert_eq!(sizes(&found), sizes(&expected));
    assert!(found == expected);
    assert!(moves > 0 && db.stats().wal.checkpoints > 0);
}

#[test]
fn what_series_end_with_is_counted() {
    let simulation = Simulation::new(1);
    let db = open(&simulation, &Options::default());
    let counts = |db: &Db| {
        let head = db.stats().head;
        (head.stale_series, head.histogram_series, head.histogram_buckets)
    };
    let labels = series("m", "a");
    let histogram = Histogram::default();
    for (time, value, expected) in [
        (1, SampleValue::Float(1.0), (0, 0, 0)),
        (2, SampleValue::Float(STALE_NAN), (1, 0, 0)),
        (3, SampleValue::Histogram(&histogram), (0, 1, 0)),
        (4, SampleValue::Float(STALE_NAN), (1, 1, 0)),
        (5, SampleValue::Float(f64::NAN), (0, 0, 0)),
        (6, SampleValue::Float(STALE_NAN), (1, 0, 0)),
    ] {
        let mut appender = db.appender();
        appender.append(SeriesKey::Labels(&labels), time, value).unwrap();
        appender.commit().unwrap();
        assert_eq!(counts(&db), expected, "{time}");
    }
    drop(db);
    assert_eq!(counts(&open(&simulation, &Options::default())), (1, 0, 0));
}
