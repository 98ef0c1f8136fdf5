//! Samples that are older than the newest of their series.

mod blocks;
mod crash;
mod rules;
mod senders;

use std::collections::BTreeMap;

use narthex_host::Simulation;
use narthex_model::Labels;
use narthex_storage::{AppendError, Appendable, SampleValue, SeriesKey};
use narthex_tsdb::{Db, OpenError, Options, WalSync};

use crate::support::{Samples, series};

const MINUTE_MS: i64 = 60_000;
const WINDOW_MS: i64 = 30 * MINUTE_MS;

fn options(wal_sync: WalSync) -> Options {
    let mut options = Options::default();
    options.wal_sync = wal_sync;
    options.wal_segment_size_bytes = 32 * 1024;
    options.out_of_order_window_ms = WINDOW_MS;
    options
}

fn open(simulation: &Simulation, wal_sync: WalSync) -> Result<Db, OpenError> {
    Db::open_with(simulation.host(), "data", options(wal_sync))
}

fn labels(number: usize) -> Labels {
    series("late", &number.to_string())
}

/// What a database is to hold: for each series the bits of a value by time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Expected(BTreeMap<usize, BTreeMap<i64, u64>>);

impl Expected {
    fn add(&mut self, number: usize, time: i64, value: f64) {
        self.0.entry(number).or_default().insert(time, value.to_bits());
    }

    fn samples(&self) -> Samples {
        let texts = self.0.iter().map(|(number, samples)| {
            let samples = samples.iter().map(|(time, bits)| (*time, *bits));
            (labels(*number).as_series().to_string(), samples.collect())
        });
        texts.collect()
    }
}

/// Appends samples of several series in one commit.
fn commit(db: &Db, samples: &[(usize, i64, f64)]) -> Result<usize, AppendError> {
    let mut appender = db.appender();
    for &(number, time, value) in samples {
        appender.append(SeriesKey::Labels(&labels(number)), time, SampleValue::Float(value))?;
    }
    Ok(appender.commit()?.samples)
}
