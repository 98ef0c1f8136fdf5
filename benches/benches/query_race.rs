//! Nine range queries over one block directory: ours against Prometheus on copies of it, and against
//! VictoriaMetrics on the same samples.
//!
//! ```text
//! cargo build --release --example server && cargo bench --bench query_race
//! ```
//!
//! 2,000 counters of six hours, a sample every 15 seconds, in blocks that `promtool tsdb
//! create-blocks-from openmetrics` makes; the last five hours are asked for. The servers take turns,
//! and what counts is the least CPU time of a process in five rounds. Ours has to answer as Prometheus
//! does before any time counts; VictoriaMetrics extrapolates differently, so that only its number of
//! results is compared.
//!
//! Then the memory that two queries over 10,000 such series take at their peak
//! (`NARTHEX_BENCH_MEMORY=0` leaves it out).

#![expect(clippy::print_stdout, reason = "a benchmark reports there")]

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::process::Command;

use narthex_benches::{
    Engine, Kind, Result, is_only_asked_to_start, number_from_env, print_versions,
};
use serde_json::Value;

const SERIES: usize = 2_000;
const SERIES_OF_MEMORY: usize = 10_000;
/// A multiple of two hours, so that the samples fill three blocks.
const START_S: i64 = 1_699_999_200;
const HOURS: i64 = 6;
const HOURS_ASKED: i64 = 5;
const INTERVAL_S: i64 = 15;
const ROUNDS: usize = 5;
/// CPU time is counted in hundredths of a second, so each measurement has to last.
const CPU_SECONDS_MIN: f64 = 0.3;
const MIB: f64 = 1024.0 * 1024.0;

struct Race {
    query: &'static str,
    step_s: i64,
}

/// The queries, and their steps.
const RACES: [Race; 9] = [
    Race { query: "count(m)", step_s: 60 },
    Race { query: "sum(rate(m[5m]))", step_s: 15 },
    Race { query: "sum by (handler) (rate(m[5m]))", step_s: 15 },
    Race { query: "sum by (handler) (rate(m[1h]))", step_s: 60 },
    Race { query: "sum(sum_over_time(m[1h]))", step_s: 60 },
    Race { query: "sum(max_over_time(m[1h]))", step_s: 60 },
    Race { query: "sum by (pod) (rate(m[5m]))", step_s: 60 },
    Race { query: "rate(m[5m]) / on (pod) rate(m[5m])", step_s: 60 },
    Race { query: "quantile by (zone) (0.9, rate(m[5m]))", step_s: 60 },
];

fn main() -> Result<()> {
    if is_only_asked_to_start() {
        return Ok(());
    }
    print_versions(&Kind::ALL)?;
    let folder = tempfile::tempdir()?;
    race(&start_all(&folder.path().join("race"), SERIES)?)?;
    if number_from_env("NARTHEX_BENCH_MEMORY", 1) != 0 {
        memory(&start_all(&folder.path().join("memory"), SERIES_OF_MEMORY)?)?;
    }
    Ok(())
}

/// Makes the samples and starts all servers on them.
fn start_all(folder: &Path, series: usize) -> Result<Vec<Engine>> {
    fs::create_dir(folder)?;
    let samples = folder.join("samples.txt");
    write_open_metrics(&samples, series)?;
    let mut engines = Vec::new();
    for kind in Kind::ALL {
        let folder = folder.join(kind.name());
        fs::create_dir(&folder)?;
        fs::write(folder.join("prometheus.yml"), "")?;
        if kind != Kind::VictoriaMetrics {
            create_blocks(&samples, &folder.join("data"))?;
        }
        let engine = Engine::start(kind, &folder)?;
        if kind == Kind::VictoriaMetrics {
            import(&engine, series)?;
        }
        engines.push(engine);
    }
    Ok(engines)
}

fn write_open_metrics(path: &Path, series: usize) -> Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    writeln!(file, "# TYPE m unknown")?;
    for index in 0..series {
        for (time_s, value) in samples(index) {
            writeln!(file, "m{} {value} {time_s}", labels(index))?;
        }
    }
    writeln!(file, "# EOF")?;
    Ok(file.flush()?)
}

fn create_blocks(samples: &Path, data: &Path) -> Result<()> {
    let command = ["tsdb", "create-blocks-from", "openmetrics", "--quiet"];
    let status = Command::new("promtool").args(command).arg(samples).arg(data).status()?;
    status.success().then_some(()).ok_or_else(|| "promtool made no blocks".into())
}

/// Gives VictoriaMetrics the samples, and lets it merge them.
fn import(server: &Engine, series: usize) -> Result<()> {
    for from in (0..series).step_by(100) {
        let mut lines = String::new();
        for index in from..series.min(from + 100) {
            for (time_s, value) in samples(index) {
                writeln!(lines, "m{} {value} {}", labels(index), time_s * 1_000)?;
            }
        }
        server.post("/api/v1/import/prometheus", lines.as_bytes())?;
    }
    server.post("/internal/force_flush", b"")?;
    server.post("/internal/force_merge", b"")?;
    std::thread::sleep(std::time::Duration::from_secs(5));
    Ok(())
}

fn labels(index: usize) -> String {
    format!("{{handler=\"h{}\",pod=\"p{index}\",zone=\"z{}\"}}", index % 20, index % 5)
}

