use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Barrier;

use narthex_chunk::Encoding;
use narthex_host::{Host, Simulation};
use narthex_model::{Labels, Metadata, STALE_NAN};
use narthex_storage::{
    AppendError, Appender, Columns, Querier, QueryContext, SampleValue, SelectHints, SeriesKey,
    SeriesRef, TimeRange,
};
use proptest::prelude::*;

use super::trail::Trail;
use super::{Head, HeadAppender, HeadQuerier, OnDamage, Replayer};
use crate::head_chunks::{ChunkRef, FoundChunk};
use crate::wal::record::{
    Decoder, Record, RefSample, encode_metadata, encode_samples, encode_series,
};
use crate::wal::{self, Apply, Run, Stretch, Wal};
use crate::{Options, ReplayStats, SeriesChunks};

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
    let mut replayer = Replayer::new(&options, None);
    for record in records {
        assert!(replayer.apply(record), "{record:?}");
    }
    let (head, stats, _) = replayer.finish(&options);
    (head, stats)
}

/// A stretch is read all the same where its series lost the chunks that were to have its samples.
#[test]
fn stretches_are_passed_over_as_long_as_the_head_has_their_samples() {
    let stretch = Stretch {
        place: 0..1,
        header: [0; 7],
        records: 3,
        samples: 5,
        oldest_ms: 60,
        newest_ms: 100,
        runs: vec![Run { first: 2, last: 2 }],
    };
    let whole_series =
        [&tombstone(2, 0, 0)[..9], &[0xff; 9], &[1, 0xfe], &[0xff; 8], &[1]].concat();
    let cases = [
        (vec![series(&[(2, "a")])], true),
        (vec![series(&[(2, "a")]), samples(&[(2, 110)]), tombstone(2, 1, 9)], true),
        (vec![series(&[(2, "a")]), whole_series.clone()], false),
        (vec![series(&[(3, "b"), (2, "a")]), whole_series.clone()], false),
        (vec![series(&[(1, "a")]), samples(&[(1, 5)]), series(&[(2, "a")])], false),
        (vec![series(&[(1, "a"), (2, "a")]), samples(&[(1, 110)])], true),
        (vec![series(&[(1, "a")]), samples(&[(1, 5)]), series(&[(2, "b")])], true),
    ];
    for (records, expected) in cases {
        let mut replayer = Replayer::new(&Options::default(), None);
        replayer.add_chunk(FoundChunk {
            series: 2,
            chunk: ChunkRef(1 << 32),
            min_ms: 50,
            max_ms: 100,
            sample_count: 2,
            encoding: Encoding::Xor,
            is_out_of_order: false,
            size: 10,
        });
        assert!(replayer.coverage().has(&stretch));
        for record in &records {
            assert!(replayer.apply(record), "{record:?}");
        }
        let before = replayer.stats;
        assert_eq!((&mut replayer).pass_over(&stretch), expected, "{records:?}");
        let (records, samples) = if expected { (3, 5) } else { (0, 0) };
        let counted =
            (replayer.stats.records - before.records, replayer.stats.samples - before.samples);
        assert_eq!(counted, (records, samples));
    }
}

/// The series in the head's order, with their times.
fn read(head: &Head) -> Vec<(String, Vec<i64>)> {
    read_from(&HeadQuerier::new(head, TimeRange::ALL))
}

fn read_from(querier: &dyn Querier) -> Vec<(String, Vec<i64>)> {
    let ctx = QueryContext::default();
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
    assert_eq!((stats.samples, stats.unknown.total()), (5, 0));
    // Neither is given to another series.
    let (state, slot) = head.series_for(&labels("new"), &mut Trail::default());
    assert_eq!(state.table.get(slot).reference, 8);
}

#[test]
fn series_come_by_reference_in_whatever_order_they_were_logged() {
    let (head, _) = replay(&[series(&[(9, "c"), (3, "a")]), samples(&[(9, 1), (3, 1)])]);
    assert_eq!(read(&head), named(&[("a", &[1]), ("c", &[1])]));
    let (state, slot) = head.series_for(&labels("new"), &mut Trail::default());
    assert_eq!(state.table.get(slot).reference, 10);
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
    assert_eq!(stats.unknown.total(), 0);
    assert_eq!((head.stats().chunks, head.stats().chunks_created), (2, 3));
}

