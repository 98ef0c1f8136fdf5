//! Three blocks become one while the server scrapes and answers: ours and Prometheus, one after the
//! other, on copies of one folder.
//!
//! ```text
//! cargo build --release --example server && cargo bench --bench compaction
//! ```
//!
//! Blocks of two hours with `NARTHEX_BENCH_SERIES` (100,000) series, a sample every
//! `NARTHEX_BENCH_INTERVAL` (30) seconds. Meanwhile 20 targets of `NARTHEX_BENCH_TARGET_SERIES` (5,000)
//! series are scraped every five seconds, and a query over them is asked again and again. Either server
//! looks for something to do a minute after its start. Added memory is the most during the compaction
//! less what was resident just before it.

#![expect(clippy::print_stdout, reason = "a benchmark reports there")]

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use narthex_benches::{
    Engine, Kind, Result, is_only_asked_to_start, number_from_env, print_versions, scrape_config,
};
use narthex_examples::Target;
use narthex_model::Labels;
use narthex_storage::{Appendable, SampleValue, SeriesKey};
use narthex_tsdb::{Db, Options};

const KINDS: [Kind; 2] = [Kind::Narthex, Kind::Prometheus];
const TARGETS: usize = 20;
const HOUR_MS: i64 = 3_600_000;
const BLOCK_MS: i64 = 2 * HOUR_MS;
/// The blocks that become one, which lie in one range of six hours.
const BLOCKS: i64 = 3;
/// Long enough for the first look for something to do, and for the compaction itself.
const TIME_MAX: Duration = Duration::from_mins(10);
const POLL_INTERVAL: Duration = Duration::from_millis(5);
const QUERY: &str = "sum by (code) (rate(http_requests_total[1m]))";
const MIB: f64 = 1024.0 * 1024.0;

fn main() -> Result<()> {
    if is_only_asked_to_start() {
        return Ok(());
    }
    let series = number_from_env("NARTHEX_BENCH_SERIES", 100_000);
    let interval_s = number_from_env("NARTHEX_BENCH_INTERVAL", 30);
    let target_series = number_from_env("NARTHEX_BENCH_TARGET_SERIES", 5_000);
    print_versions(&KINDS)?;
    let folder = tempfile::tempdir()?;
    let source = folder.path().join("source");
    let size_bytes = fill(&source, series, i64::try_from(interval_s)? * 1_000)?;
    let targets = (0..TARGETS)
        .map(|_| Target::start(move |scrapes| page(target_series, scrapes)))
        .collect::<io::Result<Vec<_>>>()?;
    println!(
        "{BLOCKS} blocks of {series} series, {:.0} MiB, beside {TARGETS} targets of {target_series} series",
        size_bytes as f64 / MIB
    );
    println!(
        "{:<12} {:>10} {:>12} {:>12} {:>12} {:>12}",
        "", "time", "MB/s", "added RSS", "query p50", "query p99"
    );
    for kind in KINDS {
        let folder = folder.path().join(kind.name());
        fs::create_dir(&folder)?;
        copy_dir(&source, &folder.join("data"))?;
        fs::write(folder.join("prometheus.yml"), scrape_config(&targets, "5s"))?;
        let engine = Engine::start(kind, &folder)?;
        let Figures { time, added_bytes, mut delays } = watch(&engine, &folder.join("data"))?;
        delays.sort_unstable();
        let delay = |part: usize| delays[(delays.len() - 1) * part / 100].as_secs_f64() * 1e3;
        println!(
            "{:<12} {:>8.2} s {:>12.1} {:>8.0} MiB {:>9.1} ms {:>9.1} ms",
            kind.name(),
            time.as_secs_f64(),
            size_bytes as f64 / 1e6 / time.as_secs_f64(),
            added_bytes / MIB,
            delay(50),
            delay(99)
        );
    }
    Ok(())
}

/// What a compaction took.
struct Figures {
    time: Duration,
    added_bytes: f64,
    /// Of the queries that were asked meanwhile.
    delays: Vec<Duration>,
}

/// Waits for the compaction, from the first unfinished block to the one of all, while a client asks one
/// query after the other.
fn watch(engine: &Engine, data: &Path) -> Result<Figures> {
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let asked = scope.spawn(|| ask_until(engine, &is_over).map_err(|error| error.to_string()));
        let compaction = wait_for_compaction(engine, data);
        is_over.store(true, Ordering::Relaxed);
        let asked = asked.join().map_err(|_| "the client failed")??;
        let (begin, end, added_bytes) = compaction?;
        let meanwhile =
            asked.iter().filter(|(start, delay)| *start <= end && *start + *delay >= begin);
        let delays = meanwhile.map(|(_, delay)| *delay).collect();
        Ok(Figures { time: end - begin, added_bytes, delays })
    })
}

