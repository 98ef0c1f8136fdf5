//! Blocks go from us to a real `promtool` and a real Prometheus, and from `promtool` to us.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::process::Command;

use narthex_model::{Labels, STALE_NAN};
use narthex_storage::{Appendable, SampleValue, SeriesKey};
use narthex_tsdb::{Db, Options};

use crate::prometheus::{self, Prometheus, Series};
use crate::{now_ms, read_all};

/// Runs `promtool tsdb`, and returns what it prints.
fn promtool(arguments: &[&str]) -> String {
    let output = Command::new("promtool").arg("tsdb").args(arguments).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "promtool tsdb {arguments:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

/// Reads `{labels} value timestamp` lines. Label values hold no quotes here.
fn read_dump(dump: &str) -> Series {
    let mut found = Series::new();
    for line in dump.lines() {
        let (labels, sample) = line.strip_prefix('{').unwrap().split_once("} ").unwrap();
        let pair = |label: &str| {
            let (name, value) = label.split_once('=').unwrap();
            (name.to_owned(), value.trim_matches('"').to_owned())
        };
        let labels = labels.split(", ").map(pair).collect::<BTreeMap<_, _>>();
        let (value, time) = sample.split_once(' ').unwrap();
        let value = prometheus::comparable(value.parse().unwrap());
        found.entry(labels).or_default().push((time.parse().unwrap(), value));
    }
    found
}

/// A database with four hours of samples of many shapes in its head, 20 seconds apart.
fn write(dir: &Path, start_ms: i64) -> Db {
    let mut options = Options::default();
    // All of it goes to one head.
    options.block_range_ms = 24 * 3_600_000;
    let db = Db::open(dir, options).unwrap();
    let mut appender = db.appender();
    for step in 0..720_i64 {
        for number in 0..60_i64 {
            if number % 10 == 7 && step % 20 < 10 {
                continue;
            }
            let number_text = number.to_string();
            let labels = Labels::from_pairs([("__name__", "peer_metric"), ("n", &number_text)]);
            let value = match number % 4 {
                0 => (step * number) as f64,
                1 => 1.0 / (step + number) as f64,
                2 if step % 30 == 29 => STALE_NAN,
                2 => f64::NEG_INFINITY,
                _ => -0.0,
            };
            let time = start_ms + step * 20_000 + number % 3;
            appender.append(SeriesKey::Labels(&labels), time, SampleValue::Float(value)).unwrap();
        }
    }
    appender.commit().unwrap();
    drop(appender);
    db
}

/// As the head has it, but for staleness markers, which `promtool` prints as NaN.
fn without_nan(mut series: Series) -> Series {
    let nan = prometheus::comparable(f64::NAN);
    series.values_mut().for_each(|samples| samples.retain(|(_, value)| *value != nan));
    series
}

#[test]
fn promtool_and_prometheus_read_our_blocks() {
    if !prometheus::is_installed() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let start_ms = now_ms() / 7_200_000 * 7_200_000 - 14_400_000;
    let db = write(dir.path(), start_ms);
    let expected = read_all(&db);
    for part in 0..2 {
        db.flush(start_ms + (part + 1) * 7_200_000).unwrap();
        assert_eq!(db.stats().blocks.loaded, part.cast_unsigned() + 1);
    }
    assert!(read_all(&db) == expected, "the samples differ with blocks");
    db.close().unwrap();
    // Only the blocks are to answer.
    let wal = dir.path().join("wal");
    std::fs::remove_dir_all(&wal).unwrap();
    std::fs::create_dir(&wal).unwrap();

    let path = dir.path().to_str().unwrap();
    let listed = promtool(&["list", path]);
    assert_eq!(listed.lines().count(), 3, "{listed}");
    let analyzed = promtool(&["analyze", path]);
    assert!(analyzed.contains("60 peer_metric"), "{analyzed}");
    let dumped = without_nan(read_dump(&promtool(&["dump", path])));
    assert!(dumped == expected, "the dump differs");

    let peer = Prometheus::start(dir.path(), "");
    let found = peer.query_range_vector(r#"{__name__="peer_metric"}[12h]"#);
    assert!(found == expected, "the answers differ");
    peer.terminate();
    let db = Db::open(dir.path(), Options::default()).unwrap();
    assert!(read_all(&db) == expected, "reopened");

    // Two blocks and what Prometheus left: after compaction all of it still reads the same.
    db.compact_blocks().unwrap();
    assert!(read_all(&db) == expected, "compacted");
    db.close().unwrap();
    let dumped = without_nan(read_dump(&promtool(&["dump", path])));
    assert!(dumped == expected, "the dump of compacted blocks differs");
}

#[test]
fn we_read_blocks_that_promtool_makes() {
    if !prometheus::is_installed() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let mut text = String::from("# TYPE made gauge\n");
    let mut expected = Series::new();
    for number in 0..300 {
        let labels = [("__name__", "made"), ("n", &format!("{number:03}"))];
        let labels = labels.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let samples: &mut Vec<_> = expected.entry(labels.into_iter().collect()).or_default();
        for step in 0..100_i64 {
            let (time_s, value) = (1_700_000_000 + step * 150, f64::from(number) / 7.0);
            writeln!(text, "made{{n=\"{number:03}\"}} {value} {time_s}").unwrap();
            samples.push((time_s * 1_000, value.to_bits()));
        }
    }
    text.push_str("# EOF\n");
    let (input, data) = (dir.path().join("input"), dir.path().join("data"));
    std::fs::write(&input, text).unwrap();
    let (input, path) = (input.to_str().unwrap(), data.to_str().unwrap());
    promtool(&["create-blocks-from", "openmetrics", input, path]);
    let db = Db::open(&data, Options::default()).unwrap();
    assert!(db.stats().blocks.loaded >= 2, "{:?}", db.stats().blocks);
    assert!(read_all(&db) == expected, "the samples differ");
    db.compact_blocks().unwrap();
    assert!(read_all(&db) == expected, "the samples differ once compacted");
    db.close().unwrap();
}
