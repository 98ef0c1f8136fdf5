use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use narthex_host::{Fault, Files, Random, SeededRandom, Simulation};
use narthex_model::Labels;
use narthex_storage::{AppendError, Appendable, SampleValue, SeriesKey};
use narthex_tsdb::{DamageReason, Db, OpenError, Options, WalCompression, WalSync};

use crate::support::{read_all, rounds, series};

/// The number of series that every commit of these tests touches.
const SERIES_COUNT: usize = 5;

fn options(wal_sync: WalSync) -> Options {
    let mut options = Options::default();
    options.wal_sync = wal_sync;
    options.wal_segment_size_bytes = 32 * 1024;
    options
}

fn open(simulation: &Simulation, wal_sync: WalSync) -> Result<Db, OpenError> {
    Db::open_with(simulation.host(), "data", options(wal_sync))
}

/// Commits one sample to each of some series: those of every commit, and new ones with long names,
/// so that segments fill up. The number of the commit is time and value.
fn commit(db: &Db, number: i64) -> Result<(), AppendError> {
    let mut appender = db.appender();
    for index in 0..SERIES_COUNT {
        let labels = match index {
            0 => Labels::from_pairs([("long", long_text(number))]),
            _ => series("steady", &index.to_string()),
        };
        let value = SampleValue::Float(number as f64);
        appender.append(SeriesKey::Labels(&labels), number, value)?;
    }
    appender.commit()?;
    Ok(())
}

/// A text of a few KiB that does not compress.
fn long_text(number: i64) -> String {
    let random = SeededRandom::new(number.cast_unsigned());
    let next = || char::from(b' ' + random.next_u64().to_le_bytes()[0] % 95);
    (0..3_000).map(|_| next()).collect()
}

/// Returns how many samples there are of each commit.
fn sample_counts(db: &Db, context: &str) -> BTreeMap<i64, usize> {
    let mut counts = BTreeMap::new();
    for (time, bits) in read_all(db).into_values().flatten() {
        assert_eq!(f64::from_bits(bits), time as f64, "{context}: a wrong value");
        *counts.entry(time).or_default() += 1;
    }
    counts
}

/// Returns the numbers of the commits that are there, each of which must be there as a whole.
fn commits(db: &Db, context: &str) -> BTreeSet<i64> {
    let counts = sample_counts(db, context);
    for (number, count) in &counts {
        assert_eq!(*count, SERIES_COUNT, "{context}: commit {number} is there by half");
    }
    counts.into_keys().collect()
}

/// Stops the machine again and again: with `WalSync::Commit` what is there is what was committed, and
/// of a commit that the machine stopped in, all or nothing.
#[test]
fn what_was_committed_outlasts_a_crash() {
    let (seeds, mut total) = (rounds(100, 10_000), 0);
    for seed in 0..seeds as u64 {
        let simulation = Simulation::new(seed);
        let mut next = 0..;
        let mut committed = BTreeSet::new();
        for life in 0..3 {
            let db = open(&simulation, WalSync::Commit).unwrap();
            let context = format!("seed {seed}, life {life}");
            assert_eq!(commits(&db, &context), committed, "{context}");
            assert_eq!(db.corruptions(), [], "{context}");
            for number in next.by_ref().take(15) {
                commit(&db, number).unwrap();
                committed.insert(number);
            }
            simulation.files().crash();
        }
        total += committed.len();
    }
    println!("{seeds} seeds, {total} commits of {SERIES_COUNT} samples, 0 lost");
}

/// The machine stops between any two calls, so inside of commits too.
#[test]
fn a_crash_between_any_two_calls_keeps_what_was_committed() {
    let (seeds, mut stops) = (rounds(60, 4_000), 0);
    for seed in 0..seeds as u64 {
        let simulation = Simulation::new(seed);
        let files = simulation.files();
        let mut acknowledged = BTreeSet::new();
        let db = open(&simulation, WalSync::Commit).unwrap();
        // Nothing gets through to the disk from some call on; then the machine stops.
        files.fail_from(files.call_count() + seed % 47, Fault::ShortWrite);
        for number in 0..20 {
            if commit(&db, number).is_ok() {
                acknowledged.insert(number);
            }
        }
        files.repair();
        files.crash();
        drop(db);
        stops += usize::from(acknowledged.len() < 20);
        let db = open(&simulation, WalSync::Commit).unwrap();
        let found = commits(&db, &format!("seed {seed}"));
        let last = found.last().copied().unwrap_or(-1);
        assert!(found.is_superset(&acknowledged), "seed {seed}: {found:?} of {acknowledged:?}");
        assert!(found.iter().copied().eq(0..=last), "seed {seed}: no prefix: {found:?}");
    }
    println!("{seeds} seeds, {stops} inside of the run, 0 acknowledged commits lost");
}

