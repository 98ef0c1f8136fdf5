//! Start-ups that are killed while they read the log, one after the other.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};
use std::{fs, thread};

use narthex_examples::{Server, http, wait_for};
use narthex_model::Labels;
use narthex_storage::{Appendable, SampleValue, SeriesKey};
use narthex_tsdb::{Db, Options};
use serde_json::Value;

const HOUR_MS: i64 = 3_600_000;
const START_MS: i64 = 1_700_000_000_000 / (2 * HOUR_MS) * (2 * HOUR_MS);
const SERIES: i64 = 200;
/// Samples of a series in the log, which has two hours.
const LOGGED: i64 = 3_600;
const KILLS: u64 = 3;
/// How often a start-up may have been too quick to be killed.
const TRIES_MAX: usize = 200;
const BOUND: Duration = Duration::from_secs(60);
const EMPTY_CONFIG: &str = "global: {}\n";

/// Makes a database with a block of two hours, and as much in its log, which nobody closes.
fn fill(data: &Path) {
    let db = Db::open(data, Options::default()).unwrap();
    let times = [(0, 120), (2 * HOUR_MS, LOGGED)];
    for (start_ms, count) in times {
        for index in 0..count {
            let mut appender = db.appender();
            let time_ms = START_MS + start_ms + index * (2 * HOUR_MS / count);
            for number in 0..SERIES {
                let labels = Labels::from_pairs([("__name__", "m"), ("n", &number.to_string())]);
                let value = SampleValue::Float((index * number) as f64);
                appender.append(SeriesKey::Labels(&labels), time_ms, value).unwrap();
            }
            appender.commit().unwrap();
        }
        db.flush(START_MS + 2 * HOUR_MS).unwrap();
    }
}

/// Kills start-ups until three in a row did not come to the end of the log.
fn kill_start_ups(folder: &Path) {
    let counter = folder.join("data").join("start-ups");
    let killed = || fs::metadata(&counter).map_or(0, |file| file.len());
    for _ in 0..TRIES_MAX {
        let before = killed();
        if before == KILLS {
            return;
        }
        let mut server = Server::launch(folder, EMPTY_CONFIG, &[]);
        let start = Instant::now();
        while killed() == before && start.elapsed() < Duration::from_secs(1) {
            thread::sleep(Duration::from_micros(200));
        }
        server.program.kill();
    }
    panic!("the log is read too quickly to kill who reads it");
}

/// Returns how many samples there are in the two hours before an hour, and the warnings.
fn count(url: &str, end_hour: i64) -> (f64, Vec<Value>) {
    let time = ((START_MS + end_hour * HOUR_MS - 1) / 1_000).to_string();
    let form = [("query", "sum(count_over_time(m[2h]))"), ("time", time.as_str())];
    let (status, body) = http::post_form(&format!("{url}/api/v1/query"), &form).unwrap();
    assert_eq!(status, 200, "{body}");
    let answer: Value = serde_json::from_str(&body).unwrap();
    let value = answer["data"]["result"][0]["value"][1].as_str();
    let warnings = answer["warnings"].as_array().cloned().unwrap_or_default();
    (value.map_or(0.0, |text| text.parse().unwrap()), warnings)
}

/// Returns the files of the log with what they hold.
fn log_files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder.join("data").join("wal")).unwrap();
    let files = entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
    files.map(|path| (path.display().to_string(), fs::read(&path).unwrap())).collect()
}

/// The fourth start-up answers from blocks, says why it is not ready, and leaves the log alone. The
/// next one after it was asked to end reads the log again.
#[test]
fn a_server_that_cannot_read_its_log_answers_from_blocks() {
    let folder = tempfile::tempdir().unwrap();
    fill(&folder.path().join("data"));
    kill_start_ups(folder.path());
    let log = log_files(folder.path());

    let mut server = Server::launch(folder.path(), EMPTY_CONFIG, &[]);
    let url = server.url.clone();
    let reason = wait_for("a reason", BOUND, || {
        let (status, body) = http::get(&format!("{url}/-/ready"))?;
        assert_eq!(status, 503, "{body}");
        body.contains("safe mode").then_some(body)
    });
    assert!(reason.contains("3 start-ups were killed"), "{reason}");
    assert_eq!(http::get(&format!("{url}/-/healthy")).unwrap().0, 200);
    let (found, warnings) = count(&url, 2);
    assert_eq!(found, (SERIES * 120) as f64);
    assert!(warnings.iter().any(|text| text.as_str().unwrap().contains("safe mode")));
    assert_eq!(count(&url, 4).0, 0.0);
    assert!(log_files(folder.path()) == log, "the log was written to");
    server.program.terminate();

    let server = Server::start(folder.path(), EMPTY_CONFIG);
    assert_eq!(count(&server.url, 2), ((SERIES * 120) as f64, Vec::new()));
    assert_eq!(count(&server.url, 4), ((SERIES * LOGGED) as f64, Vec::new()));
}
