use std::path::Path;

use narthex_host::{Files, Random, SeededRandom, Simulation};
use narthex_model::{Labels, Metadata, MetricType};
use proptest::prelude::*;

use super::frame::{self, HEADER_SIZE, PAGE_SIZE, RECORD_SIZE_MAX, SNAPPY_FLAG, ZSTD_FLAG};
use super::reader::{Next, SegmentReader};
use super::record::{Decoder, Record, RefSample, encode_metadata, encode_samples, encode_series};
use super::{Corruption, DamageReason, ReplayReport, WalError, replay, start};
use crate::{Options, WalCompression};

const DIR: &str = "wal";

/// Writes each batch to a log of small segments, and reads all records back.
fn write_and_read(batches: &[Vec<Vec<u8>>], compression: WalCompression) -> Vec<Vec<u8>> {
    let simulation = Simulation::new(1);
    let files = simulation.files();
    files.create_dir_all(Path::new(DIR)).unwrap();
    let options = Options {
        wal_segment_size_bytes: 2 * PAGE_SIZE as u64,
        wal_compression: compression,
        ..Options::default()
    };
    let report = ReplayReport::default();
    let mut wal = start(&simulation.host(), DIR.into(), &report, &options).unwrap();
    for batch in batches {
        wal.log(batch).unwrap();
    }
    wal.finish().unwrap();
    for entry in files.list_dir(Path::new(DIR)).unwrap() {
        let file = files.open_read(&Path::new(DIR).join(&*entry.name)).unwrap();
        assert_eq!(file.size().unwrap() % PAGE_SIZE as u64, 0, "a segment ends inside a page");
    }
    let mut records = Vec::new();
    let report = replay(files, Path::new(DIR), |record| {
        records.push(record.to_vec());
        true
    });
    assert_eq!(report.unwrap().corruptions, []);
    records
}

/// Bytes of some size; every other of them does not compress.
fn bytes(size: usize) -> Vec<u8> {
    let random = SeededRandom::new(size as u64);
    let next = || if size.is_multiple_of(2) { random.next_u64().to_le_bytes()[0] } else { 7 };
    (0..size).map(|_| next()).collect()
}

#[test]
fn records_around_the_ends_of_pages_and_segments() {
    let body = PAGE_SIZE - HEADER_SIZE;
    for size in [0, 1, body - 8, body - 7, body - 6, body - 1, body, body + 1, 2 * body, 5 * body] {
        for compression in [WalCompression::None, WalCompression::Snappy] {
            let batches = vec![vec![bytes(size), bytes(3)], vec![bytes(0)], vec![bytes(size)]];
            let expected = batches.concat();
            assert!(write_and_read(&batches, compression) == expected, "{size} {compression:?}");
        }
    }
}

#[test]
fn records_that_cannot_be_unpacked_stay_in_the_file() {
    let simulation = Simulation::new(1);
    let (files, path) = (simulation.files(), Path::new("wal/00000000"));
    files.create_dir_all(Path::new(DIR)).unwrap();
    let mut segment = Vec::new();
    frame::push_record(&mut segment, 0, b"zstd", ZSTD_FLAG);
    let second = segment.len() as u64;
    frame::push_record(&mut segment, 0, b"not snappy", SNAPPY_FLAG);
    let third = segment.len() as u64;
    // Snappy's header names a size of 2 GiB.
    frame::push_record(&mut segment, 0, b"\x80\x80\x80\x80\x08", SNAPPY_FLAG);
    files.open_append(path).unwrap().append(&segment).unwrap();
    let report = replay(files, Path::new(DIR), |_| true).unwrap();
    let damage =
        |offset| Corruption { path: path.into(), offset, reason: DamageReason::Compression };
    assert_eq!(report.corruptions, [damage(0), damage(second), damage(third)]);
    let size = files.open_read(path).unwrap().size().unwrap();
    assert_eq!((size, report.cut_bytes), (segment.len() as u64, 0));
}

#[test]
fn a_record_that_could_not_be_read_back_is_refused() {
    let simulation = Simulation::new(1);
    simulation.files().create_dir_all(Path::new(DIR)).unwrap();
    let report = ReplayReport::default();
    let options = Options::default();
    let mut wal = start(&simulation.host(), DIR.into(), &report, &options).unwrap();
    let error = wal.log(&[vec![0; RECORD_SIZE_MAX + 1]]).unwrap_err();
    assert!(matches!(error, WalError::TooLarge { .. }), "{error}");
    wal.log(&[vec![0; 100]]).unwrap();
}

