//! Many starts of one folder, with blocks and checkpoints in between.

use std::path::Path;
use std::time::Duration;

use narthex_host::{Files, Random, SeededRandom, Simulation};
use narthex_storage::{AppendError, Appendable, SampleValue, SeriesKey};
use narthex_tsdb::{Db, Options};

use super::DIR;
use crate::support::{Samples, read_all, rounds, series};

const MINUTE_MS: i64 = 60_000;

/// Blocks of ten minutes, and chunks and segments that are short accordingly.
fn options() -> Options {
    let mut options = Options::default();
    options.block_range_ms = 10 * MINUTE_MS;
    options.compaction.range_max_ms = 90 * MINUTE_MS;
    options.samples_per_chunk = 8;
    options.wal_segment_size_bytes = 32 * 1_024;
    options.retention.time_ms = 0;
    options.start_ups_max = 0;
    options
}

struct History {
    simulation: Simulation,
    minute: i64,
    samples: Samples,
}

impl History {
    /// Commits the samples of a minute: of series that stay, and of some that come and go.
    fn commit(&mut self, db: &Db) -> Result<(), AppendError> {
        self.simulation.clock().advance(Duration::from_secs(60));
        self.minute += 1;
        let (time, value) = (self.minute * MINUTE_MS, self.minute as f64);
        let steady = (0..20).map(|number| format!("steady{number}"));
        let churning = (0..10).map(|number| format!("churn{}", (self.minute + number) / 15));
        let mut appender = db.appender();
        let mut names = steady.chain(churning).collect::<Vec<_>>();
        names.dedup();
        for name in &names {
            let labels = series("m", name);
            appender.append(SeriesKey::Labels(&labels), time, SampleValue::Float(value))?;
        }
        appender.commit()?;
        for name in names {
            let name = series("m", &name).as_series().to_string();
            self.samples.entry(name).or_default().push((time, value.to_bits()));
        }
        Ok(())
    }
}

fn log_size(simulation: &Simulation) -> u64 {
    fn size(files: &dyn Files, dir: &Path) -> u64 {
        let entries = files.list_dir(dir).unwrap().into_iter();
        let sizes = entries.map(|entry| match dir.join(&*entry.name) {
            path if entry.is_dir => size(files, &path),
            path => files.open_read(&path).unwrap().size().unwrap(),
        });
        sizes.sum()
    }
    size(simulation.files(), Path::new("data/wal"))
}

#[test]
fn many_starts_leave_every_sample_where_it_belongs() {
    for seed in 0..rounds(3, 40) as u64 {
        let random = SeededRandom::new(seed);
        let below = |end: u64| random.next_u64() % end;
        let simulation = Simulation::new(seed);
        let mut history = History { simulation, minute: 0, samples: Samples::new() };
        let mut sizes = Vec::new();
        for life in 0..60 {
            let context = format!("seed {seed}, life {life}");
            let host = history.simulation.host();
            let db = match below(4) {
                0 => Db::open_with(host, DIR, options()).unwrap(),
                _ => Db::open_unloaded_with(host, DIR, options()).unwrap(),
            };
            (0..below(5)).for_each(|_| history.commit(&db).unwrap());
            if below(5) > 0 {
                db.load().unwrap();
                assert!(read_all(&db) == history.samples, "{context}");
                (0..below(12)).for_each(|_| history.commit(&db).unwrap());
                db.maintain().unwrap();
                assert!(read_all(&db) == history.samples, "{context}: maintained");
            }
            if below(2) == 0 {
                db.close().unwrap();
            }
            sizes.push(log_size(&history.simulation));
        }
        let db = Db::open_with(history.simulation.host(), DIR, options()).unwrap();
        assert!(read_all(&db) == history.samples, "seed {seed}: the end");
        assert_eq!((db.corruptions(), db.stats().replay.unknown.total()), (&[][..], 0));
        assert!(db.block_metas().len() > 1, "no block was written");
        let (early, late) = (sizes[20..30].iter().max(), sizes[50..].iter().max());
        assert!(late < early.map(|size| size * 2).as_ref(), "the log grows: {sizes:?}");
    }
}
