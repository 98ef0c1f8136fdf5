//! The memory that a start takes to read the log that a killed server left.

use std::env;

use narthex_examples::{Server, http};
use narthex_model::{Labels, Sample};
use narthex_remote::RequestBuilder;

const SERIES: usize = 5_000;
const SERIES_A_REQUEST: usize = 5_000;
const HOURS: i64 = 2;
const INTERVAL_S: i64 = 30;
const START_MS: i64 = 1_700_000_000_000;
const EMPTY_CONFIG: &str = "global: {}\n";
const MIB: f64 = 1024.0 * 1024.0;
/// The peak while the log is read, as a multiple of the memory before the kill.
const GROWTH_MAX: f64 = 1.2;

/// `NARTHEX_REPLAY_SERIES` asks for more series, each of two hours with a sample every 30 seconds.
#[test]
fn reading_the_log_takes_no_more_memory_than_writing_it() {
    let series = env::var("NARTHEX_REPLAY_SERIES").map_or(SERIES, |text| text.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(folder.path(), EMPTY_CONFIG);
    let samples = fill(&server.url, series);
    assert_eq!(count(&server.url), samples as f64);
    let before = server.program.resident_bytes().unwrap();
    server.program.kill();

    let server = Server::start(folder.path(), EMPTY_CONFIG);
    let peak = server.program.peak_bytes().unwrap();
    assert_eq!(count(&server.url), samples as f64);
    println!(
        "{series} series, {samples} samples: {:.0} MiB before the kill, {:.0} MiB at most in the start after it, {:.2} of it",
        before / MIB,
        peak / MIB,
        peak / before
    );
    assert!(peak <= before * GROWTH_MAX, "{peak} bytes after {before}");
}

/// Sends all samples, oldest first, and returns how many there are.
fn fill(url: &str, series: usize) -> usize {
    let labels = (0..series).map(|index| {
        let (instance, path) = (format!("host-{}", index / 1_000), format!("/{}", index % 1_000));
        Labels::from_pairs([
            ("__name__", "http_requests_total"),
            ("instance", &instance),
            ("path", &path),
        ])
    });
    let labels = labels.collect::<Vec<_>>();
    let steps = HOURS * 3_600 / INTERVAL_S;
    for step in 0..steps {
        let timestamp_ms = START_MS + step * INTERVAL_S * 1_000;
        for (part, labels) in labels.chunks(SERIES_A_REQUEST).enumerate() {
            let mut request = RequestBuilder::default();
            for (index, labels) in labels.iter().enumerate() {
                let slope = (part * SERIES_A_REQUEST + index) % 200;
                let value = step as f64 * slope as f64;
                request.push_series(labels, &[Sample { timestamp_ms, value }]);
            }
            let answer = http::remote_write(url, &request.compress()).expect("an answer");
            assert!(answer.is_success(), "{answer:?}");
        }
    }
    series * usize::try_from(steps).unwrap()
}

fn count(url: &str) -> f64 {
    let time = (START_MS / 1_000 + HOURS * 3_600).to_string();
    // In parts: samples that a query may hold are limited.
    let query = "sum(sum_over_time(count(http_requests_total)[3h:30s]))";
    let form = [("query", query), ("time", time.as_str())];
    let data = http::query(&format!("{url}/api/v1/query"), &form);
    data["result"][0]["value"][1].as_str().expect("a number").parse().unwrap()
}