#[test]
fn samples_of_unknown_series_are_counted() {
    let (head, stats) = replay(&[series(&[(1, "a")]), samples(&[(1, 1), (2, 1), (3, 1)])]);
    assert_eq!(read(&head), named(&[("a", &[1])]));
    assert_eq!((stats.samples, stats.unknown.samples, stats.unknown.total()), (1, 2, 2));
}

#[test]
fn metadata_finds_its_series() {
    let mut record = Vec::new();
    let metadata = Metadata { help: "Help.".into(), ..Metadata::default() };
    encode_metadata([(9, &metadata), (4, &Metadata::default())], &mut record);
    let (head, _) = replay(&[series(&[(9, "c"), (3, "a")]), record]);
    let series = |name| {
        let (state, slot) = head.series_for(&labels(name), &mut Trail::default());
        state.series_ref(slot)
    };
    assert_eq!(head.metadata(series("c")).as_deref(), Some(&metadata));
    assert_eq!(head.metadata(series("a")), None);
}

/// A head whose chunks are short, and a log for it.
fn short_chunks() -> (Head, Wal) {
    short_chunks_on(&Simulation::new(1).host())
}

fn short_chunks_on(host: &Host) -> (Head, Wal) {
    let mut options = Options::default();
    (options.block_range_ms, options.samples_per_chunk) = (1_000, 4);
    start_on(host, &options)
}

fn start_on(host: &Host, options: &Options) -> (Head, Wal) {
    let (head, ..) = Replayer::new(options, None).finish(options);
    host.files.create_dir_all(Path::new("wal")).unwrap();
    let report = wal::replay(&*host.files, Path::new("wal"), |_| true).unwrap();
    (head, Wal::start(host, "wal".into(), &report, options).unwrap())
}

/// Appends one sample to each series, in one commit.
fn append(head: &Head, wal: &Wal, names: &[&str], timestamp_ms: i64) -> Vec<SeriesRef> {
    let mut appender = HeadAppender::new(head, wal);
    let mut append = |name: &&str| {
        let value = SampleValue::Float(timestamp_ms as f64);
        appender.append(SeriesKey::Labels(&labels(name)), timestamp_ms, value).unwrap()
    };
    let series = names.iter().map(&mut append).collect();
    appender.commit().unwrap();
    series
}

#[test]
fn series_without_samples_go_and_their_names_stay_gone() {
    let (head, wal) = short_chunks();
    let old = append(&head, &wal, &["old", "both"], 100);
    append(&head, &wal, &["both", "new"], 1_100);
    head.truncate(1_000);
    assert_eq!(read(&head), named(&[("both", &[1_100]), ("new", &[1_100])]));
    assert_eq!((head.stats().series, head.stats().chunks), (2, 2));
    assert_eq!(head.stats().min_ms, Some(1_100));
    let ctx = QueryContext::default();
    let names = HeadQuerier::new(&head, TimeRange::ALL).label_values(&ctx, "__name__", &[], None);
    assert_eq!(names.unwrap(), ["both".into(), "new".into()]);

    let mut appender = HeadAppender::new(&head, &wal);
    let value = SampleValue::Float(1.0);
    let refusal = appender.append(SeriesKey::Ref(old[0]), 1_200, value).unwrap_err();
    assert!(matches!(refusal, AppendError::UnknownSeries(_)));
    let refusal = appender.append(SeriesKey::Ref(old[1]), 900, value).unwrap_err();
    assert!(matches!(refusal, AppendError::OutOfBounds));
    // Another series takes the place of the one that went, and not its name.
    let later = append(&head, &wal, &["later"], 1_200);
    assert!(later[0] != old[0]);
    assert!(appender.append(SeriesKey::Ref(old[0]), 1_300, value).is_err());
    let expected = [("both", &[1_100][..]), ("new", &[1_100]), ("later", &[1_200])];
    assert_eq!(read(&head), named(&expected));
}

