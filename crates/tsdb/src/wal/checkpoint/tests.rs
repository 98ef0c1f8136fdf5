use std::collections::BTreeMap;
use std::path::Path;

use narthex_host::{Fault, Files, Simulation};
use narthex_model::histogram::Histogram;
use narthex_model::{Labels, Metadata};

use super::super::record::{
    Decoder, Record, RefExemplar, RefHistogram, RefSample, Tombstone, encode_exemplars,
    encode_histograms, encode_metadata, encode_samples, encode_samples_with_starts, encode_series,
    encode_tombstones,
};
use super::super::{ReplayReport, Wal, replay};
use super::LiveSeries;
use crate::{Options, WalSync};

const DIR: &str = "wal";

/// The series that live, by reference.
#[derive(Default)]
struct Series(BTreeMap<u64, (Labels, Option<Metadata>)>);

impl LiveSeries for Series {
    fn visit(
        &self,
        from: usize,
        take: &mut dyn FnMut(u64, &Labels, Option<&Metadata>),
    ) -> Option<usize> {
        let (reference, (labels, metadata)) = self.0.iter().nth(from)?;
        take(*reference, labels, metadata.as_ref());
        Some(from + 1)
    }

    fn has(&self, reference: u64) -> bool {
        self.0.contains_key(&reference)
    }

    fn has_left(&self, _: u64) -> bool {
        false
    }

    fn has_late(&self, _: u64) -> bool {
        false
    }

    fn has_labels(&self, labels: &Labels) -> bool {
        self.0.values().any(|(known, _)| known == labels)
    }
}

fn labels(number: u64) -> Labels {
    Labels::from_pairs([("__name__", "up".to_owned()), ("number", number.to_string())])
}

fn help(text: &str) -> Metadata {
    Metadata { help: text.into(), ..Metadata::default() }
}

fn live(references: impl IntoIterator<Item = u64>) -> Series {
    Series(references.into_iter().map(|number| (number, (labels(number), None))).collect())
}

fn open(simulation: &Simulation, options: &Options) -> (Wal, Vec<String>, ReplayReport) {
    let files = simulation.host().files;
    files.create_dir_all(Path::new(DIR)).unwrap();
    let (mut lines, mut decoder) = (Vec::new(), Decoder::default());
    let report = replay(&*files, Path::new(DIR), |record| {
        let Some(record) = decoder.decode(record) else { return false };
        lines.extend(describe(&record));
        true
    });
    let report = report.unwrap();
    let wal = Wal::start(&simulation.host(), DIR.into(), &report, options).unwrap();
    (wal, lines, report)
}

/// A line for each item, so that tests read well.
fn describe(record: &Record<'_>) -> Vec<String> {
    match record {
        Record::Series(items) => items
            .iter()
            .map(|item| format!("series {} {}", item.reference, item.labels.as_series()))
            .collect(),
        Record::Samples(items) => {
            let line = |item: &RefSample| {
                let &RefSample { reference, timestamp_ms, start_timestamp_ms, value } = item;
                format!("sample {reference} {timestamp_ms} {start_timestamp_ms} {value}")
            };
            items.iter().map(line).collect()
        }
        Record::Histograms(items) => items
            .iter()
            .map(|item| format!("histogram {} {}", item.reference, item.timestamp_ms))
            .collect(),
        Record::FloatHistograms(items) => items
            .iter()
            .map(|item| format!("float histogram {} {}", item.reference, item.timestamp_ms))
            .collect(),
        Record::Exemplars(items) => items
            .iter()
            .map(|item| format!("exemplar {} {}", item.reference, item.timestamp_ms))
            .collect(),
        Record::Tombstones(items) => items
            .iter()
            .map(|item| format!("tombstone {} {} {}", item.reference, item.min_ms, item.max_ms))
            .collect(),
        Record::Metadata(items) => items
            .iter()
            .map(|item| format!("metadata {} {}", item.reference, item.metadata.help))
            .collect(),
        Record::MmapMarkers(_) | Record::Unknown => vec!["something else".to_owned()],
    }
}

