//! How long a server takes from SIGKILL until it is ready, and how much memory meanwhile: ours and
//! Prometheus, each on a copy of one data directory.
//!
//! Ours takes the samples by remote write, all series once an interval as scrapes would bring them,
//! and is killed. What it leaves is a log and head chunks in the format of both, so both start from
//! the same bytes, by turns, and must give the same answer.
//!
//! ```text
//! cargo build --release --example server && cargo bench --bench start_up
//! ```
//!
//! `NARTHEX_BENCH_SERIES` (100,000) series of two hours, a sample every `NARTHEX_BENCH_INTERVAL` (15)
//! seconds; `NARTHEX_BENCH_ROUNDS` (3) starts of each, of which the fastest counts and the most memory.
//! The defaults take about five minutes and, in `TMPDIR`, 2 GB.

#![expect(clippy::print_stdout, reason = "a benchmark reports there")]

use std::fs;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use narthex_benches::{
    Engine, Kind, Result, is_only_asked_to_start, number_from_env, print_versions,
};
use narthex_model::{Labels, Sample};
use narthex_remote::RequestBuilder;

const KINDS: [Kind; 2] = [Kind::Narthex, Kind::Prometheus];
const HOURS: i64 = 2;
const SERIES_A_REQUEST: usize = 5_000;
const MIB: f64 = 1024.0 * 1024.0;

fn main() -> Result<()> {
    if is_only_asked_to_start() {
        return Ok(());
    }
    let series = number_from_env("NARTHEX_BENCH_SERIES", 100_000);
    let interval_s = number_from_env("NARTHEX_BENCH_INTERVAL", 15);
    let rounds = number_from_env("NARTHEX_BENCH_ROUNDS", 3);
    print_versions(&KINDS)?;
    let labels: Vec<Labels> = (0..series).map(labels).collect();
    let folder = tempfile::tempdir()?;
    let original = folder.path().join("original");
    prepare(&original)?;

    let started = Instant::now();
    let mut server = Engine::start(Kind::Narthex, &original)?;
    let newest_s = fill(&server, &labels, i64::try_from(interval_s)?)?;
    let (before, peak_before) = (server.process.resident_bytes()?, server.process.peak_bytes()?);
    server.process.kill();
    let samples = series as i64 * HOURS * 3_600 / i64::try_from(interval_s)?;
    println!("{series} series, {HOURS} h, a sample every {interval_s} s: {samples} samples");
    println!("written in {:.0} s: {}", started.elapsed().as_secs_f64(), sizes(&original)?);
    println!("before SIGKILL {:.0} MiB, {:.0} at the peak", before / MIB, peak_before / MIB);

    let mut best = [(Duration::MAX, 0.0_f64); 2];
    let mut answers = Vec::new();
    for _ in 0..rounds {
        for (kind, (ready, peak)) in KINDS.into_iter().zip(&mut best) {
            let copy = folder.path().join(kind.name());
            prepare(&copy)?;
            copy_dir(&original.join("data"), &copy.join("data"))?;
            let server = Engine::start(kind, &copy)?;
            *ready = server.time_to_ready.min(*ready);
            *peak = server.process.peak_bytes()?.max(*peak);
            answers.push(count(&server, newest_s)?);
            drop(server);
            fs::remove_dir_all(&copy)?;
        }
    }
    if let Some(other) = answers.iter().find(|answer| **answer != answers[0]) {
        return Err(format!("answers differ:\n{}\n{other}", answers[0]).into());
    }
    println!("{:<12} {:>10} {:>12} {:>14}", "", "ready", "peak", "of RSS before");
    for (kind, (ready, peak)) in KINDS.into_iter().zip(best) {
        let ready_s = ready.as_secs_f64();
        let (peak_mib, part) = (peak / MIB, peak / before);
        println!("{:<12} {ready_s:>8.2} s {peak_mib:>8.0} MiB {part:>14.2}", kind.name());
    }
    println!("ratio {:.1}", best[1].0.as_secs_f64() / best[0].0.as_secs_f64());
    Ok(())
}

fn prepare(folder: &Path) -> Result<()> {
    fs::create_dir(folder)?;
    fs::write(folder.join("prometheus.yml"), "")?;
    Ok(())
}

/// Copies what can be copied: a lock that nobody holds is a file like others.
fn copy_dir(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_dir(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// Says how much log and how many full chunks there are.
fn sizes(folder: &Path) -> Result<String> {
    let size = |name| -> io::Result<f64> {
        let entries = fs::read_dir(folder.join("data").join(name))?;
        let sizes = entries.map(|entry| Ok(entry?.metadata()?.len()));
        Ok(sizes.sum::<io::Result<u64>>()? as f64 / MIB)
    };
    Ok(format!("log {:.0} MiB, head chunks {:.0} MiB", size("wal")?, size("chunks_head")?))
}

fn labels(index: usize) -> Labels {
    let (instance, path) =
        (format!("host-{}:9100", index / 1_000), format!("/path/{}", index % 1_000));
    Labels::from_pairs([
        ("__name__", "http_requests_total"),
        ("instance", instance.as_str()),
        ("job", "race"),
        ("path", path.as_str()),
    ])
}

/// Sends all samples, oldest first. Returns the time of the newest, in seconds.
fn fill(server: &Engine, labels: &[Labels], interval_s: i64) -> Result<i64> {
    let now_s = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())?;
    let steps = HOURS * 3_600 / interval_s;
    for step in 0..steps {
        let timestamp_ms = (now_s - (steps - 1 - step) * interval_s) * 1_000;
        for (part, labels) in labels.chunks(SERIES_A_REQUEST).enumerate() {
            let mut request = RequestBuilder::default();
            for (index, labels) in labels.iter().enumerate() {
                let slope = (part * SERIES_A_REQUEST + index) % 200;
                let value = step as f64 * slope as f64;
                request.push_series(labels, &[Sample { timestamp_ms, value }]);
            }
            server.remote_write(&request.compress())?;
        }
    }
    Ok(now_s)
}

/// Returns the answer to how many samples there are, by minute.
fn count(server: &Engine, newest_s: i64) -> Result<String> {
    let start_s = newest_s - HOURS * 3_600;
    let query = "sum(count_over_time(http_requests_total[5m]))";
    let answer = server.query_range(query, (start_s, newest_s), 300)?;
    let values = answer.split_once("\"values\"").ok_or("no values in the answer")?.1;
    Ok(values.split_once(']').map_or(values, |(first, _)| first).to_owned())
}