#[test]
fn without_sync_a_crash_takes_some_and_falsifies_nothing() {
    let (seeds, mut lost) = (rounds(100, 10_000), 0);
    for seed in 0..seeds as u64 {
        let simulation = Simulation::new(seed);
        let db = open(&simulation, WalSync::Never).unwrap();
        (0..15).for_each(|number| commit(&db, number).unwrap());
        simulation.files().crash();
        let db = open(&simulation, WalSync::Never).unwrap();
        // Where the names of new series are lost, so is their part of a commit.
        let found = sample_counts(&db, &format!("seed {seed}"));
        let whole = found.values().filter(|count| **count == SERIES_COUNT).count();
        assert!(found.values().all(|count| *count >= SERIES_COUNT - 1 || whole == 0));
        lost += 15 - whole;
    }
    println!("{seeds} seeds, {lost} of {} commits lost", 15 * seeds);
    assert!(lost > 0, "the simulation lost nothing that was not synced");
}

/// Commits come ten a second, and a tick where they pause.
#[test]
fn an_interval_bounds_what_a_crash_takes() {
    let (seeds, mut longest) = (rounds(100, 10_000), 0);
    for seed in 0..seeds as u64 {
        let simulation = Simulation::new(seed);
        let db = open(&simulation, WalSync::Interval(Duration::from_secs(1))).unwrap();
        let count = 10 + seed.cast_signed() % 27;
        for number in 0..count {
            simulation.clock().advance(Duration::from_millis(100));
            if number % 8 != 7 {
                commit(&db, number).unwrap();
            }
            db.sync_where_due().unwrap();
        }
        simulation.files().crash();
        let db = open(&simulation, WalSync::Never).unwrap();
        let found = sample_counts(&db, &format!("seed {seed}"));
        let is_lost = |number: &i64| number % 8 != 7 && found.get(number) != Some(&SERIES_COUNT);
        if let Some(first) = (0..count).find(is_lost) {
            // The commit at the moment of the crash is the last one.
            let lost_ms = (count - first) * 100;
            assert!(lost_ms <= 1_000, "seed {seed}: {first} of {count}: {found:?}");
            longest = longest.max(lost_ms);
        }
    }
    println!("{seeds} seeds, at most the last {longest} ms lost");
}

/// Fails each call once. Reads go on, what was committed stays, and what was refused is not seen.
#[test]
fn every_failing_call_is_an_error_and_no_loss() {
    for (fault, wal_sync) in [
        (Fault::NoSpace, WalSync::Never),
        (Fault::ShortWrite, WalSync::Never),
        (Fault::ShortWrite, WalSync::Commit),
        (Fault::Io, WalSync::Never),
        (Fault::Io, WalSync::Commit),
        (Fault::NoSpace, WalSync::Commit),
        (Fault::Io, WalSync::Interval(Duration::ZERO)),
        (Fault::ShortWrite, WalSync::Interval(Duration::ZERO)),
    ] {
        let mut failed_call = 0;
        while fail_one_call(failed_call, fault, wal_sync) {
            failed_call += 1;
        }
        println!("{fault:?} with {wal_sync:?}: each of {failed_call} calls");
        assert!(failed_call > 30, "a run took {failed_call} calls");
    }
}

