//! Series of every kind of sample, against the store in memory.

use narthex_host::Simulation;
use narthex_model::histogram::{
    Buckets, CUSTOM_BUCKETS_SCHEMA, FloatHistogram, Histogram, ResetHint, Span,
};
use narthex_model::{STALE_NAN, SampleTime};
use narthex_storage::{
    AppendError, Appendable, Columns, MemoryStore, QueryContext, Queryable, SampleValue,
    SelectHints, SeriesKey, TimeRange,
};
use narthex_tsdb::{Db, FloatEncoding, Options};
use proptest::prelude::*;

use crate::support::series;

#[derive(Clone, Debug)]
enum Value {
    Float(f64),
    Histogram(Histogram),
    FloatHistogram(FloatHistogram),
}

impl Value {
    fn as_sample(&self) -> SampleValue<'_> {
        match self {
            Self::Float(value) => SampleValue::Float(*value),
            Self::Histogram(histogram) => SampleValue::Histogram(histogram),
            Self::FloatHistogram(histogram) => SampleValue::FloatHistogram(histogram),
        }
    }
}

fn histogram((offset, counts): (i32, Vec<u64>), schema: i32, zero_count: u64) -> Histogram {
    let length = u32::try_from(counts.len()).unwrap();
    let spans = vec![Span { offset, length }];
    let mut before = 0;
    let differences = counts.iter().map(|count| {
        let count = count.cast_signed();
        count - std::mem::replace(&mut before, count)
    });
    let is_custom = schema == CUSTOM_BUCKETS_SCHEMA;
    let zero_count = if is_custom { 0 } else { zero_count };
    Histogram {
        schema,
        positive: Buckets { spans, counts: differences.collect() },
        count: counts.iter().sum::<u64>() + zero_count,
        zero_count,
        sum: counts.len() as f64 * 1.5,
        custom_bounds: if is_custom {
            [1.0, 2.0, 3.0, 4.0, 5.0, 6.0][..].into()
        } else {
            [].into()
        },
        ..Histogram::default()
    }
}

fn any_histogram() -> impl Strategy<Value = Histogram> {
    let buckets = (0_i32..3, prop::collection::vec(0_u64..6, 1..4));
    let schema = prop::sample::select(vec![0, 0, 0, 1, CUSTOM_BUCKETS_SCHEMA]);
    let hint = prop::sample::select(vec![ResetHint::Unknown, ResetHint::Unknown, ResetHint::Gauge]);
    (buckets, schema, 0_u64..4, hint).prop_map(|(buckets, schema, zero_count, hint)| Histogram {
        reset_hint: hint,
        ..histogram(buckets, schema, zero_count)
    })
}

fn any_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        1 => (0_u8..3).prop_map(|value| Value::Float(f64::from(value))),
        1 => Just(Value::Histogram(Histogram { sum: STALE_NAN, ..Histogram::default() })),
        4 => any_histogram().prop_map(Value::Histogram),
        2 => any_histogram().prop_map(|histogram| Value::FloatHistogram(histogram.to_float())),
    ]
}

/// Everything that is known of each sample of all series.
fn read(store: &impl Queryable) -> Vec<String> {
    let ctx = QueryContext::default();
    let querier = store.querier(TimeRange::ALL).unwrap();
    let selection = querier.select(&ctx, &[], &SelectHints::default()).unwrap();
    let mut columns = Columns::default();
    let mut samples = Vec::new();
    for index in 0..selection.len() {
        selection.read(&ctx, index, &mut columns).unwrap();
        let labels = selection.series_labels(index);
        for (place, sample) in columns.iter().enumerate() {
            let (ts, bits) = (sample.timestamp_ms, sample.value.to_bits());
            // What a staleness marker says of resets, nobody asks.
            let histogram = columns.histogram(place).map(|histogram| match histogram.is_stale() {
                true => "a staleness marker".to_owned(),
                false => format!("{histogram:?}"),
            });
            let start = columns.start_timestamps_ms().map_or(0, |starts| starts[place]);
            samples.push(format!("{labels} {ts} from {start}: {bits:x} {histogram:?}"));
        }
    }
    samples.sort();
    samples
}

