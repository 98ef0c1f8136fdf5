//! Machines and processes that stop at any moment of a start.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use narthex_host::{Fault, Random, SeededRandom, Simulation};
use narthex_model::Labels;
use narthex_storage::{AppendError, Appendable, SampleValue, SeriesKey};
use narthex_tsdb::{Db, Options, WalSync};

use super::DIR;
use crate::support::{read_all, rounds, series};

/// How many series a commit has samples of.
const SERIES_COUNT: usize = 4;

fn options(wal_sync: WalSync) -> Options {
    let mut options = Options::default();
    options.wal_segment_size_bytes = 32 * 1_024;
    options.samples_per_chunk = 8;
    options.wal_sync = wal_sync;
    options.start_ups_max = 0;
    options
}

/// Appends one sample to each of some series: those of every commit, one of this commit alone, and one
/// that comes and goes. The number of the commit is time and value.
fn commit(db: &Db, number: i64) -> Result<(), AppendError> {
    let mut appender = db.appender();
    for index in 0..SERIES_COUNT {
        let labels = match index {
            0 => Labels::from_pairs([("once", number.to_string().repeat(40))]),
            1 => series("coming", &(number / 7).to_string()),
            _ => series("steady", &index.to_string()),
        };
        let value = SampleValue::Float(number as f64);
        appender.append(SeriesKey::Labels(&labels), number, value)?;
    }
    appender.commit()?;
    Ok(())
}

/// Returns the commits that are there, each as a whole.
fn commits(db: &Db, context: &str) -> BTreeSet<i64> {
    let mut counts = std::collections::BTreeMap::<i64, usize>::new();
    for (time, bits) in read_all(db).into_values().flatten() {
        assert_eq!(f64::from_bits(bits), time as f64, "{context}: a wrong value");
        *counts.entry(time).or_default() += 1;
    }
    for (number, count) in &counts {
        assert_eq!(*count, SERIES_COUNT, "{context}: commit {number} is there by half");
    }
    counts.into_keys().collect()
}

/// One start after the other: commits go on while another thread reads the log, and at some call
/// nothing gets through any more; then process or machine stop.
struct Lives {
    simulation: Simulation,
    wal_sync: WalSync,
    random: SeededRandom,
    next: i64,
    acknowledged: BTreeSet<i64>,
    /// Nobody can tell of a commit that failed with the machine.
    uncertain: BTreeSet<i64>,
    stopped_loading: usize,
}

impl Lives {
    fn below(&self, end: u64) -> u64 {
        self.random.next_u64() % end
    }

    fn commit(&mut self, db: &Db) {
        let number = self.next;
        self.next += 1;
        let list = match commit(db, number) {
            Ok(()) => &mut self.acknowledged,
            Err(AppendError::Store(_)) => &mut self.uncertain,
            Err(error) => panic!("commit {number}: {error}"),
        };
        list.insert(number);
    }

    fn check(&self, db: &Db, context: &str) {
        let found = commits(db, context);
        let missing = &self.acknowledged - &found;
        assert!(missing.is_empty(), "{context}: lost {missing:?}");
        let more = &found - &self.acknowledged;
        assert!(more.is_subset(&self.uncertain), "{context}: {more:?} come from nowhere");
    }

    fn live(&mut self, context: &str) {
        let files = self.simulation.files();
        let at = self.below(200);
        files.fail_from(files.call_count() + at, Fault::ShortWrite);
        let options = options(self.wal_sync);
        let opened = Db::open_unloaded_with(self.simulation.host(), DIR, options);
        if let Ok(db) = opened {
            let before = self.next;
            (0..self.below(12)).for_each(|_| self.commit(&db));
            let early = self.acknowledged.range(before..).copied().collect::<BTreeSet<_>>();
            assert!(db.is_loaded() || commits(&db, context) == early, "{context}");
            let (has_begun, is_done) = (AtomicBool::new(false), AtomicBool::new(false));
            thread::scope(|scope| {
                let (db, has_begun, is_done) = (&db, &has_begun, &is_done);
                scope.spawn(move || {
                    has_begun.store(true, Ordering::Release);
                    // Where the machine stopped, or the disk is full, it may fail.
                    let _ = db.load();
                    is_done.store(true, Ordering::Release);
                });
                if self.below(2) == 0 {
                    (0..self.below(3)).for_each(|_| self.commit(db));
                    while !has_begun.load(Ordering::Acquire) {
                        thread::yield_now();
                    }
                    // As long as a load takes, on whatever machine.
                    let spins_max = 1 << self.below(16);
                    (0..self.below(spins_max)).for_each(|_| std::hint::spin_loop());
                    self.stop(db);
                }
                while !is_done.load(Ordering::Acquire) {
                    self.commit(db);
                }
                (0..self.below(12)).for_each(|_| self.commit(db));
            });
            self.stopped_loading += usize::from(!db.is_loaded());
            if db.is_loaded() && self.wal_sync != WalSync::Commit {
                self.check(&db, context);
            }
        }
        self.simulation.files().repair();
        if self.wal_sync == WalSync::Commit {
            self.simulation.files().crash();
        }
    }

    /// Lets nothing more be read, whoever is at it: a machine stops, or a process.
    fn stop(&self, db: &Db) {
        match self.wal_sync {
            WalSync::Commit => self.simulation.files().crash(),
            _ => db.interrupt(),
        }
    }
}

fn run(wal_sync: WalSync, seeds: usize) {
    let (mut total, mut stopped) = (0, 0);
    for seed in 0..seeds as u64 {
        let mut lives = Lives {
            simulation: Simulation::new(seed),
            wal_sync,
            random: SeededRandom::new(seed),
            next: 0,
            acknowledged: BTreeSet::new(),
            uncertain: BTreeSet::new(),
            stopped_loading: 0,
        };
        for life in 0..6 {
            lives.live(&format!("seed {seed}, life {life}"));
        }
        for is_later in [false, true] {
            let (host, options) = (lives.simulation.host(), options(wal_sync));
            let db = match is_later {
                false => Db::open_with(host, DIR, options).unwrap(),
                true => Db::open_unloaded_with(host, DIR, options).unwrap(),
            };
            db.load().unwrap();
            lives.check(&db, &format!("seed {seed}, the end"));
            assert_eq!(db.corruptions(), [], "seed {seed}");
            lives.commit(&db);
        }
        total += lives.acknowledged.len();
        stopped += lives.stopped_loading;
    }
    assert!(stopped > 0, "no load was cut off");
    println!(
        "{wal_sync:?}: {seeds} seeds, {total} commits acknowledged, 0 lost, {stopped} loads cut off"
    );
}

#[test]
fn a_machine_that_stops_while_it_loads_loses_nothing() {
    run(WalSync::Commit, rounds(60, 2_000));
}

#[test]
fn a_process_that_stops_while_it_loads_loses_nothing() {
    run(WalSync::Never, rounds(60, 2_000));
}
