//! Maintenance: samples move from the head to blocks, whatever fails meanwhile.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use narthex_host::{Fault, Files, Simulation};
use narthex_storage::{AppendError, Appendable, SampleValue, SeriesKey, TimeRange};
use narthex_tsdb::{Db, Options, Status, WalSync};

use crate::support::{Samples, commit, read_all, rounds, series};

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DIR: &str = "data";

/// Blocks of ten minutes, and chunks and segments that are short accordingly.
fn small_options() -> Options {
    let mut options = Options::default();
    options.block_range_ms = 10 * MINUTE_MS;
    options.compaction.range_max_ms = 90 * MINUTE_MS;
    options.samples_per_chunk = 8;
    options.wal_segment_size_bytes = 32 * 1_024;
    options.wal_sync = WalSync::Commit;
    options.retention.time_ms = 0;
    options
}

/// A database that somebody writes to, once a minute, and what must be in it.
struct Writer {
    simulation: Simulation,
    options: Options,
    acknowledged: Samples,
    minute: i64,
}

impl Writer {
    fn new(seed: u64, options: Options) -> Self {
        let simulation = Simulation::new(seed);
        Self { simulation, options, acknowledged: BTreeMap::new(), minute: 0 }
    }

    fn open(&self) -> Db {
        Db::open_with(self.simulation.host(), DIR, self.options.clone()).unwrap()
    }

    /// Commits the samples of a minute: two series that stay, and one of many that come and go.
    fn commit(&mut self, db: &Db) -> Result<(), AppendError> {
        self.simulation.clock().advance(Duration::from_secs(60));
        self.minute += 1;
        let time = self.minute * MINUTE_MS;
        let names = ["a".into(), "b".into(), format!("churn{}", self.minute / 7)];
        let all = names.map(|name| series("m", &name));
        let mut appender = db.appender();
        for labels in &all {
            let value = SampleValue::Float(self.minute as f64);
            appender.append(SeriesKey::Labels(labels), time, value)?;
        }
        appender.commit()?;
        for labels in all {
            let samples = self.acknowledged.entry(labels.as_series().to_string()).or_default();
            samples.push((time, (self.minute as f64).to_bits()));
        }
        Ok(())
    }

    /// Checks that what was acknowledged is there, once.
    fn check(&self, db: &Db, context: &str) {
        let found = read_all(db);
        assert!(found == self.acknowledged, "{context}: {:?}", db.stats());
        let metas = db.block_metas();
        for pair in metas.windows(2) {
            assert!(pair[0].end_ms <= pair[1].min_ms, "{context}: blocks overlap: {pair:?}");
        }
        let in_blocks = metas.last().map_or(i64::MIN, |meta| meta.end_ms);
        assert!(db.stats().head.min_ms.is_none_or(|min_ms| min_ms >= in_blocks), "{context}");
    }

    /// Checks that a fresh start left nothing half done behind.
    fn check_names(&self, context: &str) {
        for entry in self.simulation.files().list_dir(Path::new(DIR)).unwrap() {
            let is_known = ["wal", "chunks_head", "lock", "reserve"].contains(&&*entry.name);
            assert!(is_known || entry.name.len() == 26, "{context}: {}", entry.name);
        }
    }

    fn size(&self, name: &str) -> u64 {
        let files = self.simulation.files();
        let mut dirs: Vec<PathBuf> = vec![Path::new(DIR).join(name)];
        let mut sum = 0;
        while let Some(dir) = dirs.pop() {
            for entry in files.list_dir(&dir).unwrap() {
                let path = dir.join(&*entry.name);
                match entry.is_dir {
                    true => dirs.push(path),
                    false => sum += files.open_read(&path).unwrap().size().unwrap(),
                }
            }
        }
        sum
    }
}

