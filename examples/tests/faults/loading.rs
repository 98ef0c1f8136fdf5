//! Servers that are used while they read their log, and killed in the middle of it.

use std::env;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use narthex_examples::{Server, http, wait_for};
use narthex_model::Labels;
use narthex_storage::{Appendable, SampleValue, SeriesKey};
use narthex_tsdb::{Db, Options};
use serde_json::Value;

use crate::ledger::Ledger;

const ROUNDS: usize = 3;
/// Starts that are killed in a row: one more, and the next would leave the log as it is.
const KILLS: usize = 2;
/// Where the samples of the ledger begin.
const END_MS: i64 = 1_700_000_000_000;
const STEP_MS: i64 = 1_000;
const SERIES: i64 = 300;
const LOGGED: i64 = 3_600;
const BOUND: Duration = Duration::from_secs(60);
const EMPTY_CONFIG: &str = "global: {}\n";

/// Makes a database with an hour in its log, which nobody closes.
fn fill(data: &Path) {
    let db = Db::open(data, Options::default()).unwrap();
    for index in 0..LOGGED {
        let mut appender = db.appender();
        for number in 0..SERIES {
            let labels = Labels::from_pairs([("__name__", "m"), ("n", &number.to_string())]);
            let time = END_MS - (LOGGED - index) * STEP_MS;
            let value = SampleValue::Float((index * number) as f64);
            appender.append(SeriesKey::Labels(&labels), time, value).unwrap();
        }
        appender.commit().unwrap();
    }
}

/// Returns how many samples of the log an answer knows of, and whether it says that there may be more;
/// `None` before there are answers.
fn count(url: &str) -> Option<(f64, bool)> {
    let time = (END_MS / 1_000).to_string();
    let form = [("query", "sum(count_over_time(m[2h]))"), ("time", time.as_str())];
    let (status, body) = http::post_form(&format!("{url}/api/v1/query"), &form)?;
    if status != 200 {
        return None;
    }
    let answer: Value = serde_json::from_str(&body).unwrap();
    let value = answer["data"]["result"][0]["value"][1].as_str();
    let warnings = answer["warnings"].as_array().cloned().unwrap_or_default();
    let is_loading = |text: &Value| text.as_str().unwrap().contains("still loading");
    Some((value.map_or(0.0, |text| text.parse().unwrap()), warnings.iter().any(is_loading)))
}

/// Queries are answered with a warning and remote writes are taken while the log is read. What was taken
/// outlasts a SIGKILL, and in the end every sample is there.
///
/// `NARTHEX_LOADING_ROUNDS` asks for more rounds.
#[test]
fn what_a_server_takes_while_it_loads_is_kept() {
    let rounds = env::var("NARTHEX_LOADING_ROUNDS").map_or(ROUNDS, |text| text.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    fill(&folder.path().join("data"));
    let mut ledger = Ledger::default();
    let (mut warned, mut taken) = (0, 0);
    for round in 0..rounds {
        for kill in 0..KILLS {
            let mut server = Server::launch(folder.path(), EMPTY_CONFIG, &[]);
            let url = server.url.clone();
            let (_, is_loading) = wait_for("an answer", BOUND, || count(&url));
            warned += usize::from(is_loading);
            ledger.send_while(&url, |traffic| {
                thread::sleep(Duration::from_millis((round * 37 + kill * 61) as u64 % 150));
                let accepted = traffic.accepted.load(Ordering::Relaxed);
                if count(&url).is_some_and(|(_, is_loading)| is_loading) {
                    taken += accepted;
                }
                server.program.kill();
            });
        }
        let mut server = Server::start(folder.path(), EMPTY_CONFIG);
        assert_eq!(count(&server.url), Some(((SERIES * LOGGED) as f64, false)), "round {round}");
        ledger.check(&server.url);
        server.program.kill();
    }
    let samples = ledger.acknowledged();
    println!(
        "{rounds} rounds, {warned} of {} starts answered while they loaded, {samples} samples acknowledged, {taken} of them surely while loading, 0 lost",
        rounds * KILLS
    );
    assert!(warned > 0 && taken > 0, "the log is read too quickly: {warned}, {taken}");
}
