//! Any bytes as a write-ahead log, or as a record in one: the database opens, with what makes sense, and
//! opens the same way again.

#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use narthex_host::{Files, Simulation};
use narthex_tsdb::{Db, Options};

fuzz_target!(|bytes: &[u8]| {
    let Some((mode, body)) = bytes.split_first() else { return };
    let segment = match mode % 4 {
        0 => body.to_vec(),
        flags => fragment(1 | (flags - 1) << 3, body),
    };
    let simulation = Simulation::new(1);
    let files = simulation.files();
    files.create_dir_all(Path::new("data/wal")).expect("files in memory");
    let mut file = files.open_append(Path::new("data/wal/00000000")).expect("files in memory");
    file.append(&segment).expect("files in memory");
    let open = || Db::open_with(simulation.host(), "data", Options::default());
    let db = open().expect("damage is no error");
    let first = db.stats();
    drop(db);
    // A start takes far longer than what it reads, so that one in eight must do.
    if mode / 4 % 8 != 0 {
        return;
    }
    let again = open().expect("damage is no error").stats();
    assert_eq!((first.head.series, first.replay.samples), (again.head.series, again.replay.samples));
});

/// A whole record with a good checksum: plain, or with the flag of snappy or zstd.
fn fragment(kind: u8, body: &[u8]) -> Vec<u8> {
    let body = &body[..body.len().min(32 * 1024 - 7)];
    let size = u16::try_from(body.len()).expect("less than a page");
    let mut out = vec![kind];
    out.extend_from_slice(&size.to_be_bytes());
    out.extend_from_slice(&crc32c::crc32c(body).to_be_bytes());
    out.extend_from_slice(body);
    out
}
