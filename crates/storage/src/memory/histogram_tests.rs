use std::sync::Arc;

use narthex_model::histogram::{FloatHistogram, Histogram, ResetHint};
use narthex_model::{Labels, STALE_NAN};

use super::MemoryStore;
use crate::{
    AppendError, Appendable, Columns, QueryContext, Queryable, SampleTime, SampleValue,
    SelectHints, SeriesKey, SeriesRef, TimeRange,
};

fn histogram(count: u64) -> Histogram {
    let positive = [(0, i64::try_from(count).unwrap())].into_iter().collect();
    Histogram { count, sum: 1.0, positive, ..Histogram::default() }
}

fn hinted(count: u64, reset_hint: ResetHint) -> Histogram {
    Histogram { reset_hint, ..histogram(count) }
}

fn try_append(
    store: &MemoryStore,
    times: impl IntoIterator<Item = SampleTime>,
    values: &[SampleValue<'_>],
) -> Result<SeriesRef, AppendError> {
    let labels = Labels::from_pairs([("__name__", "latency_seconds")]);
    let mut appender = store.appender();
    let mut series = SeriesRef(0);
    for (time, value) in times.into_iter().zip(values) {
        series = appender.append_with_start(SeriesKey::Labels(&labels), time, *value)?;
    }
    appender.commit().unwrap();
    Ok(series)
}

fn seconds() -> impl Iterator<Item = SampleTime> {
    (1..).map(|second| SampleTime { timestamp_ms: second * 1_000, start_timestamp_ms: 0 })
}

fn read(store: &MemoryStore, range: TimeRange) -> Columns {
    let ctx = QueryContext::default();
    let querier = store.querier(range).unwrap();
    let selection = querier.select(&ctx, &[], &SelectHints::default()).unwrap();
    let mut columns = Columns::default();
    selection.read(&ctx, 0, &mut columns).unwrap();
    columns
}

#[test]
fn floats_and_histograms_share_a_series() {
    let store = MemoryStore::default();
    let (integer, float) = (histogram(2), histogram(3).to_float());
    let stale = Histogram { sum: STALE_NAN, ..Histogram::default() };
    let values = [
        SampleValue::Histogram(&integer),
        SampleValue::Float(7.0),
        SampleValue::FloatHistogram(&float),
        SampleValue::Histogram(&stale),
    ];
    try_append(&store, seconds(), &values).unwrap();
    let columns = read(&store, TimeRange { min_ms: 2_000, max_ms: i64::MAX });
    assert_eq!(columns.timestamps_ms(), [2_000, 3_000, 4_000]);
    assert_eq!(columns.values()[..2], [7.0, 1.0]);
    assert_eq!(columns.histogram(0), None);
    assert_eq!(columns.histogram(1).map(Arc::as_ref), Some(&float));
    assert!(columns.histogram(2).unwrap().is_stale());
    assert!(columns.has_stale() && columns.start_timestamps_ms().is_none());
}

#[test]
fn hints_say_what_a_chunk_would_know() {
    use ResetHint::{Gauge, NotReset, Reset, Unknown};
    for (appended, kept) in [
        (vec![hinted(1, Unknown), hinted(2, Unknown)], vec![Unknown, NotReset]),
        (vec![hinted(2, Unknown), hinted(1, Unknown)], vec![Unknown, Unknown]),
        (
            vec![hinted(1, NotReset), hinted(2, Reset), hinted(3, Unknown)],
            vec![Unknown, Unknown, NotReset],
        ),
        (vec![hinted(2, Gauge), hinted(1, Gauge), hinted(2, Unknown)], vec![Gauge, Gauge, Unknown]),
        (vec![histogram(1), Histogram { schema: 1, ..histogram(2) }], vec![Unknown, Unknown]),
    ] {
        let store = MemoryStore::default();
        let values: Vec<_> = appended.iter().map(SampleValue::Histogram).collect();
        try_append(&store, seconds(), &values).unwrap();
        let columns = read(&store, TimeRange::ALL);
        let hints: Vec<_> =
            columns.histograms().iter().map(|(_, found)| found.reset_hint).collect();
        assert_eq!(hints, kept);
    }
}

fn with_buckets(buckets: &[(i32, f64)], reset_hint: ResetHint) -> FloatHistogram {
    let count = buckets.iter().map(|(_, count)| count).sum();
    let positive = buckets.iter().copied().collect();
    FloatHistogram { reset_hint, count, positive, ..FloatHistogram::default() }
}

#[test]
fn histograms_of_a_run_have_the_same_buckets() {
    use ResetHint::{Gauge, Unknown};
    for (hint, appended, kept) in [
        // An empty bucket of the first one is missing in the second, which brings a new one.
        (
            Unknown,
            vec![vec![(1, 2.0), (3, 0.0)], vec![(1, 2.0), (5, 1.0)]],
            vec![vec![(1, 2.0), (3, 0.0), (5, 0.0)], vec![(1, 2.0), (3, 0.0), (5, 1.0)]],
        ),
        // Without its bucket, the counter was reset.
        (
            Unknown,
            vec![vec![(1, 2.0)], vec![(5, 3.0)], vec![(4, 1.0), (5, 3.0)]],
            vec![vec![(1, 2.0)], vec![(4, 0.0), (5, 3.0)], vec![(4, 1.0), (5, 3.0)]],
        ),
        (
            Gauge,
            vec![vec![(1, 2.0)], vec![(-1, 1.0)], vec![]],
            vec![vec![(-1, 0.0), (1, 2.0)], vec![(-1, 1.0), (1, 0.0)], vec![(-1, 0.0), (1, 0.0)]],
        ),
    ] {
        let store = MemoryStore::default();
        let appended: Vec<_> = appended.iter().map(|it| with_buckets(it, hint)).collect();
        let values: Vec<_> = appended.iter().map(SampleValue::FloatHistogram).collect();
        try_append(&store, seconds(), &values).unwrap();
        let columns = read(&store, TimeRange::ALL);
        let found = columns.histograms().iter().map(|(_, found)| found.positive.iter().collect());
        assert_eq!(found.collect::<Vec<Vec<_>>>(), kept);
    }
}

#[test]
fn a_histogram_comes_twice_only_if_equal() {
    let store = MemoryStore::default();
    let (one, two) = (histogram(1), histogram(2));
    try_append(&store, seconds(), &[SampleValue::Histogram(&one)]).unwrap();
    try_append(&store, seconds(), &[SampleValue::Histogram(&one)]).unwrap();
    for other in [
        SampleValue::Histogram(&two),
        SampleValue::Float(1.0),
        SampleValue::FloatHistogram(&one.to_float()),
    ] {
        let error = try_append(&store, seconds(), &[other]).unwrap_err();
        assert!(matches!(error, AppendError::DuplicateTimestamp), "{other:?}");
    }
    assert_eq!(read(&store, TimeRange::ALL).len(), 1);
}

#[test]
fn an_invalid_histogram_is_refused() {
    let invalid = FloatHistogram { count: -1.0, ..FloatHistogram::default() };
    let values = [SampleValue::FloatHistogram(&invalid)];
    let error = try_append(&MemoryStore::default(), seconds(), &values).unwrap_err();
    assert_eq!(
        error.to_string(),
        "observation count is  -1: histogram's observation count is negative"
    );
}

#[test]
fn start_timestamps_stay_with_their_samples() {
    let store = MemoryStore::default();
    let times = [(1_000, 0), (2_000, 1_500), (3_000, 0), (4_000, 1_500)]
        .map(|(timestamp_ms, start_timestamp_ms)| SampleTime { timestamp_ms, start_timestamp_ms });
    try_append(&store, times, &[SampleValue::Float(1.0); 4]).unwrap();
    let columns = read(&store, TimeRange { min_ms: 1_000, max_ms: 3_000 });
    assert_eq!(columns.start_timestamps_ms(), Some(&[0, 1_500, 0][..]));
}
