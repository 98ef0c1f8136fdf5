use std::io::Read as _;
use std::sync::Arc;

use axum::body::Body;
use axum::http::Request;
use narthex_server::{ServerOptions, ServerState};
use serde_json::{Value, json};

use crate::client::{Client, small_store, store};

#[track_caller]
fn data(client: &Client, path: &str) -> Value {
    let reply = client.get(&format!("/api/v1/{path}"));
    assert_eq!(reply.status, 200, "{path}: {}", reply.text());
    reply.json()["data"].clone()
}

#[test]
fn instant_queries_of_every_type() {
    let client = Client::over(small_store());
    for (path, expected) in [
        ("query?query=42&time=1.5", json!({"resultType": "scalar", "result": [1.5, "42"]})),
        ("query?query=-Inf&time=0", json!({"resultType": "scalar", "result": [0, "-Inf"]})),
        ("query?query=%22a%22&time=60", json!({"resultType": "string", "result": [60, "a"]})),
        (
            "query?query=sum(up)&time=120.123",
            json!({"resultType": "vector", "result": [{"metric": {}, "value": [120.123, "14"]}]}),
        ),
        ("query?query=nosuch&time=60", json!({"resultType": "vector", "result": []})),
        (
            "query?query=load%5B5m%5D&time=180",
            json!({"resultType": "matrix", "result": [{
                "metric": {"__name__": "load", "job": "web", "path": "/\"x\""},
                "values": [[60, "21"], [120, "22"]],
            }]}),
        ),
    ] {
        assert_eq!(data(&client, path), expected, "{path}");
    }
}

#[test]
fn range_queries_are_matrices() {
    let client = Client::over(small_store());
    let expected = json!({"resultType": "matrix", "result": [
        {"metric": {"job": "node"}, "values": [[60.5, "12"], [120.5, "14"], [180.5, "16"]]},
        {"metric": {"job": "web"}, "values": []},
    ]});
    let path = "query_range?query=sum+by+(job)(up)&start=60.5&end=180.5&step=1m";
    assert_eq!(data(&client, path)["result"][0], expected["result"][0]);
    let path = "query_range?query=1&start=0&end=2&step=1";
    let values = json!([[0, "1"], [1, "1"], [2, "1"]]);
    assert_eq!(data(&client, path)["result"], json!([{"metric": {}, "values": values}]));
}

#[test]
fn forms_are_queries_too() {
    let client = Client::over(small_store());
    let reply = client.post_form("/api/v1/query", "query=sum(up)&time=60");
    assert_eq!(reply.json()["data"]["result"][0]["value"], json!([60, "12"]));
    // A body that is no form is not looked at.
    let request = Request::post("/api/v1/query").header("content-type", "application/json");
    let reply = client.send(request.body(Body::from("{\"query\":\"up\"}")).unwrap());
    assert_eq!(
        reply.json()["error"],
        "invalid parameter \"query\": unknown position: parse error: no expression found in input"
    );
}

#[test]
fn errors_have_type_status_and_text() {
    let client = Client::over(small_store());
    for (path, status, kind, error) in [
        (
            "query?query=up%7B",
            400,
            "bad_data",
            "invalid parameter \"query\": 1:4: parse error: unexpected end of input inside braces",
        ),
        (
            "query_range?query=up%5B1m%5D&start=0&end=1&step=1",
            400,
            "bad_data",
            "invalid parameter \"query\": invalid expression type \"range vector\" for range \
             query, must be Scalar or instant Vector",
        ),
        (
            "query_range?query=up&start=1&end=0&step=1",
            400,
            "bad_data",
            "invalid parameter \"end\": end timestamp must not be before start time",
        ),
        (
            "query_range?query=up&start=0&end=1&step=0",
            400,
            "bad_data",
            "invalid parameter \"step\": zero or negative query resolution step widths are not \
             accepted. Try a positive integer",
        ),
        (
            "query_range?query=up&start=0&end=11001&step=1",
            400,
            "bad_data",
            "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the \
             query resolution (?step=XX)",
        ),
        (
            "query?query=up+%2B+on(job)+up&time=60",
            422,
            "execution",
            "found duplicate series for the match group {job=\"node\"} on the right hand-side \
             of the operation: [{__name__=\"up\", instance=\"a:1\", job=\"node\"}, \
             {__name__=\"up\", instance=\"b:1\", job=\"node\"}];many-to-many matching not \
             allowed: matching labels must be unique on one side",
        ),
        ("query?query=up&time=0&timeout=0", 503, "timeout", "query timed out in query queue"),
    ] {
        let reply = client.get(&format!("/api/v1/{path}"));
        let expected = json!({"status": "error", "errorType": kind, "error": error});
        assert_eq!((reply.status.as_u16(), reply.json()), (status, expected), "{path}");
    }
    assert_eq!(client.get("/api/v1/query_range?query=1&start=0&end=11000&step=1").status, 200);
}