/// A day of the default options: head, log and number of blocks stay small.
#[test]
fn a_day_leaves_head_and_log_small() {
    let mut options = Options::default();
    options.wal_segment_size_bytes = 32 * 1_024;
    let mut writer = Writer::new(1, options);
    let db = writer.open();
    let (mut logs, mut chunks) = (Vec::new(), 0);
    for minute in 0..24 * 60 {
        writer.commit(&db).unwrap();
        db.maintain().unwrap();
        logs.push(writer.size("wal"));
        chunks = chunks.max(db.stats().head.chunks);
        let (min_ms, max_ms) = (db.stats().head.min_ms, db.stats().head.max_ms);
        let span_ms = max_ms.unwrap() - min_ms.unwrap();
        assert!(span_ms <= 3 * HOUR_MS, "minute {minute}: {span_ms}");
    }
    writer.check(&db, "after a day");
    let steady = logs[..8 * 60].iter().max().unwrap();
    let largest = logs.iter().max().unwrap();
    println!(
        "log: {steady} bytes at most in 8 hours, {largest} in 24; {chunks} chunks in the head"
    );
    assert!(*largest <= 2 * steady, "{largest} {steady}");
    let stats = db.stats();
    assert!(stats.head.series < 40, "{stats:?}");
    // Where so little is logged, each needs two segments, of which there is one every two hours.
    assert!(stats.wal.checkpoints >= 5, "{stats:?}");
    // Eleven blocks of two hours: nine are one of 18 hours by now.
    assert!(stats.blocks.loaded <= 4, "{stats:?}");
    db.close().unwrap();
    let db = writer.open();
    writer.check(&db, "reopened");
    assert_eq!(db.corruptions(), []);
    assert_eq!(db.stats().replay.unknown.total(), 0);
}

/// The machine stops between any two calls of an hour and a half, most of which are maintenance.
#[test]
fn a_crash_at_any_call_loses_and_doubles_nothing() {
    let minutes = 90;
    let run = |writer: &mut Writer| {
        let db = writer.open();
        for _ in 0..minutes {
            if writer.commit(&db).is_err() {
                break;
            }
            if db.maintain().is_err() {
                break;
            }
        }
    };
    let mut whole = Writer::new(0, small_options());
    run(&mut whole);
    let calls = whole.simulation.files().call_count();
    assert!(whole.open().stats().blocks.loaded >= 3);
    let step = usize::try_from(calls).unwrap().div_ceil(rounds(120, 10_000));
    let mut stops = 0;
    for call in (40..calls).step_by(step) {
        for fault in [Fault::ShortWrite, Fault::Io] {
            let mut writer = Writer::new(call, small_options());
            let files = writer.simulation.files();
            files.fail_from(call, fault);
            run(&mut writer);
            let refused_ms = writer.minute * MINUTE_MS;
            writer.simulation.files().repair();
            writer.simulation.files().crash();
            let context = format!("{fault:?} from call {call} on");
            let db = writer.open();
            writer.take_over(&db, refused_ms);
            writer.check(&db, &context);
            writer.check_names(&context);
            // Life goes on.
            for _ in 0..40 {
                writer.commit(&db).unwrap();
                db.maintain().unwrap();
            }
            writer.check(&db, &context);
            let head = db.stats().head;
            assert!(head.max_ms.unwrap() - head.min_ms.unwrap() <= 15 * MINUTE_MS, "{context}");
            stops += 1;
        }
    }
    println!("{stops} crashes at each {step} of {calls} calls, 0 samples lost or double");
}

impl Writer {
    /// The last commit failed while it was synced: it may be there, as a whole.
    fn take_over(&mut self, db: &Db, time: i64) {
        for (labels, samples) in read_all(db) {
            let known = self.acknowledged.entry(labels).or_default();
            let last = samples.last().filter(|(last, _)| *last == time);
            if let Some(sample) = last
                && known.last() != Some(sample)
            {
                known.push(*sample);
            }
        }
    }
}

/// Each call of maintenance fails once, and the next tries succeed.
#[test]
fn a_failing_call_leaves_all_samples_and_is_made_up_for() {
    let minutes = 60;
    let mut whole = Writer::new(0, small_options());
    let db = whole.open();
    for _ in 0..minutes {
        whole.commit(&db).unwrap();
        db.maintain().unwrap();
    }
    let calls = whole.simulation.files().call_count();
    let step = usize::try_from(calls).unwrap().div_ceil(rounds(100, 10_000));
    let mut errors = 0;
    for call in (40..calls).step_by(step) {
        let fault = [Fault::NoSpace, Fault::Io][usize::try_from(call % 2).unwrap()];
        let context = format!("{fault:?} at call {call}");
        let mut writer = Writer::new(call, small_options());
        let db = writer.open();
        writer.simulation.files().fail_call(call, fault);
        for _ in 0..minutes {
            // A commit may be the one that fails.
            let _ = writer.commit(&db);
            if db.maintain().is_err() {
                errors += 1;
                writer.check(&db, &context);
            }
        }
        writer.check(&db, &context);
        let head = db.stats().head;
        assert!(head.max_ms.unwrap() - head.min_ms.unwrap() <= 15 * MINUTE_MS, "{context}");
        drop(db);
        writer.check(&writer.open(), &context);
        writer.check_names(&context);
    }
    println!("{errors} of {calls} calls made maintenance fail");
    assert!(errors > 10);
}

