//! The answers of Prometheus 3.14.0 to recorded requests.

use std::path::Path;

use axum::body::Body;
use axum::http::Request;
use narthex_model::{Labels, STALE_NAN, float};
use narthex_storage::{Appendable, MemoryStore, SampleValue, SeriesKey};
use serde_json::Value;

use crate::client::{Client, Reply};
use crate::recordings::{folder, lines, remove_examples, report};

/// Returns the recorded series in a store.
fn recorded_store(path: &Path) -> MemoryStore {
    let store = MemoryStore::default();
    let mut appender = store.appender();
    for series in lines(path) {
        let pairs = series["labels"].as_object().unwrap();
        let labels = pairs.iter().map(|(name, value)| (name, value.as_str().unwrap()));
        let labels = Labels::from_pairs(labels);
        for sample in series["samples"].as_array().unwrap() {
            let value = match sample[1].as_str().unwrap() {
                "stale" => STALE_NAN,
                text => float::parse(text).unwrap(),
            };
            let timestamp_ms = sample[0].as_i64().unwrap();
            let key = SeriesKey::Labels(&labels);
            appender.append(key, timestamp_ms, SampleValue::Float(value)).unwrap();
        }
    }
    appender.commit().unwrap();
    drop(appender);
    store
}

/// Why a recorded request is not asked, if it is not.
fn skipped(request: &Value) -> Option<&'static str> {
    let path = request["path"].as_str().unwrap().split('?').next().unwrap();
    let later = [
        "alertmanagers",
        "features",
        "notifications",
        "openapi.yaml",
        "search/",
        "status/tsdb",
        "status/self_metrics",
        "status/walreplay",
        "scrape_pools/config",
        "targets/relabel_steps",
        "admin/",
        "read",
        "otlp/",
    ];
    let api = path.strip_prefix("/api/v1/");
    if later.iter().any(|start| api.is_some_and(|rest| rest.starts_with(start))) {
        return Some("an endpoint of a later version");
    }
    let elsewhere = ["/federate", "/consoles", "/debug", "/user", "/static"];
    if elsewhere.iter().any(|start| path.starts_with(start)) {
        return Some("a route of a later version");
    }
    match path {
        "/api/v1/status/config" => Some("the configuration is the embedder's"),
        "/api/v1" => Some("the reference's router redirects to a path that it does not have"),
        // The reference counts its own goroutines and memory there.
        "/metrics" => Some("the page is compared by promtool"),
        _ => None,
    }
}

fn send(client: &Client, request: &Value) -> Reply {
    let method = request["method"].as_str().unwrap();
    let mut builder = Request::builder().method(method).uri(request["path"].as_str().unwrap());
    for (name, value) in request["request_headers"].as_object().into_iter().flatten() {
        builder = builder.header(name, value.as_str().unwrap());
    }
    let body = request["body"].as_str().unwrap_or_default().to_owned();
    client.send(builder.body(Body::from(body)).unwrap())
}

/// Orders what has no order: the series of an answer, where the query does not sort.
fn normalized(mut answer: Value, request: &Value) -> Value {
    remove_examples(&mut answer);
    // How long a query took differs from run to run.
    if let Some(data) = answer["data"].as_object_mut() {
        data.remove("stats");
    }
    let text =
        request["path"].as_str().unwrap().to_owned() + request["body"].as_str().unwrap_or("");
    let sorts = ["query=sort", "query=topk", "query=bottomk"].iter().any(|s| text.contains(s));
    let list = match answer["data"].get("result") {
        Some(_) if sorts => None,
        Some(_) => answer["data"].get_mut("result"),
        None if text.contains("/series") => answer.get_mut("data"),
        None => None,
    };
    if let Some(Value::Array(items)) = list
        && items.iter().all(Value::is_object)
    {
        items.sort_by_key(Value::to_string);
    }
    answer
}

/// Returns the names of the fields, at every depth but below maps of flags.
fn shape(value: &Value) -> Vec<String> {
    match value {
        Value::Object(fields) => fields
            .iter()
            .flat_map(|(name, field)| {
                let below = if name == "data" { shape(field) } else { Vec::new() };
                std::iter::once(name.clone()).chain(below)
            })
            .collect(),
        _ => Vec::new(),
    }
}

/// Returns how the answer differs from the recorded one, if it does.
fn difference(request: &Value, reply: &Reply) -> Option<String> {
    if request["status"] != reply.status.as_u16() {
        let body = String::from_utf8_lossy(&reply.body);
        return Some(format!("status {} for {}: {body}", reply.status, request["status"]));
    }
    for (name, value) in request["headers"].as_object().into_iter().flatten() {
        if reply.header(name) != value.as_str().unwrap() {
            return Some(format!("header {name}: {:?} for {value}", reply.header(name)));
        }
    }
    if let Some(expected) = request.get("json") {
        if request["shape_only"] == true {
            let flags = request["path"].as_str().unwrap().ends_with("/flags");
            let same = flags || shape(&reply.json()) == shape(expected);
            return (!same).then(|| format!("shape {:?}", shape(&reply.json())));
        }
        let answer = normalized(reply.json(), request);
        let expected = normalized(expected.clone(), request);
        return (answer != expected).then(|| format!("{answer}\n  for {expected}"));
    }
    let expected = request["text"].as_str().unwrap_or_default();
    if request["shape_only"] == true && request["method"] == "GET" {
        return None;
    }
    let page = reply.header("content-type").starts_with("text/html") && reply.status == 200;
    (!page && reply.text() != expected).then(|| format!("{:?} for {expected:?}", reply.text()))
}

#[test]
fn requests_are_answered_as_recorded() {
    let Some(folder) = folder() else { return };
    let client = Client::over(recorded_store(&folder.join("series.jsonl.gz")));
    let mut asked = 0;
    let mut differences = Vec::new();
    for request in lines(&folder.join("api/requests.jsonl.gz")) {
        if skipped(&request).is_some() {
            continue;
        }
        asked += 1;
        if let Some(difference) = difference(&request, &send(&client, &request)) {
            let (method, path, body) = (&request["method"], &request["path"], &request["body"]);
            differences.push(format!("{method} {path} {body}\n  {difference}"));
        }
    }
    assert!(asked > 400, "only {asked} requests were asked");
    report("requests", asked, &differences);
}
