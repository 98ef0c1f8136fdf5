//! Series that come and go while the head is moved to blocks: ours and Prometheus, scraping the same
//! targets at the same time.
//!
//! ```text
//! cargo build --release --example server && cargo bench --bench churn
//! ```
//!
//! `NARTHEX_BENCH_SERIES` (100,000) series, a twentieth of which is replaced from scrape to scrape, for
//! `NARTHEX_BENCH_SECONDS` (240) with `NARTHEX_BENCH_INTERVAL` (2) seconds between scrapes: as many
//! scrapes as half an hour has at 15 seconds. Blocks span a minute, so that the head is moved to some.

#![expect(clippy::print_stdout, reason = "a benchmark reports there")]

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::thread;
use std::time::{Duration, Instant};

use narthex_benches::{
    Engine, Kind, Result, is_only_asked_to_start, number_from_env, print_versions, scrape_config,
};
use narthex_examples::Target;

const KINDS: [Kind; 2] = [Kind::Narthex, Kind::Prometheus];
const SERIES_A_TARGET: usize = 5_000;
/// A series lives for so many scrapes.
const LIFE: u32 = 20;
const FLAGS: [&str; 1] = ["--storage.tsdb.min-block-duration=1m"];
const MIB: f64 = 1024.0 * 1024.0;

fn main() -> Result<()> {
    if is_only_asked_to_start() {
        return Ok(());
    }
    let series = number_from_env("NARTHEX_BENCH_SERIES", 100_000);
    let seconds = number_from_env("NARTHEX_BENCH_SECONDS", 240);
    let interval_s = number_from_env("NARTHEX_BENCH_INTERVAL", 2);
    print_versions(&KINDS)?;
    let start = Instant::now();
    // By the clock, so that both see the same.
    let step = move || start.elapsed().as_secs() / interval_s as u64;
    let targets = (0..series / SERIES_A_TARGET)
        .map(|_| Target::start(move |_| page(step())))
        .collect::<io::Result<Vec<_>>>()?;
    let folder = tempfile::tempdir()?;
    let engines = KINDS
        .iter()
        .map(|kind| {
            let folder = folder.path().join(kind.name());
            fs::create_dir(&folder)?;
            let config = scrape_config(&targets, &format!("{interval_s}s"));
            fs::write(folder.join("prometheus.yml"), config)?;
            Engine::start_with(*kind, &folder, &FLAGS)
        })
        .collect::<Result<Vec<_>>>()?;
    thread::sleep(Duration::from_secs(seconds as u64));

    let scrapes = seconds / interval_s;
    let created = series + scrapes * series / LIFE as usize;
    println!("{series} series at a time, {created} in all, {scrapes} scrapes {interval_s} s apart");
    println!("{:<12} {:>12} {:>12} {:>10} {:>8}", "", "peak RSS", "RSS at end", "CPU", "blocks");
    for Engine { kind, process, .. } in &engines {
        let (peak, resident) = (process.peak_bytes()?, process.resident_bytes()?);
        println!(
            "{:<12} {:>8.0} MiB {:>8.0} MiB {:>8.1} s {:>8}",
            kind.name(),
            peak / MIB,
            resident / MIB,
            process.cpu_seconds()?,
            count_blocks(&folder.path().join(kind.name()).join("data"))?
        );
    }
    Ok(())
}

fn count_blocks(data: &std::path::Path) -> io::Result<usize> {
    let mut count = 0;
    for entry in fs::read_dir(data)? {
        count += usize::from(entry?.path().join("meta.json").exists());
    }
    Ok(count)
}

/// Counters of which one in [`LIFE`] has a new name in each step.
fn page(step: u64) -> String {
    let mut page = String::with_capacity(SERIES_A_TARGET * 130);
    page += "# TYPE http_requests_total counter\n";
    for index in 0..SERIES_A_TARGET {
        let (handler, code) = (index / 20, ["200", "302", "404", "500"][index % 4]);
        let (index, life) = (index as u64, u64::from(LIFE));
        let (generation, age) = ((step + index) / life, (step + index) % life);
        let value = age * (index % 200) + index;
        let _ = writeln!(
            page,
            "http_requests_total{{code=\"{code}\",handler=\"/api/v1/resource/{handler}\",pod=\"shop-{index}-{generation}\",zone=\"eu-{}\"}} {value}",
            handler % 3
        );
    }
    page
}
