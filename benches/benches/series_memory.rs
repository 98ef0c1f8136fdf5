//! The memory that a series takes in a whole server, after some hundred samples each: ours,
//! Prometheus and VictoriaMetrics, scraping the same targets at the same time.
//!
//! ```text
//! cargo build --release --example server && cargo bench --bench series_memory
//! ```
//!
//! `NARTHEX_BENCH_SERIES` (100,000) and `NARTHEX_BENCH_SAMPLES` (240, one a second) make it larger or
//! shorter; with `NARTHEX_BENCH_INTERVAL` (1) seconds between scrapes. `NARTHEX_BENCH_ALONE=1` leaves
//! the peers out: a million series, each scraped every 15 seconds for half an hour, take
//! `NARTHEX_BENCH_ALONE=1 NARTHEX_BENCH_SERIES=1000000 NARTHEX_BENCH_SAMPLES=120
//! NARTHEX_BENCH_INTERVAL=15`. Memory and CPU are those of the processes, from `/proc`.

#![expect(clippy::print_stdout, reason = "a benchmark reports there")]

use std::fs;
use std::io;
use std::thread;
use std::time::Duration;

use narthex_benches::{
    Engine, Kind, Result, is_only_asked_to_start, number_from_env, print_versions, scrape_config,
};
use narthex_examples::Target;

const SERIES_A_TARGET: usize = 5_000;

fn main() -> Result<()> {
    if is_only_asked_to_start() {
        return Ok(());
    }
    let series = number_from_env("NARTHEX_BENCH_SERIES", 100_000);
    let samples = number_from_env("NARTHEX_BENCH_SAMPLES", 240);
    let interval_s = number_from_env("NARTHEX_BENCH_INTERVAL", 1);
    let kinds: &[Kind] = match number_from_env("NARTHEX_BENCH_ALONE", 0) {
        0 => &Kind::ALL,
        _ => &[Kind::Narthex],
    };
    print_versions(kinds)?;
    let targets = (0..series / SERIES_A_TARGET)
        .map(|_| Target::start(page))
        .collect::<io::Result<Vec<_>>>()?;
    let folder = tempfile::tempdir()?;
    let engines = kinds
        .iter()
        .map(|kind| {
            let folder = folder.path().join(kind.name());
            fs::create_dir(&folder)?;
            let config = scrape_config(&targets, &format!("{interval_s}s"));
            fs::write(folder.join("prometheus.yml"), config)?;
            Engine::start(*kind, &folder)
        })
        .collect::<Result<Vec<_>>>()?;
    thread::sleep(Duration::from_secs((samples * interval_s) as u64));

    println!("{series} series, {samples} samples each, {interval_s} s apart");
    println!("{:<16} {:>12} {:>12} {:>14}", "", "B a series", "at its peak", "CPU ns/sample");
    for Engine { kind, process, .. } in &engines {
        let per_series = |bytes: f64| bytes / series as f64;
        let cpu_ns = process.cpu_seconds()? * 1e9 / (series * samples) as f64;
        let (resident, peak) = (process.resident_bytes()?, process.peak_bytes()?);
        println!(
            "{:<16} {:>12.0} {:>12.0} {cpu_ns:>14.0}",
            kind.name(),
            per_series(resident),
            per_series(peak)
        );
    }
    Ok(())
}

/// Counters with five labels beside the target's own two, most of which grow from scrape to scrape.
fn page(scrapes: u64) -> String {
    let mut page = String::with_capacity(SERIES_A_TARGET * 130);
    page += "# TYPE http_requests_total counter\n";
    for index in 0..SERIES_A_TARGET {
        let (handler, code) = (index / 20, ["200", "302", "404", "500"][index % 4]);
        let method = ["get", "put", "post", "head", "delete"][index / 4 % 5];
        let value = scrapes * (index as u64 % 200) + index as u64;
        page += &format!(
            "http_requests_total{{code=\"{code}\",handler=\"/api/v1/resource/{handler}\",method=\"{method}\",service=\"shop\",zone=\"eu-{}\"}} {value}\n",
            handler % 3
        );
    }
    page
}
