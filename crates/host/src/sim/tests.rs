use std::io::ErrorKind;
use std::path::Path;

use super::{Fault, Simulation};
use crate::{AppendFile, Files, RealFiles, SimFiles};

fn read(files: &dyn Files, path: &str) -> Vec<u8> {
    let file = files.open_read(Path::new(path)).unwrap();
    let mut bytes = vec![0; usize::try_from(file.size().unwrap()).unwrap() + 1];
    let count = file.read_at(0, &mut bytes).unwrap();
    bytes.truncate(count);
    bytes
}

fn open(files: &SimFiles, path: &str) -> Box<dyn AppendFile> {
    files.open_append(Path::new(path)).unwrap()
}

/// One walk through the trait, for the real files and the simulated ones.
fn walk(files: &dyn Files, root: &Path) {
    let (dir, log) = (root.join("a/b"), root.join("a/b/log"));
    assert_eq!(files.open_append(&log).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(files.list_dir(&dir).unwrap_err().kind(), ErrorKind::NotFound);
    files.create_dir_all(&dir).unwrap();
    let mut file = files.open_append(&log).unwrap();
    file.append(b"0123456789").unwrap();
    file.truncate(4).unwrap();
    file.append(b"xy").unwrap();
    file.sync().unwrap();
    assert_eq!(file.size().unwrap(), 6);
    assert_eq!(read(files, log.to_str().unwrap()), b"0123xy");
    let mut buf = [0; 3];
    let reader = files.open_read(&log).unwrap();
    assert_eq!(reader.read_at(5, &mut buf).unwrap(), 1);
    assert_eq!(reader.read_at(99, &mut buf).unwrap(), 0);

    let (link, nowhere) = (dir.join("link"), root.join("nowhere/log"));
    files.hard_link(&log, &link).unwrap();
    assert_eq!(files.hard_link(&log, &link).unwrap_err().kind(), ErrorKind::AlreadyExists);
    assert_eq!(files.hard_link(&log, &nowhere).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(files.hard_link(&nowhere, &link).unwrap_err().kind(), ErrorKind::NotFound);
    file.append(b"z").unwrap();
    assert_eq!(read(files, link.to_str().unwrap()), b"0123xyz");
    files.remove_file(&link).unwrap();

    files.rename(&log, &dir.join("other")).unwrap();
    files.sync_dir(&dir).unwrap();
    let names = |path: &Path| {
        let entries = files.list_dir(path).unwrap();
        entries.into_iter().map(|entry| (entry.name.into_string(), entry.is_dir)).collect()
    };
    let listed: Vec<(String, bool)> = names(&dir);
    assert_eq!(listed, [("other".to_owned(), false)]);
    let listed: Vec<(String, bool)> = names(&root.join("a"));
    assert_eq!(listed, [("b".to_owned(), true)]);
    files.remove_file(&dir.join("other")).unwrap();
    assert_eq!(files.remove_file(&log).unwrap_err().kind(), ErrorKind::NotFound);

    let slots = dir.join("slots");
    for _ in 0..2 {
        let writer = files.create(&slots).unwrap();
        assert_eq!(read(files, slots.to_str().unwrap()), b"");
        writer.write_at(2, b"cd").unwrap();
        writer.write_at(0, b"abx").unwrap();
        assert_eq!(read(files, slots.to_str().unwrap()), b"abxd");
    }
    assert_eq!(files.create(&nowhere).unwrap_err().kind(), ErrorKind::NotFound);
    files.remove_file(&slots).unwrap();

    let (old, new) = (root.join("old"), root.join("new"));
    files.create_dir_all(&old.join("inner")).unwrap();
    files.open_append(&old.join("inner/file")).unwrap().append(b"moved").unwrap();
    files.rename(&old, &new).unwrap();
    assert_eq!(read(files, new.join("inner/file").to_str().unwrap()), b"moved");
    assert_eq!(files.list_dir(&old).unwrap_err().kind(), ErrorKind::NotFound);
    files.remove_dir_all(&new).unwrap();
    assert_eq!(files.list_dir(&new).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(files.remove_dir_all(&new).unwrap_err().kind(), ErrorKind::NotFound);

    let lock = files.lock(&dir.join("lock")).unwrap();
    assert_eq!(files.lock(&dir.join("lock")).unwrap_err().kind(), ErrorKind::WouldBlock);
    drop(lock);
    drop(files.lock(&dir.join("lock")).unwrap());
    assert!(files.list_dir(&dir).unwrap().is_empty());
}

#[test]
fn real_and_simulated_files_behave_alike() {
    let dir = tempfile::tempdir().unwrap();
    walk(&RealFiles, dir.path());
    walk(Simulation::new(1).files(), Path::new("root"));
}

#[test]
fn a_crash_keeps_what_was_synced_and_only_that_for_sure() {
    let (mut shrunk, mut kept, mut nameless) = (0, 0, 0);
    for seed in 0..200 {
        let simulation = Simulation::new(seed);
        let files = simulation.files();
        let mut synced = open(files, "synced");
        synced.append(&[1; 2_000]).unwrap();
        synced.sync().unwrap();
        files.sync_dir(Path::new("")).unwrap();
        synced.append(&[2; 2_000]).unwrap();
        open(files, "new").sync().unwrap();
        files.crash();

        let bytes = read(files, "synced");
        assert_eq!(bytes[..2_000], [1; 2_000], "seed {seed}");
        assert!(bytes[2_000..].iter().all(|byte| [0, 2].contains(byte)), "seed {seed}");
        shrunk += usize::from(bytes.len() == 2_000);
        kept += usize::from(bytes.len() == 4_000 && !bytes.contains(&0));
        nameless += usize::from(files.open_read(Path::new("new")).is_err());
        assert!(synced.append(b"x").is_err(), "a handle outlived the crash");
    }
    assert!(shrunk > 0 && nameless > 0, "{shrunk} {kept} {nameless}");
}

#[test]
fn the_call_that_a_test_names_fails() {
    for (fault, kind) in [
        (Fault::NoSpace, ErrorKind::StorageFull),
        (Fault::Io, ErrorKind::Other),
        (Fault::ShortWrite, ErrorKind::StorageFull),
    ] {
        let simulation = Simulation::new(3);
        let files = simulation.files();
        let mut file = open(files, "log");
        files.fail_call(files.call_count() + 1, fault);
        file.append(b"first").unwrap();
        assert_eq!(file.append(&[9; 100]).unwrap_err().kind(), kind);
        let written = read(files, "log").len() - 5;
        assert!(if fault == Fault::ShortWrite { written < 100 } else { written == 0 });
        file.append(b"third").unwrap();

        files.fail_from(files.call_count(), fault);
        assert!(file.sync().is_err() && file.sync().is_err());
        files.repair();
        file.sync().unwrap();
    }
}

#[test]
fn what_a_failed_sync_dropped_stays_lost() {
    let simulation = Simulation::new(4);
    let files = simulation.files();
    let mut file = open(files, "log");
    files.sync_dir(Path::new("")).unwrap();
    file.append(b"one").unwrap();
    file.sync().unwrap();
    file.append(b"two").unwrap();
    files.fail_call(files.call_count(), Fault::Io);
    assert!(file.sync().is_err());
    file.append(b"three").unwrap();
    file.sync().unwrap();
    assert_eq!(read(files, "log"), b"onetwothree");
    files.crash();
    assert_eq!(read(files, "log"), b"one\0\0\0three");
}

#[test]
fn a_crash_leaves_a_renamed_folder_under_one_of_its_names() {
    let mut renamed = 0;
    for seed in 0..50 {
        let simulation = Simulation::new(seed);
        let files = simulation.files();
        files.create_dir_all(Path::new("old")).unwrap();
        open(files, "old/file").sync().unwrap();
        files.sync_dir(Path::new("old")).unwrap();
        files.rename(Path::new("old"), Path::new("new")).unwrap();
        files.crash();
        let names = files.list_dir(Path::new("")).unwrap();
        assert_eq!(names.len(), 1, "seed {seed}: {names:?}");
        assert_eq!(read(files, &format!("{}/file", names[0].name)), b"");
        renamed += usize::from(&*names[0].name == "new");
    }
    assert!((1..50).contains(&renamed), "{renamed}");
}

#[test]
fn the_same_seed_crashes_the_same_way() {
    let run = || {
        let simulation = Simulation::new(42);
        let mut file = open(simulation.files(), "log");
        simulation.files().sync_dir(Path::new("")).unwrap();
        file.append(&[7; 10_000]).unwrap();
        simulation.files().crash();
        read(simulation.files(), "log")
    };
    assert_eq!(run(), run());
}
