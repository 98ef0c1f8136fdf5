use std::path::Path;
use std::sync::mpsc;

use narthex_host::{Files, Random, SeededRandom, Simulation};
use proptest::prelude::*;

use super::frame::{self, HEADER_SIZE, PAGE_SIZE, RECORD_SIZE_MAX, SNAPPY_FLAG, ZSTD_FLAG};
use super::reader::{Next, SegmentReader};
use super::{Corruption, DamageReason, ReplayReport, Wal, WalError, replay};
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
    let wal = Wal::start(&simulation.host(), DIR.into(), &report, &options).unwrap();
    for batch in batches {
        wal.commit(batch.clone(), || ()).unwrap();
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
    for size in [1, 2, body - 8, body - 7, body - 6, body - 1, body, body + 1, 2 * body, 5 * body] {
        for compression in [WalCompression::None, WalCompression::Snappy] {
            let batches = vec![vec![bytes(size), bytes(3)], vec![bytes(1)], vec![bytes(size)]];
            let expected = batches.concat();
            assert!(write_and_read(&batches, compression) == expected, "{size} {compression:?}");
        }
    }
}

/// A log of several megabytes, of which only a part is read ahead.
fn long_log(simulation: &Simulation) {
    let files = simulation.files();
    files.create_dir_all(Path::new(DIR)).unwrap();
    let wal =
        Wal::start(&simulation.host(), DIR.into(), &ReplayReport::default(), &Options::default());
    let wal = wal.unwrap();
    for number in 0..2_000_u32 {
        let record = [&[9][..], &number.to_be_bytes(), &bytes(4_000)].concat();
        wal.commit(vec![record], || ()).unwrap();
    }
    wal.finish().unwrap();
}

#[test]
fn records_come_in_order_whoever_unpacks_them() {
    let simulation = Simulation::new(1);
    long_log(&simulation);
    let mut expected = 0..;
    let apply = |record: &[u8]| {
        assert_eq!(record[1..5], expected.next().unwrap_or(0_u32).to_be_bytes());
        true
    };
    replay(simulation.files(), Path::new(DIR), apply).unwrap();
    assert_eq!(expected.next(), Some(2_000));
}

#[test]
#[should_panic(expected = "no more")]
fn a_panic_leaves_nobody_waiting() {
    let simulation = Simulation::new(1);
    long_log(&simulation);
    let mut count = 0;
    let _ = replay(simulation.files(), Path::new(DIR), |_| {
        count += 1;
        assert!(count < 1_000, "no more");
        true
    });
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
    let damage = |offset: u64, end: u64| Corruption {
        path: path.into(),
        offset,
        size_bytes: end - offset,
        reason: DamageReason::Compression,
    };
    let size = segment.len() as u64;
    assert_eq!(report.corruptions, [damage(0, second), damage(second, third), damage(third, size)]);
    let size = files.open_read(path).unwrap().size().unwrap();
    assert_eq!((size, report.torn), (segment.len() as u64, None));
}

#[test]
fn a_record_that_could_not_be_read_back_is_refused() {
    let simulation = Simulation::new(1);
    simulation.files().create_dir_all(Path::new(DIR)).unwrap();
    let report = ReplayReport::default();
    let options = Options::default();
    let wal = Wal::start(&simulation.host(), DIR.into(), &report, &options).unwrap();
    let error = wal.commit(vec![vec![0; RECORD_SIZE_MAX + 1]], || ()).unwrap_err();
    assert!(matches!(error, WalError::TooLarge { .. }), "{error}");
    wal.commit(vec![vec![0; 100]], || ()).unwrap();
}

/// One commit is with the disk, and others come faster than it gets through.
#[test]
fn what_waits_for_a_slow_disk_is_bounded() {
    let simulation = Simulation::new(1);
    let report = ReplayReport::default();
    let options = Options::default();
    let wal = Wal::start(&simulation.host(), DIR.into(), &report, &options).unwrap();
    let (release, disk) = mpsc::channel();
    let (sender, outcomes) = mpsc::channel();
    std::thread::scope(|scope| {
        let (entered, is_entered) = mpsc::channel();
        let wal = &wal;
        scope.spawn(move || {
            let wait = || (entered.send(()), disk.recv());
            wal.commit(vec![vec![0; 100]], wait).unwrap()
        });
        is_entered.recv().unwrap();
        for _ in 0..8 {
            let sender = sender.clone();
            scope.spawn(move || sender.send(wal.commit(vec![vec![0; 10 << 20]], || ())));
        }
        for _ in 0..2 {
            let error = outcomes.recv().unwrap().unwrap_err();
            assert!(matches!(error, WalError::Busy { .. }), "{error}");
        }
        release.send(()).unwrap();
        (0..6).for_each(|_| outcomes.recv().unwrap().unwrap());
    });
    assert_eq!(wal.stats().commits_shed, 2);
    // A single commit may be larger than what may wait.
    wal.commit(vec![vec![0; 70 << 20]], || ()).unwrap();
}

proptest! {
    #[test]
    fn what_is_logged_is_read(
        sizes in prop::collection::vec(prop::collection::vec(1_usize..40_000, 1..4), 0..12),
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
}