fn commit(wal: &Wal, encode: impl FnOnce(&mut Vec<u8>)) {
    let mut record = Vec::new();
    encode(&mut record);
    wal.commit(vec![record], || ()).unwrap();
}

fn sample(reference: u64, timestamp_ms: i64) -> RefSample {
    RefSample { reference, timestamp_ms, start_timestamp_ms: 0, value: 1.0 }
}

/// What is in the log's folder.
fn names(simulation: &Simulation) -> Vec<String> {
    let entries = simulation.files().list_dir(Path::new(DIR)).unwrap();
    entries.into_iter().map(|entry| entry.name.into_string()).collect()
}

#[test]
fn what_stays_and_what_goes() {
    let simulation = Simulation::new(1);
    let options = Options::default();
    let (wal, ..) = open(&simulation, &options);
    let all = [1, 2, 3, 4].map(|number| (number, labels(number)));
    commit(&wal, |out| encode_series(all.iter().map(|(number, labels)| (*number, labels)), out));
    // The series 2 has a second reference, as after a restart.
    commit(&wal, |out| encode_series([(9, &labels(2))], out));
    commit(&wal, |out| encode_metadata([(1, &help("old"))], out));
    commit(&wal, |out| encode_metadata([(1, &help("new")), (3, &help("gone"))], out));
    commit(&wal, |out| encode_samples([sample(1, 99), sample(2, 100), sample(9, 101)], out));
    commit(&wal, |out| encode_samples([sample(1, 98), sample(2, 99)], out));
    let started = RefSample { start_timestamp_ms: 50, ..sample(1, 100) };
    commit(&wal, |out| encode_samples_with_starts([sample(1, 97), started], out));
    let (histogram, float) = (Histogram::default(), Histogram::default().to_float());
    for timestamp_ms in [99, 100] {
        let (reference, start_timestamp_ms) = (4, 0);
        let item =
            RefHistogram { reference, timestamp_ms, start_timestamp_ms, histogram: &histogram };
        let mut records = Vec::new();
        encode_histograms([item].into_iter(), false, &mut records);
        let item = RefHistogram { reference, timestamp_ms, start_timestamp_ms, histogram: &float };
        encode_histograms([item].into_iter(), true, &mut records);
        wal.commit(records, || ()).unwrap();
    }
    let exemplar = |timestamp_ms| RefExemplar {
        reference: 1,
        timestamp_ms,
        value: 1.0,
        labels: Labels::empty(),
    };
    commit(&wal, |out| encode_exemplars(&[exemplar(99), exemplar(100)], out));
    let tombstone = |reference, min_ms, max_ms| Tombstone { reference, min_ms, max_ms };
    let tombstones =
        [tombstone(1, 0, 99), tombstone(1, 0, 100), tombstone(3, 0, 100), tombstone(9, 0, 100)];
    commit(&wal, |out| encode_tombstones(tombstones, out));
    wal.commit(vec![b"\x63 from a later release".to_vec()], || ()).unwrap();
    // Two thirds of three segments are two.
    for _ in 0..2 {
        wal.cut().unwrap();
        commit(&wal, |out| encode_samples([sample(1, 5)], out));
    }

    let mut series = live([1, 2, 4]);
    series.0.get_mut(&1).unwrap().1 = Some(help("new"));
    wal.truncate(100, &series).unwrap();
    assert_eq!(names(&simulation), ["00000002", "00000003", "checkpoint.00000001"]);
    let stats = wal.stats();
    assert_eq!((stats.checkpoints, stats.checkpoints_failed, stats.corruptions), (1, 0, 0));
    drop(wal);
    let (_, lines, report) = open(&simulation, &options);
    assert_eq!(report.corruptions, []);
    let expected = [
        "series 1 up{number=\"1\"}",
        "metadata 1 new",
        "series 2 up{number=\"2\"}",
        "series 4 up{number=\"4\"}",
        "series 9 up{number=\"2\"}",
        "sample 2 100 0 1",
        "sample 9 101 0 1",
        "sample 1 100 50 1",
        "histogram 4 100",
        "float histogram 4 100",
        "exemplar 1 100",
        "tombstone 1 0 100",
        "tombstone 9 0 100",
        "sample 1 5 0 1",
    ];
    assert_eq!(lines, expected);
}