/// Returns whether the run got as far as the call.
fn fail_one_call(call: u64, fault: Fault, wal_sync: WalSync) -> bool {
    let context = format!("{fault:?} at call {call} with {wal_sync:?}");
    let simulation = Simulation::new(call);
    let files = simulation.files();
    files.fail_call(call, fault);
    let db = open(&simulation, wal_sync).or_else(|_| open(&simulation, wal_sync)).unwrap();
    let (mut committed, mut refused) = (BTreeSet::new(), BTreeSet::new());
    for number in 0..25 {
        match commit(&db, number) {
            Ok(()) => committed.insert(number),
            Err(AppendError::Store(_)) => refused.insert(number),
            Err(error) => panic!("{context}: {error}"),
        };
        if number % 4 == 0 || !refused.is_empty() {
            assert_eq!(commits(&db, &context), committed, "{context}: after commit {number}");
        }
    }
    let is_reached = files.call_count() > call;
    let was_sync_lost = db.stats().wal.syncs_failed > 0;
    assert!(refused.len() <= 1 || was_sync_lost, "{context}: refused {refused:?}");
    drop(db);
    files.repair();
    if wal_sync == WalSync::Commit {
        files.crash();
    }
    let db = open(&simulation, wal_sync).unwrap();
    let found = commits(&db, &context);
    assert!(found.is_superset(&committed), "{context}: lost {:?}", &committed - &found);
    // A commit whose sync failed may be there: nobody can tell.
    let more = &found - &committed;
    assert!(more.is_subset(&refused) && (more.is_empty() || was_sync_lost), "{context}: {more:?}");
    assert_eq!(db.corruptions(), [], "{context}");
    is_reached
}

/// The disk is full for a while, at any moment. Once there is room, commits go on within seconds and
/// without a restart; nothing that was acknowledged is lost, and the next start finds nothing to mend.
#[test]
fn a_full_disk_refuses_and_later_takes_again() {
    let (mut refused, mut longest) = (0, Duration::ZERO);
    let seeds = rounds(60, 3_000);
    for seed in 0..seeds as u64 {
        let wal_sync =
            [WalSync::Never, WalSync::Commit, WalSync::Interval(Duration::from_millis(300))]
                [usize::try_from(seed % 3).unwrap()];
        let simulation = Simulation::new(seed);
        let db = open(&simulation, wal_sync).unwrap();
        let files = simulation.files();
        let mut acknowledged = BTreeSet::new();
        let mut numbers = 0_i64..;
        let mut run = |db: &Db, count: usize| {
            for number in numbers.by_ref().take(count) {
                simulation.clock().advance(Duration::from_millis(100));
                match commit(db, number) {
                    Ok(()) => acknowledged.insert(number),
                    Err(error) => {
                        assert!(matches!(error, AppendError::Store(_)), "{error}");
                        refused += 1;
                        false
                    }
                };
            }
            acknowledged.clone()
        };
        for round in 0..3 {
            run(&db, 7);
            let fault = if round == 1 { Fault::NoSpace } else { Fault::ShortWrite };
            files.fail_from(files.call_count() + seed / 3 % 5, fault);
            let known = run(&db, 15);
            assert_eq!(commits(&db, "full"), known, "seed {seed}");
            files.repair();
            let mut waited = Duration::ZERO;
            while run(&db, 1).len() == known.len() {
                waited += Duration::from_millis(100);
                assert!(waited < Duration::from_secs(10), "seed {seed}");
            }
            longest = longest.max(waited);
        }
        // The process is killed; the machine too, where that is promised to be harmless.
        let known = run(&db, 0);
        drop(db);
        if wal_sync == WalSync::Commit {
            files.crash();
        }
        let db = open(&simulation, wal_sync).unwrap();
        assert_eq!(commits(&db, "reopened"), known, "seed {seed}");
        assert_eq!(db.corruptions(), [], "seed {seed}");
    }
    println!("{seeds} seeds, {refused} commits refused, going on after {longest:?} at most");
}

#[test]
fn what_a_failed_sync_should_have_written_is_written_elsewhere() {
    for wal_sync in [WalSync::Commit, WalSync::Interval(Duration::ZERO)] {
        let simulation = Simulation::new(1);
        let db = open(&simulation, wal_sync).unwrap();
        commit(&db, 0).unwrap();
        simulation.files().fail_call(simulation.files().call_count() + 1, Fault::Io);
        commit(&db, 1).unwrap();
        let stats = db.stats().wal;
        assert_eq!((stats.syncs_failed, stats.segment), (1, 1));
        commit(&db, 2).unwrap();
        simulation.files().crash();
        let db = open(&simulation, wal_sync).unwrap();
        assert_eq!(commits(&db, "reopened"), BTreeSet::from([0, 1, 2]));
        assert_eq!(db.corruptions(), []);
    }
}

