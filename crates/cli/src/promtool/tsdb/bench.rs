use std::collections::HashSet;
use std::fs;
use std::io;
use std::num::NonZero;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use narthex_model::{Labels, float};
use narthex_storage::{AppendError, Appendable, SampleValue, SeriesKey, SeriesRef};
use narthex_tsdb::{Db, Options};

use super::{BenchWriteFlags, TsdbError, text};
use crate::promtool::Console;

/// Writes samples of many series to a new database, and how long it took.
pub(super) fn write(flags: &BenchWriteFlags, console: &mut Console<'_>) -> Result<(), TsdbError> {
    let fail = |source| TsdbError::OutputDir { path: flags.out.clone(), source };
    match fs::remove_dir_all(&flags.out) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(fail(error)),
        _ => fs::create_dir_all(&flags.out).map_err(fail)?,
    }
    let db = Db::open(flags.out.join("storage"), Options::default())?;
    let (series, _) = stage("readData", console, |_| read_labels(&flags.file, flags.metric_count))?;
    let (total, elapsed) = stage("ingestScrapes", console, |console| {
        let total = ingest(&db, &series, flags.scrape_count, console)?;
        writeln!(console.out(), "ingestion completed").map_err(TsdbError::Output)?;
        Ok(total)
    })?;
    #[expect(clippy::cast_precision_loss, reason = "a rate needs no more digits")]
    let rate = total as f64 / elapsed.as_secs_f64();
    let mut rate_text = String::new();
    float::write_json(&mut rate_text, rate).expect("a String takes all text");
    let out = console.out();
    writeln!(out, " > total samples: {total}").map_err(TsdbError::Output)?;
    writeln!(out, " > samples/sec: {rate_text}").map_err(TsdbError::Output)?;
    stage("stopStorage", console, |_| db.close().map_err(TsdbError::Close))?;
    Ok(())
}

/// Does one part of the benchmark, and says when it starts and how long it took.
fn stage<T>(
    name: &str,
    console: &mut Console<'_>,
    work: impl FnOnce(&mut Console<'_>) -> Result<T, TsdbError>,
) -> Result<(T, Duration), TsdbError> {
    writeln!(console.out(), ">> start stage={name}").map_err(TsdbError::Output)?;
    let start = Instant::now();
    let done = work(console)?;
    let elapsed = start.elapsed();
    let duration = text::duration(i128::try_from(elapsed.as_nanos()).unwrap_or(i128::MAX));
    let written = writeln!(console.out(), ">> completed stage={name} duration={duration}");
    written.map_err(TsdbError::Output)?;
    Ok((done, elapsed))
}

/// Reads a label set `{"name":"value",…}` from each line, up to `count` of them, each once.
fn read_labels(path: &Path, count: usize) -> Result<Vec<Labels>, TsdbError> {
    let fail = |source| TsdbError::Input { path: path.to_owned(), source };
    let input = fs::read_to_string(path).map_err(fail)?;
    let (mut series, mut known) = (Vec::new(), HashSet::new());
    for (index, line) in input.lines().enumerate() {
        if series.len() >= count {
            break;
        }
        let line = line.replace(['"', '{', '}'], "");
        let pairs = line.split(',').map(|pair| pair.split_once(':')).collect::<Option<Vec<_>>>();
        let fail = || TsdbError::BenchInput { path: path.to_owned(), line: index + 1 };
        let labels = Labels::from_pairs(pairs.ok_or_else(fail)?);
        if known.insert(labels.clone()) {
            series.push(labels);
        }
    }
    Ok(series)
}

/// Appends one sample to each series and scrape. Returns how many samples that were.
fn ingest(
    db: &Db,
    series: &[Labels],
    scrape_count: u32,
    console: &Console<'_>,
) -> Result<u64, TsdbError> {
    let round_count = scrape_count.div_ceil(ROUND_SCRAPES);
    let progress = console.progress(u64::from(round_count * ROUND_SCRAPES), "scrapes");
    let shards = series.chunks(SHARD_SERIES).collect::<Vec<_>>();
    let worker_count = thread::available_parallelism().map_or(1, NonZero::get).min(shards.len());
    for round in 0..round_count {
        let start_ms = i64::from(round * ROUND_SCRAPES) * INTERVAL_MS;
        let next = AtomicUsize::new(0);
        let work = || {
            while let Some(shard) = shards.get(next.fetch_add(1, Ordering::Relaxed)) {
                ingest_shard(db, shard, start_ms)?;
            }
            Ok(())
        };
        thread::scope(|scope| {
            let workers = (0..worker_count).map(|_| scope.spawn(work)).collect::<Vec<_>>();
            let join = |worker: thread::ScopedJoinHandle<'_, _>| {
                worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            };
            workers.into_iter().try_for_each(join)
        })
        .map_err(TsdbError::Commit)?;
        progress.advance(u64::from(ROUND_SCRAPES));
    }
    Ok(u64::from(round_count * ROUND_SCRAPES) * series.len() as u64)
}

/// Appends the samples of one round to some of the series, a commit for each scrape.
fn ingest_shard(db: &Db, series: &[Labels], start_ms: i64) -> Result<(), AppendError> {
    let mut refs: Vec<Option<SeriesRef>> = vec![None; series.len()];
    let mut appender = db.appender();
    for scrape in 1..=ROUND_SCRAPES {
        let timestamp_ms = start_ms + i64::from(scrape) * INTERVAL_MS;
        let value = SampleValue::Float(123_456_789.0 + f64::from(scrape) * 1_000.0);
        for (labels, known) in series.iter().zip(&mut refs) {
            let key = known.map_or(SeriesKey::Labels(labels), SeriesKey::Ref);
            *known = Some(appender.append(key, timestamp_ms, value)?);
        }
        appender.commit()?;
    }
    Ok(())
}

/// How far scrapes are apart, in milliseconds.
const INTERVAL_MS: i64 = 30_000;
/// How many scrapes of one shard are done before those of the next rounds, so that no shard falls far
/// behind.
const ROUND_SCRAPES: u32 = 100;
/// How many series one worker takes at a time.
const SHARD_SERIES: usize = 1_000;