/// Returns when the compaction began and ended, and the memory that it took beside.
fn wait_for_compaction(engine: &Engine, data: &Path) -> Result<(Instant, Instant, f64)> {
    let waiting = Instant::now();
    let mut before = engine.process.resident_bytes()?;
    while !has_unfinished_block(data)? {
        if waiting.elapsed() > TIME_MAX {
            return Err(format!("{} compacts nothing", engine.kind.name()).into());
        }
        before = engine.process.resident_bytes()?;
        engine.process.reset_peak()?;
        thread::sleep(POLL_INTERVAL);
    }
    let begin = Instant::now();
    while !has_merged_block(data)? {
        if begin.elapsed() > TIME_MAX {
            return Err(format!("{} does not finish", engine.kind.name()).into());
        }
        thread::sleep(POLL_INTERVAL);
    }
    let end = Instant::now();
    Ok((begin, end, (engine.process.peak_bytes()? - before).max(0.0)))
}

/// Asks until it `is_over`. Returns when each query was asked, and how long its answer took.
fn ask_until(engine: &Engine, is_over: &AtomicBool) -> Result<Vec<(Instant, Duration)>> {
    let mut asked = Vec::new();
    while !is_over.load(Ordering::Relaxed) {
        let start = Instant::now();
        ask(engine)?;
        asked.push((start, start.elapsed()));
        thread::sleep(POLL_INTERVAL);
    }
    Ok(asked)
}

/// Returns whether the block of all is there. Those that it replaces may go at this moment.
fn has_merged_block(data: &Path) -> Result<bool> {
    let hours = blocks(data)?.iter().filter_map(|block| block_hours(block).ok()).max();
    Ok(hours == Some(BLOCKS * BLOCK_MS / HOUR_MS))
}

/// Asks over what is scraped.
fn ask(engine: &Engine) -> Result<()> {
    let now_s = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())?;
    engine.query_range(QUERY, (now_s - 60, now_s), 15)?;
    Ok(())
}

fn has_unfinished_block(data: &Path) -> Result<bool> {
    let mut entries = fs::read_dir(data)?.filter_map(io::Result::ok);
    Ok(entries.any(|entry| entry.file_name().to_string_lossy().ends_with(".tmp-for-creation")))
}

fn blocks(data: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(data)?.collect::<io::Result<Vec<_>>>()?;
    let paths = entries.into_iter().map(|entry| entry.path());
    Ok(paths.filter(|path| path.join("meta.json").exists()).collect())
}

fn block_hours(block: &Path) -> Result<i64> {
    let text = fs::read_to_string(block.join("meta.json"))?;
    let meta = serde_json::from_str::<serde_json::Value>(&text)?;
    let time = |name: &str| meta[name].as_i64().ok_or("a block without a time");
    Ok((time("maxTime")? - time("minTime")? + HOUR_MS - 1) / HOUR_MS)
}

/// Writes the blocks, and a small newer one: the newest is never compacted. Returns the size of those
/// that are.
fn fill(data: &Path, series: usize, interval_ms: i64) -> Result<u64> {
    let db = Db::open(data, Options::default())?;
    let now_ms = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?;
    let range_ms = BLOCKS * BLOCK_MS;
    let end_ms = (now_ms - BLOCK_MS) / range_ms * range_ms;
    let labels = (0..series).map(labels).collect::<Vec<_>>();
    for block in 0..=BLOCKS {
        let start_ms = end_ms - (BLOCKS - block) * BLOCK_MS;
        let count = if block < BLOCKS { labels.len() } else { 1 };
        let mut references = vec![None; count];
        for step in 0..BLOCK_MS / interval_ms {
            let mut appender = db.appender();
            for (index, reference) in references.iter_mut().enumerate() {
                let key = reference.map_or(SeriesKey::Labels(&labels[index]), SeriesKey::Ref);
                let value = SampleValue::Float((step * (index as i64 % 200)) as f64);
                *reference = Some(appender.append(key, start_ms + step * interval_ms, value)?);
            }
            appender.commit()?;
        }
        db.flush(start_ms + BLOCK_MS)?;
    }
    let mut size_bytes = 0;
    for path in blocks(data)? {
        size_bytes += size_of(&path)?;
    }
    db.close()?;
    for name in ["wal", "chunks_head"] {
        fs::remove_dir_all(data.join(name))?;
    }
    Ok(size_bytes)
}

fn labels(index: usize) -> Labels {
    let (instance, path) =
        (format!("host-{}:9100", index / 1_000), format!("/path/{}", index % 1_000));
    Labels::from_pairs([
        ("__name__", "old_requests_total"),
        ("instance", instance.as_str()),
        ("job", "race"),
        ("path", path.as_str()),
    ])
}

fn size_of(path: &Path) -> io::Result<u64> {
    if !path.is_dir() {
        return Ok(fs::metadata(path)?.len());
    }
    fs::read_dir(path)?.map(|entry| size_of(&entry?.path())).sum()
}

fn copy_dir(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy_dir(&path, &target)?
        } else {
            fs::copy(&path, &target).map(drop)?
        }
    }
    Ok(())
}

fn page(series: usize, scrapes: u64) -> String {
    let mut page = String::with_capacity(series * 110);
    page += "# TYPE http_requests_total counter\n";
    for index in 0..series {
        let (handler, code) = (index / 4, ["200", "302", "404", "500"][index % 4]);
        let value = scrapes * (index as u64 % 200) + index as u64;
        let _ = writeln!(
            page,
            "http_requests_total{{code=\"{code}\",handler=\"/api/v1/resource/{handler}\",method=\"get\"}} {value}"
        );
    }
    page
}