/// A counter's samples: seconds since the Unix epoch, and increments from 0 to 199.
fn samples(index: usize) -> impl Iterator<Item = (i64, u64)> {
    let mut state = index as u64 + 1;
    let mut value = 0;
    (0..HOURS * 3_600 / INTERVAL_S).map(move |step| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        value += (state >> 33) % 200;
        (START_S + step * INTERVAL_S, value)
    })
}

/// Returns which times are asked for: none at which a sample is, since Prometheus 2.42 takes a sample
/// on the left edge of a window for a part of it and later versions do not.
fn range() -> (i64, i64) {
    let end_s = START_S + HOURS * 3_600 - INTERVAL_S / 2;
    (end_s - HOURS_ASKED * 3_600, end_s)
}

fn race(engines: &[Engine]) -> Result<()> {
    println!("CPU ns a series and step: {SERIES} series, {HOURS_ASKED} h, {ROUNDS} rounds");
    println!(
        "{:<40} {:>5} {:>9} {:>11} {:>16}",
        "query", "step", "narthex", "Prometheus", "VictoriaMetrics"
    );
    let mut ratios = [Vec::new(), Vec::new()];
    for Race { query, step_s } in RACES {
        compare(engines, query, step_s)?;
        let mut least = [f64::INFINITY; 3];
        for _ in 0..ROUNDS {
            for (engine, least) in engines.iter().zip(&mut least) {
                *least = least.min(cpu_seconds(engine, query, step_s)?);
            }
        }
        let results = (SERIES as i64 * (HOURS_ASKED * 3_600 / step_s + 1)) as f64;
        let [ours, prometheus, victoria] = least.map(|seconds| seconds * 1e9 / results);
        ratios[0].push(prometheus / ours);
        ratios[1].push(victoria / ours);
        println!(
            "{query:<40} {step_s:>4}s {ours:>9.1} {prometheus:>5.0} {:>4.1}x {victoria:>10.0} {:>4.1}x",
            prometheus / ours,
            victoria / ours
        );
    }
    let [prometheus, victoria] = ratios.map(|ratios| {
        (ratios.iter().map(|ratio| ratio.ln()).sum::<f64>() / ratios.len() as f64).exp()
    });
    println!("geometric mean: Prometheus {prometheus:.1}x, VictoriaMetrics {victoria:.1}x");
    Ok(())
}

/// Returns the CPU time of one answer.
fn cpu_seconds(engine: &Engine, query: &str, step_s: i64) -> Result<f64> {
    let before = engine.process.cpu_seconds()?;
    let mut answers = 0;
    loop {
        engine.query_range(query, range(), step_s)?;
        answers += 1;
        let used = engine.process.cpu_seconds()? - before;
        if used >= CPU_SECONDS_MIN {
            return Ok(used / f64::from(answers));
        }
    }
}

/// Fails where ours does not answer as Prometheus does. Prometheus 2.42 sums without compensation, so
/// that the last digits of sums may differ.
fn compare(engines: &[Engine], query: &str, step_s: i64) -> Result<()> {
    let answers = engines
        .iter()
        .map(|engine| results(&engine.query_range(query, range(), step_s)?))
        .collect::<Result<Vec<_>>>()?;
    let [ours, prometheus, victoria] = &answers[..] else {
        return Err("three servers race".into());
    };
    if victoria.len() != prometheus.len() {
        let counts = (victoria.len(), prometheus.len());
        return Err(format!("{query}: VictoriaMetrics has other series: {counts:?}").into());
    }
    let alike = |(one, other): (&Series, &Series)| {
        let values = one.values.iter().zip(&other.values);
        one.labels == other.labels
            && one.values.len() == other.values.len()
            && values.clone().all(|(one, other)| (one - other).abs() <= one.abs() * 1e-13)
    };
    match ours.len() == prometheus.len() && ours.iter().zip(prometheus).all(alike) {
        true => Ok(()),
        false => Err(format!("{query}: ours is not the answer of Prometheus").into()),
    }
}

struct Series {
    labels: String,
    values: Vec<f64>,
}

/// Reads an answer into series in the order of their labels.
fn results(answer: &str) -> Result<Vec<Series>> {
    let answer: Value = serde_json::from_str(answer)?;
    let results = answer["data"]["result"].as_array().ok_or("no result")?;
    let number = |point: &Value| point[1].as_str()?.parse().ok();
    let mut series = results
        .iter()
        .map(|result| {
            let points = result["values"].as_array().ok_or("no values")?;
            let values = points.iter().map(number).collect::<Option<Vec<f64>>>();
            Ok(Series { labels: result["metric"].to_string(), values: values.ok_or("no number")? })
        })
        .collect::<Result<Vec<_>>>()?;
    series.sort_by(|one, other| one.labels.cmp(&other.labels));
    Ok(series)
}

/// Prints how far each server's memory grows for a query.
fn memory(engines: &[Engine]) -> Result<()> {
    println!("growth of the resident memory: {SERIES_OF_MEMORY} series, {HOURS} h");
    for query in ["sum by (handler) (rate(m[1h]))", "m"] {
        print!("{query:<40}");
        for engine in engines {
            let process = &engine.process;
            process.reset_peak()?;
            let before = process.resident_bytes()?;
            engine.query_range(query, (START_S, START_S + HOURS * 3_600), 60)?;
            let growth = process.peak_bytes()? - before;
            print!(" {} {:.1} MiB", engine.kind.name(), growth / MIB);
        }
        println!();
    }
    Ok(())
}
