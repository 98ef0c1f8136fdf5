//! How long a server takes from SIGKILL to its first answer, and how much memory meanwhile: ours and
//! Prometheus, each on the log that it wrote for the same remote write requests.
//!
//! ```text
//! cargo build --release --example server && cargo bench --bench start_up
//! ```
//!
//! `NARTHEX_BENCH_SERIES` (100,000) series of two hours, a sample every `NARTHEX_BENCH_INTERVAL` (30)
//! seconds.

#![expect(clippy::print_stdout, reason = "a benchmark reports there")]

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

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
    let interval_s = number_from_env("NARTHEX_BENCH_INTERVAL", 30);
    print_versions(&KINDS)?;
    let labels: Vec<Labels> = (0..series).map(labels).collect();
    let folder = tempfile::tempdir()?;
    println!("{series} series, {HOURS} h, a sample every {interval_s} s");
    println!("{:<12} {:>10} {:>12} {:>12}", "", "ready", "RSS before", "peak after");
    for kind in KINDS {
        let folder = folder.path().join(kind.name());
        fs::create_dir(&folder)?;
        fs::write(folder.join("prometheus.yml"), "")?;
        let mut engine = Engine::start(kind, &folder)?;
        let newest_s = fill(&engine, &labels, i64::try_from(interval_s)?)?;
        let before = engine.process.resident_bytes()?;
        let expected = count(&engine, newest_s)?;
        engine.process.kill();
        let engine = Engine::start(kind, &folder)?;
        if count(&engine, newest_s)? != expected {
            return Err(format!("{} answers differently after its restart", kind.name()).into());
        }
        println!(
            "{:<12} {:>8.2} s {:>8.0} MiB {:>8.0} MiB",
            kind.name(),
            engine.time_to_ready.as_secs_f64(),
            before / MIB,
            engine.process.peak_bytes()? / MIB
        );
    }
    Ok(())
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
