//! What all subjects need: short ways to write and to read a database.

use std::collections::BTreeMap;

use narthex_model::{Labels, Matcher};
use narthex_storage::{
    AppendError, Appendable, Columns, QueryContext, Queryable, SampleValue, SelectHints, SeriesKey,
    SeriesRef, TimeRange,
};

/// Series by their text, each with times and bits of values.
pub(crate) type Samples = BTreeMap<String, Vec<(i64, u64)>>;

/// How often a test tries what it tries: `optimised` times in a build with optimisation, so that the
/// full count takes minutes, and `plain` times in others.
pub(crate) fn rounds(plain: usize, optimised: usize) -> usize {
    if cfg!(debug_assertions) { plain } else { optimised }
}

pub(crate) fn series(name: &str, job: &str) -> Labels {
    Labels::from_pairs([("__name__", name), ("job", job)])
}

/// Appends samples of one series in a commit of their own.
pub(crate) fn commit(
    store: &impl Appendable,
    labels: &Labels,
    samples: &[(i64, f64)],
) -> Result<usize, AppendError> {
    let mut appender = store.appender();
    for &(timestamp_ms, value) in samples {
        appender.append(SeriesKey::Labels(labels), timestamp_ms, SampleValue::Float(value))?;
    }
    Ok(appender.commit()?.samples)
}

/// Tries to append one sample, and commits it.
pub(crate) fn append_one(
    store: &impl Appendable,
    key: SeriesKey<'_>,
    timestamp_ms: i64,
    value: f64,
) -> Result<SeriesRef, AppendError> {
    let mut appender = store.appender();
    let series = appender.append(key, timestamp_ms, SampleValue::Float(value))?;
    appender.commit()?;
    Ok(series)
}

/// Reads the series that meet `matchers`, those without a sample in `range` left out.
pub(crate) fn read(store: &impl Queryable, range: TimeRange, matchers: &[Matcher]) -> Samples {
    read_hinted(store, range, matchers, &SelectHints::default())
}

/// As [`read`], with hints.
pub(crate) fn read_hinted(
    store: &impl Queryable,
    range: TimeRange,
    matchers: &[Matcher],
    hints: &SelectHints,
) -> Samples {
    let ctx = QueryContext::default();
    let querier = store.querier(range).unwrap();
    let selection = querier.select(&ctx, matchers, hints).unwrap();
    let mut columns = Columns::default();
    let mut found = Samples::new();
    for index in 0..selection.len() {
        selection.read(&ctx, index, &mut columns).unwrap();
        if !columns.is_empty() {
            let samples = columns.iter().map(|item| (item.timestamp_ms, item.value.to_bits()));
            let name = selection.series_labels(index).as_series().to_string();
            assert!(found.insert(name, samples.collect()).is_none(), "a series came twice");
        }
    }
    found
}

pub(crate) fn read_all(store: &impl Queryable) -> Samples {
    read(store, TimeRange::ALL, &[])
}