#[test]
fn a_checkpoint_holds_the_one_before() {
    let simulation = Simulation::new(1);
    let options = Options::default();
    let (wal, ..) = open(&simulation, &options);
    let series = live([1]);
    commit(&wal, |out| encode_series([(1, &labels(1))], out));
    for round in 0..40 {
        commit(&wal, |out| encode_samples([sample(1, round)], out));
        wal.truncate(round - 5, &series).unwrap();
    }
    let names = names(&simulation);
    assert!(names.len() <= 6, "{names:?}");
    let (_, lines, report) = open(&simulation, &options);
    assert_eq!(report.corruptions, []);
    assert_eq!(lines[0], "series 1 up{number=\"1\"}");
    for round in 34..40 {
        assert!(lines.contains(&format!("sample 1 {round} 0 1")), "{round}: {lines:?}");
    }
    assert!(lines.len() < 15, "{lines:?}");
}

/// Damage that nobody saw when the log was read: a checkpoint leaves it out, and heals what the head
/// knows.
#[test]
fn damage_found_late_is_put_aside() {
    let simulation = Simulation::new(1);
    let options = Options::default();
    let (wal, ..) = open(&simulation, &options);
    commit(&wal, |out| encode_series([(1, &labels(1))], out));
    for time in 0..10 {
        commit(&wal, |out| encode_samples([sample(1, time)], out));
    }
    for _ in 0..2 {
        wal.cut().unwrap();
    }
    // Of the record of series, and of one sample.
    let path = Path::new("wal/00000000");
    simulation
        .files()
        .edit(path, |bytes| {
            bytes[10..12].fill(0xff);
            bytes[100..102].fill(0xff);
        })
        .unwrap();
    wal.truncate(0, &live([1])).unwrap();
    assert_eq!((wal.stats().checkpoints, wal.stats().corruptions), (1, 2));
    assert_eq!(names(&simulation), ["00000002", "00000003", "checkpoint.00000001", "quarantine"]);
    let (_, lines, report) = open(&simulation, &options);
    assert_eq!(report.corruptions, []);
    assert_eq!((lines.len(), &*lines[0]), (10, "series 1 up{number=\"1\"}"));
}

/// The log of out-of-order samples has no checkpoints: what is merged into blocks goes.
#[test]
fn segments_can_go_without_a_checkpoint() {
    let simulation = Simulation::new(1);
    let options = Options::default();
    let (wal, ..) = open(&simulation, &options);
    for time in 0..3 {
        commit(&wal, |out| encode_samples([sample(1, time)], out));
        assert_eq!(wal.cut().unwrap(), time.cast_unsigned() + 1);
    }
    wal.remove_before(0).unwrap();
    assert_eq!(names(&simulation).len(), 4);
    wal.remove_before(2).unwrap();
    assert_eq!(names(&simulation), ["00000002", "00000003"]);
    let (_, lines, report) = open(&simulation, &options);
    assert_eq!((lines, report.corruptions), (vec!["sample 1 2 0 1".to_owned()], vec![]));
}

