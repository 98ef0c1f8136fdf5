//! Full chunks of the head lie in files.

use std::path::Path;

use narthex_host::{Fault, Simulation};
use narthex_tsdb::{Db, Options};

use crate::support::{commit, read_all, series};

fn open(simulation: &Simulation) -> Db {
    Db::open_with(simulation.host(), "data", Options::default()).unwrap()
}

/// Commits of 100 samples each.
fn fill(db: &Db, first: i64, count: i64) {
    for part in (first..first + count).step_by(100) {
        let samples = (part..part + 100).map(|index| (index * 1_000, index as f64));
        let samples = samples.collect::<Vec<_>>();
        for job in ["a", "b"] {
            assert_eq!(commit(db, &series("up", job), &samples).unwrap(), 100);
        }
    }
}

#[test]
fn full_chunks_are_read_from_files_also_after_a_restart() {
    let simulation = Simulation::new(1);
    let db = open(&simulation);
    fill(&db, 0, 1_000);
    let expected = read_all(&db);
    let stats = db.stats().head;
    assert_eq!(expected.values().map(Vec::len).collect::<Vec<_>>(), [1_000, 1_000]);
    assert!(stats.chunks > 8, "{stats:?}");
    assert!(stats.chunk_bytes < 1_000, "only open chunks are in memory: {stats:?}");
    db.close().unwrap();

    let db = open(&simulation);
    assert_eq!(read_all(&db), expected);
    assert_eq!(db.stats().head.chunks, stats.chunks);
    fill(&db, 1_000, 500);
    let expected = read_all(&db);
    db.close().unwrap();
    assert_eq!(read_all(&open(&simulation)), expected);
}

#[test]
fn the_log_stands_in_for_files_that_are_gone() {
    let simulation = Simulation::new(1);
    let db = open(&simulation);
    fill(&db, 0, 1_000);
    let expected = read_all(&db);
    db.close().unwrap();
    let files = simulation.host().files;
    let dir = Path::new("data/chunks_head");
    for entry in files.list_dir(dir).unwrap() {
        files.remove_file(&dir.join(&*entry.name)).unwrap();
    }
    assert_eq!(read_all(&open(&simulation)), expected);
}

#[test]
fn a_damaged_file_is_counted_and_costs_nothing() {
    let simulation = Simulation::new(1);
    let db = open(&simulation);
    fill(&db, 0, 1_000);
    let expected = read_all(&db);
    assert_eq!(db.stats().replay.chunk_files_damaged, 0);
    db.close().unwrap();
    let path = Path::new("data/chunks_head/000001");
    let flip = |bytes: &mut Vec<u8>| bytes.iter_mut().skip(100).for_each(|byte| *byte ^= 1);
    simulation.files().edit(path, flip).unwrap();
    let db = open(&simulation);
    assert_eq!(read_all(&db), expected);
    assert_eq!(db.stats().replay.chunk_files_damaged, 1);
}

#[test]
fn chunks_that_cannot_be_written_stay_in_memory() {
    let simulation = Simulation::new(1);
    let db = open(&simulation);
    fill(&db, 0, 100);
    // The log's next write is the first call, and the first file of chunks is made after it.
    let first = simulation.files().call_count();
    for call in first..first + 20 {
        simulation.files().fail_call(call, Fault::NoSpace);
    }
    for index in 100..140 {
        // A commit that the log refuses is not there; the others are.
        let _ = commit(&db, &series("up", "a"), &[(index * 1_000, index as f64)]);
    }
    let expected = read_all(&db);
    drop(db);
    assert_eq!(read_all(&open(&simulation)), expected);
}