/// Threads append and one maintains: nothing that a commit took is missing afterwards.
#[test]
fn commits_beside_maintenance_lose_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut options = small_options();
    options.wal_sync = WalSync::Never;
    let db = Db::open(dir.path(), options.clone()).unwrap();
    let (minute, is_over) = (AtomicI64::new(0), AtomicBool::new(false));
    let taken = std::thread::scope(|scope| {
        let writers = (0..3).map(|thread| {
            let (db, minute) = (&db, &minute);
            scope.spawn(move || {
                let mut taken = Samples::new();
                for round in 0..600_i64 {
                    // Series come and go all the time, and each thread moves the time on.
                    let time = minute.fetch_add(1, Ordering::Relaxed) * MINUTE_MS / 3;
                    let labels = series("m", &format!("{thread}-{}", round / 5));
                    if matches!(commit(db, &labels, &[(time, 1.0)]), Ok(1)) {
                        let samples = taken.entry(labels.as_series().to_string()).or_default();
                        samples.push((time, 1.0_f64.to_bits()));
                    }
                }
                taken
            })
        });
        let writers = writers.collect::<Vec<_>>();
        let maintainer = scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                db.maintain().unwrap();
            }
        });
        let taken = writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect();
        is_over.store(true, Ordering::Relaxed);
        maintainer.join().unwrap();
        taken
    });
    let taken: Samples = taken;
    assert!(taken.values().map(Vec::len).sum::<usize>() > 600);
    assert!(read_all(&db) == taken, "{:?}", db.stats());
    assert!(db.stats().blocks.compactions > 5);
    db.close().unwrap();
    assert!(read_all(&Db::open(dir.path(), options).unwrap()) == taken);
}

/// A disk that takes no blocks: tries become rare, the head stays whole, nothing piles up.
#[test]
fn tries_become_rare_while_blocks_cannot_be_written() {
    let mut writer = Writer::new(1, small_options());
    let db = writer.open();
    while db
        .stats()
        .head
        .min_ms
        .is_none_or(|min_ms| writer.minute * MINUTE_MS - min_ms <= 15 * MINUTE_MS)
    {
        writer.commit(&db).unwrap();
    }
    let files = writer.simulation.files();
    let before = writer.size("");
    files.fail_from(0, Fault::NoSpace);
    let mut tries = Vec::new();
    for minute in 0..80 {
        if db.maintain().is_err() {
            tries.push(minute);
        }
        writer.simulation.clock().advance(Duration::from_secs(60));
    }
    assert_eq!(tries, [0, 1, 6, 31, 56]);
    assert_eq!(writer.size(""), before);
    files.repair();
    writer.check(&db, "full");
    writer.simulation.clock().advance(Duration::from_secs(25 * 60));
    db.maintain().unwrap();
    writer.check(&db, "repaired");
    assert_eq!(db.stats().blocks.loaded, 1);
}

/// A full chunk of the head cannot be read: after three tries the rest goes to a block without it.
#[test]
fn a_damaged_chunk_of_the_head_does_not_hold_up_the_rest() {
    let mut writer = Writer::new(1, small_options());
    let db = writer.open();
    for _ in 0..17 {
        writer.commit(&db).unwrap();
    }
    db.close().unwrap();
    let db = writer.open();
    let path = Path::new(DIR).join("chunks_head/000001");
    // Behind the header of the file is the first chunk of the first series.
    writer.simulation.files().edit(&path, |bytes| bytes[8 + 40] ^= 0xff).unwrap();
    for _ in 0..2 {
        assert!(db.maintain().is_err());
        db.maintain().unwrap();
        writer.simulation.clock().advance(Duration::from_secs(5 * 60));
    }
    db.maintain().unwrap();
    assert_eq!(db.stats().blocks.loaded, 1);
    let found = read_all(&db);
    let counts = |samples: &Samples| samples.values().map(Vec::len).collect::<Vec<_>>();
    let lost =
        counts(&writer.acknowledged).iter().sum::<usize>() - counts(&found).iter().sum::<usize>();
    assert!((1..=16).contains(&lost), "{lost} samples lost");
}