#[test]
fn a_series_that_somebody_appends_to_stays() {
    let (head, wal) = short_chunks();
    append(&head, &wal, &["a"], 100);
    let mut appender = HeadAppender::new(&head, &wal);
    for name in ["a", "b"] {
        let value = SampleValue::Float(1.0);
        appender.append(SeriesKey::Labels(&labels(name)), 1_500, value).unwrap();
    }
    // Others that hold samples for it may give up, or be done.
    let mut rolled_back = HeadAppender::new(&head, &wal);
    let value = SampleValue::Float(1.0);
    for name in ["b", "c"] {
        rolled_back.append(SeriesKey::Labels(&labels(name)), 1_500, value).unwrap();
    }
    drop(rolled_back);
    head.truncate(1_000);
    assert_eq!(head.stats().series, 2);
    appender.commit().unwrap();
    assert_eq!(read(&head), named(&[("a", &[1_500]), ("b", &[1_500])]));
}

#[test]
fn an_appender_that_waits_too_long_is_refused() {
    let (head, wal) = short_chunks();
    let mut appenders = [900, 1_000].map(|timestamp_ms| {
        let mut appender = HeadAppender::new(&head, &wal);
        let value = SampleValue::Float(1.0);
        appender.append(SeriesKey::Labels(&labels("a")), timestamp_ms, value).unwrap();
        appender
    });
    head.seal(1_000);
    assert!(matches!(appenders[0].commit().unwrap_err(), AppendError::OutOfBounds));
    appenders[1].commit().unwrap();
    assert_eq!(read(&head), named(&[("a", &[1_000])]));
}

#[test]
fn what_is_in_blocks_is_not_read_from_the_log_again() {
    let options = Options::default();
    let mut replayer = Replayer::new(&options, Some(100));
    for record in [
        series(&[(1, "a"), (2, "b")]),
        samples(&[(1, 98), (2, 99), (7, 99)]),
        tombstone(7, 0, 60),
        samples(&[(1, 100), (1, 101)]),
    ] {
        assert!(replayer.apply(&record));
    }
    let (head, stats, _) = replayer.finish(&options);
    assert_eq!(read(&head), named(&[("a", &[100, 101])]));
    assert_eq!((stats.samples, stats.unknown.total()), (2, 0));
    assert_eq!((head.stats().min_ms, head.stats().max_ms), (Some(100), Some(101)));
    let wal = short_chunks().1;
    let mut appender = HeadAppender::new(&head, &wal);
    let value = SampleValue::Float(1.0);
    let refusal = appender.append(SeriesKey::Labels(&labels("c")), 99, value).unwrap_err();
    assert!(matches!(refusal, AppendError::OutOfBounds));
    // A reference that the log knows is not given to another series.
    appender.append(SeriesKey::Labels(&labels("c")), 102, value).unwrap();
    assert!(head.find_series(&labels("c")).unwrap().0 >> 32 > 7);
}

/// Most series outgrow their first buffers, so that those of the others move.
#[test]
fn chunks_move_as_they_are() {
    let (head, wal) = start_on(&Simulation::new(1).host(), &Options::default());
    let names = (0..1_000).map(|number| format!("a{number}")).collect::<Vec<_>>();
    let all = names.iter().map(String::as_str).collect::<Vec<_>>();
    let growing = (0..1_000).filter(|number| number % 100 != 0).map(|number| all[number]);
    let growing = growing.collect::<Vec<_>>();
    for time in 0..2 {
        append(&head, &wal, &all, time * 1_000);
    }
    for time in 2..30 {
        append(&head, &wal, &growing, time * 1_000);
    }
    let before = read(&head);
    head.pack();
    assert_eq!(read(&head), before);
    append(&head, &wal, &all, 30_000);
    let longer = |(labels, mut times): (String, Vec<i64>)| {
        times.push(30_000);
        (labels, times)
    };
    assert_eq!(read(&head), before.into_iter().map(longer).collect::<Vec<_>>());
}