#[test]
fn a_disk_that_syncs_no_more_refuses_commits_until_it_does() {
    // With an interval the sync is that of commits that were taken, the one included that found it due.
    for (wal_sync, taken) in [(WalSync::Commit, 2), (WalSync::Interval(Duration::from_secs(5)), 3)]
    {
        let simulation = Simulation::new(1);
        let db = open(&simulation, wal_sync).unwrap();
        commit(&db, 0).unwrap();
        commit(&db, 1).unwrap();
        simulation.clock().advance(Duration::from_secs(5));
        simulation.files().fail_from(simulation.files().call_count() + 1, Fault::Io);
        for number in 2..5 {
            let is_taken = number < taken;
            assert_eq!(commit(&db, number).is_ok(), is_taken, "{wal_sync:?} {number}");
        }
        let error = commit(&db, 5).unwrap_err();
        let source = std::error::Error::source(&error).unwrap().to_string();
        assert_eq!(source, "the write-ahead log takes no writes for a moment since a sync failed");
        assert!(db.sync().is_err());
        assert_eq!(commits(&db, "live"), (0..taken).collect());

        simulation.files().repair();
        simulation.clock().advance(Duration::from_secs(1));
        commit(&db, 6).unwrap();
        db.sync().unwrap();
        simulation.files().crash();
        let db = open(&simulation, wal_sync).unwrap();
        assert_eq!(commits(&db, "reopened"), (0..taken).chain([6]).collect());
        assert_eq!(db.corruptions(), []);
    }
}

#[test]
fn a_pause_is_no_reason_not_to_sync() {
    let simulation = Simulation::new(1);
    let db = open(&simulation, WalSync::Interval(Duration::from_secs(1))).unwrap();
    commit(&db, 0).unwrap();
    db.sync_where_due().unwrap();
    assert_eq!(db.stats().wal.syncs, 0);
    simulation.clock().advance(Duration::from_secs(1));
    db.sync_where_due().unwrap();
    db.sync_where_due().unwrap();
    assert_eq!(db.stats().wal.syncs, 1);
    simulation.files().crash();
    assert_eq!(commits(&open(&simulation, WalSync::Never).unwrap(), "reopened"), [0].into());
}

/// While one commit waits for the disk, all that come meanwhile share the next sync.
#[test]
fn commits_that_wait_share_a_sync() {
    let dir = tempfile::tempdir().unwrap();
    let db = Db::open(dir.path(), options(WalSync::Commit)).unwrap();
    let (threads, rounds) = (8, 50);
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let db = &db;
            scope.spawn(move || {
                let labels = series("shared", &thread.to_string());
                for round in 0..rounds {
                    crate::support::commit(db, &labels, &[(round, round as f64)]).unwrap();
                }
            });
        }
    });
    let stats = db.stats().wal;
    println!("{} commits with {} syncs", threads * rounds, stats.syncs);
    drop(db);
    let db = Db::open(dir.path(), options(WalSync::Commit)).unwrap();
    let found = read_all(&db);
    assert_eq!(found.len(), 8);
    assert!(found.values().all(|samples| samples.len() == 50));
}

/// Nine commits of one series in one segment, without compression, so that places are known.
fn write_one_segment(simulation: &Simulation) -> Db {
    let mut options = Options::default();
    options.wal_compression = WalCompression::None;
    let db = Db::open_with(simulation.host(), "data", options).unwrap();
    for number in 0..9_i32 {
        let labels = series("up", "a");
        crate::support::commit(&db, &labels, &[(number.into(), number.into())]).unwrap();
    }
    db
}

fn segment_size(simulation: &Simulation, name: &str) -> u64 {
    simulation.files().open_read(&Path::new("data/wal").join(name)).unwrap().size().unwrap()
}

fn values(db: &Db) -> Vec<i64> {
    let samples = read_all(db).into_values().flatten();
    samples.map(|(time, _)| time).collect()
}

