//! Data directories go from us to a real Prometheus, and back.
//!
//! Needs the `prometheus` binary, 2.42 or later. Without it the tests say that they skip, and fail
//! where `CI` is `true`. Everything happens on the loopback interface and in temporary folders.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]
#![expect(clippy::print_stdout, reason = "tests say that they skip")]

mod blocks;
mod memory_snapshot;
mod prometheus;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use narthex_model::{Labels, STALE_NAN};
use narthex_storage::{
    Appendable, Columns, QueryContext, Queryable, SampleValue, SelectHints, SeriesKey, TimeRange,
};
use narthex_tsdb::{Db, Options};

use prometheus::{Prometheus, Series};

fn now_ms() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

/// What our database holds: as the HTTP API has it, so without staleness markers.
fn read_all(db: &Db) -> Series {
    let ctx = QueryContext::default();
    let querier = db.querier(TimeRange::ALL).unwrap();
    let selection = querier.select(&ctx, &[], &SelectHints::default()).unwrap();
    let mut columns = Columns::default();
    let mut series = Series::new();
    for index in 0..selection.len() {
        selection.read(&ctx, index, &mut columns).unwrap();
        let labels = selection.series_labels(index);
        let labels = labels.iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
        let samples = columns
            .iter()
            .filter(|sample| sample.value.to_bits() != STALE_NAN.to_bits())
            .map(|sample| (sample.timestamp_ms, prometheus::comparable(sample.value)));
        series.insert(labels.collect(), samples.collect());
    }
    series
}

fn open(dir: &Path) -> Db {
    let db = Db::open(dir, Options::default()).unwrap();
    assert_eq!(db.corruptions(), []);
    db
}

/// Commits one sample to each of forty series every second from `start_ms` on: counters, gauges,
/// odd values, and series that come, pause and go.
fn write(db: &Db, start_ms: i64, seconds: i64) {
    for second in 0..seconds {
        let mut appender = db.appender();
        for number in 0..40_i64 {
            if number % 10 == 7 && second % 20 < 10 {
                continue;
            }
            let number_text = number.to_string();
            let labels = Labels::from_pairs([("__name__", "peer_metric"), ("n", &number_text)]);
            let value = match number % 4 {
                0 => (second * number) as f64,
                1 => 1.0 / (second + number) as f64,
                2 if second % 30 == 29 => STALE_NAN,
                2 => f64::INFINITY,
                _ => -0.0,
            };
            let time = start_ms + second * 1_000 + number % 3;
            appender.append(SeriesKey::Labels(&labels), time, SampleValue::Float(value)).unwrap();
        }
        appender.commit().unwrap();
    }
}

/// Three rounds: we write, the other reads and stops, we read and write more. One time we close, one
/// time we are killed in effect, one time a torn record stands at the end.
#[test]
fn prometheus_reads_what_we_wrote_and_we_go_on() {
    if !prometheus::is_installed() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let start_ms = now_ms() - 600_000;
    for round in 0..3 {
        let db = open(dir.path());
        write(&db, start_ms + round * 60_000, 60);
        let expected = read_all(&db);
        match round {
            0 => db.close().unwrap(),
            1 => drop(db),
            _ => {
                let segment = db.stats().wal.segment;
                drop(db);
                tear(&dir.path().join("wal").join(format!("{segment:08}")));
                assert_eq!(read_all(&open(dir.path())), expected);
            }
        }
        let peer = Prometheus::start(dir.path(), "");
        let found = peer.query_range_vector(r#"{__name__="peer_metric"}[20m]"#);
        assert_eq!(found.len(), 40);
        assert!(found == expected, "round {round}: the answers differ");
        peer.terminate();
        assert!(read_all(&open(dir.path())) == expected, "round {round}: reopened");
    }
}

/// Appends the first half of a record, as a process leaves it that dies while it writes.
fn tear(path: &Path) {
    let mut bytes = std::fs::read(path).unwrap();
    bytes.extend_from_slice(&[1, 0, 50, 1, 2, 3, 4, 2, 0, 0, 0]);
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn we_read_what_a_killed_prometheus_wrote() {
    if !prometheus::is_installed() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let peer = Prometheus::start(dir.path(), SELF_SCRAPE);
    peer.wait_until("five scrapes", || {
        let up = peer.query_range_vector("up[1m]");
        up.values().any(|samples| samples.len() >= 5)
    });
    let answer = peer.query_range_vector(r#"{job="self"}[5m]"#);
    peer.kill();
    assert!(answer.len() > 100, "{} series", answer.len());
    let newest_ms = answer.values().flatten().map(|(time, _)| *time).max().unwrap();

    let mut found = read_all(&open(dir.path()));
    for samples in found.values_mut() {
        // It went on scraping between the answer and the kill.
        samples.retain(|(time, _)| *time <= newest_ms);
    }
    found.retain(|_, samples| !samples.is_empty());
    let names = |series: &Series| series.keys().cloned().collect::<Vec<BTreeMap<_, _>>>();
    assert_eq!(names(&found), names(&answer));
    assert!(found == answer, "the samples differ");
}

const SELF_SCRAPE: &str = "
scrape_configs:
  - job_name: self
    scrape_interval: 1s
    scrape_timeout: 1s
    static_configs:
      - targets: ['ADDRESS']
";