#[test]
fn readers_keep_what_they_see_while_the_head_is_truncated() {
    let (head, wal) = short_chunks();
    append(&head, &wal, &["a"], 100);
    append(&head, &wal, &["a"], 1_100);
    let reader = HeadQuerier::new(&head, TimeRange::ALL);
    std::thread::scope(|scope| {
        let truncation = scope.spawn(|| head.truncate(1_000));
        assert_eq!(read_from(&reader), named(&[("a", &[100, 1_100])]));
        drop(reader);
        truncation.join().unwrap();
    });
    assert_eq!(read(&head), named(&[("a", &[1_100])]));
}

#[test]
fn series_go_to_blocks_by_their_labels_cut_to_the_range() {
    let mut records = vec![series(&[(1, "b"), (2, "c"), (3, "a"), (4, "d")])];
    records.extend((0..300).map(|ts| samples(&[(1, ts), (2, ts + 1_000), (3, ts)])));
    records.extend([samples(&[(4, 5)]), tombstone(3, 20, 29), tombstone(4, 0, 60)]);
    let (head, _) = replay(&records);
    let range = TimeRange { min_ms: 10, max_ms: 250 };
    let blocks = head.series_chunks(range, OnDamage::Fail).collect::<Result<Vec<_>, _>>().unwrap();
    let read = |series: &SeriesChunks| {
        let mut columns = Columns::default();
        for chunk in &series.chunks {
            assert!(range.contains(chunk.min_ms) && range.contains(chunk.max_ms), "{chunk:?}");
            let all = i64::MIN..=i64::MAX;
            narthex_chunk::decode(chunk.encoding, &chunk.bytes, all, &mut columns).unwrap();
        }
        (series.labels.metric_name().to_owned(), columns.timestamps_ms().to_vec())
    };
    let found = blocks.iter().map(read).collect::<Vec<_>>();
    let all = (10..=250).collect::<Vec<_>>();
    let undeleted = (10..20).chain(30..=250).collect::<Vec<_>>();
    assert_eq!(found, named(&[("a", &undeleted), ("b", &all)]));
    let texts = ["__name__", "a", "b", "c", "d"].map(Box::from);
    assert_eq!(head.label_texts(), texts);
}

#[derive(Clone, Debug)]
enum Step {
    /// Later by so much, one sample to each of these series.
    Commit(i64, Vec<u8>),
    RollBack(Vec<u8>),
    /// So much before the newest sample.
    Truncate(i64),
}

fn any_step() -> impl Strategy<Value = Step> {
    let series = || prop::collection::vec(0_u8..12, 0..6);
    prop_oneof![
        8 => (1_i64..400, series()).prop_map(|(later, series)| Step::Commit(later, series)),
        1 => series().prop_map(Step::RollBack),
        2 => (0_i64..3_000).prop_map(Step::Truncate),
    ]
}

proptest! {
    #[test]
    fn a_truncated_head_has_what_is_newer(steps in prop::collection::vec(any_step(), 0..60)) {
        let (head, wal) = short_chunks();
        let mut model: BTreeMap<String, Vec<i64>> = BTreeMap::new();
        let (mut now_ms, mut truncated_ms) = (10_000, i64::MIN);
        for step in steps {
            match step {
                Step::Commit(later, series) => {
                    now_ms += later;
                    let names = series.iter().map(|index| format!("s{index}")).collect::<Vec<_>>();
                    let names = names.iter().map(String::as_str).collect::<Vec<_>>();
                    append(&head, &wal, &names, now_ms);
                    for name in names {
                        let times = model.entry(name.to_owned()).or_default();
                        if times.last() != Some(&now_ms) {
                            times.push(now_ms);
                        }
                    }
                }
                Step::RollBack(series) => {
                    let mut appender = HeadAppender::new(&head, &wal);
                    for index in series {
                        let labels = labels(&format!("s{index}"));
                        let value = SampleValue::Float(0.5);
                        appender.append(SeriesKey::Labels(&labels), now_ms + 1, value).unwrap();
                    }
                    appender.rollback();
                }
                Step::Truncate(before) => {
                    truncated_ms = truncated_ms.max(now_ms - before);
                    head.truncate(now_ms - before);
                }
            }
            let mut found = read(&head);
            found.sort();
            let newer = model.iter().map(|(name, times)| {
                let newer = times.iter().copied().filter(|time| *time >= truncated_ms);
                (name.clone(), newer.collect::<Vec<_>>())
            });
            let expected = newer.filter(|(_, times)| !times.is_empty()).collect::<Vec<_>>();
            prop_assert_eq!(found, expected);
        }
    }
}

