use std::path::Path;

use narthex_host::{Fault, Files, Simulation};
use narthex_storage::AppendError;
use narthex_tsdb::WalSync;

use super::{Expected, commit, labels, open};
use crate::support::{read_all, rounds};

/// The samples of a commit: one in order and some late ones of each of two series.
fn samples(number: i64) -> Vec<(usize, i64, f64)> {
    let late = (0..7).map(|index| 5_000 - (number * 7 + index) * 131 % 4_999);
    let late = late.flat_map(|time| [(0, time, time as f64), (1, time, time as f64)]);
    late.chain([(0, 10_000 + number, 1.0), (1, 10_000 + number, 1.0)]).collect()
}

fn add(expected: &mut Expected, samples: &[(usize, i64, f64)]) {
    samples.iter().for_each(|(number, time, value)| expected.add(*number, *time, *value));
}

/// Returns whether all of `part` is in `whole`.
fn holds(whole: &Expected, part: &Expected) -> bool {
    part.0.iter().all(|(number, samples)| {
        let all = whole.0.get(number);
        samples.iter().all(|(time, bits)| all.is_some_and(|all| all.get(time) == Some(bits)))
    })
}

fn found(db: &narthex_tsdb::Db) -> Expected {
    let mut found = Expected::default();
    let all = read_all(db);
    for number in 0..2 {
        let samples = all.get(&labels(number).as_series().to_string());
        for (time, bits) in samples.into_iter().flatten() {
            found.add(number, *time, f64::from_bits(*bits));
        }
    }
    found
}

/// The machine stops at any call: what was acknowledged is there, and nothing else but parts of the
/// commit that it stopped in.
#[test]
fn a_crash_between_any_two_calls_keeps_what_was_committed() {
    let (seeds, mut stops) = (rounds(60, 4_000), 0);
    for seed in 0..seeds as u64 {
        let simulation = Simulation::new(seed);
        let files = simulation.files();
        let (mut acknowledged, mut tried) = (Expected::default(), Expected::default());
        for life in 0..2_i64 {
            let context = format!("seed {seed}, life {life}");
            let db = open(&simulation, WalSync::Commit).unwrap();
            files.fail_from(files.call_count() + seed * 7 % 103, Fault::ShortWrite);
            for number in 0..20 {
                let samples = samples(life * 20 + number);
                add(&mut tried, &samples);
                match commit(&db, &samples) {
                    Ok(_) => add(&mut acknowledged, &samples),
                    Err(_) => stops += 1,
                }
            }
            files.repair();
            files.crash();
            drop(db);
            let db = open(&simulation, WalSync::Commit).unwrap();
            let found = found(&db);
            assert!(holds(&found, &acknowledged), "{context}: something is lost");
            assert!(holds(&tried, &found), "{context}: something was made up");
            assert_eq!(db.corruptions(), [], "{context}");
            let twice = open(&simulation, WalSync::Commit);
            assert!(twice.is_err(), "{context}: the lock is gone");
            drop(db);
            simulation.files().crash();
        }
    }
    println!("{seeds} seeds, {stops} commits stopped, 0 acknowledged samples lost");
    assert!(stops > 0);
}

/// Fails each call once. What was refused may be there in part: the samples in order, which the first
/// log has.
#[test]
fn every_failing_call_is_an_error_and_no_loss() {
    for (fault, wal_sync) in [
        (Fault::NoSpace, WalSync::Never),
        (Fault::ShortWrite, WalSync::Commit),
        (Fault::Io, WalSync::Commit),
    ] {
        let mut call = 0;
        while fail_one_call(call, fault, wal_sync) {
            call += 1;
        }
        println!("{fault:?} with {wal_sync:?}: each of {call} calls");
        assert!(call > 60, "a run took {call} calls");
    }
}

