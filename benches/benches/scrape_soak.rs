//! Ten thousand series scraped every second by the example server, seen from outside.
//!
//! ```text
//! cargo build --release --example server && cargo bench --bench scrape_soak
//! ```
//!
//! The targets live in this process and note when each request arrives. A scrape's lateness is its
//! arrival less its slot, where the slots of a target lie one interval apart and the earliest arrival
//! is taken to be on time. CPU and memory are those of the server process, from `/proc`.

#![expect(clippy::print_stdout, reason = "a benchmark reports there")]

use std::fs;
use std::io;
use std::thread;
use std::time::{Duration, Instant};

use narthex_benches::{
    Engine, Kind, Result, is_only_asked_to_start, print_versions, scrape_config,
};
use narthex_examples::Target;

const TARGETS: usize = 10;
const SERIES_A_TARGET: usize = 1_000;
const INTERVAL: Duration = Duration::from_secs(1);
const WARM_UP: Duration = Duration::from_secs(5);
const DURATION: Duration = Duration::from_secs(60);
const MIB: f64 = 1024.0 * 1024.0;

fn main() -> Result<()> {
    if is_only_asked_to_start() {
        return Ok(());
    }
    print_versions(&[Kind::Narthex])?;
    let targets = (0..TARGETS).map(|_| Target::start(page)).collect::<io::Result<Vec<_>>>()?;
    let folder = tempfile::tempdir()?;
    fs::write(folder.path().join("prometheus.yml"), scrape_config(&targets, "1s"))?;
    let process = Engine::start(Kind::Narthex, folder.path())?.process;
    thread::sleep(WARM_UP);
    for target in &targets {
        let _ = target.take_arrivals();
    }
    let (start, cpu_before_s) = (Instant::now(), process.cpu_seconds()?);
    thread::sleep(DURATION);
    let cpu_s = process.cpu_seconds()? - cpu_before_s;
    let seconds = start.elapsed().as_secs_f64();
    let arrivals = targets.iter().map(Target::take_arrivals);
    let mut lateness_ms: Vec<f64> = arrivals.flat_map(|times| lateness_ms(&times)).collect();
    lateness_ms.sort_by(f64::total_cmp);

    let scrapes = lateness_ms.len();
    let samples = (scrapes * SERIES_A_TARGET) as f64;
    let series = (TARGETS * SERIES_A_TARGET) as f64;
    let resident = process.resident_bytes()?;
    println!("{TARGETS} targets x {SERIES_A_TARGET} series every {INTERVAL:?}, {seconds:.1} s");
    println!("scrapes            {scrapes} of {:.0}", seconds * TARGETS as f64);
    println!("late, median       {:.2} ms", lateness_ms[scrapes / 2]);
    println!("late, 99 %         {:.2} ms", lateness_ms[scrapes * 99 / 100]);
    println!("late, worst        {:.2} ms", lateness_ms[scrapes - 1]);
    println!("CPU                {cpu_s:.2} s, {:.0} ns a sample", cpu_s * 1e9 / samples);
    println!("resident memory    {:.1} MiB, {:.0} B a series", resident / MIB, resident / series);
    println!("peak               {:.1} MiB", process.peak_bytes()? / MIB);
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
