use std::sync::Arc;

use narthex_model::{Labels, MatchOp, Matcher};

use super::MemoryStore;
use crate::{
    AppendError, Appendable, ByteBudget, Columns, Interrupt, QueryContext, Queryable, SampleValue,
    SelectHints, SeriesKey, StorageError, TimeRange,
};

fn series(name: &str, job: &str) -> Labels {
    Labels::from_pairs([("__name__", name), ("job", job)])
}

fn append(store: &MemoryStore, labels: &Labels, samples: &[(i64, f64)]) {
    let mut appender = store.appender();
    for &(timestamp_ms, value) in samples {
        appender
            .append(SeriesKey::Labels(labels), timestamp_ms, SampleValue::Float(value))
            .unwrap();
    }
    appender.commit().unwrap();
}

fn read(store: &MemoryStore, range: TimeRange, matchers: &[Matcher]) -> Vec<(Labels, Vec<f64>)> {
    let ctx = QueryContext::default();
    let querier = store.querier(range).unwrap();
    let selection = querier.select(&ctx, matchers, &SelectHints::default()).unwrap();
    let mut columns = Columns::default();
    (0..selection.len())
        .map(|index| {
            selection.read(&ctx, index, &mut columns).unwrap();
            (selection.series_labels(index), columns.values().to_vec())
        })
        .collect()
}

#[test]
fn selects_by_matchers_and_clips_to_the_range() {
    let store = MemoryStore::default();
    append(&store, &series("up", "b"), &[(1, 1.0), (2, 2.0), (3, 3.0)]);
    append(&store, &series("up", "a"), &[(2, 5.0)]);
    append(&store, &series("down", "a"), &[(2, 7.0)]);
    let range = TimeRange { min_ms: 2, max_ms: 2 };
    assert_eq!(
        read(&store, range, &[Matcher::equal("__name__", "up")]),
        [(series("up", "b"), vec![2.0]), (series("up", "a"), vec![5.0])]
    );
    let regex = Matcher::new(MatchOp::NotRegex, "job", "b.*").unwrap();
    assert_eq!(read(&store, range, &[regex]).len(), 2);
}

#[test]
fn nothing_is_visible_before_the_commit() {
    let store = MemoryStore::default();
    let labels = series("up", "a");
    let mut appender = store.appender();
    appender.append(SeriesKey::Labels(&labels), 1, SampleValue::Float(1.0)).unwrap();
    assert!(read(&store, TimeRange::ALL, &[]).is_empty());
    appender.rollback();
    appender.commit().unwrap();
    assert!(read(&store, TimeRange::ALL, &[]).is_empty());
}

#[test]
fn refuses_samples_out_of_order() {
    let store = MemoryStore::default();
    let labels = series("up", "a");
    append(&store, &labels, &[(5, 1.0)]);
    let mut appender = store.appender();
    let mut try_append = |timestamp_ms, value| {
        appender.append(SeriesKey::Labels(&labels), timestamp_ms, SampleValue::Float(value))
    };
    assert!(matches!(try_append(4, 1.0), Err(AppendError::OutOfOrder)));
    assert!(matches!(try_append(5, 2.0), Err(AppendError::DuplicateTimestamp)));
    assert!(try_append(5, 1.0).is_ok());
}

#[test]
fn an_interrupted_query_reads_nothing() {
    let store = MemoryStore::default();
    let ctx = QueryContext::default();
    ctx.interrupt(Interrupt::TimedOut);
    ctx.interrupt(Interrupt::Canceled);
    let querier = store.querier(TimeRange::ALL).unwrap();
    let result = querier.select(&ctx, &[], &SelectHints::default());
    assert!(matches!(result, Err(StorageError::Interrupted(Interrupt::TimedOut))));
}

#[test]
fn the_budget_holds() {
    let ctx = QueryContext::with_bytes_max(100);
    ctx.charge(60).unwrap();
    assert!(matches!(ctx.charge(41), Err(StorageError::BudgetExceeded { bytes_max: 100 })));
    ctx.release(20);
    ctx.charge(60).unwrap();
    assert_eq!(ctx.bytes_used(), 100);
}

#[test]
fn queries_share_a_budget() {
    let shared = Arc::new(ByteBudget::new(100));
    let one = QueryContext::with_budgets(80, Arc::clone(&shared));
    let other = QueryContext::with_budgets(80, Arc::clone(&shared));
    one.charge(70).unwrap();
    let refused = other.charge(40);
    assert!(matches!(refused, Err(StorageError::SharedBudgetExceeded { bytes_max: 100 })));
    assert_eq!((other.bytes_used(), shared.bytes_used()), (0, 70));
    assert!(matches!(one.charge(11), Err(StorageError::BudgetExceeded { bytes_max: 80 })));
    one.release(20);
    other.charge(40).unwrap();
    // What a query still holds goes with it.
    drop(one);
    assert_eq!(shared.bytes_used(), 40);
}

#[test]
fn nothing_is_taken_for_a_query_that_is_to_stop() {
    let ctx = QueryContext::default();
    ctx.interrupt(Interrupt::Canceled);
    let refused = ctx.charge(1);
    assert!(matches!(refused, Err(StorageError::Interrupted(Interrupt::Canceled))));
    assert_eq!(ctx.bytes_used(), 0);
}
