//! What the owner of a database does with it: blocks of the head, deleting, snapshots, retention.

use std::path::Path;

use narthex_model::Matcher;
use narthex_storage::{SelectHints, Shard, TimeRange};
use narthex_tsdb::{Db, FloatEncoding, OpenError, Options};

use crate::support::{Samples, commit, read_all, read_hinted, series};

const HOUR_MS: i64 = 3_600_000;

/// A database with eight hours of two series, one sample a minute, all in the head.
fn open(dir: &Path) -> Db {
    let mut options = Options::default();
    options.block_range_ms = 24 * HOUR_MS;
    let db = Db::open(dir, options).unwrap();
    if db.stats().head.series == 0 {
        for job in ["a", "b"] {
            let samples = (0..480).map(|minute| (minute * 60_000, minute as f64));
            commit(&db, &series("m", job), &samples.collect::<Vec<_>>()).unwrap();
        }
    }
    db
}

/// Makes a block of each two hours but the last.
fn write_blocks(db: &Db) {
    for part in 0..3 {
        db.flush((part + 1) * 2 * HOUR_MS).unwrap();
    }
}

#[test]
fn blocks_of_the_head_hold_what_it_held() {
    let dir = tempfile::tempdir().unwrap();
    let db = open(dir.path());
    let expected = read_all(&db);
    write_blocks(&db);
    db.flush(HOUR_MS).unwrap();
    assert_eq!(db.stats().blocks.loaded, 3);
    assert_eq!(db.stats().head.min_ms, Some(6 * HOUR_MS));
    assert_eq!(read_all(&db), expected);
    db.close().unwrap();

    // Without the head's log the blocks answer for their time.
    std::fs::remove_dir_all(dir.path().join("wal")).unwrap();
    let db = Db::open(dir.path(), Options::default()).unwrap();
    let mut kept = expected;
    kept.values_mut().for_each(|samples| samples.retain(|(time, _)| *time < 6 * HOUR_MS));
    assert_eq!(read_all(&db), kept);
}

#[test]
fn shards_of_the_head_and_its_blocks_are_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let db = open(dir.path());
    for number in 0..50 {
        commit(&db, &series("m", &number.to_string()), &[(HOUR_MS, 1.0), (7 * HOUR_MS, 2.0)])
            .unwrap();
    }
    let shard = |index| {
        let mut hints = SelectHints::default();
        hints.shard = Shard::new(index, 4);
        read_hinted(&db, TimeRange::ALL, &[], &hints)
    };
    let expected = [0, 1, 2, 3].map(shard);
    assert!(expected.iter().all(|shard| shard.len() > 5));
    assert_eq!(expected.iter().map(Samples::len).sum::<usize>(), 52);
    write_blocks(&db);
    assert_eq!([0, 1, 2, 3].map(shard), expected);
}

fn delete(expected: &mut Samples, job: &str, range: TimeRange) {
    for (labels, samples) in expected {
        let is_met = labels.contains(&format!("\"{job}\""));
        samples.retain(|(time, _)| !(is_met && range.contains(*time)));
    }
}

#[test]
fn what_is_deleted_goes_from_head_and_blocks() {
    let dir = tempfile::tempdir().unwrap();
    let db = open(dir.path());
    let mut expected = read_all(&db);
    write_blocks(&db);
    let range = TimeRange { min_ms: HOUR_MS, max_ms: 7 * HOUR_MS };
    db.delete(range, &[Matcher::equal("job", "b")]).unwrap();
    delete(&mut expected, "b", range);
    assert_eq!(read_all(&db), expected);
    db.close().unwrap();
    let db = open(dir.path());
    assert_eq!(read_all(&db), expected);
    db.clean_tombstones().unwrap();
    assert_eq!(read_all(&db), expected);
    // The second block holds one series now, and half of the samples of the first are gone.
    db.flush(8 * HOUR_MS).unwrap();
    db.close().unwrap();
    let db = Db::open(dir.path(), Options::default()).unwrap();
    db.compact_blocks().unwrap();
    assert_eq!(db.stats().blocks.loaded, 2);
    assert_eq!(read_all(&db), expected);
}

#[test]
fn a_snapshot_is_a_database_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let db = open(&dir.path().join("data"));
    write_blocks(&db);
    let expected = read_all(&db);
    let (whole, blocks) = (dir.path().join("whole"), dir.path().join("blocks"));
    db.snapshot(&whole, true).unwrap();
    db.snapshot(&blocks, false).unwrap();
    db.delete(TimeRange::ALL, &[]).unwrap();
    assert!(read_all(&db).values().all(Vec::is_empty));
    let copy = Db::open(&whole, Options::default()).unwrap();
    assert_eq!(read_all(&copy), expected);
    let copy = Db::open(&blocks, Options::default()).unwrap();
    let mut kept = expected;
    kept.values_mut().for_each(|samples| samples.retain(|(time, _)| *time < 6 * HOUR_MS));
    assert_eq!(read_all(&copy), kept);
    assert!(!dir.path().join("whole.tmp").exists());
}

#[test]
fn compaction_drops_what_is_beyond_the_retention() {
    let dir = tempfile::tempdir().unwrap();
    let mut options = Options::default();
    options.block_range_ms = 24 * HOUR_MS;
    options.retention.time_ms = 3 * HOUR_MS;
    drop(open(dir.path()));
    let db = Db::open(dir.path(), options).unwrap();
    write_blocks(&db);
    db.compact_blocks().unwrap();
    // Blocks end at 2, 4 and 6 hours.
    assert_eq!((db.stats().blocks.loaded, db.stats().blocks.time_retentions), (2, 1));
    assert_eq!(db.stats().blocks.min_ms, Some(2 * HOUR_MS));
}

#[test]
fn the_encoding_of_floats_changes_while_samples_come() {
    let dir = tempfile::tempdir().unwrap();
    let mut options = Options::default();
    options.block_range_ms = 24 * HOUR_MS;
    let db = Db::open(dir.path(), options.clone()).unwrap();
    let labels = series("m", "a");
    let chunk_counts = [
        (FloatEncoding::Xor, 1),
        (FloatEncoding::Xor2, 2),
        (FloatEncoding::Xor2, 2),
        (FloatEncoding::Xor, 3),
    ];
    for (number, (encoding, chunks)) in (0..).zip(chunk_counts) {
        db.set_float_encoding(encoding).unwrap();
        let samples = (0..5).map(|n| ((number * 5 + n) * 60_000, n as f64));
        commit(&db, &labels, &samples.collect::<Vec<_>>()).unwrap();
        assert_eq!(db.stats().head.chunks, chunks, "{encoding:?}");
    }
    let expected = read_all(&db);
    assert_eq!(expected.values().map(Vec::len).sum::<usize>(), 20);
    db.flush(HOUR_MS).unwrap();
    assert_eq!(read_all(&db), expected);
    drop(db);

    options.start_timestamps = true;
    options.float_encoding = FloatEncoding::Xor2;
    let db = Db::open(dir.path(), options).unwrap();
    let refused = db.set_float_encoding(FloatEncoding::Xor);
    assert!(matches!(refused, Err(OpenError::XorWithStartTimestamps)), "{refused:?}");
    assert_eq!(read_all(&db), expected);
}
