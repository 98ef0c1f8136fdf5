use narthex_model::{Labels, Metadata};
use narthex_storage::{Columns, Querier, QueryContext, SelectHints, SeriesRef, TimeRange};

use super::{Head, HeadQuerier, Replayer};
use crate::wal::record::{RefSample, encode_metadata, encode_samples, encode_series};
use crate::{Options, ReplayStats};

fn labels(name: &str) -> Labels {
    Labels::from_pairs([("__name__", name)])
}

fn series(items: &[(u64, &str)]) -> Vec<u8> {
    let items = items.iter().map(|(reference, name)| (*reference, labels(name)));
    let items = items.collect::<Vec<_>>();
    let mut record = Vec::new();
    encode_series(items.iter().map(|(reference, labels)| (*reference, labels)), &mut record);
    record
}

/// A record of samples whose values are their times.
fn samples(items: &[(u64, i64)]) -> Vec<u8> {
    let mut record = Vec::new();
    let sample = |&(reference, timestamp_ms): &(u64, i64)| RefSample {
        reference,
        timestamp_ms,
        start_timestamp_ms: 0,
        value: timestamp_ms as f64,
    };
    encode_samples(items.iter().map(sample), &mut record);
    record
}

/// A record that deletes times of one series, which are so small that a varint is one byte.
fn tombstone(reference: u64, min_ms: u8, max_ms: u8) -> Vec<u8> {
    [&[3][..], &reference.to_be_bytes(), &[min_ms * 2, max_ms * 2]].concat()
}

fn replay(records: &[Vec<u8>]) -> (Head, ReplayStats) {
    let options = Options::default();
    let mut replayer = Replayer::new(&options);
    for record in records {
        assert!(replayer.apply(record), "{record:?}");
    }
    replayer.finish(&options)
}

/// The series in the head's order, with their times.
fn read(head: &Head) -> Vec<(String, Vec<i64>)> {
    let ctx = QueryContext::default();
    let querier = HeadQuerier::new(head, TimeRange::ALL);
    let selection = querier.select(&ctx, &[], &SelectHints::default()).unwrap();
    let mut columns = Columns::default();
    let mut read = |index| {
        selection.read(&ctx, index, &mut columns).unwrap();
        let name = selection.series_labels(index).metric_name().to_owned();
        (name, columns.timestamps_ms().to_vec())
    };
    (0..selection.len()).map(&mut read).collect()
}

fn named(items: &[(&str, &[i64])]) -> Vec<(String, Vec<i64>)> {
    items.iter().map(|(name, times)| ((*name).to_owned(), times.to_vec())).collect()
}

#[test]
fn a_series_may_have_two_references() {
    let (head, stats) = replay(&[
        series(&[(1, "a"), (2, "b")]),
        samples(&[(1, 10), (2, 10)]),
        series(&[(7, "a")]),
        samples(&[(7, 20), (1, 30), (2, 30)]),
    ]);
    assert_eq!(read(&head), named(&[("a", &[10, 20, 30]), ("b", &[10, 30])]));
    assert_eq!((stats.samples, stats.unknown_series), (5, 0));
}

#[test]
fn series_come_by_reference_in_whatever_order_they_were_logged() {
    let (head, _) = replay(&[series(&[(9, "c"), (3, "a")]), samples(&[(9, 1), (3, 1)])]);
    assert_eq!(read(&head), named(&[("a", &[1]), ("c", &[1])]));
    let slot = head.series_for(&labels("new"));
    assert_eq!(head.state.read().table.get(slot).reference, 10);
}

#[test]
fn deleted_ranges_are_not_read() {
    let (head, _) = replay(&[
        series(&[(1, "a"), (2, "b")]),
        samples(&[(1, 10), (1, 20), (1, 30), (2, 20)]),
        tombstone(1, 15, 25),
        tombstone(1, 30, 30),
        tombstone(5, 0, 60),
    ]);
    assert_eq!(read(&head), named(&[("a", &[10]), ("b", &[20])]));
}

#[test]
fn a_dropped_series_starts_again() {
    let whole = [&[3][..], &1_u64.to_be_bytes(), &[0xff; 9], &[1, 0xfe], &[0xff; 8], &[1]].concat();
    let (head, stats) = replay(&[
        series(&[(1, "a"), (2, "b")]),
        samples(&[(1, 50), (2, 50)]),
        whole,
        series(&[(3, "a")]),
        samples(&[(3, 20)]),
    ]);
    assert_eq!(read(&head), named(&[("a", &[20]), ("b", &[50])]));
    assert_eq!(stats.unknown_series, 0);
    assert_eq!((head.stats().chunks, head.stats().chunks_created), (2, 3));
}

#[test]
fn samples_of_unknown_series_are_counted() {
    let (head, stats) = replay(&[series(&[(1, "a")]), samples(&[(1, 1), (2, 1), (3, 1)])]);
    assert_eq!(read(&head), named(&[("a", &[1])]));
    assert_eq!((stats.samples, stats.unknown_series), (1, 2));
}

#[test]
fn metadata_finds_its_series() {
    let mut record = Vec::new();
    let metadata = Metadata { help: "Help.".into(), ..Metadata::default() };
    encode_metadata([(9, &metadata), (4, &Metadata::default())], &mut record);
    let (head, _) = replay(&[series(&[(9, "c"), (3, "a")]), record]);
    let series = |name| SeriesRef(head.series_for(&labels(name)).into());
    assert_eq!(head.metadata(series("c")).as_deref(), Some(&metadata));
    assert_eq!(head.metadata(series("a")), None);
}
