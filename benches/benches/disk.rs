//! The bytes that a sample takes in compacted blocks: ours and Prometheus', from the same samples.
//!
//! ```text
//! cargo bench --bench disk
//! ```
//!
//! Both get eleven hours of samples, 15 seconds apart, and make blocks of them as time goes by; compared
//! is the block of the first six hours, which is compacted of three. `NARTHEX_BENCH_SERIES` (5,000)
//! makes it larger. Takes some minutes: the peer looks once a minute for what there is to compact.

#![expect(clippy::print_stdout, reason = "a benchmark reports there")]

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use narthex_benches::{
    Engine, Kind, Result, is_only_asked_to_start, number_from_env, print_versions,
};
use narthex_host::Host;
use narthex_model::{Labels, Sample};
use narthex_remote::RequestBuilder;
use narthex_storage::{Appendable, SampleValue, SeriesKey};
use narthex_tsdb::{Block, Db, Options, ReadOnlyDb};

fn main() -> Result<()> {
    if is_only_asked_to_start() {
        return Ok(());
    }
    let count = number_from_env("NARTHEX_BENCH_SERIES", 5_000);
    print_versions(&[Kind::Prometheus])?;
    let now_ms = Host::real().clock.now_ms();
    let start_ms = now_ms / COMPACTED_MS * COMPACTED_MS - 2 * COMPACTED_MS;
    let series = (0..count).map(Series::new).collect::<Vec<_>>();
    let folder = tempfile::tempdir()?;
    let ours = write_ours(&folder.path().join("ours"), series.clone(), start_ms)?;
    let theirs = write_theirs(&folder.path().join("theirs"), series, start_ms)?;
    let [our_bytes, their_bytes] =
        [("narthex", &ours), ("Prometheus", &theirs)].map(|(name, block)| {
            let stats = block.meta().stats;
            let bytes = block.size() as f64 / stats.num_samples as f64;
            let (samples, chunks) = (stats.num_samples, stats.num_chunks);
            println!("{name:<12} {samples:>12} samples {chunks:>9} chunks {bytes:>8.4} B a sample");
            bytes
        });
    println!("ratio {:.4}", our_bytes / their_bytes);
    Ok(())
}

/// Appends all samples to a database, and returns its compacted block.
fn write_ours(data: &Path, mut series: Vec<Series>, start_ms: i64) -> Result<Block> {
    let db = Db::open(data, Options::default())?;
    for batch in 0..BATCHES {
        let mut appender = db.appender();
        for series in &mut series {
            for sample in series.batch(start_ms, batch) {
                let key = SeriesKey::Labels(&series.labels);
                appender.append(key, sample.timestamp_ms, SampleValue::Float(sample.value))?;
            }
        }
        appender.commit()?;
    }
    db.maintain()?;
    db.close()?;
    compacted_block(data, start_ms)?.ok_or_else(|| "no compacted block of ours".into())
}

/// Sends all samples to the real Prometheus, and returns the block that it compacted.
fn write_theirs(folder: &Path, mut series: Vec<Series>, start_ms: i64) -> Result<Block> {
    fs::create_dir_all(folder)?;
    fs::write(folder.join("prometheus.yml"), "")?;
    let engine = Engine::start(Kind::Prometheus, folder)?;
    for batch in 0..BATCHES {
        let mut request = RequestBuilder::default();
        for series in &mut series {
            let samples = series.batch(start_ms, batch);
            request.push_series(&series.labels, &samples);
        }
        engine.remote_write(&request.compress())?;
    }
    let started = Instant::now();
    while started.elapsed() < COMPACTION_TIME_MAX {
        // A block may go while it is looked at.
        if let Ok(Some(block)) = compacted_block(&folder.join("data"), start_ms) {
            return Ok(block);
        }
        thread::sleep(Duration::from_secs(1));
    }
    Err("Prometheus does not compact".into())
}

/// Returns the block of the first six hours, where it is alone.
fn compacted_block(data: &Path, start_ms: i64) -> Result<Option<Block>> {
    let mut blocks = ReadOnlyDb::open(data)?.blocks()?;
    blocks.retain(|block| block.meta().min_ms < start_ms + COMPACTED_MS);
    let is_it = blocks.len() == 1 && blocks[0].meta().compaction.level > 1;
    Ok(blocks.pop().filter(|_| is_it))
}

/// A series that goes on.
#[derive(Clone)]
struct Series {
    labels: Labels,
    index: usize,
    value: f64,
    random: u64,
}

impl Series {
    fn new(index: usize) -> Self {
        let (handler, code) = (format!("/api/v1/{}", index / 20), ["200", "404"][index % 2]);
        let labels = Labels::from_pairs([
            ("__name__", ["requests_total", "bytes_total", "temperature", "up"][index % 4]),
            ("instance", &format!("10.0.{}.{}:9100", index / 250 % 250, index % 250)),
            ("handler", &handler),
            ("code", code),
        ]);
        Self { labels, index, value: 0.0, random: index as u64 + 1 }
    }

    /// Returns the samples of one batch: counters of small and of large steps, a gauge with fractions,
    /// and what hardly ever changes. Times are off by a few milliseconds, as scrapes are.
    fn batch(&mut self, start_ms: i64, batch: i64) -> Vec<Sample> {
        let sample = |step: i64| {
            self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let random = self.random >> 33;
            self.value = match self.index % 4 {
                0 => self.value + (random % 10) as f64,
                1 => self.value + (random % 100_000) as f64,
                2 => 20.0 + (random % 1_000) as f64 / 100.0,
                _ => f64::from(u8::from(!random.is_multiple_of(500))),
            };
            let jitter_ms = (random >> 20) as i64 % 5;
            let timestamp_ms = start_ms + (batch * BATCH + step) * INTERVAL_MS + jitter_ms;
            Sample { timestamp_ms, value: self.value }
        };
        (0..BATCH).map(sample).collect()
    }
}

const INTERVAL_MS: i64 = 15_000;
/// Samples of a series in a batch: five minutes.
const BATCH: i64 = 20;
/// Eleven hours: a block is made once the head reaches an hour beyond the next, and blocks are compacted
/// once there is a younger one.
const BATCHES: i64 = 11 * 12;
const COMPACTED_MS: i64 = 6 * 3_600_000;
const COMPACTION_TIME_MAX: Duration = Duration::from_mins(10);
