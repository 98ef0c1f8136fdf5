//! Damage to the files of a block: the database opens, and no answer is wrong in silence.

use std::path::{Path, PathBuf};

use narthex_host::{Files, Random, SeededRandom, Simulation};
use narthex_model::{Labels, Matcher};
use narthex_storage::{Columns, QueryContext, Queryable, SelectHints, TimeRange};
use narthex_tsdb::{Db, Options};

use crate::support::{Samples, commit, read_all, rounds, series};

const HOUR_MS: i64 = 3_600_000;
/// Each of two hours; the head has as many more.
const BLOCKS: i64 = 3;
const DIR: &str = "data";
const FILES: [&str; 4] = ["meta.json", "index", "chunks/000001", "tombstones"];

fn open(simulation: &Simulation) -> Db {
    let mut options = Options::default();
    options.block_range_ms = 24 * HOUR_MS;
    options.retention.time_ms = 0;
    Db::open_with(simulation.host(), DIR, options).unwrap()
}

fn jobs() -> impl Iterator<Item = Labels> {
    (0..8).map(|number| series("m", &format!("job {number}")))
}

fn block_range(block: i64) -> TimeRange {
    TimeRange { min_ms: block * 2 * HOUR_MS, max_ms: (block + 1) * 2 * HOUR_MS - 1 }
}

struct Known {
    written: Samples,
    /// Without what was deleted.
    kept: Samples,
}

/// Makes the blocks, with something deleted in each, and a head. Returns what they hold.
fn fill(simulation: &Simulation) -> Known {
    // A block whose time nobody can read any more is taken to be as old as its name, or older.
    simulation.clock().set_now_ms((BLOCKS + 1) * 2 * HOUR_MS);
    let db = open(simulation);
    for (number, labels) in jobs().enumerate() {
        let times = (0..block_range(BLOCKS).max_ms).step_by(120_000);
        let samples = times.map(|time_ms| (time_ms, (time_ms + number as i64) as f64));
        commit(&db, &labels, &samples.collect::<Vec<_>>()).unwrap();
    }
    let written = read_all(&db);
    for block in 0..BLOCKS {
        db.flush(block_range(block).max_ms + 1).unwrap();
        let min_ms = block_range(block).min_ms;
        let range = TimeRange { min_ms, max_ms: min_ms + HOUR_MS / 2 };
        db.delete(range, &[Matcher::equal("job", "job 3")]).unwrap();
    }
    let kept = read_all(&db);
    db.close().unwrap();
    Known { written, kept }
}

/// Returns the folders of the blocks, in order of their times.
fn block_dirs(simulation: &Simulation) -> Vec<PathBuf> {
    let db = open(simulation);
    let metas = db.block_metas();
    metas.iter().map(|meta| Path::new(DIR).join(meta.ulid.to_string())).collect()
}

/// Returns a machine with the same files.
fn copy(from: &dyn Files) -> Simulation {
    let simulation = Simulation::new(1);
    let to = simulation.host().files;
    let mut dirs = vec![PathBuf::from(DIR)];
    while let Some(dir) = dirs.pop() {
        to.create_dir_all(&dir).unwrap();
        for entry in from.list_dir(&dir).unwrap() {
            let path = dir.join(&*entry.name);
            if entry.is_dir {
                dirs.push(path);
                continue;
            }
            let file = from.open_read(&path).unwrap();
            let mut bytes = vec![0; usize::try_from(file.size().unwrap()).unwrap()];
            file.read_at(0, &mut bytes).unwrap();
            to.open_append(&path).unwrap().append(&bytes).unwrap();
        }
    }
    simulation
}

/// Changes the file in one of the ways in which disks do.
fn damage(simulation: &Simulation, path: &Path, kind: usize, random: &SeededRandom) {
    if kind == 0 {
        simulation.host().files.remove_file(path).unwrap();
        return;
    }
    let change = |bytes: &mut Vec<u8>| {
        let place = random.up_to(bytes.len() - 1);
        match kind {
            1 => bytes.clear(),
            2 => bytes.truncate(place),
            3 => bytes.fill_with(|| random.next_u64().to_le_bytes()[0]),
            4 => bytes[place..].fill_with(|| random.next_u64().to_le_bytes()[0]),
            5 => bytes[place..].fill(0),
            6 => bytes.insert(place, 7),
            _ => bytes[place] ^= 1 << random.up_to(7),
        }
    };
    simulation.files().edit(path, change).unwrap();
}

