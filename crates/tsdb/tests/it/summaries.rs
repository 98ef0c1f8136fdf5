//! Summaries spare reading much of the log, and change nothing else.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use narthex_host::{Fault, Files, Random, SeededRandom, Simulation};
use narthex_model::histogram::Histogram;
use narthex_model::{Exemplar, Labels, Matcher, STALE_NAN};
use narthex_storage::{
    AppendError, Appendable, Columns, ExemplarQueryable, QueryContext, Queryable, SampleValue,
    SelectHints, SeriesKey, TimeRange,
};
use narthex_tsdb::{Corruption, Db, Options, ReplayStats};

use crate::support::{append_one, read_all, rounds, series};

const MINUTE_MS: i64 = 60_000;
const DIR: &str = "data";

/// Blocks of twenty minutes, and chunks and segments that are short accordingly.
fn small_options(random: &impl Random) -> Options {
    let mut options = Options::default();
    options.block_range_ms = 20 * MINUTE_MS;
    options.compaction.range_max_ms = 180 * MINUTE_MS;
    options.samples_per_chunk = 4;
    options.wal_segment_size_bytes = 32 * 1_024 * (1 + random.next_u64() % 2);
    options.retention.time_ms = 0;
    options.start_ups_max = 0;
    options.exemplars_max = 50;
    options.out_of_order_window_ms = [0, 15 * MINUTE_MS][below(random, 2)];
    options.stale_compaction_threshold = [0.0, 0.2][below(random, 2)];
    options
}

#[expect(clippy::cast_possible_truncation, reason = "smaller than a small number")]
fn below(random: &impl Random, end: u64) -> usize {
    (random.next_u64() % end) as usize
}

/// A database with a history that chance makes.
struct History {
    simulation: Simulation,
    random: SeededRandom,
    options: Options,
    minute: i64,
}

impl History {
    fn new(seed: u64) -> Self {
        let random = SeededRandom::new(seed);
        let options = small_options(&random);
        Self { simulation: Simulation::new(seed), random, options, minute: 0 }
    }

    fn below(&self, end: u64) -> usize {
        below(&self.random, end)
    }

    fn open(&self, dir: &str) -> Db {
        Db::open_with(self.simulation.host(), dir, self.options.clone()).unwrap()
    }

    /// Something happens. Returns the database, which may have been started anew.
    fn step(&mut self, db: Db) -> Db {
        match self.below(100) {
            0..88 => self.commit(&db),
            88..91 => {
                let matcher = Matcher::equal("job", &format!("steady{}", self.below(30)));
                let min_ms = (self.minute - 20) * MINUTE_MS;
                let range = TimeRange { min_ms, max_ms: min_ms + 5 * MINUTE_MS };
                let range = [TimeRange::ALL, range][self.below(2)];
                db.delete(range, &[matcher]).unwrap();
            }
            91..97 => db.maintain().unwrap(),
            97 => {
                db.close().unwrap();
                return self.open(DIR);
            }
            98 => {
                drop(db);
                self.simulation.files().crash();
                return self.open(DIR);
            }
            _ => {
                drop(db);
                let host = self.simulation.host();
                let db = Db::open_unloaded_with(host, DIR, self.options.clone()).unwrap();
                // Not all is taken before the log is read.
                (0..3).for_each(|_| self.commit(&db));
                db.load().unwrap();
                return db;
            }
        }
        db
    }

