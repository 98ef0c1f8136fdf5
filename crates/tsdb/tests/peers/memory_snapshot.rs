//! Memory snapshots go from us to a real Prometheus, and back.

use std::path::Path;

use narthex_tsdb::{Db, Options};

use crate::prometheus::{self, Prometheus};
use crate::{now_ms, read_all, write};

const FEATURE: &str = "--enable-feature=memory-snapshot-on-shutdown";

fn open(dir: &Path) -> Db {
    let mut options = Options::default();
    options.memory_snapshot = true;
    Db::open(dir, options).unwrap()
}

/// Empties the segments of the log, so that what is found comes from elsewhere.
fn empty_log(dir: &Path) {
    for entry in std::fs::read_dir(dir.join("wal")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            std::fs::File::options().write(true).open(path).unwrap().set_len(0).unwrap();
        }
    }
}

fn snapshot_count(dir: &Path) -> usize {
    let names = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name());
    names.filter(|name| name.to_str().unwrap().starts_with("chunk_snapshot.")).count()
}

/// We write and close, the other starts without a log and stops, we read what it left.
#[test]
fn snapshots_are_read_on_both_sides() {
    if !prometheus::is_installed() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let db = open(dir.path());
    write(&db, now_ms() - 900_000, 400);
    let expected = read_all(&db);
    assert!(db.stats().head.chunk_file_bytes > 0, "some chunks are full");
    db.close().unwrap();
    assert_eq!(snapshot_count(dir.path()), 1);
    empty_log(dir.path());

    let peer = Prometheus::start_with(dir.path(), "", &[FEATURE]);
    let found = peer.query_range_vector(r#"{__name__="peer_metric"}[20m]"#);
    assert_eq!(found.len(), 40);
    assert!(found == expected, "the answers differ");
    peer.terminate();

    assert_eq!(snapshot_count(dir.path()), 1);
    let db = open(dir.path());
    let replay = db.stats().replay;
    assert_eq!((replay.snapshot_series, replay.samples), (40, 0));
    assert!(read_all(&db) == expected, "what the peer left differs");
}
