use std::sync::Arc;

use narthex_host::Simulation;
use narthex_model::Labels;
use narthex_remote::RequestBuilder;
use narthex_server::{Readiness, ServerOptions, ServerState, Status, WalReplay, write_tsdb_stats};
use narthex_storage::{Appendable, SampleValue, SeriesKey};
use narthex_tsdb::{Db, Options};

use crate::client::Client;

/// The process around the server, as far as it knows of the store.
struct Process(Arc<Db>);

impl Status for Process {
    fn wal_replay(&self) -> WalReplay {
        let progress = self.0.replay_progress();
        let (first, last) = (progress.first_segment, progress.last_segment);
        WalReplay { first, last, current: progress.segment, is_underway: !self.0.is_loaded() }
    }
}

/// A log with samples of two minutes, which nobody read yet.
fn unloaded() -> Arc<Db> {
    let simulation = Simulation::new(1);
    let db = Db::open_with(simulation.host(), "data", Options::default()).unwrap();
    let labels = Labels::from_pairs([("__name__", "up"), ("job", "a")]);
    for time in [60_000, 120_000] {
        let mut appender = db.appender();
        appender.append(SeriesKey::Labels(&labels), time, SampleValue::Float(1.0)).unwrap();
        appender.commit().unwrap();
    }
    drop(db);
    let db = Db::open_unloaded_with(simulation.host(), "data", Options::default());
    Arc::new(db.unwrap())
}

#[test]
fn requests_are_answered_while_the_log_is_read() {
    let db = unloaded();
    let mut options = ServerOptions::default();
    options.remote_write_receiver = true;
    let stats = Arc::clone(&db);
    let state = ServerState::new(db.clone(), options)
        .with_status(Arc::new(Process(db.clone())))
        .with_collector(Box::new(move |page| write_tsdb_stats(page, &stats.stats())));
    let client = Client::new(state);
    let write = |time: i64| {
        let up = Labels::from_pairs([("__name__", "up"), ("job", "b")]);
        let mut request = RequestBuilder::default();
        request.push_series(&up, &[narthex_model::Sample { timestamp_ms: time, value: 1.0 }]);
        let request = axum::http::Request::post("/api/v1/write")
            .header("content-encoding", "snappy")
            .header("content-type", "application/x-protobuf")
            .body(axum::body::Body::from(request.compress()));
        let reply = client.send(request.unwrap());
        (reply.status.as_u16(), reply.header("retry-after").to_owned())
    };
    let warning = "recent data is still loading: samples since the newest block may be missing";
    let ask = |path: &str| {
        let reply = client.get(path);
        assert_eq!(reply.status, 200, "{}", reply.text());
        let answer: serde_json::Value = serde_json::from_str(reply.text()).unwrap();
        let warnings = answer["warnings"].as_array().cloned().unwrap_or_default();
        let is_warned = warnings.iter().any(|text| text.as_str() == Some(warning));
        (answer["data"].clone(), is_warned)
    };
    // What may be older than the log has come again later.
    assert_eq!(write(120_000), (503, "5".to_owned()));
    assert_eq!(write(120_001).0, 204);
    let count = "/api/v1/query?query=count(up)&time=121";
    let (data, is_warned) = ask(count);
    assert_eq!((data["result"][0]["value"][1].as_str(), is_warned), (Some("1"), true));
    for path in [
        "/api/v1/query_range?query=up&start=60&end=120&step=60",
        "/api/v1/labels",
        "/api/v1/label/job/values",
        "/api/v1/series?match[]=up",
    ] {
        assert!(ask(path).1, "{path}");
    }
    let ready = client.get("/-/ready");
    assert_eq!(ready.status, 503);
    assert!(ready.text().starts_with("Recent data is still loading: "), "{}", ready.text());
    assert!(client.get("/metrics").text().contains("\nprometheus_ready 0\n"));

    db.load().unwrap();
    let (data, is_warned) = ask(count);
    assert_eq!((data["result"][0]["value"][1].as_str(), is_warned), (Some("2"), false));
    assert_eq!(client.get("/-/ready").status, 200);
    let page = client.get("/metrics").text().to_owned();
    assert!(page.contains("\nprometheus_ready 1\n"));
    let mut families: Vec<&str> =
        page.lines().filter_map(|line| line.strip_prefix("# TYPE ")).collect();
    families.sort_unstable();
    assert!(families.windows(2).all(|pair| pair[0] != pair[1]), "{families:?}");
    let (replay, _) = ask("/api/v1/status/walreplay");
    assert_eq!(replay, serde_json::json!({"min": 0, "max": 1, "current": 1}));
}

#[test]
fn how_far_the_log_is_read_shows_before_anything_else_does() {
    let db = unloaded();
    let state = ServerState::new(db.clone(), ServerOptions::default());
    let state = state.with_status(Arc::new(Process(db)));
    state.set_readiness(Readiness::Starting);
    let client = Client::new(state);
    let reply = client.get("/api/v1/status/walreplay");
    let body = "{\"status\":\"success\",\"data\":{\"min\":0,\"max\":0,\"current\":0}}";
    assert_eq!((reply.status.as_u16(), reply.text()), (200, body));
}