proptest! {
    #[test]
    fn what_is_logged_is_read(
        sizes in prop::collection::vec(prop::collection::vec(0_usize..40_000, 1..4), 0..12),
        is_packed in any::<bool>(),
    ) {
        let batch = |sizes: Vec<usize>| sizes.into_iter().map(bytes).collect::<Vec<_>>();
        let batches = sizes.into_iter().map(batch).collect::<Vec<_>>();
        let compression = if is_packed { WalCompression::Snappy } else { WalCompression::None };
        prop_assert!(write_and_read(&batches, compression) == batches.concat());
    }

    #[test]
    fn any_segment_can_be_read(bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
        let simulation = Simulation::new(1);
        let path = Path::new("segment");
        simulation.files().open_append(path).unwrap().append(&bytes).unwrap();
        let mut reader = SegmentReader::new(simulation.files().open_read(path).unwrap());
        let mut count = 0;
        while !matches!(reader.next().unwrap(), Next::End) {
            count += 1;
        }
        prop_assert!(count <= bytes.len());
    }

    #[test]
    fn any_record_decodes_or_fails(kind in 0_u8..16, body in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Decoder::default().decode(&[vec![kind], body].concat());
    }

    #[test]
    fn samples_survive(samples in prop::collection::vec(any::<(u64, i64, u64)>(), 0..50)) {
        let mut record = Vec::new();
        encode_samples(samples.iter().map(|&(reference, timestamp_ms, bits)| {
            RefSample { reference, timestamp_ms, value: f64::from_bits(bits) }
        }), &mut record);
        let mut decoder = Decoder::default();
        let Some(Record::Samples(found)) = decoder.decode(&record) else {
            panic!("not a record of samples");
        };
        let found = found.iter().map(|item| (item.reference, item.timestamp_ms, item.value.to_bits()));
        prop_assert_eq!(found.collect::<Vec<_>>(), samples);
    }
}

#[test]
fn bytes_of_the_records() {
    let labels = Labels::from_pairs([("a", "b"), ("__name__", "up")]);
    let mut record = Vec::new();
    encode_series([(258, &labels)], &mut record);
    assert_eq!(record, b"\x01\0\0\0\0\0\0\x01\x02\x02\x08__name__\x02up\x01a\x01b");
    let mut decoder = Decoder::default();
    let Some(Record::Series([series])) = decoder.decode(&record) else {
        panic!("not a record of one series");
    };
    assert_eq!((series.reference, &series.labels), (258, &labels));

    record.clear();
    let sample = |reference, timestamp_ms, value| RefSample { reference, timestamp_ms, value };
    encode_samples([sample(2, 1_000, 1.0), sample(1, 1_002, -2.0)], &mut record);
    let head = b"\x02\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\x03\xe8";
    let body = b"\0\0\x3f\xf0\0\0\0\0\0\0\x01\x04\xc0\0\0\0\0\0\0\0";
    assert_eq!(record, [&head[..], body].concat());

    record.clear();
    let metadata =
        Metadata { metric_type: MetricType::Gauge, help: "Up.".into(), unit: "s".into() };
    encode_metadata([(300, &metadata)], &mut record);
    assert_eq!(record, b"\x06\xac\x02\x02\x02\x04UNIT\x01s\x04HELP\x03Up.");
    let Some(Record::Metadata([found])) = decoder.decode(&record) else {
        panic!("not a record of metadata");
    };
    assert_eq!((found.reference, &found.metadata), (300, &metadata));
}

#[test]
fn samples_with_start_times() {
    // Three samples: start times explicit, the same again, and none.
    let head = b"\x0b\x04\xd0\x0f\x02\x3f\xf0\0\0\0\0\0\0";
    let same = b"\x02\x04\x01\x40\0\0\0\0\0\0\0";
    let none = b"\x01\x06\x00\x40\x08\0\0\0\0\0\0";
    let explicit = b"\x00\x08\x02\x06\x40\x10\0\0\0\0\0\0";
    let record = [&head[..], same, none, explicit].concat();
    let mut decoder = Decoder::default();
    let Some(Record::Samples(samples)) = decoder.decode(&record) else {
        panic!("not a record of samples");
    };
    let samples = samples.iter().map(|item| (item.reference, item.timestamp_ms, item.value));
    let expected = [(2, 1_000, 1.0), (3, 1_002, 2.0), (2, 1_003, 3.0), (2, 1_004, 4.0)];
    assert_eq!(samples.collect::<Vec<_>>(), expected);
}