#[test]
fn limits_and_statistics() {
    let client = Client::over(small_store());
    let reply = client.get("/api/v1/query?query=up&time=60&limit=1&stats=yes").json();
    assert_eq!(reply["data"]["result"].as_array().unwrap().len(), 1);
    assert_eq!(
        reply["warnings"],
        json!([
            "results truncated due to limit",
            "value \"yes\" for parameter \"stats\" is deprecated and will be rejected in the next \
             major release, use \"true\" or \"all\"",
        ])
    );
    assert!(reply["data"]["stats"]["timings"]["execTotalTime"].as_f64().unwrap() > 0.0);
    let reply = client.get("/api/v1/query?query=up&time=60&limit=2").json();
    assert_eq!(reply.get("warnings"), None);
}

#[test]
fn the_lookback_delta_can_be_asked_for() {
    let client = Client::over(small_store());
    let count = |path: &str| data(&client, path)["result"].as_array().unwrap().len();
    assert_eq!(count("query?query=up&time=240"), 2);
    assert_eq!(count("query?query=up&time=240&lookback_delta=30s"), 0);
    assert_eq!(count("query?query=up&time=240&lookback_delta=0"), 2);
}

#[test]
fn queries_are_formatted() {
    let client = Client::over(small_store());
    assert_eq!(data(&client, "format_query?query=sum(up)by(job)"), "sum by (job) (up)");
}

#[test]
fn long_answers_arrive_whole() {
    // More than one chunk of one series, and of many.
    let steps = (0..5_000).map(|step| (step * 1_000, step as f64 * 0.1)).collect::<Vec<_>>();
    let names = (0..50).map(|index| index.to_string()).collect::<Vec<_>>();
    let labels = names.iter().map(|name| [("__name__", "x"), ("n", name)]).collect::<Vec<_>>();
    let series = labels.iter().map(|labels| (&labels[..], &steps[..])).collect::<Vec<_>>();
    let client = Client::over(store(&series));
    for path in ["query_range?query=x&start=0&end=4999&step=1", "query?query=x%5B2h%5D&time=5000"] {
        let plain = client.get(&format!("/api/v1/{path}"));
        let result = plain.json()["data"]["result"].clone();
        assert_eq!(result.as_array().unwrap().len(), 50, "{path}");
        for series in result.as_array().unwrap() {
            let values = series["values"].as_array().unwrap();
            // A window is open on the left, and the sample at 0 is within two hours.
            assert_eq!(values.len(), 5_000, "{path}");
            assert_eq!(values[4_999], json!([4_999, "499.90000000000003"]), "{path}");
        }
        let request = Request::get(format!("/api/v1/{path}")).header("accept-encoding", "gzip");
        let packed = client.send(request.body(Body::empty()).unwrap());
        assert_eq!(packed.header("content-encoding"), "gzip");
        let mut text = Vec::new();
        flate2::read::GzDecoder::new(&packed.body[..]).read_to_end(&mut text).unwrap();
        assert!(text == plain.body, "{path}");
    }
}

/// The keys are those of the reference, and so are the counts: a window holds two samples, of which
/// the next one holds one again.
#[test]
fn statistics_show_samples_and_times() {
    let mut options = ServerOptions::default();
    options.step_stats = true;
    let client = Client::new(ServerState::new(Arc::new(small_store()), options));
    let range = "query_range?query=max_over_time(up[2m])&start=120&end=180&step=60&stats=";
    let stats = |client: &Client, value: &str| {
        let reply = client.get(&format!("/api/v1/{range}{value}")).json();
        reply["data"]["stats"].clone()
    };
    let all = stats(&client, "all");
    assert_eq!(
        all["samples"],
        json!({
            "totalQueryableSamplesPerStep": [[120, 4], [180, 4]],
            "totalQueryableSamples": 8,
            "samplesReadPerStep": [[120, 4], [180, 2]],
            "samplesRead": 6,
            "peakSamples": 6,
        })
    );
    let names: Vec<&String> = all["timings"].as_object().unwrap().keys().collect();
    assert_eq!(names.len(), 6);
    for (parts, whole) in [
        (&["queryPreparationTime", "innerEvalTime", "resultSortTime"][..], "evalTotalTime"),
        (&["execQueueTime", "evalTotalTime"], "execTotalTime"),
    ] {
        let seconds = |name: &str| all["timings"][name].as_f64().unwrap();
        let sum: f64 = parts.iter().map(|name| seconds(name)).sum();
        assert!(sum > 0.0 && sum <= seconds(whole) + 1e-9, "{whole}: {all}");
    }
    let without_steps = json!({"totalQueryableSamples": 8, "samplesRead": 6, "peakSamples": 6});
    assert_eq!(stats(&client, "true")["samples"], without_steps);
    assert_eq!(stats(&Client::over(small_store()), "all")["samples"], without_steps);
    assert_eq!(stats(&client, ""), json!(null));
}
