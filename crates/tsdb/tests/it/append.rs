use narthex_host::Simulation;
use narthex_model::{Labels, Metadata, MetricType};
use narthex_storage::{AppendError, Appendable, SampleValue, SeriesKey, SeriesRef};
use narthex_tsdb::{Db, OpenError, Options};

use crate::support::{append_one, commit, read_all, series};

fn open(simulation: &Simulation) -> Db {
    Db::open_with(simulation.host(), "data", Options::default()).unwrap()
}

/// The outcome of one append, as a word.
fn outcome<T>(result: &Result<T, AppendError>) -> &'static str {
    match result {
        Ok(_) => "ok",
        Err(AppendError::OutOfOrder) => "out of order",
        Err(AppendError::OutOfBounds) => "out of bounds",
        Err(AppendError::DuplicateTimestamp) => "duplicate",
        Err(AppendError::UnknownSeries(_)) => "unknown series",
        Err(AppendError::InvalidLabels { .. }) => "invalid labels",
        Err(_) => "other",
    }
}

#[test]
fn samples_are_taken_or_refused_as_by_the_reference() {
    const HOUR: i64 = 3_600_000;
    let simulation = Simulation::new(1);
    let db = open(&simulation);
    let labels = series("up", "a");
    let other = series("up", "b");
    for (labels, timestamp_ms, value, expected) in [
        (&labels, 10 * HOUR, 1.0, "ok"),
        (&labels, 10 * HOUR, 1.0, "ok"),
        (&labels, 10 * HOUR, 2.0, "duplicate"),
        (&labels, 10 * HOUR, f64::NAN, "duplicate"),
        (&labels, 10 * HOUR - 1, 1.0, "out of order"),
        (&labels, 9 * HOUR - 1, 1.0, "out of bounds"),
        // Bounds follow the newest sample of all series, by half a block's range.
        (&other, 9 * HOUR - 1, 1.0, "out of bounds"),
        (&other, 9 * HOUR, 1.0, "ok"),
        (&other, 11 * HOUR, 1.0, "ok"),
        (&labels, 10 * HOUR - 1, 1.0, "out of bounds"),
        (&Labels::empty(), 11 * HOUR, 1.0, "invalid labels"),
        (&Labels::from_pairs([("no", "name")]), 11 * HOUR, 1.0, "ok"),
    ] {
        let result = append_one(&db, SeriesKey::Labels(labels), timestamp_ms, value);
        assert_eq!(outcome(&result), expected, "{labels} {timestamp_ms} {value}");
    }
    let unknown = append_one(&db, SeriesKey::Ref(SeriesRef(99)), 11 * HOUR, 1.0);
    assert_eq!(outcome(&unknown), "unknown series");
    let head = db.stats().head;
    assert_eq!((head.series, head.samples_appended), (3, 4));
    assert_eq!((head.out_of_order_samples, head.out_of_bound_samples), (1, 3));
    assert_eq!((head.duplicate_samples, head.series_not_found), (2, 1));
    assert_eq!((head.min_ms, head.max_ms), (Some(9 * HOUR), Some(11 * HOUR)));
}

#[test]
fn what_is_rolled_back_is_not_seen() {
    let simulation = Simulation::new(1);
    let db = open(&simulation);
    let labels = series("up", "a");
    let mut appender = db.appender();
    let reference =
        appender.append(SeriesKey::Labels(&labels), 1_000, SampleValue::Float(1.0)).unwrap();
    appender.rollback();
    drop(appender);
    assert!(read_all(&db).is_empty());
    // The reference holds all the same, and the log names its series before its samples.
    append_one(&db, SeriesKey::Ref(reference), 2_000, 2.0).unwrap();
    db.close().unwrap();
    let db = open(&simulation);
    assert_eq!(read_all(&db)[&labels.as_series().to_string()], [(2_000, 2.0_f64.to_bits())]);
}

#[test]
fn one_appender_may_hold_a_series_often_but_only_rising_times_stay() {
    let simulation = Simulation::new(1);
    let db = open(&simulation);
    let labels = series("up", "a");
    let committed = commit(&db, &labels, &[(1, 1.0), (3, 3.0), (2, 2.0), (3, 4.0), (5, 5.0)]);
    assert_eq!(committed.unwrap(), 3);
    let expected = [(1, 1.0_f64), (3, 3.0), (5, 5.0)].map(|(time, value)| (time, value.to_bits()));
    let name = labels.as_series().to_string();
    assert_eq!(read_all(&db)[&name], expected);
    drop(db);
    assert_eq!(read_all(&open(&simulation))[&name], expected);
}

#[test]
fn chunks_end_where_the_reference_ends_them() {
    // 15 s apart: 120 samples in half an hour, and an end at each even hour.
    let simulation = Simulation::new(1);
    let db = open(&simulation);
    let labels = series("up", "a");
    let samples = (0..961_i64).map(|index| (index * 15_000, 1.0)).collect::<Vec<_>>();
    assert_eq!(commit(&db, &labels, &samples).unwrap(), 961);
    assert_eq!(db.stats().head.chunks, 9);
    // Ten times as fast as when the end was predicted: twice the target ends the chunk.
    let labels = series("up", "b");
    let fast = (0..30).map(|index| index * 15_000).chain((0..300).map(|index| 450_000 + index));
    let samples = fast.map(|time| (14_400_000 + time, 1.0)).collect::<Vec<_>>();
    assert_eq!(commit(&db, &labels, &samples).unwrap(), 330);
    let head = db.stats().head;
    assert_eq!((head.chunks, head.chunks_created), (9 + 2, 9 + 2));
    // The full chunks are in files. A repeated value costs two bits, and a chunk begins with up to 17
    // bytes.
    assert!(head.chunk_bytes < (120 + 240) / 4 + 2 * 20, "{head:?}");
}

#[test]
fn metadata_is_kept_once_it_is_committed() {
    let simulation = Simulation::new(1);
    let db = open(&simulation);
    let reference = append_one(&db, SeriesKey::Labels(&series("up", "a")), 1, 1.0).unwrap();
    let metadata = Metadata {
        metric_type: MetricType::Gauge,
        help: "Whether the target is up.".into(),
        unit: "".into(),
    };
    let mut appender = db.appender();
    appender.set_metadata(reference, &metadata).unwrap();
    assert_eq!(db.metadata(reference), None);
    appender.commit().unwrap();
    appender.set_metadata(SeriesRef(9), &metadata).unwrap_err();
    drop(appender);
    assert_eq!(db.metadata(reference).as_deref(), Some(&metadata));
    drop(db);
    assert_eq!(open(&simulation).metadata(reference).as_deref(), Some(&metadata));
}

#[test]
fn a_second_opener_is_told_who_is_in_the_way() {
    let dir = tempfile::tempdir().unwrap();
    let db = Db::open(dir.path(), Options::default()).unwrap();
    let error = Db::open(dir.path(), Options::default()).unwrap_err();
    assert!(matches!(error, OpenError::Locked { .. }), "{error}");
    db.close().unwrap();
    Db::open(dir.path(), Options::default()).unwrap();
    assert!(!dir.path().join("lock").exists());
}

#[test]
fn options_that_make_no_sense_are_refused() {
    let mut options = Options::default();
    options.wal_segment_size_bytes = 1_000;
    let error = Db::open_with(Simulation::new(1).host(), "data", options).unwrap_err();
    let expected = "option wal_segment_size_bytes is 1000, and must be a multiple of 32768";
    assert_eq!(error.to_string(), expected);
}
