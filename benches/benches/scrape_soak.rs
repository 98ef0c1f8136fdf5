//! A hundred thousand series scraped every five seconds, by each server in turn, seen from outside.
//!
//! ```text
//! cargo build --release --example server && cargo bench --bench scrape_soak
//! ```
//!
//! Two minutes a server, or as many seconds as `NARTHEX_BENCH_SECONDS` says. The targets live in this
//! process and note when each request arrives. A scrape's lateness is its arrival less its slot, where
//! the slots of a target lie one interval apart and the earliest arrival is taken to be on time. CPU and
//! memory are those of the server process, from `/proc`. The agent of VictoriaMetrics stores nothing: it
//! sends what it scrapes to a receiver in this process, which throws it away.

#![expect(clippy::print_stdout, reason = "a benchmark reports there")]

use std::fs;
use std::io;
use std::thread;
use std::time::{Duration, Instant};

use narthex_benches::{
    Engine, Kind, Result, Sink, is_only_asked_to_start, number_from_env, print_versions,
    scrape_config,
};
use narthex_examples::Target;

const TARGETS: usize = 20;
const SERIES_A_TARGET: usize = 5_000;
const INTERVAL: Duration = Duration::from_secs(5);
const SECONDS: usize = 120;
const KINDS: [Kind; 4] = [Kind::Narthex, Kind::Prometheus, Kind::VmAgent, Kind::VictoriaMetrics];
const MIB: f64 = 1024.0 * 1024.0;

/// A scrape is late when it begins a hundredth of the interval after its slot.
const LATE_MS: f64 = 50.0;

fn main() -> Result<()> {
    if is_only_asked_to_start() {
        return Ok(());
    }
    print_versions(&KINDS)?;
    let seconds = number_from_env("NARTHEX_BENCH_SECONDS", SECONDS);
    println!("\n{TARGETS} targets x {SERIES_A_TARGET} series every {INTERVAL:?}, {seconds} s");
    println!(
        "{:<16} {:>9} {:>5} {:>9} {:>9} {:>8} {:>11} {:>9} {:>9}",
        "", "scrapes", "late", "median", "worst", "CPU", "a sample", "resident", "peak"
    );
    for kind in KINDS {
        soak(kind, Duration::from_secs(seconds as u64))?;
    }
    Ok(())
}

/// Lets one server scrape targets of its own, and prints a row of the table.
fn soak(kind: Kind, duration: Duration) -> Result<()> {
    let targets = (0..TARGETS).map(|_| Target::start(page)).collect::<io::Result<Vec<_>>>()?;
    let folder = tempfile::tempdir()?;
    fs::write(folder.path().join("prometheus.yml"), scrape_config(&targets, "5s"))?;
    let url = format!("-remoteWrite.url={}", Sink::start()?.url);
    let flags = if kind == Kind::VmAgent { vec![url.as_str()] } else { Vec::new() };
    let process = Engine::start_with(kind, folder.path(), &flags)?.process;
    // Each target was scraped twice: what is new is known.
    thread::sleep(2 * INTERVAL);
    for target in &targets {
        let _ = target.take_arrivals();
    }
    let (start, cpu_before_s) = (Instant::now(), process.cpu_seconds()?);
    thread::sleep(duration);
    let cpu_s = process.cpu_seconds()? - cpu_before_s;
    let seconds = start.elapsed().as_secs_f64();
    let arrivals = targets.iter().map(Target::take_arrivals);
    let mut lateness_ms: Vec<f64> = arrivals.flat_map(|times| lateness_ms(&times)).collect();
    lateness_ms.sort_by(f64::total_cmp);

    let scrapes = lateness_ms.len();
    let expected = seconds / INTERVAL.as_secs_f64() * TARGETS as f64;
    let samples = (scrapes * SERIES_A_TARGET) as f64;
    println!(
        "{:<16} {:>9} {:>5} {:>6.2} ms {:>6.2} ms {:>6.2} s {:>8.0} ns {:>5.0} MiB {:>5.0} MiB",
        kind.name(),
        format!("{scrapes}/{expected:.0}"),
        lateness_ms.iter().filter(|&&late_ms| late_ms > LATE_MS).count(),
        lateness_ms[scrapes / 2],
        lateness_ms[scrapes - 1],
        cpu_s,
        cpu_s * 1e9 / samples,
        process.resident_bytes()? / MIB,
        process.peak_bytes()? / MIB,
    );
    Ok(())
}

/// Returns how late each request came against slots one interval apart.
fn lateness_ms(arrivals: &[Instant]) -> Vec<f64> {
    let Some(first) = arrivals.first() else { return Vec::new() };
    let interval_ms = INTERVAL.as_secs_f64() * 1e3;
    let since_first = |arrival: &Instant| arrival.duration_since(*first).as_secs_f64() * 1e3;
    // The slot is the nearest one, so a missed scrape shows as missing and not as late for ever.
    let offsets: Vec<f64> = arrivals
        .iter()
        .map(since_first)
        .map(|at_ms| at_ms - (at_ms / interval_ms).round() * interval_ms)
        .collect();
    let on_time = offsets.iter().copied().fold(f64::INFINITY, f64::min);
    offsets.iter().map(|offset| offset - on_time).collect()
}

fn page(scrapes: u64) -> String {
    let mut page = String::from("# TYPE http_requests_total counter\n");
    for index in 0..SERIES_A_TARGET {
        let (handler, code) = (index / 4, ["200", "302", "404", "500"][index % 4]);
        let value = scrapes * 7 + index as u64;
        page += &format!(
            "http_requests_total{{code=\"{code}\",handler=\"/api/v1/resource/{handler}\",method=\"get\"}} {value}\n"
        );
    }
    page
}
