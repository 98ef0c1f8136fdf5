//! Disks that change bits, and ends of logs that were never written.

use std::path::Path;

use narthex_host::{Files, Random, SeededRandom, Simulation};
use narthex_model::Labels;
use narthex_storage::{Appendable, SampleValue, SeriesKey};
use narthex_tsdb::{DamageReason, Db, Options, WalCompression};

use crate::support::{read_all, rounds};

const SEGMENT: &str = "data/wal/00000000";

/// The log of 300 series and 60 commits, and how many samples it holds: the record of series has
/// several fragments where it is not compressed.
fn write_log(compression: WalCompression) -> (Vec<u8>, usize) {
    let simulation = Simulation::new(1);
    let mut options = Options::default();
    options.wal_compression = compression;
    let db = Db::open_with(simulation.host(), "data", options).unwrap();
    let series = (0..300).map(|index| {
        Labels::from_pairs([
            ("__name__", "http_requests_total".to_owned()),
            ("instance", format!("host-{}.example:9100", index / 10)),
            ("path", format!("/some/longer/path/to/make/the/record/large/{index}")),
        ])
    });
    let series = series.collect::<Vec<_>>();
    let mut samples = 0;
    for round in 0..60_i64 {
        let mut appender = db.appender();
        for (index, labels) in series.iter().enumerate() {
            let value = SampleValue::Float((round * 7 + index as i64) as f64);
            appender.append(SeriesKey::Labels(labels), round * 15_000, value).unwrap();
        }
        samples += appender.commit().unwrap().samples;
    }
    drop(db);
    (read(&simulation, Path::new(SEGMENT)), samples)
}

fn read(simulation: &Simulation, path: &Path) -> Vec<u8> {
    let file = simulation.files().open_read(path).unwrap();
    let mut bytes = vec![0; usize::try_from(file.size().unwrap()).unwrap()];
    file.read_at(0, &mut bytes).unwrap();
    bytes
}

/// A machine with nothing but this log.
fn with_log(bytes: &[u8]) -> Simulation {
    let simulation = Simulation::new(1);
    let files = simulation.files();
    files.create_dir_all(Path::new("data/wal")).unwrap();
    files.open_append(Path::new(SEGMENT)).unwrap().append(bytes).unwrap();
    simulation
}

fn open(simulation: &Simulation) -> Db {
    Db::open_with(simulation.host(), "data", Options::default()).unwrap()
}

/// Counts samples, whose values must be those that were written.
fn count_samples(db: &Db) -> usize {
    let mut count = 0;
    for (series, samples) in read_all(db) {
        let index = series.rsplit('/').next().and_then(|rest| rest.split('"').next());
        let index = index.and_then(|digits| digits.parse::<i64>().ok()).unwrap();
        for (time_ms, bits) in samples {
            let expected = ((time_ms / 15_000) * 7 + index) as f64;
            assert_eq!(f64::from_bits(bits), expected, "{series} at {time_ms}");
            count += 1;
        }
    }
    count
}

#[test]
fn a_flipped_bit_anywhere_costs_next_to_nothing() {
    for compression in [WalCompression::None, WalCompression::Snappy, WalCompression::Zstd] {
        let (log, samples) = write_log(compression);
        let random = SeededRandom::new(7);
        let (count, mut worst, mut lossless, mut repaired) = (rounds(90, 10_000), samples, 0, 0);
        for round in 0..count {
            let bit = usize::try_from(random.next_u64() % (log.len() as u64 * 8)).unwrap();
            let mut damaged = log.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            let db = open(&with_log(&damaged));
            let kept = count_samples(&db);
            worst = worst.min(kept);
            lossless += usize::from(kept == samples);
            repaired += db.stats().replay.repaired_records;
            assert!(kept * 100 >= samples * 99, "{compression:?} {round}: bit {bit}, {kept} kept");
        }
        println!(
            "{compression:?}: {count} flipped bits in {} bytes, {lossless} without loss, {repaired} put \
             right, at least {worst} of {samples} samples kept",
            log.len()
        );
        assert!(repaired > count as u64 * 9 / 10);
    }
}

/// Larger damage costs the records that it touches. A copy of it stays.
#[test]
fn overwritten_bytes_are_put_aside_and_passed_over() {
    let (log, samples) = write_log(WalCompression::Snappy);
    let random = SeededRandom::new(3);
    // Behind the record of series, which is the first one.
    let first = log.len() / 4;
    for round in 0..rounds(20, 500) {
        let place = first + random.up_to(log.len() - first - 600);
        let size = 2 + random.up_to(500);
        let mut damaged = log.clone();
        damaged[place..place + size]
            .iter_mut()
            .for_each(|byte| *byte = random.next_u64().to_le_bytes()[0]);
        let simulation = with_log(&damaged);
        let db = open(&simulation);
        let kept = count_samples(&db);
        assert!(kept * 100 >= samples * 90, "{round}: {size} bytes at {place}, {kept} kept");
        let corruptions = db.corruptions().iter().filter(|item| item.size_bytes > 0);
        for corruption in corruptions {
            let name = format!("data/wal/quarantine/00000000-{:010}", corruption.offset);
            let start = usize::try_from(corruption.offset).unwrap();
            let end = start + usize::try_from(corruption.size_bytes).unwrap();
            assert!(read(&simulation, Path::new(&name)) == damaged[start..end], "{round}");
        }
        assert_eq!(db.stats().replay.corruptions, db.corruptions().len() as u64);
    }
}

/// The end of the log is cut off, filled with zeros, or both: that is how machines stop.
#[test]
fn a_torn_end_of_any_kind_is_a_clean_end() {
    let (log, samples) = write_log(WalCompression::Snappy);
    let random = SeededRandom::new(11);
    let count = rounds(60, 1_000);
    let (mut cut, mut lost) = (0, 0);
    for round in 0..count {
        // Every other time just behind the start of a fragment.
        let place = match round % 8 < 4 {
            true => random.up_to(log.len()),
            false => random.up_to(3) * 32 * 1024 + 1,
        };
        let mut torn = log[..place].to_vec();
        match round % 4 {
            0 => {}
            // The size reached the disk, the bytes did not.
            1 => torn.resize(log.len(), 0),
            // The rest of the page was there before the record.
            2 => torn.resize(place.next_multiple_of(32 * 1024), 0),
            // A whole sector of the last record is missing.
            _ => {
                torn = log.clone();
                let start = torn.len().saturating_sub(random.up_to(512));
                torn[start..].fill(0);
            }
        }
        let simulation = with_log(&torn);
        let db = open(&simulation);
        let kept = count_samples(&db);
        lost += samples - kept;
        cut += usize::from(db.stats().replay.cut_bytes > 0);
        assert_eq!(db.corruptions(), [], "{round}: cut at {place}");
        assert_eq!(db.stats().replay.quarantined_bytes, 0);
        drop(db);
        let db = open(&simulation);
        assert_eq!((count_samples(&db), db.corruptions()), (kept, &[][..]), "{round}");
    }
    println!("{count} torn ends, {cut} cut back, {lost} samples that were never whole");
}

#[test]
fn what_was_put_right_is_reported() {
    let (mut log, samples) = write_log(WalCompression::Snappy);
    log[100] ^= 4;
    let simulation = with_log(&log);
    for _ in 0..2 {
        let db = open(&simulation);
        assert_eq!(count_samples(&db), samples);
        let [corruption] = db.corruptions() else { panic!("{:?}", db.corruptions()) };
        assert_eq!((corruption.offset, corruption.size_bytes), (0, 0));
        assert_eq!(corruption.reason, DamageReason::FlippedBit);
    }
}