    /// Commits the samples of a minute: of series that stay, and of some that come and go.
    fn commit(&mut self, db: &Db) {
        self.simulation.clock().advance(Duration::from_secs(60));
        self.minute += 1;
        let time = self.minute * MINUTE_MS;
        let mut appender = db.appender();
        let mut add = |name: &str, time, value: SampleValue<'_>| {
            appender.append(SeriesKey::Labels(&series("m", name)), time, value).ok()
        };
        for number in 0..60 {
            let value = SampleValue::Float((self.minute * number) as f64);
            add(&format!("steady{number}"), time, value);
        }
        for number in 0..20 {
            // Some come back after they left the head.
            let age = self.minute + number;
            let (name, end) = (age / 13 % 9, age % 13 == 12);
            let value = if end { STALE_NAN } else { 1.5 };
            add(&format!("churn{name}"), time, SampleValue::Float(value));
        }
        if self.below(4) == 0 {
            let late = time - 7 * MINUTE_MS + 1;
            add(&format!("steady{}", self.below(60)), late, SampleValue::Float(7.0));
        }
        if self.below(6) == 0 {
            let histogram = Histogram { sum: self.minute as f64, ..Histogram::default() };
            // Also one in the middle of a series of floats.
            let name = [String::from("histogram"), format!("steady{}", self.below(60))];
            add(&name[self.below(2)], time + 1, SampleValue::Histogram(&histogram));
        }
        let reference = add("exemplary", time, SampleValue::Float(1.0));
        if let Some(reference) = reference {
            let labels = Labels::from_pairs([("trace_id", self.minute.to_string().as_str())]);
            let exemplar =
                Exemplar { labels, value: 0.5, timestamp_ms: time, has_own_timestamp: true };
            let _ = appender.append_exemplar(reference, &exemplar);
        }
        // An early head refuses some.
        let _ = appender.commit();
    }

    /// Copies a folder as it is.
    fn copy(&self, from: &Path, to: &Path) {
        let files = self.simulation.files();
        files.create_dir_all(to).unwrap();
        for entry in files.list_dir(from).unwrap() {
            let (from, to) = (from.join(&*entry.name), to.join(&*entry.name));
            if entry.is_dir {
                self.copy(&from, &to);
            } else if &*entry.name != "lock" {
                files.open_append(&to).unwrap().append(&bytes(files, &from)).unwrap();
            }
        }
    }

    /// Damages files of full chunks as chance wants it.
    fn damage_chunks(&self, dir: &str) {
        let files = self.simulation.files();
        let dir = Path::new(dir).join("chunks_head");
        for entry in files.list_dir(&dir).unwrap_or_default() {
            let flip = |bytes: &mut Vec<u8>| {
                let place = self.below(bytes.len().max(1) as u64);
                bytes.get_mut(place).into_iter().for_each(|byte| *byte ^= 4);
            };
            if self.below(3) == 0 {
                files.edit(&dir.join(&*entry.name), flip).unwrap();
            }
        }
    }

    /// Damages summaries, drops some, and lets some be those of other segments.
    fn damage_summaries(&self, dir: &str) {
        let files = self.simulation.files();
        let summaries = summaries(files, dir);
        for path in &summaries {
            match self.below(6) {
                0 => files.remove_file(path).unwrap(),
                1 => files.edit(path, |bytes| bytes.truncate(bytes.len() / 2)).unwrap(),
                2 => {
                    let place = self.below(bytes(files, path).len() as u64);
                    files.edit(path, |bytes| bytes[place] ^= 1).unwrap();
                }
                3 => {
                    let other = &summaries[self.below(summaries.len() as u64)];
                    let other = files.open_read(other).map(|_| bytes(files, other));
                    let other = other.unwrap_or_default();
                    files.edit(path, |bytes| *bytes = other).unwrap();
                }
                _ => {}
            }
        }
    }
}

fn bytes(files: &dyn Files, path: &Path) -> Vec<u8> {
    let file = files.open_read(path).unwrap();
    let mut bytes = vec![0; usize::try_from(file.size().unwrap()).unwrap()];
    file.read_at(0, &mut bytes).unwrap();
    bytes
}

fn summaries(files: &dyn Files, dir: &str) -> Vec<PathBuf> {
    let dir = Path::new(dir).join("wal");
    let entries = files.list_dir(&dir).unwrap_or_default().into_iter();
    let summaries = entries.filter(|entry| entry.name.contains(".summary"));
    summaries.map(|entry| dir.join(&*entry.name)).collect()
}

fn remove_summaries(files: &dyn Files, dir: &str) {
    summaries(files, dir).iter().for_each(|path| files.remove_file(path).unwrap());
}

