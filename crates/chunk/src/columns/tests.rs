use std::ops::RangeInclusive;
use std::sync::Arc;

use narthex_model::histogram::FloatHistogram;
use proptest::collection::vec;
use proptest::prelude::*;

use super::Columns;

/// A sample as a plain structure: time, value, histogram, start.
type Row = (i64, f64, Option<Arc<FloatHistogram>>, i64);

fn columns(rows: &[Row]) -> Columns {
    let mut columns = Columns::default();
    for (timestamp_ms, value, histogram, start_timestamp_ms) in rows {
        match histogram {
            Some(histogram) => columns.push_histogram(*timestamp_ms, Arc::clone(histogram)),
            None => columns.push(*timestamp_ms, *value),
        }
        columns.set_last_start_timestamp_ms(*start_timestamp_ms);
    }
    columns
}

fn rows(columns: &Columns) -> Vec<Row> {
    let start = |index: usize| columns.start_timestamps_ms().map_or(0, |starts| starts[index]);
    let row = |(index, sample): (usize, narthex_model::Sample)| {
        let histogram = columns.histogram(index).cloned();
        (sample.timestamp_ms, sample.value, histogram, start(index))
    };
    columns.iter().enumerate().map(row).collect()
}

/// Samples of a series, at times from `first_ms` on.
fn series(first_ms: i64) -> impl Strategy<Value = Vec<Row>> {
    vec((1_i64..4, -9.0..9.0, any::<bool>(), 0_i64..3), 0..12).prop_map(move |steps| {
        let mut time = first_ms;
        let row = |(step, value, is_histogram, start): (i64, f64, bool, i64)| {
            time += step;
            let histogram = FloatHistogram { sum: value, ..FloatHistogram::default() };
            (time, value, is_histogram.then(|| Arc::new(histogram)), start)
        };
        steps.into_iter().map(row).collect()
    })
}

fn range() -> impl Strategy<Value = RangeInclusive<i64>> {
    (0_i64..60, 0_i64..60).prop_map(|(start, end)| start..=end)
}

proptest! {
    #[test]
    fn rows_come_back(expected in series(0)) {
        prop_assert_eq!(rows(&columns(&expected)), expected);
    }

    #[test]
    fn columns_join(before in series(0), after in series(50), range in range()) {
        let mut joined = columns(&before);
        joined.extend_from_columns(&columns(&after), range.clone());
        let after = after.into_iter().filter(|row| range.contains(&row.0));
        prop_assert_eq!(rows(&joined), before.into_iter().chain(after).collect::<Vec<_>>());
    }

    #[test]
    fn a_range_is_removed(all in series(0), range in range()) {
        let mut rest = columns(&all);
        rest.remove(range.clone());
        let expected: Vec<_> = all.into_iter().filter(|row| !range.contains(&row.0)).collect();
        prop_assert_eq!(rows(&rest), expected);
    }

    #[test]
    fn floats_follow_histograms(before in series(0), count in 0_i64..5) {
        let mut joined = columns(&before);
        let times: Vec<i64> = (100..100 + count).collect();
        joined.extend_from_slices(&times, &vec![1.0; times.len()]);
        let after = times.iter().map(|time| (*time, 1.0, None, 0));
        prop_assert_eq!(rows(&joined), before.into_iter().chain(after).collect::<Vec<_>>());
    }

    #[test]
    fn nothing_is_left_after_clearing(all in series(0)) {
        let mut cleared = columns(&all);
        cleared.clear();
        cleared.push(1, 2.0);
        prop_assert_eq!(rows(&cleared), vec![(1, 2.0, None, 0)]);
        prop_assert!(!cleared.has_histograms() && cleared.start_timestamps_ms().is_none());
    }
}