/// Asks for a range of time. Whatever differs from what was written has to be missing, to lie in
/// `lost`, and to be told. Returns whether anything is missing.
fn check(db: &Db, known: &Known, range: TimeRange, lost: TimeRange, what: &str) -> bool {
    let ctx = QueryContext::default();
    let querier = db.querier(range).unwrap();
    let selection = querier.select(&ctx, &[], &SelectHints::default()).unwrap();
    let mut columns = Columns::default();
    let mut found = Samples::new();
    for index in 0..selection.len() {
        selection.read(&ctx, index, &mut columns).unwrap();
        let samples = columns.iter().map(|item| (item.timestamp_ms, item.value.to_bits()));
        let labels = selection.series_labels(index).as_series().to_string();
        assert!(found.insert(labels, samples.collect()).is_none(), "{what}: a series came twice");
    }
    // What the log still has of a block that was lost comes back from it, deleted or not.
    let is_lost = db.stats().blocks.lost > 0;
    let possible = if is_lost { &known.written } else { &known.kept };
    for (labels, samples) in &found {
        let expected = possible.get(labels).unwrap_or_else(|| panic!("{what}: made up {labels}"));
        let is_written =
            |sample: &(i64, u64)| range.contains(sample.0) && expected.contains(sample);
        assert!(samples.iter().all(is_written), "{what}: made up samples of {labels}");
    }
    let mut is_missing = false;
    for (labels, expected) in &known.kept {
        let none = Vec::new();
        let samples = found.get(labels).unwrap_or(&none);
        for sample in expected.iter().filter(|sample| range.contains(sample.0)) {
            if samples.binary_search(sample).is_err() {
                assert!(lost.contains(sample.0), "{what}: {labels} at {} is missing", sample.0);
                is_missing = true;
            }
        }
    }
    let warnings = ctx.take_warnings();
    assert!(!is_missing || !warnings.is_empty(), "{what}: nobody says what is missing");
    assert!(warnings.len() <= 1, "{what}: {warnings:?}");
    is_missing
}

/// One file of one of three blocks, missing, empty, cut, filled with something else, or with a bit
/// turned. `cargo test --release` tries 5,000.
#[test]
fn damaged_blocks_cost_no_others_and_are_told_of() {
    let good = Simulation::new(1);
    let mut known = fill(&good);
    let fresh = (block_range(BLOCKS).max_ms + 1, 1.5_f64);
    for samples in known.written.values_mut().chain(known.kept.values_mut()) {
        samples.push((fresh.0, fresh.1.to_bits()));
    }
    let dirs = block_dirs(&good);
    let (mut moved, mut in_part) = (0, 0);
    let count = rounds(500, 5_000);
    for round in 0..count {
        let (file, kind) = (FILES[round % 4], round / 4 % 12);
        let block = (round / 48) as i64 % BLOCKS;
        let what = format!("round {round}, {file}, kind {kind}, block {block}");
        let simulation = copy(&*good.host().files);
        let path = dirs[block as usize].join(file);
        damage(&simulation, &path, kind, &SeededRandom::new(round as u64));

        let db = open(&simulation);
        for labels in jobs() {
            commit(&db, &labels, &[fresh]).unwrap();
        }
        let mut is_missing = check(&db, &known, TimeRange::ALL, block_range(block), &what);
        for part in 0..=BLOCKS {
            is_missing |= check(&db, &known, block_range(part), block_range(block), &what);
        }
        let stats = db.stats().blocks;
        assert_eq!(stats.loaded + stats.lost, BLOCKS as u64, "{what}");
        // The log may still have all of the newest block.
        let is_told = stats.lost + stats.damaged > 0;
        assert!(is_missing == is_told || (is_told && block == BLOCKS - 1), "{what}");
        assert_eq!(stats.lost > 0, is_in_quarantine(&simulation, &path), "{what}");
        moved += stats.lost;
        in_part += stats.damaged;
        db.close().unwrap();

        let db = open(&simulation);
        assert_eq!(db.stats().blocks.lost, stats.lost, "{what}");
        let again = check(&db, &known, TimeRange::ALL, block_range(block), &what);
        assert_eq!(again, is_missing, "{what}");
    }
    println!("{count} damaged files: {moved} blocks moved aside, {in_part} read in part");
    assert!(moved > count as u64 / 3 && in_part > count as u64 / 20);
}

fn is_in_quarantine(simulation: &Simulation, path: &Path) -> bool {
    let ulid = path.components().nth(1).unwrap();
    let dir = Path::new(DIR).join("quarantine").join(ulid);
    simulation.host().files.list_dir(&dir).is_ok()
}