/// How far a series is from its last sample, in milliseconds, and what its value is.
fn any_commit() -> impl Strategy<Value = Vec<(u8, i64, f64)>> {
    let distance = prop_oneof![Just(10_i64), 1_i64..30, 300_i64..700];
    let value = (0_i32..100).prop_map(f64::from);
    let value = prop_oneof![value, any::<f64>(), Just(7.0), Just(STALE_NAN)];
    prop::collection::vec((0_u8..6, distance, value), 1..12)
}

proptest! {
    #[test]
    fn a_replayed_head_is_the_one_that_wrote_the_log(
        commits in prop::collection::vec(any_commit(), 1..60),
        batch_size in 1_usize..40,
    ) {
        let host = Simulation::new(1).host();
        let (head, wal) = short_chunks_on(&host);
        let mut times = [1_000; 6];
        for commit in commits.concat().chunks(batch_size) {
            let mut appender = HeadAppender::new(&head, &wal);
            for &(number, distance_ms, value) in commit {
                let time_ms = &mut times[usize::from(number)];
                *time_ms += distance_ms;
                let labels = labels(&format!("s{number}"));
                let value = SampleValue::Float(value);
                // Where a series is far behind the others, its samples are refused.
                let _ = appender.append(SeriesKey::Labels(&labels), *time_ms, value);
            }
            appender.commit().unwrap();
        }
        let mut options = Options::default();
        (options.block_range_ms, options.samples_per_chunk) = (1_000, 4);
        let mut replayer = Replayer::new(&options, None);
        wal::replay(&*host.files, Path::new("wal"), |record| replayer.apply(record)).unwrap();
        let (replayed, stats, _) = replayer.finish(&options);
        let content = |head: &Head| {
            let chunks = head.series_chunks(TimeRange::ALL, OnDamage::Fail);
            let stats = head.stats();
            let counts = (stats.chunks, stats.chunk_bytes, stats.min_ms, stats.max_ms);
            (chunks.collect::<Result<Vec<_>, _>>().unwrap(), counts, head.stale_count())
        };
        prop_assert_eq!(content(&replayed), content(&head));
        prop_assert_eq!(stats.samples, head.stats().samples_appended);
    }
}

/// Who commits first names the series, and nobody names it again.
#[test]
fn commits_at_once_name_a_new_series_once() {
    const THREADS: usize = 4;
    let host = Simulation::new(1).host();
    let (head, wal) = short_chunks_on(&host);
    let names = (0..200).map(|number| format!("series_{number}")).collect::<Vec<_>>();
    let barrier = Barrier::new(THREADS);
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            let (head, wal, names, barrier) = (&head, &wal, &names, &barrier);
            scope.spawn(move || {
                for name in names {
                    let mut appender = HeadAppender::new(head, wal);
                    let value = SampleValue::Float(1.0);
                    appender.append(SeriesKey::Labels(&labels(name)), 100, value).unwrap();
                    // All hold a sample of a series that no commit has named.
                    barrier.wait();
                    appender.commit().unwrap();
                }
            });
        }
    });
    let (mut named, mut sample_count) = (Vec::new(), 0);
    let mut decoder = Decoder::default();
    let apply = |record: &[u8]| {
        match decoder.decode(record).unwrap() {
            Record::Series(series) => named.extend(series.iter().map(|series| series.reference)),
            Record::Samples(samples) => {
                sample_count += samples.len();
                assert!(samples.iter().all(|sample| named.contains(&sample.reference)));
            }
            record => panic!("{record:?}"),
        }
        true
    };
    wal::replay(&*host.files, Path::new("wal"), apply).unwrap();
    assert_eq!((named.len(), sample_count), (names.len(), names.len() * THREADS));
}