#[test]
fn a_torn_end_is_a_clean_end() {
    let size = {
        let simulation = Simulation::new(1);
        drop(write_one_segment(&simulation));
        segment_size(&simulation, "00000000")
    };
    for cut in 0..size {
        let simulation = Simulation::new(1);
        drop(write_one_segment(&simulation));
        let path = Path::new("data/wal/00000000");
        let cut = usize::try_from(cut).unwrap();
        simulation.files().edit(path, |bytes| bytes.truncate(cut)).unwrap();
        let db = open(&simulation, WalSync::Never).unwrap();
        let found = values(&db);
        assert!((0..9).collect::<Vec<_>>().starts_with(&found), "cut at {cut}: {found:?}");
        assert_eq!(db.corruptions(), [], "cut at {cut}");
        crate::support::commit(&db, &series("up", "a"), &[(100, 1.0)]).unwrap();
        drop(db);

        // The torn record is gone, as the reference would drop what comes behind it.
        let db = open(&simulation, WalSync::Never).unwrap();
        assert_eq!(values(&db), [found, vec![100]].concat(), "cut at {cut}");
        assert_eq!(db.corruptions(), [], "cut at {cut}");
    }
}

#[test]
fn damage_costs_its_record_and_is_reported() {
    // The series record ends where the first sample's starts.
    let series_end = 7 + 1 + 8 + 1 + 1 + 8 + 1 + 2 + 1 + 3 + 1 + 1;
    let sample_size = 7 + 1 + 16 + 1 + 1 + 8;
    for place in series_end..series_end + 8 * sample_size {
        let simulation = Simulation::new(1);
        drop(write_one_segment(&simulation));
        let path = Path::new("data/wal/00000000");
        // Two bits: a single one is put right.
        let flip =
            if (place - series_end) % sample_size == 0 { 0b110 } else { 0b11 << (place % 7) };
        simulation.files().edit(path, |bytes| bytes[place] ^= flip).unwrap();
        let db = open(&simulation, WalSync::Never).unwrap();
        let hit = (place - series_end) / sample_size;
        let kept = (0..9).filter(|number| *number != i64::try_from(hit).unwrap());
        let found = values(&db);
        assert_eq!(found, kept.collect::<Vec<_>>(), "place {place}");
        let places = db.corruptions().iter().map(|item| (item.offset, item.size_bytes));
        let expected = ((series_end + hit * sample_size) as u64, sample_size as u64);
        assert!(places.eq([expected]), "place {place}: {:?}", db.corruptions());
    }
}

#[test]
fn damage_before_the_last_segment_is_reported() {
    let simulation = Simulation::new(1);
    drop(write_one_segment(&simulation));
    drop(open(&simulation, WalSync::Never).unwrap());
    let db = open(&simulation, WalSync::Never).unwrap();
    crate::support::commit(&db, &series("up", "a"), &[(100, 1.0)]).unwrap();
    drop(db);
    let files = simulation.files();
    files.edit(Path::new("data/wal/00000000"), |bytes| bytes.truncate(bytes.len() - 1)).unwrap();
    files.remove_file(Path::new("data/wal/00000001")).unwrap();
    let db = open(&simulation, WalSync::Never).unwrap();
    assert_eq!(values(&db), [0, 1, 2, 3, 4, 5, 6, 7, 100]);
    let reasons = db.corruptions().iter().map(|corruption| corruption.reason).collect::<Vec<_>>();
    assert_eq!(reasons, [DamageReason::Torn, DamageReason::MissingSegments]);
    assert_eq!(db.stats().replay.corruptions, 2);
}

#[test]
fn a_checkpoint_stands_in_for_its_segments() {
    let simulation = Simulation::new(1);
    drop(write_one_segment(&simulation));
    let (files, wal) = (simulation.files(), Path::new("data/wal"));
    files.create_dir_all(&wal.join("checkpoint.00000000")).unwrap();
    let target = wal.join("checkpoint.00000000/00000000");
    files.rename(&wal.join("00000000"), &target).unwrap();
    for life in 0..3 {
        let db = open(&simulation, WalSync::Never).unwrap();
        assert_eq!(db.corruptions(), []);
        assert_eq!(db.stats().wal.segment, life + 1);
        let appended = (0..life.cast_signed()).map(|number| 100 + number);
        assert_eq!(values(&db), (0..9).chain(appended).collect::<Vec<_>>());
        let sample = (100 + life.cast_signed(), 1.0);
        crate::support::commit(&db, &series("up", "a"), &[sample]).unwrap();
    }
}