/// Hours of commits, of which each part is damaged once it was read: the log does not grow.
#[test]
fn a_damaged_log_does_not_grow() {
    let size = |is_damaged: bool| {
        let simulation = Simulation::new(1);
        let options = Options { wal_segment_size_bytes: 32 * 1024, ..Options::default() };
        let (wal, ..) = open(&simulation, &options);
        let series = live(1..100);
        let mut largest = 0;
        for hour in 0..48_i64 {
            for minute in 0..60 {
                let time = hour * 60 + minute;
                commit(&wal, |out| {
                    encode_samples((1..100).map(|number| sample(number, time)), out)
                });
                commit(&wal, |out| encode_series([(1, &labels(1))], out));
            }
            let newest = names(&simulation).into_iter().rfind(|name| name.len() == 8).unwrap();
            if is_damaged {
                let path = Path::new(DIR).join(newest);
                simulation
                    .files()
                    .edit(&path, |bytes| {
                        bytes.iter_mut().step_by(500).for_each(|byte| *byte ^= 0xff)
                    })
                    .unwrap();
            }
            wal.truncate((hour - 2) * 60, &series).unwrap();
            let total = |dir: &Path| -> u64 {
                let entries = simulation.files().list_dir(dir).unwrap().into_iter();
                let files = entries.filter(|entry| !entry.is_dir);
                files
                    .map(|entry| {
                        simulation
                            .files()
                            .open_read(&dir.join(&*entry.name))
                            .unwrap()
                            .size()
                            .unwrap()
                    })
                    .sum()
            };
            let checkpoint =
                names(&simulation).into_iter().find(|name| name.starts_with("checkpoint"));
            let inside = checkpoint.map_or(0, |name| total(&Path::new(DIR).join(name)));
            largest = largest.max(total(Path::new(DIR)) + inside);
            assert_eq!(wal.stats().checkpoints_failed, 0);
        }
        (largest, wal.stats())
    };
    let ((steady, _), (damaged, stats)) = (size(false), size(true));
    println!(
        "largest log: {steady} bytes, damaged {damaged}; {} damaged places",
        stats.corruptions
    );
    assert!(stats.corruptions > 48 && damaged < 2 * steady);
}

/// Fails each call of a checkpoint, or stops the machine after it: what was committed is there.
#[test]
fn a_checkpoint_that_fails_loses_nothing() {
    for (fault, crash) in
        [(Fault::NoSpace, false), (Fault::Io, false), (Fault::Io, true), (Fault::ShortWrite, true)]
    {
        let options = Options { wal_sync: WalSync::Commit, ..Options::default() };
        let mut deletions_failed = 0;
        for call in 0.. {
            let simulation = Simulation::new(call);
            let (wal, ..) = open(&simulation, &options);
            commit(&wal, |out| encode_series([(1, &labels(1))], out));
            for time in 0..6 {
                commit(&wal, |out| encode_samples([sample(1, time)], out));
                wal.cut().unwrap();
            }
            let first = simulation.files().call_count() + call;
            match crash {
                true => simulation.files().fail_from(first, fault),
                false => simulation.files().fail_call(first, fault),
            }
            let outcome = wal.truncate(3, &live([1]));
            let failed = wal.stats().checkpoint_deletions_failed;
            // The checkpoint is there all the same.
            assert!(failed == 0 || outcome.is_ok(), "{fault:?} {call}");
            deletions_failed += failed;
            let is_reached = simulation.files().call_count() > first;
            assert!(is_reached || outcome.is_ok(), "{fault:?} {call}");
            simulation.files().repair();
            if crash {
                simulation.files().crash();
            } else {
                commit(&wal, |out| encode_samples([sample(1, 6)], out));
                wal.truncate(3, &live([1])).unwrap();
                let temporary = names(&simulation).into_iter().filter(|name| name.ends_with("tmp"));
                assert_eq!(temporary.count(), 0, "{fault:?} {call}");
            }
            drop(wal);
            let (_, lines, report) = open(&simulation, &options);
            let context =
                format!("{fault:?} {call}: {outcome:?} {lines:?} {:?}", names(&simulation));
            assert_eq!(report.corruptions, [], "{context}");
            assert_eq!(lines[0], "series 1 up{number=\"1\"}", "{context}");
            for time in 3..6 + i64::from(!crash) {
                let count =
                    lines.iter().filter(|line| **line == format!("sample 1 {time} 0 1")).count();
                assert_eq!(count, 1, "{context}");
            }
            if !is_reached {
                println!("{fault:?}: {call} calls, {deletions_failed} deletions failed");
                assert!(deletions_failed > 0);
                break;
            }
        }
    }
}
