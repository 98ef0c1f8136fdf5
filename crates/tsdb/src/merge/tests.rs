use std::collections::BTreeMap;
use std::sync::Arc;

use narthex_chunk::Columns;
use narthex_model::Labels;
use narthex_model::histogram::{FloatHistogram, ResetHint};
use narthex_storage::{
    Appendable, MemoryStore, QueryContext, Queryable, SampleValue, SelectHints, SeriesKey,
    TimeRange,
};
use proptest::prelude::*;

use super::{MergeQuerier, merge_into};

type Samples = BTreeMap<String, BTreeMap<i64, u64>>;

fn series(number: u8) -> Labels {
    Labels::from_pairs([("__name__", "m"), ("n", &number.to_string())])
}

/// Stores samples, and adds to `all` those whose time no earlier store has.
fn store(samples: &[(u8, Vec<(i64, f64)>)], all: &mut Samples) -> MemoryStore {
    let store = MemoryStore::default();
    for (number, samples) in samples {
        let labels = series(*number);
        let known = all.entry(labels.to_string()).or_default();
        let mut appender = store.appender();
        for (time, value) in samples {
            let value_of = SampleValue::Float(*value);
            appender.append(SeriesKey::Labels(&labels), *time, value_of).unwrap();
            known.entry(*time).or_insert(value.to_bits());
        }
        appender.commit().unwrap();
    }
    store
}

fn samples() -> impl Strategy<Value = Vec<(u8, Vec<(i64, f64)>)>> {
    let times = prop::collection::btree_map(0_i64..60, any::<f64>(), 1..20);
    let series = (0_u8..4, times).prop_map(|(number, times)| (number, times.into_iter().collect()));
    prop::collection::vec(series, 0..5).prop_map(|mut series: Vec<(u8, Vec<_>)>| {
        series.sort_by_key(|(number, _)| *number);
        series.dedup_by_key(|(number, _)| *number);
        series.reverse();
        series
    })
}

proptest! {
    #[test]
    fn sources_are_one(sources in prop::collection::vec(samples(), 0..4)) {
        let mut expected = Samples::new();
        let stores =
            sources.iter().map(|source| store(source, &mut expected)).collect::<Vec<_>>();
        let queriers = stores.iter().map(|store| store.querier(TimeRange::ALL).unwrap());
        let querier = MergeQuerier::new(queriers.collect(), Vec::new());
        let ctx = QueryContext::default();
        let querier: &dyn narthex_storage::Querier = &querier;
        let selection = querier.select(&ctx, &[], &SelectHints::default()).unwrap();
        let mut found = Samples::new();
        let mut columns = Columns::default();
        for index in 0..selection.len() {
            selection.read(&ctx, index, &mut columns).unwrap();
            let samples = columns.iter().map(|item| (item.timestamp_ms, item.value.to_bits()));
            prop_assert!(columns.timestamps_ms().is_sorted_by(|a, b| a < b));
            let before = found.insert(selection.series_labels(index).to_string(), samples.collect());
            prop_assert_eq!(before, None);
        }
        prop_assert_eq!(found, expected);
        let values = querier.label_values(&ctx, "n", &[], Some(2)).unwrap();
        prop_assert!(values.len() <= 2 && values.is_sorted_by(|a, b| a < b));
    }
}

/// A hint says what was before a histogram in its own source.
#[test]
fn hints_do_not_reach_over_sources() {
    let columns = |times: &[i64]| {
        let mut columns = Columns::default();
        for time in times {
            let histogram =
                FloatHistogram { reset_hint: ResetHint::NotReset, ..Default::default() };
            columns.push_histogram(*time, Arc::new(histogram));
            columns.set_last_start_timestamp_ms(*time + 100);
        }
        columns
    };
    let (mut out, mut scratch) = (columns(&[1, 2, 5, 7]), Columns::default());
    merge_into(&mut out, &columns(&[3, 4, 5, 6]), &mut scratch);
    assert_eq!(out.timestamps_ms(), [1, 2, 3, 4, 5, 6, 7]);
    let starts = out.timestamps_ms().iter().map(|time| time + 100).collect::<Vec<_>>();
    assert_eq!(out.start_timestamps_ms(), Some(&*starts));
    let known = out.histograms().iter().map(|(_, item)| item.reset_hint == ResetHint::NotReset);
    assert_eq!(known.collect::<Vec<_>>(), [false, true, false, true, false, false, false]);
}