/// Returns all that a database says, and what a new series and a sample of an old one become.
fn told(db: &Db) -> Vec<String> {
    let ctx = QueryContext::default();
    let querier = db.querier(TimeRange::ALL).unwrap();
    let selection = querier.select(&ctx, &[], &SelectHints::default()).unwrap();
    let mut columns = Columns::default();
    let mut told = Vec::new();
    for index in 0..selection.len() {
        selection.read(&ctx, index, &mut columns).unwrap();
        let samples = columns.iter().map(|sample| format!("{sample:?}")).collect::<Vec<_>>();
        told.push(format!("{} {samples:?}", selection.series_labels(index).as_series()));
    }
    drop(selection);
    drop(querier);
    told.push(format!("{:?}", db.exemplars(&ctx, TimeRange::ALL, &[Vec::new()]).unwrap()));
    told.push(format!("{:?} {:?}", db.stats().head, db.cardinality(100)));
    let references = ["new", "steady3", "churn2"].map(|job| db.find_series(&series("m", job)));
    told.push(format!("{references:?}"));
    let newest_ms = db.stats().head.max_ms.unwrap_or(0) + 1;
    for job in ["new", "steady3"] {
        let labels = series("m", job);
        let appended = append_one(db, SeriesKey::Labels(&labels), newest_ms, 1.0);
        told.push(format!("{appended:?}"));
    }
    told
}

/// Returns what was read, but for what differs between two starts that find the same.
fn comparable(db: &Db) -> ReplayStats {
    let mut stats = db.stats().replay;
    (stats.duration, stats.samples_passed_over) = (Duration::ZERO, 0);
    stats
}

/// Whatever happened to a database and to its summaries: a start finds the same with and without them.
#[test]
fn a_start_finds_the_same_with_and_without_summaries() {
    let (mut passed_over, mut starts, mut undamaged) = (0, 0, 0);
    for seed in 0..rounds(16, 600) as u64 {
        let mut history = History::new(seed);
        let mut db = history.open(DIR);
        for round in 0..4 {
            for _ in 0..30 + history.below(60) {
                db = history.step(db);
            }
            drop(db);
            let (with, without) = (format!("with{round}"), format!("without{round}"));
            let files = history.simulation.files();
            let has_damaged_chunks = history.below(4) == 0;
            if has_damaged_chunks {
                history.copy(Path::new(DIR), Path::new("damaged"));
                history.damage_chunks("damaged");
            }
            let source = if has_damaged_chunks { "damaged" } else { DIR };
            [&with, &without]
                .iter()
                .for_each(|dir| history.copy(Path::new(source), Path::new(dir)));
            remove_summaries(files, &without);
            if history.below(3) == 0 {
                history.damage_summaries(&with);
            }
            let (one, other) = (history.open(&with), history.open(&without));
            let context = format!("seed {seed}, round {round}");
            // What a crash damaged may stand in what is passed over.
            let noted =
                |damage: &Corruption| (damage.path.file_name().map(OsStr::to_owned), damage.offset);
            let damages = other.corruptions().iter().map(noted).collect::<BTreeSet<_>>();
            assert!(one.corruptions().iter().map(noted).all(|damage| damages.contains(&damage)));
            if damages.is_empty() {
                undamaged += 1;
                assert_eq!(comparable(&one), comparable(&other), "{context}");
            }
            for (one, other) in told(&one).iter().zip(told(&other)) {
                assert!(*one == other, "{context}:\n{one}\n{other}");
            }
            assert_eq!(other.stats().replay.samples_passed_over, 0, "{context}");
            passed_over += one.stats().replay.samples_passed_over;
            starts += 1;
            drop((one, other));
            for dir in [with.as_str(), without.as_str(), "damaged"] {
                let _ = history.simulation.files().remove_dir_all(Path::new(dir));
            }
            db = history.open(DIR);
        }
    }
    println!("{starts} starts, {undamaged} of whole logs, passed over {passed_over} samples");
    assert!(passed_over > 100 * starts && undamaged > starts / 3, "summaries are of use");
}

/// Commits a sample to each of 300 series.
fn try_fill(db: &Db, minute: i64) -> Result<(), AppendError> {
    let mut appender = db.appender();
    for number in 0..300 {
        let labels = series("up", &format!("{number:03}"));
        let value = SampleValue::Float((minute * number) as f64);
        appender.append(SeriesKey::Labels(&labels), minute * MINUTE_MS, value)?;
    }
    appender.commit().map(drop)
}