/// Blocks of the head wait for a while that chance decides; the wait begins anew for the next one.
#[test]
fn compaction_can_be_delayed() {
    let mut waits = Vec::new();
    for seed in 0..10 {
        let mut options = small_options();
        options.compaction.delay_percent_max = 50;
        let mut writer = Writer::new(seed, options);
        let db = writer.open();
        let mut starts = Vec::new();
        for minute in 1..60_u64 {
            writer.commit(&db).unwrap();
            db.maintain().unwrap();
            if db.stats().blocks.compactions > starts.len() as u64 {
                starts.push(minute);
            }
        }
        let wait = starts[0] - 17;
        assert!(wait <= 5, "{starts:?}");
        assert_eq!(starts[..3], [17, 26, 36].map(|due| due + wait));
        waits.push(wait);
        writer.check(&db, "delayed");
    }
    waits.sort_unstable();
    waits.dedup();
    assert!(waits.len() > 2, "{waits:?}");
}

/// An end that is asked for does not wait for blocks that are being written.
#[test]
fn maintenance_can_be_interrupted() {
    let mut writer = Writer::new(1, small_options());
    let db = writer.open();
    for _ in 0..40 {
        writer.commit(&db).unwrap();
    }
    db.interrupt();
    db.maintain().unwrap();
    assert!(db.flush(30 * MINUTE_MS).is_err());
    assert_eq!(db.stats().blocks.loaded, 0);
    writer.check(&db, "interrupted");
    writer.check_names("interrupted");
}

/// The disk fills up: appends are refused and queries answered; what was reserved is enough to write a
/// block, shorten the log, delete and close; once there is room, samples are taken at once.
#[test]
fn a_full_disk_is_got_over() {
    const RESERVE_SIZE: usize = 256 << 10;
    let mut options = small_options();
    options.reserve_bytes = RESERVE_SIZE as u64;
    let mut writer = Writer::new(1, options);
    writer.simulation.files().set_space(Some(16 << 20));
    let db = writer.open();
    assert!(writer.size("") >= RESERVE_SIZE as u64);
    for _ in 0..15 {
        writer.commit(&db).unwrap();
        db.maintain().unwrap();
    }
    assert_eq!(db.status(), Status::Ready);
    let fill = |writer: &Writer, room: usize| {
        let files = writer.simulation.files();
        files.set_space(Some(files.used_space() + room));
    };
    fill(&writer, 0);
    assert!(writer.commit(&db).is_err());
    assert!(matches!(db.status(), Status::ReadOnly { .. }), "{}", db.status());
    writer.check(&db, "full");

    // A little is freed: samples are taken again, and the next block finds no room but the reserve.
    fill(&writer, 700);
    let before = writer.minute;
    while writer.commit(&db).is_ok() {}
    assert!(writer.minute - before > 2);
    fill(&writer, 0);
    assert_eq!(db.stats().blocks.loaded, 0);
    db.maintain().unwrap();
    assert!(db.stats().blocks.loaded >= 1);
    assert!(writer.size("") < RESERVE_SIZE as u64, "the reserve is used");
    writer.check(&db, "compacted");

    // With room to spare it is taken again.
    fill(&writer, 4 * RESERVE_SIZE);
    writer.commit(&db).unwrap();
    assert_eq!(db.status(), Status::Ready);
    db.maintain().unwrap();
    assert!(writer.size("") >= RESERVE_SIZE as u64);

    fill(&writer, 0);
    db.delete(TimeRange { min_ms: 0, max_ms: MINUTE_MS }, &[]).unwrap();
    for samples in writer.acknowledged.values_mut() {
        samples.retain(|(time, _)| *time > MINUTE_MS);
    }
    writer.check(&db, "deleted");
    // What deleting left of it is enough to end the log.
    db.close().unwrap();

    // A start on a full disk serves what is there, and takes samples once there is room.
    fill(&writer, 0);
    let db = writer.open();
    writer.check(&db, "started");
    assert!(writer.commit(&db).is_err());
    writer.check(&db, "read only");
    fill(&writer, 1 << 20);
    writer.commit(&db).unwrap();
    writer.simulation.files().crash();
    let db = writer.open();
    writer.check(&db, "killed");
    assert_eq!((db.stats().replay.repaired_records, db.corruptions().len()), (0, 0));
}