fn append(store: &impl Appendable, commits: &[Vec<(bool, SampleTime, Value)>]) {
    for commit in commits {
        let mut appender = store.appender();
        for (which, time, value) in commit {
            let labels = series("latency", if *which { "a" } else { "b" });
            // A refusal is as good as a sample: both stores must agree.
            let _ =
                appender.append_with_start(SeriesKey::Labels(&labels), *time, value.as_sample());
        }
        appender.commit().unwrap();
    }
}

fn any_commits() -> impl Strategy<Value = Vec<Vec<(bool, SampleTime, Value)>>> {
    let sample = (any::<bool>(), 1_i64..200, 0_i64..3, any_value());
    let commit = prop::collection::vec(sample, 0..8);
    prop::collection::vec(commit, 0..8).prop_map(|commits| {
        // Times rise from commit to commit, so that most samples are taken.
        let moved = |(index, commit): (usize, Vec<(bool, i64, i64, Value)>)| {
            let base = i64::try_from(index).unwrap() * 100;
            let sample = |(which, ts, start, value)| {
                let start_timestamp_ms = start * 10;
                (which, SampleTime { timestamp_ms: base + ts, start_timestamp_ms }, value)
            };
            commit.into_iter().map(sample).collect()
        };
        commits.into_iter().enumerate().map(moved).collect()
    })
}

proptest! {
    #[test]
    fn every_kind_of_sample_is_kept(commits in any_commits()) {
        let simulation = Simulation::new(1);
        let mut options = Options::default();
        options.float_encoding = FloatEncoding::Xor2;
        options.start_timestamps = true;
        options.histogram_start_timestamps = true;
        let open = || Db::open_with(simulation.host(), "data", options.clone()).unwrap();
        let (db, plain) = (open(), MemoryStore::default());
        append(&db, &commits);
        append(&plain, &commits);
        prop_assert_eq!(read(&db), read(&plain));
        drop(db);
        prop_assert_eq!(read(&open()), read(&plain), "after a restart");
    }
}

#[test]
fn a_staleness_marker_is_of_the_kind_that_it_ends() {
    let simulation = Simulation::new(1);
    let open = || Db::open_with(simulation.host(), "data", Options::default()).unwrap();
    let integer = histogram((0, vec![1, 2]), 0, 0);
    let float = integer.to_float();
    let values = [
        SampleValue::Histogram(&integer),
        SampleValue::Float(STALE_NAN),
        SampleValue::FloatHistogram(&float),
        SampleValue::Float(STALE_NAN),
        SampleValue::Float(1.0),
        SampleValue::Float(STALE_NAN),
    ];
    for samples_a_commit in [1, values.len()] {
        let db = open();
        let labels = series("latency", &samples_a_commit.to_string());
        for (first, values) in (1..).step_by(samples_a_commit).zip(values.chunks(samples_a_commit))
        {
            let mut appender = db.appender();
            for (timestamp_ms, value) in (first..).zip(values) {
                appender.append(SeriesKey::Labels(&labels), timestamp_ms, *value).unwrap();
            }
            assert_eq!(appender.commit().unwrap().samples, samples_a_commit);
        }
        drop(db);
    }
    let samples = read(&open());
    let kinds = samples.iter().map(|sample| sample.ends_with("None")).collect::<Vec<_>>();
    assert_eq!(kinds, [[false, false, false, false, true, true]; 2].concat(), "{samples:#?}");
}