fn fill(db: &Db, first: i64, count: i64) {
    (first..first + count).for_each(|minute| try_fill(db, minute).unwrap());
}

fn fixed_options() -> Options {
    let mut options = Options::default();
    options.wal_segment_size_bytes = 64 * 1_024;
    options.samples_per_chunk = 20;
    options.block_range_ms = 1_000 * MINUTE_MS;
    options
}

fn open(simulation: &Simulation) -> Db {
    Db::open_with(simulation.host(), DIR, fixed_options()).unwrap()
}

#[test]
fn what_full_chunks_have_is_not_read() {
    let simulation = Simulation::new(1);
    let db = open(&simulation);
    fill(&db, 0, 210);
    let (expected, files) = (read_all(&db), simulation.files());
    drop(db);
    let db = open(&simulation);
    assert_eq!(read_all(&db), expected);
    let replay = db.stats().replay;
    assert_eq!(replay.samples, 210 * 300);
    assert!(replay.samples_passed_over > replay.samples * 3 / 4, "{replay:?}");
    drop(db);
    // Without the chunks, all is read.
    let dir = Path::new("data/chunks_head");
    for entry in files.list_dir(dir).unwrap() {
        files.remove_file(&dir.join(&*entry.name)).unwrap();
    }
    let db = open(&simulation);
    assert_eq!(read_all(&db), expected);
    assert_eq!(db.stats().replay.samples_passed_over, 0);
}

#[test]
fn summaries_go_with_their_segments() {
    let simulation = Simulation::new(1);
    let mut options = fixed_options();
    options.block_range_ms = 30 * MINUTE_MS;
    let db = Db::open_with(simulation.host(), DIR, options).unwrap();
    fill(&db, 0, 300);
    let before = summaries(simulation.files(), DIR);
    assert!(before.len() > 3, "{before:?}");
    db.maintain().unwrap();
    let left = summaries(simulation.files(), DIR);
    assert!(left.len() < before.len() / 2, "{left:?}");
    for path in left {
        let segment = path.with_extension("");
        assert!(simulation.files().open_read(&segment).is_ok(), "{segment:?}");
    }
}

/// Samples of a log that was replaced behind our back are read, even where the sizes are right.
#[test]
fn the_summary_of_another_segment_is_of_no_use() {
    let simulation = Simulation::new(1);
    let files = simulation.files();
    let db = open(&simulation);
    fill(&db, 0, 150);
    drop(db);
    let path = Path::new("data/wal/00000001");
    files.edit(path, |bytes| bytes.fill(0)).unwrap();
    let replay = open(&simulation).stats().replay;
    remove_summaries(files, DIR);
    let read = open(&simulation).stats().replay;
    assert_eq!(replay.samples, read.samples, "nothing is taken for there that is gone");
    assert!(read.samples < 150 * 300 && replay.samples_passed_over > 20 * 300, "{replay:?}");
}

/// A call that fails as a segment ends costs a summary at most, or the commit is told.
#[test]
fn a_summary_that_cannot_be_written_is_left_out() {
    let mut without_summary = 0;
    for call in 0..12 {
        let simulation = Simulation::new(1);
        let files = simulation.files();
        let db = open(&simulation);
        let mut minute = 0;
        // The next commit ends the segment.
        while files.open_read(Path::new("data/wal/00000000")).unwrap().size().unwrap() < 62 * 1_024
        {
            try_fill(&db, minute).unwrap();
            minute += 1;
        }
        files.fail_call(files.call_count() + call, Fault::ShortWrite);
        if try_fill(&db, minute).is_err() {
            try_fill(&db, minute).unwrap();
        }
        files.repair();
        fill(&db, minute + 1, 30);
        without_summary +=
            u64::from(files.open_read(Path::new("data/wal/00000000.summary")).is_err());
        let expected = read_all(&db);
        assert!(expected.values().all(|samples| samples.len() as i64 == minute + 31));
        drop(db);
        assert_eq!(read_all(&open(&simulation)), expected, "call {call}");
    }
    assert!((1..8).contains(&without_summary), "{without_summary}");
}
