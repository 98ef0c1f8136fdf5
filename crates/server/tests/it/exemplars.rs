use std::sync::Arc;

use narthex_host::Simulation;
use narthex_model::{Exemplar, Labels, Sample};
use narthex_remote::RequestBuilder;
use narthex_server::{ServerOptions, ServerState, write_tsdb_stats};
use narthex_storage::MemoryStore;
use narthex_tsdb::{Db, Options};
use serde_json::{Value, json};

use crate::client::Client;

/// Returns a client of a server that received a counter with exemplars, one of which came late.
fn client() -> Client {
    let mut storage = Options::default();
    storage.exemplars_max = 10;
    let db = Arc::new(Db::open_with(Simulation::new(1).host(), "data", storage).unwrap());
    let mut options = ServerOptions::default();
    options.remote_write_receiver = true;
    let stats = db.clone();
    let state = ServerState::new(db.clone(), options)
        .with_exemplars(db)
        .with_collector(Box::new(move |page| write_tsdb_stats(page, &stats.stats())));
    let client = Client::new(state);

    let exemplar = |timestamp_ms, value, trace| Exemplar {
        labels: Labels::from_pairs([("trace_id", trace)]),
        value,
        timestamp_ms,
        has_own_timestamp: true,
    };
    let counter = |code| Labels::from_pairs([("__name__", "requests_total"), ("code", code)]);
    let samples = [Sample { timestamp_ms: 1_000, value: 1.0 }];
    let mut request = RequestBuilder::default();
    let exemplars =
        [exemplar(500, 0.25, "a"), exemplar(1_500, f64::INFINITY, "b"), exemplar(400, 1.0, "c")];
    request.push_with_exemplars(&counter("200"), &samples, &exemplars);
    request.push_with_exemplars(&counter("500"), &samples, &[exemplar(700, 2.0, "\"d\"")]);
    let reply = client.send(
        axum::http::Request::post("/api/v1/write")
            .header("content-encoding", "snappy")
            .header("content-type", "application/x-protobuf")
            .body(axum::body::Body::from(request.compress()))
            .unwrap(),
    );
    assert_eq!(reply.status, 204, "{}", reply.text());
    client
}

#[test]
fn exemplars_are_found_by_query_and_time() {
    let client = client();
    let series = |code, exemplars: Value| {
        json!({
            "seriesLabels": {"__name__": "requests_total", "code": code},
            "exemplars": exemplars,
        })
    };
    let exemplar = |timestamp: f64, value, trace| json!({"labels": {"trace_id": trace}, "value": value, "timestamp": timestamp});
    let ok = series("200", json!([exemplar(0.5, "0.25", "a"), exemplar(1.5, "+Inf", "b")]));
    let failed = series("500", json!([exemplar(0.7, "2", "\"d\"")]));
    for (parameters, expected) in [
        ("query=requests_total", json!([ok, failed])),
        ("query=sum(rate(requests_total{code=\"500\"}[5m]))", json!([failed])),
        ("query=requests_total{code=\"200\"}/ignoring(code)+requests_total", json!([ok, failed])),
        ("query=requests_total&start=0.6&end=1", json!([failed])),
        ("query=requests_total&start=2", json!([])),
        ("query=nosuch", json!([])),
    ] {
        let path = parameters
            .replace('{', "%7B")
            .replace('}', "%7D")
            .replace('"', "%22")
            .replace('+', "%2B");
        let reply = client.get(&format!("/api/v1/query_exemplars?{path}"));
        let expected = json!({"status": "success", "data": expected});
        assert_eq!(reply.json(), expected, "{parameters}");
    }
    let form = client.post_form("/api/v1/query_exemplars", "query=requests_total&start=1");
    assert_eq!(form.json()["data"].as_array().unwrap().len(), 1);
}

#[test]
fn exemplars_are_counted() {
    let page = client().get("/metrics").text().to_owned();
    for line in [
        "max_exemplars 10\n",
        "exemplars_in_storage 3\n",
        "series_with_exemplars_in_storage 2\n",
        "last_exemplars_timestamp_seconds 0.5\n",
        "exemplars_appended_total 3\n",
        "out_of_order_exemplars_total 1\n",
    ] {
        let line = format!("\nprometheus_tsdb_exemplar_{line}");
        assert!(page.contains(&line), "{line}\n{page}");
    }
}

#[test]
fn what_selects_nothing_has_no_data() {
    let client = client();
    let reply = client.get("/api/v1/query_exemplars?query=1%2B2");
    assert_eq!(reply.json(), json!({"status": "success"}));
    for (parameters, error) in [
        ("query=sum(", "1:5: parse error: unclosed left parenthesis"),
        ("query=up&start=2&end=1", "end timestamp must not be before start timestamp"),
        (
            "query=up&start=x",
            "invalid parameter \"start\": invalid time value for 'start': \
             cannot parse \"x\" to a valid timestamp",
        ),
    ] {
        let reply = client.get(&format!("/api/v1/query_exemplars?{parameters}"));
        let expected = json!({"status": "error", "errorType": "bad_data", "error": error});
        assert_eq!((reply.status.as_u16(), reply.json()), (400, expected), "{parameters}");
    }
}

#[test]
fn a_store_without_exemplars_finds_none() {
    let reply = Client::over(MemoryStore::default()).get("/api/v1/query_exemplars?query=up");
    assert_eq!(reply.json(), json!({"status": "success", "data": []}));
}