#[test]
fn a_histogram_that_does_not_fit_together_is_refused() {
    let db = Db::open_with(Simulation::new(1).host(), "data", Options::default()).unwrap();
    let mut bad = histogram((0, vec![1, 2]), 0, 0);
    bad.positive.counts.pop();
    let mut appender = db.appender();
    let labels = series("latency", "a");
    let refusal =
        appender.append(SeriesKey::Labels(&labels), 1, SampleValue::Histogram(&bad)).unwrap_err();
    assert!(matches!(refusal, AppendError::InvalidHistogram(_)), "{refusal}");
}

#[test]
fn a_second_value_at_one_time_is_refused_whatever_its_kind() {
    let db = Db::open_with(Simulation::new(1).host(), "data", Options::default()).unwrap();
    let labels = series("latency", "a");
    let integer = histogram((0, vec![1, 2]), 0, 0);
    let other = histogram((0, vec![1, 3]), 0, 0);
    let float = integer.to_float();
    let mut appender = db.appender();
    let mut append = |value| appender.append(SeriesKey::Labels(&labels), 1, value).map(drop);
    append(SampleValue::Histogram(&integer)).unwrap();
    appender.commit().unwrap();
    let mut append = |value| appender.append(SeriesKey::Labels(&labels), 1, value).map(drop);
    append(SampleValue::Histogram(&integer)).unwrap();
    for value in [
        SampleValue::Histogram(&other),
        SampleValue::FloatHistogram(&float),
        SampleValue::Float(1.0),
    ] {
        let refusal = append(value).unwrap_err();
        assert!(matches!(refusal, AppendError::DuplicateTimestamp), "{refusal}");
    }
    assert_eq!(appender.commit().unwrap().samples, 0);
}

/// Each switch is for itself: what keeps no start timestamps loses them, and only them.
#[test]
fn start_timestamps_are_kept_where_log_and_chunks_hold_them() {
    use FloatEncoding::{Xor, Xor2};
    for (float_encoding, start_timestamps, histograms, expected) in [
        (Xor, false, false, Some([0, 0])),
        (Xor2, false, false, Some([0, 0])),
        (Xor2, true, false, Some([5, 0])),
        (Xor2, true, true, Some([5, 5])),
        (Xor2, false, true, Some([0, 0])),
        (Xor, true, true, None),
    ] {
        let simulation = Simulation::new(1);
        let mut options = Options::default();
        options.float_encoding = float_encoding;
        options.start_timestamps = start_timestamps;
        options.histogram_start_timestamps = histograms;
        let open = || Db::open_with(simulation.host(), "data", options.clone());
        let Some(expected) = expected else {
            let error = open().unwrap_err().to_string();
            assert!(error.starts_with("float chunk encoding \"xor\" is incompatible"), "{error}");
            continue;
        };
        let db = open().unwrap();
        let mut appender = db.appender();
        let time = SampleTime { timestamp_ms: 10, start_timestamp_ms: 5 };
        let labels = ["float", "histogram"].map(|name| series(name, "a"));
        let key = |index: usize| SeriesKey::Labels(&labels[index]);
        appender.append_with_start(key(0), time, SampleValue::Float(1.0)).unwrap();
        let histogram = Histogram::default();
        appender.append_with_start(key(1), time, SampleValue::Histogram(&histogram)).unwrap();
        appender.commit().unwrap();
        drop(appender);
        let starts = |db: &Db| {
            let ctx = QueryContext::default();
            let querier = db.querier(TimeRange::ALL).unwrap();
            let selection = querier.select(&ctx, &[], &SelectHints::default()).unwrap();
            [0, 1].map(|index| {
                let mut columns = Columns::default();
                selection.read(&ctx, index, &mut columns).unwrap();
                columns.start_timestamps_ms().map_or(0, |starts| starts[0])
            })
        };
        let context = format!("{float_encoding:?} {start_timestamps} {histograms}");
        assert_eq!(starts(&db), expected, "{context}");
        drop(db);
        assert_eq!(starts(&open().unwrap()), expected, "{context}, after a restart");
    }
}
