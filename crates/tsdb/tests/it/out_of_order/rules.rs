use std::path::Path;

use narthex_host::{Files, Simulation};
use narthex_model::SampleTime;
use narthex_model::histogram::{FloatHistogram, Histogram};
use narthex_storage::{
    AppendError, Appendable, Columns, QueryContext, Queryable, SampleValue, SelectHints, SeriesKey,
    TimeRange,
};
use narthex_tsdb::{Db, WalSync};
use proptest::prelude::*;

use super::{Expected, MINUTE_MS, WINDOW_MS, commit, labels, open, options};
use crate::support::{append_one, read, read_all};

fn kind(error: &AppendError) -> &'static str {
    match error {
        AppendError::OutOfOrder => "out of order",
        AppendError::DuplicateTimestamp => "duplicate",
        AppendError::OutOfBounds => "out of bounds",
        AppendError::TooOld => "too old",
        _ => "another",
    }
}

/// The window in minutes, series, time and value of a sample, and why it is refused.
type Case = (i64, usize, i64, f64, Result<(), &'static str>);

/// The first series' newest sample is at 180 minutes, as the head's; the second's at 100. Samples
/// older than 120 minutes are out of bounds, as blocks are of two hours.
#[test]
fn samples_are_taken_or_refused_as_the_reference_does() {
    let newest = 180 * MINUTE_MS;
    let cases: &[Case] = &[
        (0, 0, newest, 1.0, Ok(())),
        (0, 0, newest, 2.0, Err("duplicate")),
        (0, 0, newest - 1, 1.0, Err("out of order")),
        (0, 0, 120 * MINUTE_MS, 1.0, Err("out of order")),
        (0, 0, 120 * MINUTE_MS - 1, 1.0, Err("out of bounds")),
        (0, 1, 120 * MINUTE_MS, 1.0, Ok(())),
        (0, 1, 110 * MINUTE_MS, 1.0, Err("out of bounds")),
        (0, 2, 110 * MINUTE_MS, 1.0, Err("out of bounds")),
        (30, 0, newest, 1.0, Ok(())),
        (30, 0, newest, 2.0, Err("duplicate")),
        (30, 0, newest - 1, 2.0, Ok(())),
        (30, 0, newest - WINDOW_MS, 2.0, Ok(())),
        (30, 0, newest - WINDOW_MS - 1, 2.0, Err("too old")),
        (30, 0, 100 * MINUTE_MS, 1.0, Err("too old")),
        // In order for its series, and not too old for that.
        (30, 1, 120 * MINUTE_MS, 1.0, Ok(())),
        (30, 1, 119 * MINUTE_MS, 1.0, Err("too old")),
        (30, 2, 120 * MINUTE_MS, 1.0, Ok(())),
        (30, 2, 110 * MINUTE_MS, 1.0, Err("too old")),
        // A window beyond the bounds.
        (90, 0, 100 * MINUTE_MS, 1.0, Ok(())),
        (90, 1, 100 * MINUTE_MS, 2.0, Ok(())),
        (90, 2, 90 * MINUTE_MS, 1.0, Ok(())),
        (90, 2, 90 * MINUTE_MS - 1, 1.0, Err("too old")),
    ];
    for &(window, number, time, value, expected) in cases {
        for is_histogram in [false, true] {
            let simulation = Simulation::new(1);
            let mut options = options(WalSync::Never);
            options.out_of_order_window_ms = window * MINUTE_MS;
            let db = Db::open_with(simulation.host(), "data", options).unwrap();
            let (old, new) = (histogram(1.0), histogram(value));
            let of = |histogram, value| match is_histogram {
                true => SampleValue::Histogram(histogram),
                false => SampleValue::Float(value),
            };
            for (number, time) in [(1, 100 * MINUTE_MS), (0, newest)] {
                let mut appender = db.appender();
                let key = labels(number);
                appender.append(SeriesKey::Labels(&key), time, of(&old, 1.0)).unwrap();
                appender.commit().unwrap();
            }
            let mut appender = db.appender();
            let key = labels(number);
            let outcome = appender.append(SeriesKey::Labels(&key), time, of(&new, value));
            let outcome = outcome.map(drop).map_err(|error| kind(&error));
            assert_eq!(outcome, expected, "window {window}, series {number}, time {time}");
            let committed = appender.commit().unwrap().samples;
            let is_same = number == 0 && time == newest;
            assert_eq!(committed, usize::from(expected.is_ok() && !is_same));
        }
    }
}

fn histogram(sum: f64) -> Histogram {
    Histogram { sum, ..Histogram::default() }
}

#[test]
fn what_was_late_is_counted() {
    let simulation = Simulation::new(1);
    let db = open(&simulation, WalSync::Never).unwrap();
    commit(&db, &[(0, 180 * MINUTE_MS, 1.0)]).unwrap();
    for minutes in [1, 10, 20, 30] {
        commit(&db, &[(0, (180 - minutes) * MINUTE_MS, 1.0)]).unwrap();
    }
    for minutes in [31, 900] {
        let error = commit(&db, &[(0, (180 - minutes) * MINUTE_MS, 1.0)]).unwrap_err();
        assert_eq!(kind(&error), "too old");
    }
    let stats = db.stats().head;
    assert_eq!((stats.out_of_order_samples_appended, stats.too_old_samples), (4, 2));
    assert_eq!((stats.samples_appended, stats.out_of_order_samples), (5, 0));
    assert_eq!(stats.out_of_order_deltas.counts, [2, 2, 1, 0, 0, 0, 0, 1]);
    assert_eq!(stats.out_of_order_deltas.sum_ms, (61 + 31 + 900) * MINUTE_MS as u64);
}

#[test]
fn a_second_value_for_a_time_is_not_taken_again() {
    let simulation = Simulation::new(1);
    let db = open(&simulation, WalSync::Never).unwrap();
    assert_eq!(commit(&db, &[(0, 20, 1.0)]).unwrap(), 1);
    assert_eq!(commit(&db, &[(0, 10, 1.0)]).unwrap(), 1);
    assert_eq!(commit(&db, &[(0, 10, 2.0), (0, 11, 1.0), (0, 11, 3.0)]).unwrap(), 1);
    let mut expected = Expected::default();
    [10, 11, 20].into_iter().for_each(|time| expected.add(0, time, 1.0));
    assert_eq!(read_all(&db), expected.samples());
}

/// The window is opened, shut and opened again.
#[test]
fn the_window_changes_while_the_database_is_open() {
    let simulation = Simulation::new(1);
    let mut options = options(WalSync::Never);
    options.out_of_order_window_ms = 0;
    let db = Db::open_with(simulation.host(), "data", options.clone()).unwrap();
    let late = |time| append_one(&db, SeriesKey::Labels(&labels(0)), time, 1.0).map(drop);
    late(100).unwrap();
    assert_eq!(kind(&late(90).unwrap_err()), "out of order");
    assert!(simulation.files().list_dir(Path::new("data/wbl")).is_err());
    db.set_out_of_order_window(WINDOW_MS).unwrap();
    late(80).unwrap();
    db.set_out_of_order_window(0).unwrap();
    assert_eq!(kind(&late(70).unwrap_err()), "out of order");
    db.set_out_of_order_window(WINDOW_MS).unwrap();
    late(60).unwrap();
    let mut expected = Expected::default();
    [60, 80, 100].into_iter().for_each(|time| expected.add(0, time, 1.0));
    assert_eq!(read_all(&db), expected.samples());
    drop(db);
    // What is in the log is read whatever the window is.
    let db = Db::open_with(simulation.host(), "data", options).unwrap();
    assert_eq!(read_all(&db), expected.samples());
}

/// Series that only have samples out of order are there, in the range that they have them.
#[test]
fn series_without_samples_in_order_are_found() {
    for memory_snapshot in [false, true] {
        find_series_without_samples_in_order(memory_snapshot);
    }
}

fn find_series_without_samples_in_order(memory_snapshot: bool) {
    let simulation = Simulation::new(1);
    let mut options = options(WalSync::Never);
    options.memory_snapshot = memory_snapshot;
    options.out_of_order_window_ms = 100 * MINUTE_MS;
    let newest = 180 * MINUTE_MS;
    let db = Db::open_with(simulation.host(), "data", options.clone()).unwrap();
    commit(&db, &[(0, newest, 1.0)]).unwrap();
    commit(&db, &[(1, newest - 90 * MINUTE_MS, 2.0)]).unwrap();
    db.close().unwrap();
    let db = Db::open_with(simulation.host(), "data", options).unwrap();
    let names = |range| read(&db, range, &[]).len();
    let late = newest - 90 * MINUTE_MS;
    for (min_ms, max_ms, count) in [
        (0, newest, 2),
        (late, late, 1),
        (late + 1, newest, 1),
        (late + 1, newest - 1, 0),
        (0, late - 1, 0),
    ] {
        assert_eq!(names(TimeRange { min_ms, max_ms }), count, "{min_ms} to {max_ms}");
    }
}

/// A reader sees whole commits, and only those before it.
#[test]
fn readers_see_no_later_commit() {
    let simulation = Simulation::new(1);
    let db = open(&simulation, WalSync::Never).unwrap();
    let ctx = QueryContext::default();
    let mut expected = Expected::default();
    let mut readers = Vec::new();
    for number in 0..100_i64 {
        let (newest, late) = (10_000 + number, 5_000 - number * 37 % 100);
        commit(&db, &[(0, newest, 1.0), (0, late, 2.0), (1, late, 3.0)]).unwrap();
        expected.add(0, newest, 1.0);
        expected.add(0, late, 2.0);
        expected.add(1, late, 3.0);
        readers.push((db.querier(TimeRange::ALL).unwrap(), expected.samples()));
    }
    let mut columns = Columns::default();
    for (querier, expected) in readers {
        let selection = querier.select(&ctx, &[], &SelectHints::default()).unwrap();
        assert_eq!(selection.len(), expected.len());
        for index in 0..selection.len() {
            selection.read(&ctx, index, &mut columns).unwrap();
            let samples = columns.iter().map(|item| (item.timestamp_ms, item.value.to_bits()));
            let name = selection.series_labels(index).as_series().to_string();
            assert_eq!(samples.collect::<Vec<_>>(), expected[&name]);
        }
    }
}

/// A float histogram is kept as such, and so is the end of a series of histograms.
#[test]
fn samples_of_all_kinds_come_late() {
    let simulation = Simulation::new(1);
    let db = open(&simulation, WalSync::Never).unwrap();
    let key = labels(0);
    let floats = FloatHistogram { sum: 5.0, ..FloatHistogram::default() };
    let whole = histogram(4.0);
    let mut appender = db.appender();
    for (time, value) in [
        (100, SampleValue::Histogram(&whole)),
        (90, SampleValue::Float(f64::from_bits(narthex_model::STALE_NAN.to_bits()))),
        (80, SampleValue::FloatHistogram(&floats)),
        (70, SampleValue::Histogram(&whole)),
        (60, SampleValue::Float(1.5)),
        (75, SampleValue::Float(2.5)),
    ] {
        appender.append(SeriesKey::Labels(&key), time, value).unwrap();
    }
    appender.commit().unwrap();
    let check = |db: &Db| {
        let ctx = QueryContext::default();
        let querier = db.querier(TimeRange::ALL).unwrap();
        let selection = querier.select(&ctx, &[], &SelectHints::default()).unwrap();
        let mut columns = Columns::default();
        selection.read(&ctx, 0, &mut columns).unwrap();
        assert_eq!(columns.timestamps_ms(), [60, 70, 75, 80, 90, 100]);
        let sums = (0..6).map(|index| columns.histogram(index).map(|item| item.sum));
        let sums = sums.map(|sum| sum.map(f64::to_bits)).collect::<Vec<_>>();
        let bits = |value: f64| Some(value.to_bits());
        let stale = bits(narthex_model::STALE_NAN);
        assert_eq!(sums, [None, bits(4.0), None, bits(5.0), stale, bits(4.0)]);
    };
    check(&db);
    drop(appender);
    drop(db);
    check(&open(&simulation, WalSync::Never).unwrap());
}

/// A commit: samples of some series, by how much before a common time they are.
type Commits = Vec<Vec<(usize, i64)>>;

fn commits() -> impl Strategy<Value = Commits> {
    let sample = (0_usize..3, 0_i64..400);
    prop::collection::vec(prop::collection::vec(sample, 1..40), 1..20)
}

proptest! {
    /// Whatever comes in whatever order, what is read is the sorted set of it: at once, from the log,
    /// and in any range.
    #[test]
    fn what_is_read_is_the_sorted_set(
        commits in commits(),
        reopenings in prop::collection::vec(any::<bool>(), 20),
        sample_count in 1_u8..40,
        (first, second) in (0_i64..500, 0_i64..500),
    ) {
        let simulation = Simulation::new(1);
        let mut expected = Expected::default();
        let mut options = options(WalSync::Never);
        options.out_of_order_chunk_samples = sample_count;
        let reopen = || Db::open_with(simulation.host(), "data", options.clone()).unwrap();
        let mut db = Some(reopen());
        for (index, samples) in commits.iter().enumerate() {
            let samples = samples.iter().map(|(number, time)| {
                // Times drift, so that some samples come in order.
                let time = time + i64::try_from(index).unwrap() * 5;
                (*number, time, time as f64)
            });
            let samples = samples.collect::<Vec<_>>();
            commit(db.as_ref().unwrap(), &samples).unwrap();
            samples.iter().for_each(|(number, time, value)| expected.add(*number, *time, *value));
            if reopenings[index] {
                drop(db.take());
                db = Some(reopen());
            }
        }
        let db = db.unwrap();
        prop_assert_eq!(read_all(&db), expected.samples());
        let range = TimeRange { min_ms: first.min(second), max_ms: first.max(second) };
        expected.0.values_mut().for_each(|samples| samples.retain(|time, _| range.contains(*time)));
        expected.0.retain(|_, samples| !samples.is_empty());
        prop_assert_eq!(read(&db, range, &[]), expected.samples());
    }
}

#[test]
fn what_is_only_worth_saying_in_order_is_refused_later() {
    let simulation = Simulation::new(1);
    let db = open(&simulation, WalSync::Never).unwrap();
    commit(&db, &[(0, 10 * MINUTE_MS, 1.0)]).unwrap();
    let series = labels(0);
    let append = |minute: i64, in_order: bool| {
        let mut appender = db.appender();
        let time = SampleTime { timestamp_ms: minute * MINUTE_MS, start_timestamp_ms: 0 };
        let (series, value) = (SeriesKey::Labels(&series), SampleValue::Float(2.0));
        match in_order {
            true => appender.append_in_order(series, time, value),
            false => appender.append_with_start(series, time, value),
        }
    };
    assert!(matches!(append(5, true), Err(AppendError::OutOfOrder)));
    assert!(append(5, false).is_ok());
    assert!(append(11, true).is_ok());
}