/// Returns whether the run got as far as the call.
fn fail_one_call(call: u64, fault: Fault, wal_sync: WalSync) -> bool {
    let context = format!("{fault:?} at call {call} with {wal_sync:?}");
    let simulation = Simulation::new(call);
    let files = simulation.files();
    files.fail_call(call, fault);
    let db = open(&simulation, wal_sync).or_else(|_| open(&simulation, wal_sync)).unwrap();
    let (mut committed, mut tried) = (Expected::default(), Expected::default());
    for number in 0..25 {
        let samples = samples(number);
        add(&mut tried, &samples);
        match commit(&db, &samples) {
            Ok(_) => add(&mut committed, &samples),
            Err(AppendError::Store(_)) => {}
            Err(error) => panic!("{context}: {error}"),
        }
        let found = found(&db);
        assert!(holds(&found, &committed), "{context}: after commit {number}");
        assert!(holds(&tried, &found), "{context}: after commit {number}");
    }
    let is_reached = files.call_count() > call;
    drop(db);
    files.repair();
    if wal_sync == WalSync::Commit {
        files.crash();
    }
    let db = open(&simulation, wal_sync).unwrap();
    let found = found(&db);
    assert!(holds(&found, &committed), "{context}: something is lost");
    assert!(holds(&tried, &found), "{context}: something was made up");
    assert_eq!(db.corruptions(), [], "{context}");
    is_reached
}

/// The files of chunks are lost: the log has every sample.
#[test]
fn chunks_may_be_lost_as_long_as_the_log_is_not() {
    for life in 0..3_u64 {
        let simulation = Simulation::new(life);
        let mut expected = Expected::default();
        for number in 0..60 {
            let db = open(&simulation, WalSync::Never).unwrap();
            let samples = samples(number);
            add(&mut expected, &samples);
            commit(&db, &samples).unwrap();
            db.close().unwrap();
            if number % 20 == 19 {
                lose_chunks(&simulation, life);
            }
            let db = open(&simulation, WalSync::Never).unwrap();
            assert!(found(&db) == expected, "life {life}, commit {number}");
        }
    }
}

fn lose_chunks(simulation: &Simulation, life: u64) {
    let (files, dir) = (simulation.files(), Path::new("data/chunks_head"));
    for entry in files.list_dir(dir).unwrap() {
        let path = dir.join(&*entry.name);
        match life {
            0 => files.remove_file(&path).unwrap(),
            1 => files.edit(&path, |bytes| bytes.truncate(bytes.len() / 2)).unwrap(),
            _ => files
                .edit(&path, |bytes| bytes[8..].iter_mut().for_each(|byte| *byte ^= 1))
                .unwrap(),
        }
    }
}

/// A damaged record costs its own samples, and is put aside.
#[test]
fn damage_costs_its_record_and_is_reported() {
    let simulation = Simulation::new(1);
    let db = open(&simulation, WalSync::Never).unwrap();
    let mut expected = Expected::default();
    commit(&db, &[(0, 10_000, 1.0)]).unwrap();
    expected.add(0, 10_000, 1.0);
    for time in 0..100 {
        commit(&db, &[(0, time, 1.0)]).unwrap();
        expected.add(0, time, 1.0);
    }
    db.close().unwrap();
    let path = Path::new("data/wbl/00000000");
    simulation.files().edit(path, |bytes| bytes[7 + 28 + 20] ^= 0b110).unwrap();
    let db = open(&simulation, WalSync::Never).unwrap();
    let found = found(&db);
    let lost = expected.0[&0].len() - found.0[&0].len();
    assert!(holds(&expected, &found) && lost <= 1, "{lost} samples lost");
    assert_eq!(db.corruptions().len(), 1);
    assert_eq!(db.corruptions()[0].path, path);
    assert_eq!(simulation.files().list_dir(Path::new("data/wbl/quarantine")).unwrap().len(), 1);
}

/// A loss of power may take the names of series, and leave samples of them in the other log: no other
/// series gets those.
#[test]
fn samples_whose_series_is_lost_go_to_no_other() {
    let simulation = Simulation::new(1);
    let db = open(&simulation, WalSync::Never).unwrap();
    commit(&db, &[(0, 10_000, 1.0)]).unwrap();
    for time in 0..100 {
        commit(&db, &[(0, time, 1.0)]).unwrap();
    }
    db.close().unwrap();
    simulation.files().edit(Path::new("data/wal/00000000"), Vec::clear).unwrap();
    for _ in 0..2 {
        let db = open(&simulation, WalSync::Never).unwrap();
        assert!(db.stats().replay.unknown.total() > 0);
        let _ = commit(&db, &[(1, 20_000, 5.0)]);
        let mut expected = Expected::default();
        expected.add(1, 20_000, 5.0);
        assert_eq!(read_all(&db), expected.samples());
    }
}
